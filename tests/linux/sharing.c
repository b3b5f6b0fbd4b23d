/* Processes that share descriptors, folders, or how signals are handled, without being threads, and part again: clone, unshare, close_range, exec, ends. */
#include <limits.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "try.h"

/* As fork, but sharing what `flags` say. */
static pid_t sharing_fork(unsigned long flags)
{
	fflush(stdout);
	return (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
}

static void ended(pid_t child)
{
	int status;

	waitpid(child, &status, 0);
	SAY("ended: %x", status);
}

static void where(const char *who)
{
	char path[PATH_MAX];

	SAY("%s: %s", who, strrchr(getcwd(path, sizeof path), '/'));
}

static void descriptors(void)
{
	int two[2], shared = open("/dev/null", O_RDONLY);
	pid_t child;
	char c = 0;

	SAY("-- descriptors");
	pipe(two);
	child = sharing_fork(CLONE_FILES);
	if (child == 0) {
		close(shared);
		dup2(two[1], 90);
		fcntl(two[0], F_SETFD, FD_CLOEXEC);
		_exit(0);
	}
	ended(child);
	TRY(fcntl(shared, F_GETFD));
	TRY(write(90, "x", 1));
	TRY(read(two[0], &c, 1));
	TRY(fcntl(two[0], F_GETFD));
	child = sharing_fork(CLONE_FILES);
	if (child == 0) {
		TRY(unshare(CLONE_FILES));
		TRY(unshare(CLONE_FILES));
		close(90);
		_exit(0);
	}
	ended(child);
	TRY(fcntl(90, F_GETFD));
	child = sharing_fork(CLONE_FILES);
	if (child == 0) {
		TRY(syscall(SYS_close_range, 50, 100, CLOSE_RANGE_UNSHARE));
		TRY(fcntl(90, F_GETFD));
		_exit(0);
	}
	ended(child);
	TRY(fcntl(90, F_GETFD));
	child = sharing_fork(CLONE_FILES);
	if (child == 0) {
		TRY(syscall(SYS_close_range, 50, 100, 0));
		_exit(0);
	}
	ended(child);
	TRY(fcntl(90, F_GETFD));
	close(two[0]);
	close(two[1]);
}

/* What is closed at exec is closed for the one that runs another program, and others keep it. */
static void over_exec(const char *self)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char text[16];
	pid_t child;

	SAY("-- exec");
	snprintf(text, sizeof text, "%d", fd);
	child = sharing_fork(CLONE_FILES | CLONE_FS);
	if (child == 0) {
		execl(self, self, text, (char *)0);
		_exit(9);
	}
	ended(child);
	TRY(fcntl(fd, F_GETFD));
	where("after a chdir by the other program");
	close(fd);
}

/* One reads and waits while the other closes and ends. */
static void closed_while_used(void)
{
	int two[2];
	pid_t child;
	char c;

	SAY("-- closed while used");
	pipe(two);
	child = sharing_fork(CLONE_FILES);
	if (child == 0) {
		until_asleep(getppid(), getppid());
		close(two[0]);
		write(two[1], "y", 1);
		_exit(0);
	}
	TRY(read(two[0], &c, 1));
	ended(child);
	TRY(read(two[0], &c, 1));
	close(two[1]);
}

static void many(void)
{
	int all = 0, fd;
	pid_t child[4];

	SAY("-- many at once");
	syscall(SYS_close_range, 3, ~0u, 0);
	for (int i = 0; i < 4; i++) {
		child[i] = sharing_fork(CLONE_FILES);
		if (child[i] == 0) {
			for (int round = 0; round < 500; round++) {
				fd = open("/dev/null", O_WRONLY);
				write(fd, "z", 1);
				if (round % 5)
					close(fd);
			}
			_exit(0);
		}
	}
	for (int i = 0; i < 4; i++)
		waitpid(child[i], 0, 0);
	for (int i = 3; i < 1000; i++)
		all += fcntl(i, F_GETFD) >= 0;
	SAY("%d left", all);
	TRY(syscall(SYS_close_range, 3, ~0u, 0));
}

static void folders(void)
{
	pid_t child;

	SAY("-- folders");
	mkdir("one", 0777);
	mkdir("one/two", 0777);
	umask(022);
	child = sharing_fork(CLONE_FS);
	if (child == 0) {
		chdir("one");
		umask(077);
		_exit(0);
	}
	ended(child);
	where("shared");
	SAY("%o", umask(022));
	child = sharing_fork(CLONE_FS);
	if (child == 0) {
		TRY(unshare(CLONE_FS | CLONE_FILES));
		chdir("two");
		where("parted");
		_exit(0);
	}
	ended(child);
	where("still");
	chdir("..");
}

/* ---- how signals are handled ---- */

enum { STACK = 65536 };
static int caught, turn[2];     /* a pipe by which a child waits for its parent */
static const char *self_path;

