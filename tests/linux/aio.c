/* Asynchronous input and output: what is submitted, what comes of it and when, and how it ends. */
#include "try.h"

#include <linux/aio_abi.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

static aio_context_t context;

static long setup(unsigned count, aio_context_t *to)
{
	return syscall(SYS_io_setup, count, to);
}

static long destroy(aio_context_t which)
{
	return syscall(SYS_io_destroy, which);
}

static long submit(struct iocb *one)
{
	return syscall(SYS_io_submit, context, 1, &one);
}

static long gather(long least, long most, struct io_event *to, struct timespec *time)
{
	return syscall(SYS_io_getevents, context, least, most, to, time);
}

static struct iocb request(int command, int fd, void *bytes, size_t count, long offset)
{
	return (struct iocb){.aio_lio_opcode = (uint16_t)command, .aio_fildes = (uint32_t)fd, .aio_buf = (uint64_t)bytes,
		.aio_nbytes = count, .aio_offset = offset, .aio_data = (uint64_t)command * 100};
}

static struct iocb watch(int fd, unsigned events)
{
	return (struct iocb){.aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = (uint32_t)fd, .aio_buf = events, .aio_data = events};
}

/* Submits, waits for the event and says what came. */
static void run(const char *what, struct iocb *one)
{
	struct io_event event = {0};
	long result = submit(one);

	if (result != 1) {
		SAY("%s: refused: %s", what, strerrorname_np(errno));
		return;
	}
	gather(1, 1, &event, 0);
	SAY("%s: data %llu, its own %d, %lld %lld", what, event.data, event.obj == (uint64_t)one, event.res, event.res2);
}

#define RUN(...) do { struct iocb one_ = (__VA_ARGS__); run(#__VA_ARGS__, &one_); } while (0)

static void contexts(void)
{
	aio_context_t other = 0, third = 5;
	struct timespec none = {0};
	struct io_event event;

	SAY("-- contexts");
	TRY(setup(0, &other));
	TRY(setup(1, &third));
	TRY(setup(1, BAD_ADDRESS));
	TRY(setup(~0u, &other));
	TRY(setup(1000000, &other));
	TRY(setup(1, &other));
	SAY("%d", other != 0);
	TRY(syscall(SYS_io_getevents, other, 0, 1, &event, &none));
	TRY(syscall(SYS_io_getevents, other, 2, 1, &event, &none));
	TRY(syscall(SYS_io_getevents, other, -1l, 1, &event, &none));
	TRY(syscall(SYS_io_getevents, other, 0, -1l, &event, &none));
	TRY(syscall(SYS_io_getevents, other, 1, 1, &event, BAD_ADDRESS));
	TRY(syscall(SYS_io_submit, other, 0, 0));
	TRY(syscall(SYS_io_submit, other, -1l, 0));
	TRY(syscall(SYS_io_submit, other, 1, BAD_ADDRESS));
	CHILD("in a child", TRY(syscall(SYS_io_submit, other, 0, 0)); TRY(destroy(other)));
	TRY(destroy(other));
	TRY(destroy(other));
	TRY(destroy(77));
	TRY(syscall(SYS_io_getevents, other, 0, 1, &event, &none));
	TRY(setup(10, &context));
}

