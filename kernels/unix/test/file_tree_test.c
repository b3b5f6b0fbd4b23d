/* The tree of files over an image and an overlay: names, contents, links, rights, listings; and that nothing is lost or kept
 * when memory runs out at any point. */
#include "file_fake.h"

static char big[10000];

static const struct fake_node root_nodes[] = {
	{.path = "/bin", .mode = S_IFDIR | 0755}, {.path = "/etc", .mode = S_IFDIR | 0755},
	{.path = "/etc/sub", .mode = S_IFDIR | 0755}, {.path = "/home", .mode = S_IFDIR | 0755},
	{.path = "/bin/sh", .mode = S_IFLNK | 0777, .contents = "busybox"},
	{.path = "/bin/busybox", .mode = S_IFREG | 0755, .contents = "the box"},
	{.path = "/etc/passwd", .mode = S_IFREG | 0644, .contents = "root:x:0:0\n"},
	{.path = "/etc/shadow", .mode = S_IFREG | 0600, .contents = "secret"},
	{.path = "/etc/hosts", .mode = S_IFREG | 0644, .contents = "lower hosts"},
	{.path = "/etc/sub/deep", .mode = S_IFREG | 0644, .contents = "deep"},
	{.path = "/etc/big", .mode = S_IFREG | 0644, .contents = big, .bytes = sizeof(big)},
	{.path = "/etc/one", .mode = S_IFREG | 0644, .contents = "linked"},
	{.path = "/etc/two", .mode = S_IFREG | 0644, .same_as = "/etc/one"},
	{.path = "/loop1", .mode = S_IFLNK | 0777, .contents = "loop2"},
	{.path = "/loop2", .mode = S_IFLNK | 0777, .contents = "loop1"},
	{.path = "/away", .mode = S_IFLNK | 0777, .contents = "/etc/sub/../sub"},
	{.path = "/over", .mode = S_IFREG | 0644, .contents = "a file below"},
};
static const struct fake_node overlay_nodes[] = {
	{.path = "/etc", .mode = S_IFDIR | 0711, .uid = 7}, {.path = "/etc/hosts", .mode = S_IFREG | 0644, .contents = "upper hosts"},
	{.path = "/etc/new", .mode = S_IFREG | 0644, .contents = "new"}, {.path = "/over", .mode = S_IFDIR | 0755},
	{.path = "/over/in", .mode = S_IFREG | 0644, .contents = "in"}, {.path = "/hello", .mode = S_IFREG | 0755, .contents = "hello"},
};

static char text[65536];

static const char *contents(const char *path)
{
	int64_t fd = DO(open, path, O_RDONLY), bytes;

	if (fd < 0)
		return "(missing)";
	bytes = DO(read, fd, text, sizeof(text) - 1);
	CHECK(bytes >= 0);
	text[bytes] = 0;
	CHECK_IS(DO(close, fd), 0);
	return text;
}

static void put(const char *path, uint32_t flags, const char *what)
{
	int64_t fd = DO(open, path, O_WRONLY | flags, 0644);

	CHECK(fd >= 0);
	CHECK_IS(DO(write, fd, what, strlen(what)), strlen(what));
	CHECK_IS(DO(close, fd), 0);
}

/* Names of a folder, sorted by nobody: each followed by a space. The buffer is small so that several calls are needed. */
static const char *names(const char *path)
{
	static char out[65536];
	char buffer[100];
	int64_t fd = DO(open, path, O_RDONLY | O_DIRECTORY), bytes;
	uint64_t done = 0;

	CHECK(fd >= 0);
	while ((bytes = DO(getdents64, fd, buffer, sizeof(buffer))) > 0)
		for (int64_t at = 0; at < bytes; at += ((struct linux_dirent64 *)(buffer + at))->bytes)
			done += (uint64_t)sprintf(out + done, "%s ", ((struct linux_dirent64 *)(buffer + at))->name);
	CHECK_IS(bytes, 0);
	out[done] = 0;
	CHECK_IS(DO(close, fd), 0);
	return out;
}

