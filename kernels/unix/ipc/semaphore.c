/* Semaphores: semget, semop, semtimedop. */
#include "ipc/semaphore.h"

static void set_free(struct ipc_object *object)
{
	array_free(&((struct semaphore_set *)object)->values);
	heap_free(object);
}

static void set_end(struct ipc_object *object)
{
	struct semaphore_set *set = (struct semaphore_set *)object;

	while (set->waiting.first)
		ipc_line_end(&set->waiting, set->waiting.first, -EIDRM);
	undos_end(set);
}

struct ipc_table semaphore_sets = {.limit = SEMMNI, .end = set_end, .free = set_free, .highest = -1, .last = -1};

/* ---- semget ---- */

static int set_suits(const struct ipc_object *object, const struct ipc_wanted *wanted)
{
	return wanted->size > ((const struct semaphore_set *)object)->values.count ? -EINVAL : 0;
}

static int set_make(const struct ipc_wanted *wanted, struct ipc_object **out)
{
	struct semaphore_set *set;

	if (wanted->size == 0)
		return -EINVAL;
	if (files_are_full(wanted->size * sizeof(struct semaphore) / PAGE_BYTES + 1))
		return -ENOSPC;
	set = heap_alloc(sizeof(*set));
	if (!set)
		return -ENOMEM;
	if (array_make(&set->values, (uint32_t)wanted->size, sizeof(struct semaphore))) {
		heap_free(set);
		return -ENOMEM;
	}
	*out = &set->object;
	return 0;
}

int64_t sys_semget(SYSCALL_ARGUMENTS)
{
	struct ipc_wanted wanted = {
		.key = (int32_t)a0, .size = (uint32_t)a1, .flags = (uint32_t)a2, .suits = set_suits, .make = set_make,
	};

	return wanted.size > SEMMSL ? -EINVAL : ipc_get(&semaphore_sets, &wanted);
}

/* ---- operations ---- */

enum { SEMAPHORE_WAITS = 1 };

/* 0: done; SEMAPHORE_WAITS, -EAGAIN, -ERANGE: nothing is changed. */
static int operation_do(struct semaphore_set *set, const struct linux_sembuf *operation, struct semaphore_undo *undo)
{
	struct semaphore *semaphore = semaphore_at(set, operation->number);
	int value = (int)semaphore->value + operation->operation, change;

	if (value < 0 || (operation->operation == 0 && value))
		return operation->flags & IPC_NOWAIT ? -EAGAIN : SEMAPHORE_WAITS;
	if (value > SEMVMX)
		return -ERANGE;
	if (operation->flags & SEM_UNDO) {
		change = *undo_at(undo, operation->number) - operation->operation;
		if (change < -SEMAEM - 1 || change > SEMAEM)
			return -ERANGE;
		*undo_at(undo, operation->number) = (int16_t)change;
	}
	semaphore->value = (uint32_t)value;
	return 0;
}

static void operation_take_back(struct semaphore_set *set, const struct linux_sembuf *operation, struct semaphore_undo *undo)
{
	semaphore_at(set, operation->number)->value -= (uint32_t)operation->operation;
	if (operation->flags & SEM_UNDO)
		*undo_at(undo, operation->number) = (int16_t)(*undo_at(undo, operation->number) + operation->operation);
}

/* All operations or none. 0, SEMAPHORE_WAITS, -EAGAIN, -ERANGE. */
static int operations_do(struct semaphore_set *set, struct semaphore_wait *wait)
{
	int status = 0;
	unsigned i;

	for (i = 0; i < wait->count && status == 0; i++)
		status = operation_do(set, &wait->operations[i], wait->undo);
	if (status) {
		wait->blocking = --i;
		while (i-- > 0)
			operation_take_back(set, &wait->operations[i], wait->undo);
		return status;
	}
	for (i = 0; i < wait->count; i++)
		semaphore_at(set, wait->operations[i].number)->pid = wait->pid;
	set->operated = ipc_seconds();
	return 0;
}

