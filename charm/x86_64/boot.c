/* The order in which a machine comes up, on the boot CPU; ends in Strange. */
#include "charm/boot.h"

#include "abi/layout.h"
#include "charm/clock.h"
#include "charm/console.h"
#include "charm/cpu.h"
#include "charm/x86_64/internal.h"
#include "charm/x86_64/local.h"
#include "charm/x86_64/machine.h"

enum loader { LOADER_PVH, LOADER_MULTIBOOT2 };

static struct boot_told told;
static struct boot_information information;

void boot_add_usable(struct boot_told *t, uint64_t address, uint64_t bytes)
{
	struct memory_range *last = t->count ? &t->usable[t->count - 1] : NULL;

	if (address + bytes < address)
		return;
	if (last && last->address + last->bytes == address)
		last->bytes += bytes;
	else if (t->count < MAP_LIMIT)
		t->usable[t->count++] = (struct memory_range){ address, bytes };
}

void boot_copy_command_line(struct boot_told *t, const char *text)
{
	unsigned i;

	for (i = 0; i + 1 < sizeof(t->command_line) && text[i]; i++)
		t->command_line[i] = text[i];
	t->command_line[i] = 0;
}

bool boot_option(const char *word)
{
	const char *line = told.command_line;

	while (*line) {
		unsigned n = 0;

		while (*line == ' ')
			line++;
		while (word[n] && line[n] == word[n])
			n++;
		if (!word[n] && (!line[n] || line[n] == ' '))
			return true;
		while (*line && *line != ' ')
			line++;
	}
	return false;
}

static void loader_read(enum loader loader, uint64_t address)
{
	bool good = loader == LOADER_PVH ? pvh_read(address, &told) : multiboot2_read(address, &told);

	if (good)
		return;
	console_print("baryon: the boot loader's information at %lx is not understood\n", address);
	halt();
}

/* After this every interrupt is masked and time is known. */
static void devices_initialise(void)
{
	pic_disable();
	acpi_read(told.rsdp);
	apic_initialise(acpi.apic_address);
	cpu_initialise(cpu_area_make(0, apic_id()));
	apic_load();
	ioapic_initialise();
	clock_calibrate();
}

static void info_page_fill(unsigned cpus)
{
	struct info_page *page = info_page_writable();

	page->version = 1;
	page->cpus = cpus;
	clock_rate(&page->tsc_hz, &page->tsc_to_ns_multiplier, &page->tsc_at_zero);
	page->wall_at_zero_ns = information.wall_ns;
	page->frames = frame_limit();
}

static void information_fill(unsigned cpus)
{
	information.cpus = cpus;
	information.range_count = frame_remaining(information.range, BOOT_RANGES);
	information.frame_limit = frame_limit();
	information.image_address = told.image.address;
	information.image_bytes = told.image.bytes;
	information.rsdp = acpi.rsdp;
	information.pci_config = acpi.pci_config;
	information.wall_ns = rtc_seconds() * 1000000000ull - clock_now();
	memcpy(information.command_line, told.command_line, sizeof(told.command_line));
}

/* From start.S, on the boot stack. */
_Noreturn void boot_main(enum loader loader, uint64_t address)
{
	unsigned cpus;

	console_initialise();
	cpu_check_features();
	loader_read(loader, address);
	frame_initialise(&told);
	mmu_initialise();
	trap_initialise();
	devices_initialise();
	cpus = smp_start(frame_low_page(&told));
	mmu_seal();
	information_fill(cpus);
	info_page_fill(cpus);
	if (boot_option("announce"))
		console_print("baryon: %u processors, %lu MiB\n", cpus, frame_limit() >> 8);
	strange_boot(&information);
	smp_begin();
	entry_run(strange_cpu_boot());
}
