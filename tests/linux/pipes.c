/* Pipes and what moves bytes through them: capacity, splice, tee, vmsplice. */
#include "try.h"

#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

static char big[300000];

static void read_say(const char *what, int fd)
{
	char buffer[64] = "";
	long got = read(fd, buffer, sizeof(buffer) - 1);

	SAY("%s: %ld %s", what, got, got >= 0 ? buffer : strerrorname_np(errno));
}

static long fill(int fd)
{
	long total = 0, one;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((one = write(fd, big, 4096)) > 0)
		total += one;
	fcntl(fd, F_SETFL, 0);
	return total;
}

static void capacity(void)
{
	int tube[2], value;

	SAY("-- capacity");
	pipe(tube);
	TRY(fcntl(tube[0], F_GETPIPE_SZ));
	TRY(fill(tube[1]));
	TRY(fcntl(tube[0], F_SETPIPE_SZ, 4096));
	TRY(fcntl(tube[1], F_SETPIPE_SZ, 100000));
	TRY(fill(tube[1]));
	TRY(ioctl(tube[0], FIONREAD, &value));
	SAY("%d", value);
	TRY(read(tube[0], big, sizeof(big)));
	TRY(fcntl(tube[0], F_SETPIPE_SZ, 1));
	TRY(fill(tube[1]));
	TRY(fcntl(tube[0], F_SETPIPE_SZ, 1048576));
	TRY(fcntl(tube[0], F_SETPIPE_SZ, -1));
	TRY(fcntl(0, F_GETPIPE_SZ));
	TRY(fill(tube[1]));
	long total = 0;
	fcntl(tube[0], F_SETFL, O_NONBLOCK);
	for (long one; (one = read(tube[0], big, 5000)) > 0;)
		total += one;
	SAY("%ld", total);
	fcntl(tube[0], F_SETPIPE_SZ, 8192);
	for (int i = 0; i < 8192; i++)
		big[i] = i / 100;
	write(tube[1], big, 8192);
	read(tube[0], big + 10000, 1000);
	TRY(fcntl(tube[0], F_SETPIPE_SZ, 65536));
	write(tube[1], big, 1000);
	total = read(tube[0], big + 10000, 9000);
	SAY("%ld %d %d", total, memcmp(big + 10000, big + 1000, 7192), memcmp(big + 10000 + 7192, big, 1000));
	close(tube[0]);
	CHILD("no reader", write(tube[1], "x", 1));
	signal(SIGPIPE, SIG_IGN);
	TRY(write(tube[1], "x", 1));
	signal(SIGPIPE, SIG_DFL);
	close(tube[1]);
}

static void splices(void)
{
	int a[2], b[2], pair[2], file = open("file", O_CREAT | O_RDWR, 0600), null = open("/dev/null", O_RDWR);
	loff_t at = 2;

	SAY("-- splice");
	pipe(a);
	pipe(b);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	write(file, "contents of a file", 18);
	TRY(splice(file, &at, a[1], 0, 5, 0));
	SAY("%ld", (long)at);
	read_say("from a file", a[0]);
	TRY(splice(file, 0, a[1], 0, 5, 0));
	lseek(file, 0, SEEK_SET);
	TRY(splice(file, 0, a[1], 0, 8, 0));
	TRY(lseek(file, 0, SEEK_CUR));
	TRY(splice(a[0], 0, file, 0, 100, 0));
	TRY(lseek(file, 0, SEEK_CUR));
	write(a[1], "pipe to pipe", 12);
	TRY(splice(a[0], 0, b[1], 0, 4, 0));
	TRY(tee(a[0], b[1], 5, 0));
	read_say("spliced and teed", b[0]);
	read_say("left", a[0]);
	TRY(splice(a[0], 0, b[1], 0, 4, SPLICE_F_NONBLOCK));
	TRY(tee(a[0], b[1], 4, SPLICE_F_NONBLOCK));
	TRY(tee(a[0], a[1], 4, 0));
	TRY(tee(a[0], file, 4, 0));
	TRY(tee(a[0], b[1], 4, 77));
	TRY(tee(999, b[1], 4, 0));
	TRY(splice(a[0], 0, a[1], 0, 4, 0));
	TRY(splice(file, 0, null, 0, 4, 0));
	TRY(splice(a[0], &at, file, 0, 4, 0));
	TRY(splice(file, 0, a[1], &at, 4, 0));
	TRY(splice(file, BAD_ADDRESS, a[1], 0, 4, 0));
	TRY(splice(a[1], 0, file, 0, 4, 0));
	TRY(splice(file, 0, a[0], 0, 4, 0));
	TRY(splice(999, 0, a[0], 0, 4, 0));
	TRY(splice(a[0], 0, 999, 0, 4, 0));
	TRY(splice(a[0], 0, file, 0, 4, 0x77));
	TRY(splice(a[0], 0, file, 0, 0, 0));
	write(a[1], "to a socket", 11);
	TRY(splice(a[0], 0, pair[0], 0, 100, 0));
	read_say("socket", pair[1]);
	write(pair[0], "from a socket", 13);
	TRY(splice(pair[1], 0, a[1], 0, 100, 0));
	read_say("from a socket", a[0]);
	write(a[1], "nothing", 7);
	TRY(splice(a[0], 0, null, 0, 100, 0));
	int append = open("file", O_WRONLY | O_APPEND);
	write(a[1], "x", 1);
	TRY(splice(a[0], 0, append, 0, 1, 0));
	read_say("still there", a[0]);
	close(append);
	fill(a[1]);
	TRY(splice(file, &at, a[1], 0, 5, SPLICE_F_NONBLOCK));
	TRY(splice(a[0], 0, b[1], 0, 1 << 20, 0));
	close(b[1]);
	close(a[1]);
	TRY(splice(a[0], 0, file, 0, 4, 0));
	pipe(b);
	close(b[0]);
	lseek(file, 0, SEEK_SET);
	CHILD("no reader", splice(file, 0, b[1], 0, 5, 0));
	for (int fd = 3; fd < 20; fd++)
		close(fd);
	unlink("file");
}

