/* Root file systems, as UNIX reads them and as the host checks them. The tables' sum is made right first, for it can be forged. What
 * the host accepts, UNIX reads without an error. */
#include "tests/fuzz/fuzz.h"
#include <errno.h>
#include "baryon/hash.h"
#include "file/rootfs.h"
#include "tools/rootfs/tree.h"

static void directory_read(const struct rootfs *fs, const struct rootfs_inode *directory, bool good)
{
	struct rootfs_name name;
	uint32_t number;
	int status;

	for (uint32_t n = 0; (status = rootfs_entry(fs, directory, n, &name)) == 0; n++) {
		static volatile char sum;

		for (uint32_t i = 0; i < name.bytes; i++)
			sum += name.name[i];
		HOLDS(name.inode < fs->inode_count);
		status = rootfs_find(fs, directory, name.name, name.bytes, &number);
		HOLDS(!good || (status == 0 && number == name.inode));
	}
	HOLDS(!good || status == -ENOENT);
}

static void read_all(const struct rootfs *fs, bool good)
{
	const struct rootfs_inode *inode;

	for (uint32_t i = 0; i < fs->inode_count; i++) {
		int status = rootfs_inode(fs, i, &inode);

		HOLDS(!good || i < ROOTFS_ROOT || status == 0);
		if (status == 0 && (inode->mode & 0170000) == 0040000)
			directory_read(fs, inode, good);
	}
}

static void forge(uint8_t *bytes, size_t size)
{
	struct rootfs_header *header = (struct rootfs_header *)bytes;

	if (size >= PAGE_BYTES && header->data >= PAGE_BYTES && header->data <= size)
		header->check = hash_fnv1a(FNV_START, bytes + PAGE_BYTES, header->data - PAGE_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct complaint complaint;
	uint8_t *bytes = fuzz_copy(input, size, 4096);
	struct rootfs fs;

	forge(bytes, size);
	if (rootfs_open(&fs, bytes, size, 0) == 0)
		read_all(&fs, rootfs_check(bytes, size, &complaint));
	free(bytes);
	return 0;
}