static bool has(const char *path, const char *name)
{
	char with[300];
	const char *list = names(path), *at;
	int count = 0;

	snprintf(with, sizeof(with), " %s ", name);
	for (at = strstr(list, with); at; at = strstr(at + 1, with))
		count++;
	CHECK(count <= 1);
	return count == 1;
}

static struct linux_stat stat_of(const char *path)
{
	struct linux_stat stat;

	CHECK_IS(DO(lstat, path, &stat), 0);
	return stat;
}

static void overlay_wins_and_folders_merge(void)
{
	CHECK(strcmp(contents("/etc/hosts"), "upper hosts") == 0);
	CHECK(strcmp(contents("/etc/passwd"), "root:x:0:0\n") == 0);
	CHECK(strcmp(contents("/etc/new"), "new") == 0);
	CHECK(strcmp(contents("/over/in"), "in") == 0);
	CHECK(strcmp(contents("/hello"), "hello") == 0);
	CHECK(strcmp(contents("/bin/sh"), "the box") == 0);
	CHECK(strcmp(contents("/away/deep"), "deep") == 0);
	CHECK(strcmp(contents("//etc/./sub/../sub//deep"), "deep") == 0);
	CHECK_IS(stat_of("/etc").mode, S_IFDIR | 0711);
	CHECK_IS(stat_of("/etc").uid, 7);
	CHECK(strcmp(names("/etc"), ". .. hosts new big one passwd shadow sub two ") == 0);
	CHECK(strcmp(names("/over"), ". .. in ") == 0);
	CHECK_IS(DO(open, "/loop1", O_RDONLY), -ELOOP);
	CHECK_IS(DO(open, "/etc/passwd/", O_RDONLY), -ENOTDIR);
	CHECK_IS(DO(open, "/etc/passwd/x", O_RDONLY), -ENOTDIR);
	CHECK_IS(DO(open, "/nope/x", O_RDONLY | O_CREAT), -ENOENT);
	CHECK_IS(DO(open, "", O_RDONLY), -ENOENT);
	CHECK_IS(DO(open, 8, O_RDONLY), -EFAULT);
}

static void image_files_are_copied_when_written(void)
{
	char block[10000];
	int64_t fd;

	put("/etc/passwd", O_APPEND, "more\n");
	CHECK(strcmp(contents("/etc/passwd"), "root:x:0:0\nmore\n") == 0);
	put("/etc/passwd", O_TRUNC, "x");
	CHECK(strcmp(contents("/etc/passwd"), "x") == 0);
	fd = DO(open, "/etc/big", O_RDWR);
	CHECK_IS(DO(pwrite64, fd, "Z", 1, 5000), 1);
	CHECK_IS(DO(pread64, fd, block, sizeof(block), 0), sizeof(block));
	for (unsigned i = 0; i < sizeof(block); i++)
		CHECK(block[i] == (i == 5000 ? 'Z' : big[i]));
	CHECK_IS(DO(ftruncate, fd, 100), 0);
	CHECK_IS(DO(ftruncate, fd, 9000), 0);
	CHECK_IS(DO(pread64, fd, block, sizeof(block), 0), 9000);
	for (unsigned i = 0; i < 9000; i++)
		CHECK(block[i] == (i < 100 ? big[i] : 0));
	CHECK_IS(DO(lseek, fd, 0, SEEK_END), 9000);
	CHECK_IS(DO(close, fd), 0);
}

