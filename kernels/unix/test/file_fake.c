#include "file_fake.h"

#include <sanitizer/asan_interface.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <time.h>

#include "abi/console.h"
#include "baryon/calls.h"
#include "baryon/hash.h"
#include "process/random.h"

enum { PAGES = 32768, MODULES = 4, SETTINGS = 16 };

char *memory_base;
const char *boot_window;
static char *domain;
static uint32_t counts[PAGES];
static page_index free_pages[PAGES];
static uint32_t free_count;
static int64_t heap_used;
static pthread_mutex_t arena = PTHREAD_MUTEX_INITIALIZER;
static const struct kernel_start start_page = {.number = 16, .memory_pages = PAGES};
const struct kernel_start *kernel_start = &start_page;

uint64_t fake_bad_from, fake_bad_to, fake_good_from, fake_good_to;
int64_t fake_pages_left = -1, fake_heap_left = -1;
struct console_channel fake_console;

static struct { const char *name; const void *bytes; uint64_t count; } modules[MODULES];
static struct { const char *key, *value; } settings[SETTINGS];
static unsigned module_count, setting_count;

/* ---- pages ---- */

static void arena_start(void)
{
	domain = mmap(0, DOMAIN_MEMORY_OFFSET + DOMAIN_CONSOLE_OFFSET + PAGES * PAGE_BYTES, PROT_NONE, 0x22 /* private, anonymous */ | 0x4000, -1, 0);
	CHECK(domain != (char *)-1);
	memory_base = domain + DOMAIN_MEMORY_OFFSET;
	CHECK(mprotect(memory_base, PAGES * PAGE_BYTES, 3) == 0);
	CHECK(mprotect(domain + DOMAIN_CONSOLE_OFFSET, sizeof(struct console_channel), 3) == 0);
	for (page_index page = PAGES - 1; page > 0; page--)
		free_pages[free_count++] = page;
}

page_index page_alloc_any(void)
{
	page_index page = 0;

	pthread_mutex_lock(&arena);
	if (free_count && fake_pages_left) {
		page = free_pages[--free_count];
		counts[page] = 1;
		fake_pages_left -= fake_pages_left > 0;
	}
	pthread_mutex_unlock(&arena);
	if (page)
		memset(page_address(page), 0xa5, PAGE_BYTES);
	return page;
}

page_index page_alloc(void)
{
	page_index page = page_alloc_any();

	if (page)
		memset(page_address(page), 0, PAGE_BYTES);
	return page;
}

void page_get(page_index page)
{
	CHECK(page && __atomic_fetch_add(&counts[page], 1, __ATOMIC_RELAXED) > 0);
}

void page_release(page_index page)
{
	CHECK(page && page < PAGES && counts[page] > 0);
	pthread_mutex_lock(&arena);
	if (__atomic_sub_fetch(&counts[page], 1, __ATOMIC_RELAXED) == 0) {     /* page_get takes no lock */
		memset(page_address(page), 0x5a, PAGE_BYTES);
		free_pages[free_count++] = page;
	}
	pthread_mutex_unlock(&arena);
}

uint32_t page_references(page_index page)
{
	return counts[page];
}

void *page_block_alloc(void)
{
	return fake_pages_left == 0 ? 0 : aligned_alloc(4 * PAGE_BYTES, 4 * PAGE_BYTES);
}

void page_block_free(void *block)
{
	free(block);
}

uint64_t page_count_free(void)
{
	return free_count;
}

bool page_is_very_short(void)
{
	return false;
}

bool page_is_short(void)
{
	return false;
}

void mappings_drop(struct inode *inode, uint64_t first_page, uint64_t after, bool gone)
{
	(void)inode;
	(void)first_page;
	(void)after;
	(void)gone;
}

bool mappings_may_write(struct inode *inode)
{
	(void)inode;
	return false;
}

uint64_t page_count_total(void)
{
	return PAGES;
}

bool memory_more(void)
{
	return false;
}

