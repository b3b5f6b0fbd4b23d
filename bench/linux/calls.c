/* Rows of small calls and of signals. */
#include "rows.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int zero, null;
static char byte;

static void open_devices(void)
{
	zero = open("/dev/zero", O_RDONLY);
	null = open("/dev/null", O_WRONLY);
}

static void round_unknown(void) { syscall(999); }
void round_getpid(void) { syscall(SYS_getpid); }
static void round_getppid(void) { syscall(SYS_getppid); }

static void round_clock(void)
{
	struct timespec now;

	must(clock_gettime(CLOCK_MONOTONIC, &now), "clock_gettime");
}

void round_read(void)
{
	if (!zero)
		open_devices();
	must(read(zero, &byte, 1), "read");
}

static void round_write(void) { must(write(null, &byte, 1), "write"); }

static void round_open(void)
{
	int fd = open("/dev/null", O_RDONLY);

	must(fd, "open");
	close(fd);
}

void round_stat(void)
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
static void row_clock(const char *name) { time_calls(name, round_clock, MANY); }
static void row_read(const char *name) { time_calls(name, round_read, MANY); }
static void row_write(const char *name)
{
	open_devices();
	time_calls(name, round_write, MANY);
}

static void row_open(const char *name) { time_calls(name, round_open, MANY); }
static void row_stat(const char *name) { time_calls(name, round_stat, MANY); }

static void row_fstat(const char *name)
{
	open_devices();
	time_calls(name, round_fstat, MANY);
}

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

const struct row rows_of_calls[] = {
	{ "unknown_syscall", row_unknown }, { "getpid", row_getpid }, { "getppid", row_getppid },
	{ "clock_gettime", row_clock },
	{ "read_1_dev_zero", row_read }, { "write_1_dev_null", row_write }, { "open_close", row_open }, { "stat", row_stat },
	{ "fstat", row_fstat }, { "fault_caught_by_handler", row_caught }, { "sigaction", row_action },
	{ "signal_to_self", row_signal }, { 0 },
};
