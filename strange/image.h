/* The boot image, and root's program in it. */
#ifndef STRANGE_IMAGE_H
#define STRANGE_IMAGE_H

#include "abi/boot.h"

/* The module of that name, or null: the image is malformed, has none, or the module's sum is wrong. */
const uint8_t *image_module(const void *image, uint64_t bytes, const char *name, uint64_t *module_bytes);

/* Load a static position-independent ELF64 at `base`: `segment` is called for each part to map, `word` gives Strange's view of
 * a word for relocation. Returns the entry's address, or 0 when the file is malformed. */
uint64_t image_load(const uint8_t *elf, uint64_t bytes, uint64_t base,
		    void (*segment)(void *, uint64_t address, const uint8_t *data, uint64_t bytes, uint64_t memory, unsigned rights),
		    uint64_t *(*word)(void *, uint64_t address), void *context);

#endif
