/* Lays a tar archive over the tree: POSIX ustar and pax (IEEE 1003.1, pax), and GNU's long names. The archive stays in memory; files
 * point into it. Every length is checked against the archive before it is used. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "abi/rootfs.h"
#include "tools/rootfs/tree.h"

#define BLOCK 512

struct tar_header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], check[8], type, link[100];
	char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct tar_header) == BLOCK, "tar's block");

struct text {                   /* part of the archive; not zero-terminated. Null: absent */
	const char *at;
	size_t bytes;
};

struct extra {                  /* what pax or GNU records say of the next entry */
	struct text path, link;
	uint64_t size, uid, gid;
	int64_t mtime_ns;
	bool has_size, has_uid, has_gid, has_mtime;
};

struct tar {
	struct tree *tree;
	const uint8_t *bytes;
	size_t count, at;
	struct extra next;
	struct complaint *complaint;
};

struct entry {
	const struct tar_header *header;
	struct text path, link;
	char joined[sizeof(((struct tar_header *)0)->prefix) + 1 + sizeof(((struct tar_header *)0)->name)];
	uint64_t size;
	const uint8_t *data;
};

static bool broken(struct tar *tar, const char *what)
{
	return complain(tar->complaint, "the archive is damaged at byte %zu: %s", tar->at, what);
}

/* Octal text, or GNU's base 256 when the first byte has its top bit set. */
static bool number_of(const char *field, size_t bytes, uint64_t *number)
{
	const uint8_t *digit = (const uint8_t *)field;
	size_t i = 0;

	*number = 0;
	if (digit[0] & 0x80) {
		for (i = 1; i < bytes; i++)
			if (*number >> 56)
				return false;
			else
				*number = *number << 8 | digit[i];
		return digit[0] == 0x80;
	}
	while (i < bytes && digit[i] == ' ')
		i++;
	for (; i < bytes && digit[i] >= '0' && digit[i] <= '7'; i++)
		*number = *number << 3 | (digit[i] - '0');
	return i == bytes || digit[i] == 0 || digit[i] == ' ';
}

static bool decimal_of(struct text text, uint64_t *number, uint64_t *fraction_ns)
{
	uint64_t unit = 1000000000;
	size_t i = 0;

	*number = *fraction_ns = 0;
	if (text.bytes == 0 || text.bytes > 40)
		return false;
	for (; i < text.bytes && text.at[i] >= '0' && text.at[i] <= '9'; i++)
		if (__builtin_mul_overflow(*number, 10, number) || __builtin_add_overflow(*number, text.at[i] - '0', number))
			return false;
	if (i < text.bytes && text.at[i] == '.')
		for (i++; i < text.bytes && text.at[i] >= '0' && text.at[i] <= '9'; i++)
			*fraction_ns += (text.at[i] - '0') * (unit /= 10);
	return i == text.bytes;
}

static bool text_is(struct text text, const char *word)
{
	return text.bytes == strlen(word) && memcmp(text.at, word, text.bytes) == 0;
}

static bool record_take(struct tar *tar, struct text key, struct text value)
{
	struct extra *next = &tar->next;
	uint64_t fraction, seconds;

	if (text_is(key, "path"))
		next->path = value;
	else if (text_is(key, "linkpath"))
		next->link = value;
	else if (text_is(key, "size"))
		return next->has_size = decimal_of(value, &next->size, &fraction);
	else if (text_is(key, "uid"))
		return next->has_uid = decimal_of(value, &next->uid, &fraction);
	else if (text_is(key, "gid"))
		return next->has_gid = decimal_of(value, &next->gid, &fraction);
	else if (text_is(key, "mtime") && value.bytes && value.at[0] != '-') {
		next->has_mtime = decimal_of(value, &seconds, &fraction) && seconds < INT64_MAX / 1000000000;
		next->mtime_ns = next->has_mtime ? (int64_t)(seconds * 1000000000 + fraction) : 0;
		return next->has_mtime;
	} else if (key.bytes > 11 && memcmp(key.at, "GNU.sparse.", 11) == 0)
		return false;
	return true;
}

/* One pax record "LENGTH KEY=VALUE\n"; false when malformed. */
static bool record_parse(struct tar *tar, struct text *rest)
{
	size_t length = 0, digits = 0;
	const char *equals;

	while (digits < rest->bytes && digits < 9 && rest->at[digits] >= '0' && rest->at[digits] <= '9')
		length = length * 10 + (rest->at[digits++] - '0');
	if (digits == 0 || length < digits + 3 || length > rest->bytes || rest->at[digits] != ' ' ||
	    rest->at[length - 1] != '\n')
		return false;
	equals = memchr(rest->at + digits + 1, '=', length - digits - 2);
	if (!equals)
		return false;
	if (!record_take(tar, (struct text){ rest->at + digits + 1, equals - (rest->at + digits + 1) },
			(struct text){ equals + 1, rest->at + length - 1 - (equals + 1) }))
		return false;
	*rest = (struct text){ rest->at + length, rest->bytes - length };
	return true;
}

