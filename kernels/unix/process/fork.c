/* New processes, and new threads of a process: what fork, vfork and clone (clone.c) do. */
#include "baryon/calls.h"
#include "baryon/string.h"
#include "process/internal.h"

struct process *process_create(struct process *parent)
{
	page_index page = page_alloc();
	struct process *process = page_address(page);

	if (page == 0)
		return NULL;
	mutex_lock(&parent->lock);
	process->credentials = parent->credentials;
	mutex_unlock(&parent->lock);
	memcpy(process->rlimits, parent->rlimits, sizeof process->rlimits);
	memcpy(process->name, parent == self_process() ? thread_name(self()) : parent->name, sizeof process->name);
	process->score_adjust = parent->score_adjust;
	process->score_least = parent->score_least;
	process->dump_filter = parent->dump_filter;
	actions_copy(process, parent);
	process->dumpable = parent->dumpable;
	process->no_new_privileges = parent->no_new_privileges;
	process->nice = self()->reset_on_fork && parent->nice < 0 ? 0 : parent->nice;
	process->exit_signal = SIGCHLD;
	process->started_ns = time_monotonic();
	process->executable = parent->executable;
	if (process->executable != NULL)
		file_get(process->executable);
	return process;
}

void process_free(struct process *process)
{
	signals_free(process->queued);
	actions_free(process);
	page_put(page_of_address(process));
}

/* Undoes a child that never ran. */
static void child_abandon(struct process *child)
{
	timers_end(child);
	if (child->files != NULL)
		files_exit(child->files);
	if (child->paths != NULL)
		path_state_exit(child->paths);
	if (child->leader != NULL)
		thread_destroy(child->leader);
	if (child->space != NULL)
		space_put(child->space);
	if (child->executable != NULL)
		file_put(child->executable);
	process_free(child);
}

static struct thread *child_thread(struct process *process, const struct clone_arguments *clone)
{
	struct thread *me = self(), *thread;
	struct registers registers = thread_frame(me)->registers;

	registers.rax = 0;
	if (clone->stack != 0)
		registers.rsp = clone->stack;
	thread = thread_create(process, &registers);
	if (thread == NULL)
		return NULL;
	xstate_save(thread_home_of(thread)->xstate);
	thread->fs_base = clone->flags & CLONE_SETTLS ? clone->tls : me->fs_base;
	thread->gs_base = me->gs_base;
	thread->mask = me->mask;
	if (!me->reset_on_fork || (me->policy != SCHED_FIFO && me->policy != SCHED_RR)) {
		thread->policy = me->policy;
		thread->realtime_priority = me->realtime_priority;
	}
	thread->affinity = me->affinity;
	thread->timer_slack = thread->timer_slack_default = me->timer_slack;
	memcpy(thread->name, thread_name(me), sizeof thread->name);
	if (clone->flags & CLONE_CHILD_CLEARTID)
		thread->clear_tid = clone->child_tid;
	return thread;
}

/* Gives the child its parts. 0 or -ENOMEM: then child_abandon. */
static int child_fill(struct process *child, const struct clone_arguments *clone)
{
	struct process *me = self_process();
	struct thread *thread;

	if (clone->flags & CLONE_VM) {
		child->space = me->space;
		space_get(child->space);
	} else {
		child->space = space_fork(me->space);
	}
	child->files = clone->flags & CLONE_FILES ? files_share(me->files) : files_fork(me->files);
	child->paths = clone->flags & CLONE_FS ? path_state_share(me->paths) : path_state_fork(me->paths);
	if (child->space == NULL || child->files == NULL || child->paths == NULL)
		return -ENOMEM;
	if (clone->flags & CLONE_SIGHAND && actions_share(child) != 0)
		return -ENOMEM;
	thread = child_thread(child, clone);
	if (thread == NULL)
		return -ENOMEM;
	if (!(clone->flags & CLONE_VM) || clone->flags & CLONE_VFORK) {
		thread->alternate_stack = self()->alternate_stack;
		thread->alternate_bytes = self()->alternate_bytes;
		thread->alternate_flags = self()->alternate_flags;
	}
	child->leader = child->threads = thread;
	child->thread_count = 1;
	return 0;
}

