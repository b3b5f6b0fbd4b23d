#include "file/file.h"
#include "file/rootfs.h"
#include "baryon/hash.h"

static bool table_inside(const struct rootfs_header *header, uint64_t offset, uint64_t count, uint64_t each)
{
	return !(offset & 7) && offset >= PAGE_BYTES && offset <= header->data && count <= (header->data - offset) / each;
}

static bool header_good(const struct rootfs_header *header, uint64_t bytes)
{
	return header->magic == ROOTFS_MAGIC && header->version == ROOTFS_VERSION && header->inode_count >= 2 &&
		header->bytes <= bytes && header->data >= PAGE_BYTES && header->data <= header->bytes &&
		!(header->data & (PAGE_BYTES - 1)) && !(header->bytes & (PAGE_BYTES - 1)) &&
		table_inside(header, header->inodes, header->inode_count, sizeof(struct rootfs_inode)) &&
		table_inside(header, header->entries, header->entry_count, sizeof(struct rootfs_entry)) &&
		header->names >= PAGE_BYTES && header->names <= header->data &&
		header->names_bytes <= header->data - header->names;
}

int rootfs_open(struct rootfs *fs, const void *base, uint64_t bytes, uint64_t first_page)
{
	const struct rootfs_header *header = base;
	const struct rootfs_inode *root;

	*fs = (struct rootfs){0};
	if (bytes < PAGE_BYTES || !header_good(header, bytes))
		return -EIO;
	if (hash_fnv1a(FNV_START, (const char *)base + PAGE_BYTES, header->data - PAGE_BYTES) != header->check)
		return -EIO;
	fs->base = base;
	fs->first_page = first_page;
	fs->inodes = (const void *)(fs->base + header->inodes);
	fs->entries = (const void *)(fs->base + header->entries);
	fs->names = fs->base + header->names;
	fs->names_bytes = header->names_bytes;
	fs->data = header->data;
	fs->bytes = header->bytes;
	fs->inode_count = header->inode_count;
	fs->entry_count = header->entry_count;
	if (rootfs_inode(fs, ROOTFS_ROOT, &root) || (root->mode & S_IFMT) != S_IFDIR) {
		*fs = (struct rootfs){0};
		return -EIO;
	}
	return 0;
}

static bool data_inside(const struct rootfs *fs, const struct rootfs_inode *inode)
{
	return inode->size == 0 || (!(inode->offset & (PAGE_BYTES - 1)) && inode->offset >= fs->data &&
		inode->offset <= fs->bytes && inode->size <= fs->bytes - inode->offset);
}

static bool target_inside(const struct rootfs *fs, const struct rootfs_inode *inode)
{
	return inode->size >= 1 && inode->size <= ROOTFS_TARGET_LIMIT && inode->offset <= fs->names_bytes &&
		inode->size <= fs->names_bytes - inode->offset && !memchr(fs->names + inode->offset, 0, inode->size);
}

static bool inode_good(const struct rootfs *fs, const struct rootfs_inode *inode)
{
	switch (inode->mode & S_IFMT) {
	case S_IFREG:
		return data_inside(fs, inode);
	case S_IFLNK:
		return target_inside(fs, inode);
	case S_IFDIR:
		return inode->first <= fs->entry_count && inode->count <= fs->entry_count - inode->first;
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return true;
	}
	return false;
}

int rootfs_inode(const struct rootfs *fs, uint32_t number, const struct rootfs_inode **out)
{
	if (number < ROOTFS_ROOT || number >= fs->inode_count || !inode_good(fs, &fs->inodes[number]))
		return -EIO;
	*out = &fs->inodes[number];
	return 0;
}

static int name_decode(const struct rootfs *fs, const struct rootfs_entry *entry, struct rootfs_name *out)
{
	const char *name = fs->names + entry->name;

	if (entry->name_bytes < 1 || entry->name_bytes > ROOTFS_NAME_LIMIT || entry->name > fs->names_bytes ||
	    entry->name_bytes > fs->names_bytes - entry->name)
		return -EIO;
	if (entry->inode <= ROOTFS_ROOT || entry->inode >= fs->inode_count)
		return -EIO;
	*out = (struct rootfs_name){name, entry->name_bytes, entry->inode, fs->inodes[entry->inode].mode >> 12};
	return 0;
}

static bool name_plain(const struct rootfs_name *name)
{
	if (name->name[0] == '.' && (name->bytes == 1 || (name->bytes == 2 && name->name[1] == '.')))
		return false;
	for (uint32_t i = 0; i < name->bytes; i++)
		if (name->name[i] == '/' || name->name[i] == 0)
			return false;
	return true;
}

int rootfs_entry(const struct rootfs *fs, const struct rootfs_inode *directory, uint32_t n, struct rootfs_name *out)
{
	int status;

	if (n >= directory->count)
		return -ENOENT;
	status = name_decode(fs, &fs->entries[directory->first + n], out);
	return status ? status : name_plain(out) ? 0 : -EIO;
}

static int name_compare(const char *one, uint32_t one_bytes, const char *other, uint32_t other_bytes)
{
	int order = memcmp(one, other, one_bytes < other_bytes ? one_bytes : other_bytes);

	return order ? order : one_bytes < other_bytes ? -1 : one_bytes > other_bytes;
}

int rootfs_find(const struct rootfs *fs, const struct rootfs_inode *directory, const char *name, uint32_t bytes,
	uint32_t *out)
{
	uint32_t low = 0, high = directory->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		struct rootfs_name found;
		int order, status = name_decode(fs, &fs->entries[directory->first + middle], &found);

		if (status)
			return status;
		order = name_compare(name, bytes, found.name, found.bytes);
		if (order == 0) {
			*out = found.inode;
			return 0;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return -ENOENT;
}
