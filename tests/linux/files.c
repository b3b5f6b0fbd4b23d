/* Files and their names: opening, reading, writing, links, renames, folders, attributes, permissions. */
#include "try.h"

#include <dirent.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <utime.h>

#define MODE(path) (stat(path, &state) ? -1 : (long)state.st_mode)
#define SIZE(path) (stat(path, &state) ? -1 : (long)state.st_size)

static struct stat state;
static char room[8192];

static void put(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);

	write(fd, text, strlen(text));
	close(fd);
}

static void opening(void)
{
	int fd;
	char *slow = malloc(5000);

	SAY("-- opening");
	TRY(open("missing", O_RDONLY));
	TRY(open("", O_RDONLY));
	TRY(open(BAD_ADDRESS, O_RDONLY));
	memset(slow, 'a', 4999);
	slow[4999] = 0;
	TRY(open(slow, O_RDONLY));
	slow[300] = 0;
	TRY(open(slow, O_CREAT | O_RDWR, 0600));
	slow[255] = 0;
	GOOD(fd = open(slow, O_CREAT | O_RDWR, 0600));
	close(fd);
	TRY(unlink(slow));
	GOOD(fd = open("a", O_CREAT | O_EXCL | O_RDWR, 0644));
	TRY(open("a", O_CREAT | O_EXCL | O_RDWR, 0644));
	TRY(open("a/", O_RDONLY));
	TRY(open("a/b", O_RDONLY));
	TRY(open("new/", O_CREAT | O_RDWR, 0600));
	TRY(open("missing/new", O_CREAT | O_RDWR, 0600));
	TRY(open("a", O_RDONLY | O_DIRECTORY));
	TRY(open(".", O_RDWR));
	TRY(open(".", O_CREAT | O_RDONLY, 0600));
	TRY(fcntl(fd, F_GETFL) & ~O_LARGEFILE);
	TRY(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK | O_CREAT));
	TRY(fcntl(fd, F_GETFL) & ~O_LARGEFILE);
	TRY(fcntl(fd, F_GETFD));
	TRY(fcntl(fd, F_SETFD, FD_CLOEXEC));
	TRY(fcntl(fd, F_GETFD));
	TRY(fcntl(fd, 9999));
	TRY(fcntl(999, F_GETFD));
	close(fd);
	GOOD(fd = creat("a", 0600));
	TRY(read(fd, room, 1));
	TRY(write(fd, "x", 1));
	close(fd);
	fd = open("a", O_RDONLY);
	TRY(write(fd, "x", 1));
	TRY(ftruncate(fd, 0));
	close(fd);
	TRY(close(fd));
	TRY(close(-1));
	GOOD(fd = open("a", O_PATH));
	TRY(read(fd, room, 1));
	TRY(fstat(fd, &state));
	TRY(fchmod(fd, 0600));
	TRY(fcntl(fd, F_GETFL));
	TRY(ioctl(fd, FIONREAD, room));
	close(fd);
	GOOD(fd = openat(AT_FDCWD, "a", O_RDONLY | O_CLOEXEC));
	TRY(openat(fd, "b", O_RDONLY));
	TRY(openat(999, "b", O_RDONLY));
	GOOD(openat(999, "/etc/passwd", O_RDONLY));
	close(fd);
	unlink("a");
	free(slow);
}

struct how {
	uint64_t flags, mode, resolve, more;
};

