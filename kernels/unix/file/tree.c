/* What lies under the tree: the overlay and the root file system of the boot image, merged as abi/rootfs.h says. */
#include "file/file.h"
#include "file/rootfs.h"

enum { SHARED_BUCKETS = 256 };

struct inode *tree_root;
struct mutex rename_lock;
static struct rootfs layers[LAYERS];            /* set once, at the start */
static struct mutex shared_lock;
static struct inode *shared[SHARED_BUCKETS];    /* image inodes with several names; each holds a reference */

static const struct rootfs_inode *layer_directory(struct inode *directory, unsigned layer)
{
	const struct rootfs_inode *record;

	if (!directory->directory.image[layer] || rootfs_inode(&layers[layer], directory->directory.image[layer], &record))
		return 0;
	return (record->mode & S_IFMT) == S_IFDIR ? record : 0;
}

int tree_image_entry(struct inode *directory, unsigned layer, uint32_t n, struct rootfs_name *out)
{
	const struct rootfs_inode *record = layer_directory(directory, layer);

	return record ? rootfs_entry(&layers[layer], record, n, out) : -ENOENT;
}

bool tree_image_has(struct inode *directory, unsigned layer, const char *name, uint32_t bytes)
{
	const struct rootfs_inode *record = layer_directory(directory, layer);
	uint32_t number;

	return record && rootfs_find(&layers[layer], record, name, bytes, &number) == 0;
}

static void inode_fill(struct inode *inode, unsigned layer, uint32_t number, const struct rootfs_inode *record)
{
	const struct rootfs *fs = &layers[layer];

	inode->number = (layer == LAYER_OVERLAY ? 1ull << 32 : 0) + number;
	inode->nlink = record->nlink;
	inode->accessed_ns = inode->modified_ns = inode->changed_ns = record->mtime_ns;
	inode->size = record->size;
	switch (record->mode & S_IFMT) {
	case S_IFREG:
		inode->data.image = fs->base + record->offset;
		inode->data.image_bytes = record->size;
		inode->data.image_page = fs->first_page + record->offset / PAGE_BYTES;
		break;
	case S_IFLNK:
		inode->link.target = (char *)fs->names + record->offset;
		break;
	default:
		inode->size = 0;
		break;
	}
}

static int inode_from(unsigned layer, uint32_t number, const struct rootfs_inode *record, struct inode **out)
{
	struct inode *inode = inode_make(record->mode & (S_IFMT | MODE_BITS), record->uid, record->gid,
		DEVICE(record->rdev_major, record->rdev_minor));

	if (!inode)
		return -ENOMEM;
	inode_fill(inode, layer, number, record);
	*out = inode;
	return 0;
}

/* An image inode with several names is one inode, whichever name leads to it. */
static int inode_shared(unsigned layer, uint32_t number, const struct rootfs_inode *record, struct inode **out)
{
	uint32_t key = number * 2 + layer;
	struct inode **bucket = &shared[key % SHARED_BUCKETS], *inode;
	int status = 0;

	mutex_lock(&shared_lock);
	for (inode = *bucket; inode && inode->image_key != key; inode = inode->image_next)
		;
	if (!inode) {
		status = inode_from(layer, number, record, &inode);
		if (status == 0) {
			inode->image_key = key;
			inode->image_next = *bucket;
			*bucket = inode;
		}
	}
	if (status == 0) {
		inode_get(inode);
		*out = inode;
	}
	mutex_unlock(&shared_lock);
	return status;
}

void tree_forget(struct inode *inode)
{
	struct inode **place = &shared[inode->image_key % SHARED_BUCKETS];

	if (!inode->image_key)
		return;
	mutex_lock(&shared_lock);
	while (*place && *place != inode)
		place = &(*place)->image_next;
	if (*place)
		*place = inode->image_next;
	else
		inode = 0;
	mutex_unlock(&shared_lock);
	inode_put(inode);
}

/* Finds a name in one layer; a directory must say that it lies where it was found, so that there are no rings. */
static int layer_find(struct inode *directory, unsigned layer, const char *name, uint32_t bytes, uint32_t *number,
	const struct rootfs_inode **out)
{
	const struct rootfs_inode *record = layer_directory(directory, layer);
	int status;

	if (!record)
		return -ENOENT;
	status = rootfs_find(&layers[layer], record, name, bytes, number);
	if (status == 0)
		status = rootfs_inode(&layers[layer], *number, out);
	if (status == 0 && ((*out)->mode & S_IFMT) == S_IFDIR && (*out)->parent != directory->directory.image[layer])
		status = -EIO;
	return status;
}

static void directory_adopt(struct inode *parent, struct inode *child)
{
	inode_get(parent);
	child->directory.parent = parent;
}

int tree_image_find(struct inode *directory, const char *name, uint32_t bytes, struct inode **out)
{
	const struct rootfs_inode *record, *below;
	uint32_t number, below_number;
	unsigned layer = LAYER_OVERLAY;
	int status = layer_find(directory, layer, name, bytes, &number, &record);

	if (status == -ENOENT) {
		layer = LAYER_ROOT;
		status = layer_find(directory, layer, name, bytes, &number, &record);
	}
	if (status)
		return status;
	if ((record->mode & S_IFMT) != S_IFDIR)
		return record->nlink > 1 ? inode_shared(layer, number, record, out) : inode_from(layer, number, record, out);
	status = inode_from(layer, number, record, out);
	if (status)
		return status;
	(*out)->directory.image[layer] = number;
	directory_adopt(directory, *out);
	if (layer == LAYER_OVERLAY && layer_find(directory, LAYER_ROOT, name, bytes, &below_number, &below) == 0 &&
	    (below->mode & S_IFMT) == S_IFDIR) {
		(*out)->directory.image[LAYER_ROOT] = below_number;
		(*out)->nlink += below->nlink;          /* too many rather than too few: some count to save themselves looks */
	}
	return 0;
}

static bool layer_open(unsigned layer, const char *module)
{
	uint64_t bytes, first_page;
	const void *base = boot_module(module, &bytes, &first_page);
	int status = base ? rootfs_open(&layers[layer], base, bytes, first_page) : 0;

	if (status)
		log_line("unix: module %s is not a whole file system", module);
	return status == 0;
}

int tree_init(void)
{
	bool whole = layer_open(LAYER_ROOT, "rootfs");

	whole = layer_open(LAYER_OVERLAY, "overlay") && whole;
	tree_root = inode_make(S_IFDIR | 0755, 0, 0, 0);
	if (!tree_root)
		return -ENOMEM;
	tree_root->nlink = 2;
	for (unsigned layer = 0; layer < LAYERS; layer++)
		if (layers[layer].base)
			tree_root->nlink += layers[layer].inodes[ROOTFS_ROOT].nlink;
	tree_root->number = ROOTFS_ROOT;
	tree_root->directory.parent = tree_root;
	for (unsigned layer = 0; layer < LAYERS; layer++)
		if (layers[layer].base)
			tree_root->directory.image[layer] = ROOTFS_ROOT;
	return whole ? 0 : -EIO;
}