static void files(void)
{
	int fd = open("file", O_CREAT | O_RDWR | O_TRUNC, 0600), reads = open("file", O_RDONLY), end, folder = open(".", O_RDONLY);
	char bytes[16] = "0123456789", got[16] = "";
	struct iovec two[2] = {{bytes, 3}, {bytes + 5, 2}}, back[2] = {{got, 2}, {got + 8, 8}};
	struct iocb wrong;

	end = open("file", O_WRONLY | O_APPEND);
	SAY("-- files");
	RUN(request(IOCB_CMD_PWRITE, fd, bytes, 10, 0));
	RUN(request(IOCB_CMD_PREAD, fd, got, 5, 3));
	SAY("%s %ld", got, (long)lseek(fd, 0, SEEK_CUR));
	RUN(request(IOCB_CMD_PREAD, fd, got, 16, 8));
	RUN(request(IOCB_CMD_PREAD, fd, got, 16, 100));
	RUN(request(IOCB_CMD_PREAD, fd, got, 0, 0));
	RUN(request(IOCB_CMD_PWRITEV, fd, two, 2, 20));
	RUN(request(IOCB_CMD_PREADV, fd, back, 2, 20));
	SAY("%.2s %.3s", got, got + 8);
	RUN(request(IOCB_CMD_PWRITE, end, bytes, 4, 0));
	SAY("%ld", (long)lseek(fd, 0, SEEK_END));
	RUN(request(IOCB_CMD_FSYNC, fd, 0, 0, 0));
	RUN(request(IOCB_CMD_FDSYNC, fd, 0, 0, 0));
	RUN(request(IOCB_CMD_FSYNC, fd, bytes, 0, 0));
	RUN(request(IOCB_CMD_PREAD, fd, got, 5, -1));
	RUN(request(IOCB_CMD_PREAD, fd, got, -1ul, 0));
	RUN(request(IOCB_CMD_PREAD, fd, BAD_ADDRESS, 5, 0));
	RUN(request(IOCB_CMD_PREAD, fd, (void *)-4096ul, 5, 0));
	RUN(request(IOCB_CMD_PREADV, fd, BAD_ADDRESS, 2, 0));
	RUN(request(IOCB_CMD_PREADV, fd, back, 1025, 0));
	RUN(request(IOCB_CMD_PWRITE, reads, bytes, 5, 0));
	RUN(request(IOCB_CMD_PREAD, end, bytes, 5, 0));
	RUN(request(IOCB_CMD_PREAD, folder, got, 5, 0));
	RUN(request(IOCB_CMD_PREAD, 999, got, 5, 0));
	RUN(request(99, fd, got, 5, 0));
	RUN(request(IOCB_CMD_NOOP, fd, got, 5, 0));
	wrong = request(IOCB_CMD_PREAD, fd, got, 5, 0);
	wrong.aio_reserved2 = 1;
	run("reserved", &wrong);
	wrong = request(IOCB_CMD_PREAD, fd, got, 5, 0);
	wrong.aio_rw_flags = 1 << 20;
	run("flags", &wrong);
	wrong = request(IOCB_CMD_PWRITE, fd, bytes, 5, 0);
	wrong.aio_rw_flags = RWF_APPEND;
	run("at the end", &wrong);
	SAY("%ld", (long)lseek(fd, 0, SEEK_END));
	wrong = request(IOCB_CMD_PREAD, fd, got, 5, 0);
	wrong.aio_key = 7;
	run("key", &wrong);
	SAY("%u", wrong.aio_key);
	TRY(syscall(SYS_io_submit, context, 1, &(struct iocb *){BAD_ADDRESS}));
	close(fd);
	close(end);
	close(reads);
	close(folder);
}

/* Several at once: those before one that is refused are done. */
static void several(void)
{
	int fd = open("several", O_CREAT | O_RDWR | O_TRUNC, 0600);
	struct iocb all[4];
	struct iocb *list[4];
	struct io_event events[8];
	struct timespec none = {0}, wrong = {0, 2000000000};

	SAY("-- several");
	for (int i = 0; i < 4; i++) {
		all[i] = request(IOCB_CMD_PWRITE, fd, "abcdefg", (size_t)i + 1, i);
		all[i].aio_data = (uint64_t)i;
		list[i] = &all[i];
	}
	all[2].aio_fildes = 999;
	TRY(syscall(SYS_io_submit, context, 4, list));
	TRY(syscall(SYS_io_submit, context, 2, list + 2));
	TRY(gather(0, 0, events, 0));
	TRY(gather(0, 1, events, &none));
	SAY("%llu %lld", events[0].data, events[0].res);
	TRY(gather(1, 8, events, &wrong));
	SAY("%llu %lld", events[0].data, events[0].res);
	TRY(gather(0, 8, events, &none));
	all[2].aio_fildes = (uint32_t)fd;
	TRY(syscall(SYS_io_submit, context, 4, list));
	TRY(gather(1, 4, BAD_ADDRESS, 0));
	TRY(gather(4, 8, events, 0));
	for (int i = 0; i < 4; i++)
		SAY("%llu %lld", events[i].data, events[i].res);
	/* What was not taken is counted. */
	TRY(syscall(SYS_io_submit, context, 4, list));
	TRY(destroy(context));
	context = 0;
	TRY(setup(10, &context));
	TRY(gather(0, 8, events, &none));
	close(fd);
}

