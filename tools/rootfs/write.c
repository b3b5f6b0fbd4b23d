/* Writes the tree as abi/rootfs.h lays it down. Three passes: number the inodes and count; lay the tables out; write the
 * tables and then each file's data, which is read only now. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/rootfs.h"
#include "tools/common/file.h"
#include "tools/common/fnv.h"
#include "tools/rootfs/tree.h"

struct writer {
	struct rootfs_header header;
	struct tree_file **files;   /* by inode number */
	size_t file_room;
	uint8_t *tables;            /* the bytes [PAGE_BYTES, header.data) */
	uint64_t names_used;
	int fd;
	uint64_t at;
	struct complaint *complaint;
};

static uint64_t round_up(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) / unit * unit;
}

static void number_file(struct writer *writer, struct tree_file *file)
{
	if (writer->header.inode_count >= writer->file_room) {
		writer->file_room = writer->file_room ? writer->file_room * 2 : 256;
		writer->files = take_more(writer->files, writer->file_room * sizeof *writer->files);
	}
	file->inode = writer->header.inode_count++;
	file->nlink = 0;
	writer->files[file->inode] = file;
	if (S_ISLNK(file->mode))
		writer->header.names_bytes += file->size + 1;
}

/* Numbers what the directories hold, breadth first, so that the entries of a directory follow each other. */
static void number_all(struct writer *writer, struct tree_file *root)
{
	writer->header.inode_count = 1;
	number_file(writer, root);
	writer->files[0] = NULL;
	for (uint32_t i = ROOTFS_ROOT; i < writer->header.inode_count; i++) {
		struct tree_file *directory = writer->files[i];

		if (!S_ISDIR(directory->mode))
			continue;
		directory->first = writer->header.entry_count;
		directory->nlink += 2;
		for (size_t c = 0; c < directory->child_count; c++) {
			struct tree_node *node = directory->children[c];

			if (node->file->inode == 0)
				number_file(writer, node->file);
			if (S_ISDIR(node->file->mode))
				directory->nlink++;
			else
				node->file->nlink++;
			writer->header.entry_count++;
			writer->header.names_bytes += node->name_bytes + 1;
		}
	}
}

static void lay_out(struct writer *writer)
{
	struct rootfs_header *header = &writer->header;

	header->magic = ROOTFS_MAGIC;
	header->version = ROOTFS_VERSION;
	header->inodes = PAGE_BYTES;
	header->entries = header->inodes + (uint64_t)header->inode_count * sizeof(struct rootfs_inode);
	header->names = header->entries + (uint64_t)header->entry_count * sizeof(struct rootfs_entry);
	header->data = round_up(header->names + header->names_bytes, PAGE_BYTES);
	header->bytes = header->data;
	for (uint32_t i = ROOTFS_ROOT; i < header->inode_count; i++) {
		struct tree_file *file = writer->files[i];

		if (!S_ISREG(file->mode) || file->size == 0)
			continue;
		file->offset = header->bytes;
		header->bytes += round_up(file->size, PAGE_BYTES);
	}
}

static uint64_t put_name(struct writer *writer, const char *name, size_t bytes)
{
	uint64_t at = writer->names_used;

	memcpy(writer->tables + (writer->header.names - PAGE_BYTES) + at, name, bytes);
	writer->names_used += bytes + 1;
	return at;
}

static void put_entries(struct writer *writer, const struct tree_file *directory)
{
	struct rootfs_entry *entry = (void *)(writer->tables + (writer->header.entries - PAGE_BYTES));

	for (size_t c = 0; c < directory->child_count; c++) {
		struct tree_node *node = directory->children[c];

		entry[directory->first + c] = (struct rootfs_entry){
			.inode = node->file->inode,
			.name = put_name(writer, node->name, node->name_bytes),
			.name_bytes = node->name_bytes,
			.type = node->file->mode >> 12,
		};
	}
}

