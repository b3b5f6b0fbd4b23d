/* The system calls about signals. */
#include "process/internal.h"

static bool number_bad(uint64_t number)
{
	return number < 1 || number > SIGNAL_COUNT;
}

int64_t sys_rt_sigaction(SYSCALL_ARGUMENTS)
{
	struct process *process = self_process();
	struct signal_action new, old;

	if (number_bad(a0) || a3 != sizeof(uint64_t) || (a1 != 0 && (SIGNAL_BIT(a0) & SIGNALS_UNBLOCKABLE)))
		return -EINVAL;
	if (a1 != 0 && user_read(&new, a1, sizeof new) != 0)
		return -EFAULT;
	actions_lock(process);
	old = process->actions[a0 - 1];
	if (a1 != 0) {
		process->actions[a0 - 1] = new;
		signal_drop_ignored(process, (int)a0);
	}
	actions_unlock(process);
	return a2 != 0 ? user_write(a2, &old, sizeof old) : 0;
}

int64_t sys_rt_sigprocmask(SYSCALL_ARGUMENTS)
{
	enum { BLOCK, UNBLOCK, SET };
	uint64_t old = self()->mask, set;

	if (a3 != sizeof set)
		return -EINVAL;
	if (a1 != 0) {
		if (user_read(&set, a1, sizeof set) != 0)
			return -EFAULT;
		if (a0 > SET)
			return -EINVAL;
		signal_mask_set(a0 == BLOCK ? old | set : a0 == UNBLOCK ? old & ~set : set);
	}
	return a2 != 0 ? user_write(a2, &old, sizeof old) : 0;
}

int64_t sys_rt_sigpending(SYSCALL_ARGUMENTS)
{
	struct thread *me = self();
	uint64_t set = (me->pending | me->process->pending) & me->mask;

	if (a1 > sizeof set)
		return -EINVAL;
	return user_write(a0, &set, a1);
}

static int64_t pause_until_signal(void)
{
	struct wait_queue never = { 0 };
	int status;

	do
		status = wait_queue_sleep(&never, NULL, true, 0);
	while (status == 0);
	return -ERESTARTNOHAND;
}

int64_t sys_rt_sigsuspend(SYSCALL_ARGUMENTS)
{
	uint64_t mask;

	if (a1 != sizeof mask)
		return -EINVAL;
	if (user_read(&mask, a0, sizeof mask) != 0)
		return -EFAULT;
	signal_mask_temporary(mask);
	return pause_until_signal();
}

int64_t sys_pause(SYSCALL_ARGUMENTS)
{
	return pause_until_signal();
}

int64_t sys_rt_sigtimedwait(SYSCALL_ARGUMENTS)
{
	struct thread *me = self();
	struct wait_queue never = { 0 };
	struct linux_timespec time;
	struct linux_siginfo info;
	uint64_t set, deadline = 0;
	int number, status = 0;

	if (a3 != sizeof set)
		return -EINVAL;
	if (user_read(&set, a0, sizeof set) != 0 || (a2 != 0 && user_read(&time, a2, sizeof time) != 0))
		return -EFAULT;
	if (a2 != 0 && timespec_ns(&time, &deadline) != 0)
		return -EINVAL;
	if (a2 != 0)
		deadline += time_monotonic();
	set &= ~SIGNALS_UNBLOCKABLE;
	me->waited = set;
	work_add(me, WORK_SIGNAL);
	while ((number = signal_take(set, &info)) == 0 && status == 0)
		status = wait_queue_sleep(&never, NULL, true, deadline);
	me->waited = 0;
	if (number == 0)
		return status == -ETIMEDOUT ? -EAGAIN : -EINTR;
	if (a1 != 0 && user_write(a1, &info, sizeof info) != 0)
		return -EFAULT;
	return number;
}

/* ---- sending ---- */

bool signal_allowed(const struct process *target, int number)
{
	const struct credentials *mine = &self_process()->credentials, *its = &target->credentials;

	if (number == SIGCONT && target->session == self_process()->session)
		return true;
	return mine->euid == its->uid || mine->euid == its->suid || mine->uid == its->uid || mine->uid == its->suid ||
		capable(CAP_KILL);
}

static void sender_info(struct linux_siginfo *info, int number, int code)
{
	*info = (struct linux_siginfo) { .number = number, .code = code };
	info->sender.pid = self_process()->pid;
	info->sender.uid = self_process()->credentials.uid;
}

/* One process, under the tree lock. Signal 0 only asks. init takes none. */
int signal_kill(struct process *target, int number, const struct linux_siginfo *given)
{
	struct linux_siginfo info;

	if (!signal_allowed(target, number))
		return -EPERM;
	if (number == 0 || target == init_process || target->state == PROCESS_ZOMBIE)
		return 0;
	if (given == NULL)
		sender_info(&info, number, SI_USER);
	return signal_post(target, NULL, number, given == NULL ? &info : given);
}

/* ---- of files (F_SETOWN) ---- */

struct target_walk {
	const struct signal_target *target;     /* null: nobody is sent anything */
	int number;
	const struct linux_siginfo *info;
	bool found;
};

static void target_one(struct target_walk *walk, struct process *process, struct thread *thread)
{
	const struct credentials *its = &process->credentials;
	const struct signal_target *by = walk->target;

	walk->found = true;
	if (by == NULL || process == init_process)
		return;
	if (by->euid != 0 && by->euid != its->suid && by->euid != its->uid && by->uid != its->suid && by->uid != its->uid)
		return;
	if (walk->number == 0 || signal_post(process, thread, walk->number, walk->info) != 0)
		(void)signal_post(process, thread, SIGIO, NULL);
}

