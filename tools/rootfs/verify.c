/* Checks a root file system against every rule of abi/rootfs.h. For tests, and for `mkrootfs --check`. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "abi/rootfs.h"
#include "tools/common/fnv.h"
#include "tools/rootfs/tree.h"

struct view {
	struct rootfs_header header;
	const uint8_t *bytes;
	const struct rootfs_inode *inodes;
	const struct rootfs_entry *entries;
	const char *names;
	uint32_t *seen;             /* how many entries name each inode */
	struct complaint *complaint;
};

static bool wrong(struct view *view, const char *what, unsigned long number)
{
	return complain(view->complaint, "not a good root file system: %s (%lu)", what, number);
}

static bool table_fits(struct view *view, uint64_t at, uint64_t count, uint64_t unit)
{
	return at % 8 == 0 && at >= PAGE_BYTES && at <= view->header.data && count <= (view->header.data - at) / unit;
}

static bool header_check(struct view *view, size_t count)
{
	struct rootfs_header *header = &view->header;

	if (count < PAGE_BYTES)
		return wrong(view, "shorter than its header", count);
	memcpy(header, view->bytes, sizeof *header);
	if (header->magic != ROOTFS_MAGIC || header->version != ROOTFS_VERSION)
		return wrong(view, "magic number or version", header->version);
	if (header->bytes != count || header->bytes % PAGE_BYTES || header->data % PAGE_BYTES || header->data > count ||
	    header->data < PAGE_BYTES)
		return wrong(view, "its size", header->bytes);
	if (header->inode_count < 2 || !table_fits(view, header->inodes, header->inode_count, sizeof(struct rootfs_inode)))
		return wrong(view, "the inode table", header->inode_count);
	if (!table_fits(view, header->entries, header->entry_count, sizeof(struct rootfs_entry)))
		return wrong(view, "the entry table", header->entry_count);
	if (header->names < PAGE_BYTES || header->names > header->data || header->names_bytes > header->data - header->names)
		return wrong(view, "the names", header->names_bytes);
	if (fnv_add(FNV_START, view->bytes + PAGE_BYTES, header->data - PAGE_BYTES) != header->check)
		return wrong(view, "the check of the tables", 0);
	return true;
}

static int names_compare(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
	int order = memcmp(a, b, a_bytes < b_bytes ? a_bytes : b_bytes);

	return order ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

static bool entry_check(struct view *view, uint32_t parent, uint32_t index, bool is_first)
{
	const struct rootfs_entry *entry = &view->entries[index], *before = entry - 1;
	const char *name = view->names + entry->name;
	uint64_t limit = view->header.names_bytes;

	if (entry->name >= limit || entry->name_bytes >= limit - entry->name || name[entry->name_bytes] != 0 ||
	    !tree_name_is_good(name, entry->name_bytes))
		return wrong(view, "a name", index);
	if (!is_first && names_compare(view->names + before->name, before->name_bytes, name, entry->name_bytes) >= 0)
		return wrong(view, "the order of names", index);
	if (entry->inode <= ROOTFS_ROOT || entry->inode >= view->header.inode_count ||
	    entry->type != view->inodes[entry->inode].mode >> 12)
		return wrong(view, "an entry's inode", index);
	if (S_ISDIR(view->inodes[entry->inode].mode) && view->inodes[entry->inode].parent != parent)
		return wrong(view, "a directory's parent", index);
	view->seen[entry->inode]++;
	return true;
}

static bool directory_check(struct view *view, uint32_t number, const struct rootfs_inode *inode)
{
	uint32_t subdirectories = 0;

	if (inode->first > view->header.entry_count || inode->count > view->header.entry_count - inode->first)
		return wrong(view, "a directory's entries", number);
	for (uint32_t i = 0; i < inode->count; i++) {
		if (!entry_check(view, number, inode->first + i, i == 0))
			return false;
		subdirectories += S_ISDIR(view->inodes[view->entries[inode->first + i].inode].mode);
	}
	return inode->nlink == 2 + subdirectories ? true : wrong(view, "a directory's links", number);
}

static bool data_check(struct view *view, uint32_t number, const struct rootfs_inode *inode)
{
	uint64_t end = (inode->size + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;

	if (inode->size == 0)
		return inode->offset == 0 ? true : wrong(view, "an empty file's data", number);
	if (inode->offset % PAGE_BYTES || inode->offset < view->header.data || inode->offset > view->header.bytes ||
	    inode->size > view->header.bytes - inode->offset)
		return wrong(view, "a file's data", number);
	for (uint64_t at = inode->size; at < end; at++)
		if (view->bytes[inode->offset + at])
			return wrong(view, "the rest of a file's last page", number);
	return true;
}

static bool inode_check(struct view *view, uint32_t number)
{
	const struct rootfs_inode *inode = &view->inodes[number];

	if (S_ISDIR(inode->mode))
		return directory_check(view, number, inode);
	if (S_ISREG(inode->mode))
		return data_check(view, number, inode);
	if (!S_ISLNK(inode->mode))
		return S_ISCHR(inode->mode) || S_ISBLK(inode->mode) || S_ISFIFO(inode->mode) ? true :
			wrong(view, "an inode's mode", number);
	if (inode->size == 0 || inode->size > ROOTFS_TARGET_LIMIT || inode->offset >= view->header.names_bytes ||
	    inode->size >= view->header.names_bytes - inode->offset || view->names[inode->offset + inode->size] != 0)
		return wrong(view, "a link's target", number);
	return true;
}

static bool links_check(struct view *view)
{
	for (uint32_t i = ROOTFS_ROOT + 1; i < view->header.inode_count; i++) {
		bool directory = S_ISDIR(view->inodes[i].mode);

		if (view->seen[i] != (directory ? 1 : view->inodes[i].nlink))
			return wrong(view, "how often an inode is named", i);
	}
	return true;
}

static bool tables_check(struct view *view)
{
	static const struct rootfs_inode unused;

	view->inodes = (const void *)(view->bytes + view->header.inodes);
	view->entries = (const void *)(view->bytes + view->header.entries);
	view->names = (const char *)view->bytes + view->header.names;
	if (memcmp(&view->inodes[0], &unused, sizeof unused) || !S_ISDIR(view->inodes[ROOTFS_ROOT].mode) ||
	    view->inodes[ROOTFS_ROOT].parent != ROOTFS_ROOT)
		return wrong(view, "the root directory", 0);
	for (uint32_t i = ROOTFS_ROOT; i < view->header.inode_count; i++)
		if (!inode_check(view, i))
			return false;
	return links_check(view);
}

bool rootfs_check(const uint8_t *bytes, size_t count, struct complaint *complaint)
{
	struct view view = { .bytes = bytes, .complaint = complaint };
	bool good;

	if (!header_check(&view, count))
		return false;
	view.seen = take(view.header.inode_count * sizeof *view.seen);
	memset(view.seen, 0, view.header.inode_count * sizeof *view.seen);
	good = tables_check(&view);
	free(view.seen);
	return good;
}
