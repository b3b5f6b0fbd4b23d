/* misuse [PART...]: what a user without rights may try against the system, one part after the other, each in a process of its own that
 * has to end in time. It begins as the superuser. The same binary runs on Linux. */
#include "need.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { USER = 65534, PAGE = 4096, PART_SECONDS = 120, DEEP = 1300, LISTS = 300, STACK = 65536 };

static void *volatile nowhere = (void *)16;
static const char *self_name;
static pid_t superuser;         /* a process of its */

static void pause_ms(long ms)
{
	struct timespec time = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&time, &time))
		;
}

/* Whether the child ends within that time; its status. */
static int ends_within(pid_t child, double seconds, int *status)
{
	double end = now() + seconds;

	while (now() < end) {
		if (waitpid(child, status, WNOHANG) == child)
			return 1;
		pause_ms(5);
	}
	return 0;
}

static void *thread_of(pthread_t *thread, void *(*main)(void *), void *argument)
{
	NEED(pthread_create(thread, NULL, main, argument) == 0);
	return argument;
}

static void become_user(void)
{
	NEED(setresgid(USER, USER, USER) == 0 && setresuid(USER, USER, USER) == 0);
	prctl(PR_SET_DUMPABLE, 1);
}

/* ---- folders that nobody can reach any more end one after the other ---- */

static void deep_folders(void)
{
	static char path[DEEP * 3 + 8];
	int i;

	NEED(chdir("/tmp/misuse") == 0);
	for (i = 0; i < DEEP; i++)
		NEED(mkdir("d", 0777) == 0 && chdir("d") == 0);
	for (i = 0; i < DEEP; i++) {
		memcpy(path + i * 3, "../d", 5);
		NEED(rmdir(path) == 0);
	}
	NEED(chdir("/tmp/misuse") == 0 && access("d", F_OK) == -1);
}

/* ---- a file that is closed while another thread polls it ---- */

struct polled {
	int descriptor, timeout, result;
};

static void *poll_main(void *argument)
{
	struct polled *polled = argument;
	struct pollfd entry = {polled->descriptor, POLLIN, 0};

	polled->result = poll(&entry, 1, polled->timeout);
	return NULL;
}

static void poll_closed(void)
{
	for (int i = 0; i < 10; i++) {
		struct polled gone = {.timeout = 60}, later = {.timeout = 100000};
		pthread_t one, two;
		double begin = now();
		int ends[2];

		NEED(pipe(ends) == 0);
		gone.descriptor = ends[0];
		thread_of(&one, poll_main, &gone);
		pause_ms(20);
		close(ends[0]);
		close(ends[1]);
		NEED(pipe(ends) == 0);
		later.descriptor = ends[0];
		thread_of(&two, poll_main, &later);
		pthread_join(one, NULL);
		pause_ms(20);
		NEED(write(ends[1], "x", 1) == 1);
		pthread_join(two, NULL);
		NEED(later.result == 1 && now() < begin + 80);
		close(ends[0]);
		close(ends[1]);
	}
}

/* ---- timers that fire all the time ---- */

static volatile sig_atomic_t alarms;

static void on_alarm(int number)
{
	(void)number;
	alarms++;
}

static void timers_fast(void)
{
	struct itimerspec fast = {{0, 1}, {0, 1}};
	struct itimerval soon = {{0, 0}, {0, 20000}};
	int files[16];
	double begin = now();

	for (int i = 0; i < 16; i++) {
		files[i] = timerfd_create(CLOCK_MONOTONIC, 0);
		NEED(files[i] >= 0 && timerfd_settime(files[i], 0, &fast, NULL) == 0);
	}
	signal(SIGALRM, on_alarm);
	NEED(setitimer(ITIMER_REAL, &soon, NULL) == 0);
	while (!alarms && now() < begin + 100)
		pause_ms(5);
	NEED(alarms == 1 && now() < begin + 80);
	for (int i = 0; i < 16; i++) {
		uint64_t ticks;

		NEED(read(files[i], &ticks, 8) == 8 && ticks > 1000);
		close(files[i]);
	}
}

