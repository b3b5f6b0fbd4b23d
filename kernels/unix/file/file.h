/* The files half of UNIX, inside: inodes, open files, descriptors, paths and the steps of input and output.
 *
 * One tree of inodes in memory is the file system. An inode that comes from the boot image is made when its name is first
 * looked up, and uses the image's data in place until it is written. Inodes are counted: a directory entry, an open
 * file, a path state and a lookup each hold a reference; the last one frees the inode and its data.
 *
 * Locks, in the order in which they are taken:
 *   rename_lock > directory inode locks (ancestor first, then by address) > inode lock of a file > (user_*: space lock)
 *   > data.lock, files.lock, path_state.lock, pipe and terminal locks are not held while one of the above is taken.
 * data.lock is a leaf: file_page takes only it. */
#ifndef UNIX_FILE_FILE_H
#define UNIX_FILE_FILE_H

#include "file/linux_file.h"
#include "process/capability.h"
#include "process/process.h"
#include "unix.h"
#include "baryon/string.h"

struct inode;
struct pipe;
struct posix_queue;             /* a message queue: ipc/posix_queue.h */
struct socket;
struct terminal;
struct poll_table;
struct io;
struct listing;

/* ---- contents of a regular file (data.c) ---- */
struct data {
	struct mutex lock;
	void *root;                 /* height 0: the page of M with index 0 as a number; else a struct data_node */
	uint32_t height;
	uint32_t pages;             /* pages of M in it; atomic */
	const char *image;          /* data in the boot image, page-aligned, or null */
	uint64_t image_bytes;       /* how much of them still counts; atomic, only shrinks */
	uint64_t image_page;        /* page of the boot image's container where they begin */
};

/* Where one page of contents is. A page of M comes with a reference. Neither: a hole. */
struct data_page {
	page_index page;
	const char *image;          /* address of the page in the boot image */
	uint64_t image_page;
};

void data_find(struct data *data, uint64_t index, struct data_page *out);
/* The page of M for writing, with a reference; copies from the image or makes a zeroed one. 0: no memory. */
page_index data_make(struct data *data, uint64_t index);
/* Puts a page in if there is none: takes over the caller's reference and returns 0, or -EEXIST, -ENOMEM (it keeps it). */
int data_insert(struct data *data, uint64_t index, page_index page);
/* Forgets every page from `first` (a page index) on; image data end there too. */
void data_cut(struct data *data, uint64_t first);
/* Zeroes bytes [from, to) of the contents that exist; both within one page. 0 or -ENOMEM. */
int data_zero(struct data *data, uint64_t from, uint64_t to);
/* The first page index >= `index` with (or, for holes, without) contents; UINT64_MAX when there is none. */
uint64_t data_next(struct data *data, uint64_t index, bool hole);
uint64_t data_pages(const struct data *data);
/* data_make of an inode's contents; who has the image's page mapped loses that (map.c). Not under a space's lock. */
page_index contents_make(struct inode *inode, uint64_t index);
void mappings_drop_image(struct inode *inode, uint64_t index);         /* that page is no longer the image's */

/* ---- inodes (inode.c) ---- */
enum { LAYER_OVERLAY, LAYER_ROOT, LAYERS };

struct entry;

struct directory {
	struct inode *parent;       /* referenced, except by the root of a tree, which is its own parent */
	struct entry *named_by;     /* its entry in parent; null: removed. Parent's lock */
	void *buckets;              /* directory.c */
	uint32_t bucket_bits;
	uint32_t entry_count;       /* in the table */
	uint32_t children;          /* entries of the table that are not in an image */
	uint32_t image[LAYERS];     /* inode numbers of what lies under it; 0: nothing */
	bool removed;
	struct entry *first, *last; /* entries that are not in an image, by sequence */
	uint64_t sequence;
};

