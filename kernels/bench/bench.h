/* The bench: a kernel that measures Strange. Every row is told by a line "bench: NAME INSTRUCTIONS" on the early console; with
 * QEMU's instruction counter one tick of the time-stamp counter is one instruction. Where a loop of the bench's own goes
 * round a call, the same loop without the call is measured too, and taken off.
 *
 * On two processors only what goes across them is measured.
 *
 * One thread, the runner, does the rows one after the other; others run while it waits. */
#ifndef BENCH_H
#define BENCH_H

#include "abi/layout.h"
#include "abi/start.h"
#include "baryon/calls.h"
#include "baryon/format.h"
#include "baryon/homes.h"
#include "baryon/portal.h"

enum { ROUNDS = 1024 };
enum { PRIORITY_LOW = 8, PRIORITY_RUNNER = 10, PRIORITY_HIGH = 12 };

struct bench {
	const struct kernel_start *start;
	uint64_t base;              /* of the domain */
};

extern struct bench bench;

static inline uint64_t ticks(void)
{
	return __builtin_ia32_rdtsc();
}

/* main.c: a row; ticks of `rounds` rounds. */
void row(const char *name, uint64_t ticks, uint64_t rounds);
_Noreturn void bench_end(uint64_t status);
/* Ends the bench when a call that must succeed failed. */
void must(long result, const char *what);

/* objects.c: the bench's own objects. Numbers are those of uids. */
enum {
	NUMBER_PORTAL = NUMBER_FIRST_FREE, NUMBER_COPY_PORTAL, NUMBER_SERVICE_PORTAL,
	NUMBER_RUNNER = 128, NUMBER_OTHER, NUMBER_PROGRAM_THREAD, NUMBER_PROGRAM = 256, NUMBER_CONTAINER,
};
enum { HANDLE_EMPTY = HANDLE_FIRST_FREE, HANDLE_COPY, HANDLE_SERVICE, HANDLE_END, HANDLE_OWN, HANDLE_OWN_COPY, HANDLES };

static inline baryon_uid own_uid(uint64_t number)
{
	return UID_MAKE(bench.start->number, number);
}

void objects_start(void);
/* A reference of the bench's own domain. */
void reference_bind(uint32_t handle, const struct capability *capability);
struct reference_home *reference_home(uint32_t handle);
/* A thread of the bench's domain: `index` chooses its home and stacks. */
void worker_start(unsigned index, uint64_t number, void (*run)(void *), void *argument, uint32_t priority);
/* The thread may be one that still runs. */
void worker_end(uint64_t number);
struct thread_home *worker_home(unsigned index);
enum { WORKERS = 4 };

/* Memory of the bench's own container: page i and its address. */
enum { PAGE_CODE = 0, PAGE_SIGNAL = 1, PAGES_FIRST = GROUP_PAGES };
static inline uint8_t *memory_page(uint64_t i)
{
	return (uint8_t *)(bench.base + DOMAIN_MEMORY_OFFSET + i * PAGE_BYTES);
}

/* programs.c: one program space, and one thread in it. */
#define PROGRAM_CODE 0x400000ull
#define PROGRAM_DATA 0x10000000ull
void program_space_start(void);
void program_map(uint64_t address, uint64_t page, uint16_t rights, baryon_uid signal);

/* calls.c: binds the portals of the echo kernel, when it has exported them. */
void echo_bind(void);

/* The groups of rows. */
void rows_calls(void);
void rows_programs(void);
void rows_threads(void);
void rows_mappings(void);
void rows_objects(void);
void rows_across(void);         /* on two processors */

#endif