/* Whether the session has as many threads as one may, or the user as RLIMIT_NPROC allows; for root that does not count. Tree lock. */
static bool user_is_full(const struct process *me)
{
	uint64_t limit = me->rlimits[RLIMIT_NPROC].soft, count = 0;
	uint32_t user = me->credentials.uid;

	if (session_is_full(me->session))
		return true;
	if (user == 0 || credentials_can(&me->credentials, CAP_SYS_RESOURCE) || credentials_can(&me->credentials, CAP_SYS_ADMIN))
		return false;
	for (struct process *p = process_next(NULL); p != NULL && count < limit; p = process_next(p))
		count += p->credentials.uid != user ? 0 : p->state == PROCESS_ZOMBIE ? 1 : p->thread_count;
	return count >= limit;
}

/* Gives the child its place in the tree. 0, -EAGAIN: no id, -ERESTARTNOINTR: a signal comes first. A signal to a group so reaches all of
 * it: no child of somebody who has it already, and who is about to end of it, is made behind its back. */
static int child_place(struct process *child, const struct clone_arguments *clone)
{
	struct process *me = self_process();
	int32_t pid;

	mutex_lock(&tree_lock);
	if (signal_is_pending()) {
		mutex_unlock(&tree_lock);
		return -ERESTARTNOINTR;
	}
	pid = user_is_full(me) ? 0 : pid_take();
	if (pid != 0) {
		child->pid = pid;
		child->leader->tid = pid;
		pid_set_thread(pid, child->leader);
		process_link(child, clone->flags & CLONE_PARENT ? me->parent : me);
		group_join(child, me->group);
		session_join(child, me->session);
		thread_turn_set(child->leader);
	}
	mutex_unlock(&tree_lock);
	if (pid != 0)
		cpu_limit_start(child);
	return pid == 0 ? -EAGAIN : 0;
}

static void child_unplace(struct process *child)
{
	mutex_lock(&tree_lock);
	process_unlink(child);
	pid_put(child->pid);
	mutex_unlock(&tree_lock);
}

/* A thread that waits until its child has let go of the space. The child knows it until then, or until the waiter is killed. */
struct vfork {
	struct process *waiter;
	bool done;                  /* the waiter's lock */
};

/* Only death interrupts it. Until it is done the child is there, whoever its parent is. */
static void vfork_wait(struct process *child, struct vfork *vfork)
{
	struct process *me = vfork->waiter;

	mutex_lock(&me->lock);
	while (!vfork->done && !signal_is_killing())
		(void)wait_queue_sleep(&me->stop_wait, &me->lock, false, 0);
	mutex_unlock(&me->lock);
	mutex_lock(&tree_lock);
	if (!vfork->done)
		child->vfork = NULL;
	mutex_unlock(&tree_lock);
}

void vfork_release(struct process *process)
{
	struct process *waiter;

	if (process->vfork == NULL)
		return;
	mutex_lock(&tree_lock);
	if (process->vfork != NULL) {
		waiter = process->vfork->waiter;
		mutex_lock(&waiter->lock);
		process->vfork->done = true;
		process->vfork = NULL;
		wait_queue_wake(&waiter->stop_wait);
		mutex_unlock(&waiter->lock);
	}
	mutex_unlock(&tree_lock);
}

static int tids_store(const struct clone_arguments *clone, int32_t tid)
{
	if (clone->flags & CLONE_PARENT_SETTID && user_write(clone->parent_tid, &tid, sizeof tid) != 0)
		return -EFAULT;
	return 0;
}

/* CLONE_CHILD_SETTID in a space of the child's own: the page is copied for it first. */
static void child_tid_store(struct process *child, uint64_t address, int32_t tid)
{
	if (child->space == self_process()->space)
		(void)user_write(address, &tid, sizeof tid);
	else if (address % sizeof tid == 0)
		(void)space_own_write(child->space, address, &tid, sizeof tid);
}

