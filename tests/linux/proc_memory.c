/* /proc: what it says of memory is true, what may be written is, and nobody learns what is not his. */
#include "try.h"

#include <elf.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

enum { PAGE = 4096 };

static char text[1 << 20];

/* The whole of a file, read in steps of so many bytes; -1: it cannot be read. */
static int whole_in(const char *path, unsigned step)
{
	int fd = open(path, O_RDONLY), bytes = 0, done = 1;

	if (fd < 0)
		return -1;
	while (done > 0 && bytes < (int)sizeof text - 1) {
		done = (int)read(fd, text + bytes, step < sizeof text - 1 - (unsigned)bytes ? step : sizeof text - 1 - (unsigned)bytes);
		bytes += done > 0 ? done : 0;
	}
	text[bytes] = 0;
	close(fd);
	return done < 0 ? -1 : bytes;
}

static int whole(const char *path)
{
	return whole_in(path, sizeof text);
}

/* The number after a key in a record of smaps; -1: there is none. */
static long number_in(const char *record, const char *key)
{
	const char *end = strstr(record, "VmFlags:"), *at = strstr(record, key);

	return at && (!end || at < end) ? atol(at + strlen(key)) : -1;
}

static const char *record_of(const void *address)
{
	char start[32];

	snprintf(start, sizeof start, "%lx-", (unsigned long)address);
	return strstr(text, start);
}

static void measure(const char *what, const void *address)
{
	static const char *const keys[] = {"\nSize:", "\nRss:", "\nPss:", "\nAnonymous:", "\nSwap:", "\nLocked:"};
	const char *record = whole("/proc/self/smaps") > 0 ? record_of(address) : 0;

	if (!record) {
		SAY("%s: no record", what);
		return;
	}
	printf("%s:", what);
	for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++)
		printf(" %s %ld", keys[i] + 1, number_in(record, keys[i]));
	SAY(" shared %ld private %ld", number_in(record, "\nShared_Clean:") + number_in(record, "\nShared_Dirty:"),
		number_in(record, "\nPrivate_Clean:") + number_in(record, "\nPrivate_Dirty:"));
}

/* A child that holds what its parent had at the fork until the end of a pipe is closed. */
static pid_t holder(int *end)
{
	int tube[2];
	pid_t child;
	char byte;

	pipe(tube);
	child = fork();
	if (child == 0) {
		close(tube[1]);
		_exit(read(tube[0], &byte, 1) != 0);
	}
	close(tube[0]);
	*end = tube[1];
	return child;
}

