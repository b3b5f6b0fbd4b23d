/* Root file systems: what a directory and an archive become, what is never followed, and that damaged archives and images
 * give a complaint and nothing worse. */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/rootfs.h"
#include "tools/common/file.h"
#include "tools/common/fnv.h"
#include "tools/rootfs/tree.h"

/* Trees live as long as the program. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static struct complaint complaint;

struct built {
	uint8_t *bytes;
	uint64_t count;
};

static struct built build(struct tree *tree)
{
	int fd = memfd_create("image", MFD_CLOEXEC);
	struct built built;

	assert(tree_write(tree, fd, 0, &built.count, &complaint));
	built.bytes = malloc(built.count);
	assert(pread(fd, built.bytes, built.count, 0) == (ssize_t)built.count);
	close(fd);
	if (!rootfs_check(built.bytes, built.count, &complaint))
		puts(complaint.text);
	assert(rootfs_check(built.bytes, built.count, &complaint));
	return built;
}

/* The inode of a path in the image, or null. Links are not followed. */
static const struct rootfs_inode *lookup(const struct built *built, const char *path)
{
	const struct rootfs_header *header = (const void *)built->bytes;
	const struct rootfs_inode *inodes = (const void *)(built->bytes + header->inodes);
	const struct rootfs_entry *entries = (const void *)(built->bytes + header->entries);
	uint32_t at = ROOTFS_ROOT;

	while (*path) {
		size_t bytes = strcspn(path, "/");
		uint32_t i, end = inodes[at].first + inodes[at].count;

		for (i = inodes[at].first; i < end; i++)
			if (entries[i].name_bytes == bytes &&
			    memcmp(built->bytes + header->names + entries[i].name, path, bytes) == 0)
				break;
		if (i == end)
			return NULL;
		at = entries[i].inode;
		path += bytes + (path[bytes] == '/');
	}
	return &inodes[at];
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert(file && fputs(text, file) >= 0);
	fclose(file);
}

static void command(const char *text)
{
	assert(system(text) == 0);
}

static void a_directory_becomes_its_files_and_never_follows_links(void)
{
	const struct rootfs_inode *inode;
	struct built built;
	struct tree tree;

	command("mkdir -p a/sub/deep secret && chmod 700 a/sub && echo hidden >secret/file && mkfifo a/pipe");
	command("ln -s ../secret a/out && ln -s /etc/passwd a/passwd && ln -s missing a/dangling");
	write_file("a/one", "first");
	write_file("a/empty", "");
	command("ln a/one a/sub/two && chmod 4755 a/one");
	tree_start(&tree);
	assert(tree_add(&tree, "a", &complaint));
	built = build(&tree);
	inode = lookup(&built, "one");
	assert(inode && inode->mode == (S_IFREG | 04755) && inode->nlink == 2 && inode->size == 5 && inode->uid == 0);
	assert(memcmp(built.bytes + inode->offset, "first\0\0", 7) == 0 && inode->offset % PAGE_BYTES == 0);
	assert(lookup(&built, "sub/two") == inode);
	assert(lookup(&built, "sub")->nlink == 3 && (lookup(&built, "sub")->mode & 07777) == 0700);
	assert(S_ISLNK(lookup(&built, "out")->mode) && lookup(&built, "out")->size == 9);
	assert(S_ISLNK(lookup(&built, "passwd")->mode) && S_ISFIFO(lookup(&built, "pipe")->mode));
	assert(!memmem(built.bytes, built.count, "hidden", 6) && !memmem(built.bytes, built.count, "root:x", 6));
	assert(lookup(&built, "empty")->offset == 0 && !lookup(&built, "nothing"));
	free(built.bytes);
}

static void later_sources_win_and_directories_merge(void)
{
	struct built built;
	struct tree tree;

	command("mkdir -p b/sub b/one");
	write_file("b/sub/three", "3");
	write_file("b/empty", "no more");
	tree_start(&tree);
	assert(tree_add(&tree, "a", &complaint) && tree_add(&tree, "b", &complaint));
	built = build(&tree);
	assert(S_ISDIR(lookup(&built, "one")->mode) && lookup(&built, "sub/two") && lookup(&built, "sub/three"));
	assert(lookup(&built, "sub/two")->nlink == 1 && lookup(&built, "empty")->size == 7);
	free(built.bytes);
}

