/* What Charm keeps for each CPU, at the base of gs while it is in ring 0. The first words are known to entry.S and to
 * charm_arch/cpu.h by offset. The areas are CPU_AREA_FRAMES frames each, taken at boot. */
#ifndef X86_LOCAL_H
#define X86_LOCAL_H

#include "abi/home.h"
#include "abi/registers.h"
#include "charm/x86_64/offsets.h"

struct tss {                    /* Intel SDM volume 3, figure 8-11 */
	uint32_t reserved;
	uint32_t stack[6];          /* rings 0..2: unused, every entry has an interrupt stack */
	uint32_t reserved2[2];
	uint32_t interrupt_stack[14]; /* low and high halves of 1..7 */
	uint32_t reserved3[2];
	uint16_t reserved4, ports;
} __attribute__((packed));

struct local {
	void *strange;
	uint32_t number;
	uint32_t xstate_hidden;
	struct registers *save;
	void *stack;                /* top of the Strange stack */
	uint64_t scratch;
	uint64_t timer_wanted;      /* ns: what Strange asked for; UINT64_MAX: nothing */
	uint64_t timer_armed;       /* ns: when the hardware fires; UINT64_MAX: it does not */
	uint32_t apic_id;
	uint32_t started;           /* strange_cpu_boot was called */
	uint32_t present;           /* it has reached the idle loop */
	uint64_t gdt[9];
	struct tss tss;
};

_Static_assert(offsetof(struct local, strange) == LOCAL_STRANGE, "entry.S");
_Static_assert(offsetof(struct local, number) == LOCAL_NUMBER, "entry.S");
_Static_assert(offsetof(struct local, xstate_hidden) == LOCAL_HIDDEN, "charm_arch/cpu.h");
_Static_assert(offsetof(struct local, save) == LOCAL_SAVE, "entry.S");
_Static_assert(offsetof(struct local, stack) == LOCAL_STACK, "entry.S");
_Static_assert(offsetof(struct local, scratch) == LOCAL_SCRATCH, "entry.S");
_Static_assert(sizeof(struct tss) == 104, "the processor relies on the layout");

extern struct local *local_of[CPU_LIMIT];

static inline struct local *local_here(void)
{
	uint64_t base;
	__asm__("rdgsbase %0" : "=r"(base));
	return (struct local *)base;
}

/* cpu.c */
void cpu_check_features(void);                  /* prints one line and stops when one is missing */
struct local *cpu_area_make(unsigned number, uint32_t apic_id);
void cpu_initialise(struct local *local);       /* on the CPU itself: control registers, GDT, TSS, IDT, system calls */

/* entry.S */
_Noreturn void entry_run(struct registers *r);
void entry_wait(void);
extern const uint16_t entry_vectors[VECTOR_COUNT];     /* each one's distance from */
extern const uint8_t entry_stubs[];
void entry_syscall(void);

#endif
