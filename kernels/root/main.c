/* Root's start, and its answers to faults and misses. */
#include "root.h"

#include "baryon/clock.h"
#include "baryon/format.h"
#include "baryon/image.h"
#include "baryon/string.h"

enum { SIGNALS = 16 };

const struct root_start *root_info;
struct domain root_domain;

static uint8_t fault_stacks[CPU_LIMIT][ROOT_STACK_BYTES] __attribute__((aligned(4096)));
static uint8_t miss_stacks[CPU_LIMIT][ROOT_STACK_BYTES] __attribute__((aligned(4096)));
static uint8_t exception_stack[ROOT_STACK_BYTES] __attribute__((aligned(4096)));
static struct {
	struct activation_record fault[CPU_LIMIT], exception[1];
} records __attribute__((aligned(4096)));
static struct activation_record miss_records[CPU_LIMIT] __attribute__((aligned(2048)));

const char lib_panic_word[] = "panic";

_Noreturn void lib_stop(void)
{
	for (;;)
		machine(MACHINE_POWER_OFF, 125, 0);
}

static long fault_answer(baryon_uid space, uint64_t address, uint64_t access)
{
	if (space == srm_domain.space)
		return domain_fault(&srm_domain, address, access);
	return space == root_domain.space ? domain_fault(&root_domain, address, access) : -BARYON_EFAULT;
}

static _Noreturn void fault_failed(baryon_uid space, uint64_t address, uint64_t access, uint64_t rip, long result)
{
	panic("root: %s: fault at %lx, access %lu, instruction %lx: %s", space == root_domain.space ? "root" : "srm",
		address, access, rip, baryon_error_text(result));
}

void fault_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause)
{
	long result = fault_answer(frame->space, frame->address, frame->access);

	(void)cookie, (void)cause;
	if (result < 0)
		fault_failed(frame->space, frame->address, frame->access, frame->registers.rip, result);
}

void fault_serve(struct portal_words *words)
{
	uint64_t *word = words->word;
	long result = fault_answer(word[WORD_SPACE], word[WORD_ADDRESS], word[WORD_ACCESS]);

	if (result < 0)
		fault_failed(word[WORD_SPACE], word[WORD_ADDRESS], word[WORD_ACCESS], word[WORD_INDEX], result);
	word[0] = 0;
}

long miss_answer(enum object_kind kind, baryon_uid uid, uint64_t index)
{
	if (kind == KIND_PAGE)
		return memory_miss(uid, index);
	if (kind == KIND_REFERENCE)
		return root_reference_miss(uid, index);
	return homes_miss(&root_homes, kind, uid);
}

/* A miss by one of root's own threads or the SRM's first: nothing else can make it good. */
void miss_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause)
{
	long result = miss_answer((enum object_kind)frame->access, frame->address, frame->error);

	(void)cookie, (void)cause;
	if (result < 0)
		panic("root: miss of object %lx, kind %lu, index %lx at %lx: %s", frame->address, frame->access, frame->error,
			frame->registers.rip, baryon_error_text(result));
}

void exception_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause)
{
	(void)cookie, (void)cause;
	panic("root: exception %lu, error %lx, at %lx in space %lx", frame->vector, frame->error, frame->registers.rip,
		frame->space);
}

/* The SRM's own code, in a thread of another kernel. */
void exception_serve(struct portal_words *words)
{
	panic("root: exception %lu, error %lx, at %lx in space %lx", words->word[WORD_ADDRESS], words->word[WORD_ACCESS],
		words->word[WORD_INDEX], words->word[WORD_SPACE]);
}

static void portals_start(void)
{
	root_portal_load(NUMBER_FAULT_PORTAL, fault_portal_entry, NULL, fault_stacks, root_info->cpus, records.fault);
	root_portal_load(NUMBER_EXCEPTION_PORTAL, exception_portal_entry, NULL, exception_stack, 1, records.exception);
	root_portal_load(NUMBER_MISS_PORTAL, miss_portal_entry, NULL, miss_stacks, root_info->cpus, miss_records);
	service_start();
}

