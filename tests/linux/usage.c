/* What is used of processors and memory, and what limits do. */
#include "try.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>

static long used_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static volatile unsigned long counted;

static void compute(long ms)
{
	long end = used_ms() + ms;

	do
		for (int i = 0; i < 100000; i++)
			counted++;
	while (used_ms() < end);
}

/* Until it is so, but not for ever. Linux counts what limits and timers go by in ticks, and tells by the exact time what was used. */
#define COMPUTE_UNTIL(so) \
	for (int i_ = 0; i_ < 1000 && !(so); i_++) \
		compute(20)

/* In the system nearly all the time. */
static void ask(long ms)
{
	static char large[1 << 18];
	int fd = open("/dev/zero", O_RDONLY);
	long end = used_ms() + ms;

	do
		for (int i = 0; i < 20; i++)
			read(fd, large, sizeof large);
	while (used_ms() < end);
	close(fd);
}

static long ms_of(struct timeval time)
{
	return time.tv_sec * 1000 + time.tv_usec / 1000;
}

static void halves_said(const char *what, int who)
{
	struct rusage usage;

	getrusage(who, &usage);
	SAY("%s: mostly %s", what, ms_of(usage.ru_utime) > 2 * ms_of(usage.ru_stime) ? "its own" :
		ms_of(usage.ru_stime) > 2 * ms_of(usage.ru_utime) ? "the system's" : "both");
}

