/* Futexes with an owner, which programs use for locks with priority inheritance (futex(2), FUTEX_LOCK_PI and its kin): the word is
 * 0 or the id of the thread that has the lock, and two bits. All programs have one priority here, so there is none to inherit;
 * what stays is that the lock goes from its owner to the thread that has waited longest, and outlives its owner.
 *
 * A waiter stands in its bucket until it has the lock or gives up. Whoever lets the lock go writes the first waiter's id into the
 * word, under the bucket's lock. An owner that ends only wakes its waiters: each looks for itself who has the word now. The bucket's
 * lock comes before that of a space, so the word is read and changed under it. */
#include "process/futex.h"

enum { BUCKETS = 64 };
#define WORD_WAITERS 0x80000000u
#define WORD_OWNER_DIED 0x40000000u
#define WORD_OWNER 0x3fffffffu

struct owned_waiter {
	struct owned_waiter *next;
	struct futex_key key;
	struct wait_queue queue;
	int32_t tid;                /* who waits */
	int32_t owner;              /* for whom */
	bool granted;               /* the word has its id */
	bool again;                 /* the owner ended */
};

struct owned_bucket {
	struct mutex lock;
	struct owned_waiter *first;
};

static struct owned_bucket buckets[BUCKETS];
static uint32_t waiters;            /* in all buckets; atomic */

static struct owned_bucket *bucket_of(struct futex_key key)
{
	return &buckets[((key.place >> PAGE_BITS) + key.place + (key.offset >> 2) + (key.offset >> 9)) % BUCKETS];
}

static struct owned_waiter *first_of(const struct owned_bucket *bucket, struct futex_key key)
{
	struct owned_waiter *waiter = bucket->first;

	while (waiter != NULL && (waiter->key.place != key.place || waiter->key.offset != key.offset))
		waiter = waiter->next;
	return waiter;
}

static void waiter_join(struct owned_bucket *bucket, struct owned_waiter *waiter)
{
	struct owned_waiter **link = &bucket->first;

	while (*link != NULL)
		link = &(*link)->next;
	*link = waiter;
	__atomic_fetch_add(&waiters, 1, __ATOMIC_SEQ_CST);
}

static void waiter_leave(struct owned_bucket *bucket, struct owned_waiter *waiter)
{
	struct owned_waiter **link = &bucket->first;

	while (*link != waiter)
		link = &(*link)->next;
	*link = waiter->next;
	__atomic_fetch_sub(&waiters, 1, __ATOMIC_SEQ_CST);
}

/* Whether a thread of that id is there and not ending. */
static bool owner_lives(int32_t tid)
{
	struct thread *thread;
	bool lives;

	mutex_lock(&tree_lock);
	thread = thread_of_pid(tid);
	lives = thread != NULL && __atomic_load_n(&thread->gone, __ATOMIC_SEQ_CST) == 0;
	mutex_unlock(&tree_lock);
	return lives;
}

enum { TAKEN = 1, HELD = 2 };

/* Looks at the word once, under the bucket's lock, and takes it if it is free, or was `dead`'s. TAKEN; HELD: by *owner, who will come
 * here to let it go; -EAGAIN: it changed meanwhile; -EFAULT, -EDEADLK. */
static int word_try(uint64_t address, bool others, int32_t dead, bool mark, int32_t *owner)
{
	struct space *space = self_process()->space;
	uint32_t mine = (uint32_t)self()->tid, old, new;
	int status;

	if (user_read(&old, address, sizeof old) != 0)
		return -EFAULT;
	*owner = (int32_t)(old & WORD_OWNER);
	if (*owner == (int32_t)mine)
		return -EDEADLK;
	if (*owner == 0)
		new = mine | (old & WORD_OWNER_DIED) | (others ? WORD_WAITERS : 0);
	else if (*owner == dead)
		new = mine | WORD_OWNER_DIED | (others ? WORD_WAITERS : 0);
	else if (mark && !(old & WORD_WAITERS))
		new = old | WORD_WAITERS;
	else
		return HELD;
	status = space_word_exchange(space, address, &old, new);
	if (status != 0)
		return status > 0 ? -EAGAIN : status;
	return *owner == 0 || *owner == dead ? TAKEN : HELD;
}

