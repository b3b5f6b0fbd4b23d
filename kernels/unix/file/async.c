/* Input and output that signal (F_SETOWN, F_SETSIG and O_ASYNC of fcntl(2)): an open file with O_ASYNC stands on its own queues, as
 * one in an epoll set does, and each wake that is about it sends its owner a signal.
 *
 * A wake comes under locks of the file's, and a signal takes those of the tree of processes. So the wake only puts the file on a
 * list. Who woke it sends what is on the list before it goes back to its program; if it sleeps first, or is none of a program's,
 * a thread of UNIX's does.
 * Locks: sending > what signals take; switching > files' own locks > wait queues > list_lock. */
#include "file/file.h"

enum { QUEUES = 2 };

struct async {
	struct async *next;         /* on the list: list_lock, like all up to the waiters */
	const struct file *file;
	bool listed;
	bool starved;               /* a write found no room: that there is some is told once */
	uint32_t events;            /* POLL* that woke it since it was listed */
	uint32_t number;            /* signal; 0: SIGIO without details */
	int32_t descriptor;         /* by which O_ASYNC was set */
	struct signal_target target;
	uint32_t waiter_count;      /* 0: no O_ASYNC. switching */
	struct waiter waiters[QUEUES];
};

static struct mutex sending, switching, list_lock;
static struct async *first, *last;
static struct wait_queue service_wait;
static bool service_started;            /* switching */

/* ---- sending ---- */

/* What si_code and si_band say, of the first that fits. */
static void details_fill(struct linux_siginfo *info, uint32_t events)
{
	enum { CODE_IN = 1, CODE_OUT = 2, CODE_HUP = 6 };

	if (events & POLLHUP) {
		info->code = CODE_HUP;
		info->poll.band = POLLHUP | POLLERR;
	} else if (events & POLLIN) {
		info->code = CODE_IN;
		info->poll.band = POLLIN | POLLRDNORM;
	} else {
		info->code = CODE_OUT;
		info->poll.band = POLLOUT | POLLWRNORM | POLLWRBAND;
	}
}

/* Whether the signal's codes mean something else already. */
static bool has_own_codes(uint32_t number)
{
	return number == SIGILL || number == SIGFPE || number == SIGSEGV || number == SIGBUS || number == SIGTRAP || number == SIGCHLD ||
		number == SIGSYS;
}

static bool list_take(struct async *out)
{
	bool found;

	mutex_lock(&list_lock);
	found = first != 0;
	if (found) {
		struct async *async = first;

		*out = *async;
		first = async->next;
		async->listed = false;
		async->events = 0;
	}
	mutex_unlock(&list_lock);
	return found;
}

void async_send(void)
{
	enum { CODE_SIGIO = -5 };
	struct linux_siginfo info;
	struct async async;

	mutex_lock(&sending);
	while (list_take(&async)) {
		info = (struct linux_siginfo){.number = (int32_t)async.number};
		details_fill(&info, async.events);
		info.poll.descriptor = async.descriptor;
		if (has_own_codes(async.number))
			info.code = CODE_SIGIO;
		signal_target_send(&async.target, (int)async.number, &info);
	}
	mutex_unlock(&sending);
}

static void service_run(void *argument __attribute__((unused)))
{
	for (;;) {
		mutex_lock(&list_lock);
		while (!first)
			(void)wait_queue_sleep(&service_wait, &list_lock, false, 0);
		mutex_unlock(&list_lock);
		async_send();
	}
}

/* ---- being woken ---- */

/* Which of the events the owner is told of. */
static uint32_t events_told(struct async *async, uint32_t events)
{
	const struct file *file = async->file;

	events &= file->operations->told;
	if (!file_readable(file))
		events &= ~(uint32_t)POLLIN;
	if (!file_writable(file) || (file->operations->told_starved && !async->starved))
		events &= ~(uint32_t)POLLOUT;
	if (events & POLLOUT)
		async->starved = false;
	return events;
}

static bool async_notify(struct waiter *waiter, uint32_t events)
{
	struct async *async = waiter->owner;
	bool fresh = false;

	mutex_lock(&list_lock);
	events = events_told(async, events);
	async->events |= events;
	if (events && !async->listed && async->target.id) {
		async->listed = fresh = true;
		async->next = 0;
		if (first)
			last->next = async;
		else
			first = async;
		last = async;
	}
	mutex_unlock(&list_lock);
	if (fresh) {
		work_ask_sending();
		queue_wake_all(&service_wait);
	}
	return false;
}

static void list_leave(struct async *async)
{
	struct async **place = &first, *previous = 0;

	mutex_lock(&list_lock);
	while (*place && *place != async) {
		previous = *place;
		place = &previous->next;
	}
	if (*place) {
		*place = async->next;
		if (last == async)
			last = previous;
	}
	async->listed = false;
	mutex_unlock(&list_lock);
}

void async_starved(struct file *file)
{
	if (!__atomic_load_n(&file->async, __ATOMIC_RELAXED))
		return;
	mutex_lock(&switching);
	if (file->async)
		__atomic_store_n(&file->async->starved, true, __ATOMIC_RELAXED);
	mutex_unlock(&switching);
}

/* ---- switching it on and off ---- */

