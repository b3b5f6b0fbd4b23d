/* load WHAT NUMBER...: puts a load on the system and says whether it was borne and whether free memory is afterwards what it was
 * before: processes N, threads N, forks N, pipe MEGABYTES, directory N, bomb SECONDS, and bombs that go on when they are refused:
 * storm SECONDS asks again, hogs SECONDS computes, scatter SECONDS looks now and then, in sessions of its own; memory, largest, spared. Several in a row are allowed. The same binary runs on Linux, where free memory is not looked at. */
#include "need.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, SETTLE_TRIES = 400, SETTLE_US = 25000, PAGES_KEPT = 32, STACK = 32768 };
/* A session has at most one process for so many pages of memory. */
enum { PAGES_EACH = 64 * 2 * 2 };

static unsigned long free_pages(void)
{
	struct sysinfo info;

	NEED(sysinfo(&info) == 0);
	return info.freeram / PAGE * info.mem_unit;
}

static unsigned long total_pages(void)
{
	struct sysinfo info;

	NEED(sysinfo(&info) == 0);
	return info.totalram / PAGE * info.mem_unit;
}

static int on_linux(void)
{
	struct utsname name;

	NEED(uname(&name) == 0);
	return strstr(name.release, "baryon") == NULL;
}

static void child_end(pid_t child)
{
	int status = 0;

	NEED(waitpid(child, &status, 0) == child && status == 0);
}

/* ---- alive at once ---- */

static void processes(unsigned count)
{
	int go[2], ready[2];
	pid_t *children = calloc(count, sizeof *children);
	char byte;

	NEED(children && pipe(go) == 0 && pipe(ready) == 0);
	for (unsigned i = 0; i < count; i++) {
		children[i] = fork();
		NEED(children[i] >= 0);
		if (children[i] == 0) {
			close(go[1]);
			_exit(write(ready[1], "", 1) == 1 && read(go[0], &byte, 1) == 0 ? 0 : 1);
		}
	}
	for (unsigned i = 0; i < count; i++)
		NEED(read(ready[0], &byte, 1) == 1);
	for (unsigned i = 0; i < count; i++)
		NEED(kill(children[i], 0) == 0);
	close(go[1]);
	for (unsigned i = 0; i < count; i++)
		child_end(children[i]);
	close(go[0]), close(ready[0]), close(ready[1]);
	free(children);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned alive, may_end;

static void *thread_main(void *argument)
{
	pthread_mutex_lock(&mutex);
	alive++;
	pthread_cond_broadcast(&changed);
	while (!may_end)
		pthread_cond_wait(&changed, &mutex);
	pthread_mutex_unlock(&mutex);
	return argument;
}

static void threads(unsigned count)
{
	pthread_t *thread = calloc(count, sizeof *thread);
	pthread_attr_t attributes;

	alive = may_end = 0;
	NEED(thread && pthread_attr_init(&attributes) == 0 && pthread_attr_setstacksize(&attributes, STACK) == 0);
	for (uintptr_t i = 0; i < count; i++) {
		errno = pthread_create(&thread[i], &attributes, thread_main, (void *)i);
		NEED(errno == 0);
	}
	pthread_mutex_lock(&mutex);
	while (alive < count)
		pthread_cond_wait(&changed, &mutex);
	may_end = 1;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
	for (uintptr_t i = 0; i < count; i++) {
		void *result;

		NEED(pthread_join(thread[i], &result) == 0 && result == (void *)i);
	}
	free(thread);
}

/* In a child, so that what the C library keeps of stacks goes with it. */
static void threads_apart(unsigned count)
{
	pid_t child = fork();

	NEED(child >= 0);
	if (child == 0) {
		threads(count);
		_exit(0);
	}
	child_end(child);
}

/* ---- one after the other ---- */

static void forks(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		pid_t child = fork();
		int status;

		NEED(child >= 0);
		if (child == 0)
			_exit((int)(i & 127));
		NEED(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == (int)(i & 127));
	}
}