int64_t fake_pages_used(void)
{
	return PAGES - 1 - (int64_t)free_count;
}

int64_t fake_heap_used(void)
{
	return __atomic_load_n(&heap_used, __ATOMIC_RELAXED);
}

void *heap_alloc(uint64_t bytes)
{
	CHECK(bytes > 0);
	if (bytes > PAGE_BYTES || fake_heap_left == 0)
		return 0;
	fake_heap_left -= fake_heap_left > 0;
	__atomic_fetch_add(&heap_used, 1, __ATOMIC_RELAXED);
	return calloc(1, bytes);
}

void *heap_alloc_any(uint64_t bytes)
{
	return heap_alloc(bytes);
}

void heap_release(void *record)
{
	if (record)
		__atomic_fetch_sub(&heap_used, 1, __ATOMIC_RELAXED);
	free(record);
}

/* ---- threads ---- */

struct fake_thread {
	struct thread thread;
	bool interrupted;
};

static __thread struct fake_thread mine;
static struct process *first_process;
static pthread_mutex_t wake_lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_cond_t wake_all = PTHREAD_COND_INITIALIZER;
static uint64_t signals_sent;
static struct process *interrupted;
static pthread_mutex_t session_mutex = PTHREAD_MUTEX_INITIALIZER;

struct thread *self(void)
{
	return &mine.thread;
}

void mutex_lock_slow(struct mutex *mutex)
{
	while (!mutex_try(mutex))
		sched_yield();
}

void mutex_unlock_slow(struct mutex *mutex)
{
	CHECK(mutex->state == 1);       /* it was not locked */
}

void waiter_add(struct waiter *waiter, struct wait_queue *queue)
{
	*waiter = (struct waiter){.queue = queue, .previous = 0};
	waiter_add_notify(waiter, queue);
}

void waiter_add_notify(struct waiter *waiter, struct wait_queue *queue)
{
	waiter->queue = queue;
	waiter->next = 0;
	pthread_mutex_lock(&wake_lock);
	waiter->previous = queue->last;
	*(queue->last ? &queue->last->next : &queue->first) = waiter;
	queue->last = waiter;
	pthread_mutex_unlock(&wake_lock);
}

void waiter_remove(struct waiter *waiter)
{
	struct wait_queue *queue = waiter->queue;

	pthread_mutex_lock(&wake_lock);
	*(waiter->previous ? &waiter->previous->next : &queue->first) = waiter->next;
	*(waiter->next ? &waiter->next->previous : &queue->last) = waiter->previous;
	pthread_mutex_unlock(&wake_lock);
}

static void wake(struct wait_queue *queue, unsigned count, uint32_t events)
{
	pthread_mutex_lock(&wake_lock);
	for (struct waiter *waiter = queue->first; waiter && count; waiter = waiter->next)
		if (waiter->notify) {
			(void)waiter->notify(waiter, events);
		} else if (!waiter->woken) {
			waiter->woken = 1;
			count--;
		}
	pthread_cond_broadcast(&wake_all);
	pthread_mutex_unlock(&wake_lock);
}

void wait_queue_wake(struct wait_queue *queue)
{
	wake(queue, ~0u, ~0u);
}

void wait_queue_wake_events(struct wait_queue *queue, uint32_t events)
{
	wake(queue, ~0u, events);
}

void wait_queue_wake_one(struct wait_queue *queue)
{
	wake(queue, 1, ~0u);
}

bool signal_is_killing(void)
{
	return false;
}

bool signal_is_pending(void)
{
	return interrupted && interrupted == self_process();
}

