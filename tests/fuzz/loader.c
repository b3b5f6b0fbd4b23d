/* What loaders leave in memory, by both protocols, and the tables of ACPI: the input is all of memory. */
#include "tests/fuzz/fuzz.h"
#include "charm/x86_64/multiboot2.c"
#include "charm/x86_64/pvh.c"

static uint8_t *memory;
static size_t memory_bytes;

void *physical_pointer(uint64_t address, uint64_t bytes)
{
	return address >= memory_bytes || bytes > memory_bytes - address ? NULL : memory + address;
}

uint64_t physical_of(const void *in_physmap)
{
	return (uint64_t)((const uint8_t *)in_physmap - memory);
}

void boot_add_usable(struct boot_told *told, uint64_t address, uint64_t bytes)
{
	if (told->count < MAP_LIMIT)
		told->usable[told->count++] = (struct memory_range){ address, bytes };
}

void boot_copy_command_line(struct boot_told *told, const char *text)
{
	for (unsigned i = 0; i + 1 < sizeof told->command_line && text[i]; i++)
		told->command_line[i] = text[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct boot_told told = { 0 };

	memory = fuzz_copy(input, size, 1);
	memory_bytes = size;
	(void)pvh_read(0, &told);
	told = (struct boot_told){ 0 };
	(void)multiboot2_read(0, &told);
	free(memory);
	return 0;
}
