/* Signals of files: O_ASYNC, owners, F_SETSIG, who may send them, and what they say. */
#include "try.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>

#ifndef F_GETOWNER_UIDS
#define F_GETOWNER_UIDS 17
#endif

static int watched;             /* whose descriptor is to be in si_fd */

/* What came since the last time. Sent signals are there when the call that caused them is over. */
static void came(const char *after)
{
	struct timespec none = {0, 0};
	siginfo_t info;
	sigset_t set;
	int number;

	sigfillset(&set);
	SAY("after %s:", after);
	while ((number = sigtimedwait(&set, &info, &none)) > 0) {
		if (number == SIGCHLD && info.si_code >= 0)
			continue;               /* a child's end */
		if (number >= SIGRTMIN)
			SAY("  real-time %d: code %d, band %lx, %s", number - SIGRTMIN, info.si_code, info.si_band, info.si_fd == watched ? "its descriptor" : "another");
		else if (info.si_code > 0 && info.si_code < 16)
			SAY("  %s: code %d, band %lx, %s", sigabbrev_np(number), info.si_code, info.si_band, info.si_fd == watched ? "its descriptor" : "another");
		else
			SAY("  %s: code %d", sigabbrev_np(number), info.si_code);
	}
}

static void own(int fd, int number)
{
	fcntl(fd, F_SETOWN, getpid());
	fcntl(fd, F_SETSIG, number);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC);
	watched = fd;
}

static void owners(void)
{
	struct f_owner_ex owner = {F_OWNER_TID, 0};
	uint32_t users[2];
	int pipes[2], file = open("file", O_CREAT | O_RDWR, 0600), on = 1;
	pid_t child;

	SAY("-- owners");
	pipe(pipes);
	TRY(fcntl(pipes[0], F_GETOWN));
	TRY(fcntl(pipes[0], F_GETSIG));
	TRY(fcntl(pipes[0], F_SETOWN, getpid()));
	TRY(fcntl(pipes[0], F_GETOWN) == getpid());
	TRY(fcntl(pipes[0], F_SETOWN, 4999999));
	TRY(fcntl(pipes[0], F_SETOWN, (int)0x80000000));
	TRY(fcntl(pipes[0], F_SETOWN, -4999999));
	TRY(fcntl(pipes[0], F_GETOWN) == getpid());
	TRY(fcntl(pipes[0], F_SETOWN, -getpgrp()));
	TRY(fcntl(pipes[0], F_GETOWN_EX, &owner));
	SAY("%d %d", owner.type, owner.pid == getpgrp());
	owner = (struct f_owner_ex){F_OWNER_TID, getpid()};
	TRY(fcntl(pipes[0], F_SETOWN_EX, &owner));
	TRY(fcntl(pipes[0], F_GETOWN_EX, &owner));
	SAY("%d %d", owner.type, owner.pid == getpid());
	owner = (struct f_owner_ex){3, getpid()};
	TRY(fcntl(pipes[0], F_SETOWN_EX, &owner));
	owner = (struct f_owner_ex){F_OWNER_PID, 4999999};
	TRY(fcntl(pipes[0], F_SETOWN_EX, &owner));
	TRY(fcntl(pipes[0], F_SETOWN_EX, BAD_ADDRESS));
	TRY(fcntl(pipes[0], F_GETOWN_EX, BAD_ADDRESS));
	TRY(fcntl(pipes[0], F_SETSIG, 65));
	TRY(fcntl(pipes[0], F_SETSIG, -1));
	TRY(fcntl(pipes[0], F_SETSIG, 64));
	TRY(fcntl(pipes[0], F_GETSIG));
	TRY(fcntl(pipes[0], F_SETSIG, 0));
	child = fork();
	if (child == 0)
		pause();
	TRY(fcntl(pipes[1], F_SETOWN, child));
	kill(child, SIGKILL);
	waitpid(child, 0, 0);
	TRY(fcntl(pipes[1], F_GETOWN));
	TRY(fcntl(pipes[0], F_GETOWNER_UIDS, users));
	SAY("%d %d", users[0] == getuid(), users[1] == geteuid());
	TRY(fcntl(pipes[0], F_SETOWN, 0));
	TRY(fcntl(pipes[0], F_GETOWN));
	TRY(fcntl(file, F_SETFL, O_ASYNC));
	TRY((fcntl(file, F_GETFL) & O_ASYNC) != 0);
	TRY(fcntl(file, F_SETFL, 0));
	TRY(ioctl(file, FIOASYNC, &on));
	TRY(ioctl(eventfd(0, 0), FIOASYNC, &on));
	TRY(ioctl(pipes[0], FIOASYNC, BAD_ADDRESS));
	TRY(ioctl(pipes[0], FIOASYNC, &on));
	TRY((fcntl(pipes[0], F_GETFL) & O_ASYNC) != 0);
	TRY(ioctl(pipes[0], FIOASYNC, &on));
	on = 0;
	TRY(ioctl(pipes[0], FIOASYNC, &on));
	TRY((fcntl(pipes[0], F_GETFL) & O_ASYNC) != 0);
	close(pipes[0]);
	close(pipes[1]);
	close(file);
}