static bool wait_alters(const struct semaphore_wait *wait)
{
	for (unsigned i = 0; i < wait->count; i++)
		if (wait->operations[i].operation)
			return true;
	return false;
}

/* ---- waiting ---- */

void semaphores_changed(struct semaphore_set *set)
{
	struct ipc_waiter *waiter = set->waiting.first, *next;

	for (; waiter; waiter = next) {
		struct semaphore_wait *wait = (struct semaphore_wait *)waiter;
		int status = operations_do(set, wait);
		bool again = status == 0 && wait_alters(wait);

		next = waiter->next;
		if (status == SEMAPHORE_WAITS)
			continue;
		ipc_line_end(&set->waiting, waiter, status);
		if (again)
			next = set->waiting.first;
	}
}

/* Until somebody has done the operations. */
static int wait_for(struct semaphore_set *set, struct semaphore_wait *wait, uint64_t deadline)
{
	int status = ipc_line_wait(&set->waiting, &wait->waiter, &set->object.lock, deadline);

	return status == -ETIMEDOUT ? -EAGAIN : status == -ERESTARTSYS ? -EINTR : status;
}

/* ---- semop ---- */

struct asked {                  /* of a list of operations */
	uint32_t most;              /* the highest number */
	bool alters, undoes;
};

static struct asked operations_look(const struct linux_sembuf *operations, unsigned count)
{
	struct asked asked = {0};

	for (unsigned i = 0; i < count; i++) {
		if (operations[i].number > asked.most)
			asked.most = operations[i].number;
		asked.alters |= operations[i].operation != 0;
		asked.undoes |= operations[i].flags & SEM_UNDO;
	}
	return asked;
}

static int operate_locked(struct semaphore_set *set, struct semaphore_wait *wait, uint64_t deadline, bool may_wait)
{
	struct asked asked = operations_look(wait->operations, wait->count);
	int status = asked.most >= set->values.count ? -EFBIG : ipc_allowed(&set->object, asked.alters ? 0222 : 0444);

	if (status)
		return status;
	if (asked.undoes) {
		wait->undo = undo_of(set, self_process());
		if (!wait->undo)
			return -ENOMEM;
	}
	status = operations_do(set, wait);
	if (status == SEMAPHORE_WAITS)
		return may_wait ? wait_for(set, wait, deadline) : -EAGAIN;
	if (status == 0 && asked.alters)
		semaphores_changed(set);
	return status;
}

static int64_t operate(int32_t id, const struct linux_sembuf *operations, unsigned count, uint64_t deadline, bool may_wait)
{
	struct semaphore_wait wait = {.operations = operations, .count = count, .pid = self_process()->pid};
	struct ipc_object *object;
	int status = ipc_take(&semaphore_sets, id, &object);

	if (status)
		return status;
	status = operate_locked((struct semaphore_set *)object, &wait, deadline, may_wait);
	ipc_leave(&semaphore_sets, object);
	return status;
}

int64_t sys_semtimedop(SYSCALL_ARGUMENTS)
{
	enum { SMALL = 8 };
	struct linux_sembuf small[SMALL], *operations = small;
	unsigned count = (uint32_t)a2;
	uint64_t deadline = 0;
	bool may_wait = true;
	int64_t status = a3 ? timespec_read(a3, &deadline, &may_wait) : 0;

	if (status)
		return status;
	if (count < 1 || (int32_t)a0 < 0)
		return -EINVAL;
	if (count > SEMOPM)
		return -E2BIG;
	if (count > SMALL)
		operations = heap_alloc_any(count * sizeof(*operations));
	if (!operations)
		return -ENOMEM;
	status = user_read(operations, a1, count * sizeof(*operations));
	if (status == 0)
		status = operate((int32_t)a0, operations, count, deadline, may_wait);
	if (operations != small)
		heap_free(operations);
	return status;
}

int64_t sys_semop(SYSCALL_ARGUMENTS)
{
	return sys_semtimedop(a0, a1, a2, 0, 0, 0);
}
