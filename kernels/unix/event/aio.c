/* Asynchronous input and output (io_setup(2) and its kin). A context belongs to an address space and is named by the address of a page
 * that is mapped there. As on Linux, what reads and writes files moves the bytes while it is submitted, and waits there if the file
 * makes it wait; only IOCB_CMD_POLL is left for later. The page has the fields that a ring of events begins with, but not the mark by
 * which programs know that they may take events from it themselves: they are taken by io_getevents only.
 * A request of IOCB_CMD_POLL stands on its file's queues until its event is taken. A wake comes under locks of the file's: it makes the
 * event at once if it says what it is about and nobody else is to be told, and else leaves it to a thread of UNIX's.
 * Locks: contexts_lock > a context's; servicing > files' own > wait queues > a context's > list_lock. */
#include "file/file.h"
#include "process/capability.h"

enum { CMD_PREAD, CMD_PWRITE, CMD_FSYNC, CMD_FDSYNC, CMD_POLL = 5, CMD_PREADV = 7, CMD_PWRITEV = 8 };
enum { FLAG_EVENT = 1, FLAG_PRIORITY = 2 };
enum { RWF_NOWAIT = 8, RWF_APPEND = 16, RWF_KNOWN = 31 };
enum { EINPROGRESS = 115, CONTEXT_MOST = 4194304, REQUESTS_MOST = 65536, RING_EVENTS = 126, QUEUES = 2, CHUNK = 16 };

struct linux_iocb {
	uint64_t data;
	uint32_t key;
	int32_t move_flags;
	uint16_t command, priority;
	int32_t descriptor;
	uint64_t address, bytes;
	int64_t offset;
	uint64_t reserved;
	uint32_t flags;
	int32_t event_descriptor;
};

struct linux_io_event {
	uint64_t data, object;
	int64_t result, result2;
};

struct linux_ring {             /* what the page begins with */
	uint32_t id, count, head, tail, magic, compatible, incompatible, header_bytes;
};

_Static_assert(sizeof(struct linux_iocb) == 64 && sizeof(struct linux_io_event) == 32, "programs rely on the layout");

enum request_state { ARMING, WAITING, WOKEN, DONE };

struct request {
	struct request *next, *previous;        /* active ones: context's lock; done: next only */
	struct request *service_next;           /* list_lock */
	struct aio_context *context;
	struct file *file, *event;              /* references; event: null, or an eventfd to tell */
	uint64_t data, object;
	int64_t result;
	uint32_t events;            /* POLL* that are waited for */
	uint32_t woken;             /* and those that came */
	uint32_t state;             /* context's lock */
	bool listed;                /* list_lock */
	uint32_t waiter_count;
	struct waiter waiters[QUEUES];
};

struct aio_context {
	struct aio_context *next;   /* of the space; contexts_lock, like the references */
	uint64_t address;
	uint32_t references;
	uint32_t asked;             /* counted in requests_all */
	struct mutex lock;
	uint32_t limit, count;      /* requests whose events were not taken */
	bool dead;
	struct request *active, *done, *done_last;
	struct wait_queue wait;
};

static struct mutex contexts_lock, servicing, list_lock;
static uint64_t requests_all;           /* contexts_lock */
static struct request *service_first;   /* list_lock */
static struct wait_queue service_wait;
static bool service_started;            /* contexts_lock */

/* ---- contexts ---- */

static struct aio_context *context_get(uint64_t address)
{
	struct aio_context *context;

	mutex_lock(&contexts_lock);
	context = *space_contexts();
	while (context && context->address != address)
		context = context->next;
	if (context)
		context->references++;
	mutex_unlock(&contexts_lock);
	return context;
}

static void context_put(struct aio_context *context)
{
	bool last;

	mutex_lock(&contexts_lock);
	last = --context->references == 0;
	mutex_unlock(&contexts_lock);
	if (last)
		heap_free(context);
}

