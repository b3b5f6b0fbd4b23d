/* A domain as its keeper sees it: which pages of which containers belong where. The keeper (root for the SRM, the SRM for
 * the others) maps the parts when they fault, and loads the program of the kernel that lives there. */
#ifndef BARYON_DOMAIN_H
#define BARYON_DOMAIN_H

#include "abi/home.h"
#include "baryon/elf.h"

struct domain_part {            /* pages at `address` are pages `index`.. of a container */
	uint64_t address;
	uint64_t pages;
	uint64_t index;
	uint32_t container;         /* the keeper's own handle of it */
	uint16_t rights;
	uint16_t flags;             /* MAPPING_LARGE: whole page groups; MAPPING_LOCKED */
	uint32_t around;            /* pages mapped at one fault: a power of two, 1..DOMAIN_AROUND */
	baryon_uid signal;          /* thread that takes the signals to it, or zero */
};

#define DOMAIN_PARTS 20
#define DOMAIN_AROUND 8         /* not more than the mappings that Strange keeps for a thread that faults */

struct domain {
	baryon_uid space;
	uint64_t base;              /* address of the domain */
	uint32_t count;
	struct domain_part part[DOMAIN_PARTS];
};

/* base is made from the domain's number. */
void domain_start(struct domain *domain, baryon_uid space, uint32_t number);

/* Adds a part; part->address counts from the domain's base. False when there is no room. */
bool domain_add(struct domain *domain, const struct domain_part *part);

/* Adds the boot image, `bytes` of it from page `first` of its container on, as up to three parts: the page groups that lie in it
 * whole are mapped as such. container: the keeper's handle. False when there is no room. */
bool domain_add_image(struct domain *domain, uint32_t container, uint64_t first, uint64_t bytes);

/* Answers a fault: maps what lies at `address` for `access` (RIGHT_*). Returns 0, also when it was mapped meanwhile;
 * -BARYON_EFAULT if nothing belongs there or the access is not allowed; or the error of mapping_load. */
long domain_fault(const struct domain *domain, uint64_t address, uint64_t access);

/* Maps every page of every part that is MAPPING_LOCKED. Returns 0 or the first error. */
long domain_map_locked(const struct domain *domain);

struct domain_program {         /* where a program's pages are, in the keeper's view */
	const void *file;
	uint64_t file_bytes;
	uint8_t *memory;            /* zeroed pages */
	uint64_t memory_pages;
	uint32_t container;         /* memory[0] is page `index` of it */
	uint64_t index;
	uint16_t flags;             /* of the mappings */
};

/* Copies and relocates a kernel's program to the domain's image part and adds its segments as parts. *entry: the address to
 * start at; *pages: how many pages of memory it took. Returns ELF_OK, or why not. */
enum elf_result domain_load(struct domain *domain, const struct domain_program *program, uint64_t *entry, uint64_t *pages);

#endif
