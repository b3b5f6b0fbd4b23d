/* run [-j JOBS] [-t SECONDS] [-o FILE] TEST...: runs tests, several at once, and says how they ended.
 *
 * A test is a program, or a shell script NAME.test; it runs in the folder of the caller, without standard input, in a process
 * group of its own, which is killed when the test ends or its time is up. Exit status 0 passes, 77 skips, anything else fails;
 * the last lines of what a failing test printed are shown, the whole is in build/tests/log/. The last line is
 * "N passed, N failed" (and ", N skipped" when there are some). Status 1 when a test failed or none ran. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOB_LIMIT 16
#define LOG_FOLDER "build/tests/log"
#define STATUS_SKIPPED 77
#define SHOWN_BYTES 4000

struct job {
	pid_t pid;                  /* 0: free */
	const char *test;
	double started;
	bool timed_out;
};

static struct job jobs[JOB_LIMIT];
static unsigned job_limit = 1;
static double seconds_limit = 3600;
static unsigned passed, failed, skipped;
static FILE *record;            /* a copy of the lines, or null */

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	fflush(stdout);
	if (!record)
		return;
	va_start(arguments, format);
	vfprintf(record, format, arguments);
	va_end(arguments);
}

/* The test's name in messages and of its log: its path without what all have in common. */
static void name_of(const char *test, char *name, size_t room)
{
	const char *from = strncmp(test, "build/test/", 11) == 0 ? test + 11 : test;

	snprintf(name, room, "%s", from);
	for (char *at = name; *at; at++)
		if (*at == '/')
			*at = '.';
}

static void log_path(const char *test, char *path)
{
	char name[NAME_MAX];

	name_of(test, name, sizeof name);
	snprintf(path, PATH_MAX, LOG_FOLDER "/%s.log", name);
}

static _Noreturn void become_test(const char *test)
{
	size_t length = strlen(test);
	char path[PATH_MAX];
	int null, log;

	log_path(test, path);
	setpgid(0, 0);
	null = open("/dev/null", O_RDONLY);
	log = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (null < 0 || log < 0)
		_exit(126);
	dup2(null, 0);
	dup2(log, 1);
	dup2(log, 2);
	if (length > 5 && strcmp(test + length - 5, ".test") == 0)
		execl("/bin/sh", "sh", "-u", test, (char *)NULL);
	else
		execl(test, test, (char *)NULL);
	perror(test);
	_exit(127);
}

static void start(struct job *job, const char *test)
{
	*job = (struct job){ .test = test, .started = now(), .pid = fork() };
	if (job->pid == 0)
		become_test(test);
	if (job->pid < 0) {
		perror("fork");
		exit(1);
	}
}

static void show_log(const char *test)
{
	char path[PATH_MAX], text[SHOWN_BYTES + 1];
	FILE *file;
	size_t count;

	log_path(test, path);
	file = fopen(path, "r");
	if (!file)
		return;
	fseek(file, 0, SEEK_END);
	fseek(file, ftell(file) > SHOWN_BYTES ? -SHOWN_BYTES : -ftell(file), SEEK_END);
	count = fread(text, 1, SHOWN_BYTES, file);
	text[count] = 0;
	fclose(file);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		say("    %s\n", line);
}

static void finish(struct job *job, int status)
{
	double seconds = now() - job->started;
	char name[NAME_MAX];

	name_of(job->test, name, sizeof name);
	kill(-job->pid, SIGKILL);
	job->pid = 0;
	if (!job->timed_out && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		passed++;
		say("ok      %s (%.1f s)\n", name, seconds);
	} else if (!job->timed_out && WIFEXITED(status) && WEXITSTATUS(status) == STATUS_SKIPPED) {
		skipped++;
		say("skipped %s\n", name);
	} else {
		failed++;
		if (job->timed_out)
			say("FAILED  %s: its %.0f s are up\n", name, seconds_limit);
		else if (WIFEXITED(status))
			say("FAILED  %s: status %d (%.1f s)\n", name, WEXITSTATUS(status), seconds);
		else
			say("FAILED  %s: signal %d (%.1f s)\n", name, WTERMSIG(status), seconds);
		show_log(job->test);
	}
}

static void check(struct job *job)
{
	int status;

	if (!job->pid)
		return;
	if (waitpid(job->pid, &status, WNOHANG) == job->pid) {
		finish(job, status);
	} else if (now() - job->started > seconds_limit && !job->timed_out) {
		job->timed_out = true;
		kill(-job->pid, SIGKILL);
	}
}

static bool run_all(char **test)
{
	bool busy = true;

	while (busy || *test) {
		busy = false;
		for (unsigned i = 0; i < job_limit; i++) {
			check(&jobs[i]);
			if (!jobs[i].pid && *test)
				start(&jobs[i], *test++);
			busy = busy || jobs[i].pid;
		}
		if (busy)
			poll(NULL, 0, 20);
	}
	return failed == 0 && passed > 0;
}

static void stop(int signal)
{
	for (unsigned i = 0; i < job_limit; i++)
		if (jobs[i].pid > 0)
			kill(-jobs[i].pid, SIGKILL);
	_exit(128 + signal);
}

static char **options_read(int count, char **argument)
{
	int option;

	while ((option = getopt(count, argument, "j:t:o:")) > 0) {
		if (option == 'j')
			job_limit = atoi(optarg) > 0 && atoi(optarg) <= JOB_LIMIT ? atoi(optarg) : 1;
		else if (option == 't')
			seconds_limit = atof(optarg);
		else if (option == 'o')
			record = fopen(optarg, "w");
		else
			exit(2);
	}
	return argument + optind;
}

int main(int count, char **argument)
{
	char **tests = options_read(count, argument);
	bool good;

	mkdir("build", 0777);
	mkdir("build/tests", 0777);
	mkdir(LOG_FOLDER, 0777);
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	good = run_all(tests);
	say("%u passed, %u failed", passed, failed);
	if (skipped)
		say(", %u skipped", skipped);
	say("\n");
	return !good;
}
