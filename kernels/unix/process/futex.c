/* Futexes (futex(2)): waiting for a word of a program's memory to change. The key of a word is its page of M and offset where the
 * region is shared, otherwise the space and the address. */
#include "process/internal.h"

enum { FUTEX_WAIT = 0, FUTEX_WAKE = 1, FUTEX_REQUEUE = 3, FUTEX_CMP_REQUEUE = 4, FUTEX_WAIT_BITSET = 9, FUTEX_WAKE_BITSET = 10 };
enum { FUTEX_PRIVATE = 128, FUTEX_REALTIME = 256, FUTEX_COMMAND = 127 };
enum { BUCKETS = 64 };

struct futex_key {
	uint64_t place, offset;
};

struct futex_waiter {
	struct futex_waiter *next;
	struct futex_key key;
	struct wait_queue queue;
	uint32_t bits;
	bool woken;
};

struct bucket {
	struct mutex lock;
	struct futex_waiter *first;
};

static struct bucket buckets[BUCKETS];

static struct futex_key key_of(uint64_t address, bool private)
{
	struct space *space = self_process()->space;
	page_index page = private ? 0 : space_shared_page(space, address);

	if (page != 0)
		return (struct futex_key) { page, address % PAGE_BYTES };
	return (struct futex_key) { (uint64_t)space, address };
}

static struct bucket *bucket_of(struct futex_key key)
{
	return &buckets[((key.place >> PAGE_BITS) + key.place + (key.offset >> 2) + (key.offset >> 9)) % BUCKETS];
}

static void waiter_unlink(struct bucket *bucket, struct futex_waiter *waiter)
{
	struct futex_waiter **link = &bucket->first;

	while (*link != NULL && *link != waiter)
		link = &(*link)->next;
	if (*link != NULL)
		*link = waiter->next;
}

/* Waiters are woken in the order in which they came. */
static unsigned bucket_wake(struct bucket *bucket, struct futex_key key, unsigned count, uint32_t bits)
{
	struct futex_waiter **link = &bucket->first;
	unsigned woken = 0;

	while (*link != NULL && woken < count) {
		struct futex_waiter *waiter = *link;

		if (waiter->key.place != key.place || waiter->key.offset != key.offset || !(waiter->bits & bits)) {
			link = &waiter->next;
			continue;
		}
		*link = waiter->next;
		waiter->woken = true;
		wait_queue_wake(&waiter->queue);
		woken++;
	}
	return woken;
}

static unsigned futex_wake(struct futex_key key, unsigned count, uint32_t bits)
{
	struct bucket *bucket = bucket_of(key);
	unsigned woken;

	mutex_lock(&bucket->lock);
	woken = bucket_wake(bucket, key, count, bits);
	mutex_unlock(&bucket->lock);
	return woken;
}

void futex_wake_address(uint64_t address, unsigned count)
{
	(void)futex_wake(key_of(address, false), count, ~0u);
	(void)futex_wake(key_of(address, true), count, ~0u);
}

static void waiter_append(struct bucket *bucket, struct futex_waiter *waiter)
{
	struct futex_waiter **link = &bucket->first;

	while (*link != NULL)
		link = &(*link)->next;
	*link = waiter;
}

/* The word is read after the waiter is in its bucket, so that a wake between the two is not lost. The bucket's lock is not
 * held over the read, which may fault. */
static int64_t futex_wait(uint64_t address, bool private, uint32_t value, uint64_t deadline, uint32_t bits)
{
	struct futex_waiter waiter = { .key = key_of(address, private), .bits = bits };
	struct bucket *bucket = bucket_of(waiter.key);
	uint32_t now;
	int status = 0;

	mutex_lock(&bucket->lock);
	waiter_append(bucket, &waiter);
	mutex_unlock(&bucket->lock);
	if (user_read(&now, address, sizeof now) != 0)
		status = -EFAULT;
	else if (now != value)
		status = -EAGAIN;
	mutex_lock(&bucket->lock);
	while (!waiter.woken && status == 0)
		status = wait_queue_sleep(&waiter.queue, &bucket->lock, true, deadline);
	if (waiter.woken)
		status = 0;
	else
		waiter_unlink(bucket, &waiter);
	mutex_unlock(&bucket->lock);
	return status;
}

static int deadline_read(uint64_t address, bool absolute, bool realtime, uint64_t *deadline)
{
	struct linux_timespec time;
	uint64_t ns, now = realtime ? time_wall() : time_monotonic();

	*deadline = 0;
	if (address == 0)
		return 0;
	if (user_read(&time, address, sizeof time) != 0)
		return -EFAULT;
	if (time.seconds < 0 || (uint64_t)time.nanoseconds >= 1000000000)
		return -EINVAL;
	ns = (uint64_t)time.seconds * 1000000000 + (uint64_t)time.nanoseconds;
	if (absolute)
		ns = ns > now ? ns - now : 1;
	*deadline = time_monotonic() + ns;
	return 0;
}

/* Requeueing wakes everybody: those who should have moved find their word changed and wait again where they belong. */
static int64_t futex_requeue(uint64_t address, bool private, bool compare, uint32_t value)
{
	uint32_t now;

	if (compare && user_read(&now, address, sizeof now) != 0)
		return -EFAULT;
	if (compare && now != value)
		return -EAGAIN;
	return futex_wake(key_of(address, private), ~0u, ~0u);
}

int64_t sys_futex(SYSCALL_ARGUMENTS)
{
	bool private = a1 & FUTEX_PRIVATE;
	int command = (int)(a1 & FUTEX_COMMAND), status;
	uint64_t deadline;

	if (a0 % 4 != 0)
		return -EINVAL;
	switch (command) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
		status = deadline_read(a3, command == FUTEX_WAIT_BITSET, a1 & FUTEX_REALTIME, &deadline);
		if (status != 0)
			return status;
		return futex_wait(a0, private, (uint32_t)a2, deadline, command == FUTEX_WAIT ? ~0u : (uint32_t)a5);
	case FUTEX_WAKE:
	case FUTEX_WAKE_BITSET:
		return futex_wake(key_of(a0, private), (unsigned)a2, command == FUTEX_WAKE ? ~0u : (uint32_t)a5);
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(a0, private, command == FUTEX_CMP_REQUEUE, (uint32_t)a5);
	default:
		return -ENOSYS;
	}
}
