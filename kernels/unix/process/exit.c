/* The end of threads and processes, and the init process, which adopts orphans and frees dead threads.
 *
 * A thread cannot free the stack on which it runs. The leader's is freed by whoever reaps the process, the others' by init.
 * A dying thread first moves its base to the grave, an empty space, so that its own space can go at once. */
#include "baryon/calls.h"
#include "baryon/string.h"
#include "calls.h"
#include "process/internal.h"

static struct thread *dead;             /* newest first; atomic */
static struct mutex init_lock;

void dead_add(struct thread *thread)
{
	struct thread *first = __atomic_load_n(&dead, __ATOMIC_RELAXED);

	do {
		thread->dead_next = first;
	} while (!__atomic_compare_exchange_n(&dead, &first, thread, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
	mutex_lock(&init_lock);
	wait_queue_wake(&init_process->child_wait);
	mutex_unlock(&init_lock);
}

static void dead_free(void)
{
	struct thread *thread = __atomic_exchange_n(&dead, NULL, __ATOMIC_ACQUIRE);

	while (thread != NULL) {
		struct thread *next = thread->dead_next;

		thread_destroy(thread);
		thread = next;
	}
}

/* Tells the parent. Returns whether it does not want to know: the process reaps itself. Tree lock. */
static bool parent_notify(struct process *process)
{
	struct process *parent = process->parent;
	const struct signal_action *action = &parent->actions[SIGCHLD - 1];     /* tree lock: the table stays */
	uint32_t status = process->exit_status;
	/* who was not allowed to send another signal when it chose it, or is not any more, tells as all do */
	bool allowed = process->exit_signal == 0 || signal_allowed(parent, (int)process->exit_signal);
	uint32_t number = allowed ? process->exit_signal : SIGCHLD;
	bool ignored = number == SIGCHLD && parent != init_process &&
		(action->handler == SIG_IGN || action->flags & SA_NOCLDWAIT);
	struct linux_siginfo info = { .number = (int32_t)number };

	info.code = (status & 127) == 0 ? CLD_EXITED : CLD_KILLED;
	info.child.pid = process->pid;
	info.child.uid = process->credentials.uid;
	info.child.status = (int32_t)((status & 127) == 0 ? status >> 8 : status & 127);
	if (number != 0)
		signal_post(parent, NULL, (int)number, &info);
	return ignored;
}

static void group_hang_up(int32_t group)
{
	for (struct process *p = process_next(NULL); p != NULL; p = process_next(p)) {
		if (p->group == group && p->state != PROCESS_ZOMBIE) {
			signal_post(p, NULL, SIGHUP, NULL);
			signal_post(p, NULL, SIGCONT, NULL);
		}
	}
}

/* A group that loses its last tie to its session while members are stopped gets SIGHUP and SIGCONT (POSIX, exit). */
static void groups_check(struct process *process, int32_t own_group)
{
	if (!group_is_orphaned_locked(own_group, process) || !group_has_stopped(own_group))
		return;
	group_hang_up(own_group);
}

static void children_give_away(struct process *process)
{
	bool zombies = false;

	while (process->children != NULL) {
		struct process *child = process->children;

		process_adopt(child, init_process);
		child->exit_signal = SIGCHLD;
		zombies |= child->state == PROCESS_ZOMBIE;
		if (child->parent_death_signal != 0)
			signal_post(child, NULL, (int)child->parent_death_signal, NULL);
		if (child->group != process->group)
			groups_check(NULL, child->group);
	}
	if (zombies)
		wait_queue_wake(&init_process->child_wait);
}

/* What the process had is given back while its last thread still runs. */
static void process_release(struct process *process)
{
	struct path_state *paths;
	struct file *executable;
	struct files *files;
	struct space *space;

	timers_end(process);
	semaphores_exit(process);
	mutex_lock(&process->lock);
	files = process->files;
	paths = process->paths;
	executable = process->executable;
	process->files = NULL;
	process->paths = NULL;
	process->executable = NULL;
	mutex_unlock(&process->lock);
	files_exit(files);
	path_state_exit(paths);
	if (executable != NULL)
		file_put(executable);
	vfork_release(process);
	if (thread_rebase(self()->uid, space_grave()) < 0)
		log_line("thread %d keeps its space", self()->tid);
	memory_release_begin();
	mutex_lock(&process->lock);
	process_usage_end(process);
	space = process->space;
	process->space = NULL;
	mutex_unlock(&process->lock);
	space_put(space);
	memory_release_end();
}

static void session_leave(struct process *process)
{
	struct session *session = process->session;

	if (session != NULL && session->id == process->pid)
		terminal_session_ended(session);
}

/* Becomes a zombie, or goes at once if nobody wants to know. */
static void process_end(struct process *process)
{
	struct process *parent;
	bool unwanted;

	mutex_lock(&tree_lock);
	children_give_away(process);
	groups_check(process, process->group);
	mutex_lock(&process->lock);
	for (struct thread *t = process->threads; t != NULL; t = t->next_in_process)
		thread_time_keep(process, t);
	process->state = PROCESS_ZOMBIE;
	mutex_unlock(&process->lock);
	if (process->watch != NULL)
		process_watch_ended(process);
	parent = process->parent;
	unwanted = parent_notify(process);
	wait_queue_wake(&parent->child_wait);
	if (unwanted) {
		process_adopt(process, init_process);
		wait_queue_wake(&init_process->child_wait);
	}
	mutex_unlock(&tree_lock);
}

static void clear_tid(struct thread *me)
{
	int32_t zero = 0;

	if (me->clear_tid == 0)
		return;
	if (__atomic_load_n(&me->process->space->references, __ATOMIC_RELAXED) > 1 || me->process->thread_count > 1) {
		if (user_write(me->clear_tid, &zero, sizeof zero) == 0)
			futex_wake_address(me->clear_tid, 1);
	}
	me->clear_tid = 0;
}

/* Takes a thread out of its process's list; it is not the leader. Tree lock and process lock. */
static void thread_unlink(struct thread *thread)
{
	struct thread **link = &thread->process->threads;

	while (*link != thread)
		link = &(*link)->next_in_process;
	*link = thread->next_in_process;
	process_count_thread(thread->process, -1);
	pid_put(thread->tid);
}

void thread_abandon(struct thread *thread)
{
	struct process *process = thread->process;

	mutex_lock(&tree_lock);
	mutex_lock(&process->lock);
	process->thread_count--;
	thread_unlink(thread);
	mutex_unlock(&process->lock);
	mutex_unlock(&tree_lock);
	thread_destroy(thread);
}

/* The calling thread no longer counts. The tree lock is held to the end of it: whoever is the last ends the process under that lock,
 * and may free it as soon as the others have let go. Returns whether the caller is the last. */
static bool thread_count_out(struct thread *me)
{
	struct process *process = me->process;
	bool last;

	mutex_lock(&tree_lock);
	mutex_lock(&process->lock);
	if (me != process->leader) {
		thread_time_keep(process, me);
		thread_unlink(me);
	}
	last = --process->thread_count == 0;
	wait_queue_wake(&process->stop_wait);
	mutex_unlock(&process->lock);
	mutex_unlock(&tree_lock);
	return last;
}

void thread_exit(void)
{
	struct thread *me = self();
	struct process *process = me->process;
	bool leads;

	me->gone = 1;
	step_drop();
	if (me->robust_list != 0)
		robust_list_end(me);
	futex_owner_ends(me);
	clear_tid(me);
	if (process->thread_count > 1 && thread_rebase(me->uid, space_grave()) < 0)
		log_line("thread %d keeps its space", me->tid);
	leads = me == process->leader;
	if (thread_count_out(me)) {
		session_leave(process);
		process_release(process);
		process_end(process);
	}
	if (!leads)
		dead_add(me);
	thread_leave();
}

void process_exit(uint32_t status)
{
	struct process *process = self_process();

	mutex_lock(&process->lock);
	if (!process->exiting) {
		process->exiting = 1;
		process->exit_status = status;
		for (struct thread *t = process->threads; t != NULL; t = t->next_in_process) {
			work_add(t, WORK_LEAVE);
			if (t != self())
				thread_alert(t);
		}
	}
	mutex_unlock(&process->lock);
	wait_queue_wake(&process->stop_wait);
	thread_exit();
}

int64_t sys_exit(SYSCALL_ARGUMENTS)
{
	struct process *process = self_process();

	if (process->thread_count == 1)
		process_exit((uint32_t)(a0 & 255) << 8);
	thread_exit();
}

int64_t sys_exit_group(SYSCALL_ARGUMENTS)
{
	process_exit((uint32_t)(a0 & 255) << 8);
}

/* Frees a zombie that is out of the tree. */
void process_reap(struct process *process)
{
	thread_destroy(process->leader);
	process_free(process);
}

/* One zombie child of init, out of the tree; null: none. */
static struct process *orphan_take(void)
{
	struct process *child;

	mutex_lock(&tree_lock);
	for (child = init_process->children; child != NULL; child = child->sibling_next) {
		if (child->state == PROCESS_ZOMBIE)
			break;
	}
	if (child != NULL) {
		process_unlink(child);
		pid_put(child->pid);
	}
	mutex_unlock(&tree_lock);
	return child;
}

static int exit_code(uint32_t status)
{
	return (int)(status & 127 ? 128 + (status & 127) : status >> 8 & 255);
}

static bool init_work(struct process *first)
{
	struct process *child = orphan_take();

	dead_free();
	if (child == NULL)
		return false;
	if (child == first) {
		calls_unknown_say();
		console_exit(exit_code(child->exit_status));
	}
	process_reap(child);
	return true;
}

void init_main(void *argument)
{
	struct process *first = argument;

	for (;;) {
		struct waiter waiter;

		waiter_add(&waiter, &init_process->child_wait);
		if (!init_work(first))
			(void)wait_sleep(&waiter, 1, false, 0);
		waiter_remove(&waiter);
	}
}
