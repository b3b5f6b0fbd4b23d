/* ELF64 files for x86-64 (System V ABI, gABI chapter 4 and 5; psABI 3.4). elf_read is a pure function of the bytes: every
 * number is checked before it is used, and a file that it accepts can be loaded without further checks. */
#ifndef BARYON_ELF_H
#define BARYON_ELF_H

#include "abi/types.h"

#define ELF_SEGMENTS 16

struct elf_segment {            /* of type PT_LOAD, in ascending order, not overlapping */
	uint64_t address;           /* as linked; any alignment, but congruent to offset modulo PAGE_BYTES */
	uint64_t memory_bytes;
	uint64_t offset;            /* in the file */
	uint64_t file_bytes;        /* <= memory_bytes; the rest is zero */
	uint32_t rights;            /* RIGHT_READ|WRITE|EXECUTE */
};

struct elf_image {
	bool relocatable;           /* ET_DYN: may be loaded at any page-aligned bias */
	uint32_t count;             /* of segments, 1..ELF_SEGMENTS */
	struct elf_segment segment[ELF_SEGMENTS];
	uint64_t low, high;         /* page-rounded range of all segments, as linked */
	uint64_t alignment;         /* the largest segment alignment, a power of two >= PAGE_BYTES */
	uint64_t entry;             /* as linked; inside an executable segment, unless interpreted */
	uint64_t headers_offset;    /* program headers: in the file */
	uint64_t headers_address;   /* as linked, or 0 if no segment holds them */
	uint32_t header_count;
	bool stack_executable;      /* PT_GNU_STACK asks for it */
	uint64_t interpreter_offset, interpreter_bytes; /* of the zero-terminated path, or 0 */
	uint64_t dynamic_address, dynamic_bytes; /* as linked, or 0 */
};

enum elf_result {
	ELF_OK = 0,
	ELF_NOT_ELF,                /* no magic, or too short for a header */
	ELF_NOT_SUPPORTED,          /* another class, machine or type */
	ELF_BROKEN,                 /* a number does not fit */
};

const char *elf_result_text(enum elf_result result);

/* Reads the headers of the file `bytes`[size], which may be a prefix of at least the headers of a file of `file_size` bytes. */
enum elf_result elf_read(struct elf_image *image, const void *bytes, uint64_t size, uint64_t file_size);

/* Copies the segments of a whole file into `memory`, which stands for the addresses low..high as linked and is zero. */
void elf_copy(const struct elf_image *image, const void *bytes, void *memory);

/* Applies the relocations of a static PIE copied to `memory` (low..high as linked) that will run with `bias` added to its
 * linked addresses. Only RELATIVE ones are known: otherwise ELF_NOT_SUPPORTED. Nothing outside memory is touched. */
enum elf_result elf_relocate(const struct elf_image *image, void *memory, uint64_t bias);

#endif