static long how_open(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct how how = {flags, mode, resolve, 0};
	long fd = syscall(SYS_openat2, dir, path, &how, 24);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static void resolving(void)
{
	enum { NO_MAGIC = 2, NO_LINKS = 4, BENEATH = 8, IN_ROOT = 16 };
	struct how how = {O_RDONLY, 0, 0, 0};
	int dir;

	SAY("-- resolving");
	mkdir("r", 0755);
	mkdir("r/sub", 0755);
	put("r/file", "x");
	put("out", "x");
	symlink("file", "r/link");
	symlink("/file", "r/absolute");
	symlink("../out", "r/leaves");
	symlink("sub/../file", "r/around");
	dir = open("r", O_RDONLY | O_DIRECTORY);
	TRY(how_open(dir, "file", O_RDONLY, 0, 0));
	TRY(how_open(dir, "new", O_CREAT | O_RDWR, 0600, 0));
	TRY(how_open(dir, "new", O_RDONLY, 0600, 0));
	TRY(how_open(dir, "new2", O_CREAT | O_RDWR, 0100600, 0));
	TRY(how_open(dir, "new", 1ull << 40, 0, 0));
	TRY(how_open(dir, "new", O_RDONLY, 0, 0x1000));
	TRY(how_open(dir, "new", O_PATH | O_RDWR, 0, 0));
	TRY(how_open(dir, "new", O_RDONLY, 0, BENEATH | IN_ROOT));
	TRY(how_open(dir, "link", O_RDONLY, 0, NO_LINKS));
	TRY(how_open(dir, "link", O_RDONLY, 0, BENEATH));
	TRY(how_open(dir, "around", O_RDONLY, 0, BENEATH));
	TRY(how_open(dir, "absolute", O_RDONLY, 0, BENEATH));
	TRY(how_open(dir, "absolute", O_RDONLY, 0, IN_ROOT));
	TRY(how_open(dir, "leaves", O_RDONLY, 0, 0));
	TRY(how_open(dir, "leaves", O_RDONLY, 0, BENEATH));
	TRY(how_open(dir, "leaves", O_RDONLY, 0, IN_ROOT));
	TRY(how_open(dir, "../out", O_RDONLY, 0, BENEATH));
	TRY(how_open(dir, "..", O_RDONLY, 0, BENEATH));
	TRY(how_open(dir, "..", O_RDONLY, 0, IN_ROOT));
	TRY(how_open(dir, "/etc", O_RDONLY, 0, BENEATH));
	TRY(how_open(dir, "/file", O_RDONLY, 0, IN_ROOT));
	TRY(how_open(dir, "/proc/self/fd/0", O_RDONLY, 0, NO_MAGIC));
	TRY(how_open(999, "file", O_RDONLY, 0, 0));
	TRY(syscall(SYS_openat2, dir, "file", &how, 23));
	TRY(syscall(SYS_openat2, dir, "file", &how, 5000));
	GOOD(syscall(SYS_openat2, dir, "file", &how, 32));
	how.more = 1;
	TRY(syscall(SYS_openat2, dir, "file", &how, 32));
	TRY(syscall(SYS_openat2, dir, "file", BAD_ADDRESS, 24));
	close(dir);
	for (const char *const *n = (const char *const[]){"r/file", "r/new", "r/link", "r/absolute", "r/leaves", "r/around", "out", 0}; *n; n++)
		TRY(unlink(*n));
	rmdir("r/sub");
	TRY(rmdir("r"));
}

/* The file is 10000 bytes long. */
static void size_is_limited(int fd)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct rlimit limit = { 12000, RLIM_INFINITY };

		setrlimit(RLIMIT_FSIZE, &limit);
		TRY(fallocate(fd, 0, 0, 12000));
		signal(SIGXFSZ, SIG_IGN);
		TRY(fallocate(fd, 0, 11000, 1001));
		TRY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 11990, 100));
		TRY(ftruncate(fd, 12001));
		TRY(SIZE("m"));
		TRY(ftruncate(fd, 10000));
		signal(SIGXFSZ, SIG_DFL);
		fallocate(fd, 0, 0, 12001);
		_exit(0);
	}
	waitpid(child, &status, 0);
	SAY("%d %d", WIFSIGNALED(status), WTERMSIG(status) == SIGXFSZ);
}

static void same_everywhere(const char *name)
{
	int fd = open(name, O_RDWR);

	SAY("%s", name);
	TRY(lseek(fd, 100, SEEK_SET));
	TRY(lseek(fd, -100, SEEK_SET));
	TRY(lseek(fd, -5, SEEK_CUR));
	TRY(lseek(fd, INT64_MIN, SEEK_END));
	TRY(lseek(fd, 5, SEEK_HOLE));
	TRY(lseek(fd, 5, 77));
	close(fd);
}

