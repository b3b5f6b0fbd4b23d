/* What the vDSO and UNIX's own calls know of the time: one record, in the page before the vDSO's in every program. UNIX writes it,
 * programs only read it.
 *
 * `sequence` is odd while something changes and another number afterwards. Whoever reads numbers that are of one moment looks at it
 * before and after. A word by itself is whole at any time. */
#ifndef UNIX_VDSO_DATA_H
#define UNIX_VDSO_DATA_H

#include "abi/types.h"

struct vdso_data {
	uint32_t sequence;
	int32_t zone[2];            /* as settimeofday left it: kept and not used */
	uint64_t tsc_at_zero;       /* monotonic ns = (tsc - tsc_at_zero) * multiplier >> 32, plus monotonic_ns */
	uint64_t multiplier;
	uint64_t monotonic_ns;
	uint64_t wall_ns;           /* wall clock, since 1970, when the monotonic clock was zero */
};

enum {
	CLOCK_REALTIME = 0, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW,
	CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI = 11,
};

enum { SECOND_NS = 1000000000, MICROSECOND_NS = 1000 };

#endif
