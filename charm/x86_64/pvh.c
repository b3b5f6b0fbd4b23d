/* Direct kernel boot: struct hvm_start_info, version 1 (Xen's "x86/HVM direct boot ABI"). */
#include "charm/x86_64/internal.h"

enum { PVH_MAGIC = 0x336ec578, TYPE_RAM = 1 };

struct pvh_start {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, command_line, rsdp;
	uint64_t map;               /* from version 1 */
	uint32_t map_count, reserved;
};

struct pvh_module {
	uint64_t address, bytes, command_line, reserved;
};

struct pvh_range {
	uint64_t address, bytes;
	uint32_t type, reserved;
};

bool pvh_read(uint64_t address, struct boot_told *told)
{
	const struct pvh_start *start = physical_pointer(address, sizeof(*start));
	const struct pvh_module *module;
	const struct pvh_range *map;
	uint32_t i;

	if (!start || start->magic != PVH_MAGIC || start->version < 1 || start->map_count > MAP_LIMIT)
		return false;
	map = physical_pointer(start->map, start->map_count * sizeof(*map));
	module = physical_pointer(start->modules, sizeof(*module));
	if (!map || (start->map | start->modules) & 7)
		return false;
	for (i = 0; i < start->map_count; i++)
		if (map[i].type == TYPE_RAM)
			boot_add_usable(told, map[i].address, map[i].bytes);
	if (start->module_count && module)
		told->image = (struct memory_range){ module->address, module->bytes };
	told->rsdp = start->rsdp;
	if (start->command_line && physical_pointer(start->command_line, sizeof(told->command_line)))
		boot_copy_command_line(told, physical_pointer(start->command_line, 1));
	return true;
}
