/* What processes used: processors, memory, faults (getrusage(2), times(2)), and the limit on processors' time.
 *
 * Strange knows how long each thread ran, and at the end of each time slice in which half it was: the program's, or that of a
 * kernel for it. The time is divided as those ends are; a thread that has seen none has all of it as its own. What was said once
 * is never taken back: both parts only grow. */
#include "baryon/calls.h"
#include "process/internal.h"

enum { SECOND_NS = 1000000000, MICROSECOND_NS = 1000, USAGE_WORDS = 18, PAGE_KILOBYTES = 4 };

/* What Strange knows is written to the home first, wherever the thread runs. */
static void thread_gather(struct thread *thread, struct time_used *to)
{
	const struct thread_home *home = thread_home_of(thread);
	long status = object_write_back(KIND_THREAD, thread->uid);

	(void)status;               /* one that is not loaded was written when it was unloaded */
	to->ns += __atomic_load_n(&home->used_ns, __ATOMIC_RELAXED);
	to->quanta_program += home->quanta_program;
	to->quanta_system += home->quanta_elsewhere;
	to->sleeps += __atomic_load_n(&thread->sleeps, __ATOMIC_RELAXED);
}

uint64_t thread_time(struct thread *thread)
{
	struct time_used used = { 0 };

	thread_gather(thread, &used);
	return used.ns;
}

void thread_time_keep(struct process *process, struct thread *thread)
{
	thread_gather(thread, &process->ended);
}

static uint64_t system_part(const struct time_used *used)
{
	uint64_t quanta = used->quanta_program + used->quanta_system;

	return quanta == 0 ? 0 : used->ns / quanta * used->quanta_system + used->ns % quanta * used->quanta_system / quanta;
}

/* Process lock held. */
static void time_divide(struct process *process, const struct time_used *used, struct usage *out)
{
	uint64_t system = system_part(used);

	if (system < process->shown_system_ns)
		system = process->shown_system_ns;
	if (used->ns < system || used->ns - system < process->shown_user_ns)
		system = used->ns > process->shown_user_ns ? used->ns - process->shown_user_ns : 0;
	out->system_ns = process->shown_system_ns = system;
	out->user_ns = process->shown_user_ns = used->ns - system;
}

static uint64_t pages_most(const struct process *process)
{
	const struct space *space = process->space;
	uint64_t most = process->pages_most;

	if (space != NULL && space->resident_most > most)
		most = space->resident_most;
	return space != NULL && space->resident > most ? space->resident : most;
}

void process_usage_locked(struct process *process, struct usage *out)
{
	struct time_used used = process->ended;

	for (struct thread *t = process->threads; t != NULL && process->state != PROCESS_ZOMBIE; t = t->next_in_process)
		thread_gather(t, &used);
	*out = (struct usage) { .faults = process->faults, .sleeps = used.sleeps, .quanta = used.quanta_program + used.quanta_system };
	time_divide(process, &used, out);
	out->pages_most = pages_most(process);
}

void process_usage(struct process *process, struct usage *out)
{
	mutex_lock(&process->lock);
	process_usage_locked(process, out);
	mutex_unlock(&process->lock);
}

void thread_usage(struct thread *thread, struct usage *out)
{
	struct time_used used = { 0 };

	thread_gather(thread, &used);
	*out = (struct usage) {
		.system_ns = system_part(&used), .faults = thread->process->faults, .sleeps = used.sleeps,
		.quanta = used.quanta_program + used.quanta_system, .pages_most = pages_most(thread->process),
	};
	out->user_ns = used.ns - out->system_ns;
}

/* At its end: no thread of it runs any more, and its space is still there. */
void process_usage_end(struct process *process)
{
	process->pages_most = pages_most(process);
}

uint64_t process_time(struct process *process)
{
	struct usage usage;

	process_usage(process, &usage);
	return usage.user_ns + usage.system_ns;
}

void usage_add(struct usage *to, const struct usage *more)
{
	to->user_ns += more->user_ns;
	to->system_ns += more->system_ns;
	to->faults += more->faults;
	to->sleeps += more->sleeps;
	to->quanta += more->quanta;
	to->pages_most = more->pages_most > to->pages_most ? more->pages_most : to->pages_most;
}