/* Linux counts pages for each processor by itself: a part of a megabyte may not be in the sum yet. */
static void halves(void)
{
	struct rusage before, after, children;
	struct tms times_used;
	long sleeps, slept;

	SAY("-- the program's time and the system's");
	CHILD("computes", compute(400); halves_said("computes", RUSAGE_SELF));
	halves_said("children", RUSAGE_CHILDREN);
	CHILD("asks", ask(600); halves_said("asks", RUSAGE_SELF));
	times(&times_used);
	SAY("both kinds of children: %d %d", times_used.tms_cutime >= 20, times_used.tms_cstime >= 20);
	/* A sleep that is over before its thread has left the processor is not counted. */
	getrusage(RUSAGE_SELF, &before);
	for (sleeps = 0, slept = 0; slept < 20 && sleeps < 1000; sleeps++) {
		pause_ms(1);
		getrusage(RUSAGE_SELF, &after);
		slept = after.ru_nvcsw - before.ru_nvcsw;
	}
	SAY("sleeps are counted: %d %d", slept >= 20, slept < 20 + sleeps);
	char *at = mmap(0, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(at, 1, 8 << 20);
	munmap(at, 8 << 20);
	getrusage(RUSAGE_SELF, &before);
	SAY("most memory: %d", before.ru_maxrss >= 7 << 10);
	SAY("faults: %d %ld", before.ru_minflt > after.ru_minflt, before.ru_nswap);
	CHILD("more memory", at = mmap(0, 32 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); memset(at, 1, 32 << 20));
	getrusage(RUSAGE_CHILDREN, &children);
	SAY("most memory of children: %d", children.ru_maxrss >= 31 << 10 && children.ru_maxrss < 64 << 10);
	getrusage(RUSAGE_SELF, &after);
	SAY("not of the parent: %d", after.ru_maxrss < 31 << 10);
}

static volatile int virtual_fired, profile_fired;

static void timer_fired(int number)
{
	if (number == SIGVTALRM)
		virtual_fired++;
	else
		profile_fired++;
}

static void interval_timers(void)
{
	struct itimerval soon = {{0, 50000}, {0, 50000}}, none = {{0, 0}, {0, 0}};

	SAY("-- timers of the program's time, and of both");
	signal(SIGVTALRM, timer_fired);
	signal(SIGPROF, timer_fired);
	setitimer(ITIMER_VIRTUAL, &soon, 0);
	setitimer(ITIMER_PROF, &soon, 0);
	COMPUTE_UNTIL(virtual_fired > 2 && profile_fired > 2);
	SAY("computing: %d %d", virtual_fired > 2, profile_fired > 2);
	setitimer(ITIMER_VIRTUAL, &soon, 0);
	virtual_fired = profile_fired = 0;
	for (int i = 0; i < 1000 && profile_fired < 10; i++)
		ask(50);
	SAY("asking: %d %d", virtual_fired > 4, profile_fired >= 10);
	setitimer(ITIMER_VIRTUAL, &none, 0);
	setitimer(ITIMER_PROF, &none, 0);
}

static volatile int warned;

static void limit_warned(int number)
{
	(void)number;
	warned++;
}

static void processor_limit(void)
{
	struct rlimit limit = {1, 3};

	SAY("-- a limit on processors' time");
	CHILD("no handler", setrlimit(RLIMIT_CPU, &limit); COMPUTE_UNTIL(0));
	CHILD("a handler", signal(SIGXCPU, limit_warned); setrlimit(RLIMIT_CPU, &limit); COMPUTE_UNTIL(warned == 1); SAY("%d", used_ms() >= 800);
		COMPUTE_UNTIL(warned == 2); SAY("%d", used_ms() >= 1600); getrlimit(RLIMIT_CPU, &limit);
		SAY("%lu %lu", limit.rlim_cur, limit.rlim_max); COMPUTE_UNTIL(0));
	limit = (struct rlimit){1, RLIM_INFINITY};
	CHILD("its parent", setrlimit(RLIMIT_CPU, &limit); CHILD("inherited", COMPUTE_UNTIL(0)));
	CHILD("none", compute(1200));
}

/* Larger than what this program says: that may go to a file. */
static void file_limit(void)
{
	struct rlimit limit = {1000000, 2000000};
	int fd = open("large", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char block[300] = {0};

	SAY("-- a limit on files");
	CHILD("default", setrlimit(RLIMIT_FSIZE, &limit); TRY(pwrite(fd, block, 300, 999900)); TRY(pwrite(fd, block, 1, 1000000)));
	signal(SIGXFSZ, limit_warned);
	CHILD("handled", setrlimit(RLIMIT_FSIZE, &limit); warned = 0; TRY(pwrite(fd, block, 300, 999950));
		TRY(pwrite(fd, block, 1, 1000000)); SAY("%d", warned); TRY(ftruncate(fd, 1000001)); SAY("%d", warned);
		TRY(ftruncate(fd, 99)); TRY(pwrite(fd, block, 0, 3000000)));
	signal(SIGXFSZ, SIG_IGN);
	CHILD("ignored", setrlimit(RLIMIT_FSIZE, &limit); TRY(pwrite(fd, block, 1, 1000000)));
	signal(SIGXFSZ, SIG_DFL);
	close(fd);
	unlink("large");
}

static void memory_limits(void)
{
	struct rlimit limit = {64 << 20, 64 << 20};
	struct rlimit none = {4096, RLIM_INFINITY};

	SAY("-- limits on memory");
	CHILD("address space", setrlimit(RLIMIT_AS, &limit);
		SAY("%d", mmap(0, 80 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED); SAY("%s", strerrorname_np(errno));
		SAY("%d", mmap(0, 16 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED));
	CHILD("data", setrlimit(RLIMIT_DATA, &none); SAY("%d", sbrk(1 << 20) == (void *)-1); SAY("%s", strerrorname_np(errno));
		SAY("%d", mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
		SAY("%d", mmap(0, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
		SAY("%d", mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED));
	TRY(prlimit(1, RLIMIT_NOFILE, 0, &limit) == 0 || errno == EPERM);
	limit = (struct rlimit){3, 4};
	CHILD("descriptors", setrlimit(RLIMIT_NOFILE, &limit); TRY(dup(0)); TRY(dup2(0, 3)); TRY(fcntl(0, F_DUPFD, 3)); TRY(fcntl(0, F_DUPFD, 2)));
}

/* What two that compute on one processor share; `rounds` is how far each has come. */
static struct turns {
	volatile unsigned long rounds[2];
	volatile int ready, over;
} *turn;

static void turn_begin(void)
{
	__atomic_fetch_add(&turn->ready, 1, __ATOMIC_SEQ_CST);
	while (turn->ready < 2)
		sched_yield();
}

static void turn_nice(void)
{
	nice(19);
	turn_begin();
	while (!turn->over) {
		compute(0);
		turn->rounds[1]++;
	}
}

/* Over are the turns when the nice one came less than a third as far for a while. A host that gives this machine its processors in
 * small pieces can spoil many a while, for then each piece is a turn. */
static void turn_other(void)
{
	unsigned long mine = 0, nices = 0;
	int so = 0;

	turn_begin();
	for (int i = 0; i < 60 && !(so && turn->rounds[1] > 0); i++) {
		mine = turn->rounds[0], nices = turn->rounds[1];
		for (long end = used_ms() + 200; used_ms() < end;) {
			compute(0);
			turn->rounds[0]++;
		}
		so |= (turn->rounds[1] - nices) * 3 < turn->rounds[0] - mine;
	}
	turn->over = 1;
	SAY("the nice one had less than a third: %d", so);
	SAY("and something: %d", turn->rounds[1] > 0);
}

static void turns(void)
{
	cpu_set_t set, one;
	int cpu = 0;

	SAY("-- nice values");
	turn = mmap(0, sizeof *turn, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sched_getaffinity(0, sizeof set, &set);
	while (!CPU_ISSET(cpu, &set))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof one, &one);
	for (int i = 0; i < 2; i++) {
		if (fork() == 0) {
			i ? turn_nice() : turn_other();
			_exit(0);
		}
	}
	while (wait(0) > 0)
		;
	sched_setaffinity(0, sizeof set, &set);
}

static volatile int fired[2];

static void fire(int number, siginfo_t *info, void *context)
{
	(void)number, (void)context;
	fired[info->si_int]++;
}

static timer_t timer_make(clockid_t clock, int value)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = value};
	timer_t timer = 0;

	TRY(timer_create(clock, &event, &timer));
	return timer;
}

static volatile pid_t worker;

static void *work(void *barrier)
{
	worker = gettid();
	pthread_barrier_wait(barrier);
	pthread_barrier_wait(barrier);
	COMPUTE_UNTIL(fired[1]);
	return 0;
}

/* Timers on what one thread uses: of the one that computes they fire, of the other not. */
static void timers_of_threads(void)
{
	struct sigaction action = {.sa_sigaction = fire, .sa_flags = SA_SIGINFO | SA_RESTART};
	struct itimerspec soon = {{0, 0}, {0, 40000000}}, later = {{0, 0}, {0, 500000000}}, left;
	pthread_barrier_t barrier;
	pthread_t thread;
	clockid_t clock;
	timer_t mine, other;

	SAY("-- timers of threads");
	sigaction(SIGUSR1, &action, 0);
	pthread_barrier_init(&barrier, 0, 2);
	pthread_create(&thread, 0, work, &barrier);
	pthread_barrier_wait(&barrier);
	mine = timer_make(CLOCK_THREAD_CPUTIME_ID, 0);
	pthread_getcpuclockid(thread, &clock);
	other = timer_make(clock, 1);
	TRY(timer_settime(mine, 0, &later, 0));
	TRY(timer_settime(other, 0, &soon, 0));
	pthread_barrier_wait(&barrier);
	pthread_join(thread, 0);
	SAY("%d %d", fired[0], fired[1]);
	TRY(timer_gettime(mine, &left));
	SAY("%d", left.it_value.tv_nsec > 0);
	COMPUTE_UNTIL(fired[0]);
	SAY("%d", fired[0]);
	TRY(timer_delete(mine));
	/* Its thread has ended: it shows nothing and is not set. */
	while (syscall(SYS_tgkill, getpid(), worker, 0) == 0)
		pause_ms(1);
	soon.it_interval.tv_sec = 1;
	TRY(timer_settime(other, 0, &soon, 0));
	left.it_value.tv_nsec = left.it_interval.tv_sec = 5;
	TRY(timer_gettime(other, &left));
	SAY("%ld %ld %ld", (long)left.it_value.tv_sec, left.it_value.tv_nsec, left.it_interval.tv_sec);
	TRY(timer_settime(other, 0, &soon, &left));
	soon.it_value.tv_nsec = 1000000000;
	TRY(timer_settime(other, 0, &soon, 0));
	soon = (struct itimerspec){0};
	TRY(timer_settime(other, TIMER_ABSTIME, &soon, 0));
	TRY(timer_getoverrun(other));
	TRY(timer_delete(other));
}

int main(void)
{
	halves();
	CHILD("timers", interval_timers());
	processor_limit();
	file_limit();
	memory_limits();
	turns();
	timers_of_threads();
	return 0;
}
