/* poll, select, epoll, eventfd, timerfd, signalfd. */
#include "try.h"

#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

static int set;

static long entry(int operation, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = {.events = events, .data.u64 = data};

	return epoll_ctl(set, operation, fd, &event);
}

/* Waits and says which entries came, in the order of their data. */
static void found(const char *what, int limit, int milliseconds)
{
	struct epoll_event events[16];
	int count = epoll_wait(set, events, limit, milliseconds);

	printf("%s: %d", what, count);
	for (uint64_t data = 0; data < 100; data++)
		for (int i = 0; i < count; i++)
			if (events[i].data.u64 == data)
				printf(" [%lu %x]", (unsigned long)data, events[i].events);
	SAY(count < 0 ? " %d" : "", errno);
}

static void polling_many(void)
{
	enum { MANY = 4096 };
	static struct pollfd many[MANY + 1];
	struct rlimit limit = {MANY, MANY}, small = {1024, MANY};
	int tube[2];

	SAY("-- poll of many");
	TRY(setrlimit(RLIMIT_NOFILE, &limit));
	TRY(pipe(tube));
	for (int i = 0; i <= MANY; i++)
		many[i] = (struct pollfd){i % 3 ? tube[1] : i % 2 ? tube[0] : -1, POLLIN | POLLOUT, 77};
	TRY(poll(many, MANY, -1));
	SAY("%d %d %d %d", many[0].revents, many[1].revents, many[MANY - 1].revents, many[MANY].revents);
	TRY(poll(many, MANY + 1, 0));
	many[0].fd = tube[0];
	for (int i = 0; i < MANY; i++)
		many[i].events = POLLIN;
	TRY(poll(many, MANY, 1));
	TRY(write(tube[1], "x", 1));
	TRY(poll(many, MANY, -1));
	TRY(poll((struct pollfd *)((char *)BAD_ADDRESS), MANY, 0));
	TRY(setrlimit(RLIMIT_NOFILE, &small));
	TRY(poll(many, 1025, 0));
	TRY(poll(many, 1024, 0));
	close(tube[0]);
	close(tube[1]);
}

static int exclusive_sets[3], exclusive_tube[2], exclusive_end;
static volatile int exclusive_woken[3];
static volatile pid_t exclusive_tids[3];

static void *exclusive_waits(void *which)
{
	struct epoll_event event;
	long i = (long)which;

	exclusive_tids[i] = (pid_t)syscall(SYS_gettid);
	exclusive_woken[i] = epoll_wait(exclusive_sets[i], &event, 1, -1) == 1 && event.data.fd == exclusive_tube[0];
	return 0;
}

/* Of sets that ask for it, one is woken; those that do not are woken all. */
static void exclusive(uint32_t flags)
{
	struct epoll_event end = {.events = EPOLLIN};
	pthread_t threads[3];
	int woken = 0;

	pipe(exclusive_tube);
	exclusive_end = end.data.fd = eventfd(0, 0);
	for (long i = 0; i < 3; i++) {
		struct epoll_event event = {.events = EPOLLIN | flags, .data.fd = exclusive_tube[0]};

		exclusive_tids[i] = exclusive_woken[i] = 0;
		exclusive_sets[i] = epoll_create1(0);
		epoll_ctl(exclusive_sets[i], EPOLL_CTL_ADD, exclusive_tube[0], &event);
		epoll_ctl(exclusive_sets[i], EPOLL_CTL_ADD, exclusive_end, &end);
		pthread_create(&threads[i], 0, exclusive_waits, (void *)i);
		while (exclusive_tids[i] == 0)
			pause_ms(1);
		until_asleep(getpid(), exclusive_tids[i]);
	}
	write(exclusive_tube[1], "x", 1);
	while (!exclusive_woken[0] && !exclusive_woken[1] && !exclusive_woken[2])
		pause_ms(1);
	pause_ms(100);
	write(exclusive_end, &(uint64_t){1}, 8);
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], 0);
		woken += exclusive_woken[i];
		close(exclusive_sets[i]);
	}
	SAY("%d woken", woken);
	close(exclusive_tube[0]);
	close(exclusive_tube[1]);
	close(exclusive_end);
}