static void moving(void)
{
	int fd = open("m", O_CREAT | O_RDWR, 0600);
	struct iovec out[3] = {{"abc", 3}, {"", 0}, {"defgh", 5}}, in[2] = {{room, 2}, {room + 10, 20}}, bad[1] = {{BAD_ADDRESS, 4}};

	SAY("-- moving");
	TRY(write(fd, "0123456789", 10));
	TRY(lseek(fd, 2, SEEK_SET));
	TRY(read(fd, room, 3));
	TRY(lseek(fd, 0, SEEK_CUR));
	TRY(lseek(fd, -100, SEEK_CUR));
	TRY(lseek(fd, 100, SEEK_END));
	TRY(read(fd, room, 10));
	TRY(lseek(fd, 0, 77));
	same_everywhere("/dev/null");
	same_everywhere("/dev/zero");
	same_everywhere("/dev/full");
	same_everywhere("/dev/urandom");
	TRY(lseek(fd, 4, SEEK_HOLE));
	TRY(lseek(fd, 4, SEEK_DATA));
	TRY(lseek(fd, 400, SEEK_DATA));
	TRY(pread(fd, room, 4, 8));
	TRY(syscall(SYS_pread64, fd, room, 4, -1L));
	TRY(syscall(SYS_pwrite64, fd, "zz", 2, 4));
	TRY(pwrite(fd, "end", 3, 9));
	TRY(SIZE("m"));
	TRY(lseek(fd, 0, SEEK_SET));
	TRY(writev(fd, out, 3));
	TRY(lseek(fd, 0, SEEK_SET));
	TRY(readv(fd, in, 2));
	SAY("%.2s %.10s", room, room + 10);
	TRY(preadv(fd, in, 2, 3));
	TRY(pwritev(fd, out, 3, 20));
	TRY(SIZE("m"));
	TRY(syscall(SYS_readv, fd, in, -1));
	TRY(syscall(SYS_readv, fd, in, 2000));
	TRY(readv(fd, bad, 1));
	TRY(writev(fd, BAD_ADDRESS, 1));
	TRY(readv(fd, in, 0));
	in[0].iov_len = -1;
	TRY(readv(fd, in, 2));
	in[0].iov_len = 2;
	TRY(syscall(SYS_preadv2, fd, in, 2, 3L, 0L, 0));
	TRY(syscall(SYS_preadv2, fd, in, 2, 3L, 0L, 0x1000));
	TRY(lseek(fd, 1, SEEK_SET));
	TRY(syscall(SYS_preadv2, fd, in, 2, -1L, -1L, 0));
	TRY(lseek(fd, 0, SEEK_CUR));
	TRY(syscall(SYS_pwritev2, fd, out, 3, 0L, 0L, RWF_APPEND));
	TRY(SIZE("m"));
	TRY(syscall(SYS_pwritev2, fd, out, 3, 0L, 0L, RWF_SYNC));
	TRY(syscall(SYS_pwritev2, fd, out, 3, 0L, 0L, 0x1000));
	TRY(read(fd, BAD_ADDRESS, 1));
	TRY(write(fd, BAD_ADDRESS, 1));
	TRY(read(fd, room, 0));
	TRY(ftruncate(fd, 5000));
	TRY(SIZE("m"));
	TRY(lseek(fd, 4096, SEEK_HOLE) >= 4096);
	TRY(ftruncate(fd, -1));
	TRY(truncate("m", 3));
	TRY(truncate("m", -1));
	TRY(truncate("missing", 1));
	TRY(truncate(".", 1));
	TRY(SIZE("m"));
	TRY(fallocate(fd, 0, 0, 10000));
	TRY(SIZE("m"));
	TRY(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 20000));
	TRY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 2));
	TRY(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 2));
	TRY(fallocate(fd, 0, -1, 2));
	TRY(fallocate(fd, 0, 0, 0));
	size_is_limited(fd);
	TRY(pread(fd, room, 3, 0));
	SAY("%d %d %d", room[0], room[1], room[2] == 'c');
	TRY(fsync(fd));
	TRY(fdatasync(fd));
	TRY(syncfs(fd));
	TRY(syscall(SYS_sync));
	TRY(sync_file_range(fd, 0, 10, 7));
	TRY(sync_file_range(fd, 0, 10, 99));
	TRY(syscall(SYS_fadvise64, fd, 0L, 0L, 1));
	TRY(syscall(SYS_fadvise64, fd, 0L, 0L, 99));
	TRY(readahead(fd, 0, 10));
	TRY(fsync(999));
	int other = open("n", O_CREAT | O_RDWR, 0600);
	off_t at = 1;
	loff_t from = 2, to = 5;
	put("m", "from file to file");
	TRY(sendfile(other, fd, &at, 7));
	SAY("%ld", (long)at);
	TRY(sendfile(other, fd, 0, 1000) >= 0);
	TRY(sendfile(other, 999, 0, 10));
	TRY(sendfile(other, fd, BAD_ADDRESS, 10));
	TRY(copy_file_range(fd, &from, other, &to, 6, 0));
	SAY("%ld %ld", (long)from, (long)to);
	TRY(copy_file_range(fd, &from, other, &to, 6, 1));
	TRY(copy_file_range(fd, 0, 999, 0, 6, 0));
	TRY(pread(other, room, 100, 0) > 0);
	SAY("%.11s", room);
	close(other);
	close(fd);
	unlink("m");
	unlink("n");
}

static void copies(void)
{
	int fd = open("d", O_CREAT | O_RDWR, 0600), copy, two[2];

	SAY("-- descriptors");
	TRY(dup(999));
	copy = dup(fd);
	TRY(write(copy, "abc", 3));
	TRY(lseek(fd, 0, SEEK_CUR));
	TRY(dup2(fd, 50));
	TRY(dup2(fd, fd) == fd);
	TRY(dup2(999, 51));
	TRY(dup2(fd, -1));
	TRY(dup2(fd, 1 << 30));
	TRY(dup3(fd, 52, O_CLOEXEC));
	TRY(fcntl(52, F_GETFD));
	TRY(dup3(fd, fd, 0));
	TRY(dup3(fd, 53, 77));
	TRY(fcntl(fd, F_DUPFD, 60));
	TRY(fcntl(fd, F_DUPFD_CLOEXEC, 60));
	TRY(fcntl(61, F_GETFD));
	TRY(fcntl(fd, F_DUPFD, -1));
	TRY(syscall(SYS_close_range, 50, 60, 0));
	TRY(fcntl(52, F_GETFD));
	TRY(fcntl(61, F_GETFD));
	TRY(syscall(SYS_close_range, 60, 50, 0));
	TRY(syscall(SYS_close_range, 60, 70, 99));
	dup2(fd, 70);
	TRY(syscall(SYS_close_range, 70, ~0u, 4));
	TRY(fcntl(70, F_GETFD));
	TRY(syscall(SYS_close_range, 60, ~0u, 2));
	TRY(fcntl(70, F_GETFD));
	TRY(pipe2(two, O_CLOEXEC | O_NONBLOCK));
	TRY(fcntl(two[0], F_GETFD));
	TRY(read(two[0], room, 1));
	TRY(pipe2(two, 77));
	TRY(pipe(BAD_ADDRESS));
	TRY(memfd_create("x", 0x1000));
	int memory;
	GOOD(memory = memfd_create("name", MFD_CLOEXEC | MFD_ALLOW_SEALING));
	TRY(write(memory, "memory", 6));
	TRY(fcntl(memory, F_GET_SEALS));
	TRY(fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW));
	TRY(write(memory, "x", 1));
	TRY(ftruncate(memory, 100));
	TRY(ftruncate(memory, 3));
	TRY(fcntl(memory, F_GET_SEALS));
	TRY(fcntl(memory, F_ADD_SEALS, F_SEAL_SEAL));
	TRY(fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK));
	memory = memfd_create("name", 0);
	TRY(fcntl(memory, F_GET_SEALS));
	TRY(fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK));
	TRY(fcntl(fd, F_GET_SEALS));
	close(memory);
	close(copy);
	close(fd);
	unlink("d");
}

