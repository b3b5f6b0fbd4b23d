/* Streams: bytes with neither ends nor holes, but who sent them and what files came along is kept by segment. */
#include "socket/socket.h"

/* Waits until the peer's queue takes another segment. Peer's lock held. 0, -EPIPE, -ECONNRESET, -EAGAIN, -ERESTARTSYS, -EINTR */
static int64_t room_wait(struct socket *me, struct socket *peer, bool wait)
{
	uint64_t deadline = wait ? socket_deadline(me->send_timeout_ns) : 0;
	int64_t status = 0;

	while (status == 0) {
		if (peer->state == SOCKET_CLOSED || (peer->shutdown & SHUT_READING) ||
		    (__atomic_load_n(&me->shutdown, __ATOMIC_RELAXED) & SHUT_WRITING))
			return -EPIPE;
		if (peer->queued < me->send_buffer)
			return 0;
		status = wait ? socket_sleep(&peer->room_wait, peer, deadline) : -EAGAIN;
	}
	return status;
}

/* Sends one segment. Peer's lock held. Its bytes, or -E*. */
static int64_t segment_send(struct socket *me, struct socket *peer, struct io *io, bool wait, struct control *control)
{
	int64_t status = room_wait(me, peer, wait);
	struct segment *segment;

	if (status)
		return status;
	segment = segment_take(io, io->left, &status);
	if (!segment)
		return status;
	segment_sign(segment, me, &control->credentials, control->rights);
	control->rights = 0;
	queue_append(peer, segment);
	queue_wake_one(&peer->read_wait);
	queue_wake_events(&peer->poll_wait, POLLIN | POLLRDNORM);
	return segment->end;
}

int64_t stream_send(struct socket *me, struct io *io, uint32_t flags, struct control *control)
{
	struct socket *peer = me->peer;
	int64_t total = 0, status = socket_error_take(me);

	if (status)
		return status;
	if (me->state != SOCKET_CONNECTED || !peer)
		return -ENOTCONN;
	mutex_lock(&peer->lock);
	if (!io->left && ((me->shutdown & SHUT_WRITING) || (peer->shutdown & SHUT_READING)))
		status = me->shutdown & SHUT_WRITING ? -EPIPE : 0;
	while (io->left && status >= 0) {
		status = segment_send(me, peer, io, !(flags & MSG_DONTWAIT), control);
		total += status > 0 ? status : 0;
	}
	mutex_unlock(&peer->lock);
	if (total)
		return total;
	if (status == -EPIPE && !(flags & MSG_NOSIGNAL))
		signal_send_self(SIGPIPE);
	return status;
}

/* ---- receiving ---- */

struct intake {                 /* one receive */
	struct socket *me;
	struct io *io;
	struct control *control;
	bool peek, signed_;
	uint64_t got;
	struct segment *dead;       /* emptied, to be freed without the lock */
};

/* May a segment be added to what was received? Bytes of different senders are kept apart for who wants to know senders. */
static bool sender_fits(struct intake *intake, const struct segment *segment)
{
	struct linux_ucred *seen = &intake->control->credentials;

	if (intake->signed_)
		return !intake->me->pass_credentials || (segment->sender.pid == seen->pid && segment->sender.uid == seen->uid &&
			segment->sender.gid == seen->gid);
	*seen = segment->sender;
	intake->control->from = address_get(segment->from);
	intake->signed_ = true;
	return true;
}

/* The files that come with a segment. 1: they do, and the receive ends here; 0: none. */
static int rights_take(struct intake *intake, struct segment *segment)
{
	if (!segment->rights)
		return 0;
	if (intake->peek) {
		intake->control->rights = rights_copy(segment->rights);
	} else {
		intake->control->rights = segment->rights;
		segment->rights = 0;
	}
	return 1;
}

static void segment_done(struct intake *intake)
{
	struct segment *segment = queue_pop(intake->me);

	segment->next = intake->dead;
	intake->dead = segment;
}

/* Takes what is queued. Lock held. 1: the receive is complete; 0: more may come; -EFAULT. */
static int queue_take(struct intake *intake)
{
	struct segment *segment = intake->me->first, *next;

	if (!segment)
		return 0;
	for (; segment && intake->io->left; segment = next) {
		uint64_t bytes = segment->end - segment->at, done;
		bool files;

		if (!sender_fits(intake, segment))
			return 1;
		next = segment->next;
		bytes = bytes < intake->io->left ? bytes : intake->io->left;
		done = io_put(intake->io, segment->data + segment->at, bytes);
		if (done < bytes)
			return -EFAULT;
		intake->got += done;
		files = rights_take(intake, segment);
		if (!intake->peek) {
			segment->at += (uint32_t)done;
			if (segment->at == segment->end)
				segment_done(intake);
		}
		if (files)
			return 1;
	}
	return !intake->io->left;
}

/* There is room for the other side. Lock held. */
static void room_tell(struct socket *me)
{
	struct socket *peer = me->peer;

	if (!peer || me->queued * 4 > peer->send_buffer)
		return;
	queue_wake_all(&me->room_wait);
	queue_wake_events(&peer->poll_wait, POLLOUT | POLLWRNORM | POLLWRBAND);
}

/* Nothing is there: 0 after a sleep, 1 at the end of the stream, -E*. Lock held. */
static int64_t data_wait(struct socket *me, bool wait, uint64_t deadline)
{
	int64_t status = socket_error_take(me);

	if (status)
		return status;
	if (me->shutdown & SHUT_READING)
		return 1;
	return wait ? socket_sleep(&me->read_wait, me, deadline) : -EAGAIN;
}

static int64_t intake_run(struct intake *intake, uint32_t flags, uint64_t target)
{
	bool wait = !(flags & MSG_DONTWAIT);
	uint64_t deadline = wait ? socket_deadline(intake->me->receive_timeout_ns) : 0;
	int64_t status = 0;

	while (status == 0) {
		status = queue_take(intake);
		if (status || intake->got >= target)
			break;
		if (intake->peek && intake->got)
			break;
		status = data_wait(intake->me, wait, deadline);
	}
	return intake->got ? (int64_t)intake->got : status < 0 ? status : 0;
}

int64_t stream_receive(struct socket *me, struct io *io, uint32_t flags, struct control *control)
{
	struct intake intake = {.me = me, .io = io, .control = control, .peek = flags & MSG_PEEK};
	uint64_t target = flags & MSG_WAITALL ? io->left : me->low_water < io->left ? me->low_water : io->left;
	int64_t result;

	if (me->state != SOCKET_CONNECTED)
		return -EINVAL;
	mutex_lock(&me->lock);
	result = intake_run(&intake, flags, target ? target : 1);
	if (intake.dead)
		room_tell(me);
	if (me->first)
		queue_wake_one(&me->read_wait);
	mutex_unlock(&me->lock);
	segments_free(intake.dead);
	return result;
}
