/* What Charm's files for x86-64 tell each other. */
#ifndef X86_INTERNAL_H
#define X86_INTERNAL_H

#include "charm/boot.h"
#include "charm/mmu.h"
#include "charm/trap.h"

/* memory.S */
void *memcpy(void *to, const void *from, size_t bytes);
void *memset(void *to, int byte, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

/* entry.S */
extern uint8_t xstate_initial[XSTATE_BYTES];

/* The image, by baryon.lds; each a multiple of PAGE_BYTES */
extern uint8_t image_begin[], image_rodata[], image_data[], image_end[];
extern uint8_t image_stubs_trapping[], image_stubs_direct[], image_stubs_end[];

/* start.S */
extern mmu_entry boot_root[MMU_ENTRIES], boot_physmap[MMU_ENTRIES], boot_groups[4 * MMU_ENTRIES];

/* The memory map and what the loader said, gathered by pvh.c or multiboot2.c */
enum { MAP_LIMIT = 128, LOW_MEMORY = 0x100000 };

struct memory_range {
	uint64_t address, bytes;
};

struct boot_told {
	uint32_t count;
	struct memory_range usable[MAP_LIMIT];  /* as told: any order, may overlap */
	struct memory_range image;              /* the first module */
	uint64_t rsdp;
	char command_line[1024];
};

/* Each fills *told; false when what lies at `address` is not what the loader should have left there. */
bool pvh_read(uint64_t address, struct boot_told *told);
bool multiboot2_read(uint64_t address, struct boot_told *told);
void boot_add_usable(struct boot_told *told, uint64_t address, uint64_t bytes);
void boot_copy_command_line(struct boot_told *told, const char *text);
bool boot_option(const char *word);             /* the command line has this word */

/* frame.c */
void frame_initialise(const struct boot_told *told);
uint64_t frame_limit(void);
uint64_t frame_low_page(const struct boot_told *told); /* address of a usable page below 640 KiB, or 0 */

/* mmu.c */
void mmu_initialise(void);
void mmu_load(void);                            /* this CPU uses the map of mmu_initialise */
void mmu_seal(void);                            /* every CPU has started: the rights are final */
void mmu_flush(void);                           /* this CPU forgets all translations, global ones too */
void *physical_pointer(uint64_t address, uint64_t bytes); /* null where the physmap does not reach */
uint64_t physical_of(const void *in_physmap);
uint64_t image_physical(const void *in_image);
volatile uint32_t *device_registers(uint64_t address);    /* the page group there becomes uncached */
struct info_page *info_page_writable(void);

/* trap.c */
void trap_initialise(void);
void trap_load(void);

/* acpi.c: what the tables say, after acpi_read */
struct acpi_override {
	uint32_t irq;
	bool low, level;
};

enum { IOAPIC_LIMIT = 8 };

struct acpi_facts {
	uint32_t cpus, ioapics;
	uint32_t apic_id[CPU_LIMIT];
	uint32_t ioapic_base[IOAPIC_LIMIT], ioapic_first[IOAPIC_LIMIT];
	struct acpi_override isa[16];
	uint64_t rsdp, pci_config, apic_address;
	uint16_t timer_port, control_a, control_b;  /* power management; 0: none */
	bool sleep_known;
	uint8_t sleep_a, sleep_b;                   /* SLP_TYP of S5 */
	uint8_t reset_space, reset_value;           /* address space: 1 port, 0 memory, 255 none */
	uint64_t reset_address;
};
extern struct acpi_facts acpi;
void acpi_read(uint64_t rsdp);

/* apic.c */
void apic_initialise(uint64_t address);
void apic_load(void);                           /* on each CPU */
uint32_t apic_id(void);
void apic_acknowledge(void);
void apic_timer_set(uint32_t ticks);            /* one shot */
uint32_t apic_timer_left(void);
enum { SEND_INIT = 0x4500, SEND_STARTUP = 0x4600, SEND_NMI = 0x4400, SEND_FIXED = 0x4000 };
void apic_send(uint32_t apic_id, uint32_t what);
void apic_send_others(uint32_t what);

/* ioapic.c, pic.c */
void ioapic_initialise(void);
void pic_disable(void);

/* clock.c */
void clock_calibrate(void);
void clock_wait_us(unsigned us);
struct registers *clock_interrupt(struct registers *r);

/* rtc.c: seconds since 1970 */
uint64_t rtc_seconds(void);

/* smp.c: starts the other CPUs by a page below 1 MiB (0: does not); returns how many there are in all */
unsigned smp_start(uint64_t page);
struct registers *smp_notice(struct registers *r);
void smp_begin(void);

/* console.c */
void console_initialise(void);
void console_unlock(void);

/* format.c */
void format_print(void (*put)(void *to, const char *text, uint64_t bytes), void *to, const char *format,
                  __builtin_va_list list);

#endif