static void polling(void)
{
	int tube[2];
	struct pollfd entries[4];
	struct timespec time = {0, 1000000};
	sigset_t mask;

	SAY("-- poll");
	pipe(tube);
	entries[0] = (struct pollfd){tube[0], POLLIN, 77};
	entries[1] = (struct pollfd){tube[1], POLLOUT, 77};
	entries[2] = (struct pollfd){-1, POLLIN, 77};
	entries[3] = (struct pollfd){999, POLLIN, 77};
	TRY(poll(entries, 4, 0));
	SAY("%x %x %x %x", entries[0].revents, entries[1].revents, entries[2].revents, entries[3].revents);
	TRY(poll(entries, 1, 0));
	TRY(poll(entries, 1, 5));
	TRY(poll(0, 0, 5));
	TRY(poll(BAD_ADDRESS, 1, 5));
	TRY(syscall(SYS_poll, entries, 1u << 31, 0));
	write(tube[1], "x", 1);
	TRY(poll(entries, 1, -1));
	TRY(ppoll(entries, 1, &time, 0));
	time.tv_nsec = -1;
	TRY(ppoll(entries, 1, &time, 0));
	time.tv_nsec = 0;
	sigemptyset(&mask);
	TRY(ppoll(entries, 1, &time, &mask));
	TRY(syscall(SYS_ppoll, entries, 1, &time, &mask, 4));
	close(tube[1]);
	TRY(poll(entries, 1, 0));
	SAY("%x", entries[0].revents);
	char byte;
	read(tube[0], &byte, 1);
	TRY(poll(entries, 1, 0));
	SAY("%x", entries[0].revents);
	close(tube[0]);
	pipe(tube);
	close(tube[0]);
	entries[0] = (struct pollfd){tube[1], POLLOUT, 0};
	TRY(poll(entries, 1, 0));
	SAY("%x", entries[0].revents);
	close(tube[1]);
	int null = open("/dev/null", O_RDWR);
	entries[0] = (struct pollfd){null, POLLIN | POLLOUT | POLLPRI, 0};
	TRY(poll(entries, 1, 0));
	SAY("%x", entries[0].revents);
	close(null);
}

static void selecting(void)
{
	int tube[2];
	fd_set in, out, bad;
	struct timeval time = {0, 2000};
	struct timespec exact = {0, 1000};

	SAY("-- select");
	pipe(tube);
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&bad);
	FD_SET(tube[0], &in);
	FD_SET(tube[1], &out);
	TRY(select(tube[1] + 1, &in, &out, 0, &time));
	SAY("%d %d", FD_ISSET(tube[0], &in) != 0, FD_ISSET(tube[1], &out) != 0);
	FD_SET(tube[0], &in);
	TRY(select(tube[0] + 1, &in, 0, 0, &time));
	SAY("%ld %ld", (long)time.tv_sec, (long)time.tv_usec);
	TRY(select(-1, 0, 0, 0, &time));
	TRY(select(0, 0, 0, 0, &time));
	FD_SET(500, &bad);
	TRY(select(501, &bad, 0, 0, &time));
	FD_SET(40, &bad);
	TRY(select(41, &bad, 0, 0, &time));
	time.tv_usec = -1;
	TRY(select(0, 0, 0, 0, &time));
	FD_SET(tube[0], &in);
	TRY(pselect(tube[0] + 1, &in, 0, 0, &exact, 0));
	exact.tv_nsec = 1000000000;
	TRY(syscall(SYS_pselect6, 0, 0, 0, 0, &exact, 0));
	close(tube[0]);
	close(tube[1]);
}

