/* What programs that have a file mapped see of what others do to it, and shared memory. */
#include "try.h"

#include <linux/futex.h>
#include <setjmp.h>
#include <sys/mman.h>

#define PAGE 4096ul

static sigjmp_buf caught;

static void fault_caught(int number, siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	siglongjmp(caught, number);
}

/* Reads or writes one byte and says what came of it. */
static void touch(const char *what, volatile char *at, int write_it)
{
	int number = sigsetjmp(caught, 1);

	if (number != 0)
		SAY("%s: %s", what, sigabbrev_np(number));
	else if (write_it)
		*at = 'w', SAY("%s: written", what);
	else
		SAY("%s: %d", what, *at);
}

static char *map(size_t bytes, int protection, int flags, int fd, off_t offset)
{
	char *at = mmap(0, bytes, protection, flags, fd, offset);

	if (at == MAP_FAILED)
		SAY("mmap: %s", strerrorname_np(errno));
	return at;
}

static int file_of_pages(const char *name, int pages)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	char page[PAGE];

	for (int i = 0; i < pages; i++) {
		memset(page, 'a' + i, PAGE);
		write(fd, page, PAGE);
	}
	return fd;
}

/* A child that does its part whenever it is told to. */
struct helper {
	pid_t pid;
	int to[2], from[2];
};

static void helper_start(struct helper *helper, void (*part)(int step))
{
	char step;

	pipe(helper->to);
	pipe(helper->from);
	helper->pid = fork();
	if (helper->pid != 0)
		return;
	while (read(helper->to[0], &step, 1) == 1 && step != 0) {
		part(step);
		write(helper->from[1], &step, 1);
	}
	_exit(0);
}

static void helper_step(struct helper *helper, char step)
{
	write(helper->to[1], &step, 1);
	if (step != 0)
		read(helper->from[0], &step, 1);
	else
		waitpid(helper->pid, 0, 0);
}

static int cut_fd, cut_tube, cut_null;
static char *cut_shared, *cut_private;

static void cut_part(int step)
{
	if (step == 1) {
		cut_shared = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, cut_fd, 0);
		cut_private = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, cut_fd, 0);
		touch("child, shared 2", cut_shared + 2 * PAGE, 0);
		touch("child, private 3 copied", cut_private + 3 * PAGE, 1);
		touch("child, private 0 copied", cut_private, 1);
	}
	touch("child, shared 0", cut_shared, 0);
	touch("child, shared 1, in the file", cut_shared + PAGE, 0);
	touch("child, shared 1, after its end", cut_shared + PAGE + 100, 0);
	touch("child, shared 2", cut_shared + 2 * PAGE, 0);
	touch("child, shared 3", cut_shared + 3 * PAGE, 1);
	touch("child, private 0", cut_private, 0);
	touch("child, private 2", cut_private + 2 * PAGE, 0);
	touch("child, private 3", cut_private + 3 * PAGE, 0);
	TRY(write(cut_tube, cut_private + 3 * PAGE, 1));
	TRY(read(cut_null, cut_shared + 3 * PAGE, 1));
}

static void cutting(void)
{
	struct helper helper;
	int tube[2];
	char *at;

	SAY("-- a file is cut");
	pipe(tube);
	cut_tube = tube[1];
	cut_fd = file_of_pages("cut", 4);
	cut_null = open("/dev/zero", O_RDONLY);
	at = map(4 * PAGE, PROT_READ, MAP_SHARED, cut_fd, 0);
	touch("3", at + 3 * PAGE, 0);
	helper_start(&helper, cut_part);
	helper_step(&helper, 1);
	TRY(ftruncate(cut_fd, PAGE + 100));
	touch("3", at + 3 * PAGE, 0);
	helper_step(&helper, 2);
	TRY(ftruncate(cut_fd, 4 * PAGE));
	touch("3", at + 3 * PAGE, 0);
	helper_step(&helper, 3);
	TRY(close(open("cut", O_WRONLY | O_TRUNC)));
	touch("0", at, 0);
	helper_step(&helper, 4);
	helper_step(&helper, 0);
	TRY(munmap(at, 4 * PAGE));
	SAY("-- a mapping beyond the end");
	cut_fd = file_of_pages("short", 1);
	at = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, cut_fd, 0);
	touch("1", at + PAGE, 0);
	TRY(ftruncate(cut_fd, PAGE + 1));
	touch("1", at + PAGE, 0);
	touch("1", at + PAGE + 1, 1);
	touch("2", at + 2 * PAGE, 1);
	TRY(pread(cut_fd, at + 2 * PAGE, 1, 0));
	TRY(pread(cut_fd, at + 2 * PAGE - 10, 20, 0));
}

