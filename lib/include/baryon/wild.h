/* Calls of Strange with any register values at all: for kernels that test what Strange makes of them. */
#ifndef BARYON_WILD_H
#define BARYON_WILD_H

#include "abi/types.h"

struct wild_registers {         /* wild.S relies on the layout */
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
};

/* Executes the system call instruction with these registers, rsp excepted. From user mode only. Returns rax. */
uint64_t wild_call(const struct wild_registers *registers);

#endif
