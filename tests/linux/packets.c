/* A pseudo-terminal's master in packet mode (TIOCPKT). */
#include "try.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

static int master, slave;

/* What can be read, as numbers. On Linux what a slave writes comes a little later. */
static void show(const char *what, unsigned limit)
{
	unsigned char bytes[64];
	struct pollfd poll_it = {master, POLLIN | POLLPRI, 0};
	int ready = poll(&poll_it, 1, strcmp(what, "nothing") ? -1 : 0);
	long count = ready > 0 ? read(master, bytes, limit) : 0;

	printf("%s: %x", what, ready > 0 ? poll_it.revents : 0);
	for (long i = 0; i < count; i++)
		printf(" %d", bytes[i]);
	SAY("%s", count < 0 ? " error" : "");
}

static void put(const char *text)
{
	TRY(write(slave, text, strlen(text)));
}

/* A key, and events until all that it has to cause are there: on Linux they come one by one, and later. */
static void key(char c, int wanted)
{
	int got = 0;

	TRY(write(master, &c, 1));
	while ((got & wanted) != wanted) {
		unsigned char event = 0;

		if (read(master, &event, 1) != 1 || event == 0)
			break;
		got |= event;
	}
	SAY("key %d: %d", c, got);
}

static void change(tcflag_t input, int stop)
{
	struct termios settings;

	tcgetattr(slave, &settings);
	settings.c_iflag = (settings.c_iflag & ~(tcflag_t)IXON) | input;
	settings.c_cc[VSTOP] = (cc_t)stop;
	tcsetattr(slave, TCSANOW, &settings);
}

int main(void)
{
	struct termios settings;
	int on = 1, off = 0, got = -1;

	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	unlockpt(master);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	tcgetattr(slave, &settings);
	settings.c_lflag &= ~(tcflag_t)ECHO;
	settings.c_oflag = 0;
	tcsetattr(slave, TCSANOW, &settings);
	TRY(ioctl(slave, TIOCPKT, &on));
	TRY(ioctl(master, TIOCPKT, BAD_ADDRESS));
	TRY(ioctl(master, TIOCGPKT, &got));
	SAY("%d", got);
	TRY(ioctl(master, TIOCPKT, &on));
	TRY(ioctl(master, TIOCGPKT, &got));
	SAY("%d", got);
	show("nothing", 64);
	put("abc");
	show("text", 64);
	put("abc");
	show("one byte", 1);
	show("two bytes", 2);
	show("the rest", 64);
	change(IXON, 0);
	show("another stop", 64);
	change(IXON, 19);
	show("the usual stop", 64);
	change(0, 19);
	change(IXON, 19);
	show("both", 64);
	TRY(tcflush(slave, TCIFLUSH));
	show("input gone", 64);
	TRY(tcflush(slave, TCOFLUSH));
	show("output gone", 64);
	show("nothing", 64);
	TRY(tcflush(slave, TCIOFLUSH));
	show("all gone", 64);
	key(19, 4);
	key(17, 8);
	key(3, 3);
	put("x");
	change(0, 19);
	show("event before text", 64);
	show("text", 64);
	change(IXON, 19);
	TRY(read(master, BAD_ADDRESS, 5));
	TRY(ioctl(master, TIOCPKT, &off));
	show("nothing", 64);
	put("y");
	show("text alone", 64);
	TRY(ioctl(master, TIOCPKT, &on));
	show("nothing", 64);
	return 0;
}
