/* poll, select and their kin: every file says what is ready and on which queue it will say more. */
#include "file/file.h"

enum { WAITERS_SMALL = 8, WAITERS_BLOCK = 4 * 4096 / sizeof(struct waiter), LOOK_AGAIN_NS = 10000000 };

void poll_watch(struct poll_table *table, struct wait_queue *queue)
{
	if (!table || !table->waiters)
		return;
	if (table->count == table->limit) {
		table->short_of = true;
		return;
	}
	if (table->notify) {
		table->waiters[table->count].notify = table->notify;
		table->waiters[table->count].exclusive = table->exclusive;
		table->waiters[table->count].owner = table->owner;
		waiter_add_notify(&table->waiters[table->count++], queue);
	} else {
		waiter_add(&table->waiters[table->count++], queue);
	}
}

/* The waiters from `first` on stand in queues of the file: it stays until they have left, whoever closes it meanwhile. */
static void file_keep(struct poll_table *table, uint32_t first, struct file *file)
{
	bool others = !files_are_alone(self_process());

	for (uint32_t i = first; i < table->count; i++) {
		table->waiters[i].owner = others ? file : 0;
		if (others)
			file_get(file);
	}
}

uint32_t file_poll(struct file *file, struct poll_table *table)
{
	uint32_t first = table ? table->count : 0, events;

	if (!file->operations->poll)
		return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
	events = file->operations->poll(file, table);
	if (table && !table->notify)
		file_keep(table, first, file);
	return events;
}

/* Sleeps until something on the table moves, then takes everything off the queues. */
static int table_sleep(struct poll_table *table, uint64_t deadline)
{
	uint64_t soon = time_monotonic() + LOOK_AGAIN_NS;
	bool again = table->short_of && (!deadline || deadline > soon);
	int status = wait_sleep(table->waiters, table->count, true, again ? soon : deadline);

	return again && status == -ETIMEDOUT ? 0 : status;
}

static void table_clear(struct poll_table *table)
{
	for (uint32_t i = 0; i < table->count; i++) {
		waiter_remove(&table->waiters[i]);
		if (table->waiters[i].owner)
			file_put(table->waiters[i].owner);
	}
	table->count = 0;
	table->short_of = false;
}

/* Room for `wanted` waiters: on the stack, or a block. */
static void table_start(struct poll_table *table, struct waiter *few, uint64_t wanted)
{
	*table = (struct poll_table){.waiters = few, .limit = WAITERS_SMALL};
	if (wanted > WAITERS_SMALL) {
		void *block = page_block_alloc();

		if (block)
			*table = (struct poll_table){.waiters = block, .limit = WAITERS_BLOCK};
	}
}

static void table_end(struct poll_table *table, struct waiter *few)
{
	table_clear(table);
	if (table->waiters != few)
		page_block_free(table->waiters);
}

int64_t poll_until(int64_t (*scan)(void *what, struct poll_table *table), void *what, uint64_t wanted, uint64_t deadline,
	bool wait)
{
	struct waiter few[WAITERS_SMALL];
	struct poll_table table;
	int64_t ready;
	int status = 0;

	ready = scan(what, 0);
	if (ready || !wait)
		return ready;
	table_start(&table, few, wanted);
	for (;;) {
		ready = scan(what, &table);
		if (ready || status)
			break;
		status = table_sleep(&table, deadline);
		table_clear(&table);
	}
	table_end(&table, few);
	return ready ? ready : status == -ETIMEDOUT ? 0 : status == -ERESTARTSYS ? -EINTR : status;
}

/* ---- poll ---- */

enum { POLL_SMALL = 8, POLL_BLOCK = 4 * 4096 / sizeof(struct linux_pollfd), POLL_BLOCKS = 4096 / sizeof(void *) };

struct poll_set {
	struct linux_pollfd few[POLL_SMALL];
	struct linux_pollfd **blocks;   /* null: they are the few */
	uint64_t count;
};

static struct linux_pollfd *poll_entry(struct poll_set *set, uint64_t i)
{
	return set->blocks ? &set->blocks[i / POLL_BLOCK][i % POLL_BLOCK] : &set->few[i];
}

static int64_t poll_scan(void *what, struct poll_table *table)
{
	struct poll_set *set = what;
	int64_t ready = 0;

	for (uint64_t i = 0; i < set->count; i++) {
		struct linux_pollfd *entry = poll_entry(set, i);
		struct held held;

		entry->revents = 0;
		if (entry->fd < 0)
			continue;
		if (held_get_open(&held, entry->fd)) {
			entry->revents = (int16_t)(file_poll(held.file, table) & ((uint16_t)entry->events | POLLERR | POLLHUP));
			held_put(&held);
		} else {
			entry->revents = POLLNVAL;
		}
		ready += entry->revents != 0;
	}
	return ready;
}

static void poll_blocks_free(struct poll_set *set)
{
	if (!set->blocks)
		return;
	for (uint64_t i = 0; i < POLL_BLOCKS && set->blocks[i]; i++)
		page_block_free(set->blocks[i]);
	heap_free(set->blocks);
}

