/* What the three kinds of System V objects share: tables, ids, keys and permissions. */
#include "ipc/ipc.h"

enum { SEQUENCES = 1 << (31 - IPC_INDEX_BITS), RIGHTS = 0777 };

int64_t ipc_seconds(void)
{
	return (int64_t)(time_wall() / 1000000000);
}

/* ---- the table; its lock is held ---- */

static struct ipc_object **bucket_of(struct ipc_table *table, int32_t key)
{
	return &table->buckets[((uint32_t)key * 0x9e3779b1u) >> 24];
}

static struct ipc_object *key_find(struct ipc_table *table, int32_t key)
{
	struct ipc_object *object = *bucket_of(table, key);

	while (object && object->key != key)
		object = object->key_next;
	return object;
}

static struct ipc_object *index_find(struct ipc_table *table, int32_t index)
{
	struct ipc_object **chunk = index >= 0 && index < IPC_INDEXES ? table->chunks[index / IPC_CHUNK] : 0;

	return chunk ? chunk[index % IPC_CHUNK] : 0;
}

/* The lowest index that is free, with a place for it. -ENOSPC, -ENOMEM */
static int32_t index_take(struct ipc_table *table)
{
	unsigned c = 0, i = 0;
	page_index page;

	if (table->count >= table->limit)
		return -ENOSPC;
	while (table->used[c] == IPC_CHUNK)
		c++;
	if (!table->chunks[c]) {
		page = page_alloc();
		if (!page)
			return -ENOMEM;
		table->chunks[c] = page_address(page);
	}
	while (table->chunks[c][i])
		i++;
	return (int32_t)(c * IPC_CHUNK + i);
}

static void object_place(struct ipc_table *table, int32_t index, struct ipc_object *object)
{
	if (index <= table->last)
		table->sequence = (table->sequence + 1) % SEQUENCES;
	table->last = index;
	object->id = (int32_t)(table->sequence << IPC_INDEX_BITS | (uint32_t)index);
	table->chunks[index / IPC_CHUNK][index % IPC_CHUNK] = object;
	table->used[index / IPC_CHUNK]++;
	table->count++;
	if (index > table->highest)
		table->highest = index;
	if (object->key) {
		object->key_next = *bucket_of(table, object->key);
		*bucket_of(table, object->key) = object;
	}
}

void ipc_key_drop(struct ipc_table *table, struct ipc_object *object)
{
	struct ipc_object **link = bucket_of(table, object->key);

	if (!object->key)
		return;
	while (*link != object)
		link = &(*link)->key_next;
	*link = object->key_next;
	object->key = 0;
}

void ipc_remove_locked(struct ipc_table *table, struct ipc_object *object)
{
	int32_t index = object->id % IPC_INDEXES;

	ipc_key_drop(table, object);
	table->chunks[index / IPC_CHUNK][index % IPC_CHUNK] = 0;
	table->used[index / IPC_CHUNK]--;
	table->count--;
	while (table->highest >= 0 && !index_find(table, table->highest))
		table->highest--;
	object->removed = true;
	__atomic_sub_fetch(&object->references, 1, __ATOMIC_RELAXED);
}

/* ---- finding ---- */

void ipc_put(struct ipc_table *table, struct ipc_object *object)
{
	if (__atomic_sub_fetch(&object->references, 1, __ATOMIC_ACQ_REL) == 0)
		table->free(object);
}

void ipc_lend(struct ipc_object *object)
{
	mutex_unlock(&object->lock);
}

void ipc_leave(struct ipc_table *table, struct ipc_object *object)
{
	mutex_unlock(&object->lock);
	ipc_put(table, object);
}

static struct ipc_object *object_get(struct ipc_table *table, int32_t index)
{
	struct ipc_object *object;

	mutex_lock(&table->lock);
	object = index_find(table, index);
	if (object)
		__atomic_fetch_add(&object->references, 1, __ATOMIC_RELAXED);
	mutex_unlock(&table->lock);
	return object;
}

static int object_take(struct ipc_table *table, struct ipc_object *object)
{
	mutex_lock(&object->lock);
	if (!object->removed)
		return 0;
	ipc_leave(table, object);
	return -EIDRM;
}

int ipc_take(struct ipc_table *table, int32_t id, struct ipc_object **out)
{
	struct ipc_object *object = id < 0 ? 0 : object_get(table, id % IPC_INDEXES);

	*out = object;
	if (!object)
		return -EINVAL;
	if (object->id == id)
		return object_take(table, object);
	ipc_put(table, object);
	return -EINVAL;
}

int ipc_take_index(struct ipc_table *table, int32_t index, struct ipc_object **out)
{
	struct ipc_object *object = object_get(table, index);

	*out = object;
	return object ? object_take(table, object) : -EINVAL;
}

struct ipc_object *ipc_next(struct ipc_table *table, int32_t *index)
{
	struct ipc_object *object;

	for (; *index <= __atomic_load_n(&table->highest, __ATOMIC_RELAXED); (*index)++)
		if (ipc_take_index(table, *index, &object) == 0)
			return object;
	return 0;
}

