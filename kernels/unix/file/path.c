/* Paths: walking them, and building them back. Holds one reference at a time on its way and one directory lock inside
 * directory_find; a walk never waits with a lock held. */
#include "file/file.h"

static struct inode *path_state_inode(struct inode **which)
{
	struct path_state *paths = self_process()->paths;
	struct inode *inode;

	mutex_lock(&paths->lock);
	inode = *which;
	inode_get(inode);
	mutex_unlock(&paths->lock);
	return inode;
}

uint32_t path_umask(void)
{
	return __atomic_load_n(&self_process()->paths->umask, __ATOMIC_RELAXED);
}

struct step {                   /* where a walk is */
	struct inode *at;           /* referenced */
	struct inode *root;
	const char *path;           /* what is left */
	uint32_t links;
	bool all;                   /* the caller may walk through every folder */
};

/* Cuts the next name off. Returns false at the end of the path; the walk then still holds the last name. */
static bool step_name(struct walk *walk, struct step *step)
{
	const char *path = step->path, *name;
	uint32_t hash = NAME_HASH_START;

	while (*path == '/')
		path++;
	if (!*path)
		return false;
	for (name = path; *path && *path != '/'; path++)
		hash = name_hash_step(hash, *path);
	walk->name = name;
	walk->bytes = (uint32_t)(path - name);
	walk->hash = hash;
	walk->slash = *path == '/';
	while (*path == '/')
		path++;
	step->path = path;
	walk->dots = name[0] == '.' && (walk->bytes == 1 || (walk->bytes == 2 && name[1] == '.'));
	return true;
}

static void step_to(struct step *step, struct inode *inode)
{
	inode_put(step->at);
	step->at = inode;
}

/* Puts a link's target before the rest of the path, in a new page. */
static int link_splice(struct walk *walk, struct step *step, struct inode *link)
{
	uint64_t rest = strlen(step->path);
	page_index page = page_alloc_any();
	char *text = page_address(page);
	int64_t bytes;

	if (!page)
		return -ENOMEM;
	bytes = rest + 2 < PATH_MAX ? inode_readlink(link, text, PATH_MAX - rest - 1) : -ENAMETOOLONG;
	if (bytes == (int64_t)(PATH_MAX - rest - 1))
		bytes = -ENAMETOOLONG;
	if (bytes <= 0) {
		page_put(page);
		return bytes ? (int)bytes : -ENOENT;
	}
	if (walk->slash)
		text[bytes++] = '/';
	memcpy(text + bytes, step->path, rest + 1);
	if (walk->page)
		page_put(walk->page);
	walk->page = page;
	step->path = text;
	return 0;
}

/* Goes through a symbolic link. 0: walk on from step; 1: *inode is what it leads to. */
static int link_follow(struct walk *walk, struct step *step, uint32_t flags, struct inode **inode)
{
	struct inode *link = *inode, *folder = 0;
	int status;

	if (++step->links > LINKS_FOLLOWED || (flags & WALK_NO_LINKS))
		return -ELOOP;
	if (link->operations && link->operations->follow) {
		if (flags & (WALK_NO_MAGIC | WALK_BENEATH | WALK_IN_ROOT))
			return flags & WALK_NO_MAGIC ? -ELOOP : -EXDEV;
		status = link->operations->follow(link, inode, &folder);
		if (status == 0) {
			inode_put(link);
			if (folder)
				step_to(step, folder);
			return 1;
		}
		if (status != -EINVAL)
			return status;
	}
	status = link_splice(walk, step, link);
	if (status == 0 && *step->path == '/' && (flags & WALK_BENEATH))
		status = -EXDEV;
	if (status == 0 && *step->path == '/') {
		inode_get(step->root);
		step_to(step, step->root);
	}
	return status;
}

