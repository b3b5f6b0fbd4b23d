/* See image.h. */
#include "tools/image/image.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tools/common/file.h"
#include "tools/common/fnv.h"

_Static_assert(sizeof(struct image_header) <= PAGE_BYTES, "the header is one page");

static uint64_t page_up(uint64_t value)
{
	return (value + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
}

void image_start(struct image *image, int fd)
{
	*image = (struct image){ .fd = fd, .end = PAGE_BYTES, .header = { .magic = IMAGE_MAGIC, .version = 1 } };
}

const struct image_module *image_find(const struct image_header *header, const char *name)
{
	for (uint32_t i = 0; i < header->count; i++)
		if (strncmp(header->module[i].name, name, sizeof header->module[i].name) == 0)
			return &header->module[i];
	return NULL;
}

static struct image_module *module_make(struct image *image, const char *name, struct complaint *complaint)
{
	struct image_module *module = &image->header.module[image->header.count];

	if (image->header.count == IMAGE_MODULES) {
		complain(complaint, "more than %d modules", IMAGE_MODULES);
		return NULL;
	}
	if (name[0] == 0 || strlen(name) >= sizeof module->name) {
		complain(complaint, "a module's name has 1 to %zu bytes, not '%s'", sizeof module->name - 1, name);
		return NULL;
	}
	if (image_find(&image->header, name)) {
		complain(complaint, "there are two modules '%s'", name);
		return NULL;
	}
	*module = (struct image_module){ .offset = image->end };
	memcpy(module->name, name, strlen(name));
	image->header.count++;
	return module;
}

bool image_add_written(struct image *image, const char *name, uint64_t count, struct complaint *complaint)
{
	struct image_module *module = module_make(image, name, complaint);

	if (!module)
		return false;
	module->bytes = count;
	image->end = page_up(image->end + count);
	return true;
}

bool image_add(struct image *image, const char *name, const void *bytes, size_t count, struct complaint *complaint)
{
	uint64_t at = image->end;

	if (!image_add_written(image, name, count, complaint))
		return false;
	if (count <= IMAGE_CHECKED_BYTES)
		image->header.module[image->header.count - 1].check = fnv_add(FNV_START, bytes, count);
	return file_write(image->fd, bytes, count, at, complaint);
}

bool image_copy(struct image *image, const void *bytes, size_t count, struct complaint *complaint)
{
	if (!image_check(bytes, count, complaint))
		return false;
	memcpy(&image->header, bytes, sizeof image->header);
	image->end = page_up(image->header.bytes);
	return file_write(image->fd, (const char *)bytes + PAGE_BYTES, image->header.bytes - PAGE_BYTES, PAGE_BYTES, complaint);
}

bool image_finish(struct image *image, struct complaint *complaint)
{
	uint8_t page[PAGE_BYTES] = { 0 };

	image->header.bytes = image->end;
	image->header.check = fnv_add(FNV_START, image->header.module, sizeof image->header.module);
	memcpy(page, &image->header, sizeof image->header);
	if (ftruncate(image->fd, image->end) < 0)
		return complain(complaint, "cannot write: %s", strerror(errno));
	return file_write(image->fd, page, sizeof page, 0, complaint);
}

static bool module_check(const struct image_header *header, uint32_t index, struct complaint *complaint)
{
	const struct image_module *module = &header->module[index];

	if (module->name[0] == 0 || module->name[sizeof module->name - 1] != 0 || image_find(header, module->name) != module)
		return complain(complaint, "module %u of the boot image has no good name", index);
	if (module->offset % PAGE_BYTES || module->offset < PAGE_BYTES || module->offset > header->bytes ||
	    module->bytes > header->bytes - module->offset)
		return complain(complaint, "module %s lies outside the boot image", module->name);
	if (module->check && fnv_add(FNV_START, (const char *)header + module->offset, module->bytes) != module->check)
		return complain(complaint, "module %s of the boot image is damaged", module->name);
	return true;
}

bool image_check(const void *bytes, size_t count, struct complaint *complaint)
{
	const struct image_header *header = bytes;

	if (count < PAGE_BYTES || header->magic != IMAGE_MAGIC || header->version != 1)
		return complain(complaint, "not a boot image");
	if (header->count > IMAGE_MODULES || header->bytes > count || header->bytes < PAGE_BYTES)
		return complain(complaint, "the boot image is cut short");
	if (fnv_add(FNV_START, header->module, sizeof header->module) != header->check)
		return complain(complaint, "the boot image's module table is damaged");
	for (uint32_t i = 0; i < header->count; i++)
		if (!module_check(header, i, complaint))
			return false;
	return true;
}