static void image_names_can_be_removed_and_made_again(void)
{
	CHECK_IS(DO(unlink, "/etc/hosts"), 0);
	CHECK_IS(DO(open, "/etc/hosts", O_RDONLY), -ENOENT);
	CHECK(!has("/etc", "hosts"));
	put("/etc/hosts", O_CREAT | O_EXCL, "again");
	CHECK(strcmp(contents("/etc/hosts"), "again") == 0);
	CHECK(has("/etc", "hosts"));
	CHECK_IS(DO(rmdir, "/etc/sub"), -ENOTEMPTY);
	CHECK_IS(DO(unlink, "/etc/sub/deep"), 0);
	CHECK_IS(DO(unlink, "/etc/sub"), -EISDIR);
	CHECK_IS(DO(rmdir, "/etc/sub"), 0);
	CHECK_IS(DO(mkdir, "/etc/sub", 0755), 0);
	CHECK(strcmp(names("/etc/sub"), ". .. ") == 0);
	CHECK_IS(DO(mkdir, "/etc/sub", 0755), -EEXIST);
	CHECK_IS(DO(rmdir, "/over"), -ENOTEMPTY);
	CHECK_IS(DO(unlink, "/over/in"), 0);
	CHECK_IS(DO(rmdir, "/over"), 0);
	CHECK_IS(DO(open, "/over", O_RDONLY), -ENOENT);
}

static void hard_links_of_the_image_are_one_file(void)
{
	CHECK_IS(stat_of("/etc/one").ino, stat_of("/etc/two").ino);
	CHECK_IS(stat_of("/etc/one").nlink, 2);
	put("/etc/one", O_APPEND, "!");
	CHECK(strcmp(contents("/etc/two"), "linked!") == 0);
	CHECK_IS(DO(link, "/etc/two", "/tmp/three"), 0);
	CHECK_IS(stat_of("/tmp/three").nlink, 3);
	CHECK_IS(DO(unlink, "/etc/one"), 0);
	CHECK_IS(DO(unlink, "/etc/two"), 0);
	CHECK(strcmp(contents("/tmp/three"), "linked!") == 0);
	CHECK_IS(DO(unlink, "/tmp/three"), 0);
	CHECK_IS(DO(link, "/etc", "/tmp/folder"), -EPERM);
}

static void renames_move_files_and_folders(void)
{
	CHECK_IS(DO(mkdir, "/tmp/a", 0755), 0);
	CHECK_IS(DO(mkdir, "/tmp/a/b", 0755), 0);
	put("/tmp/a/b/f", O_CREAT, "f");
	CHECK_IS(DO(rename, "/tmp/a", "/tmp/a/b/c"), -EINVAL);
	CHECK_IS(DO(rename, "/tmp/a/b/f", "/tmp/a"), -ENOTEMPTY);
	CHECK_IS(DO(rename, "/tmp/a/b", "/tmp/a/b/f"), -EINVAL);
	CHECK_IS(DO(rename, "/tmp/a/b", "/home/moved"), 0);
	CHECK(strcmp(contents("/home/moved/f"), "f") == 0);
	CHECK_IS(DO(chdir, "/home/moved"), 0);
	CHECK_IS(DO(getcwd, text, sizeof(text)), 12);
	CHECK(strcmp(text, "/home/moved") == 0);
	CHECK_IS(DO(rename, "/home/moved", "/home/again"), 0);
	CHECK_IS(DO(getcwd, text, sizeof(text)), 12);
	CHECK(strcmp(text, "/home/again") == 0);
	CHECK_IS(DO(rename, "/etc/shadow", "f"), 0);
	CHECK(strcmp(contents("f"), "secret") == 0);
	CHECK_IS(DO(open, "/etc/shadow", O_RDONLY), -ENOENT);
	CHECK_IS(DO(unlink, "f"), 0);
	CHECK_IS(DO(rmdir, "/home/again"), 0);
	CHECK_IS(DO(getcwd, text, sizeof(text)), -ENOENT);
	CHECK_IS(DO(open, "new", O_CREAT | O_RDWR), -ENOENT);
	CHECK_IS(DO(chdir, "/"), 0);
	CHECK_IS(DO(rename, "/bin", "/programs"), 0);
	CHECK(strcmp(contents("/programs/sh"), "the box") == 0);
	CHECK(strcmp(names("/programs"), ". .. busybox sh ") == 0);
	CHECK_IS(DO(renameat2, AT_FDCWD, "/programs", AT_FDCWD, "/home", RENAME_NOREPLACE), -EEXIST);
	CHECK_IS(DO(renameat2, AT_FDCWD, "/programs", AT_FDCWD, "/home", RENAME_EXCHANGE), 0);
	CHECK(strcmp(contents("/home/sh"), "the box") == 0);
	CHECK_IS(DO(rename, "/home", "/bin"), 0);
	CHECK_IS(DO(rmdir, "/tmp/a"), 0);
	CHECK_IS(DO(rename, "/", "/tmp/x"), -EBUSY);
}