static int two[2];

static void *write_later(void *unused)
{
	until_asleep(getpid(), getpid());
	write(two[1], "later", 5);
	return unused;
}

/* A read of a pipe waits while it is submitted, as on Linux. */
static void pipes(void)
{
	char got[16] = "";
	pthread_t thread;

	SAY("-- pipes");
	pipe(two);
	write(two[1], "there", 5);
	RUN(request(IOCB_CMD_PREAD, two[0], got, 16, 0));
	SAY("%s", got);
	pthread_create(&thread, 0, write_later, 0);
	RUN(request(IOCB_CMD_PREAD, two[0], got, 16, 0));
	SAY("%s", got);
	pthread_join(thread, 0);
	RUN(request(IOCB_CMD_PWRITE, two[1], "again", 5, 1000));
	RUN(request(IOCB_CMD_PWRITE, two[0], "again", 5, 0));
	RUN(request(IOCB_CMD_FSYNC, two[0], 0, 0, 0));
	fcntl(two[0], F_SETFL, O_NONBLOCK);
	RUN(request(IOCB_CMD_PREAD, two[0], got, 16, 0));
	RUN(request(IOCB_CMD_PREAD, two[0], got, 16, 0));
	close(two[1]);
	RUN(request(IOCB_CMD_PREAD, two[0], got, 16, 0));
	close(two[0]);
	pipe(two);
	signal(SIGPIPE, SIG_IGN);
	close(two[0]);
	RUN(request(IOCB_CMD_PWRITE, two[1], "x", 1, 0));
	close(two[1]);
}

static void polls(void)
{
	struct timespec none = {0};
	struct io_event event;
	struct iocb one, more;
	int pair[2], fd = open("polled", O_CREAT | O_RDWR, 0600), event_fd = eventfd(0, 0);
	char c;

	SAY("-- polls");
	pipe(two);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	RUN(watch(two[1], POLLOUT));
	RUN(watch(fd, POLLIN | POLLOUT));
	RUN(watch(fd, POLLPRI));
	RUN(watch(999, POLLIN));
	RUN(watch(two[1], 1 << 16));
	one = watch(two[0], POLLIN);
	one.aio_offset = 1;
	run("offset", &one);
	one = watch(two[0], POLLIN);
	TRY(submit(&one));
	TRY(gather(0, 1, &event, &none));
	write(two[1], "x", 1);
	TRY(gather(1, 1, &event, 0));
	SAY("%llx %d %llx", event.data, event.obj == (uint64_t)&one, event.res & POLLIN);
	/* once only */
	TRY(gather(0, 1, &event, &none));
	read(two[0], &c, 1);
	/* a socket, and the other end goes */
	one = watch(pair[0], POLLIN);
	TRY(submit(&one));
	close(pair[1]);
	TRY(gather(1, 1, &event, 0));
	SAY("%llx", event.res & (POLLIN | POLLHUP));
	/* an eventfd */
	one = watch(event_fd, POLLIN);
	TRY(submit(&one));
	write(event_fd, &(uint64_t){3}, 8);
	TRY(gather(1, 1, &event, 0));
	SAY("%llx", event.res & POLLIN);
	/* cancelled */
	one = watch(two[0], POLLIN);
	more = watch(two[0], POLLIN);
	TRY(submit(&one));
	TRY(submit(&more));
	TRY(syscall(SYS_io_cancel, context, &one, &event));
	TRY(gather(1, 1, &event, 0));
	SAY("%d %lld", event.obj == (uint64_t)&one, event.res);
	TRY(syscall(SYS_io_cancel, context, &one, &event));
	TRY(syscall(SYS_io_cancel, context, BAD_ADDRESS, &event));
	TRY(syscall(SYS_io_cancel, 77, &more, &event));
	more.aio_key = 5;
	TRY(syscall(SYS_io_cancel, context, &more, &event));
	write(two[1], "y", 1);
	TRY(gather(1, 1, &event, 0));
	SAY("%d %llx", event.obj == (uint64_t)&more, event.res & POLLIN);
	read(two[0], &c, 1);
	/* it waits still when its context ends, and when its program does */
	one = watch(two[0], POLLIN);
	TRY(submit(&one));
	TRY(destroy(context));
	write(two[1], "z", 1);
	read(two[0], &c, 1);
	context = 0;
	TRY(setup(10, &context));
	CHILD("ends", {
		context = 0;
		setup(10, &context);
		submit(&one);
	});
	close(two[0]);
	close(two[1]);
	close(pair[0]);
	close(fd);
	close(event_fd);
}

