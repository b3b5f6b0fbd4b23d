/* Sockets of the UNIX family, inside. A socket has a queue of what was sent to it (segments); who sends puts it there.
 *
 * Locks: names_lock, links_lock, rights_lock > socket.lock (two of them: by address; a listener's before those that wait in it) >
 * wait queues. The copies to and from programs are made under socket.lock, as with pipes; no file is put under it.
 * References: a socket is held by its file, by its peer, by the queue of a listener that it waits in, and by calls that look at it. */
#ifndef UNIX_SOCKET_SOCKET_H
#define UNIX_SOCKET_SOCKET_H

#include "file/file.h"
#include "socket/linux_socket.h"

enum socket_state { SOCKET_UNCONNECTED, SOCKET_LISTENING, SOCKET_CONNECTED, SOCKET_CLOSED };
enum { SHUT_READING = 1, SHUT_WRITING = 2, SHUT_BOTH = 3 };
enum { BUFFER_USUAL = 212992, BUFFER_LEAST = 4608, BUFFER_RECEIVE_LEAST = 2304, DATAGRAMS_LIMIT = 10 };
enum { SEGMENT_BLOCK = 4 * 4096 };

struct address {                /* counted: accepted sockets share their listener's */
	uint32_t references;
	uint32_t bytes;             /* of raw, as getsockname reports */
	struct inode *inode;        /* of a name in the file system, referenced */
	struct linux_sockaddr_un raw;
	char zero;                  /* ends a path that fills raw */
};

struct rights {                 /* open files in flight, each with a reference */
	struct rights *next;
	uint32_t count;
	struct file *file[];
};

struct segment {                /* bytes on their way: a part of a stream, or a part of a message */
	struct segment *next;       /* in the queue */
	struct segment *rest;       /* of the same message */
	struct rights *rights;
	struct address *from;       /* the sender's name, or null */
	struct linux_ucred sender;
	uint32_t at, end;           /* bytes that are left */
	bool block;                 /* lies in a block of pages */
	uint64_t message_bytes;     /* of the whole message */
	char data[];
};

struct socket {
	struct mutex lock;
	uint32_t references;        /* atomic */
	uint8_t type, state, shutdown;
	bool pass_credentials;
	int32_t error;              /* for the next call; positive */
	struct file *file;          /* null: not accepted yet, or closed */
	struct socket *peer;        /* referenced. For datagrams: where they go by default */
	struct segment *first, *last;
	uint64_t queued;            /* what the queue costs, against the sender's send_buffer */
	uint32_t messages;          /* segments in the queue */
	uint32_t backlog, waiting;  /* of a listener */
	struct socket *accept_first, *accept_last, *accept_next;
	struct wait_queue read_wait;            /* readers and accepters: one at a time */
	struct wait_queue room_wait;            /* who sends to this socket, or connects to it */
	struct wait_queue poll_wait;
	struct address *name;       /* set once, under names_lock */
	struct socket *hash_next;   /* abstract names: names_lock */
	struct socket *senders, *sender_next;   /* datagram sockets with this peer: links_lock */
	struct linux_ucred own, other;          /* who made it ready; who stands at the other end */
	struct linux_linger linger;
	uint32_t send_buffer, receive_buffer, low_water, switches;
	uint32_t priority;
	uint64_t send_timeout_ns, receive_timeout_ns;   /* 0: none */
	struct socket *flight_next, *flight_previous, *mark_next;       /* rights_lock */
	int64_t outside;            /* of the collection that runs */
	bool candidate, live, flying;
};

extern const struct file_operations socket_operations;

/* ---- socket.c ---- */
struct socket *socket_make(uint8_t type);       /* one reference; null: no memory */
static inline void socket_get(struct socket *socket)
{
	__atomic_fetch_add(&socket->references, 1, __ATOMIC_RELAXED);
}
void socket_put(struct socket *socket);         /* null is allowed */
void socket_close(struct socket *socket);       /* its file is gone, or it will never have one: tells the peer, frees the queue */
struct file *socket_file(struct socket *socket, uint32_t flags);        /* takes over a reference; null: no memory (it is closed) */
int64_t socket_install(struct socket *socket, uint64_t flags);          /* the same, at a descriptor: >= 0, -ENOMEM, -EMFILE */
static inline struct socket *socket_of(const struct file *file)
{
	return file->operations == &socket_operations ? file->state : 0;
}
/* The socket behind a descriptor, borrowed: held_put follows when 0. -EBADF, -ENOTSOCK. */
int socket_held(struct held *held, int descriptor, struct socket **out);
void socket_lock_two(struct socket *a, struct socket *b);       /* may be the same */
void socket_unlock_two(struct socket *a, struct socket *b);
/* Sleeps with `locked` let go of. 0, -ERESTARTSYS, -EINTR, -EAGAIN (the deadline passed). */
int socket_sleep(struct wait_queue *queue, struct socket *locked, uint64_t deadline);
struct linux_ucred credentials_own(void);
int64_t socket_error_take(struct socket *socket);       /* negated; 0: none */
void socket_changed(struct socket *socket);     /* wakes everybody who waits for anything of it */
static inline uint64_t socket_deadline(uint64_t timeout_ns)
{
	return timeout_ns ? time_monotonic() + timeout_ns : 0;
}