static void rights_count(void)
{
	struct credentials *who = &self_process()->credentials;

	put("/tmp/mine", O_CREAT, "mine");
	CHECK_IS(DO(chmod, "/tmp/mine", 0640), 0);
	who->fsuid = who->uid = who->euid = 1000;
	who->fsgid = who->gid = 1000;
	who->effective = who->permitted = 0;
	CHECK_IS(DO(open, "/tmp/mine", O_RDONLY), -EACCES);
	CHECK_IS(DO(unlink, "/tmp/mine"), -EPERM);
	CHECK_IS(DO(open, "/etc/x", O_CREAT | O_RDWR), -EACCES);
	CHECK_IS(DO(chmod, "/tmp/mine", 0777), -EPERM);
	CHECK_IS(DO(access, "/tmp/mine", R_OK), -EACCES);
	who->groups[0] = 0;
	who->group_count = 1;
	CHECK(strcmp(contents("/tmp/mine"), "mine") == 0);
	CHECK_IS(DO(open, "/tmp/mine", O_WRONLY), -EACCES);
	CHECK_IS(DO(mknod, "/tmp/device", S_IFCHR | 0666, DEVICE(1, 3)), -EPERM);
	*who = (struct credentials){0};
	who->effective = who->permitted = CAPABILITIES_ALL;
	CHECK_IS(DO(unlink, "/tmp/mine"), 0);
}

static void holes_and_large_offsets(void)
{
	int64_t fd = DO(open, "/tmp/sparse", O_CREAT | O_RDWR, 0600);
	struct linux_stat stat;

	CHECK_IS(DO(pwrite64, fd, "end", 3, 1ull << 40), 3);
	CHECK_IS(DO(pwrite64, fd, "low", 3, 4096), 3);
	CHECK_IS(DO(fstat, fd, &stat), 0);
	CHECK_IS(stat.size, (1ll << 40) + 3);
	CHECK_IS(stat.blocks, 16);
	CHECK_IS(DO(lseek, fd, 0, SEEK_DATA), 4096);
	CHECK_IS(DO(lseek, fd, 4096, SEEK_HOLE), 8192);
	CHECK_IS(DO(lseek, fd, 8192, SEEK_DATA), 1ll << 40);
	CHECK_IS(DO(pread64, fd, text, 10, (1ull << 40) - 5), 8);
	CHECK(memcmp(text, "\0\0\0\0\0end", 8) == 0);
	CHECK_IS(DO(ftruncate, fd, 5000), 0);
	CHECK_IS(DO(pread64, fd, text, 8192, 4094), 906);
	CHECK(memcmp(text, "\0\0low\0", 6) == 0);
	CHECK_IS(DO(pwrite64, fd, "x", 1, INT64_MAX), -EFBIG);
	CHECK_IS(DO(pwrite64, fd, "x", 1, -1), -EINVAL);
	CHECK_IS(DO(fallocate, fd, 0, 0, 20000), 0);
	CHECK_IS(DO(fallocate, fd, FALLOC_KEEP_SIZE | FALLOC_PUNCH_HOLE, 4096, 3), 0);
	CHECK_IS(DO(pread64, fd, text, 3, 4096), 3);
	CHECK(memcmp(text, "\0\0\0", 3) == 0);
	CHECK_IS(DO(close, fd), 0);
	CHECK_IS(DO(unlink, "/tmp/sparse"), 0);
}