static void names(void)
{
	int dir;

	SAY("-- names");
	put("f", "1");
	TRY(link("f", "g"));
	TRY(link("f", "g"));
	TRY(link("missing", "h"));
	TRY(link(".", "h"));
	TRY(stat("g", &state));
	SAY("%ld", (long)state.st_nlink);
	TRY(symlink("f", "s"));
	TRY(symlink("f", "s"));
	TRY(symlink("", "t"));
	TRY(symlink("loop", "loop"));
	TRY(open("loop", O_RDONLY));
	TRY(open("s", O_RDONLY | O_NOFOLLOW));
	TRY(lstat("s", &state));
	SAY("%o %ld", state.st_mode, (long)state.st_size);
	TRY(readlink("s", room, 100));
	TRY(readlink("s", room, 0));
	TRY(readlink("f", room, 100));
	TRY(readlinkat(AT_FDCWD, "s", room, 100));
	TRY(linkat(AT_FDCWD, "s", AT_FDCWD, "ls", 0));
	TRY(lstat("ls", &state));
	SAY("%o", state.st_mode);
	TRY(linkat(AT_FDCWD, "s", AT_FDCWD, "lf", AT_SYMLINK_FOLLOW));
	TRY(linkat(AT_FDCWD, "s", AT_FDCWD, "lx", 1));
	TRY(symlinkat("x", AT_FDCWD, "sx"));
	TRY(rename("f", "f2"));
	TRY(rename("f", "f2"));
	TRY(rename("f2", "g"));
	TRY(access("f2", F_OK));
	TRY(mkdir("d", 0755));
	TRY(mkdir("d", 0755));
	TRY(mkdir("x/y", 0755));
	TRY(mkdirat(AT_FDCWD, "d/e", 0700));
	TRY(rename("g", "d"));
	TRY(rename("d", "g"));
	TRY(rename("d", "d/e/f"));
	TRY(rename("d/e", "d"));
	TRY(rmdir("d"));
	TRY(rmdir("g"));
	TRY(rmdir("d/."));
	TRY(rmdir("d/e/.."));
	TRY(unlink("d"));
	TRY(unlink("missing"));
	TRY(unlink("g/"));
	TRY(renameat(AT_FDCWD, "g", AT_FDCWD, "d/g"));
	put("h", "2");
	TRY(renameat2(AT_FDCWD, "h", AT_FDCWD, "d/g", RENAME_NOREPLACE));
	TRY(renameat2(AT_FDCWD, "h", AT_FDCWD, "d/g", RENAME_EXCHANGE));
	TRY(renameat2(AT_FDCWD, "h", AT_FDCWD, "missing", RENAME_EXCHANGE));
	TRY(renameat2(AT_FDCWD, "h", AT_FDCWD, "d/g", 99));
	TRY(unlinkat(AT_FDCWD, "d/e", 0));
	TRY(unlinkat(AT_FDCWD, "d/e", AT_REMOVEDIR));
	TRY(unlinkat(AT_FDCWD, "d/g", 99));
	dir = open("d", O_RDONLY | O_DIRECTORY);
	TRY(read(dir, room, 10));
	TRY(fstatat(dir, "g", &state, 0));
	TRY(fstatat(dir, "", &state, AT_EMPTY_PATH));
	TRY(fstatat(dir, "", &state, 0));
	TRY(fstatat(dir, "g", &state, 0x80000));
	TRY(syscall(SYS_newfstatat, dir, "g", BAD_ADDRESS, 0));
	TRY(fchdir(dir));
	TRY(access("g", R_OK));
	TRY(chdir(".."));
	TRY(chdir("h"));
	TRY(chdir("missing"));
	TRY(fchdir(999));
	TRY(unlinkat(dir, "g", 0));
	TRY(rmdir("d"));
	TRY(syscall(SYS_getdents64, dir, room, sizeof(room)));
	TRY(openat(dir, "new", O_CREAT | O_RDWR, 0600));
	close(dir);
	char *where = getcwd(room, sizeof(room));
	SAY("%d", where != 0);
	TRY(syscall(SYS_getcwd, room, 1));
	TRY(mknod("fifo", S_IFIFO | 0600, 0));
	TRY(mknodat(AT_FDCWD, "reg", S_IFREG | 0600, 0));
	TRY(mknod("dir", S_IFDIR | 0600, 0));
	TRY(mknod("odd", 0170000, 0));
	TRY(open("fifo", O_WRONLY | O_NONBLOCK));
	TRY(open("fifo", O_RDONLY | O_NONBLOCK) >= 0);
	for (const char *const *n = (const char *const[]){"fifo", "reg", "h", "s", "ls", "lf", "sx", "loop", "g", 0}; *n; n++)
		unlink(*n);
}

