/* Shared memory: shmget, shmat, shmdt, shmctl.
 *
 * A segment is a file without a name, and its regions hold the references: so fork, exec, exit, munmap and mremap count who is
 * attached without knowing of it. The segment itself holds one more until IPC_RMID; whoever then gives the last one back
 * ends it (segment_release). Contents are made when they are touched, and limited as those of files are. */
#include "ipc/ipc.h"

struct segment {
	struct ipc_object object;
	struct file *file;          /* there as long as the object is not removed, but perhaps without references */
	uint64_t bytes;
	int64_t attached, detached; /* seconds; 0: never */
	int32_t maker, last;        /* pids */
};

static void segment_free(struct ipc_object *object)
{
	heap_free(object);
}

static struct ipc_table segments = {.limit = SHMMNI, .free = segment_free, .highest = -1, .last = -1};

/* ---- the file ---- */

static void segment_release(struct file *file)
{
	struct segment *segment = file->state;

	mutex_lock(&segments.lock);
	mutex_lock(&segment->object.lock);
	__atomic_fetch_add(&segment->object.references, 1, __ATOMIC_RELAXED);
	ipc_remove_locked(&segments, &segment->object);
	ipc_control_end(&segments, &segment->object);
}

static int64_t segment_path(const struct file *file, char *to, uint64_t limit)
{
	int64_t bytes = text_format(to, limit, "/SYSV%08x (deleted)", (uint32_t)file->state_bytes);

	return (uint64_t)bytes < limit ? bytes : -ERANGE;
}

static void segment_unmapped(struct file *file)
{
	struct segment *segment = file->state;
	struct process *me = self_process();

	__atomic_store_n(&segment->detached, ipc_seconds(), __ATOMIC_RELAXED);
	if (me)
		__atomic_store_n(&segment->last, me->pid, __ATOMIC_RELAXED);
}

static const struct file_operations segment_operations = {
	.stays = true,
	.release = segment_release,
	.path = segment_path,
	.unmapped = segment_unmapped,
};

bool file_is_segment(const struct file *file)
{
	return file->operations == &segment_operations;
}

/* One more reference, unless the last is given back this moment. The object's lock is held. */
static bool segment_hold(struct segment *segment)
{
	uint32_t count = __atomic_load_n(&segment->file->references, __ATOMIC_RELAXED);

	while (count && !__atomic_compare_exchange_n(&segment->file->references, &count, count + 1, true, __ATOMIC_ACQUIRE,
		__ATOMIC_RELAXED))
		;
	return count != 0;
}

static uint64_t segment_attached(const struct segment *segment)
{
	uint32_t count = __atomic_load_n(&segment->file->references, __ATOMIC_RELAXED);

	return segment->object.mode & SHM_DEST ? count : count - 1;
}

/* ---- shmget ---- */

static int segment_suits(const struct ipc_object *object, const struct ipc_wanted *wanted)
{
	return wanted->size > ((const struct segment *)object)->bytes ? -EINVAL : 0;
}

static int segment_check(const struct ipc_wanted *wanted)
{
	if (wanted->size == 0 || wanted->size > INT64_MAX)
		return -EINVAL;
	if (wanted->flags & SHM_HUGETLB)
		return !capable(CAP_IPC_LOCK) ? -EPERM : -ENOMEM;
	if (!(wanted->flags & SHM_NORESERVE) && wanted->size / PAGE_BYTES >= page_count_total())
		return -ENOMEM;
	return 0;
}

static int segment_make(const struct ipc_wanted *wanted, struct ipc_object **out)
{
	int status = segment_check(wanted);
	struct segment *segment;

	if (status)
		return status;
	segment = heap_alloc(sizeof(*segment));
	if (!segment)
		return -ENOMEM;
	segment->file = file_anonymous(&segment_operations, S_IFREG | 0777, O_RDWR, segment);
	if (!segment->file) {
		heap_free(segment);
		return -ENOMEM;
	}
	segment->file->state_bytes = (uint32_t)wanted->key;
	segment->file->inode->size = wanted->size;
	segment->file->inode->nlink = 0;
	segment->bytes = wanted->size;
	segment->maker = self_process()->pid;
	*out = &segment->object;
	return 0;
}