static bool target_each(struct target_walk *walk, uint32_t kind, int32_t id)
{
	struct process *process;
	struct thread *thread;

	mutex_lock(&tree_lock);
	if (kind == TARGET_GROUP) {
		for (process = process_next(NULL); process != NULL; process = process_next(process))
			if (process->group == id)
				target_one(walk, process, NULL);
	} else if (kind == TARGET_PROCESS) {
		process = process_of_pid(id);
		if (process != NULL)
			target_one(walk, process, NULL);
	} else {
		thread = thread_of_pid(id);
		if (thread != NULL)
			target_one(walk, thread->process, thread);
	}
	mutex_unlock(&tree_lock);
	return walk->found;
}

bool signal_target_exists(uint32_t kind, int32_t id)
{
	struct target_walk walk = { 0 };

	return target_each(&walk, kind, id);
}

void signal_target_send(const struct signal_target *target, int number, const struct linux_siginfo *info)
{
	struct target_walk walk = { .target = target, .number = number, .info = info };

	(void)target_each(&walk, target->kind, target->id);
}

void work_ask_sending(void)
{
	if (self_process() != NULL && self_process() != init_process)
		work_add(self(), WORK_SENDING);
}

/* ---- kill and its kin ---- */

static int kill_process(struct process *target, int number)
{
	return signal_kill(target, number, NULL);
}

/* All processes of a group, or (group 0) all but init and the caller: then it is no error to be allowed none (as on Linux). */
static int kill_many(int32_t group, int number)
{
	int status = -ESRCH;

	for (struct process *p = process_next(NULL); p != NULL; p = process_next(p)) {
		int one;

		if (p == init_process || (group != 0 ? p->group != group : p == self_process()))
			continue;
		one = kill_process(p, number);
		if (status != 0)
			status = one;
	}
	return group == 0 && status == -EPERM ? 0 : status;
}

int64_t sys_kill(SYSCALL_ARGUMENTS)
{
	int32_t pid = (int32_t)a0;
	int number = (int)a1, status;
	struct process *target;

	if (number < 0 || number > SIGNAL_COUNT)
		return -EINVAL;
	mutex_lock(&tree_lock);
	if (pid > 0) {
		target = process_of_pid(pid);
		status = target == NULL ? -ESRCH : kill_process(target, number);
	} else {
		status = kill_many(pid == 0 ? self_process()->group : pid == -1 ? 0 : -pid, number);
	}
	mutex_unlock(&tree_lock);
	return status;
}

static int kill_thread(int32_t group, int32_t tid, int number, struct linux_siginfo *info)
{
	struct thread *target;
	int status = 0;

	if (tid <= 0 || number < 0 || number > SIGNAL_COUNT)
		return -EINVAL;
	mutex_lock(&tree_lock);
	target = thread_of_pid(tid);
	if (target == NULL || target->process == init_process || (group > 0 && target->process->pid != group))
		status = -ESRCH;
	else if (!signal_allowed(target->process, number))
		status = -EPERM;
	else if (number != 0)
		status = signal_post(target->process, target, number, info);
	mutex_unlock(&tree_lock);
	return status;
}

int64_t sys_tkill(SYSCALL_ARGUMENTS)
{
	struct linux_siginfo info;

	sender_info(&info, (int)a1, SI_TKILL);
	return kill_thread(0, (int32_t)a0, (int)a1, &info);
}

int64_t sys_tgkill(SYSCALL_ARGUMENTS)
{
	struct linux_siginfo info;

	sender_info(&info, (int)a2, SI_TKILL);
	return (int32_t)a0 <= 0 ? -EINVAL : kill_thread((int32_t)a0, (int32_t)a1, (int)a2, &info);
}

/* A signal's record from the program. Only to itself may a process say what the system says. 0, -EFAULT, -EPERM. */
static int info_read(struct linux_siginfo *info, int number, uint64_t from, int32_t pid)
{
	if (user_signal_read(info, from) != 0)
		return -EFAULT;
	info->number = number;
	return (info->code >= 0 || info->code == SI_TKILL) && pid != self_process()->pid ? -EPERM : 0;
}

int64_t sys_rt_sigqueueinfo(SYSCALL_ARGUMENTS)
{
	struct process *target;
	struct linux_siginfo info;
	int number = (int)a1, status = info_read(&info, number, a2, (int32_t)a0);

	if (status != 0)
		return status;
	mutex_lock(&tree_lock);
	target = process_of_pid((int32_t)a0);
	if (target == NULL)
		status = -ESRCH;
	else
		status = number < 0 || number > SIGNAL_COUNT ? -EINVAL : signal_kill(target, number, &info);
	mutex_unlock(&tree_lock);
	return status;
}

int64_t sys_rt_tgsigqueueinfo(SYSCALL_ARGUMENTS)
{
	struct linux_siginfo info;
	int status = info_read(&info, (int)a2, a3, (int32_t)a0);

	if (status == 0)
		status = (int32_t)a0 <= 0 || (int32_t)a1 <= 0 ? -EINVAL : kill_thread((int32_t)a0, (int32_t)a1, (int)a2, &info);
	return status;
}
