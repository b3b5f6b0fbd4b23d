/* What Strange counts, for `machine(MACHINE_COUNTERS)`. Monotonic since boot unless said otherwise. */
#ifndef ABI_COUNTERS_H
#define ABI_COUNTERS_H

#include "abi/home.h"

struct counters {
	uint64_t loaded[KIND_COUNT], unloaded[KIND_COUNT], displaced[KIND_COUNT];
	uint64_t slots[KIND_COUNT];     /* size of each cache */
	uint64_t free[KIND_COUNT];      /* free slots now */
	uint64_t tables, tables_free, displaced_tables, displace_failed;
	uint64_t shootdowns, misses, faults, switches, steals, signals_dropped;
	uint64_t strange_bytes;         /* memory that Strange took */
};

#endif
