/* Texts about the memory of a process, for /proc (proc(5)): maps, smaps, smaps_rollup, pagemap, and what lies on its first stack.
 *
 * Only what has a slot counts as present. Pages of the boot image have none: they are there for everybody, and taken from nobody. */
#include "baryon/string.h"
#include "process/internal.h"
#include "process/text.h"
#include "process/vdso.h"

enum { NAME_COLUMN = 73, PSS_SHIFT = 12, AUXILIARY_BYTES = 16, TABLE_PAGES = 512, NAME_MOST = 12288 };

/* The space of a thread's process, with a reference; null: it is a zombie. 0, -ESRCH, -EACCES. */
static int64_t space_of(struct process_key key, struct space **out)
{
	struct thread *thread;
	int64_t status = -ESRCH;

	*out = NULL;
	mutex_lock(&tree_lock);
	thread = thread_of_key(key);
	if (thread != NULL) {
		mutex_lock(&thread->process->lock);
		status = process_may_look(thread->process) ? 0 : -EACCES;
		*out = status == 0 ? thread->process->space : NULL;
		if (*out != NULL)
			space_get(*out);
		mutex_unlock(&thread->process->lock);
	}
	mutex_unlock(&tree_lock);
	return status;
}

/* The first region that ends behind an address, with a reference to its file. */
static bool region_after(struct space *space, uint64_t address, struct region *out)
{
	unsigned i;
	bool found;

	mutex_lock(&space->lock);
	i = region_index_after(space, address);
	found = i < space->region_count;
	if (found) {
		*out = *region_at(space, i);
		if (out->file != NULL)
			file_get(out->file);
	}
	mutex_unlock(&space->lock);
	return found;
}

static void region_done(const struct region *region)
{
	if (region->file != NULL)
		file_put(region->file);
}

/* ---- maps ---- */

/* A line's end in a path would make two lines. Returns the length, at most `limit` of which were written. */
static uint64_t path_escape(char *path, uint64_t length, uint64_t limit)
{
	for (uint64_t i = 0; i < length; i++) {
		if (path[i] != '\n')
			continue;
		if (length + 3 > limit)
			return limit + 1;
		memmove(path + i + 4, path + i + 1, length - i - 1);
		memcpy(path + i, "\\012", 4);
		length += 3;
	}
	return length;
}

/* No locks: the paths of files are looked for under those of their folders, whose holders may wait for the space. More than `limit`: it
 * does not fit. A path of more than NAME_MOST bytes is left out, so that every record fits in a part. */
static uint64_t region_name_text(const struct region *region, char *to, uint64_t limit)
{
	uint64_t most, length;
	int64_t bytes;

	if (region->flags & REGION_SYSTEM)
		return (uint64_t)text_format(to, limit, "%s", vdso_name(region->file));
	if (region->file == NULL)
		return (uint64_t)text_format(to, limit, "%s", region->flags & REGION_STACK ? "[stack]" :
			region->flags & REGION_HEAP ? "[heap]" : "");
	most = limit < NAME_MOST ? limit : NAME_MOST;
	bytes = most == 0 ? -ERANGE : file_path(region->file, to, most);
	length = bytes == -ERANGE ? most + 1 : bytes < 0 ? 0 : path_escape(to, (uint64_t)bytes, most);
	return length <= most ? length : limit < NAME_MOST ? limit + 1 : 0;
}

static uint64_t region_text(const struct region *region, char *to, uint64_t limit)
{
	uint64_t length = 0, flags = region->flags, name, column;
	struct file_facts facts = { 0 };

	if (region->file != NULL && !(flags & REGION_SYSTEM))
		file_facts(region->file, &facts);
	ADD("%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", region->start, region->end, flags & RIGHT_READ ? 'r' : '-',
		flags & RIGHT_WRITE ? 'w' : '-', flags & RIGHT_EXECUTE ? 'x' : '-', flags & REGION_SHARED ? 's' : 'p', region->offset,
		facts.device >> 8, facts.device & 255, facts.inode);
	column = length < NAME_COLUMN ? NAME_COLUMN : length;
	if (column >= limit)
		return limit + 1;
	name = region_name_text(region, to + column, limit - column);
	if (name != 0) {
		memset(to + length, ' ', column - length);
		length = column + name;
	}
	ADD("\n");
	return length;
}

/* ---- what is present ---- */

