/* UNIX's portals, and the scheduler thread, which reloads threads that Strange displaced although they can run.
 *
 * With more runnable threads than slots every reload displaces another. So the scheduler loads a few, lets them have the
 * processors for a while, and then the next. */
#include "abi/errors.h"
#include "baryon/calls.h"
#include "baryon/homes.h"
#include "baryon/portal.h"
#include "portals.h"
#include "process/internal.h"
#include "process/numbers.h"

enum { PORTALS = 5, MISS_STACKS = 4, OWN_OBJECTS = 8, SIGNALS = 16, SLEEPERS = 128, READY = 256 };
enum { ROUND_NS = 2000000, ROUND_THREADS = 2 };

static struct homes_entry own_entries[OWN_OBJECTS];
static struct homes own_objects = { own_entries, 0, OWN_OBJECTS };

static struct portal_home *portal_fill(struct portal_home *home, unsigned number, const char *entry)
{
	home_start(home, sizeof *home, KIND_PORTAL, UID_MAKE(kernel_start->number, number));
	home->space = kernel_start->space;
	home->entry = (uint64_t)entry;
	return home;
}

/* Misses of other kernels' threads come on a pool. */
static void miss_pool_fill(struct portal_home *home)
{
	page_index records = page_alloc();

	home->stacks = (uint64_t)page_address(page_reserve(MISS_STACKS * STACK_BYTES / PAGE_BYTES));
	home->stack_bytes = STACK_BYTES;
	home->stack_count = MISS_STACKS;
	home->records = (uint64_t)page_address(records);
}

void portals_load(void)
{
	struct portal_home *homes = page_address(page_alloc());
	const char *entries[PORTALS] = {
		trap_portal_entry, fault_portal_entry, exception_portal_entry, alert_portal_entry, miss_portal_entry,
	};

	for (unsigned i = 0; i < PORTALS; i++) {
		struct portal_home *home = portal_fill(&homes[i], NUMBER_TRAP_PORTAL + i, entries[i]);
		long status;

		if (i == NUMBER_MISS_PORTAL - NUMBER_TRAP_PORTAL)
			miss_pool_fill(home);
		status = homes_load(&own_objects, KIND_PORTAL, home, LOAD_LOCKED);
		if (status < 0)
			unix_panic("portal %u cannot be loaded: error %ld", NUMBER_TRAP_PORTAL + i, status);
	}
}

long own_object_reload(uint64_t kind, baryon_uid uid)
{
	return homes_miss(&own_objects, (enum object_kind)kind, uid);
}

/* ---- the scheduler ---- */

/* Displaced threads: `ready` ones wait for their turn in a ring, sleepers for their deadline. Only the scheduler touches
 * them. Names are kept, not homes: a thread may be gone when its turn comes. */
static struct sleeper {
	baryon_uid thread;
	uint64_t deadline;
} sleepers[SLEEPERS];
static unsigned sleeper_count;
static baryon_uid ready[READY];
static unsigned ready_first, ready_count;

static void ready_add(baryon_uid thread)
{
	if (ready_count == READY) {
		(void)thread_reload(thread);
		return;
	}
	ready[(ready_first + ready_count++) % READY] = thread;
}

static bool sleeper_add(baryon_uid thread, uint64_t deadline)
{
	if (deadline == 0 || sleeper_count == SLEEPERS)
		return false;
	sleepers[sleeper_count++] = (struct sleeper) { thread, deadline };
	return true;
}

/* Those whose time has come are ready. Returns the next deadline, or 0. */
static uint64_t sleepers_wake(uint64_t now)
{
	uint64_t next = 0;

	for (unsigned i = 0; i < sleeper_count;) {
		if (sleepers[i].deadline <= now) {
			ready_add(sleepers[i].thread);
			sleepers[i] = sleepers[--sleeper_count];
			continue;
		}
		if (next == 0 || sleepers[i].deadline < next)
			next = sleepers[i].deadline;
		i++;
	}
	return next;
}

/* A displaced thread, by the address of its home. */
static void displaced_add(uint64_t address)
{
	const struct thread_home *home = (const struct thread_home *)address;
	baryon_uid uid;

	if (address < (uint64_t)memory_base || address >= (uint64_t)memory_base + kernel_start->memory_pages * PAGE_BYTES)
		return;
	uid = home->header.uid;
	if (home->state != THREAD_PARKED || !sleeper_add(uid, home->deadline_ns))
		ready_add(uid);
}

/* Woken by the SRM after Strange forgot everything: the portals and the scheduler come first, then the threads of UNIX's own.
 * The scheduler finds in its home that it missed signals, and looks for the programs' threads. Nothing here needs an
 * object that may not be back yet, so being forgotten in the middle does no harm. */
void threads_resume(void)
{
	struct homes_entry *scheduler = homes_find(&own_objects, KIND_THREAD, UID_MAKE(kernel_start->number, NUMBER_SCHEDULER));
	long status;

	if (scheduler != NULL)
		((struct thread_home *)scheduler->home)->signal_overflow = 1;
	status = homes_reload(&own_objects);
	if (status < 0)
		unix_panic("resuming: error %ld", status);
	kernel_threads_reload();
}

/* Takes the signals that are there, waiting for the first until the deadline. */
static void signals_take(uint64_t deadline)
{
	uint64_t addresses[SIGNALS];
	long count = signal_wait(deadline, addresses, SIGNALS);

	if (count > 0 && (count & SIGNAL_OVERFLOWED))
		thread_names_each(ready_add);
	if (count < 0)
		return;
	for (long i = 0; i < (count & (SIGNAL_OVERFLOWED - 1)); i++)
		displaced_add(addresses[i]);
}

/* Up to a round's number of threads are loaded at once, and then have the processors for a round's time: each load displaces
 * another thread or its space, and without the pause nobody would run but the scheduler. */
static void scheduler_main(void *argument)
{
	uint64_t next = 0;

	(void)argument;
	for (;;) {
		unsigned loaded = 0;

		signals_take(ready_count > 0 ? 1 : next);
		next = sleepers_wake(time_monotonic());
		for (; loaded < ROUND_THREADS && ready_count > 0; loaded++) {
			(void)thread_reload(ready[ready_first]);
			ready_first = (ready_first + 1) % READY;
			ready_count--;
		}
		if (loaded > 0)
			park(time_monotonic() + ROUND_NS);
	}
}

void scheduler_start(void)
{
	struct thread *thread = kernel_thread_create(scheduler_main, NULL, "scheduler", PRIORITY_SCHEDULER);
	long status;

	thread_name_fixed(thread, UID_MAKE(kernel_start->number, NUMBER_SCHEDULER));
	status = homes_load(&own_objects, KIND_THREAD, thread_home_of(thread), LOAD_LOCKED);
	if (status < 0)
		unix_panic("the scheduler cannot be loaded: error %ld", status);
}
