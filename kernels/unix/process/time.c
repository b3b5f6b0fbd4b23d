/* Clocks, sleeping, alarms. One kernel thread holds the real-time timers of all processes in a list sorted by deadline. */
#include "baryon/calls.h"
#include "baryon/clock.h"
#include "process/internal.h"

enum { SECOND_NS = 1000000000, MICROSECOND_NS = 1000, CLOCK_TICKS = 100 };
enum {
	CLOCK_REALTIME = 0, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW,
	CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME,
};
enum { TIMER_ABSTIME = 1, ITIMER_REAL = 0 };

static struct mutex timers_lock;
static struct wait_queue timers_wait;
static struct process *timers;          /* sorted by alarm_deadline */

uint64_t time_monotonic(void)
{
	return clock_now_ns();
}

uint64_t time_wall(void)
{
	return clock_wall_ns();
}

uint64_t process_time(struct process *process)
{
	struct thread *me = self();
	uint64_t used = process->used_ns;

	if (process == me->process && object_write_back(KIND_THREAD, me->uid) < 0)
		return used;
	for (struct thread *t = process->threads; t != NULL; t = t->next_in_process)
		used += thread_home_of(t)->used_ns;
	return used;
}

/* ---- clocks ---- */

static int clock_read(int32_t clock, uint64_t *out)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
		*out = time_wall();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		*out = time_monotonic();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
	case CLOCK_THREAD_CPUTIME_ID:
		*out = process_time(self_process());
		return 0;
	default:
		return -EINVAL;
	}
}

static struct linux_timespec timespec_of(uint64_t ns)
{
	return (struct linux_timespec) { (int64_t)(ns / SECOND_NS), (int64_t)(ns % SECOND_NS) };
}

static struct linux_timeval timeval_of(uint64_t ns)
{
	return (struct linux_timeval) { (int64_t)(ns / SECOND_NS), (int64_t)(ns % SECOND_NS / MICROSECOND_NS) };
}

int64_t sys_clock_gettime(SYSCALL_ARGUMENTS)
{
	struct linux_timespec time;
	uint64_t ns;
	int status = clock_read((int32_t)a0, &ns);

	if (status != 0)
		return status;
	time = timespec_of(ns);
	return user_write(a1, &time, sizeof time);
}

int64_t sys_clock_getres(SYSCALL_ARGUMENTS)
{
	struct linux_timespec time = { 0, 1 };
	uint64_t ns;
	int status = clock_read((int32_t)a0, &ns);

	if (status != 0 || a1 == 0)
		return status;
	return user_write(a1, &time, sizeof time);
}

int64_t sys_gettimeofday(SYSCALL_ARGUMENTS)
{
	struct linux_timeval time = timeval_of(time_wall());
	int32_t zone[2] = { 0, 0 };

	if (a0 != 0 && user_write(a0, &time, sizeof time) != 0)
		return -EFAULT;
	return a1 != 0 ? user_write(a1, zone, sizeof zone) : 0;
}

int64_t sys_time(SYSCALL_ARGUMENTS)
{
	int64_t seconds = (int64_t)(time_wall() / SECOND_NS);

	if (a0 != 0 && user_write(a0, &seconds, sizeof seconds) != 0)
		return -EFAULT;
	return seconds;
}

int64_t sys_times(SYSCALL_ARGUMENTS)
{
	struct process *me = self_process();
	uint64_t tick = SECOND_NS / CLOCK_TICKS;
	uint64_t times[4] = { process_time(me) / tick, 0, me->children_used_ns / tick, 0 };

	if (a0 != 0 && user_write(a0, times, sizeof times) != 0)
		return -EFAULT;
	return (int64_t)(time_monotonic() / tick);
}

int64_t sys_getrusage(SYSCALL_ARGUMENTS)
{
	enum { SELF = 0, CHILDREN = -1, THREAD = 1 };
	struct process *me = self_process();
	int64_t usage[18] = { 0 };
	uint64_t used;

	if ((int32_t)a0 != SELF && (int32_t)a0 != CHILDREN && (int32_t)a0 != THREAD)
		return -EINVAL;
	used = (int32_t)a0 == CHILDREN ? me->children_used_ns : process_time(me);
	usage[0] = (int64_t)(used / SECOND_NS);
	usage[1] = (int64_t)(used % SECOND_NS / MICROSECOND_NS);
	usage[4] = (int64_t)(me->space->resident * 4);
	usage[6] = (int64_t)((int32_t)a0 == CHILDREN ? me->children_faults : me->faults);
	return user_write(a1, usage, sizeof usage);
}

/* ---- sleeping ---- */

/* Sleeps until the deadline. Returns 0 or -EINTR by a handler; goes on after a stop without starting afresh. */
static int64_t sleep_until(uint64_t deadline, uint64_t remaining)
{
	struct wait_queue never = { 0 };
	struct linux_timespec left;
	int status;

	do
		status = wait_queue_sleep(&never, NULL, true, deadline);
	while (status == 0);
	if (status == -ETIMEDOUT)
		return 0;
	self()->restart_deadline = deadline;
	if (remaining != 0) {
		uint64_t now = time_monotonic();

		left = timespec_of(deadline > now ? deadline - now : 0);
		if (user_write(remaining, &left, sizeof left) != 0)
			return -EFAULT;
	}
	return -ERESTARTNOHAND;
}

static int timespec_read(uint64_t address, uint64_t *ns)
{
	struct linux_timespec time;

	if (user_read(&time, address, sizeof time) != 0)
		return -EFAULT;
	if (time.seconds < 0 || (uint64_t)time.nanoseconds >= SECOND_NS)
		return -EINVAL;
	if (time.seconds > 1000000000)
		time.seconds = 1000000000;
	*ns = (uint64_t)time.seconds * SECOND_NS + (uint64_t)time.nanoseconds;
	return 0;
}

