/* What calls refuse: flags that they do not have, descriptors that are places only, ranges that end nowhere. */
#include "try.h"

#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define PAGE 4096ul
#define DISARM (1u << 31)

static char block[8192];

/* O_PATH: a place, on which nothing is read, written, locked or waited for. */
static void places(void)
{
	int place = open("file", O_PATH);
	struct epoll_event event = {.events = EPOLLIN};
	struct pollfd polled = {place, POLLIN, 0};
	struct timeval none = {0};
	struct flock lock = {.l_type = F_RDLCK};
	fd_set set;

	TRY(flock(place, LOCK_SH));
	TRY(fcntl(place, F_GETLK, &lock));
	TRY(fcntl(place, F_SETLK, &lock));
	TRY(ftruncate(place, 1));
	TRY(fsync(place));
	TRY(fdatasync(place));
	TRY(fallocate(place, 0, 0, 1));
	TRY(readahead(place, 0, 1));
	TRY(posix_fadvise(place, 0, 0, 0));
	TRY(read(place, block, 1));
	TRY(write(place, block, 1));
	TRY(lseek(place, 0, SEEK_SET));
	TRY(fchmod(place, 0600));
	TRY(syscall(SYS_getdents64, place, block, 100));
	TRY(epoll_ctl(epoll_create1(0), EPOLL_CTL_ADD, place, &event));
	TRY(poll(&polled, 1, 0));
	TRY(polled.revents);
	FD_ZERO(&set);
	FD_SET(place, &set);
	TRY(select(place + 1, &set, 0, 0, &none));
	TRY(fcntl(place, F_GETFL));
	close(place);
}

/* A second open of "file" for one thing only. */
static void copies(void)
{
	int file = open("file", O_RDWR), reads = open("file", O_RDONLY), appends = open("other", O_RDWR | O_CREAT | O_APPEND, 0600);
	int other = open("other", O_RDWR), folder = open(".", O_RDONLY), ends[2], pair[2];
	off_t from = 0, to = 2;

	if (pipe(ends) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || write(ends[1], "piped", 5) != 5)
		abort();
	TRY(sendfile(other, ends[0], 0, 5));
	TRY(sendfile(other, pair[0], 0, 5));
	TRY(sendfile(reads, file, 0, 5));
	TRY(sendfile(appends, file, 0, 5));
	TRY(sendfile(ends[1], file, &from, 5));
	TRY(read(ends[0], block, 100));
	from = 0;
	TRY(copy_file_range(file, 0, reads, 0, 5, 0));
	TRY(copy_file_range(file, &from, appends, 0, 5, 0));
	TRY(copy_file_range(folder, 0, other, 0, 5, 0));
	TRY(copy_file_range(file, 0, ends[1], 0, 5, 0));
	TRY(copy_file_range(file, &from, file, &to, 5, 0));
	TRY(copy_file_range(reads, &to, file, &from, 3, 0));
	to = 5;
	TRY(sendfile(other, ends[0], &from, 5));
	TRY(copy_file_range(reads, &from, file, &to, 5, 0));
	TRY(from);
	from = 0, to = 1000;
	TRY(copy_file_range(file, &from, file, &to, 1ul << 40, 0));
	TRY(lseek(file, 0, SEEK_END));
	from = 5000;
	TRY(copy_file_range(file, &from, file, &to, 1ul << 40, 0));
	TRY(copy_file_range(file, 0, other, 0, 5, 1));
	close(file), close(reads), close(appends), close(other), close(folder), close(ends[0]), close(ends[1]), close(pair[0]), close(pair[1]);
}

