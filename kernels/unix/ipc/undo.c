/* SEM_UNDO: what a process did to semaphores is taken back when it ends. A record for each process and set, made at the first use,
 * goes with the one that ends first. Threads share it; a child of fork begins without. */
#include "ipc/semaphore.h"

static struct mutex undo_lock;  /* the lists of all processes */

struct semaphore_undo *undo_of(struct semaphore_set *set, struct process *process)
{
	struct semaphore_undo *undo = set->undos;

	while (undo && undo->process != process)
		undo = undo->next_of_set;
	if (undo || files_are_full(set->values.count * sizeof(int16_t) / PAGE_BYTES + 1))
		return undo;
	undo = heap_alloc(sizeof(*undo));
	if (!undo || array_make(&undo->changes, set->values.count, sizeof(int16_t))) {
		heap_free(undo);
		return 0;
	}
	undo->process = process;
	undo->set = set;
	undo->next_of_set = set->undos;
	set->undos = undo;
	mutex_lock(&undo_lock);
	undo->next_of_process = process->undos;
	process->undos = undo;
	mutex_unlock(&undo_lock);
	return undo;
}

void undos_forget(struct semaphore_set *set, unsigned number, unsigned count)
{
	for (struct semaphore_undo *undo = set->undos; undo; undo = undo->next_of_set)
		for (unsigned i = 0; i < count; i++)
			*undo_at(undo, number + i) = 0;
}

/* Out of both lists. False: it is not there any more. The set's lock is held. */
static bool undo_unlink(struct semaphore_undo *undo, struct semaphore_set *set, struct process *process)
{
	struct semaphore_undo **of_process = &process->undos, **of_set = &set->undos;

	mutex_lock(&undo_lock);
	while (*of_process && *of_process != undo)
		of_process = &(*of_process)->next_of_process;
	if (*of_process)
		*of_process = undo->next_of_process;
	else
		undo = 0;
	mutex_unlock(&undo_lock);
	if (!undo)
		return false;
	while (*of_set != undo)
		of_set = &(*of_set)->next_of_set;
	*of_set = undo->next_of_set;
	return true;
}

static void undo_free(struct semaphore_undo *undo)
{
	array_free(&undo->changes);
	heap_free(undo);
}

void undos_end(struct semaphore_set *set)
{
	while (set->undos) {
		struct semaphore_undo *undo = set->undos;

		(void)undo_unlink(undo, set, undo->process);
		undo_free(undo);
	}
}

/* The values stay between the ends of their range. */
static void undo_do(struct semaphore_undo *undo)
{
	struct semaphore_set *set = undo->set;

	for (unsigned i = 0; i < set->values.count; i++) {
		struct semaphore *semaphore = semaphore_at(set, i);
		int change = *undo_at(undo, i), value = (int)semaphore->value + change;

		if (!change)
			continue;
		semaphore->value = (uint32_t)(value < 0 ? 0 : value > SEMVMX ? SEMVMX : value);
		semaphore->pid = undo->process->pid;
	}
	set->operated = ipc_seconds();
	semaphores_changed(set);
}

/* The first of a process's records, its set with a reference. Null: none. As long as a record is in the list its set is there. */
static struct semaphore_undo *undo_first(struct process *process, struct semaphore_set **set)
{
	struct semaphore_undo *undo;

	mutex_lock(&undo_lock);
	undo = process->undos;
	if (undo) {
		*set = undo->set;
		__atomic_fetch_add(&(*set)->object.references, 1, __ATOMIC_RELAXED);
	}
	mutex_unlock(&undo_lock);
	return undo;
}

void semaphores_exit(struct process *process)
{
	struct semaphore_undo *undo;
	struct semaphore_set *set;

	while (process->undos && (undo = undo_first(process, &set))) {
		mutex_lock(&set->object.lock);
		if (undo_unlink(undo, set, process)) {
			undo_do(undo);
			undo_free(undo);
		}
		ipc_leave(&semaphore_sets, &set->object);
	}
}
