/* A small native kernel beside UNIX: raw page groups under its own paging policy, and threads under its own scheduler. It
 * shows that both are ordinary user code, and measures that it keeps its share.
 *
 * Its programs are three counters, which its scheduler runs in turn by a ratio of 3:2:1, and a walker, which goes through
 * more pages than there are frames, in a circle. Threads: the first starts everything and measures; the scheduler thread
 * (number 6) switches the counters. Only the walker's thread runs in paging.c, but for paging_asked. With the setting side=deaf
 * it gives nothing back that it is asked for. */
#ifndef SIDE_H
#define SIDE_H

#include "abi/layout.h"
#include "abi/start.h"
#include "baryon/calls.h"
#include "baryon/homes.h"
#include "baryon/portal.h"

enum { NUMBER_SPACE = NUMBER_FIRST_FREE, NUMBER_WALK_CONTAINER = 80, NUMBER_THREADS = 128 };
enum { COUNTERS = 3, WALKER = COUNTERS, PROGRAMS = COUNTERS + 1, HANDLER_BYTES = 8192 };
enum { HANDLE_WALK = HANDLE_FIRST_FREE };
enum { PRIORITY_SCHEDULER = 18, PRIORITY_MAIN = 17, PRIORITY_PROGRAM = 12 };

/* Program addresses. */
#define CODE_ADDRESS 0x400000ull
#define COUNT_ADDRESS 0x600000ull
#define WALK_ADDRESS 0x10000000ull

enum { WALK_PAGES = 64, WALK_FRAMES = 48, GRANTS = 64 };

/* What the programs and the kernel share: at COUNT_ADDRESS, written by the programs. */
struct side_counts {
	volatile uint64_t counter[COUNTERS][8];
	volatile uint64_t passes;
	volatile uint64_t wrong;    /* words that were not what the walker wrote */
};

extern const struct kernel_start *side_start;
extern struct homes side_homes;

static inline baryon_uid side_uid(uint64_t number)
{
	return UID_MAKE(side_start->number, number);
}

void side_load(enum object_kind kind, void *home, uint64_t flags);

/* paging.c */
void paging_start(void);
/* Brings walk page `page` in. */
void paging_fault(uint64_t page);
/* The frame that holds walk page `index` is loaded again. 0 or a negated error. */
long paging_miss(uint64_t index);
extern uint64_t paging_faults;
/* Looks whether the SRM asks for page groups, or has taken some: called by the first thread. */
void paging_asked(void);

/* schedule.c */
extern struct thread_home side_threads[PROGRAMS];
void schedule_start(void);
/* Puts a displaced thread back. */
void schedule_reload(uint64_t home_address);

/* programs.c: code that is copied to CODE_ADDRESS and uses no data but its arguments. */
void program_count(volatile uint64_t *counter);
void program_walk(struct side_counts *counts);

#endif
