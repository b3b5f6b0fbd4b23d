/* The system calls about timers: alarm, setitimer, and timer_create with its kin. */
#include "baryon/string.h"
#include "process/internal.h"

enum { SECOND_NS = 1000000000, MICROSECOND_NS = 1000, TIMER_ABSTIME = 1, TIMERS_MOST = 256 };
enum { CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1, CLOCK_PROCESS_CPUTIME_ID = 2, CLOCK_THREAD_CPUTIME_ID = 3, CLOCK_BOOTTIME = 7, CLOCK_TAI = 11 };
enum { SIGEV_SIGNAL = 0, SIGEV_NONE = 1, SIGEV_THREAD_ID = 4 };

/* ---- setitimer ---- */

static const struct { int32_t clock, number; } interval_kinds[ITIMER_COUNT] = {
	[ITIMER_REAL] = { CLOCK_MONOTONIC, SIGALRM },
	[ITIMER_VIRTUAL] = { CLOCK_OF_PROGRAM, SIGVTALRM },
	[ITIMER_PROF] = { CLOCK_PROCESS_CPUTIME_ID, SIGPROF },
};

/* Its id is -1 - which. It enters the process's list when it is armed first. */
static struct timer *interval_timer(struct process *process, uint64_t which)
{
	struct timer *timer = &process->interval_timers[which];

	if (timer->process != NULL)
		return timer;
	*timer = (struct timer) {
		.sibling = process->timers, .process = process, .clock = interval_kinds[which].clock,
		.number = interval_kinds[which].number, .id = -1 - (int32_t)which,
	};
	process->timers = timer;
	return timer;
}

struct interval {
	uint64_t left, again;       /* ns */
};

/* Arms with *new, if it is not null, and says what was. */
static void interval_exchange(uint64_t which, const struct interval *new, struct interval *old)
{
	struct timer *timer;

	timers_lock();
	timer = interval_timer(self_process(), which);
	*old = (struct interval) { timer_left(timer), timer->look != 0 ? timer->interval : 0 };
	if (new != NULL)
		timer_arm(timer, new->left == 0 ? 0 : timer_clock_now(timer) + new->left, new->again);
	timers_unlock();
}

static int interval_show(uint64_t to, const struct interval *interval)
{
	struct linux_timeval times[2] = { timeval_of(interval->again), timeval_of(interval->left) };

	if (interval->left != 0 && interval->left < MICROSECOND_NS)
		times[1].microseconds = 1;
	return user_write(to, times, sizeof times);
}

int64_t sys_alarm(SYSCALL_ARGUMENTS)
{
	struct interval new = { (a0 & 0xffffffff) * SECOND_NS, 0 }, old;

	interval_exchange(ITIMER_REAL, &new, &old);
	return (int64_t)((old.left + SECOND_NS - 1) / SECOND_NS);
}

int64_t sys_getitimer(SYSCALL_ARGUMENTS)
{
	struct interval old;

	if (a0 >= ITIMER_COUNT)
		return -EINVAL;
	interval_exchange(a0, NULL, &old);
	return interval_show(a1, &old);
}

static int timeval_ns(const struct linux_timeval *time, uint64_t *ns)
{
	struct linux_timespec exact = { time->seconds, time->microseconds * MICROSECOND_NS };

	if (time->microseconds < 0 || time->microseconds >= SECOND_NS / MICROSECOND_NS)
		return -EINVAL;
	return timespec_ns(&exact, ns);
}

int64_t sys_setitimer(SYSCALL_ARGUMENTS)
{
	struct linux_timeval given[2] = { { 0, 0 }, { 0, 0 } };
	struct interval new, old;

	if (a0 >= ITIMER_COUNT)
		return -EINVAL;
	if (a1 != 0 && user_read(given, a1, sizeof given) != 0)
		return -EFAULT;
	if (timeval_ns(&given[0], &new.again) != 0 || timeval_ns(&given[1], &new.left) != 0)
		return -EINVAL;
	interval_exchange(a0, &new, &old);
	return a2 != 0 ? interval_show(a2, &old) : 0;
}

/* ---- timer_create ---- */

struct linux_sigevent {
	uint64_t value;
	int32_t number, notify, tid, padding[11];
};

_Static_assert(sizeof(struct linux_sigevent) == 64, "programs rely on the layout");

static bool thread_is_mine(int32_t tid)
{
	struct thread *thread;
	bool mine;

	mutex_lock(&tree_lock);
	thread = thread_of_pid(tid);
	mine = thread != NULL && thread->process == self_process();
	mutex_unlock(&tree_lock);
	return mine;
}

static int event_check(const struct linux_sigevent *event)
{
	bool notifies = event->notify == SIGEV_SIGNAL || event->notify == (SIGEV_SIGNAL | SIGEV_THREAD_ID);

	if (event->notify != SIGEV_NONE && !notifies)
		return -EINVAL;
	if (notifies && (event->number < 1 || event->number > SIGNAL_COUNT))
		return -EINVAL;
	return event->notify & SIGEV_THREAD_ID && !thread_is_mine(event->tid) ? -EINVAL : 0;
}

