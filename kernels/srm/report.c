/* What the SRM tells of the system at its start, when the settings ask for it. */
#include "srm.h"

#include "abi/counters.h"
#include "baryon/clock.h"
#include "baryon/format.h"

void memory_report(void)
{
	struct counters counters;

	if (!settings_find(&srm.settings, "verbose") ||
		machine(MACHINE_COUNTERS, (uint64_t)&counters, sizeof counters) != (long)sizeof counters)
		return;
	log_format("srm: Strange took %lu KiB of %lu KiB of memory\n", counters.strange_bytes / 1024,
		info_page()->frames * (uint64_t)(PAGE_BYTES / 1024));
}
