/* A processor: its features, control registers, segments and area. */
#include "charm/boot.h"
#include "charm/console.h"
#include "charm/cpu.h"
#include "charm/frame.h"
#include "charm/x86_64/internal.h"
#include "charm/x86_64/local.h"
#include "charm/x86_64/machine.h"

enum { AREA_FRAMES = 8, FAULT_STACK = 2 * PAGE_BYTES, SMALL_STACK = 512 };

enum {
	MSR_EFER = 0xc0000080, MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SFMASK,
	MSR_GS_BASE = 0xc0000101, MSR_KERNEL_GS_BASE, MSR_TSC_AUX,
};

enum {
	CR4_OSFXSR = 1 << 9, CR4_OSXMMEXCPT = 1 << 10, CR4_UMIP = 1 << 11, CR4_FSGSBASE = 1 << 16,
	CR4_OSXSAVE = 1 << 18, CR4_SMEP = 1 << 20, CR4_SMAP = 1 << 21, CR4_PAE = 1 << 5, CR4_PGE = 1 << 7,
};

enum { LEAF1_C_XSAVE = 1 << 26, LEAF1_C_AVX = 1 << 28, LEAF1_C_RDRAND = 1 << 30 };
enum { LEAF7_B_FSGSBASE = 1, LEAF7_B_SMEP = 1 << 7, LEAF7_B_SMAP = 1 << 20, LEAF7_C_UMIP = 1 << 2 };
enum { EXTENDED_D_RDTSCP = 1 << 27 };

struct local *local_of[CPU_LIMIT];
static bool has_random;
static uint64_t xstate_components;

static void feature_need(bool there, const char *name)
{
	if (there)
		return;
	console_print("baryon: this processor lacks %s, which Baryon needs\n", name);
	halt();
}

void cpu_check_features(void)
{
	struct cpuid one = cpuid_read(1, 0), seven = cpuid_read(7, 0);

	feature_need(cpuid_read(0, 0).a >= 13, "CPUID leaf 13");
	feature_need(one.c & LEAF1_C_XSAVE, "XSAVE");
	feature_need(seven.b & LEAF7_B_FSGSBASE, "FSGSBASE");
	feature_need(seven.b & LEAF7_B_SMEP, "SMEP");
	feature_need(seven.b & LEAF7_B_SMAP, "SMAP");
	feature_need(seven.c & LEAF7_C_UMIP, "UMIP");
	feature_need(cpuid_read(0x80000001, 0).d & EXTENDED_D_RDTSCP, "RDTSCP");
	has_random = one.c & LEAF1_C_RDRAND;
	xstate_components = one.c & LEAF1_C_AVX ? 7 : 3;
}

static void *area_part(struct local *local, uint64_t offset)
{
	return (uint8_t *)local + offset;
}

static void tss_set_stack(struct tss *tss, unsigned number, void *top)
{
	tss->interrupt_stack[2 * (number - 1)] = (uint32_t)(uintptr_t)top;
	tss->interrupt_stack[2 * (number - 1) + 1] = (uint32_t)((uintptr_t)top >> 32);
}

static void gdt_fill(struct local *local)
{
	uint64_t tss = (uintptr_t)&local->tss;

	local->gdt[KERNEL_CS / 8] = 0x00af9b000000ffffull;
	local->gdt[KERNEL_SS / 8] = 0x00cf93000000ffffull;
	local->gdt[USER_SS / 8] = 0x00cff3000000ffffull;
	local->gdt[USER_CS / 8] = 0x00affb000000ffffull;
	local->gdt[TSS_SELECTOR / 8] = (sizeof(struct tss) - 1) | (tss & 0xffffff) << 16 | 0x89ull << 40 |
	                               (tss >> 24 & 0xff) << 56;
	local->gdt[TSS_SELECTOR / 8 + 1] = tss >> 32;
}

/* An area: struct local and the small stacks in the first frame, the stack for faults, the Strange stack. */
struct local *cpu_area_make(unsigned number, uint32_t apic_id)
{
	frame_number frame = frame_take(AREA_FRAMES, 1);
	struct local *local;
	unsigned stack;

	if (frame == FRAME_NONE)
		panic("no memory for a processor's area");
	local = frame_pointer(frame);
	memset(local, 0, AREA_FRAMES * PAGE_BYTES);
	local->number = number;
	local->apic_id = apic_id;
	local->timer_wanted = local->timer_armed = UINT64_MAX;
	local->stack = area_part(local, AREA_FRAMES * PAGE_BYTES);
	local->tss.ports = sizeof(struct tss);
	for (stack = STACK_NMI; stack <= STACK_MACHINE; stack++)
		tss_set_stack(&local->tss, stack, area_part(local, PAGE_BYTES - (stack - STACK_NMI) * SMALL_STACK));
	tss_set_stack(&local->tss, STACK_STRANGE, local->stack);
	tss_set_stack(&local->tss, STACK_FAULT, area_part(local, PAGE_BYTES + FAULT_STACK));
	gdt_fill(local);
	local_of[number] = local;
	return local;
}

static void segments_load(struct local *local)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer = { sizeof(local->gdt) - 1, (uintptr_t)local->gdt };

	__asm__ volatile("lgdt %0" : : "m"(pointer));
	__asm__ volatile("mov %0, %%ss; mov %1, %%ds; mov %1, %%es; mov %1, %%fs; mov %1, %%gs"
	                 : : "r"(KERNEL_SS), "r"(0));
	__asm__ volatile("pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1:"
	                 : : "i"(KERNEL_CS) : "rax", "memory");
	__asm__ volatile("ltr %w0" : : "r"(TSS_SELECTOR));
	__asm__ volatile("lldt %w0" : : "r"(0));
}

static void control_registers_load(void)
{
	uint64_t cr4 = CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP | CR4_FSGSBASE | CR4_OSXSAVE |
	               CR4_SMEP | CR4_SMAP;

	__asm__ volatile("movq %0, %%cr4" : : "r"(cr4));
	__asm__ volatile("movq %0, %%cr0" : : "r"(0x80010033ull)); /* PG WP NE ET MP PE */
	__asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)xstate_components), "d"(0));
	__asm__ volatile("movq %0, %%dr7" : : "r"(0x400ull));
}

/* The initial state in XSAVE's format has only the control words that the legacy part always restores. */
static void xstate_initialise(void)
{
	uint32_t mxcsr = 0x1f80;

	memcpy(xstate_initial + 24, &mxcsr, sizeof(mxcsr));
	xstate_load(xstate_initial);
}

void cpu_initialise(struct local *local)
{
	control_registers_load();
	segments_load(local);
	msr_write(MSR_GS_BASE, (uintptr_t)local);
	msr_write(MSR_KERNEL_GS_BASE, 0);
	msr_write(MSR_TSC_AUX, local->number);
	msr_write(MSR_STAR, (uint64_t)STAR_USER << 48 | (uint64_t)KERNEL_CS << 32);
	msr_write(MSR_LSTAR, (uintptr_t)entry_syscall);
	msr_write(MSR_CSTAR, 0);
	msr_write(MSR_SFMASK, 0x47700);
	trap_load();
	xstate_initialise();
}

uint64_t cpu_random(void)
{
	uint64_t value = 0, mixed;
	unsigned tries;

	for (tries = 0; has_random && tries < 10; tries++) {
		uint8_t good;
		__asm__ volatile("rdrand %0; setc %1" : "=r"(value), "=qm"(good));
		if (good)
			break;
	}
	mixed = (value ^ cpu_cycles()) + 0x9e3779b97f4a7c15ull;
	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9ull;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebull;
	return mixed ^ mixed >> 31;
}
