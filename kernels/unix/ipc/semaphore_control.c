/* semctl, and /proc/sysvipc/sem. */
#include "ipc/semaphore.h"

/* Finds and locks a set for somebody with that right. 0, -EACCES and as ipc_take: nothing is held. */
static int set_take(int32_t id, uint32_t right, struct semaphore_set **set)
{
	struct ipc_object *object;
	int status = ipc_take(&semaphore_sets, id, &object);

	*set = (struct semaphore_set *)object;
	if (status)
		return status;
	status = ipc_allowed(object, right);
	if (status)
		ipc_leave(&semaphore_sets, object);
	return status;
}

/* ---- one semaphore ---- */

/* Of those who wait, how many do for a larger value, or for zero. */
static int64_t waiting_count(const struct semaphore_set *set, uint32_t number, bool zero)
{
	int64_t count = 0;

	for (const struct ipc_waiter *waiter = set->waiting.first; waiter; waiter = waiter->next) {
		const struct semaphore_wait *wait = (const struct semaphore_wait *)waiter;
		const struct linux_sembuf *operation = &wait->operations[wait->blocking];

		count += operation->number == number && (operation->operation == 0) == zero;
	}
	return count;
}

static int64_t value_get(const struct semaphore_set *set, uint32_t number, uint32_t command)
{
	if (number >= set->values.count)
		return -EINVAL;
	switch (command) {
	case GETVAL:
		return semaphore_at(set, number)->value;
	case GETPID:
		return semaphore_at(set, number)->pid;
	}
	return waiting_count(set, number, command == GETZCNT);
}

static int64_t control_value(int32_t id, uint32_t number, uint32_t command)
{
	struct semaphore_set *set;
	int64_t result = set_take(id, 0444, &set);

	if (result)
		return result;
	result = value_get(set, number, command);
	ipc_leave(&semaphore_sets, &set->object);
	return result;
}

static void value_set(struct semaphore_set *set, uint32_t number, uint32_t value)
{
	semaphore_at(set, number)->value = value;
	semaphore_at(set, number)->pid = self_process()->pid;
}

static int64_t control_value_set(int32_t id, uint32_t number, int32_t value)
{
	struct semaphore_set *set;
	struct ipc_object *object;
	int status = value < 0 || value > SEMVMX ? -ERANGE : ipc_take(&semaphore_sets, id, &object);

	if (status)
		return status;
	set = (struct semaphore_set *)object;
	status = number >= set->values.count ? -EINVAL : ipc_allowed(object, 0222);
	if (status == 0) {
		undos_forget(set, number, 1);
		value_set(set, number, (uint32_t)value);
		object->changed = ipc_seconds();
		semaphores_changed(set);
	}
	ipc_leave(&semaphore_sets, object);
	return status;
}

/* ---- all of a set ---- */

static int64_t control_all(int32_t id, uint64_t to)
{
	struct semaphore_set *set;
	struct array all = {0};
	int status = set_take(id, 0444, &set);

	if (status)
		return status;
	status = array_make(&all, set->values.count, sizeof(uint16_t));
	for (uint32_t i = 0; status == 0 && i < all.count; i++)
		*(uint16_t *)array_at(&all, i) = (uint16_t)semaphore_at(set, i)->value;
	ipc_leave(&semaphore_sets, &set->object);
	if (status == 0)
		status = array_write(&all, to, all.count * sizeof(uint16_t));
	array_free(&all);
	return status;
}

static int all_check(const struct array *all)
{
	for (uint32_t i = 0; i < all->count; i++)
		if (*(const uint16_t *)array_at(all, i) > SEMVMX)
			return -ERANGE;
	return 0;
}

static int all_set(struct semaphore_set *set, const struct array *all)
{
	if (set->object.removed)
		return -EIDRM;
	undos_forget(set, 0, all->count);
	for (uint32_t i = 0; i < all->count; i++)
		value_set(set, i, *(const uint16_t *)array_at(all, i));
	set->object.changed = ipc_seconds();
	semaphores_changed(set);
	return 0;
}

