/* The part of the Linux x86-64 ABI that only file calls need: numbers and records as programs see them. */
#ifndef UNIX_FILE_LINUX_FILE_H
#define UNIX_FILE_LINUX_FILE_H

#include "linux.h"

enum {
	O_ACCMODE = 3, O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0100, O_EXCL = 0200, O_NOCTTY = 0400,
	O_TRUNC = 01000, O_APPEND = 02000, O_NONBLOCK = 04000, O_DSYNC = 010000, O_ASYNC = 020000, O_DIRECT = 040000,
	O_LARGEFILE = 0100000, O_DIRECTORY = 0200000, O_NOFOLLOW = 0400000, O_NOATIME = 01000000,
	O_CLOEXEC = 02000000, O_PATH = 010000000, O_TMPFILE = 020000000,
};

enum {
	S_IFMT = 0170000, S_IFSOCK = 0140000, S_IFLNK = 0120000, S_IFREG = 0100000, S_IFBLK = 0060000,
	S_IFDIR = 0040000, S_IFCHR = 0020000, S_IFIFO = 0010000, S_ISUID = 04000, S_ISGID = 02000, S_ISVTX = 01000,
	MODE_BITS = 07777,
};

enum {
	AT_FDCWD = -100, AT_SYMLINK_NOFOLLOW = 0x100, AT_EACCESS = 0x200, AT_REMOVEDIR = 0x200,
	AT_SYMLINK_FOLLOW = 0x400, AT_NO_AUTOMOUNT = 0x800, AT_EMPTY_PATH = 0x1000, AT_STATX_SYNC_TYPE = 0x6000,
};

enum { PATH_MAX = 4096, NAME_MAX = 255, LINKS_FOLLOWED = 40, PIPE_BUF = 4096, IOV_MAX = 1024 };
enum { SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE };
enum { R_OK = 4, W_OK = 2, X_OK = 1, F_OK = 0 };
enum { RENAME_NOREPLACE = 1, RENAME_EXCHANGE = 2, RENAME_WHITEOUT = 4 };
enum { FALLOC_KEEP_SIZE = 1, FALLOC_PUNCH_HOLE = 2 };
enum { CLOSE_RANGE_UNSHARE = 2, CLOSE_RANGE_CLOEXEC = 4 };
enum { EFD_SEMAPHORE = 1 };
enum { UTIME_NOW = 0x3fffffff, UTIME_OMIT = 0x3ffffffe };
enum { MFD_CLOEXEC = 1, MFD_ALLOW_SEALING = 2, MFD_NOEXEC_SEAL = 8, MFD_EXEC = 16, MFD_NAME_BYTES = 249 };
enum {
	F_SEAL_SEAL = 1, F_SEAL_SHRINK = 2, F_SEAL_GROW = 4, F_SEAL_WRITE = 8, F_SEAL_FUTURE_WRITE = 16, F_SEAL_EXEC = 32,
	SEALS_HERE = 1 << 16,       /* the file can have seals */
};
enum {
	RESOLVE_NO_XDEV = 1, RESOLVE_NO_MAGICLINKS = 2, RESOLVE_NO_SYMLINKS = 4, RESOLVE_BENEATH = 8, RESOLVE_IN_ROOT = 16,
	RESOLVE_CACHED = 32,
};
struct linux_open_how {
	uint64_t flags, mode, resolve;
};

enum {
	F_DUPFD = 0, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_SETLKW, F_SETOWN, F_GETOWN,
	F_SETSIG = 10, F_GETSIG = 11, F_SETOWN_EX = 15, F_GETOWN_EX = 16, F_GETOWNER_UIDS = 17,
	F_DUPFD_CLOEXEC = 1030, F_SETPIPE_SZ = 1031, F_GETPIPE_SZ = 1032, F_ADD_SEALS = 1033, F_GET_SEALS = 1034,
	F_OFD_GETLK = 36, F_OFD_SETLK, F_OFD_SETLKW,
	FD_CLOEXEC = 1,
	F_RDLCK = 0, F_WRLCK = 1, F_UNLCK = 2,
	LOCK_SH = 1, LOCK_EX = 2, LOCK_NB = 4, LOCK_UN = 8,
};

enum {
	POLLIN = 1, POLLPRI = 2, POLLOUT = 4, POLLERR = 8, POLLHUP = 16, POLLNVAL = 32, POLLRDNORM = 64,
	POLLRDBAND = 128, POLLWRNORM = 256, POLLWRBAND = 512, POLLRDHUP = 0x2000,
};

enum {
	EPOLL_CTL_ADD = 1, EPOLL_CTL_DEL = 2, EPOLL_CTL_MOD = 3, EPOLL_EXCLUSIVE = 1 << 28, EPOLL_WAKEUP = 1 << 29, EPOLL_ONESHOT = 1 << 30,
};
#define EPOLL_EDGE (1u << 31)

struct linux_stat {             /* 144 bytes */
	uint64_t dev, ino, nlink;
	uint32_t mode, uid, gid, padding;
	uint64_t rdev;
	int64_t size, blksize, blocks;
	struct linux_timespec atime, mtime, ctime;
	int64_t unused[3];
};
_Static_assert(sizeof(struct linux_stat) == 144, "programs rely on the layout");

struct linux_statx_time {
	int64_t seconds;
	uint32_t nanoseconds;
	int32_t reserved;
};

