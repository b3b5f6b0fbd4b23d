/* The local interrupt controller and its timer (Intel SDM volume 3, chapter 10), by memory-mapped registers. */
#include "charm/cpu.h"
#include "charm/x86_64/internal.h"
#include "charm/x86_64/local.h"
#include "charm/x86_64/machine.h"

enum {                          /* register offsets */
	ID = 0x20, TASK_PRIORITY = 0x80, END = 0xb0, SPURIOUS = 0xf0, COMMAND_LOW = 0x300, COMMAND_HIGH = 0x310,
	LVT_TIMER = 0x320, LVT_THERMAL = 0x330, LVT_COUNTER = 0x340, LVT_LINT0 = 0x350, LVT_LINT1 = 0x360,
	LVT_ERROR = 0x370, TIMER_INITIAL = 0x380, TIMER_CURRENT = 0x390, TIMER_DIVIDE = 0x3e0,
};
enum { ENABLED = 0x100, MASKED = 0x10000, PENDING = 0x1000, DIVIDE_BY_4 = 1, OTHERS = 0xc0000 };
enum { MSR_APIC_BASE = 0x1b, APIC_GLOBAL_ENABLE = 1 << 11, APIC_X2 = 1 << 10 };

static volatile uint32_t *registers;

static inline uint32_t apic_get(unsigned offset)
{
	return registers[offset / 4];
}

static inline void apic_put(unsigned offset, uint32_t value)
{
	registers[offset / 4] = value;
}

void apic_initialise(uint64_t address)
{
	registers = device_registers(address);
}

void apic_load(void)
{
	uint64_t base = msr_read(MSR_APIC_BASE);

	if (base & APIC_X2)
		panic("the firmware left x2APIC mode on, which is not supported");
	msr_write(MSR_APIC_BASE, base | APIC_GLOBAL_ENABLE);
	apic_put(LVT_LINT0, MASKED);
	apic_put(LVT_LINT1, MASKED);
	apic_put(LVT_ERROR, MASKED);
	apic_put(LVT_THERMAL, MASKED);
	apic_put(LVT_COUNTER, MASKED);
	apic_put(TIMER_DIVIDE, DIVIDE_BY_4);
	apic_put(TIMER_INITIAL, 0);
	apic_put(LVT_TIMER, VECTOR_TIMER);
	apic_put(TASK_PRIORITY, 0);
	apic_put(SPURIOUS, ENABLED | VECTOR_SPURIOUS);
}

uint32_t apic_id(void)
{
	return apic_get(ID) >> 24;
}

void apic_acknowledge(void)
{
	apic_put(END, 0);
}

void apic_timer_set(uint32_t ticks)
{
	apic_put(TIMER_INITIAL, ticks);
}

uint32_t apic_timer_left(void)
{
	return apic_get(TIMER_CURRENT);
}

static void command_wait(void)
{
	unsigned tries;

	for (tries = 0; tries < 1000000 && (apic_get(COMMAND_LOW) & PENDING); tries++)
		cpu_pause();
}

void apic_send(uint32_t id, uint32_t what)
{
	command_wait();
	apic_put(COMMAND_HIGH, id << 24);
	apic_put(COMMAND_LOW, what);
}

void apic_send_others(uint32_t what)
{
	if (!registers)
		return;
	command_wait();
	apic_put(COMMAND_LOW, OTHERS | what);
}

void cpu_notify(uint64_t set)
{
	for (; set; set &= set - 1) {
		unsigned cpu = (unsigned)__builtin_ctzll(set);

		if (cpu < CPU_LIMIT && local_of[cpu])
			apic_send(local_of[cpu]->apic_id, SEND_FIXED | VECTOR_NOTIFY);
	}
}
