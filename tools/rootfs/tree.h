/* A tree of files in memory, from which a root file system (abi/rootfs.h) is written. Sources are laid over one another: a
 * directory merges with the directory that is there, anything else replaces what has its name. */
#ifndef TOOLS_ROOTFS_TREE_H
#define TOOLS_ROOTFS_TREE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/common/complain.h"

struct tree_node;

struct tree_file {              /* shared by the names of one file */
	uint32_t mode;              /* type and permissions, as st_mode */
	uint32_t uid, gid;
	uint32_t nlink;             /* set while writing */
	uint64_t size;
	int64_t mtime_ns;
	uint32_t rdev_major, rdev_minor;
	char *target;               /* symbolic link: size bytes and a zero */
	const uint8_t *bytes;       /* regular: its data, when they are in memory */
	char *path;                 /* regular: else the host file that has them, */
	dev_t dev;                  /* which must still be this one when they are read */
	ino_t ino;
	struct tree_node **children;/* directory: sorted by name */
	size_t child_count, child_room;
	uint32_t inode;             /* set while writing */
	uint32_t first;
	uint64_t offset;
};

struct tree_node {
	struct tree_file *file;
	size_t name_bytes;
	char name[];
};

struct tree {
	struct tree_file *root;
};

/* A tree with an empty root directory, mode 0755, root:root. Trees live as long as the program. */
void tree_start(struct tree *tree);

struct tree_file *tree_file_make(uint32_t mode);

/* The child of that name, or null. */
struct tree_node *tree_find(const struct tree_file *directory, const char *name, size_t bytes);

/* Puts `file` there under that name and returns what the name has now: `file`, or the directory that was there with the
 * attributes of `file`, when both are directories. The name is checked by the caller. */
struct tree_file *tree_put(struct tree_file *directory, const char *name, size_t bytes, struct tree_file *file);

/* Takes a name that is there out of a directory. */
void tree_take(struct tree_file *directory, const char *name, size_t bytes);

/* Whether it may be the name of an entry: 1..255 bytes, no '/', no zero, not "." or "..". */
bool tree_name_is_good(const char *name, size_t bytes);

/* Lay a host directory, or a tar archive (plain, or packed by gzip, xz or zstd), over the tree. In a directory symbolic links
 * are taken as links and never followed; its files belong to root. An archive's own owners are kept. */
bool tree_add(struct tree *tree, const char *path, struct complaint *complaint);
bool tree_add_directory(struct tree *tree, const char *path, struct complaint *complaint);
bool tree_add_tar(struct tree *tree, const uint8_t *bytes, size_t count, struct complaint *complaint);

/* A directory of an overlay that would hide a link to a directory in the file system under it (`count` bytes of it) goes where
 * the link leads, as packages' do. What lies there in the overlay already stays. False: that file system is damaged. */
bool tree_settle(struct tree *tree, const uint8_t *bytes, size_t count, struct complaint *complaint);

/* Writes the file system to fd at `at`; stores its size, a multiple of PAGE_BYTES. */
bool tree_write(struct tree *tree, int fd, uint64_t at, uint64_t *bytes, struct complaint *complaint);

/* Checks everything that abi/rootfs.h promises of `count` bytes. */
bool rootfs_check(const uint8_t *bytes, size_t count, struct complaint *complaint);

#endif