static void flags(void)
{
	struct iovec piece = {block, 5};
	struct flock lock = {.l_type = F_UNLCK};
	struct rlimit limit = {1, 1ul << 40};
	struct timespec times[2] = {{0}}, soon = {0, 1000};
	struct stat status;
	struct { uint64_t words[32]; } extended;
	siginfo_t info;
	int ends[2], file = open("file", O_RDWR);
	uint32_t word = 0;

	if (pipe(ends))
		abort();
	/* which of the two errors is the kernel's choice; it does not wait */
	TRY(preadv2(ends[0], &piece, 1, -1, RWF_NOWAIT) == -1 && (errno == EAGAIN || errno == EOPNOTSUPP));
	TRY(preadv2(99, &piece, 1, -1, RWF_NOWAIT));
	TRY(syscall(SYS_statx, AT_FDCWD, "file", 0x6000, 1, &extended));
	TRY(syscall(SYS_utimensat, file, 0, times, AT_SYMLINK_NOFOLLOW));
	TRY(fcntl(file, F_GETLK, &lock));
	TRY(getrandom(block, 10, GRND_RANDOM | 4));
	TRY(setrlimit(RLIMIT_NOFILE, &limit));
	TRY(prctl(PR_SET_DUMPABLE, 2));
	TRY(syscall(SYS_futex, &word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 0, &soon, 0, 0));
	TRY(syscall(SYS_futex, &word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 0, 0, 0, 0));
	TRY(syscall(SYS_wait4, 0x80000000, 0, 0, 0));
	TRY(waitid(P_ALL, 0, &info, WEXITED | 0x100));
	TRY(syscall(SYS_execveat, AT_FDCWD, "link", 0, 0, 0x9999));
	TRY(syscall(SYS_execveat, file, "", 0, 0, AT_EMPTY_PATH | 0x8000));
	TRY(fcntl(ends[0], F_GETFL));
	TRY(fcntl(ends[1], F_GETFL));
	TRY(fcntl(file, F_GETFL));
	TRY(fstat(file, &status));
	close(file), close(ends[0]), close(ends[1]);
}

static void maps(void)
{
	char *pages = mmap(0, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *shared = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int file = open("file", O_RDWR);

	TRY((long)mmap(0, PAGE, PROT_READ, MAP_PRIVATE, file, -PAGE));
	TRY((long)mmap(0, 2 * PAGE, PROT_READ, MAP_PRIVATE, file, 0x7ffffffffffff000));
	TRY((long)mmap(0, PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, file, 0));
	TRY((long)mmap(0, PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0));
	TRY((long)mmap(0, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0));
	munmap(pages + 2 * PAGE, PAGE);
	TRY(mprotect(pages, PAGE, 0x100));
	TRY(mprotect(pages, PAGE, PROT_READ | PROT_GROWSDOWN));
	TRY(mprotect(pages, PAGE, PROT_READ | PROT_GROWSDOWN | PROT_GROWSUP));
	TRY(mprotect(pages, -1, PROT_READ));
	TRY(mprotect(pages, 0, PROT_READ));
	pages[0] = pages[3 * PAGE] = 5;
	TRY(madvise(pages, 4 * PAGE, MADV_WILLNEED));
	TRY(madvise(pages, 4 * PAGE, MADV_DONTNEED));           /* what is there is taken all the same */
	TRY(pages[0] + pages[3 * PAGE]);
	TRY(madvise(pages + 2 * PAGE, PAGE, MADV_DONTNEED));
	TRY(madvise(pages, -1, MADV_DONTNEED));
	TRY(mincore(pages, -1, (unsigned char *)block));
	TRY(mincore(pages, 0, (unsigned char *)block));
	TRY(madvise(pages, 0, MADV_DONTNEED));
	TRY(madvise(pages, PAGE, MADV_FREE));
	TRY(madvise(shared, PAGE, MADV_FREE));
	close(file);
}

/* One text of 32 pages is the longest. */
static void long_text(size_t length)
{
	char *text = malloc(length + 1), *words[] = {"true", text, 0}, *no_words[] = {0};

	memset(text, 'x', length);
	text[length] = 0;
	CHILD("a long argument", execve("/bin/true", words, no_words); TRY(errno));
	words[1] = 0;
	no_words[0] = 0;
	CHILD("a long variable", execve("/bin/true", words, (char *[]){text, 0}); TRY(errno));
	free(text);
}

/* A child that has run a program is in its group for good, ended or not. */
static void late_group(void)
{
	pid_t child = fork();
	siginfo_t info;

	if (child == 0) {
		execl("/bin/true", "true", (char *)0);
		_exit(1);
	}
	TRY(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT));
	TRY(setpgid(child, 0));
	TRY(waitpid(child, 0, 0) == child);
	TRY(setpgid(child, 0));
}