static void of_pipes(void)
{
	int pipes[2], copy;
	char text[70000];

	SAY("-- pipes");
	memset(text, 'x', sizeof text);
	pipe(pipes);
	own(pipes[0], 0);
	write(pipes[1], "x", 1);
	came("a write");
	own(pipes[0], SIGRTMIN);
	write(pipes[1], "x", 1);
	came("a write");
	write(pipes[1], "x", 1);
	write(pipes[1], "x", 1);
	came("two writes");
	read(pipes[0], text, 3);
	came("a read");
	own(pipes[0], SIGIO);
	write(pipes[1], "x", 1);
	came("a write, SIGIO");
	own(pipes[0], SIGCHLD);
	write(pipes[1], "x", 1);
	came("a write, SIGCHLD");
	own(pipes[0], SIGRTMIN);
	copy = dup(pipes[0]);
	close(pipes[0]);
	write(pipes[1], "x", 1);
	came("a write, to a copy");
	fcntl(copy, F_SETFL, 0);
	write(pipes[1], "x", 1);
	came("a write without O_ASYNC");
	fcntl(copy, F_SETOWN, 0);
	fcntl(copy, F_SETFL, O_ASYNC);
	write(pipes[1], "x", 1);
	came("a write without an owner");
	fcntl(copy, F_SETOWN, getpid());
	watched = copy;
	close(pipes[1]);
	came("the end of writers");
	close(copy);
	came("the last close");
	pipe(pipes);
	own(pipes[1], SIGRTMIN + 1);
	fcntl(pipes[1], F_SETFL, O_NONBLOCK | O_ASYNC);
	write(pipes[1], text, sizeof text);
	came("a filling write");
	read(pipes[0], text, 10);
	came("a small read");
	while (read(pipes[0], text, 32768) == 32768)
		;
	came("reads");
	close(pipes[0]);
	came("the end of readers");
	close(pipes[1]);
}

static void of_sockets(void)
{
	struct sockaddr_un name = {AF_UNIX, "bound"};
	int pair[2], listener, client, server;
	char text[4096] = {0};

	SAY("-- sockets");
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	own(pair[0], SIGRTMIN);
	write(pair[1], "x", 1);
	came("a write");
	send(pair[1], "xy", 2, 0);
	came("a send");
	read(pair[0], text, 3);
	came("a read");
	write(pair[0], "x", 1);
	read(pair[1], text, 1);
	came("a read of the other");
	fcntl(pair[0], F_SETFL, O_ASYNC | O_NONBLOCK);
	while (write(pair[0], text, sizeof text) > 0)
		;
	came("writes");
	fcntl(pair[1], F_SETFL, O_NONBLOCK);
	while (read(pair[1], text, sizeof text) > 0)
		;
	came("reads of all");
	shutdown(pair[1], SHUT_WR);
	came("a shutdown");
	close(pair[1]);
	came("the other's close");
	close(pair[0]);
	socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
	own(pair[0], SIGRTMIN);
	send(pair[1], "x", 1, 0);
	came("a datagram");
	close(pair[0]);
	close(pair[1]);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	bind(listener, (struct sockaddr *)&name, sizeof name);
	listen(listener, 5);
	own(listener, SIGRTMIN + 2);
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	connect(client, (struct sockaddr *)&name, sizeof name);
	came("a connect");
	server = accept(listener, 0, 0);
	came("an accept");
	own(server, SIGRTMIN + 3);
	close(client);
	came("the client's close");
	close(server);
	close(listener);
	unlink("bound");
}

/* Waits until as many bytes can be read and all are told of it: Linux does both in a worker, which the question waits for. */
static void until_told(int fd, int bytes)
{
	int there = 0;

	while (ioctl(fd, FIONREAD, &there) == 0 && there < bytes)
		pause_ms(1);
	ioctl(fd, FIONREAD, &there);
}

static void of_terminals(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	char text[100];

	SAY("-- terminals");
	grantpt(master);
	unlockpt(master);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	fcntl(slave, F_SETFL, O_RDWR | O_ASYNC);
	TRY(fcntl(slave, F_GETOWN) == getpid());
	own(slave, SIGRTMIN);
	write(master, "x", 1);
	until_told(master, 1);
	came("half a line");
	write(master, "\n", 1);
	until_told(slave, 2);
	came("a line");
	read(slave, text, sizeof text);
	came("a read");
	fcntl(slave, F_SETFL, O_RDWR);
	until_told(master, 3);
	read(master, text, sizeof text);
	own(master, SIGRTMIN);
	write(slave, "x", 1);
	until_told(master, 1);
	came("a write");
	close(slave);
	close(master);
}

static void of_watches(void)
{
	int watch = inotify_init();

	SAY("-- watches");
	inotify_add_watch(watch, ".", IN_CREATE);
	own(watch, SIGRTMIN);
	close(open("new", O_CREAT | O_RDWR, 0600));
	came("a new file");
	unlink("new");
	close(watch);
}

