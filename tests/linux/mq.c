/* POSIX message queues. Names are everybody's on this host, so they have the process's number in them. */
#include "try.h"

#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>

static uid_t user;
static char name[64], other[64], long_name[400];
static struct mq_attr two = {.mq_maxmsg = 2, .mq_msgsize = 20};

static long raw_open(const char *path, int flags, int mode, const void *attributes)
{
	return syscall(SYS_mq_open, path, flags, mode, attributes);
}

static void attributes_said(mqd_t queue)
{
	struct mq_attr now;

	if (mq_getattr(queue, &now) != 0)
		SAY("no attributes: %s", strerrorname_np(errno));
	else
		SAY("flags %lo, %ld of %ld, each %ld", now.mq_flags, now.mq_curmsgs, now.mq_maxmsg, now.mq_msgsize);
}

static void received(mqd_t queue)
{
	char text[8192];
	unsigned priority = 99;
	ssize_t bytes = mq_receive(queue, text, sizeof text, &priority);

	if (bytes < 0)
		SAY("received: %s", strerrorname_np(errno));
	else
		SAY("received: %zd %.*s, priority %u", bytes, (int)bytes, text, priority);
}

static void opening(void)
{
	struct mq_attr bad = two;
	struct stat stat;
	mqd_t queue;
	int fd;

	SAY("-- mq_open");
	TRY(mq_open("without", O_RDONLY));
	TRY(mq_open("/", O_RDONLY));
	TRY(mq_open("/a/b", O_RDONLY));
	TRY(mq_open("/.", O_RDONLY));
	TRY(mq_open("/..", O_RDONLY | O_CREAT, 0600, 0));
	TRY(mq_open(long_name, O_RDONLY | O_CREAT, 0600, 0));
	TRY(raw_open("", O_RDONLY, 0, 0));
	TRY(raw_open(BAD_ADDRESS, O_RDONLY, 0, 0));
	TRY(raw_open(name + 1, O_RDONLY | O_CREAT, 0600, BAD_ADDRESS));
	TRY(mq_open(name, O_RDWR));
	TRY(mq_unlink(name));
	bad.mq_maxmsg = 0;
	TRY(mq_open(name, O_RDWR | O_CREAT, 0600, &bad));
	bad.mq_maxmsg = -1;
	TRY(mq_open(name, O_RDWR | O_CREAT, 0600, &bad));
	bad.mq_maxmsg = 1;
	bad.mq_msgsize = 0;
	TRY(mq_open(name, O_RDWR | O_CREAT, 0600, &bad));
	bad.mq_msgsize = 1l << 40;
	TRY(mq_open(name, O_RDWR | O_CREAT, 0600, &bad));
	umask(022);
	GOOD(queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0666, &two));
	TRY(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0666, &two));
	TRY(mq_open(name, O_ACCMODE));
	attributes_said(queue);
	fstat(queue, &stat);
	SAY("mode %o, %lu names, %ld bytes, %d %d", stat.st_mode, stat.st_nlink, stat.st_size, stat.st_uid, stat.st_gid);
	SAY("%d, %o", fcntl(queue, F_GETFD), fcntl(queue, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	GOOD(fd = mq_open(name, O_RDONLY | O_NONBLOCK | O_CREAT, 0, &bad));
	attributes_said(fd);
	received(fd);
	TRY(mq_send(fd, "x", 1, 0));
	TRY(mq_close(fd));
	TRY(mq_close(fd));
	TRY(mq_send(fd, "x", 1, 0));
	TRY(mq_send(1, "x", 1, 0));
	TRY(mq_getattr(1, &bad));
	TRY(syscall(SYS_mq_getsetattr, 1, 0, &bad));
	TRY(mq_notify(1, 0));
	TRY(mq_unlink(name));
	TRY(mq_open(name, O_RDWR));
	fstat(queue, &stat);
	SAY("%lu names", stat.st_nlink);
	TRY(mq_send(queue, "still there", 11, 0));
	received(queue);
	TRY(mq_close(queue));
}

static void moving(void)
{
	struct timespec bad = {0, -1}, past = {1, 0}, soon;
	struct mq_attr attributes = {.mq_flags = O_NONBLOCK}, old;
	char small[19], text[20];
	mqd_t queue = mq_open(name, O_RDWR | O_CREAT, 0600, &two), writes;

	SAY("-- mq_send, mq_receive");
	writes = mq_open(name, O_WRONLY);
	TRY(mq_send(queue, "low", 3, 1));
	TRY(mq_send(writes, "high", 4, 32767));
	attributes_said(queue);
	TRY(mq_send(queue, "x", 1, 32768));
	TRY(mq_send(queue, "twenty-one bytes long", 21, 0));
	TRY(mq_timedsend(queue, "x", 1, 0, &bad));
	TRY(mq_timedsend(queue, "x", 1, 0, &past));
	TRY(mq_timedsend(queue, "x", 1, 0, (void *)BAD_ADDRESS));
	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_nsec += 20000000;
	if (soon.tv_nsec >= 1000000000)
		soon.tv_sec++, soon.tv_nsec -= 1000000000;
	TRY(mq_timedsend(queue, "x", 1, 0, &soon));
	TRY(mq_setattr(queue, &attributes, &old));
	SAY("%ld %ld", old.mq_flags, old.mq_curmsgs);
	TRY(mq_send(queue, "x", 1, 0));
	attributes.mq_flags = O_APPEND;
	TRY(mq_setattr(queue, &attributes, 0));
	TRY(mq_receive(queue, small, sizeof small, 0));
	TRY(mq_receive(writes, text, sizeof text, 0));
	received(queue);
	TRY(mq_send(queue, "more", 4, 1));
	received(queue);
	received(queue);
	received(queue);
	TRY(mq_send(queue, "", 0, 0));
	received(queue);
	attributes.mq_flags = 0;
	TRY(mq_setattr(queue, &attributes, 0));
	TRY(mq_timedreceive(queue, text, sizeof text, 0, &past));
	TRY(mq_timedreceive(queue, text, sizeof text, 0, &bad));
	TRY(mq_send(queue, BAD_ADDRESS, 5, 0));
	TRY(mq_send(queue, "gone", 4, 0));
	TRY(mq_receive(queue, BAD_ADDRESS, 20, 0));
	attributes_said(queue);
	mq_send(queue, "gone", 4, 0);
	TRY(mq_receive(queue, text, 20, BAD_ADDRESS));
	attributes_said(queue);
	TRY(write(queue, "x", 1));
	mq_send(queue, "read", 4, 0);
	memset(long_name, 0, sizeof long_name);
	TRY(read(queue, long_name, sizeof long_name));
	printf("%s", long_name);
	mq_close(queue);
	mq_close(writes);
	TRY(mq_unlink(name));
}

static void on_signal(int number)
{
	(void)number;
}

static void ended(const char *what, pid_t child)
{
	int status;

	waitpid(child, &status, 0);
	SAY("%s: %s", what, WIFSIGNALED(status) ? "killed" : WEXITSTATUS(status) ? strerrorname_np(WEXITSTATUS(status)) : "done");
}

static pid_t mover(mqd_t queue, const char *text)
{
	pid_t child = fork();
	char buffer[20];

	if (child == 0)
		_exit((text ? mq_send(queue, text, strlen(text), 0) : mq_receive(queue, buffer, 20, 0)) >= 0 ? 0 : errno);
	until_asleep(child, child);
	return child;
}

static void waiting(void)
{
	mqd_t queue = mq_open(name, O_RDWR | O_CREAT, 0600, &two);
	struct sigaction action = {.sa_handler = on_signal};
	pid_t one, another;

	SAY("-- waiting");
	sigaction(SIGUSR1, &action, 0);
	one = mover(queue, 0);
	TRY(mq_send(queue, "for one", 7, 0));
	ended("one", one);
	attributes_said(queue);
	mq_send(queue, "a", 1, 5);
	mq_send(queue, "b", 1, 5);
	one = mover(queue, "c");
	another = mover(queue, "d");
	received(queue);
	ended("one", one);
	attributes_said(queue);
	kill(another, SIGUSR1);
	ended("another", another);
	received(queue);
	received(queue);
	one = mover(queue, 0);
	kill(one, SIGKILL);
	ended("killed", one);
	one = mover(queue, 0);
	kill(one, SIGUSR1);
	ended("interrupted", one);
	TRY(mq_send(queue, "kept", 4, 0));
	received(queue);
	mq_close(queue);
	TRY(mq_unlink(name));
}

static void polling(void)
{
	mqd_t queue = mq_open(name, O_RDWR | O_CREAT, 0600, &two);
	struct pollfd entry = {queue, POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM, 0};
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	int set = epoll_create1(0);

	SAY("-- poll");
	TRY(poll(&entry, 1, 0));
	SAY("%x", entry.revents);
	mq_send(queue, "a", 1, 0);
	TRY(poll(&entry, 1, 0));
	SAY("%x", entry.revents);
	mq_send(queue, "a", 1, 0);
	TRY(poll(&entry, 1, 0));
	SAY("%x", entry.revents);
	received(queue);
	received(queue);
	TRY(epoll_ctl(set, EPOLL_CTL_ADD, queue, &event));
	TRY(epoll_wait(set, &event, 1, 0));
	if (fork() == 0) {
		until_asleep(getppid(), getppid());
		mq_send(queue, "a", 1, 0);
		_exit(0);
	}
	TRY(epoll_wait(set, &event, 1, -1));
	TRY(epoll_wait(set, &event, 1, 0));
	wait(0);
	received(queue);
	close(set);
	mq_close(queue);
	TRY(mq_unlink(name));
}

static void told(void)
{
	sigset_t set;
	siginfo_t info;
	struct timespec none = {0, 0};

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	if (sigtimedwait(&set, &info, &none) < 0)
		SAY("told: nothing");
	else
		SAY("told: code %d, value %d, from me %d, user %d", info.si_code, info.si_value.sival_int, info.si_pid == getpid(), info.si_uid);
}

static void notifying(void)
{
	mqd_t queue = mq_open(name, O_RDWR | O_CREAT, 0600, &two), again;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2, .sigev_value.sival_int = 7};
	sigset_t set;
	pid_t child;

	SAY("-- mq_notify");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, 0);
	TRY(mq_notify(queue, 0));
	TRY(mq_notify(queue, &event));
	TRY(mq_notify(queue, &event));
	if (fork() == 0) {
		TRY(mq_notify(queue, &event));
		TRY(mq_notify(queue, 0));
		mq_close(queue);
		_exit(0);
	}
	wait(0);
	told();
	mq_send(queue, "a", 1, 0);
	told();
	mq_send(queue, "a", 1, 0);
	told();
	TRY(mq_notify(queue, &event));
	received(queue);
	received(queue);
	child = mover(queue, 0);
	mq_send(queue, "a", 1, 0);
	ended("receiver", child);
	told();
	if (fork() == 0) {
		mq_send(queue, "a", 1, 0);
		_exit(0);
	}
	wait(0);
	told();
	TRY(mq_notify(queue, &event));
	TRY(mq_notify(queue, 0));
	received(queue);
	mq_send(queue, "a", 1, 0);
	told();
	received(queue);
	again = mq_open(name, O_RDWR);
	TRY(mq_notify(queue, &event));
	mq_close(again);
	mq_send(queue, "a", 1, 0);
	told();
	received(queue);
	event.sigev_notify = SIGEV_NONE;
	TRY(mq_notify(queue, &event));
	TRY(mq_notify(queue, &event));
	mq_send(queue, "a", 1, 0);
	TRY(mq_notify(queue, &event));
	if (fork() == 0)
		_exit(0);
	wait(0);
	TRY(mq_notify(queue, &event));
	event.sigev_notify = 77;
	TRY(mq_notify(queue, &event));
	event.sigev_notify = SIGEV_SIGNAL;
	event.sigev_signo = 65;
	TRY(mq_notify(queue, &event));
	TRY(syscall(SYS_mq_notify, queue, BAD_ADDRESS));
	if (fork() == 0) {
		mq_notify(queue, 0);
		_exit(0);
	}
	wait(0);
	mq_close(queue);
	TRY(mq_unlink(name));
}