static uint64_t pattern(uint64_t at)
{
	return (at + 1) * 0x9e3779b97f4a7c15;
}

static void pipe_write(int to, uint64_t words)
{
	static uint64_t buffer[8192];

	for (uint64_t at = 0; at < words;) {
		uint64_t count = words - at < 8192 ? words - at : 8192;
		char *from = (char *)buffer;

		for (uint64_t i = 0; i < count; i++)
			buffer[i] = pattern(at + i);
		for (uint64_t left = count * 8; left > 0;) {
			ssize_t done = write(to, from, left);

			NEED(done > 0);
			from += done;
			left -= (uint64_t)done;
		}
		at += count;
	}
}

static void pipe_through(unsigned megabytes)
{
	static uint64_t buffer[8192];
	uint64_t words = (uint64_t)megabytes << 17, at = 0;
	size_t held = 0;
	int ends[2];
	ssize_t done;
	pid_t child;

	NEED(pipe(ends) == 0);
	child = fork();
	NEED(child >= 0);
	if (child == 0) {
		close(ends[0]);
		pipe_write(ends[1], words);
		_exit(0);
	}
	close(ends[1]);
	while ((done = read(ends[0], (char *)buffer + held, sizeof buffer - held)) > 0) {
		size_t have = held + (size_t)done;

		for (size_t i = 0; i < have / 8; i++)
			NEED(buffer[i] == pattern(at + i));
		at += have / 8;
		held = have % 8;
		memmove(buffer, (char *)buffer + have - held, held);
	}
	NEED(done == 0 && at == words && held == 0);
	close(ends[0]);
	child_end(child);
}

static void file_name(char *name, unsigned i)
{
	sprintf(name, "file-%u", i);
}

static void directory(unsigned count)
{
	char name[32];
	unsigned seen = 0;
	struct stat status;
	struct dirent *entry;
	DIR *folder;

	NEED(mkdir("/tmp/many", 0700) == 0 && chdir("/tmp/many") == 0);
	for (unsigned i = 0; i < count; i++) {
		int descriptor;

		file_name(name, i);
		descriptor = open(name, O_CREAT | O_EXCL | O_WRONLY, 0600);
		NEED(descriptor >= 0 && write(descriptor, &i, sizeof i) == sizeof i && close(descriptor) == 0);
	}
	folder = opendir(".");
	NEED(folder != NULL);
	while ((entry = readdir(folder)) != NULL)
		seen += entry->d_name[0] != '.';
	closedir(folder);
	NEED(seen == count);
	for (unsigned i = 0; i < count; i++) {
		file_name(name, (unsigned)((uint64_t)i * 7919 % count));
		NEED(stat(name, &status) == 0 && status.st_size == sizeof i);
	}
	for (unsigned i = 0; i < count; i++) {
		file_name(name, i);
		NEED(unlink(name) == 0);
	}
	NEED(chdir("/") == 0 && rmdir("/tmp/many") == 0);
}

/* ---- to the limit ---- */

struct bomb {
	atomic_uint forked, refused, ended;
	atomic_int error, over;
};

/* What a process of a bomb does when it was refused; the scattered begin a session each. */
enum refused { STAYS, ASKS, COMPUTES, SCATTERED };

static void refused_stay(struct bomb *bomb, enum refused what)
{
	while (what == STAYS)
		pause();
	while (what == SCATTERED && !atomic_load(&bomb->over))
		usleep(50000);
	while (what == COMPUTES && !atomic_load(&bomb->over))
		;
}

/* Each process makes more until it is refused. */
static void bomb_run(struct bomb *bomb, enum refused what)
{
	while (!atomic_load(&bomb->over)) {
		pid_t child = fork();

		if (child == 0) {
			if (what == SCATTERED)
				setsid();
			atomic_fetch_add(&bomb->forked, 1);
		} else if (child < 0) {
			atomic_store(&bomb->error, errno);
			atomic_fetch_add(&bomb->refused, 1);
			refused_stay(bomb, what);
		}
	}
	atomic_fetch_add(&bomb->ended, 1);
	_exit(0);
}