static char alternate[16384];
static volatile int depth;

static void look(int number)
{
	stack_t now;

	sigaltstack(0, &now);
	SAY("in the handler of %d: %x, %zu bytes, %s", number, (unsigned)now.ss_flags, now.ss_size,
		(char *)&now >= alternate && (char *)&now < alternate + sizeof alternate ? "on it" : "elsewhere");
	if (number == SIGUSR1 && depth++ == 0) {
		now = (stack_t){.ss_flags = SS_DISABLE};
		TRY(sigaltstack(&now, 0));              /* with SS_AUTODISARM it may be changed here */
	}
}

static void stacks(void)
{
	stack_t stack = {.ss_sp = alternate, .ss_flags = (int)DISARM, .ss_size = sizeof alternate};
	struct sigaction action = {.sa_handler = look, .sa_flags = SA_ONSTACK};

	sigaction(SIGUSR1, &action, 0);
	TRY(sigaltstack(&stack, 0));
	TRY(sigaltstack(0, &stack));
	SAY("%x, %zu bytes", (unsigned)stack.ss_flags, stack.ss_size);
	raise(SIGUSR1);
	TRY(sigaltstack(0, &stack));            /* as it was before the handler */
	SAY("%x, %zu bytes", (unsigned)stack.ss_flags, stack.ss_size);
	stack.ss_flags = 0;
	TRY(sigaltstack(&stack, 0));
	depth = 0;
	raise(SIGUSR1);                         /* refused in the handler: it is in use */
	stack.ss_flags = SS_DISABLE | SS_ONSTACK;
	TRY(sigaltstack(&stack, 0));
	stack.ss_flags = SS_DISABLE;
	TRY(sigaltstack(&stack, 0));
}

static void deeper(int number)
{
	raise(number);
}

/* A handler that comes again and again on an alternate stack: the frame that has no room is a SIGSEGV, whose own has none either. */
static void overflow(char *area)
{
	stack_t stack = {.ss_sp = area + 16 * PAGE, .ss_size = 16 * PAGE};
	struct sigaction action = {.sa_handler = deeper, .sa_flags = SA_ONSTACK | SA_NODEFER};

	sigaltstack(&stack, 0);
	sigaction(SIGUSR2, &action, 0);
	sigaction(SIGSEGV, &action, 0);
	raise(SIGUSR2);
}

/* Handlers may write what they want below their stack; frames are not put there. */
static void overflow_try(void)
{
	char *area = mmap(0, 32 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	size_t written = 0;

	CHILD("an overflow", overflow(area));
	for (size_t i = 0; i < 16 * PAGE - 1024; i++)
		written += area[i] != 0;
	SAY("below the stack: %zu bytes", written);
	munmap(area, 32 * PAGE);
}

static void told(int number)
{
	SAY("a handler on a good stack was told: %d", number);
	_exit(8);
}

/* A signal while the stack pointer is nowhere. */
static void nowhere(void)
{
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
	struct sigaction plain = {.sa_handler = told}, good = {.sa_handler = told, .sa_flags = SA_ONSTACK};
	long result = SYS_kill;

	sigaltstack(&stack, 0);
	sigaction(SIGUSR1, &plain, 0);
	sigaction(SIGSEGV, &good, 0);
	__asm__ volatile("mov %%rsp, %%rbx\n\tmov %3, %%rsp\n\tsyscall\n\tmov %%rbx, %%rsp" : "+a"(result) : "D"((long)getpid()), "S"((long)SIGUSR1), "r"(64ul) :
		"rbx", "rcx", "r11", "memory");
	SAY("not told");
}

int main(void)
{
	int file = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);

	alarm(150);
	if (write(file, "0123456789", 10) != 10 || symlink("file", "link"))
		abort();
	close(file);
	places();
	copies();
	flags();
	maps();
	long_text(131071);
	long_text(131072);
	long_text(200000);
	late_group();
	CHILD("stacks", stacks());
	overflow_try();
	CHILD("a stack nowhere", nowhere());
	return 0;
}