static void rights(void)
{
	mqd_t queue = mq_open(name, O_RDWR | O_CREAT, 0604, &two);
	struct mq_attr most = {.mq_maxmsg = 10, .mq_msgsize = 8192};
	struct rlimit limit = {100000, 100000};

	SAY("-- rights and limits");
	if (fork() == 0) {
		setgid(user);
		setuid(user);
		TRY(mq_open(name, O_RDWR));
		TRY(mq_open(name, O_WRONLY));
		GOOD(mq_open(name, O_RDONLY));
		TRY(mq_unlink(name));
		GOOD(mq_open(other, O_RDWR | O_CREAT, 0, 0));
		attributes_said(mq_open(other, O_RDWR));
		TRY(mq_unlink(other));
		most.mq_maxmsg = 11;
		TRY(mq_open(other, O_RDWR | O_CREAT, 0600, &most));
		most.mq_maxmsg = 10;
		most.mq_msgsize = 8193;
		TRY(mq_open(other, O_RDWR | O_CREAT, 0600, &most));
		most.mq_msgsize = 8192;
		setrlimit(RLIMIT_MSGQUEUE, &limit);
		TRY(mq_open(other, O_RDWR | O_CREAT, 0600, &most));
		GOOD(mq_open(other, O_RDWR | O_CREAT, 0600, &two));
		TRY(mq_unlink(other));
		_exit(0);
	}
	wait(0);
	if (fork() == 0) {
		getrlimit(RLIMIT_NOFILE, &limit);
		limit.rlim_cur = 3;
		TRY(setrlimit(RLIMIT_NOFILE, &limit));
		TRY(mq_open(other, O_RDWR | O_CREAT, 0600, &two));
		limit.rlim_cur = 100;
		TRY(setrlimit(RLIMIT_NOFILE, &limit));
		TRY(mq_open(other, O_RDWR));
		_exit(0);
	}
	wait(0);
	if (fork() == 0) {
		char descriptor[20];

		sprintf(descriptor, "%d", queue);
		execl("/proc/self/exe", "mq", descriptor, (char *)0);
	}
	wait(0);
	mq_close(queue);
	TRY(mq_unlink(name));
}

int main(int count, char **arguments)
{
	if (count > 1) {
		attributes_said(atoi(arguments[1]));
		return 0;
	}
	user = user_of(getpid());
	sprintf(name, "/baryon-%d", getpid());
	sprintf(other, "/baryon-%d-too", getpid());
	memset(long_name, 'x', sizeof long_name - 1);
	long_name[0] = '/';
	opening();
	moving();
	waiting();
	polling();
	notifying();
	rights();
	return 0;
}