/* One name. 0: go on; 1: the walk has ended, walk->inode and folder say where. */
static int walk_step(struct walk *walk, struct step *step, uint32_t flags)
{
	bool last = *step->path == 0;
	struct inode *inode = 0;
	int status;

	if (!inode_is(step->at, S_IFDIR))
		return -ENOTDIR;
	status = step->all ? 0 : inode_allowed(step->at, X_OK);
	if (status)
		return status;
	if (walk->dots) {
		if (walk->bytes == 2 && step->at == step->root && (flags & WALK_BENEATH))
			return -EXDEV;
		if (walk->bytes == 2 && step->at != step->root)
			step_to(step, directory_parent(step->at));
		return 0;
	}
	if (last && walk->slash && (flags & WALK_CREATE))
		return -EISDIR;
	status = directory_find(step->at, walk->name, walk->bytes, walk->hash, &inode);
	if (status == -ENOENT && last) {
		walk->folder = step->at;
		step->at = 0;
		return 1;
	}
	if (status)
		return status;
	if (inode_is(inode, S_IFLNK) && (!last || (flags & WALK_FOLLOW) || (walk->slash && !(flags & WALK_NAME)))) {
		status = link_follow(walk, step, flags, &inode);
		if (status <= 0) {
			inode_put(inode);
			return status;
		}
	}
	if (!last) {
		step_to(step, inode);
		return 0;
	}
	walk->inode = inode;
	walk->folder = step->at;
	step->at = 0;
	return walk->slash && !(flags & WALK_NAME) && !inode_is(inode, S_IFDIR) ? -ENOTDIR : 1;
}

static int walk_from(struct walk *walk, struct step *step, uint32_t flags)
{
	int status = 0;

	while (status == 0 && step_name(walk, step))
		status = walk_step(walk, step, flags);
	if (status == 0) {          /* the path ended in "/", "." or ".." */
		walk->inode = step->at;
		walk->dots = true;
		step->at = 0;
	}
	inode_put(step->at);
	return status < 0 ? status : 0;
}

/* The directory (or, for an empty path, anything) at which a walk starts. */
static int start_find(int descriptor, bool any, struct inode **out)
{
	struct held held;
	int status = 0;

	if (descriptor == AT_FDCWD) {
		*out = path_state_inode(&self_process()->paths->current);
		return 0;
	}
	if (!held_get(&held, descriptor))
		return -EBADF;
	if (any || inode_is(held.file->inode, S_IFDIR)) {
		*out = held.file->inode;
		inode_get(*out);
	} else {
		status = -ENOTDIR;
	}
	held_put(&held);
	return status;
}

/* Above which a walk does not go. */
static int root_find(int descriptor, uint32_t flags, struct inode **out)
{
	if (flags & (WALK_BENEATH | WALK_IN_ROOT))
		return start_find(descriptor, false, out);
	*out = path_state_inode(&self_process()->paths->root);
	return 0;
}

#define SEARCHES (CAPABILITY(CAP_DAC_OVERRIDE) | CAPABILITY(CAP_DAC_READ_SEARCH))

static int walk_path(struct walk *walk, int descriptor, const char *path, uint32_t flags)
{
	struct step step = {.path = path, .all = self_process()->credentials.effective & SEARCHES};
	int status = 0;

	if (*path == 0) {
		walk->dots = true;
		return flags & WALK_EMPTY ? start_find(descriptor, true, &walk->inode) : -ENOENT;
	}
	status = root_find(descriptor, flags, &step.root);
	if (status)
		return status;
	if (*path == '/' && (flags & WALK_BENEATH)) {
		status = -EXDEV;
	} else if (*path == '/') {
		step.at = step.root;
		inode_get(step.at);
	} else {
		status = start_find(descriptor, false, &step.at);
	}
	if (status == 0)
		status = walk_from(walk, &step, flags);
	inode_put(step.root);
	return status;
}

static void walk_clear(struct walk *walk)
{
	walk->folder = walk->inode = 0;
	walk->page = 0;
	walk->bytes = 0;
	walk->slash = walk->dots = false;
}