static void catch(int number)
{
	caught = number;
}

static void handle(int number, void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

	TRY(sigaction(number, &action, 0));
}

static void say_handler(const char *who, int number)
{
	struct sigaction action;

	sigaction(number, 0, &action);
	SAY("%s: signal %d: %s, flags %x", who, number, action.sa_handler == SIG_DFL ? "default" : action.sa_handler == SIG_IGN ? "ignored" : "caught",
		action.sa_flags & ~0x04000000u);
}

static int child_handles(void *unused)
{
	(void)unused;
	handle(SIGUSR1, catch, 0);
	handle(SIGUSR2, SIG_IGN, 0);
	say_handler("child", SIGHUP);
	sigset_t block;

	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, 0);
	raise(SIGUSR1);
	return 0;
}

static int child_once(void *unused)
{
	(void)unused;
	caught = 0;
	raise(SIGUSR1);
	SAY("child caught %d", caught);
	return 0;
}

static int child_executes(void *unused)
{
	(void)unused;
	execl(self_path, self_path, "handlers", (char *)0);
	return 9;
}

static int child_waits(void *unused)
{
	char c;

	(void)unused;
	return read(turn[0], &c, 1) != 1;
}

static int child_forks(void *unused)
{
	pid_t child = fork();

	(void)unused;
	if (child == 0) {
		handle(SIGUSR1, SIG_IGN, 0);
		_exit(0);
	}
	waitpid(child, 0, 0);
	say_handler("parent of a copy", SIGUSR1);
	return 0;
}

static pid_t handlers_clone(int (*main)(void *))
{
	static char stack[STACK] __attribute__((aligned(16)));

	return clone(main, stack + STACK, CLONE_VM | CLONE_SIGHAND | SIGCHLD, 0);
}

static void handlers(void)
{
	siginfo_t info;
	pid_t child;

	SAY("-- handlers");
	handle(SIGHUP, catch, SA_RESTART);
	ended(handlers_clone(child_handles));
	raise(SIGUSR1);
	SAY("caught %d", caught);
	say_handler("parent", SIGUSR2);
	handle(SIGUSR1, catch, SA_RESETHAND);
	ended(handlers_clone(child_once));
	say_handler("parent", SIGUSR1);
	handle(SIGUSR1, catch, 0);
	ended(handlers_clone(child_executes));
	say_handler("parent", SIGUSR1);
	ended(handlers_clone(child_forks));
	say_handler("parent", SIGUSR1);
	TRY(unshare(CLONE_SIGHAND));
	pipe(turn);
	child = handlers_clone(child_waits);
	TRY(unshare(CLONE_SIGHAND));
	TRY(unshare(CLONE_VM));
	write(turn[1], "x", 1);
	waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
	TRY(unshare(CLONE_SIGHAND));
	ended(child);
	TRY(unshare(CLONE_SIGHAND));
	/* The one with whom the table was shared is gone: what it did stays. */
	child = fork();
	if (child == 0) {
		if (handlers_clone(child_waits) < 0)
			_exit(9);
		handle(SIGUSR1, SIG_DFL, 0);
		kill(getpid(), SIGUSR1);
	}
	ended(child);
	write(turn[1], "x", 1);
	close(turn[0]);
	close(turn[1]);
	signal(SIGHUP, SIG_DFL);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
}

static void *idle(void *nothing)
{
	pause();
	return nothing;
}

static void refusals(void)
{
	pthread_t thread;
	pid_t child;

	SAY("-- refusals");
	TRY(unshare(0));
	TRY(unshare(1));
	TRY(unshare(CLONE_THREAD));
	TRY(unshare(CLONE_SIGHAND));
	TRY(unshare(CLONE_VM));
	TRY(unshare(CLONE_SYSVSEM));
	TRY(unshare(CLONE_PARENT));
	TRY(unshare(CLONE_VFORK | CLONE_FILES));
	TRY(sharing_fork(CLONE_SIGHAND));
	child = fork();
	if (child == 0) {
		pthread_create(&thread, 0, idle, 0);
		TRY(unshare(CLONE_THREAD));
		TRY(unshare(CLONE_VM));
		TRY(unshare(CLONE_SIGHAND));
		_exit(0);
	}
	ended(child);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "handlers")) {
		say_handler("another program", SIGHUP);
		say_handler("another program", SIGUSR1);
		say_handler("another program", SIGUSR2);
		handle(SIGUSR1, SIG_IGN, 0);
		return 0;
	}
	if (argc == 2) {
		SAY("another program");
		TRY(fcntl(atoi(argv[1]), F_GETFD));
		close(1);
		chdir("over");
		return 3;
	}
	mkdir("start", 0777);
	chdir("start");
	descriptors();
	mkdir("over", 0777);
	over_exec(argv[0]);
	chdir("..");
	closed_while_used();
	many();
	folders();
	self_path = argv[0];
	handlers();
	refusals();
	return 0;
}
