/* From what Charm found to root's first thread: sizes the caches by the command line, takes their memory, and builds root from
 * the boot image, everything of it locked. Root's first objects have no
 * homes but its thread: root is made anew at every boot. */
#include "charm/boot.h"
#include "abi/start.h"
#include "activation.h"
#include "cache.h"
#include "charm/console.h"
#include "container.h"
#include "image.h"
#include "kernel.h"
#include "mapping.h"
#include "memory.h"
#include "page.h"
#include "schedule.h"
#include "space.h"
#include "table.h"
#include "thread.h"

enum {
	ROOT_DOMAIN = 1,
	ROOT_SPACE = 64,            /* numbers of root's first objects */
	ROOT_CONTAINER = 65,
	ROOT_GROUPS = 4,            /* of its program, at most */
	TABLES_PER_GIB = 896,
	TABLES_MINIMUM = 16,
};

/* The eight kinds, and the page tables. */
enum { TABLE = KIND_COUNT, SIZES };

static const char size_name[SIZES][12] = {
#define OBJECT(NAME, name, number, slots, minimum) [KIND_##NAME] = #name,
#include "abi/objects.def"
#undef OBJECT
	[TABLE] = "table",
};

/* For 1 GiB. */
static const uint32_t usual[SIZES] = {
#define OBJECT(NAME, name, number, slots, minimum) [KIND_##NAME] = slots,
#include "abi/objects.def"
#undef OBJECT
	[TABLE] = TABLES_PER_GIB,
};

/* For each processor, beyond what is locked. */
static const uint8_t least[SIZES] = {
#define OBJECT(NAME, name, number, slots, minimum) [KIND_##NAME] = minimum,
#include "abi/objects.def"
#undef OBJECT
	[TABLE] = TABLES_MINIMUM,
};

static const uint16_t slot_bytes[KIND_COUNT] = {
#define OBJECT(NAME, name, number, slots, minimum) [KIND_##NAME] = sizeof(struct name),
#include "abi/objects.def"
#undef OBJECT
};

/* sizes */

static bool text_is(const char *text, const char *word, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes; i++)
		if (text[i] != word[i] || word[i] == 0)
			return false;
	return word[bytes] == 0;
}

static const char *option_find(const char *line, const char *name)
{
	for (; *line; line++) {
		const char *a = line, *b = name;

		while (*b && *a == *b)
			a++, b++;
		if (*b == 0 && (line == state.command_line || line[-1] == ' '))
			return a;
	}
	return NULL;
}

static uint64_t *size_named(uint64_t *sizes, const char *word, uint64_t bytes)
{
	for (unsigned k = 0; k < SIZES; k++)
		if (text_is(word, size_name[k], bytes))
			return &sizes[k];
	return NULL;
}

/* caches=thread=8,mapping=64,...: sizes beyond what is locked. */
static void sizes_override(uint64_t *sizes, const char *text)
{
	while (text && *text && *text != ' ') {
		const char *word = text;
		uint64_t *size, value = 0;

		while (*text && *text != '=' && *text != ' ')
			text++;
		size = size_named(sizes, word, (uint64_t)(text - word));
		if (size == NULL || *text != '=')
			panic("caches= names no cache at: %s", word);
		for (text++; *text >= '0' && *text <= '9'; text++)
			value = value * 10 + (uint64_t)(*text - '0');
		*size = value;
		text += *text == ',';
	}
}

/* What the fields of a mapping descriptor and of a frame can name. */
static uint64_t size_most(unsigned k)
{
	return k == KIND_SPACE || k == KIND_THREAD ? 65000 : (1 << 24) - 1024;
}
_Static_assert(FRAME_NOBODYS >= (1 << 24) - 1, "size_most");

static uint64_t at_least(uint64_t size, uint64_t least) { return size < least ? least : size; }

static void sizes_choose(uint64_t *sizes, uint64_t frames)
{
	for (unsigned k = 0; k < SIZES; k++)
		sizes[k] = at_least(at_least(usual[k] * frames >> 18, usual[k] / 8), least[k] * state.cpus);
	sizes_override(sizes, option_find(state.command_line, "caches="));
	for (unsigned k = 0; k < SIZES; k++) {
		if (sizes[k] > size_most(k))
			sizes[k] = size_most(k);
		if (sizes[k] < least[k] * state.cpus)
			panic("cache %s: %lu are too few, %u is the minimum for %u processors", size_name[k], sizes[k],
			      least[k] * state.cpus, state.cpus);
		sizes[k] += LOCKED_MOST;
	}
}

/* memory */

/* What there is, without holes, before anything is taken. */
static uint64_t frames_free(void)
{
	struct boot_range free[BOOT_RANGES];
	uint32_t n = frame_remaining(free, BOOT_RANGES);
	uint64_t frames = 0;

	for (uint32_t i = 0; i < n; i++)
		frames += free[i].count;
	return frames;
}

