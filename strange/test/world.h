/* The kernels above Strange, played by a test: root with its handlers, and application kernels in domains of their own, each with
 * memory, portals and a first thread. Whatever Strange displaces is loaded again by these handlers from the homes that
 * world_load remembers, so that every test can run with caches of any size.
 *
 * A test is the code of whatever thread runs. world_call makes a call as that thread and returns its result; calls and faults of
 * handlers that this causes are played meanwhile. */
#ifndef STRANGE_TEST_WORLD_H
#define STRANGE_TEST_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "charm/host/machine.h"
#include "strange/state.h"

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			exit(1); \
		} \
	} while (0)

#define CHECK_IS(a, b) \
	do { \
		long check_a = (long)(a), check_b = (long)(b); \
		if (check_a != check_b) { \
			fprintf(stderr, "%s:%d: %s is %ld (%#lx), not %s\n", __FILE__, __LINE__, #a, check_a, \
				(unsigned long)check_a, #b); \
			exit(1); \
		} \
	} while (0)

/* world_call's answer when something else runs now: the caller waits, or a portal without a played handler was entered. */
#define WORLD_AWAY (-5000)

#define ROOT_THREAD UID_MAKE(KERNEL_NUMBER_ROOT, 6)
#define ROOT_SPACE_UID UID_MAKE(KERNEL_NUMBER_ROOT, 64)
#define ROOT_MEMORY UID_MAKE(KERNEL_NUMBER_ROOT, 65)

enum { WORLD_PAGES = 64, WORLD_STACK_BYTES = 1024 };
enum { ENTRY_TRAP = 0x100, ENTRY_FAULT = 0x200, ENTRY_EXCEPTION = 0x300, ENTRY_ALERT = 0x400, ENTRY_MISS = 0x500,
       ENTRY_SERVICE = 0x600, ENTRY_START = 0x700 };

struct world_kernel {
	uint32_t number;
	bool supervisor;
	uint64_t base;              /* of its domain */
	uint64_t memory;            /* where its memory container is mapped; page i at + i * PAGE_BYTES */
	uint64_t next;              /* first free byte of it */
	baryon_uid space, container, thread;
};

struct world {
	struct world_kernel root, kernel[8];
	unsigned kernels;
	uint32_t quiet;             /* number of a kernel whose handlers are not played */
	bool locked;                /* the kernels made from now on are locked with their domain, first thread and portals */
	unsigned locked_pages;      /* so many at the end of a kernel's memory are locked */
	unsigned stacks;            /* of root's and the kernels' fault and miss portals; 0: 4 and 2 */
	uint64_t next_frame;        /* that root gives to a kernel */
	uint64_t misses, faults;    /* that were played */
	void (*after_step)(void);   /* called after every entry into Strange */
};
extern struct world world;

/* Boot with those options of the command line (null: none); root runs, with its portals. */
void world_boot(const char *command_line, unsigned cpus);

/* As root: a kernel with a domain, WORLD_PAGES pages of memory and a first thread (kept by root, ready, priority 8) that starts at
 * ENTRY_START, references HANDLE_MEMORY to its memory. The kernel's portals are loaded by world_kernel_portals as that thread. */
struct world_kernel *world_kernel_make(uint32_t number, uint32_t rights, bool supervisor);
void world_kernel_portals(struct world_kernel *k);
/* Its home, to be filled before world_kernel_make; zeroed after. */
extern struct kernel_home world_kernel_home;

/* Make the thread the one that runs on this CPU: whoever runs parks. */
void world_run(baryon_uid thread);
/* Whoever runs parks until world_run names it. */
void world_park(void);
/* From outside: as if somebody had unparked it. */
void world_unpark(baryon_uid thread);
baryon_uid world_running(void);         /* 0: idle */

/* If a fault or miss handler was just entered, play it. */
bool world_play(void);

/* Memory of the kernel whose domain runs: `bytes`, aligned to them rounded up to a power of two. */
uint64_t world_memory(struct world_kernel *k, uint64_t bytes);
uint64_t world_pages(struct world_kernel *k, uint64_t pages);
/* Access as what runs now does it; faults are played. */
void world_write(uint64_t address, const void *from, uint64_t bytes);
void world_read(uint64_t address, void *to, uint64_t bytes);
/* The access faults and nobody played it. */
bool world_touch(uint64_t address, unsigned access);

/* A call of what runs now. */
long world_call6(uint64_t number, const uint64_t a[6]);
#define world_call(number, ...) world_call6(number, (const uint64_t[6]){ __VA_ARGS__ })
/* portal_call with words; the words that come back are in words. */
long world_portal_call(uint64_t handle, uint64_t blocks, uint64_t deadline, uint64_t words[8]);
void world_portal_return(const uint64_t words[8]);
void world_resume(void);
/* After WORLD_AWAY: the call's result, when that thread runs at that depth again. */
long world_result(void);
uint64_t *world_word(unsigned i);       /* register of word i, 0..7 */

/* object_load, remembered. index: of mappings and references, and pages; else 0. */
long world_load(unsigned kind, uint64_t home, unsigned flags);
void world_remember(struct world_kernel *keeper, unsigned kind, baryon_uid uid, uint64_t index, uint64_t home,
		    unsigned flags);
void world_forget(unsigned kind, baryon_uid uid, uint64_t index);
uint64_t world_home(unsigned kind, baryon_uid uid, uint64_t index);

/* Homes, written to fresh memory of k and loaded; the running thread belongs to k. */
baryon_uid world_space_load(struct world_kernel *k, uint64_t number, uint32_t flags, unsigned domain);
uint64_t world_thread_home(struct world_kernel *k, struct thread_home *h, baryon_uid uid, baryon_uid space,
			   uint64_t rip, unsigned priority);
baryon_uid world_thread_load(struct world_kernel *k, uint64_t number, baryon_uid space, uint64_t rip, unsigned priority);
baryon_uid world_portal_load(struct world_kernel *k, uint64_t number, uint64_t entry, unsigned stacks);
/* A reference to `kind` object `uid` of k's, in `space`, made and loaded by k's running thread. */
long world_reference_load(struct world_kernel *k, unsigned kind, baryon_uid uid, unsigned rights, uint64_t badge,
			  baryon_uid space, uint32_t handle);
/* The sealed reference, written but not loaded. */
uint64_t world_reference_home(struct world_kernel *k, unsigned kind, baryon_uid uid, unsigned rights, uint64_t badge,
			      baryon_uid space, uint32_t handle);
/* Loads a reference to portal `number` of `from` at a handle of `to`, which runs then: made there, carried as bytes. */
void world_portal_give(struct world_kernel *from, uint64_t number, uint64_t badge, struct world_kernel *to, uint32_t handle);
/* Map page `index` of k's memory at `address` of its own space `uid`. */
long world_map(struct world_kernel *k, baryon_uid space, uint64_t address, uint64_t index, unsigned rights, unsigned flags);

/* Strange's slot, or null. */
struct slot *world_slot(unsigned kind, baryon_uid uid);
struct thread *world_thread(baryon_uid uid);

#endif