int wait_sleep(struct waiter *waiters, unsigned count, bool interruptible, uint64_t deadline)
{
	struct timespec until;
	int status = 1;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 300;            /* nothing waits that long: a wake was lost */
	if (deadline) {
		uint64_t now = time_monotonic(), left = deadline > now ? deadline - now : 0;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += (int64_t)(left / 1000000000);
		until.tv_nsec += (int64_t)(left % 1000000000);
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
	}
	pthread_mutex_lock(&wake_lock);
	while (status == 1) {
		for (unsigned i = 0; i < count; i++)
			if (waiters[i].woken)
				status = 0;
		if (status == 1 && interruptible && signal_is_pending())
			status = -ERESTARTSYS;
		if (status == 1 && pthread_cond_timedwait(&wake_all, &wake_lock, &until)) {
			CHECK(deadline);
			status = -ETIMEDOUT;
		}
	}
	pthread_mutex_unlock(&wake_lock);
	return status;
}

int wait_queue_sleep(struct wait_queue *queue, struct mutex *lock, bool interruptible, uint64_t deadline)
{
	struct waiter waiter;
	int status;

	waiter_add(&waiter, queue);
	if (lock)
		mutex_unlock(lock);
	status = wait_sleep(&waiter, 1, interruptible, deadline);
	waiter_remove(&waiter);
	if (lock)
		mutex_lock(lock);
	return status;
}

uint64_t time_monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t time_wall(void)
{
	return time_monotonic();
}

void fake_interrupt(struct process *process, bool pending)
{
	pthread_mutex_lock(&wake_lock);
	interrupted = pending ? process : 0;
	pthread_cond_broadcast(&wake_all);
	pthread_mutex_unlock(&wake_lock);
}

uint64_t fake_signals(void)
{
	return __atomic_exchange_n(&signals_sent, 0, __ATOMIC_RELAXED);
}

void signal_send_self(int number)
{
	__atomic_fetch_or(&signals_sent, 1ull << number, __ATOMIC_RELAXED);
}

int signal_send_group(int32_t group, int number)
{
	CHECK(group > 0);
	signal_send_self(number);
	return 0;
}

bool signal_is_blocked_or_ignored(int number)
{
	return number == SIGTTOU;
}

bool group_is_orphaned(int32_t group)
{
	return group == 99;
}

int group_check(int32_t group, struct session *session)
{
	return 0;
}

void session_lock(void)
{
	pthread_mutex_lock(&session_mutex);
}

void session_unlock(void)
{
	pthread_mutex_unlock(&session_mutex);
}

void signal_mask_temporary(uint64_t mask)
{
	(void)mask;
}

struct process *fake_process(struct process *like)
{
	static int32_t pid;
	struct process *process = calloc(1, sizeof(struct process));

	process->pid = process->group = __atomic_add_fetch(&pid, 1, __ATOMIC_RELAXED);
	process->thread_count = 1;
	for (int i = 0; i < RLIMIT_COUNT; i++)
		process->rlimits[i] = (struct rlimit_pair){UINT64_MAX, UINT64_MAX};
	process->rlimits[RLIMIT_NOFILE].soft = 1024;
	process->credentials.effective = process->credentials.permitted = CAPABILITIES_ALL;
	mine.thread.process = process;
	if (like) {
		process->session = like->session;
		process->group = like->group;
		process->files = files_fork(like->files);
		process->paths = path_state_fork(like->paths);
		CHECK(process->files && process->paths);
	} else {
		process->session = calloc(1, sizeof(struct session));
		process->session->id = process->pid;
	}
	return process;
}

struct process *fake_process_first(void)
{
	return first_process;
}

void fake_process_end(void)
{
	struct process *process = self_process();

	files_exit(process->files);
	path_state_exit(process->paths);
	free(process);
}

bool signal_target_exists(uint32_t kind, int32_t id)
{
	return kind == TARGET_PROCESS && id == first_process->pid;
}

void signal_target_send(const struct signal_target *target __attribute__((unused)), int number __attribute__((unused)),
	const struct linux_siginfo *info __attribute__((unused)))
{
}

void work_ask_sending(void)
{
}

struct thread *kernel_thread_start(void (*function)(void *), void *argument, const char *name)
{
	pthread_t thread;