static void folders(void)
{
	int dir, count = 0, seen = 0;
	long bytes;

	SAY("-- folders");
	mkdir("many", 0755);
	for (int i = 0; i < 300; i++) {
		sprintf(room, "many/name%d", i);
		put(room, "");
	}
	dir = open("many", O_RDONLY);
	while ((bytes = syscall(SYS_getdents64, dir, room, 1000)) > 0)
		for (long at = 0; at < bytes; count++) {
			struct dirent64 *entry = (void *)(room + at);

			seen += entry->d_type == DT_REG && !strncmp(entry->d_name, "name", 4);
			at += entry->d_reclen;
		}
	SAY("%d %d %ld", count, seen, bytes);
	TRY(lseek(dir, 0, SEEK_SET));
	TRY(syscall(SYS_getdents, dir, room, 1000) > 0);
	TRY(syscall(SYS_getdents64, dir, room, 10));
	TRY(syscall(SYS_getdents64, dir, BAD_ADDRESS, 1000));
	TRY(syscall(SYS_getdents64, 999, room, 1000));
	TRY(syscall(SYS_getdents64, 0, room, 1000));
	close(dir);
	for (int i = 0; i < 300; i++) {
		sprintf(room, "many/name%d", i);
		unlink(room);
	}
	TRY(stat("many", &state));
	SAY("%ld", (long)state.st_nlink);
	TRY(rmdir("many"));
}

static void attributes(void)
{
	struct timespec times[2] = {{1000, 5}, {2000, 6}};
	struct timeval old[2] = {{3000, 7}, {4000, 8}};
	struct statfs system;
	struct statx all;
	int fd;

	SAY("-- attributes");
	put("f", "text");
	umask(022);
	TRY(umask(077));
	TRY(umask(022));
	TRY(chmod("f", 04711));
	TRY(MODE("f"));
	TRY(chmod("missing", 0600));
	fd = open("f", O_RDWR);
	TRY(fchmod(fd, 0640));
	TRY(fchmodat(AT_FDCWD, "f", 0644, 0));
	TRY(MODE("f"));
	TRY(chown("f", 12, 34));
	TRY(stat("f", &state));
	SAY("%u %u", state.st_uid, state.st_gid);
	TRY(fchown(fd, -1, 35));
	TRY(lchown("f", 13, -1));
	TRY(fchownat(AT_FDCWD, "f", 14, -1, 0));
	TRY(stat("f", &state));
	SAY("%u %u", state.st_uid, state.st_gid);
	chmod("f", 06755);
	TRY(chown("f", 0, 0));
	TRY(MODE("f"));
	TRY(utimensat(AT_FDCWD, "f", times, 0));
	TRY(stat("f", &state));
	SAY("%ld.%ld %ld.%ld", state.st_atim.tv_sec, state.st_atim.tv_nsec, state.st_mtim.tv_sec, state.st_mtim.tv_nsec);
	times[0].tv_nsec = UTIME_OMIT;
	times[1].tv_nsec = UTIME_NOW;
	TRY(futimens(fd, times));
	TRY(stat("f", &state));
	SAY("%ld %d", state.st_atim.tv_sec, state.st_mtim.tv_sec > 100000);
	SAY("the change is at the time that was set: %d", !memcmp(&state.st_mtim, &state.st_ctim, sizeof(state.st_ctim)));
	TRY(futimens(fd, 0));
	TRY(fstat(fd, &state));
	SAY("%d %d", !memcmp(&state.st_atim, &state.st_mtim, sizeof(state.st_mtim)), !memcmp(&state.st_mtim, &state.st_ctim, sizeof(state.st_ctim)));
	times[0].tv_nsec = -5;
	TRY(utimensat(AT_FDCWD, "f", times, 0));
	TRY(utimes("f", old));
	TRY(stat("f", &state));
	SAY("%ld %ld %ld", state.st_atim.tv_sec, state.st_mtim.tv_sec, state.st_mtim.tv_nsec);
	TRY(syscall(SYS_utime, "f", &(struct utimbuf){5000, 6000}));
	TRY(syscall(SYS_futimesat, AT_FDCWD, "f", old));
	TRY(stat("f", &state));
	SAY("%ld", state.st_mtim.tv_sec);
	TRY(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &all));
	SAY("%x %o %u %llu", all.stx_mask & STATX_BASIC_STATS, all.stx_mode, all.stx_nlink, (unsigned long long)all.stx_size);
	TRY(statx(AT_FDCWD, "f", 0x100000, STATX_BASIC_STATS, &all));
	TRY(statx(AT_FDCWD, "missing", 0, STATX_BASIC_STATS, &all));
	TRY(syscall(SYS_stat, "f", &state));
	TRY(syscall(SYS_lstat, "f", &state));
	TRY(syscall(SYS_fstat, fd, &state));
	TRY(syscall(SYS_fstat, 999, &state));
	TRY(statfs(".", &system));
	TRY(fstatfs(fd, &system));
	SAY("%ld", (long)system.f_namelen);
	TRY(statfs("missing", &system));
	TRY(access("f", R_OK | W_OK));
	TRY(access("f", 99));
	TRY(access("missing", F_OK));
	TRY(faccessat(AT_FDCWD, "f", R_OK, 0));
	TRY(syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, AT_EACCESS));
	TRY(syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, 1));
	TRY(getxattr("missing", "user.x", room, 10));
	TRY(lgetxattr("missing", "user.x", room, 10));
	TRY(fgetxattr(999, "user.x", room, 10));
	TRY(setxattr("missing", "user.x", "1", 1, 0));
	TRY(lsetxattr("missing", "user.x", "1", 1, 0));
	TRY(fsetxattr(999, "user.x", "1", 1, 0));
	TRY(listxattr("missing", room, 10));
	TRY(llistxattr("missing", room, 10));
	TRY(flistxattr(999, room, 10));
	TRY(removexattr("missing", "user.x"));
	TRY(lremovexattr("missing", "user.x"));
	TRY(fremovexattr(999, "user.x"));
	close(fd);
	unlink("f");
}