struct inode_operations {       /* of inodes that are not the plain tree's; any may be null */
	int (*lookup)(struct inode *directory, const char *name, uint32_t bytes, struct inode **out);
	int (*list)(struct inode *directory, struct listing *listing);
	int64_t (*readlink)(struct inode *link, char *to, uint64_t limit);
	/* A link that leads to an inode, not to a path; *folder is where that has its name, or null. Both are new references. */
	int (*follow)(struct inode *link, struct inode **out, struct inode **folder);
	int (*open)(struct inode *inode, struct file *file);
	void (*destroy)(struct inode *inode);
};

struct inode {
	uint32_t references;        /* atomic */
	uint32_t mode;
	uint32_t uid, gid;
	uint32_t nlink;             /* lock of the inode */
	uint32_t device;            /* st_rdev */
	uint32_t filesystem;        /* st_dev */
	uint32_t seals;             /* of memfd_create: F_SEAL_* and SEALS_HERE; the inode's lock */
	bool mapped;                /* a space may have it mapped: atomic */
	bool linkable;              /* it has no name yet and may get one (O_TMPFILE); the folder's lock */
	int32_t writers;            /* files that may write it; negative: files that are run. Atomic */
	uint64_t number;
	uint64_t size;              /* atomic; changed under the lock */
	int64_t accessed_ns, modified_ns, changed_ns;
	struct mutex lock;
	const struct inode_operations *operations;
	struct inode *image_next;   /* in the table of image inodes with several names */
	uint32_t image_key;
	struct file_locks *locks;   /* flock and fcntl locks, or null */
	struct attribute *attributes;   /* extended ones: xattr.c; the inode's lock */
	struct mark *marks;         /* who wants to know what happens to it: inotify.c */
	int32_t proc_pid;           /* in /proc: whose, and which file (proc.c) */
	uint32_t proc_what;
	union {
		struct {
			int32_t proc_number;            /* of a descriptor there */
			uint64_t proc_started_ns;       /* when the process began: of a regular file */
		};
		struct directory directory;
		struct data data;
		struct { char *target; bool owned; } link;       /* size bytes; in the heap when owned */
		struct pipe *pipe;
		struct posix_queue *queue;
		struct socket *socket;  /* bound to it, or null: socket/address.c */
	};
};

enum { FILESYSTEM_TREE = 1, FILESYSTEM_PROC = 2, FILESYSTEM_ANONYMOUS = 3, FILESYSTEM_SHARED = 4 /* /dev/shm */, FILESYSTEM_SYS = 5 };
#define DEVICE(major, minor) ((uint32_t)(major) << 8 | (uint32_t)(minor))

static inline bool inode_is(const struct inode *inode, uint32_t type)
{
	return (inode->mode & S_IFMT) == type;
}

/* Whether it is the root of a file system of its own, in `folder`. */
static inline bool inode_is_root(const struct inode *inode, const struct inode *folder)
{
	return inode->filesystem != folder->filesystem;
}

/* Whether programs run it: then nobody may write it. */
static inline bool inode_is_run(const struct inode *inode)
{
	return __atomic_load_n(&inode->writers, __ATOMIC_RELAXED) < 0;
}

static inline void inode_get(struct inode *inode)
{
	__atomic_fetch_add(&inode->references, 1, __ATOMIC_RELAXED);
}

void inode_put(struct inode *inode);            /* null is allowed */
/* A new inode with one reference, nlink 0, times now. null: no memory. */
struct inode *inode_make(uint32_t mode, uint32_t uid, uint32_t gid, uint32_t device);
int inode_link_set(struct inode *inode, const char *target, uint64_t bytes);   /* 0 or -ENOMEM */
/* Fills a text with a symbolic link's target, no zero after it. Returns its length or -E*. */
int64_t inode_readlink(struct inode *inode, char *to, uint64_t limit);
int inode_allowed(struct inode *inode, uint32_t wanted);        /* R_OK|W_OK|X_OK by fsuid: 0 or -EACCES */
int inode_allowed_real(struct inode *inode, uint32_t wanted);   /* by the real uid */
bool inode_owned(struct inode *inode);          /* the caller owns it or has CAP_FOWNER */
bool group_held(uint32_t gid);                  /* the caller is in the group */
void attributes_free(struct inode *inode);      /* at its end */
void attributes_written(struct inode *inode);   /* its capabilities go. Its lock */
void inode_bits_drop(struct inode *inode);      /* a file does not run as its owner or group any more. Its lock */
void inode_written(struct inode *inode);        /* the same, unless the writer has CAP_FSETID; and the times are now. Its lock */
/* Whether files may not take so many more pages: an eighth of the memory is left to programs. Slow when it is so. */
bool files_are_full(uint64_t pages);
void inode_touch(struct inode *inode);          /* modification and change time are now */
int inode_truncate(struct inode *inode, uint64_t size);         /* under its lock: 0, -ENOMEM, -EFBIG */
void inode_stat(struct inode *inode, struct linux_stat *out);
uint64_t inode_number_new(void);

