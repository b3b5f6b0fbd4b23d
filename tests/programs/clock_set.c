/* The clock of the day is set forward, over and over, while all processors read it, by the call and by the C library's function, which
 * makes none: nobody sees an earlier time than somebody saw before. Then it is set back, and both say so at once. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "need.h"

enum { THREADS = 4, READS = 40000, SETS = 300, STEP = 1000 };

static int64_t latest;
static int ended;

static int64_t seconds_ns(const struct timespec *time)
{
	return time->tv_sec * 1000000000 + time->tv_nsec;
}

static int64_t now_ns(int call)
{
	struct timespec time;

	NEED((call ? (int)syscall(SYS_clock_gettime, CLOCK_REALTIME, &time) : clock_gettime(CLOCK_REALTIME, &time)) == 0);
	return seconds_ns(&time);
}

static void *watch(void *unused)
{
	for (int i = 0; i < READS || !__atomic_load_n(&ended, __ATOMIC_RELAXED); i++) {
		int64_t seen = __atomic_load_n(&latest, __ATOMIC_SEQ_CST), now = now_ns(i & 1);

		NEED(now >= seen);
		while (seen < now && !__atomic_compare_exchange_n(&latest, &seen, now, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			;
	}
	return unused;
}

static void set(int64_t ns)
{
	const struct timespec time = {ns / 1000000000, ns % 1000000000};

	NEED(clock_settime(CLOCK_REALTIME, &time) == 0);
}

static void zones(void)
{
	struct timezone zone = {60, 1}, kept = {0, 0};
	struct timeval time;

	NEED(settimeofday(NULL, &zone) == 0);
	NEED(syscall(SYS_gettimeofday, &time, &kept) == 0 && kept.tz_minuteswest == 60 && kept.tz_dsttime == 1);
}

int main(void)
{
	pthread_t threads[THREADS];
	int64_t start;

	for (int i = 0; i < THREADS; i++)
		NEED(pthread_create(&threads[i], NULL, watch, NULL) == 0);
	for (int i = 0; i < SETS; i++)
		set(now_ns(0) + STEP * 1000000000ll);
	__atomic_store_n(&ended, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < THREADS; i++)
		NEED(pthread_join(threads[i], NULL) == 0);
	start = now_ns(1);
	set(start - SETS * STEP * 1000000000ll);
	NEED(now_ns(0) < start && now_ns(1) < start && now_ns(0) <= now_ns(1) && time(NULL) <= start / 1000000000);
	zones();
	printf("set\n");
	return 0;
}