/* Nobody knows the request any more. No locks. */
static void request_free(struct request *request)
{
	for (uint32_t i = 0; i < request->waiter_count; i++)
		waiter_remove(&request->waiters[i]);
	if (request->file)
		file_put(request->file);
	if (request->event)
		file_put(request->event);
	heap_free(request);
}

/* ---- requests that are done ---- */

static void active_add(struct request *request)
{
	struct aio_context *context = request->context;

	request->previous = 0;
	request->next = context->active;
	if (context->active)
		context->active->previous = request;
	context->active = request;
}

static void active_remove(struct request *request)
{
	if (request->previous)
		request->previous->next = request->next;
	else
		request->context->active = request->next;
	if (request->next)
		request->next->previous = request->previous;
}

/* Its event may be taken from now on, and the request with it. Context's lock; it is active or was never. */
static void request_done(struct request *request, int64_t result)
{
	struct aio_context *context = request->context;

	request->state = DONE;
	request->result = result;
	request->next = 0;
	if (context->done)
		context->done_last->next = request;
	else
		context->done = request;
	context->done_last = request;
	wait_queue_wake(&context->wait);
}

/* The same, telling the eventfd. An active one is kept by `servicing`; another's context may have ended meanwhile, and it ends too. */
static void request_finish(struct request *request, int64_t result, bool active)
{
	struct aio_context *context = request->context;
	struct file *event = request->event;
	bool dead;

	request->event = 0;
	mutex_lock(&context->lock);
	dead = context->dead && !active;
	if (active)
		active_remove(request);
	if (!dead)
		request_done(request, result);
	mutex_unlock(&context->lock);
	if (dead)
		request_free(request);
	if (event) {
		event_add(event);
		file_put(event);
	}
}

/* ---- being woken ---- */

/* Context's lock. */
static void service_add(struct request *request)
{
	request->state = WOKEN;
	mutex_lock(&list_lock);
	if (!request->listed) {
		request->listed = true;
		request->service_next = service_first;
		service_first = request;
	}
	mutex_unlock(&list_lock);
	wait_queue_wake(&service_wait);
}

static void service_remove(struct request *request)
{
	mutex_lock(&list_lock);
	for (struct request **link = &service_first; *link; link = &(*link)->service_next)
		if (*link == request) {
			*link = request->service_next;
			break;
		}
	request->listed = false;
	mutex_unlock(&list_lock);
}

/* What a wake says that is asked for; 0: it does not say what it is about. */
static uint32_t events_said(const struct request *request, uint32_t events)
{
	return events == UINT32_MAX ? 0 : events & request->events;
}

static bool request_notify(struct waiter *waiter, uint32_t events)
{
	struct request *request = waiter->owner;
	struct aio_context *context = request->context;

	if (!(events & request->events))
		return false;
	mutex_lock(&context->lock);
	if (request->state == ARMING || request->state == WOKEN) {
		request->woken |= events_said(request, events);
		if (request->state == ARMING)
			request->woken |= POLLNVAL;     /* nothing says that by itself */
	} else if (request->state == WAITING) {
		request->woken = events_said(request, events);
		if (request->woken && !request->event) {
			active_remove(request);
			request_done(request, request->woken);
		} else {
			service_add(request);
		}
	}
	mutex_unlock(&context->lock);
	return true;
}

/* `servicing` is held: the request stays. */
static void request_look(struct request *request)
{
	struct aio_context *context = request->context;
	uint32_t found;

	mutex_lock(&context->lock);
	found = request->woken & ~(uint32_t)POLLNVAL;
	request->woken = 0;
	if (!found)
		request->state = ARMING;
	mutex_unlock(&context->lock);
	if (!found)
		found = file_poll(request->file, 0) & request->events;
	if (found) {
		request_finish(request, found, true);
		return;
	}
	mutex_lock(&context->lock);
	if (request->woken)
		service_add(request);
	else
		request->state = WAITING;
	mutex_unlock(&context->lock);
}

