/* Random operations on the file tree and, at the same time, on a folder of the host: every result and, at the end, every
 * name, mode and byte must agree. */
#include "file_fake.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { OPERATIONS = 60000, NAMES = 7, DEPTH = 3, FILES = 6, BLOCK = 30000 };

static unsigned long seed = 88172645463325252ul;
static char host_root[] = "/tmp/baryon_model_XXXXXX";
static int64_t own_files[FILES], host_files[FILES];
static char own_path[2][4096], host_path[2][4096];
static char own_block[BLOCK], host_block[BLOCK], source[BLOCK];

static unsigned random_below(unsigned limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 20) % limit;
}

static int64_t host(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	long result = syscall(number, a, b, c, d, e);

	return result < 0 ? -errno : result;
}

static void path_make(int n)
{
	static const char *const names[NAMES] = {"a", "b", "c", "dd", "..", ".", "long name with spaces"};
	unsigned depth = 1 + random_below(DEPTH);

	strcpy(own_path[n], "");
	strcpy(host_path[n], "");
	for (unsigned i = 0, level = 0; i < depth; i++) {
		const char *name = names[random_below(level ? NAMES : NAMES - 3)];

		level++;
		if (strcmp(name, "..") == 0 && level < 2)
			name = "a";
		strcat(strcat(own_path[n], "/"), name);
		strcat(strcat(host_path[n], "/"), name);
		level -= strcmp(name, "..") == 0 ? 2 : 0;
	}
	if (random_below(20) == 0) {
		strcat(own_path[n], "/");
		strcat(host_path[n], "/");
	}
}

static void agree(const char *what, int64_t own, int64_t hosts)
{
	if (own == hosts)
		return;
	fprintf(stderr, "%s %s %s: %ld, the host says %ld\n", what, own_path[0], own_path[1], (long)own, (long)hosts);
	abort();
}