struct measure {                        /* pages; Pss in parts of a page */
	uint64_t resident, shared, private, anonymous, shared_memory;
	uint64_t pss, pss_anonymous, pss_shared_memory;
	bool nameless;                  /* the region's file is memory that is shared */
};

/* Whether the page at an address is the file's own, and no copy of it. Space's lock. */
static bool slot_is_of_file(const struct region *region, uint64_t address, uint64_t slot)
{
	struct page_source source;
	bool same;

	if (region->file == NULL)
		return false;
	if (region->flags & (REGION_SHARED | REGION_SYSTEM))
		return true;
	if (!file_page_there(region->file, (region->offset + address - region->start) / PAGE_BYTES, &source))
		return false;
	same = source.index == slot_page(slot);
	page_put((page_index)source.index);
	return same;
}

/* How many spaces have the page; a file's own page has a reference more. */
static uint64_t slot_holders(uint64_t slot, bool of_file)
{
	uint64_t references = page_references(slot_page(slot));

	return of_file && references > 1 ? references - 1 : references;
}

static void slot_measure(const struct region *region, uint64_t address, uint64_t slot, struct measure *measure)
{
	bool of_file = slot_is_of_file(region, address, slot);
	uint64_t holders = slot_holders(slot, of_file), part = (PAGE_BYTES << PSS_SHIFT) / holders;

	measure->resident++;
	measure->pss += part;
	if (holders > 1)
		measure->shared++;
	else
		measure->private++;
	if (!of_file) {
		measure->anonymous++;
		measure->pss_anonymous += part;
	} else if (measure->nameless) {
		measure->shared_memory++;
		measure->pss_shared_memory += part;
	}
}

/* A table at a time, for others want the lock too. */
static void region_measure(struct space *space, const struct region *region, struct measure *measure)
{
	struct file_facts facts = { 0 };

	if (region->file != NULL)
		file_facts(region->file, &facts);
	measure->nameless = facts.nameless;
	for (uint64_t at = region->start, end; at < region->end; at = end) {
		uint64_t *slot;

		mutex_lock(&space->lock);
		at = slot_table_next(space, at);
		end = at / (TABLE_PAGES * PAGE_BYTES) * (TABLE_PAGES * PAGE_BYTES) + TABLE_PAGES * PAGE_BYTES;
		if (end > region->end)
			end = region->end;
		slot = at < end ? slot_find(space, at) : NULL;
		for (; slot != NULL && at < end; at += PAGE_BYTES, slot++)
			if (*slot != 0)
				slot_measure(region, at, *slot, measure);
		mutex_unlock(&space->lock);
		if (slot == NULL)
			break;
	}
}

static uint64_t kilobytes(uint64_t pages)
{
	return pages * (PAGE_BYTES / 1024);
}

static uint64_t pss_kilobytes(uint64_t pss)
{
	return pss >> (PSS_SHIFT + 10);
}

/* What files hold lies in memory only, and so is dirty whoever holds it. */
static uint64_t measure_text(const struct measure *measure, bool all, char *to, uint64_t limit)
{
	const struct { const char *name; uint64_t kilobytes; bool of_all; } lines[] = {
		{ "Rss:", kilobytes(measure->resident), false },
		{ "Pss:", pss_kilobytes(measure->pss), false },
		{ "Pss_Dirty:", pss_kilobytes(measure->pss), false },
		{ "Pss_Anon:", pss_kilobytes(measure->pss_anonymous), true },
		{ "Pss_File:", pss_kilobytes(measure->pss - measure->pss_anonymous - measure->pss_shared_memory), true },
		{ "Pss_Shmem:", pss_kilobytes(measure->pss_shared_memory), true },
		{ "Shared_Clean:", 0, false },
		{ "Shared_Dirty:", kilobytes(measure->shared), false },
		{ "Private_Clean:", 0, false },
		{ "Private_Dirty:", kilobytes(measure->private), false },
		{ "Referenced:", kilobytes(measure->resident), false },
		{ "Anonymous:", kilobytes(measure->anonymous), false },
		{ "LazyFree:", 0, false }, { "AnonHugePages:", 0, false }, { "ShmemPmdMapped:", 0, false },
		{ "FilePmdMapped:", 0, false }, { "Shared_Hugetlb:", 0, false }, { "Private_Hugetlb:", 0, false },
		{ "Swap:", 0, false }, { "SwapPss:", 0, false }, { "Locked:", 0, false },
	};
	uint64_t length = 0;

	for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++)
		if (all || !lines[i].of_all)
			ADD("%-16s%8lu kB\n", lines[i].name, lines[i].kilobytes);
	return length;
}

