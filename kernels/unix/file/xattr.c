/* Extended attributes (xattr(7)): each inode of a tree in memory has a list of them, by name. A value never changes: setting puts
 * another in its place, so that it can be copied to a program without the inode's lock, which guards the list. */
#include "file/file.h"

enum {
	XATTR_CREATE = 1, XATTR_REPLACE = 2, XATTR_NAME_BYTES = 256 /* with the zero */, XATTR_VALUE_BYTES = 65536,
	XATTR_LIST_BYTES = 16384 /* of all names of an inode: they fit a block */, VALUE_SMALL = 2048,
	VALUE_PAGES = XATTR_VALUE_BYTES / 4096,
};

struct attribute_value {
	uint32_t references;        /* atomic */
	uint32_t bytes;
	page_index pages[VALUE_PAGES];  /* of one with more than VALUE_SMALL */
	char small[];
};

struct attribute {
	struct attribute *next;     /* in the order of names */
	struct attribute_value *value;
	uint32_t name_bytes;        /* with the zero */
	char name[];
};

/* ---- values ---- */

static uint32_t value_pages(uint64_t bytes)
{
	return bytes <= VALUE_SMALL ? 0 : (uint32_t)((bytes + PAGE_BYTES - 1) / PAGE_BYTES);
}

static void value_put(struct attribute_value *value)
{
	if (!value || __atomic_sub_fetch(&value->references, 1, __ATOMIC_ACQ_REL))
		return;
	for (uint32_t i = 0; i < value_pages(value->bytes); i++)
		if (value->pages[i])
			page_put(value->pages[i]);
	heap_free(value);
}

/* A piece of a value: its address, and how many bytes lie there in a row. */
static char *value_piece(struct attribute_value *value, uint64_t at, uint64_t *bytes)
{
	uint64_t left = value->bytes - at, straight = PAGE_BYTES - at % PAGE_BYTES;

	if (value->bytes <= VALUE_SMALL) {
		*bytes = left;
		return value->small + at;
	}
	*bytes = left < straight ? left : straight;
	return (char *)page_address(value->pages[at / PAGE_BYTES]) + at % PAGE_BYTES;
}

/* An empty one, with room. 0, -ENOSPC: files have what they may, -ENOMEM. */
static int value_make(uint64_t bytes, struct attribute_value **out)
{
	uint32_t pages = value_pages(bytes);
	struct attribute_value *value;

	*out = 0;
	if (files_are_full(1 + pages))
		return -ENOSPC;
	value = heap_alloc(sizeof(*value) + (pages ? 0 : bytes));
	if (!value)
		return -ENOMEM;
	value->references = 1;
	value->bytes = (uint32_t)bytes;
	for (uint32_t i = 0; i < pages; i++) {
		value->pages[i] = page_alloc();
		if (!value->pages[i]) {
			value_put(value);
			return -ENOMEM;
		}
	}
	*out = value;
	return 0;
}

static int value_read(uint64_t from, uint64_t bytes, struct attribute_value **out)
{
	uint64_t piece;
	int status = value_make(bytes, out);

	for (uint64_t at = 0; status == 0 && at < bytes; at += piece) {
		char *to = value_piece(*out, at, &piece);

		status = user_read(to, from + at, piece);
	}
	if (status) {
		value_put(*out);
		*out = 0;
	}
	return status;
}

static int64_t value_write(struct attribute_value *value, uint64_t to, uint64_t limit)
{
	uint64_t piece;

	if (limit == 0)
		return value->bytes;
	if (value->bytes > limit)
		return -ERANGE;
	for (uint64_t at = 0; at < value->bytes; at += piece) {
		const char *from = value_piece(value, at, &piece);

		if (user_write(to + at, from, piece))
			return -EFAULT;
	}
	return value->bytes;
}

/* ---- the list of an inode ---- */

