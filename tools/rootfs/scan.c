/* Lays a host directory over the tree. Nothing outside the directory is reached: every name is opened relative to the directory
 * that holds it, and never through a symbolic link. Files with several names keep them. */
#include "tools/rootfs/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "abi/rootfs.h"

#define DEPTH_LIMIT 200

struct link {                   /* a file that has several names */
	struct link *next;
	struct tree_file *file;
};
#define LINK_BUCKETS 1024

struct scan {
	struct link *links[LINK_BUCKETS];
	struct complaint *complaint;
	int depth;
};

static bool scan_directory(struct scan *scan, int fd, const char *path, struct tree_file *directory);

static struct tree_file *file_of_status(const struct stat *status)
{
	struct tree_file *file = tree_file_make(status->st_mode);

	file->mtime_ns = status->st_mtim.tv_sec * 1000000000ll + status->st_mtim.tv_nsec;
	file->dev = status->st_dev;
	file->ino = status->st_ino;
	return file;
}

static struct tree_file *known_link(struct scan *scan, const struct stat *status)
{
	for (struct link *link = scan->links[status->st_ino % LINK_BUCKETS]; link; link = link->next)
		if (link->file->ino == status->st_ino && link->file->dev == status->st_dev)
			return link->file;
	return NULL;
}

static void remember_link(struct scan *scan, struct tree_file *file)
{
	struct link *link = take(sizeof *link);

	*link = (struct link){ scan->links[file->ino % LINK_BUCKETS], file };
	scan->links[file->ino % LINK_BUCKETS] = link;
}

static struct tree_file *scan_regular(struct scan *scan, const char *path, const struct stat *status)
{
	struct tree_file *file = known_link(scan, status);

	if (file)
		return file;
	file = file_of_status(status);
	file->size = status->st_size;
	file->path = take_copy(path, strlen(path));
	if (status->st_nlink > 1)
		remember_link(scan, file);
	return file;
}

static struct tree_file *scan_link(struct scan *scan, int parent, const char *name, const char *path,
	const struct stat *status)
{
	char target[ROOTFS_TARGET_LIMIT + 1];
	ssize_t bytes = readlinkat(parent, name, target, sizeof target);
	struct tree_file *file;

	if (bytes <= 0 || bytes > ROOTFS_TARGET_LIMIT) {
		complain(scan->complaint, "cannot read the link %s", path);
		return NULL;
	}
	file = file_of_status(status);
	file->size = bytes;
	file->target = take_copy(target, bytes);
	return file;
}

static bool scan_subdirectory(struct scan *scan, int parent, const char *name, const char *path,
	struct tree_file *directory)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool done;

	if (fd < 0)
		return complain(scan->complaint, "cannot read the directory %s: %s", path, strerror(errno));
	if (scan->depth == DEPTH_LIMIT)
		done = complain(scan->complaint, "%s lies too deep: at most %d directories", path, DEPTH_LIMIT);
	else
		done = scan_directory(scan, fd, path, directory);
	close(fd);
	return done;
}

static bool scan_entry(struct scan *scan, int parent, const char *name, const char *path, struct tree_file *directory)
{
	size_t bytes = strlen(name);
	struct stat status;
	struct tree_file *file;

	if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return complain(scan->complaint, "cannot read %s: %s", path, strerror(errno));
	if (S_ISSOCK(status.st_mode))
		return true;
	if (S_ISDIR(status.st_mode)) {
		file = tree_put(directory, name, bytes, file_of_status(&status));
		return scan_subdirectory(scan, parent, name, path, file);
	}
	if (S_ISREG(status.st_mode)) {
		file = scan_regular(scan, path, &status);
	} else if (S_ISLNK(status.st_mode)) {
		file = scan_link(scan, parent, name, path, &status);
	} else {
		file = file_of_status(&status);
		file->rdev_major = major(status.st_rdev);
		file->rdev_minor = minor(status.st_rdev);
	}
	if (file)
		tree_put(directory, name, bytes, file);
	return file;
}

static bool scan_entries(struct scan *scan, DIR *stream, const char *path, struct tree_file *directory)
{
	struct dirent *entry;

	while ((errno = 0, entry = readdir(stream))) {
		char *child;
		bool done;

		if (!tree_name_is_good(entry->d_name, strlen(entry->d_name)))
			continue;
		if (asprintf(&child, "%s/%s", path, entry->d_name) < 0)
			fail(125, "no memory");
		done = scan_entry(scan, dirfd(stream), entry->d_name, child, directory);
		free(child);
		if (!done)
			return false;
	}
	return errno ? complain(scan->complaint, "cannot read the directory %s: %s", path, strerror(errno)) : true;
}

static bool scan_directory(struct scan *scan, int fd, const char *path, struct tree_file *directory)
{
	DIR *stream = fdopendir(dup(fd));
	bool done;

	if (!stream)
		return complain(scan->complaint, "cannot read the directory %s: %s", path, strerror(errno));
	scan->depth++;
	done = scan_entries(scan, stream, path, directory);
	scan->depth--;
	closedir(stream);
	return done;
}

bool tree_add_directory(struct tree *tree, const char *path, struct complaint *complaint)
{
	struct scan *scan = take(sizeof *scan);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool done;

	*scan = (struct scan){ .complaint = complaint };
	if (fd < 0)
		done = complain(complaint, "cannot read the directory %s: %s", path, strerror(errno));
	else
		done = scan_directory(scan, fd, path, tree->root);
	if (fd >= 0)
		close(fd);
	for (int i = 0; i < LINK_BUCKETS; i++)
		for (struct link *link = scan->links[i], *next; link; link = next) {
			next = link->next;
			free(link);
		}
	free(scan);
	return done;
}