static uint64_t flags_text(uint64_t flags, char *to, uint64_t limit)
{
	uint64_t length = 0;

	ADD("VmFlags: %s%s%s%smr %sme %sac \n", flags & RIGHT_READ ? "rd " : "", flags & RIGHT_WRITE ? "wr " : "",
		flags & RIGHT_EXECUTE ? "ex " : "", flags & REGION_SHARED ? "sh " : "", flags & REGION_MAY_WRITE ? "mw " : "",
		flags & REGION_STACK ? "gd " : "");
	return length;
}

static uint64_t region_smaps_text(struct space *space, const struct region *region, char *to, uint64_t limit)
{
	uint64_t length = region_text(region, to, limit);
	struct measure measure = { 0 };

	if (length >= limit)
		return length;
	region_measure(space, region, &measure);
	ADD("%-16s%8lu kB\n%-16s%8lu kB\n%-16s%8lu kB\n", "Size:", (region->end - region->start) / 1024, "KernelPageSize:", kilobytes(1),
		"MMUPageSize:", kilobytes(1));
	length += measure_text(&measure, false, to + (length < limit ? length : limit), length < limit ? limit - length : 0);
	ADD("THPeligible:           0\n");
	length += flags_text(region->flags, to + (length < limit ? length : limit), length < limit ? limit - length : 0);
	return length;
}

/* Whole records, of regions from *next on. The longest is shorter than `limit`. */
static uint64_t regions_text(struct space *space, bool measured, uint64_t *next, char *to, uint64_t limit)
{
	uint64_t length = 0;
	struct region region;

	while (region_after(space, *next, &region)) {
		uint64_t more = measured ? region_smaps_text(space, &region, to + length, limit - length) :
			region_text(&region, to + length, limit - length);

		region_done(&region);
		if (more >= limit - length)
			break;
		length += more;
		*next = region.end;
	}
	return length;
}

static uint64_t rollup_text(struct space *space, char *to, uint64_t limit)
{
	uint64_t length = 0, first = 0, last = 0;
	struct measure measure = { 0 };
	struct region region;

	for (; region_after(space, last, &region); last = region.end) {
		if (last == 0)
			first = region.start;
		region_measure(space, &region, &measure);
		region_done(&region);
	}
	ADD("%08lx-%08lx ---p 00000000 00:00 0 ", first, last);
	while (length < NAME_COLUMN)
		ADD(" ");
	ADD("[rollup]\n");
	return length + measure_text(&measure, true, to + (length < limit ? length : limit), length < limit ? limit - length : 0);
}

/* ---- what exec laid on the stack ---- */

/* Bytes of a program's memory that are present, without resolving faults. */
static uint64_t memory_text(struct space *space, uint64_t start, uint64_t end, char *to, uint64_t limit)
{
	uint64_t length = 0;

	mutex_lock(&space->lock);
	while (start < end && length < limit) {
		uint64_t *slot = slot_find(space, start);
		uint64_t piece = PAGE_BYTES - start % PAGE_BYTES;

		if (slot == NULL || *slot == 0)
			break;
		if (piece > end - start)
			piece = end - start;
		if (piece > limit - length)
			piece = limit - length;
		memcpy(to + length, (char *)page_address(slot_page(*slot)) + start % PAGE_BYTES, piece);
		length += piece;
		start += piece;
	}
	mutex_unlock(&space->lock);
	return length;
}

/* The arguments; or, when the program wrote a title over their end, that title, of at most a page. */
static uint64_t arguments_text(struct space *space, uint64_t *next, char *to, uint64_t limit)
{
	uint64_t start = space->argument_start, end = space->argument_end, length;
	char last = 0;

	if (end > start && memory_text(space, end - 1, end, &last, 1) == 1 && last == 0)
		return memory_text(space, start + *next, end, to, limit);
	if (*next != 0 || start == end)
		return 0;
	if (space->environment_end - start < limit)
		limit = space->environment_end - start;
	length = memory_text(space, start, start + (limit < PAGE_BYTES ? limit : PAGE_BYTES), to, limit);
	for (uint64_t i = 0; i < length; i++)
		if (to[i] == 0)
			return i + 1;
	return length;
}

