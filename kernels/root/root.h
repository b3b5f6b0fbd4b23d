/* Root: the first application kernel. It owns every frame, keeps the homes of the SRM, is the manager of all containers until
 * there is a store, and drives the console. Small, locked, and never waits for a kernel above it.
 *
 * Threads: root's first thread starts everything and then only reloads what was displaced; the console thread drives the
 * console. Everything else runs in callers' threads. The service has one pool stack, so that one call at a time is in it, and it
 * alone changes tables. Misses and faults have a stack for each processor: they read, without locks, what is published by a
 * count or by a record's frame. A thread that is unloaded in there gives its stack back, so none could hold a lock. */
#ifndef ROOT_H
#define ROOT_H

#include "abi/boot.h"
#include "abi/console.h"
#include "abi/layout.h"
#include "abi/start.h"
#include "baryon/calls.h"
#include "baryon/domain.h"
#include "baryon/homes.h"
#include "baryon/portal.h"

/* Numbers of root's objects; those up to NUMBER_SCHEDULER are in abi/start.h. Strange makes the first two. */
enum root_number {
	NUMBER_SPACE = 64,
	NUMBER_MEMORY,              /* root's own memory */
	NUMBER_BOOT_IMAGE,
	NUMBER_SRM_SPACE,
	NUMBER_SRM_MEMORY,
	NUMBER_SRM_THREAD,
	NUMBER_CONSOLE,
	NUMBER_CONSOLE_THREAD,
	NUMBER_SERVICE,
	NUMBER_SCRUB,               /* where page groups are cleared before they are given away */
	NUMBER_CONTAINERS = 1024,   /* those made for the SRM */
};

#define ROOT_UID(number) UID_MAKE(KERNEL_NUMBER_ROOT, number)

enum { DOMAIN_ROOT = 1, DOMAIN_SRM = 2, ROOT_STACK_BYTES = 4096 };

/* Root's own handles. */
enum root_handle {
	ROOT_HANDLE_BOOT_IMAGE = 2,
	ROOT_HANDLE_CONSOLE,
	ROOT_HANDLE_SRM_MEMORY,
};

enum { PRIORITY_ROOT = 31, PRIORITY_CONSOLE = 30, PRIORITY_SRM = 29 };

extern struct homes root_homes;
extern struct domain root_domain, srm_domain;

/* homes.c: every load says what failed and stops root. */
void root_load(enum object_kind kind, void *home, uint64_t flags);
void root_container_load(struct container_home *home, uint64_t number, uint64_t pages);
/* stacks: `count` of ROOT_STACK_BYTES. */
void root_portal_load(uint64_t number, const char *entry, void *cookie, void *stacks, uint32_t count,
	struct activation_record *records);
void root_capability(enum object_kind kind, uint64_t number, uint64_t rights, struct capability *out);
long root_reference_load(const struct capability *capability, baryon_uid space, uint32_t handle);
/* A reference of (space, handle) is missed: 0 or a negated error. */
long root_reference_miss(baryon_uid space, uint64_t handle);

/* report.c: a line on the log about what is loaded. */
void report_at_end(void);

/* memory.c */
void memory_start(const struct root_start *start);
/* The frames become page groups. */
void memory_groups_start(void);
uint64_t memory_free_groups(void);
/* A container with room for page groups that read zero; the first `backed` have memory. EQUOTA, EFULL. */
long memory_container_make(uint64_t number, uint64_t room, uint64_t backed, uint32_t page_flags);
long memory_container_clear(baryon_uid uid);
/* As root's operations of the same names (baryon/root.h). */
long memory_container_grow(baryon_uid uid, uint64_t wanted, uint64_t *first, uint64_t *count);
long memory_container_shrink(baryon_uid uid, uint64_t first, uint64_t count, uint64_t *had);
long memory_container_last(baryon_uid uid, uint64_t wanted, uint64_t *first, uint64_t *count);
long memory_groups_grant(uint64_t count, uint64_t *first);
long memory_groups_return(uint64_t first, uint64_t count);
/* The frame of the container's first page; 0: there is none. */
uint64_t memory_container_frame(baryon_uid uid);
/* The boot image keeps its frames, so its pages in its container are as far beyond a group's first as they are in memory: this is the
 * first one. */
static inline uint64_t memory_image_first(const struct root_start *start)
{
	return start->image_frame % GROUP_PAGES;
}
void memory_image_start(const struct root_start *start);
long memory_miss(baryon_uid container, uint64_t index);
/* Root's own locked memory, zeroed, or null. */
void *memory_heap(uint64_t bytes);
/* Whole pages of it, whose frames lie in a row from *frame on. */
void *memory_heap_pages(uint64_t pages, uint64_t *frame);

/* srm.c */
void srm_start(const struct root_start *start, const struct image_header *image);

/* console.c */
void console_start(void);
/* Ends the machine after what is in the output ring is out. Does not return. */
_Noreturn void console_power_off(uint64_t status);

/* service.c */
void service_start(void);

/* main.c */
extern const struct root_start *root_info;

#endif