static void service_run(void *argument __attribute__((unused)))
{
	for (;;) {
		struct request *request;

		mutex_lock(&list_lock);
		while (!service_first)
			(void)wait_queue_sleep(&service_wait, &list_lock, false, 0);
		mutex_unlock(&list_lock);
		mutex_lock(&servicing);
		mutex_lock(&list_lock);
		request = service_first;
		if (request) {
			service_first = request->service_next;
			request->listed = false;
		}
		mutex_unlock(&list_lock);
		if (request)
			request_look(request);
		mutex_unlock(&servicing);
	}
}

/* ---- the end of a context ---- */

/* Takes one request, whatever it waits for. `servicing` is held. */
static struct request *request_take(struct aio_context *context)
{
	struct request *request;

	mutex_lock(&context->lock);
	request = context->active;
	if (request) {
		active_remove(request);
		request->state = DONE;
		service_remove(request);
	} else {
		request = context->done;
		if (request)
			context->done = request->next;
	}
	mutex_unlock(&context->lock);
	return request;
}

/* It is in no list any more; takes over that reference. */
static void context_end(struct aio_context *context)
{
	struct request *request;

	mutex_lock(&context->lock);
	context->dead = true;
	wait_queue_wake(&context->wait);
	mutex_unlock(&context->lock);
	do {
		mutex_lock(&servicing);
		request = request_take(context);
		mutex_unlock(&servicing);
		if (request)
			request_free(request);
	} while (request);
	mutex_lock(&contexts_lock);
	requests_all -= context->asked;
	mutex_unlock(&contexts_lock);
	context_put(context);
}

void contexts_end(struct aio_context *context)
{
	while (context) {
		struct aio_context *next = context->next;

		context_end(context);
		context = next;
	}
}

int64_t sys_io_destroy(SYSCALL_ARGUMENTS)
{
	struct aio_context **link, *found = 0;

	mutex_lock(&contexts_lock);
	for (link = space_contexts(); *link && (*link)->address != a0; link = &(*link)->next)
		;
	found = *link;
	if (found)
		*link = found->next;
	mutex_unlock(&contexts_lock);
	if (!found)
		return -EINVAL;
	context_end(found);
	(void)sys_munmap(a0, PAGE_BYTES, 0, 0, 0, 0);
	return 0;
}

/* ---- a new context ---- */

/* The page that names a context. Its address or an error. */
static int64_t page_map(uint32_t events)
{
	struct linux_ring ring = {.count = events, .compatible = 1, .header_bytes = sizeof(ring)};
	struct file *file = file_of_memory(PAGE_BYTES);
	int64_t address;

	if (!file)
		return -ENOMEM;
	address = space_attach(file, PAGE_BYTES, 0, PROT_READ | PROT_WRITE, false);
	file_put(file);
	if (address > 0 && user_write((uint64_t)address, &ring, sizeof(ring))) {
		(void)sys_munmap((uint64_t)address, PAGE_BYTES, 0, 0, 0, 0);
		return -ENOMEM;
	}
	return address;
}

/* 0, -EAGAIN: there are too many. */
static int context_enter(struct aio_context *context)
{
	int status = 0;

	mutex_lock(&contexts_lock);
	if (!service_started)
		service_started = kernel_thread_start(service_run, 0, "aio") != 0;
	if (!service_started || requests_all + context->asked > REQUESTS_MOST) {
		status = -EAGAIN;
	} else {
		requests_all += context->asked;
		context->next = *space_contexts();
		*space_contexts() = context;
	}
	mutex_unlock(&contexts_lock);
	return status;
}

