/* Timers of processes: those of setitimer and those of timer_create (timer_calls.c). One thread of UNIX's own holds all that are
 * armed in a list, in the order in which they are to be looked at.
 *
 * A timer on a clock that runs by itself is looked at when it fires. One that counts the use of processors is looked at again and
 * again, at the earliest when it could fire: no process uses more than all processors all the time. */
#include "baryon/calls.h"
#include "baryon/clock.h"
#include "process/internal.h"

enum { CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1, CLOCK_THREAD_CPUTIME_ID = 3 };
enum { LOOK_LEAST_NS = 1000000, PAUSE_NS = 50000 };

static struct mutex lock;
static struct wait_queue wait;
static struct timer *first;

void timers_lock(void)
{
	mutex_lock(&lock);
}

void timers_unlock(void)
{
	mutex_unlock(&lock);
}

/* The thread of the timer's process that has this id, null: none. Process lock: it keeps it. */
static struct thread *thread_of(const struct timer *timer, int32_t tid)
{
	struct thread *thread = timer->process->threads;

	while (thread != NULL && thread->tid != tid)
		thread = thread->next_in_process;
	return thread;
}

/* What the thread used that it counts; false: it has ended. */
static bool thread_used(const struct timer *timer, uint64_t *ns)
{
	struct thread *thread;

	mutex_lock(&timer->process->lock);
	thread = thread_of(timer, timer->counted);
	*ns = thread != NULL ? thread_time(thread) : 0;
	mutex_unlock(&timer->process->lock);
	return thread != NULL;
}

uint64_t timer_clock_now(const struct timer *timer)
{
	uint64_t ns;

	if (timer->clock == CLOCK_THREAD_CPUTIME_ID) {
		(void)thread_used(timer, &ns);
		return ns;
	}
	if (timer->clock == CLOCK_REALTIME)
		return time_wall();
	if (timer->clock == CLOCK_OF_PROGRAM) {
		struct usage usage;

		process_usage(timer->process, &usage);
		return usage.user_ns;
	}
	return clock_is_cpu(timer->clock) ? process_time(timer->process) : time_monotonic();
}

bool timer_clock_ended(const struct timer *timer)
{
	uint64_t ns;

	return timer->clock == CLOCK_THREAD_CPUTIME_ID && !thread_used(timer, &ns);
}

static void list_take(struct timer *timer)
{
	struct timer **link = &first;

	while (*link != NULL && *link != timer)
		link = &(*link)->next;
	if (*link != NULL)
		*link = timer->next;
	timer->look = 0;
}

/* Puts a timer where it belongs; its own clock shows `now`. */
static void list_put(struct timer *timer, uint64_t now)
{
	uint64_t left = timer->target > now ? timer->target - now : 0;
	struct timer **link = &first;

	if (clock_is_cpu(timer->clock)) {
		left /= info_page()->cpus;
		left = left > LOOK_LEAST_NS ? left : LOOK_LEAST_NS;
	}
	timer->look = time_monotonic() + left;
	while (*link != NULL && (*link)->look <= timer->look)
		link = &(*link)->next;
	timer->next = *link;
	*link = timer;
}

void timer_arm(struct timer *timer, uint64_t target, uint64_t interval)
{
	if (timer->look != 0)
		list_take(timer);
	timer->interval = interval;
	timer->target = target;
	if (target == 0)
		return;
	list_put(timer, timer_clock_now(timer));
	if (first == timer)
		wait_queue_wake(&wait);
}

uint64_t timer_left(const struct timer *timer)
{
	uint64_t now;

	if (timer->look == 0)
		return 0;
	now = timer_clock_now(timer);
	return timer->target > now ? timer->target - now : 1;
}

/* ---- firing ---- */

static void signal_fill(const struct timer *timer, struct linux_siginfo *info)
{
	*info = (struct linux_siginfo) { .number = timer->number, .code = timer->id < 0 ? SI_KERNEL : SI_TIMER };
	if (timer->id < 0)
		return;
	info->timer.id = timer->id;
	info->timer.value = timer->value;
}

