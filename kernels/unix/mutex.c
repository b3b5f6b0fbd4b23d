/* Mutual exclusion. An uncontended mutex costs one instruction that locks the bus. Waiters form a list from the newest to the
 * oldest, each on its sleeper's stack. Unlock wakes the oldest, which tries again: meanwhile whoever runs may take the mutex, so
 * that no switch is needed between two holders. A waiter that was overtaken once insists, and is handed the mutex: nobody
 * starves. Only the holder takes waiters off. A thread that parks may be woken for other reasons: only `answer` counts. */
#include "unix.h"

#include "baryon/calls.h"
#include "process/process.h"

enum { SPINS = 100 };
enum { HELD = 1 };              /* of the state; the rest is the newest waiter */
enum { ANSWER_NONE, ANSWER_TRY, ANSWER_GRANTED };

struct mutex_waiter {
	struct mutex_waiter *older;
	uint64_t thread;
	uint32_t answer;
	bool insists;
};

static bool mutex_take(struct mutex *mutex, uint64_t *state)
{
	return !(*state & HELD) &&
		__atomic_compare_exchange_n(&mutex->state, state, *state | HELD, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static bool mutex_spin(struct mutex *mutex)
{
	for (unsigned i = 0; i < SPINS; i++) {
		uint64_t state = __atomic_load_n(&mutex->state, __ATOMIC_RELAXED);

		if (mutex_take(mutex, &state))
			return true;
		__builtin_ia32_pause();
	}
	return false;
}

/* On the list, or, when it is free by now, the mutex is taken: true. */
static bool mutex_queue(struct mutex *mutex, struct mutex_waiter *me)
{
	uint64_t state = __atomic_load_n(&mutex->state, __ATOMIC_RELAXED);

	for (;;) {
		if (!(state & HELD)) {
			if (mutex_take(mutex, &state))
				return true;
			continue;
		}
		me->older = (struct mutex_waiter *)(state & ~(uint64_t)HELD);
		if (__atomic_compare_exchange_n(&mutex->state, &state, (uint64_t)me | HELD, true, __ATOMIC_ACQ_REL,
				__ATOMIC_RELAXED))
			return false;
	}
}

void mutex_lock_slow(struct mutex *mutex)
{
	struct mutex_waiter me = { .thread = self()->uid };
	uint32_t answer;

	for (;;) {
		if (mutex_spin(mutex) || mutex_queue(mutex, &me))
			return;
		while ((answer = __atomic_load_n(&me.answer, __ATOMIC_ACQUIRE)) == ANSWER_NONE)
			park(0);
		if (answer == ANSWER_GRANTED)
			return;
		me.answer = ANSWER_NONE;
		me.insists = true;
	}
}

/* The waiter may be gone as soon as it has its answer. */
static void waiter_answer(struct mutex_waiter *waiter, uint32_t answer)
{
	uint64_t thread = waiter->thread;

	__atomic_store_n(&waiter->answer, answer, __ATOMIC_RELEASE);
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
	struct mutex_waiter *oldest = (struct mutex_waiter *)(state & ~(uint64_t)HELD);
	bool alone = oldest->older == NULL;

	if (alone && !__atomic_compare_exchange_n(&mutex->state, &state, oldest->insists ? HELD : 0, false, __ATOMIC_ACQ_REL,
			__ATOMIC_ACQUIRE))
		alone = false;          /* another came: two now */
	if (!alone) {
		oldest = oldest_take((struct mutex_waiter *)(state & ~(uint64_t)HELD));
		if (!oldest->insists)
			__atomic_fetch_and(&mutex->state, ~(uint64_t)HELD, __ATOMIC_RELEASE);
	}
	waiter_answer(oldest, oldest->insists ? ANSWER_GRANTED : ANSWER_TRY);
}