static void pages_can_be_mapped_in_place(void)
{
	struct page_source source;
	struct file *file;
	bool anonymous;
	int64_t fd;

	CHECK_IS(file_open_exec("/bin/busybox", &file), 0);
	CHECK_IS(file_page(file, 0, false, &source), 0);
	CHECK_IS(source.handle, HANDLE_BOOT_IMAGE);
	CHECK(source.index >= 1000);
	CHECK_IS(file_page(file, 1, false, &source), -EFAULT);
	CHECK_IS(file_mappable(file, &anonymous), MAPPABLE_READ | MAPPABLE_EXECUTE);
	CHECK_IS(file_path(file, text, sizeof(text)), 12);
	CHECK(strcmp(text, "/bin/busybox") == 0);
	file_put(file);
	CHECK_IS(file_open_exec("/etc/new", &file), -EACCES);
	CHECK_IS(file_open_exec("/etc", &file), -EACCES);
	fd = DO(open, "/etc/new", O_RDWR);
	file = file_of_descriptor((int)fd);
	CHECK(!file_page_there(file, 0, &source));
	CHECK_IS(file_page(file, 0, true, &source), -EAGAIN);
	CHECK_IS(file_page_make(file, 0), 0);
	CHECK_IS(file_page(file, 0, true, &source), 0);
	CHECK_IS(source.handle, HANDLE_MEMORY);
	CHECK(file_page_there(file, 0, &source));
	CHECK_IS(source.handle, HANDLE_MEMORY);
	page_put((page_index)source.index);
	CHECK(!file_page_there(file, 1, &source));
	memcpy(page_address((page_index)source.index), "shared", 3);
	page_put((page_index)source.index);
	file_put(file);
	CHECK_IS(DO(close, fd), 0);
	CHECK(strcmp(contents("/etc/new"), "sha") == 0);
}

static void large_folders(void)
{
	char path[64], *list;
	unsigned count = 0;

	CHECK_IS(DO(mkdir, "/tmp/many", 0755), 0);
	for (unsigned i = 0; i < 3000; i++) {
		sprintf(path, "/tmp/many/file%u", i);
		CHECK_IS(DO(mknod, path, S_IFREG | 0600), 0);
	}
	list = (char *)names("/tmp/many");
	for (char *at = list; *at; at++)
		count += *at == ' ';
	CHECK_IS(count, 3002);
	for (unsigned i = 0; i < 3000; i += 2) {
		sprintf(path, "/tmp/many/file%u", i);
		CHECK_IS(DO(unlink, path), 0);
	}
	CHECK(has("/tmp/many", "file2999") && !has("/tmp/many", "file2998"));
	CHECK_IS(DO(rmdir, "/tmp/many"), -ENOTEMPTY);
	for (unsigned i = 1; i < 3000; i += 2) {
		sprintf(path, "/tmp/many/file%u", i);
		CHECK_IS(DO(unlink, path), 0);
	}
	CHECK_IS(DO(rmdir, "/tmp/many"), 0);
}

static void devices_and_proc(void)
{
	int64_t fd = DO(open, "/dev/zero", O_RDWR), other;
	uint64_t bytes;

	CHECK_IS(DO(read, fd, text, 5), 5);
	CHECK(memcmp(text, "\0\0\0\0\0", 5) == 0);
	CHECK_IS(DO(write, fd, text, 5), 5);
	CHECK_IS(DO(close, fd), 0);
	fd = DO(open, "/dev/full", O_WRONLY);
	CHECK_IS(DO(write, fd, text, 5), -ENOSPC);
	CHECK_IS(DO(close, fd), 0);
	CHECK(strncmp(contents("/proc/uptime"), "system text", 11) == 0);
	sprintf(text, "/proc/%d/stat", self_process()->pid);
	CHECK(strncmp(contents(text), "process ", 8) == 0);
	CHECK(strncmp(contents("/proc/self/status"), "process ", 8) == 0);
	CHECK(has("/proc", "self") && has("/proc/self", "fd") && has("/proc/self/fd", "0"));
	CHECK_IS(DO(open, "/proc/4711", O_RDONLY), -ENOENT);
	put("/tmp/file", O_CREAT, "by number");
	fd = DO(open, "/tmp/file", O_RDONLY);
	CHECK_IS(DO(unlink, "/tmp/file"), 0);
	sprintf(text, "/proc/self/fd/%d", (int)fd);
	other = DO(open, text, O_RDONLY);
	CHECK(other >= 0);
	CHECK_IS(DO(read, other, text, 20), 9);
	CHECK(memcmp(text, "by number", 9) == 0);
	bytes = (uint64_t)DO(readlink, "/dev/stdin", text, sizeof(text));
	CHECK(bytes == 15 && memcmp(text, "/proc/self/fd/0", 15) == 0);
	CHECK_IS(DO(close, fd), 0);
	CHECK_IS(DO(close, other), 0);
	CHECK_IS(DO(mkdir, "/proc/x", 0755), -EPERM);
	CHECK_IS(DO(unlink, "/proc/uptime"), -EPERM);
	CHECK_IS(DO(chdir, "/proc/self"), 0);
	CHECK(DO(getcwd, text, sizeof(text)) > 0 && strncmp(text, "/proc/", 6) == 0);
	CHECK_IS(DO(chdir, "/"), 0);
}