static void *array_take(uint64_t bytes)
{
	uint64_t pages = (bytes + PAGE_BYTES - 1) / PAGE_BYTES;
	frame_number f = frame_take(pages, 1);

	if (f == FRAME_NONE)
		panic("too little memory for the caches: %lu KiB are missing", bytes / 1024);
	for (uint64_t i = 0; i < pages; i++)
		frame_clear(f + (frame_number)i);
	state.counters->strange_bytes += pages * PAGE_BYTES;
	return frame_pointer(f);
}

/* Heads of a hash table for n: at most 1.5 to a head. */
static uint32_t heads_for(uint64_t n)
{
	uint32_t p = 16;

	while (p + p / 2 < n)
		p *= 2;
	return p;
}

static void cache_make(unsigned kind, uint64_t count)
{
	struct cache *c = &state.cache[kind];

	c->count = (uint32_t)count;
	c->times = (uint32_t)(count - LOCKED_MOST) / (least[kind] * state.cpus);
	c->stride = slot_bytes[kind];
	c->slots = array_take(c->stride * count);
	if (kind != KIND_MAPPING) {
		c->hash.mask = heads_for(count) - 1;
		c->hash.heads = array_take((c->hash.mask + 1ull) * sizeof *c->hash.heads);
	}
	for (uint32_t i = c->count; i-- > 0;) {
		if (kind != KIND_PAGE && kind != KIND_MAPPING)
			slot_of(OBJECT_ID(kind, i))->id = OBJECT_ID(kind, i);
		cache_give(kind, i);
	}
}

static void caches_make(const uint64_t *sizes)
{
	char *tables;

	for (unsigned k = 0; k < KIND_COUNT; k++)
		cache_make(k, sizes[k]);
	tables = array_take(sizes[TABLE] * PAGE_BYTES);
	state.table_frame = frame_of_pointer(tables);
	state.tables = array_take(sizes[TABLE] * sizeof *state.tables);
	state.shadow = array_take(sizes[TABLE] * MMU_ENTRIES * sizeof *state.shadow);
	table_pool_initialise((uint32_t)sizes[TABLE]);
}

/* Frames that are nobody's to load as pages. */
static void frames_reserve(const struct boot_information *b)
{
	struct boot_range free[BOOT_RANGES];
	uint32_t n = frame_remaining(free, BOOT_RANGES);
	uint64_t image = b->image_address / PAGE_BYTES;

	for (uint64_t i = 0; i < state.frame_limit; i++)
		state.frames[i].word = FRAME_NOBODYS;
	for (uint32_t r = 0; r < n; r++)
		for (uint64_t i = 0; i < free[r].count; i++)
			state.frames[free[r].first + i].word = 0;
	for (uint64_t i = 0; i < (b->image_bytes + PAGE_BYTES - 1) / PAGE_BYTES; i++)
		state.frames[image + i].word = 0;
}

/* root */

struct root_group {
	uint64_t address;
	uint64_t used;              /* bytes of the program, from the group's first */
	char *at;                   /* Strange's view */
};

struct root_build {
	struct kernel *kernel;
	struct space *space;
	struct container *container;
	struct root_group group[ROOT_GROUPS];
	unsigned count;
	struct root_group *data;
};

static void group_clear(frame_number f)
{
	for (unsigned i = 0; i < GROUP_PAGES; i++) {
		frame_clear(f + i);
		state.frames[f + i].word = 0;
	}
}

/* A fresh page group of root's at `address`. */
static struct root_group *root_group(struct root_build *b, uint64_t address, unsigned rights)
{
	struct root_group *g = &b->group[b->count];
	uint64_t index = b->count * GROUP_PAGES;
	frame_number f = b->count < ROOT_GROUPS ? frame_take(GROUP_PAGES, GROUP_PAGES) : FRAME_NONE;
	struct page *p;

	if (f == FRAME_NONE)
		panic("too little memory for root");
	group_clear(f);
	p = page_make_locked(b->container, index, f, PAGE_LARGE);
	if (p == NULL || mapping_make_locked(b->space, address, p, index, rights) < 0)
		panic("root does not fit at %lx", address);
	g->address = address;
	g->at = frame_pointer(f);
	b->count++;
	return g;
}

static void root_objects(struct root_build *b)
{
	b->kernel = kernel_make_root();
	b->container = container_make_locked(b->kernel, UID_MAKE(KERNEL_NUMBER_ROOT, ROOT_CONTAINER), 1u << 20);
	b->space = space_make_root(b->kernel, UID_MAKE(KERNEL_NUMBER_ROOT, ROOT_SPACE), ROOT_DOMAIN);
	if (b->container == NULL || b->space == NULL)
		panic("the caches are too small for root");
}