/* The thread that is to get the signal; null: any, or (*gone) it has ended. Tree lock is not held: the process lock keeps it. */
static struct thread *receiver_locked(const struct timer *timer, bool *gone)
{
	struct thread *thread = timer->tid == 0 ? NULL : thread_of(timer, timer->tid);

	*gone = timer->tid != 0 && thread == NULL;
	return thread;
}

static void timer_post(struct timer *timer, uint32_t times)
{
	struct process *process = timer->process;
	struct linux_siginfo info;
	struct thread *thread;
	bool gone;

	if (timer->number == 0)
		return;
	if (timer->pending) {
		timer->overrun += times;
		return;
	}
	timer->overrun = times - 1;
	timer->pending = timer->id >= 0;
	signal_fill(timer, &info);
	mutex_lock(&process->lock);
	thread = receiver_locked(timer, &gone);
	if (!gone)
		signal_post_locked(process, thread, timer->number, &info);
	mutex_unlock(&process->lock);
}

/* It is due to be looked at. */
static void timer_look(struct timer *timer)
{
	uint64_t now = timer_clock_now(timer), times = 1;

	list_take(timer);
	if (timer->clock == CLOCK_THREAD_CPUTIME_ID && !thread_used(timer, &now))
		return;
	if (now < timer->target) {
		list_put(timer, now);
		return;
	}
	if (timer->interval != 0) {
		times += (now - timer->target) / timer->interval;
		timer->target += times * timer->interval;
		list_put(timer, now);
	}
	if (timer->fire != NULL)
		timer->fire(timer, times);
	else
		timer_post(timer, times < 1000000 ? (uint32_t)times : 1000000);
}

/* The lock is let go of meanwhile. */
static void pause_for(uint64_t ns)
{
	uint64_t end = time_monotonic() + ns;

	mutex_unlock(&lock);
	while (time_monotonic() < end)
		park(end);
	mutex_lock(&lock);
}

static void timers_main(void *argument)
{
	(void)argument;
	mutex_lock(&lock);
	for (;;) {
		uint64_t begin = time_monotonic(), end;

		while (first != NULL && first->look <= begin)
			timer_look(first);
		/* each had its turn; those that are due all the time leave others as much time as they took, and a little */
		end = time_monotonic();
		if (first != NULL && first->look <= end)
			pause_for(end - begin + PAUSE_NS);
		else
			(void)wait_queue_sleep(&wait, &lock, false, first != NULL ? first->look : 0);
	}
}

void timers_init(void)
{
	if (kernel_thread_start(timers_main, NULL, "timers") == NULL)
		unix_panic("no timer thread");
}

/* ---- a process's timers ---- */

struct timer *timer_of(struct process *process, int32_t id)
{
	struct timer *timer = process->timers;

	while (timer != NULL && timer->id != id)
		timer = timer->sibling;
	return timer;
}

void timer_unlink(struct timer *timer)
{
	struct timer **link = &timer->process->timers;

	while (*link != timer)
		link = &(*link)->sibling;
	*link = timer->sibling;
	if (timer->look != 0)
		list_take(timer);
}

static void timers_drop(struct process *process, bool all)
{
	struct timer **link = &process->timers;

	timers_lock();
	while (*link != NULL) {
		struct timer *timer = *link;

		if (!all && timer->id < 0) {
			link = &timer->sibling;
			continue;
		}
		timer_unlink(timer);
		if (timer->id >= 0)
			heap_free(timer);
	}
	timers_unlock();
}

void timers_exec(struct process *process)
{
	if (process->timers != NULL)
		timers_drop(process, false);
}

void timers_end(struct process *process)
{
	if (process->timers != NULL)
		timers_drop(process, true);
}

void timer_signal_taken(struct linux_siginfo *info)
{
	struct timer *timer;

	timers_lock();
	timer = timer_of(self_process(), info->timer.id);
	if (timer != NULL && timer->pending) {
		timer->pending = false;
		timer->last_overrun = timer->overrun;
		timer->overrun = 0;
		info->timer.overrun = (int32_t)timer->last_overrun;
	}
	timers_unlock();
}