static void descriptors(void)
{
	int64_t fd = DO(open, "/etc/new", O_RDONLY | O_CLOEXEC), high;
	struct files *copy;

	CHECK_IS(DO(fcntl, fd, F_GETFD), FD_CLOEXEC);
	high = DO(fcntl, fd, F_DUPFD, 700);
	CHECK_IS(high, 700);
	CHECK_IS(DO(dup2, fd, 1023), 1023);
	CHECK_IS(DO(dup2, fd, 1024), -EBADF);
	CHECK_IS(DO(dup3, fd, fd, 0), -EINVAL);
	copy = files_fork(self_process()->files);
	files_exit(copy);
	files_exec(self_process()->files);
	CHECK_IS(DO(close, fd), -EBADF);
	CHECK_IS(DO(read, 700, text, 1), 1);
	CHECK_IS(DO(read, 1023, text, 10), 2);
	CHECK_IS(DO(close_range, 3, ~0u, 0), 0);
	CHECK_IS(DO(close, 700), -EBADF);
	CHECK_IS(DO(read, -1, text, 1), -EBADF);
	for (int i = 3; i < 1024; i++)
		CHECK_IS(DO(dup, 0), i);
	CHECK_IS(DO(dup, 0), -EMFILE);
	CHECK_IS(DO(close_range, 3, ~0u, 0), 0);
}

/* With room made before, a process parts from others' descriptors and folder when there is no memory. */
static void tables_are_parted_without_memory(void)
{
	struct process *me = self_process();
	struct files *files = me->files, *room;
	struct path_state *paths = me->paths, *place;
	int64_t heap = fake_heap_used(), fd;

	CHECK_IS(DO(fcntl, 0, F_DUPFD, 700), 700);
	files_share(files);
	path_state_share(paths);
	room = files_room(files);
	place = path_state_room();
	CHECK(room && place);
	fd = DO(open, "/etc/new", O_RDONLY);
	fake_heap_left = 0;
	CHECK_IS(files_part(0), -ENOMEM);
	CHECK_IS(path_state_part(0), -ENOMEM);
	CHECK(me->files == files && me->paths == paths);
	CHECK_IS(files_part(room), 0);
	CHECK_IS(path_state_part(place), 0);
	fake_heap_left = -1;
	CHECK(me->files == room && me->paths == place && !files_are_shared(files) && !path_state_is_shared(paths));
	files_exit(files);
	path_state_exit(paths);
	CHECK_IS(DO(read, fd, text, 1), 1);
	CHECK_IS(DO(close, fd), 0);
	CHECK_IS(DO(close, 700), 0);
	CHECK_IS(files_part(files_room(me->files)), 0);
	CHECK_IS(path_state_part(path_state_room()), 0);
	CHECK(me->files == room && me->paths == place);
	CHECK(fake_heap_used() <= heap + 1);
}