	(void)name;
	CHECK(pthread_create(&thread, 0, (void *(*)(void *))(void *)function, argument) == 0);
	pthread_detach(thread);
	return &mine.thread;
}

void process_each(bool (*visit)(struct process *process, void *argument), void *argument)
{
	visit(first_process, argument);
}

int64_t process_look(int32_t pid, int64_t (*visit)(struct process *process, void *argument), void *argument)
{
	return pid == first_process->pid ? visit(first_process, argument) : -ESRCH;
}

bool process_may_look(const struct process *process)
{
	return process == first_process;
}

int32_t process_thread_next(int32_t pid, int32_t after)
{
	return after < pid ? pid : 0;
}

int64_t process_text(struct process_key key, enum process_text what, bool alone, uint64_t *next, char *to, uint64_t limit)
{
	(void)alone;
	if (*next)
		return 0;
	*next = 1;
	return snprintf(to, limit, "process %d text %d\n", key.pid, what);
}

int64_t process_text_write(struct process_key key, enum process_text what, const char *text, uint64_t bytes)
{
	(void)key;
	(void)text;
	return what == TEXT_COMM ? (int64_t)bytes : -EINVAL;
}

int process_text_check(struct process_key key, enum process_text what)
{
	(void)key;
	(void)what;
	return 0;
}

int64_t process_pagemap(struct process_key key, uint64_t first, uint64_t *words, uint64_t count)
{
	(void)key;
	for (uint64_t i = 0; i < count; i++)
		words[i] = first + i;
	return (int64_t)count;
}

void host_name_write(const char *text, uint64_t bytes, uint64_t position)
{
	(void)text;
	(void)bytes;
	(void)position;
}

int64_t process_executable(int32_t pid, char *to, uint64_t limit)
{
	return snprintf(to, limit, "/bin/program%d", pid);
}

unsigned system_processors(void) { return 2; }
int64_t system_text(enum system_text what, char *to, uint64_t limit)
{
	return snprintf(to, limit, "system text %d\n", what);
}

void ipc_text_open(struct file *file, enum ipc_text what)
{
	static const struct file_operations empty;

	file->operations = &empty;
	file->state_bytes = what;
}

/* ---- programs' memory, texts, the rest ---- */

/* How many of the bytes from an address on can be reached. */
static uint64_t reachable(uint64_t address, uint64_t bytes)
{
	if (address < PAGE_BYTES || (fake_good_to && (address < fake_good_from || address >= fake_good_to)))
		return 0;
	if (fake_good_to && bytes > fake_good_to - address)
		bytes = fake_good_to - address;
	if (address < fake_bad_to && fake_bad_from < address + bytes)
		bytes = address < fake_bad_from ? fake_bad_from - address : 0;
	return bytes;
}

uint64_t user_read_some(void *to, uint64_t from, uint64_t bytes)
{
	bytes = reachable(from, bytes);
	if (bytes)
		memcpy(to, (const void *)from, bytes);
	return bytes;
}

uint64_t user_write_some(uint64_t to, const void *from, uint64_t bytes)
{
	bytes = reachable(to, bytes);
	if (bytes)
		memcpy((void *)to, from, bytes);
	return bytes;
}

int user_read(void *to, uint64_t from, uint64_t bytes)
{
	return bytes && user_read_some(to, from, bytes) < bytes ? -EFAULT : 0;
}

int user_write(uint64_t to, const void *from, uint64_t bytes)
{
	return bytes && user_write_some(to, from, bytes) < bytes ? -EFAULT : 0;
}

uint64_t user_zero_some(uint64_t to, uint64_t bytes)
{
	uint64_t may = reachable(to, bytes);

	if (may)
		memset((void *)to, 0, may);
	return may;
}

int64_t user_string(char *to, uint64_t from, uint64_t limit)
{
	uint64_t bytes;

	if (!reachable(from, 1))
		return -EFAULT;
	bytes = strnlen((const char *)from, reachable(from, limit));
	if (bytes < limit && bytes == reachable(from, limit))
		return -EFAULT;
	memcpy(to, (const void *)from, bytes < limit ? bytes + 1 : limit);
	return bytes < limit ? (int64_t)bytes : -ENAMETOOLONG;
}