static void put_inode(struct writer *writer, struct tree_file *file, struct rootfs_inode *inodes)
{
	struct rootfs_inode *inode = &inodes[file->inode];

	inode->mode = file->mode;
	inode->uid = file->uid;
	inode->gid = file->gid;
	inode->nlink = file->nlink;
	inode->mtime_ns = file->mtime_ns;
	inode->rdev_major = file->rdev_major;
	inode->rdev_minor = file->rdev_minor;
	if (S_ISREG(file->mode)) {
		inode->size = file->size;
		inode->offset = file->size ? file->offset : 0;
	} else if (S_ISLNK(file->mode)) {
		inode->size = file->size;
		inode->offset = put_name(writer, file->target, file->size);
	} else if (S_ISDIR(file->mode)) {
		inode->first = file->first;
		inode->count = file->child_count;
		for (size_t c = 0; c < file->child_count; c++)
			if (S_ISDIR(file->children[c]->file->mode))
				inodes[file->children[c]->file->inode].parent = file->inode;
		put_entries(writer, file);
	}
}

static bool put_tables(struct writer *writer)
{
	struct rootfs_header *header = &writer->header;
	struct rootfs_inode *inodes;
	uint8_t page[PAGE_BYTES] = { 0 };

	writer->tables = take(header->data - PAGE_BYTES);
	memset(writer->tables, 0, header->data - PAGE_BYTES);
	inodes = (void *)writer->tables;
	inodes[ROOTFS_ROOT].parent = ROOTFS_ROOT;
	for (uint32_t i = ROOTFS_ROOT; i < header->inode_count; i++)
		put_inode(writer, writer->files[i], inodes);
	header->check = fnv_add(FNV_START, writer->tables, header->data - PAGE_BYTES);
	memcpy(page, header, sizeof *header);
	return file_write(writer->fd, page, sizeof page, writer->at, writer->complaint) &&
		file_write(writer->fd, writer->tables, header->data - PAGE_BYTES, writer->at + PAGE_BYTES, writer->complaint);
}

/* Opens the host file that was scanned, and only that one: a name that means something else by now is refused. */
static int open_source(struct writer *writer, const struct tree_file *file)
{
	int fd = open(file->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat status;

	if (fd < 0) {
		complain(writer->complaint, "cannot read %s: %s", file->path, strerror(errno));
		return -1;
	}
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_dev == file->dev &&
	    status.st_ino == file->ino && (uint64_t)status.st_size == file->size)
		return fd;
	close(fd);
	complain(writer->complaint, "%s changed while it was read: try again", file->path);
	return -1;
}

static bool copy_data(struct writer *writer, int from, const struct tree_file *file)
{
	static char buffer[1 << 18];
	uint64_t done = 0;

	while (done < file->size) {
		ssize_t count = read(from, buffer, sizeof buffer);

		if (count < 0)
			return complain(writer->complaint, "cannot read %s: %s", file->path, strerror(errno));
		if ((uint64_t)count > file->size - done)
			count = file->size - done;
		if (count == 0)
			return complain(writer->complaint, "%s changed while it was read: try again", file->path);
		if (!file_write(writer->fd, buffer, count, writer->at + file->offset + done, writer->complaint))
			return false;
		done += count;
	}
	return true;
}

static bool put_data(struct writer *writer, const struct tree_file *file)
{
	bool done;
	int from;

	if (!S_ISREG(file->mode) || file->size == 0)
		return true;
	if (file->bytes)
		return file_write(writer->fd, file->bytes, file->size, writer->at + file->offset, writer->complaint);
	from = open_source(writer, file);
	if (from < 0)
		return false;
	done = copy_data(writer, from, file);
	close(from);
	return done;
}

bool tree_write(struct tree *tree, int fd, uint64_t at, uint64_t *bytes, struct complaint *complaint)
{
	struct writer writer = { .fd = fd, .at = at, .complaint = complaint };
	bool done;

	number_all(&writer, tree->root);
	lay_out(&writer);
	*bytes = writer.header.bytes;
	if (ftruncate(fd, at + writer.header.bytes) < 0)
		done = complain(complaint, "cannot make a file of %llu bytes: %s",
			(unsigned long long)(at + writer.header.bytes), strerror(errno));
	else
		done = put_tables(&writer);
	for (uint32_t i = ROOTFS_ROOT; done && i < writer.header.inode_count; i++)
		done = put_data(&writer, writer.files[i]);
	free(writer.tables);
	free(writer.files);
	return done;
}
