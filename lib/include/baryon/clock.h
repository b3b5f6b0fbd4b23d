/* Time from the info page; no call is made. */
#ifndef BARYON_CLOCK_H
#define BARYON_CLOCK_H

#include "abi/layout.h"
#include "baryon/x86_64/stub.h"

static inline const volatile struct info_page *info_page(void)
{
	return (const volatile struct info_page *)(baryon_stubs + INFO_PAGE_OFFSET);
}

/* Nanoseconds on the persistent monotonic clock; deadlines are on it. */
static inline uint64_t clock_now_ns(void)
{
	const volatile struct info_page *info = info_page();
	uint64_t ticks = __builtin_ia32_rdtsc() - info->tsc_at_zero;

	return (uint64_t)(((unsigned __int128)ticks * info->tsc_to_ns_multiplier) >> 32) + info->clock_offset_ns;
}

#endif