int64_t sys_shmget(SYSCALL_ARGUMENTS)
{
	struct ipc_wanted wanted = {
		.key = (int32_t)a0, .size = a1, .flags = (uint32_t)a2, .suits = segment_suits, .make = segment_make,
	};

	return ipc_get(&segments, &wanted);
}

/* ---- shmat, shmdt ---- */

/* An address that is rounded down to 0 is a place, and one where nothing may be mapped. 0, -EINVAL, -EPERM. */
static int attach_address(uint64_t *address, uint32_t flags)
{
	bool rounded = *address % PAGE_BYTES;

	if (rounded && !(flags & SHM_RND))
		return -EINVAL;
	*address &= ~(PAGE_BYTES - 1);
	if (*address)
		return 0;
	return flags & SHM_REMAP ? -EINVAL : rounded ? -EPERM : 0;
}

static int64_t segment_attach(struct segment *segment, uint64_t address, uint32_t flags)
{
	uint64_t protection = PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE) | (flags & SHM_EXEC ? PROT_EXEC : 0);
	int64_t result;

	segment->file->inode->number = (uint64_t)segment->object.id;    /* as /proc shows it */
	ipc_lend(&segment->object);
	result = space_attach(segment->file, segment->bytes, address, protection, flags & SHM_REMAP);
	if (result > 0) {
		__atomic_store_n(&segment->attached, ipc_seconds(), __ATOMIC_RELAXED);
		__atomic_store_n(&segment->last, self_process()->pid, __ATOMIC_RELAXED);
	}
	file_put(segment->file);
	ipc_put(&segments, &segment->object);
	return result;
}

int64_t sys_shmat(SYSCALL_ARGUMENTS)
{
	uint32_t flags = (uint32_t)a2, wanted = 0444 | (flags & SHM_RDONLY ? 0 : 0222) | (flags & SHM_EXEC ? 0111 : 0);
	struct ipc_object *object;
	int status = (int32_t)a0 < 0 ? -EINVAL : attach_address(&a1, flags);

	if (status == 0)
		status = ipc_take(&segments, (int32_t)a0, &object);
	if (status)
		return status;
	status = ipc_allowed(object, wanted);
	if (status == 0 && !segment_hold((struct segment *)object))
		status = -EIDRM;
	if (status == 0)
		return segment_attach((struct segment *)object, a1, flags);
	ipc_leave(&segments, object);
	return status;
}

int64_t sys_shmdt(SYSCALL_ARGUMENTS)
{
	return space_detach(a0);
}

/* ---- shmctl ---- */

static void segment_stat(struct segment *segment, struct linux_shmid *out)
{
	*out = (struct linux_shmid){
		.bytes = segment->bytes, .atime = segment->attached, .dtime = segment->detached, .ctime = segment->object.changed,
		.cpid = segment->maker, .lpid = segment->last, .attached = segment_attached(segment),
	};
	ipc_stat(&segment->object, &out->perm);
}

static int64_t control_stat(int32_t id, enum ipc_naming naming, uint64_t to)
{
	struct linux_shmid stat;
	struct ipc_object *object;
	int64_t result = ipc_stat_begin(&segments, id, naming, &object);

	if (result < 0)
		return result;
	segment_stat((struct segment *)object, &stat);
	ipc_leave(&segments, object);
	return user_write(to, &stat, sizeof(stat)) ? -EFAULT : result;
}

static int64_t control_set(int32_t id, uint64_t from)
{
	struct linux_shmid wanted;
	struct ipc_object *object;
	int status = user_read(&wanted, from, sizeof(wanted));

	if (status == 0)
		status = ipc_control_begin(&segments, id, &object);
	if (status)
		return status;
	status = ipc_set(object, &wanted.perm);
	ipc_control_end(&segments, object);
	return status;
}