void log_line(const char *format, ...)
{
	(void)format;
}

int text_format(char *to, uint64_t limit, const char *format, ...)
{
	va_list arguments;
	int bytes;

	va_start(arguments, format);
	bytes = vsnprintf(to, limit, format, arguments);
	va_end(arguments);
	return bytes;
}

void unix_panic(const char *format, ...)
{
	fprintf(stderr, "panic: %s\n", format);
	abort();
}

void random_bytes(void *to, uint64_t bytes)
{
	memset(to, 0x42, bytes);
}

void fake_module(const char *name, const void *bytes, uint64_t count)
{
	modules[module_count].name = name;
	modules[module_count].bytes = bytes;
	modules[module_count++].count = count;
}

const void *boot_module(const char *name, uint64_t *bytes, uint64_t *first_page)
{
	for (unsigned i = 0; i < module_count; i++)
		if (strcmp(modules[i].name, name) == 0) {
			*bytes = modules[i].count;
			*first_page = 1000 * (i + 1);
			return modules[i].bytes;
		}
	return 0;
}

void fake_setting(const char *key, const char *value)
{
	settings[setting_count].key = key;
	settings[setting_count++].value = value;
}

const char *setting(const char *key, unsigned n)
{
	for (unsigned i = 0; i < setting_count; i++)
		if (strcmp(settings[i].key, key) == 0 && n-- == 0)
			return settings[i].value;
	return 0;
}

/* ---- Strange ---- */

static uint32_t rung;

long signal_send(const volatile void *address)
{
	(void)address;
	__atomic_fetch_add(&rung, 1, __ATOMIC_RELAXED);
	return 0;
}

long signal_wait(uint64_t deadline, uint64_t *addresses, uint64_t count)
{
	struct timespec a_while = {0, 200000};

	(void)deadline, (void)addresses, (void)count;
	nanosleep(&a_while, 0);
	return 1;
}

long portal_call(uint32_t handle, uint64_t words[PORTAL_WORDS], const struct call_blocks *blocks, uint64_t deadline)
{
	(void)handle, (void)blocks, (void)deadline;
	words[0] = 0;
	return 0;
}

long park(uint64_t deadline)
{
	(void)deadline;
	pthread_exit(0);
}

void fake_start(void)
{
	arena_start();
	files_init();
	first_process = fake_process(0);
	CHECK_IS(files_first(first_process), 0);
}

void fake_tree_again(void)
{
	struct path_state *paths = first_process->paths;

	CHECK(tree_init() != -ENOMEM);
	inode_put(paths->current);
	inode_put(paths->root);
	paths->current = paths->root = tree_root;
	inode_get(tree_root);
}

/* ---- a root file system ---- */

struct build {
	const struct fake_node *nodes;
	unsigned count;
	uint32_t inode[512];        /* of each node; node numbers begin at 0, "/" is extra */
	char *image;
	struct rootfs_inode *inodes;
	struct rootfs_entry *entries;
	uint32_t entry_count, names_bytes, inode_count;
	char *names;
	uint64_t data;
};

static uint32_t name_add(struct build *build, const char *name, uint64_t bytes)
{
	uint32_t at = build->names_bytes;

	memcpy(build->names + at, name, bytes);
	build->names_bytes += (uint32_t)bytes + 1;
	return at;
}

static const char *base_name(const char *path)
{
	return strrchr(path, '/') + 1;
}

static bool is_child(const struct build *build, int parent, unsigned child)
{
	const char *path = build->nodes[child].path;
	uint64_t bytes = (uint64_t)(base_name(path) - path) - 1;

	if (parent < 0)
		return bytes == 0;
	return bytes == strlen(build->nodes[parent].path) && memcmp(path, build->nodes[parent].path, bytes) == 0;
}

