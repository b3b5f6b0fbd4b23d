/* A program's address space: its regions (VMAs), the pages of M that are in it (slots), and Strange's space.
 *
 * The regions say what may be where; the slots say which page of M is where now. Pages of the boot image have no slot: they
 * are found again through their file. What Strange has loaded is derived from both: a mapping that was displaced faults and is
 * loaded again. A page of a private region with one reference is the space's own and may be written; with more it is copied
 * at the first write. */
#ifndef UNIX_PROCESS_SPACE_H
#define UNIX_PROCESS_SPACE_H

#include "abi/home.h"
#include "abi/layout.h"
#include "abi/rights.h"
#include "unix.h"

enum {                          /* region flags; the rights are RIGHT_READ|WRITE|EXECUTE */
	REGION_SHARED = 8,          /* writes go to the file or to the other sharers */
	REGION_STACK = 16,          /* grows down */
	REGION_MAY_WRITE = 32,      /* mprotect may add write */
	REGION_HEAP = 64,           /* brk */
	REGION_STEP = 128,          /* instructions that write to their own page are executed here: step.c */
	REGION_SYSTEM = 256,        /* a page of the vDSO's: it does not grow */
	REGION_RIGHTS = 7,
};

struct region {
	uint64_t start, end;        /* page addresses */
	uint64_t offset;            /* bytes in the file at start; a multiple of a page */
	struct file *file;          /* a reference; null: anonymous */
	uint64_t flags;
};

/* The page with the vDSO's data: what it may be used for never becomes more. */
static inline bool region_is_vdso_data(const struct region *region)
{
	return (region->flags & (REGION_SYSTEM | REGION_MAY_WRITE)) == REGION_SYSTEM;
}

#define REGION_INLINE 80
#define REGION_CHUNK (PAGE_BYTES / sizeof(struct region))
#define REGION_LIMIT (PAGE_BYTES / sizeof(struct region *) * REGION_CHUNK)       /* of a space */
#define TABLES_INLINE 16

struct slot_table {
	uint32_t number;            /* of the 2 MiB of addresses that it stands for */
	page_index page;
};

struct space {                  /* fills one page; a slot table is another */
	struct space_home home;
	struct mutex lock;
	struct space *next, *previous;          /* mapped.c */
	uint32_t references;        /* processes in it */
	uint32_t loading;           /* misses that are loading the home now */
	uint32_t region_count, region_capacity;
	struct region **chunks;     /* null: the regions are in regions_inline. Sorted; pages of REGION_CHUNK, and one of pointers */
	struct slot_table *tables;  /* sorted; tables_inline or a block */
	uint32_t table_count;
	uint32_t leaf_number;       /* the slot table that was used last */
	uint64_t *leaf;
	uint64_t heap_start, heap_end;          /* brk */
	uint64_t map_top;           /* mmap places below it, downwards */
	uint64_t argument_start, argument_end, environment_end;
	uint64_t auxiliary;         /* where exec put the auxiliary vector */
	uint64_t resident;          /* slots in use */
	uint64_t resident_most;     /* the same when it last became less, at the most */
	uint64_t stack_limit;
	uint64_t step_page;         /* address of the region for steps; 0: none. May be gone */
	uint64_t steps;             /* bits of its places in use */
	struct slot_table tables_inline[TABLES_INLINE];
	struct region regions_inline[REGION_INLINE];
};

_Static_assert(sizeof(struct space) <= PAGE_BYTES, "a space fills one page");

#define PIECE_BYTES (DOMAIN_BYTES / 2)  /* Strange takes so much of a space at once */

/* A slot: page of M << 12 | flags; zero: none. */
enum {
	SLOT_PRESENT = 1,
	SLOT_SHARED = 2,
	SLOT_LOADED = 4,            /* a hint: its mapping was loaded once, and may be there still */
};

static inline page_index slot_page(uint64_t slot)
{
	return (page_index)(slot >> PAGE_BITS);
}

/* regions (region.c): all need the space's lock and touch only the region table */
static inline struct region *region_at(struct space *space, unsigned i)
{
	return space->chunks == NULL ? &space->regions_inline[i] : &space->chunks[i / REGION_CHUNK][i % REGION_CHUNK];
}

