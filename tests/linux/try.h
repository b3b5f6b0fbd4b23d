/* For programs that run on Linux and on Baryon and must say the same: each call is printed with its result or error. */
#ifndef TRY_H
#define TRY_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static inline long try_said(const char *text, long result)
{
	int error = errno;

	if (result == -1)
		printf("%s: %s\n", text, strerrorname_np(error) ? strerrorname_np(error) : "?");
	else
		printf("%s: %ld\n", text, result);
	fflush(stdout);
	errno = error;
	return result;
}

/* Prints the call and what it gave; its value is the result. */
#define TRY(call) (errno = 0, try_said(#call, (long)(call)))
/* Prints only whether it succeeded: for results that differ, like ids and descriptors. */
#define GOOD(call) (errno = 0, try_good(#call, (long)(call)))
#define SAY(...) (printf(__VA_ARGS__), putchar('\n'), (void)fflush(stdout))

static inline long try_good(const char *text, long result)
{
	int error = errno;

	if (result == -1)
		printf("%s: %s\n", text, strerrorname_np(error) ? strerrorname_np(error) : "?");
	else
		printf("%s: good\n", text);
	fflush(stdout);
	errno = error;
	return result;
}

/* Runs a part in a child process and prints how it ended. */
#define CHILD(name, ...) \
	do { \
		int status_; \
		pid_t child_ = fork(); \
		if (child_ == 0) { \
			__VA_ARGS__; \
			fflush(stdout); \
			_exit(0); \
		} \
		waitpid(child_, &status_, 0); \
		if (WIFSIGNALED(status_)) \
			SAY("%s: killed by %s", name, sigabbrev_np(WTERMSIG(status_))); \
		else \
			SAY("%s: ended with %d", name, WEXITSTATUS(status_)); \
	} while (0)

static inline void pause_ms(long ms)
{
	struct timespec time = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&time, 0);
}

/* Waits until a thread sleeps: then it is where it waits for something. (One that waits for a lock of the system's is not said to sleep.)
 * One that has ended is not waited for. */
static inline void until_asleep(pid_t process, pid_t thread)
{
	char path[64], text[512] = "";
	const char *state;

	snprintf(path, sizeof path, "/proc/%d/task/%d/stat", process, thread);
	do {
		int fd = open(path, O_RDONLY);
		long bytes = read(fd, text, sizeof text - 1);

		close(fd);
		text[bytes > 0 ? bytes : 0] = 0;
		state = strrchr(text, ')');
		pause_ms(1);
	} while (state && !strchr("SZX", state[2]));
}

/* A user of whom nothing is counted but what the program that `process` is does: limits are by user. */
static inline uid_t user_of(pid_t process)
{
	return 1000000 + (uid_t)process;
}

static void *volatile try_bad = (void *)16;
#define BAD_ADDRESS (try_bad)

#endif
