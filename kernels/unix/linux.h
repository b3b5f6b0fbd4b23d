/* The Linux x86-64 ABI as programs see it: error numbers, signals and the records that both halves of UNIX share.
 * Records and numbers that only the files half needs stand in file/. Results of system calls are >= 0 or -E*. */
#ifndef UNIX_LINUX_H
#define UNIX_LINUX_H

#include "abi/types.h"

enum {
	EPERM = 1, ENOENT = 2, ESRCH = 3, EINTR = 4, EIO = 5, ENXIO = 6, E2BIG = 7, ENOEXEC = 8, EBADF = 9, ECHILD = 10,
	EAGAIN = 11, ENOMEM = 12, EACCES = 13, EFAULT = 14, ENOTBLK = 15, EBUSY = 16, EEXIST = 17, EXDEV = 18,
	ENODEV = 19, ENOTDIR = 20, EISDIR = 21, EINVAL = 22, ENFILE = 23, EMFILE = 24, ENOTTY = 25, ETXTBSY = 26,
	EFBIG = 27, ENOSPC = 28, ESPIPE = 29, EROFS = 30, EMLINK = 31, EPIPE = 32, EDOM = 33, ERANGE = 34,
	EDEADLK = 35, ENAMETOOLONG = 36, ENOLCK = 37, ENOSYS = 38, ENOTEMPTY = 39, ELOOP = 40, ENODATA = 61,
	EOVERFLOW = 75, ENOTSOCK = 88, EDESTADDRREQ = 89, EMSGSIZE = 90, EPROTOTYPE = 91, ENOPROTOOPT = 92, EPROTONOSUPPORT = 93,
	ESOCKTNOSUPPORT = 94, EOPNOTSUPP = 95, EAFNOSUPPORT = 97, EADDRINUSE = 98, ECONNRESET = 104, ENOBUFS = 105, EISCONN = 106,
	ENOTCONN = 107, ETIMEDOUT = 110, ECONNREFUSED = 111,
};

/* Results that never reach a program: what the return path makes of a call that a signal interrupted. */
enum {
	ERESTARTSYS = 512,          /* executed again, unless a handler without SA_RESTART ran: then EINTR */
	ERESTARTNOINTR = 513,       /* always executed again */
	ERESTARTNOHAND = 514,       /* executed again only if no handler ran, else EINTR */
};

enum {
	SIGHUP = 1, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE,
	SIGALRM, SIGTERM, SIGSTKFLT, SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGXCPU, SIGXFSZ,
	SIGVTALRM, SIGPROF, SIGWINCH, SIGIO, SIGPWR, SIGSYS,
	SIGRTMIN = 32, SIGNAL_COUNT = 64,       /* signals are 1..SIGNAL_COUNT */
};

enum { SI_USER = 0, SI_KERNEL = 0x80, SI_TIMER = -2, SI_QUEUE = -1, SI_TKILL = -6 };
enum { SEGV_MAPERR = 1, SEGV_ACCERR = 2, BUS_ADRERR = 2, FPE_INTDIV = 1, ILL_ILLOPN = 2, TRAP_BRKPT = 1 };
enum { CLD_EXITED = 1, CLD_KILLED, CLD_DUMPED, CLD_TRAPPED, CLD_STOPPED, CLD_CONTINUED };

struct linux_timespec {
	int64_t seconds;
	int64_t nanoseconds;
};

struct linux_timeval {
	int64_t seconds;
	int64_t microseconds;
};

struct linux_siginfo {          /* 128 bytes */
	int32_t number, error, code, padding;
	union {
		struct { int32_t pid; uint32_t uid; int32_t status; int32_t padding; int64_t user_time, system_time; } child;
		struct { int32_t pid; uint32_t uid; uint64_t value; } sender;
		struct { uint64_t address; } fault;
		struct { int32_t id, overrun; uint64_t value; } timer;
		struct { int64_t band; int32_t descriptor; } poll;
		uint64_t words[14];
	};
};

_Static_assert(sizeof(struct linux_siginfo) == 128, "programs rely on the layout");

enum { PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4 };
enum { MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_FIXED = 16, MAP_ANONYMOUS = 32, MAP_FIXED_NOREPLACE = 0x100000 };

enum { DESCRIPTORS_MOST = 131072 };     /* of a process: /proc/sys/fs/nr_open */
enum {                          /* getrlimit */
	RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_CORE, RLIMIT_RSS, RLIMIT_NPROC, RLIMIT_NOFILE,
	RLIMIT_MEMLOCK, RLIMIT_AS, RLIMIT_LOCKS, RLIMIT_SIGPENDING, RLIMIT_MSGQUEUE, RLIMIT_NICE, RLIMIT_RTPRIO,
	RLIMIT_RTTIME, RLIMIT_COUNT,
};

#endif
