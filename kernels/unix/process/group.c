/* setpgid, setsid and their readers. */
#include "process/internal.h"

static int group_set_locked(struct process *process, int32_t group)
{
	struct process *me = self_process();
	bool exists = group == process->pid;

	if (process != me && process->parent != me)
		return -ESRCH;
	if (process != me && process->session != me->session)
		return -EPERM;
	if (process != me && process->executed)
		return -EACCES;
	if (process->session->id == process->pid)
		return -EPERM;
	for (struct process *p = process_next(NULL); p != NULL && !exists; p = process_next(p))
		exists = p->group == group && p->session == process->session;
	if (!exists)
		return -EPERM;
	group_join(process, group);
	return 0;
}

int64_t sys_setpgid(SYSCALL_ARGUMENTS)
{
	int32_t pid = (int32_t)a0, group = (int32_t)a1;
	struct process *process;
	int status = -ESRCH;

	if (group < 0 || (group == 0 && pid < 0))
		return -EINVAL;
	mutex_lock(&tree_lock);
	process = pid == 0 ? self_process() : process_of_pid(pid);
	if (process != NULL)
		status = group_set_locked(process, group == 0 ? process->pid : group);
	mutex_unlock(&tree_lock);
	return status;
}

int64_t sys_getpgid(SYSCALL_ARGUMENTS)
{
	struct process *process;
	int64_t result = -ESRCH;

	if ((int32_t)a0 == 0)
		return self_process()->group;
	mutex_lock(&tree_lock);
	process = process_of_pid((int32_t)a0);
	if (process != NULL)
		result = process->group;
	mutex_unlock(&tree_lock);
	return result;
}

int64_t sys_getpgrp(SYSCALL_ARGUMENTS)
{
	return self_process()->group;
}

int64_t sys_getsid(SYSCALL_ARGUMENTS)
{
	struct process *process;
	int64_t result = -ESRCH;

	mutex_lock(&tree_lock);
	process = (int32_t)a0 == 0 ? self_process() : process_of_pid((int32_t)a0);
	if (process != NULL && process->session != NULL)
		result = process->session->id;
	mutex_unlock(&tree_lock);
	return result;
}

int64_t sys_setsid(SYSCALL_ARGUMENTS)
{
	struct process *me = self_process();
	struct session *session = session_create(me->pid);
	bool leads = false;

	if (session == NULL)
		return -ENOMEM;
	mutex_lock(&tree_lock);
	for (struct process *p = process_next(NULL); p != NULL && !leads; p = process_next(p))
		leads = p->group == me->pid;
	if (!leads) {
		session_begin(me, session);
		group_join(me, me->pid);
	}
	mutex_unlock(&tree_lock);
	if (leads) {
		session_free(session);
		return -EPERM;
	}
	return me->pid;
}