static int poll_blocks_make(struct poll_set *set)
{
	uint64_t blocks = (set->count + POLL_BLOCK - 1) / POLL_BLOCK;

	if (set->count <= POLL_SMALL)
		return 0;
	set->blocks = blocks <= POLL_BLOCKS ? heap_alloc(POLL_BLOCKS * sizeof(void *)) : 0;
	if (!set->blocks)
		return -ENOMEM;
	for (uint64_t i = 0; i < blocks; i++) {
		set->blocks[i] = page_block_alloc();
		if (!set->blocks[i])
			return -ENOMEM;
	}
	return 0;
}

/* Each piece of the set that lies in one place: its first entry, the bytes of it. */
static uint64_t poll_piece(struct poll_set *set, uint64_t first)
{
	uint64_t left = set->count - first;

	return (left < POLL_BLOCK ? left : POLL_BLOCK) * sizeof(struct linux_pollfd);
}

static int poll_entries_read(struct poll_set *set, uint64_t address)
{
	for (uint64_t i = 0; i < set->count; i += POLL_BLOCK)
		if (user_read(poll_entry(set, i), address + i * sizeof(struct linux_pollfd), poll_piece(set, i)))
			return -EFAULT;
	return 0;
}

static int poll_entries_write(struct poll_set *set, uint64_t address)
{
	for (uint64_t i = 0; i < set->count; i += POLL_BLOCK)
		if (user_write(address + i * sizeof(struct linux_pollfd), poll_entry(set, i), poll_piece(set, i)))
			return -EFAULT;
	return 0;
}

static int64_t poll_call(uint64_t address, uint64_t count, uint64_t deadline, bool wait)
{
	struct poll_set set;
	int64_t result;

	if (count > self_process()->rlimits[RLIMIT_NOFILE].soft)
		return -EINVAL;
	set.count = count;
	set.blocks = 0;
	result = poll_blocks_make(&set);
	if (result == 0)
		result = poll_entries_read(&set, address);
	if (result == 0)
		result = poll_until(poll_scan, &set, set.count, deadline, wait);
	if (result >= 0 && poll_entries_write(&set, address))
		result = -EFAULT;
	poll_blocks_free(&set);
	return result;
}

static uint64_t deadline_after(uint64_t ns)
{
	uint64_t now = time_monotonic();

	return ns > INT64_MAX - now ? INT64_MAX : now + ns;
}

/* An interrupted wait without a relative time-out is run again if no handler ran. */
static int64_t interrupted(int64_t result, bool masked)
{
	return result == -EINTR && masked ? -ERESTARTNOHAND : result;
}

int64_t sys_poll(SYSCALL_ARGUMENTS)
{
	int32_t milliseconds = (int32_t)a2;

	return interrupted(poll_call(a0, (uint32_t)a1, milliseconds > 0 ? deadline_after((uint64_t)milliseconds * 1000000) : 0,
		milliseconds != 0), milliseconds < 0);
}

int timespec_read(uint64_t address, uint64_t *deadline, bool *wait)
{
	struct linux_timespec time;

	*deadline = 0;
	*wait = true;
	if (!address)
		return 0;
	if (user_read(&time, address, sizeof(time)))
		return -EFAULT;
	if (time.seconds < 0 || time.nanoseconds < 0 || time.nanoseconds >= 1000000000)
		return -EINVAL;
	*wait = time.seconds || time.nanoseconds;
	*deadline = time.seconds > 1 << 30 ? INT64_MAX :
		deadline_after((uint64_t)time.seconds * 1000000000 + (uint64_t)time.nanoseconds);
	return 0;
}

static void timespec_left(uint64_t address, uint64_t deadline)
{
	uint64_t now = time_monotonic(), left = deadline > now ? deadline - now : 0;
	struct linux_timespec time = {(int64_t)(left / 1000000000), (int64_t)(left % 1000000000)};

	if (address && deadline != INT64_MAX && user_write(address, &time, sizeof(time)))
		return;                 /* the call's own result counts */
}

int mask_apply(uint64_t address, uint64_t bytes)
{
	uint64_t mask;

	if (!address)
		return 0;
	if (bytes != sizeof(mask))
		return -EINVAL;
	if (user_read(&mask, address, sizeof(mask)))
		return -EFAULT;
	signal_mask_temporary(mask);
	return 0;
}

int64_t sys_ppoll(SYSCALL_ARGUMENTS)
{
	uint64_t deadline;
	int64_t result;
	bool wait;

	result = timespec_read(a2, &deadline, &wait);
	if (result == 0)
		result = mask_apply(a3, a4);
	if (result)
		return result;
	result = poll_call(a0, (uint32_t)a1, deadline, wait);
	if (a2)
		timespec_left(a2, deadline);
	return interrupted(result, a3);
}

/* ---- select ---- */

enum { SELECT_LIMIT = 8192, SELECT_WORDS = SELECT_LIMIT / 64 };