struct region *region_find(struct space *space, uint64_t address);      /* that holds it, or null */
unsigned region_index_after(struct space *space, uint64_t address);     /* of the first with end > address */
int region_insert(struct space *space, const struct region *region);    /* the range is free. Merges. 0, -ENOMEM */
/* Cuts [start, end) out; regions that it crosses are split. 0, -ENOMEM (nothing changed). */
int region_remove(struct space *space, uint64_t start, uint64_t end);
int region_protect(struct space *space, uint64_t start, uint64_t end, uint64_t rights);  /* 0, -ENOMEM, -EACCES */
int region_room(struct space *space, unsigned more);     /* that many can be added, by what splits too. 0, -ENOMEM */
bool region_range_free(struct space *space, uint64_t start, uint64_t end);
uint64_t region_gap(struct space *space, uint64_t bytes);       /* address below map_top, or 0 */
int regions_copy(struct space *to, struct space *from);
void regions_clear(struct space *space);

/* slots (slot.c): need the space's lock */
uint64_t *slot_find(struct space *space, uint64_t address);     /* null: no table there */
uint64_t *slot_make(struct space *space, uint64_t address);     /* null: no memory */
/* The first address from this one on for which there is a table. UINT64_MAX: none. */
uint64_t slot_table_next(const struct space *space, uint64_t address);
void slots_clear(struct space *space, uint64_t start, uint64_t end);    /* drops the pages */
int slots_copy(struct space *to, struct space *from, const struct region *region);
void slots_free(struct space *space);                           /* everything */
int slots_move(struct space *space, uint64_t from, uint64_t to, uint64_t bytes);

/* spaces (space.c) */
struct space *space_create(void);                       /* empty and loaded; null: no memory */
struct space *space_fork(struct space *from);           /* null: no memory */
void space_get(struct space *space);
void space_put(struct space *space);                    /* the last one destroys it: nobody runs in it any more */
void spaces_init(void);
baryon_uid space_grave(void);                           /* of an empty space, for threads that end */
long space_reload(baryon_uid uid);                      /* 0 or a negated Strange error */

/* faults (fault.c). Resolve the fault and load the mapping. 0; -EFAULT: SIGSEGV, no region;
 * -EACCES: SIGSEGV, right missing; -EIO: SIGBUS, past the end of the file; -ENOMEM. */
int space_fault_in(struct space *space, uint64_t address, uint64_t access);
/* The same for the fault portal: when the mapping can be loaded by the call that resumes, it does not return. */
int space_fault_resume(struct space *space, uint64_t address, uint64_t access, bool may_resume);
/* The space's own page at an address that it may write, made if need be; 0: no memory, or not so. Of memory without a file, or
 * nothing holds it. */
page_index space_own_page(struct space *space, uint64_t address);
/* Writes into a space that nobody runs in, within one page; from null: zeros. 0, -ENOMEM: no memory, or it may not be written. */
int space_own_write(struct space *space, uint64_t address, const void *from, uint64_t bytes);
/* Changes a word of the program from *expected to `desired`, at once for all who see it; `address` is a multiple of four.
 * 0; 1: it was another, which is in *expected now; -EFAULT: it cannot be written. */
int space_word_exchange(struct space *space, uint64_t address, uint32_t *expected, uint32_t desired);
/* What names a word in all spaces that have it: of shared memory its file and place there, of other memory the space and the
 * address. 0; -EFAULT: nothing that may be read is mapped there. */
int space_word_place(struct space *space, uint64_t address, uint64_t *place, uint64_t *offset);

/* Makes a present page the space's own if others hold it too. 0, -ENOMEM. Needs the space's lock (fault.c). */
int slot_own(uint64_t *slot);

/* mapped.c: all spaces */
void space_enlist(struct space *space);
void space_delist(struct space *space);

/* mmap.c, inside UNIX. Unmapped at Strange, in pieces that it takes: 0, -ENOMEM */
int space_unload(struct space *space, uint64_t start, uint64_t end);
int space_map(struct space *space, const struct region *region, bool replace);
int space_unmap(struct space *space, uint64_t start, uint64_t end);
uint64_t rights_of(uint64_t protection);                /* RIGHT_*, of PROT_* */
/* Maps what `region` says of file, offset and flags, as mmap does with MAP_* `flags`, and fills in where. The address; -ENOMEM, and with
 * a place that is fixed -EINVAL, -EPERM, -EEXIST. Takes the lock. */
int64_t space_place(struct space *space, struct region *region, uint64_t hint, uint64_t bytes, uint64_t flags);

#endif
