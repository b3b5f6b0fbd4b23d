/* Filling home records, and tables of them that answer misses. */
#ifndef BARYON_HOMES_H
#define BARYON_HOMES_H

#include "abi/errors.h"
#include "abi/home.h"

/* Zeroes the record and fills its header. */
void home_start(void *home, size_t bytes, enum object_kind kind, baryon_uid uid);

struct thread_start {
	baryon_uid uid;
	baryon_uid space;           /* where its base runs */
	uint64_t entry, stack_top;  /* stack_top: a multiple of 16 */
	uint64_t argument, argument2; /* rdi, rsi */
	baryon_uid handler_space;
	uint64_t handler_top;
	uint64_t cookie;
	uint32_t priority;
	bool supervisor;            /* its base runs in ring 0 */
};

/* A runnable thread, bound to no CPU. */
void thread_home_start(struct thread_home *home, const struct thread_start *start);

struct portal_start {
	baryon_uid uid;
	baryon_uid space;
	const char *entry;
	uint64_t cookie;
	void *stacks;               /* stack_count times stack_bytes; null when there are none */
	uint64_t stack_bytes;
	uint32_t stack_count;
	struct activation_record *records; /* of the stacks, in one page */
};

void portal_home_start(struct portal_home *home, const struct portal_start *start);

/* A table of homes, of any kinds except page, mapping and reference, that its kernel keeps. Entries are only added. */
struct homes_entry {
	enum object_kind kind;
	uint64_t flags;             /* LOAD_* for each load */
	void *home;
};

struct homes {
	struct homes_entry *entries;
	uint32_t count;
	uint32_t room;
};

/* Adds and loads a home. Returns 0, -BARYON_EFULL or the load's error. */
long homes_load(struct homes *homes, enum object_kind kind, void *home, uint64_t flags);

/* The home of (kind, uid), or null. */
struct homes_entry *homes_find(const struct homes *homes, enum object_kind kind, baryon_uid uid);

/* Loads every home that is not loaded, in the order in which they were added: after everything was forgotten. Returns 0 or
 * the first error. */
long homes_reload(const struct homes *homes);

/* Answers a miss: loads the object again. Returns 0 (also when another thread did it first) or a negated error. */
long homes_miss(const struct homes *homes, enum object_kind kind, baryon_uid uid);

/* What a miss portal answers when this came of loading what was missed. Another processor has loaded it or does so just now, or still
 * unloads what was there: then nothing is wrong, and whoever missed it tries again. */
static inline long miss_result(long loaded)
{
	return loaded < 0 && loaded != -BARYON_EEXIST && loaded != -BARYON_EBUSY ? loaded : 0;
}

#endif
