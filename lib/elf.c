/* ELF64 headers: read, checked, applied. Contract in baryon/elf.h; nothing here calls out. */
#include "baryon/elf.h"

#include "abi/layout.h"
#include "abi/rights.h"
#include "baryon/string.h"

enum {
	ET_EXEC = 2, ET_DYN = 3, EM_X86_64 = 62,
	PT_LOAD = 1, PT_DYNAMIC = 2, PT_INTERP = 3, PT_GNU_STACK = 0x6474e551,
	PF_X = 1, PF_W = 2, PF_R = 4,
	DT_NULL = 0, DT_RELA = 7, DT_RELASZ = 8, DT_RELAENT = 9, DT_JMPREL = 23, DT_REL = 17,
	R_X86_64_NONE = 0, R_X86_64_RELATIVE = 8,
	HEADERS_LIMIT = 64, INTERPRETER_LIMIT = 4096,
};

struct file_header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, headers, sections;
	uint32_t flags;
	uint16_t header_bytes, program_bytes, program_count, section_bytes, section_count, section_names;
};

struct program_header {
	uint32_t type, flags;
	uint64_t offset, address, physical, file_bytes, memory_bytes, alignment;
};

struct dynamic_entry {
	uint64_t tag, value;
};

struct relocation {
	uint64_t address, info, addend;
};

_Static_assert(sizeof(struct file_header) == 64, "gABI");
_Static_assert(sizeof(struct program_header) == 56, "gABI");

struct elf_file {
	const uint8_t *bytes;
	uint64_t size, file_size;
};

static bool range_inside(uint64_t start, uint64_t bytes, uint64_t limit)
{
	return start <= limit && bytes <= limit - start;
}

static enum elf_result header_check(const struct elf_file *file, struct file_header *header)
{
	static const uint8_t magic[4] = { 0x7f, 'E', 'L', 'F' };

	if (file->size < sizeof *header || memcmp(file->bytes, magic, 4) != 0)
		return ELF_NOT_ELF;
	memcpy(header, file->bytes, sizeof *header);
	if (header->ident[4] != 2 || header->ident[5] != 1 || header->machine != EM_X86_64)
		return ELF_NOT_SUPPORTED;
	if (header->type != ET_EXEC && header->type != ET_DYN)
		return ELF_NOT_SUPPORTED;
	if (header->program_bytes != sizeof(struct program_header))
		return ELF_BROKEN;
	if (header->program_count == 0 || header->program_count > HEADERS_LIMIT)
		return ELF_BROKEN;
	if (!range_inside(header->headers, (uint64_t)header->program_count * header->program_bytes, file->size))
		return ELF_BROKEN;
	return ELF_OK;
}

static uint32_t rights_of(uint32_t flags)
{
	return (flags & PF_R ? RIGHT_READ : 0u) | (flags & PF_W ? RIGHT_WRITE : 0u) | (flags & PF_X ? RIGHT_EXECUTE : 0u);
}

static enum elf_result segment_add(struct elf_image *image, const struct elf_file *file, const struct program_header *p)
{
	struct elf_segment *segment = &image->segment[image->count];

	if (p->memory_bytes == 0)
		return ELF_OK;
	if (image->count == ELF_SEGMENTS || p->file_bytes > p->memory_bytes)
		return ELF_BROKEN;
	if (!range_inside(p->offset, p->file_bytes, file->file_size))
		return ELF_BROKEN;
	if (!range_inside(p->address, p->memory_bytes, PROGRAM_LIMIT))
		return ELF_BROKEN;
	if ((p->address - p->offset) % PAGE_BYTES || (p->alignment & (p->alignment - 1)))
		return ELF_BROKEN;
	if (image->count && p->address < segment[-1].address + segment[-1].memory_bytes)
		return ELF_BROKEN;
	*segment = (struct elf_segment){ p->address, p->memory_bytes, p->offset, p->file_bytes, rights_of(p->flags) };
	if (p->alignment > image->alignment)
		image->alignment = p->alignment;
	image->count++;
	return ELF_OK;
}

static enum elf_result interpreter_set(struct elf_image *image, const struct elf_file *file, const struct program_header *p)
{
	if (p->file_bytes < 2 || p->file_bytes > INTERPRETER_LIMIT || !range_inside(p->offset, p->file_bytes, file->file_size))
		return ELF_BROKEN;
	image->interpreter_offset = p->offset;
	image->interpreter_bytes = p->file_bytes;
	return ELF_OK;
}

static enum elf_result program_header_read(struct elf_image *image, const struct elf_file *file,
	const struct program_header *p)
{
	switch (p->type) {
	case PT_LOAD:
		return segment_add(image, file, p);
	case PT_INTERP:
		return interpreter_set(image, file, p);
	case PT_DYNAMIC:
		image->dynamic_address = p->address;
		image->dynamic_bytes = p->memory_bytes;
		return ELF_OK;
	case PT_GNU_STACK:
		image->stack_executable = p->flags & PF_X;
		return ELF_OK;
	default:
		return ELF_OK;
	}
}

