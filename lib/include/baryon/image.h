/* The boot image (abi/boot.h), as its users read it. */
#ifndef BARYON_IMAGE_H
#define BARYON_IMAGE_H

#include "abi/boot.h"
#include "abi/layout.h"
#include "abi/start.h"

/* Whether the header page is a genuine header of an image of image_bytes: magic, version, check, every module inside. */
bool image_valid(const struct image_header *header, uint64_t image_bytes);

/* The newest (last) module of that name, or null. */
const struct image_module *image_find(const struct image_header *header, const char *name);

/* Whether a module's bytes fit its checksum (true when it has none). */
bool image_module_intact(const struct image_header *header, const struct image_module *module);

/* Where a kernel has the boot image in its domain. */
static inline const struct image_header *image_mapped(const struct kernel_start *start)
{
	return (const struct image_header *)(DOMAIN_BASE + start->domain * DOMAIN_BYTES + DOMAIN_BOOT_OFFSET +
		start->boot_image_first * PAGE_BYTES);
}

/* Address of the module's bytes. header: where the whole image is mapped. */
static inline const void *image_module_bytes(const struct image_header *header, const struct image_module *module)
{
	return (const uint8_t *)header + module->offset;
}

#endif