static void events(void)
{
	int fd, other;
	uint64_t value = 7, both[2];
	struct pollfd one;

	SAY("-- eventfd");
	TRY(syscall(SYS_eventfd2, 1, 0x1000));
	GOOD(fd = eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC));
	GOOD(other = syscall(SYS_eventfd, 9));
	TRY(read(other, &value, 8));
	SAY("%lu", (unsigned long)value);
	TRY(fcntl(fd, F_GETFD));
	TRY(read(fd, &value, 4));
	TRY(read(fd, both, 16));
	SAY("%lu", (unsigned long)both[0]);
	TRY(read(fd, &value, 8));
	value = UINT64_MAX;
	TRY(write(fd, &value, 8));
	value = UINT64_MAX - 1;
	TRY(write(fd, &value, 8));
	value = 1;
	TRY(write(fd, &value, 8));
	TRY(write(fd, &value, 7));
	one = (struct pollfd){fd, POLLIN | POLLOUT, 0};
	TRY(poll(&one, 1, 0));
	SAY("%x", one.revents);
	TRY(lseek(fd, 0, SEEK_SET));
	close(fd);
	close(other);
	fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	TRY(read(fd, &value, 8));
	SAY("%lu", (unsigned long)value);
	TRY(read(fd, &value, 8));
	TRY(read(fd, &value, 8));
	close(fd);
}

static void levels_and_edges(void)
{
	int tube[2], more, copy;
	char byte;

	SAY("-- epoll");
	TRY(epoll_create1(77));
	TRY(epoll_create(0));
	GOOD(more = epoll_create(1));
	close(more);
	GOOD(set = epoll_create1(EPOLL_CLOEXEC));
	pipe(tube);
	TRY(entry(EPOLL_CTL_ADD, tube[0], EPOLLIN, 1));
	TRY(entry(EPOLL_CTL_ADD, tube[0], EPOLLIN, 1));
	TRY(entry(EPOLL_CTL_MOD, tube[1], EPOLLIN, 1));
	TRY(entry(EPOLL_CTL_DEL, tube[1], EPOLLIN, 1));
	TRY(entry(EPOLL_CTL_ADD, 999, EPOLLIN, 1));
	TRY(entry(77, tube[1], EPOLLIN, 1));
	TRY(entry(EPOLL_CTL_ADD, set, EPOLLIN, 1));
	TRY(epoll_ctl(tube[0], EPOLL_CTL_ADD, tube[1], &(struct epoll_event){0}));
	TRY(epoll_ctl(set, EPOLL_CTL_ADD, tube[1], 0));
	TRY(epoll_ctl(999, EPOLL_CTL_ADD, tube[1], &(struct epoll_event){0}));
	int file = open("./file", O_CREAT | O_RDWR, 0600), null = open("/dev/null", O_RDWR);
	TRY(entry(EPOLL_CTL_ADD, file, EPOLLIN, 1));
	TRY(entry(EPOLL_CTL_ADD, null, EPOLLIN, 1));
	close(file);
	close(null);
	unlink("./file");
	struct epoll_event room[2];
	TRY(epoll_wait(set, room, 0, 0));
	TRY(syscall(SYS_epoll_wait, set, room, -1, 0));
	TRY(epoll_wait(tube[0], room, 1, 0));
	TRY(epoll_wait(999, room, 1, 0));
	found("nothing", 16, 0);
	found("nothing for a while", 16, 5);
	write(tube[1], "a", 1);
	found("level", 16, 0);
	found("level again", 16, 0);
	TRY(epoll_wait(set, BAD_ADDRESS, 1, 0));
	found("after a bad address", 16, 0);
	TRY(entry(EPOLL_CTL_MOD, tube[0], EPOLLIN | EPOLLET, 2));
	found("edge", 16, 0);
	found("edge again", 16, 0);
	write(tube[1], "b", 1);
	found("edge, another byte", 16, 0);
	found("edge, no more", 16, 0);
	read(tube[0], &byte, 1);
	found("edge, after a part was read", 16, 0);
	read(tube[0], &byte, 1);
	write(tube[1], "c", 1);
	found("edge, new", 16, 0);
	TRY(entry(EPOLL_CTL_MOD, tube[0], EPOLLIN | EPOLLONESHOT, 3));
	found("one shot", 16, 0);
	found("one shot, spent", 16, 0);
	write(tube[1], "d", 1);
	found("one shot, spent", 16, 0);
	TRY(entry(EPOLL_CTL_MOD, tube[0], EPOLLIN | EPOLLONESHOT, 3));
	found("one shot, loaded", 16, 0);
	TRY(entry(EPOLL_CTL_MOD, tube[0], 0, 4));
	found("nothing asked", 16, 0);
	TRY(entry(EPOLL_CTL_ADD, tube[1], EPOLLOUT | EPOLLIN, 5));
	found("writer", 16, 0);
	TRY(entry(EPOLL_CTL_MOD, tube[0], EPOLLIN, 4));
	found("both, one at a time", 1, 0);
	found("both", 2, 0);
	TRY(entry(EPOLL_CTL_MOD, tube[0], EPOLLIN | EPOLLEXCLUSIVE, 4));
	copy = dup(tube[0]);
	TRY(entry(EPOLL_CTL_ADD, copy, EPOLLIN | EPOLLEXCLUSIVE, 6));
	TRY(entry(EPOLL_CTL_MOD, copy, EPOLLIN, 6));
	found("a copy too", 16, 0);
	TRY(entry(EPOLL_CTL_DEL, copy, 0, 0));
	TRY(entry(EPOLL_CTL_ADD, copy, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, 6));
	close(tube[0]);
	found("closed, but a copy is there", 16, 0);
	close(copy);
	found("closed", 16, 0);
	close(tube[1]);
	found("empty set", 16, 0);
	pipe(tube);
	TRY(entry(EPOLL_CTL_ADD, tube[0], EPOLLIN | EPOLLET, 7));
	TRY(entry(EPOLL_CTL_ADD, tube[1], EPOLLOUT | EPOLLET, 8));
	found("two edges", 16, 0);
	found("none", 16, 0);
	write(tube[1], "x", 1);
	found("only the reader", 16, 0);
	close(tube[1]);
	found("hung up", 16, 0);
	close(tube[0]);
	close(set);
}

