/* What stands in for the process half and Strange when the files half is tested on the host: threads of the host with a
 * process each, pages and records from an arena that AddressSanitizer watches, programs' memory that is the host's own. */
#ifndef FILE_FAKE_H
#define FILE_FAKE_H

#include "file/terminal.h"
#include "file/rootfs.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)
#define CHECK_IS(value, expected) \
	do { \
		int64_t is_ = (int64_t)(value), wanted_ = (int64_t)(expected); \
		if (is_ != wanted_) { \
			fprintf(stderr, "%s:%d: %s is %ld, not %ld\n", __FILE__, __LINE__, #value, (long)is_, (long)wanted_); \
			abort(); \
		} \
	} while (0)

/* Starts everything; the calling thread becomes the one thread of the first process. */
void fake_start(void);
/* Makes the calling host thread a thread of a new process with copies of the files and place of another. */
struct process *fake_process(struct process *like);
struct process *fake_process_first(void);
/* A new tree from the modules as they are now, for the first process; the old one is left behind. */
void fake_tree_again(void);
void fake_process_end(void);                    /* the calling thread's process */
uint64_t fake_signals(void);                    /* bits of signals sent to anybody since the last call */
void fake_interrupt(struct process *process, bool pending);     /* signal_is_pending of its threads */
void fake_module(const char *name, const void *bytes, uint64_t count);
void fake_setting(const char *key, const char *value);
extern uint64_t fake_bad_from, fake_bad_to;     /* program addresses that fault */
extern uint64_t fake_good_from, fake_good_to;   /* when set: only these do not */
extern int64_t fake_pages_left;                 /* page_alloc fails at 0; negative: plenty */
extern int64_t fake_heap_left;
int64_t fake_pages_used(void);
int64_t fake_heap_used(void);
extern struct console_channel fake_console;

/* System calls with fewer arguments. */
#define CALL6(name, a, b, c, d, e, f, ...) \
	sys_##name((uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e), (uint64_t)(f))
#define DO(name, ...) CALL6(name, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)

/* ---- a small root file system ---- */
struct fake_node {
	const char *path;           /* "/a/b"; parents first */
	uint32_t mode;
	const char *contents;       /* of a file, or a link's target */
	uint64_t bytes;             /* 0: strlen(contents) */
	const char *same_as;        /* another path: a hard link */
	uint32_t uid;
};
/* Builds an image; the caller frees it. */
char *fake_rootfs(const struct fake_node *nodes, unsigned count, uint64_t *bytes);

#endif