struct select_set {             /* in a block of pages: three sets asked for, three found */
	uint64_t asked[3][SELECT_WORDS];
	uint64_t found[3][SELECT_WORDS];
	uint32_t count;
	bool bad;
};
_Static_assert(sizeof(struct select_set) <= 4 * 4096, "a select set fits in a block");

static const uint32_t select_events[3] = {
	POLLIN | POLLRDNORM | POLLHUP | POLLERR, POLLOUT | POLLWRNORM | POLLERR, POLLPRI,
};

static int64_t select_one(struct select_set *set, uint32_t n, struct poll_table *table)
{
	uint64_t bit = 1ull << (n % 64);
	struct held held;
	int64_t ready = 0;
	uint32_t events;

	if (!held_get(&held, (int)n)) {
		set->bad = true;
		return 1;
	}
	events = held.file->flags & O_PATH ? UINT32_MAX : file_poll(held.file, table);
	held_put(&held);
	for (int i = 0; i < 3; i++)
		if ((set->asked[i][n / 64] & bit) && (events & select_events[i])) {
			set->found[i][n / 64] |= bit;
			ready++;
		}
	return ready;
}

static int64_t select_scan(void *what, struct poll_table *table)
{
	struct select_set *set = what;
	int64_t ready = 0;

	for (uint32_t word = 0; word < (set->count + 63) / 64; word++) {
		uint64_t left = set->asked[0][word] | set->asked[1][word] | set->asked[2][word];

		for (int i = 0; i < 3; i++)
			set->found[i][word] = 0;
		for (; left; left &= left - 1)
			ready += select_one(set, word * 64 + (uint32_t)__builtin_ctzll(left), table);
	}
	return ready;
}

static int select_read(struct select_set *set, const uint64_t addresses[3])
{
	uint32_t words = (set->count + 63) / 64;

	for (int i = 0; i < 3; i++) {
		memset(set->asked[i], 0, words * 8);
		if (addresses[i] && user_read(set->asked[i], addresses[i], words * 8))
			return -EFAULT;
		if (set->count % 64)
			set->asked[i][words - 1] &= (1ull << (set->count % 64)) - 1;
	}
	return 0;
}

static int select_write(struct select_set *set, const uint64_t addresses[3])
{
	for (int i = 0; i < 3; i++)
		if (addresses[i] && user_write(addresses[i], set->found[i], (set->count + 63) / 64 * 8))
			return -EFAULT;
	return 0;
}

static int64_t select_call(int64_t count, const uint64_t addresses[3], uint64_t deadline, bool wait)
{
	struct select_set *set;
	int64_t result;

	if (count < 0)
		return -EINVAL;
	set = page_block_alloc();
	if (!set)
		return -ENOMEM;
	set->count = count < SELECT_LIMIT ? (uint32_t)count : SELECT_LIMIT;
	set->count = set->count < descriptor_capacity() ? set->count : descriptor_capacity();
	set->bad = false;
	result = select_read(set, addresses);
	if (result == 0)
		result = poll_until(select_scan, set, set->count, deadline, wait);
	if (set->bad)
		result = -EBADF;
	if (result >= 0 && select_write(set, addresses))
		result = -EFAULT;
	page_block_free(set);
	return result;
}

int64_t sys_select(SYSCALL_ARGUMENTS)
{
	const uint64_t addresses[3] = {a1, a2, a3};
	struct linux_timeval time;
	uint64_t deadline = 0, left;
	bool wait = true;
	int64_t result;

	if (a4) {
		if (user_read(&time, a4, sizeof(time)))
			return -EFAULT;
		if (time.seconds < 0 || time.microseconds < 0)
			return -EINVAL;
		wait = time.seconds || time.microseconds;
		deadline = time.seconds > 1 << 30 ? INT64_MAX :
			deadline_after((uint64_t)time.seconds * 1000000000 + (uint64_t)time.microseconds * 1000);
	}
	result = select_call((int32_t)a0, addresses, deadline, wait);
	if (a4 && deadline != INT64_MAX) {
		uint64_t now = time_monotonic();

		left = deadline > now ? deadline - now : 0;
		time = (struct linux_timeval){(int64_t)(left / 1000000000), (int64_t)(left % 1000000000 / 1000)};
		(void)user_write(a4, &time, sizeof(time));      /* what it cannot say it does not say */
	}
	return interrupted(result, true);
}

int64_t sys_pselect6(SYSCALL_ARGUMENTS)
{
	const uint64_t addresses[3] = {a1, a2, a3};
	uint64_t deadline, mask[2] = {0, 0};
	int64_t result;
	bool wait;

	result = timespec_read(a4, &deadline, &wait);
	if (result == 0 && a5)
		result = user_read(mask, a5, sizeof(mask));
	if (result == 0)
		result = mask_apply(mask[0], mask[1]);
	if (result)
		return result;
	result = select_call((int32_t)a0, addresses, deadline, wait);
	if (a4)
		timespec_left(a4, deadline);
	return interrupted(result, true);
}