static void vectors_and_transfers(void)
{
	char one[3], two[4];
	struct linux_iovec in[3] = {{(uint64_t)"abc", 3}, {0, 0}, {(uint64_t)"defg", 4}};
	struct linux_iovec out[2] = {{(uint64_t)one, 3}, {(uint64_t)two, 4}};
	int64_t fd = DO(open, "/tmp/v", O_CREAT | O_RDWR, 0600), to = DO(open, "/tmp/w", O_CREAT | O_RDWR, 0600);
	uint64_t offset = 1;

	CHECK_IS(DO(writev, fd, in, 3), 7);
	CHECK_IS(DO(preadv, fd, out, 2, 0), 7);
	CHECK(memcmp(one, "abc", 3) == 0 && memcmp(two, "defg", 4) == 0);
	CHECK_IS(DO(sendfile, to, fd, &offset, 100), 6);
	CHECK_IS(offset, 7);
	CHECK(strcmp(contents("/tmp/w"), "bcdefg") == 0);
	CHECK_IS(DO(lseek, fd, 2, SEEK_SET), 2);
	CHECK_IS(DO(copy_file_range, fd, 0, to, 0, 3, 0), 3);
	CHECK(strcmp(contents("/tmp/w"), "bcdefgcde") == 0);
	fake_bad_from = (uint64_t)two;
	fake_bad_to = fake_bad_from + 4;
	CHECK_IS(DO(preadv, fd, out, 2, 0), 3);
	CHECK_IS(DO(pread64, fd, two, 4, 0), -EFAULT);
	fake_bad_from = fake_bad_to = 0;
	CHECK_IS(DO(close, fd), 0);
	CHECK_IS(DO(close, to), 0);
	CHECK_IS(DO(unlink, "/tmp/v"), 0);
	CHECK_IS(DO(unlink, "/tmp/w"), 0);
}

static void locks(void)
{
	int64_t one = DO(open, "/tmp/lock", O_CREAT | O_RDWR, 0600), other = DO(open, "/tmp/lock", O_RDWR);
	struct linux_flock lock = {.type = F_WRLCK, .start = 10, .length = 10};

	CHECK_IS(DO(flock, one, LOCK_EX | LOCK_NB), 0);
	CHECK_IS(DO(flock, other, LOCK_SH | LOCK_NB), -EAGAIN);
	CHECK_IS(DO(flock, one, LOCK_SH), 0);
	CHECK_IS(DO(flock, other, LOCK_SH | LOCK_NB), 0);
	CHECK_IS(DO(fcntl, one, F_SETLK, &lock), 0);
	lock = (struct linux_flock){.type = F_UNLCK, .start = 12, .length = 2};
	CHECK_IS(DO(fcntl, one, F_SETLK, &lock), 0);
	lock = (struct linux_flock){.type = F_WRLCK};
	CHECK_IS(DO(fcntl, other, F_GETLK, &lock), 0);
	CHECK_IS(lock.type, F_UNLCK);
	CHECK_IS(DO(close, one), 0);
	CHECK_IS(DO(close, other), 0);
	CHECK_IS(DO(unlink, "/tmp/lock"), 0);
}

/* Everything once, with memory running out after n allocations: no crash, and what was taken is given back. */
static void work(void)
{
	int64_t fd = DO(open, "/tmp/work", O_CREAT | O_RDWR, 0600), pair_fd;
	int32_t pair[2];

	if (fd >= 0) {
		DO(write, fd, big, sizeof(big));
		DO(pwrite64, fd, big, 10, 1 << 20);
		DO(ftruncate, fd, 5000);
		DO(close, fd);
	}
	DO(mkdir, "/tmp/dir", 0700);
	DO(symlink, "/etc/new", "/tmp/dir/link");
	pair_fd = DO(open, "/tmp/dir/link", O_RDONLY);
	if (pair_fd >= 0)
		DO(close, pair_fd);
	DO(rename, "/tmp/work", "/tmp/dir/moved");
	DO(link, "/tmp/dir/moved", "/tmp/dir/other");
	if (DO(pipe2, pair, 0) == 0) {
		DO(write, pair[1], big, 9000);
		DO(close, pair[0]);
		DO(close, pair[1]);
	}
	DO(stat, "/proc/self/stat", text);
}