static int64_t context_make(uint32_t count, uint64_t *address)
{
	struct aio_context *context = heap_alloc(sizeof(*context));
	int64_t mapped = context ? page_map(count) : -ENOMEM;
	int status;

	if (mapped < 0) {
		heap_free(context);
		return mapped;
	}
	*address = context->address = (uint64_t)mapped;
	context->references = 1;
	context->asked = count;
	context->limit = 2 * count > RING_EVENTS ? 2 * count : RING_EVENTS;
	status = context_enter(context);
	if (status) {
		(void)sys_munmap(*address, PAGE_BYTES, 0, 0, 0, 0);
		heap_free(context);
	}
	return status;
}

int64_t sys_io_setup(SYSCALL_ARGUMENTS)
{
	uint64_t address;
	int64_t status;

	if (user_read(&address, a1, sizeof(address)))
		return -EFAULT;
	if (address || !(uint32_t)a0 || (uint32_t)a0 > CONTEXT_MOST)
		return -EINVAL;
	if ((uint32_t)a0 > REQUESTS_MOST)
		return -EAGAIN;
	status = context_make((uint32_t)a0, &address);
	if (status)
		return status;
	if (user_write(a1, &address, sizeof(address)) == 0)
		return 0;
	(void)sys_io_destroy(address, 0, 0, 0, 0, 0);
	return -EFAULT;
}

/* ---- submitting ---- */

/* The bytes move here. What keeps them from being tried at all is the result; what came of it is in *moved. */
static int64_t file_submit(struct file *file, const struct linux_iocb *iocb, struct io *io, bool write, int64_t *moved)
{
	uint64_t position = (uint64_t)iocb->offset;

	if (iocb->offset < 0)
		return -EINVAL;
	if (write && iocb->move_flags & RWF_APPEND)
		position = POSITION_END;
	*moved = file_move(file, io, file->operations->seekable ? &position : 0, write);
	if (*moved <= -ERESTARTSYS)
		*moved = -EINTR;
	return 0;
}

static int64_t pieces_submit(struct file *file, const struct linux_iocb *iocb, bool write, int64_t *moved)
{
	struct linux_iovec *pieces;
	struct io io;
	int64_t status = 0;

	if (iocb->bytes > IOV_MAX)
		return -EINVAL;
	pieces = page_block_alloc();
	if (!pieces)
		return -ENOMEM;
	if (user_read(pieces, iocb->address, iocb->bytes * sizeof(*pieces)))
		status = -EFAULT;
	if (status == 0)
		status = io_pieces(&io, pieces, iocb->bytes);
	if (status == 0)
		status = file_submit(file, iocb, &io, write, moved);
	page_block_free(pieces);
	return status;
}

static int64_t move_submit(struct request *request, const struct linux_iocb *iocb)
{
	enum { MOST = 0x7ffff000 };
	bool write = iocb->command == CMD_PWRITE || iocb->command == CMD_PWRITEV;
	bool pieces = iocb->command == CMD_PREADV || iocb->command == CMD_PWRITEV;
	struct file *file = request->file;
	int64_t status, moved = 0;
	struct io io;

	if (iocb->move_flags & ~RWF_KNOWN || (iocb->move_flags & RWF_NOWAIT && !file->operations->seekable))
		return -EOPNOTSUPP;
	if (!(write ? file_writable(file) : file_readable(file)))
		return -EBADF;
	if (!(write ? file->operations->write : file->operations->read))
		return -EINVAL;
	if (pieces) {
		status = pieces_submit(file, iocb, write, &moved);
	} else if (iocb->address > PROGRAM_TOP || iocb->bytes > PROGRAM_TOP - iocb->address) {
		status = -EFAULT;
	} else {
		io_program(&io, iocb->address, iocb->bytes < MOST ? iocb->bytes : MOST);
		status = file_submit(file, iocb, &io, write, &moved);
	}
	if (status == 0)
		request_finish(request, moved, false);
	return status;
}

/* All files lie in memory. */
static int64_t sync_submit(struct request *request, const struct linux_iocb *iocb)
{
	const struct inode *inode = request->file->inode;

	if (iocb->address || iocb->offset || iocb->bytes || iocb->move_flags)
		return -EINVAL;
	if (!inode_is(inode, S_IFREG) && !inode_is(inode, S_IFDIR))
		return -EINVAL;
	request_finish(request, 0, false);
	return 0;
}

