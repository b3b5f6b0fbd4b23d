/* Multiboot2 information (specification 2.0, section 3.6), as GRUB leaves it on BIOS and UEFI machines. */
#include "charm/x86_64/internal.h"

enum tag_type {
	TAG_END = 0, TAG_COMMAND_LINE = 1, TAG_MODULE = 3, TAG_MAP = 6, TAG_RSDP_OLD = 14, TAG_RSDP_NEW = 15,
};
enum { MAP_AVAILABLE = 1, INFORMATION_LIMIT = 1 << 20 };

struct tag {
	uint32_t type, bytes;
};

struct tag_module {
	struct tag tag;
	uint32_t begin, end;
};

struct tag_map {
	struct tag tag;
	uint32_t entry_bytes, version;
};

struct map_entry {
	uint64_t address, bytes;
	uint32_t type, reserved;
};

static void map_read(const struct tag_map *map, struct boot_told *told)
{
	const uint8_t *at = (const uint8_t *)(map + 1), *end = (const uint8_t *)map + map->tag.bytes;

	if (map->entry_bytes < sizeof(struct map_entry) || map->entry_bytes % 8)
		return;
	for (; at + sizeof(struct map_entry) <= end; at += map->entry_bytes) {
		const struct map_entry *entry = (const struct map_entry *)at;

		if (entry->type == MAP_AVAILABLE)
			boot_add_usable(told, entry->address, entry->bytes);
	}
}

/* Whether what is read of it lies in it. */
static bool tag_is_whole(const struct tag *tag)
{
	switch (tag->type) {
	case TAG_COMMAND_LINE:
		return tag->bytes > sizeof(*tag) && ((const char *)tag)[tag->bytes - 1] == 0;
	case TAG_MODULE:
		return tag->bytes >= sizeof(struct tag_module);
	case TAG_MAP:
		return tag->bytes >= sizeof(struct tag_map);
	}
	return true;
}

static void tag_read(const struct tag *tag, struct boot_told *told)
{
	const struct tag_module *module = (const struct tag_module *)tag;

	switch (tag->type) {
	case TAG_COMMAND_LINE:
		boot_copy_command_line(told, (const char *)(tag + 1));
		break;
	case TAG_MODULE:
		if (!told->image.bytes && module->end > module->begin)
			told->image = (struct memory_range){ module->begin, module->end - module->begin };
		break;
	case TAG_MAP:
		map_read((const struct tag_map *)tag, told);
		break;
	case TAG_RSDP_OLD:
	case TAG_RSDP_NEW:              /* a copy of the pointer itself */
		if (!told->rsdp || tag->type == TAG_RSDP_NEW)
			told->rsdp = physical_of(tag + 1);
		break;
	}
}

bool multiboot2_read(uint64_t address, struct boot_told *told)
{
	const uint32_t *header = physical_pointer(address, 8);
	uint32_t at = 8;

	if (!header || header[0] > INFORMATION_LIMIT || !physical_pointer(address, header[0]))
		return false;
	while (at + sizeof(struct tag) <= header[0]) {
		const struct tag *tag = physical_pointer(address + at, sizeof(*tag));

		if (tag->type == TAG_END)
			return told->count != 0;
		if (tag->bytes < sizeof(*tag) || tag->bytes > header[0] - at)
			return false;
		if (tag_is_whole(tag))
			tag_read(tag, told);
		at += (tag->bytes + 7) & ~7u;
	}
	return false;
}
