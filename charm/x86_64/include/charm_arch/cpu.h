/* The inline part of charm/cpu.h for x86-64. In ring 0 the base of gs is this CPU's struct local (charm/x86_64/local.h),
 * whose first words these functions know by offset. Values of a CPU are constant while Strange runs on it, so that the
 * compiler may keep them. */
#ifndef CHARM_ARCH_CPU_H
#define CHARM_ARCH_CPU_H

#include "abi/registers.h"

static inline uint64_t cpu_once(uint64_t value)
{
	__asm__("" : "+r"(value));
	return value;
}

static inline unsigned cpu_number(void)
{
	unsigned number;
	__asm__("movl %%gs:8, %0" : "=r"(number));
	return number;
}

static inline void *cpu_strange(void)
{
	void *strange;
	__asm__("movq %%gs:0, %0" : "=r"(strange));
	return strange;
}

/* Before the first cpu_strange on this CPU. */
static inline void cpu_set_strange(void *strange)
{
	__asm__ volatile("movq %0, %%gs:0" : : "r"(strange) : "memory");
}

static inline void cpu_pause(void)
{
	__asm__ volatile("pause" ::: "memory");
}

/* Locks are nearly always free: what is done when one is not costs their holders no registers. */
static inline __attribute__((always_inline)) void cpu_spin_wait(void *lock)
{
	__asm__ volatile("pushq %0; call entry_spin_wait" : : "er"(lock) : "memory", "cc");
}

static inline uint64_t cpu_cycles(void)
{
	uint64_t low, high;
	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));      /* the upper halves become zero */
	return high << 32 | low;
}

/* Costs a comparison when nothing changes. */
static inline __attribute__((always_inline)) void cpu_hide_xstate(bool hidden)
{
	bool same;
	__asm__ volatile("cmpl %1, %%gs:12" : "=@cce"(same) : "ri"((uint32_t)hidden));
	if (same)
		return;
	__asm__ volatile("movl %0, %%gs:12" : : "r"((uint32_t)hidden));
	if (hidden) {
		uint64_t cr0;
		__asm__ volatile("movq %%cr0, %0" : "=r"(cr0));
		__asm__ volatile("movq %0, %%cr0" : : "r"(cr0 | 8));
	} else {
		__asm__ volatile("clts");
	}
}

/* xstate_load takes a malformed image for the initial state. */
void xstate_load(const void *load);

/* Leaves the state visible (see cpu_hide_xstate). */
static inline void cpu_switch_xstate(void *save, const void *load)
{
	cpu_hide_xstate(false);
	if (save)
		__asm__ volatile("xsave64 (%0)" : : "r"(save), "a"(7), "d"(0) : "memory");
	if (load)
		xstate_load(load);
}

static inline uint64_t cpu_fs_base(void)
{
	uint64_t base;
	__asm__ volatile("rdfsbase %0" : "=r"(base));
	return base;
}

static inline uint64_t cpu_gs_base(void)
{
	uint64_t base;
	__asm__ volatile("swapgs; rdgsbase %0; swapgs" : "=r"(base));
	return base;
}

/* Both must be canonical. */
static inline void cpu_set_bases(uint64_t fs, uint64_t gs)
{
	__asm__ volatile("wrfsbase %0; swapgs; wrgsbase %1; swapgs" : : "r"(fs), "r"(gs));
}

#endif
