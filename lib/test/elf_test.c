/* The ELF reader accepts good files, and no damage to a file makes it or the relocation touch what is not theirs. */
#include <elf.h>
#include <string.h>

#include "abi/rights.h"
#include "baryon/elf.h"
#include "test.h"

enum { FILE_BYTES = 0x2200, DYNAMIC_AT = 0x2000, RELA_AT = 0x1100, HEADERS = 4 };

struct good_file {
	Elf64_Ehdr header;
	Elf64_Phdr program[HEADERS];
};

static unsigned char file[FILE_BYTES];

static void rela_write(uint64_t where, uint64_t addend)
{
	Elf64_Rela rela = { where, R_X86_64_RELATIVE, (Elf64_Sxword)addend };

	memcpy(file + RELA_AT, &rela, sizeof rela);
}

/* Text at 0, data at 0x2000 with the dynamic section and some bss. */
static void file_make(uint16_t type)
{
	struct good_file *f = (struct good_file *)file;
	Elf64_Dyn dynamic[4] = { { DT_RELA, { RELA_AT } }, { DT_RELASZ, { sizeof(Elf64_Rela) } },
		{ DT_RELAENT, { sizeof(Elf64_Rela) } }, { DT_NULL, { 0 } } };

	memset(file, 0, sizeof file);
	memcpy(f->header.e_ident, "\177ELF\2\1\1", 7);
	f->header.e_type = type;
	f->header.e_machine = EM_X86_64;
	f->header.e_entry = 0x1000;
	f->header.e_phoff = sizeof f->header;
	f->header.e_phentsize = sizeof(Elf64_Phdr);
	f->header.e_phnum = HEADERS;
	f->program[0] = (Elf64_Phdr){ PT_LOAD, PF_R | PF_X, 0, 0, 0, 0x1200, 0x1200, 0x1000 };
	f->program[1] = (Elf64_Phdr){ PT_LOAD, PF_R | PF_W, 0x2000, 0x2000, 0, 0x200, 0x1800, 0x1000 };
	f->program[2] = (Elf64_Phdr){ PT_DYNAMIC, PF_R | PF_W, DYNAMIC_AT, 0x2000, 0, sizeof dynamic, sizeof dynamic, 8 };
	f->program[3] = (Elf64_Phdr){ PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 0, 16 };
	memcpy(file + DYNAMIC_AT, dynamic, sizeof dynamic);
	rela_write(0x2100, 0x55);
}

static void a_good_file_is_read(void)
{
	struct elf_image image;

	file_make(ET_DYN);
	CHECK(elf_read(&image, file, sizeof file, sizeof file) == ELF_OK);
	CHECK(image.relocatable && image.count == 2 && image.low == 0 && image.high == 0x4000 && image.entry == 0x1000);
	CHECK(image.segment[0].rights == (RIGHT_READ | RIGHT_EXECUTE) && image.segment[1].rights == (RIGHT_READ | RIGHT_WRITE));
	CHECK(image.headers_address == sizeof(Elf64_Ehdr) && !image.stack_executable && image.interpreter_bytes == 0);
	file_make(ET_EXEC);
	CHECK(elf_read(&image, file, sizeof file, sizeof file) == ELF_OK && !image.relocatable);
}

static void relocations_add_the_bias(void)
{
	static unsigned char memory[0x4000];
	struct elf_image image;
	uint64_t word;

	file_make(ET_DYN);
	CHECK(elf_read(&image, file, sizeof file, sizeof file) == ELF_OK);
	elf_copy(&image, file, memory);
	CHECK(elf_relocate(&image, memory, 0xffffc00000000000ull) == ELF_OK);
	memcpy(&word, memory + 0x2100, sizeof word);
	CHECK(word == 0xffffc00000000055ull);
	rela_write(0x3ff9, 0);
	elf_copy(&image, file, memory);
	CHECK(elf_relocate(&image, memory, 0) == ELF_BROKEN);
}

static void what_is_wrong_is_refused(void)
{
	struct good_file *f = (struct good_file *)file;
	struct elf_image image;

	CHECK(elf_read(&image, file, 63, 63) == ELF_NOT_ELF);
	file_make(ET_REL);
	CHECK(elf_read(&image, file, sizeof file, sizeof file) == ELF_NOT_SUPPORTED);
	file_make(ET_DYN);
	f->header.e_entry = 0x2000;             /* data */
	CHECK(elf_read(&image, file, sizeof file, sizeof file) == ELF_BROKEN);
	file_make(ET_DYN);
	f->program[1].p_vaddr = 0x1000;         /* overlaps */
	CHECK(elf_read(&image, file, sizeof file, sizeof file) == ELF_BROKEN);
	file_make(ET_DYN);
	f->program[1].p_filesz = 0x201;         /* beyond the file */
	CHECK(elf_read(&image, file, sizeof file, sizeof file) == ELF_BROKEN);
	file_make(ET_DYN);
	f->header.e_phnum = 0;
	CHECK(elf_read(&image, file, sizeof file, sizeof file) == ELF_BROKEN);
	for (size_t size = 0; size < 0x2200; size += 7) {
		file_make(ET_DYN);
		CHECK(elf_read(&image, file, size, size) != ELF_OK);
	}
}

/* Everything that a loader would do with an accepted file, in memory of exactly the size that it names. */
static void load(const struct elf_image *image, const unsigned char *bytes)
{
	uint64_t size = image->high - image->low;
	unsigned char *memory;

	if (size > 1 << 20)
		return;
	memory = calloc(1, size);
	elf_copy(image, bytes, memory);
	(void)elf_relocate(image, memory, 0xffffc00000000000ull);
	free(memory);
}

static void damage_is_harmless(void)
{
	unsigned long seed = 88172645463325252ul;
	unsigned accepted = 0;

	for (int round = 0; round < 200000; round++) {
		unsigned char *copy = malloc(FILE_BYTES);
		struct elf_image image;

		file_make(round & 1 ? ET_DYN : ET_EXEC);
		for (int hits = 1 + (int)(test_random(&seed) % 4); hits > 0; hits--) {
			size_t at = test_random(&seed) % 3 ? test_random(&seed) % sizeof(struct good_file) :
				(test_random(&seed) & 1 ? RELA_AT : DYNAMIC_AT) + test_random(&seed) % 64;

			file[at] = (unsigned char)(test_random(&seed) % 5 ? test_random(&seed) : 0xff);
		}
		memcpy(copy, file, FILE_BYTES);
		if (elf_read(&image, copy, FILE_BYTES, FILE_BYTES) == ELF_OK) {
			accepted++;
			load(&image, copy);
		}
		free(copy);
	}
	CHECK(accepted > 1000);
}

int main(void)
{
	a_good_file_is_read();
	relocations_add_the_bias();
	what_is_wrong_is_refused();
	damage_is_harmless();
	puts("elf: ok");
	return 0;
}
