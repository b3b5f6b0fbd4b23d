/* Futexes (futex(2)): waiting for a word of a program's memory to change. The key of a word is its file and place there where the
 * region is shared, otherwise the space and the address.
 *
 * A waiter may be moved to another word (requeue): its bucket changes under the locks of both buckets. Two buckets are locked in
 * the order of their addresses; the space lock comes after them, so that a word may be read while its bucket is locked. */
#include "process/futex.h"

enum {
	FUTEX_WAIT = 0, FUTEX_WAKE = 1, FUTEX_REQUEUE = 3, FUTEX_CMP_REQUEUE = 4, FUTEX_WAKE_OP = 5, FUTEX_WAIT_BITSET = 9,
	FUTEX_WAKE_BITSET = 10, FUTEX_LOCK_PI = 6, FUTEX_UNLOCK_PI = 7, FUTEX_TRYLOCK_PI = 8, FUTEX_LOCK_PI2 = 13,
};
enum { FUTEX_PRIVATE = 128, FUTEX_REALTIME = 256, FUTEX_COMMAND = 127 };
enum { BUCKETS = 64 };

struct bucket {
	struct mutex lock;
	struct futex_waiter *first;
};

struct futex_waiter {
	struct futex_waiter *next;
	struct futex_key key;
	struct bucket *bucket;      /* where it is, or was when it was woken */
	struct wait_queue queue;
	uint32_t bits;
	bool woken;
};

static struct bucket buckets[BUCKETS];

