/* The tree of processes: ids, parents, process groups. All under the tree lock. */
#include "baryon/string.h"
#include "process/internal.h"

struct pid_entry {
	struct thread *thread;      /* null: no thread has this id now */
	uint32_t members;           /* processes whose group or session it names */
	uint32_t held;              /* a thread or a zombie has it */
};

struct mutex tree_lock;
struct process *init_process;

static struct pid_entry *pids;
static int32_t pid_last;
static struct process *all;
static struct mutex terminal_lock;

void pids_init(void)
{
	pids = page_address(page_reserve(PID_LIMIT * sizeof *pids / PAGE_BYTES));
}

static bool pid_is_free(int32_t pid)
{
	return pids[pid].members == 0 && !pids[pid].held;
}

int32_t pid_take(void)
{
	for (int32_t tries = 1; tries < PID_LIMIT; tries++) {
		pid_last = pid_last + 1 < PID_LIMIT ? pid_last + 1 : 2;
		if (pid_is_free(pid_last)) {
			pids[pid_last].held = 1;
			return pid_last;
		}
	}
	return 0;
}

void pid_set_thread(int32_t pid, struct thread *thread)
{
	pids[pid].thread = thread;
}

void thread_names_each(void (*visit)(baryon_uid thread))
{
	for (int32_t pid = 1; pid < PID_LIMIT; pid++) {
		struct thread *thread = __atomic_load_n(&pids[pid].thread, __ATOMIC_RELAXED);

		if (thread != NULL)
			visit(__atomic_load_n(&thread->uid, __ATOMIC_RELAXED));
	}
}

void pid_put(int32_t pid)
{
	pids[pid].thread = NULL;
	pids[pid].held = 0;
}

struct thread *thread_of_pid(int32_t tid)
{
	return tid > 0 && tid < PID_LIMIT ? pids[tid].thread : NULL;
}

struct thread *thread_of_key(struct process_key key)
{
	struct thread *thread = thread_of_pid(key.pid);

	return thread != NULL && thread->process->leader != NULL && thread->process->started_ns == key.started_ns ? thread : NULL;
}

struct process *process_of_pid(int32_t pid)
{
	struct thread *thread = thread_of_pid(pid);

	return thread != NULL && thread->process->pid == pid ? thread->process : NULL;
}

static void child_link(struct process *process, struct process *parent)
{
	process->parent = parent;
	process->sibling_previous = NULL;
	process->sibling_next = parent->children;
	if (parent->children != NULL)
		parent->children->sibling_previous = process;
	parent->children = process;
}

static void child_unlink(struct process *process)
{
	if (process->sibling_previous != NULL)
		process->sibling_previous->sibling_next = process->sibling_next;
	else if (process->parent != NULL)
		process->parent->children = process->sibling_next;
	if (process->sibling_next != NULL)
		process->sibling_next->sibling_previous = process->sibling_previous;
}

void process_link(struct process *process, struct process *parent)
{
	child_link(process, parent);
	process->all_next = all;
	if (all != NULL)
		all->all_previous = process;
	all = process;
}

void process_adopt(struct process *process, struct process *parent)
{
	child_unlink(process);
	child_link(process, parent);
}

void process_unlink(struct process *process)
{
	if (process->watch != NULL)
		process_watch_lost(process);
	child_unlink(process);
	if (process->all_previous != NULL)
		process->all_previous->all_next = process->all_next;
	else
		all = process->all_next;
	if (process->all_next != NULL)
		process->all_next->all_previous = process->all_previous;
	group_join(process, 0);
	session_join(process, NULL);
}

struct process *process_next(struct process *process)
{
	return process == NULL ? all : process->all_next;
}

void pid_name(int32_t pid, int change)
{
	pids[pid].members += (uint32_t)change;
}

void group_join(struct process *process, int32_t group)
{
	if (process->group != 0)
		pid_name(process->group, -1);
	if (group != 0)
		pid_name(group, 1);
	process->group = group;
}

bool group_is_orphaned_locked(int32_t group, const struct process *except)
{
	for (struct process *p = all; p != NULL; p = p->all_next) {
		if (p->group != group || p == except || p->state == PROCESS_ZOMBIE || p->parent == init_process)
			continue;
		if (p->parent->group != group && p->parent->session == p->session)
			return false;
	}
	return true;
}

bool group_has_stopped(int32_t group)
{
	for (struct process *p = all; p != NULL; p = p->all_next) {
		if (p->group == group && p->state == PROCESS_STOPPED)
			return true;
	}
	return false;
}

bool group_is_orphaned(int32_t group)
{
	bool orphaned;

	mutex_lock(&tree_lock);
	orphaned = group_is_orphaned_locked(group, NULL);
	mutex_unlock(&tree_lock);
	return orphaned;
}

int group_check(int32_t group, struct session *session)
{
	bool found = false, known = false;

	mutex_lock(&tree_lock);
	for (struct process *p = all; p != NULL && !found; p = p->all_next) {
		found = p->group == group && p->session == session;
		known |= p->group == group || p->pid == group;
	}
	mutex_unlock(&tree_lock);
	return found ? 0 : known ? -EPERM : -ESRCH;
}

void process_each(bool (*visit)(struct process *process, void *argument), void *argument)
{
	mutex_lock(&tree_lock);
	for (struct process *p = all; p != NULL && visit(p, argument); p = p->all_next)
		;
	mutex_unlock(&tree_lock);
}

void session_lock(void)
{
	mutex_lock(&terminal_lock);
}

void session_unlock(void)
{
	mutex_unlock(&terminal_lock);
}
