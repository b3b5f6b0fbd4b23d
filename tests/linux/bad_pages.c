/* Every call that takes the address of something gets one that is not mapped, is the system's, lies in a read-only page, or leads
 * from a good page into a bad one; then one that another thread unmaps meanwhile. The table below says what each call takes; a call
 * of syscalls.def that is neither there nor named as one without addresses fails the test. */
#include "try.h"

#include <linux/futex.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <mqueue.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>

#define PAGE 4096ul
enum { ARGUMENTS = 6, RACE_TURNS = 2 };

/* Descriptors that are made anew for each try. */
enum {
	FD_FILE = 20, FD_FOLDER, FD_PIPE, FD_PIPE_IN, FD_ZERO, FD_STREAM, FD_STREAM_OTHER, FD_DATAGRAM, FD_DATAGRAM_OTHER, FD_EVENT, FD_EPOLL,
	FD_TIMER, FD_LISTEN, FD_CLIENT, FD_PROC, FD_RANDOM, FD_SIGNAL, FD_EMPTY, FD_QUEUE, FD_PIDFD, FD_WATCH, FD_NEW = 50,
};

enum kind { VALUE, IN, OUT, BOTH, TEXT };
struct argument {
	enum kind kind;
	long value;                 /* or bytes */
	const void *data;           /* what a good one holds */
};
enum { COUNT = 1, NEVER_GOOD = 2, CHILD_FIRST = 4, ALONE = 8 };
struct row {
	const char *name;
	int number, flags;
	struct argument arguments[ARGUMENTS];
};

/* Values that stand for what is made anew. */
enum { THE_PROCESS = -2, THE_TIMER = -3, THE_SEGMENT = -1001, THE_SET = -1002, THE_QUEUE = -1003 };

#define V(x) {VALUE, (long)(x), 0}
#define O(bytes) {OUT, bytes, 0}
#define I(what) {IN, sizeof(what), &(what)}
#define B(what) {BOTH, sizeof(what), &(what)}
#define T(text) {TEXT, sizeof(text), text}

static struct timespec no_time, short_time = {0, 1000};
static struct itimerspec no_timer;
static struct itimerval no_itimer;
static struct timeval two_times[2];
static struct timespec two_stamps[2];
static struct iovec pieces[2];
static struct msghdr message, message_in;
static struct mmsghdr messages[1], messages_in[1];
static struct sockaddr_un name_bound = {AF_UNIX, "bound"}, name_new = {AF_UNIX, "new"};
static socklen_t name_bytes = sizeof name_bound, option_bytes = 4;
static uint64_t mask = 1 << (SIGUSR1 - 1), one = 1, place = 10;
static uint32_t word = 5, zero_word;
static struct { uint64_t handler, flags, restorer, mask; } action = {1, 0, 0, 0};
static siginfo_t queued = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
static struct sigevent event = {.sigev_notify = SIGEV_NONE};
static stack_t stack = {.ss_flags = SS_DISABLE};
static struct pollfd polled = {FD_PIPE, POLLIN, 0};
static struct epoll_event watched = {.events = EPOLLIN};
static struct rlimit limit = {0, RLIM_INFINITY};
static struct open_how how;
static struct flock lock = {.l_type = F_RDLCK};
static uint64_t bits[16], pair_of_mask[2];
static char block[100], *list[2] = {"x", 0};
static struct { uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, bytes, tls; } clone3_arguments = {.exit_signal = SIGCHLD};
static int timer_id, segment_id, set_id, queue_id;
static struct shmid_ds segment;
static struct semid_ds set;
static struct msqid_ds queue = {.msg_qbytes = 10000};
/* everybody's on this host: main puts the process's number in */
static char queue_name[] = "baryon-bad-pages-0000000", queue_other[] = "baryon-bad-pages-0000000-too";
static struct mq_attr attributes, attributes_new = {.mq_maxmsg = 3, .mq_msgsize = 8};
static struct { long type; char text[8]; } letter = {3, "letter"};
static struct sembuf operations[2] = {{0, 1, 0}, {0, -1, 0}};
static struct { uint32_t version; int32_t pid; } capability_header = {0x20080522, 0};
static uint32_t capability_sets[6] = {1};        /* effective and not permitted */
static struct { uint32_t bytes, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t more[3]; } schedule = {48, 77, 0, 0, 0, {0}};
static uint16_t values[2] = {1, 2};


