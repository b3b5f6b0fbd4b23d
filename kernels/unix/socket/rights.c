/* Open files on their way through sockets. While a file is in a queue it counts as flying; a socket that only flies, in queues
 * of sockets that only fly, can be reached by nobody: such cycles are found and their queues emptied.
 *
 * A file counts as flying from before it is put in a queue until after it was taken out, so in between it seems to be held from
 * outside, and is left alone. */
#include "socket/socket.h"

static struct mutex rights_lock;
static struct socket *flying;           /* sockets that fly */
static struct mutex drop_lock;
static struct rights *drop_first;       /* to be put by whoever puts already */
static bool dropping;

static void flight_add(struct socket *socket)
{
	socket->flying = true;
	socket->flight_previous = 0;
	socket->flight_next = flying;
	if (flying)
		flying->flight_previous = socket;
	flying = socket;
}

static void flight_remove(struct socket *socket)
{
	socket->flying = false;
	if (socket->flight_previous)
		socket->flight_previous->flight_next = socket->flight_next;
	else
		flying = socket->flight_next;
	if (socket->flight_next)
		socket->flight_next->flight_previous = socket->flight_previous;
}

void rights_fly(struct rights *rights)
{
	mutex_lock(&rights_lock);
	for (uint32_t i = 0; i < rights->count; i++) {
		struct socket *socket = socket_of(rights->file[i]);

		__atomic_fetch_add(&rights->file[i]->flying, 1, __ATOMIC_RELAXED);
		if (socket && !socket->flying)
			flight_add(socket);
	}
	mutex_unlock(&rights_lock);
}

void rights_land(struct rights *rights)
{
	mutex_lock(&rights_lock);
	for (uint32_t i = 0; i < rights->count; i++) {
		struct socket *socket = socket_of(rights->file[i]);
		uint32_t left = __atomic_sub_fetch(&rights->file[i]->flying, 1, __ATOMIC_RELAXED);

		if (socket && left == 0)
			flight_remove(socket);
	}
	mutex_unlock(&rights_lock);
}

struct rights *rights_copy(const struct rights *rights)
{
	uint64_t bytes = sizeof(*rights) + rights->count * sizeof(struct file *);
	struct rights *copy = heap_alloc_any(bytes);

	if (!copy)
		return 0;
	memcpy(copy, rights, bytes);
	for (uint32_t i = 0; i < copy->count; i++)
		file_get(copy->file[i]);
	return copy;
}

/* Putting a file may free a socket with more files in its queue, and so on: they are put here in turn, not one inside the other. */
void rights_drop(struct rights *rights)
{
	if (!rights)
		return;
	mutex_lock(&drop_lock);
	rights->next = drop_first;
	drop_first = rights;
	while (!dropping && (rights = drop_first)) {
		drop_first = rights->next;
		dropping = true;
		mutex_unlock(&drop_lock);
		for (uint32_t i = 0; i < rights->count; i++)
			file_put(rights->file[i]);
		heap_free(rights);
		mutex_lock(&drop_lock);
		dropping = false;
	}
	mutex_unlock(&drop_lock);
}

/* ---- cycles ---- */

typedef void (*child_visit)(struct socket *child, struct socket **stack);

static void queue_children(struct socket *socket, child_visit visit, struct socket **stack)
{
	for (struct segment *segment = socket->first; segment; segment = segment->next)
		for (uint32_t i = 0; segment->rights && i < segment->rights->count; i++) {
			struct socket *child = socket_of(segment->rights->file[i]);

			if (child && child->candidate)
				visit(child, stack);
		}
}

/* Visits the sockets in a socket's queue, and in the queues of those that wait to be accepted. */
static void children_each(struct socket *socket, child_visit visit, struct socket **stack)
{
	mutex_lock(&socket->lock);
	queue_children(socket, visit, stack);
	for (struct socket *one = socket->accept_first; one; one = one->accept_next) {
		mutex_lock(&one->lock);
		queue_children(one, visit, stack);
		mutex_unlock(&one->lock);
	}
	mutex_unlock(&socket->lock);
}

static void child_count(struct socket *child, struct socket **stack __attribute__((unused)))
{
	child->outside--;
}

static void child_live(struct socket *child, struct socket **stack)
{
	if (child->live)
		return;
	child->live = true;
	child->mark_next = *stack;
	*stack = child;
}

/* Marks what can be reached: whatever is held from outside, and what lies in its queues, and so on. */
static void live_mark(void)
{
	struct socket *stack = 0;

	for (struct socket *s = flying; s; s = s->flight_next) {
		uint32_t references = __atomic_load_n(&s->file->references, __ATOMIC_ACQUIRE);

		s->candidate = references == s->file->flying;
		s->outside = s->file->flying;
		s->live = false;
	}
	for (struct socket *s = flying; s; s = s->flight_next)
		if (s->candidate)
			children_each(s, child_count, 0);
	for (struct socket *s = flying; s; s = s->flight_next)
		if (s->candidate && s->outside > 0)
			child_live(s, &stack);
	while (stack) {
		struct socket *s = stack;

		stack = s->mark_next;
		children_each(s, child_live, &stack);
	}
}

static struct rights *queue_strip(struct socket *socket, struct rights *list)
{
	for (struct segment *segment = socket->first; segment; segment = segment->next)
		if (segment->rights) {
			segment->rights->next = list;
			list = segment->rights;
			segment->rights = 0;
		}
	return list;
}

static struct rights *socket_strip(struct socket *socket, struct rights *list)
{
	mutex_lock(&socket->lock);
	list = queue_strip(socket, list);
	for (struct socket *one = socket->accept_first; one; one = one->accept_next) {
		mutex_lock(&one->lock);
		list = queue_strip(one, list);
		mutex_unlock(&one->lock);
	}
	mutex_unlock(&socket->lock);
	return list;
}

void rights_collect(void)
{
	struct rights *list = 0;

	mutex_lock(&rights_lock);
	live_mark();
	for (struct socket *s = flying; s; s = s->flight_next)
		if (s->candidate && !s->live)
			list = socket_strip(s, list);
	for (struct socket *s = flying; s; s = s->flight_next)
		s->candidate = false;
	mutex_unlock(&rights_lock);
	while (list) {
		struct rights *next = list->next;

		rights_land(list);
		rights_drop(list);
		list = next;
	}
}