/* ---- directories (directory.c) ---- */
struct entry {
	struct entry *hash_next;
	struct entry *next, *previous;
	struct inode *inode;        /* referenced; null: no such name, whatever the image says */
	uint64_t sequence;
	uint32_t hash;
	uint8_t bytes;
	bool from_image;            /* stands for the image's entry */
	bool shadows;               /* the image has an entry by this name */
	char name[];
};

static inline uint32_t name_hash_step(uint32_t hash, char c)
{
	return (hash ^ (uint8_t)c) * 0x01000193u;
}
#define NAME_HASH_START 0x811c9dc5u
uint32_t name_hash(const char *name, uint32_t bytes);

/* Looks a name up (not "." or ".."); *out is a new reference. 0, -ENOENT, -ENOMEM, -EIO. Takes the directory's lock. */
int directory_find(struct inode *directory, const char *name, uint32_t bytes, uint32_t hash, struct inode **out);
/* With the lock held: *out is the entry with an inode. 0, -ENOENT (*out may be a hidden name), -ENOMEM, -EIO. */
int directory_entry_locked(struct inode *directory, const char *name, uint32_t bytes, uint32_t hash, struct entry **out);
/* Adds a name for which directory_entry_locked said -ENOENT with *out `hidden`. Takes a reference to the inode. 0, -ENOMEM. */
int directory_add_locked(struct inode *directory, const char *name, uint32_t bytes, uint32_t hash,
	struct entry *hidden, struct inode *inode);
/* Takes a name away; gives up its reference to the inode only after the caller does inode_put on the result. */
struct inode *directory_remove_locked(struct inode *directory, struct entry *entry);
int directory_empty_locked(struct inode *directory);            /* 0, -ENOTEMPTY, -EIO */
struct inode *directory_parent(struct inode *directory);        /* a new reference */
/* At the inode's end. Its parent, with the reference that it had; null: none. */
struct inode *directory_free(struct inode *directory);
/* Makes an inode and names it, for the system's own folders and devices. Null: no memory. The reference is the entry's. */
struct inode *directory_install(struct inode *directory, const char *name, struct inode *inode);

struct listing {                /* one getdents call */
	uint64_t to, left;          /* the program's buffer */
	uint64_t position;          /* where to begin; advanced past what was put */
	bool old;                   /* getdents, not getdents64 */
	char *records;              /* what was put and did not go to the program yet, `held` bytes */
	uint32_t held;
	uint64_t done, sent;        /* bytes that the program has, and the position after them */
};
/* Adds one name; `next` is the position after it. 0, 1: no more room, -EFAULT. */
int listing_put(struct listing *listing, const char *name, uint32_t bytes, uint64_t inode, uint32_t type, uint64_t next);
/* The name by which a directory holds an inode, not terminated: one with that hash if there is one. Its length, -ENOENT, -ERANGE. */
int64_t directory_name_of(struct inode *directory, struct inode *inode, uint32_t hash, char *to, uint64_t limit);
int directory_list(struct inode *directory, struct listing *listing);  /* 0, -E* */

