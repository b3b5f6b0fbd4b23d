/* The inline part of charm/trap.h for a Linux process. */
#ifndef CHARM_ARCH_TRAP_H
#define CHARM_ARCH_TRAP_H

#include "charm_arch/cpu.h"

static inline void trap_save_to(struct registers *place) { host_this->save = place; }

static inline void trap_portal_run(const struct registers *place, uint64_t rip, uint64_t rsp, uint64_t rax, uint64_t rbx, bool supervisor)
{
	const struct registers w = host_this->now;

	host_this->now = (struct registers){
		.rip = rip, .rsp = rsp, .rax = rax, .rbx = rbx, .rdi = w.rdi, .rsi = w.rsi, .rdx = place->rdx,
		.r8 = w.r8, .r9 = w.r9, .r10 = w.r10, .r12 = w.r12, .r13 = w.r13, .rflags = w.rflags,
	};
	host_this->supervisor = supervisor;
	host_this->ran = true;
}

static inline void trap_user_run(const struct registers *place)
{
	host_this->now = *place;
	if (!(place->flags & REGISTERS_FULL)) {
		host_this->now.rcx = place->rip;
		host_this->now.r11 = place->rflags;
	}
	host_this->supervisor = false;
	host_this->ran = true;
}

static inline void trap_handler_run(uint64_t rip, uint64_t rsp, uint64_t argument, uint64_t cause, bool supervisor)
{
	host_this->now = (struct registers){ .rip = rip, .rsp = rsp, .rdi = rsp, .rsi = argument, .rdx = cause };
	host_this->supervisor = supervisor;
	host_this->ran = true;
}

static inline void trap_portal_long(unsigned number) { (void)number; }

bool trap_store(uint64_t address, uint64_t value);
bool trap_read_home(uint64_t own[4], uint64_t from);

#endif
