/* pvh.c and multiboot2.c: what loaders leave is understood; random damage is never followed out of memory. */
#include "charm/x86_64/multiboot2.c"
#include "charm/x86_64/pvh.c"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { BYTES = 0x2000, AT = 0x800 };

static uint8_t *memory;
static struct boot_told told;

void *physical_pointer(uint64_t address, uint64_t bytes)
{
	if (address >= BYTES || bytes > BYTES - address)
		return NULL;
	return memory + address;
}

uint64_t physical_of(const void *in_physmap)
{
	return (uint64_t)((const uint8_t *)in_physmap - memory);
}

void boot_add_usable(struct boot_told *t, uint64_t address, uint64_t bytes)
{
	if (t->count < MAP_LIMIT)
		t->usable[t->count++] = (struct memory_range){ address, bytes };
}

void boot_copy_command_line(struct boot_told *t, const char *text)
{
	unsigned i;

	for (i = 0; i + 1 < sizeof(t->command_line) && text[i]; i++)
		t->command_line[i] = text[i];
}

static void begin(void)
{
	memset(memory, 0, BYTES);
	memset(&told, 0, sizeof(told));
}

static void pvh_make(void)
{
	struct pvh_start start = {
		.magic = PVH_MAGIC, .version = 1, .module_count = 1, .modules = 0x100, .command_line = 0x200, .rsdp = 0x300,
		.map = 0x400, .map_count = 2,
	};
	struct pvh_module module = { .address = 0x5000, .bytes = 77 };
	struct pvh_range map[2] = { { 0, 0x9f000, 1, 0 }, { 0xf0000, 0x10000, 2, 0 } };

	begin();
	memcpy(memory + AT, &start, sizeof(start));
	memcpy(memory + 0x100, &module, sizeof(module));
	memcpy(memory + 0x200, "hello", 6);
	memcpy(memory + 0x400, map, sizeof(map));
}

static uint32_t tag_add(uint32_t at, uint32_t type, const void *body, uint32_t bytes)
{
	struct tag tag = { type, bytes + (uint32_t)sizeof(tag) };

	memcpy(memory + at, &tag, sizeof(tag));
	memcpy(memory + at + sizeof(tag), body, bytes);
	return (at + tag.bytes + 7) & ~7u;
}

static void multiboot_make(void)
{
	uint32_t module[2] = { 0x5000, 0x5010 }, at = AT + 8, map[] = { 24, 0, 0, 1, 0x1000, 0, 1, 0, 0, 2, 0x1000, 0, 2, 0 };

	begin();
	at = tag_add(at, TAG_COMMAND_LINE, "hello", 6);
	at = tag_add(at, TAG_MODULE, module, sizeof(module));
	at = tag_add(at, TAG_MAP, map, sizeof(map));
	at = tag_add(at, TAG_RSDP_NEW, "RSD PTR ", 8);
	at = tag_add(at, TAG_END, "", 0);
	at -= AT;
	memcpy(memory + AT, &at, 4);
}

static void damage(void)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		memory[AT + (unsigned)random() % 0x80] = (uint8_t)random();
}

static void random_damage_is_survived(void)
{
	unsigned round;

	srandom(1);
	for (round = 0; round < 100000; round++) {
		pvh_make();
		memset(memory + BYTES - sizeof(told.command_line), 'x', sizeof(told.command_line));
		damage();
		pvh_read(AT, &told);
		multiboot_make();
		damage();
		multiboot2_read(AT, &told);
	}
}

int main(void)
{
	memory = aligned_alloc(4096, BYTES);
	pvh_make();
	assert(pvh_read(AT, &told) && told.count == 1 && told.usable[0].bytes == 0x9f000);
	assert(told.image.address == 0x5000 && told.image.bytes == 77 && told.rsdp == 0x300);
	assert(!memcmp(told.command_line, "hello", 6));
	multiboot_make();
	assert(multiboot2_read(AT, &told) && told.count == 1 && told.usable[0].bytes == 0x1000);
	assert(told.image.address == 0x5000 && told.image.bytes == 16 && told.rsdp);
	assert(!memcmp(told.command_line, "hello", 6));
	random_damage_is_survived();
	free(memory);
	return 0;
}
