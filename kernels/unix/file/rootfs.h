/* Reader of the read-only file system (abi/rootfs.h). It trusts no number in it: whatever a table says is checked against
 * the module's bounds when it is used, and -EIO is the answer to nonsense. It keeps nothing but where the tables are. */
#ifndef UNIX_FILE_ROOTFS_H
#define UNIX_FILE_ROOTFS_H

#include "abi/rootfs.h"

struct rootfs {                 /* all zero: an absent file system */
	const char *base;           /* page-aligned */
	uint64_t first_page;        /* page of the boot image's container at base */
	const struct rootfs_inode *inodes;
	const struct rootfs_entry *entries;
	const char *names;
	uint64_t names_bytes;
	uint64_t data, bytes;       /* file data are [data, bytes) */
	uint32_t inode_count, entry_count;
};

/* Checks the header, the tables' bounds and their checksum. 0, or -EIO. */
int rootfs_open(struct rootfs *fs, const void *base, uint64_t bytes, uint64_t first_page);
/* The record of an inode whose type is known and whose own bounds hold. 0 or -EIO. */
int rootfs_inode(const struct rootfs *fs, uint32_t number, const struct rootfs_inode **out);
/* The n-th entry of a directory. 0, -ENOENT (n is past the last), -EIO. */
struct rootfs_name {
	const char *name;           /* not terminated */
	uint32_t bytes;
	uint32_t inode;             /* within the table */
	uint32_t type;              /* mode >> 12 */
};
int rootfs_entry(const struct rootfs *fs, const struct rootfs_inode *directory, uint32_t n, struct rootfs_name *out);
/* Looks a name up by binary search. 0 and the inode's number, -ENOENT, -EIO. */
int rootfs_find(const struct rootfs *fs, const struct rootfs_inode *directory, const char *name, uint32_t bytes,
	uint32_t *out);

#endif