static void punching(void)
{
	int fd = file_of_pages("holes", 4);
	char *shared = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *own = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	SAY("-- a hole is made");
	touch("own copy", own + 2 * PAGE, 1);
	touch("shared", shared + 2 * PAGE, 0);
	touch("untouched", own + PAGE, 0);
	TRY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, 2 * PAGE + 10));
	touch("own copy", own + 2 * PAGE, 0);
	touch("shared", shared + 2 * PAGE, 0);
	touch("untouched", own + PAGE, 0);
	touch("shared, 3", shared + 3 * PAGE, 0);
	touch("shared, 3, after the hole", shared + 3 * PAGE + 10, 0);
}

static int image_fd;
static char *image_shared, *image_own;

static void image_part(int step)
{
	if (step == 1) {
		image_shared = map(4 * PAGE, PROT_READ, MAP_SHARED, image_fd, 0);
		image_own = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, image_fd, 0);
		touch("child, own copy", image_own + 2, 1);
		touch("child, own copy", image_own + PAGE, 0);
	}
	for (int i = 0; i < 4; i++)
		printf(" %.4s %.4s", image_shared + (unsigned)i * PAGE, image_own + (unsigned)i * PAGE);
	SAY(" of step %d", step);
}

/* The file was there before the system started. */
static void image(const char *name)
{
	struct helper helper;
	char *at;

	SAY("-- a file of the image is changed");
	image_fd = open(name, O_RDWR);
	if (image_fd < 0) {
		SAY("there is no %s", name);
		_exit(1);
	}
	helper_start(&helper, image_part);
	helper_step(&helper, 1);
	TRY(pwrite(image_fd, "one", 3, 0));
	helper_step(&helper, 2);
	at = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, image_fd, 0);
	image_own = map(4 * PAGE, PROT_READ, MAP_PRIVATE, image_fd, 0);
	SAY("%.4s %.4s", at + PAGE, image_own + PAGE);
	memcpy(at + PAGE, "two", 3);
	SAY("%.4s", image_own + PAGE);
	helper_step(&helper, 3);
	SAY("%.4s", image_own + 2 * PAGE);
	TRY(fallocate(image_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2 * PAGE, 2));
	SAY("%d %.2s", image_own[2 * PAGE], image_own + 2 * PAGE + 2);
	helper_step(&helper, 4);
	TRY(ftruncate(image_fd, 3 * PAGE + 2));
	SAY("%.4s", image_own + 3 * PAGE);
	helper_step(&helper, 5);
	TRY(ftruncate(image_fd, 4 * PAGE));
	helper_step(&helper, 6);
	helper_step(&helper, 0);
}

