/* What the firmware's ACPI tables say (ACPI specification 6.4, chapter 5): processors, interrupt controllers, PCI
 * configuration space, power-off. No length in them is believed: every structure must lie inside its table, every
 * table inside the physmap, and its bytes must sum to zero. */
#include "charm/console.h"
#include "charm/trap.h"
#include "charm/x86_64/internal.h"

enum { TABLE_LIMIT = 4 << 20, BIOS_BEGIN = 0xe0000, BIOS_END = 0x100000, EBDA_SEGMENT = 0x40e };

struct rsdp {
	char signature[8];
	uint8_t checksum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t bytes;
	uint64_t xsdt;
	uint8_t checksum2, reserved[3];
} __attribute__((packed));

struct table {
	char signature[4];
	uint32_t bytes;
	uint8_t rest[28];
} __attribute__((packed));

/* The root pointer is copied, because a loader's copy of it lies in memory that will be used. The page is all its own:
 * root may map it. */
static union {
	struct rsdp rsdp;
	uint8_t bytes[PAGE_BYTES];
} rsdp_page __attribute__((aligned(4096)));

struct acpi_facts acpi;

static bool sums_to_zero(const void *bytes, uint64_t count)
{
	const uint8_t *byte = bytes;
	uint8_t sum = 0;

	while (count--)
		sum = (uint8_t)(sum + *byte++);
	return sum == 0;
}

/* A whole, sound table, or null. */
static const struct table *table_at(uint64_t address)
{
	const struct table *table = physical_pointer(address, sizeof(*table));

	if (!table || table->bytes < sizeof(*table) || table->bytes > TABLE_LIMIT)
		return NULL;
	if (!physical_pointer(address, table->bytes) || !sums_to_zero(table, table->bytes))
		return NULL;
	return table;
}

/* A field of a table; 0 when it lies outside. */
static __attribute__((noinline)) uint64_t table_field(const struct table *table, uint32_t offset, unsigned bytes)
{
	const uint8_t *field = (const uint8_t *)table + offset;
	uint64_t value = 0;

	if (offset + bytes > table->bytes)
		return 0;
	while (bytes--)
		value = value << 8 | field[bytes];
	return value;
}

static void processor_add(uint32_t id, uint32_t flags)
{
	if ((flags & 1) && acpi.cpus < CPU_LIMIT)
		acpi.apic_id[acpi.cpus++] = id;
}

static void override_add(unsigned isa, uint32_t irq, unsigned flags)
{
	if (isa < 16)
		acpi.isa[isa] = (struct acpi_override){ irq, (flags & 3) == 3, (flags >> 2 & 3) == 3 };
}

static void madt_entry(const struct table *table, uint32_t at)
{
	switch (table_field(table, at, 1)) {
	case 0:
		processor_add((uint32_t)table_field(table, at + 3, 1), (uint32_t)table_field(table, at + 4, 4));
		break;
	case 1:
		if (acpi.ioapics == IOAPIC_LIMIT)
			break;
		acpi.ioapic_base[acpi.ioapics] = (uint32_t)table_field(table, at + 4, 4);
		acpi.ioapic_first[acpi.ioapics++] = (uint32_t)table_field(table, at + 8, 4);
		break;
	case 2:
		override_add((unsigned)table_field(table, at + 3, 1), (uint32_t)table_field(table, at + 4, 4),
		             (unsigned)table_field(table, at + 8, 2));
		break;
	case 5:
		acpi.apic_address = table_field(table, at + 4, 8);
		break;
	}
}

static void madt_read(const struct table *table)
{
	uint32_t at = 44;

	acpi.apic_address = table_field(table, 36, 4);
	while (at + 2 <= table->bytes) {
		uint32_t bytes = (uint32_t)table_field(table, at + 1, 1);

		if (bytes < 2 || bytes > table->bytes - at)
			return;
		madt_entry(table, at);
		at += bytes;
	}
}

/* One element of the package _S5_: a small integer; moves *at past it. */
static uint8_t package_byte(const struct table *table, uint32_t *at)
{
	uint8_t first = (uint8_t)table_field(table, (*at)++, 1);

	if (first == 0x0a)
		return (uint8_t)table_field(table, (*at)++, 1);
	return first <= 1 ? first : 0;
}

