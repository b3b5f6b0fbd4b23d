/* wait4 and waitid. */
#include "baryon/string.h"
#include "process/internal.h"

enum { WNOHANG = 1, WUNTRACED = 2, WSTOPPED = 2, WEXITED = 4, WCONTINUED = 8, WNOWAIT = 0x1000000, WALLCHILDREN = 0xe0000000 };
enum { P_ALL = 0, P_PID = 1, P_PGID = 2, P_PIDFD = 3 };

/* What a wait looks for, and what it found. */
struct wait_query {
	int32_t pid;                /* > 0: that child; 0: own group; -1: any; < -1: group -pid */
	uint32_t options;
	bool any;                   /* a child that fits exists */
	bool again;                 /* nothing found is EAGAIN */
	int32_t found;              /* pid; 0: none yet */
	int code;                   /* CLD_* */
	uint32_t status;            /* as wait4 reports it */
	uint32_t uid;
	struct usage usage;
	struct process *zombie;     /* to be reaped by the caller */
};

static bool query_fits(const struct wait_query *query, const struct process *child, const struct process *me)
{
	if (query->pid > 0)
		return child->pid == query->pid;
	if (query->pid == -1)
		return true;
	return child->group == (query->pid == 0 ? me->group : -query->pid);
}

static void query_found(struct wait_query *query, struct process *child, int code, uint32_t status)
{
	query->found = child->pid;
	query->code = code;
	query->status = status;
	query->uid = child->credentials.uid;
	process_usage(child, &query->usage);
	usage_add(&query->usage, &child->children_usage);
}

static void zombie_take(struct wait_query *query, struct process *child, struct process *me)
{
	query_found(query, child, (child->exit_status & 127) == 0 ? CLD_EXITED : CLD_KILLED, child->exit_status);
	if (query->options & WNOWAIT)
		return;
	usage_add(&me->children_usage, &query->usage);
	process_unlink(child);
	pid_put(child->pid);
	query->zombie = child;
}

/* Whether the child has something to report. Tree lock. */
static bool child_check(struct wait_query *query, struct process *child, struct process *me)
{
	bool keep = query->options & WNOWAIT;

	if (child->state == PROCESS_ZOMBIE) {
		if (query->options & WEXITED)
			zombie_take(query, child, me);
	} else if (child->stop_signal != 0 && (query->options & WSTOPPED)) {
		query_found(query, child, CLD_STOPPED, child->stop_signal << 8 | 127);
		child->stop_signal = keep ? child->stop_signal : 0;
	} else if (child->continued && (query->options & WCONTINUED)) {
		query_found(query, child, CLD_CONTINUED, 0xffff);
		child->continued = keep;
	}
	return query->found != 0;
}

static void query_look(struct wait_query *query, struct process *me)
{
	query->any = false;
	mutex_lock(&tree_lock);
	for (struct process *child = me->children; child != NULL; child = child->sibling_next) {
		if (!query_fits(query, child, me))
			continue;
		query->any = true;
		if (child_check(query, child, me))
			break;
	}
	mutex_unlock(&tree_lock);
}

/* Looks until there is something. Returns 0 (found may be 0: WNOHANG), -ECHILD, -ERESTARTSYS. */
static int query_wait(struct wait_query *query)
{
	struct process *me = self_process();
	int status = 0;

	query_look(query, me);
	while (query->found == 0 && status == 0) {
		struct waiter waiter;

		if (!query->any)
			return -ECHILD;
		if (query->options & WNOHANG)
			return 0;
		waiter_add(&waiter, &me->child_wait);
		query_look(query, me);
		if (query->found == 0 && query->any)
			status = wait_sleep(&waiter, 1, true, 0);
		waiter_remove(&waiter);
		if (query->found == 0)
			query_look(query, me);
	}
	return query->found != 0 ? 0 : status;
}

int64_t sys_wait4(SYSCALL_ARGUMENTS)
{
	struct wait_query query = { .pid = (int32_t)a0, .options = (uint32_t)a2 | WEXITED };
	int status;

	if (a2 & ~(uint64_t)(WNOHANG | WUNTRACED | WCONTINUED | WALLCHILDREN) & 0xffffffff)
		return -EINVAL;
	if (query.pid == INT32_MIN)
		return -ESRCH;
	status = query_wait(&query);
	if (status != 0)
		return status;
	if (query.zombie != NULL)
		process_reap(query.zombie);
	if (query.found != 0 && a1 != 0 && user_write(a1, &query.status, sizeof query.status) != 0)
		return -EFAULT;
	if (query.found != 0 && a3 != 0 && usage_store(a3, &query.usage) != 0)
		return -EFAULT;
	return query.found;
}

/* A child by its file. One that must not wait says so with EAGAIN. */
static int pidfd_fill(struct wait_query *query, int descriptor)
{
	bool wait = true;
	int pid = process_file_pid(descriptor, &wait);

	if (pid < 0)
		return pid;
	query->pid = pid;
	query->again = !wait && !(query->options & WNOHANG);
	if (query->again)
		query->options |= WNOHANG;
	return 0;
}

static int query_fill(struct wait_query *query, uint64_t type, int32_t id)
{
	int status = 0;

	if (query->options & ~(uint32_t)(WNOHANG | WSTOPPED | WEXITED | WCONTINUED | WNOWAIT | WALLCHILDREN))
		return -EINVAL;
	if (type == P_ALL)
		query->pid = -1;
	else if (type == P_PID && id > 0)
		query->pid = id;
	else if (type == P_PGID && id >= 0)
		query->pid = id == 0 ? 0 : -id;
	else if (type == P_PIDFD && id >= 0)
		status = pidfd_fill(query, id);
	else
		return -EINVAL;
	if (status != 0)
		return status;
	return query->options & (WEXITED | WSTOPPED | WCONTINUED) ? 0 : -EINVAL;
}

int64_t sys_waitid(SYSCALL_ARGUMENTS)
{
	struct wait_query query = { .options = (uint32_t)a3 };
	struct linux_siginfo info = { 0 };
	int status = query_fill(&query, a0, (int32_t)a1);

	if (status == 0)
		status = query_wait(&query);
	if (status == 0 && query.found == 0 && query.again)
		status = -EAGAIN;
	if (status != 0)
		return status;
	if (query.zombie != NULL)
		process_reap(query.zombie);
	if (query.found != 0) {
		info.number = SIGCHLD;
		info.code = query.code;
		info.child.pid = query.found;
		info.child.uid = query.uid;
		info.child.status = (int32_t)(query.code == CLD_KILLED ? query.status & 127 : query.status >> 8 & 255);
		if (query.code == CLD_CONTINUED)
			info.child.status = SIGCONT;
	}
	if (a2 != 0 && user_write(a2, &info, offsetof(struct linux_siginfo, child.user_time)) != 0)
		return -EFAULT;
	return a4 == 0 ? 0 : usage_store(a4, &query.usage);
}