/* ---- the tree (tree.c) ---- */
extern struct inode *tree_root;
extern struct mutex rename_lock;
int tree_init(void);            /* 0, -ENOMEM, -EIO: the image is not whole */
/* Finds a name in what lies under a directory. 0 and a new inode, -ENOENT, -EIO, -ENOMEM. */
int tree_image_find(struct inode *directory, const char *name, uint32_t bytes, struct inode **out);
/* The n-th name in a layer of what lies under a directory. 0, -ENOENT, -EIO. */
struct rootfs_name;
int tree_image_entry(struct inode *directory, unsigned layer, uint32_t n, struct rootfs_name *out);
bool tree_image_has(struct inode *directory, unsigned layer, const char *name, uint32_t bytes);
/* The last name of an inode was taken away. */
void tree_forget(struct inode *inode);
/* Makes an inode for the calling process that is to lie in the folder, which is locked. 0, -ENOENT: the folder was removed, -ENOMEM, -ENOSPC. */
int tree_inode_locked(struct inode *folder, uint32_t mode, uint32_t device, struct inode **out);
/* The same under the name of a walk that found none (`hidden` is what directory_entry_locked gave),
 * and puts it in walk->inode. The folder's lock is held. 0, -ENOENT (the folder was removed), -ENOMEM. */
struct walk;
int tree_create_locked(struct inode *folder, struct walk *walk, struct entry *hidden, uint32_t mode, uint32_t device);

/* ---- paths (path.c) ---- */
struct path_state {
	struct mutex lock;
	uint32_t processes;         /* that have it, but for the first */
	struct inode *current, *root;
	uint32_t umask;
};

enum {
	WALK_FOLLOW = 1,            /* the last name too, if it is a symbolic link */
	WALK_EMPTY = 2,             /* an empty path names the descriptor itself */
	WALK_CREATE = 8,            /* a regular file may be made: a '/' at the end is EISDIR */
	WALK_NO_LINKS = 16,         /* a symbolic link on the way is ELOOP */
	WALK_NO_MAGIC = 32,         /* the same, of links that lead to an inode */
	WALK_BENEATH = 64,          /* leaving the folder at which the walk starts is EXDEV */
	WALK_IN_ROOT = 128,         /* that folder is the root */
	WALK_NAME = 4,              /* the last name itself is meant, even with a '/' after it: walk->slash is the caller's */
};

enum { WALK_SMALL = 256 };
struct walk {                   /* a path on its way; walk_end releases everything */
	struct inode *folder;       /* in which the last name stands; null if the path ends in "/", "." or ".." */
	struct inode *inode;        /* null: there is no such name */
	const char *name;
	uint32_t bytes, hash;
	bool slash;                 /* the path ended in '/': only a directory will do */
	bool dots;                  /* the last name was "." or ".." */
	page_index page;
	char small[WALK_SMALL];
};

/* Walks a path of the calling program. 0 (look at inode), -ENOENT, -ENOTDIR, -EACCES, -ELOOP, -ENAMETOOLONG, -EFAULT,
 * -EBADF, -ENOMEM, -EIO. walk_end must follow in every case. */
int walk_user(struct walk *walk, int descriptor, uint64_t path, uint32_t flags);
int walk_text(struct walk *walk, const char *path, uint32_t flags);
void walk_end(struct walk *walk);
/* Makes what is no directory under the last name of a walk, with WALK_NAME: walk->inode is it. 0, -EEXIST, -E*. */
int name_make_node(struct walk *walk, uint32_t mode, uint32_t device);
/* As walk_user, -ENOENT when there is no inode. walk_end must follow in every case. */
int walk_to_inode(struct walk *walk, int descriptor, uint64_t path, uint32_t flags);
/* The inode at a path, with a reference. As walk_to_inode. */
int path_inode(int descriptor, uint64_t path, uint32_t flags, struct inode **out);
/* The absolute path of a directory, or of `inode` in it (by a name with that hash if there is one), seen from the caller's root. Length without the zero, or -E*. */
int64_t path_text(struct inode *directory, struct inode *inode, uint32_t hash, char *to, uint64_t limit);
uint32_t path_umask(void);
/* May the caller take `victim`'s name out of the directory? 0, -EPERM, -EACCES. */
int directory_may_remove(struct inode *directory, struct inode *victim);

/* ---- input and output (io.c) ---- */
#define PROGRAM_TOP 0x00007ffffffff000ull