int walk_user(struct walk *walk, int descriptor, uint64_t path, uint32_t flags)
{
	int64_t bytes;

	walk_clear(walk);
	bytes = path || !(flags & WALK_EMPTY) ? user_string(walk->small, path, WALK_SMALL) : (walk->small[0] = 0);
	if (bytes == -ENAMETOOLONG) {
		walk->page = page_alloc_any();
		if (!walk->page)
			return -ENOMEM;
		bytes = user_string(page_address(walk->page), path, PATH_MAX);
	}
	if (bytes < 0)
		return (int)bytes;
	return walk_path(walk, descriptor, walk->page ? page_address(walk->page) : walk->small, flags);
}

int walk_text(struct walk *walk, const char *path, uint32_t flags)
{
	walk_clear(walk);
	return walk_path(walk, AT_FDCWD, path, flags);
}

void walk_end(struct walk *walk)
{
	inode_put(walk->inode);
	inode_put(walk->folder);
	if (walk->page)
		page_put(walk->page);
}

int walk_to_inode(struct walk *walk, int descriptor, uint64_t path, uint32_t flags)
{
	int status = walk_user(walk, descriptor, path, flags);

	return status == 0 && !walk->inode ? -ENOENT : status;
}

int path_inode(int descriptor, uint64_t path, uint32_t flags, struct inode **out)
{
	struct walk walk;
	int status = walk_to_inode(&walk, descriptor, path, flags);

	if (status == 0) {
		*out = walk.inode;
		walk.inode = 0;
	}
	walk_end(&walk);
	return status;
}

int directory_may_remove(struct inode *directory, struct inode *victim)
{
	int status = inode_allowed(directory, W_OK | X_OK);

	if (status == 0 && (directory->mode & S_ISVTX) && !inode_owned(directory) && !inode_owned(victim))
		status = -EPERM;
	return status;
}

/* The name of a directory in its parent. Its length, -ENOENT when it was removed. rename_lock is held. */
static int64_t folder_name(struct inode *inode, char *to, uint64_t limit)
{
	struct inode *parent = inode->directory.parent;
	struct entry *entry;
	int64_t result = -ENOENT;

	if (inode->operations)
		return proc_name(inode, to, limit);
	mutex_lock(&parent->lock);
	entry = inode->directory.named_by;
	if (entry) {
		result = entry->bytes < limit ? entry->bytes : -ERANGE;
		if (result > 0)
			memcpy(to, entry->name, entry->bytes);
	}
	mutex_unlock(&parent->lock);
	return result;
}

/* Puts "/name" before what stands at *at. */
static int name_prepend(char *to, uint64_t *at, const char *name, int64_t bytes)
{
	if (bytes < 0)
		return (int)bytes;
	if (*at < (uint64_t)bytes + 1)
		return -ERANGE;
	*at -= (uint64_t)bytes + 1;
	to[*at] = '/';
	memcpy(to + *at + 1, name, (uint64_t)bytes);
	return 0;
}

int64_t path_text(struct inode *directory, struct inode *inode, uint32_t hash, char *to, uint64_t limit)
{
	struct inode *root = path_state_inode(&self_process()->paths->root);
	char name[NAME_MAX + 1];
	uint64_t at = limit - 1;
	int status = 0;

	if (limit < 2) {
		inode_put(root);
		return -ERANGE;
	}
	to[at] = 0;
	if (inode)
		status = name_prepend(to, &at, name, directory_name_of(directory, inode, hash, name, sizeof(name)));
	mutex_lock(&rename_lock);
	while (status == 0 && directory != root && directory != directory->directory.parent) {
		status = name_prepend(to, &at, name, folder_name(directory, name, sizeof(name)));
		directory = directory->directory.parent;
	}
	mutex_unlock(&rename_lock);
	inode_put(root);
	if (status)
		return status;
	if (at == limit - 1)
		to[--at] = '/';
	memmove(to, to + at, limit - at);
	return (int64_t)(limit - 1 - at);
}
