/* Mutual exclusion. An uncontended mutex costs one instruction that locks the bus. Waiters form a list from the newest to the
 * oldest, each on its sleeper's stack; unlock hands the mutex to the oldest, so it is fair. Only the holder takes
 * waiters off. A thread that parks may be woken for other reasons: only `granted` counts. */
#include "unix.h"

#include "baryon/calls.h"
#include "process/process.h"

enum { SPINS = 100 };

struct mutex_waiter {
	struct mutex_waiter *older;
	uint64_t thread;
	uint32_t granted;
};

static bool mutex_spin(struct mutex *mutex)
{
	for (unsigned i = 0; i < SPINS; i++) {
		if (__atomic_load_n(&mutex->state, __ATOMIC_RELAXED) == 0 && mutex_try(mutex))
			return true;
		__builtin_ia32_pause();
	}
	return false;
}

void mutex_lock_slow(struct mutex *mutex)
{
	struct mutex_waiter me = { .thread = self()->uid };
	uint64_t state, wanted;

	if (mutex_spin(mutex))
		return;
	state = __atomic_load_n(&mutex->state, __ATOMIC_RELAXED);
	do {
		me.older = state > 1 ? (struct mutex_waiter *)(state - 1) : NULL;
		wanted = state == 0 ? 1 : (uint64_t)&me + 1;
	} while (!__atomic_compare_exchange_n(&mutex->state, &state, wanted, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	if (wanted == 1)
		return;
	while (!__atomic_load_n(&me.granted, __ATOMIC_ACQUIRE))
		park(0);
}

static void mutex_grant(struct mutex_waiter *waiter)
{
	uint64_t thread = waiter->thread;

	__atomic_store_n(&waiter->granted, 1, __ATOMIC_RELEASE);
	unpark(thread);
}

/* The oldest waiter, taken off the list that `newest` heads and that has another. */
static struct mutex_waiter *oldest_take(struct mutex_waiter *newest)
{
	struct mutex_waiter *oldest;

	while (newest->older->older != NULL)
		newest = newest->older;
	oldest = newest->older;
	newest->older = NULL;
	return oldest;
}

void mutex_unlock_slow(struct mutex *mutex)
{
	uint64_t state = __atomic_load_n(&mutex->state, __ATOMIC_ACQUIRE);
	struct mutex_waiter *newest = (struct mutex_waiter *)(state - 1);

	if (newest->older == NULL) {
		if (__atomic_compare_exchange_n(&mutex->state, &state, 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
			mutex_grant(newest);
			return;
		}
		newest = (struct mutex_waiter *)(state - 1);    /* another came: two now */
	}
	mutex_grant(oldest_take(newest));
}
