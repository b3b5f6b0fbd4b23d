/* Where the directories of an overlay belong when the file system under it has links by their names: Debian's /lib leads to
 * /usr/lib, and a folder with a lib of its own must not hide it. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "abi/rootfs.h"
#include "tools/rootfs/tree.h"

#define LINKS_LIMIT 40          /* in one resolution, as Linux has it */

struct under {                  /* the file system under the overlay; it was checked */
	const struct rootfs_inode *inodes;
	const struct rootfs_entry *entries;
	const char *names;
};

/* The inode of a name in a directory; 0: none. */
static uint32_t under_find(const struct under *under, uint32_t directory, const char *name, size_t bytes)
{
	const struct rootfs_inode *inode = &under->inodes[directory];

	for (uint32_t i = inode->first; i < inode->first + inode->count; i++)
		if (under->entries[i].name_bytes == bytes && memcmp(under->names + under->entries[i].name, name, bytes) == 0)
			return under->entries[i].inode;
	return 0;
}

/* The directory that a path leads to from another; 0: none, or over too many links. */
static uint32_t under_walk(const struct under *under, uint32_t at, const char *path, unsigned *links)
{
	if (*path == '/')
		at = ROOTFS_ROOT;
	while (at && *(path += strspn(path, "/"))) {
		size_t bytes = strcspn(path, "/");
		uint32_t next = at;

		if (bytes == 2 && memcmp(path, "..", 2) == 0)
			next = under->inodes[at].parent;
		else if (!(bytes == 1 && *path == '.'))
			next = under_find(under, at, path, bytes);
		if (next && S_ISLNK(under->inodes[next].mode))
			next = (*links)++ < LINKS_LIMIT ? under_walk(under, at, under->names + under->inodes[next].offset, links) : 0;
		at = next && S_ISDIR(under->inodes[next].mode) ? next : 0;
		path += bytes;
	}
	return at;
}

/* The name of a directory in its parent. */
static const struct rootfs_entry *under_entry(const struct under *under, uint32_t directory)
{
	const struct rootfs_entry *entry = &under->entries[under->inodes[under->inodes[directory].parent].first];

	while (entry->inode != directory)
		entry++;
	return entry;
}

/* The overlay's directory over one that lies under it, made when it is not there; null: the overlay has something else there. */
static struct tree_file *over(struct tree *tree, const struct under *under, uint32_t directory)
{
	const struct rootfs_inode *inode = &under->inodes[directory];
	const struct rootfs_entry *entry;
	struct tree_file *parent, *file;
	struct tree_node *node;

	if (directory == ROOTFS_ROOT)
		return tree->root;
	parent = over(tree, under, inode->parent);
	if (!parent)
		return NULL;
	entry = under_entry(under, directory);
	node = tree_find(parent, under->names + entry->name, entry->name_bytes);
	if (node)
		return S_ISDIR(node->file->mode) ? node->file : NULL;
	file = tree_file_make(inode->mode);
	file->uid = inode->uid;
	file->gid = inode->gid;
	file->mtime_ns = inode->mtime_ns;
	return tree_put(parent, under->names + entry->name, entry->name_bytes, file);
}

/* Puts what one directory holds into another; what that has already stays. */
static void merge(struct tree_file *to, const struct tree_file *from)
{
	for (size_t i = 0; i < from->child_count; i++) {
		const struct tree_node *node = from->children[i], *there = tree_find(to, node->name, node->name_bytes);

		if (!there)
			tree_put(to, node->name, node->name_bytes, node->file);
		else if (S_ISDIR(there->file->mode) && S_ISDIR(node->file->mode))
			merge(there->file, node->file);
	}
}

/* Moves the first directory that lies over a link to a directory. Whether there was one. */
static bool settle_one(struct tree *tree, const struct under *under, struct tree_file *directory, uint32_t below)
{
	for (size_t i = 0; i < directory->child_count; i++) {
		struct tree_node *node = directory->children[i];
		uint32_t there = under_find(under, below, node->name, node->name_bytes), target = 0;
		struct tree_file *to = NULL;
		unsigned links = 0;

		if (!there || !S_ISDIR(node->file->mode))
			continue;
		if (S_ISDIR(under->inodes[there].mode) && settle_one(tree, under, node->file, there))
			return true;
		if (S_ISLNK(under->inodes[there].mode))
			target = under_walk(under, below, under->names + under->inodes[there].offset, &links);
		if (target)
			to = over(tree, under, target);
		if (!to)
			continue;
		tree_take(directory, node->name, node->name_bytes);
		merge(to, node->file);
		return true;
	}
	return false;
}

bool tree_settle(struct tree *tree, const uint8_t *bytes, size_t count, struct complaint *complaint)
{
	const struct rootfs_header *header = (const void *)bytes;
	struct under under;

	if (!rootfs_check(bytes, count, complaint))
		return false;
	under = (struct under){ (const void *)(bytes + header->inodes), (const void *)(bytes + header->entries),
		(const char *)bytes + header->names };
	while (settle_one(tree, &under, tree->root, ROOTFS_ROOT))
		;
	return true;
}