/* An eventfd is told of each event. */
static void told(void)
{
	int fd = open("told", O_CREAT | O_RDWR, 0600), event_fd = eventfd(0, 0);
	struct iocb one = request(IOCB_CMD_PWRITE, fd, "told", 4, 0), two_;
	struct io_event events[4];
	uint64_t count = 0;

	SAY("-- told");
	pipe(two);
	one.aio_flags = IOCB_FLAG_RESFD;
	one.aio_resfd = (uint32_t)event_fd;
	run("told", &one);
	read(event_fd, &count, 8);
	SAY("%ld", count);
	two_ = watch(two[0], POLLIN);
	two_.aio_flags = IOCB_FLAG_RESFD;
	two_.aio_resfd = (uint32_t)event_fd;
	TRY(submit(&two_));
	write(two[1], "x", 1);
	read(event_fd, &count, 8);
	SAY("%ld", count);
	TRY(gather(1, 4, events, 0));
	SAY("%llx", events[0].res & POLLIN);
	one.aio_resfd = (uint32_t)fd;
	run("no eventfd", &one);
	one.aio_resfd = 999;
	run("no descriptor", &one);
	close(fd);
	close(event_fd);
	close(two[0]);
	close(two[1]);
}

static void nothing(int number)
{
	(void)number;
}

static pid_t waiter;

static void *interrupt(void *thread)
{
	until_asleep(getpid(), waiter);
	pthread_kill(*(pthread_t *)thread, SIGUSR1);
	return 0;
}

static void *end(void *result)
{
	until_asleep(getpid(), waiter);
	*(long *)result = destroy(context);
	return 0;
}

static void interrupted(void)
{
	struct sigaction action = {.sa_handler = nothing};
	struct { const sigset_t *mask; size_t bytes; } given;
	struct timespec short_time = {0, 1000000};
	pthread_t self = pthread_self(), thread;
	struct io_event event;
	sigset_t mask, none;
	long ended = -1;

	SAY("-- interrupted");
	waiter = gettid();
	sigaction(SIGUSR1, &action, 0);
	sigemptyset(&none);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	pthread_create(&thread, 0, interrupt, &self);
	TRY(gather(1, 1, &event, 0));
	pthread_join(thread, 0);
	sigprocmask(SIG_BLOCK, &mask, 0);
	raise(SIGUSR1);
	given.mask = &none;
	given.bytes = 8;
	TRY(syscall(SYS_io_pgetevents, context, 1, 1, &event, 0, &given));
	TRY(syscall(SYS_io_pgetevents, context, 1, 1, &event, &short_time, &given));
	given.bytes = 7;
	TRY(syscall(SYS_io_pgetevents, context, 1, 1, &event, 0, &given));
	given.mask = BAD_ADDRESS;
	given.bytes = 8;
	TRY(syscall(SYS_io_pgetevents, context, 1, 1, &event, 0, &given));
	TRY(syscall(SYS_io_pgetevents, context, 1, 1, &event, &short_time, BAD_ADDRESS));
	TRY(syscall(SYS_io_pgetevents, context, 1, 1, &event, &short_time, 0));
	pthread_create(&thread, 0, end, &ended);
	TRY(gather(1, 1, &event, 0));
	pthread_join(thread, 0);
	SAY("ended: %ld", ended);
}

int main(void)
{
	alarm(50);
	contexts();
	files();
	several();
	pipes();
	polls();
	told();
	interrupted();
	return 0;
}
