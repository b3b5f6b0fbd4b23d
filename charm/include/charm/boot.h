/* What Charm found at power-on, and where it hands over to Strange.
 * Charm calls strange_boot once, on the boot CPU, with interrupts off, the final address space active and the other
 * CPUs waiting; then strange_cpu_boot on every CPU, the boot CPU too. Both return; Charm then idles the CPU
 * (see trap.h) until Strange hands it registers to run. */
#ifndef CHARM_BOOT_H
#define CHARM_BOOT_H

#include "abi/boot.h"
#include "abi/home.h"

struct boot_information {
	uint32_t cpus;                      /* that answer, 1..CPU_LIMIT */
	uint32_t range_count;
	struct boot_range range[BOOT_RANGES]; /* usable frames, ascending, without Charm's own and without the image */
	uint64_t frame_limit;               /* one past the highest usable frame number */
	uint64_t image_address, image_bytes;/* physical; 0 bytes: there was no module */
	uint64_t rsdp, pci_config;          /* physical addresses, or 0 */
	uint64_t wall_ns;                   /* wall-clock time at clock_now() == 0, from the CMOS clock */
	char command_line[1024];
};

void strange_boot(const struct boot_information *information);
struct registers *strange_cpu_boot(void);

#endif