int usage_store(uint64_t to, const struct usage *usage)
{
	enum { USER, SYSTEM = 2, MOST = 4, FAULTS = 8, SLEEPS = 16, QUANTA };
	int64_t words[USAGE_WORDS] = { 0 };

	words[USER] = (int64_t)(usage->user_ns / SECOND_NS);
	words[USER + 1] = (int64_t)(usage->user_ns % SECOND_NS / MICROSECOND_NS);
	words[SYSTEM] = (int64_t)(usage->system_ns / SECOND_NS);
	words[SYSTEM + 1] = (int64_t)(usage->system_ns % SECOND_NS / MICROSECOND_NS);
	words[MOST] = (int64_t)(usage->pages_most * PAGE_KILOBYTES);
	words[FAULTS] = (int64_t)usage->faults;
	words[SLEEPS] = (int64_t)usage->sleeps;
	words[QUANTA] = (int64_t)usage->quanta;
	return user_write(to, words, sizeof words);
}

int64_t sys_getrusage(SYSCALL_ARGUMENTS)
{
	enum { SELF = 0, CHILDREN = -1, THREAD = 1 };
	struct process *me = self_process();
	struct usage usage;

	switch ((int32_t)a0) {
	case SELF:
		process_usage(me, &usage);
		break;
	case CHILDREN:
		mutex_lock(&tree_lock);
		usage = me->children_usage;
		mutex_unlock(&tree_lock);
		break;
	case THREAD:
		thread_usage(self(), &usage);
		break;
	default:
		return -EINVAL;
	}
	return usage_store(a1, &usage);
}

int64_t sys_times(SYSCALL_ARGUMENTS)
{
	enum { TICK_NS = 10000000 };
	struct process *me = self_process();
	struct usage usage;
	uint64_t times[4];

	process_usage(me, &usage);
	times[0] = usage.user_ns / TICK_NS;
	times[1] = usage.system_ns / TICK_NS;
	mutex_lock(&tree_lock);
	times[2] = me->children_usage.user_ns / TICK_NS;
	times[3] = me->children_usage.system_ns / TICK_NS;
	mutex_unlock(&tree_lock);
	if (a0 != 0 && user_write(a0, times, sizeof times) != 0)
		return -EFAULT;
	return (int64_t)(time_monotonic() / TICK_NS);
}

/* ---- RLIMIT_CPU ---- */

/* Looked at once a second from the soft limit on: each time the limit moves on by a second and the process is told, until the hard
 * limit ends it. */
static void limit_reached(struct timer *timer, uint64_t times)
{
	struct process *process = timer->process;
	struct rlimit_pair *limit = &process->rlimits[RLIMIT_CPU];
	uint64_t seconds = process_time(process) / SECOND_NS;

	(void)times;
	if (seconds >= limit->hard) {
		signal_post(process, NULL, SIGKILL, NULL);
	} else if (seconds >= limit->soft) {
		signal_post(process, NULL, SIGXCPU, NULL);
		limit->soft = seconds + 1;
	}
}

void cpu_limit_start(struct process *process)
{
	const struct rlimit_pair *limit = &process->rlimits[RLIMIT_CPU];
	struct timer *timer = &process->limit_timer;
	uint64_t seconds = limit->soft < limit->hard ? limit->soft : limit->hard;

	if (limit->soft >= UINT64_MAX / SECOND_NS && timer->process == NULL)
		return;
	timers_lock();
	if (timer->process == NULL) {
		*timer = (struct timer) {
			.sibling = process->timers, .process = process, .clock = CLOCK_OF_PROCESS, .id = TIMER_OF_LIMIT, .fire = limit_reached,
		};
		process->timers = timer;
	}
	timer_arm(timer, seconds >= UINT64_MAX / SECOND_NS ? 0 : seconds == 0 ? 1 : seconds * SECOND_NS, SECOND_NS);
	timers_unlock();
}
