/* What system calls of Linux cost, in ticks of the time-stamp counter: with QEMU's instruction counter, instructions. One static
 * program, run unchanged on Baryon and on Linux; as the first process of a Linux kernel it ends by power-off.
 * Every row is a line "rows: NAME TICKS" on standard output. `rows NAME...` does only these. Rows that begin with "time_" are done
 * only when named (as first process: when ROWS_TIME is set): wall-clock nanoseconds a round, of several processes together. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MANY = 1000, SOME = 200, FEW = 50, PAGE = 4096, REGION_PAGES = 256, WARM = 8 };

static const char *self = "/proc/self/exe";

static inline uint64_t ticks(void)
{
	return __builtin_ia32_rdtsc();
}

static _Noreturn void fail(const char *what)
{
	printf("rows failed: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void must(long result, const char *what)
{
	if (result < 0)
		fail(what);
}

static void tell(const char *name, uint64_t total, uint64_t rounds)
{
	printf("rows: %s %llu\n", name, (unsigned long long)((total + rounds / 2) / rounds));
	fflush(stdout);
}

/* A row whose round is one function without arguments. */
static void time_calls(const char *name, void (*round)(void), unsigned rounds)
{
	uint64_t start;

	for (unsigned i = 0; i < WARM; i++)
		round();
	start = ticks();
	for (unsigned i = 0; i < rounds; i++)
		round();
	tell(name, ticks() - start, rounds);
}

/* small calls */

static int zero, null, file;
static char byte;

static void round_unknown(void) { syscall(999); }
static void round_getpid(void) { syscall(SYS_getpid); }
static void round_getppid(void) { syscall(SYS_getppid); }
static void round_read(void) { must(read(zero, &byte, 1), "read"); }
static void round_write(void) { must(write(null, &byte, 1), "write"); }

static void round_open(void)
{
	int fd = open("/dev/null", O_RDONLY);

	must(fd, "open");
	close(fd);
}

static void round_stat(void)
{
	struct stat status;

	must(stat("/dev/null", &status), "stat");
}

static void round_fstat(void)
{
	struct stat status;

	must(syscall(SYS_fstat, null, &status), "fstat");
}

static void row_unknown(const char *name) { time_calls(name, round_unknown, MANY); }
static void row_getpid(const char *name) { time_calls(name, round_getpid, MANY); }
static void row_getppid(const char *name) { time_calls(name, round_getppid, MANY); }
static void row_read(const char *name) { time_calls(name, round_read, MANY); }
static void row_write(const char *name) { time_calls(name, round_write, MANY); }
static void row_open(const char *name) { time_calls(name, round_open, MANY); }
static void row_stat(const char *name) { time_calls(name, round_stat, MANY); }
static void row_fstat(const char *name) { time_calls(name, round_fstat, MANY); }

/* processes that talk */

static void both_ways(int in, int out, unsigned rounds, int first)
{
	char text = 0;

	for (unsigned i = 0; i < rounds; i++) {
		if (first)
			must(write(out, &text, 1), "write to a pipe");
		must(read(in, &text, 1), "read from a pipe");
		if (!first)
			must(write(out, &text, 1), "write to a pipe");
	}
}

static void row_pipe(const char *name)
{
	int to[2], back[2];
	uint64_t start;
	pid_t child;

	must(pipe(to), "pipe");
	must(pipe(back), "pipe");
	child = fork();
	must(child, "fork");
	if (child == 0) {
		both_ways(to[0], back[1], MANY + WARM, 0);
		_exit(0);
	}
	both_ways(back[0], to[1], WARM, 1);
	start = ticks();
	both_ways(back[0], to[1], MANY, 1);
	tell(name, ticks() - start, MANY);
	must(waitpid(child, NULL, 0), "waitpid");
	close(to[0]), close(to[1]), close(back[0]), close(back[1]);
}

/* Two processes yield to each other: each of the parent's calls is two switches. */
static void row_yield(const char *name)
{
	volatile uint32_t *turns = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t start, total;
	uint32_t before;
	pid_t child;

	if (turns == MAP_FAILED)
		fail("shared memory");
	child = fork();
	must(child, "fork");
	if (child == 0)
		for (;;) {
			turns[0]++;
			sched_yield();
		}
	while (turns[0] < WARM)
		sched_yield();
	before = turns[0];
	start = ticks();
	for (unsigned i = 0; i < MANY; i++)
		sched_yield();
	total = ticks() - start;
	tell(name, total, MANY + (turns[0] - before));
	kill(child, SIGKILL);
	must(waitpid(child, NULL, 0), "waitpid");
}

static void row_bandwidth(const char *name)
{
	static char buffer[65536];
	uint64_t start, total = 0, bytes = 16 << 20;
	int ends[2];
	pid_t child;

	must(pipe(ends), "pipe");
	child = fork();
	must(child, "fork");
	if (child == 0) {
		for (uint64_t sent = 0; sent < bytes; sent += sizeof buffer)
			must(write(ends[1], buffer, sizeof buffer), "write to a pipe");
		_exit(0);
	}
	close(ends[1]);
	start = ticks();
	while (total < bytes) {
		long count = read(ends[0], buffer, sizeof buffer);

		if (count <= 0)
			fail("read from a pipe");
		total += (uint64_t)count;
	}
	tell(name, ticks() - start, bytes >> 20);
	must(waitpid(child, NULL, 0), "waitpid");
	close(ends[0]);
}