static char *pages(unsigned count, int flags, int fd)
{
	char *at = mmap(0, (count + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + PAGE;

	mmap(at, count * PAGE, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0);
	madvise(at, count * PAGE, MADV_NOHUGEPAGE);
	return at;
}

static void smaps(void)
{
	char *own = pages(10, MAP_PRIVATE | MAP_ANONYMOUS, -1), *both = pages(10, MAP_SHARED | MAP_ANONYMOUS, -1);
	int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600), end;
	char *of_file, *copied;
	pid_t child;
	long rss, sum = 0;

	SAY("-- smaps");
	ftruncate(fd, 8 * PAGE);
	of_file = pages(8, MAP_SHARED, fd);
	copied = pages(8, MAP_PRIVATE, fd);
	measure("nothing", own);
	for (int i = 0; i < 3; i++)
		own[i * 2 * PAGE] = both[i * 3 * PAGE] = 1;
	measure("three", own);
	measure("three shared", both);
	of_file[0] = of_file[5 * PAGE] = 1;
	measure("two of a file", of_file);
	copied[5 * PAGE] = copied[6 * PAGE] = 1;
	measure("two copies", copied);
	child = holder(&end);
	measure("three of two", own);
	own[0] = 2;
	measure("one copied", own);
	close(end);
	waitpid(child, 0, 0);
	measure("alone again", own);
	madvise(own, PAGE, MADV_DONTNEED);
	measure("given back", own);
	whole("/proc/self/smaps_rollup");
	SAY("%d %d %d", strstr(text, "[rollup]\n") != 0, number_in(text, "\nPss_Anon:") > 0, number_in(text, "\nSwap:") == 0);
	rss = number_in(text, "\nRss:");
	whole("/proc/self/smaps");
	for (char *at = text; (at = strstr(at, "\nRss:")); at++)
		sum += atol(at + 5);
	SAY("%d", rss > 0 && sum >= rss - 64 && sum <= rss + 64);
	close(fd);
}

static void pagemap(void)
{
	char *own = pages(4, MAP_PRIVATE | MAP_ANONYMOUS, -1), *both = pages(4, MAP_SHARED | MAP_ANONYMOUS, -1);
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t words[4];

	SAY("-- pagemap");
	own[PAGE] = both[PAGE] = 1;
	TRY(pread(fd, words, sizeof words, (uintptr_t)own / PAGE * 8));
	for (int i = 0; i < 4; i++)
		SAY("%d %d %d", (int)(words[i] >> 63), (int)(words[i] >> 62 & 1), (int)(words[i] >> 61 & 1));
	TRY(pread(fd, words, sizeof words, (uintptr_t)both / PAGE * 8));
	SAY("%d %d", (int)(words[1] >> 61), (int)(words[1] >> 56 & 1));
	TRY(pread(fd, words, 8, 3));
	TRY(pread(fd, words, 7, 0));
	TRY(pread(fd, words, 8, 0));
	SAY("%d", words[0] == 0);
	TRY(pread(fd, words, 0, 0));
	TRY(pread(fd, BAD_ADDRESS, 8, (uintptr_t)own / PAGE * 8));
	TRY(pread(fd, words, 16, 0x7ffffffff000 / PAGE * 8));
	TRY(write(fd, words, 8));
	close(fd);
}

static void same(unsigned step, int bytes, const char *before)
{
	bool same = whole_in("/proc/self/maps", step) == bytes;

	SAY("in steps of %u: %d", step, same && strcmp(before, text) == 0);
}

/* More text than fits in a page or four, read in pieces of any size: the same. */
static void pieces(void)
{
	enum { REGIONS = 600 };
	char *at = mmap(0, 2 * REGIONS * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), byte[3];
	static char before[sizeof text];
	int found = 0, fd, bytes;

	SAY("-- long texts");
	bytes = whole("/proc/self/maps");
	strcpy(before, text);
	same(1, bytes, before);
	for (int i = 0; i < REGIONS; i++)
		mprotect(at + 2 * i * PAGE, PAGE, PROT_READ);
	bytes = whole("/proc/self/maps");
	strcpy(before, text);
	for (int i = 0; i < REGIONS; i++)
		found += record_of(at + 2 * i * PAGE) != 0;
	SAY("%d", found);
	same(299, bytes, before);
	same(4096, bytes, before);
	fd = open("/proc/self/maps", O_RDONLY);
	TRY(pread(fd, byte, 3, 30000));
	SAY("%d", memcmp(byte, before + 30000, 3) == 0);
	TRY(pread(fd, byte, 3, 17));
	SAY("%d", memcmp(byte, before + 17, 3) == 0);
	TRY(pread(fd, byte, 3, 1 << 30));
	TRY(read(fd, BAD_ADDRESS, 10));
	TRY(read(fd, byte, 3));
	SAY("%d", memcmp(byte, before, 3) == 0);
	close(fd);
	SAY("%d", strstr(before, "[stack]\n") && !strstr(before, "\n\n"));
	munmap(at, 2 * REGIONS * PAGE);
}

/* What a read says of a file that is mapped between two other regions: each has its record, and the text an end. */
static void said_of(const char *path, const char *file)
{
	int fd = open(path, O_RDONLY), bytes = whole(path);
	char byte;

	SAY("%s: %d %d %d", path, record_of(file - PAGE) != 0, record_of(file) != 0, record_of(file + PAGE) != 0);
	SAY("%d", bytes > 0 && bytes < (int)sizeof text - 1 && text[bytes - 1] == '\n');
	TRY(pread(fd, &byte, 1, 1l << 62));
	close(fd);
}

/* A path of more bytes than a record of maps has in any buffer of a usual size. */
static void deep(void)
{
	enum { DEPTH = 70, NAME = 255 };
	char name[NAME + 1] = "", *at = mmap(0, 3 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int made = 0, fd;

	SAY("-- a deep file");
	memset(name, 'd', NAME);
	for (int i = 0; i < DEPTH; i++)
		made += mkdir(name, 0700) == 0 && chdir(name) == 0;
	SAY("%d", made);
	fd = open("file", O_RDWR | O_CREAT, 0600);
	SAY("%d", mmap(at + PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == at + PAGE);
	said_of("/proc/self/maps", at + PAGE);
	said_of("/proc/self/smaps", at + PAGE);
	close(fd);
	unlink("file");
	for (int i = 0; i < DEPTH; i++)
		made -= chdir("..") == 0 && rmdir(name) == 0;
	SAY("%d", made);
}

static void texts(void)
{
	unsigned long value = 0;
	int bytes;

	SAY("-- texts");
	bytes = whole("/proc/self/auxv");
	SAY("%d", bytes >= 16 && bytes % 16 == 0);
	for (Elf64_auxv_t *at = (void *)text; at->a_type; at++)
		if (at->a_type == AT_ENTRY)
			value = at->a_un.a_val;
	SAY("%d", value != 0 && value == getauxval(AT_ENTRY));
	whole("/proc/self/personality");
	SAY("%s", strtok(text, "\n"));
	whole("/proc/self/uid_map");
	SAY("%.20s|", text);
	SAY("%d", readlink("/proc/self/ns/pid", text, sizeof text) > 5 && !strncmp(text, "pid:[", 5));
	whole("/proc/self/loginuid");
	SAY("%s", text);
	whole("/proc/self/syscall");
	SAY("%s", strtok(text, " "));
	whole("/proc/self/schedstat");
	SAY("%d", strchr(strchr(text, ' ') + 1, ' ') != 0);
}

static void put(const char *path, const char *what)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0) {
		SAY("open for %s: %s", what, strerrorname_np(errno));
		return;
	}
	errno = 0;
	try_said(what, write(fd, what, strlen(what)));
	close(fd);
}

static void show(const char *path)
{
	int bytes = whole(path);

	while (bytes > 0 && text[bytes - 1] == '\n')
		text[--bytes] = 0;
	SAY("%s", text);
}

static void *named(void *argument)
{
	char name[20] = "", path[64];

	snprintf(path, sizeof path, "/proc/self/task/%ld/comm", (long)syscall(SYS_gettid));
	show(path);
	prctl(PR_SET_NAME, "worker");
	show(path);
	show("/proc/self/comm");
	prctl(PR_GET_NAME, name);
	SAY("%s", name);
	put("/proc/thread-self/comm", "0123456789abcdefgh");
	show(path);
	if (fork() == 0) {
		show("/proc/self/comm");
		_exit(0);
	}
	wait(0);
	return argument;
}

static void names(void)
{
	pthread_t thread;
	char path[64];
	int end;
	pid_t child;

	SAY("-- comm");
	put("/proc/self/comm", "first");
	show("/proc/self/comm");
	pthread_create(&thread, 0, named, 0);
	pthread_join(thread, 0);
	child = holder(&end);
	snprintf(path, sizeof path, "/proc/%d/comm", child);
	put(path, "other");
	show(path);
	close(end);
	waitpid(child, 0, 0);
	put("/proc/self/comm", "");
	show("/proc/self/comm");
}

static void scores(void)
{
	static const char *const values[] = {"100", "-1001", "1001", "x", "", " 7 ", "7\n", "0x10", "010", "+3", "-", "99999999999", "3 4",
		"000000000000000012"};

	SAY("-- oom_score_adj");
	show("/proc/self/oom_score_adj");
	if (fork() == 0) {              /* without the right to lower it */
		setresuid(1, 1, 1);
		prctl(PR_SET_DUMPABLE, 1);
		put("/proc/self/oom_score_adj", "600");
		put("/proc/self/oom_score_adj", "0");
		put("/proc/self/oom_score_adj", "-1");
		show("/proc/self/oom_score_adj");
		_exit(0);
	}
	wait(0);
	for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
		put("/proc/self/oom_score_adj", values[i]);
		show("/proc/self/oom_score_adj");
	}
	put("/proc/self/oom_score_adj", "500");
	whole("/proc/self/oom_score");
	SAY("%d", atoi(text) > 900 && atoi(text) <= 1200);
	if (fork() == 0) {
		show("/proc/self/oom_score_adj");
		_exit(0);
	}
	wait(0);
	put("/proc/self/oom_score", "1");
}

