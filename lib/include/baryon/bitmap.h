/* Arrays of bits in 64-bit words. No locking of their own. */
#ifndef BARYON_BITMAP_H
#define BARYON_BITMAP_H

#include "abi/types.h"

#define BITMAP_WORDS(bits) (((bits) + 63) / 64)

static inline bool bitmap_get(const uint64_t *map, uint64_t bit)
{
	return map[bit / 64] >> (bit % 64) & 1;
}

static inline void bitmap_set(uint64_t *map, uint64_t bit)
{
	map[bit / 64] |= 1ull << (bit % 64);
}

static inline void bitmap_clear(uint64_t *map, uint64_t bit)
{
	map[bit / 64] &= ~(1ull << (bit % 64));
}

/* The first clear bit at or after `from`, or `bits` when all are set. */
static inline uint64_t bitmap_find_clear(const uint64_t *map, uint64_t bits, uint64_t from)
{
	while (from < bits) {
		uint64_t word = ~map[from / 64] >> (from % 64);

		if (word) {
			uint64_t bit = from + (uint64_t)__builtin_ctzll(word);

			return bit < bits ? bit : bits;
		}
		from = (from / 64 + 1) * 64;
	}
	return bits;
}

#endif