/* memory */

static volatile char *region(int flags)
{
	volatile char *at = mmap(NULL, REGION_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (at == MAP_FAILED)
		fail("mmap");
	madvise((void *)at, REGION_PAGES * PAGE, MADV_NOHUGEPAGE);
	return at;
}

static void touch(volatile char *at)
{
	for (unsigned i = 0; i < REGION_PAGES; i++)
		at[i * PAGE] = 1;
}

static void row_fault(const char *name)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < 5; i++) {
		volatile char *at = region(0);
		uint64_t start = ticks();

		touch(at);
		if (i)
			total += ticks() - start;
		munmap((void *)at, REGION_PAGES * PAGE);
	}
	tell(name, total, 4 * REGION_PAGES);
}

static void row_copy(const char *name)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < 4; i++) {
		volatile char *at = region(0);
		uint64_t start;
		pid_t child;

		touch(at);
		child = fork();
		must(child, "fork");
		if (child == 0) {
			pause();
			_exit(0);
		}
		start = ticks();
		touch(at);
		total += ticks() - start;
		kill(child, SIGKILL);
		must(waitpid(child, NULL, 0), "waitpid");
		munmap((void *)at, REGION_PAGES * PAGE);
	}
	tell(name, total, 4 * REGION_PAGES);
}

static void round_map(void)
{
	void *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		fail("mmap");
	munmap(at, PAGE);
}

static void round_map_touch(void)
{
	volatile char *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		fail("mmap");
	*at = 1;
	munmap((void *)at, PAGE);
}

static void row_map(const char *name) { time_calls(name, round_map, MANY); }
static void row_map_touch(const char *name) { time_calls(name, round_map_touch, MANY); }

/* signals */

static sigjmp_buf caught_at;
static volatile char *nowhere;

static void on_fault(int number)
{
	(void)number;
	siglongjmp(caught_at, 1);
}

static void on_signal(int number) { (void)number; }

static void round_caught(void)
{
	if (sigsetjmp(caught_at, 1) == 0)
		*nowhere = 1;
}

static void round_action(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	must(sigaction(SIGUSR2, &action, NULL), "sigaction");
}

static void round_signal(void) { must(kill(getpid(), SIGUSR1), "kill"); }

static void row_caught(const char *name)
{
	nowhere = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	signal(SIGSEGV, on_fault);
	time_calls(name, round_caught, MANY);
	signal(SIGSEGV, SIG_DFL);
}

static void row_action(const char *name) { time_calls(name, round_action, MANY); }

static void row_signal(const char *name)
{
	signal(SIGUSR1, on_signal);
	time_calls(name, round_signal, MANY);
}

/* processes */

static void round_fork(void)
{
	pid_t child = fork();

	must(child, "fork");
	if (child == 0)
		_exit(0);
	must(waitpid(child, NULL, 0), "waitpid");
}

static void round_exec(void)
{
	char *arguments[] = { (char *)"rows", (char *)"-", NULL };
	pid_t child = fork();

	must(child, "fork");
	if (child == 0) {
		execv(self, arguments);
		_exit(127);
	}
	must(waitpid(child, NULL, 0), "waitpid");
}

static void *nothing(void *argument) { return argument; }

static void round_thread(void)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, nothing, NULL);
	if (errno)
		fail("pthread_create");
	pthread_join(thread, NULL);
}

static void row_fork(const char *name) { time_calls(name, round_fork, FEW); }
static void row_exec(const char *name) { time_calls(name, round_exec, FEW); }
static void row_thread(const char *name) { time_calls(name, round_thread, SOME); }

/* files */

static void round_file(void)
{
	static char content[PAGE];
	int fd = open("/tmp/rows.file", O_CREAT | O_RDWR | O_TRUNC, 0600);

	must(fd, "create");
	must(write(fd, content, sizeof content), "write to a file");
	close(fd);
	must(unlink("/tmp/rows.file"), "unlink");
}

static void round_pread(void)
{
	static char content[PAGE];

	must(pread(file, content, sizeof content, 0), "pread");
}

static void row_file(const char *name) { time_calls(name, round_file, SOME); }

static void row_pread(const char *name)
{
	static char content[PAGE];

	file = open("/tmp/rows.pread", O_CREAT | O_RDWR | O_TRUNC, 0600);
	must(file, "create");
	must(write(file, content, sizeof content), "write to a file");
	time_calls(name, round_pread, MANY);
	close(file);
	unlink("/tmp/rows.pread");
}

/* time, on all processors: processes do rounds for a while, several times; the median counts */

enum { CREW = 4, SLICES = 5, SLICE_NS = 200000000, BETWEEN = 16 };