static void *timer_delete_main(void *argument)
{
	atomic_int *stop = argument;

	while (!atomic_load(stop))
		syscall(SYS_timer_delete, 0);
	return NULL;
}

static void timers_deleted(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_NONE};
	atomic_int stop = 0;
	pthread_t thread;
	int id;

	event.sigev_value.sival_ptr = (void *)-1;
	thread_of(&thread, timer_delete_main, &stop);
	for (int i = 0; i < 20000; i++)
		NEED(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id) == 0 && (id == 0 || syscall(SYS_timer_delete, id) == 0));
	atomic_store(&stop, 1);
	pthread_join(thread, NULL);
}

/* ---- terminals ---- */

static int terminal_open(int *slave)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), zero = 0;
	char name[32];
	unsigned number;

	NEED(master >= 0 && ioctl(master, TIOCSPTLCK, &zero) == 0 && ioctl(master, TIOCGPTN, &number) == 0);
	snprintf(name, sizeof name, "/dev/pts/%u", number);
	*slave = open(name, O_RDWR | O_NOCTTY);
	NEED(*slave >= 0);
	return master;
}

static atomic_int stop_all;

static void *settings_main(void *argument)
{
	struct termios plain, tabs;
	int master = *(int *)argument;

	NEED(tcgetattr(master, &plain) == 0);
	tabs = plain;
	tabs.c_oflag |= OPOST | XTABS;
	while (!atomic_load(&stop_all))
		NEED(tcsetattr(master, TCSANOW, &tabs) == 0 && tcsetattr(master, TCSANOW, &plain) == 0);
	return NULL;
}

static void *drain_main(void *argument)
{
	static char bytes[4096];

	while (read(*(int *)argument, bytes, sizeof bytes) > 0)
		;
	return NULL;
}

/* The bytes come from a page that has to be found first each time, while the settings change. */
static void terminal_tabs(void)
{
	int file = open("/tmp/misuse/tabs", O_RDWR | O_CREAT, 0600), slave, master = terminal_open(&slave);
	pthread_t settings, drain;
	char tabs[128], *page;

	memset(tabs, '\t', sizeof tabs);
	NEED(write(file, tabs, sizeof tabs) == sizeof tabs);
	page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, file, 0);
	NEED(page != MAP_FAILED);
	thread_of(&settings, settings_main, &master);
	thread_of(&drain, drain_main, &master);
	for (int i = 0; i < 400; i++)
		NEED(madvise(page, PAGE, MADV_DONTNEED) == 0 && write(slave, page, 128) > 0);
	atomic_store(&stop_all, 1);
	pthread_join(settings, NULL);
	close(slave);
	pthread_join(drain, NULL);
	close(master);
}

static void terminal_kill(void)
{
	int slave, master = terminal_open(&slave), status;
	static char text[1000];
	pid_t child;

	memset(text, 'x', sizeof text);
	child = fork();
	if (child == 0)
		for (;;)
			(void)!write(slave, text, sizeof text);
	pause_ms(300);
	kill(child, SIGKILL);
	NEED(ends_within(child, 5, &status) && WIFSIGNALED(status));
	close(master);
	close(slave);
}

/* ---- vfork ---- */

static atomic_int done[2];

static int slow_child(void *argument)
{
	int which = *(int *)argument;

	pause_ms(which ? 100 : 400);
	atomic_store(&done[which], 1);
	_exit(0);
}

static void *vfork_main(void *argument)
{
	char *stack = malloc(STACK);
	int which = *(int *)argument, status;
	pid_t child;

	if (which)
		pause_ms(50);
	child = clone(slow_child, stack + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, argument);
	NEED(child > 0 && atomic_load(&done[which]));
	NEED(waitpid(child, &status, 0) == child);
	free(stack);
	return NULL;
}

