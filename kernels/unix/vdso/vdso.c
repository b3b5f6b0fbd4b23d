/* The vDSO: a shared object that UNIX puts into every program, with calls that ask for the time or the processor and need no
 * system call (vdso(7)). It runs as part of the program, on its stack, with its registers, and knows nothing but the page of data
 * before it. What it cannot answer, or not just now, it asks UNIX with the system call of that name, which gives the same clock.
 *
 * It fills one page with its tables, has no data of its own and needs no relocation. A bad address of the program's is a fault of
 * the program's, and no EFAULT. */
#include "baryon/x86_64/program.h"
#include "linux.h"
#include "vdso/data.h"

#define EXPORTED __attribute__((visibility("default")))

enum { CALL_GETTIMEOFDAY = 96, CALL_TIME = 201, CALL_CLOCK_GETTIME = 228, CALL_CLOCK_GETRES = 229 };
enum {
	CLOCKS_WALL = 1 << CLOCK_REALTIME | 1 << CLOCK_REALTIME_COARSE | 1 << CLOCK_TAI,
	CLOCKS_MONOTONIC = 1 << CLOCK_MONOTONIC | 1 << CLOCK_MONOTONIC_RAW | 1 << CLOCK_MONOTONIC_COARSE | 1 << CLOCK_BOOTTIME,
};

extern const volatile struct vdso_data vdso_data __attribute__((visibility("hidden")));     /* vdso.lds: the page before */

static bool clock_is_of(int32_t clock, unsigned set)
{
	return (uint32_t)clock <= CLOCK_TAI && set >> clock & 1;
}

/* ns on the wall clock or the monotonic one. False: they are being changed. */
static inline bool clock_read(bool wall, uint64_t *ns)
{
	uint32_t sequence = __atomic_load_n(&vdso_data.sequence, __ATOMIC_ACQUIRE);
	uint64_t ticks = program_cycles() - vdso_data.tsc_at_zero;

	*ns = (uint64_t)(((unsigned __int128)ticks * vdso_data.multiplier) >> 32) + vdso_data.monotonic_ns;
	if (wall)
		*ns += vdso_data.wall_ns;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return !(sequence & 1) && vdso_data.sequence == sequence;
}

EXPORTED int __vdso_clock_gettime(int32_t clock, struct linux_timespec *time)
{
	bool wall = clock_is_of(clock, CLOCKS_WALL);
	uint64_t ns;

	if (!(wall || clock_is_of(clock, CLOCKS_MONOTONIC)) || !clock_read(wall, &ns))
		return (int)program_call(CALL_CLOCK_GETTIME, clock, (long)time);
	time->seconds = (int64_t)(ns / SECOND_NS);
	time->nanoseconds = (int64_t)(ns % SECOND_NS);
	return 0;
}

EXPORTED int __vdso_gettimeofday(struct linux_timeval *time, int32_t *zone)
{
	uint64_t ns;

	if (!clock_read(true, &ns))
		return (int)program_call(CALL_GETTIMEOFDAY, (long)time, (long)zone);
	if (time != NULL) {
		time->seconds = (int64_t)(ns / SECOND_NS);
		time->microseconds = (int64_t)(ns % SECOND_NS / MICROSECOND_NS);
	}
	if (zone != NULL) {
		zone[0] = vdso_data.zone[0];
		zone[1] = vdso_data.zone[1];
	}
	return 0;
}

EXPORTED int64_t __vdso_time(int64_t *seconds)
{
	uint64_t ns;

	if (!clock_read(true, &ns))
		return program_call(CALL_TIME, (long)seconds, 0);
	if (seconds != NULL)
		*seconds = (int64_t)(ns / SECOND_NS);
	return (int64_t)(ns / SECOND_NS);
}

EXPORTED int __vdso_clock_getres(int32_t clock, struct linux_timespec *resolution)
{
	if (!clock_is_of(clock, CLOCKS_WALL | CLOCKS_MONOTONIC))
		return (int)program_call(CALL_CLOCK_GETRES, clock, (long)resolution);
	if (resolution != NULL)
		*resolution = (struct linux_timespec) { 0, 1 };
	return 0;
}

/* Charm numbers the processors where the instruction finds it. There is one node. */
EXPORTED long __vdso_getcpu(uint32_t *processor, uint32_t *node, void *unused)
{
	uint32_t number;

	(void)unused;
	(void)__builtin_ia32_rdtscp(&number);
	if (processor != NULL)
		*processor = number;
	if (node != NULL)
		*node = 0;
	return 0;
}
