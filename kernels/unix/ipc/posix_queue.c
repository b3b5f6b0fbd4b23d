/* POSIX message queues: mq_open, mq_unlink, mq_getsetattr, and what their descriptors can. */
#include "ipc/posix_queue.h"

static struct mutex names_lock;
static struct posix_queue *all;

void posix_message_free(struct posix_message *message)
{
	if (!message)
		return;
	array_free(&message->text);
	heap_free(message);
}

/* ---- the inode ---- */

static void posix_queue_destroy(struct inode *inode)
{
	struct posix_queue *queue = inode->queue, **link = &all;

	mutex_lock(&names_lock);
	while (*link != queue)
		link = &(*link)->next;
	*link = queue->next;
	mutex_unlock(&names_lock);
	while (queue->first) {
		struct posix_message *message = queue->first;

		queue->first = message->next;
		posix_message_free(message);
	}
	heap_free(queue);
}

static int posix_queue_open(struct inode *inode, struct file *file)
{
	file->operations = &posix_queue_operations;
	file->state = inode->queue;
	return 0;
}

static const struct inode_operations inode_operations = {.open = posix_queue_open, .destroy = posix_queue_destroy};

/* ---- the file ---- */

static int64_t posix_queue_read(struct file *file, struct io *io, uint64_t *position)
{
	struct posix_queue *queue = file->state;
	char text[128];
	uint64_t left, done, bytes;
	bool signals;

	mutex_lock(&queue->lock);
	signals = queue->owner && queue->event.notify == 0;
	bytes = (uint64_t)text_format(text, sizeof(text), "QSIZE:%-10lu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", queue->bytes,
		queue->owner ? queue->event.notify : 0, signals ? queue->event.number : 0, queue->owner);
	mutex_unlock(&queue->lock);
	if (*position >= bytes)
		return 0;
	left = bytes - *position < io->left ? bytes - *position : io->left;
	done = io_put(io, text + *position, left);
	*position += done;
	return done || !left ? (int64_t)done : -EFAULT;
}

static uint32_t posix_queue_poll(struct file *file, struct poll_table *table)
{
	struct posix_queue *queue = file->state;
	uint64_t count;

	poll_watch(table, &queue->poll_wait);
	count = __atomic_load_n(&queue->count, __ATOMIC_ACQUIRE);
	return (count ? POLLIN | POLLRDNORM : 0) | (count < queue->count_most ? POLLOUT | POLLWRNORM : 0);
}

static int64_t posix_queue_path(const struct file *file, char *to, uint64_t limit)
{
	const struct posix_queue *queue = file->state;
	int64_t bytes;

	mutex_lock(&names_lock);
	bytes = queue->name ? text_format(to, limit, "/%s", queue->name) : text_format(to, limit, "/(deleted)");
	mutex_unlock(&names_lock);
	return (uint64_t)bytes < limit ? bytes : -ERANGE;
}

const struct file_operations posix_queue_operations = {
	.seekable = true,
	.read = posix_queue_read,
	.poll = posix_queue_poll,
	.path = posix_queue_path,
	.closed = posix_queue_closed,
};

bool posix_queue_held(struct held *held, int descriptor, struct posix_queue **out)
{
	if (!held_get(held, descriptor))
		return false;
	*out = held->file->state;
	if (held->file->operations == &posix_queue_operations)
		return true;
	held_put(held);
	return false;
}

/* ---- names ---- */

/* What a queue may be called. The length, -E*. */
static int64_t name_read(char *name, uint64_t from)
{
	int64_t bytes = user_string(name, from, ARRAY_RECORD);

	if (bytes <= 0)
		return bytes ? bytes : -ENOENT;
	if ((name[0] == '.' && (bytes == 1 || (bytes == 2 && name[1] == '.'))))
		return -EACCES;
	for (int64_t i = 0; i < bytes; i++)
		if (name[i] == '/')
			return -EACCES;
	return bytes > NAME_MAX ? -ENAMETOOLONG : bytes;
}

static struct posix_queue *name_find_locked(const char *name)
{
	struct posix_queue *queue = all;

