/* Chooses how a source is laid over the tree: a directory, a tar archive, or one that a host program unpacks first. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/common/file.h"
#include "tools/rootfs/tree.h"

static const struct packing {
	const char *program;
	const char *magic;
	size_t bytes;
} packings[] = {
	{ "gzip", "\x1f\x8b", 2 },
	{ "xz", "\xfd" "7zXZ", 6 },
	{ "zstd", "\x28\xb5\x2f\xfd", 4 },
	{ "bzip2", "BZh", 3 },
};

static const struct packing *packing_of(const struct file_view *view)
{
	for (size_t i = 0; i < sizeof packings / sizeof packings[0]; i++)
		if (view->count > packings[i].bytes && memcmp(view->bytes, packings[i].magic, packings[i].bytes) == 0)
			return &packings[i];
	return NULL;
}

static _Noreturn void unpack_child(const char *program, int from, int to)
{
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(from, 0);
	dup2(to, 1);
	if (nowhere >= 0)
		dup2(nowhere, 2);
	execlp(program, program, "-dc", (char *)NULL);
	_exit(127);
}

/* Unpacks the archive into memory and lays that over the tree; it stays mapped, because files point into it. */
static bool add_packed(struct tree *tree, const struct packing *packing, int from, const char *path,
	struct complaint *complaint)
{
	int to = memfd_create("archive", MFD_CLOEXEC);
	struct file_view view;
	bool done = false;
	int status = 0;
	pid_t child;

	if (to < 0)
		return complain(complaint, "cannot unpack %s: %s", path, strerror(errno));
	child = fork();
	if (child == 0)
		unpack_child(packing->program, from, to);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	if (child < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 127))
		complain(complaint, "%s is needed to unpack %s: install it", packing->program, path);
	else if (status != 0)
		complain(complaint, "%s cannot unpack %s: is it damaged?", packing->program, path);
	else if (file_view_of(&view, to, path, complaint))
		done = tree_add_tar(tree, view.bytes, view.count, complaint);
	close(to);
	return done;
}

static bool add_archive(struct tree *tree, int fd, const char *path, struct complaint *complaint)
{
	const struct packing *packing;
	struct file_view view;

	if (!file_view_of(&view, fd, path, complaint))
		return false;
	packing = packing_of(&view);
	if (packing)
		return add_packed(tree, packing, fd, path, complaint);
	if (view.count < 512 || memcmp(view.bytes + 257, "ustar", 5) != 0)
		return complain(complaint, "%s is neither a directory nor a tar archive", path);
	return tree_add_tar(tree, view.bytes, view.count, complaint);
}

bool tree_add(struct tree *tree, const char *path, struct complaint *complaint)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct complaint inner;
	struct stat status;
	bool done;

	if (fd < 0 || fstat(fd, &status) < 0)
		return complain(complaint, "cannot open %s: %s", path, strerror(errno));
	if (S_ISDIR(status.st_mode)) {
		close(fd);
		return tree_add_directory(tree, path, complaint);
	}
	done = add_archive(tree, fd, path, &inner);
	close(fd);
	return done ? true : complain(complaint, strstr(inner.text, path) ? "%.0s%s" : "%s: %s", path, inner.text);
}
