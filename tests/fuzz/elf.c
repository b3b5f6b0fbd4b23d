/* ELF files: what is accepted can be copied and relocated within its own range. */
#include "tests/fuzz/fuzz.h"
#include "baryon/elf.h"

enum { MEMORY_LIMIT = 1 << 22 };

static void load(const struct elf_image *image, const uint8_t *file, size_t size)
{
	uint64_t bytes = image->high - image->low;
	uint8_t *memory;

	HOLDS(image->low < image->high && image->count >= 1 && image->count <= ELF_SEGMENTS);
	for (uint32_t i = 0; i < image->count; i++) {
		const struct elf_segment *s = &image->segment[i];

		HOLDS(s->file_bytes <= s->memory_bytes && s->offset <= size && s->file_bytes <= size - s->offset);
		HOLDS(s->address >= image->low && s->memory_bytes <= image->high - s->address);
	}
	if (bytes > MEMORY_LIMIT)
		return;
	memory = calloc(1, bytes);
	elf_copy(image, file, memory);
	(void)elf_relocate(image, memory, 0x10000000);
	free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	uint8_t *file = fuzz_copy(input, size, 1);
	struct elf_image image;

	if (elf_read(&image, file, size, size) == ELF_OK)
		load(&image, file, size);
	free(file);
	return 0;
}