static void *writer(void *fd)
{
	until_asleep(getpid(), getpid());
	write((int)(long)fd, "x", 1);
	return 0;
}

static void nests(void)
{
	int sets[8], tube[2], inner;
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = 1};
	struct pollfd one;
	pthread_t thread;

	SAY("-- nests");
	pipe(tube);
	set = epoll_create1(0);
	inner = epoll_create1(0);
	TRY(entry(EPOLL_CTL_ADD, inner, EPOLLIN, 1));
	TRY(entry(EPOLL_CTL_ADD, inner, EPOLLIN | EPOLLEXCLUSIVE, 1));
	TRY(epoll_ctl(inner, EPOLL_CTL_ADD, set, &event));
	TRY(epoll_ctl(inner, EPOLL_CTL_ADD, tube[0], &event));
	one = (struct pollfd){set, POLLIN, 0};
	TRY(poll(&one, 1, 0));
	write(tube[1], "x", 1);
	TRY(poll(&one, 1, 0));
	SAY("%x", one.revents);
	found("outer", 16, 0);
	char byte;
	read(tube[0], &byte, 1);
	found("outer, none", 16, 0);
	pthread_create(&thread, 0, writer, (void *)(long)tube[1]);
	found("outer, waits", 16, -1);
	pthread_join(thread, 0);
	close(inner);
	found("inner is gone", 16, 0);
	close(set);
	for (int i = 0; i < 8; i++)
		sets[i] = epoll_create1(0);
	for (int i = 0; i < 7; i++)
		SAY("%d in %d: %d", i, i + 1, epoll_ctl(sets[i + 1], EPOLL_CTL_ADD, sets[i], &event) ? errno : 0);
	TRY(epoll_ctl(sets[0], EPOLL_CTL_ADD, sets[3], &event));
	TRY(epoll_ctl(sets[0], EPOLL_CTL_ADD, tube[0], &event));
	for (int i = 0; i < 8; i++)
		close(sets[i]);
	close(tube[0]);
	close(tube[1]);
}

static void handler(int number)
{
	(void)number;
}