/* What a shell of another tree does meanwhile: starts programs, and gets their ends. The longest that one took, in seconds. */
static double others_work(double until)
{
	double longest = 0;

	while (now() < until) {
		double begun = now();

		forks(1);
		longest = now() - begun > longest ? now() - begun : longest;
		usleep(20000);
	}
	return longest;
}

/* How long one takes, as fast as the machine is now. */
static double fork_alone(void)
{
	enum { FORKS = 50 };
	double begun = now();

	forks(FORKS);
	return (now() - begun) / FORKS;
}

static pid_t bomb_light(struct bomb *bomb, enum refused what)
{
	pid_t first = fork();

	NEED(first >= 0);
	if (first == 0) {
		setsid();
		if (on_linux()) {
			struct rlimit limit = { 200, 200 };

			setrlimit(RLIMIT_NPROC, &limit);
			NEED(setuid(12345) == 0);
		}
		bomb_run(bomb, what);
	}
	return first;
}

/* Those that look end themselves, wherever they are. */
static void bomb_end(struct bomb *bomb, enum refused what, pid_t first, double until)
{
	atomic_store(&bomb->over, 1);
	NEED(what == SCATTERED || kill(-first, SIGKILL) == 0);
	NEED(waitpid(first, NULL, 0) == first);
	while (what == SCATTERED ? atomic_load(&bomb->ended) <= atomic_load(&bomb->forked) : kill(-first, 0) == 0) {
		NEED(now() < until);
		usleep(50000);
	}
}

/* Whoever forks beside a bomb waits for no longer than a part of it needs to fork, also when all of it computes. */
static void bomb_throw(unsigned seconds, enum refused what)
{
	double alone = fork_alone();
	struct bomb *bomb = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double begun = now(), longest = 0;
	unsigned forked;
	pid_t first;

	NEED(bomb != MAP_FAILED);
	first = bomb_light(bomb, what);
	for (bool full = false, last = false; !last;) {
		double one = others_work(now() + 0.5);

		longest = one > longest ? one : longest;
		NEED(now() - begun < seconds);
		last = full;
		full = atomic_load(&bomb->refused) != 0 && atomic_load(&bomb->refused) >= atomic_load(&bomb->forked);
	}
	forked = atomic_load(&bomb->forked);
	fprintf(stderr, "load: %u processes, longest fork of another %.2f s, one alone %.4f s, all of it %.1f s\n", forked,
		longest, alone, now() - begun);
	NEED(atomic_load(&bomb->error) == EAGAIN && longest < 2 + 3 * alone * forked);
	NEED(on_linux() || forked <= total_pages() / PAGES_EACH);
	bomb_end(bomb, what, first, begun + 2 * seconds);
	munmap(bomb, PAGE);
}

static void bomb(unsigned seconds) { bomb_throw(seconds, STAYS); }
static void storm(unsigned seconds) { bomb_throw(seconds, ASKS); }
static void hogs(unsigned seconds) { bomb_throw(seconds, COMPUTES); }
static void scatter(unsigned seconds) { bomb_throw(seconds, SCATTERED); }

