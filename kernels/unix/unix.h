/* What every part of UNIX uses: pages, heap, locks, wait queues, copies from and to programs, the system call table,
 * and the contract between the process half (kernels/unix, process/) and the files half (file/).
 *
 * How it runs: a program's thread executes UNIX's code on its own handler stack (STACK_BYTES, of which a page is taken
 * by struct thread and its home), on all CPUs at once, preemptible at any instruction. Keep frames small: the deepest path has
 * about 11 KiB. No floating point, no thread-local storage, no global that is not guarded or atomic.
 *
 * Lock order: tree lock (process/) > process lock > files table > path/inode locks > pipe/terminal locks > space lock > wait queue.
 * A copy from or to a program (user_*) may fault: it takes the space lock and may call file_page, so no lock that
 * file_page takes may be held across user_*. */
#ifndef UNIX_UNIX_H
#define UNIX_UNIX_H

#include "abi/start.h"
#include "abi/types.h"
#include "linux.h"

struct inode;                   /* a file: files half */
struct file;                    /* an open file description: files half */
struct files;                   /* a table of file descriptors: files half */
struct path_state;              /* current folder, root and umask: files half */
struct terminal;                /* files half */
struct process;                 /* process/process.h */
struct thread;
struct trap_frame;

/* ---- pages of M (page.c): UNIX's memory container, mapped linearly in its domain ----
 * A page is named by its index in M; 0 is never a page that was allocated. Pages have reference counts. */
typedef uint32_t page_index;

extern char *memory_base;       /* address of page 0 */
extern const struct kernel_start *kernel_start;
extern const char *boot_window;         /* address of page 0 of the boot image's container, read-only */

page_index page_alloc(void);            /* a zeroed page with one reference, or 0: no memory */
page_index page_alloc_any(void);        /* the same, contents undefined */
void page_get(page_index page);         /* one reference more */
void page_release(page_index page);
uint32_t page_references(page_index page);
void *page_block_alloc(void);           /* four pages, contents undefined, aligned to their size; null: no memory */
void page_block_free(void *block);
page_index page_reserve(uint64_t pages);        /* that many in a row, zeroed, for ever; only before files_init returns */
void pages_init(void);
uint64_t page_count_free(void);         /* for sysinfo and statfs */
void pages_gather(void);                /* what is kept for later and is wholly free counts as free again. Slow */
/* Programs may have no more for themselves: the rest is for the calls that end some of them, and for UNIX. Slow when it is so. */
bool page_is_short(void);
bool page_is_very_short(void);          /* half of that is gone: nobody is started */
uint64_t page_count_total(void);
bool memory_more(void);                 /* grant.c: asks the SRM for more memory; false: there is none. May sleep */
void memory_asked(void);                /* grant.c: gives back what the SRM asks for, as far as it was never used */

static inline void page_put(page_index page)            /* one reference fewer; the last frees it */
{
	page_release(page);
}

static inline void *page_address(page_index page)
{
	return memory_base + (uint64_t)page * PAGE_BYTES;
}

static inline page_index page_of_address(const void *address)
{
	return (page_index)(((const char *)address - memory_base) / PAGE_BYTES);
}

/* ---- heap (heap.c): records of 1..4096 bytes, aligned to their size rounded up to a power of two ---- */
void *heap_alloc(uint64_t bytes);       /* zeroed; null: no memory or bytes > 4096 */
void *heap_alloc_any(uint64_t bytes);   /* the same, contents undefined */
void heap_release(void *record);

static inline void heap_free(void *record)              /* null is allowed */
{
	heap_release(record);
}

/* ---- mutual exclusion (lib/): sleeps (parks) when contended, fair; zero is unlocked.
 * Of lib/, include neither baryon/lock.h, pages.h nor heap.h here: UNIX has its own in their place ---- */
struct mutex {
	uint64_t state;             /* bit 0: held; the rest: address of the newest waiter, or 0 */
};
void mutex_lock_slow(struct mutex *mutex);
void mutex_unlock_slow(struct mutex *mutex);

