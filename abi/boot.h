/* The boot image and what root is told at its start.
 *
 * An image is one file: a struct image_header, then the modules, each at a multiple of PAGE_BYTES. tools/mkimage makes
 * it; the boot loader brings it into memory as one module; it is used in place. `baryon run` appends modules (settings,
 * an overlay root) by making a new header. */
#ifndef ABI_BOOT_H
#define ABI_BOOT_H

#include "abi/types.h"

#define IMAGE_MAGIC 0x31676d696e797262ull  /* "brynimg1", little endian */
#define IMAGE_MODULES 32

struct image_module {           /* 64 bytes */
	char name[32];              /* zero-terminated: "root", "srm", "unix", "rootfs", "overlay", "settings", ... */
	uint64_t offset;            /* from the start of the image; a multiple of PAGE_BYTES */
	uint64_t bytes;
	uint64_t check;             /* FNV-1a 64 of the bytes, or 0 when not checked (large file systems check themselves) */
	uint64_t spare;
};

struct image_header {           /* one page */
	uint64_t magic;
	uint32_t version;           /* 1 */
	uint32_t count;             /* 0..IMAGE_MODULES */
	uint64_t bytes;             /* of the whole image */
	uint64_t check;             /* FNV-1a 64 of the module table */
	struct image_module module[IMAGE_MODULES];
};

/* What Charm found, for root: in a page before root's data (FRONT_START). */
struct boot_range {
	uint64_t first;             /* frame */
	uint64_t count;
};
#define BOOT_RANGES 32

struct root_start {             /* at the address in root's first register when it starts */
	uint32_t version;           /* 1 */
	uint32_t cpus;
	uint64_t image_frame;       /* first frame of the boot image */
	uint64_t image_bytes;
	uint32_t free_count;        /* ranges of frames that root may hand out */
	uint32_t reserved;
	struct boot_range free[BOOT_RANGES];
	uint64_t acpi_rsdp;         /* physical address of the ACPI root pointer, or 0 */
	uint64_t pci_config;        /* physical address of PCI configuration space (ECAM), or 0 */
	uint64_t heap_first;        /* root's own free pages: virtual address and count, mapped and locked */
	uint64_t heap_pages;
	uint64_t heap_frame;        /* of the first; their frames lie in a row, and are zero */
	char command_line[1024];
};

#endif