/* The request stands on its file's queues: what did it find, and what came meanwhile? `servicing` is held. */
static int64_t poll_settle(struct request *request, uint32_t found)
{
	struct aio_context *context = request->context;
	int64_t status = 0;

	mutex_lock(&context->lock);
	if (!found)
		found = request->woken & ~(uint32_t)POLLNVAL;
	if (!found && !request->waiter_count) {
		active_remove(request);
		status = -EINVAL;
	} else if (!found && !request->woken) {
		request->state = WAITING;
	} else if (!found) {
		service_add(request);
	}
	mutex_unlock(&context->lock);
	if (found)
		request_finish(request, found, true);
	return status;
}

static int64_t poll_submit(struct request *request, const struct linux_iocb *iocb)
{
	struct poll_table table = {.waiters = request->waiters, .limit = QUEUES, .notify = request_notify, .owner = request};
	int64_t status = -EINVAL;
	bool dead;

	if ((uint16_t)iocb->address != iocb->address || iocb->offset || iocb->bytes || iocb->move_flags)
		return -EINVAL;
	request->events = (uint32_t)iocb->address | POLLERR | POLLHUP;
	mutex_lock(&servicing);         /* the end of the context does not take it half-way */
	mutex_lock(&request->context->lock);
	dead = request->context->dead;
	if (!dead)
		active_add(request);
	mutex_unlock(&request->context->lock);
	if (!dead) {
		uint32_t found = file_poll(request->file, &table) & request->events;

		request->waiter_count = table.count;
		status = poll_settle(request, found);
	}
	mutex_unlock(&servicing);
	return status;
}

static int64_t request_run(struct request *request, const struct linux_iocb *iocb)
{
	switch (iocb->command) {
	case CMD_PREAD:
	case CMD_PWRITE:
	case CMD_PREADV:
	case CMD_PWRITEV:
		return move_submit(request, iocb);
	case CMD_FSYNC:
	case CMD_FDSYNC:
		return sync_submit(request, iocb);
	case CMD_POLL:
		return poll_submit(request, iocb);
	}
	return -EINVAL;
}

/* As ioprio_set(2) judges it; nothing is done with it. */
static int priority_check(uint16_t given)
{
	enum { CLASS_SHIFT = 13, REALTIME = 1, IDLE = 3, LEVELS = 8 };
	uint32_t class = given >> CLASS_SHIFT, level = given & ((1u << CLASS_SHIFT) - 1);

	if (class == REALTIME && !capable(CAP_SYS_ADMIN) && !capable(CAP_SYS_NICE))
		return -EPERM;
	if (class > IDLE || (class != IDLE && level >= LEVELS) || (class == 0 && level != 0))
		return -EINVAL;
	return 0;
}

/* The files that it names, and the word by which io_cancel knows that it was submitted. */
static int64_t request_fill(struct request *request, const struct linux_iocb *iocb)
{
	const uint32_t key = 0;

	request->data = iocb->data;
	request->file = file_of_descriptor(iocb->descriptor);
	if (!request->file || request->file->flags & O_PATH)
		return -EBADF;
	if (iocb->flags & FLAG_PRIORITY && priority_check(iocb->priority))
		return priority_check(iocb->priority);
	if (iocb->flags & FLAG_EVENT) {
		request->event = file_of_descriptor(iocb->event_descriptor);
		if (!request->event)
			return -EBADF;
		if (!file_is_event(request->event))
			return -EINVAL;
	}
	return user_write(request->object + __builtin_offsetof(struct linux_iocb, key), &key, sizeof(key));
}