struct io {                     /* where bytes come from or go to */
	uint64_t address, bytes;    /* the current piece */
	const struct linux_iovec *next;
	uint32_t pieces;            /* after the current one */
	bool internal;              /* addresses are UNIX's own */
	uint64_t left;              /* bytes in all pieces */
};

/* Each moves up to `bytes` (not more than io.left) and returns how many were done: fewer means EFAULT. */
uint64_t io_put(struct io *io, const void *from, uint64_t bytes);
uint64_t io_get(struct io *io, void *to, uint64_t bytes);
uint64_t io_zero(struct io *io, uint64_t bytes);

/* Checks a list of a program's pieces and makes it one stream of bytes. 0, -EINVAL, -EFAULT. */
int io_pieces(struct io *io, const struct linux_iovec *pieces, uint64_t count);

static inline void io_program(struct io *io, uint64_t address, uint64_t bytes)
{
	*io = (struct io){.address = address, .bytes = bytes, .left = bytes};
}

static inline void io_own(struct io *io, void *address, uint64_t bytes)
{
	*io = (struct io){.address = (uint64_t)address, .bytes = bytes, .left = bytes, .internal = true};
}

/* ---- open files (open.c) ---- */
struct file_operations {        /* a null operation fails: read, write EINVAL; ioctl ENOTTY; poll is always ready */
	bool seekable;
	bool stateless;             /* seekable, but reading and writing look at no position */
	uint32_t told;              /* POLL* events of which O_ASYNC's signal tells; 0: there is none */
	bool told_starved;          /* of POLLOUT only after a write that found no room */
	bool stays;                 /* its contents outlive whoever has it open or mapped: they are limited as files are */
	const char *name;           /* of files without an inode in the tree, as "[eventfd]" */
	int64_t (*read)(struct file *file, struct io *io, uint64_t *position);
	int64_t (*write)(struct file *file, struct io *io, uint64_t *position);
	uint32_t (*poll)(struct file *file, struct poll_table *table);
	int64_t (*ioctl)(struct file *file, uint32_t request, uint64_t argument);
	int (*list)(struct file *file, struct listing *listing);
	void (*release)(struct file *file);
	/* The path that /proc shows, in place of a name: its length or -ERANGE. */
	int64_t (*path)(const struct file *file, char *to, uint64_t limit);
	void (*closed)(struct file *file);      /* the calling process closes a descriptor of it */
	void (*unmapped)(struct file *file);   /* a region of it goes. A space's lock may be held */
};

struct file {
	uint32_t references;        /* atomic */
	uint32_t flags;             /* O_*, without creation flags; atomic */
	uint32_t flying;            /* of the references, those of sockets' queues; atomic */
	int32_t use;                /* what it adds to inode->writers: 1, -1 or 0 */
	const struct file_operations *operations;
	struct inode *inode;
	struct inode *folder;       /* where its name was found, or null */
	uint32_t name_hash;         /* of that name */
	struct mutex lock;          /* of the position */
	uint64_t position;
	struct async *async;        /* whom O_ASYNC tells, or null: async.c; its lock */
	struct watched *watched;    /* entries of epoll sets: epoll.c */
	void *state;                /* of the operations */
	uint64_t state_bytes;
};

/* A file on an inode (takes a reference), with no operations yet. Null: no memory. */
struct file *file_make(struct inode *inode, uint32_t flags);
/* Opens an inode that permissions were checked for. 0 and a file in *out; the inode's own errors. */
int file_open_inode(struct inode *inode, struct inode *folder, uint32_t flags, struct file **out);
static inline bool file_readable(const struct file *file)
{
	return (file->flags & O_ACCMODE) != O_WRONLY && !(file->flags & O_PATH);
}
static inline void file_flag_set(struct file *file, uint32_t flag, bool on)
{
	if (on)
		__atomic_fetch_or(&file->flags, flag, __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&file->flags, ~flag, __ATOMIC_RELAXED);
}
uint32_t file_flags(const struct file *file);                   /* as fcntl and /proc say them: with O_LARGEFILE where Linux has it */
static inline bool file_writable(const struct file *file)
{
	return (file->flags & O_ACCMODE) != O_RDONLY && !(file->flags & O_PATH);
}
/* Counts the file, new, among those that write its inode (or, if `run`, are run). 0, -ETXTBSY: there are some of the other sort. */
int file_use(struct file *file, bool run);
/* A file on an inode of its own that has no name. Null: no memory. The state is the caller's then. */
struct file *file_anonymous(const struct file_operations *operations, uint32_t mode, uint32_t flags, void *state);
/* One read or write, by the file's mode. position: null for its own. */
int64_t file_move(struct file *file, struct io *io, uint64_t *position, bool write);
int64_t file_read(struct file *file, struct io *io);            /* at its position */
int64_t file_write(struct file *file, struct io *io);

