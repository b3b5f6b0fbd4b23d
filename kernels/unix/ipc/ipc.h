/* System V IPC and POSIX message queues, inside. Objects of the three System V kinds are named by a number (id) in the table of
 * their kind, and found by a key; an id is index + 32,768 * sequence, so that one that is gone is not taken for a later one.
 *
 * An object is counted: its table holds a reference until it is removed, and so does every call that works on it.
 * Locks: space lock > table lock > object lock > undo lock (undo.c) > wait queues. None is held across user_*. */
#ifndef UNIX_IPC_IPC_H
#define UNIX_IPC_IPC_H

#include "file/file.h"
#include "ipc/linux_ipc.h"

enum { IPC_INDEX_BITS = 15, IPC_INDEXES = 1 << IPC_INDEX_BITS, IPC_CHUNK = PAGE_BYTES / 8, IPC_CHUNKS = IPC_INDEXES / IPC_CHUNK,
	IPC_BUCKETS = 256 };

struct ipc_object {             /* the first thing in each kind's record */
	struct ipc_object *key_next;
	struct mutex lock;
	uint32_t references;        /* atomic */
	int32_t id;
	int32_t key;                /* 0: none. Table lock and its own */
	uint32_t uid, gid, cuid, cgid, mode;
	int64_t changed;            /* seconds */
	bool removed;               /* its id names nothing any more */
};

struct ipc_table {
	struct mutex lock;
	uint32_t limit;             /* objects, at most IPC_INDEXES */
	void (*end)(struct ipc_object *object);         /* it was removed: whoever waits gets EIDRM. Its lock is held */
	void (*free)(struct ipc_object *object);        /* the last reference is gone */
	uint32_t count;
	int32_t highest, last;      /* index in use, and given last; -1: none */
	uint32_t sequence;
	struct ipc_object **chunks[IPC_CHUNKS];         /* a page each, null until one was needed */
	uint16_t used[IPC_CHUNKS];
	struct ipc_object *buckets[IPC_BUCKETS];        /* those with a key */
};

/* What a *get call is about. */
struct ipc_wanted {
	int32_t key;
	uint32_t flags;             /* IPC_CREAT, IPC_EXCL and the mode */
	uint64_t size;              /* bytes or semaphores */
	int (*suits)(const struct ipc_object *object, const struct ipc_wanted *wanted);        /* 0, -E*: the one that is there */
	/* A new one, with nothing of struct ipc_object filled in. 0, -E*. The table's lock is held. */
	int (*make)(const struct ipc_wanted *wanted, struct ipc_object **out);
};

