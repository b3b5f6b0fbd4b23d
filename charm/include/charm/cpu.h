/* Processors. Strange runs on each with interrupts off, on that CPU's own stack. */
#ifndef CHARM_CPU_H
#define CHARM_CPU_H

#include "abi/types.h"

#include "charm_arch/cpu.h"     /* inline:
 * unsigned cpu_number(void)                    0..cpus-1
 * void *cpu_strange(void)                      the pointer that cpu_set_strange stored on this CPU
 * void cpu_set_strange(void *)
 * void cpu_pause(void)                         in a spin loop
 * uint64_t cpu_once(uint64_t value)            the value: the compiler keeps it, and does not compute it again
 * uint64_t cpu_cycles(void)                    time-stamp counter
 * void cpu_spin_wait(struct spin *)            calls spin_wait, and its caller loses no register
 * void cpu_switch_xstate(void *save, const void *load)   XSTATE_BYTES each, 64-aligned; either may be null
 * uint64_t cpu_fs_base(void), cpu_gs_base(void); void cpu_set_bases(uint64_t fs, uint64_t gs)   of user mode
 * void cpu_hide_xstate(bool hidden)            using extended state is an exception while hidden
 */

/* Make other CPUs take an interrupt that calls strange_notice() there. `set`: bit per CPU. May be called with locks held. */
void cpu_notify(uint64_t set);
uint64_t cpu_random(void);      /* RDRAND where there is one, mixed with the time-stamp counter */

#endif