/* A sleep that was interrupted without a handler is executed again with the same arguments: the deadline is kept. */
static uint64_t deadline_take(uint64_t ns)
{
	struct thread *me = self();
	uint64_t deadline = me->restart_deadline;

	me->restart_deadline = 0;
	return deadline != 0 ? deadline : time_monotonic() + ns;
}

int64_t sys_nanosleep(SYSCALL_ARGUMENTS)
{
	uint64_t ns;
	int status = timespec_read(a0, &ns);

	return status != 0 ? status : sleep_until(deadline_take(ns), a1);
}

int64_t sys_clock_nanosleep(SYSCALL_ARGUMENTS)
{
	uint64_t ns, now;
	int status = timespec_read(a2, &ns);

	if (status != 0)
		return status;
	if ((int32_t)a0 != CLOCK_REALTIME && (int32_t)a0 != CLOCK_MONOTONIC && (int32_t)a0 != CLOCK_BOOTTIME)
		return -EINVAL;
	if (!(a1 & TIMER_ABSTIME))
		return sleep_until(deadline_take(ns), a3);
	if ((int32_t)a0 == CLOCK_REALTIME) {
		now = time_wall();
		ns = ns > now ? time_monotonic() + (ns - now) : 1;
	}
	return sleep_until(ns == 0 ? 1 : ns, 0);
}

/* ---- alarms ---- */

static void timer_unlink(struct process *process)
{
	struct process **link = &timers;

	while (*link != NULL && *link != process)
		link = &(*link)->alarm_next;
	if (*link != NULL)
		*link = process->alarm_next;
	process->alarm_deadline = 0;
}

static void timer_link(struct process *process, uint64_t deadline)
{
	struct process **link = &timers;

	process->alarm_deadline = deadline;
	while (*link != NULL && (*link)->alarm_deadline <= deadline)
		link = &(*link)->alarm_next;
	process->alarm_next = *link;
	*link = process;
}

static void timer_set(struct process *process, uint64_t ns, uint64_t interval, uint64_t old[2])
{
	uint64_t now = time_monotonic();

	mutex_lock(&timers_lock);
	old[0] = process->alarm_deadline > now ? process->alarm_deadline - now : process->alarm_deadline != 0;
	old[1] = process->alarm_interval;
	if (process->alarm_deadline != 0)
		timer_unlink(process);
	process->alarm_interval = interval;
	if (ns != 0) {
		timer_link(process, now + ns);
		if (timers == process)
			wait_queue_wake(&timers_wait);
	}
	mutex_unlock(&timers_lock);
}

void timer_cancel(struct process *process)
{
	uint64_t old[2];

	if (process->alarm_deadline != 0)
		timer_set(process, 0, 0, old);
}

/* Fires what is due. The timers' lock is held over the post, so that the process is still there. */
static void timers_fire(uint64_t now)
{
	while (timers != NULL && timers->alarm_deadline <= now) {
		struct process *process = timers;
		uint64_t deadline = process->alarm_deadline;
		struct linux_siginfo info = { .number = SIGALRM, .code = SI_KERNEL };

		timer_unlink(process);
		if (process->alarm_interval != 0) {
			deadline += process->alarm_interval;
			timer_link(process, deadline > now ? deadline : now + process->alarm_interval);
		}
		signal_post(process, NULL, SIGALRM, &info);
	}
}

static void timers_main(void *argument)
{
	(void)argument;
	mutex_lock(&timers_lock);
	for (;;) {
		timers_fire(time_monotonic());
		(void)wait_queue_sleep(&timers_wait, &timers_lock, false, timers != NULL ? timers->alarm_deadline : 0);
	}
}

void timers_init(void)
{
	if (kernel_thread_start(timers_main, NULL, "timers") == NULL)
		unix_panic("no timer thread");
}

int64_t sys_alarm(SYSCALL_ARGUMENTS)
{
	uint64_t old[2];

	timer_set(self_process(), (a0 & 0xffffffff) * SECOND_NS, 0, old);
	return (int64_t)((old[0] + SECOND_NS - 1) / SECOND_NS);
}

int64_t sys_getitimer(SYSCALL_ARGUMENTS)
{
	struct process *me = self_process();
	struct linux_timeval times[2] = { { 0, 0 }, { 0, 0 } };
	uint64_t now = time_monotonic();

	if (a0 > 2)
		return -EINVAL;
	if (a0 == ITIMER_REAL && me->alarm_deadline != 0) {
		times[0] = timeval_of(me->alarm_interval);
		times[1] = timeval_of(me->alarm_deadline > now ? me->alarm_deadline - now : MICROSECOND_NS);
	}
	return user_write(a1, times, sizeof times);
}

int64_t sys_setitimer(SYSCALL_ARGUMENTS)
{
	struct linux_timeval new[2], shown[2];
	uint64_t old[2];

	if (a0 != ITIMER_REAL)
		return a0 > 2 ? -EINVAL : -ENOSYS;
	if (user_read(new, a1, sizeof new) != 0)
		return -EFAULT;
	for (unsigned i = 0; i < 2; i++) {
		if (new[i].seconds < 0 || new[i].microseconds < 0 || new[i].microseconds >= 1000000)
			return -EINVAL;
	}
	timer_set(self_process(), (uint64_t)new[1].seconds * SECOND_NS + (uint64_t)new[1].microseconds * MICROSECOND_NS,
		(uint64_t)new[0].seconds * SECOND_NS + (uint64_t)new[0].microseconds * MICROSECOND_NS, old);
	shown[0] = timeval_of(old[1]);
	shown[1] = timeval_of(old[0]);
	return a2 != 0 ? user_write(a2, shown, sizeof shown) : 0;
}
