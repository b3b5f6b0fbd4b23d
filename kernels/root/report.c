/* What is loaded when the machine ends, on the log: after a load it is what it was before, or something was lost. */
#include "root.h"

#include "abi/counters.h"
#include "baryon/format.h"

void report_at_end(void)
{
	static struct counters counters;
	uint64_t loaded[KIND_COUNT];

	if (machine(MACHINE_COUNTERS, (uint64_t)&counters, sizeof counters) != (long)sizeof counters)
		return;
	for (unsigned kind = 0; kind < KIND_COUNT; kind++)
		loaded[kind] = counters.slots[kind] - counters.free[kind];
	log_format("root: loaded at the end: %lu kernels, %lu containers, %lu pages, %lu spaces, %lu threads, %lu portals, %lu mappings, "
		"%lu references, %lu tables; %lu groups free\n", loaded[KIND_KERNEL], loaded[KIND_CONTAINER], loaded[KIND_PAGE],
		loaded[KIND_SPACE], loaded[KIND_THREAD], loaded[KIND_PORTAL], loaded[KIND_MAPPING], loaded[KIND_REFERENCE],
		counters.tables - counters.tables_free, memory_free_groups());
	log_format("root: until the end: %lu mappings loaded, %lu displaced, %lu tables displaced, %lu shoot-downs\n", counters.loaded[KIND_MAPPING],
		counters.displaced[KIND_MAPPING], counters.displaced_tables, counters.shootdowns);
}