static void vfork_threads(void)
{
	pthread_t threads[2];
	int which[2] = {0, 1};

	for (int i = 0; i < 2; i++)
		thread_of(&threads[i], vfork_main, &which[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

static int long_child(void *argument)
{
	(void)argument;
	pause_ms(8000);
	_exit(0);
}

static int short_child(void *argument)
{
	(void)argument;
	_exit(0);
}

/* Who waits for a vfork's child can be killed, and a child that is a sibling lets it go on. */
static void vfork_kill(void)
{
	static char stack[STACK];
	int status;
	pid_t child = fork();

	if (child == 0) {
		clone(long_child, stack + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
		_exit(1);
	}
	pause_ms(200);
	kill(child, SIGKILL);
	NEED(ends_within(child, 4, &status) && WIFSIGNALED(status));
	child = fork();
	if (child == 0) {
		clone(short_child, stack + STACK, CLONE_VM | CLONE_VFORK | CLONE_PARENT | SIGCHLD, NULL);
		_exit(7);
	}
	NEED(ends_within(child, 4, &status) && WEXITSTATUS(status) == 7);
}

/* ---- exec of several threads at once, and while threads are made ---- */

static atomic_int ready;

static void *exec_main(void *argument)
{
	char *words[] = {(char *)self_name, "nothing", NULL}, *none[] = {NULL};

	(void)argument;
	atomic_fetch_add(&ready, 1);
	while (atomic_load(&ready) < 2)
		;
	execve(self_name, words, none);
	_exit(9);
}

static void *spawn_main(void *argument)
{
	pthread_t thread;

	pause_ms(1);
	if (pthread_create(&thread, NULL, spawn_main, argument) == 0)
		pthread_detach(thread);
	return NULL;
}

static void exec_threads(void)
{
	for (int i = 0; i < 30; i++) {
		int status;
		pid_t child = fork();

		if (child == 0) {
			pthread_t thread;

			if (i % 2) {
				atomic_store(&ready, 1);
				thread_of(&thread, spawn_main, NULL);
				pause_ms(3);
			} else {
				thread_of(&thread, exec_main, NULL);
			}
			exec_main(NULL);
		}
		NEED(ends_within(child, 10, &status) && status == 0);
	}
}

/* ---- /proc ---- */

static void *maps_main(void *argument)
{
	static char text[16384];

	(void)argument;
	while (!atomic_load(&stop_all)) {
		int file = open("/proc/self/maps", O_RDONLY);

		NEED(file >= 0 && read(file, text, sizeof text) > 0);
		close(file);
	}
	return NULL;
}

/* A folder is listed into memory that has to be found while others are told what is mapped, files of that folder among it. */
static void maps_listed(void)
{
	char name[64], *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int folder;
	pthread_t thread;

	NEED(mkdir("/tmp/misuse/maps", 0700) == 0);
	for (int i = 0; i < 16; i++) {
		int file;

		snprintf(name, sizeof name, "/tmp/misuse/maps/%d", i);
		file = open(name, O_RDWR | O_CREAT, 0600);
		NEED(file >= 0 && ftruncate(file, PAGE) == 0 && mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, file, 0) != MAP_FAILED);
		close(file);
	}
	folder = open("/tmp/misuse/maps", O_RDONLY | O_DIRECTORY);
	thread_of(&thread, maps_main, NULL);
	for (int i = 0; i < LISTS; i++) {
		madvise(page, PAGE, MADV_DONTNEED);
		lseek(folder, 0, SEEK_SET);
		NEED(syscall(SYS_getdents64, folder, page, PAGE) > 0);
	}
	atomic_store(&stop_all, 1);
	pthread_join(thread, NULL);
}

static void exe_looked_at(void)
{
	char name[64], path[256];
	int status;
	pid_t child = fork();

	if (child == 0) {
		char *words[] = {(char *)self_name, "again", "200", NULL}, *none[] = {NULL};

		execve(self_name, words, none);
		_exit(9);
	}
	snprintf(name, sizeof name, "/proc/%d/exe", (int)child);
	while (waitpid(child, &status, WNOHANG) == 0)
		(void)!readlink(name, path, sizeof path);
	NEED(status == 0);
}

static int may_open(const char *format, pid_t pid)
{
	char name[64];
	int file;

	snprintf(name, sizeof name, format, (int)pid);
	file = open(name, O_RDONLY);
	if (file >= 0)
		close(file);
	return file >= 0 ? 0 : errno;
}

/* One's own is open, the superuser's is not. */
static void proc_rights(void)
{
	char text[64];
	int fd = memfd_create("m", 0);

	NEED(may_open("/proc/self/fd", 0) == 0 && may_open("/proc/self/environ", 0) == 0);
	NEED(may_open("/proc/%d/fd", superuser) == EACCES && may_open("/proc/%d/environ", superuser) == EACCES);
	snprintf(text, sizeof text, "/proc/self/fd/%d", fd);
	NEED(open(text, O_RDWR) >= 0);
	snprintf(text, sizeof text, "/dev/fd/%d", fd);
	NEED(open(text, O_RDONLY) >= 0);
}

/* ---- others' processes ---- */

static void limits_of_others(void)
{
	struct rlimit limit = {0, 0};

	NEED(prlimit(superuser, RLIMIT_NOFILE, &limit, NULL) == -1 && errno == EPERM);
	NEED(prlimit(superuser, RLIMIT_NOFILE, NULL, &limit) == -1 && errno == EPERM);
	NEED(prlimit(getpid(), RLIMIT_NOFILE, NULL, &limit) == 0);
	NEED(kill(superuser, SIGKILL) == -1 && errno == EPERM);
}

/* A child of an unprivileged one that counts as its superuser's does not choose how it tells of its end. Run as the superuser. */
static void parent_killed(void)
{
	int status;
	pid_t parent = fork();

	if (parent == 0) {
		pid_t child = fork();

		if (child == 0) {
			become_user();
			if (syscall(SYS_clone, CLONE_PARENT | SIGKILL, 0, 0, 0, 0) == 0)
				_exit(0);
			pause_ms(100);
			_exit(0);
		}
		while (waitpid(-1, NULL, __WALL) > 0)
			;
		_exit(5);
	}
	NEED(ends_within(parent, 5, &status) && WIFEXITED(status) && WEXITSTATUS(status) == 5);
}

/* ---- memory that calls leave behind ---- */

static void signals_queued(void)
{
	union sigval value = {0};
	sigset_t set;
	long count = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	while (count < 300000 && sigqueue(getpid(), SIGRTMIN, value) == 0)
		count++;
	NEED(count > 30 && count < 300000 && errno == EAGAIN);
	NEED(kill(getpid(), SIGRTMIN) == 0);
}

static unsigned long free_bytes(void)
{
	struct sysinfo info;

	NEED(sysinfo(&info) == 0);
	return info.freeram * info.mem_unit;
}

static void pipes_resized(void)
{
	static char page[PAGE];
	unsigned long before = free_bytes(), after;

	for (int i = 0; i < 4000; i++) {
		int ends[2];

		NEED(pipe(ends) == 0 && write(ends[1], page, PAGE) == PAGE && write(ends[1], nowhere, 1) == -1);
		NEED(fcntl(ends[1], F_SETPIPE_SZ, 8 * PAGE) == 8 * PAGE);
		close(ends[0]);
		close(ends[1]);
	}
	after = free_bytes();
	NEED(after + (8 << 20) > before);
}

/* ---- bits that make programs run as others ---- */

static uint32_t mode_of(const char *name)
{
	struct stat stat_;

	NEED(stat(name, &stat_) == 0);
	return stat_.st_mode & 07777;
}

static void bits_make(const char *name, uint32_t mode)
{
	int file = open(name, O_RDWR | O_CREAT, 0755);

	NEED(file >= 0 && write(file, "text", 4) == 4 && fchmod(file, mode) == 0 && close(file) == 0);
}

static void set_bits(void)
{
	const char *name = "/tmp/misuse/bits";
	int file;

	bits_make(name, 06755);
	NEED(truncate(name, 2) == 0 && mode_of(name) == 0755);
	NEED(chmod(name, 06755) == 0);
	NEED((file = open(name, O_WRONLY | O_TRUNC)) >= 0 && close(file) == 0 && mode_of(name) == 0755);
	NEED(chmod(name, 06755) == 0);
	NEED((file = open(name, O_WRONLY)) >= 0 && ftruncate(file, 100) == 0 && close(file) == 0 && mode_of(name) == 0755);
	NEED(chmod(name, 06755) == 0);
	NEED((file = open(name, O_WRONLY)) >= 0 && write(file, "x", 1) == 1 && close(file) == 0 && mode_of(name) == 0755);
	NEED(chmod(name, 04644) == 0 && chown(name, USER, USER) == 0 && mode_of(name) == 0644);
	/* a folder of the superuser's group gives its group, not its rights */
	NEED((file = open("/tmp/misuse/group/program", O_RDWR | O_CREAT, 02755)) >= 0);
	NEED(close(file) == 0 && mode_of("/tmp/misuse/group/program") == 0755);
}

/* ---- names ---- */

static void linked_by_descriptor(void)
{
	int file = open("/tmp/misuse/gone", O_RDWR | O_CREAT, 0600);
	char name[64];

	NEED(file >= 0 && unlink("/tmp/misuse/gone") == 0);
	snprintf(name, sizeof name, "/proc/self/fd/%d", file);
	NEED(linkat(AT_FDCWD, name, AT_FDCWD, "/tmp/misuse/back", AT_SYMLINK_FOLLOW) == -1 && errno == ENOENT);
	NEED(linkat(memfd_create("m", 0), "", AT_FDCWD, "/tmp/misuse/back", AT_EMPTY_PATH) == -1);
}

/* ---- registers ---- */

static int tls_child(void *argument)
{
	(void)argument;
	_exit(0);
}

static void bases_wild(void)
{
	static const uint64_t bases[] = {1ull << 63, 0x800000000000, 0xffff800000000000, 0xffffffff80000000, ~0ull, 0x7ffffffff000};
	static char stack[STACK];
	stack_t alternate = {.ss_sp = (void *)(1ull << 63), .ss_size = 1 << 20};
	struct sigaction wild = {.sa_handler = (void (*)(int))(1ull << 63)};

	for (unsigned i = 0; i < sizeof bases / sizeof bases[0]; i++) {
		int status;
		pid_t child = clone(tls_child, stack + STACK, CLONE_SETTLS | SIGCHLD, NULL, NULL, (void *)bases[i], NULL);

		if (child > 0)
			NEED(ends_within(child, 5, &status));
		child = fork();
		if (child == 0) {
			sigaltstack(&alternate, NULL);
			wild.sa_handler = (void (*)(int))bases[i];
			wild.sa_flags = i % 2 ? SA_ONSTACK : 0;
			sigaction(SIGUSR1, &wild, NULL);
			raise(SIGUSR1);
			_exit(0);
		}
		NEED(child > 0 && ends_within(child, 5, &status) && WIFSIGNALED(status));
		child = fork();
		if (child == 0) {
			syscall(SYS_arch_prctl, 0x1001, bases[i]);
			syscall(SYS_arch_prctl, 0x1002, bases[i]);
			_exit(0);
		}
		NEED(child > 0 && ends_within(child, 5, &status));
	}
}

/* ---- not among the parts that run by themselves: it takes all the room there is for files ---- */

static void files_flood(void)
{
	char name[64];
	long count = 0;
	int status;
	pid_t child;

	NEED(mkdir("/tmp/misuse/flood", 0700) == 0 && chdir("/tmp/misuse/flood") == 0);
	for (; count < 4000000; count++) {
		snprintf(name, sizeof name, "%ld", count);
		if (mknod(name, S_IFREG | 0600, 0))
			break;
	}
	NEED(count < 4000000 && errno == ENOSPC);
	NEED(symlink("a", "link") == -1 && errno == ENOSPC);
	NEED(link("0", "another") == -1 && errno == ENOSPC);
	child = fork();
	if (child == 0)
		_exit(3);
	NEED(child > 0 && ends_within(child, 5, &status) && WEXITSTATUS(status) == 3);
	NEED(unlink("0") == 0);
}

/* Who fills pipes until there is no memory is the one that ends, not who has some of its own. Not for Linux, whose pipes have a limit. */
static void pipes_hoarded(void)
{
	enum { OWN = 48 << 20 };
	static char text[65536];
	pid_t child = fork();
	char *own;
	int status;

	if (child == 0) {
		for (;;) {
			int ends[2];

			if (pipe2(ends, O_NONBLOCK) == -1)
				break;
			fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
			while (write(ends[1], text, sizeof text) > 0)
				;
			if (errno != EAGAIN)
				break;
		}
		for (;;)
			pause();
	}
	own = mmap(NULL, OWN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(own != MAP_FAILED);
	for (long at = 0; at < OWN; at += PAGE) {
		own[at] = 1;
		if (at % (1 << 20) == 0)
			pause_ms(20);
	}
	pause_ms(3000);
	for (long at = 0; at < OWN; at += PAGE)
		own[at] = 2;
	for (int i = 0; i < 20; i++) {
		pid_t other = fork();

		if (other == 0) {
			for (long at = 0; at < OWN / 2; at += PAGE)
				own[at] = 3;
			_exit(0);
		}
		NEED(other > 0 && ends_within(other, 20, &status) && status == 0);
	}
	NEED(ends_within(child, 1, &status) && WIFSIGNALED(status));
}

/* ---- what one thread gives up while another is in execve stays given up: where threads have one identity, as programs see it ---- */

enum { GIVEN_ROUNDS = 20, GIVEN_WORDS = 3000, GIVEN_ROOM = 64 * PAGE };

static volatile char *given;    /* shared: rights were given up */

static void *identity_main(void *argument)
{
	NEED(syscall(SYS_setfsuid, USER) == 0);
	return argument;
}

/* Begins when the first word was read, which nobody touched before. */
static void *give_main(void *argument)
{
	unsigned char there = 0;

	while (!(there & 1))
		NEED(mincore(argument, PAGE, &there) == 0);
	NEED(syscall(SYS_setresuid, USER, USER, USER) == 0);
	*given = 1;
	return NULL;
}

/* The program that is run: rights and the mark that they were given up are not there at once. */
static void given_look(const char *descriptor)
{
	char mark = 0;

	_exit(pread(atoi(descriptor), &mark, 1, 0) != 1 || (mark && (getuid() == 0 || geteuid() == 0 || access("/tmp/misuse/roots", R_OK) == 0)));
}

static void given_round(int descriptor)
{
	static char *words[GIVEN_WORDS + 1];
	char number[16], *room;
	pthread_t thread;

	snprintf(number, sizeof number, "%d", descriptor);
	for (int i = 0; i < GIVEN_WORDS; i++)
		words[i] = (char *)"a word among many";
	room = mmap(NULL, GIVEN_ROOM, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	words[0] = room + GIVEN_ROOM / 2;
	words[1] = (char *)"given";
	words[2] = number;
	NEED(room != MAP_FAILED);
	thread_of(&thread, give_main, words[0]);
	execve(self_name, words, (char *[]) {NULL});
	_exit(2);
}

static void given_up(void)
{
	int descriptor = memfd_create("given", 0), status;
	pthread_t thread;
	pid_t child;

	NEED(ftruncate(descriptor, PAGE) == 0);
	given = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
	NEED(given != MAP_FAILED);
	NEED(close(open("/tmp/misuse/roots", O_CREAT | O_WRONLY, 0600)) == 0);
	thread_of(&thread, identity_main, NULL);
	pthread_join(thread, NULL);
	if (syscall(SYS_setfsuid, 0) == 0)
		return;
	for (int i = 0; i < GIVEN_ROUNDS; i++) {
		*given = 0;
		child = fork();
		if (child == 0)
			given_round(descriptor);
		NEED(waitpid(child, &status, 0) == child && status == 0);
	}
}

static const struct part {
	const char *name;
	void (*run)(void);
	int as_superuser, by_name_only;
} parts[] = {
	{"deep_folders", deep_folders, 0, 0}, {"poll_closed", poll_closed, 0, 0}, {"timers_fast", timers_fast, 0, 0},
	{"timers_deleted", timers_deleted, 0, 0}, {"terminal_tabs", terminal_tabs, 0, 0}, {"terminal_kill", terminal_kill, 0, 0},
	{"vfork_threads", vfork_threads, 0, 0}, {"vfork_kill", vfork_kill, 0, 0}, {"exec_threads", exec_threads, 0, 0},
	{"maps_listed", maps_listed, 0, 0}, {"exe_looked_at", exe_looked_at, 0, 0}, {"proc_rights", proc_rights, 0, 0},
	{"limits_of_others", limits_of_others, 0, 0}, {"parent_killed", parent_killed, 1, 0}, {"signals_queued", signals_queued, 0, 0},
	{"pipes_resized", pipes_resized, 0, 0}, {"set_bits", set_bits, 0, 0}, {"linked_by_descriptor", linked_by_descriptor, 0, 0},
	{"bases_wild", bases_wild, 0, 0}, {"given_up", given_up, 1, 0}, {"files_flood", files_flood, 0, 1},
	{"pipes_hoarded", pipes_hoarded, 0, 1},
};

static int part_run(const struct part *part)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (!part->as_superuser)
			become_user();
		part->run();
		_exit(0);
	}
	if (!ends_within(child, PART_SECONDS, &status)) {
		kill(child, SIGKILL);
		printf("misuse: %s did not end\n", part->name);
	} else if (status != 0) {
		printf("misuse: %s: status %x\n", part->name, (unsigned)status);
	} else {
		return 0;
	}
	fflush(stdout);
	return 1;
}

static int wanted(const struct part *part, int count, char **names)
{
	if (count == 0)
		return !part->by_name_only;
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], part->name) == 0)
			return 1;
	return 0;
}

static void exec_again(const char *count)
{
	char left[16], *words[] = {(char *)self_name, "again", left, NULL}, *none[] = {NULL};

	snprintf(left, sizeof left, "%d", atoi(count) - 1);
	if (atoi(count) > 0)
		execve(self_name, words, none);
	_exit(0);
}

int main(int count, char **words)
{
	int failed = 0;

	self_name = words[0];
	if (count > 1 && strcmp(words[1], "nothing") == 0)
		_exit(0);
	if (count > 2 && strcmp(words[1], "again") == 0)
		exec_again(words[2]);
	if (count > 2 && strcmp(words[1], "given") == 0)
		given_look(words[2]);
	superuser = getpid();
	NEED(mkdir("/tmp/misuse", 0777) == 0 && chmod("/tmp/misuse", 01777) == 0);
	NEED(mkdir("/tmp/misuse/group", 0777) == 0 && chmod("/tmp/misuse/group", 02777) == 0);
	for (unsigned i = 0; i < sizeof parts / sizeof parts[0]; i++)
		if (wanted(&parts[i], count - 1, words + 1))
			failed += part_run(&parts[i]);
	if (!failed)
		printf("misuse: withstood\n");
	return failed != 0;
}
