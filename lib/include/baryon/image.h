/* The boot image (abi/boot.h), as its users read it. */
#ifndef BARYON_IMAGE_H
#define BARYON_IMAGE_H

#include "abi/boot.h"

/* Whether the header page is a genuine header of an image of image_bytes: magic, version, check, every module inside. */
bool image_valid(const struct image_header *header, uint64_t image_bytes);

/* The newest (last) module of that name, or null. */
const struct image_module *image_find(const struct image_header *header, const char *name);

/* Whether a module's bytes fit its checksum (true when it has none). */
bool image_module_intact(const struct image_header *header, const struct image_module *module);

/* Address of the module's bytes. header: where the whole image is mapped. */
static inline const void *image_module_bytes(const struct image_header *header, const struct image_module *module)
{
	return (const uint8_t *)header + module->offset;
}

#endif
