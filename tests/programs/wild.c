/* wild SEED CALLS THREADS: attacks the system with random and with nearly right system calls, from several threads of processes
 * of a user without rights, with memory unmapped, protected, moved and descriptors closed under them; and with wild programs,
 * argument vectors and signal frames. Nothing that is not theirs may change, every process ends when it is killed, and memory is
 * afterwards what it was before. The same binary runs on Linux. */
#include "need.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, ARENA = 64, THREADS_MOST = 8, USER = 12345, ROUND_MS = 500, PATTERN = 65536, KEPT = 128, NUMBERS = 460 };

/* ---- chance: every thread has its own ---- */

static __thread uint64_t chance;

static uint64_t draw(void)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return chance;
}

static uint64_t below(uint64_t limit)
{
	return draw() % limit;
}

/* ---- arguments ---- */

static char *arena;             /* some pages of it are there, some not, some are read-only */

/* Mostly near the end of a page, so that what it names goes on into another. */
static uint64_t pointer(void)
{
	uint64_t page = (uint64_t)(arena + below(ARENA) * PAGE);

	switch (below(12)) {
	case 0: return 0;
	case 1: return draw();
	case 2: return 0xffff800000000000 + draw() % 0x7fffffffffff;
	case 3: return 0x7ffffffff000 - below(64);
	case 4: case 5: return page;
	case 6: return page + (below(PAGE) & ~7ull);
	}
	return page + PAGE - below(128);
}

static uint64_t length(void)
{
	switch (below(8)) {
	case 0: return draw();
	case 1: return 0;
	case 2: return PAGE;
	case 3: return below(ARENA) * PAGE;
	case 4: return 0x7fffffff - below(3);
	}
	return below(300);
}

static uint64_t number(void)
{
	switch (below(6)) {
	case 0: return draw();
	case 1: return (uint64_t)-1 - below(3);
	case 2: return 1ull << below(64);
	}
	return below(40);
}

static const char *const paths[] = {
	"/tmp/wild/a", "/tmp/wild/b", "/tmp/wild/d", "/tmp/wild/d/c", "/tmp/wild/../wild/a", "/tmp/wild/link", "a", "d/..", ".", "..", "",
	"/", "/proc/self/maps", "/proc/self/fd/3", "/proc/self/exe", "/proc/1/environ", "/dev/null", "/dev/zero", "/dev/tty", "/dev/urandom",
	"/etc/passwd", "/tmp/canary", "/tmp/canary/x", "/tmp/wild/loop", "/tmp/wild/fifo", "//////", "/tmp/wild/a/", "/bin/true", "/tmp/wild/\xff\xfe",
};

/* A path is copied into the arena, where it may end in a page that is not there. */
static uint64_t path(void)
{
	char text[64];
	uint64_t to = pointer();
	int ends[2];

	snprintf(text, sizeof text, "%s", paths[below(sizeof paths / sizeof paths[0])]);
	/* the kernel copies, for the page may be gone: through a pipe of our own */
	if (below(8) != 0 && pipe(ends) == 0) {
		if (write(ends[1], text, strlen(text) + 1) > 0)
			(void)!read(ends[0], (void *)to, strlen(text) + 1);
		close(ends[0]);
		close(ends[1]);
	}
	return to;
}

/* Words that are arguments themselves, in the arena: iovecs, times, argument vectors, sets of signals. */
static uint64_t words(void)
{
	uint64_t to = pointer(), some[8];
	int ends[2];

	for (unsigned i = 0; i < 8; i++)
		some[i] = i % 2 ? (below(2) ? length() : number()) : pointer();
	if (pipe(ends) == 0) {
		if (write(ends[1], some, sizeof some) > 0)
			(void)!read(ends[0], (void *)to, sizeof some);
		close(ends[0]);
		close(ends[1]);
	}
	return to;
}

static uint64_t descriptor(void)
{
	switch (below(10)) {
	case 0: return (uint64_t)-100;
	case 1: return (uint64_t)-1;
	case 2: return number();
	}
	return 3 + below(24);
}