#define R(call, how_, ...) {.name = #call, .number = SYS_##call, .flags = how_, .arguments = {__VA_ARGS__}},
static const struct row rows[] = {
	R(mincore, 0, V(0x10000000), V(4096), O(1))
	R(rt_sigaction, 0, V(SIGUSR2), I(action), O(32), V(8))
	R(rt_sigprocmask, 0, V(SIG_BLOCK), I(mask), O(8), V(8))
	R(nanosleep, 0, I(short_time), O(16))
	R(getitimer, 0, V(0), O(32))
	R(setitimer, 0, V(0), I(no_itimer), O(32))
	R(execve, NEVER_GOOD, T("/proc/self/exe"), I(list), I(list))
	R(execveat, NEVER_GOOD, V(AT_FDCWD), T("/proc/self/exe"), I(list), I(list), V(0))
	R(clone, 0, V(SIGCHLD | 0x100000), V(0), O(4), V(0), V(0))
	R(clone, 0, V(SIGCHLD | 0x1000000), V(0), V(0), O(4), V(0))
	R(clone3, 0, I(clone3_arguments), V(64))
	R(wait4, CHILD_FIRST, V(-1), O(4), V(0), O(144))
	R(waitid, CHILD_FIRST, V(P_ALL), V(0), O(128), V(WEXITED), O(144))
	R(waitid, CHILD_FIRST, V(P_ALL), V(0), O(128), V(WEXITED | WNOHANG | WNOWAIT), O(144))
	R(uname, 0, O(390))
	R(gettimeofday, 0, O(16), O(8))
	R(getrlimit, 0, V(RLIMIT_CORE), O(16))
	R(getrusage, 0, V(0), O(144))
	R(sysinfo, 0, O(112))
	R(times, 0, O(32))
	R(getresuid, 0, O(4), O(4), O(4))
	R(getresgid, 0, O(4), O(4), O(4))
	R(setxattr, 0, T("file"), T("user.x"), I(block), V(100), V(0))
	R(getxattr, 0, T("file"), T("user.x"), O(100), V(100))
	R(listxattr, 0, T("file"), O(7), V(100))
	R(removexattr, 0, T("file"), T("user.x"))
	R(lsetxattr, 0, T("file"), T("user.x"), I(block), V(100), V(0))
	R(lgetxattr, 0, T("file"), T("user.x"), O(100), V(100))
	R(llistxattr, 0, T("file"), O(7), V(100))
	R(lremovexattr, 0, T("file"), T("user.x"))
	R(fsetxattr, 0, V(FD_FILE), T("user.x"), I(block), V(100), V(0))
	R(fgetxattr, 0, V(FD_FILE), T("user.x"), O(100), V(100))
	R(flistxattr, 0, V(FD_FILE), O(7), V(100))
	R(fremovexattr, 0, V(FD_FILE), T("user.x"))
	R(capget, 0, B(capability_header), O(24))
	R(capset, NEVER_GOOD, B(capability_header), I(capability_sets))
	R(rt_sigpending, 0, O(8), V(8))
	R(rt_sigtimedwait, 0, I(mask), O(128), I(no_time), V(8))
	R(rt_sigqueueinfo, ALONE, V(THE_PROCESS), V(SIGUSR1), I(queued))
	R(rt_tgsigqueueinfo, ALONE, V(THE_PROCESS), V(THE_PROCESS), V(SIGUSR1), I(queued))
	R(rt_sigsuspend, NEVER_GOOD, I(mask), V(8))
	R(sigaltstack, 0, I(stack), O(24))
	R(sched_setparam, 0, V(0), I(zero_word))
	R(sched_getparam, 0, V(0), O(4))
	R(sched_setscheduler, 0, V(0), V(0), I(zero_word))
	R(sched_setattr, NEVER_GOOD, V(0), B(schedule), V(0))
	R(sched_getattr, 0, V(0), O(48), V(48), V(0))
	R(sched_rr_get_interval, 0, V(0), O(16))
	R(prctl, 0, V(PR_SET_NAME), T("sixteen letters"))
	R(prctl, 0, V(PR_GET_NAME), O(16))
	R(prctl, 0, V(PR_GET_PDEATHSIG), O(4))
	R(arch_prctl, 0, V(0x1003), O(8))
	R(setrlimit, 0, V(RLIMIT_CORE), I(limit))
	R(prlimit64, 0, V(0), V(RLIMIT_CORE), I(limit), O(16))
	R(time, 0, O(8))
	R(futex, COUNT, I(word), V(FUTEX_WAIT), V(6))
	R(futex, COUNT, I(word), V(FUTEX_WAIT | FUTEX_PRIVATE_FLAG), V(5), I(short_time))
	R(futex, COUNT, I(word), V(FUTEX_WAKE), V(1))
	R(futex, COUNT, I(word), V(FUTEX_CMP_REQUEUE), V(1), V(1), I(word), V(6))
	R(futex, COUNT, I(word), V(FUTEX_WAKE_OP), V(1), V(1), B(word), V(2u << 28))
	R(sched_setaffinity, 0, V(0), V(8), I(bits))
	R(sched_getaffinity, 0, V(0), V(8), O(8))
	R(timer_create, 0, V(1), I(event), O(4))
	R(timer_settime, 0, V(THE_TIMER), V(0), I(no_timer), O(32))
	R(timer_gettime, 0, V(THE_TIMER), O(32))
	R(clock_gettime, 0, V(1), O(16))
	R(clock_getres, 0, V(1), O(16))
	R(clock_nanosleep, 0, V(1), V(0), I(short_time), O(16))
	R(get_robust_list, 0, V(0), O(8), O(8))
	R(getcpu, 0, O(4), O(4))
	R(getrandom, COUNT, O(100), V(100), V(0))
	R(pidfd_send_signal, 0, V(FD_PIDFD), V(0), I(queued), V(0))

	R(read, COUNT, V(FD_FILE), O(100), V(100))
	R(read, COUNT, V(FD_PIPE), O(100), V(100))
	R(read, COUNT, V(FD_ZERO), O(100), V(100))
	R(read, COUNT, V(FD_STREAM), O(100), V(100))
	R(read, COUNT, V(FD_DATAGRAM), O(100), V(100))
	R(read, COUNT, V(FD_EVENT), O(8), V(8))
	R(read, COUNT, V(FD_PROC), O(10), V(10))
	R(read, COUNT, V(FD_RANDOM), O(100), V(100))
	R(read, COUNT, V(FD_SIGNAL), O(128), V(128))
	R(write, COUNT, V(FD_FILE), I(block), V(100))
	R(write, COUNT, V(FD_PIPE_IN), I(block), V(100))
	R(write, COUNT, V(FD_STREAM), I(block), V(100))
	R(write, COUNT, V(FD_DATAGRAM), I(block), V(100))
	R(write, COUNT, V(FD_EVENT), I(one), V(8))
	R(pread64, COUNT, V(FD_FILE), O(100), V(100), V(5))
	R(pwrite64, COUNT, V(FD_FILE), I(block), V(100), V(5))
	R(readv, COUNT, V(FD_FILE), I(pieces), V(2))
	R(writev, COUNT, V(FD_FILE), I(pieces), V(2))
	R(preadv, COUNT, V(FD_FILE), I(pieces), V(2), V(5), V(0))
	R(pwritev, COUNT, V(FD_FILE), I(pieces), V(2), V(5), V(0))
	R(preadv2, COUNT, V(FD_FILE), I(pieces), V(2), V(5), V(0), V(0))
	R(pwritev2, COUNT, V(FD_FILE), I(pieces), V(2), V(5), V(0), V(0))
	R(vmsplice, COUNT, V(FD_PIPE_IN), I(pieces), V(2), V(0))
	R(open, 0, T("file"), V(O_RDONLY))
	R(creat, 0, T("file2"), V(0600))
	R(openat, 0, V(AT_FDCWD), T("file"), V(O_RDONLY))
	R(openat2, 0, V(AT_FDCWD), T("file"), I(how), V(sizeof how))
	R(stat, 0, T("file"), O(144))
	R(lstat, 0, T("file"), O(144))
	R(fstat, 0, V(FD_FILE), O(144))
	R(newfstatat, 0, V(AT_FDCWD), T("file"), O(144), V(0))
	R(statx, 0, V(AT_FDCWD), T("file"), V(0), V(0x7ff), O(256))
	R(statfs, 0, T("file"), O(120))
	R(fstatfs, 0, V(FD_FILE), O(120))
	R(poll, COUNT, B(polled), V(1), V(0))
	R(ppoll, COUNT, B(polled), V(1), B(no_time), I(mask), V(8))
	R(select, COUNT, V(FD_PIPE + 1), B(bits[0]), B(bits[0]), B(bits[0]), B(no_time))
	R(pselect6, COUNT, V(FD_PIPE + 1), B(bits[0]), B(bits[0]), B(bits[0]), B(no_time), I(pair_of_mask))
	R(ioctl, 0, V(FD_PIPE), V(FIONREAD), O(4))
	R(ioctl, 0, V(FD_PIPE), V(FIONBIO), I(word))
	R(ioctl, 0, V(FD_STREAM), V(FIONREAD), O(4))
	R(fcntl, 0, V(FD_FILE), V(F_GETLK), B(lock))
	R(fcntl, 0, V(FD_FILE), V(F_SETLK), I(lock))
	R(access, 0, T("file"), V(R_OK))
	R(faccessat, 0, V(AT_FDCWD), T("file"), V(R_OK))
	R(faccessat2, 0, V(AT_FDCWD), T("file"), V(R_OK), V(0))
	R(pipe, 0, O(8))
	R(pipe2, 0, O(8), V(0))
	R(sendfile, COUNT, V(FD_EMPTY), V(FD_FILE), B(place), V(10))
	R(splice, COUNT, V(FD_FILE), B(place), V(FD_PIPE_IN), V(0), V(10), V(0))
	R(splice, COUNT, V(FD_PIPE), V(0), V(FD_FILE), B(place), V(10), V(0))
	R(copy_file_range, COUNT, V(FD_FILE), B(place), V(FD_EMPTY), B(place), V(10), V(0))
	R(truncate, 0, T("file"), V(50))
	R(getdents, COUNT, V(FD_FOLDER), O(96), V(96))
	R(getdents64, COUNT, V(FD_FOLDER), O(96), V(96))
	R(getcwd, COUNT, O(2), V(2))
	R(chdir, 0, T("folder"))
	R(rename, 0, T("file"), T("file2"))
	R(renameat, 0, V(AT_FDCWD), T("file"), V(AT_FDCWD), T("file2"))
	R(renameat2, 0, V(AT_FDCWD), T("file"), V(AT_FDCWD), T("file2"), V(0))
	R(mkdir, 0, T("folder2"), V(0700))
	R(mkdirat, 0, V(AT_FDCWD), T("folder2"), V(0700))
	R(rmdir, 0, T("empty"))
	R(link, 0, T("file"), T("file2"))
	R(linkat, 0, V(AT_FDCWD), T("file"), V(AT_FDCWD), T("file2"), V(0))
	R(unlink, 0, T("file"))
	R(unlinkat, 0, V(AT_FDCWD), T("file"), V(0))
	R(symlink, 0, T("file"), T("file2"))
	R(symlinkat, 0, T("file"), V(AT_FDCWD), T("file2"))
	R(readlink, COUNT, T("link"), O(6), V(6))
	R(readlinkat, COUNT, V(AT_FDCWD), T("link"), O(6), V(6))
	R(chmod, 0, T("file"), V(0600))
	R(fchmodat, 0, V(AT_FDCWD), T("file"), V(0600))
	R(chown, 0, T("file"), V(-1), V(-1))
	R(lchown, 0, T("file"), V(-1), V(-1))
	R(fchownat, 0, V(AT_FDCWD), T("file"), V(-1), V(-1), V(0))
	R(utime, 0, T("file"), I(two_times[0]))
	R(utimes, 0, T("file"), I(two_times))
	R(futimesat, 0, V(AT_FDCWD), T("file"), I(two_times))
	R(utimensat, 0, V(AT_FDCWD), T("file"), I(two_stamps), V(0))
	R(mknod, 0, T("fifo"), V(S_IFIFO | 0600), V(0))
	R(mknodat, 0, V(AT_FDCWD), T("fifo"), V(S_IFIFO | 0600), V(0))
	R(memfd_create, 0, T("name"), V(0))
	R(connect, 0, V(FD_CLIENT), I(name_bound), V(sizeof name_bound))
	R(bind, 0, V(FD_CLIENT), I(name_new), V(sizeof name_new))
	R(accept, 0, V(FD_LISTEN), O(110), B(name_bytes))
	R(accept4, 0, V(FD_LISTEN), O(110), B(name_bytes), V(0))
	R(getsockname, 0, V(FD_LISTEN), O(8), B(name_bytes))
	R(getpeername, 0, V(FD_STREAM), O(2), B(name_bytes))
	R(sendto, COUNT, V(FD_DATAGRAM), I(block), V(100), V(0), V(0), V(0))
	R(sendto, COUNT, V(FD_DATAGRAM), I(block), V(100), V(0), I(name_new), V(sizeof name_new))
	R(recvfrom, COUNT, V(FD_DATAGRAM), O(100), V(100), V(0), O(2), B(name_bytes))
	R(recvfrom, COUNT, V(FD_STREAM), O(100), V(100), V(MSG_PEEK), V(0), V(0))
	R(sendmsg, COUNT, V(FD_STREAM), I(message), V(0))
	R(recvmsg, COUNT, V(FD_STREAM), B(message_in), V(0))
	R(sendmmsg, COUNT, V(FD_STREAM), B(messages), V(1), V(0))
	R(recvmmsg, COUNT, V(FD_STREAM), B(messages_in), V(1), V(0), B(no_time))
	R(socketpair, 0, V(AF_UNIX), V(SOCK_STREAM), V(0), O(8))
	R(setsockopt, 0, V(FD_STREAM), V(SOL_SOCKET), V(SO_PASSCRED), I(word), V(4))
	R(getsockopt, 0, V(FD_STREAM), V(SOL_SOCKET), V(SO_TYPE), O(4), B(option_bytes))
	R(epoll_ctl, 0, V(FD_EPOLL), V(EPOLL_CTL_MOD), V(FD_PIPE), I(watched))
	R(epoll_wait, COUNT, V(FD_EPOLL), O(12), V(1), V(0))
	R(epoll_pwait, COUNT, V(FD_EPOLL), O(12), V(1), V(0), I(mask), V(8))
	R(epoll_pwait2, COUNT, V(FD_EPOLL), O(12), V(1), I(no_time), I(mask), V(8))
	R(inotify_add_watch, 0, V(FD_WATCH), T("folder"), V(IN_MODIFY))
	R(read, COUNT, V(FD_WATCH), O(16), V(16))
	R(ioctl, 0, V(FD_WATCH), V(FIONREAD), O(4))
	R(signalfd, 0, V(-1), I(mask), V(8))
	R(signalfd4, 0, V(-1), I(mask), V(8), V(0))
	R(timerfd_settime, 0, V(FD_TIMER), V(0), I(no_timer), O(32))
	R(timerfd_gettime, 0, V(FD_TIMER), O(32))
	R(shmctl, 0, V(THE_SEGMENT), V(IPC_STAT), O(112))
	R(shmctl, 0, V(THE_SEGMENT), V(IPC_SET), I(segment))
	R(shmctl, 0, V(0), V(IPC_INFO), O(72))
	R(shmctl, 0, V(0), V(SHM_INFO), O(48))
	R(semop, 0, V(THE_SET), I(operations), V(2))
	R(semtimedop, 0, V(THE_SET), I(operations), V(2), I(short_time))
	R(semctl, 0, V(THE_SET), V(0), V(IPC_STAT), O(104))
	R(semctl, 0, V(THE_SET), V(0), V(IPC_SET), I(set))
	R(semctl, 0, V(THE_SET), V(0), V(GETALL), O(4))
	R(semctl, 0, V(THE_SET), V(0), V(SETALL), I(values))
	R(semctl, 0, V(0), V(0), V(IPC_INFO), O(40))
	R(msgsnd, 0, V(THE_QUEUE), I(letter), V(8), V(0))
	R(msgrcv, COUNT, V(THE_QUEUE), O(16), V(8), V(0), V(IPC_NOWAIT))
	R(msgctl, 0, V(THE_QUEUE), V(IPC_STAT), O(120))
	R(msgctl, 0, V(THE_QUEUE), V(IPC_SET), I(queue))
	R(msgctl, 0, V(0), V(IPC_INFO), O(32))
	R(mq_open, 0, T(queue_other), V(O_RDWR | O_CREAT), V(0600), I(attributes_new))
	R(mq_unlink, 0, T(queue_name))
	R(mq_timedsend, 0, V(FD_QUEUE), I(letter), V(8), V(0), I(short_time))
	R(mq_timedreceive, COUNT, V(FD_QUEUE), O(8), V(8), O(4), I(short_time))
	R(mq_notify, 0, V(FD_QUEUE), I(event))
	R(mq_getsetattr, 0, V(FD_QUEUE), I(attributes), O(64))
};

