/* Boot images, as kernels read them. The header's own check is made right first, for it can be forged; then what is accepted has
 * every module inside. */
#include "tests/fuzz/fuzz.h"
#include "baryon/hash.h"
#include "baryon/image.h"

static void read_all(const struct image_header *header, uint64_t bytes)
{
	static volatile uint8_t sum;

	for (uint32_t i = 0; i < header->count; i++) {
		const struct image_module *module = &header->module[i];

		HOLDS(module->offset <= bytes && module->bytes <= bytes - module->offset);
		(void)image_module_intact(header, module);
		for (uint64_t at = 0; at < module->bytes; at += 64)
			sum += ((const uint8_t *)image_module_bytes(header, module))[at];
	}
	(void)image_find(header, "root");
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct image_header *header;

	if (size < sizeof *header)
		return 0;
	header = (struct image_header *)fuzz_copy(input, size, 4096);
	if (image_valid(header, size))
		read_all(header, size);
	header->check = hash_fnv1a(FNV_START, header->module, sizeof header->module);
	if (image_valid(header, size))
		read_all(header, size);
	free(header);
	return 0;
}