static uint64_t argument(char kind)
{
	switch (kind) {
	case 'f': return descriptor();
	case 'p': return path();
	case 'b': return pointer();
	case 'w': return words();
	case 'n': return length();
	case 's': return 1 + below(66);
	case 'm': return (uint64_t)(arena + below(ARENA + 4) * PAGE);
	case 'k': return below(4) ? below(8) : number();
	case 'c': return below(4) ? 01700 | (below(2) ? 04000 : 0) : number();
	case 'o': return below(4) ? O_CREAT | O_RDWR | (below(2) ? O_NONBLOCK : 0) : number();
	case '0': return 0;
	}
	return number();
}

/* ---- calls that are nearly right ---- */

static const struct call {
	short number;
	const char *arguments;
} calls[] = {
	{ SYS_read, "fbn" }, { SYS_write, "fbn" }, { SYS_open, "pkk" }, { SYS_openat, "fpkk" }, { SYS_close, "f" }, { SYS_stat, "pb" },
	{ SYS_fstat, "fb" }, { SYS_lstat, "pb" }, { SYS_poll, "wk0" }, { SYS_lseek, "fik" }, { SYS_mmap, "mnkkfi" }, { SYS_mprotect, "mnk" },
	{ SYS_munmap, "mn" }, { SYS_rt_sigaction, "sbbk" }, { SYS_rt_sigprocmask, "kbbk" }, { SYS_ioctl, "fib" }, { SYS_pread64, "fbni" },
	{ SYS_pwrite64, "fbni" }, { SYS_readv, "fwk" }, { SYS_writev, "fwk" }, { SYS_access, "pk" }, { SYS_pipe, "b" }, { SYS_pipe2, "bk" },
	{ SYS_select, "kbbbw" }, { SYS_sched_yield, "" }, { SYS_mremap, "mnnkm" }, { SYS_msync, "mnk" }, { SYS_mincore, "mnb" },
	{ SYS_madvise, "mnk" }, { SYS_dup, "f" }, { SYS_dup2, "ff" }, { SYS_dup3, "ffk" }, { SYS_nanosleep, "wb" }, { SYS_getitimer, "kb" },
	{ SYS_setitimer, "kwb" }, { SYS_alarm, "k" }, { SYS_sendfile, "ffbn" }, { SYS_socketpair, "kkkb" }, { SYS_socket, "kkk" },
	{ SYS_bind, "fbk" }, { SYS_listen, "fk" }, { SYS_accept, "fbb" }, { SYS_connect, "fbk" }, { SYS_sendmsg, "fwk" }, { SYS_recvmsg, "fwk" },
	{ SYS_sendto, "fbnkbk" }, { SYS_recvfrom, "fbnkbb" }, { SYS_shutdown, "fk" }, { SYS_getsockname, "fbb" }, { SYS_getsockopt, "fkkbb" },
	{ SYS_setsockopt, "fkkbk" }, { SYS_execve, "pww" }, { SYS_uname, "b" }, { SYS_fcntl, "fki" }, { SYS_fcntl, "fkb" }, { SYS_flock, "fk" },
	{ SYS_fsync, "f" }, { SYS_truncate, "pk" }, { SYS_ftruncate, "fk" }, { SYS_getdents64, "fbn" }, { SYS_getcwd, "bn" }, { SYS_chdir, "p" },
	{ SYS_fchdir, "f" }, { SYS_rename, "pp" }, { SYS_mkdir, "pk" }, { SYS_rmdir, "p" }, { SYS_creat, "pk" }, { SYS_link, "pp" },
	{ SYS_unlink, "p" }, { SYS_symlink, "pp" }, { SYS_readlink, "pbn" }, { SYS_chmod, "pi" }, { SYS_fchmod, "fi" }, { SYS_chown, "pii" },
	{ SYS_umask, "i" }, { SYS_gettimeofday, "bb" }, { SYS_getrlimit, "kb" }, { SYS_setrlimit, "kw" }, { SYS_prlimit64, "0kwb" },
	{ SYS_getrusage, "ib" }, { SYS_sysinfo, "b" }, { SYS_times, "b" }, { SYS_setuid, "i" }, { SYS_setgid, "i" }, { SYS_setresuid, "iii" },
	{ SYS_getgroups, "kb" }, { SYS_setgroups, "kb" }, { SYS_rt_sigpending, "bk" }, { SYS_rt_sigtimedwait, "bbwk" },
	{ SYS_sigaltstack, "bb" }, { SYS_utime, "pb" }, { SYS_utimensat, "fpwk" }, { SYS_mknod, "pii" }, { SYS_statfs, "pb" },
	{ SYS_fstatfs, "fb" }, { SYS_getpriority, "kk" }, { SYS_setpriority, "kkk" }, { SYS_sched_getaffinity, "0nb" }, { SYS_sched_setaffinity, "0nb" },
	{ SYS_prctl, "kbbbb" }, { SYS_arch_prctl, "ib" }, { SYS_chroot, "p" }, { SYS_mount, "pppkb" }, { SYS_futex, "bkkwbk" },
	{ SYS_futex, "bkkkbk" }, { SYS_epoll_create1, "k" }, { SYS_epoll_ctl, "fkfb" }, { SYS_epoll_wait, "fbk0" }, { SYS_getdents, "fbn" },
	{ SYS_set_tid_address, "b" }, { SYS_fadvise64, "fiik" }, { SYS_timer_create, "kwb" }, { SYS_timer_settime, "kkwb" },
	{ SYS_timer_gettime, "kb" }, { SYS_timer_delete, "k" }, { SYS_clock_gettime, "kb" }, { SYS_clock_nanosleep, "kkwb" }, { SYS_tgkill, "iis" },
	{ SYS_waitid, "kkbkb" }, { SYS_wait4, "ib1b" }, { SYS_ppoll, "wkwbk" }, { SYS_pselect6, "kbbbwb" }, { SYS_splice, "fbfbnk" }, { SYS_tee, "ffnk" },
	{ SYS_set_robust_list, "bn" }, { SYS_get_robust_list, "0bb" }, { SYS_linkat, "fpfpk" }, { SYS_renameat2, "fpfpk" }, { SYS_statx, "fpkkb" },
	{ SYS_readlinkat, "fpbn" }, { SYS_faccessat, "fpk" }, { SYS_unlinkat, "fpk" }, { SYS_mkdirat, "fpk" }, { SYS_symlinkat, "pfp" },
	{ SYS_fallocate, "fkkk" }, { SYS_eventfd2, "kk" }, { SYS_timerfd_create, "kk" }, { SYS_timerfd_settime, "fkwb" }, { SYS_signalfd4, "fbkk" },
	{ SYS_inotify_init1, "k" }, { SYS_preadv, "fwkkk" }, { SYS_pwritev, "fwkkk" }, { SYS_getrandom, "bnk" }, { SYS_memfd_create, "pk" },
	{ SYS_copy_file_range, "fbfbnk" }, { SYS_brk, "m" }, { SYS_mlock, "mn" }, { SYS_munlock, "mn" }, { SYS_mlockall, "k" }, { SYS_clone, "kbbbb" },
	{ SYS_clone3, "wn" }, { SYS_getxattr, "ppbn" }, { SYS_setxattr, "ppbnk" }, { SYS_sched_setscheduler, "0kb" }, { SYS_capget, "bb" },
	{ SYS_rt_sigqueueinfo, "isb" }, { SYS_kill, "is" }, { SYS_setpgid, "00" }, { SYS_vmsplice, "fwkk" }, { SYS_sync_file_range, "fiik" },
	{ SYS_io_setup, "kb" }, { SYS_process_vm_readv, "iwkwk0" }, { SYS_rseq, "bkkk" }, { SYS_close_range, "kkk" }, { SYS_openat2, "fpwn" },
	{ SYS_shmget, "knc" }, { SYS_shmat, "kmk" }, { SYS_shmat, "k0k" }, { SYS_shmdt, "m" }, { SYS_shmctl, "kkb" }, { SYS_semget, "kkc" },
	{ SYS_semop, "kwk" }, { SYS_semtimedop, "kwkw" }, { SYS_semctl, "kkkb" }, { SYS_semctl, "kkki" }, { SYS_msgget, "kc" },
	{ SYS_msgsnd, "kwkc" }, { SYS_msgrcv, "kbnkc" }, { SYS_msgctl, "kkb" }, { SYS_mq_open, "poib" }, { SYS_mq_open, "poi0" },
	{ SYS_mq_unlink, "p" }, { SYS_mq_timedsend, "fbkkw" }, { SYS_mq_timedreceive, "fbnbw" }, { SYS_mq_notify, "fw" },
	{ SYS_mq_getsetattr, "fwb" },
};