	while (queue && (!queue->name || strcmp(queue->name, name) != 0))
		queue = queue->next;
	return queue;
}

/* The reference that the name had is the caller's to put. */
static void name_drop_locked(struct posix_queue *queue)
{
	heap_free(queue->name);
	queue->name = 0;
	queue->inode->nlink = 0;
}

/* The name of a queue that is of no use goes, unless somebody was faster. The caller has a reference to the inode. */
static void name_take(struct posix_queue *queue)
{
	bool had;

	mutex_lock(&names_lock);
	had = queue->name;
	if (had)
		name_drop_locked(queue);
	mutex_unlock(&names_lock);
	if (had)
		inode_put(queue->inode);
}

/* ---- making one ---- */

/* How much it counts against RLIMIT_MSGQUEUE: as Linux counts it. */
static uint64_t attributes_bytes(const struct linux_mq_attr *attributes)
{
	enum { RECORD = 48, NODE = 48 };
	uint64_t count = (uint64_t)attributes->messages;

	return count * (uint64_t)attributes->bytes + count * RECORD + (count < MQ_PRIORITIES ? count : MQ_PRIORITIES) * NODE;
}

static bool attributes_good(const struct linux_mq_attr *attributes)
{
	bool super = capable(CAP_SYS_RESOURCE);

	return attributes->messages > 0 && attributes->bytes > 0 && attributes->messages <= (super ? MQ_MESSAGES_MOST : MQ_MESSAGES) &&
		attributes->bytes <= (int64_t)(super ? MQ_BYTES_MOST : MQ_BYTES);
}

/* Whether there is room for one more: -ENOSPC of all, -EMFILE of the user's. */
static int room_check_locked(uint64_t bytes)
{
	const struct process *me = self_process();
	uint64_t booked = bytes;
	unsigned count = 0;

	for (const struct posix_queue *queue = all; queue; queue = queue->next, count++)
		if (queue->inode->uid == me->credentials.fsuid)
			booked += queue->booked;
	if (count >= MQ_QUEUES && !capable(CAP_SYS_RESOURCE))
		return -ENOSPC;
	return booked > me->rlimits[RLIMIT_MSGQUEUE].soft ? -EMFILE : 0;
}

static struct posix_queue *posix_queue_make(const char *name, uint32_t mode, const struct linux_mq_attr *attributes)
{
	const struct credentials *who = &self_process()->credentials;
	uint64_t bytes = strlen(name) + 1;
	struct posix_queue *queue = heap_alloc(sizeof(*queue));
	struct inode *inode = queue ? inode_make(S_IFREG | (mode & MODE_BITS & ~path_umask()), who->fsuid, who->fsgid, 0) : 0;

	if (queue)
		queue->name = inode ? heap_alloc_any(bytes) : 0;
	if (!queue || !queue->name) {
		inode_put(inode);
		heap_free(queue);
		return 0;
	}
	memcpy(queue->name, name, bytes);
	inode->filesystem = FILESYSTEM_ANONYMOUS;
	inode->nlink = 1;
	inode->size = MQ_INODE_BYTES;
	inode->operations = &inode_operations;
	inode->queue = queue;
	queue->inode = inode;
	queue->count_most = (uint64_t)attributes->messages;
	queue->bytes_most = (uint64_t)attributes->bytes;
	queue->booked = attributes_bytes(attributes);
	return queue;
}

struct opening {
	const char *name;
	uint32_t flags, mode;
	bool attributed;            /* attributes were given */
	struct linux_mq_attr attributes;
};

static int opening_make_locked(const struct opening *opening, struct posix_queue **out)
{
	int status;

	if (!(opening->flags & O_CREAT))
		return -ENOENT;
	if (opening->attributed && !attributes_good(&opening->attributes))
		return -EINVAL;
	status = room_check_locked(attributes_bytes(&opening->attributes));
	if (status)
		return status;
	*out = files_are_full(1) ? 0 : posix_queue_make(opening->name, opening->mode, &opening->attributes);
	if (!*out)
		return -ENOMEM;
	(*out)->next = all;
	all = *out;
	return 0;
}