/* Where the segments lie as a whole, where the headers are in memory, and whether the entry is code. */
static enum elf_result image_finish(struct elf_image *image, uint64_t headers_bytes)
{
	const struct elf_segment *last;
	bool entry_found = false;

	if (image->count == 0)
		return ELF_BROKEN;
	last = &image->segment[image->count - 1];
	image->low = image->segment[0].address & ~(PAGE_BYTES - 1);
	image->high = (last->address + last->memory_bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	for (uint32_t i = 0; i < image->count; i++) {
		const struct elf_segment *s = &image->segment[i];

		if (s->offset <= image->headers_offset &&
			range_inside(image->headers_offset - s->offset, headers_bytes, s->file_bytes))
			image->headers_address = s->address + (image->headers_offset - s->offset);
		if ((s->rights & RIGHT_EXECUTE) && image->entry - s->address < s->memory_bytes)
			entry_found = true;
	}
	if (image->dynamic_bytes &&
		(image->dynamic_address < image->low || !range_inside(image->dynamic_address, image->dynamic_bytes, image->high)))
		return ELF_BROKEN;
	return entry_found ? ELF_OK : ELF_BROKEN;
}

enum elf_result elf_read(struct elf_image *image, const void *bytes, uint64_t size, uint64_t file_size)
{
	struct elf_file file = { bytes, size < file_size ? size : file_size, file_size };
	struct file_header header;
	enum elf_result result = header_check(&file, &header);

	if (result != ELF_OK)
		return result;
	*image = (struct elf_image){
		.relocatable = header.type == ET_DYN, .alignment = PAGE_BYTES, .entry = header.entry,
		.headers_offset = header.headers, .header_count = header.program_count,
	};
	for (uint32_t i = 0; i < header.program_count && result == ELF_OK; i++) {
		struct program_header p;

		memcpy(&p, file.bytes + header.headers + i * sizeof p, sizeof p);
		result = program_header_read(image, &file, &p);
	}
	return result == ELF_OK ? image_finish(image, header.program_count * sizeof(struct program_header)) : result;
}

void elf_copy(const struct elf_image *image, const void *bytes, void *memory)
{
	for (uint32_t i = 0; i < image->count; i++) {
		const struct elf_segment *s = &image->segment[i];

		memcpy((uint8_t *)memory + (s->address - image->low), (const uint8_t *)bytes + s->offset, s->file_bytes);
	}
}

/* Where and how large the table of relocations is, as linked. */
static enum elf_result relocations_find(const struct elf_image *image, const uint8_t *memory, uint64_t *table, uint64_t *bytes)
{
	*table = *bytes = 0;
	for (uint64_t i = 0; i + sizeof(struct dynamic_entry) <= image->dynamic_bytes; i += sizeof(struct dynamic_entry)) {
		struct dynamic_entry entry;

		memcpy(&entry, memory + (image->dynamic_address - image->low + i), sizeof entry);
		if (entry.tag == DT_NULL)
			break;
		if (entry.tag == DT_RELA)
			*table = entry.value;
		if (entry.tag == DT_RELASZ)
			*bytes = entry.value;
		if (entry.tag == DT_RELAENT && entry.value != sizeof(struct relocation))
			return ELF_BROKEN;
		if (entry.tag == DT_JMPREL || entry.tag == DT_REL)
			return ELF_NOT_SUPPORTED;
	}
	if (*bytes && (*table < image->low || !range_inside(*table, *bytes, image->high)))
		return ELF_BROKEN;
	return ELF_OK;
}

enum elf_result elf_relocate(const struct elf_image *image, void *memory, uint64_t bias)
{
	uint8_t *base = memory;
	uint64_t table, bytes;
	enum elf_result result = relocations_find(image, base, &table, &bytes);

	for (uint64_t i = 0; result == ELF_OK && i + sizeof(struct relocation) <= bytes; i += sizeof(struct relocation)) {
		struct relocation r;
		uint64_t value;

		memcpy(&r, base + (table - image->low) + i, sizeof r);
		if (r.info == R_X86_64_NONE)
			continue;
		if (r.info != R_X86_64_RELATIVE)
			return ELF_NOT_SUPPORTED;
		if (r.address < image->low || !range_inside(r.address, sizeof value, image->high))
			return ELF_BROKEN;
		value = r.addend + bias;
		memcpy(base + (r.address - image->low), &value, sizeof value);
	}
	return result;
}

const char *elf_result_text(enum elf_result result)
{
	static const char *const texts[] = {
		[ELF_OK] = "a good ELF file", [ELF_NOT_ELF] = "not an ELF file",
		[ELF_NOT_SUPPORTED] = "an ELF file of a kind that is not supported", [ELF_BROKEN] = "a broken ELF file",
	};

	return texts[result];
}
