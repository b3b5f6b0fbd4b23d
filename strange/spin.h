/* Spin locks of Strange. They are held for a few dozen instructions, with interrupts off. Whoever waits serves
 * translation shoot-downs meanwhile, so no resolved user address may be kept across a lock.
 *
 * Order: kernel calls lock at most one object of each rank, in this order, and list locks (struct slot.list_lock, hash
 * stripes, free lists, run queues, timers) last, never two of them, and nothing under them:
 *   reference < portal < thread < space < page < container < kernel
 * One exception: a page that is loaded, and then one that becomes an alias of it (alias.c). */
#ifndef STRANGE_SPIN_H
#define STRANGE_SPIN_H

#include "charm/cpu.h"

struct spin {
	union {
		volatile uint8_t held;
		volatile uint32_t word;     /* the same: there is an instruction that sets a bit of it and says what it was */
	};
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "held is the bit of word");

void spin_wait(struct spin *lock);      /* shootdown.c: the slow way. cpu_spin_wait calls it */

static inline __attribute__((always_inline)) bool spin_try(struct spin *lock)
{
	return !(__atomic_fetch_or(&lock->word, 1, __ATOMIC_ACQUIRE) & 1);
}

static inline __attribute__((always_inline)) void spin_lock(struct spin *lock)
{
	if (__builtin_expect(!spin_try(lock), 0))
		cpu_spin_wait(lock);
}

static inline __attribute__((always_inline)) void spin_unlock(struct spin *lock)
{
	__atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}

#endif