/* Calls without addresses that are read or written by the call, and those whose result says more about this machine or its user
 * than about them. */
static const char *const others[] = {
	"mmap", "mprotect", "munmap", "brk", "rt_sigreturn", "sched_yield", "mremap", "msync", "madvise", "pause", "alarm", "getpid", "fork",
	"vfork", "exit", "kill", "getuid", "getgid", "setuid", "setgid", "geteuid", "getegid", "setpgid", "getppid", "getpgrp", "setsid",
	"setreuid", "setregid", "setresuid", "setresgid", "getpgid", "setfsuid", "setfsgid", "getsid", "getpriority", "setpriority",
	"sched_getscheduler", "sched_get_priority_max", "sched_get_priority_min", "mlock", "munlock", "mlockall", "munlockall", "gettid",
	"tkill", "set_tid_address", "timer_getoverrun", "timer_delete", "exit_group", "tgkill", "set_robust_list", "mlock2", "pidfd_open",
	"close", "lseek", "dup", "dup2", "flock", "fsync", "fdatasync", "ftruncate", "fchdir", "fchmod", "fchown", "umask", "sync",
	"readahead", "fadvise64", "sync_file_range", "fallocate", "dup3", "tee", "syncfs", "close_range", "unshare", "socket", "shutdown", "listen",
	"epoll_create", "eventfd", "eventfd2", "epoll_create1", "timerfd_create", "pidfd_getfd", "membarrier", "rseq", "inotify_init",
	"inotify_init1", "inotify_rm_watch", "shmget", "shmat", "shmdt", "semget", "msgget", "personality", "ioprio_get", "ioprio_set", "vhangup",
	/* these depend on rights or on the file system */
	"getgroups", "setgroups", "clock_settime", "settimeofday", "sethostname", "setdomainname", "chroot", "mount", "umount2",
};

