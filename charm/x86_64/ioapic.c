/* The I/O interrupt controllers (Intel 82093AA): global interrupt number -> vector VECTOR_IRQ + number on one CPU.
 * The low words of the redirection entries are kept here, so that masking is one write. */
#include "charm/irq.h"

#include "charm/x86_64/internal.h"
#include "charm/x86_64/local.h"
#include "charm/x86_64/machine.h"

enum { SELECT = 0, WINDOW = 4, VERSION = 1, REDIRECTION = 0x10 };
enum { ENTRY_LOW_ACTIVE = 1 << 13, ENTRY_LEVEL = 1 << 15, ENTRY_MASKED = 1 << 16 };

struct line {
	volatile uint32_t *registers;   /* null: there is no such interrupt */
	uint32_t index;                 /* of the entry's low word */
	uint32_t low;
};

static struct line lines[IRQ_LIMIT];
static struct spin ioapic_lock;

static uint32_t ioapic_get(volatile uint32_t *registers, uint32_t index)
{
	registers[SELECT] = index;
	return registers[WINDOW];
}

static void ioapic_put(volatile uint32_t *registers, uint32_t index, uint32_t value)
{
	registers[SELECT] = index;
	registers[WINDOW] = value;
}

static void controller_initialise(uint64_t address, uint32_t first)
{
	volatile uint32_t *registers = device_registers(address);
	uint32_t count = (ioapic_get(registers, VERSION) >> 16 & 0xff) + 1, i;

	for (i = 0; i < count; i++) {
		uint32_t index = REDIRECTION + 2 * i;

		ioapic_put(registers, index, ENTRY_MASKED);
		if (first + i < IRQ_LIMIT)
			lines[first + i] = (struct line){ registers, index, ENTRY_MASKED };
	}
}

/* ISA interrupts are edge-triggered and active high, others level and low, unless the firmware says otherwise. */
static uint32_t line_mode(unsigned irq)
{
	unsigned i;

	for (i = 0; i < 16; i++)
		if (acpi.isa[i].irq == irq)
			return (acpi.isa[i].low ? ENTRY_LOW_ACTIVE : 0) | (acpi.isa[i].level ? ENTRY_LEVEL : 0);
	return ENTRY_LOW_ACTIVE | ENTRY_LEVEL;
}

void ioapic_initialise(void)
{
	uint32_t i;

	for (i = 0; i < acpi.ioapics; i++)
		controller_initialise(acpi.ioapic_base[i], acpi.ioapic_first[i]);
}

bool irq_route(unsigned irq, unsigned cpu)
{
	struct line *line = &lines[irq % IRQ_LIMIT];

	if (irq >= IRQ_LIMIT || !line->registers || cpu >= CPU_LIMIT || !local_of[cpu])
		return false;
	spin_take(&ioapic_lock);
	line->low = ENTRY_MASKED | line_mode(irq) | (VECTOR_IRQ + irq);
	ioapic_put(line->registers, line->index, line->low);
	ioapic_put(line->registers, line->index + 1, local_of[cpu]->apic_id << 24);
	spin_give(&ioapic_lock);
	return true;
}

static void line_write(unsigned irq, bool masked)
{
	struct line *line = &lines[irq % IRQ_LIMIT];

	if (irq >= IRQ_LIMIT || !line->registers)
		return;
	spin_take(&ioapic_lock);
	line->low = masked ? line->low | ENTRY_MASKED : line->low & ~(uint32_t)ENTRY_MASKED;
	ioapic_put(line->registers, line->index, line->low);
	spin_give(&ioapic_lock);
}

void irq_mask(unsigned irq)
{
	line_write(irq, true);
}

/* Only after irq_route. */
void irq_unmask(unsigned irq)
{
	line_write(irq, false);
}

unsigned irq_of_isa(unsigned isa)
{
	return isa < 16 ? acpi.isa[isa].irq : isa;
}