/* Name (_S5_, Package () { SLP_TYPa, SLP_TYPb, ... }): AML, sections 7.4.2 and 20.2. */
static void dsdt_read(const struct table *table)
{
	const uint8_t *bytes = (const uint8_t *)table;
	uint32_t at;

	for (at = sizeof(*table); at + 5 < table->bytes; at++) {
		if (memcmp(bytes + at, "_S5_\x12", 5))
			continue;
		at += 5;
		at += 1 + (uint32_t)(table_field(table, at, 1) >> 6);   /* package length */
		at++;                                                   /* number of elements */
		acpi.sleep_a = package_byte(table, &at) & 7;
		acpi.sleep_b = package_byte(table, &at) & 7;
		acpi.sleep_known = true;
		return;
	}
}

static void fadt_read(const struct table *table)
{
	const struct table *dsdt = table_at(table_field(table, 40, 4));

	if (!dsdt)
		dsdt = table_at(table_field(table, 140, 8));
	acpi.control_a = (uint16_t)table_field(table, 64, 4);
	acpi.control_b = (uint16_t)table_field(table, 68, 4);
	acpi.timer_port = (uint16_t)table_field(table, 76, 4);
	if (table_field(table, 112, 4) & 1 << 10) {
		acpi.reset_space = (uint8_t)table_field(table, 116, 1);
		acpi.reset_address = table_field(table, 120, 8);
		acpi.reset_value = (uint8_t)table_field(table, 128, 1);
	}
	if (dsdt && !memcmp(dsdt->signature, "DSDT", 4))
		dsdt_read(dsdt);
}

static void table_read(const struct table *table)
{
	if (!table)
		return;
	if (!memcmp(table->signature, "APIC", 4))
		madt_read(table);
	else if (!memcmp(table->signature, "FACP", 4))
		fadt_read(table);
	else if (!memcmp(table->signature, "MCFG", 4) && table_field(table, 52, 2) == 0)
		acpi.pci_config = table_field(table, 44, 8);
}

static bool rsdp_is_sound(const struct rsdp *rsdp)
{
	return rsdp && !memcmp(rsdp->signature, "RSD PTR ", 8) && sums_to_zero(rsdp, 20);
}

static uint64_t rsdp_search(uint64_t from, uint64_t to)
{
	for (; from < to; from += 16)
		if (rsdp_is_sound(physical_pointer(from, sizeof(struct rsdp))))
			return from;
	return 0;
}

static uint64_t rsdp_find(uint64_t told)
{
	const uint16_t *segment = physical_pointer(EBDA_SEGMENT, 2);
	uint64_t ebda = (uint64_t)*segment << 4, found = 0;

	if (told && rsdp_is_sound(physical_pointer(told, sizeof(struct rsdp))))
		return told;
	if (ebda >= 0x80000 && ebda < 0xa0000)
		found = rsdp_search(ebda, ebda + 1024);
	return found ? found : rsdp_search(BIOS_BEGIN, BIOS_END);
}

static void tables_read(const struct table *root, unsigned entry_bytes)
{
	uint32_t at;

	for (at = sizeof(*root); at + entry_bytes <= root->bytes; at += entry_bytes)
		table_read(table_at(table_field(root, at, entry_bytes)));
}

void acpi_read(uint64_t told)
{
	const struct rsdp *rsdp;
	const struct table *root = NULL;
	unsigned i;

	for (i = 0; i < 16; i++)
		acpi.isa[i].irq = i;
	acpi.reset_space = 255;
	acpi.rsdp = rsdp_find(told);
	rsdp = physical_pointer(acpi.rsdp, sizeof(*rsdp));
	if (!acpi.rsdp || !rsdp)
		panic("no ACPI tables");
	rsdp_page.rsdp = *rsdp;
	acpi.rsdp = image_physical(&rsdp_page);
	if (rsdp->revision >= 2 && (root = table_at(rsdp->xsdt)))
		tables_read(root, 8);
	else if ((root = table_at(rsdp->rsdt)))
		tables_read(root, 4);
	if (!acpi.apic_address)
		panic("the ACPI tables name no local interrupt controller");
}