/* Undoes a child that has its place in the tree, but never ran. */
static void child_undo(struct process *child)
{
	child_unplace(child);
	child_abandon(child);
}

/* CLONE_PIDFD. The child has a table of descriptors of its own already. */
static int pidfd_store(struct process *child, uint64_t to)
{
	int64_t descriptor = process_file_of(child);
	int32_t number = (int32_t)descriptor;

	if (descriptor < 0)
		return (int)descriptor;
	if (user_write(to, &number, sizeof number) == 0)
		return 0;
	(void)sys_close((uint64_t)number, 0, 0, 0, 0, 0);
	return -EFAULT;
}

/* Looked at before the child is made, for a fork bomb goes on asking when its session is full. Who is refused sleeps, for longer the more
 * there are of them, so that all of them together ask about ten times in a millisecond and leave the processors to others. */
static bool session_refuses(const struct process *me)
{
	enum { REST_NS = 100000 };
	struct wait_queue never = { 0 };
	uint64_t rest;
	bool full;

	mutex_lock(&tree_lock);
	full = session_is_full(me->session);
	rest = (uint64_t)REST_NS * me->session->clan->count.processes;
	mutex_unlock(&tree_lock);
	if (full)
		(void)wait_queue_sleep(&never, NULL, true, time_monotonic() + rest);
	return full;
}

int64_t clone_process(const struct clone_arguments *clone)
{
	struct process *me = self_process(), *child;
	struct vfork vfork = { .waiter = me };
	int32_t pid;
	int status;

	if (session_refuses(me))
		return -EAGAIN;
	child = page_is_very_short() ? NULL : process_create(me);
	if (child == NULL)
		return -ENOMEM;
	child->exit_signal = clone->flags & CLONE_PARENT ? me->exit_signal : clone->exit_signal;
	if (clone->flags & CLONE_CLEAR_SIGHAND)
		signals_default(child);
	status = child_fill(child, clone);
	if (status == 0)
		status = child_place(child, clone);
	if (status != 0) {
		child_abandon(child);
		return status;
	}
	pid = child->pid;
	status = clone->flags & CLONE_PIDFD ? pidfd_store(child, clone->pidfd) : 0;
	if (status != 0) {
		child_undo(child);
		return status;
	}
	if (clone->flags & CLONE_CHILD_SETTID)
		child_tid_store(child, clone->child_tid, pid);
	(void)tids_store(clone, pid);
	if (clone->flags & CLONE_VFORK)
		child->vfork = &vfork;
	status = thread_load(child->leader);
	if (status != 0) {
		child_undo(child);
		return status;
	}
	if (clone->flags & CLONE_VFORK)
		vfork_wait(child, &vfork);
	return pid;
}

/* A thread enters its process's list, unless the process is ending. 0, -EAGAIN. */
static int thread_place(struct thread *thread)
{
	struct process *me = self_process();
	int status = -EAGAIN;

	mutex_lock(&tree_lock);
	mutex_lock(&me->lock);
	if (!me->exiting) {
		thread->tid = user_is_full(me) ? 0 : pid_take();
		status = thread->tid == 0 ? -EAGAIN : 0;
	}
	if (status == 0) {
		pid_set_thread(thread->tid, thread);
		thread->next_in_process = me->threads;
		me->threads = thread;
		me->thread_count++;
		process_count_thread(me, 1);
		thread_turn_set(thread);
	}
	mutex_unlock(&me->lock);
	mutex_unlock(&tree_lock);
	return status;
}

int64_t clone_thread(const struct clone_arguments *clone)
{
	struct thread *thread = page_is_very_short() ? NULL : child_thread(self_process(), clone);
	int32_t tid;

	if (thread == NULL)
		return -ENOMEM;
	if (thread_place(thread) != 0) {
		thread_destroy(thread);
		return -EAGAIN;
	}
	tid = thread->tid;
	if (clone->flags & CLONE_CHILD_SETTID)
		(void)user_write(clone->child_tid, &tid, sizeof tid);
	(void)tids_store(clone, tid);
	if (thread_load(thread) != 0) {
		thread_abandon(thread);
		return -EAGAIN;
	}
	return tid;
}