/* Waits until the lock is granted, or its owner has ended. 0: look again, or granted. Lock held. */
static int owner_wait(struct owned_bucket *bucket, struct owned_waiter *waiter, uint64_t deadline)
{
	int status = 0;

	while (!waiter->granted && !waiter->again && status == 0)
		status = wait_queue_sleep(&waiter->queue, &bucket->lock, true, deadline);
	return waiter->granted || waiter->again ? 0 : status;
}

/* The waiter is in its bucket, first or not; `lock` is held and let go of. */
static int64_t owned_take(struct owned_bucket *bucket, struct owned_waiter *waiter, uint64_t address, uint64_t deadline)
{
	int32_t dead = 0, owner = 0;
	int status;

	for (;;) {
		waiter->again = false;
		status = word_try(address, true, dead, true, &owner);
		if (status == -EAGAIN)
			continue;
		if (status != HELD)
			break;
		waiter->owner = owner;
		mutex_unlock(&bucket->lock);
		dead = owner_lives(owner) ? 0 : owner;
		mutex_lock(&bucket->lock);
		if (waiter->granted)
			break;
		if (dead != 0)
			continue;
		status = owner_wait(bucket, waiter, deadline);
		if (status != 0 || waiter->granted)
			break;
		dead = owner;
	}
	waiter_leave(bucket, waiter);
	mutex_unlock(&bucket->lock);
	if (waiter->granted || status == TAKEN)
		return 0;
	return status == -ERESTARTSYS ? -ERESTARTNOINTR : status;
}

int64_t futex_lock_owned(uint64_t address, bool private, bool try, uint64_t deadline)
{
	struct owned_waiter waiter = { .tid = self()->tid };
	struct owned_bucket *bucket;
	int32_t owner = 0;
	int status = futex_key_of(address, private, &waiter.key);

	if (status != 0)
		return status;
	bucket = bucket_of(waiter.key);
	mutex_lock(&bucket->lock);
	do
		status = word_try(address, first_of(bucket, waiter.key) != NULL, 0, false, &owner);
	while (status == -EAGAIN);
	if (status != HELD || try) {
		mutex_unlock(&bucket->lock);
		if (status == HELD)
			return owner_lives(owner) ? -EAGAIN : -ESRCH;
		return status == TAKEN ? 0 : status;
	}
	mutex_unlock(&bucket->lock);
	if (!owner_lives(owner))
		return -ESRCH;
	mutex_lock(&bucket->lock);
	waiter_join(bucket, &waiter);
	return owned_take(bucket, &waiter, address, deadline);
}

int64_t futex_unlock_owned(uint64_t address, bool private)
{
	struct space *space = self_process()->space;
	struct futex_key key;
	struct owned_bucket *bucket;
	struct owned_waiter *next;
	uint32_t old;
	int status = futex_key_of(address, private, &key);

	if (status != 0)
		return status;
	bucket = bucket_of(key);
	mutex_lock(&bucket->lock);
	status = user_read(&old, address, sizeof old);
	while (status == 0) {
		if ((int32_t)(old & WORD_OWNER) != self()->tid) {
			status = -EPERM;
			break;
		}
		next = first_of(bucket, key);
		status = space_word_exchange(space, address, &old, next == NULL ? 0 : (uint32_t)next->tid | WORD_WAITERS);
		if (status == 0 && next != NULL) {
			next->granted = true;
			wait_queue_wake(&next->queue);
		}
		if (status <= 0)
			break;
		status = 0;
	}
	mutex_unlock(&bucket->lock);
	return status;
}

void futex_owner_ends(struct thread *owner)
{
	if (__atomic_load_n(&waiters, __ATOMIC_SEQ_CST) == 0)
		return;
	for (unsigned i = 0; i < BUCKETS; i++) {
		mutex_lock(&buckets[i].lock);
		for (struct owned_waiter *waiter = buckets[i].first; waiter != NULL; waiter = waiter->next) {
			if (waiter->owner != owner->tid)
				continue;
			waiter->again = true;
			wait_queue_wake(&waiter->queue);
		}
		mutex_unlock(&buckets[i].lock);
	}
}