static void sealing(void)
{
	int fd = memfd_create("sealed", MFD_ALLOW_SEALING), again;
	char *at, path[64];

	SAY("-- seals and mappings");
	ftruncate(fd, 2 * PAGE);
	at = map(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	TRY(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	TRY(fcntl(fd, F_GET_SEALS));
	TRY(write(fd, "x", 1));
	TRY(mprotect(at, PAGE, PROT_READ));
	TRY(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	TRY(munmap(at, PAGE));
	at = map(PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	sprintf(path, "/proc/self/fd/%d", fd);
	again = open(path, O_RDONLY);
	map(PAGE, PROT_READ, MAP_SHARED, again, 0);
	TRY(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	TRY(write(fd, "x", 1));
	touch("private", at, 1);
	map(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	map(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0);
	TRY(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	TRY(ftruncate(fd, PAGE));
	fd = memfd_create("future", MFD_ALLOW_SEALING);
	ftruncate(fd, PAGE);
	at = map(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	TRY(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	touch("there before", at, 1);
	map(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	at = map(PAGE, PROT_READ, MAP_SHARED, fd, 0);
	touch("reads", at, 0);
	TRY(mprotect(at, PAGE, PROT_READ | PROT_WRITE));
	TRY(write(fd, "x", 1));
}

/* Far larger than what is touched of it. */
static void shared_memory(void)
{
	size_t bytes = 1ul << 30;
	char *at = map(bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	unsigned *word = (unsigned *)(at + 5 * PAGE);
	char *more;
	pid_t child;

	SAY("-- shared memory");
	at[bytes - 1] = 1;
	child = fork();
	if (child == 0) {
		SAY("%d %d", at[bytes - 1], at[bytes / 2]);
		at[bytes - 1] = 8;
		__atomic_store_n(&at[bytes / 2], 7, __ATOMIC_RELEASE);
		SAY("a wait ends with %ld", syscall(SYS_futex, word, FUTEX_WAIT, 0, 0, 0, 0));
		_exit(0);
	}
	while (__atomic_load_n(&at[bytes / 2], __ATOMIC_ACQUIRE) == 0)
		pause_ms(1);
	SAY("%d", at[bytes - 1]);
	while (syscall(SYS_futex, word, FUTEX_WAKE, 1, 0, 0, 0) == 0)
		pause_ms(1);
	waitpid(child, 0, 0);
	TRY(madvise(at, bytes, MADV_DONTNEED));
	SAY("%d %d", at[bytes - 1], at[bytes / 2]);
	TRY(munmap(at + PAGE, bytes - PAGE));
	more = mremap(at, PAGE, 3 * PAGE, MREMAP_MAYMOVE);
	SAY("grown: %d", more != MAP_FAILED);
	touch("0", more, 1);
	at = map(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	at = mremap(at, PAGE, 3 * PAGE, MREMAP_MAYMOVE);
	touch("beyond", at + PAGE, 1);
	TRY(syscall(SYS_futex, at + 8 * PAGE, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, 0, 0, 0));
	TRY(syscall(SYS_futex, BAD_ADDRESS, FUTEX_WAKE, 1, 0, 0, 0));
	TRY(syscall(SYS_futex, BAD_ADDRESS, FUTEX_WAIT, 1, 0, 0, 0));
	TRY(syscall(SYS_futex, ~0xffful, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, 0, 0, 0));
}

/* mremap to a place that is given: what was there goes, what is moved goes along. */
static void moved_to_a_place(void)
{
	char *at = map(16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = file_of_pages("moved", 8);
	char *file = map(8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	SAY("-- moved to a place");
	for (int i = 0; i < 16; i++)
		at[i * PAGE] = (char)('a' + i);
#define MOVE(from, old, new, flags, to) SAY("%s", mremap(from, old, new, flags, to) == MAP_FAILED ? strerror(errno) : "moved")
	MOVE(at, PAGE, PAGE, MREMAP_FIXED, at + 8 * PAGE);
	MOVE(at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at);
	MOVE(at, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at + PAGE);
	MOVE(at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at + PAGE + 1);
	MOVE(at, PAGE, 0ul, MREMAP_MAYMOVE | MREMAP_FIXED, at + PAGE);
	MOVE(at, PAGE, PAGE, MREMAP_MAYMOVE | 8, at + PAGE);
	MOVE(at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (char *)0x7ffffffff000);
	MOVE(at, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
	MOVE(at, PAGE, PAGE, MREMAP_DONTUNMAP, 0);
	MOVE(at, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at + 8 * PAGE);
	touch("from", at, 0);
	SAY("%c %c", at[8 * PAGE], at[9 * PAGE]);
	MOVE(at + 2 * PAGE, 3 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at);
	touch("the rest", at + 3 * PAGE, 0);
	SAY("%c", at[0]);
	MOVE(at + 10 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at + 2 * PAGE);
	SAY("%c %d", at[2 * PAGE], at[3 * PAGE]);
	MOVE(at + 12 * PAGE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, at + 6 * PAGE);
	SAY("%c %c %d %d", at[6 * PAGE], at[7 * PAGE], at[12 * PAGE], at[13 * PAGE]);
	MOVE(file + 2 * PAGE, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at);
	at[PAGE] = '!';
	char c;
	TRY(pread(fd, &c, 1, 3 * PAGE));
	SAY("%c", c);
	touch("file", file + 2 * PAGE, 0);
	MOVE(at - 64 * PAGE, 128 * PAGE, 128 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at + 512 * PAGE);
#undef MOVE
}

/* Pages touched one after the other, past a hole and past the end, of a file that changes and is cut off meanwhile. */
static void in_turn(int flags, int write_it)
{
	int fd = file_of_pages("turn", 40);
	char *at, text[16];

	SAY("-- in turn: %s, %s", flags == MAP_SHARED ? "shared" : "private", write_it ? "written" : "read");
	fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 12 * PAGE, 2 * PAGE);
	at = map(48 * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);
	for (int i = 0; i < 48; i++) {
		snprintf(text, sizeof text, "page %d", i);
		touch(text, at + i * PAGE, write_it);
		if (i == 20)
			pwrite(fd, "new", 3, 24 * PAGE);
		if (i == 28)
			TRY(ftruncate(fd, 34 * PAGE));
	}
	SAY("%c%c", at[2 * PAGE + 1], at[23 * PAGE + 1]);
	TRY(munmap(at, 48 * PAGE));
	for (int i = 0; i < 34; i++)
		SAY("%zd %d", pread(fd, text, 1, i * PAGE), text[0]);
	close(fd);
	unlink("turn");
}

/* mremap to a place that the program says. */
static void moving(void)
{
	char *room = map(32 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *at = map(6 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = file_of_pages("moved", 4);
	char *file = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	SAY("-- moved");
	for (int i = 0; i < 6; i++)
		at[i * PAGE] = (char)i;
	TRY(mremap(at, PAGE, PAGE, MREMAP_FIXED, room));
	TRY(mremap(at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + 1));
	TRY(mremap(at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at));
	TRY(mremap(at, 4 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at + PAGE));
	TRY(mremap(at, PAGE, 0ul, MREMAP_MAYMOVE | MREMAP_FIXED, room));
	TRY(mremap(at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, ~(PAGE - 1)));
	TRY(mremap(at, PAGE, PAGE, 8 | MREMAP_MAYMOVE));
	GOOD(mremap(at + PAGE, 3 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + PAGE) == room + PAGE);
	touch("before", at, 0);
	touch("moved", at + PAGE, 0);
	touch("left out", at + 3 * PAGE, 0);
	touch("behind", at + 4 * PAGE, 0);
	touch("new 0", room, 0);
	touch("new 1", room + PAGE, 0);
	touch("new 2", room + 2 * PAGE, 0);
	touch("new 2", room + 2 * PAGE, 1);
	touch("new 3", room + 3 * PAGE, 0);
	GOOD(mremap(at + 4 * PAGE, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + 2 * PAGE) == room + 2 * PAGE);
	touch("replaced", room + 2 * PAGE, 0);
	touch("second", room + 3 * PAGE, 0);
	touch("grown", room + 5 * PAGE, 1);
	touch("after", room + 6 * PAGE, 0);
	GOOD(mremap(file + PAGE, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + 8 * PAGE) == room + 8 * PAGE);
	touch("file 0", file, 0);
	touch("file 1", file + PAGE, 0);
	touch("file 3", file + 3 * PAGE, 0);
	for (int i = 8; i < 12; i++)
		touch("file moved", room + i * PAGE, 0);
	touch("file moved", room + 9 * PAGE, 1);
	SAY("%zd %c", pread(fd, at, 1, 2 * PAGE), *at);
	TRY(mremap(at + PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + 20 * PAGE));
	CHILD("moved in a child", touch("new 1", room + PAGE, 0); touch("file", room + 9 * PAGE, 0));
	TRY(munmap(room, 32 * PAGE));
	close(fd);
	unlink("moved");
}

/* mremap of nothing: what is shared is there twice, what is private is not. */
static void mapped_again(void)
{
	int fd = file_of_pages("again", 4);
	char *file = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *read_only = map(4 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	char *nameless = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *second;
	char *private = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *copy = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0), *room = map(8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	SAY("-- mapped again");
	TRY(mremap(private, 0, PAGE, MREMAP_MAYMOVE));
	TRY(mremap(copy, 0, PAGE, MREMAP_MAYMOVE));
	TRY(mremap(file, 0, PAGE, 0));
	TRY(mremap(file, 0, 0ul, MREMAP_MAYMOVE));
	TRY(mremap(file + 1, 0, PAGE, MREMAP_MAYMOVE));
	TRY(mremap(file, 0, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP));
	TRY(mremap(private, 0, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room));
	munmap(private, 4 * PAGE);
	TRY(mremap(private, 0, PAGE, MREMAP_MAYMOVE));
	second = mremap(file + PAGE, 0, 2 * PAGE, MREMAP_MAYMOVE);
	SAY("%d", second != MAP_FAILED && second != file);
	file[PAGE] = 'p';
	second[PAGE] = 'q';
	SAY("%c %c", second[0], file[2 * PAGE]);
	munmap(file, 4 * PAGE);
	SAY("%c %c", second[0], second[PAGE]);
	GOOD(mremap(read_only + 3 * PAGE, 0, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + 4 * PAGE) == room + 4 * PAGE);
	touch("read only", room + 4 * PAGE, 0);
	touch("read only", room + 4 * PAGE, 1);
	touch("beyond", room + 5 * PAGE, 0);
	nameless[0] = 'n';
	second = mremap(nameless, 0, 4 * PAGE, MREMAP_MAYMOVE);
	nameless[3 * PAGE] = 'm';
	SAY("%c %c", second[0], second[3 * PAGE]);
	CHILD("in a child", second[PAGE] = 'c');
	SAY("%c", nameless[PAGE]);
	close(fd);
	unlink("again");
}

/* How many regions lie in a range. */
static int regions_in(const char *from, size_t bytes)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start, end;
	char line[8192];
	int count = 0;

	while (maps && fgets(line, sizeof line, maps))
		if (sscanf(line, "%lx-%lx", &start, &end) == 2)
			count += start < (unsigned long)from + bytes && end > (unsigned long)from;
	if (maps)
		fclose(maps);
	return count;
}

/* mremap of nothing to where that is which it would be a second time of: that goes first. */
static void mapped_onto_itself(void)
{
	int fd = file_of_pages("onto", 8);
	char *nameless = map(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *file = map(8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	SAY("-- mapped onto itself");
	close(fd);
	unlink("onto");
	TRY(mremap(nameless, 0, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, nameless));
	SAY("%d", regions_in(nameless, PAGE));
	GOOD(mremap(file + 6 * PAGE, 0, PAGE, MREMAP_MAYMOVE));
	SAY("%d", regions_in(file, 8 * PAGE));
	GOOD(mremap(file, 0, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, file + 2 * PAGE));
	SAY("%d: %c %c %c", regions_in(file, 8 * PAGE), file[PAGE], file[2 * PAGE], file[3 * PAGE]);
	file[2 * PAGE] = 'z';
	SAY("%c", *file);
	TRY(mremap(file + 3 * PAGE, 0, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, file + 3 * PAGE));
	SAY("%d: %c", regions_in(file, 8 * PAGE), file[5 * PAGE]);
	TRY(mremap(file, 0, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, file));
	SAY("%d", regions_in(file, 8 * PAGE));
	touch("gone", file, 0);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_sigaction = fault_caught, .sa_flags = SA_SIGINFO};
	char path[4096];

	(void)argc;
	sigaction(SIGBUS, &action, 0);
	sigaction(SIGSEGV, &action, 0);
	snprintf(path, sizeof path, "%.*s/../data/numbers", (int)(strrchr(argv[0], '/') - argv[0]), argv[0]);
	cutting();
	punching();
	image(path);
	sealing();
	shared_memory();
	moved_to_a_place();
	in_turn(MAP_SHARED, 0);
	in_turn(MAP_SHARED, 1);
	in_turn(MAP_PRIVATE, 0);
	in_turn(MAP_PRIVATE, 1);
	moving();
	mapped_again();
	mapped_onto_itself();
	return 0;
}