/* A call on one path with one more argument. */
#define BOTH_PATH(name, argument) \
	do { \
		uint64_t same = (argument); \
		agree(#name, DO(name, own_path[0], same), host(SYS_##name, (uint64_t)host_path[0], same, 0, 0, 0)); \
	} while (0)

static void do_open(void)
{
	static const uint32_t extra[] = {0, O_CREAT, O_CREAT | O_EXCL, O_TRUNC, O_CREAT | O_TRUNC, O_DIRECTORY, O_NOFOLLOW, O_APPEND};
	uint32_t flags = random_below(3) | extra[random_below(8)] | (random_below(4) ? 0 : O_APPEND), mode = 0600 | random_below(64);
	unsigned n = random_below(FILES);
	int64_t own = DO(open, own_path[0], flags, mode), hosts = host(SYS_open, (uint64_t)host_path[0], flags, mode, 0, 0);

	agree("open", own < 0 ? own : 0, hosts < 0 ? hosts : 0);
	if (own < 0)
		return;
	if (own_files[n]) {
		DO(close, own_files[n]);
		close((int)host_files[n]);
	}
	own_files[n] = own;
	host_files[n] = hosts;
}

static void do_write(unsigned n)
{
	uint64_t count = random_below(3) ? random_below(200) : random_below(BLOCK), offset = random_below(40000);

	if (random_below(2))
		agree("write", DO(write, own_files[n], source, count), host(SYS_write, (uint64_t)host_files[n], (uint64_t)source, count, 0, 0));
	else
		agree("pwrite", DO(pwrite64, own_files[n], source, count, offset),
			host(SYS_pwrite64, (uint64_t)host_files[n], (uint64_t)source, count, offset, 0));
}

static void do_read(unsigned n)
{
	uint64_t count = random_below(BLOCK), offset = random_below(70000);
	int64_t own, hosts;

	if (random_below(2)) {
		own = DO(read, own_files[n], own_block, count);
		hosts = host(SYS_read, (uint64_t)host_files[n], (uint64_t)host_block, count, 0, 0);
	} else {
		own = DO(pread64, own_files[n], own_block, count, offset);
		hosts = host(SYS_pread64, (uint64_t)host_files[n], (uint64_t)host_block, count, offset, 0);
	}
	agree("read", own, hosts);
	CHECK(own <= 0 || memcmp(own_block, host_block, (size_t)own) == 0);
}

static void do_file(void)
{
	unsigned n = random_below(FILES);

	if (!own_files[n])
		return;
	switch (random_below(6)) {
	case 0:
	case 1:
		do_write(n);
		break;
	case 2:
	case 3:
		do_read(n);
		break;
	case 4: {
		uint64_t size = random_below(50000);

		agree("ftruncate", DO(ftruncate, own_files[n], size), host(SYS_ftruncate, (uint64_t)host_files[n], size, 0, 0, 0));
		break;
	}
	case 5: {
		int64_t offset = (int64_t)random_below(60000) - 10000;
		uint32_t whence = random_below(3);
		struct linux_stat stat;

		CHECK_IS(DO(fstat, own_files[n], &stat), 0);
		if ((stat.mode & S_IFMT) == S_IFREG)    /* file systems differ about positions in folders */
			agree("lseek", DO(lseek, own_files[n], offset, whence),
				host(SYS_lseek, (uint64_t)host_files[n], (uint64_t)offset, whence, 0, 0));
	}
	}
}

static void do_two(void)
{
	path_make(1);
	switch (random_below(4)) {
	case 0:
	case 1:
		agree("rename", DO(rename, own_path[0], own_path[1]),
			host(SYS_rename, (uint64_t)host_path[0], (uint64_t)host_path[1], 0, 0, 0));
		break;
	case 2:
		agree("link", DO(link, own_path[0], own_path[1]),
			host(SYS_link, (uint64_t)host_path[0], (uint64_t)host_path[1], 0, 0, 0));
		break;
	case 3:
		agree("exchange", DO(renameat2, AT_FDCWD, own_path[0], AT_FDCWD, own_path[1], RENAME_EXCHANGE),
			host(SYS_renameat2, (uint64_t)AT_FDCWD, (uint64_t)host_path[0], (uint64_t)AT_FDCWD, (uint64_t)host_path[1],
				RENAME_EXCHANGE));
	}
	own_path[1][0] = 0;
}

static void do_stat(bool follow)
{
	struct linux_stat own, hosts;
	int64_t result = follow ? DO(stat, own_path[0], &own) : DO(lstat, own_path[0], &own);

	agree("stat", result, host(follow ? SYS_stat : SYS_lstat, (uint64_t)host_path[0], (uint64_t)&hosts, 0, 0, 0));
	if (result)
		return;
	agree("mode", own.mode, hosts.mode);
	if ((own.mode & S_IFMT) != S_IFDIR)
		agree("nlink", (int64_t)own.nlink, (int64_t)hosts.nlink);
	if ((own.mode & S_IFMT) == S_IFREG)
		agree("size", own.size, hosts.size);
}

static void operation(void)
{
	path_make(0);
	switch (random_below(16)) {
	case 0:
	case 1:
		do_open();
		break;
	case 2:
		BOTH_PATH(mkdir, 0700 | random_below(64));
		break;
	case 3:
		BOTH_PATH(rmdir, 0);
		break;
	case 4:
		BOTH_PATH(unlink, 0);
		break;
	case 5:
	case 6:
	case 7:
		do_two();
		break;
	case 8: {
		static const char *const targets[] = {"a", "../b", "c/a", ".", "nowhere", "dd/../a/"};
		uint64_t target = (uint64_t)targets[random_below(6)];

		agree("symlink", DO(symlink, target, own_path[0]), host(SYS_symlink, target, (uint64_t)host_path[0], 0, 0, 0));
		break;
	}
	case 9:
		BOTH_PATH(truncate, random_below(30000));
		break;
	case 10:
		BOTH_PATH(chmod, 0700 | random_below(64));
		break;
	case 11:
		do_stat(random_below(2));
		break;
	default:
		do_file();
	}
}

static unsigned host_count(const char *path)
{
	int64_t fd = host(SYS_open, (uint64_t)(*path ? path : "/"), O_RDONLY | O_DIRECTORY, 0, 0, 0), bytes;
	char buffer[2048];
	unsigned count = 0;

	CHECK(fd >= 0);
	while ((bytes = host(SYS_getdents64, (uint64_t)fd, (uint64_t)buffer, sizeof(buffer), 0, 0)) > 0)
		for (int64_t at = 0; at < bytes; at += ((struct linux_dirent64 *)(buffer + at))->bytes)
			count++;
	close((int)fd);
	return count;
}

/* Every name of a folder stands in the host's, and there are as many. */
static void compare(const char *own, const char *hosts)
{
	char buffer[2048], one[4096], other[4096];
	int64_t fd = DO(open, *own ? own : "/", O_RDONLY | O_DIRECTORY), bytes;
	unsigned count = 0;

	CHECK(fd >= 0);
	while ((bytes = DO(getdents64, fd, buffer, sizeof(buffer))) > 0)
		for (int64_t at = 0; at < bytes; at += ((struct linux_dirent64 *)(buffer + at))->bytes) {
			struct linux_dirent64 *entry = (void *)(buffer + at);

			count++;
			if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
				continue;
			snprintf(own_path[0], sizeof(own_path[0]), "%s/%.255s", own, entry->name);
			snprintf(host_path[0], sizeof(host_path[0]), "%s/%.255s", hosts, entry->name);
			do_stat(false);
			if (entry->type == DT_DIR) {
				strcpy(one, own_path[0]);
				strcpy(other, host_path[0]);
				compare(one, other);
			}
		}
	agree("names", count, host_count(hosts));
	CHECK_IS(DO(close, fd), 0);
}

static int open_host(const char *path)
{
	return (int)host(SYS_open, (uint64_t)path, O_RDONLY | O_DIRECTORY, 0, 0, 0);
}

int main(void)
{
	const char *given = getenv("SEED");
	char command[100];
	int outside;

	seed ^= given ? strtoul(given, 0, 0) : 0;
	for (unsigned i = 0; i < sizeof(source); i++)
		source[i] = (char)random_below(256);
	fake_start();
	CHECK(mkdtemp(host_root));
	CHECK_IS(DO(umask, 0), 022);
	host(SYS_umask, 0, 0, 0, 0, 0);
	CHECK_IS(DO(mkdir, "/tmp/root", 0700), 0);
	CHECK_IS(DO(chroot, "/tmp/root"), 0);
	CHECK_IS(DO(chdir, "/"), 0);
	outside = open_host("/");
	if (chdir(host_root) || chroot(".")) {
		fprintf(stderr, "left out: this test must be run as root\n");
		return 0;
	}
	for (int i = 0; i < OPERATIONS; i++) {
		operation();
		if (i % 5000 == 0)
			compare("", "");
	}
	compare("", "");
	CHECK(fchdir(outside) == 0 && chroot(".") == 0);
	snprintf(command, sizeof(command), "rm -rf %s", host_root);
	return system(command) != 0;
}