static void others(void)
{
	SAY("-- other files");
	show("/proc/self/timerslack_ns");
	TRY(prctl(PR_GET_TIMERSLACK));
	put("/proc/self/timerslack_ns", "70000");
	TRY(prctl(PR_GET_TIMERSLACK));
	put("/proc/self/timerslack_ns", "x");
	put("/proc/self/timerslack_ns", "0");
	show("/proc/self/timerslack_ns");
	TRY(prctl(PR_SET_TIMERSLACK, 60000));
	show("/proc/self/timerslack_ns");
	TRY(prctl(PR_SET_TIMERSLACK, 0));
	TRY(prctl(PR_GET_TIMERSLACK));
	show("/proc/self/coredump_filter");
	put("/proc/self/coredump_filter", "0x7f");
	show("/proc/self/coredump_filter");
	put("/proc/self/coredump_filter", "-1");
	put("/proc/self/clear_refs", "0");
	put("/proc/self/clear_refs", "1");
	put("/proc/self/clear_refs", "5");
	put("/proc/self/clear_refs", "6");
	put("/proc/self/clear_refs", "a");
	put("/proc/self/stat", "1");
	put("/proc/self/maps", "1");
	put("/proc/self/limits", "1");
	put("/proc/meminfo", "1");
	put("/proc/uptime", "1");
	put("/proc/sys/kernel/osrelease", "1");
	put("/proc/sys/kernel/random/uuid", "1");
	GOOD(open("/proc/self/clear_refs", O_RDONLY));
}