static const struct image_header *image_open(const struct root_start *start)
{
	uint64_t first = memory_image_first(start);
	const struct image_header *image =
		(const struct image_header *)(root_domain.base + DOMAIN_BOOT_OFFSET + first * PAGE_BYTES);
	struct capability capability;

	root_capability(KIND_CONTAINER, NUMBER_BOOT_IMAGE, RIGHT_READ, &capability);
	if (root_reference_load(&capability, root_domain.space, ROOT_HANDLE_BOOT_IMAGE) < 0 ||
		!domain_add_image(&root_domain, ROOT_HANDLE_BOOT_IMAGE, first, start->image_bytes))
		panic("root: the boot image cannot be mapped");
	if (!image_valid(image, start->image_bytes))
		panic("root: the boot image is damaged");
	return image;
}

/* The number after "forget=" on the kernel's command line: how often, in milliseconds, everything is forgotten; 0: never. */
static uint64_t forget_every_ms(const struct root_start *start)
{
	static const char option[] = "forget=";
	const char *at = start->command_line;
	uint64_t number = 0;

	while (*at && strncmp(at, option, sizeof option - 1) != 0)
		at++;
	if (!*at)
		return 0;
	for (at += sizeof option - 1; *at >= '0' && *at <= '9'; at++)
		number = number * 10 + (uint64_t)(*at - '0');
	return number;
}

/* Strange cleans and forgets everything but root's own; then the SRM is put back, and puts back what it keeps. */
static void forget_and_resume(void)
{
	long result = machine(MACHINE_FORGET, 0, 0);

	if (result == 0)
		result = homes_reload(&root_homes);
	if (result == 0)
		result = domain_map_locked(&srm_domain);
	if (result == 0)
		result = unpark(ROOT_UID(NUMBER_SRM_THREAD));
	if (result < 0)
		panic("root: resuming after everything was forgotten: %s", baryon_error_text(result));
}

/* The SRM sleeps in its first thread when everything has started, or has been put back: before that, its portals and those of
 * the kernels above may not be there to answer. */
static bool srm_is_ready(void)
{
	const struct homes_entry *entry = homes_find(&root_homes, KIND_THREAD, ROOT_UID(NUMBER_SRM_THREAD));
	const struct thread_home *home = entry ? entry->home : NULL;

	return home && object_write_back(KIND_THREAD, home->header.uid) == 0 && home->state == THREAD_PARKED &&
		home->unpark_token == 0 && home->deadline_ns == 0;
}

/* Half the period to one and a half of it, from now. */
static uint64_t forget_next(uint64_t every_ms)
{
	uint64_t now = clock_now_ns(), every_ns = every_ms * 1000000;

	return every_ms ? now + every_ns / 2 + now * 0x9e3779b97f4a7c15ull % every_ns : 0;
}

static void thread_reload(uint64_t home_address)
{
	long result = object_load(KIND_THREAD, (const void *)home_address, LOAD_LOCKED);

	if (result < 0 && result != -BARYON_EEXIST)
		log_format("root: the thread at %lx is not reloaded: %s\n", home_address, baryon_error_text(result));
}

/* Threads of root are locked, so no displaced ones should come; whatever comes is reloaded. */
static _Noreturn void scheduler_run(void)
{
	uint64_t addresses[SIGNALS], every_ms = forget_every_ms(root_info), next = forget_next(every_ms);

	for (;;) {
		long count = signal_wait(next, addresses, SIGNALS);

		for (long i = 0; count > 0 && i < (count & (SIGNAL_OVERFLOWED - 1)); i++)
			thread_reload(addresses[i]);
		if (every_ms && clock_now_ns() >= next) {
			if (srm_is_ready())
				forget_and_resume();
			next = forget_next(every_ms);
		}
	}
}

_Noreturn void domain_main(void *start)
{
	const struct image_header *image;

	root_info = start;
	domain_start(&root_domain, ROOT_UID(NUMBER_SPACE), DOMAIN_ROOT);
	memory_start(root_info);
	portals_start();
	memory_image_start(root_info);
	image = image_open(root_info);
	memory_groups_start();
	console_start();
	srm_start(root_info, image);
	scheduler_run();
}
