/* Random and nearly right system calls of the files half, with wild pointers, by a process that never waits: nothing crashes, and
 * when its files are closed and removed, what it took has been given back. */
#include "file_fake.h"

enum { CALLS = 600000, SOAK = 100, PATHS = 12, BUFFER = 65536, FDS = 24 };

typedef int64_t (*call)(SYSCALL_ARGUMENTS);
static const struct { const char *name; call function; } calls[] = {
#define C(name) {#name, sys_##name}
	C(read), C(write), C(open), C(close), C(stat), C(fstat), C(lstat), C(poll), C(lseek), C(ioctl), C(pread64), C(pwrite64),
	C(readv), C(writev), C(access), C(pipe), C(select), C(dup), C(dup2), C(sendfile), C(fcntl), C(flock), C(fsync), C(truncate),
	C(ftruncate), C(getdents), C(getcwd), C(chdir), C(fchdir), C(rename), C(mkdir), C(rmdir), C(creat), C(link), C(unlink),
	C(symlink), C(readlink), C(chmod), C(fchmod), C(chown), C(fchown), C(lchown), C(umask), C(utime), C(mknod), C(statfs),
	C(fstatfs), C(sync), C(mount), C(umount2), C(getdents64), C(utimes), C(openat), C(mkdirat), C(mknodat), C(fchownat),
	C(futimesat), C(newfstatat), C(unlinkat), C(renameat), C(linkat), C(symlinkat), C(readlinkat), C(fchmodat), C(faccessat),
	C(pselect6), C(ppoll), C(utimensat), C(fallocate), C(dup3), C(pipe2), C(preadv), C(pwritev), C(renameat2), C(memfd_create),
	C(copy_file_range), C(statx), C(close_range), C(faccessat2), C(epoll_create1), C(epoll_ctl), C(epoll_wait), C(eventfd2),
};

static const char *const paths[PATHS] = {
	"/tmp/a", "/tmp/b/c", "/tmp/b", "/dev/tty", "/dev/null", "/proc/self/fd/3", "/proc/self", "..", "c", "/dev/zero", "/tmp/b/",
	"/proc/self/status",
};
static char *buffer;
static uint64_t seed = 88172645463325252ull;

static uint64_t random_word(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static uint64_t argument_make(void)
{
	static const uint64_t odd[] = {0, 1, 2, 3, 4095, 4096, 65535, 65536, 0x7fffffff, 0x80000000, 0xffffffff, 1ull << 40, INT64_MAX,
		1ull << 63, UINT64_MAX, (uint64_t)AT_FDCWD, PROGRAM_TOP, PROGRAM_TOP - 1};
	uint64_t at = random_word() % BUFFER;

	switch (random_word() % 10) {
	case 0:
		return odd[random_word() % (sizeof(odd) / sizeof(odd[0]))];
	case 1:
		return (uint64_t)buffer + at;
	case 2:
		return (uint64_t)buffer + BUFFER - random_word() % 32;
	case 3:
		return random_word() >> random_word() % 64;
	case 4:
	case 5:
	case 6:
		at = random_word() % (BUFFER - 64);
		strcpy(buffer + at, paths[random_word() % PATHS]);
		return (uint64_t)buffer + at;
	case 7:
		return 1ull << random_word() % 30;
	}
	return random_word() % FDS;
}

static void pieces_fill(void)
{
	uint64_t *words = (uint64_t *)(buffer + random_word() % (BUFFER - 64) / 8 * 8);

	for (int i = 0; i < 6; i++)
		words[i] = argument_make();
}

/* Removes what is in a folder; of the root ("") all but /proc and what /dev/shm, the root of a file system, is in. */
static void folder_clear(const char *path)
{
	char list[512], below[PATH_MAX];
	int64_t bytes, fd = DO(open, *path ? path : "/", O_RDONLY | O_DIRECTORY);

	CHECK(fd >= 0);
	while ((bytes = DO(getdents64, fd, list, sizeof(list))) > 0)
		for (int64_t at = 0; at < bytes; at += ((struct linux_dirent64 *)(list + at))->bytes) {
			struct linux_dirent64 *entry = (void *)(list + at);

			if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
				continue;
			snprintf(below, sizeof(below), "%s/%.250s", path, entry->name);
			if (*path == 0 && (strcmp(entry->name, "proc") == 0 || strcmp(entry->name, "sys") == 0))
				continue;
			if (entry->type == DT_DIR)
				folder_clear(below);
			if (strcmp(below, "/dev") == 0 || strcmp(below, "/dev/shm") == 0)
				continue;
			CHECK_IS(entry->type == DT_DIR ? DO(rmdir, below) : DO(unlink, below), 0);
		}
	CHECK_IS(DO(close, fd), 0);
}

/* What the calls expect; earlier ones may have taken it away. */
static void folders_make(void)
{
	CHECK_IS(DO(umask, 0) & ~0777, 0);
	CHECK_IS(DO(mkdir, "/tmp", 0777), 0);
	CHECK_IS(DO(mkdir, "/tmp/b", 0777), 0);
	CHECK_IS(DO(chmod, "/dev", 0755), 0);
	CHECK_IS(DO(mknod, "/dev/null", S_IFCHR | 0666, DEVICE(1, 3)), 0);
	CHECK_IS(DO(mknod, "/dev/zero", S_IFCHR | 0666, DEVICE(1, 5)), 0);
	CHECK_IS(DO(mknod, "/dev/tty", S_IFCHR | 0666, DEVICE(5, 0)), 0);
}

static void round_of_calls(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned n = (unsigned)(random_word() % (sizeof(calls) / sizeof(calls[0])));

		if (i % 3 == 0)
			pieces_fill();
		calls[n].function(argument_make(), argument_make(), argument_make(), argument_make(), argument_make(),
			argument_make());
		self_process()->credentials.fsuid = random_word() % 4 ? 0 : 1000;
		self_process()->credentials.effective = self_process()->credentials.fsuid ? 0 : CAPABILITIES_ALL;
	}
}

