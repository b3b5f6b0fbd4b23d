/* A read-only file system that is used in place: the boot image's modules "rootfs" (the standard root) and "overlay" (what
 * `baryon run --root` lays over it). tools/mkrootfs makes it from a host directory or a tar archive.
 *
 * Layout, every offset from the first byte of the module, little endian:
 *
 *   0                     struct rootfs_header, in a page of its own
 *   header.inodes         struct rootfs_inode [inode_count]; 8-aligned
 *   header.entries        struct rootfs_entry [entry_count]; 8-aligned
 *   header.names          bytes [names_bytes]: names and symbolic-link targets, each followed by a zero byte
 *   header.data           file data: a multiple of PAGE_BYTES; up to header.bytes, itself a multiple of PAGE_BYTES
 *
 * Rules that a well-formed file system keeps, and that a reader checks before it uses what they bound:
 *   - Inode numbers are indices into the table. Number 0 is unused and all zero; ROOTFS_ROOT is the root directory.
 *   - A directory's entries are the `count` table entries from `first`; they are sorted by name (bytes compared as
 *     unsigned, a prefix before what it begins), without duplicates and without "." and ".."; `parent` is the
 *     directory that holds it (the root's parent is the root). Each directory is named by exactly one entry.
 *   - Names have 1..ROOTFS_NAME_LIMIT bytes, neither '/' nor zero among them.
 *   - A regular file's data begin at `offset`, a multiple of PAGE_BYTES within the data, and the rest of its last page is
 *     zero, so that whole pages can be mapped. An empty file has offset 0. Inodes may share data.
 *   - A symbolic link's target is the `size` bytes (1..ROOTFS_TARGET_LIMIT) at names + `offset`, zero after them.
 *   - header.check is FNV-1a 64 of the bytes [PAGE_BYTES, header.data), that is of all tables; data is not checked.
 *
 * When an overlay lies over a root, names are looked up in the overlay first. A directory that is in both shows the
 * entries of both, with the overlay's mode and owner; anything else in the overlay hides what the root has by that name.
 * There are no whiteouts: an overlay removes nothing. (`baryon run` moves a directory that would hide a link to a directory
 * there before it writes the overlay.) */
#ifndef ABI_ROOTFS_H
#define ABI_ROOTFS_H

#include "abi/types.h"

#define ROOTFS_MAGIC 0x3173666f6f727962ull     /* "byroofs1" */
#define ROOTFS_VERSION 1
#define ROOTFS_ROOT 1
#define ROOTFS_NAME_LIMIT 255
#define ROOTFS_TARGET_LIMIT 4095

struct rootfs_header {          /* the first bytes of a page; the rest of the page is zero */
	uint64_t magic;             /* ROOTFS_MAGIC */
	uint32_t version;           /* ROOTFS_VERSION */
	uint32_t inode_count;       /* with number 0; at least 2 */
	uint32_t entry_count;
	uint32_t reserved;
	uint64_t bytes;             /* of the whole file system */
	uint64_t inodes;
	uint64_t entries;
	uint64_t names;
	uint64_t names_bytes;
	uint64_t data;
	uint64_t check;
};

struct rootfs_inode {           /* 64 bytes */
	uint32_t mode;              /* file type and permission bits as in Linux' st_mode (0100000 regular, 0040000 ...) */
	uint32_t uid;
	uint32_t gid;
	uint32_t nlink;             /* names of a file; 2 + subdirectories of a directory */
	uint64_t size;              /* regular: bytes; symbolic link: bytes of its target; else 0 */
	int64_t mtime_ns;           /* since 1970 */
	uint64_t offset;            /* regular: of its data; symbolic link: of its target in the names; else 0 */
	uint32_t first;             /* directory: its first entry; else 0 */
	uint32_t count;             /* directory: its entries; else 0 */
	uint32_t parent;            /* directory: inode number; else 0 */
	uint32_t rdev_major;        /* character and block devices; else 0 */
	uint32_t rdev_minor;
	uint32_t reserved;
};

struct rootfs_entry {           /* 16 bytes */
	uint32_t inode;
	uint32_t name;              /* offset in the names */
	uint16_t name_bytes;
	uint16_t type;              /* mode >> 12 of the inode, as in getdents' d_type */
	uint32_t reserved;
};

_Static_assert(sizeof(struct rootfs_header) == 80, "on-disk layout");
_Static_assert(sizeof(struct rootfs_inode) == 64, "on-disk layout");
_Static_assert(sizeof(struct rootfs_entry) == 16, "on-disk layout");

#endif