struct linux_statx {            /* 256 bytes */
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, spare0;
	uint64_t ino, size, blocks, attributes_mask;
	struct linux_statx_time atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t mount;
	uint32_t alignment[2];
	uint64_t spare[12];
};
_Static_assert(sizeof(struct linux_statx) == 256, "programs rely on the layout");
enum { STATX_BASIC = 0x7ff };

struct linux_statfs {           /* 120 bytes */
	int64_t type, bsize, blocks, bfree, bavail, files, ffree;
	int32_t fsid[2];
	int64_t namelen, frsize, flags, spare[4];
};
_Static_assert(sizeof(struct linux_statfs) == 120, "programs rely on the layout");
enum { TMPFS_MAGIC = 0x01021994, PROC_MAGIC = 0x9fa0, SYSFS_MAGIC = 0x62656572 };

struct linux_iovec {
	uint64_t base, bytes;
};

struct linux_pollfd {
	int32_t fd;
	int16_t events, revents;
};

struct linux_flock {
	int16_t type, whence;
	int32_t padding;
	int64_t start, length;
	int32_t pid, padding2;
};

struct linux_dirent64 {         /* the name follows, then zeros up to a multiple of 8 */
	uint64_t ino;
	int64_t offset;
	uint16_t bytes;
	uint8_t type;
	char name[];
} __attribute__((packed));
enum { DIRENT64_NAME = 19, DIRENT_NAME = 18 };
enum { DT_UNKNOWN = 0, DT_FIFO = 1, DT_CHR = 2, DT_DIR = 4, DT_BLK = 6, DT_REG = 8, DT_LNK = 10, DT_SOCK = 12 };

struct linux_epoll_event {
	uint32_t events;
	uint64_t data;
} __attribute__((packed));

enum { TERMIOS_CHARACTERS = 19 };
struct linux_termios {          /* 36 bytes */
	uint32_t input, output, control, local;
	uint8_t line;
	uint8_t character[TERMIOS_CHARACTERS];
};
_Static_assert(sizeof(struct linux_termios) == 36, "programs rely on the layout");

struct linux_winsize {
	uint16_t rows, columns, width, height;
};

enum {                          /* termios: indices of characters */
	VINTR, VQUIT, VERASE, VKILL, VEOF, VTIME, VMIN, VSWTC, VSTART, VSTOP, VSUSP, VEOL, VREPRINT, VDISCARD,
	VWERASE, VLNEXT, VEOL2,
};
enum {                          /* input */
	IGNBRK = 01, BRKINT = 02, INPCK = 020, ISTRIP = 040, INLCR = 0100, IGNCR = 0200, ICRNL = 0400, IUCLC = 01000,
	IXON = 02000, IXANY = 04000, IXOFF = 010000, IMAXBEL = 020000, IUTF8 = 040000,
};
enum { OPOST = 01, OLCUC = 02, ONLCR = 04, OCRNL = 010, ONOCR = 020, ONLRET = 040, XTABS = 014000 };
enum { CS8 = 060, CREAD = 0200, HUPCL = 02000, CLOCAL = 04000, B38400 = 017 };
enum {                          /* local */
	ISIG = 01, ICANON = 02, ECHO = 010, ECHOE = 020, ECHOK = 040, ECHONL = 0100, NOFLSH = 0200, TOSTOP = 0400,
	ECHOCTL = 01000, ECHOKE = 04000, IEXTEN = 0100000,
};

enum {                          /* inotify */
	IN_ACCESS = 1, IN_MODIFY = 2, IN_ATTRIB = 4, IN_CLOSE_WRITE = 8, IN_CLOSE_NOWRITE = 0x10, IN_OPEN = 0x20, IN_MOVED_FROM = 0x40,
	IN_MOVED_TO = 0x80, IN_CREATE = 0x100, IN_DELETE = 0x200, IN_DELETE_SELF = 0x400, IN_MOVE_SELF = 0x800, IN_ALL_EVENTS = 0xfff,
	IN_UNMOUNT = 0x2000, IN_Q_OVERFLOW = 0x4000, IN_IGNORED = 0x8000, IN_ONLYDIR = 0x1000000, IN_DONT_FOLLOW = 0x2000000,
	IN_EXCL_UNLINK = 0x4000000, IN_MASK_CREATE = 0x10000000, IN_MASK_ADD = 0x20000000, IN_ISDIR = 0x40000000,
};
#define IN_ONESHOT 0x80000000u

enum {                          /* ioctl */
	TCGETS = 0x5401, TCSETS, TCSETSW, TCSETSF, TCSBRK = 0x5409, TCXONC, TCFLSH, TIOCEXCL, TIOCNXCL, TIOCSCTTY,
	TIOCGPGRP, TIOCSPGRP, TIOCOUTQ, TIOCSTI, TIOCGWINSZ, TIOCSWINSZ, FIONREAD = 0x541b, FIONBIO = 0x5421,
	TIOCNOTTY = 0x5422, TIOCGSID = 0x5429, FIONCLEX = 0x5450, FIOCLEX = 0x5451, FIOASYNC = 0x5452,
};
#define TIOCGPTN 0x80045430u
#define TIOCSPTLCK 0x40045431u
#define TIOCGPTLCK 0x80045439u
#define TIOCSIG 0x40045436u
#define TIOCGPTPEER 0x5441u
#define TIOCPKT 0x5420u
#define TIOCGPKT 0x80045438u

#endif