static void an_archive_becomes_the_same_whatever_packs_it(void)
{
	static const char *const packs[] = { "tar -cf", "tar -czf", "tar -cJf", "tar --format=pax -cf", "tar --format=v7 -cf",
		"tar --format=ustar -cf" };
	char name[300] = "c/";
	struct tree tree;

	memset(name + 2, 'n', 180);
	command("mkdir -p c");
	write_file(name, "long name");
	command("ln -s $(printf %0150d 0) c/longlink; head -c 100000 /dev/urandom >c/data; ln c/data c/again");
	for (size_t i = 0; i < sizeof packs / sizeof packs[0]; i++) {
		bool is_short = strstr(packs[i], "v7") || strstr(packs[i], "ustar");
		char text[500];
		struct built built;

		snprintf(text, sizeof text, "%s c.tar --owner=7 --group=8 %s -C c .", packs[i],
			is_short ? "--exclude=n* --exclude=longlink" : "");
		command(text);
		tree_start(&tree);
		if (!tree_add(&tree, "c.tar", &complaint)) {
			assert(strstr(packs[i], "v7") && strstr(complaint.text, "neither"));
			continue;
		}
		built = build(&tree);
		assert(lookup(&built, "data")->size == 100000 && lookup(&built, "again") == lookup(&built, "data"));
		assert(lookup(&built, "data")->uid == 7 && lookup(&built, "data")->gid == 8);
		assert(is_short || (lookup(&built, name + 2) && lookup(&built, "longlink")->size == 150));
		free(built.bytes);
	}
}

static void refused(const char *archive, const char *part)
{
	struct tree tree;

	tree_start(&tree);
	assert(!tree_add(&tree, archive, &complaint));
	if (!strstr(complaint.text, part))
		puts(complaint.text);
	assert(strstr(complaint.text, part));
}

static void hostile_archives_are_refused(void)
{
	command("tar -cf up.tar -P --transform 's,^,../../,' a/one");
	refused("up.tar", "\"..\"");
	command("mkdir -p d e/out && ln -s /etc d/out && echo x >e/out/passwd; tar -cf under.tar -C d out; "
		"tar -rf under.tar -C ../$(basename $PWD)/e out/passwd");
	refused("under.tar", "not a directory");
	command("head -c 60000 c.tar >cut.tar");
	refused("cut.tar", "cut short");
	command("tar -cf c.tar -C c . && gzip -c c.tar | head -c 3000 >cut.tgz");
	refused("cut.tgz", "damaged");
	command("head -c 100000 /dev/zero >zero.tar");
	refused("zero.tar", "neither");
	write_file("text", "hello");
	refused("text", "neither");
	refused("missing", "cannot open");
	refused("a/pipe", "regular");
}