static bool records_parse(struct tar *tar, const struct entry *entry)
{
	struct text rest = { (const char *)entry->data, entry->size };

	while (rest.bytes)
		if (!record_parse(tar, &rest))
			return broken(tar, "an extended header that is malformed or not supported");
	return true;
}

static struct text text_of(const char *at, size_t room)
{
	return (struct text){ at, strnlen(at, room) };
}

/* The directory that holds the last component of path, made as needed; *name becomes that component, empty for the root. */
static struct tree_file *parent_of(struct tar *tar, struct text path, struct text *name)
{
	struct tree_file *directory = tar->tree->root;
	struct tree_node *node;
	size_t at = 0;

	*name = (struct text){ 0 };
	while (at < path.bytes) {
		const char *start = path.at + at;
		const char *slash = memchr(start, '/', path.bytes - at);
		size_t bytes = slash ? (size_t)(slash - start) : path.bytes - at;

		at += bytes + 1;
		if (bytes == 0 || (bytes == 1 && *start == '.'))
			continue;
		if (!tree_name_is_good(start, bytes))
			return broken(tar, "a name with \"..\", or too long"), NULL;
		if (name->bytes) {
			node = tree_find(directory, name->at, name->bytes);
			directory = node ? node->file :
				tree_put(directory, name->at, name->bytes, tree_file_make(S_IFDIR | 0755));
			if (!S_ISDIR(directory->mode))
				return broken(tar, "a name below something that is not a directory"), NULL;
		}
		*name = (struct text){ start, bytes };
	}
	return directory;
}

static struct tree_file *file_of_path(struct tar *tar, struct text path)
{
	struct text name;
	struct tree_file *directory = parent_of(tar, path, &name);
	struct tree_node *node = directory && name.bytes ? tree_find(directory, name.at, name.bytes) : NULL;

	return node ? node->file : NULL;
}

static uint32_t mode_of_type(char type)
{
	switch (type) {
	case '0': case 0: case '7': return S_IFREG;
	case '2': return S_IFLNK;
	case '3': return S_IFCHR;
	case '4': return S_IFBLK;
	case '5': return S_IFDIR;
	case '6': return S_IFIFO;
	default: return 0;
	}
}

static bool attributes_take(struct tar *tar, const struct tar_header *header, struct tree_file *file)
{
	uint64_t mode, uid, gid, mtime;

	if (!number_of(header->mode, sizeof header->mode, &mode) || !number_of(header->uid, sizeof header->uid, &uid) ||
	    !number_of(header->gid, sizeof header->gid, &gid) || !number_of(header->mtime, sizeof header->mtime, &mtime))
		return broken(tar, "a number that is none");
	file->mode |= mode & 07777;
	file->uid = tar->next.has_uid ? tar->next.uid : uid;
	file->gid = tar->next.has_gid ? tar->next.gid : gid;
	file->mtime_ns = tar->next.has_mtime ? tar->next.mtime_ns :
		mtime < INT64_MAX / 1000000000 ? (int64_t)(mtime * 1000000000) : 0;
	return true;
}

static bool content_take(struct tar *tar, const struct entry *entry, struct tree_file *file)
{
	uint64_t major = 0, minor = 0;

	if (S_ISREG(file->mode)) {
		file->size = entry->size;
		file->bytes = entry->data;
	} else if (S_ISLNK(file->mode)) {
		if (entry->link.bytes == 0 || entry->link.bytes > ROOTFS_TARGET_LIMIT || memchr(entry->link.at, 0, entry->link.bytes))
			return broken(tar, "a symbolic link without a target, or with one that is too long");
		file->size = entry->link.bytes;
		file->target = take_copy(entry->link.at, entry->link.bytes);
	} else if (S_ISCHR(file->mode) || S_ISBLK(file->mode)) {
		if (!number_of(entry->header->major, 8, &major) || !number_of(entry->header->minor, 8, &minor))
			return broken(tar, "a device without numbers");
		file->rdev_major = major;
		file->rdev_minor = minor;
	}
	return true;
}