static void masks(void)
{
	struct epoll_event event;
	struct timespec time = {0, 2000000};
	sigset_t mask, all;
	int pair[2];

	SAY("-- masks and sockets");
	set = epoll_create1(0);
	signal(SIGUSR1, handler);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_BLOCK, &mask, 0);
	kill(getpid(), SIGUSR1);
	sigemptyset(&all);
	TRY(epoll_wait(set, &event, 1, 5));
	TRY(epoll_pwait(set, &event, 1, -1, &all));
	TRY(epoll_pwait(set, &event, 1, 5, &all));
	TRY(syscall(SYS_epoll_pwait, set, &event, 1, 5, &all, 4));
	TRY(syscall(SYS_epoll_pwait2, set, &event, 1, &time, 0, 8));
	time.tv_nsec = 1000000000;
	TRY(syscall(SYS_epoll_pwait2, set, &event, 1, &time, 0, 8));
	kill(getpid(), SIGUSR1);
	struct pollfd none;
	TRY(ppoll(&none, 0, 0, &all));
	kill(getpid(), SIGUSR1);
	TRY(pselect(0, 0, 0, 0, 0, &all));
	sigprocmask(SIG_UNBLOCK, &mask, 0);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	TRY(entry(EPOLL_CTL_ADD, pair[0], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, 1));
	found("socket", 16, 0);
	found("socket, no change", 16, 0);
	write(pair[1], "x", 1);
	found("socket, a byte", 16, 0);
	shutdown(pair[1], SHUT_WR);
	found("socket, shut", 16, 0);
	close(pair[1]);
	found("socket, closed", 16, 0);
	close(pair[0]);
	close(set);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000 + now.tv_nsec;
}