static struct file *standard[3];

/* A new table: the calls may have put anything at any descriptor, 0 to 2 as well, and made the old table large. */
static void descriptors_reset(void)
{
	files_exit(self_process()->files);
	self_process()->files = files_make();
	for (int i = 0; i < 3; i++) {
		file_get(standard[i]);
		CHECK_IS(files_set(self_process()->files, i, standard[i]), 0);
		CHECK_IS(DO(flock, i, LOCK_UN), 0);
		CHECK_IS(DO(fcntl, i, F_SETFL, O_RDWR), 0);
		CHECK_IS(DO(fcntl, i, F_SETOWN, 0), 0);
		CHECK_IS(DO(fcntl, i, F_SETSIG, 0), 0);
	}
}

static void clear_up(void)
{
	self_process()->credentials = (struct credentials){.effective = CAPABILITIES_ALL, .permitted = CAPABILITIES_ALL};
	fake_good_from = fake_good_to = 0;
	descriptors_reset();
	CHECK_IS(DO(chdir, "/"), 0);
	CHECK_IS(DO(chmod, "/", 0755), 0);
	folder_clear("");
}

int main(void)
{
	int64_t heap;

	if (getenv("BARYON_SEED"))
		seed = strtoull(getenv("BARYON_SEED"), 0, 0) * 2 + 1;
	fake_start();
	buffer = aligned_alloc(PAGE_BYTES, BUFFER);
	memset(buffer, 0, BUFFER);
	fake_process(fake_process_first());
	fake_interrupt(self_process(), true);
	for (int i = 0; i < 3; i++)
		standard[i] = file_of_descriptor(i);
	clear_up();
	heap = fake_heap_used();
	for (int round = 0; round < 30; round++) {
		folders_make();
		fake_good_from = (uint64_t)buffer;
		fake_good_to = (uint64_t)buffer + BUFFER;
		round_of_calls(CALLS / 30 * (getenv("BARYON_SOAK") ? SOAK : 1));
		clear_up();
		CHECK_IS(fake_pages_used(), 0);
		CHECK_IS(fake_heap_used(), heap);
	}
	for (int i = 0; i < 3; i++)
		file_put(standard[i]);
	fake_process_end();
	free(buffer);
	return 0;
}
