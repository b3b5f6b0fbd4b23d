/* The system calls about scheduling (sched(7)). UNIX runs all programs at one priority: who holds a mutex of UNIX's would else
 * keep more urgent ones out for as long as others compute. What differs is how long a thread runs when it is its turn: by its
 * nice value and policy, so shares of a busy processor are as these lengths. */
#include "baryon/calls.h"
#include "baryon/clock.h"
#include "baryon/string.h"
#include "process/internal.h"

enum { SCHED_RESET_ON_FORK = 0x40000000 };
enum { REALTIME_LEAST = 1, REALTIME_MOST = 99, NICE_LEAST = -20, NICE_MOST = 19 };
enum { SLICE_NS = 10000000 };

static uint64_t policy_turn(const struct thread *thread)
{
	int32_t nice = thread->process->nice;
	uint64_t ns = SLICE_NS;

	if (thread->policy == SCHED_IDLE)
		return QUANTUM_LEAST_NS;
	if (thread->policy == SCHED_FIFO || thread->policy == SCHED_RR)
		return QUANTUM_MOST_NS;
	for (; nice > 0; nice--)
		ns = ns * 4 / 5;
	for (; nice < 0; nice++)
		ns = ns * 5 / 4;
	return ns;
}

/* Each step of nice is a quarter more or a fifth less, and each doubling of a crowd half as much, as far as turns may be long or short. */
static uint32_t quantum_of(const struct thread *thread)
{
	const struct session *session = thread->process->session;
	uint64_t ns = policy_turn(thread) >> (session != NULL ? session->clan->crowded : 0);

	return (uint32_t)(ns < QUANTUM_LEAST_NS ? QUANTUM_LEAST_NS : ns > QUANTUM_MOST_NS ? QUANTUM_MOST_NS : ns);
}

void thread_turn_set(struct thread *thread)
{
	uint32_t ns = quantum_of(thread);

	if (!__atomic_load_n(&thread->started, __ATOMIC_ACQUIRE))
		thread_home_of(thread)->quantum_ns = ns == SLICE_NS ? 0 : ns;
	else if (!thread->gone && thread_set(thread->uid, THREAD_SET_QUANTUM, ns, 0) < 0)
		log_line("thread %d keeps its turn", thread->tid);
}