/* The file's record, made if need be. Null: no memory. switching. */
static struct async *async_of(struct file *file)
{
	if (!file->async) {
		struct async *async = heap_alloc(sizeof(*async));

		if (async)
			async->file = file;
		__atomic_store_n(&file->async, async, __ATOMIC_RELAXED);
	}
	return file->async;
}

/* A record that says nothing goes. switching. */
static void async_trim(struct file *file)
{
	struct async *async = file->async;

	if (async && !async->target.id && !async->number && !async->waiter_count) {
		__atomic_store_n(&file->async, (struct async *)0, __ATOMIC_RELAXED);
		heap_free(async);
	}
}

static void waiters_leave(struct async *async)
{
	for (uint32_t i = 0; i < async->waiter_count; i++)
		waiter_remove(&async->waiters[i]);
	async->waiter_count = 0;
	list_leave(async);
}

void async_forget(struct file *file)
{
	waiters_leave(file->async);
	heap_free(file->async);
}

static void target_set(struct async *async, uint32_t kind, int32_t id)
{
	const struct credentials *who = &self_process()->credentials;

	mutex_lock(&list_lock);
	async->target = (struct signal_target){.kind = kind, .id = id, .uid = who->uid, .euid = who->euid};
	mutex_unlock(&list_lock);
}

/* A terminal's owner is who is before it, if nobody else was named. */
static void target_default(struct async *async, struct file *file)
{
	int32_t group;

	if (async->target.id || !inode_is(file->inode, S_IFCHR))
		return;
	group = terminal_group(file);
	target_set(async, group ? TARGET_GROUP : TARGET_PROCESS, group ? group : self_process()->pid);
}

static int async_start(struct file *file, int descriptor)
{
	struct async *async = async_of(file);
	struct poll_table table = {.limit = QUEUES, .notify = async_notify, .owner = async};

	if (!async)
		return -ENOMEM;
	if (!service_started && !kernel_thread_start(service_run, 0, "sigio"))
		return -ENOMEM;
	service_started = true;
	waiters_leave(async);
	target_default(async, file);
	async->descriptor = descriptor;
	async->starved = false;
	table.waiters = async->waiters;
	(void)file_poll(file, &table);
	async->waiter_count = table.count;
	return 0;
}

int async_switch(struct file *file, int descriptor, bool on)
{
	int status = 0;

	mutex_lock(&switching);
	if (on == !!(file->flags & O_ASYNC) || !file->operations->told) {
		mutex_unlock(&switching);
		return 0;
	}
	if (on)
		status = async_start(file, descriptor);
	else if (!on && file->async)
		waiters_leave(file->async);
	if (status == 0)
		file_flag_set(file, O_ASYNC, on);
	async_trim(file);
	mutex_unlock(&switching);
	return status;
}

/* ---- fcntl ---- */

struct linux_owner {            /* struct f_owner_ex */
	int32_t kind, id;
};

static int64_t owner_set(struct async *async, struct linux_owner owner)
{
	if (owner.kind < TARGET_THREAD || owner.kind > TARGET_GROUP)
		return -EINVAL;
	if (owner.id && !signal_target_exists((uint32_t)owner.kind, owner.id))
		return -ESRCH;
	target_set(async, (uint32_t)owner.kind, owner.id);
	return 0;
}

static int64_t owner_set_old(struct async *async, int32_t who)
{
	if (who == INT32_MIN)
		return -EINVAL;
	return owner_set(async, (struct linux_owner){who < 0 ? TARGET_GROUP : TARGET_PROCESS, who < 0 ? -who : who});
}

/* Of one that is gone: 0. */
static struct linux_owner owner_get(const struct async *async)
{
	struct linux_owner owner = {(int32_t)async->target.kind, async->target.id};

	if (owner.id && !signal_target_exists((uint32_t)owner.kind, owner.id))
		owner.id = 0;
	return owner;
}

/* What does not fit a register: read before, and written after, the locks. */
union async_words {
	struct linux_owner owner;
	uint32_t uids[2];
};

static int64_t owner_call(struct async *async, uint32_t command, uint64_t argument, union async_words *words)
{
	switch (command) {
	case F_SETOWN:
		return owner_set_old(async, (int32_t)argument);
	case F_GETOWN:
		words->owner = owner_get(async);
		return words->owner.kind == TARGET_GROUP ? -words->owner.id : words->owner.id;
	case F_SETOWN_EX:
		return owner_set(async, words->owner);
	case F_GETOWN_EX:
		words->owner = owner_get(async);
		return 0;
	case F_GETOWNER_UIDS:
		words->uids[0] = async->target.uid;
		words->uids[1] = async->target.euid;
		return 0;
	case F_GETSIG:
		return async->number;
	}
	if (argument > SIGNAL_COUNT)
		return -EINVAL;
	async->number = (uint32_t)argument;
	return 0;
}

int64_t async_call(struct file *file, uint32_t command, uint64_t argument)
{
	union async_words words = {0};
	struct async *async;
	int64_t result;

	if (command == F_SETOWN_EX && user_read(&words, argument, sizeof(words)))
		return -EFAULT;
	mutex_lock(&switching);
	async = async_of(file);
	result = async ? owner_call(async, command, argument, &words) : -ENOMEM;
	async_trim(file);
	mutex_unlock(&switching);
	if (result == 0 && (command == F_GETOWN_EX || command == F_GETOWNER_UIDS))
		result = user_write(argument, &words, sizeof(words));
	return result;
}
