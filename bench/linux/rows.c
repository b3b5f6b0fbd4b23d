/* What system calls of Linux and whole programs cost, in ticks of the time-stamp counter: with QEMU's instruction counter,
 * instructions. One static program, run unchanged on Baryon and on Linux; as the first process of a Linux kernel it prepares
 * what the standard root needs, and ends by power-off.
 * Every row is a line "rows: NAME TICKS" on standard output.
 *	rows             all rows but those of whole programs
 *	rows WORD...     rows of these names; `calls` stands for the same, `programs` for those of whole programs. Other
 *	                 words mean nothing: a kernel leaves some of its own to its first process
 *	rows serve       rows in time, as asked for on standard input: see times_serve */
#include "rows.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

const char *self = "/proc/self/exe";

static const struct row *const all_rows[] = { rows_of_calls, rows_of_memory, rows_of_files, rows_of_processes, rows_of_programs };

_Noreturn void fail(const char *what)
{
	printf("rows failed: %s: %s\n", what, strerror(errno));
	exit(1);
}

void must(long result, const char *what)
{
	if (result < 0)
		fail(what);
}

void tell(const char *name, uint64_t total, uint64_t rounds)
{
	mark(MARK_ROW);
	printf("rows: %s %llu %llu\n", name, (unsigned long long)((total + rounds / 2) / rounds), (unsigned long long)rounds);
	fflush(stdout);
}

void time_calls(const char *name, void (*round)(void), unsigned rounds)
{
	uint64_t start;

	for (unsigned i = 0; i < WARM; i++)
		round();
	start = begin();
	for (unsigned i = 0; i < rounds; i++)
		round();
	tell(name, end() - start, rounds);
}

volatile void *shared_memory(unsigned long bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		fail("shared memory");
	return at;
}

void end_child(int child)
{
	must(kill(child, SIGKILL), "kill");
	must(waitpid(child, NULL, 0), "waitpid");
}

static int is_named(const char *name, int count, char **names)
{
	for (int i = 1; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return 1;
	return 0;
}

static int is_wanted(const char *name, int is_program, int count, char **names)
{
	if (count < 2)
		return !is_program;
	return is_named(name, count, names) || is_named(is_program ? "programs" : "calls", count, names);
}

/* The console as a bare channel of bytes. */
static void console_open(void)
{
	struct termios state;

	if (open("/dev/console", O_RDWR) != 0)
		return;
	dup2(0, 1);
	dup2(0, 2);
	tcgetattr(0, &state);
	cfmakeraw(&state);
	tcsetattr(0, TCSANOW, &state);
}

/* The first process of a bare kernel finds nothing: neither devices nor a place for files. A child does the work, as the
 * first process is treated in its own way. */
static void start_as_init(void)
{
	pid_t child;

	mkdir("/dev", 0755);
	mkdir("/tmp", 0777);
	mkdir("/proc", 0555);
	mount("none", "/dev", "devtmpfs", 0, NULL);
	mount("none", "/tmp", "tmpfs", 0, NULL);
	mount("none", "/proc", "proc", 0, NULL);
	console_open();
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
	if (init)
		start_as_init();
	self = init ? "/init" : names[0];
	if (is_named("serve", count, names)) {
		programs_prepare();
		times_serve();
		return 0;
	}
	if (is_wanted("boot", 0, count, names)) {
		begin(), end();
		tell("boot", boot, 1);
	}
	for (unsigned i = 0; i < sizeof all_rows / sizeof all_rows[0]; i++)
		for (const struct row *row = all_rows[i]; row->name; row++)
			if (is_wanted(row->name, all_rows[i] == rows_of_programs, count, names))
				row->run(row->name);
	return 0;
}
