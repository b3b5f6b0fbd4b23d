/* For programs that system tests run: a condition that does not hold ends the program with status 1, and a line that names it. */
#ifndef TESTS_NEED_H
#define TESTS_NEED_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NEED(condition) need(condition, #condition, __LINE__)

static inline void need(int condition, const char *what, int line)
{
	if (condition)
		return;
	printf("%s: line %d: %s: %s\n", program_invocation_short_name, line, what, strerror(errno));
	fflush(stdout);
	_exit(1);
}

/* Seconds on the monotonic clock. */
static inline double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

#endif
