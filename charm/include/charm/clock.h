/* Time: the time-stamp counter, calibrated, the same on every CPU; one timer a CPU. */
#ifndef CHARM_CLOCK_H
#define CHARM_CLOCK_H

#include "abi/types.h"
#include "charm_arch/clock.h"    /* inline:
 * uint64_t clock_read(void)                   the same as clock_now, for the shortest ways
 */

uint64_t clock_now(void);                    /* ns since boot, monotonic */
void clock_rate(uint64_t *tsc_hz, uint64_t *multiplier, uint64_t *tsc_at_zero); /* ns = (tsc-zero)*multiplier>>32 */
void clock_set_timer(uint64_t deadline_ns);  /* this CPU: strange_tick at or after it; UINT64_MAX: never */

#endif