static void permissions(void)
{
	SAY("-- permissions");
	mkdir("closed", 0700);
	put("closed/f", "x");
	put("secret", "x");
	chmod("secret", 0600);
	mkdir("sticky", 01777);
	chmod("sticky", 01777);
	put("sticky/roots", "x");
	put("gid", "x");
	chmod("gid", 02755);
	chmod(".", 0755);
	CHILD("a user", {
		setgid(1000);
		setuid(1000);
		TRY(open("secret", O_RDONLY));
		TRY(open("closed/f", O_RDONLY));
		TRY(stat("closed/f", &state));
		TRY(unlink("closed/f"));
		TRY(open("new", O_CREAT | O_RDWR, 0600));
		TRY(mkdir("newdir", 0700));
		TRY(chmod("secret", 0644));
		TRY(chown("secret", 1000, 1000));
		TRY(truncate("secret", 0));
		TRY(rename("secret", "public"));
		TRY(link("secret", "sticky/l"));
		TRY(unlink("sticky/roots"));
		put("sticky/mine", "x");
		TRY(chmod("sticky/mine", 0600));
		TRY(chown("sticky/mine", 1001, -1));
		TRY(chown("sticky/mine", -1, 1000));
		TRY(rename("sticky/roots", "sticky/other"));
		TRY(unlink("sticky/mine"));
		TRY(utimensat(AT_FDCWD, "secret", 0, 0));
		TRY(access("secret", R_OK));
		TRY(chdir("closed"));
		TRY(chroot("/"));
		TRY(mknod("sticky/dev", S_IFCHR | 0600, 0x103));
	});
	TRY(MODE("gid"));
	int fd = open("gid", O_WRONLY);
	CHILD("a user writes", {
		setgid(1000);
		setuid(1000);
		write(fd, "y", 1);
	});
	TRY(MODE("gid"));
	CHILD("another root", {
		TRY(chroot("missing"));
		TRY(chroot("sticky"));
		TRY(chdir("/"));
		TRY(access("/roots", F_OK));
		TRY(access("../../roots", F_OK));
		TRY(chroot("roots"));
	});
	TRY(mount("none", "/missing", "nosuch", 0, 0) < 0);
	TRY(umount2("missing", 0));
	close(fd);
	unlink("closed/f");
	unlink("secret");
	unlink("gid");
	unlink("sticky/roots");
	rmdir("closed");
	rmdir("sticky");
}

/* Ranges at both ends of what an offset can say. */
static void lock_ranges(void)
{
	static const int64_t ends[] = {0, 1, 99, 100, INT64_MAX - 100, INT64_MAX - 1, INT64_MAX, -1, -100, -101, INT64_MIN + 1, INT64_MIN};
	enum { ENDS = sizeof ends / sizeof *ends };
	int fd = open("range", O_CREAT | O_RDWR, 0600);

	SAY("-- lock ranges");
	TRY(ftruncate(fd, 100));
	TRY(lseek(fd, 50, SEEK_SET));
	for (int i = 0; i < 4 * ENDS * ENDS; i++) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = (short)(i % 4), .l_start = ends[i / 4 % ENDS], .l_len = ends[i / 4 / ENDS]};

		SAY("%d %ld %ld", lock.l_whence, (long)lock.l_start, (long)lock.l_len);
		if (TRY(fcntl(fd, F_SETLK, &lock)) != 0)
			continue;
		CHILD("asks", lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET}; TRY(fcntl(fd, F_GETLK, &lock));
			SAY("%d %ld %ld", lock.l_type, (long)lock.l_start, (long)lock.l_len));
		lock = (struct flock){.l_type = F_UNLCK, .l_whence = SEEK_SET};
		TRY(fcntl(fd, F_SETLK, &lock));
	}
	close(fd);
	unlink("range");
}

