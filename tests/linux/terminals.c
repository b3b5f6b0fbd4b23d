/*
 * Pseudo-terminals: the line discipline, settings, job control, hanging up. Linux moves what is written to either end in a worker of its
 * own, piece by piece; so nothing is read, polled or flushed before all that is to come is there.
 */
#include "try.h"

#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

static int master, slave;

static void read_say(const char *what, int fd, size_t bytes)
{
	unsigned char buffer[256];
	long got;

	errno = 0;
	got = read(fd, buffer, bytes < sizeof(buffer) ? bytes : sizeof(buffer));
	printf("%s: %ld", what, got);
	if (got < 0)
		printf(" %s", strerrorname_np(errno));
	for (long i = 0; i < got; i++)
		printf(buffer[i] < ' ' || buffer[i] > '~' ? " \\%02x" : " %c", buffer[i]);
	SAY(" ");
}

/* Waits until as many bytes can be read. */
static void until_there(int fd, int bytes)
{
	int there = 0;

	while (ioctl(fd, FIONREAD, &there) == 0 && there < bytes)
		pause_ms(1);
}

/* Waits until a read would not wait, though it may give nothing: an end of file. */
static void until_readable(int fd)
{
	struct pollfd one = {fd, POLLIN, 0};

	poll(&one, 1, -1);
}

static void read_all_say(const char *what, int fd, int bytes)
{
	until_there(fd, bytes);
	read_say(what, fd, 256);
}

static void poll_say(const char *what, int fd)
{
	struct pollfd one = {fd, POLLIN | POLLOUT, 0};
	int count = poll(&one, 1, 0);

	SAY("poll %s: %d %x", what, count, one.revents);
}

static void pair_open(void)
{
	master = posix_openpt(O_RDWR | O_NOCTTY);
	grantpt(master);
	unlockpt(master);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
}