static void title(void)
{
	char *end = (char *)getauxval(AT_EXECFN), *first;

	SAY("-- cmdline");
	whole("/proc/self/cmdline");
	SAY("%d", strlen(text) > 0);
	for (first = end; first > end - 4096 && strcmp(first, text) != 0; first--)
		;
	SAY("%d", first > end - 4096);
	memset(first, 'T', (size_t)(end - first) / 2);
	first[(end - first) / 2] = 0;
	SAY("%d", whole("/proc/self/cmdline") == (end - first) / 2 + 1 && text[0] == 'T');
}

static const char *const secrets[] = {"maps", "smaps", "smaps_rollup", "environ", "auxv", "pagemap", "syscall", "clear_refs",
	"fd", "fdinfo", "stat", "status", "statm", "cmdline", "comm", "limits", "oom_score", "oom_score_adj", "cgroup", "mounts"};

/* Of a process of root's that holds nothing back but what another user's should. */
static void strangers(void)
{
	int end;
	pid_t child = holder(&end);
	char path[64], place[64];

	SAY("-- another user's");
	if (fork() == 0) {
		setresgid(1, 1, 1);
		setresuid(1, 1, 1);
		for (unsigned i = 0; i < sizeof secrets / sizeof *secrets; i++) {
			int fd;

			snprintf(path, sizeof path, "/proc/%d/%s", child, secrets[i]);
			fd = open(path, O_RDONLY);
			SAY("%s: %s", secrets[i], fd < 0 ? strerrorname_np(errno) : "open");
			close(fd);
		}
		snprintf(path, sizeof path, "/proc/%d/comm", child);
		put(path, "x");
		snprintf(path, sizeof path, "/proc/%d/oom_score_adj", child);
		put(path, "x");
		snprintf(path, sizeof path, "/proc/%d/ns/pid", child);
		TRY(readlink(path, place, sizeof place));
		snprintf(path, sizeof path, "/proc/%d/timerslack_ns", child);
		SAY("%d", whole(path));
		_exit(0);
	}
	wait(0);
	close(end);
	waitpid(child, 0, 0);
}

static const char *const written[] = {"oom_score_adj", "comm", "timerslack_ns", "coredump_filter", "clear_refs"};

/* Files that were opened before their process ended. */
static void ended(void)
{
	unsigned count = sizeof secrets / sizeof *secrets, writers = sizeof written / sizeof *written;
	int end, files[20], settings[5];
	pid_t child = holder(&end);
	siginfo_t info;
	char path[64];

	SAY("-- one that ends");
	for (unsigned i = 0; i < count; i++) {
		snprintf(path, sizeof path, "/proc/%d/%s", child, secrets[i]);
		files[i] = open(path, O_RDONLY);
	}
	for (unsigned i = 0; i < writers; i++) {
		snprintf(path, sizeof path, "/proc/%d/%s", child, written[i]);
		settings[i] = open(path, O_WRONLY);
	}
	close(end);
	waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
	snprintf(path, sizeof path, "/proc/%d/maps", child);
	SAY("zombie's maps %d", whole(path));
	snprintf(path, sizeof path, "/proc/%d/cmdline", child);
	SAY("zombie's cmdline %d", whole(path));
	snprintf(path, sizeof path, "/proc/%d/oom_score_adj", child);
	put(path, "5");
	waitpid(child, 0, 0);
	for (unsigned i = 0; i < count; i++)
		if (strcmp(secrets[i], "fd") && strcmp(secrets[i], "fdinfo") && strcmp(secrets[i], "mounts") && strcmp(secrets[i], "auxv") && files[i] >= 0) {
			long bytes = read(files[i], text, 64);

			SAY("%s: %s", secrets[i], bytes == 0 ? "nothing" : bytes > 0 ? "something" : strerrorname_np(errno));
		}
	for (unsigned i = 0; i < count; i++)
		close(files[i]);
	for (unsigned i = 0; i < writers; i++) {
		errno = 0;
		try_said(written[i], write(settings[i], "5", 1));
		close(settings[i]);
	}
}

int main(void)
{
	CHILD("smaps", smaps());
	CHILD("pagemap", pagemap());
	CHILD("pieces", pieces());
	CHILD("deep", deep());
	CHILD("texts", texts());
	CHILD("names", names());
	CHILD("scores", scores());
	CHILD("others", others());
	CHILD("title", title());
	strangers();
	ended();
	return 0;
}