static bool context_count(struct aio_context *context, int change)
{
	bool room;

	mutex_lock(&context->lock);
	room = change < 0 || (context->count < context->limit && !context->dead);
	if (room)
		context->count += (uint32_t)change;
	mutex_unlock(&context->lock);
	return room;
}

static int64_t submit_one(struct aio_context *context, uint64_t object)
{
	struct linux_iocb iocb;
	struct request *request;
	int64_t status;

	if (user_read(&iocb, object, sizeof(iocb)))
		return -EFAULT;
	if (iocb.reserved || (int64_t)iocb.bytes < 0)
		return -EINVAL;
	if (!context_count(context, 1))
		return -EAGAIN;
	request = heap_alloc(sizeof(*request));
	status = request ? 0 : -EAGAIN;
	if (request) {
		request->context = context;
		request->object = object;
		status = request_fill(request, &iocb);
		if (status == 0)
			status = request_run(request, &iocb);
		if (status)
			request_free(request);
	}
	if (status)
		(void)context_count(context, -1);
	return status;
}

int64_t sys_io_submit(SYSCALL_ARGUMENTS)
{
	struct aio_context *context;
	int64_t status = 0, i;

	if ((int64_t)a1 < 0)
		return -EINVAL;
	context = context_get(a0);
	if (!context)
		return -EINVAL;
	for (i = 0; i < (int64_t)a1 && i < context->limit && status == 0; i++) {
		uint64_t object;

		status = user_read(&object, a2 + (uint64_t)i * sizeof(object), sizeof(object)) ? -EFAULT : submit_one(context, object);
	}
	context_put(context);
	return status == 0 ? i : i > 1 ? i - 1 : status;
}

/* ---- cancelling ---- */

/* Only what polls can be. Its event says that nothing came. */
static int64_t request_cancel(struct aio_context *context, uint64_t object)
{
	struct request *request;
	bool active;

	mutex_lock(&servicing);
	mutex_lock(&context->lock);
	request = context->active;
	while (request && request->object != object)
		request = request->next;
	active = request != 0 && request->state != ARMING;
	if (active) {
		service_remove(request);
		request->state = WOKEN;         /* nobody else finishes it */
	}
	mutex_unlock(&context->lock);
	if (active)
		request_finish(request, 0, true);
	mutex_unlock(&servicing);
	return active ? -EINPROGRESS : -EINVAL;
}

int64_t sys_io_cancel(SYSCALL_ARGUMENTS)
{
	struct aio_context *context;
	int64_t status;
	uint32_t key;

	if (user_read(&key, a1 + __builtin_offsetof(struct linux_iocb, key), sizeof(key)))
		return -EFAULT;
	context = key ? 0 : context_get(a0);
	if (!context)
		return -EINVAL;
	status = request_cancel(context, a1);
	context_put(context);
	return status;
}

/* ---- taking events ---- */

/* Up to `most` that are done, in a row from the oldest; their number. */
static uint32_t chunk_take(struct aio_context *context, struct request *chunk[CHUNK], uint64_t most)
{
	uint32_t count = 0;

	mutex_lock(&context->lock);
	while (context->done && count < CHUNK && count < most) {
		chunk[count] = context->done;
		context->done = chunk[count++]->next;
	}
	context->count -= count;
	mutex_unlock(&context->lock);
	return count;
}

/* The program could not be told: they are the oldest again. */
static void chunk_back(struct aio_context *context, struct request *chunk[CHUNK], uint32_t count)
{
	mutex_lock(&context->lock);
	context->count += count;
	while (count > 0) {
		struct request *request = chunk[--count];

		request->next = context->done;
		if (!context->done)
			context->done_last = request;
		context->done = request;
	}
	mutex_unlock(&context->lock);
}

