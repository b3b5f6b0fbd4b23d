/* Queues of messages, between their files: queue.c (msgget, msgsnd, msgrcv) and queue_control.c (msgctl).
 *
 * Who waits for a message is in the queue's list, in the order of coming; a message that suits one of them goes to it at once.
 * Who waits for room sleeps on the queue's wait queue, and looks again when a message was taken or the limit changed. */
#ifndef UNIX_IPC_QUEUE_H
#define UNIX_IPC_QUEUE_H

#include "ipc/ipc.h"

struct message {
	struct message *next;
	int64_t type;
	struct array text;          /* of bytes */
};

struct queue {
	struct ipc_object object;   /* its lock guards everything here */
	struct message *first, *last;
	struct ipc_line receivers;  /* struct receiver */
	struct wait_queue room;
	uint64_t bytes, count, most_bytes;
	int64_t sent, received;     /* seconds; 0: never */
	int32_t sender, receiver;   /* pids */
};

extern struct ipc_table queues;

void message_free(struct message *message);             /* null is allowed */
void queue_look_again(struct queue *queue);             /* its limit or its rights changed. Its lock is held */

#endif
