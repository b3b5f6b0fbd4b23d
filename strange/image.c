/* The boot image. Everything in it is checked before it is used. */
#include "image.h"
#include "abi/rights.h"
#include "memory.h"

static uint64_t fnv(const uint8_t *p, uint64_t bytes)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (; bytes; bytes--)
		h = (h ^ *p++) * 0x100000001b3ull;
	return h;
}

static bool name_is(const char name[32], const char *wanted)
{
	for (unsigned i = 0; i < 32; i++) {
		if (name[i] != wanted[i])
			return false;
		if (name[i] == 0)
			return true;
	}
	return false;
}

const uint8_t *image_module(const void *image, uint64_t bytes, const char *name, uint64_t *module_bytes)
{
	const struct image_header *h = image;

	if (bytes < sizeof *h || h->magic != IMAGE_MAGIC || h->version != 1 || h->count > IMAGE_MODULES || h->bytes > bytes)
		return NULL;
	if (fnv((const uint8_t *)h->module, sizeof h->module) != h->check)
		return NULL;
	for (uint32_t i = 0; i < h->count; i++) {
		const struct image_module *m = &h->module[i];

		if (!name_is(m->name, name))
			continue;
		if (m->offset % PAGE_BYTES || m->offset > h->bytes || m->bytes > h->bytes - m->offset)
			return NULL;
		if (m->check && fnv((const uint8_t *)image + m->offset, m->bytes) != m->check)
			return NULL;
		*module_bytes = m->bytes;
		return (const uint8_t *)image + m->offset;
	}
	return NULL;
}

struct elf_header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, program, section;
	uint32_t flags;
	uint16_t size, program_size, program_count, section_size, section_count, names;
};

struct elf_program {
	uint32_t type, flags;
	uint64_t offset, address, physical, bytes, memory, align;
};

struct elf_dynamic { uint64_t tag, value; };
struct elf_relocation { uint64_t offset, info, addend; };

enum { LOAD = 1, DYNAMIC = 2, RELA = 7, RELA_SIZE = 8, RELATIVE = 8, X86_64 = 62, SHARED = 3 };
#define IMAGE_LIMIT (16ull << 20)

static bool header_good(const struct elf_header *h, uint64_t bytes)
{
	static const uint8_t ident[] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };

	if (bytes < sizeof *h)
		return false;
	for (unsigned i = 0; i < sizeof ident; i++)
		if (h->ident[i] != ident[i])
			return false;
	return h->type == SHARED && h->machine == X86_64 && h->program_size == sizeof(struct elf_program) &&
	       h->program <= bytes && h->program_count <= (bytes - h->program) / sizeof(struct elf_program);
}

static bool program_good(const struct elf_program *p, uint64_t bytes)
{
	return p->offset <= bytes && p->bytes <= bytes - p->offset && p->bytes <= p->memory &&
	       p->memory <= IMAGE_LIMIT && p->address <= IMAGE_LIMIT && (p->flags & 3) != 3;
}

static bool relocate(const struct elf_program *dynamic, uint64_t base, uint64_t *(*word)(void *, uint64_t), void *context)
{
	uint64_t table = 0, size = 0, *tag, *value;

	for (uint64_t at = 0; at + 16 <= dynamic->memory; at += 16) {
		tag = word(context, base + dynamic->address + at);
		value = word(context, base + dynamic->address + at + 8);
		if (tag == NULL || value == NULL)
			return false;
		if (*tag == RELA)
			table = *value;
		if (*tag == RELA_SIZE)
			size = *value;
	}
	for (uint64_t at = 0; at + sizeof(struct elf_relocation) <= size; at += sizeof(struct elf_relocation)) {
		uint64_t *offset = word(context, base + table + at), *info = word(context, base + table + at + 8);
		uint64_t *addend = word(context, base + table + at + 16);
		uint64_t *target = offset && *offset <= IMAGE_LIMIT && *offset % 8 == 0 ? word(context, base + *offset) : NULL;

		if (target == NULL || info == NULL || addend == NULL || *info != RELATIVE)
			return false;
		*target = base + *addend;
	}
	return true;
}

uint64_t image_load(const uint8_t *elf, uint64_t bytes, uint64_t base,
		    void (*segment)(void *, uint64_t, const uint8_t *, uint64_t, uint64_t, unsigned),
		    uint64_t *(*word)(void *, uint64_t), void *context)
{
	const struct elf_header *h = (const struct elf_header *)elf;
	const struct elf_program *p, *dynamic = NULL;

	if (!header_good(h, bytes))
		return 0;
	p = (const struct elf_program *)(elf + h->program);
	for (uint16_t i = 0; i < h->program_count; i++) {
		if ((p[i].type == LOAD || p[i].type == DYNAMIC) && !program_good(&p[i], bytes))
			return 0;
		if (p[i].type == DYNAMIC)
			dynamic = &p[i];
	}
	for (uint16_t i = 0; i < h->program_count; i++)
		if (p[i].type == LOAD && p[i].memory)
			segment(context, base + p[i].address, elf + p[i].offset, p[i].bytes, p[i].memory,
				RIGHT_READ | (p[i].flags & 2 ? RIGHT_WRITE : 0) | (p[i].flags & 1 ? RIGHT_EXECUTE : 0));
	if (dynamic && !relocate(dynamic, base, word, context))
		return 0;
	return h->entry <= IMAGE_LIMIT ? base + h->entry : 0;
}
