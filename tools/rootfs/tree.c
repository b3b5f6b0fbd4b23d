/* The tree itself. See tree.h. */
#include "tools/rootfs/tree.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "abi/rootfs.h"

void tree_start(struct tree *tree)
{
	tree->root = tree_file_make(S_IFDIR | 0755);
}

struct tree_file *tree_file_make(uint32_t mode)
{
	struct tree_file *file = take(sizeof *file);

	*file = (struct tree_file){ .mode = mode };
	return file;
}

static int name_compare(const struct tree_node *node, const char *name, size_t bytes)
{
	size_t common = node->name_bytes < bytes ? node->name_bytes : bytes;
	int order = memcmp(node->name, name, common);

	return order ? order : (node->name_bytes > bytes) - (node->name_bytes < bytes);
}

/* Where the name is, or would be inserted. */
static size_t place_of(const struct tree_file *directory, const char *name, size_t bytes, bool *found)
{
	size_t low = 0, high = directory->child_count;

	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = name_compare(directory->children[middle], name, bytes);

		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct tree_node *tree_find(const struct tree_file *directory, const char *name, size_t bytes)
{
	bool found;
	size_t place = place_of(directory, name, bytes, &found);

	return found ? directory->children[place] : NULL;
}

static void insert_child(struct tree_file *directory, size_t place, struct tree_node *node)
{
	if (directory->child_count == directory->child_room) {
		directory->child_room = directory->child_room ? directory->child_room * 2 : 8;
		directory->children = take_more(directory->children, directory->child_room * sizeof(struct tree_node *));
	}
	memmove(directory->children + place + 1, directory->children + place,
		(directory->child_count - place) * sizeof(struct tree_node *));
	directory->children[place] = node;
	directory->child_count++;
}

static void copy_attributes(struct tree_file *to, const struct tree_file *from)
{
	to->mode = from->mode;
	to->uid = from->uid;
	to->gid = from->gid;
	to->mtime_ns = from->mtime_ns;
}

struct tree_file *tree_put(struct tree_file *directory, const char *name, size_t bytes, struct tree_file *file)
{
	bool found;
	size_t place = place_of(directory, name, bytes, &found);
	struct tree_node *node;

	if (found) {
		node = directory->children[place];
		if (S_ISDIR(file->mode) && S_ISDIR(node->file->mode))
			copy_attributes(node->file, file);
		else
			node->file = file;
		return node->file;
	}
	node = take(sizeof *node + bytes + 1);
	node->file = file;
	node->name_bytes = bytes;
	memcpy(node->name, name, bytes);
	node->name[bytes] = 0;
	insert_child(directory, place, node);
	return file;
}

void tree_take(struct tree_file *directory, const char *name, size_t bytes)
{
	bool found;
	size_t place = place_of(directory, name, bytes, &found);

	directory->child_count--;
	memmove(directory->children + place, directory->children + place + 1,
		(directory->child_count - place) * sizeof(struct tree_node *));
}

bool tree_name_is_good(const char *name, size_t bytes)
{
	if (bytes == 0 || bytes > ROOTFS_NAME_LIMIT || memchr(name, '/', bytes) || memchr(name, 0, bytes))
		return false;
	return name[0] != '.' || !(bytes == 1 || (bytes == 2 && name[1] == '.'));
}