static bool policy_is_realtime(uint32_t policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool policy_is_known(uint32_t policy)
{
	return policy <= SCHED_BATCH || policy == SCHED_IDLE;
}

/* A thread by its id, 0 being the caller; tree lock. */
static struct thread *thread_named(uint64_t id)
{
	return (int32_t)id == 0 ? self() : thread_of_pid((int32_t)id);
}

static bool may_schedule(const struct thread *thread)
{
	const struct credentials *mine = &self_process()->credentials, *its = &thread->process->credentials;

	return mine->euid == its->uid || mine->euid == its->euid || capable(CAP_SYS_NICE);
}

int64_t sys_sched_yield(SYSCALL_ARGUMENTS)
{
	yield();
	return 0;
}

/* ---- policies ---- */

/* What a thread shall have; what has no mark stays. */
struct wish {
	uint32_t policy;
	int32_t priority, nice;
	bool has_policy, has_priority, has_nice, reset;     /* reset: with a policy */
	bool keeps;                 /* only `reset` changes: as on Linux, a policy is not set without its parameters */
};

static int wish_check(const struct wish *wish)
{
	if (!policy_is_known(wish->policy))
		return -EINVAL;
	if (wish->priority < 0 || wish->priority > REALTIME_MOST)
		return -EINVAL;
	return policy_is_realtime(wish->policy) == (wish->priority != 0) ? 0 : -EINVAL;
}

/* Whether a process without CAP_SYS_NICE may have that nice value: no lower one than it has or RLIMIT_NICE allows. */
static bool nice_is_allowed(const struct process *process, int32_t nice)
{
	return nice >= process->nice || (uint64_t)(20 - nice) <= process->rlimits[RLIMIT_NICE].soft;
}

/* What CAP_SYS_NICE is not needed for. */
static bool wish_is_free(const struct thread *thread, const struct wish *wish)
{
	const struct credentials *mine = &self_process()->credentials, *its = &thread->process->credentials;
	uint64_t most = thread->process->rlimits[RLIMIT_RTPRIO].soft;

	if (policy_is_realtime(wish->policy)) {
		if (wish->policy != thread->policy && most == 0)
			return false;
		if (wish->priority > (int32_t)thread->realtime_priority && (uint64_t)wish->priority > most)
			return false;
	} else if (!nice_is_allowed(thread->process, wish->nice)) {
		return false;
	}
	if (thread->policy == SCHED_IDLE && wish->policy != SCHED_IDLE &&
	    (uint64_t)(20 - thread->process->nice) > thread->process->rlimits[RLIMIT_NICE].soft)
		return false;
	return (mine->euid == its->uid || mine->euid == its->euid) && (wish->reset || !thread->reset_on_fork);
}

static void process_nice_set(struct process *process, int32_t nice)
{
	process->nice = nice;
	mutex_lock(&process->lock);
	for (struct thread *t = process->threads; t != NULL; t = t->next_in_process)
		thread_turn_set(t);
	mutex_unlock(&process->lock);
}

/* Tree lock. */
static int wish_grant(struct thread *thread, struct wish *wish)
{
	int status;

	if (!wish->has_policy) {
		wish->policy = thread->policy;
		wish->reset = thread->reset_on_fork;
	}
	if (!wish->has_priority)
		wish->priority = (int32_t)thread->realtime_priority;
	if (!wish->has_nice)
		wish->nice = thread->process->nice;
	status = wish_check(wish);
	if (status != 0)
		return status;
	if (!wish_is_free(thread, wish) && !capable(CAP_SYS_NICE))
		return -EPERM;
	thread->reset_on_fork = wish->reset;
	if (wish->keeps)
		return 0;
	thread->policy = wish->policy;
	thread->realtime_priority = (uint32_t)wish->priority;
	if (!policy_is_realtime(wish->policy) && wish->nice != thread->process->nice)
		process_nice_set(thread->process, wish->nice);
	else
		thread_turn_set(thread);
	return 0;
}

static int policy_set(uint64_t id, struct wish *wish)
{
	struct thread *thread;
	int status;

	mutex_lock(&tree_lock);
	thread = thread_named(id);
	status = thread == NULL ? -ESRCH : wish_grant(thread, wish);
	mutex_unlock(&tree_lock);
	return status;
}

static int parameter_set(uint64_t id, struct wish *wish, uint64_t parameter)
{
	if ((int32_t)id < 0 || parameter == 0)
		return -EINVAL;
	if (user_read(&wish->priority, parameter, sizeof wish->priority) != 0)
		return -EFAULT;
	wish->has_priority = true;
	return policy_set(id, wish);
}

int64_t sys_sched_setscheduler(SYSCALL_ARGUMENTS)
{
	struct wish wish = { .policy = (uint32_t)a1 & ~(uint32_t)SCHED_RESET_ON_FORK, .has_policy = true, .reset = a1 & SCHED_RESET_ON_FORK };

	return (int32_t)a1 < 0 ? -EINVAL : parameter_set(a0, &wish, a2);
}

int64_t sys_sched_setparam(SYSCALL_ARGUMENTS)
{
	struct wish wish = { 0 };

	return parameter_set(a0, &wish, a1);
}

/* ---- all of it at once: sched_setattr and sched_getattr ---- */

struct linux_schedule {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t least, most;       /* of use: since Linux 5.3 */
};
enum { SCHEDULE_LEAST_BYTES = 48 };
enum { FLAG_RESET_ON_FORK = 1, FLAG_RECLAIM = 2, FLAG_OVERRUN = 4, FLAG_KEEP_POLICY = 8, FLAG_KEEP_PARAMETERS = 16, FLAG_CLAMP_LEAST = 32, FLAG_CLAMP_MOST = 64 };

_Static_assert(sizeof(struct linux_schedule) == 56, "programs rely on the layout");

/* A longer record than ours must end in zeros. 0, -EFAULT, -E2BIG: and the program is told how long ours is. */
static int schedule_read(struct linux_schedule *given, uint64_t from)
{
	const uint32_t own = sizeof *given;
	uint32_t bytes;
	uint8_t rest = 0;

	memset(given, 0, sizeof *given);
	if (user_read(&bytes, from, sizeof bytes) != 0)
		return -EFAULT;
	bytes = bytes == 0 ? SCHEDULE_LEAST_BYTES : bytes;
	if (bytes >= SCHEDULE_LEAST_BYTES && bytes <= PAGE_BYTES) {
		if (user_read(given, from, bytes < own ? bytes : own) != 0)
			return -EFAULT;
		given->size = bytes;
		for (uint32_t at = own; at < bytes && rest == 0; at++) {
			if (user_read(&rest, from + at, 1) != 0)
				return -EFAULT;
		}
		if (rest == 0)
			return 0;
	}
	return user_write(from, &own, sizeof own) != 0 ? -EFAULT : -E2BIG;
}

/* There are no deadlines, and nobody counts use against bounds. */
static int schedule_check(const struct linux_schedule *given)
{
	const uint64_t clamps = FLAG_CLAMP_LEAST | FLAG_CLAMP_MOST;

	if ((given->flags & clamps && given->size < sizeof *given) || (int32_t)given->policy < 0)
		return -EINVAL;
	if (given->flags & ~(uint64_t)(FLAG_RESET_ON_FORK | FLAG_RECLAIM | FLAG_OVERRUN | FLAG_KEEP_POLICY | FLAG_KEEP_PARAMETERS | clamps))
		return -EINVAL;
	return given->flags & clamps ? -EOPNOTSUPP : 0;
}

int64_t sys_sched_setattr(SYSCALL_ARGUMENTS)
{
	struct linux_schedule given;
	struct wish wish;
	int status;

	if (a1 == 0 || (int32_t)a0 < 0 || (uint32_t)a2 != 0)
		return -EINVAL;
	status = schedule_read(&given, a1);
	if (status == 0)
		status = schedule_check(&given);
	if (status != 0)
		return status;
	wish = (struct wish) {
		.policy = given.policy, .priority = (int32_t)given.priority, .reset = given.flags & FLAG_RESET_ON_FORK,
		.nice = given.nice < NICE_LEAST ? NICE_LEAST : given.nice > NICE_MOST ? NICE_MOST : given.nice,
		.has_policy = !(given.flags & FLAG_KEEP_POLICY), .has_priority = !(given.flags & FLAG_KEEP_PARAMETERS),
		.has_nice = !(given.flags & FLAG_KEEP_PARAMETERS), .keeps = given.flags & FLAG_KEEP_PARAMETERS,
	};
	return policy_set(a0, &wish);
}

int64_t sys_sched_getattr(SYSCALL_ARGUMENTS)
{
	struct linux_schedule all = { .size = sizeof all };
	struct thread *thread;
	uint32_t bytes = (uint32_t)a2;

	if (a1 == 0 || (int32_t)a0 < 0 || bytes > PAGE_BYTES || bytes < SCHEDULE_LEAST_BYTES || (uint32_t)a3 != 0)
		return -EINVAL;
	mutex_lock(&tree_lock);
	thread = thread_named(a0);
	if (thread != NULL) {
		all.policy = thread->policy;
		all.flags = thread->reset_on_fork ? FLAG_RESET_ON_FORK : 0;
		all.priority = thread->realtime_priority;
		all.nice = policy_is_realtime(thread->policy) ? 0 : thread->process->nice;
	}
	mutex_unlock(&tree_lock);
	if (thread == NULL)
		return -ESRCH;
	all.size = bytes < sizeof all ? bytes : (uint32_t)sizeof all;
	return user_write(a1, &all, all.size);
}

/* ---- asking ---- */

/* What a thread has: its policy, with SCHED_RESET_ON_FORK, and its priority. 0, -EINVAL, -ESRCH. */
static int policy_get(uint64_t id, uint32_t *policy, uint32_t *priority)
{
	struct thread *thread;

	if ((int32_t)id < 0)
		return -EINVAL;
	mutex_lock(&tree_lock);
	thread = thread_named(id);
	if (thread != NULL) {
		*policy = thread->policy | (thread->reset_on_fork ? SCHED_RESET_ON_FORK : 0);
		*priority = thread->realtime_priority;
	}
	mutex_unlock(&tree_lock);
	return thread != NULL ? 0 : -ESRCH;
}

int64_t sys_sched_getscheduler(SYSCALL_ARGUMENTS)
{
	uint32_t policy, priority;
	int status = policy_get(a0, &policy, &priority);

	return status != 0 ? status : (int64_t)policy;
}

int64_t sys_sched_getparam(SYSCALL_ARGUMENTS)
{
	uint32_t policy, priority;
	int status = a1 == 0 ? -EINVAL : policy_get(a0, &policy, &priority);

	return status != 0 ? status : user_write(a1, &priority, sizeof priority);
}

int64_t sys_sched_get_priority_max(SYSCALL_ARGUMENTS)
{
	uint32_t policy = (uint32_t)a0;

	if (!policy_is_known(policy) && policy != SCHED_DEADLINE)
		return -EINVAL;
	return policy_is_realtime(policy) ? REALTIME_MOST : 0;
}

int64_t sys_sched_get_priority_min(SYSCALL_ARGUMENTS)
{
	int64_t most = sys_sched_get_priority_max(a0, 0, 0, 0, 0, 0);

	return most > 0 ? REALTIME_LEAST : most;
}

int64_t sys_sched_rr_get_interval(SYSCALL_ARGUMENTS)
{
	struct linux_timespec slice = { 0, SLICE_NS };
	uint32_t policy, priority;
	int status = policy_get(a0, &policy, &priority);

	if (status == 0 && (policy & ~(uint32_t)SCHED_RESET_ON_FORK) == SCHED_FIFO)
		slice.nanoseconds = 0;
	return status != 0 ? status : user_write(a1, &slice, sizeof slice);
}

/* ---- processors ---- */

static uint64_t processors(void)
{
	return (1ull << info_page()->cpus) - 1;
}

uint16_t affinity_processor(uint64_t set)
{
	return set != 0 && (set & (set - 1)) == 0 ? (uint16_t)__builtin_ctzll(set) : CPU_ANY;
}

int64_t sys_sched_getaffinity(SYSCALL_ARGUMENTS)
{
	struct thread *thread;
	uint64_t set = 0;

	if (a1 < sizeof set || a1 % sizeof set != 0)
		return -EINVAL;
	mutex_lock(&tree_lock);
	thread = thread_named(a0);
	if (thread != NULL)
		set = thread->affinity != 0 ? thread->affinity : processors();
	mutex_unlock(&tree_lock);
	if (thread == NULL)
		return -ESRCH;
	return user_write(a2, &set, sizeof set) != 0 ? -EFAULT : (int64_t)sizeof set;
}

/* Tree lock held: it stays that thread. One that is ending keeps its binding. */
static void affinity_set(struct thread *thread, uint64_t set)
{
	thread->affinity = set;
	if (thread_set(thread->uid, THREAD_SET_CPU, affinity_processor(set), 0) < 0)
		log_line("thread %d cannot be bound", thread->tid);
}

/* The calling thread goes to sleep until it wakes where it belongs. A nap that is over before it begins, on a machine that stood still
 * meanwhile, is none, so there may be many. Somebody else may bind it anew in between. One that is bound to several processors is to Strange
 * as one that is bound to none: it is not waited for without end. */
static void move_here(void)
{
	enum { TRIES = 8, NAP_NS = 300000 };
	struct thread *me = self();

	for (unsigned tries = TRIES; tries > 0 && !signal_is_killing();) {
		uint64_t set = __atomic_load_n(&me->affinity, __ATOMIC_RELAXED);

		if (set >> processor_number() & 1)
			return;
		(void)park(time_monotonic() + NAP_NS);
		tries -= affinity_processor(set) == CPU_ANY;
	}
}

int64_t sys_sched_setaffinity(SYSCALL_ARGUMENTS)
{
	struct thread *thread;
	uint64_t set = 0;
	int status = 0;

	if (user_read(&set, a2, a1 < sizeof set ? a1 : sizeof set) != 0)
		return -EFAULT;
	set &= processors();
	mutex_lock(&tree_lock);
	thread = thread_named(a0);
	if (thread == NULL)
		status = -ESRCH;
	else if (!may_schedule(thread))
		status = -EPERM;
	else if (set == 0)
		status = -EINVAL;
	else
		affinity_set(thread, set);
	mutex_unlock(&tree_lock);
	if (status == 0 && thread == self())
		move_here();
	return status;
}

int64_t sys_getcpu(SYSCALL_ARGUMENTS)
{
	uint32_t processor = processor_number(), node = 0;

	processor = processor < info_page()->cpus ? processor : 0;
	if (a0 != 0 && user_write(a0, &processor, sizeof processor) != 0)
		return -EFAULT;
	return a1 != 0 ? user_write(a1, &node, sizeof node) : 0;
}

/* ---- nice values ---- */

struct nice_walk {
	uint64_t which;             /* PRIO_* */
	int32_t who;
	bool set;
	int32_t nice;               /* to set, or the lowest found */
	int status;
};

enum { PRIO_PROCESS, PRIO_PGRP, PRIO_USER };

static bool nice_fits(const struct nice_walk *walk, const struct process *process)
{
	switch (walk->which) {
	case PRIO_PROCESS:
		return process->pid == walk->who;
	case PRIO_PGRP:
		return process->group == walk->who;
	}
	return process->credentials.uid == (uint32_t)walk->who;
}

static bool nice_visit(struct process *process, void *argument)
{
	struct nice_walk *walk = argument;
	const struct credentials *mine = &self_process()->credentials;

	if (!nice_fits(walk, process))
		return true;
	if (!walk->set) {
		walk->nice = process->nice < walk->nice ? process->nice : walk->nice;
		walk->status = 0;
	} else if (mine->euid != process->credentials.uid && mine->euid != process->credentials.euid && !capable(CAP_SYS_NICE)) {
		walk->status = -EPERM;
	} else if (!nice_is_allowed(process, walk->nice) && !capable(CAP_SYS_NICE)) {
		walk->status = -EACCES;
	} else {
		process_nice_set(process, walk->nice);
		walk->status = walk->status == -ESRCH ? 0 : walk->status;
	}
	return true;
}

static int nice_each(struct nice_walk *walk)
{
	struct process *me = self_process();

	if (walk->which > PRIO_USER)
		return -EINVAL;
	if (walk->who == 0)
		walk->who = walk->which == PRIO_PROCESS ? me->pid : walk->which == PRIO_PGRP ? me->group : (int32_t)me->credentials.uid;
	walk->status = -ESRCH;
	process_each(nice_visit, walk);
	return walk->status;
}

/* The result is 20 - nice: 1..40. */
int64_t sys_getpriority(SYSCALL_ARGUMENTS)
{
	struct nice_walk walk = { .which = a0, .who = (int32_t)a1, .nice = NICE_MOST };
	int status = nice_each(&walk);

	return status != 0 ? status : 20 - walk.nice;
}

int64_t sys_setpriority(SYSCALL_ARGUMENTS)
{
	int32_t nice = (int32_t)a2 < NICE_LEAST ? NICE_LEAST : (int32_t)a2 > NICE_MOST ? NICE_MOST : (int32_t)a2;
	struct nice_walk walk = { .which = a0, .who = (int32_t)a1, .set = true, .nice = nice };

	return nice_each(&walk);
}