/* The clocks on which timers run: which of ours stands for one, and which thread's. 0, -EINVAL, -EOPNOTSUPP. */
static int clock_take(int32_t clock, struct timer *timer)
{
	uint64_t now;
	int status = clock_read(clock, &now);

	timer->counted = self()->tid;
	if (clock < 0)
		clock = clock_own(clock, &timer->counted);
	timer->clock = clock == CLOCK_TAI ? CLOCK_REALTIME : clock == CLOCK_BOOTTIME ? CLOCK_MONOTONIC : clock;
	if (status != 0 || clock < 0)
		return -EINVAL;
	return timer->clock <= CLOCK_THREAD_CPUTIME_ID ? 0 : -EOPNOTSUPP;
}

/* Gives a timer an id, which is its value unless it has one, and links it: from then on it may be deleted. The id, -EAGAIN: too many. */
static int timer_enter(struct timer *timer, bool has_value)
{
	struct process *me = timer->process;
	int status = 0;

	timers_lock();
	while (timer->id < TIMERS_MOST && timer_of(me, timer->id) != NULL)
		timer->id++;
	if (timer->id == TIMERS_MOST) {
		status = -EAGAIN;
	} else {
		timer->sibling = me->timers;
		me->timers = timer;
		status = timer->id;
		if (!has_value)
			timer->value = (uint64_t)status;
	}
	timers_unlock();
	return status;
}

int64_t sys_timer_create(SYSCALL_ARGUMENTS)
{
	struct linux_sigevent event = { .number = SIGALRM };
	struct timer *timer, made = { 0 };
	int status;

	if (a1 != 0 && user_read(&event, a1, sizeof event) != 0)
		return -EFAULT;
	status = clock_take((int32_t)a0, &made);
	if (status == 0)
		status = event_check(&event);
	if (status != 0)
		return status;
	timer = heap_alloc(sizeof *timer);
	if (timer == NULL)
		return -EAGAIN;
	*timer = made;
	timer->process = self_process();
	timer->number = event.notify == SIGEV_NONE ? 0 : event.number;
	timer->tid = event.notify & SIGEV_THREAD_ID ? event.tid : 0;
	timer->value = event.value;
	status = timer_enter(timer, a1 != 0);
	if (status < 0) {
		heap_free(timer);
		return status;
	}
	if (user_write(a2, &status, sizeof status) == 0)
		return 0;
	(void)sys_timer_delete((uint64_t)status, 0, 0, 0, 0, 0);
	return -EFAULT;
}

/* The caller's timer of that id, with the timers' lock held; null and no lock: there is none. */
static struct timer *timer_get(uint64_t id)
{
	struct timer *timer;

	if ((int32_t)id < 0)
		return NULL;
	timers_lock();
	timer = timer_of(self_process(), (int32_t)id);
	if (timer == NULL)
		timers_unlock();
	return timer;
}

int64_t sys_timer_delete(SYSCALL_ARGUMENTS)
{
	struct timer *timer = timer_get(a0);

	if (timer == NULL)
		return -EINVAL;
	timer_unlink(timer);
	timers_unlock();
	heap_free(timer);
	return 0;
}

int64_t sys_timer_getoverrun(SYSCALL_ARGUMENTS)
{
	struct timer *timer = timer_get(a0);
	int64_t overrun;

	if (timer == NULL)
		return -EINVAL;
	overrun = timer->last_overrun;
	timers_unlock();
	return overrun;
}

/* One that counts an ended thread's time shows nothing. */
static void timer_read(const struct timer *timer, struct linux_timespec shown[2])
{
	memset(shown, 0, 2 * sizeof shown[0]);
	if (timer_clock_ended(timer))
		return;
	shown[0] = timespec_of(timer->interval);
	shown[1] = timespec_of(timer_left(timer));
}

int64_t sys_timer_gettime(SYSCALL_ARGUMENTS)
{
	struct linux_timespec shown[2];
	struct timer *timer = timer_get(a0);

	if (timer == NULL)
		return -EINVAL;
	timer_read(timer, shown);
	timers_unlock();
	return user_write(a1, shown, sizeof shown);
}

int64_t sys_timer_settime(SYSCALL_ARGUMENTS)
{
	struct linux_timespec given[2], shown[2];
	struct timer *timer;
	uint64_t ns, again;

	if (a2 == 0)
		return -EINVAL;
	if (user_read(given, a2, sizeof given) != 0)
		return -EFAULT;
	if (timespec_ns(&given[0], &again) != 0 || timespec_ns(&given[1], &ns) != 0)
		return -EINVAL;
	timer = timer_get(a0);
	if (timer == NULL)
		return -EINVAL;
	if (timer_clock_ended(timer)) {
		timers_unlock();
		return -ESRCH;
	}
	timer_read(timer, shown);
	timer->pending = false;
	timer->overrun = timer->last_overrun = 0;
	if (ns != 0 && !(a1 & TIMER_ABSTIME))
		ns += timer_clock_now(timer);
	timer_arm(timer, ns, again);
	timers_unlock();
	return a3 != 0 ? user_write(a3, shown, sizeof shown) : 0;
}
