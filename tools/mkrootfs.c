/* mkrootfs IMAGE SOURCE...: makes a root file system (abi/rootfs.h) of host directories and tar archives, each laid over those
 * before it. mkrootfs --check IMAGE: says whether IMAGE keeps the format's rules. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/common/file.h"
#include "tools/rootfs/tree.h"

static int check_image(const char *path)
{
	struct complaint complaint;
	struct file_view view;

	if (!file_open_view(&view, path, &complaint) || !rootfs_check(view.bytes, view.count, &complaint))
		fail(1, "%s", complaint.text);
	return 0;
}

static void write_image(struct tree *tree, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	struct complaint complaint;
	uint64_t bytes;

	if (fd < 0)
		fail(1, "cannot make %s: %s", path, strerror(errno));
	if (tree_write(tree, fd, 0, &bytes, &complaint))
		return;
	unlink(path);
	fail(1, "%s", complaint.text);
}

int main(int count, char **argument)
{
	struct complaint complaint;
	struct tree tree;

	if (count == 3 && strcmp(argument[1], "--check") == 0)
		return check_image(argument[2]);
	if (count < 3 || argument[1][0] == '-')
		fail(2, "use: mkrootfs IMAGE SOURCE... or mkrootfs --check IMAGE");
	tree_start(&tree);
	for (int i = 2; i < count; i++)
		if (!tree_add(&tree, argument[i], &complaint))
			fail(1, "%s", complaint.text);
	write_image(&tree, argument[1]);
	return 0;
}