int32_t ipc_highest(struct ipc_table *table)
{
	int32_t highest = __atomic_load_n(&table->highest, __ATOMIC_RELAXED);

	return highest < 0 ? 0 : highest;
}

/* ---- permissions ---- */

int ipc_allowed(const struct ipc_object *object, uint32_t wanted)
{
	uint32_t uid = self_process()->credentials.euid, granted = object->mode;

	wanted = (wanted >> 6 | wanted >> 3 | wanted) & 7;
	if (uid == object->cuid || uid == object->uid)
		granted >>= 6;
	else if (group_held(object->cgid) || group_held(object->gid))
		granted >>= 3;
	return !(wanted & ~granted) || capable(CAP_IPC_OWNER) ? 0 : -EACCES;
}

int ipc_may_control(const struct ipc_object *object)
{
	uint32_t uid = self_process()->credentials.euid;

	return uid == object->cuid || uid == object->uid || capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

int ipc_control_begin(struct ipc_table *table, int32_t id, struct ipc_object **out)
{
	struct ipc_object *object;
	int status;

	mutex_lock(&table->lock);
	object = id < 0 ? 0 : index_find(table, id % IPC_INDEXES);
	if (!object || object->id != id) {
		mutex_unlock(&table->lock);
		return -EINVAL;
	}
	__atomic_fetch_add(&object->references, 1, __ATOMIC_RELAXED);
	mutex_lock(&object->lock);
	status = ipc_may_control(object);
	*out = object;
	if (status)
		ipc_control_end(table, object);
	return status;
}

void ipc_control_end(struct ipc_table *table, struct ipc_object *object)
{
	mutex_unlock(&object->lock);
	mutex_unlock(&table->lock);
	ipc_put(table, object);
}

int ipc_remove(struct ipc_table *table, int32_t id)
{
	struct ipc_object *object;
	int status = ipc_control_begin(table, id, &object);

	if (status)
		return status;
	ipc_remove_locked(table, object);
	table->end(object);
	ipc_control_end(table, object);
	return 0;
}

int ipc_set(struct ipc_object *object, const struct linux_ipc_perm *perm)
{
	if (perm->uid == ~0u || perm->gid == ~0u)
		return -EINVAL;
	object->uid = perm->uid;
	object->gid = perm->gid;
	object->mode = (object->mode & ~(uint32_t)RIGHTS) | (perm->mode & RIGHTS);
	object->changed = ipc_seconds();
	return 0;
}

int64_t ipc_stat_begin(struct ipc_table *table, int32_t id, enum ipc_naming naming, struct ipc_object **out)
{
	int status = naming == IPC_BY_ID ? ipc_take(table, id, out) : ipc_take_index(table, id, out);

	if (status)
		return status;
	status = naming == IPC_BY_INDEX_ANY ? 0 : ipc_allowed(*out, 0444);
	if (status)
		ipc_leave(table, *out);
	return status || naming == IPC_BY_ID ? status : (*out)->id;
}

void ipc_stat(const struct ipc_object *object, struct linux_ipc_perm *out)
{
	*out = (struct linux_ipc_perm){
		.key = object->key, .uid = object->uid, .gid = object->gid, .cuid = object->cuid, .cgid = object->cgid,
		.mode = object->mode, .sequence = (uint16_t)(object->id >> IPC_INDEX_BITS),
	};
}

/* ---- shmget, semget, msgget ---- */

static int64_t object_new(struct ipc_table *table, const struct ipc_wanted *wanted)
{
	const struct credentials *who = &self_process()->credentials;
	int32_t index = index_take(table);
	struct ipc_object *object;
	int status = index < 0 ? index : wanted->make(wanted, &object);

	if (status)
		return status;
	object->references = 1;
	object->key = wanted->key;
	object->uid = object->cuid = who->euid;
	object->gid = object->cgid = who->egid;
	object->mode = wanted->flags & RIGHTS;
	object->changed = ipc_seconds();
	object_place(table, index, object);
	return object->id;
}

static int64_t object_found(struct ipc_object *object, const struct ipc_wanted *wanted)
{
	int64_t status;

	mutex_lock(&object->lock);
	status = wanted->suits(object, wanted);
	if (status == 0)
		status = ipc_allowed(object, wanted->flags & RIGHTS);
	mutex_unlock(&object->lock);
	return status ? status : object->id;
}

int64_t ipc_get(struct ipc_table *table, const struct ipc_wanted *wanted)
{
	struct ipc_object *object;
	int64_t result;

	mutex_lock(&table->lock);
	object = wanted->key ? key_find(table, wanted->key) : 0;
	if (!object)
		result = wanted->key && !(wanted->flags & IPC_CREAT) ? -ENOENT : object_new(table, wanted);
	else if ((wanted->flags & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL))
		result = -EEXIST;
	else
		result = object_found(object, wanted);
	mutex_unlock(&table->lock);
	return result;
}
