/* The frame that a signal handler finds on its stack: struct rt_sigframe of Linux x86-64 (sigreturn(2); psABI 3.2.2). */
#ifndef UNIX_PROCESS_SIGNAL_FRAME_H
#define UNIX_PROCESS_SIGNAL_FRAME_H

#include "abi/registers.h"
#include "linux.h"

struct linux_stack {
	uint64_t address;
	int32_t flags, padding;
	uint64_t bytes;
};

struct linux_sigcontext {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
	uint16_t cs, gs, fs, ss;
	uint64_t error, vector, old_mask, fault_address;
	uint64_t extended;              /* address of the XSAVE area, 64-aligned */
	uint64_t reserved[8];
};

struct linux_ucontext {
	uint64_t flags;
	uint64_t link;
	struct linux_stack stack;
	struct linux_sigcontext context;
	uint64_t mask;
};

struct signal_frame {
	uint64_t return_address;        /* the restorer */
	struct linux_ucontext user;
	struct linux_siginfo info;
};

_Static_assert(sizeof(struct linux_sigcontext) == 256, "programs rely on the layout");
_Static_assert(sizeof(struct signal_frame) == 440, "programs rely on the layout");

enum { SS_ONSTACK = 1, SS_DISABLE = 2 };
#define SS_AUTODISARM 0x80000000u        /* forgotten while a handler runs on it */

/* Where the frame goes: below `stack` minus the red zone, with the extended state above it. Returns the address of the
 * frame, which is 8 below a multiple of 16; *extended gets that of the state. */
uint64_t signal_frame_place(uint64_t stack, uint64_t *extended);
void signal_context_fill(struct linux_sigcontext *context, const struct registers *registers);
/* Takes the registers back; what a program may not change stays. */
void signal_context_take(struct registers *registers, const struct linux_sigcontext *context);
/* Whether an XSAVE area from a program can be loaded without a fault; clears what cannot. */
bool signal_extended_check(uint8_t *area);

#endif
