/* FNV-1a, 64 bits (Fowler, Noll, Vo): the check of boot images and their modules. */
#ifndef TOOLS_COMMON_FNV_H
#define TOOLS_COMMON_FNV_H

#include <stddef.h>
#include <stdint.h>

#define FNV_START 0xcbf29ce484222325ull

/* Continue `check` over more bytes. Start with FNV_START. */
static inline uint64_t fnv_add(uint64_t check, const void *bytes, size_t count)
{
	const uint8_t *byte = bytes;

	for (size_t i = 0; i < count; i++)
		check = (check ^ byte[i]) * 0x100000001b3ull;
	return check;
}

#endif
