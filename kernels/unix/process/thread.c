/* Threads: a block of four pages holds struct thread, the home record, and the handler stack above them. The uid's number
 * names the block's first page, so that a miss finds the home by arithmetic.
 *
 * A kernel thread of UNIX runs on the lower part of the same block and has its handler stack at the top. */
#include "abi/layout.h"
#include "baryon/calls.h"
#include "baryon/homes.h"
#include "baryon/portal.h"
#include "baryon/string.h"
#include "process/internal.h"
#include "process/numbers.h"

enum { KERNEL_STACK_TOP = 10240, KERNEL_THREADS = 8, TIMER_SLACK_NS = 50000 };

/* They never end. */
static baryon_uid kernel_threads[KERNEL_THREADS];
static uint32_t kernel_thread_count;

_Static_assert(sizeof(struct thread_home) == 2048, "thread and home share a page");

static struct thread *block_create(void)
{
	struct thread *thread = page_block_alloc();

	if (thread == NULL)
		return NULL;
	memset(thread, 0, PAGE_BYTES);
	memset((char *)thread + STACK_BYTES - 512, 0, 512);
	thread->uid = number_make(NUMBER_KIND_THREAD, page_of_address(thread));
	return thread;
}

static void home_fill(struct thread *thread, struct thread_start *start)
{
	start->uid = thread->uid;
	start->handler_space = kernel_start->space;
	start->handler_top = (uint64_t)thread + STACK_BYTES;
	start->cookie = (uint64_t)thread;
	thread_home_start(thread_home_of(thread), start);
}

struct thread *thread_create(struct process *process, const struct registers *registers)
{
	struct thread *thread = block_create();
	struct thread_start start = { .priority = PRIORITY_PROGRAM };

	if (thread == NULL)
		return NULL;
	start.space = process->space->home.header.uid;
	start.entry = registers->rip;
	start.stack_top = registers->rsp & ~15ull;
	home_fill(thread, &start);
	thread_home_of(thread)->base.registers = *registers;
	thread_home_of(thread)->base.registers.flags = REGISTERS_FULL;
	thread->process = process;
	thread->timer_slack = thread->timer_slack_default = TIMER_SLACK_NS;
	if (self()->process != NULL) {
		thread->affinity = self()->affinity;
		thread_home_of(thread)->cpu = affinity_processor(thread->affinity);
	}
	return thread;
}

int thread_load(struct thread *thread)
{
	struct thread_home *home = thread_home_of(thread);
	long status;

	home->fs_base = thread->fs_base;
	home->gs_base = thread->gs_base;
	__atomic_store_n(&thread->started, 1, __ATOMIC_RELEASE);
	status = object_load(KIND_THREAD, home, 0);
	if (status == -BARYON_EEXIST)
		status = 0;             /* it was loaded, forgotten and put back in the middle of the call */
	if (status < 0)
		log_line("thread %d cannot be loaded: error %ld", thread->tid, status);
	return status < 0 ? -EAGAIN : 0;
}

struct thread *kernel_thread_create(void (*function)(void *), void *argument, const char *name, uint32_t priority)
{
	struct thread *thread = block_create();
	struct thread_start start = {
		.space = kernel_start->space, .entry = (uint64_t)thread_entry,
		.stack_top = (uint64_t)thread + KERNEL_STACK_TOP,
		.argument = (uint64_t)function, .argument2 = (uint64_t)argument,
		.priority = priority, .supervisor = kernel_start->supervisor,
	};

	if (thread == NULL)
		return NULL;
	home_fill(thread, &start);
	string_copy(thread->name, name, sizeof thread->name);
	if (kernel_thread_count == KERNEL_THREADS)
		unix_panic("too many threads of UNIX's own");
	kernel_threads[kernel_thread_count++] = thread->uid;
	return thread;
}

void kernel_threads_reload(void)
{
	for (uint32_t i = 0; i < kernel_thread_count; i++)
		(void)thread_reload(kernel_threads[i]);
}

struct thread *kernel_thread_start(void (*function)(void *), void *argument, const char *name)
{
	struct thread *thread = kernel_thread_create(function, argument, name, PRIORITY_SERVICE);

	return thread != NULL && thread_load(thread) == 0 ? thread : NULL;
}

void thread_name_fixed(struct thread *thread, baryon_uid uid)
{
	struct thread_home *home = thread_home_of(thread);

	thread->uid = home->header.uid = home->base.thread = uid;
}

long thread_reload(baryon_uid uid)
{
	struct thread *thread = number_address(uid);
	long status = -BARYON_ENOENT;

	if (thread == NULL || number_kind(uid) != NUMBER_KIND_THREAD)
		return status;
	__atomic_fetch_add(&thread->loading, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&thread->uid, __ATOMIC_SEQ_CST) == uid && __atomic_load_n(&thread->started, __ATOMIC_ACQUIRE))
		status = object_load(KIND_THREAD, thread_home_of(thread), 0);
	__atomic_fetch_sub(&thread->loading, 1, __ATOMIC_SEQ_CST);
	return status == -BARYON_EEXIST ? 0 : status;
}

/* The thread is about to leave; it may have a lower priority than the caller. */
static void gone_wait(struct thread *thread)
{
	for (unsigned tries = 0; __atomic_load_n(&thread->gone, __ATOMIC_ACQUIRE) != 2; tries++) {
		if (tries < 4)
			yield();
		else
			park(time_monotonic() + 50000);
	}
}

void thread_destroy(struct thread *thread)
{
	baryon_uid uid = thread->uid;
	long status;

	if (thread->gone)
		gone_wait(thread);
	/* from here on no miss and no scheduler begins to load the home */
	__atomic_store_n(&thread->uid, 0, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&thread->loading, __ATOMIC_SEQ_CST) != 0)
		park(time_monotonic() + 50000);
	status = thread->gone ? object_destroy(KIND_THREAD, uid) : 0;
	if (status < 0 && status != -BARYON_ENOENT)
		log_line("thread %lx cannot be destroyed: error %ld", uid, status);
	number_drop(page_of_address(thread));
	signals_free(thread->queued);
	page_block_free(thread);
}

/* Whoever destroys this thread waits for the last store: after it the thread holds nothing. */
void thread_leave(void)
{
	__atomic_store_n(&self()->gone, 2, __ATOMIC_RELEASE);
	for (;;)
		park(0);
}
