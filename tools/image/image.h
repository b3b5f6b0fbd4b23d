/* Boot images (abi/boot.h): making one, and reading the table of one. */
#ifndef TOOLS_IMAGE_IMAGE_H
#define TOOLS_IMAGE_IMAGE_H

#include <stddef.h>

#include "abi/boot.h"
#include "tools/common/complain.h"

/* Modules up to this size carry a check; larger ones check themselves or do without. */
#define IMAGE_CHECKED_BYTES (4ull << 20)

struct image {                  /* being made */
	int fd;
	uint64_t end;               /* where the next module goes */
	struct image_header header;
};

/* Starts an empty image in an empty file. */
void image_start(struct image *image, int fd);

/* Appends a module. Fails when the name is empty, too long or taken, or the table is full. */
bool image_add(struct image *image, const char *name, const void *bytes, size_t count, struct complaint *complaint);

/* Adds a module of `count` bytes that the caller has written at image->end; it gets no check. */
bool image_add_written(struct image *image, const char *name, uint64_t count, struct complaint *complaint);

/* Continues from an image in memory that image_check accepts: all its modules are copied. */
bool image_copy(struct image *image, const void *bytes, size_t count, struct complaint *complaint);

/* Writes the header; the image is whole then. */
bool image_finish(struct image *image, struct complaint *complaint);

/* Checks an image against abi/boot.h, with its modules' checks. */
bool image_check(const void *bytes, size_t count, struct complaint *complaint);

/* The module of that name in an image that was checked, or null. */
const struct image_module *image_find(const struct image_header *header, const char *name);

#endif