extern const struct file_operations regular_operations, directory_operations, path_operations;
/* A position of writes: the end of the file. Never one that a program gives. */
#define POSITION_END (UINT64_MAX - 1)
int64_t regular_read(struct file *file, struct io *io, uint64_t *position);
int64_t regular_write(struct file *file, struct io *io, uint64_t *position);

/* ---- descriptors (descriptor.c) ---- */
bool files_are_alone(const struct process *process);    /* one thread has its table, and nobody else */
struct held {                   /* a file borrowed for one call */
	struct file *file;
	bool counted;
};
bool held_get(struct held *held, int descriptor);               /* false: EBADF */
bool held_get_open(struct held *held, int descriptor);          /* the same, and false for a mere place (O_PATH) */
static inline void held_put(struct held *held)
{
	if (held->counted)
		file_put(held->file);
}
/* Puts a file (takes over the reference) at the lowest free descriptor from `lowest`. >= 0, -EMFILE, -ENOMEM (file released). */
int descriptor_install(struct file *file, int lowest, bool close_on_exec);
/* Two at once, written to `to` as two int32_t: both or none. 0, -EMFILE, -ENOMEM, -EFAULT (the files are released). */
int64_t descriptors_install_two(struct file *const file[2], uint64_t to, bool close_on_exec);
int descriptor_close(int descriptor);                           /* 0, -EBADF */
int64_t descriptor_flags_set(int descriptor, bool close_on_exec);      /* 0, -EBADF */
struct files *files_make(void);
int files_set(struct files *files, int descriptor, struct file *file);
/* No open descriptor is as high: what select looks at no more. */
uint32_t descriptor_capacity(void);
/* The first open descriptor >= from, or -1. */
int descriptor_next(int from);
int files_next(struct files *files, int from);
/* The file at a descriptor of any process's table, with a reference; null: none. */
struct file *files_get(struct files *files, int descriptor);

/* ---- waiting for several files (poll.c) ---- */
struct poll_table {
	struct waiter *waiters;
	uint32_t count, limit;
	bool short_of;              /* a queue did not fit: look again soon */
	bool (*notify)(struct waiter *waiter, uint32_t events);     /* not null: the waiters stay, and nobody sleeps on them */
	bool exclusive;
	void *owner;
};
void poll_watch(struct poll_table *table, struct wait_queue *queue);   /* table may be null */
uint32_t file_poll(struct file *file, struct poll_table *table);        /* POLL* */
/* Calls scan, which says how many are ready, until it finds some or fails, the deadline passes (0: none) or a signal comes:
 * -EINTR. `wanted` is how many queues it may watch. Without `wait` it looks once. */
int64_t poll_until(int64_t (*scan)(void *what, struct poll_table *table), void *what, uint64_t wanted, uint64_t deadline,
	bool wait);

/* Time-outs and masks of poll's kin, from the program: *deadline 0 waits for ever. 0, -EFAULT, -EINVAL */
int timespec_read(uint64_t address, uint64_t *deadline, bool *wait);
int mask_apply(uint64_t address, uint64_t bytes);
/* O_ASYNC (async.c): on or off, by that descriptor. 0, -ENOMEM. A file that tells nobody anything stays as it is. */
int async_switch(struct file *file, int descriptor, bool on);
int64_t async_call(struct file *file, uint32_t command, uint64_t argument);    /* F_SETOWN and its kin */
void async_starved(struct file *file);          /* a write found no room */
void async_forget(struct file *file);           /* at the end of one that has the record */
int32_t terminal_group(const struct file *file);        /* in its foreground; 0: it is none, or nobody is */
void epoll_forget(struct file *file);           /* at its end: it leaves all epoll sets */

