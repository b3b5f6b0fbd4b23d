/* The SRM's portals: faults and exceptions inside the other kernels' domains, misses of what it keeps, and its service. */
#include "srm.h"

#include "baryon/format.h"
#include "baryon/string.h"

enum { STACK_BYTES = 8192, FAULT_STACKS = 8, MISS_STACKS = 4, EXCEPTION_STACKS = 2, STACKS_LOOKS = 3 };

static uint8_t fault_stacks[FAULT_STACKS][STACK_BYTES] __attribute__((aligned(4096)));
static uint8_t miss_stacks[MISS_STACKS][STACK_BYTES] __attribute__((aligned(4096)));
static uint8_t exception_stacks[EXCEPTION_STACKS][STACK_BYTES] __attribute__((aligned(4096)));
static uint8_t service_stacks[SERVICE_STACKS][STACK_BYTES] __attribute__((aligned(4096)));
static struct activation_record records[FAULT_STACKS + MISS_STACKS] __attribute__((aligned(4096)));
static struct activation_record more_records[EXCEPTION_STACKS + SERVICE_STACKS] __attribute__((aligned(4096)));

struct child *child_of_space(baryon_uid space)
{
	uint32_t count = __atomic_load_n(&srm.child_count, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < count; i++)
		if (srm.children[i].space.header.uid == space)
			return &srm.children[i];
	return NULL;
}

/* 0, or a negated error: the access was a mistake. A space that is not kept any more was that of a kernel that failed. */
static long fault_answer(baryon_uid space, uint64_t address, uint64_t access)
{
	struct child *child = child_of_space(space);

	return child ? domain_fault(&child->domain, address, access) : -BARYON_ENOENT;
}

/* `own`: the kernel whose thread it is. A thread that came from another kernel tries again until the space is gone, and so its
 * call is lost. */
static void end_wait(const struct child *child, const struct child *own)
{
	while (child && child == own)
		park(0);
	yield();
}

static void fault_failed(struct child *child, uint64_t address, uint64_t access, uint64_t rip, long error)
{
	if (child)
		child_report(child, "fault at %lx, access %lu, instruction %lx (offset %lx): %s", address, access, rip,
			rip - child->domain.base, baryon_error_text(error));
}

/* First threads are the SRM's own; their cookie is their kernel's place. */
void fault_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause)
{
	struct child *child = child_of_space(frame->space);
	long result = fault_answer(frame->space, frame->address, frame->access);

	(void)cause;
	if (result == 0)
		return;
	fault_failed(child, frame->address, frame->access, frame->registers.rip, result);
	end_wait(child, &srm.children[cookie % CHILDREN]);
}

/* A thread of another kernel may have been made to fault here by its owner's false records: it gets an exception, which is
 * this kernel's matter only if the thread runs in its space. */
void fault_serve(struct portal_words *words)
{
	const uint64_t *word = words->word;
	struct child *child = child_of_space(word[WORD_SPACE]);
	long result = fault_answer(word[WORD_SPACE], word[WORD_ADDRESS], word[WORD_ACCESS]);

	if (result < 0 && child && UID_KEEPER(word[WORD_THREAD]) == child->number) {
		fault_failed(child, word[WORD_ADDRESS], word[WORD_ACCESS], word[WORD_INDEX], result);
		end_wait(child, child);
	}
	words->word[0] = (uint64_t)result;
}

/* An exception in a kernel's own code: nothing can make it good. */
static void exception_failed(struct child *child, uint64_t vector, uint64_t error, uint64_t rip)
{
	if (child)
		child_report(child, "exception %lu, error %lx, instruction %lx (offset %lx)", vector, error, rip,
			rip - child->domain.base);
}

void exception_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause)
{
	struct child *child = child_of_space(frame->space);

	(void)cause;
	exception_failed(child, frame->vector, frame->error, frame->registers.rip);
	end_wait(child, &srm.children[cookie % CHILDREN]);
}

void exception_serve(struct portal_words *words)
{
	const uint64_t *word = words->word;
	struct child *child = child_of_space(word[WORD_SPACE]);

	exception_failed(child, word[WORD_ADDRESS], word[WORD_ACCESS], word[WORD_INDEX]);
	end_wait(child, child && UID_KEEPER(word[WORD_THREAD]) == child->number ? child : NULL);
	words->word[0] = 0;
}

