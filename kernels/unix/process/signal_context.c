/* Layout of signal frames: pure functions of their arguments. */
#include "abi/home.h"
#include "baryon/string.h"
#include "process/signal_frame.h"

enum { RED_ZONE = 128, MXCSR = 24, XSTATE_HEADER = 512 };
#define RFLAGS_USER 0x240dd5ull          /* CF PF AF ZF SF TF DF OF AC ID */
#define RFLAGS_FIXED 0x202ull
#define MXCSR_VALID 0xffffu

uint64_t signal_frame_place(uint64_t stack, uint64_t *extended)
{
	stack = (stack - XSTATE_BYTES - 4) & ~63ull;
	*extended = stack;
	return ((stack - sizeof(struct signal_frame)) & ~15ull) - 8;
}

/* A system call leaves its return address in rcx and the flags in r11. */
void signal_context_fill(struct linux_sigcontext *context, const struct registers *r)
{
	bool full = r->flags & REGISTERS_FULL;

	*context = (struct linux_sigcontext) {
		.r8 = r->r8, .r9 = r->r9, .r10 = r->r10, .r11 = full ? r->r11 : r->rflags,
		.r12 = r->r12, .r13 = r->r13, .r14 = r->r14, .r15 = r->r15,
		.rdi = r->rdi, .rsi = r->rsi, .rbp = r->rbp, .rbx = r->rbx,
		.rdx = r->rdx, .rax = r->rax, .rcx = full ? r->rcx : r->rip, .rsp = r->rsp,
		.rip = r->rip, .rflags = r->rflags, .cs = 0x33, .ss = 0x2b,
	};
}

void signal_context_take(struct registers *r, const struct linux_sigcontext *c)
{
	r->r8 = c->r8;
	r->r9 = c->r9;
	r->r10 = c->r10;
	r->r11 = c->r11;
	r->r12 = c->r12;
	r->r13 = c->r13;
	r->r14 = c->r14;
	r->r15 = c->r15;
	r->rdi = c->rdi;
	r->rsi = c->rsi;
	r->rbp = c->rbp;
	r->rbx = c->rbx;
	r->rdx = c->rdx;
	r->rax = c->rax;
	r->rcx = c->rcx;
	r->rsp = c->rsp;
	r->rip = c->rip;
	r->rflags = (c->rflags & RFLAGS_USER) | RFLAGS_FIXED;
	r->flags = REGISTERS_FULL;
}

/* XRSTOR faults on reserved bits of MXCSR and of the header (processor manual 1, 13.8). */
bool signal_extended_check(uint8_t *area)
{
	uint32_t mxcsr;
	uint64_t present;

	memcpy(&mxcsr, area + MXCSR, sizeof mxcsr);
	memcpy(&present, area + XSTATE_HEADER, sizeof present);
	if (mxcsr & ~MXCSR_VALID || present & ~7ull)
		return false;
	memset(area + XSTATE_HEADER + 8, 0, 56);
	return true;
}