int futex_key_of(uint64_t address, bool private, struct futex_key *key)
{
	struct space *space = self_process()->space;

	if (address >= PROGRAM_LIMIT)
		return -EFAULT;
	if (!private)
		return space_word_place(space, address, &key->place, &key->offset);
	*key = (struct futex_key) { (uint64_t)space, address };
	return 0;
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

/* How many were woken, or -EFAULT. */
static int64_t futex_wake(uint64_t address, bool private, unsigned count, uint32_t bits)
{
	struct futex_key key;
	struct bucket *bucket;
	int64_t woken = futex_key_of(address, private, &key);

	if (woken != 0)
		return woken;
	bucket = bucket_of(key);
	mutex_lock(&bucket->lock);
	woken = bucket_wake(bucket, key, count, bits);
	mutex_unlock(&bucket->lock);
	return woken;
}

void futex_wake_address(uint64_t address, unsigned count)
{
	(void)futex_wake(address, false, count, ~0u);
	(void)futex_wake(address, true, count, ~0u);
}

static void waiter_append(struct bucket *bucket, struct futex_waiter *waiter)
{
	struct futex_waiter **link = &bucket->first;

	while (*link != NULL)
		link = &(*link)->next;
	*link = waiter;
}

/* Locks the bucket of a waiter, which may move until it is locked; `held` is locked already, and let go if it is another. */
static struct bucket *waiter_lock(struct futex_waiter *waiter, struct bucket *held)
{
	struct bucket *bucket;

	while ((bucket = __atomic_load_n(&waiter->bucket, __ATOMIC_RELAXED)) != held) {
		mutex_unlock(&held->lock);
		mutex_lock(&bucket->lock);
		held = bucket;
	}
	return held;
}

/* The word is read after the waiter is in its bucket, so that a wake between the two is not lost. The bucket's lock is not
 * held over the read, which may fault. */
static int64_t futex_wait(uint64_t address, bool private, uint32_t value, uint64_t deadline, uint32_t bits)
{
	struct futex_waiter waiter = { .bits = bits };
	int status = futex_key_of(address, private, &waiter.key);
	struct bucket *bucket;
	uint32_t now;

	if (status != 0)
		return status;
	bucket = waiter.bucket = bucket_of(waiter.key);
	mutex_lock(&bucket->lock);
	waiter_append(bucket, &waiter);
	mutex_unlock(&bucket->lock);
	if (user_read(&now, address, sizeof now) != 0)
		status = -EFAULT;
	else if (now != value)
		status = -EAGAIN;
	mutex_lock(&bucket->lock);
	bucket = waiter_lock(&waiter, bucket);
	while (!waiter.woken && status == 0) {
		status = wait_queue_sleep(&waiter.queue, &bucket->lock, true, deadline);
		bucket = waiter_lock(&waiter, bucket);
	}
	if (waiter.woken)
		status = 0;
	else
		waiter_unlink(bucket, &waiter);
	mutex_unlock(&bucket->lock);
	return status;
}

static void buckets_lock(struct bucket *one, struct bucket *other)
{
	mutex_lock(one < other ? &one->lock : &other->lock);
	if (one != other)
		mutex_lock(one < other ? &other->lock : &one->lock);
}

static void buckets_unlock(struct bucket *one, struct bucket *other)
{
	mutex_unlock(&one->lock);
	if (one != other)
		mutex_unlock(&other->lock);
}

/* Moves up to `count` waiters of one word to the end of another's. Both buckets are locked. */
static unsigned bucket_move(struct bucket *from, struct futex_key key, struct bucket *to, struct futex_key new, unsigned count)
{
	struct futex_waiter **link = &from->first, *moved = NULL, **last = &moved;
	unsigned done = 0;

	while (*link != NULL && done < count) {
		struct futex_waiter *waiter = *link;

		if (waiter->key.place != key.place || waiter->key.offset != key.offset) {
			link = &waiter->next;
			continue;
		}
		*link = waiter->next;
		waiter->next = NULL;
		waiter->key = new;
		__atomic_store_n(&waiter->bucket, to, __ATOMIC_RELAXED);
		*last = waiter;
		last = &waiter->next;
		done++;
	}
	if (moved != NULL)
		waiter_append(to, moved);
	return done;
}

struct futex_pair {             /* what a call about two words was given */
	uint64_t address, other;
	bool private;
	unsigned count, other_count;
	bool compare;
	uint32_t value;
};

/* Wakes some waiters of a word and moves others to the other one. The result counts both, without a comparison only the woken. */
static int64_t futex_requeue(const struct futex_pair *pair)
{
	struct futex_key key, new;
	struct bucket *from, *to;
	int64_t result;
	uint32_t now;

	if ((int32_t)pair->count < 0 || (int32_t)pair->other_count < 0)
		return -EINVAL;
	result = futex_key_of(pair->address, pair->private, &key);
	if (result == 0)
		result = futex_key_of(pair->other, pair->private, &new);
	if (result != 0)
		return result;
	from = bucket_of(key);
	to = bucket_of(new);
	buckets_lock(from, to);
	if (pair->compare && user_read(&now, pair->address, sizeof now) != 0)
		result = -EFAULT;
	else if (pair->compare && now != pair->value)
		result = -EAGAIN;
	if (result == 0) {
		unsigned moved;

		result = bucket_wake(from, key, pair->count, ~0u);
		moved = bucket_move(from, key, to, new, pair->other_count);
		result += pair->compare ? moved : 0;
	}
	buckets_unlock(from, to);
	return result;
}

/* ---- changing a word and waking by what it was ---- */

enum { OP_SET, OP_ADD, OP_OR, OP_ANDN, OP_XOR, OP_COUNT, OP_SHIFT = 8 };
enum { IS_EQUAL, IS_DIFFERENT, IS_LESS, IS_LESS_EQUAL, IS_GREATER, IS_GREATER_EQUAL, IS_COUNT };

static uint32_t operation_result(uint32_t old, uint32_t operation, uint32_t operand)
{
	switch (operation) {
	case OP_SET:
		return operand;
	case OP_ADD:
		return old + operand;
	case OP_OR:
		return old | operand;
	case OP_ANDN:
		return old & ~operand;
	}
	return old ^ operand;
}

static bool comparison_holds(int32_t old, uint32_t comparison, int32_t with)
{
	switch (comparison) {
	case IS_EQUAL:
		return old == with;
	case IS_DIFFERENT:
		return old != with;
	case IS_LESS:
		return old < with;
	case IS_LESS_EQUAL:
		return old <= with;
	case IS_GREATER:
		return old > with;
	}
	return old >= with;
}

/* Twelve bits with a sign. */
static int32_t operand_of(uint32_t bits)
{
	return (int32_t)(bits << 20) >> 20;
}

static int64_t futex_wake_op(const struct futex_pair *pair)
{
	uint32_t operation = pair->value >> 28 & 7, comparison = pair->value >> 24 & 15, old = 0;
	int32_t operand = operand_of(pair->value >> 12);
	bool shift = pair->value >> 28 & OP_SHIFT;
	struct futex_key key;
	int64_t woken;
	int status = futex_key_of(pair->address, pair->private, &key);

	if (status == 0)
		status = futex_key_of(pair->other, pair->private, &key);
	if (status != 0)
		return status;
	if (operation >= OP_COUNT || comparison >= IS_COUNT)
		return -ENOSYS;
	if (shift)
		operand = (int32_t)(1u << (operand & 31));
	do
		status = space_word_exchange(self_process()->space, pair->other, &old,
			operation_result(old, operation, (uint32_t)operand));
	while (status > 0);
	if (status != 0)
		return status;
	woken = futex_wake(pair->address, pair->private, pair->count, ~0u);
	if (woken >= 0 && comparison_holds((int32_t)old, comparison, operand_of(pair->value)))
		woken += futex_wake(pair->other, pair->private, pair->other_count, ~0u);
	return woken;
}

static int64_t futex_two(int command, const struct futex_pair *pair)
{
	if (pair->other % 4 != 0)
		return -EINVAL;
	return command == FUTEX_WAKE_OP ? futex_wake_op(pair) : futex_requeue(pair);
}

int64_t sys_futex(SYSCALL_ARGUMENTS)
{
	bool private = a1 & FUTEX_PRIVATE;
	int command = (int)(a1 & FUTEX_COMMAND), status;
	struct futex_pair pair = { a0, a4, private, (unsigned)a2, (unsigned)a3, command == FUTEX_CMP_REQUEUE, (uint32_t)a5 };
	uint32_t bits = command == FUTEX_WAIT || command == FUTEX_WAKE ? ~0u : (uint32_t)a5;
	uint64_t deadline;

	if (a0 % 4 != 0)
		return -EINVAL;
	if ((a1 & FUTEX_REALTIME) && command != FUTEX_WAIT_BITSET && command != FUTEX_LOCK_PI2)
		return -ENOSYS;
	switch (command) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
		status = bits == 0 ? -EINVAL : deadline_read(a3, command == FUTEX_WAIT_BITSET, a1 & FUTEX_REALTIME, &deadline);
		return status != 0 ? status : futex_wait(a0, private, (uint32_t)a2, deadline, bits);
	case FUTEX_WAKE:
	case FUTEX_WAKE_BITSET:
		return bits == 0 ? -EINVAL : futex_wake(a0, private, (unsigned)a2, bits);
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
	case FUTEX_WAKE_OP:
		return futex_two(command, &pair);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		status = deadline_read(a3, true, command == FUTEX_LOCK_PI || (a1 & FUTEX_REALTIME), &deadline);
		return status != 0 ? status : futex_lock_owned(a0, private, false, deadline);
	case FUTEX_TRYLOCK_PI:
		return futex_lock_owned(a0, private, true, 0);
	case FUTEX_UNLOCK_PI:
		return futex_unlock_owned(a0, private);
	default:
		return -ENOSYS;
	}
}
