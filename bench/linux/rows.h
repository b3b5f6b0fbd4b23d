/* What the measured program's parts share. A row measures one thing and says it with `tell`; what it counts lies between
 * `begin` and `end`, which the plugin bench/count sees too. */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#define _GNU_SOURCE
#include "mark.h"
#include <stdint.h>

enum { MANY = 1000, SOME = 200, FEW = 50, PAGE = 4096, WARM = 8 };

struct row {
	const char *name;
	void (*run)(const char *name);
};

/* Each ends with an empty row. */
extern const struct row rows_of_calls[], rows_of_memory[], rows_of_files[], rows_of_processes[], rows_of_programs[];

static inline uint64_t ticks(void)
{
	return __builtin_ia32_rdtsc();
}

static inline uint64_t begin(void)
{
	mark(MARK_BEGIN);
	return ticks();
}

static inline uint64_t end(void)
{
	uint64_t now = ticks();

	mark(MARK_END);
	return now;
}

/* Ends the program with a line on standard output. */
_Noreturn void fail(const char *what);

/* The result of a system call that must not fail. */
void must(long result, const char *what);

/* Says what one of `rounds` rounds took, rounded. */
void tell(const char *name, uint64_t total, uint64_t rounds);

/* A row whose round is one function without arguments. */
void time_calls(const char *name, void (*round)(void), unsigned rounds);

/* Zeroed memory of `bytes` bytes that is shared with later children. */
volatile void *shared_memory(unsigned long bytes);

/* Ends a child and waits until it has ended. */
void end_child(int child);

/* The path of this program. */
extern const char *self;

/* Rounds that the rows in time do as well. */
void round_getpid(void), round_read(void), round_stat(void), round_map_touch(void), round_fork(void);

/* One round trip by futex: who asks wakes the one who answers, and waits for it. Between `futex_open` and `futex_close`. */
void futex_open(void), futex_ask(void), futex_answer(void), futex_close(void);

/* Makes the files that the programs work on. */
void programs_prepare(void);

/* Runs one of the rows of programs: its status as `waitpid` gives it. */
int program_run(const char *name);

/* Reads names of rows in time from standard input, a line each, does a slice of each and says what a round took: "time: NAME
 * NANOSECONDS", 0 if that failed; "ready" before the first. Ends at "end". */
void times_serve(void);

#endif
