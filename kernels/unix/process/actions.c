/* Tables of how signals are handled. A process has one of its own in its page, until it is made to share one with a child
 * (CLONE_SIGHAND without CLONE_THREAD); then both have a record that counts them, which goes with the last. A process leaves it when it
 * runs another program, or when it is freed.
 * Locks: a process's lock > a shared table's. Who looks at one field holds the tree lock, the process's, or is of the process; who writes,
 * or needs an entry as a whole, has the table locked. */
#include "baryon/string.h"
#include "process/internal.h"

struct shared_actions {
	struct mutex lock;
	uint32_t processes;
	struct signal_action actions[SIGNAL_COUNT];
};

void actions_lock(struct process *process)
{
	mutex_lock(&process->lock);
	if (process->shared_actions != NULL)
		mutex_lock(&process->shared_actions->lock);
}

void actions_unlock(struct process *process)
{
	if (process->shared_actions != NULL)
		mutex_unlock(&process->shared_actions->lock);
	mutex_unlock(&process->lock);
}

void actions_copy(struct process *process, struct process *from)
{
	process->actions = process->own_actions;
	actions_lock(from);
	memcpy(process->own_actions, from->actions, sizeof process->own_actions);
	actions_unlock(from);
}

static void actions_put(struct shared_actions *shared)
{
	if (shared != NULL && __atomic_sub_fetch(&shared->processes, 1, __ATOMIC_ACQ_REL) == 0)
		heap_free(shared);
}

/* The caller's table becomes one that others may have too; null: no memory. */
static struct shared_actions *actions_open(struct process *me)
{
	struct shared_actions *shared = heap_alloc(sizeof *shared), *unused = shared;

	if (shared == NULL)
		return NULL;
	mutex_lock(&tree_lock);
	mutex_lock(&me->lock);
	if (me->shared_actions == NULL) {
		memcpy(shared->actions, me->own_actions, sizeof shared->actions);
		shared->processes = 1;
		me->shared_actions = shared;
		__atomic_store_n(&me->actions, shared->actions, __ATOMIC_RELEASE);
		unused = NULL;
	}
	shared = me->shared_actions;
	mutex_unlock(&me->lock);
	mutex_unlock(&tree_lock);
	heap_free(unused);
	return shared;
}

int actions_share(struct process *child)
{
	struct shared_actions *shared = actions_open(self_process());

	if (shared == NULL)
		return -ENOMEM;
	__atomic_fetch_add(&shared->processes, 1, __ATOMIC_RELAXED);
	child->shared_actions = shared;
	child->actions = shared->actions;
	return 0;
}

bool actions_are_shared(const struct process *process)
{
	return process->shared_actions != NULL && __atomic_load_n(&process->shared_actions->processes, __ATOMIC_RELAXED) > 1;
}

void actions_part(struct process *process)
{
	struct shared_actions *shared = process->shared_actions;

	if (shared == NULL)
		return;
	mutex_lock(&tree_lock);
	actions_lock(process);
	memcpy(process->own_actions, shared->actions, sizeof process->own_actions);
	process->actions = process->own_actions;
	process->shared_actions = NULL;
	mutex_unlock(&shared->lock);
	mutex_unlock(&process->lock);
	mutex_unlock(&tree_lock);
	actions_put(shared);
}

void actions_free(struct process *process)
{
	actions_put(process->shared_actions);
}
