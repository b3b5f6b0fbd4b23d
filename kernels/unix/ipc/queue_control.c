/* msgctl, and /proc/sysvipc/msg. */
#include "ipc/queue.h"

static void queue_stat(const struct queue *queue, struct linux_msqid *out)
{
	*out = (struct linux_msqid){
		.stime = queue->sent, .rtime = queue->received, .ctime = queue->object.changed, .bytes = queue->bytes, .count = queue->count,
		.most_bytes = queue->most_bytes, .sender = queue->sender, .receiver = queue->receiver,
	};
	ipc_stat(&queue->object, &out->perm);
}

static int64_t control_stat(int32_t id, enum ipc_naming naming, uint64_t to)
{
	struct linux_msqid stat;
	struct ipc_object *object;
	int64_t result = ipc_stat_begin(&queues, id, naming, &object);

	if (result < 0)
		return result;
	queue_stat((struct queue *)object, &stat);
	ipc_leave(&queues, object);
	return user_write(to, &stat, sizeof(stat)) ? -EFAULT : result;
}

/* More than MSGMNB needs CAP_SYS_RESOURCE. */
static int queue_set(struct queue *queue, const struct linux_msqid *wanted)
{
	int status = wanted->most_bytes > MSGMNB && !capable(CAP_SYS_RESOURCE) ? -EPERM : ipc_set(&queue->object, &wanted->perm);

	if (status == 0) {
		queue->most_bytes = wanted->most_bytes;
		queue_look_again(queue);
	}
	return status;
}

static int64_t control_set(int32_t id, uint64_t from)
{
	struct linux_msqid wanted;
	struct ipc_object *object;
	int status = user_read(&wanted, from, sizeof(wanted));

	if (status == 0)
		status = ipc_control_begin(&queues, id, &object);
	if (status)
		return status;
	status = queue_set((struct queue *)object, &wanted);
	ipc_control_end(&queues, object);
	return status;
}

static int64_t control_limits(uint32_t command, uint64_t to)
{
	struct linux_msginfo limits = {
		.pool = (int32_t)((int64_t)MSGMNI * MSGMNB / 1024), .map = MSGMNB, .most = MSGMAX, .most_each = MSGMNB, .queues = MSGMNI,
		.segment_bytes = MSGSSZ, .headers = MSGMNB, .segments = MSGSEG,
	};
	struct ipc_object *object;

	if (command == MSG_INFO) {
		limits.pool = limits.map = limits.headers = 0;
		for (int32_t i = 0; (object = ipc_next(&queues, &i)); i++) {
			struct queue *queue = (struct queue *)object;

			limits.pool++;
			limits.map += (int32_t)queue->count;
			limits.headers += (int32_t)queue->bytes;
			ipc_leave(&queues, object);
		}
	}
	return user_write(to, &limits, sizeof(limits)) ? -EFAULT : ipc_highest(&queues);
}

int64_t sys_msgctl(SYSCALL_ARGUMENTS)
{
	int32_t id = (int32_t)a0;

	if (id < 0 || (int32_t)a1 < 0)
		return -EINVAL;
	switch ((uint32_t)a1) {
	case IPC_INFO:
	case MSG_INFO:
		return control_limits((uint32_t)a1, a2);
	case IPC_STAT:
		return control_stat(id, IPC_BY_ID, a2);
	case MSG_STAT:
		return control_stat(id, IPC_BY_INDEX, a2);
	case MSG_STAT_ANY:
		return control_stat(id, IPC_BY_INDEX_ANY, a2);
	case IPC_SET:
		return control_set(id, a2);
	case IPC_RMID:
		return ipc_remove(&queues, id);
	}
	return -EINVAL;
}

int ipc_queue_line(int32_t *index, char *to, uint64_t limit)
{
	struct ipc_object *object = ipc_next(&queues, index);
	struct linux_msqid stat;
	int32_t id;

	if (!object)
		return 0;
	id = object->id;
	queue_stat((struct queue *)object, &stat);
	ipc_leave(&queues, object);
	return text_format(to, limit, "%10d %10d  %4o  %10lu %10lu %5d %5d %5u %5u %5u %5u %10ld %10ld %10ld\n", stat.perm.key, id,
		stat.perm.mode, stat.bytes, stat.count, stat.sender, stat.receiver, stat.perm.uid, stat.perm.gid, stat.perm.cuid,
		stat.perm.cgid, stat.stime, stat.rtime, stat.ctime);
}