static void children_add(struct build *build, int parent, uint32_t number)
{
	struct rootfs_inode *inode = &build->inodes[number];
	const char *last = "";

	inode->first = build->entry_count;
	inode->nlink = 2;
	for (;;) {
		int best = -1;

		for (unsigned i = 0; i < build->count; i++)
			if (is_child(build, parent, i) && strcmp(base_name(build->nodes[i].path), last) > 0 &&
			    (best < 0 || strcmp(base_name(build->nodes[i].path), base_name(build->nodes[best].path)) < 0))
				best = (int)i;
		if (best < 0)
			break;
		last = base_name(build->nodes[best].path);
		build->entries[build->entry_count++] = (struct rootfs_entry){build->inode[best],
			name_add(build, last, strlen(last)), (uint16_t)strlen(last),
			(uint16_t)(build->inodes[build->inode[best]].mode >> 12), 0};
		if ((build->inodes[build->inode[best]].mode & S_IFMT) == S_IFDIR) {
			build->inodes[build->inode[best]].parent = number;
			inode->nlink++;
		} else {
			build->inodes[build->inode[best]].nlink++;
		}
	}
	inode->count = build->entry_count - inode->first;
}

static void node_add(struct build *build, unsigned n)
{
	const struct fake_node *node = &build->nodes[n];
	uint64_t bytes = node->bytes ? node->bytes : node->contents ? strlen(node->contents) : 0;
	struct rootfs_inode *inode;

	for (unsigned i = 0; node->same_as && i < n; i++)
		if (strcmp(build->nodes[i].path, node->same_as) == 0) {
			build->inode[n] = build->inode[i];
			return;
		}
	build->inode[n] = build->inode_count;
	inode = &build->inodes[build->inode_count++];
	*inode = (struct rootfs_inode){.mode = node->mode, .uid = node->uid, .size = bytes, .mtime_ns = 1000000000};
	if ((node->mode & S_IFMT) == S_IFREG && bytes) {
		inode->offset = build->data;
		memcpy(build->image + build->data, node->contents, bytes);
		build->data += (bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	} else if ((node->mode & S_IFMT) == S_IFLNK) {
		inode->offset = name_add(build, node->contents, bytes);
	}
}

char *fake_rootfs(const struct fake_node *nodes, unsigned count, uint64_t *bytes)
{
	enum { INODES = 4096, ENTRIES = INODES + 512 * 64, NAMES = ENTRIES + 512 * 16, DATA = NAMES + 28672, ALL = DATA + (1 << 20) };
	struct build build = {.nodes = nodes, .count = count, .inode_count = 2, .data = DATA};
	struct rootfs_header *header;

	build.image = aligned_alloc(PAGE_BYTES, ALL);
	memset(build.image, 0, ALL);
	header = (struct rootfs_header *)build.image;
	build.inodes = (void *)(build.image + INODES);
	build.entries = (void *)(build.image + ENTRIES);
	build.names = build.image + NAMES;
	build.inodes[ROOTFS_ROOT] = (struct rootfs_inode){.mode = S_IFDIR | 0755, .parent = ROOTFS_ROOT};
	for (unsigned i = 0; i < count; i++)
		node_add(&build, i);
	children_add(&build, -1, ROOTFS_ROOT);
	for (unsigned i = 0; i < count; i++)
		if ((nodes[i].mode & S_IFMT) == S_IFDIR)
			children_add(&build, (int)i, build.inode[i]);
	CHECK(build.inode_count < 512 && build.names_bytes < 28672 && build.data <= ALL);
	*header = (struct rootfs_header){ROOTFS_MAGIC, ROOTFS_VERSION, build.inode_count, build.entry_count, 0, build.data, INODES,
		ENTRIES, NAMES, build.names_bytes, DATA, 0};
	header->check = hash_fnv1a(FNV_START, build.image + PAGE_BYTES, DATA - PAGE_BYTES);
	*bytes = build.data;
	return build.image;
}