static void timers(void)
{
	struct itimerspec setting = {{0, 3000000}, {0, 5000000}}, old;
	uint64_t ticks = 0;
	int64_t begin;
	struct pollfd one;
	int fd;

	SAY("-- timerfd");
	TRY(timerfd_create(77, 0));
	TRY(timerfd_create(CLOCK_MONOTONIC, 77));
	GOOD(fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
	TRY(read(fd, &ticks, 8));
	TRY(timerfd_gettime(fd, &old));
	SAY("%ld %ld", old.it_value.tv_sec, old.it_value.tv_nsec);
	begin = now_ns();
	TRY(timerfd_settime(fd, 0, &setting, &old));
	TRY(timerfd_settime(fd, 77, &setting, 0));
	TRY(timerfd_settime(0, 0, &setting, 0));
	TRY(timerfd_settime(999, 0, &setting, 0));
	TRY(timerfd_settime(fd, 0, BAD_ADDRESS, 0));
	one = (struct pollfd){fd, POLLIN, 0};
	TRY(poll(&one, 1, -1));
	pause_ms(20);
	TRY(read(fd, &ticks, 8));
	SAY("several: %d", ticks >= 3 && (int64_t)ticks <= (now_ns() - begin) / 3000000);
	setting = (struct itimerspec){{1000, 0}, {0, 1}};
	TRY(timerfd_settime(fd, 0, &setting, 0));
	TRY(poll(&one, 1, -1));
	TRY(timerfd_gettime(fd, &old));
	SAY("%ld %d", old.it_interval.tv_sec, old.it_value.tv_sec > 900 && old.it_value.tv_sec <= 1000);
	setting = (struct itimerspec){{0, 0}, {0, 0}};
	TRY(timerfd_settime(fd, 0, &setting, &old));
	TRY(poll(&one, 1, 10));
	setting.it_value.tv_nsec = 1000000000;
	TRY(timerfd_settime(fd, 0, &setting, 0));
	setting.it_value = (struct timespec){0, 1};
	TRY(timerfd_settime(fd, TFD_TIMER_ABSTIME, &setting, 0));
	TRY(poll(&one, 1, -1));
	TRY(read(fd, &ticks, 7));
	TRY(read(fd, &ticks, 8));
	SAY("%lu", (unsigned long)ticks);
	TRY(write(fd, &ticks, 8));
	close(fd);
	fd = timerfd_create(CLOCK_REALTIME, 0);
	clock_gettime(CLOCK_REALTIME, &setting.it_value);
	setting.it_value.tv_nsec += 20000000;
	if (setting.it_value.tv_nsec >= 1000000000) {
		setting.it_value.tv_nsec -= 1000000000;
		setting.it_value.tv_sec++;
	}
	TRY(timerfd_settime(fd, TFD_TIMER_ABSTIME, &setting, 0));
	set = epoll_create1(0);
	TRY(entry(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET, 1));
	found("timer", 16, -1);
	TRY(read(fd, &ticks, 8));
	SAY("%lu", (unsigned long)ticks);
	close(fd);
	close(set);
}

static void signals(void)
{
	struct signalfd_siginfo records[3];
	struct pollfd one;
	sigset_t mask;
	int fd, copy;

	SAY("-- signalfd");
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	sigaddset(&mask, SIGCHLD);
	sigaddset(&mask, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &mask, 0);
	TRY(signalfd(-1, &mask, 77));
	TRY(syscall(SYS_signalfd4, -1, &mask, 4, 0));
	TRY(signalfd(999, &mask, 0));
	TRY(signalfd(0, &mask, 0));
	GOOD(fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC));
	TRY(read(fd, records, sizeof(records)));
	TRY(read(fd, records, 100));
	one = (struct pollfd){fd, POLLIN, 0};
	TRY(poll(&one, 1, 0));
	kill(getpid(), SIGUSR2);
	kill(getpid(), SIGUSR2);
	sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 42});
	TRY(poll(&one, 1, 0));
	TRY(read(fd, records, sizeof(records)) / (long)sizeof(records[0]));
	SAY("%u %d %d %d", records[0].ssi_signo, records[0].ssi_code, records[0].ssi_pid == (unsigned)getpid(), records[0].ssi_uid == getuid());
	SAY("%d %d %d", records[1].ssi_signo == (unsigned)SIGRTMIN, records[1].ssi_code, records[1].ssi_int);
	set = epoll_create1(0);
	TRY(entry(EPOLL_CTL_ADD, fd, EPOLLIN, 1));
	pid_t child = fork();
	if (child == 0)
		_exit(5);
	found("child", 16, -1);
	TRY(read(fd, records, sizeof(records)) / (long)sizeof(records[0]));
	SAY("%u %d %d %d", records[0].ssi_signo, records[0].ssi_code, records[0].ssi_status, records[0].ssi_pid == (unsigned)child);
	waitpid(child, 0, 0);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	GOOD(copy = signalfd(fd, &mask, 0));
	SAY("%d", copy == fd);
	sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 42});
	TRY(read(fd, records, sizeof(records)));
	found("not asked any more", 16, 0);
	sigaddset(&mask, SIGRTMIN);
	struct timespec time = {0, 0};
	TRY(sigtimedwait(&mask, 0, &time) == SIGRTMIN);
	close(fd);
	close(set);
}

static void many(void)
{
	int pipes[200][2], wrong = 0;

	SAY("-- many");
	set = epoll_create1(0);
	for (int i = 0; i < 200; i++) {
		pipe(pipes[i]);
		wrong += entry(EPOLL_CTL_ADD, pipes[i][0], EPOLLIN, i) != 0;
	}
	for (int i = 0; i < 200; i += 3)
		write(pipes[i][1], "x", 1);
	struct epoll_event events[200];
	SAY("%d %d", wrong, epoll_wait(set, events, 200, 0));
	for (int round = 0; round < 1000; round++) {
		int i = round % 67 * 3;
		int count = epoll_wait(set, events, 1, 0);

		wrong += count != 1 || events[0].data.u64 != (unsigned)i;
	}
	SAY("in turn, wrong: %d", wrong);
	for (int i = 0; i < 200; i++)
		close(pipes[i][0]);
	SAY("%d", epoll_wait(set, events, 200, 0));
	for (int i = 0; i < 200; i++)
		close(pipes[i][1]);
	close(set);
}

int main(void)
{
	exclusive(0);
	exclusive(EPOLLEXCLUSIVE);
	polling();
	polling_many();
	selecting();
	events();
	levels_and_edges();
	nests();
	masks();
	timers();
	signals();
	many();
	return 0;
}
