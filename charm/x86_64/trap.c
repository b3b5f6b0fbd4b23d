/* The interrupt descriptor table, and what follows an interrupt, an exception or a fault of our own. entry.S calls the
 * three trap_ functions with interrupts off. */
#include "charm/trap.h"

#include "abi/calls.h"
#include "abi/layout.h"
#include "charm/boot.h"
#include "charm/console.h"
#include "charm/cpu.h"
#include "charm/irq.h"
#include "charm/x86_64/internal.h"
#include "charm/x86_64/local.h"
#include "charm/x86_64/machine.h"

_Static_assert(offsetof(struct registers, rax) == R_RAX && offsetof(struct registers, rbp) == R_RBP, "offsets.h");
_Static_assert(offsetof(struct registers, r8) == R_R8 && offsetof(struct registers, r15) == R_R15, "offsets.h");
_Static_assert(offsetof(struct registers, rip) == R_RIP && offsetof(struct registers, rsp) == R_RSP, "offsets.h");
_Static_assert(offsetof(struct registers, flags) == R_FLAGS, "offsets.h");
_Static_assert(REGISTERS_FULL == R_IS_FULL && REGISTERS_DIRECT == R_IS_DIRECT, "offsets.h");
_Static_assert(REGISTERS_SUPERVISOR == R_IS_SUPERVISOR, "offsets.h");
_Static_assert(STUB_BYTES == LAYOUT_STUB_BYTES && DIRECT_BYTES == LAYOUT_DIRECT_BYTES, "offsets.h");
_Static_assert(CALL_PORTAL_CALL == PORTAL_CALL && CALL_PORTAL_RETURN == PORTAL_RETURN && CALL_RESUME == RESUME &&
	       CALL_COPY_IN == COPY_IN && CALL_COPY_OUT == COPY_IN + 1 && CALL_SIGNAL == SIGNAL,
	       "offsets.h");
_Static_assert(LOCAL_SAVE == 16, "charm_arch/trap.h");
_Static_assert(VECTOR_IRQ_COUNT == IRQ_LIMIT, "offsets.h");

enum { VECTOR_DEBUG = 1, VECTOR_NMI = 2, VECTOR_BREAKPOINT = 3, VECTOR_DOUBLE = 8, VECTOR_PAGE = 14, VECTOR_MACHINE = 18 };
enum { PAGE_ERROR_WRITE = 2, PAGE_ERROR_FETCH = 16, RFLAGS_TRAP = 0x100 };

struct gate {                   /* Intel SDM volume 3, figure 6-8 */
	uint16_t low, selector;
	uint8_t stack, type;
	uint16_t middle;
	uint32_t high, reserved;
};

static struct gate gates[VECTOR_COUNT];

/* What exception_own of entry.S leaves on the stack. */
struct own_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

struct fixup {
	uint64_t at, to;
};
extern const struct fixup trap_fixups[], trap_fixups_end[];

static unsigned gate_stack(unsigned vector)
{
	switch (vector) {
	case VECTOR_DEBUG: return STACK_DEBUG;
	case VECTOR_NMI: return STACK_NMI;
	case VECTOR_DOUBLE: return STACK_DOUBLE;
	case VECTOR_MACHINE: return STACK_MACHINE;
	}
	return vector < VECTOR_IRQ ? STACK_FAULT : STACK_STRANGE;
}

void trap_initialise(void)
{
	unsigned vector;

	for (vector = 0; vector < VECTOR_COUNT; vector++) {
		uint64_t entry = (uint64_t)entry_stubs + entry_vectors[vector];
		gates[vector] = (struct gate){
			.low = (uint16_t)entry, .selector = KERNEL_CS, .stack = (uint8_t)gate_stack(vector),
			.type = vector == VECTOR_BREAKPOINT ? 0xee : 0x8e,
			.middle = (uint16_t)(entry >> 16), .high = (uint32_t)(entry >> 32),
		};
	}
}

void trap_load(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer = { sizeof(gates) - 1, (uintptr_t)gates };

	__asm__ volatile("lidt %0" : : "m"(pointer));
}

static uint64_t fault_address(void)
{
	uint64_t address;
	__asm__ volatile("movq %%cr2, %0" : "=r"(address));
	return address;
}

static unsigned fault_access(uint64_t error)
{
	if (error & PAGE_ERROR_FETCH)
		return RIGHT_EXECUTE;
	return error & PAGE_ERROR_WRITE ? RIGHT_WRITE : RIGHT_READ;
}

struct registers *trap_exception(struct registers *r, unsigned vector, uint64_t error)
{
	if (vector == VECTOR_PAGE)
		return strange_fault(r, fault_address(), fault_access(error));
	return strange_exception(r, vector, error);
}

struct registers *trap_interrupt(struct registers *r, unsigned vector)
{
	if (vector == VECTOR_SPURIOUS)
		return smp_notice(r);
	if (vector < VECTOR_TIMER)
		irq_mask(vector - VECTOR_IRQ);
	apic_acknowledge();
	if (vector == VECTOR_TIMER)
		return clock_interrupt(r);
	if (vector == VECTOR_NOTIFY)
		return smp_notice(r);
	return strange_interrupt(r, vector - VECTOR_IRQ);
}

static _Noreturn void own_panic(const struct own_frame *f)
{
	static const char name[][4] = {
		"r15", "r14", "r13", "r12", "r11", "r10", "r9", "r8", "rdi", "rsi", "rbp", "rbx", "rdx", "rcx", "rax",
	};
	const uint64_t *word = &f->r15;

	console_unlock();       /* this CPU may have held it */
	for (unsigned i = 0; i < sizeof name / sizeof name[0]; i++)
		console_print("%s %lx\n", name[i], word[i]);
	panic("exception %lu in the kernel, error %lx, address %lx, rip %lx, rflags %lx, rsp %lx", f->vector, f->error,
	      fault_address(), f->rip, f->rflags, f->rsp);
}

/* An exception inside our own image: at an instruction that may fault, go on at its mending place with r9 the address;
 * a debug trap that supervisor code provoked is dropped. Everything else is the end. */
void trap_own(struct own_frame *f)
{
	const struct fixup *fixup;

	if (f->vector == VECTOR_DEBUG) {
		f->rflags &= ~(uint64_t)RFLAGS_TRAP;
		return;
	}
	for (fixup = trap_fixups; fixup < trap_fixups_end; fixup++) {
		if (f->rip == fixup->at && f->vector != VECTOR_DOUBLE && f->vector != VECTOR_MACHINE) {
			f->r9 = f->vector == VECTOR_PAGE ? fault_address() : f->rsi;
			f->rip = fixup->to;
			return;
		}
	}
	own_panic(f);
}