static bool root_take(struct tar *tar, const struct tree_file *file)
{
	if (!S_ISDIR(file->mode))
		return broken(tar, "a file without a name");
	tar->tree->root->mode = file->mode;
	tar->tree->root->uid = file->uid;
	tar->tree->root->gid = file->gid;
	tar->tree->root->mtime_ns = file->mtime_ns;
	return true;
}

static bool entry_put(struct tar *tar, const struct entry *entry)
{
	char type = entry->header->type;
	struct tree_file *directory, *file;
	struct text name;

	directory = parent_of(tar, entry->path, &name);
	if (!directory)
		return false;
	if (type == '1') {
		file = file_of_path(tar, entry->link);
		if (!file || S_ISDIR(file->mode) || !name.bytes)
			return broken(tar, "a link to a file that is not in the archive");
	} else {
		if (!mode_of_type(type))
			return broken(tar, "an entry of a kind that is not supported");
		file = tree_file_make(mode_of_type(type));
		if (!attributes_take(tar, entry->header, file) || !content_take(tar, entry, file))
			return false;
		if (!name.bytes)
			return root_take(tar, file);
	}
	tree_put(directory, name.at, name.bytes, file);
	return true;
}

static bool header_is_good(const struct tar_header *header)
{
	const uint8_t *byte = (const uint8_t *)header;
	size_t check = offsetof(struct tar_header, check);
	uint64_t sum = 0, wanted;

	for (size_t i = 0; i < BLOCK; i++)
		sum += i - check < sizeof header->check ? ' ' : byte[i];
	return number_of(header->check, sizeof header->check, &wanted) && sum == wanted;
}

/* The name, the link and the data of the entry at tar->at, with what extended headers said before. */
static bool entry_read(struct tar *tar, struct entry *entry)
{
	const struct tar_header *header = (const void *)(tar->bytes + tar->at);
	struct text name = text_of(header->name, sizeof header->name);
	struct text prefix = text_of(header->prefix, sizeof header->prefix);
	bool plain = strchr("07123456", header->type ? header->type : '0');

	if (!header_is_good(header) || !number_of(header->size, sizeof header->size, &entry->size))
		return broken(tar, "no header, or a wrong check sum");
	entry->header = header;
	if (plain && memcmp(header->magic, "ustar", 6) == 0 && prefix.bytes) {
		memcpy(entry->joined, prefix.at, prefix.bytes);
		entry->joined[prefix.bytes] = '/';
		memcpy(entry->joined + prefix.bytes + 1, name.at, name.bytes);
		name = (struct text){ entry->joined, prefix.bytes + 1 + name.bytes };
	}
	entry->path = plain && tar->next.path.at ? tar->next.path : name;
	entry->link = plain && tar->next.link.at ? tar->next.link : text_of(header->link, sizeof header->link);
	if (plain && tar->next.has_size)
		entry->size = tar->next.size;
	if (plain && header->type && !strchr("07", header->type))
		entry->size = 0;
	entry->data = tar->bytes + tar->at + BLOCK;
	if (entry->size > tar->count - tar->at - BLOCK)
		return broken(tar, "a file goes on past the end: the archive is cut short");
	return true;
}

static bool entry_take(struct tar *tar, const struct entry *entry)
{
	bool done;

	switch (entry->header->type) {
	case 'L':
		tar->next.path = text_of((const char *)entry->data, entry->size);
		return true;
	case 'K':
		tar->next.link = text_of((const char *)entry->data, entry->size);
		return true;
	case 'x':
		return records_parse(tar, entry);
	case 'g':
		return true;
	default:
		done = entry_put(tar, entry);
		tar->next = (struct extra){ 0 };
		return done;
	}
}

static bool block_is_zero(const uint8_t *block)
{
	for (size_t i = 0; i < BLOCK; i++)
		if (block[i])
			return false;
	return true;
}

bool tree_add_tar(struct tree *tree, const uint8_t *bytes, size_t count, struct complaint *complaint)
{
	struct tar tar = { .tree = tree, .bytes = bytes, .count = count, .complaint = complaint };
	struct entry entry;

	for (;;) {
		size_t data;

		if (count - tar.at < BLOCK)
			return broken(&tar, "no end mark: the archive is cut short");
		if (block_is_zero(bytes + tar.at))
			return true;
		if (!entry_read(&tar, &entry) || !entry_take(&tar, &entry))
			return false;
		data = (entry.size + BLOCK - 1) / BLOCK * BLOCK;
		if (data > count - tar.at - BLOCK)
			return broken(&tar, "no end mark: the archive is cut short");
		tar.at += BLOCK + data;
	}
}