static uint64_t auxiliary_text(struct space *space, char *to, uint64_t limit)
{
	uint64_t length = 0;

	if (space->auxiliary == 0)
		return 0;
	while (length + AUXILIARY_BYTES <= limit) {
		uint64_t at = space->auxiliary + length;

		if (memory_text(space, at, at + AUXILIARY_BYTES, to + length, AUXILIARY_BYTES) < AUXILIARY_BYTES)
			break;
		length += AUXILIARY_BYTES;
		if (*(uint64_t *)(to + length - AUXILIARY_BYTES) == 0)
			break;
	}
	return length;
}

static uint64_t stack_text(struct space *space, enum process_text what, uint64_t *next, char *to, uint64_t limit)
{
	uint64_t length;

	if (what == TEXT_AUXV)
		length = *next == 0 ? auxiliary_text(space, to, limit) : 0;
	else if (what == TEXT_ENVIRON)
		length = memory_text(space, space->argument_end + *next, space->environment_end, to, limit);
	else
		length = arguments_text(space, next, to, limit);
	*next += length;
	return length;
}

/* ---- for text.c ---- */

bool text_is_of_memory(enum process_text what)
{
	return what == TEXT_MAPS || what == TEXT_SMAPS || what == TEXT_SMAPS_ROLLUP || what == TEXT_AUXV || what == TEXT_ENVIRON;
}

int64_t memory_text_part(struct process_key key, enum process_text what, uint64_t *next, char *to, uint64_t limit)
{
	struct space *space;
	int64_t length = space_of(key, &space);

	if (what == TEXT_SMAPS_ROLLUP && length == 0 && space == NULL)
		return -ESRCH;
	if ((what == TEXT_ENVIRON || what == TEXT_AUXV) && length == -ESRCH)
		return 0;               /* it was there when the file was opened */
	if (space == NULL)
		return length;
	if (what == TEXT_MAPS || what == TEXT_SMAPS) {
		length = (int64_t)regions_text(space, what == TEXT_SMAPS, next, to, limit);
	} else if (what == TEXT_SMAPS_ROLLUP) {
		length = *next == 0 ? (int64_t)rollup_text(space, to, limit) : 0;
		*next = 1;
	} else {
		length = (int64_t)stack_text(space, what, next, to, limit);
	}
	space_put(space);
	return length;
}

int64_t arguments_text_part(struct space *space, uint64_t *next, char *to, uint64_t limit)
{
	return space == NULL ? 0 : (int64_t)stack_text(space, TEXT_CMDLINE, next, to, limit);
}

/* ---- pagemap ---- */

/* Linux's Documentation/admin-guide/mm/pagemap.rst; frame numbers are nobody's business, and what was written since is not kept. */
#define PAGEMAP_PRESENT (1ull << 63)
#define PAGEMAP_FILE (1ull << 61)
#define PAGEMAP_ALONE (1ull << 56)

static uint64_t pagemap_word(struct space *space, const struct region *region, uint64_t address)
{
	uint64_t *slot = address < region->start ? NULL : slot_find(space, address);
	bool of_file;

	if (slot == NULL || *slot == 0)
		return 0;
	of_file = slot_is_of_file(region, address, *slot);
	return PAGEMAP_PRESENT | (of_file ? PAGEMAP_FILE : 0) | (slot_holders(*slot, of_file) == 1 ? PAGEMAP_ALONE : 0);
}

static void pagemap_fill(struct space *space, uint64_t address, uint64_t *words, uint64_t count)
{
	unsigned i;

	mutex_lock(&space->lock);
	i = region_index_after(space, address);
	for (uint64_t n = 0; n < count; n++, address += PAGE_BYTES) {
		while (i < space->region_count && region_at(space, i)->end <= address)
			i++;
		words[n] = i == space->region_count ? 0 : pagemap_word(space, region_at(space, i), address);
	}
	mutex_unlock(&space->lock);
}

int64_t process_pagemap(struct process_key key, uint64_t first, uint64_t *words, uint64_t count)
{
	uint64_t pages = PROGRAM_LIMIT / PAGE_BYTES;
	struct space *space;
	int64_t status = space_of(key, &space);

	if (space == NULL)
		return status == -ESRCH ? 0 : status;
	count = first >= pages ? 0 : count < pages - first ? count : pages - first;
	if (count != 0)
		pagemap_fill(space, first * PAGE_BYTES, words, count);
	space_put(space);
	return (int64_t)count;
}
