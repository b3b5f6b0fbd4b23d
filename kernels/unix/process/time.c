/* Clocks and sleeping. */
#include "baryon/calls.h"
#include "baryon/clock.h"
#include "process/internal.h"
#include "process/vdso.h"
#include "vdso/data.h"

enum { TIMER_ABSTIME = 1 };

uint64_t time_monotonic(void)
{
	return clock_now_ns();
}

/* Where programs see it, from clock_share on. */
static struct vdso_data own_data, *clock_data = &own_data;
static struct mutex clock_lock;         /* of those who change it */

uint64_t time_wall(void)
{
	return clock_now_ns() + __atomic_load_n(&clock_data->wall_ns, __ATOMIC_RELAXED);
}

void clock_init(void)
{
	const volatile struct info_page *info = info_page();

	own_data = (struct vdso_data) {
		.tsc_at_zero = info->tsc_at_zero, .multiplier = info->tsc_to_ns_multiplier, .monotonic_ns = info->clock_offset_ns,
		.wall_ns = info->wall_at_zero_ns,
	};
}

void clock_share(struct vdso_data *data)
{
	*data = own_data;
	__atomic_store_n(&clock_data, data, __ATOMIC_RELEASE);
}

/* Between these two, programs that ask for the time make the system call. */
static void clock_change_begin(void)
{
	mutex_lock(&clock_lock);
	__atomic_fetch_add(&clock_data->sequence, 1, __ATOMIC_SEQ_CST);
}

static void clock_change_end(void)
{
	__atomic_fetch_add(&clock_data->sequence, 1, __ATOMIC_SEQ_CST);
	mutex_unlock(&clock_lock);
}

/* ---- clocks ---- */

/* Clocks of processes and threads are negative: the id's complement in the upper bits, then whether it is a thread's. */
enum { CLOCK_ID_SHIFT = 3, CLOCK_OF_THREAD = 4, CLOCK_KIND = 3, CLOCK_KIND_MOST = 2 };

static int clock_of_other(int32_t clock, uint64_t *out)
{
	int32_t id = ~(clock >> CLOCK_ID_SHIFT);
	struct thread *thread;
	int status = -EINVAL;

	if ((clock & CLOCK_KIND) > CLOCK_KIND_MOST)
		return -EINVAL;
	mutex_lock(&tree_lock);
	thread = id == 0 ? self() : thread_of_pid(id);
	if (thread != NULL && thread->process != init_process && clock & CLOCK_OF_THREAD) {
		status = thread->process == self_process() ? 0 : -EINVAL;
		*out = status == 0 ? thread_time(thread) : 0;
	} else if (thread != NULL && thread->process != init_process && (id == 0 || thread->process->pid == id)) {
		*out = process_time(thread->process);
		status = 0;
	}
	mutex_unlock(&tree_lock);
	return status;
}

int32_t clock_own(int32_t clock, int32_t *tid)
{
	int32_t id = ~(clock >> CLOCK_ID_SHIFT);

	if (clock & CLOCK_OF_THREAD) {
		*tid = id != 0 ? id : *tid;
		return CLOCK_THREAD_CPUTIME_ID;
	}
	return id == 0 || id == self_process()->pid ? CLOCK_PROCESS_CPUTIME_ID : -1;
}

bool clock_is_cpu(int32_t clock)
{
	return clock < 0 || clock == CLOCK_OF_PROGRAM || clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID;
}

int clock_read(int32_t clock, uint64_t *out)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_TAI:
		*out = time_wall();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		*out = time_monotonic();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		*out = process_time(self_process());
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		*out = thread_time(self());
		return 0;
	default:
		return clock < 0 ? clock_of_other(clock, out) : -EINVAL;
	}
}

struct linux_timespec timespec_of(uint64_t ns)
{
	return (struct linux_timespec) { (int64_t)(ns / SECOND_NS), (int64_t)(ns % SECOND_NS) };
}

struct linux_timeval timeval_of(uint64_t ns)
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

	if (a0 != 0 && user_write(a0, &time, sizeof time) != 0)
		return -EFAULT;
	return a1 != 0 ? user_write(a1, clock_data->zone, sizeof clock_data->zone) : 0;
}

/* 0, or why this caller may not set the wall clock to this time. It is never earlier than the time since the start. */
static int wall_may_set(const struct linux_timespec *time)
{
	const int64_t seconds_most = INT64_MAX / SECOND_NS - 30ll * 365 * 24 * 3600;

	if (time->seconds < 0 || time->seconds >= seconds_most || (uint64_t)time->nanoseconds >= SECOND_NS)
		return -EINVAL;
	return !capable(CAP_SYS_TIME) ? -EPERM : 0;
}

