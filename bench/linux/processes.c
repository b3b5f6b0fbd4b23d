/* Rows of processes and threads: making them, and talk between them. */
#include "rows.h"
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* Two processes send a byte to and fro: this one by ours, the child by the others. */
static void round_trips(const char *name, int in, int out, int child_in, int child_out)
{
	pid_t child = fork();
	uint64_t start;

	must(child, "fork");
	if (child == 0) {
		both_ways(child_in, child_out, MANY + WARM, 0);
		_exit(0);
	}
	both_ways(in, out, WARM, 1);
	start = begin();
	both_ways(in, out, MANY, 1);
	tell(name, end() - start, MANY);
	must(waitpid(child, NULL, 0), "waitpid");
}

static void row_pipe(const char *name)
{
	int to[2], back[2];

	must(pipe(to), "pipe");
	must(pipe(back), "pipe");
	round_trips(name, back[0], to[1], to[0], back[1]);
	close(to[0]), close(to[1]), close(back[0]), close(back[1]);
}

static void row_socket(const char *name)
{
	int ends[2];

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
	round_trips(name, ends[0], ends[0], ends[1], ends[1]);
	close(ends[0]), close(ends[1]);
}

/* Two that wait for each other by a futex: word 0 wakes the one, word 1 the other. */
static volatile uint32_t *words;

static void wake(unsigned word)
{
	words[word] = 1;
	must(syscall(SYS_futex, &words[word], FUTEX_WAKE, 1, NULL, NULL, 0), "futex");
}

static void await(unsigned word)
{
	while (!words[word])
		syscall(SYS_futex, &words[word], FUTEX_WAIT, 0, NULL, NULL, 0);
	words[word] = 0;
}

void futex_open(void) { words = shared_memory(PAGE); }
void futex_close(void) { munmap((void *)words, PAGE); }

void futex_ask(void)
{
	wake(0);
	await(1);
}

void futex_answer(void)
{
	await(0);
	wake(1);
}

static void *answer_all(void *argument)
{
	for (unsigned i = 0; i < MANY + WARM; i++)
		futex_answer();
	return argument;
}

static void row_futex(const char *name)
{
	pthread_t thread;

	futex_open();
	errno = pthread_create(&thread, NULL, answer_all, NULL);
	if (errno)
		fail("pthread_create");
	time_calls(name, futex_ask, MANY);
	pthread_join(thread, NULL);
	futex_close();
}

static void row_futex_shared(const char *name)
{
	pid_t child;

	futex_open();
	child = fork();
	must(child, "fork");
	if (child == 0) {
		answer_all(NULL);
		_exit(0);
	}
	time_calls(name, futex_ask, MANY);
	must(waitpid(child, NULL, 0), "waitpid");
	futex_close();
}

/* Two processes yield to each other: each of the parent's calls is two switches. */
static void row_yield(const char *name)
{
	volatile uint32_t *turns = shared_memory(PAGE);
	uint64_t start, total;
	uint32_t before;
	pid_t child;

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
	start = begin();
	for (unsigned i = 0; i < MANY; i++)
		sched_yield();
	total = end() - start;
	tell(name, total, MANY + (turns[0] - before));
	end_child(child);
	munmap((void *)turns, PAGE);
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
	start = begin();
	while (total < bytes) {
		long count = read(ends[0], buffer, sizeof buffer);

		if (count <= 0)
			fail("read from a pipe");
		total += (uint64_t)count;
	}
	tell(name, end() - start, bytes >> 20);
	must(waitpid(child, NULL, 0), "waitpid");
	close(ends[0]);
}

void round_fork(void)
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

static void round_spawn(void)
{
	char *arguments[] = { (char *)"rows", (char *)"-", NULL };
	pid_t child;

	errno = posix_spawn(&child, self, NULL, NULL, arguments, environ);
	if (errno)
		fail("posix_spawn");
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
static void row_spawn(const char *name) { time_calls(name, round_spawn, FEW); }

const struct row rows_of_processes[] = {
	{ "pipe_round_trip", row_pipe }, { "socket_round_trip", row_socket }, { "futex_round_trip", row_futex },
	{ "futex_round_trip_processes", row_futex_shared }, { "sched_yield_switch", row_yield },
	{ "pipe_bandwidth_per_mib", row_bandwidth }, { "fork_exit_wait", row_fork }, { "fork_exec_wait", row_exec },
	{ "spawn_wait", row_spawn }, { "thread_create_join", row_thread }, { 0 },
};