static void *slow_reader(void *fd)
{
	static char sink[10000];
	long total = 0, one;

	while ((one = read((int)(long)fd, sink, sizeof(sink))) > 0)
		total += one;
	return (void *)total;
}

static void *slow_writer(void *fd)
{
	until_asleep(getpid(), getpid());
	write((int)(long)fd, "late", 4);
	until_asleep(getpid(), getpid());
	close((int)(long)fd);
	return 0;
}

static void streams(void)
{
	int a[2], b[2], pair[2];
	pthread_t thread;
	void *total;
	long moved = 0, one;

	SAY("-- waiting");
	pipe(a);
	pipe(b);
	pthread_create(&thread, 0, slow_writer, (void *)(long)a[1]);
	TRY(splice(a[0], 0, b[1], 0, 100, 0));
	TRY(splice(a[0], 0, b[1], 0, 100, 0));
	pthread_join(thread, 0);
	read_say("came", b[0]);
	close(a[0]);
	pipe(a);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	pthread_create(&thread, 0, slow_reader, (void *)(long)pair[1]);
	int zero = open("/dev/zero", O_RDONLY);
	while (moved < 1000000) {
		one = splice(zero, 0, a[1], 0, 50000, 0);
		if (one <= 0)
			break;
		moved += one;
		while (one > 0) {
			long out = splice(a[0], 0, pair[0], 0, one, 0);

			if (out <= 0)
				break;
			one -= out;
		}
	}
	close(pair[0]);
	pthread_join(thread, &total);
	SAY("all came: %d", moved == (long)total);
	for (int fd = 3; fd < 20; fd++)
		close(fd);
}

static void memory(void)
{
	int a[2];
	char one[8] = "abc", two[8] = "defg", in[20] = "";
	struct iovec out[2] = {{one, 3}, {two, 4}}, back[1] = {{in, 20}};

	SAY("-- vmsplice");
	pipe(a);
	TRY(vmsplice(a[1], out, 2, 0));
	TRY(vmsplice(a[0], back, 1, 0));
	SAY("%s", in);
	TRY(vmsplice(a[1], out, 2, 0x77));
	TRY(vmsplice(0, out, 2, 0));
	TRY(vmsplice(999, out, 2, 0));
	TRY(vmsplice(a[1], out, 0, 0));
	close(a[0]);
	close(a[1]);
}

static void named(void)
{
	pid_t child;
	int fd;

	SAY("-- named");
	TRY(mkfifo("fifo", 0600));
	TRY(mkfifo("fifo", 0600));
	child = fork();
	if (child == 0) {
		fd = open("fifo", O_WRONLY);
		write(fd, "through", 7);
		_exit(0);
	}
	fd = open("fifo", O_RDONLY);
	read_say("fifo", fd);
	waitpid(child, 0, 0);
	read_say("fifo", fd);
	struct pollfd one = {fd, POLLIN, 0};
	TRY(poll(&one, 1, 0));
	SAY("%x", one.revents);
	close(fd);
	fd = open("fifo", O_RDWR);
	TRY(write(fd, "self", 4));
	read_say("fifo", fd);
	TRY(lseek(fd, 0, SEEK_SET));
	close(fd);
	unlink("fifo");
}

/* Flags of open files by ioctl. */
static void flags_by_ioctl(void)
{
	int ends[2], on = 1, off = 0, null = open("/dev/null", O_RDWR), here = open(".", O_RDONLY);

	SAY("-- flags by ioctl");
	GOOD(pipe(ends));
	TRY(ioctl(ends[0], FIONBIO, &on));
	TRY(ioctl(ends[0], FIOASYNC, &on));
	SAY("%x", fcntl(ends[0], F_GETFL) & (O_NONBLOCK | O_ASYNC));
	TRY(ioctl(ends[0], FIONBIO, &off));
	TRY(ioctl(ends[0], FIOASYNC, &off));
	SAY("%x", fcntl(ends[0], F_GETFL) & (O_NONBLOCK | O_ASYNC));
	TRY(ioctl(here, FIONBIO, &on));
	TRY(ioctl(here, FIOASYNC, &on));
	TRY(ioctl(here, FIOASYNC, &off));
	TRY(ioctl(here, FIOASYNC, BAD_ADDRESS));
	TRY(ioctl(null, FIONBIO, &on));
	close(ends[0]);
	close(ends[1]);
	close(null);
	close(here);
}

int main(void)
{
	capacity();
	splices();
	streams();
	memory();
	named();
	flags_by_ioctl();
	return 0;
}
