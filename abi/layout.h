/* Where things lie in every address space. Only these addresses are fixed.
 *
 *   0 .. 2^47                         programs
 *   PHYSMAP_BASE                      all frames, for Charm and Strange
 *   DOMAIN_BASE + n * DOMAIN_BYTES    domain n (1..DOMAIN_COUNT-1): one top-level table entry each
 *   0xffffffff80000000                Charm and Strange
 *   STUBS_*                           stub pages; INFO_PAGE
 */
#ifndef ABI_LAYOUT_H
#define ABI_LAYOUT_H

#include "abi/types.h"

#define PROGRAM_LIMIT    0x00007ffffffff000ull
#define PHYSMAP_BASE     0xffff800000000000ull
#define DOMAIN_BASE      0xffffc00000000000ull
#define DOMAIN_BYTES     0x0000008000000000ull    /* 512 GiB */
#define DOMAIN_COUNT     64
#define DOMAIN_FIRST_OWN 32                       /* those below are given by root and the SRM; a kernel may take the others */
#define KERNEL_BASE      0xffffffff80000000ull

/* Root's and the SRM's programs are locked, and so linked that two mappings do: code, and data, each in a page group of its own. Before
 * the data so many pages are free: the first stack at the bottom, which grows down to where the code lies; then the first handler stack,
 * the start record, and the home of root's first thread. */
enum { FRONT_PAGES = 16, FRONT_STACK_PAGES = 12, FRONT_HANDLER_END = 14, FRONT_START = 14, FRONT_HOME = 15 };

/* Stub n of a page lies at its base + n * STUB_BYTES. The trapping page is for user mode, the direct page for
 * supervisor domains. Both pages and the info page can be read in every space. */
#define STUB_BYTES       32
#define STUBS_TRAPPING   0xfffffffff0000000ull
#define STUBS_DIRECT     0xfffffffff0001000ull
#define INFO_PAGE        0xfffffffff0002000ull
#define INFO_PAGE_DIRECT 0xfffffffff0003000ull    /* the same for ring 0, which may not read user pages */
#define INFO_PAGE_OFFSET 0x2000ull                /* of either from its stub page */

/* A system call instruction is two bytes; a direct stub's call point lies DIRECT_BYTES before its return. */
#define SYSCALL_BYTES    2
#define DIRECT_BYTES     13

/* What everybody may know of the machine; at INFO_PAGE and INFO_PAGE_DIRECT, read-only. */
struct info_page {
	uint32_t version;
	uint32_t cpus;
	uint64_t tsc_hz;            /* ticks of the time-stamp counter a second */
	uint64_t tsc_to_ns_multiplier; /* ns = (tsc - tsc_at_zero) * multiplier >> 32, plus clock_offset_ns */
	uint64_t tsc_at_zero;
	uint64_t clock_offset_ns;   /* persistent monotonic clock at tsc_at_zero */
	uint64_t wall_at_zero_ns;   /* wall-clock time, since 1970, when the monotonic clock was zero */
	uint64_t frames;            /* frames of memory */
};

#endif