static int opening_check(const struct opening *opening, struct inode *inode)
{
	static const uint32_t wanted[] = {[O_RDONLY] = R_OK, [O_WRONLY] = W_OK, [O_RDWR] = R_OK | W_OK};

	if ((opening->flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if ((opening->flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	return inode_allowed(inode, wanted[opening->flags & O_ACCMODE]);
}

/* The inode, with a reference, and whether it was made for this. */
static int opening_inode(const struct opening *opening, struct inode **out, bool *made)
{
	struct posix_queue *queue;
	int status = 0;

	mutex_lock(&names_lock);
	queue = name_find_locked(opening->name);
	*made = !queue;
	if (queue)
		status = opening_check(opening, queue->inode);
	else
		status = opening_make_locked(opening, &queue);
	if (status == 0) {
		*out = queue->inode;
		inode_get(*out);
	}
	mutex_unlock(&names_lock);
	return status;
}

static int64_t opening_do(const struct opening *opening)
{
	enum { KEPT = O_ACCMODE | O_NONBLOCK };
	struct inode *inode;
	struct file *file;
	bool made;
	int64_t status = opening_inode(opening, &inode, &made);

	if (status)
		return status;
	status = file_open_inode(inode, 0, opening->flags & KEPT, &file);
	if (status == 0)
		status = descriptor_install(file, 0, true);
	if (status < 0 && made)
		name_take(inode->queue);
	inode_put(inode);
	return status;
}

int64_t sys_mq_open(SYSCALL_ARGUMENTS)
{
	struct opening opening = {
		.flags = (uint32_t)a1, .mode = (uint32_t)a2, .attributed = (a1 & O_CREAT) && a3,
		.attributes = {.messages = MQ_MESSAGES, .bytes = MQ_BYTES},
	};
	char *name;
	int64_t status = a3 ? user_read(&opening.attributes, a3, sizeof(opening.attributes)) : 0;

	if (status)
		return status;
	name = heap_alloc_any(ARRAY_RECORD);
	if (!name)
		return -ENOMEM;
	status = name_read(name, a0);
	opening.name = name;
	if (status > 0)
		status = opening_do(&opening);
	heap_free(name);
	return status;
}

/* As in a folder where everybody may make names and take away their own. */
static int unlink_named(const char *name)
{
	struct posix_queue *queue;
	int status;

	mutex_lock(&names_lock);
	queue = name_find_locked(name);
	status = !queue ? -ENOENT : inode_owned(queue->inode) ? 0 : -EPERM;
	if (status == 0)
		name_drop_locked(queue);
	mutex_unlock(&names_lock);
	if (status == 0)
		inode_put(queue->inode);
	return status;
}

int64_t sys_mq_unlink(SYSCALL_ARGUMENTS)
{
	char *name = heap_alloc_any(ARRAY_RECORD);
	int64_t status;

	if (!name)
		return -ENOMEM;
	status = name_read(name, a0);
	if (status > 0)
		status = unlink_named(name);
	heap_free(name);
	return status;
}

/* ---- attributes ---- */

int64_t sys_mq_getsetattr(SYSCALL_ARGUMENTS)
{
	struct linux_mq_attr new = {0}, old = {0};
	struct posix_queue *queue;
	struct held held;

	if (a1 && user_read(&new, a1, sizeof(new)))
		return -EFAULT;
	if (new.flags & ~(int64_t)O_NONBLOCK)
		return -EINVAL;
	if (!posix_queue_held(&held, (int)a0, &queue))
		return -EBADF;
	mutex_lock(&queue->lock);
	old.flags = held.file->flags & O_NONBLOCK;
	old.messages = (int64_t)queue->count_most;
	old.bytes = (int64_t)queue->bytes_most;
	old.count = (int64_t)queue->count;
	if (a1)
		file_flag_set(held.file, O_NONBLOCK, new.flags);
	mutex_unlock(&queue->lock);
	held_put(&held);
	return a2 ? user_write(a2, &old, sizeof(old)) : 0;
}