/* Nobody finds it by its key any more; it goes when nobody is attached. */
static int64_t control_remove(int32_t id)
{
	struct ipc_object *object;
	struct file *file = 0;
	int status = ipc_control_begin(&segments, id, &object);

	if (status)
		return status;
	if (!(object->mode & SHM_DEST)) {
		file = ((struct segment *)object)->file;
		object->mode |= SHM_DEST;
		ipc_key_drop(&segments, object);
	}
	ipc_control_end(&segments, object);
	if (file)
		file_put(file);
	return 0;
}

/* Nothing is ever paged out: the mode says it, and that is all. */
static int64_t control_lock(int32_t id, bool lock)
{
	struct ipc_object *object;
	int status = ipc_control_begin(&segments, id, &object);

	if (status)
		return status;
	object->mode = (object->mode & ~(uint32_t)SHM_LOCKED) | (lock ? SHM_LOCKED : 0);
	ipc_control_end(&segments, object);
	return 0;
}

static int64_t control_limits(uint64_t to)
{
	struct linux_shminfo limits = {
		.most_bytes = SHM_UNLIMITED, .least_bytes = 1, .segments = SHMMNI, .segments_each = SHMMNI, .all_pages = SHM_UNLIMITED,
	};

	return user_write(to, &limits, sizeof(limits)) ? -EFAULT : ipc_highest(&segments);
}

static int64_t control_sums(uint64_t to)
{
	struct linux_shm_info sums = {0};
	struct ipc_object *object;

	for (int32_t i = 0; (object = ipc_next(&segments, &i)); i++) {
		struct segment *segment = (struct segment *)object;

		sums.used++;
		sums.pages += (segment->bytes + PAGE_BYTES - 1) / PAGE_BYTES;
		sums.resident += data_pages(&segment->file->inode->data);
		ipc_leave(&segments, object);
	}
	return user_write(to, &sums, sizeof(sums)) ? -EFAULT : ipc_highest(&segments);
}

int64_t sys_shmctl(SYSCALL_ARGUMENTS)
{
	int32_t id = (int32_t)a0;

	if ((int32_t)a1 < 0 || id < 0)
		return -EINVAL;
	switch ((uint32_t)a1) {
	case IPC_INFO:
		return control_limits(a2);
	case SHM_INFO:
		return control_sums(a2);
	case IPC_STAT:
		return control_stat(id, IPC_BY_ID, a2);
	case SHM_STAT:
		return control_stat(id, IPC_BY_INDEX, a2);
	case SHM_STAT_ANY:
		return control_stat(id, IPC_BY_INDEX_ANY, a2);
	case IPC_SET:
		return control_set(id, a2);
	case IPC_RMID:
		return control_remove(id);
	case SHM_LOCK:
	case SHM_UNLOCK:
		return control_lock(id, a1 == SHM_LOCK);
	}
	return -EINVAL;
}

/* ---- /proc/sysvipc/shm ---- */

int ipc_shared_line(int32_t *index, char *to, uint64_t limit)
{
	struct ipc_object *object = ipc_next(&segments, index);
	struct linux_shmid stat;
	uint64_t resident;
	int32_t id;

	if (!object)
		return 0;
	id = object->id;
	segment_stat((struct segment *)object, &stat);
	resident = data_pages(&((struct segment *)object)->file->inode->data) * PAGE_BYTES;
	ipc_leave(&segments, object);
	return text_format(to, limit, "%10d %10d  %4o %21lu %5d %5d  %5lu %5u %5u %5u %5u %10ld %10ld %10ld %21lu %21lu\n",
		stat.perm.key, id, stat.perm.mode, stat.bytes, stat.cpid, stat.lpid, stat.attached, stat.perm.uid, stat.perm.gid,
		stat.perm.cuid, stat.perm.cgid, stat.atime, stat.dtime, stat.ctime, resident, 0ul);
}