static inline bool mutex_try(struct mutex *mutex)
{
	uint64_t free = 0;
	return __atomic_compare_exchange_n(&mutex->state, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void mutex_lock(struct mutex *mutex)
{
	if (!mutex_try(mutex))
		mutex_lock_slow(mutex);
}

static inline void mutex_unlock(struct mutex *mutex)
{
	uint64_t held = 1;
	if (!__atomic_compare_exchange_n(&mutex->state, &held, 0, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		mutex_unlock_slow(mutex);
}

/* ---- sleeping (wait.c) ----
 * A wait queue guards itself. Sleep: check the condition under your lock, then wait_queue_sleep, which is on the queue before
 * it lets go of the lock, and check again. Wake: change the condition under the lock, then wake (lock held or not).
 * Deadlines are ns on the monotonic clock (time_monotonic()); 0 is none. */
struct wait_queue {
	struct mutex mutex;
	struct waiter *first, *last;
};

struct waiter {                 /* lies on the sleeper's stack */
	struct waiter *next, *previous;
	struct wait_queue *queue;
	uint64_t thread;            /* uid */
	uint32_t woken;
	bool exclusive;             /* with notify: not called when an earlier one of these said at this wake that it is enough */
	/* Not null: called at each wake instead, with the POLL* events that it is about, under the queue's mutex. Returns whether
	 * somebody waited for it. */
	bool (*notify)(struct waiter *waiter, uint32_t events);
	void *owner;                /* for notify; of a poller: its file, with a reference, or null */
};

/* Sleeps until woken. `lock` (may be null) is released meanwhile and held again at return.
 * Returns 0 (woken, or for no reason: check), -ERESTARTSYS (a signal is pending and interruptible), -ETIMEDOUT. */
int wait_queue_sleep(struct wait_queue *queue, struct mutex *lock, bool interruptible, uint64_t deadline);
void wait_queue_wake(struct wait_queue *queue);         /* all */
void wait_queue_wake_one(struct wait_queue *queue);
void wait_queue_wake_events(struct wait_queue *queue, uint32_t events);        /* all; who has notify is told why */

/* For poll and select: be on several queues at once. add them all, check the conditions, wait_sleep, remove them all.
 * wait_sleep returns as wait_queue_sleep, at once if one of the waiters was woken since it was added. */
void waiter_add(struct waiter *waiter, struct wait_queue *queue);
/* The same for one that does not sleep; its notify and owner are set. */
void waiter_add_notify(struct waiter *waiter, struct wait_queue *queue);
void waiter_remove(struct waiter *waiter);
int wait_sleep(struct waiter *waiters, unsigned count, bool interruptible, uint64_t deadline);

uint64_t time_monotonic(void);          /* ns */
uint64_t time_wall(void);               /* ns since 1970 */
/* A time-out of the program's: 0 is none. *deadline is on the monotonic clock. 0, -EFAULT, -EINVAL. */
int deadline_read(uint64_t address, bool absolute, bool realtime, uint64_t *deadline);

/* ---- memory of the calling program (user.c) ---- */
/* All return 0 or -EFAULT. Addresses above PROGRAM_LIMIT fail. The program's own page faults are resolved in place. */
int user_read(void *to, uint64_t from, uint64_t bytes);
int user_write(uint64_t to, const void *from, uint64_t bytes);
/* Returns the bytes done, which may be fewer than asked: for read(2) and write(2) that move a part. */
uint64_t user_read_some(void *to, uint64_t from, uint64_t bytes);
uint64_t user_write_some(uint64_t to, const void *from, uint64_t bytes);
uint64_t user_zero_some(uint64_t to, uint64_t bytes);
/* As much of a siginfo as Linux reads; the rest is zero. 0 or -EFAULT. */
int user_signal_read(struct linux_siginfo *to, uint64_t from);
/* Copies a zero-terminated text. Returns its length, -EFAULT, or -ENAMETOOLONG if it needs more than `limit` bytes. */
int64_t user_string(char *to, uint64_t from, uint64_t limit);

/* ---- log (log.c): a line on the early console; %s %d %u %x (with l), no floats ---- */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A formatter for names and /proc texts. Returns the length that it would need, as snprintf does. */
int text_format(char *to, uint64_t limit, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Ends UNIX: an invariant does not hold. */
_Noreturn void unix_panic(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void unix_failed(void);        /* tells the SRM and stays there (start.c) */

/* ---- system calls: syscalls.def, X(number, name, function) ----
 * Each function has this type; the arguments are the program's registers, unused ones are ignored.
 * The result is what the program gets in rax: >= 0 or -E*. Write them as
 *   int64_t sys_read(SYSCALL_ARGUMENTS) { ... (int32_t)a0 ... } */
#define SYSCALL_ARGUMENTS \
	uint64_t a0 __attribute__((unused)), uint64_t a1 __attribute__((unused)), uint64_t a2 __attribute__((unused)), \
	uint64_t a3 __attribute__((unused)), uint64_t a4 __attribute__((unused)), uint64_t a5 __attribute__((unused))

#define X(number, name, function) int64_t function(SYSCALL_ARGUMENTS);
#include "syscalls.def"
#undef X

/* ================= what the files half provides to the process half (file/) ================= */

/* Before the first process: mounts the root, starts the console thread. */
void files_init(void);
/* A new table with descriptors 0, 1, 2 on the console, and the path state "/" for the first program. The caller is
 * a kernel thread; a terminal becomes the controlling terminal of `session` and `group` its foreground group. */
int files_first(struct process *process);

/* fork, exec (closes what is close-on-exec) and exit of a process's `files` and `paths`. fork returns null: no memory. Processes can
 * share them: share adds one that has them, exit takes one away. */
struct files *files_fork(struct files *files);
struct files *files_share(struct files *files);
bool files_are_shared(const struct files *files);
/* About how many pages would be free if a process closed its files, beside those of files with names. */
uint64_t files_pages(struct files *files);
void files_exec(struct files *files);
void files_exit(struct files *files);
struct path_state *path_state_fork(struct path_state *paths);
struct path_state *path_state_share(struct path_state *paths);
bool path_state_is_shared(const struct path_state *paths);
void path_state_exit(struct path_state *paths);
/* The calling process shares them no more, but has copies of its own. 0, -ENOMEM, -EINVAL: it has several threads. `room` is null or was
 * made before: with it there is no -ENOMEM, unless others gave the shared table more descriptors since. It is taken in each case. */
int files_part(struct files *room);
int path_state_part(struct path_state *room);
struct files *files_room(struct files *files);          /* for as many as these are now; null: no memory */
struct path_state *path_state_room(void);               /* the same */

/* Opens a program or interpreter of the calling process, by a path in UNIX's memory. Returns 0 and a reference to the file in *out,
 * or -ENOENT, -EACCES (not a regular file, not executable), -ENOTDIR, -ELOOP, -ENOMEM, -ETXTBSY. Nobody writes it while the file is
 * there, or until file_unuse. */
int file_open_exec(const char *path, struct file **out);
void file_unuse(struct file *file);
/* What decides as whom a program runs. */
struct file_capabilities;
void file_capabilities(const struct file *file, struct file_capabilities *out);
void file_owner(const struct file *file, uint32_t *mode, uint32_t *uid, uint32_t *gid);
/* Does a path of the calling program end at a symbolic link? */
bool file_is_link(int descriptor, uint64_t path);
int64_t file_read_at(struct file *file, void *to, uint64_t bytes, uint64_t offset);     /* bytes done or -E* */
void file_get(struct file *file);
void file_put(struct file *file);
/* The absolute path of a file, zero-terminated, for /proc/self/exe and maps. Returns its length or -E*. */
int64_t file_path(struct file *file, char *to, uint64_t limit);
/* The file behind a descriptor of the calling process, with a reference; null: EBADF. */
struct file *file_of_descriptor(int descriptor);

/* Where page `index` of a file's contents lies, for mmap and exec. It is mapped in place: a boot image page is read-only; a
 * page of M may be written if it was asked for with for_write (shared mappings), and comes with a page_get that the caller puts.
 * Bytes after the end of the file in its last page are zero. Never calls user_*; takes only leaf locks.
 * Returns 0, -EFAULT (past the end: SIGBUS), -ENOMEM, -EAGAIN: after file_page_make, which needs that no lock is held. */
struct page_source {
	uint32_t handle;            /* HANDLE_MEMORY or HANDLE_BOOT_IMAGE */
	uint64_t index;             /* page of that container */
};
int file_page(struct file *file, uint64_t index, bool for_write, struct page_source *out);
/* The same for a page of M only, and only if it is there already: false for holes, what lies in the boot image, and past the end. */
bool file_page_there(struct file *file, uint64_t index, struct page_source *out);
/* Takes a page of a file out of the boot image, into M: whoever has the image's mapped loses that. 0, -EFAULT, -ENOMEM. */
int file_page_make(struct file *file, uint64_t index);
/* A space is about to map the file, under its lock. 0, -EPERM: it is sealed against what is written through a shared mapping. */
int file_map(struct file *file, bool shared_write);
/* New shared memory that has no name, of that size. Null: no memory. */
struct file *file_of_memory(uint64_t bytes);
bool file_is_of(const struct file *file, const struct inode *inode);
/* A region of it is unmapped: gives back the region's reference. A space's lock may be held. */
void file_unmapped(struct file *file);
/* Whether it is shared memory of System V (ipc/shared.c). */
bool file_is_segment(const struct file *file);
/* The process ends: what it did to semaphores with SEM_UNDO is undone (ipc/undo.c). No locks. */
void semaphores_exit(struct process *process);
/* What /proc says of a mapped file. */
struct file_facts {
	uint32_t device;            /* st_dev */
	bool nameless;              /* memory that is shared, without a name */
	uint64_t inode;             /* st_ino */
};
void file_facts(const struct file *file, struct file_facts *out);
/* A number for the file that no other has at the same time. */
uint64_t file_identity(const struct file *file);
/* Whether a file may be mapped by anybody: set by file_map, and by process/mapped.c. */
void file_mapped_mark(struct inode *inode, bool mapped);
bool file_mapped_marked(const struct inode *inode);

enum { MAPPABLE_READ = 1, MAPPABLE_WRITE = 2, MAPPABLE_EXECUTE = 4, MAPPABLE_SEALED = 8 };
/* What mmap may do with an open file: MAPPABLE_* by its open mode, or -ENODEV (pipe, terminal), -EACCES.
 * MAPPABLE_WRITE is about shared mappings only; a seal takes it away from a file that may be written otherwise. /dev/zero answers -ENODEV with *anonymous set. */
int file_mappable(struct file *file, bool *anonymous);

/* Sends the signals of files with O_ASYNC that were woken. No locks. */
void async_send(void);

/* The first program ended: flushes output, sends FRAME_EXIT with the status (0..255), ends the machine. */
_Noreturn void console_exit(int status);

/* ================= what the process half provides to the files half: process/process.h, and ================= */

/* All spaces lose what they have mapped of pages [first, after) of a file, and fault again; if the contents are gone, their own
 * copies of those pages too. The file's lock may be held, no lock of a space. */
void mappings_drop(struct inode *inode, uint64_t first_page, uint64_t after, bool gone);
/* shmat and shmdt in the calling program's space. address 0: anywhere; `replace`: whatever is there goes. The address, -EINVAL: there
 * is something, -ENOMEM, -EPERM. A reference to the file is taken. */
int64_t space_attach(struct file *file, uint64_t bytes, uint64_t address, uint64_t protection, bool replace);
int space_detach(uint64_t address);             /* 0, -EINVAL: nothing is attached there, -ENOMEM */
/* Whether a shared mapping of the file is there through which it may be written, now or after mprotect. */
bool mappings_may_write(struct inode *inode);

#endif
