/* A boot image whose only module is a root without code: what runs there is what a test does. */
#include <elf.h>
#include <string.h>
#include "machine.h"

enum { CODE = PAGE_BYTES, DATA = 2 * PAGE_BYTES, MODULE_BYTES = 3 * PAGE_BYTES };

static uint8_t image[PAGE_BYTES + MODULE_BYTES] __attribute__((aligned(4096)));

static uint64_t fnv(const uint8_t *p, uint64_t bytes)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (; bytes; bytes--)
		h = (h ^ *p++) * 0x100000001b3ull;
	return h;
}

static void program_make(uint8_t *at)
{
	Elf64_Ehdr *h = (Elf64_Ehdr *)at;
	Elf64_Phdr *p = (Elf64_Phdr *)(at + sizeof *h);

	memcpy(h->e_ident, "\177ELF\2\1\1", 7);
	h->e_type = ET_DYN;
	h->e_machine = EM_X86_64;
	h->e_version = 1;
	h->e_entry = 0x100;
	h->e_phoff = sizeof *h;
	h->e_ehsize = sizeof *h;
	h->e_phentsize = sizeof *p;
	h->e_phnum = 2;
	p[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = CODE, .p_filesz = PAGE_BYTES,
			     .p_memsz = PAGE_BYTES };
	p[1] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = DATA, .p_vaddr = GROUP_BYTES + FRONT_PAGES * PAGE_BYTES,
			     .p_filesz = PAGE_BYTES, .p_memsz = 2 * PAGE_BYTES };
}

const void *host_image(uint64_t *bytes)
{
	struct image_header *h = (struct image_header *)image;

	memset(image, 0, sizeof image);
	h->magic = IMAGE_MAGIC;
	h->version = 1;
	h->count = 1;
	h->bytes = sizeof image;
	strcpy(h->module[0].name, "root");
	h->module[0].offset = PAGE_BYTES;
	h->module[0].bytes = MODULE_BYTES;
	program_make(image + PAGE_BYTES);
	h->module[0].check = fnv(image + PAGE_BYTES, MODULE_BYTES);
	h->check = fnv((const uint8_t *)h->module, sizeof h->module);
	*bytes = sizeof image;
	return image;
}