/* Sleeps and timers that were given a time of the day keep the moment that it meant when they began. */
static int wall_set(const struct linux_timespec *time)
{
	uint64_t wall = (uint64_t)time->seconds * SECOND_NS + (uint64_t)time->nanoseconds;

	if (wall < time_monotonic())
		return -EINVAL;
	clock_change_begin();
	__atomic_store_n(&clock_data->wall_ns, wall - clock_now_ns(), __ATOMIC_RELAXED);
	clock_change_end();
	return 0;
}

int64_t sys_clock_settime(SYSCALL_ARGUMENTS)
{
	struct linux_timespec time;
	uint64_t now;
	int status;

	if ((int32_t)a0 != CLOCK_REALTIME && (int32_t)a0 >= 0)
		return -EINVAL;
	if (user_read(&time, a1, sizeof time) != 0)
		return -EFAULT;
	if ((int32_t)a0 != CLOCK_REALTIME)
		return clock_of_other((int32_t)a0, &now) != 0 ? -EINVAL : -EPERM;
	status = wall_may_set(&time);
	return status != 0 ? status : wall_set(&time);
}

int64_t sys_settimeofday(SYSCALL_ARGUMENTS)
{
	enum { ZONE_MINUTES_MOST = 15 * 60 };
	struct linux_timespec time = { 0, 0 };
	struct linux_timeval given;
	int32_t zone[2] = { 0, 0 };
	int status;

	if (a0 != 0) {
		if (user_read(&given, a0, sizeof given) != 0)
			return -EFAULT;
		if ((uint64_t)given.microseconds >= SECOND_NS / MICROSECOND_NS)
			return -EINVAL;
		time = (struct linux_timespec) { given.seconds, given.microseconds * MICROSECOND_NS };
	}
	if (a1 != 0 && user_read(zone, a1, sizeof zone) != 0)
		return -EFAULT;
	status = wall_may_set(&time);
	if (status != 0)
		return status;
	if (zone[0] < -ZONE_MINUTES_MOST || zone[0] > ZONE_MINUTES_MOST)
		return -EINVAL;
	if (a1 != 0) {
		clock_change_begin();
		clock_data->zone[0] = zone[0];
		clock_data->zone[1] = zone[1];
		clock_change_end();
	}
	return a0 != 0 ? wall_set(&time) : 0;
}

int64_t sys_time(SYSCALL_ARGUMENTS)
{
	int64_t seconds = (int64_t)(time_wall() / SECOND_NS);

	if (a0 != 0 && user_write(a0, &seconds, sizeof seconds) != 0)
		return -EFAULT;
	return seconds;
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

int timespec_ns(const struct linux_timespec *time, uint64_t *ns)
{
	const int64_t seconds_most = 9000000000;

	if (time->seconds < 0 || (uint64_t)time->nanoseconds >= SECOND_NS)
		return -EINVAL;
	*ns = (uint64_t)(time->seconds < seconds_most ? time->seconds : seconds_most) * SECOND_NS + (uint64_t)time->nanoseconds;
	return 0;
}

static int timespec_read(uint64_t address, uint64_t *ns)
{
	struct linux_timespec time;

	return user_read(&time, address, sizeof time) != 0 ? -EFAULT : timespec_ns(&time, ns);
}

int deadline_read(uint64_t address, bool absolute, bool realtime, uint64_t *deadline)
{
	struct linux_timespec time;
	uint64_t ns, now = realtime ? time_wall() : time_monotonic();

	*deadline = 0;
	if (address == 0)
		return 0;
	if (user_read(&time, address, sizeof time) != 0)
		return -EFAULT;
	if (timespec_ns(&time, &ns) != 0)
		return -EINVAL;
	if (absolute)
		ns = ns > now ? ns - now : 1;
	*deadline = time_monotonic() + ns;
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
	if ((int32_t)a0 != CLOCK_REALTIME && (int32_t)a0 != CLOCK_MONOTONIC && (int32_t)a0 != CLOCK_BOOTTIME && (int32_t)a0 != CLOCK_TAI)
		return clock_is_cpu((int32_t)a0) || (int32_t)a0 < CLOCK_BOOTTIME ? -EOPNOTSUPP : -EINVAL;
	if (!(a1 & TIMER_ABSTIME))
		return sleep_until(deadline_take(ns), a3);
	if ((int32_t)a0 == CLOCK_REALTIME || (int32_t)a0 == CLOCK_TAI) {
		now = time_wall();
		ns = ns > now ? time_monotonic() + (ns - now) : 1;
	}
	return sleep_until(ns == 0 ? 1 : ns, 0);
}
