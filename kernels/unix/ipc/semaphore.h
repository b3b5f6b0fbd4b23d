/* Sets of semaphores, between their files: semaphore.c (semget, semop), undo.c, semaphore_control.c (semctl).
 *
 * Who cannot go on is in the set's list, in the order of coming. Whoever changes a value does the operations of those who can go on
 * then, and wakes them; so nobody who comes later is faster than one who is in the list already. */
#ifndef UNIX_IPC_SEMAPHORE_H
#define UNIX_IPC_SEMAPHORE_H

#include "ipc/ipc.h"

struct semaphore {
	uint32_t value;             /* 0..SEMVMX */
	int32_t pid;                /* of the last operation on it */
};

struct semaphore_set {
	struct ipc_object object;   /* its lock guards everything here */
	struct array values;
	int64_t operated;           /* seconds; 0: never */
	struct ipc_line waiting;    /* struct semaphore_wait */
	struct semaphore_undo *undos;
};

struct semaphore_wait {
	struct ipc_waiter waiter;
	const struct linux_sembuf *operations;
	unsigned count, blocking;   /* operations, and which of them cannot be done */
	struct semaphore_undo *undo;
	int32_t pid;
};

/* What an exit of a process changes in a set. Its process's list is guarded by undo_lock, the set's by the set's lock. */
struct semaphore_undo {
	struct semaphore_undo *next_of_process, *next_of_set;
	struct process *process;
	struct semaphore_set *set;
	struct array changes;       /* int16_t, for each semaphore */
};

extern struct ipc_table semaphore_sets;

static inline struct semaphore *semaphore_at(const struct semaphore_set *set, unsigned number)
{
	return array_at(&set->values, number);
}

static inline int16_t *undo_at(const struct semaphore_undo *undo, unsigned number)
{
	return array_at(&undo->changes, number);
}

/* All with the set's lock held. */
void semaphores_changed(struct semaphore_set *set);    /* those who can go on now do */
struct semaphore_undo *undo_of(struct semaphore_set *set, struct process *process);    /* made if need be; null: no memory */
void undos_forget(struct semaphore_set *set, unsigned number, unsigned count);          /* values were set: of so many, from there on */
void undos_end(struct semaphore_set *set);

#endif