static int64_t control_all_set(int32_t id, uint64_t from)
{
	struct semaphore_set *set;
	struct array all = {0};
	int status = set_take(id, 0222, &set);

	if (status)
		return status;
	ipc_lend(&set->object);
	status = array_make(&all, set->values.count, sizeof(uint16_t));
	if (status == 0)
		status = array_read(&all, from);
	if (status == 0)
		status = all_check(&all);
	mutex_lock(&set->object.lock);
	if (status == 0)
		status = all_set(set, &all);
	ipc_leave(&semaphore_sets, &set->object);
	array_free(&all);
	return status;
}

/* ---- the set itself ---- */

static void set_stat(const struct semaphore_set *set, struct linux_semid *out)
{
	*out = (struct linux_semid){.otime = set->operated, .ctime = set->object.changed, .count = set->values.count};
	ipc_stat(&set->object, &out->perm);
}

static int64_t control_stat(int32_t id, enum ipc_naming naming, uint64_t to)
{
	struct linux_semid stat;
	struct ipc_object *object;
	int64_t result = ipc_stat_begin(&semaphore_sets, id, naming, &object);

	if (result < 0)
		return result;
	set_stat((struct semaphore_set *)object, &stat);
	ipc_leave(&semaphore_sets, object);
	return user_write(to, &stat, sizeof(stat)) ? -EFAULT : result;
}

static int64_t control_set(int32_t id, uint64_t from)
{
	struct linux_semid wanted;
	struct ipc_object *object;
	int status = user_read(&wanted, from, sizeof(wanted));

	if (status == 0)
		status = ipc_control_begin(&semaphore_sets, id, &object);
	if (status)
		return status;
	status = ipc_set(object, &wanted.perm);
	ipc_control_end(&semaphore_sets, object);
	return status;
}

static int64_t control_limits(uint32_t command, uint64_t to)
{
	struct linux_seminfo limits = {
		.map = SEMMNS, .sets = SEMMNI, .all = SEMMNS, .undos = SEMMNS, .each = SEMMSL, .operations = SEMOPM, .undo_entries = SEMOPM,
		.used_sets = SEMUSZ, .most = SEMVMX, .used = SEMAEM,
	};
	struct ipc_object *object;

	if (command == SEM_INFO) {
		limits.used_sets = limits.used = 0;
		for (int32_t i = 0; (object = ipc_next(&semaphore_sets, &i)); i++) {
			limits.used_sets++;
			limits.used += (int32_t)((struct semaphore_set *)object)->values.count;
			ipc_leave(&semaphore_sets, object);
		}
	}
	return user_write(to, &limits, sizeof(limits)) ? -EFAULT : ipc_highest(&semaphore_sets);
}

int64_t sys_semctl(SYSCALL_ARGUMENTS)
{
	int32_t id = (int32_t)a0;
	uint32_t number = (uint32_t)a1;

	if (id < 0)
		return -EINVAL;
	switch ((uint32_t)a2) {
	case IPC_INFO:
	case SEM_INFO:
		return control_limits((uint32_t)a2, a3);
	case IPC_STAT:
		return control_stat(id, IPC_BY_ID, a3);
	case SEM_STAT:
		return control_stat(id, IPC_BY_INDEX, a3);
	case SEM_STAT_ANY:
		return control_stat(id, IPC_BY_INDEX_ANY, a3);
	case GETVAL:
	case GETPID:
	case GETNCNT:
	case GETZCNT:
		return control_value(id, number, (uint32_t)a2);
	case GETALL:
		return control_all(id, a3);
	case SETALL:
		return control_all_set(id, a3);
	case SETVAL:
		return control_value_set(id, number, (int32_t)a3);
	case IPC_SET:
		return control_set(id, a3);
	case IPC_RMID:
		return ipc_remove(&semaphore_sets, id);
	}
	return -EINVAL;
}

int ipc_semaphore_line(int32_t *index, char *to, uint64_t limit)
{
	struct ipc_object *object = ipc_next(&semaphore_sets, index);
	struct linux_semid stat;
	int32_t id;

	if (!object)
		return 0;
	id = object->id;
	set_stat((struct semaphore_set *)object, &stat);
	ipc_leave(&semaphore_sets, object);
	return text_format(to, limit, "%10d %10d  %4o %10lu %5u %5u %5u %5u %10ld %10ld\n", stat.perm.key, id, stat.perm.mode, stat.count,
		stat.perm.uid, stat.perm.gid, stat.perm.cuid, stat.perm.cgid, stat.otime, stat.ctime);
}
