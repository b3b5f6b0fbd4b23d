/* inotify: what is told of files and folders, in which order and to whom. */
#include "try.h"

#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/time.h>

static int set;

static const char *name_of(uint32_t mask)
{
	static const char *const names[] = {"ACCESS", "MODIFY", "ATTRIB", "CLOSE_WRITE", "CLOSE_NOWRITE", "OPEN", "MOVED_FROM", "MOVED_TO",
		"CREATE", "DELETE", "DELETE_SELF", "MOVE_SELF", "?", "UNMOUNT", "Q_OVERFLOW", "IGNORED"};

	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if ((mask & 0xffff) == 1u << i)
			return names[i];
	return "several";
}

/* Says all that is there to read; cookies by whether they are as the one before. */
static void told(const char *when)
{
	static char room[65536] __attribute__((aligned(8)));
	uint32_t cookie = 0;
	int waiting = -1;
	long got;

	ioctl(set, FIONREAD, &waiting);
	got = read(set, room, sizeof room);
	SAY("%s: %ld of %d", when, got, waiting);
	for (long at = 0; at < got;) {
		struct inotify_event *event = (void *)(room + at);

		SAY("  %d %s%s%s%s %u %s", event->wd, name_of(event->mask), event->mask & IN_ISDIR ? " folder" : "",
			event->cookie ? " moved" : "", event->cookie && event->cookie == cookie ? " the same" : "", event->len,
			event->len ? event->name : "-");
		cookie = event->cookie;
		at += (long)sizeof *event + event->len;
	}
}

static void make(const char *name, const char *text)
{
	int fd = open(name, O_CREAT | O_RDWR, 0600);

	write(fd, text, strlen(text));
	close(fd);
}

