/* Reflection of system calls, faults, exceptions and interrupts to Strange, and the way back.
 *
 * Every CPU has a place for the registers of what it interrupts: trap_save_to names it. On entry Charm stores all general
 * registers there (with flags: REGISTERS_FULL unless entered by the system call instruction or a direct stub;
 * REGISTERS_SUPERVISOR when ring 0 domain code was interrupted; REGISTERS_DIRECT for a direct stub), switches to the CPU's
 * Strange stack and calls one of the functions below with interrupts off. What the function returns is loaded
 * and run; null means that there is nothing to run: Charm halts with interrupts on until the next interrupt, and calls again.
 * Registers that are returned without REGISTERS_FULL may lose rcx and r11 (they are left by in rip and rflags).
 * Extended state is not touched. Entry from Strange itself is a bug and ends in `panic`, except at the copy stubs. */
#ifndef CHARM_TRAP_H
#define CHARM_TRAP_H

#include "abi/registers.h"

/* Implemented by Charm. */
void trap_save_to(struct registers *place);

/* Copy between a domain of this CPU's current map and user memory, at most PAGE_BYTES; faults are caught.
 * Returns bytes done; if fewer, *address is where it stopped. */
uint64_t trap_copy(void *to, const void *from, uint64_t bytes, uint64_t *address);

/* Implemented by Strange. */
struct registers *strange_syscall(struct registers *r);
struct registers *strange_fault(struct registers *r, uint64_t address, unsigned access); /* RIGHT_* wanted */
struct registers *strange_exception(struct registers *r, unsigned vector, uint64_t error);
struct registers *strange_interrupt(struct registers *r, unsigned irq);  /* global interrupt number; already masked */
struct registers *strange_tick(struct registers *r);                     /* the timer fired */
struct registers *strange_notice(struct registers *r);                   /* another CPU called cpu_notify */
/* In all of them r is the place of trap_save_to, or null when the CPU was idle. */

_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