enum { CALLS = sizeof calls / sizeof calls[0] };

/* What ends or stops the thread that counts would only make the round shorter. */
static int is_end(long n)
{
	return n == SYS_exit || n == SYS_exit_group || n == SYS_pause || n == SYS_rt_sigsuspend || n == SYS_vfork || n == SYS_fork ||
		n == SYS_rt_sigreturn;
}

static long call_nearly_right(void)
{
	const struct call *call = &calls[below(CALLS)];
	uint64_t a[6] = { 0 };

	for (unsigned i = 0; call->arguments[i] != 0; i++)
		a[i] = argument(call->arguments[i]);
	if (below(4) == 0)
		a[below(6)] = number();
	if (call->number == SYS_clone)
		a[0] &= ~0x100ull;      /* a copy that goes on wild, not a thread on a stack that is none */
	return syscall(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static long call_random(void)
{
	static const char kinds[] = "fpbwnsmki";
	uint64_t a[6];
	long n = (long)below(NUMBERS);

	for (unsigned i = 0; i < 6; i++)
		a[i] = below(3) ? argument(kinds[below(sizeof kinds - 1)]) : draw();
	if (is_end(n) || n == SYS_clone || n == SYS_clone3)
		return 0;
	return syscall(n, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* ---- a process of it ---- */

struct shared {
	atomic_ulong done;
	atomic_ulong stolen;        /* times something succeeded that must not */
};

static struct shared *shared;   /* where the arena's addresses do not lead */
static uint64_t seed;
static int random_calls;

static void check_rights(void)
{
	if (syscall(SYS_geteuid) == 0 || syscall(SYS_getuid) == 0)
		atomic_fetch_add(&shared->stolen, 1);
}

static void *caller_main(void *argument_)
{
	chance = seed * 1000003 + (uintptr_t)argument_ * 7919 + 1;
	for (;;) {
		if (random_calls)
			call_random();
		else
			call_nearly_right();
		if ((atomic_fetch_add(&shared->done, 1) & 255) == 0)
			check_rights();
	}
	return NULL;
}

/* Pages come and go, and descriptors close, under the others. */
static void *mover_main(void *argument_)
{
	chance = seed * 99991 + 17;
	(void)argument_;
	for (;;) {
		char *at = arena + below(ARENA) * PAGE;
		size_t bytes = (1 + below(4)) * PAGE;

		switch (below(8)) {
		case 0: munmap(at, bytes); break;
		case 1: case 2: case 3:
			mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			break;
		case 4: mprotect(at, bytes, PROT_READ); break;
		case 5: mprotect(at, bytes, (int)below(8)); break;
		case 6: close((int)(3 + below(24))); break;
		case 7: open("/tmp/wild/a", O_RDWR | O_CREAT | O_NONBLOCK, 0600); break;
		}
		if (below(16) == 0)
			sched_yield();
	}
	return NULL;
}

static void on_signal(int number_)
{
	(void)number_;
}

static void quiet(void)
{
	struct rlimit few = { 60, 60 }, files = { 64, 64 }, size = { 64 << 20, 64 << 20 };
	struct sigaction action = { .sa_handler = on_signal };

	int null = open("/dev/null", O_RDWR);

	NEED(null >= 0 && dup2(null, 0) == 0 && dup2(null, 1) == 1 && dup2(null, 2) == 2 && chdir("/tmp/wild") == 0);
	close(null);
	for (int number_ = 1; number_ < 65; number_++) {
		if (number_ != SIGSEGV && number_ != SIGBUS && number_ != SIGILL)
			sigaction(number_, &action, NULL);
	}
	NEED(setrlimit(RLIMIT_NPROC, &few) == 0 && setrlimit(RLIMIT_NOFILE, &files) == 0 && setrlimit(RLIMIT_AS, &size) == 0);
	NEED(setsid() > 0 && setgid(USER) == 0 && setuid(USER) == 0);
}

static _Noreturn void wild_main(unsigned threads)
{
	pthread_t thread;

	quiet();
	for (uintptr_t i = 1; i < threads; i++)
		pthread_create(&thread, NULL, caller_main, (void *)i);
	if (threads > 1)
		pthread_create(&thread, NULL, mover_main, NULL);
	caller_main(NULL);
	_exit(0);
}

/* ---- wild programs and frames ---- */

static char program[1 << 20];
static size_t program_bytes;

static void program_read(const char *name)
{
	int file = open(name, O_RDONLY);
	ssize_t bytes = read(file, program, sizeof program);

	NEED(file >= 0 && bytes > 0);
	program_bytes = (size_t)bytes;
	close(file);
}

/* The headers of a program, damaged at a few places, or cut short. */
static void program_write(const char *name)
{
	size_t bytes = below(4) ? program_bytes : below(program_bytes);
	int file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	char saved[1024];

	NEED(file >= 0);
	memcpy(saved, program, sizeof saved);
	for (uint64_t n = 1 + below(6); n > 0; n--) {
		size_t at = below(2) ? below(64) : below(sizeof saved - 8);
		uint64_t value = below(2) ? number() : draw();

		memcpy(program + at, &value, 1ull << below(4));
	}
	if (bytes > 0)
		NEED(write(file, program, bytes) == (ssize_t)bytes);
	close(file);
	memcpy(program, saved, sizeof saved);
}

static _Noreturn void program_run(void)
{
	char *arguments[] = { "wild", NULL }, *environment[] = { NULL };
	struct rlimit size = { 64 << 20, 64 << 20 };

	setrlimit(RLIMIT_AS, &size);
	quiet();
	signal(SIGALRM, SIG_DFL);
	alarm(1);
	if (below(4) == 0)
		syscall(SYS_execve, "/tmp/wild/program", words(), words());
	else
		execve("/tmp/wild/program", arguments, environment);
	_exit(0);
}

/* A signal frame that never was: registers, masks and extended state of chance. */
static _Noreturn void frame_run(void)
{
	char *at = arena + 8 * PAGE + below(PAGE / 2) / 8 * 8;

	quiet();
	signal(SIGALRM, SIG_DFL);
	alarm(1);
	for (unsigned i = 0; i < 2 * PAGE; i += 8) {
		uint64_t value = below(3) ? number() : pointer();

		memcpy(at + i, &value, sizeof value);
	}
	__asm__ volatile("movq %0, %%rsp\n\tmovl $15, %%eax\n\tsyscall\n\tud2" : : "r"(at) : "memory");
	__builtin_unreachable();
}

/* ---- what must stay as it is ---- */

static uint8_t pattern_memory[PATTERN];
static char passwd[PATTERN];

static size_t file_read(const char *name, char *to)
{
	int file = open(name, O_RDONLY);
	ssize_t bytes = read(file, to, PATTERN);

	NEED(file >= 0 && bytes >= 0);
	close(file);
	return (size_t)bytes;
}

static void canaries_make(void)
{
	int file;

	for (unsigned i = 0; i < PATTERN; i++)
		pattern_memory[i] = (uint8_t)(i * 31 + i / 251);
	umask(0);
	NEED(mkdir("/tmp/canary", 0700) == 0 && mkdir("/tmp/wild", 0777) == 0);
	file = open("/tmp/canary/x", O_WRONLY | O_CREAT, 0600);
	NEED(file >= 0 && write(file, pattern_memory, PATTERN) == PATTERN);
	close(file);
	memset(passwd, 0, sizeof passwd);
	file_read("/etc/passwd", passwd);
}

static void canaries_check(void)
{
	static char found[PATTERN];
	struct stat status;

	for (unsigned i = 0; i < PATTERN; i++)
		NEED(pattern_memory[i] == (uint8_t)(i * 31 + i / 251));
	NEED(file_read("/tmp/canary/x", found) == PATTERN && memcmp(found, pattern_memory, PATTERN) == 0);
	memset(found, 0, sizeof found);
	file_read("/etc/passwd", found);
	NEED(memcmp(found, passwd, PATTERN) == 0);
	NEED(stat("/tmp/canary", &status) == 0 && status.st_mode == (S_IFDIR | 0700) && status.st_uid == 0);
	NEED(stat("/tmp/canary/x", &status) == 0 && status.st_mode == (S_IFREG | 0600) && status.st_uid == 0 && status.st_nlink == 1);
	NEED(getuid() == 0 && atomic_load(&shared->stolen) == 0);
}

static void wild_files_make(void)
{
	(void)!system("rm -rf /tmp/wild/* /tmp/wild/.[!.]* 2>/dev/null; mkdir -p /tmp/wild/d; echo some >/tmp/wild/a; ln -sf loop /tmp/wild/loop; "
		"ln -sf a /tmp/wild/link; mkfifo /tmp/wild/fifo; chmod -R a+rwX /tmp/wild");
}

/* Whether a process of the user is there that has not ended. */
static int some_live(void)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	int live = 0;

	NEED(processes != NULL);
	while (!live && (entry = readdir(processes)) != NULL) {
		char name[300], text[2048] = "";
		const char *uid;
		FILE *file;

		snprintf(name, sizeof name, "/proc/%s/status", entry->d_name);
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || (file = fopen(name, "r")) == NULL)
			continue;
		text[fread(text, 1, sizeof text - 1, file)] = 0;
		fclose(file);
		uid = strstr(text, "Uid:");
		live = uid != NULL && atoi(uid + 4) == USER && strstr(text, "State:\tZ") == NULL;
	}
	closedir(processes);
	return live;
}

/* All processes of the user end. The first of them are waited for here. */
static void all_end(pid_t child)
{
	double begun = now();
	pid_t killer;
	int status;

	while (waitpid(child, &status, WNOHANG) == 0) {
		kill(child, SIGKILL);
		NEED(now() - begun < 240);
		usleep(1000);
	}
	while (some_live()) {
		killer = fork();
		NEED(killer >= 0);
		if (killer == 0) {
			/* a user that may signal only its own; one of them may be quicker, and end the killer */
			if (setuid(USER) == 0)
				for (unsigned i = 0; i < 5; i++)
					kill(-1, SIGKILL);
			_exit(0);
		}
		while (waitpid(killer, &status, 0) != killer)
			NEED(errno == EINTR);
		NEED(now() - begun < 240);
	}
}

/* What the wild user left of IPC that outlives who made it. */
static void ipc_remove(void)
{
	struct shmid_ds segment;
	struct semid_ds set;
	struct msqid_ds queue;
	int id;

	for (int i = shmctl(0, SHM_INFO, (void *)&segment); i >= 0; i--)
		if ((id = shmctl(i, SHM_STAT, &segment)) >= 0 && segment.shm_perm.cuid == USER)
			shmctl(id, IPC_RMID, NULL);
	for (int i = semctl(0, 0, SEM_INFO, &(struct seminfo){ 0 }); i >= 0; i--)
		if ((id = semctl(i, 0, SEM_STAT, &set)) >= 0 && set.sem_perm.cuid == USER)
			semctl(id, 0, IPC_RMID);
	for (int i = msgctl(0, MSG_INFO, &queue); i >= 0; i--)
		if ((id = msgctl(i, MSG_STAT, &queue)) >= 0 && queue.msg_perm.cuid == USER)
			msgctl(id, IPC_RMID, NULL);
	syscall(SYS_mq_unlink, "a");
}

static unsigned long free_pages(void)
{
	struct sysinfo info;

	NEED(sysinfo(&info) == 0);
	return info.freeram / PAGE;
}

static void memory_settles(unsigned long before)
{
	struct utsname name;

	NEED(uname(&name) == 0);
	if (strstr(name.release, "baryon") == NULL)
		return;
	for (unsigned tries = 0; free_pages() + KEPT < before; tries++) {
		if (tries == 200) {
			printf("wild: %ld pages are gone\n", (long)(before - free_pages()));
			exit(1);
		}
		usleep(25000);
	}
}

/* ---- rounds ---- */

static void arena_make(void)
{
	arena = mmap((void *)0x200000000000, ARENA * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	NEED(arena != MAP_FAILED);
	for (unsigned i = 0; i < ARENA; i += 3)
		NEED(i % 2 ? munmap(arena + i * PAGE, PAGE) == 0 : mprotect(arena + i * PAGE, PAGE, PROT_READ) == 0);
	NEED(mmap(arena + 8 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
}

static void calls_round(unsigned long enough, unsigned threads)
{
	unsigned long before = atomic_load(&shared->done);
	double begun = now();
	pid_t child = fork();

	NEED(child >= 0);
	if (child == 0)
		wild_main(threads);
	while (atomic_load(&shared->done) - before < enough && now() - begun < ROUND_MS / 1e3 && waitpid(child, NULL, WNOHANG) == 0) {
		kill(child, SIGUSR2);   /* who waits goes on */
		usleep(1000);
	}
	all_end(child);
}

static void program_round(int frame)
{
	pid_t child;

	if (!frame)
		program_write("/tmp/wild/program");
	child = fork();
	NEED(child >= 0);
	if (child == 0) {
		if (frame)
			frame_run();
		program_run();
	}
	for (double begun = now(); waitpid(child, NULL, WNOHANG) == 0;) {
		if (now() - begun > 0.3)
			kill(child, SIGKILL);
		NEED(now() - begun < 240);
		usleep(1000);
	}
}

static void calls_part(unsigned long count, unsigned threads)
{
	unsigned long target = atomic_load(&shared->done) + count;

	for (unsigned round = 0; atomic_load(&shared->done) < target; round++) {
		if (round % 8 == 0)
			wild_files_make();
		seed += 1;
		calls_round(target - atomic_load(&shared->done), threads);
		ipc_remove();
		canaries_check();
	}
}

static void programs_part(unsigned long count)
{
	wild_files_make();
	chance = seed * 31 + 7;
	for (unsigned long i = 0; i < count; i++) {
		draw();
		program_round(i % 3 == 2);
		if (i % 64 == 0)
			canaries_check();
	}
}

int main(int count, char **argument_)
{
	unsigned long number_ = count > 2 ? strtoul(argument_[2], NULL, 0) : 20000, before;
	unsigned threads = count > 3 ? (unsigned)atoi(argument_[3]) : 4;

	setvbuf(stdout, NULL, _IOLBF, 0);
	seed = count > 1 ? strtoul(argument_[1], NULL, 0) : 1;
	NEED(threads <= THREADS_MOST && getuid() == 0);
	signal(SIGUSR2, SIG_IGN);               /* until the child has its own way with it */
	shared = mmap((void *)0x300000000000, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	NEED(shared != MAP_FAILED);
	program_read("/proc/self/exe");
	canaries_make();
	arena_make();
	calls_part(1000, 1);
	ipc_remove();
	before = free_pages();
	for (random_calls = 0; random_calls < 2; random_calls++) {
		calls_part(number_ / 4, 1);
		calls_part(number_ - number_ / 4, threads);
	}
	programs_part(number_ / 200);
	(void)!system("rm -rf /tmp/wild/* /tmp/wild/.[!.]* 2>/dev/null");
	memory_settles(before);
	canaries_check();
	printf("wild: %lu calls withstood\n", 2 * number_);
	return 0;
}