static void opening(void)
{
	struct stat stat;
	int number = -1, value = -1, peer;

	SAY("-- opening");
	GOOD(master = posix_openpt(O_RDWR | O_NOCTTY));
	TRY(ioctl(master, TIOCGPTN, &number));
	SAY("%d", number >= 0);
	TRY(ioctl(master, TIOCGPTLCK, &value));
	SAY("%d", value);
	TRY(open(ptsname(master), O_RDWR | O_NOCTTY));
	TRY(grantpt(master));
	TRY(unlockpt(master));
	TRY(ioctl(master, TIOCGPTLCK, &value));
	SAY("%d", value);
	GOOD(slave = open(ptsname(master), O_RDWR | O_NOCTTY));
	SAY("%.9s", ptsname(master));
	TRY(isatty(slave));
	TRY(isatty(master));
	TRY(strcmp(ttyname(slave), ptsname(master)));
	TRY(fstat(slave, &stat));
	SAY("%o %u", stat.st_mode & S_IFMT, (unsigned)(stat.st_rdev >> 8));
	SAY("%x", fcntl(slave, F_GETFL));
	GOOD(peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
	TRY(fcntl(peer, F_GETFD));
	close(peer);
	TRY(lseek(slave, 0, SEEK_SET));
	TRY(lseek(master, 0, SEEK_SET));
	TRY(ioctl(slave, TIOCGPTN, &number));
	TRY(ioctl(master, 0x1234, &number));
	poll_say("master", master);
	poll_say("slave", slave);
	TRY(write(master, "hi\n", 3));
	read_all_say("echo", master, 4);
	until_readable(slave);
	poll_say("slave", slave);
	TRY(ioctl(slave, FIONREAD, &value));
	SAY("%d", value);
	read_say("line", slave, 64);
	TRY(write(slave, "out\n", 4));
	read_all_say("output", master, 5);
	TRY(tcgetpgrp(slave));
	TRY(tcgetsid(slave));
	TRY(tcsetpgrp(slave, getpid()));
}

static void editing(void)
{
	struct termios settings;

	SAY("-- editing");
	TRY(tcgetattr(slave, &settings));
	SAY("%x %x %x %x", settings.c_iflag, settings.c_oflag, settings.c_cflag, settings.c_lflag);
	write(master, "abc\177d\025xyz\n", 10);
	read_all_say("echo of editing", master, 21);
	read_all_say("edited line", slave, 4);
	write(master, "no end", 6);
	until_there(master, 6);
	fcntl(slave, F_SETFL, O_NONBLOCK);
	read_say("no line yet", slave, 64);
	write(master, "\004", 1);
	until_readable(slave);
	read_say("ended by ^D", slave, 64);
	write(master, "\004", 1);
	until_readable(slave);
	read_say("end of file", slave, 64);
	write(master, "two\nlines\n", 10);
	until_there(slave, 10);
	read_say("one", slave, 64);
	read_say("a part", slave, 3);
	read_say("its rest", slave, 64);
	read_all_say("drain", master, 18);
	cfmakeraw(&settings);
	TRY(tcsetattr(slave, TCSANOW, &settings));
	read_say("raw, empty", slave, 64);
	write(master, "\003\n\r\177", 4);
	read_all_say("raw", slave, 4);
	TRY(write(slave, "a\nb", 3));
	read_all_say("raw output", master, 3);
	settings.c_cc[VMIN] = 0;
	settings.c_cc[VTIME] = 1;
	fcntl(slave, F_SETFL, 0);
	TRY(tcsetattr(master, TCSANOW, &settings));
	read_say("timed", slave, 64);
	settings.c_cc[VMIN] = 3;
	TRY(tcsetattr(slave, TCSANOW, &settings));
	write(master, "ab", 2);
	read_all_say("two and time", slave, 2);
	struct winsize size = {50, 120, 1, 2};
	TRY(ioctl(master, TIOCSWINSZ, &size));
	memset(&size, 0, sizeof(size));
	TRY(ioctl(slave, TIOCGWINSZ, &size));
	SAY("%d %d %d %d", size.ws_row, size.ws_col, size.ws_xpixel, size.ws_ypixel);
	write(master, "flush", 5);
	until_there(slave, 5);
	TRY(tcflush(slave, TCIFLUSH));
	fcntl(slave, F_SETFL, O_NONBLOCK);
	read_say("flushed", slave, 64);
	fcntl(slave, F_SETFL, 0);
	TRY(tcdrain(slave));
	TRY(tcgetattr(0, &settings));
	TRY(ioctl(slave, TCGETS, BAD_ADDRESS));
}

static void closing(void)
{
	SAY("-- closing");
	write(slave, "last", 4);
	until_there(master, 4);
	close(slave);
	poll_say("master, slave closed", master);
	read_say("what is left", master, 64);
	read_say("no slave", master, 64);
	TRY(write(master, "x", 1));
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	poll_say("slave again", master);
	char name[64];
	strcpy(name, ptsname(master));
	close(master);
	poll_say("slave, master closed", slave);
	read_say("slave, master closed", slave, 64);
	TRY(write(slave, "x", 1));
	TRY(open(name, O_RDWR | O_NOCTTY) < 0);
	TRY(access(name, F_OK));
	TRY(tcgetpgrp(slave));
	close(slave);
}

static volatile int got;

static void note(int number)
{
	got = number;
}

static void session(void)
{
	struct winsize size = {30, 90, 0, 0};
	pid_t child;
	int status, echoed[2];
	char byte;

	SAY("-- a session");
	pair_open();
	pipe(echoed);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		close(master);
		TRY(ioctl(slave, TIOCSCTTY, 0));
		GOOD(setsid());
		TRY(open("/dev/tty", O_RDWR));
		TRY(tcgetpgrp(slave));
		TRY(ioctl(slave, TIOCSCTTY, 0));
		TRY(tcgetpgrp(slave) == getpid());
		TRY(tcgetsid(slave) == getpid());
		int tty = open("/dev/tty", O_RDWR);
		SAY("%d", tty >= 0);
		signal(SIGINT, note);
		signal(SIGWINCH, note);
		write(tty, "ready", 5);
		while (got != SIGINT)
			pause_ms(5);
		read(echoed[0], &byte, 1);
		write(tty, "next", 4);
		while (got != SIGWINCH)
			pause_ms(5);
		SAY("window");
		CHILD("a background reader", {
			setpgid(0, 0);
			signal(SIGTTIN, SIG_IGN);
			TRY(read(slave, &byte, 1));
			signal(SIGTTOU, SIG_IGN);
			TRY(write(slave, "", 0));
			TRY(tcsetpgrp(slave, getpid()));
			TRY(tcgetpgrp(slave) == getpid());
		});
		signal(SIGTTOU, SIG_IGN);
		TRY(tcsetpgrp(slave, getpid()));
		TRY(tcsetpgrp(slave, 0x7ffffffe));
		child = fork();
		if (child == 0) {
			setpgid(0, 0);
			read(slave, &byte, 1);
			_exit(3);
		}
		waitpid(child, &status, WUNTRACED);
		SAY("stopped by %d", WIFSTOPPED(status) ? WSTOPSIG(status) : -1);
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		signal(SIGHUP, note);
		write(tty, "end", 3);
		while (got != SIGHUP)
			pause_ms(5);
		SAY("hung up");
		TRY(write(tty, "x", 1));
		TRY(open("/dev/tty", O_RDWR));
		_exit(7);
	}
	close(slave);
	read_all_say("child", master, 5);
	write(master, "\003", 1);
	read_all_say("echo", master, 2);
	write(echoed[1], "", 1);
	read_all_say("child", master, 4);
	ioctl(master, TIOCSWINSZ, &size);
	read_all_say("child", master, 3);
	close(master);
	waitpid(child, &status, 0);
	SAY("ended %x", status);
}

static void much(void)
{
	static char big[100000];
	long total = 0;
	pid_t child;

	SAY("-- much");
	pair_open();
	struct termios settings;
	tcgetattr(slave, &settings);
	cfmakeraw(&settings);
	tcsetattr(slave, TCSANOW, &settings);
	child = fork();
	if (child == 0) {
		close(master);
		memset(big, 'x', sizeof(big));
		_exit(write(slave, big, sizeof(big)) != sizeof(big));
	}
	close(slave);
	for (long one; (one = read(master, big, sizeof(big))) > 0;)
		total += one;
	int status;
	waitpid(child, &status, 0);
	SAY("%ld %x", total, status);
	close(master);
	pair_open();
	tcsetattr(slave, TCSANOW, &settings);
	child = fork();
	if (child == 0) {
		close(slave);
		_exit(write(master, big, sizeof(big)) != sizeof(big));
	}
	total = 0;
	while (total < (long)sizeof(big)) {
		long one = read(slave, big, 3000);

		if (one <= 0)
			break;
		total += one;
	}
	waitpid(child, &status, 0);
	SAY("%ld %x", total, status);
	close(master);
	close(slave);
}

int main(void)
{
	opening();
	editing();
	closing();
	session();
	much();
	return 0;
}