static uint64_t now_ns(void)
{
	struct timespec now;

	must(clock_gettime(CLOCK_MONOTONIC, &now), "clock_gettime");
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static volatile uint64_t *crew_counts(void)
{
	void *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		fail("shared memory");
	return at;
}

static void crew_work(volatile uint64_t *count, void (*round)(void), uint64_t end)
{
	while (now_ns() < end) {
		for (unsigned i = 0; i < BETWEEN; i++)
			round();
		*count += BETWEEN;
	}
	_exit(0);
}

static uint64_t crew_slice(void (*round)(void))
{
	volatile uint64_t *counts = crew_counts();
	uint64_t start = now_ns(), total = 0;
	pid_t child[CREW];

	for (unsigned i = 0; i < CREW; i++) {
		child[i] = fork();
		must(child[i], "fork");
		if (child[i] == 0)
			crew_work(&counts[i * 8], round, start + SLICE_NS);
	}
	for (unsigned i = 0; i < CREW; i++)
		must(waitpid(child[i], NULL, 0), "waitpid");
	for (unsigned i = 0; i < CREW; i++)
		total += counts[i * 8];
	munmap((void *)counts, PAGE);
	return total ? (now_ns() - start) / total : 0;
}

static void crew_row(const char *name, void (*round)(void))
{
	uint64_t slice[SLICES];

	for (unsigned i = 0; i < SLICES; i++) {
		uint64_t value = crew_slice(round);
		unsigned at = i;

		for (; at > 0 && slice[at - 1] > value; at--)
			slice[at] = slice[at - 1];
		slice[at] = value;
	}
	tell(name, slice[SLICES / 2], 1);
}

/* Own ends of a pipe: no other process takes part. */
static void round_own_pipe(void)
{
	static int ends[2];
	char text[64] = "";

	if (ends[1] == 0)
		must(pipe(ends), "pipe");
	must(write(ends[1], text, sizeof text), "write to a pipe");
	must(read(ends[0], text, sizeof text), "read from a pipe");
}

static void row_time_getpid(const char *name) { crew_row(name, round_getpid); }
static void row_time_pipe(const char *name) { crew_row(name, round_own_pipe); }
static void row_time_stat(const char *name) { crew_row(name, round_stat); }
static void row_time_map(const char *name) { crew_row(name, round_map_touch); }
static void row_time_fork(const char *name) { crew_row(name, round_fork); }

struct row {
	const char *name;
	void (*run)(const char *name);
};

static const struct row rows[] = {
	{ "unknown_syscall", row_unknown }, { "getpid", row_getpid }, { "getppid", row_getppid },
	{ "read_1_dev_zero", row_read }, { "write_1_dev_null", row_write }, { "pipe_round_trip", row_pipe },
	{ "sched_yield_switch", row_yield }, { "open_close", row_open }, { "stat", row_stat }, { "fstat", row_fstat },
	{ "pread_4096", row_pread }, { "fault_anonymous_page", row_fault }, { "fault_copy_on_write", row_copy },
	{ "mmap_munmap", row_map }, { "mmap_touch_munmap", row_map_touch }, { "fault_caught_by_handler", row_caught },
	{ "sigaction", row_action }, { "signal_to_self", row_signal }, { "fork_exit_wait", row_fork },
	{ "fork_exec_wait", row_exec }, { "thread_create_join", row_thread }, { "file_create_write_unlink", row_file },
	{ "pipe_bandwidth_per_mib", row_bandwidth },
	{ "time_getpid", row_time_getpid }, { "time_pipe", row_time_pipe }, { "time_stat", row_time_stat },
	{ "time_mmap_touch", row_time_map }, { "time_fork", row_time_fork },
};

static int wanted(const char *name, int count, char **names)
{
	for (int i = 1; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return 1;
	return count < 2 && (strncmp(name, "time_", 5) == 0) == (getenv("ROWS_TIME") != NULL);
}

/* The first process of a bare kernel finds nothing: neither devices nor a place for files. A child does the work, as the
 * first process is treated in its own way. */
static void start_as_init(void)
{
	pid_t child;

	mkdir("/dev", 0755);
	mkdir("/tmp", 0777);
	mount("none", "/dev", "devtmpfs", 0, NULL);
	mount("none", "/tmp", "tmpfs", 0, NULL);
	if (open("/dev/console", O_RDWR) == 0) {
		dup2(0, 1);
		dup2(0, 2);
	}
	child = fork();
	must(child, "fork");
	if (child == 0)
		return;
	must(waitpid(child, NULL, 0), "waitpid");
	reboot(RB_POWER_OFF);
}

int main(int count, char **names)
{
	uint64_t boot = ticks();
	int init = getpid() == 1 && getenv("ROWS_INIT");

	if (count == 2 && strcmp(names[1], "-") == 0)
		return 0;
	if (init) {
		start_as_init();
		count = 1;
	}
	self = init ? "/init" : names[0];
	zero = open("/dev/zero", O_RDONLY);
	null = open("/dev/null", O_WRONLY);
	if (wanted("boot", count, names))
		tell("boot", boot, 1);
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (wanted(rows[i].name, count, names))
			rows[i].run(rows[i].name);
	return 0;
}