static bool named(const char *name)
{
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		if (!strcmp(rows[i].name, name))
			return true;
	for (unsigned i = 0; i < sizeof others / sizeof *others; i++)
		if (!strcmp(others[i], name))
			return true;
	return false;
}

static void all_named(void)
{
#define X(number, name, function) \
	if (!named(#name)) \
		SAY("not tried: " #name), exit(1);
#include "../../kernels/unix/syscalls.def"
#undef X
}

/* ---- what the calls work on ---- */

static int keep(int fd, int as)
{
	if (fd != as) {
		dup2(fd, as);
		close(fd);
	}
	return as;
}

static void fds_make(void)
{
	struct itimerspec soon = {{0, 0}, {0, 1}};
	int two[2];

	keep(open("file", O_RDWR | O_CREAT | O_TRUNC, 0600), FD_FILE);
	for (int i = 0; i < 2; i++)
		pwrite(FD_FILE, block, 100, 100 * i);
	keep(open("folder", O_RDONLY), FD_FOLDER);
	pipe(two);
	keep(two[1], FD_PIPE_IN);
	keep(two[0], FD_PIPE);
	write(FD_PIPE_IN, block, 100);
	keep(open("/dev/zero", O_RDONLY), FD_ZERO);
	socketpair(AF_UNIX, SOCK_STREAM, 0, two);
	keep(two[0], FD_STREAM);
	keep(two[1], FD_STREAM_OTHER);
	write(FD_STREAM_OTHER, block, 100);
	socketpair(AF_UNIX, SOCK_DGRAM, 0, two);
	keep(two[0], FD_DATAGRAM);
	keep(two[1], FD_DATAGRAM_OTHER);
	write(FD_DATAGRAM_OTHER, block, 100);
	keep(eventfd(1, EFD_NONBLOCK), FD_EVENT);
	keep(epoll_create1(0), FD_EPOLL);
	epoll_ctl(FD_EPOLL, EPOLL_CTL_ADD, FD_PIPE, &watched);
	keep(timerfd_create(1, 0), FD_TIMER);
	timerfd_settime(FD_TIMER, 0, &soon, 0);
	keep(open("/proc/self/comm", O_RDONLY), FD_PROC);
	keep(open("/dev/urandom", O_RDONLY), FD_RANDOM);
	keep(signalfd(-1, (sigset_t *)&mask, SFD_NONBLOCK), FD_SIGNAL);
	keep(open("empty-file", O_RDWR | O_CREAT | O_TRUNC, 0600), FD_EMPTY);
	keep((int)syscall(SYS_pidfd_open, getpid(), 0), FD_PIDFD);
	keep(inotify_init1(IN_NONBLOCK), FD_WATCH);
	inotify_add_watch(FD_WATCH, "file", IN_MODIFY);
	pwrite(FD_FILE, block, 1, 0);
}

static void listener_make(void)
{
	keep(socket(AF_UNIX, SOCK_STREAM, 0), FD_LISTEN);
	bind(FD_LISTEN, (struct sockaddr *)&name_bound, sizeof name_bound);
	listen(FD_LISTEN, 5);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	connect(fd, (struct sockaddr *)&name_bound, sizeof name_bound);
	keep(socket(AF_UNIX, SOCK_STREAM, 0), FD_CLIENT);
}

static char start_path[4096];

static void world_end(void)
{
	static const char *const names[] = {"file", "file2", "fifo", "bound", "new", "link", "empty-file"};

	syscall(SYS_close_range, 3, ~0u, 0);
	chdir(start_path);
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		unlink(names[i]);
	rmdir("folder2");
	rmdir("empty");
	while (waitpid(-1, 0, 0) > 0)
		;
	if (timer_id >= 0)
		syscall(SYS_timer_delete, timer_id);
	shmctl(segment_id, IPC_RMID, 0);
	semctl(set_id, 0, IPC_RMID);
	msgctl(queue_id, IPC_RMID, 0);
	syscall(SYS_mq_unlink, queue_name);
	syscall(SYS_mq_unlink, queue_other);
}

static void world_make(void)
{
	siginfo_t info;
	struct timespec none = {0, 0};

	memset(block, 'b', sizeof block);
	mkdir("empty", 0700);
	mkdir("folder", 0700);
	close(open("folder/a", O_CREAT | O_RDWR, 0600));
	close(open("folder/b", O_CREAT | O_RDWR, 0600));
	symlink("target", "link");
	sigprocmask(SIG_BLOCK, (sigset_t *)&mask, 0);
	while (syscall(SYS_rt_sigtimedwait, &mask, &info, &none, 8) > 0)
		;
	fds_make();
	listener_make();
	raise(SIGUSR1);
	prctl(PR_SET_NAME, "bad_pages");
	syscall(SYS_timer_create, 1, &event, &timer_id);
	segment_id = shmget(IPC_PRIVATE, PAGE, 0600);
	set_id = semget(IPC_PRIVATE, 2, 0600);
	queue_id = msgget(IPC_PRIVATE, 0600);
	msgsnd(queue_id, &letter, 8, 0);
	keep((int)syscall(SYS_mq_open, queue_name, O_RDWR | O_CREAT | O_NONBLOCK, 0600, &attributes_new), FD_QUEUE);
	syscall(SYS_mq_timedsend, FD_QUEUE, &letter, 8, 0, 0);
}

static void child_make(void)
{
	siginfo_t info;
	pid_t child = fork();

	if (child == 0)
		_exit(3);
	waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
}

/* ---- the tries ---- */

static char *arena;             /* two good pages, two that are not there, a good one, two read-only ones */
static char good[ARGUMENTS][PAGE] __attribute__((aligned(4096)));
static pid_t self_pid;

static char *unmapped(void)
{
	return arena + 2 * PAGE;
}

static char *read_only(void)
{
	return arena + 5 * PAGE;
}

/* An argument's contents, as far as `there` bytes of them go. */
static void fill(char *at, const struct argument *argument, long there)
{
	if (argument->data)
		memcpy(at, argument->data, (size_t)there);
}

static long call_made(const struct row *row, const long *v)
{
	long result;

	if (row->flags & CHILD_FIRST)
		child_make();
	if (row->number == SYS_getcwd)
		chdir("/");
	errno = 0;
	result = syscall(row->number, v[0], v[1], v[2], v[3], v[4], v[5]);
	if (getpid() != self_pid)
		_exit(0);
	return result;
}

static long value_meant(long value)
{
	switch (value) {
	case THE_PROCESS:
		return getpid();
	case THE_TIMER:
		return timer_id;
	case THE_SEGMENT:
		return segment_id;
	case THE_SET:
		return set_id;
	case THE_QUEUE:
		return queue_id;
	case 0x10000000:
		return (long)arena;
	}
	return value;
}

static void values_good(const struct row *row, long *v)
{
	for (int i = 0; i < ARGUMENTS; i++) {
		const struct argument *argument = &row->arguments[i];

		v[i] = argument->value;
		if (argument->kind == VALUE) {
			v[i] = value_meant(v[i]);
			continue;
		}
		v[i] = (long)good[i];
		fill(good[i], argument, argument->value);
	}
}

static void tried(const struct row *row, int which, const char *how, char *at)
{
	long v[ARGUMENTS], result;
	int error;

	world_make();
	values_good(row, v);
	if (which >= 0)
		v[which] = (long)at;
	result = call_made(row, v);
	error = errno;
	world_end();
	printf("%s", row->name);
	if (which >= 0)
		printf(" %d", which);
	if (result == -1)
		SAY(" %s: %s", how, strerrorname_np(error));
	else if (row->flags & COUNT)
		SAY(" %s: %ld", how, result);
	else
		SAY(" %s: good", how);
}

static void argument_tried(const struct row *row, int i)
{
	const struct argument *argument = &row->arguments[i];
	long bytes = argument->value, half = argument->kind == TEXT ? bytes - 1 : bytes / 2;

	tried(row, i, "not mapped", unmapped());
	tried(row, i, "the system's", (char *)0xffff800000001000);
	if (half > 0) {
		fill(unmapped() - half, argument, half);
		tried(row, i, "half", unmapped() - half);
	}
	if (argument->kind != OUT && argument->kind != BOTH)
		return;
	mprotect(read_only(), 2 * PAGE, PROT_READ | PROT_WRITE);
	fill(read_only(), argument, bytes);
	mprotect(read_only(), 2 * PAGE, PROT_READ);
	tried(row, i, "read-only", read_only());
	mprotect(read_only(), 2 * PAGE, PROT_READ | PROT_WRITE);
	fill(read_only() - half, argument, bytes);
	mprotect(read_only(), 2 * PAGE, PROT_READ);
	if (half > 0)
		tried(row, i, "half read-only", read_only() - half);
}

static void row_tried(const struct row *row)
{
	if (!(row->flags & NEVER_GOOD))
		tried(row, -1, "good", 0);
	for (int i = 0; i < ARGUMENTS; i++)
		if (row->arguments[i].kind != VALUE)
			argument_tried(row, i);
}

/* ---- addresses inside of what is pointed to ---- */

static void pieces_tried(const char *what, struct iovec *v, int count)
{
	char line[100];

	world_make();
	sprintf(line, "%s: readv file", what);
	try_said(line, readv(FD_FILE, v, count));
	sprintf(line, "%s: readv pipe", what);
	try_said(line, readv(FD_PIPE, v, count));
	sprintf(line, "%s: readv stream", what);
	try_said(line, readv(FD_STREAM, v, count));
	sprintf(line, "%s: writev file", what);
	try_said(line, writev(FD_FILE, v, count));
	sprintf(line, "%s: writev pipe", what);
	try_said(line, writev(FD_PIPE_IN, v, count));
	sprintf(line, "%s: writev stream", what);
	try_said(line, writev(FD_STREAM_OTHER, v, count));
	world_end();
}

static void message_tried(const char *what, struct msghdr *header)
{
	char line[100];

	world_make();
	sprintf(line, "%s: sendmsg", what);
	try_said(line, sendmsg(FD_STREAM_OTHER, header, MSG_DONTWAIT));
	sprintf(line, "%s: recvmsg", what);
	try_said(line, recvmsg(FD_STREAM, header, MSG_DONTWAIT));
	sprintf(line, "%s: datagram", what);
	try_said(line, recvmsg(FD_DATAGRAM, header, MSG_DONTWAIT));
	world_end();
}

static void inside(void)
{
	char *edge = unmapped() - 10;
	struct iovec v[3] = {{good[0], 10}, {edge, 20}, {good[1], 10}};
	struct msghdr header = {.msg_iov = v, .msg_iovlen = 1};

	SAY("-- addresses behind addresses");
	pieces_tried("second across", v, 3);
	v[1].iov_base = unmapped();
	pieces_tried("second bad", v, 3);
	v[0].iov_base = unmapped();
	pieces_tried("first bad", v, 3);
	v[0].iov_len = 0;
	v[1].iov_base = good[2];
	pieces_tried("first bad and empty", v, 3);
	v[0] = (struct iovec){good[0], 10};
	header.msg_name = unmapped();
	header.msg_namelen = 20;
	message_tried("name bad", &header);
	header.msg_name = 0;
	header.msg_control = unmapped();
	header.msg_controllen = 32;
	message_tried("control bad", &header);
	header.msg_control = unmapped() - 16;
	memset(unmapped() - 16, 0, 16);
	*(size_t *)(unmapped() - 16) = 32;
	message_tried("control across", &header);
	header.msg_control = 0;
	header.msg_controllen = 0;
	header.msg_iov = (struct iovec *)unmapped();
	message_tried("pieces bad", &header);
	list[0] = unmapped();
	TRY(execve("/proc/self/exe", list, (char *[]){0}));
	list[0] = memset(unmapped() - 5, 'x', 5);
	TRY(execve("/proc/self/exe", (char *[]){"x", 0}, list));
	list[0] = "x";
}

/* ---- a page that comes and goes ---- */

static volatile int race_over;

static void *race_other(void *page)
{
	while (!race_over) {
		munmap(page, PAGE);
		sched_yield();
		mmap(page, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		sched_yield();
	}
	return 0;
}

/* Other errors than EFAULT are what the call says of the zeros that it finds there. */
static void race_argument(const struct row *row, int i, char *page)
{
	long v[ARGUMENTS];

	world_make();
	for (int fd = FD_FILE; fd <= FD_PIDFD; fd++)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	for (int turn = 0; turn < RACE_TURNS; turn++) {
		values_good(row, v);
		v[i] = (long)(page + (turn & 1 ? 0 : -(row->arguments[i].value / 2)));
		call_made(row, v);
	}
	world_end();
}

static bool may_race(const struct row *row, int i)
{
	enum kind kind = row->arguments[i].kind;

	return (kind == OUT || kind == BOTH) && !(row->flags & (NEVER_GOOD | CHILD_FIRST | ALONE)) && row->number != SYS_clone;
}

static void race(void)
{
	char *page = arena + PAGE;
	pthread_t other;

	SAY("-- a page that is unmapped meanwhile");
	pthread_create(&other, 0, race_other, page);
	for (unsigned r = 0; r < sizeof rows / sizeof *rows; r++)
		for (int i = 0; i < ARGUMENTS; i++)
			if (may_race(&rows[r], i))
				race_argument(&rows[r], i, page);
	race_over = 1;
	pthread_join(other, 0);
	SAY("survived");
}

int main(int argc, char **argv)
{
	if (argc == 1 && !strcmp(argv[0], "x"))
		return 1;
	all_named();
	self_pid = getpid();
	sprintf(queue_name, "baryon-bad-pages-%07d", self_pid);
	sprintf(queue_other, "%s-too", queue_name);
	getcwd(start_path, sizeof start_path);
	signal(SIGUSR2, SIG_IGN);
	pieces[0] = (struct iovec){block, 60};
	pieces[1] = (struct iovec){block + 60, 40};
	message = message_in = (struct msghdr){.msg_iov = pieces, .msg_iovlen = 2};
	messages[0].msg_hdr = messages_in[0].msg_hdr = message;
	bits[0] = 1ul << FD_PIPE | 1;
	arena = mmap(0, 7 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(unmapped(), 2 * PAGE);
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		row_tried(&rows[i]);
	inside();
	race();
	return 0;
}
