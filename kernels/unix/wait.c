/* Wait queues. A waiter lies on its sleeper's stack and leaves its queue only by waiter_remove, which takes the queue's
 * mutex; a waker marks it and unparks the thread under that mutex, so the waiter is there as long as it is looked at. */
#include "unix.h"

#include "baryon/calls.h"
#include "abi/errors.h"
#include "process/process.h"

static void queue_join(struct waiter *waiter, struct wait_queue *queue)
{
	waiter->queue = queue;
	waiter->woken = 0;
	waiter->next = NULL;
	mutex_lock(&queue->mutex);
	waiter->previous = queue->last;
	if (queue->last != NULL)
		queue->last->next = waiter;
	else
		__atomic_store_n(&queue->first, waiter, __ATOMIC_RELAXED);
	queue->last = waiter;
	mutex_unlock(&queue->mutex);
}

void waiter_add(struct waiter *waiter, struct wait_queue *queue)
{
	waiter->thread = self()->uid;
	waiter->notify = NULL;
	queue_join(waiter, queue);
}

void waiter_add_notify(struct waiter *waiter, struct wait_queue *queue)
{
	queue_join(waiter, queue);
}

void waiter_remove(struct waiter *waiter)
{
	struct wait_queue *queue = waiter->queue;

	mutex_lock(&queue->mutex);
	if (waiter->previous != NULL)
		waiter->previous->next = waiter->next;
	else
		__atomic_store_n(&queue->first, waiter->next, __ATOMIC_RELAXED);
	if (waiter->next != NULL)
		waiter->next->previous = waiter->previous;
	else
		queue->last = waiter->previous;
	mutex_unlock(&queue->mutex);
}

static void queue_wake(struct wait_queue *queue, unsigned count, uint32_t events)
{
	bool enough = false;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&queue->first, __ATOMIC_RELAXED) == NULL)
		return;
	mutex_lock(&queue->mutex);
	for (struct waiter *waiter = queue->first; waiter != NULL && count > 0; waiter = waiter->next) {
		if (waiter->notify != NULL) {
			if (!waiter->exclusive)
				(void)waiter->notify(waiter, events);
			else if (!enough)
				enough = waiter->notify(waiter, events);
			continue;
		}
		if (waiter->woken)
			continue;
		__atomic_store_n(&waiter->woken, 1, __ATOMIC_RELEASE);
		(void)unpark(waiter->thread);
		count--;
	}
	mutex_unlock(&queue->mutex);
}

void wait_queue_wake(struct wait_queue *queue)
{
	queue_wake(queue, ~0u, ~0u);
}

void wait_queue_wake_events(struct wait_queue *queue, uint32_t events)
{
	queue_wake(queue, ~0u, events);
}

void wait_queue_wake_one(struct wait_queue *queue)
{
	queue_wake(queue, 1, ~0u);
}

static bool any_woken(const struct waiter *waiters, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (__atomic_load_n(&waiters[i].woken, __ATOMIC_ACQUIRE))
			return true;
	}
	return false;
}

int wait_sleep(struct waiter *waiters, unsigned count, bool interruptible, uint64_t deadline)
{
	struct thread *me = self();
	long status;

	while (!any_woken(waiters, count)) {
		if (interruptible && signal_is_pending())
			return -ERESTARTSYS;
		me->sleeps++;
		__atomic_store_n(&me->dozes, interruptible, __ATOMIC_RELAXED);
		status = park(deadline);
		__atomic_store_n(&me->dozes, 0, __ATOMIC_RELAXED);
		if (status == -BARYON_ETIMEDOUT)
			return any_woken(waiters, count) ? 0 : -ETIMEDOUT;
	}
	return 0;
}

int wait_queue_sleep(struct wait_queue *queue, struct mutex *lock, bool interruptible, uint64_t deadline)
{
	struct waiter waiter;
	int result;

	waiter_add(&waiter, queue);
	if (lock != NULL)
		mutex_unlock(lock);
	result = wait_sleep(&waiter, 1, interruptible, deadline);
	waiter_remove(&waiter);
	if (lock != NULL)
		mutex_lock(lock);
	return result;
}