/* The id of the object, which is made if need be; -ENOENT, -EEXIST, -EACCES, -ENOSPC, -ENOMEM, and what the functions say. */
int64_t ipc_get(struct ipc_table *table, const struct ipc_wanted *wanted);
/* Finds an object and locks it. 0, -EINVAL: no such id, -EIDRM: it went this moment. */
int ipc_take(struct ipc_table *table, int32_t id, struct ipc_object **out);
int ipc_take_index(struct ipc_table *table, int32_t index, struct ipc_object **out);    /* the same by its index */
void ipc_lend(struct ipc_object *object);               /* unlocks, but keeps the reference */
void ipc_leave(struct ipc_table *table, struct ipc_object *object);    /* unlocks and gives the reference back */
void ipc_put(struct ipc_table *table, struct ipc_object *object);      /* a reference of one that is not locked */
/* The first object with an index >= *index, locked, with its index in *index. Null: none. */
struct ipc_object *ipc_next(struct ipc_table *table, int32_t *index);
/* May the caller use it so? wanted: S_I* for everybody, or the bits of a mode. 0, -EACCES. Its lock is held. */
int ipc_allowed(const struct ipc_object *object, uint32_t wanted);
int ipc_may_control(const struct ipc_object *object);  /* owner, maker or superuser: 0, -EPERM. Its lock is held */
/* Finds an object to change or remove it: as ipc_take, -EPERM. The table is locked too; ipc_control_end must follow a 0. */
int ipc_control_begin(struct ipc_table *table, int32_t id, struct ipc_object **out);
void ipc_control_end(struct ipc_table *table, struct ipc_object *object);
int ipc_remove(struct ipc_table *table, int32_t id);    /* IPC_RMID of a kind with an end: 0, and as ipc_control_begin */
/* How an object is named whose state is asked for, and by whom it may be. */
enum ipc_naming { IPC_BY_ID, IPC_BY_INDEX, IPC_BY_INDEX_ANY };
/* Finds and locks it: 0, or its id when it was named by its index; as ipc_take, -EACCES. ipc_leave must follow what is no error. */
int64_t ipc_stat_begin(struct ipc_table *table, int32_t id, enum ipc_naming naming, struct ipc_object **out);
/* Between those two, or with both locks held otherwise. */
void ipc_key_drop(struct ipc_table *table, struct ipc_object *object);         /* it is not found by its key any more */
void ipc_remove_locked(struct ipc_table *table, struct ipc_object *object);    /* nor by its id; the caller has a reference */
/* IPC_SET's part that all kinds have. 0, -EINVAL. */
int ipc_set(struct ipc_object *object, const struct linux_ipc_perm *perm);
void ipc_stat(const struct ipc_object *object, struct linux_ipc_perm *out);
int64_t ipc_seconds(void);                              /* since 1970 */
int32_t ipc_highest(struct ipc_table *table);           /* index in use; 0 when there is none */

/* ---- /proc/sysvipc (text.c): the line of the first object with an index >= *index, which becomes its own. Its length; 0: none ---- */
int ipc_shared_line(int32_t *index, char *to, uint64_t limit);
int ipc_semaphore_line(int32_t *index, char *to, uint64_t limit);
int ipc_queue_line(int32_t *index, char *to, uint64_t limit);

/* ---- those who wait, in the order of coming (line.c). The lock of what they wait for is held ---- */
struct ipc_waiter {             /* on its stack, the first thing in each kind's record */
	struct ipc_waiter *next, *previous;
	bool waits;                 /* it is in the line */
	int status;
	struct wait_queue queue;
};

struct ipc_line {
	struct ipc_waiter *first, *last;
};

/* Until somebody ends it, the lock being let go meanwhile. The status that it is ended with, -ERESTARTSYS, -ETIMEDOUT (deadline; 0: none). */
int ipc_line_wait(struct ipc_line *line, struct ipc_waiter *waiter, struct mutex *lock, uint64_t deadline);
void ipc_line_end(struct ipc_line *line, struct ipc_waiter *waiter, int status);       /* takes it out and wakes it: 0, -E* */

/* ---- rows of items of which each lies in one record (array.c) ---- */
struct array {
	void *items;                /* one record, or a record with the addresses of several */
	uint32_t count, bytes;      /* of items, of each; bytes is a power of two <= 64 */
};
enum { ARRAY_RECORD = 4096 };
#define ARRAY_LIMIT (ARRAY_RECORD / 8 * ARRAY_RECORD)   /* bytes in all */
int array_make(struct array *array, uint32_t count, uint32_t bytes);   /* zeroed. 0, -ENOMEM (nothing is kept) */
void array_free(struct array *array);
static inline void *array_at(const struct array *array, uint32_t i)
{
	uint64_t at = (uint64_t)i * array->bytes;

	return (uint64_t)array->count * array->bytes <= ARRAY_RECORD ? (char *)array->items + at :
		((char **)array->items)[at / ARRAY_RECORD] + at % ARRAY_RECORD;
}
int array_read(struct array *array, uint64_t from);     /* all of it, from the program: 0, -EFAULT */
int array_write(const struct array *array, uint64_t to, uint64_t bytes);       /* the first bytes of it, to the program */

#endif
