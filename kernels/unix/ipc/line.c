/* Lines of those who wait until somebody else does what they asked for: so nobody who comes later is faster. */
#include "ipc/ipc.h"

static void line_add(struct ipc_line *line, struct ipc_waiter *waiter)
{
	waiter->next = 0;
	waiter->previous = line->last;
	*(line->last ? &line->last->next : &line->first) = waiter;
	line->last = waiter;
	waiter->waits = true;
}

static void line_remove(struct ipc_line *line, struct ipc_waiter *waiter)
{
	*(waiter->previous ? &waiter->previous->next : &line->first) = waiter->next;
	*(waiter->next ? &waiter->next->previous : &line->last) = waiter->previous;
	waiter->waits = false;
}

void ipc_line_end(struct ipc_line *line, struct ipc_waiter *waiter, int status)
{
	line_remove(line, waiter);
	waiter->status = status;
	wait_queue_wake(&waiter->queue);
}

int ipc_line_wait(struct ipc_line *line, struct ipc_waiter *waiter, struct mutex *lock, uint64_t deadline)
{
	int status = 0;

	line_add(line, waiter);
	while (waiter->waits && status == 0)
		status = wait_queue_sleep(&waiter->queue, lock, true, deadline);
	if (!waiter->waits)
		return waiter->status;
	line_remove(line, waiter);
	return status;
}
