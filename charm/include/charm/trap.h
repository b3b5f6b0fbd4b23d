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

/* Implemented by Charm. What ends by running something does not return, but in the played machine (charm/host): there the caller
 * returns at once. */
#include "charm_arch/trap.h"     /* inline:
 * void trap_save_to(struct registers *place)
 * void trap_user_run(const struct registers *place)               user mode, of registers that others can write: their flags count for FULL only
 * void trap_handler_run(rip, rsp, argument, cause, bool supervisor) a handler starts: rdi = rsp, rsi = argument, rdx = cause. In user mode the
 *                                                               other registers are cleared
 * void trap_portal_run(rip, rsp, rax, rbx, bool supervisor)       the other side runs, with the words as they are and every other register zero;
 *                                                               rip is canonical
 * void trap_portal_long(unsigned number)
 * bool trap_store(uint64_t address, uint64_t value)           a word, 8-aligned, to memory of this CPU's current map, as the
 *                                  processor would for a program: the entry becomes dirty. False: it cannot be written there, and nothing was
 * bool trap_read_home(uint64_t own[4], uint64_t from)         these words, at a multiple of 8, of a domain of this CPU's current map.
 *                                  False: they are not all there */

/* Copy between a domain of this CPU's current map and user memory, at most PAGE_BYTES; faults are caught.
 * Returns bytes done; if fewer, *address is where it stopped. */
uint64_t trap_copy(void *to, const void *from, uint64_t bytes, uint64_t *address);
/* The same in fewer instructions, with one side in Strange's own view if need be. False: some bytes are missing. */
bool trap_copy_all(void *to, const void *from, uint64_t bytes);

/* Implemented by Strange. */
struct registers *strange_syscall(struct registers *r);
struct registers *strange_fault(struct registers *r, uint64_t address, unsigned access); /* RIGHT_* wanted */
struct registers *strange_exception(struct registers *r, unsigned vector, uint64_t error);
struct registers *strange_interrupt(struct registers *r, unsigned irq);  /* global interrupt number; already masked */
struct registers *strange_tick(struct registers *r);                     /* the timer fired */
struct registers *strange_notice(struct registers *r);                   /* another CPU called cpu_notify */
/* Shorter ways for the most frequent calls. They end by running what comes next, or return: not this time. Charm then takes the long way by
 * strange_syscall. */
/* A system call of a program. All was saved but rcx and r11. True, in the played machine only: it runs. */
bool strange_trap(void);
/* resume: nothing was saved. True as above. */
bool strange_resume(void);
/* copy_in (way: RIGHT_READ) or copy_out (RIGHT_WRITE): true when all bytes are copied, and then the caller simply goes on. Nothing was
 * saved. */
bool strange_copy(uint64_t to, uint64_t from, uint64_t bytes, unsigned way);
/* portal_call and portal_return. Of the caller only rip, rsp and flags are saved, for portal_call rbx (the handle), rbp and r14 too; the
 * words wait in the processor: the file that implements these is compiled so that it leaves them alone (mk/kernel.mk), and
 * calls nothing. They end by trap_portal_run, or by trap_portal_long with the same number: then Charm takes the long way
 * by strange_syscall. */
void strange_portal_call(void);
void strange_portal_return(void);
/* signal: address is the call's argument. What a function may lose was cleared at r and not saved, the number neither. Ends as
 * strange_syscall does. The file that implements it is compiled to take all registers as its own. */
struct registers *strange_signal(uint64_t address, struct registers *r);
/* In all of them r is the place of trap_save_to, or null when the CPU was idle. */

_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