/* Rewrites a header's check sum, so that damage behind it is seen. */
static void fix_header(uint8_t *block)
{
	unsigned sum = 0;

	memset(block + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += block[i];
	snprintf((char *)block + 148, 8, "%06o", sum & 0777777);
}

static void damaged_archives_never_make_a_bad_image(void)
{
	struct file_view view;
	unsigned accepted = 0;
	uint8_t *copy;

	command("rm c/data c/again; echo x >c/small; tar --format=pax -cf small.tar -C c . && tar -rf small.tar -C a .");
	assert(file_open_view(&view, "small.tar", &complaint));
	copy = malloc(view.count);
	srand(1);
	for (int round = 0; round < 3000; round++) {
		struct tree tree;

		memcpy(copy, view.bytes, view.count);
		for (int i = rand() % 4; i >= 0; i--) {
			size_t block = rand() % (view.count / 512) * 512;

			copy[block + rand() % 512] = rand() % 3 ? rand() % 256 : "0179LKxg./"[rand() % 10];
			if (rand() % 4)
				fix_header(copy + block);
		}
		tree_start(&tree);
		if (!tree_add_tar(&tree, copy, rand() % 8 ? view.count : rand() % view.count, &complaint))
			continue;
		free(build(&tree).bytes);
		accepted++;
	}
	printf("%u damaged archives were still archives\n", accepted);
	assert(accepted > 0);
	free(copy);
	file_close_view(&view);
}

static void damaged_images_are_noticed_or_harmless(void)
{
	struct built built;
	struct tree tree;
	uint8_t *copy;

	tree_start(&tree);
	assert(tree_add(&tree, "a", &complaint));
	built = build(&tree);
	copy = malloc(built.count);
	srand(2);
	for (int round = 0; round < 20000; round++) {
		struct rootfs_header *header = (void *)copy;
		uint64_t data = ((struct rootfs_header *)built.bytes)->data;
		size_t count = rand() % 8 ? built.count : rand() % built.count;

		memcpy(copy, built.bytes, built.count);
		for (int i = rand() % 3; i >= 0; i--)
			copy[rand() % 2 ? rand() % sizeof *header : PAGE_BYTES + rand() % (data - PAGE_BYTES)] = rand();
		if (header->data == data)
			header->check = fnv_add(FNV_START, copy + PAGE_BYTES, data - PAGE_BYTES);
		rootfs_check(copy, count, &complaint);
	}
	copy[PAGE_BYTES + 70] = ~copy[PAGE_BYTES + 70];
	assert(!rootfs_check(copy, 100, &complaint));
	free(copy);
	free(built.bytes);
}

static void directories_over_links_go_where_the_links_lead(void)
{
	struct built under, over;
	struct tree tree;

	command("mkdir -p under/usr/lib/deep under/usr/bin under/srv && cd under && ln -s usr/lib lib && ln -s /usr/bin bin && "
		"ln -s ../../srv usr/lib/away && ln -s lib64 lib32 && ln -s lib32 lib64 && ln -s nowhere lost && echo f >usr/file && "
		"ln -s usr/file to_file && ln -s lib/away twice && chmod 750 srv");
	command("mkdir -p over/lib/deep over/lib/away over/usr/lib over/bin over/lib32 over/lost over/to_file over/twice/x over/new && cd over && "
		"echo 1 >lib/deep/a && echo 22 >lib/both && echo 333 >usr/lib/both && echo 4 >lib/away/c && echo 5 >bin/d && "
		"echo 6 >twice/x/e && echo 7 >lib32/f && echo 8 >lost/g && echo 9 >to_file/h && echo 10 >new/i");
	tree_start(&tree);
	assert(tree_add(&tree, "under", &complaint));
	under = build(&tree);
	tree_start(&tree);
	assert(tree_add(&tree, "over", &complaint));
	assert(tree_settle(&tree, under.bytes, under.count, &complaint));
	over = build(&tree);
	assert(lookup(&over, "usr/lib/deep/a") && !lookup(&over, "lib") && !lookup(&over, "bin") && !lookup(&over, "twice"));
	assert(lookup(&over, "usr/lib/both")->size == 4);
	assert(lookup(&over, "srv/c") && lookup(&over, "usr/bin/d") && lookup(&over, "srv/x/e"));
	assert((lookup(&over, "srv")->mode & 07777) == 0750);
	assert(lookup(&over, "lib32/f") && lookup(&over, "lost/g") && lookup(&over, "to_file/h") && lookup(&over, "new/i"));
	under.bytes[PAGE_BYTES + 70] ^= 1;
	assert(!tree_settle(&tree, under.bytes, under.count, &complaint));
	free(under.bytes);
	free(over.bytes);
}

int main(void)
{
	char folder[] = "/tmp/rootfs_test_XXXXXX", text[100];

	assert(mkdtemp(folder) && chdir(folder) == 0);
	a_directory_becomes_its_files_and_never_follows_links();
	later_sources_win_and_directories_merge();
	an_archive_becomes_the_same_whatever_packs_it();
	hostile_archives_are_refused();
	damaged_archives_never_make_a_bad_image();
	damaged_images_are_noticed_or_harmless();
	directories_over_links_go_where_the_links_lead();
	snprintf(text, sizeof text, "rm -rf %s", folder);
	command(text);
	return 0;
}
