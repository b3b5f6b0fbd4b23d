/* acpi.c: sound tables are understood; mutilated ones, even with right checksums, are never read outside their bytes. */
#include "charm/x86_64/acpi.c"

#include <assert.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

enum { BYTES = 0x4000, RSDP_AT = 0x1000, XSDT_AT = 0x1100, MADT_AT = 0x1200, FADT_AT = 0x1400, DSDT_AT = 0x1600, MCFG_AT = 0x1700 };

static uint8_t *memory;
static jmp_buf panicked;

void *physical_pointer(uint64_t address, uint64_t bytes)
{
	if (address >= BYTES || bytes > BYTES - address)
		return NULL;
	return memory + address;
}

uint64_t image_physical(const void *in_image)
{
	(void)in_image;
	return 0x1234000;
}

void panic(const char *format, ...)
{
	(void)format;
	longjmp(panicked, 1);
}

static void put(uint32_t at, uint64_t value, unsigned bytes)
{
	memcpy(memory + at, &value, bytes);
}

static void seal(uint32_t at, uint32_t bytes, uint32_t checksum)
{
	uint8_t sum = 0;
	uint32_t i;

	memory[at + checksum] = 0;
	for (i = 0; i < bytes && at + i < BYTES; i++)
		sum = (uint8_t)(sum + memory[at + i]);
	memory[at + checksum] = (uint8_t)-sum;
}

static void table_make(uint32_t at, const char *signature, uint32_t bytes)
{
	memcpy(memory + at, signature, 4);
	put(at + 4, bytes, 4);
}

static void madt_make(void)
{
	static const uint8_t entries[] = {
		0, 8, 0, 7, 1, 0, 0, 0,                 /* processor with id 7 */
		0, 8, 1, 9, 0, 0, 0, 0,                 /* one that is switched off */
		0, 8, 2, 4, 1, 0, 0, 0,
		1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 24, 0, 0, 0,
		2, 10, 0, 0, 2, 0, 0, 0, 0, 0,
		2, 10, 0, 9, 9, 0, 0, 0, 0x0f, 0,
	};

	table_make(MADT_AT, "APIC", 44 + sizeof(entries));
	put(MADT_AT + 36, 0xfee00000, 4);
	memcpy(memory + MADT_AT + 44, entries, sizeof(entries));
}

static void machine_make(void)
{
	static const uint8_t sleep[] = { 0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0x0a, 0x05, 0x01, 0, 0 };

	memset(memory, 0, BYTES);
	memset(&acpi, 0, sizeof(acpi));
	memcpy(memory + RSDP_AT, "RSD PTR ", 8);
	memory[RSDP_AT + 15] = 2;
	put(RSDP_AT + 24, XSDT_AT, 8);
	table_make(XSDT_AT, "XSDT", 36 + 24);
	put(XSDT_AT + 36, MADT_AT, 8);
	put(XSDT_AT + 44, FADT_AT, 8);
	put(XSDT_AT + 52, MCFG_AT, 8);
	madt_make();
	table_make(FADT_AT, "FACP", 244);
	put(FADT_AT + 40, DSDT_AT, 4);
	put(FADT_AT + 64, 0x604, 4);
	put(FADT_AT + 76, 0x608, 4);
	table_make(DSDT_AT, "DSDT", 36 + sizeof(sleep));
	memcpy(memory + DSDT_AT + 36, sleep, sizeof(sleep));
	table_make(MCFG_AT, "MCFG", 60);
	put(MCFG_AT + 44, 0xb0000000, 8);
}

static void machine_seal(void)
{
	static const uint32_t tables[] = { XSDT_AT, MADT_AT, FADT_AT, DSDT_AT, MCFG_AT };
	unsigned i;

	seal(RSDP_AT, 20, 8);
	for (i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		uint32_t bytes;

		memcpy(&bytes, memory + tables[i] + 4, 4);
		seal(tables[i], bytes, 9);
	}
}

static void sound_tables_are_understood(void)
{
	machine_make();
	machine_seal();
	acpi_read(RSDP_AT);
	assert(acpi.cpus == 2 && acpi.apic_id[0] == 7 && acpi.apic_id[1] == 4);
	assert(acpi.ioapics == 1 && acpi.ioapic_base[0] == 0xfec00000 && acpi.ioapic_first[0] == 24);
	assert(acpi.isa[0].irq == 2 && !acpi.isa[0].level && acpi.isa[9].level && acpi.isa[9].low && acpi.isa[4].irq == 4);
	assert(acpi.control_a == 0x604 && acpi.timer_port == 0x608);
	assert(acpi.sleep_known && acpi.sleep_a == 5 && acpi.sleep_b == 1);
	assert(acpi.pci_config == 0xb0000000 && acpi.rsdp == 0x1234000);
}

static void a_wrong_checksum_hides_a_table(void)
{
	machine_make();
	machine_seal();
	memory[MCFG_AT + 50] ^= 1;
	acpi_read(RSDP_AT);
	assert(!acpi.pci_config && acpi.cpus == 2);
}

static void mutilated_tables_are_never_overrun(void)
{
	unsigned round, i;

	srandom(1);
	for (round = 0; round < 200000; round++) {
		machine_make();
		for (i = 0; i < 8; i++)
			memory[RSDP_AT + (unsigned)random() % 0x800] = (uint8_t)random();
		machine_seal();
		if (!setjmp(panicked))
			acpi_read(RSDP_AT);
		assert(acpi.cpus <= CPU_LIMIT && acpi.ioapics <= IOAPIC_LIMIT);
	}
}

int main(void)
{
	memory = malloc(BYTES);
	sound_tables_are_understood();
	a_wrong_checksum_hides_a_table();
	mutilated_tables_are_never_overrun();
	free(memory);
	return 0;
}