static void arguments(void)
{
	struct pollfd ready;
	char small[20];
	int other, wd;

	SAY("-- arguments");
	GOOD(set = inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
	TRY(fcntl(set, F_GETFD));
	TRY(inotify_init1(5));
	GOOD(other = inotify_init());
	SAY("%x %x", fcntl(other, F_GETFL) & O_NONBLOCK, fcntl(other, F_GETFD));
	TRY(inotify_add_watch(set, "missing", IN_OPEN));
	TRY(inotify_add_watch(set, BAD_ADDRESS, IN_OPEN));
	TRY(inotify_add_watch(set, ".", 0));
	TRY(inotify_add_watch(999, ".", IN_OPEN));
	TRY(inotify_add_watch(0, ".", IN_OPEN));
	make("file", "text");
	symlink("file", "link");
	TRY(inotify_add_watch(set, "file", IN_OPEN | IN_ONLYDIR));
	TRY(inotify_add_watch(set, "file", IN_OPEN | IN_MASK_ADD | IN_MASK_CREATE));
	TRY(inotify_add_watch(set, "file", IN_OPEN));
	TRY(inotify_add_watch(set, "link", IN_MODIFY | IN_MASK_ADD));
	TRY(inotify_add_watch(set, "link", IN_MODIFY | IN_MASK_CREATE));
	TRY(inotify_add_watch(set, "link", IN_OPEN | IN_DONT_FOLLOW));
	TRY(inotify_add_watch(other, "file", IN_OPEN));
	make("file", "more");
	told("both masks");
	ready = (struct pollfd){.fd = other, .events = POLLIN};
	TRY(poll(&ready, 1, 0));
	TRY(read(other, small, 8));
	TRY(read(other, small, 16));
	ready.revents = 0;
	TRY(poll(&ready, 1, 0));
	TRY(read(set, small, sizeof small));
	TRY(write(set, "x", 1));
	TRY(inotify_rm_watch(set, 77));
	TRY(inotify_rm_watch(0, 1));
	TRY(inotify_rm_watch(999, 1));
	TRY(inotify_rm_watch(set, 1));
	TRY(inotify_rm_watch(set, 1));
	told("one ended");
	TRY(wd = inotify_add_watch(set, "file", IN_OPEN | IN_ONESHOT));
	make("file", "x");
	make("file", "y");
	told("once");
	TRY(inotify_add_watch(set, "file", IN_OPEN));
	unlink("link");
	unlink("file");
	told("gone");
	close(other);
	close(set);
}

static void folder(void)
{
	char room[64];
	int fd, at;

	SAY("-- a folder");
	set = inotify_init1(IN_NONBLOCK);
	TRY(inotify_add_watch(set, ".", IN_ALL_EVENTS));
	fd = open("one", O_CREAT | O_RDWR, 0600);
	told("create");
	write(fd, "text", 4);
	write(fd, "text", 4);
	lseek(fd, 0, SEEK_SET);
	read(fd, room, 3);
	read(fd, room, 9);
	read(fd, room, 9);
	told("write, read");
	ftruncate(fd, 2);
	fchmod(fd, 0644);
	fchown(fd, 1, 1);
	futimens(fd, 0);
	told("attributes");
	close(fd);
	told("close");
	fd = open("one", O_RDONLY);
	close(fd);
	open("one", O_WRONLY | O_CREAT | O_EXCL, 0600);
	at = open("one", O_PATH);
	close(at);
	told("open to read");
	truncate("one", 1);
	chmod("one", 0600);
	told("truncate");
	utimensat(AT_FDCWD, "one", (struct timespec[]){{0, UTIME_OMIT}, {5, 0}}, 0);
	utimensat(AT_FDCWD, "one", (struct timespec[]){{5, 0}, {0, UTIME_OMIT}}, 0);
	utimensat(AT_FDCWD, "one", (struct timespec[]){{5, 0}, {6, 0}}, 0);
	told("times");
	link("one", "two");
	told("link");
	rename("one", "three");
	told("rename");
	rename("three", "two");
	told("rename to the same file");
	make("four", "");
	rename("four", "two");
	told("rename over");
	renameat2(AT_FDCWD, "three", AT_FDCWD, "two", RENAME_EXCHANGE);
	told("exchange");
	unlink("two");
	unlink("three");
	told("unlink");
	mkdir("sub", 0755);
	told("mkdir");
	make("sub/inner", "x");
	told("inside");
	chmod("sub", 0700);
	told("chmod of a folder");
	rename("sub/inner", "outer");
	rename("outer", "sub/inner");
	told("in and out");
	rename("sub", "sub2");
	unlink("sub2/inner");
	rmdir("sub2");
	told("rmdir");
	symlink("x", "sym");
	mkfifo("fifo", 0600);
	unlink("sym");
	unlink("fifo");
	told("others");
	close(set);
}

static void themselves(void)
{
	int fd;

	SAY("-- themselves");
	set = inotify_init1(IN_NONBLOCK);
	make("file", "x");
	mkdir("dir", 0755);
	mkdir("dir/deep", 0755);
	TRY(inotify_add_watch(set, "file", IN_ALL_EVENTS));
	TRY(inotify_add_watch(set, "dir", IN_ALL_EVENTS | IN_EXCL_UNLINK));
	TRY(inotify_add_watch(set, "dir/deep", IN_ALL_EVENTS));
	link("file", "dir/name");
	told("link");
	rename("file", "dir/file");
	told("moved in");
	fd = open("dir/file", O_RDWR);
	write(fd, "y", 1);
	told("write");
	unlink("dir/name");
	told("one name gone");
	unlink("dir/file");
	told("unlinked, but open");
	close(fd);
	told("closed");
	rename("dir/deep", "deep");
	rename("dir", "dir2");
	told("folders moved");
	rmdir("deep");
	told("folder removed");
	make("victim", "1");
	make("new", "2");
	TRY(inotify_add_watch(set, "victim", IN_ALL_EVENTS));
	rename("new", "victim");
	told("renamed over");
	unlink("victim");
	rmdir("dir2");
	told("end");
	close(set);
}

/* More than is kept. */
static void overflow(void)
{
	static char room[16384 * 64];
	struct inotify_event *last = 0;
	long got, count = 0;

	SAY("-- overflow");
	set = inotify_init1(IN_NONBLOCK);
	inotify_add_watch(set, ".", IN_CREATE | IN_DELETE);
	for (int i = 0; i < 9000; i++) {
		close(open("some", O_CREAT | O_RDWR, 0600));
		unlink("some");
	}
	while ((got = read(set, room, sizeof room)) > 0)
		for (long at = 0; at < got; at += (long)sizeof *last + last->len, count++)
			last = (void *)(room + at);
	SAY("%d %ld %x %d", count > 16000 && count < 17000, got, last->mask, last->wd);
	close(set);
}

/* A reader that waits, and a set that a child has too. */
static void waits(void)
{
	char room[64];
	pid_t child;

	SAY("-- waits");
	set = inotify_init();
	inotify_add_watch(set, ".", IN_CREATE);
	child = fork();
	if (child == 0) {
		until_asleep(getppid(), getppid());
		close(open("late", O_CREAT | O_RDWR, 0600));
		_exit(0);
	}
	TRY(read(set, room, sizeof room));
	waitpid(child, 0, 0);
	unlink("late");
	close(set);
}

int main(void)
{
	mkdir("watched", 0755);
	chdir("watched");
	arguments();
	folder();
	themselves();
	overflow();
	waits();
	return 0;
}
