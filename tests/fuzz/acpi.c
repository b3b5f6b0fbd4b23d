/* ACPI's tables: the input is the first pages of memory. Its first words, 16 bits each, say where tables begin whose sums are made
 * right, for damaged firmware may add up. */
#include "tests/fuzz/fuzz.h"
#include "charm/x86_64/acpi.c"

#include <setjmp.h>

enum { FORGED = 8 };

static uint8_t *memory;
static size_t memory_bytes;
static jmp_buf panicked;

void *physical_pointer(uint64_t address, uint64_t bytes)
{
	return address >= memory_bytes || bytes > memory_bytes - address ? NULL : memory + address;
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

static void seal(size_t at, uint64_t bytes, size_t check)
{
	uint8_t sum = 0;

	if (at + check >= memory_bytes)
		return;
	memory[at + check] = 0;
	for (uint64_t i = 0; i < bytes && at + i < memory_bytes; i++)
		sum = (uint8_t)(sum + memory[at + i]);
	memory[at + check] = (uint8_t)-sum;
}

static size_t place(unsigned i)
{
	return memory[2 * i] | (size_t)memory[2 * i + 1] << 8;
}

static void forge(void)
{
	uint32_t bytes;

	for (unsigned i = 1; i < FORGED; i++) {
		size_t at = place(i);

		if (at < 2 * FORGED || at + 8 > memory_bytes)
			continue;
		memcpy(&bytes, memory + at + 4, 4);
		seal(at, bytes, 9);
	}
	seal(place(0), 20, 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	if (size < 0x500)               /* the BIOS has its data there */
		return 0;
	memory = fuzz_copy(input, size, 1);
	memory_bytes = size;
	memset(&acpi, 0, sizeof acpi);
	forge();
	if (!setjmp(panicked))
		acpi_read(place(0));
	HOLDS(acpi.cpus <= CPU_LIMIT && acpi.ioapics <= IOAPIC_LIMIT);
	free(memory);
	return 0;
}