/* Files without a name, which not every file system has: on both systems in a folder that lies in memory, if there is one. */
static void nameless(void)
{
	char path[64], place[] = "/dev/shm/namelessXXXXXX";
	int fd, here = open(".", O_RDONLY | O_DIRECTORY);
	struct stat what;

	if (mkdtemp(place) != NULL)
		chdir(place);

	SAY("-- files without a name");
	TRY(mkdir("nameless", 0755));
	GOOD(fd = open("nameless", O_TMPFILE | O_RDWR, 0640));
	TRY(write(fd, "some text", 9));
	fstat(fd, &what);
	SAY("%o %d %ld", what.st_mode, (int)what.st_nlink, (long)what.st_size);
	TRY(rmdir("nameless"));
	TRY(mkdir("nameless", 0755));
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	TRY(linkat(AT_FDCWD, path, AT_FDCWD, "nameless/named", AT_SYMLINK_FOLLOW));
	TRY(linkat(AT_FDCWD, path, AT_FDCWD, "nameless/named", AT_SYMLINK_FOLLOW));
	TRY(linkat(fd, "", AT_FDCWD, "nameless/again", AT_EMPTY_PATH));
	fstat(fd, &what);
	SAY("%d", (int)what.st_nlink);
	TRY(unlink("nameless/named"));
	TRY(unlink("nameless/again"));
	TRY(linkat(fd, "", AT_FDCWD, "nameless/again", AT_EMPTY_PATH));
	close(fd);
	GOOD(fd = open("nameless", O_TMPFILE | O_WRONLY | O_EXCL, 0600));
	TRY(linkat(fd, "", AT_FDCWD, "nameless/never", AT_EMPTY_PATH));
	close(fd);
	TRY(open("nameless", O_TMPFILE | O_RDONLY, 0600));
	TRY(open("nameless", O_TMPFILE | O_RDWR | O_CREAT, 0600));
	TRY(open("nameless", O_RDWR | (O_TMPFILE & ~O_DIRECTORY), 0600));
	TRY(open("missing", O_TMPFILE | O_RDWR, 0600));
	fd = open("plain", O_CREAT | O_RDWR, 0600);
	close(fd);
	TRY(open("plain", O_TMPFILE | O_RDWR, 0600));
	TRY(open("/proc", O_TMPFILE | O_RDWR, 0600));
	TRY(rmdir("nameless"));
	symlink("/", "to_root");
	TRY(open("to_root", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
	unlink("to_root");
	unlink("plain");
	fchdir(here);
	close(here);
	rmdir(place);
}

static struct flock range(short type, long start, long length)
{
	return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
}

static void say_lock(int fd, int command, long start)
{
	struct flock asked = range(F_WRLCK, start, 0);

	TRY(fcntl(fd, command, &asked));
	SAY("%d %ld %ld %d", asked.l_type, (long)asked.l_start, (long)asked.l_len, asked.l_pid == getppid() ? 1 : asked.l_pid < 0 ? -1 : 0);
}

/* Locks of one owner that touch are one, and those of an open file belong to whoever has it. */
static void lock_owners(void)
{
	int fd = open("owners", O_CREAT | O_RDWR, 0600), other = open("owners", O_RDWR), same = dup(fd);
	struct flock lock = range(F_WRLCK, 10, 10);

	SAY("-- owners of locks");
	TRY(fcntl(fd, F_SETLK, &lock));
	lock = range(F_WRLCK, 20, 10);
	TRY(fcntl(fd, F_SETLK, &lock));
	lock = range(F_RDLCK, 30, 10);
	TRY(fcntl(fd, F_SETLK, &lock));
	lock = range(F_WRLCK, 2, 3);
	TRY(fcntl(fd, F_SETLK, &lock));
	CHILD("asks", say_lock(fd, F_GETLK, 0); say_lock(fd, F_GETLK, 6); say_lock(fd, F_GETLK, 25); say_lock(fd, F_GETLK, 30); say_lock(fd, F_GETLK, 40));
	say_lock(other, F_OFD_GETLK, 0);
	close(same);
	CHILD("asks", say_lock(fd, F_GETLK, 0));
	lock = range(F_WRLCK, 10, 10);
	TRY(fcntl(fd, F_OFD_SETLK, &lock));
	TRY(fcntl(other, F_OFD_SETLK, &lock));
	TRY(fcntl(other, F_SETLK, &lock));
	say_lock(other, F_GETLK, 0);
	CHILD("has the file", lock = range(F_UNLCK, 15, 0); TRY(fcntl(fd, F_OFD_SETLK, &lock)); say_lock(other, F_OFD_GETLK, 0));
	lock.l_pid = 5;
	TRY(fcntl(fd, F_OFD_SETLK, &lock));
	TRY(fcntl(fd, F_OFD_GETLK, &lock));
	lock = range(F_RDLCK, 50, 1);
	TRY(fcntl(other, F_OFD_SETLK, &lock));
	lock.l_type = F_WRLCK;
	TRY(fcntl(other, F_OFD_SETLKW, &lock));
	close(fd);
	say_lock(other, F_OFD_GETLK, 0);
	close(other);
	unlink("owners");
}

/* Two that wait for each other: one of them is told. */
static void lock_circle(void)
{
	int fd = open("circle", O_CREAT | O_RDWR, 0600), ready[2], refused, status;
	struct flock mine = range(F_WRLCK, 0, 1), other = range(F_WRLCK, 1, 1);
	char byte;
	pid_t child;

	SAY("-- a circle of locks");
	GOOD(pipe(ready));
	TRY(fcntl(fd, F_SETLK, &mine));
	child = fork();
	if (child == 0) {
		fcntl(fd, F_SETLK, &other);
		write(ready[1], "", 1);
		_exit(fcntl(fd, F_SETLKW, &mine) == 0 ? 0 : errno);
	}
	read(ready[0], &byte, 1);
	refused = fcntl(fd, F_SETLKW, &other) == 0 ? 0 : errno;
	mine.l_type = F_UNLCK;
	fcntl(fd, F_SETLK, &mine);
	waitpid(child, &status, 0);
	SAY("%d", (refused == EDEADLK) + (status == EDEADLK << 8));
	SAY("%d", refused + (status >> 8) == EDEADLK);
	close(fd);
	unlink("circle");
}

/* A fork that fails takes nothing of the parent's. */
static void lock_fork_fails(void)
{
	int fd = open("failing", O_CREAT | O_RDWR, 0600), told[2];
	struct flock lock = range(F_WRLCK, 3, 4);
	struct rlimit none = {0, 0};
	char byte;

	SAY("-- a lock, and a fork that fails");
	GOOD(pipe(told));
	CHILD("holder", {
		pid_t asks = fork();

		if (asks == 0) {
			read(told[0], &byte, 1);
			say_lock(fd, F_GETLK, 0);
			_exit(0);
		}
		TRY(fcntl(fd, F_SETLK, &lock));
		TRY(setrlimit(RLIMIT_NPROC, &none));
		TRY(setuid(12345));
		TRY(fork());
		write(told[1], "", 1);
		waitpid(asks, 0, 0);
	});
	close(fd);
	close(told[0]);
	close(told[1]);
	unlink("failing");
}

static void locks(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 10}, asked;
	int fd = open("lock", O_CREAT | O_RDWR, 0600), other = open("lock", O_RDWR);

	SAY("-- locks");
	TRY(fcntl(fd, F_SETLK, &lock));
	TRY(fcntl(other, F_SETLK, &lock));
	CHILD("another process", {
		asked = lock;
		asked.l_start = 0;
		asked.l_len = 0;
		TRY(fcntl(fd, F_GETLK, &asked));
		SAY("%d %ld %ld %d", asked.l_type, (long)asked.l_start, (long)asked.l_len, asked.l_pid == getppid());
		TRY(fcntl(fd, F_SETLK, &lock));
		lock.l_start = 20;
		TRY(fcntl(fd, F_SETLK, &lock));
		lock.l_start = 15;
		lock.l_type = F_RDLCK;
		TRY(fcntl(fd, F_SETLK, &lock));
		lock.l_type = 77;
		TRY(fcntl(fd, F_SETLK, &lock));
		lock.l_type = F_UNLCK;
		lock.l_start = -5;
		TRY(fcntl(fd, F_SETLK, &lock));
		TRY(fcntl(fd, F_SETLK, BAD_ADDRESS));
	});
	lock.l_type = F_UNLCK;
	TRY(fcntl(fd, F_SETLK, &lock));
	TRY(flock(fd, LOCK_EX));
	TRY(flock(other, LOCK_EX | LOCK_NB));
	TRY(flock(fd, LOCK_SH));
	TRY(flock(other, LOCK_SH | LOCK_NB));
	TRY(flock(fd, LOCK_UN));
	TRY(flock(other, LOCK_EX | LOCK_NB));
	TRY(flock(other, LOCK_SH));
	TRY(flock(fd, LOCK_SH));
	TRY(flock(fd, LOCK_EX | LOCK_NB));
	TRY(flock(other, LOCK_EX | LOCK_NB));
	TRY(flock(other, LOCK_UN));
	TRY(flock(fd, 77));
	TRY(flock(999, LOCK_SH));
	int ready[2];
	pipe(ready);
	int forked = fork();
	if (forked == 0) {
		lock.l_type = F_WRLCK;
		lock.l_start = 0;
		fcntl(fd, F_SETLK, &lock);
		write(ready[1], "", 1);
		until_asleep(getppid(), getppid());
		_exit(0);
	}
	read(ready[0], &asked, 1);
	close(ready[0]);
	close(ready[1]);
	lock.l_type = F_WRLCK;
	lock.l_start = 0;
	TRY(fcntl(fd, F_SETLKW, &lock));
	waitpid(forked, 0, 0);
	close(fd);
	close(other);
	unlink("lock");
}

/* Between two file systems: the folder of the test and shared memory. */
static void across(void)
{
	char place[] = "/dev/shm/acrossXXXXXX", there[40], folder[40];
	struct stat here, other;

	SAY("-- across file systems");
	TRY(mkdtemp(place) == NULL);
	snprintf(there, sizeof there, "%s/there", place);
	snprintf(folder, sizeof folder, "%s/folder", place);
	close(open("here", O_CREAT | O_WRONLY, 0600));
	TRY(mkdir("across", 0755));
	close(open(there, O_CREAT | O_WRONLY, 0600));
	TRY(mkdir(folder, 0755));
	TRY(stat("here", &here));
	TRY(stat(there, &other));
	SAY("one file system: %d", here.st_dev == other.st_dev);
	TRY(stat(folder, &here));
	SAY("one file system: %d", here.st_dev == other.st_dev);
	TRY(rename("here", there));
	TRY(rename("missing", there));
	TRY(rename("across", folder));
	TRY(syscall(SYS_renameat2, AT_FDCWD, "here", AT_FDCWD, there, RENAME_EXCHANGE));
	TRY(link("here", there));
	TRY(unlink(there));
	TRY(link("here", there));
	TRY(link("across", there));
	TRY(rename(there, "here"));
	TRY(rmdir(folder));
	TRY(rmdir(place));
	TRY(rmdir("across"));
	TRY(unlink("here"));
}

int main(void)
{
	umask(022);
	opening();
	resolving();
	moving();
	copies();
	names();
	folders();
	attributes();
	permissions();
	locks();
	lock_owners();
	lock_circle();
	lock_fork_fails();
	nameless();
	across();
	lock_ranges();
	return 0;
}