static bool has_prefix(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

#define CAPABILITY_NAME "security.capability"

/* Where the attribute stands, or would. Inode's lock. */
static struct attribute **attribute_find(struct inode *inode, const char *name)
{
	struct attribute **place = &inode->attributes;

	while (*place && strcmp((*place)->name, name) < 0)
		place = &(*place)->next;
	return place;
}

static bool is_named(const struct attribute *attribute, const char *name)
{
	return attribute && strcmp(attribute->name, name) == 0;
}

static void attribute_remove(struct attribute **place)
{
	struct attribute *attribute = *place;

	*place = attribute->next;
	value_put(attribute->value);
	heap_free(attribute);
}

void attributes_free(struct inode *inode)
{
	while (inode->attributes)
		attribute_remove(&inode->attributes);
}

void attributes_written(struct inode *inode)
{
	struct attribute **place = attribute_find(inode, CAPABILITY_NAME);

	if (is_named(*place, CAPABILITY_NAME))
		attribute_remove(place);
}

static uint64_t names_bytes(const struct inode *inode, bool trusted)
{
	uint64_t bytes = 0;

	for (const struct attribute *attribute = inode->attributes; attribute; attribute = attribute->next)
		bytes += trusted || !has_prefix(attribute->name, "trusted.") ? attribute->name_bytes : 0;
	return bytes;
}

static int attribute_add(struct inode *inode, struct attribute **place, const char *name, struct attribute_value *value)
{
	uint64_t bytes = strlen(name) + 1;
	struct attribute *attribute;

	if (names_bytes(inode, true) + bytes > XATTR_LIST_BYTES)
		return -ENOSPC;
	attribute = heap_alloc_any(sizeof(*attribute) + bytes);
	if (!attribute)
		return -ENOMEM;
	memcpy(attribute->name, name, bytes);
	attribute->name_bytes = (uint32_t)bytes;
	attribute->value = value;
	attribute->next = *place;
	*place = attribute;
	return 0;
}

/* Takes over the reference to the value if it says 0. Lock held. */
static int attribute_set(struct inode *inode, const char *name, struct attribute_value *value, uint64_t flags)
{
	struct attribute **place = attribute_find(inode, name);

	if (!is_named(*place, name))
		return flags & XATTR_REPLACE ? -ENODATA : attribute_add(inode, place, name, value);
	if (flags & XATTR_CREATE)
		return -EEXIST;
	value_put((*place)->value);
	(*place)->value = value;
	return 0;
}

static struct attribute_value *attribute_get(struct inode *inode, const char *name)
{
	struct attribute_value *value = 0;
	struct attribute **place;

	mutex_lock(&inode->lock);
	place = attribute_find(inode, name);
	if (is_named(*place, name)) {
		value = (*place)->value;
		__atomic_fetch_add(&value->references, 1, __ATOMIC_RELAXED);
	}
	mutex_unlock(&inode->lock);
	return value;
}

/* ---- file capabilities (capabilities(7)) ---- */

enum { REVISION_MASK = 0xff000000, REVISION_2 = 0x02000000, REVISION_3 = 0x03000000, EFFECTIVE = 1 };
struct capability_value {       /* revision 2 ends before the user */
	uint32_t magic;
	struct { uint32_t permitted, inheritable; } words[2];
	uint32_t root;
};
enum { VALUE_2_BYTES = 20, VALUE_3_BYTES = 24 };

static bool capabilities_good(const struct attribute_value *value)
{
	uint32_t revision = ((const struct capability_value *)value->small)->magic & REVISION_MASK;

	return (value->bytes == VALUE_2_BYTES && revision == REVISION_2) || (value->bytes == VALUE_3_BYTES && revision == REVISION_3);
}

void file_capabilities(const struct file *file, struct file_capabilities *out)
{
	struct attribute_value *value = attribute_get(file->inode, CAPABILITY_NAME);
	const struct capability_value *said;

	*out = (struct file_capabilities){0};
	if (!value)
		return;
	said = (const struct capability_value *)value->small;
	if (value->bytes == VALUE_2_BYTES || said->root == 0) {
		out->there = true;
		out->effective = said->magic & EFFECTIVE;
		out->permitted = ((uint64_t)said->words[1].permitted << 32 | said->words[0].permitted) & CAPABILITIES_ALL;
		out->inheritable = ((uint64_t)said->words[1].inheritable << 32 | said->words[0].inheritable) & CAPABILITIES_ALL;
	}
	value_put(value);
}

/* ---- who may ---- */

static int user_allowed(struct inode *inode, bool write)
{
	if (!inode_is(inode, S_IFREG) && !inode_is(inode, S_IFDIR))
		return write ? -EPERM : -ENODATA;
	return write && inode_is(inode, S_IFDIR) && (inode->mode & S_ISVTX) && !inode_owned(inode) ? -EPERM : 0;
}

/* 0, -EPERM, -ENODATA, -EACCES. */
static int attribute_allowed(struct inode *inode, const char *name, bool write)
{
	int status = 0;

	if (has_prefix(name, "security.")) {
		unsigned needed = strcmp(name, CAPABILITY_NAME) == 0 ? CAP_SETFCAP : CAP_SYS_ADMIN;

		return write && !capable(needed) ? -EPERM : 0;
	}
	if (has_prefix(name, "system."))
		return 0;
	if (has_prefix(name, "trusted."))
		return capable(CAP_SYS_ADMIN) ? 0 : write ? -EPERM : -ENODATA;
	if (has_prefix(name, "user."))
		status = user_allowed(inode, write);
	return status ? status : inode_allowed(inode, write ? W_OK : R_OK);
}

/* Whether the file system keeps such attributes. 0, -EOPNOTSUPP, -EINVAL: only a prefix. */
static int attribute_kept(const struct inode *inode, const char *name)
{
	bool here = inode->filesystem == FILESYSTEM_TREE || inode->filesystem == FILESYSTEM_SHARED ||
		(inode->filesystem == FILESYSTEM_ANONYMOUS && inode_is(inode, S_IFREG) && !inode->operations);

	if (!here || !(has_prefix(name, "user.") || has_prefix(name, "trusted.") || has_prefix(name, "security.")))
		return -EOPNOTSUPP;
	return strchr(name, '.')[1] ? 0 : -EINVAL;
}

/* ---- the calls ---- */

/* How the file is named. */
enum by { BY_PATH, BY_LINK, BY_DESCRIPTOR };

static int inode_of_descriptor(int descriptor, struct inode **out)
{
	struct held held;
	int status = 0;

	if (!held_get(&held, descriptor))
		return -EBADF;
	if (held.file->flags & O_PATH)
		status = -EBADF;
	else
		inode_get(*out = held.file->inode);
	held_put(&held);
	return status;
}

static int inode_find(enum by by, uint64_t what, struct inode **out)
{
	if (by == BY_DESCRIPTOR)
		return inode_of_descriptor((int)what, out);
	return path_inode(AT_FDCWD, what, by == BY_PATH ? WALK_FOLLOW : 0, out);
}

static int name_read(char *name, uint64_t from)
{
	int64_t bytes = user_string(name, from, XATTR_NAME_BYTES);

	return bytes == -EFAULT ? -EFAULT : bytes <= 0 ? -ERANGE : 0;
}

static int inode_attribute_check(struct inode *inode, const char *name, bool write)
{
	int status = attribute_allowed(inode, name, write);

	return status ? status : attribute_kept(inode, name);
}

/* Sets or, with no value, removes. Takes over the value's reference. */
static int inode_attribute_change(struct inode *inode, const char *name, struct attribute_value *value, uint64_t flags)
{
	struct attribute **place;
	int status = inode_attribute_check(inode, name, true);

	if (status == 0 && value && strcmp(name, CAPABILITY_NAME) == 0 && !capabilities_good(value))
		status = -EINVAL;
	if (status == 0) {
		mutex_lock(&inode->lock);
		place = attribute_find(inode, name);
		if (value)
			status = attribute_set(inode, name, value, flags);
		else if (is_named(*place, name))
			attribute_remove(place);
		else
			status = -ENODATA;
		if (status == 0)
			inode->changed_ns = (int64_t)time_wall();
		mutex_unlock(&inode->lock);
	}
	if (status)
		value_put(value);
	else if (inotify_wanted())
		inotify_self(inode, IN_ATTRIB);
	return status;
}

static int64_t set_call(enum by by, uint64_t file, uint64_t name_at, uint64_t from, uint64_t bytes, uint64_t flags)
{
	char name[XATTR_NAME_BYTES];
	struct attribute_value *value;
	struct inode *inode;
	int status;

	if ((uint32_t)flags & ~(uint32_t)(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	status = name_read(name, name_at);
	if (status == 0 && bytes > XATTR_VALUE_BYTES)
		status = -E2BIG;
	if (status == 0)
		status = value_read(from, bytes, &value);
	if (status)
		return status;
	status = inode_find(by, file, &inode);
	if (status) {
		value_put(value);
		return status;
	}
	status = inode_attribute_change(inode, name, value, flags);
	inode_put(inode);
	return status;
}

static int64_t get_call(enum by by, uint64_t file, uint64_t name_at, uint64_t to, uint64_t limit)
{
	char name[XATTR_NAME_BYTES];
	struct attribute_value *value;
	struct inode *inode;
	int64_t result = name_read(name, name_at);

	if (result == 0)
		result = inode_find(by, file, &inode);
	if (result)
		return result;
	result = inode_attribute_check(inode, name, false);
	value = result ? 0 : attribute_get(inode, name);
	inode_put(inode);
	if (!value)
		return result ? result : -ENODATA;
	result = value_write(value, to, limit);
	value_put(value);
	return result;
}

static int64_t remove_call(enum by by, uint64_t file, uint64_t name_at)
{
	char name[XATTR_NAME_BYTES];
	struct inode *inode;
	int status = name_read(name, name_at);

	if (status == 0)
		status = inode_find(by, file, &inode);
	if (status)
		return status;
	status = inode_attribute_change(inode, name, 0, 0);
	inode_put(inode);
	return status;
}

/* Fills a block with the names that the caller may see. How many bytes that are. */
static uint64_t names_fill(struct inode *inode, char *to, uint64_t limit)
{
	bool trusted = capable(CAP_SYS_ADMIN);
	uint64_t bytes;

	mutex_lock(&inode->lock);
	bytes = names_bytes(inode, trusted);
	for (const struct attribute *a = inode->attributes; bytes <= limit && a; a = a->next) {
		if (!trusted && has_prefix(a->name, "trusted."))
			continue;
		memcpy(to, a->name, a->name_bytes);
		to += a->name_bytes;
	}
	mutex_unlock(&inode->lock);
	return bytes;
}

static int64_t list_call(enum by by, uint64_t file, uint64_t to, uint64_t limit)
{
	struct inode *inode;
	uint64_t bytes = 0;
	char *block = 0;
	int status = inode_find(by, file, &inode);

	if (status)
		return status;
	if (__atomic_load_n(&inode->attributes, __ATOMIC_RELAXED)) {
		block = page_block_alloc();
		status = block ? 0 : -ENOMEM;
	}
	if (block)
		bytes = names_fill(inode, block, limit < XATTR_LIST_BYTES ? limit : XATTR_LIST_BYTES);
	inode_put(inode);
	if (status == 0 && limit && bytes > limit)
		status = -ERANGE;
	else if (status == 0 && limit && bytes)
		status = user_write(to, block, bytes);
	if (block)
		page_block_free(block);
	return status ? status : (int64_t)bytes;
}

int64_t sys_setxattr(SYSCALL_ARGUMENTS)
{
	return set_call(BY_PATH, a0, a1, a2, a3, a4);
}

int64_t sys_lsetxattr(SYSCALL_ARGUMENTS)
{
	return set_call(BY_LINK, a0, a1, a2, a3, a4);
}

int64_t sys_fsetxattr(SYSCALL_ARGUMENTS)
{
	return set_call(BY_DESCRIPTOR, a0, a1, a2, a3, a4);
}

int64_t sys_getxattr(SYSCALL_ARGUMENTS)
{
	return get_call(BY_PATH, a0, a1, a2, a3);
}

int64_t sys_lgetxattr(SYSCALL_ARGUMENTS)
{
	return get_call(BY_LINK, a0, a1, a2, a3);
}

int64_t sys_fgetxattr(SYSCALL_ARGUMENTS)
{
	return get_call(BY_DESCRIPTOR, a0, a1, a2, a3);
}

int64_t sys_removexattr(SYSCALL_ARGUMENTS)
{
	return remove_call(BY_PATH, a0, a1);
}

int64_t sys_lremovexattr(SYSCALL_ARGUMENTS)
{
	return remove_call(BY_LINK, a0, a1);
}

int64_t sys_fremovexattr(SYSCALL_ARGUMENTS)
{
	return remove_call(BY_DESCRIPTOR, a0, a1);
}

int64_t sys_listxattr(SYSCALL_ARGUMENTS)
{
	return list_call(BY_PATH, a0, a1, a2);
}

int64_t sys_llistxattr(SYSCALL_ARGUMENTS)
{
	return list_call(BY_LINK, a0, a1, a2);
}

int64_t sys_flistxattr(SYSCALL_ARGUMENTS)
{
	return list_call(BY_DESCRIPTOR, a0, a1, a2);
}
