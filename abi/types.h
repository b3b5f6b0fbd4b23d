/* Fixed-width words and the few helpers that every layer shares.
 * Headers under abi/ hold data layouts and tables, no code that runs. */
#ifndef ABI_TYPES_H
#define ABI_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An object's name for ever: the number of its keeper (24 bits) and a number that the keeper chose
 * (40 bits). Zero names nothing. */
typedef uint64_t baryon_uid;

#define UID_NUMBER_BITS 40
#define UID_NUMBER_MASK ((1ull << UID_NUMBER_BITS) - 1)
#define UID_MAKE(keeper, number) \
	(((uint64_t)(keeper) << UID_NUMBER_BITS) | ((uint64_t)(number) & UID_NUMBER_MASK))
#define UID_KEEPER(uid) ((uint32_t)((uint64_t)(uid) >> UID_NUMBER_BITS))
#define UID_NUMBER(uid) ((uint64_t)(uid) & UID_NUMBER_MASK)

/* Kernel numbers that are fixed. Kernels below KERNEL_FIRST_OF_SRM are kept by root, the others by
 * the SRM; so a kernel's uid follows from its number. */
enum {
	KERNEL_NUMBER_ROOT = 1,
	KERNEL_NUMBER_SRM = 2,
	KERNEL_FIRST_OF_SRM = 16,
};
#define KERNEL_UID(number) \
	UID_MAKE((number) < KERNEL_FIRST_OF_SRM ? KERNEL_NUMBER_ROOT : KERNEL_NUMBER_SRM, (number))

#define PAGE_BITS 12
#define PAGE_BYTES 4096ull
#define GROUP_PAGES 512ull                 /* frames in a page group */
#define GROUP_BYTES (GROUP_PAGES * PAGE_BYTES)

#endif