static void limits(void)
{
	struct rlimit limit = {2, 2};
	int pipes[2];

	SAY("-- limits");
	pipe(pipes);
	own(pipes[0], SIGRTMIN);
	CHILD("full queue", {
		setuid(user_of(getpid()));          /* of whom nothing is pending elsewhere */
		own(pipes[0], SIGRTMIN);
		setrlimit(RLIMIT_SIGPENDING, &limit);
		for (int i = 0; i < 5; i++)
			write(pipes[1], "x", 1);
		came("five writes, and room for two");
	});
	close(pipes[0]);
	close(pipes[1]);
}

static void who_may(void)
{
	int pipes[2], ready[2], go[2];
	char byte;
	pid_t child;

	SAY("-- who may");
	pipe(pipes);
	pipe(ready);
	pipe(go);
	for (int how = 0; how < 3; how++) {
		child = fork();
		if (child == 0) {
			if (how == 0)
				setuid(1000);
			write(ready[1], "x", 1);
			read(go[0], &byte, 1);
			came("the write");
			_exit(0);
		}
		read(ready[0], &byte, 1);
		if (how > 0)
			seteuid(1000);
		fcntl(pipes[0], F_SETOWN, how == 2 ? -getpgrp() : child);
		seteuid(0);
		fcntl(pipes[0], F_SETFL, O_ASYNC);
		write(pipes[1], "x", 1);
		write(go[1], "x", 1);
		waitpid(child, 0, 0);
		if (how == 2)
			came("the write, of the group");
		fcntl(pipes[0], F_SETFL, 0);
	}
	CHILD("a stranger's", {
		child = getppid();
		setresuid(1000, 1000, 1000);
		fcntl(pipes[0], F_SETOWN, child);
		fcntl(pipes[0], F_SETFL, O_ASYNC);
		write(pipes[1], "x", 1);
	});
	came("a stranger's");
}

static int thread_pipes[2];

static void *other(void *ready)
{
	struct f_owner_ex owner = {F_OWNER_TID, gettid()};
	sigset_t set;
	siginfo_t info;

	fcntl(thread_pipes[0], F_SETOWN_EX, &owner);
	fcntl(thread_pipes[0], F_SETSIG, SIGRTMIN + 4);
	fcntl(thread_pipes[0], F_SETFL, O_ASYNC);
	sigfillset(&set);
	write(*(int *)ready, "x", 1);
	SAY("the thread has %d", sigwaitinfo(&set, &info) - SIGRTMIN);
	return 0;
}

static void threads(void)
{
	pthread_t thread;
	int ready[2];
	char byte;

	SAY("-- threads");
	pipe(thread_pipes);
	pipe(ready);
	pthread_create(&thread, 0, other, &ready[1]);
	read(ready[0], &byte, 1);
	write(thread_pipes[1], "x", 1);
	pthread_join(thread, 0);
	came("the write");
}

/* A write that waits for room has told the reader before. */
static void sleeping_writer(void)
{
	int pipes[2];
	char text[4096];
	sigset_t set;
	pid_t child;
	long done = 0;

	SAY("-- a writer that sleeps");
	pipe(pipes);
	own(pipes[0], 0);
	child = fork();
	if (child == 0) {
		static char large[200000];

		TRY(write(pipes[1], large, sizeof large));
		_exit(0);
	}
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigwaitinfo(&set, 0);
	while (done < 200000)
		done += read(pipes[0], text, sizeof text);
	waitpid(child, 0, 0);
	SAY("%ld", done);
}

static void *switching(void *pipe)
{
	int fd = *(int *)pipe;

	for (int i = 0; i < 3000; i++) {
		fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK);
		fcntl(fd, F_SETFL, i % 3 ? O_NONBLOCK : 0);
	}
	return 0;
}

/* Two threads switch it on and off while a third writes: afterwards all is as if one had. */
static void switched_by_two(void)
{
	pthread_t threads[2];
	int two[2];
	char c;

	SAY("-- switched by two");
	signal(SIGIO, SIG_IGN);
	pipe(two);
	fcntl(two[0], F_SETOWN, getpid());
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], 0, switching, two);
	for (int i = 0; i < 3000; i++) {
		write(two[1], "x", 1);
		read(two[0], &c, 1);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], 0);
	TRY(fcntl(two[0], F_SETFL, 0));
	TRY(fcntl(two[0], F_GETFL) & O_ASYNC);
	TRY(close(two[0]));
	TRY(close(two[1]));
	pipe(two);
	TRY(write(two[1], "y", 1));
	TRY(read(two[0], &c, 1));
}

int main(void)
{
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, 0);
	if (getpgrp() != getpid())
		setpgid(0, 0);          /* nobody else gets what is for the group */
	owners();
	of_pipes();
	of_sockets();
	of_terminals();
	of_watches();
	limits();
	who_may();
	threads();
	sleeping_writer();
	switched_by_two();
	return 0;
}