static long reference_miss(baryon_uid space, uint64_t handle)
{
	struct child *child = child_of_space(space);
	long result;

	if (!child || handle == 0 || handle > CHILD_REFERENCES || child->references[handle - 1].handle != handle)
		return -BARYON_ENOENT;
	result = object_load(KIND_REFERENCE, &child->references[handle - 1], 0);
	return result == -BARYON_EEXIST ? 0 : result;
}

long miss_answer(enum object_kind kind, baryon_uid uid, uint64_t index)
{
	uint32_t count = __atomic_load_n(&srm.child_count, __ATOMIC_ACQUIRE);
	long result;

	if (kind == KIND_REFERENCE)
		return reference_miss(uid, index);
	result = homes_miss(&srm.homes, kind, uid);
	for (uint32_t i = 0; i < count && result == -BARYON_ENOENT; i++)
		result = homes_miss(&srm.children[i].homes, kind, uid);
	return result;
}

/* In whose domain the thread is; null: the SRM's own. */
static struct child *child_of_address(uint64_t address)
{
	uint32_t count = __atomic_load_n(&srm.child_count, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < count; i++)
		if (srm.children[i].domain.base && address - srm.children[i].domain.base < DOMAIN_BYTES)
			return &srm.children[i];
	return NULL;
}

/* A child's first thread or one of the SRM's own. It may name what is not there: that is a call that fails. */
void miss_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause)
{
	long result = miss_answer((enum object_kind)frame->access, frame->address, frame->error);
	struct child *child;

	(void)cookie, (void)cause;
	if (result == 0 || miss_fail(frame, result))
		return;
	child = child_of_address(frame->registers.rip);
	if (!child)
		panic("srm: miss of object %lx, kind %lu: %s", frame->address, frame->access, baryon_error_text(result));
	child_failed(child, "needs object %lx of kind %lu: %s", frame->address, frame->access, baryon_error_text(result));
}

/* What concerns the whole machine is for the kernel that has the console. */
static long power_off(const struct child *child, uint64_t status)
{
	if (!child->console)
		return -BARYON_EPERM;
	root_power_off(status);
}

static long console_bind(struct child *child, baryon_uid thread)
{
	if (!child->console || UID_KEEPER(thread) != child->number)
		return -BARYON_EPERM;
	return child_console_bind(child, thread);
}

static uint64_t calls_begun[SERVICE_STACKS];

/* Strange reads the home whenever it needs it. */
static long redirect_set(struct child *child, baryon_uid thread)
{
	if (thread && UID_KEEPER(thread) != child->number)
		return -BARYON_EPERM;
	__atomic_store_n(&child->kernel.redirect, thread, __ATOMIC_RELAXED);
	return 0;
}

static void serve(struct portal_words *words, void *context)
{
	struct child *child = &srm.children[(words->badge - 1) % CHILDREN];
	uint64_t argument = words->word[1];

	(void)context;
	calls_begun[((uint8_t *)__builtin_frame_address(0) - service_stacks[0]) / STACK_BYTES % SERVICE_STACKS]++;
	switch (words->word[0]) {
	case SRM_POWER_OFF:
		words->word[0] = (uint64_t)power_off(child, argument);
		break;
	case SRM_FAILED:
		child_failed(child, "it gave up");
	case SRM_CONSOLE_BIND:
		words->word[0] = (uint64_t)console_bind(child, argument);
		break;
	case SRM_REDIRECT:
		words->word[0] = (uint64_t)redirect_set(child, argument);
		break;
	case SRM_EXPORT:
		words->word[0] = (uint64_t)export_add(child, words);
		break;
	case SRM_IMPORT:
		words->word[0] = (uint64_t)export_find(words);
		break;
	case SRM_GROUPS_MORE:
	case SRM_GROUPS_RETURN:
	case SRM_START:
		words->word[0] = (uint64_t)manager_request(child, words);
		break;
	default:
		words->word[0] = (uint64_t)-BARYON_EINVAL;
		break;
	}
}

/* ---- stacks that are kept ---- */

static struct held {
	baryon_uid thread;
	uint64_t calls;
} held[SERVICE_STACKS];