static void work_undo(void)
{
	DO(unlink, "/tmp/work");
	DO(unlink, "/tmp/dir/moved");
	DO(unlink, "/tmp/dir/other");
	DO(unlink, "/tmp/dir/link");
	DO(rmdir, "/tmp/dir");
}

static void memory_runs_out_cleanly(void)
{
	int64_t pages, heap;

	work();
	work_undo();
	pages = fake_pages_used();
	heap = fake_heap_used();
	for (int64_t n = 0; n < 60; n++) {
		fake_heap_left = n;
		work();
		fake_heap_left = -1;
		work_undo();
		fake_pages_left = n;
		work();
		fake_pages_left = -1;
		work_undo();
		CHECK_IS(fake_pages_used(), pages);
		CHECK_IS(fake_heap_used(), heap);
	}
}

static void attributes_go_with_their_file(void)
{
	static char value[65536], read[65536];
	int64_t heap, pages;

	memset(value, 'v', sizeof(value));
	put("/tmp/first", O_CREAT, "x");
	CHECK_IS(DO(unlink, "/tmp/first"), 0);
	heap = fake_heap_used();
	pages = fake_pages_used();
	put("/tmp/plain", O_CREAT, "x");
	CHECK_IS(DO(setxattr, "/tmp/plain", "user.large", value, sizeof(value), 0), 0);
	CHECK_IS(DO(setxattr, "/tmp/plain", "user.large", value, sizeof(value) - 1, 0), 0);
	CHECK_IS(DO(setxattr, "/tmp/plain", "user.small", value, 2048, 0), 0);
	CHECK_IS(DO(setxattr, "/tmp/plain", "user.large", value, sizeof(value) + 1, 0), -E2BIG);
	CHECK_IS(DO(rename, "/tmp/plain", "/tmp/moved"), 0);
	CHECK_IS(DO(getxattr, "/tmp/moved", "user.large", read, sizeof(read)), sizeof(value) - 1);
	CHECK(memcmp(value, read, sizeof(value) - 1) == 0);
	CHECK_IS(DO(getxattr, "/tmp/moved", "user.large", read, 4096), -ERANGE);
	fake_pages_left = 3;
	CHECK_IS(DO(setxattr, "/tmp/moved", "user.other", value, sizeof(value), 0), -ENOMEM);
	fake_pages_left = -1;
	CHECK_IS(DO(listxattr, "/tmp/moved", read, sizeof(read)), 2 * sizeof("user.large"));
	CHECK_IS(DO(unlink, "/tmp/moved"), 0);
	CHECK_IS(fake_heap_used(), heap);
	CHECK_IS(fake_pages_used(), pages);
}

int main(void)
{
	char *root, *overlay;
	uint64_t bytes;

	for (unsigned i = 0; i < sizeof(big); i++)
		big[i] = (char)('a' + i % 23);
	root = fake_rootfs(root_nodes, sizeof(root_nodes) / sizeof(root_nodes[0]), &bytes);
	fake_module("rootfs", root, bytes);
	overlay = fake_rootfs(overlay_nodes, sizeof(overlay_nodes) / sizeof(overlay_nodes[0]), &bytes);
	fake_module("overlay", overlay, bytes);
	fake_start();
	overlay_wins_and_folders_merge();
	pages_can_be_mapped_in_place();
	image_files_are_copied_when_written();
	image_names_can_be_removed_and_made_again();
	hard_links_of_the_image_are_one_file();
	renames_move_files_and_folders();
	rights_count();
	holes_and_large_offsets();
	large_folders();
	devices_and_proc();
	descriptors();
	tables_are_parted_without_memory();
	vectors_and_transfers();
	locks();
	attributes_go_with_their_file();
	memory_runs_out_cleanly();
	return 0;
}