static void root_segment(void *context, uint64_t address, const uint8_t *data, uint64_t bytes, uint64_t memory,
			 unsigned rights)
{
	uint64_t in = address % GROUP_BYTES;
	struct root_group *g = root_group(context, address - in, rights);

	if (memory > GROUP_BYTES - in)
		panic("root has more than a page group at %lx", address);
	memory_move(g->at + in, data, bytes);
	g->used = in + memory;
	if (rights & RIGHT_WRITE && in >= FRONT_PAGES * PAGE_BYTES)
		((struct root_build *)context)->data = g;
}

static uint64_t *root_word(void *context, uint64_t address)
{
	const struct root_build *b = context;

	for (unsigned i = 0; i < b->count; i++)
		if (address - b->group[i].address <= GROUP_BYTES - sizeof(uint64_t))
			return (uint64_t *)(b->group[i].at + (address - b->group[i].address));
	return NULL;
}

/* The heap is what is left of the data's group. */
static void start_fill(struct root_start *s, const struct boot_information *info, const struct root_group *data)
{
	uint64_t first = (data->used + PAGE_BYTES - 1) / PAGE_BYTES;

	s->version = 1;
	s->cpus = state.cpus;
	s->image_frame = info->image_address / PAGE_BYTES;
	s->image_bytes = info->image_bytes;
	s->free_count = frame_remaining(s->free, BOOT_RANGES);
	s->acpi_rsdp = info->rsdp;
	s->pci_config = info->pci_config;
	s->heap_first = data->address + first * PAGE_BYTES;
	s->heap_pages = GROUP_PAGES - first;
	s->heap_frame = frame_of_pointer(data->at) + first;
	memory_move(s->command_line, info->command_line, sizeof s->command_line);
}

static void root_thread(struct root_build *b, uint64_t entry)
{
	uint64_t front = b->data->address;
	struct thread *t = thread_make_root(b->kernel, UID_MAKE(KERNEL_NUMBER_ROOT, NUMBER_SCHEDULER), b->space, entry,
					    front + FRONT_STACK_PAGES * PAGE_BYTES, front + FRONT_START * PAGE_BYTES,
					    front + FRONT_HANDLER_END * PAGE_BYTES,
					    (struct thread_home *)(b->data->at + FRONT_HOME * PAGE_BYTES));

	if (t == NULL)
		panic("the caches are too small for root");
	spin_lock(&t->slot.lock);
	thread_ready_locked(t);
	spin_unlock(&t->slot.lock);
}

static void root_make(const struct boot_information *info)
{
	struct root_build b = { 0 };
	const uint8_t *elf;
	uint64_t bytes, entry;

	root_objects(&b);
	elf = image_module(frame_pointer((frame_number)(info->image_address / PAGE_BYTES)), info->image_bytes, "root", &bytes);
	if (elf == NULL)
		panic("the boot image has no good root: load it whole, as the module of this kernel");
	entry = image_load(elf, bytes, DOMAIN_BASE + ROOT_DOMAIN * DOMAIN_BYTES, root_segment, root_word, &b);
	if (entry == 0 || b.data == NULL)
		panic("root in the boot image is not a program that can be loaded");
	start_fill((struct root_start *)(b.data->at + FRONT_START * PAGE_BYTES), info, b.data);
	root_thread(&b, entry);
}

void strange_boot(const struct boot_information *info)
{
	uint64_t sizes[SIZES];

	state.cpus = info->cpus;
	state.frame_limit = (uint32_t)info->frame_limit;
	memory_move(state.command_line, info->command_line, sizeof state.command_line);
	for (unsigned i = 0; i < CPU_LIMIT; i++) {
		struct cpu *c = &state.cpu[i];

		c->number = i;
		c->left = LEFT_NONE;
		c->timer_set = UINT64_MAX;
		for (unsigned level = 0; level < QUEUE_LEVELS; level++)
			c->queue.end[level] = &c->queue.first[level];
	}
	cpu_set_strange(&state.cpu[0]);
	for (unsigned i = 0; i < 2; i++) {
		state.seal_key[i] = cpu_random();
		state.link_key[i] = cpu_random();
	}
	if (info->image_bytes == 0)
		panic("no boot image was loaded: give one as the module of this kernel");
	sizes_choose(sizes, frames_free());
	state.frames = array_take(state.frame_limit * sizeof *state.frames);
	caches_make(sizes);
	frames_reserve(info);
	root_make(info);
}

struct registers *strange_cpu_boot(void)
{
	struct cpu *c = &state.cpu[cpu_number()];

	cpu_set_strange(c);
	mmu_activate(state.table_frame + state.blank_table);
	return cpu_leave(c);
}
