/* A thread's general registers, as they lie in homes, activation records and trap frames.
 * charm/x86_64/entry.S stores and loads them by these offsets. */
#ifndef ABI_REGISTERS_H
#define ABI_REGISTERS_H

#include "abi/types.h"

struct registers {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rip, rflags, rsp;
	uint64_t flags;             /* REGISTERS_* */
	uint64_t reserved;
};

_Static_assert(sizeof(struct registers) == 160, "entry.S relies on the layout");

enum {
	REGISTERS_FULL = 1,         /* every register must be restored (rcx and r11 too). Without it: entered by syscall, which left rip and
	                             * rflags in those two, and their own words mean nothing */
	REGISTERS_SUPERVISOR = 2,   /* the code runs in ring 0: valid only in a supervisor domain's own memory */
	REGISTERS_DIRECT = 4,       /* stopped at a direct stub's call point: a restart goes back DIRECT_BYTES */
};

/* Extended state (x87, SSE, AVX) in XSAVE's standard format. */
#define XSTATE_BYTES 832

/* What a handler finds: the registers of the code that trapped, and why. It lies on the handler stack of the
 * trapping thread; the handler may change `registers`, `fs_base`, `gs_base` (with FRAME_BASES) and then resume.
 * Faults write `address` and `access`; exceptions `vector` and `error`. */
struct trap_frame {
	struct registers registers;
	uint64_t cause;             /* enum trap_cause */
	uint64_t address;           /* fault: the address; miss: the uid */
	uint64_t access;            /* fault: RIGHT_* wanted; miss: the object's kind */
	uint64_t vector;            /* exception: processor vector */
	uint64_t error;             /* exception: processor error code; miss: index, handle or virtual address */
	uint64_t flags;             /* FRAME_*; resume takes them and leaves 0 */
	uint64_t fs_base, gs_base;  /* read by resume when FRAME_BASES is set; never written by Strange */
	uint64_t space;             /* uid of the space that trapped or faulted */
	uint64_t lower;             /* address of the frame under this one, or zero: kept by Strange, checked at resume */
	uint64_t reserved[2];
};

_Static_assert(sizeof(struct trap_frame) == 256, "handler stacks rely on the layout");

enum {
	FRAME_BASES = 1,
	FRAME_INDIRECT = 2,         /* written by Strange, with TRAP_MISS: met on the way to another event. The registers stand at an
	                             * instruction that is executed again, not at a call: there is none to fail */
};

enum trap_cause {
	TRAP_SYSCALL = 1,
	TRAP_FAULT,
	TRAP_EXCEPTION,
	TRAP_ALERT,
	TRAP_MISS,
};

#endif
