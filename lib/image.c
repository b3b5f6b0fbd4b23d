/* Reading the boot image. A header is trusted only after image_valid. */
#include "baryon/image.h"

#include "baryon/hash.h"
#include "baryon/string.h"

static bool module_valid(const struct image_module *module, uint64_t image_bytes)
{
	return module->offset % PAGE_BYTES == 0 && module->offset >= sizeof(struct image_header) &&
		module->offset <= image_bytes && module->bytes <= image_bytes - module->offset &&
		memchr(module->name, 0, sizeof module->name) != NULL;
}

bool image_valid(const struct image_header *header, uint64_t image_bytes)
{
	if (image_bytes < sizeof *header || header->magic != IMAGE_MAGIC || header->version != 1)
		return false;
	if (header->count > IMAGE_MODULES || header->bytes > image_bytes)
		return false;
	for (uint32_t i = 0; i < header->count; i++)
		if (!module_valid(&header->module[i], header->bytes))
			return false;
	return header->check == hash_fnv1a(FNV_START, header->module, sizeof header->module);
}

const struct image_module *image_find(const struct image_header *header, const char *name)
{
	for (uint32_t i = header->count; i-- > 0;)
		if (strcmp(header->module[i].name, name) == 0)
			return &header->module[i];
	return NULL;
}

bool image_module_intact(const struct image_header *header, const struct image_module *module)
{
	return module->check == 0 ||
		module->check == hash_fnv1a(FNV_START, image_module_bytes(header, module), module->bytes);
}