/* Touches memory until there is none. 0: a call said so. */
static int memory_eat(void)
{
	for (;;) {
		char *more = mmap(NULL, 256 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (more == MAP_FAILED)
			return errno == ENOMEM ? 0 : 1;
		for (unsigned i = 0; i < 256; i++)
			more[i * PAGE] = 1;
	}
}

static void memory(unsigned unused)
{
	pid_t child = fork();
	int status;

	(void)unused;
	NEED(child >= 0);
	if (child == 0)
		_exit(memory_eat());
	NEED(waitpid(child, &status, 0) == child);
	NEED(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
}

static void touch(uint64_t pages)
{
	char *memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	NEED(memory != MAP_FAILED);
	for (uint64_t i = 0; i < pages; i++)
		memory[i * PAGE] = 1;
}

/* A child that holds much and sleeps, with that oom_score_adj. */
static pid_t holder_start(uint64_t pages, const char *score, uint64_t left)
{
	pid_t child = fork();
	int status;

	NEED(child >= 0);
	if (child == 0) {
		int file = open("/proc/self/oom_score_adj", O_WRONLY);

		NEED(file >= 0 && write(file, score, strlen(score)) == (ssize_t)strlen(score));
		touch(pages);
		for (;;)
			pause();
	}
	while (free_pages() > left) {
		NEED(waitpid(child, &status, WNOHANG) == 0);
		usleep(10000);
	}
	return child;
}

static pid_t toucher_start(uint64_t pages)
{
	pid_t child = fork();

	NEED(child >= 0);
	if (child == 0) {
		touch(pages);
		_exit(0);
	}
	return child;
}

static bool is_killed(pid_t child)
{
	int status;

	return waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* One holds much and sleeps, another asks for more than is left: it is the first that goes. */
static void largest(unsigned unused)
{
	uint64_t much = free_pages() / 4 * 3, little = free_pages() / 2;
	pid_t large = holder_start(much, "0", little), small = toucher_start(little);

	(void)unused;
	NEED(is_killed(large));
	child_end(small);
}

/* The same, but the first is never to be ended: it is the other that goes. */
static void spared(unsigned unused)
{
	uint64_t much = free_pages() / 4 * 3, little = free_pages() / 2;
	pid_t large = holder_start(much, "-1000", little), small = toucher_start(little);

	(void)unused;
	NEED(is_killed(small));
	NEED(kill(large, 0) == 0 && waitpid(large, NULL, WNOHANG) == 0);
	kill(large, SIGKILL);
	NEED(is_killed(large));
}

static const struct load {
	const char *name;
	void (*run)(unsigned number);
	unsigned before;            /* number of a first run, after which caches have their size; 0: as the load's own */
} loads[] = {
	{ "processes", processes, 20 }, { "threads", threads_apart, 20 }, { "forks", forks, 20 }, { "pipe", pipe_through, 1 },
	{ "directory", directory, 20 }, { "bomb", bomb, 0 }, { "storm", storm, 0 },
	{ "hogs", hogs, 0 }, { "scatter", scatter, 0 }, { "memory", memory, 0 }, { "largest", largest, 0 },
	{ "spared", spared, 0 },
};

/* Ended threads are freed a moment later. A record that lives on may keep the page that it was put into meanwhile. */
static void settle(unsigned long before)
{
	for (unsigned tries = 0; free_pages() + PAGES_KEPT < before; tries++) {
		if (tries == SETTLE_TRIES) {
			printf("load: %ld pages are gone\n", (long)(before - free_pages()));
			exit(1);
		}
		usleep(SETTLE_US);
	}
}

static void load_run(const char *name, unsigned number)
{
	double begun = now();

	for (unsigned i = 0; i < sizeof loads / sizeof loads[0]; i++) {
		unsigned long before;

		if (strcmp(loads[i].name, name) != 0)
			continue;
		if (loads[i].before != 0)
			loads[i].run(loads[i].before);
		usleep(4 * SETTLE_US);
		before = free_pages();
		loads[i].run(number);
		if (!on_linux())
			settle(before);
		printf("load: %s %u\n", name, number);
		fprintf(stderr, "load: %s %u took %.2f s\n", name, number, now() - begun);
		return;
	}
	printf("load: no %s\n", name);
	exit(2);
}

int main(int count, char **argument)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i + 1 < count; i += 2)
		load_run(argument[i], (unsigned)atoi(argument[i + 1]));
	return 0;
}