/* Wakes the pollers of a queue, if there are any. */
static inline void queue_wake_all(struct wait_queue *queue)
{
	if (__atomic_load_n(&queue->first, __ATOMIC_SEQ_CST))
		wait_queue_wake(queue);
}
/* The same; who watches for other POLL* events only need not look. */
static inline void queue_wake_events(struct wait_queue *queue, uint32_t events)
{
	if (__atomic_load_n(&queue->first, __ATOMIC_SEQ_CST))
		wait_queue_wake_events(queue, events);
}
static inline void queue_wake_one(struct wait_queue *queue)
{
	if (__atomic_load_n(&queue->first, __ATOMIC_SEQ_CST))
		wait_queue_wake_one(queue);
}

/* ---- telling who watches files and folders (inotify.c): IN_* ---- */
extern uint32_t inotify_marks;                  /* how many ask; atomic */
/* Something happened to the inode, which the folder (may be null) had by a name with that hash. No lock of a folder or inode is held. */
void inotify_both(struct inode *inode, struct inode *folder, uint32_t hash, uint32_t mask);
void inotify_self(struct inode *inode, uint32_t mask);
/* Something happened to the name at the end of a walk, in a folder. */
void inotify_name(struct inode *folder, const struct walk *walk, const struct inode *inode, uint32_t mask, uint32_t cookie);
uint32_t inotify_cookie(void);                  /* joins the two halves of a move */
void inotify_gone(struct inode *inode);         /* at its end */
static inline bool inotify_wanted(void)
{
	return __atomic_load_n(&inotify_marks, __ATOMIC_RELAXED) != 0;
}
static inline void file_noted(struct file *file, uint32_t mask)
{
	if (inotify_wanted())
		inotify_both(file->inode, file->folder, file->name_hash, mask);
}

/* ---- pipes (pipe.c), devices (device.c), /proc (proc.c), terminals (terminal.c), locks (lock.c) ---- */
int pipe_open(struct inode *inode, struct file *file);          /* a FIFO; may wait for the other side */
void pipe_free(struct pipe *pipe);
int device_open(struct inode *inode, struct file *file);        /* by its number: 0, -ENXIO */
int device_install(struct inode *root);
int proc_install(struct inode *root);
int32_t proc_folder_pid(const struct file *file);   /* of an open folder of a process in /proc: whose; 0: it is none */
int proc_name(struct inode *inode, char *to, uint64_t limit);   /* of a folder in /proc: length */
int terminal_open(struct inode *inode, struct file *file);
enum ipc_text { IPC_TEXT_SHARED, IPC_TEXT_SEMAPHORES, IPC_TEXT_QUEUES };
void ipc_text_open(struct file *file, enum ipc_text what);     /* of /proc/sysvipc (ipc/text.c) */
int process_file_held(struct held *held, int descriptor);       /* of a pidfd: 0, -EBADF (event/process_file.c) */
int64_t seals_call(struct file *file, uint32_t command, uint64_t argument);     /* F_ADD_SEALS, F_GET_SEALS */
int64_t file_lock_call(struct file *file, uint32_t command, uint64_t argument);        /* F_[OFD_]GETLK, SETLK, SETLKW */
int64_t pipe_size_call(struct file *file, uint32_t command, uint64_t argument);        /* F_GETPIPE_SZ, F_SETPIPE_SZ */
void file_locks_release(struct file *file);                     /* the file's own, at its last close */
void file_locks_files_release(struct inode *inode, const struct files *files); /* a process's, at any close there */
void file_locks_free(struct inode *inode);
void rights_collect(void);      /* frees files that only queues of sockets hold which only such queues hold (socket/rights.c) */

#endif
