/* Hostile root file systems: bytes of a good one are changed at random, the checksum is made right again, and everything is
 * walked, read, changed and removed. Nothing may read outside the image (AddressSanitizer watches its ends) or crash. */
#include "file_fake.h"

#include "baryon/hash.h"

enum { ROUNDS = 3000 };

static const struct fake_node nodes[] = {
	{.path = "/a", .mode = S_IFDIR | 0755}, {.path = "/a/b", .mode = S_IFDIR | 0755}, {.path = "/a/b/c", .mode = S_IFDIR | 0755},
	{.path = "/a/file", .mode = S_IFREG | 0644, .contents = "some bytes"},
	{.path = "/a/b/link", .mode = S_IFLNK | 0777, .contents = "../file"},
	{.path = "/a/b/c/deep", .mode = S_IFREG | 0644, .contents = "deep"},
	{.path = "/a/same", .mode = S_IFREG | 0644, .same_as = "/a/file"}, {.path = "/x", .mode = S_IFREG | 0600, .contents = "x"},
	{.path = "/fifo", .mode = S_IFIFO | 0600}, {.path = "/null", .mode = S_IFCHR | 0600},
};

/* Trees are left behind on purpose. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static char *good;
static uint64_t good_bytes;

static uint64_t random_word(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Visits what lies under a path, a few levels deep. */
static void visit(const char *path, int depth)
{
	char buffer[1024], below[PATH_MAX];
	struct linux_stat stat;
	int64_t fd, bytes;

	if (DO(lstat, path, &stat))
		return;
	DO(readlink, path, buffer, sizeof(buffer));
	fd = DO(open, path, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return;
	DO(read, fd, buffer, sizeof(buffer));
	DO(pread64, fd, buffer, sizeof(buffer), stat.size - 10);
	while (depth && (bytes = DO(getdents64, fd, buffer, sizeof(buffer))) > 0)
		for (int64_t at = 0; at < bytes; at += ((struct linux_dirent64 *)(buffer + at))->bytes) {
			const char *name = ((struct linux_dirent64 *)(buffer + at))->name;

			if (name[0] == '.' || strlen(path) + strlen(name) + 2 > sizeof(below))
				continue;
			sprintf(below, "%s/%s", path, name);
			visit(below, depth - 1);
		}
	CHECK_IS(DO(close, fd), 0);
}

/* Changes what the good image had. */
static void change(void)
{
	int64_t fd = DO(open, "/a/file", O_WRONLY | O_APPEND);

	if (fd >= 0) {
		DO(write, fd, "more", 4);
		DO(ftruncate, fd, 3);
		DO(close, fd);
	}
	DO(rename, "/a/b/c", "/c");
	DO(unlink, "/a/same");
	DO(unlink, "/a/b/link");
	DO(rmdir, "/a/b");
	DO(unlink, "/x");
	DO(mkdir, "/a/b/new", 0700);
}

static void spoil(char *image, uint64_t *seed)
{
	struct rootfs_header *header = (struct rootfs_header *)image;
	uint64_t changes = 1 + random_word(seed) % 6, tables = header->data;

	for (uint64_t i = 0; i < changes; i++) {
		static const uint64_t interesting[] = {0, 1, 2, 0xff, 0x7fffffff, 0xffffffff, UINT64_MAX, 4096, 1ull << 40};
		uint64_t used = PAGE_BYTES + sizeof(struct rootfs_inode) * 12, at = random_word(seed) % 4;
		uint64_t value = interesting[random_word(seed) % 9], width = 1ull << random_word(seed) % 4;

		at = at == 0 ? random_word(seed) % 88 : at == 1 ? PAGE_BYTES + random_word(seed) % (used - PAGE_BYTES) :
			at == 2 ? header->entries + random_word(seed) % 200 : header->names + random_word(seed) % 64;
		if (random_word(seed) % 2)
			value = random_word(seed);
		if (at + width <= tables && at + width <= good_bytes)
			memcpy(image + at, &value, width);
	}
	if (header->data >= PAGE_BYTES && header->data <= good_bytes)
		header->check = hash_fnv1a(FNV_START, image + PAGE_BYTES, header->data - PAGE_BYTES);
}

int main(void)
{
	uint64_t seed = 88172645463325252ull;
	struct rootfs fs;
	char *image;

	good = fake_rootfs(nodes, sizeof(nodes) / sizeof(nodes[0]), &good_bytes);
	CHECK_IS(rootfs_open(&fs, good, good_bytes, 0), 0);
	CHECK_IS(rootfs_open(&fs, good, good_bytes - PAGE_BYTES, 0), -EIO);
	CHECK_IS(rootfs_open(&fs, good, 100, 0), -EIO);
	image = aligned_alloc(PAGE_BYTES, good_bytes);
	memcpy(image, good, good_bytes);
	image[PAGE_BYTES + 70] ^= 1;
	CHECK_IS(rootfs_open(&fs, image, good_bytes, 0), -EIO);
	fake_module("rootfs", image, good_bytes);
	fake_start();
	for (int round = 0; round < ROUNDS; round++) {
		memcpy(image, good, good_bytes);
		spoil(image, &seed);
		fake_tree_again();
		visit("", 6);
		visit("/", 6);
		change();
		visit("/", 6);
	}
	free(image);
	free(good);
	return 0;
}
