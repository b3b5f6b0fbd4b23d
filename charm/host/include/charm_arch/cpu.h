/* The inline part of charm/cpu.h for a Linux process: a processor is a struct host_cpu that a POSIX thread runs. */
#ifndef CHARM_ARCH_CPU_H
#define CHARM_ARCH_CPU_H

#include <string.h>
#include "abi/registers.h"

#define HOST_TLB 64

struct host_cpu {
	void *strange;
	unsigned number;
	bool hidden;                /* extended state */
	uint64_t fs_base, gs_base;
	uint8_t xstate[XSTATE_BYTES];
	struct registers *save;     /* trap_save_to */
	uint32_t root;              /* frame of the active map's top table */
	uint64_t timer;             /* deadline in ns */
	volatile bool noticed;      /* another CPU called cpu_notify */
	struct {
		uint64_t page, entry;   /* entry 0: empty */
	} tlb[HOST_TLB];
	/* the program that runs; machine.h */
	struct registers now;
	bool idle, supervisor;
	bool ran;                   /* a short way of portals came to its end */
};

extern __thread struct host_cpu *host_this;

static inline uint64_t cpu_once(uint64_t value)
{
	__asm__("" : "+r"(value));
	return value;
}

static inline unsigned cpu_number(void) { return host_this->number; }
static inline void *cpu_strange(void) { return host_this->strange; }
static inline void cpu_set_strange(void *strange) { host_this->strange = strange; }
void cpu_pause(void);
uint64_t cpu_cycles(void);
struct spin;
void spin_wait(struct spin *lock);
static inline void cpu_spin_wait(struct spin *lock) { spin_wait(lock); }

static inline void cpu_hide_xstate(bool hidden) { host_this->hidden = hidden; }

static inline void cpu_switch_xstate(void *save, const void *load)
{
	host_this->hidden = false;
	if (save)
		memcpy(save, host_this->xstate, XSTATE_BYTES);
	if (load)
		memcpy(host_this->xstate, load, XSTATE_BYTES);
}

static inline uint64_t cpu_fs_base(void) { return host_this->fs_base; }
static inline uint64_t cpu_gs_base(void) { return host_this->gs_base; }

static inline void cpu_set_bases(uint64_t fs, uint64_t gs)
{
	host_this->fs_base = fs;
	host_this->gs_base = gs;
}

#endif
