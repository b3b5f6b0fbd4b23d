/* POSIX message queues, between their files: posix_queue.c (names, opening, attributes), posix_queue_move.c (sending and
 * receiving), posix_queue_notify.c.
 *
 * A queue is an inode that lies in no folder: the table of names holds a reference until mq_unlink, each open file another.
 * Messages are in the order in which they are received: the higher priority first, and of one priority the older. A message goes
 * to the first who waits for one; and who waits for room is helped by the one who makes it. */
#ifndef UNIX_IPC_POSIX_QUEUE_H
#define UNIX_IPC_POSIX_QUEUE_H

#include "ipc/ipc.h"

enum { MQ_PRIORITIES = 32768, MQ_QUEUES = 256, MQ_MESSAGES = 10, MQ_BYTES = 8192, MQ_MESSAGES_MOST = 65536, MQ_BYTES_MOST = ARRAY_LIMIT,
	MQ_INODE_BYTES = 80 };

struct linux_mq_attr {
	int64_t flags, messages, bytes, count, unused[4];
};

struct linux_sigevent {
	uint64_t value;
	int32_t number, notify;
	uint64_t rest[6];
};

_Static_assert(sizeof(struct linux_mq_attr) == 64 && sizeof(struct linux_sigevent) == 64, "programs rely on the layout");

struct posix_message {
	struct posix_message *next;
	uint32_t priority;
	struct array text;
};

struct partner {                /* who waits for a message, or with one for room */
	struct ipc_waiter waiter;
	struct posix_message *message;      /* to be sent, or received */
};

struct posix_queue {
	struct posix_queue *next;         /* of all that there are; the table's lock */
	struct inode *inode;        /* whose it is: it ends with it */
	uint64_t booked;            /* bytes, for RLIMIT_MSGQUEUE */
	char *name;                 /* null: it has none any more. The table's lock */
	struct mutex lock;          /* everything that follows */
	struct posix_message *first;
	uint64_t count, bytes;      /* messages, and bytes in them */
	uint64_t count_most, bytes_most;        /* never change: messages, and bytes of each */
	struct ipc_line senders, receivers;     /* struct partner */
	struct wait_queue poll_wait;
	int32_t owner;              /* pid of the process that wants to be told; 0: none */
	uint64_t owner_started;     /* when that one began: ids come again */
	struct linux_sigevent event;
};

/* What shall be told, when no lock is held any more. */
struct telling {
	int32_t pid;                /* 0: nobody */
	uint64_t started;
	struct linux_siginfo info;
};

extern const struct file_operations posix_queue_operations;
void posix_message_free(struct posix_message *message);                /* null is allowed */
/* The queue behind a descriptor. false: EBADF; the file is to be put back otherwise. */
bool posix_queue_held(struct held *held, int descriptor, struct posix_queue **out);
void posix_queue_closed(struct file *file);                   /* a process closes a descriptor: its wish to be told goes */
struct telling posix_queue_tell(struct posix_queue *queue);         /* a message came to an empty queue. Its lock is held */
void telling_do(const struct telling *telling);         /* no locks */

#endif
