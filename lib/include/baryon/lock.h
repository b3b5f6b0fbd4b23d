/* Locks and waiting among the threads of one application kernel. Threads run on all CPUs and can be preempted anywhere,
 * so nothing here spins without giving the CPU away.
 *
 * Order of use: a spin is a leaf, held for a few dozen instructions, and nothing is called under it that may wait.
 * Every use of park in a kernel must check its condition in a loop: an unpark meant for one wait may end another. */
#ifndef BARYON_LOCK_H
#define BARYON_LOCK_H

#include "abi/types.h"
#include "baryon/list.h"

/* The calling thread's uid; defined by the application kernel. */
baryon_uid lib_self(void);

/* Defined by lib/wait.c, and by the tests on the host. Results as of park. */
long lib_park(uint64_t deadline_ns);
void lib_unpark(baryon_uid thread);
void lib_yield(void);

/* A short lock: tries, then yields. Does not need lib_self. Zero is free. */
struct spin {
	uint32_t held;
};

void spin_wait(struct spin *lock);

static inline bool spin_try(struct spin *lock)
{
	return __atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE) == 0;
}

static inline void spin_lock(struct spin *lock)
{
	if (!spin_try(lock))
		spin_wait(lock);
}

static inline void spin_unlock(struct spin *lock)
{
	__atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}

/* A lock that may be held for long and across waits. `state` is 0: free; bit 0: held; the rest: newest struct
 * mutex_waiter, on the stack of its thread. Only the holder takes waiters off. Zero is free. */
struct mutex {
	uint64_t state;
};

void mutex_lock_slow(struct mutex *lock);
void mutex_unlock_slow(struct mutex *lock);

static inline bool mutex_try(struct mutex *lock)
{
	uint64_t expected = 0;

	return __atomic_compare_exchange_n(&lock->state, &expected, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void mutex_lock(struct mutex *lock)
{
	if (!mutex_try(lock))
		mutex_lock_slow(lock);
}

static inline void mutex_unlock(struct mutex *lock)
{
	uint64_t expected = 1;

	if (!__atomic_compare_exchange_n(&lock->state, &expected, 0, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		mutex_unlock_slow(lock);
}

static inline bool mutex_held(const struct mutex *lock)
{
	return __atomic_load_n(&lock->state, __ATOMIC_RELAXED) & 1;
}

/* Readers share, a writer is alone. Writers waiting keep new readers out. Zero is free. */
struct rwlock {
	struct mutex writers;       /* held by the writer; passed through by readers */
	uint32_t readers;
	uint32_t writer_waits;
	baryon_uid writer;          /* to unpark when the last reader leaves */
};

void rwlock_read(struct rwlock *lock);
void rwlock_read_unlock(struct rwlock *lock);
void rwlock_write(struct rwlock *lock);
void rwlock_write_unlock(struct rwlock *lock);

/* A thread that waits, possibly on several queues at once (poll). */
struct sleeper {
	baryon_uid thread;
	uint32_t woken;
};

/* One place of a sleeper in one queue. */
struct wait_entry {
	struct list_node node;
	struct sleeper *sleeper;
};

/* Threads that wait for something to change. Use:
 *
 *	struct sleeper me;
 *	struct wait_entry entry;
 *	sleeper_start(&me);
 *	wait_add(&queue, &entry, &me);
 *	while (!condition && result == 0)      -- the condition under its own lock
 *		result = sleeper_park(&me, deadline_ns);
 *	wait_remove(&queue, &entry);
 *
 * sleeper_park clears `woken` before it returns, so that a wake after the check of the condition is never lost. */
struct wait_queue {
	struct spin lock;
	struct list entries;
};

void wait_queue_start(struct wait_queue *queue);
void sleeper_start(struct sleeper *sleeper);
void wait_add(struct wait_queue *queue, struct wait_entry *entry, struct sleeper *sleeper);
void wait_remove(struct wait_queue *queue, struct wait_entry *entry);

/* Waits until woken. deadline_ns: 0 waits for ever. Returns 0 when woken, -BARYON_ETIMEDOUT or -BARYON_EALERT. */
long sleeper_park(struct sleeper *sleeper, uint64_t deadline_ns);

/* Wakes the eldest waiter that is not woken yet; returns whether there was one. */
bool wait_wake_one(struct wait_queue *queue);
void wait_wake_all(struct wait_queue *queue);

#endif