/* Is the stack free, or in another call than it was when it was looked at last? */
static bool stack_moved(unsigned i)
{
	const struct activation_record *record = &more_records[EXCEPTION_STACKS + i];
	bool taken = __atomic_load_n(&record->kind, __ATOMIC_ACQUIRE) != ACTIVATION_FREE;
	struct held was = held[i];

	held[i].thread = taken ? __atomic_load_n(&record->thread, __ATOMIC_RELAXED) : 0;
	held[i].calls = __atomic_load_n(&calls_begun[i], __ATOMIC_RELAXED);
	return !taken || held[i].thread != was.thread || held[i].calls != was.calls;
}

static unsigned stacks_held(const struct child *child)
{
	unsigned count = 0;

	for (unsigned i = 0; i < SERVICE_STACKS; i++)
		count += UID_KEEPER(held[i].thread) == child->number;
	return count;
}

static struct child *holder_of_most(void)
{
	struct child *most = &srm.children[0];

	for (uint32_t i = 1; i < srm.child_count; i++)
		if (stacks_held(&srm.children[i]) > stacks_held(most))
			most = &srm.children[i];
	return most;
}

void stacks_look(void)
{
	static unsigned looks;
	struct child *child;
	bool moved = false;

	for (unsigned i = 0; i < SERVICE_STACKS; i++)
		moved |= stack_moved(i);
	looks = moved ? 0 : looks + 1;
	if (looks < STACKS_LOOKS)
		return;
	looks = 0;
	child = holder_of_most();
	if (stacks_held(child) > 1)
		child_report(child, "it keeps %u of the SRM's stacks", stacks_held(child));
}

void stacks_recover(const struct child *child)
{
	bool some = false;

	for (unsigned i = 0; i < SERVICE_STACKS; i++) {
		struct activation_record *record = &more_records[EXCEPTION_STACKS + i];

		if (record->kind == ACTIVATION_FREE || UID_KEEPER(record->thread) != child->number)
			continue;
		__atomic_store_n(&record->kind, ACTIVATION_FREE, __ATOMIC_RELEASE);
		some = true;
	}
	if (some && (object_unload(KIND_PORTAL, SRM_UID(NUMBER_SERVICE)) < 0 ||
		homes_miss(&srm.homes, KIND_PORTAL, SRM_UID(NUMBER_SERVICE)) < 0))
		log_format("srm: the stacks of kernel %s are lost\n", child->name);
}

struct pool {
	uint8_t (*stacks)[STACK_BYTES];
	uint32_t count;
	struct activation_record *records;
};

static void portal_load(struct portal_home *home, uint64_t number, const char *entry, void *cookie, const struct pool *pool)
{
	long result;

	home_start(home, sizeof *home, KIND_PORTAL, SRM_UID(number));
	home->space = srm.start->space;
	home->entry = (uint64_t)entry;
	home->cookie = (uint64_t)cookie;
	home->stacks = (uint64_t)pool->stacks;
	home->stack_bytes = STACK_BYTES;
	home->stack_count = pool->count;
	home->flags = PORTAL_RESTARTS;
	home->records = (uint64_t)pool->records;
	result = homes_load(&srm.homes, KIND_PORTAL, home, LOAD_LOCKED);
	if (result < 0)
		panic("srm: portal %lu: %s", number, baryon_error_text(result));
}

void portals_start(void)
{
	static struct portal_home homes[4] __attribute__((aligned(128)));
	static struct portal_service service = { serve, NULL };
	static const struct pool faults = { fault_stacks, FAULT_STACKS, records };
	static const struct pool misses = { miss_stacks, MISS_STACKS, records + FAULT_STACKS };
	static const struct pool exceptions = { exception_stacks, EXCEPTION_STACKS, more_records };
	static const struct pool services = { service_stacks, SERVICE_STACKS, more_records + EXCEPTION_STACKS };

	portal_load(&homes[0], NUMBER_FAULT_PORTAL, fault_portal_entry, NULL, &faults);
	portal_load(&homes[1], NUMBER_MISS_PORTAL, miss_portal_entry, NULL, &misses);
	portal_load(&homes[2], NUMBER_EXCEPTION_PORTAL, exception_portal_entry, NULL, &exceptions);
	portal_load(&homes[3], NUMBER_SERVICE, portal_entry, &service, &services);
}