/* ---- address.c ---- */
struct target {                 /* an address that a program gave */
	struct linux_sockaddr_un raw;
	char zero;
	uint32_t bytes;             /* 0: none */
};
int target_read(struct target *target, uint64_t address, int32_t bytes);        /* 0, -EFAULT, -EINVAL */
/* Finds the socket bound to an address, for a sender or caller of `type`. 0 and a reference, -ECONNREFUSED, -EPROTOTYPE, -E* of paths. */
int target_find(const struct target *target, uint8_t type, struct socket **out);
int address_write(const struct address *address, uint64_t to, uint64_t bytes_at, bool empty);   /* 0, -EFAULT, -EINVAL */
struct address *address_get(struct address *address);           /* null is allowed */
void address_put(struct address *address);
void socket_unname(struct socket *socket);      /* nobody finds it any more */
int socket_name_self(struct socket *socket);    /* an abstract name of its own, if it has none: 0, -ENOMEM, -EADDRINUSE */

/* ---- segment.c ---- */
uint64_t segment_charge(const struct segment *segment);
void segment_free(struct segment *segment);     /* with its rest; its files come down and are put */
void segments_free(struct segment *first);      /* the same of a whole queue that was taken off its socket */
/* Takes up to `bytes` from io into a new message of `pieces` segments at most. 0, -ENOMEM, -EFAULT. */
int message_make(struct io *io, uint64_t bytes, struct segment **out);
struct segment *segment_take(struct io *io, uint64_t bytes, int64_t *status);   /* one, of a stream */
void queue_append(struct socket *socket, struct segment *segment);      /* lock held */
struct segment *queue_pop(struct socket *socket);                       /* the same; null: empty */
void queue_free(struct socket *socket);
void segment_sign(struct segment *segment, struct socket *sender, struct linux_ucred *as, struct rights *rights);

/* ---- sending and receiving ---- */
struct control {                /* what goes along with bytes */
	struct rights *rights;      /* sending: null once a queue has them. receiving: to be given to the program */
	struct linux_ucred credentials;
	bool has_credentials;
	struct address *from;       /* receiving: the sender's, referenced */
	uint32_t flags;             /* receiving: MSG_TRUNC */
};
int64_t stream_send(struct socket *me, struct io *io, uint32_t flags, struct control *control);
int64_t stream_receive(struct socket *me, struct io *io, uint32_t flags, struct control *control);
int64_t datagram_send(struct socket *me, struct io *io, uint32_t flags, struct control *control, const struct target *target);
int64_t datagram_receive(struct socket *me, struct io *io, uint32_t flags, struct control *control);
void datagram_unlink(struct socket *socket);    /* from its peer's senders */
void datagram_link(struct socket *socket, struct socket *peer);         /* takes over a reference; the old peer's is put */
void datagram_room(struct socket *socket);      /* there is room in its queue: wakes pollers that send to it */
int64_t socket_send(struct file *file, struct io *io, uint32_t flags, struct control *control, const struct target *target);
int64_t socket_receive(struct file *file, struct io *io, uint32_t flags, struct control *control);

/* ---- control.c ---- */
int control_read(struct control *control, uint64_t address, uint64_t bytes);    /* 0, -E*; rights may be there in any case */
struct control_room {           /* the program's buffer for control messages */
	uint64_t at, left, done;
	uint32_t flags;             /* MSG_CTRUNC */
};
int control_write(struct control *control, struct control_room *room, bool credentials, bool close_on_exec);    /* 0, -EFAULT */
void control_drop(struct control *control);

/* ---- rights.c ---- */
void rights_fly(struct rights *rights);         /* before they are put in a queue */
void rights_land(struct rights *rights);        /* after they were taken out */
struct rights *rights_copy(const struct rights *rights);        /* for a look: null: no memory */
void rights_drop(struct rights *rights);        /* puts the files, which do not fly; null is allowed */

#endif
