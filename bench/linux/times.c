/* Rows in time: what a round takes on the clock, in nanoseconds. They are served one slice at a time, so that whoever measures
 * two systems can let them take turns. */
#include "rows.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CREW = 4, SLICE_NS = 150000000, BETWEEN = 16 };

static uint64_t now_ns(void)
{
	struct timespec now;

	must(clock_gettime(CLOCK_MONOTONIC, &now), "clock_gettime");
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* A crew: processes that do the same independently; all rounds of all count. */

static void crew_work(volatile uint64_t *count, void (*round)(void), uint64_t end_ns)
{
	while (now_ns() < end_ns) {
		for (unsigned i = 0; i < BETWEEN; i++)
			round();
		*count += BETWEEN;
	}
	_exit(0);
}

static uint64_t crew_slice(void (*round)(void))
{
	volatile uint64_t *counts = shared_memory(PAGE);
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

static uint64_t slice_getpid(const char *name) { return (void)name, crew_slice(round_getpid); }
static uint64_t slice_read(const char *name) { return (void)name, crew_slice(round_read); }
static uint64_t slice_pipe(const char *name) { return (void)name, crew_slice(round_own_pipe); }
static uint64_t slice_stat(const char *name) { return (void)name, crew_slice(round_stat); }
static uint64_t slice_map(const char *name) { return (void)name, crew_slice(round_map_touch); }
static uint64_t slice_fork(const char *name) { return (void)name, crew_slice(round_fork); }

/* A pair: this process and a child that answers it. */

static uint64_t pair_slice(void (*ask)(void), void (*answer)(void))
{
	uint64_t start, total = 0, end_ns;
	pid_t child = fork();

	must(child, "fork");
	while (child == 0)
		answer();
	for (unsigned i = 0; i < WARM; i++)
		ask();
	start = now_ns();
	end_ns = start + SLICE_NS;
	while (now_ns() < end_ns)
		for (unsigned i = 0; i < BETWEEN; i++, total++)
			ask();
	start = (now_ns() - start) / total;
	end_child(child);
	return start;
}

static int ours[2], theirs[2]; /* to read from, and to write to */

static void send_and_take(void)
{
	char text = 0;

	must(write(ours[1], &text, 1), "write");
	must(read(ours[0], &text, 1), "read");
}

static void take_and_send(void)
{
	char text;

	must(read(theirs[0], &text, 1), "read");
	must(write(theirs[1], &text, 1), "write");
}

static uint64_t talk_slice(void)
{
	uint64_t result = pair_slice(send_and_take, take_and_send);

	close(ours[0]), close(theirs[0]);
	if (ours[1] != ours[0])
		close(ours[1]), close(theirs[1]);
	return result;
}

static uint64_t slice_pipe_pair(const char *name)
{
	int to[2], back[2];

	(void)name;
	must(pipe(to), "pipe");
	must(pipe(back), "pipe");
	ours[0] = back[0], ours[1] = to[1], theirs[0] = to[0], theirs[1] = back[1];
	return talk_slice();
}

static uint64_t slice_socket_pair(const char *name)
{
	int ends[2];

	(void)name;
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
	ours[0] = ours[1] = ends[0];
	theirs[0] = theirs[1] = ends[1];
	return talk_slice();
}

static uint64_t slice_futex_pair(const char *name)
{
	uint64_t result;

	(void)name;
	futex_open();
	result = pair_slice(futex_ask, futex_answer);
	futex_close();
	return result;
}

static uint64_t slice_program(const char *name)
{
	uint64_t start = now_ns();

	return program_run(name) == 0 ? now_ns() - start : 0;
}

static const struct slice {
	const char *name;
	uint64_t (*run)(const char *name);
} slices[] = {
	{ "getpid", slice_getpid }, { "read", slice_read }, { "pipe", slice_pipe }, { "stat", slice_stat }, { "mmap_touch", slice_map },
	{ "fork", slice_fork }, { "pipe_pair", slice_pipe_pair }, { "socket_pair", slice_socket_pair },
	{ "futex_pair", slice_futex_pair }, { "program_", slice_program },
};

void times_serve(void)
{
	char line[64];

	puts("time: ready 1");
	fflush(stdout);
	while (fgets(line, sizeof line, stdin)) {
		uint64_t took = 0;

		line[strcspn(line, "\r\n")] = 0;
		if (strcmp(line, "end") == 0)
			return;
		for (unsigned i = 0; i < sizeof slices / sizeof slices[0]; i++)
			if (strcmp(line, slices[i].name) == 0 ||
			    (slices[i].run == slice_program && strncmp(line, slices[i].name, strlen(slices[i].name)) == 0))
				took = slices[i].run(line);
		printf("time: %s %llu\n", line, (unsigned long long)took);
		fflush(stdout);
	}
}