/* How many events went to the program, or -EFAULT. */
static int64_t events_move(struct aio_context *context, uint64_t to, uint64_t most)
{
	struct linux_io_event events[CHUNK];
	struct request *chunk[CHUNK];
	uint64_t moved = 0;
	uint32_t count;

	while ((count = chunk_take(context, chunk, most - moved)) > 0) {
		for (uint32_t i = 0; i < count; i++)
			events[i] = (struct linux_io_event){chunk[i]->data, chunk[i]->object, chunk[i]->result, 0};
		if (user_write(to + moved * sizeof(events[0]), events, count * sizeof(events[0]))) {
			chunk_back(context, chunk, count);
			return moved ? (int64_t)moved : -EFAULT;
		}
		for (uint32_t i = 0; i < count; i++)
			request_free(chunk[i]);
		moved += count;
	}
	return (int64_t)moved;
}

/* Sleeps until there is an event. 0, -EINVAL: the context ended, -ERESTARTSYS, -ETIMEDOUT. */
static int event_wait(struct aio_context *context, uint64_t deadline)
{
	int status = 0;

	mutex_lock(&context->lock);
	while (!context->done && !context->dead && status == 0)
		status = wait_queue_sleep(&context->wait, &context->lock, true, deadline);
	if (context->dead)
		status = -EINVAL;
	mutex_unlock(&context->lock);
	return status;
}

static int64_t events_gather(struct aio_context *context, const uint64_t a[4], uint64_t deadline, bool wait)
{
	int64_t count = 0, least = (int64_t)a[1], moved;
	int status = 0;

	for (;;) {
		moved = events_move(context, a[3] + (uint64_t)count * sizeof(struct linux_io_event), a[2] - (uint64_t)count);
		count += moved > 0 ? moved : 0;
		if (moved < 0 || count >= least || !wait || status)
			break;
		status = event_wait(context, deadline);
	}
	if (count)
		return count;
	if (moved < 0)
		return moved;
	return status == -ERESTARTSYS ? -EINTR : status == -ETIMEDOUT ? 0 : status;
}

/* a: context, least, most, where to; the time-out's address is read already. */
static int64_t events_call(const uint64_t a[4], uint64_t deadline, bool wait)
{
	struct aio_context *context = context_get(a[0]);
	int64_t result = -EINVAL;

	if (!context)
		return -EINVAL;
	if ((int64_t)a[1] <= (int64_t)a[2] && (int64_t)a[1] >= 0)
		result = events_gather(context, a, deadline, wait);
	context_put(context);
	return result;
}

/* As Linux takes it: seconds and nanoseconds are added up, and a negative time never passes. */
static int timeout_read(uint64_t address, uint64_t *deadline, bool *wait)
{
	const int64_t most_seconds = 1 << 30, second_ns = 1000000000;
	struct linux_timespec time;

	if (!address)
		return 0;
	if (user_read(&time, address, sizeof(time)))
		return -EFAULT;
	if ((uint64_t)time.seconds > (uint64_t)most_seconds || (uint64_t)time.nanoseconds > (uint64_t)(most_seconds * second_ns))
		return 0;
	time.nanoseconds += time.seconds * second_ns;
	*wait = time.nanoseconds != 0;
	*deadline = time_monotonic() + (uint64_t)time.nanoseconds;
	return 0;
}

int64_t sys_io_getevents(SYSCALL_ARGUMENTS)
{
	uint64_t deadline = 0;
	bool wait = true;
	int64_t status = timeout_read(a4, &deadline, &wait);

	return status ? status : events_call((uint64_t[]){a0, a1, a2, a3}, deadline, wait);
}

int64_t sys_io_pgetevents(SYSCALL_ARGUMENTS)
{
	struct { uint64_t mask, bytes; } given = {0};
	uint64_t deadline = 0;
	bool wait = true;
	int64_t status = timeout_read(a4, &deadline, &wait);

	if (status == 0 && a5 && user_read(&given, a5, sizeof(given)))
		status = -EFAULT;
	if (status == 0)
		status = mask_apply(given.mask, given.bytes);
	return status ? status : events_call((uint64_t[]){a0, a1, a2, a3}, deadline, wait);
}
