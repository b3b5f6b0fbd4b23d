/* The system calls about scheduling (sched(7)). UNIX runs all programs at one priority: who holds a mutex of UNIX's would else
 * keep more urgent ones out for as long as others compute. What differs is how long a thread runs when it is its turn: by its
 * nice value and policy, so shares of a busy processor are as these lengths. */
#include "baryon/calls.h"
#include "baryon/clock.h"
#include "process/internal.h"

enum { SCHED_OTHER = 0, SCHED_FIFO = 1, SCHED_RR = 2, SCHED_BATCH = 3, SCHED_IDLE = 5, SCHED_DEADLINE = 6 };
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

static int policy_check(uint32_t policy, int32_t priority)
{
	if (!policy_is_known(policy))
		return -EINVAL;
	if (policy_is_realtime(policy) ? priority < REALTIME_LEAST || priority > REALTIME_MOST : priority != 0)
		return -EINVAL;
	return policy_is_realtime(policy) && !capable(CAP_SYS_NICE) ? -EPERM : 0;
}

/* policy -1: as it is. */
static int policy_set(uint64_t id, int64_t policy, uint64_t parameter)
{
	struct thread *thread;
	int32_t priority;
	int status;

	if ((int32_t)id < 0 || parameter == 0)
		return -EINVAL;
	if (user_read(&priority, parameter, sizeof priority) != 0)
		return -EFAULT;
	mutex_lock(&tree_lock);
	thread = thread_named(id);
	if (thread == NULL) {
		status = -ESRCH;
	} else {
		uint32_t wanted = policy < 0 ? thread->policy : (uint32_t)policy;

		status = policy_check(wanted, priority);
		if (status == 0 && !may_schedule(thread))
			status = -EPERM;
		if (status == 0) {
			thread->policy = wanted;
			thread->realtime_priority = (uint32_t)priority;
			thread_turn_set(thread);
		}
	}
	mutex_unlock(&tree_lock);
	return status;
}

int64_t sys_sched_setscheduler(SYSCALL_ARGUMENTS)
{
	return (int32_t)a1 < 0 ? -EINVAL : policy_set(a0, (int64_t)(a1 & 0xffffffff & ~(uint64_t)SCHED_RESET_ON_FORK), a2);
}

int64_t sys_sched_setparam(SYSCALL_ARGUMENTS)
{
	return policy_set(a0, -1, a1);
}

/* What a thread has: its policy and its priority. 0, -EINVAL, -ESRCH. */
static int policy_get(uint64_t id, uint32_t *policy, uint32_t *priority)
{
	struct thread *thread;

	if ((int32_t)id < 0)
		return -EINVAL;
	mutex_lock(&tree_lock);
	thread = thread_named(id);
	if (thread != NULL) {
		*policy = thread->policy;
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

	if (status == 0 && policy == SCHED_FIFO)
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

/* The calling thread goes to sleep until it wakes where it belongs. */
static void move_here(uint64_t set)
{
	enum { TRIES = 8, NAP_NS = 300000 };

	for (unsigned i = 0; i < TRIES && !(set >> processor_number() & 1); i++)
		(void)park(time_monotonic() + NAP_NS);
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
		move_here(set);
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
	} else if (walk->nice < process->nice && !capable(CAP_SYS_NICE)) {
		walk->status = -EACCES;
	} else {
		process->nice = walk->nice;
		mutex_lock(&process->lock);
		for (struct thread *t = process->threads; t != NULL; t = t->next_in_process)
			thread_turn_set(t);
		mutex_unlock(&process->lock);
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
