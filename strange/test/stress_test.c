/* Several processors at once, each a POSIX thread. Threads of two kernels call each other, map, also through aliases of pages, unload
 * and displace, while programs run on every processor; in rounds, with every invariant checked in between. What a thread does next is kept
 * beside the thread (struct actor), so that it may go on anywhere. Arguments: seed, processors, rounds. */
#include <pthread.h>
#include <unistd.h>
#include "abi/start.h"
#include "invariants.h"
#include "strange/activation.h"
#include "strange/cache.h"

enum { KERNELS = 2, PROGRAMS = 4, WORKERS = 3, SLOTS = 24, FIRST_PAGE = 48, PAGES = 16, SERVICE = 70, LEVELS = 24,
       COMPOSED = 80, HANDLE_COMPOSED = 50, STEPS = 1500, STEPS_APART = 16, FIRST_HEIR = 400, HEIRS = 2, DISPLACE_EVERY = 64 };

enum what { WORK, PROGRAM, SERVE, TRAP, ANSWER, RELOAD, HEIR };

struct level {                  /* what runs at one depth of a thread */
	enum what what;
	bool called;                /* a call was made at rip */
	bool leaving;               /* that call ends the level */
	uint64_t rip;
	uint64_t number;            /* of the call */
	uint64_t token;             /* of the call, in r15 until it is over */
	long answer;
	int left;                   /* calls to make before it ends */
};

struct actor {
	baryon_uid uid;
	struct side *side;
	unsigned number;            /* of the cell that it writes in every page */
	volatile int busy;          /* a processor runs it */
	const struct thread_home *home;
	unsigned levels;
	struct level level[LEVELS];
	uint64_t written[PAGES];
	uint64_t seed;
};

struct side {
	struct world_kernel *k;
	baryon_uid space[PROGRAMS], program[PROGRAMS];
	uint64_t home[PROGRAMS][SLOTS], out;
};

static struct side sides[KERNELS];
static struct actor actors[64];
static unsigned actor_count, cpus;
static pthread_barrier_t barrier;
static volatile bool ended;
static volatile unsigned stopped;
static unsigned steps[CPU_LIMIT];       /* of this round, by processor */
static unsigned serving, served;        /* processors in a notice; notices served */
static uint64_t base_seed, idles, tokens;
static uint64_t work[8];        /* calls made, by kind of level */
static uint64_t abandoned, inherited;

static uint64_t rnd(struct actor *a, uint64_t n)
{
	a->seed ^= a->seed << 13;
	a->seed ^= a->seed >> 7;
	a->seed ^= a->seed << 17;
	return (a->seed >> 11) % n;
}

static struct registers *now(void) { return &host_this->now; }
static uint64_t slot_address(uint64_t i) { return 0x200000 + i * 0x41000; }
static unsigned slot_page(unsigned program, unsigned slot) { return (program * 7 + slot) % PAGES; }
static uint64_t step_bytes(void) { return host_this->supervisor ? DIRECT_BYTES : SYSCALL_BYTES; }

static struct actor *actor_of(baryon_uid uid)
{
	for (unsigned i = 0; i < actor_count; i++)
		if (actors[i].uid == uid)
			return &actors[i];
	return NULL;
}

static struct actor *actor_make(struct side *s, baryon_uid uid, enum what what)
{
	struct actor *a = &actors[actor_count];

	memset(a, 0, sizeof *a);
	a->uid = uid;
	a->side = s;
	a->home = world_thread(uid)->slot.home;
	a->number = actor_count++;
	a->levels = 1;
	a->level[0] = (struct level){ .what = what, .left = 1 << 30 };
	a->seed = (base_seed + a->number) * 0x9e3779b97f4a7c15ull | 1;
	return a;
}

/* calls: registers are set, and the call is made; it is made again while the thread comes back to it */

static void call6(struct level *l, uint64_t number, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
	struct registers *r = now();

	l->called = true;
	l->rip = r->rip;
	r->rax = l->number = number;
	r->rdi = a0, r->rsi = a1, r->rdx = a2, r->r10 = a3;
	r->r15 = l->token = __atomic_add_fetch(&tokens, 1, __ATOMIC_RELAXED);
	work[l->what]++;
}

static void call_portal(struct level *l)
{
	call6(l, CALL_PORTAL_CALL, 1, 2, 3, 0);
	now()->rbx = 40;
	now()->rbp = 0;
	now()->r14 = host.now + 5000000;
}

static void leave(struct actor *a, struct level *l, long answer)
{
	bool frame = thread_top(state.cpu[host_this->number].thread)->kind == ACTIVATION_HANDLER;

	(void)a;
	call6(l, frame ? CALL_RESUME : CALL_PORTAL_RETURN, frame ? 0 : (uint64_t)answer, 0, 0, 0);
	l->leaving = true;
}

/* A call of a kernel's own: anything goes, as long as it ends. */
static void any_call(struct actor *a, struct level *l)
{
	struct side *s = &sides[now()->rip - sides[0].k->base >= DOMAIN_BYTES]; /* in whose domain this is */
	unsigned p = (unsigned)rnd(a, PROGRAMS), i = (unsigned)rnd(a, SLOTS);

	uint64_t what = rnd(a, 15);
	uint64_t whom = rnd(a, 2) ? s->program[p] : UID_MAKE(s->k->number, 300 + i % WORKERS);

	if (((what >= 4 && what <= 6) || what == 12) && rnd(a, 6))
		what = 7;
	switch (what) {
	case 0: case 1: call6(l, CALL_MAPPING_LOAD, s->space[p], s->home[p][i], 1, rnd(a, 2) * LOAD_REPLACE); break;
	case 2: call6(l, CALL_MAPPING_UNLOAD, s->space[p], slot_address(i), 0x41 * (1 + rnd(a, 6)), 0); break;
	case 3: call6(l, CALL_MAPPING_PROTECT, s->space[p], slot_address(i), 0x41 * 3, RIGHT_READ); break;
	case 4: call6(l, CALL_OBJECT_UNLOAD, KIND_THREAD, s->program[p], 0, 0); break;
	case 5: call6(l, CALL_OBJECT_UNLOAD, KIND_SPACE, s->space[p], 0, 0); break;
	case 6: call6(l, CALL_OBJECT_UNLOAD, KIND_PORTAL, UID_MAKE(s->k->number, SERVICE), 0, 0); break;
	case 7: call6(l, CALL_YIELD, 0, 0, 0, 0); break;
	case 8: call6(l, CALL_ALERT, s->program[p], 0, 0, 0); break;
	case 9: call6(l, CALL_PARK, host.now + rnd(a, 3000000), 0, 0, 0); break;
	case 10: call6(l, CALL_UNPARK, s->program[p], 0, 0, 0); break;
	case 11: call6(l, CALL_ABANDON, whom, 0, 0, 0); break;
	case 12: call6(l, CALL_OBJECT_UNLOAD, KIND_CONTAINER, UID_MAKE(s->k->number, COMPOSED), 0, 0); break;
	case 13: call6(l, CALL_PAGE_UNLOAD, UID_MAKE(s->k->number, COMPOSED), rnd(a, 2 * PAGES - 3), 1 + rnd(a, 3), 0); break;
	default: call6(l, CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, s->program[p], 0), 0, 0); break;
	}
}

/* A handler of a miss or fault: words, or a frame. One load, then the answer. */
static bool answer_start(struct level *l)
{
	struct thread *t = state.cpu[host_this->number].thread;
	uint64_t cause, address, access, index;
	baryon_uid space;
	uint64_t home;

	if (thread_top(t)->kind == ACTIVATION_HANDLER) {
		const struct trap_frame *f = machine_translate(now()->rdi, RIGHT_READ);

		if (f == NULL) {
			machine_fault(now()->rdi, RIGHT_READ);
			return false;
		}
		cause = f->cause, address = f->address, access = f->access, index = f->error, space = f->space;
	} else {
		cause = now()->rdi, address = now()->rsi, access = now()->rdx, index = now()->r8, space = now()->r9;
	}
	if (cause == TRAP_FAULT) {
		home = world_home(KIND_MAPPING, space, address & ~(PAGE_BYTES - 1));
		CHECK(home);
		call6(l, CALL_MAPPING_LOAD, space, home, 1, LOAD_REPLACE);
	} else if (cause == TRAP_MISS) {
		home = world_home((unsigned)access, address, index);
		if (home == 0)
			fprintf(stderr, "miss of kind %lu, %lx, %lx\n", (long)access, (long)address, (long)index);
		CHECK(home);
		if (access == KIND_PAGE)
			call6(l, CALL_PAGE_LOAD, home, 1, 0, 0);
		else
			call6(l, CALL_OBJECT_LOAD, access, home, 0, 0);
	} else {
		CHECK(cause == TRAP_ALERT);
		l->answer = 0;
		leave(NULL, l, 0);
	}
	return true;
}

/* The program: cells of its own in shared pages. */
static void program_step(struct actor *a, struct level *l)
{
	unsigned i = (unsigned)rnd(a, SLOTS), page, p = 0;
	bool write = rnd(a, 2);
	uint64_t *cell, address;

	while (a->side->program[p] != a->uid)
		p++;
	if (rnd(a, 4) == 0) {
		call6(l, 1, 0, 0, 0, 0);
		return;
	}
	page = slot_page(p, i);
	address = slot_address(i) + 8 * a->number;
	cell = machine_translate(address, write ? RIGHT_WRITE : RIGHT_READ);
	if (cell == NULL) {
		machine_fault(address, write ? RIGHT_WRITE : RIGHT_READ);
		return;
	}
	if (write)
		*cell = ++a->written[page];
	CHECK_IS(*cell, a->written[page]);
}

/* The level's call is over, with rax. */
static void call_ended(struct level *l)
{
	long r = (long)now()->rax;

	l->called = false;
	abandoned += r == -BARYON_EABANDONED;
	if (!(r >= 0 || r == -BARYON_EABANDONED || r == -BARYON_EEXIST || r == -BARYON_ENOENT || r == -BARYON_ETIMEDOUT || r == -BARYON_EALERT))
		fprintf(stderr, "level %u call %lu: %ld\n", l->what, (unsigned long)l->number, r);
	CHECK(r >= 0 || r == -BARYON_EABANDONED || r == -BARYON_EEXIST || r == -BARYON_ENOENT || r == -BARYON_ETIMEDOUT || r == -BARYON_EALERT ||
	      r == -BARYON_EDEADLK || r == -BARYON_EBUSY);
	if (l->what == ANSWER)
		l->answer = r < 0 && r != -BARYON_EEXIST ? r : 0;
}

/* A kernel's first thread loads the others again, for ever. */
static void reload_step(struct actor *a, struct level *l)
{
	uint64_t i = rnd(a, PROGRAMS + WORKERS + 2), base = UID_MAKE(a->side->k->number, 0);
	baryon_uid uid = i < PROGRAMS ? base + 200 + i : base + 300 + i - PROGRAMS;

	if (i >= PROGRAMS + WORKERS && rnd(a, 3) == 0)
		call6(l, CALL_YIELD, 0, 0, 0, 0);
	else if (i >= PROGRAMS + WORKERS)
		call6(l, CALL_PARK, host.now + rnd(a, 800000) + 1, 0, 0, 0);
	else
		call6(l, CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, uid, 0),
		      i < PROGRAMS ? 0 : LOAD_LOCKED, 0);
}

static void level_step(struct actor *a, struct level *l)
{
	struct thread *t = state.cpu[host_this->number].thread;

	if (l->called && now()->rip == l->rip) {
		machine_syscall();
		return;
	}
	if (l->called) {
		CHECK_IS(now()->rip, l->rip + step_bytes());
		CHECK(!l->leaving);
		if (l->what == PROGRAM) {
			l->called = false;      /* whatever the handler left in rax */
			return;
		}
		call_ended(l);
	}
	if (l->what == PROGRAM) {
		program_step(a, l);
	} else if (l->what == RELOAD) {
		reload_step(a, l);
	} else if (l->what == ANSWER && l->left) {
		l->left -= answer_start(l);
	} else if (l->left <= 0) {
		leave(a, l, l->answer);
	} else {
		l->left--;
		if (t->depth < 4 && rnd(a, 3) == 0)
			call_portal(l);
		else
			any_call(a, l);
	}
}

static void level_push(struct actor *a)
{
	uint64_t entry = now()->rip & 0xfff;
	struct level *l = &a->level[a->levels++];

	CHECK(a->levels <= LEVELS);
	*l = (struct level){ .what = ANSWER, .left = 1 };
	if (entry == ENTRY_TRAP)
		*l = (struct level){ .what = TRAP, .left = (int)rnd(a, 3) };
	else if (entry == ENTRY_SERVICE)
		*l = (struct level){ .what = SERVE, .left = (int)rnd(a, 4) };
	else if (entry != ENTRY_FAULT && entry != ENTRY_MISS && entry != ENTRY_ALERT)
		fprintf(stderr, "thread %lx entered %lx: %s\n", (long)a->uid, (long)now()->rip, host.printed);
	CHECK(entry == ENTRY_TRAP || entry == ENTRY_SERVICE || entry == ENTRY_FAULT || entry == ENTRY_MISS ||
	      entry == ENTRY_ALERT);
	now()->rip += 0x1000;   /* never again at an entry */
	l->rip = 0;
}

static bool at_entry(void)
{
	return now()->rip >= DOMAIN_BASE && now()->rip % DOMAIN_BYTES <= ENTRY_SERVICE && (now()->rip & 0xff) == 0;
}

/* Is this the level that made the call? Services all run at the same addresses, and the heir may be in another's by now. */
static bool call_is_of(const struct level *l)
{
	if (now()->rip == l->rip)
		return now()->r15 == l->token;
	return !l->leaving && now()->rip == l->rip + step_bytes() &&
	       (now()->r15 == l->token || (l->number == CALL_PORTAL_CALL && now()->r15 == 0));
}

/* Whatever an heir finds itself in is a service that makes one more call. */
static void heir_levels(struct actor *a, unsigned levels)
{
	struct level *l = &a->level[a->levels - 1];

	if (a->levels == levels && l->called && !call_is_of(l))
		*l = (struct level){ .what = SERVE, .left = 1 };
	while (a->levels < levels) {
		a->level[a->levels++] = (struct level){ .what = SERVE, .left = 1 };
		inherited++;
	}
}

static void step(void)
{
	struct thread *t = state.cpu[host_this->number].thread;
	struct actor *a = actor_of(t->slot.uid);
	struct level *l;

	CHECK(a);
	CHECK_IS(__atomic_exchange_n(&a->busy, 1, __ATOMIC_ACQUIRE), 0);
	while (a->levels > t->depth + 1)
		a->levels--;
	if (a->level[0].what == HEIR)
		heir_levels(a, t->depth + 1 - (at_entry() && a->levels == t->depth));
	l = &a->level[a->levels - 1];
	if (at_entry()) {
		if (a->levels == t->depth + 1)
			a->levels--;            /* left, and something else came at once */
		level_push(a);
		l = &a->level[a->levels - 1];
	}
	if (a->levels != t->depth + 1)
		fprintf(stderr, "thread %lx depth %u kind %u rip %lx levels %u what %u cause %lx\n", (long)a->uid, t->depth,
			thread_top(t)->kind, (long)now()->rip, a->levels, l->what, (long)thread_top(t)->cause);
	CHECK_IS(a->levels, t->depth + 1);
	/* The thread may go on elsewhere as soon as it is in Strange: then it is free for others. */
	__atomic_store_n(&a->busy, 0, __ATOMIC_RELEASE);
	level_step(a, l);
}

/* processors */

/* Notices are served here, and only who serves one sends more when all have stopped. */
static void notice_serve(void)
{
	if (!host_this->noticed)
		return;
	__atomic_fetch_add(&serving, 1, __ATOMIC_SEQ_CST);
	(void)machine_poll();
	__atomic_fetch_add(&served, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_sub(&serving, 1, __ATOMIC_SEQ_CST);
}

/* Once it is so it stays so. */
static bool all_quiet(void)
{
	unsigned before = __atomic_load_n(&served, __ATOMIC_SEQ_CST);

	if (__atomic_load_n(&stopped, __ATOMIC_SEQ_CST) < cpus || __atomic_load_n(&serving, __ATOMIC_SEQ_CST) != 0)
		return false;
	for (unsigned i = 0; i < cpus; i++)
		if (__atomic_load_n(&host.cpu[i].noticed, __ATOMIC_SEQ_CST))
			return false;
	return __atomic_load_n(&serving, __ATOMIC_SEQ_CST) == 0 && __atomic_load_n(&served, __ATOMIC_SEQ_CST) == before;
}

/* Who has nothing to do waits for those that are far behind, which may not have a processor of the host now; not for a yield at each
 * step, which on a busy host takes others' time slices. */
static void keep_step(unsigned step)
{
	bool behind = true;

	while (behind && !host_this->noticed) {
		behind = false;
		for (unsigned i = 0; i < cpus; i++)
			behind |= __atomic_load_n(&steps[i], __ATOMIC_RELAXED) + STEPS_APART < step;
		if (behind)
			sched_yield();
	}
}

static void round_run(void)
{
	for (unsigned i = 0; i < STEPS; i++) {
		__atomic_store_n(&steps[host_this->number], i, __ATOMIC_RELAXED);
		if (host_this->number == 0)
			__atomic_fetch_add(&host.now, 700000, __ATOMIC_RELAXED);
		if (machine_poll())
			continue;
		/* As who finds the cache full. */
		if (i % DISPLACE_EVERY == host_this->number)
			(void)(cache_displace(KIND_MAPPING, NULL) == 0);
		if (host_this->idle) {
			idles++;
			keep_step(i);
		} else {
			step();
		}
	}
	__atomic_store_n(&steps[host_this->number], STEPS, __ATOMIC_RELAXED);
	__atomic_fetch_add(&stopped, 1, __ATOMIC_SEQ_CST);
	while (!all_quiet()) {
		notice_serve();
		sched_yield();
	}
}

static void *processor(void *number)
{
	machine_become((unsigned)(uintptr_t)number);
	if (host_this->number)
		machine_start_cpu((unsigned)(uintptr_t)number);
	while (!ended) {
		round_run();
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

/* making */

/* The service is loaded again, with heirs. */
static void heirs_name(struct side *s)
{
	uint64_t home = world_home(KIND_PORTAL, UID_MAKE(s->k->number, SERVICE), 0);
	baryon_uid heirs = UID_MAKE(s->k->number, FIRST_HEIR);

	world_write(home + offsetof(struct portal_home, heirs), &heirs, sizeof heirs);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_PORTAL, UID_MAKE(s->k->number, SERVICE)), 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_PORTAL, home, 0), 0);
}

/* Its pages once more, and these once more. */
static void compose(struct side *s)
{
	struct container_home c = { .header = { KIND_CONTAINER, HOME_VERSION, 1, UID_MAKE(s->k->number, COMPOSED) },
				    .size_pages = 2 * PAGES };
	uint64_t at = world_memory(s->k, sizeof c);

	world_write(at, &c, sizeof c);
	CHECK_IS(world_load(KIND_CONTAINER, at, 0), 0);
	CHECK_IS(world_reference_load(s->k, KIND_CONTAINER, c.header.uid, RIGHT_ALL, 0, s->k->space, HANDLE_COMPOSED), 0);
	for (unsigned i = 0; i < 2 * PAGES; i++) {
		struct page_home h = { .container = c.header.uid, .index = i, .flags = PAGE_ALIAS, .version = HOME_VERSION,
				       .under = i < PAGES ? FIRST_PAGE + i : i - PAGES,
				       .handle = i < PAGES ? HANDLE_MEMORY : HANDLE_COMPOSED };

		at = world_memory(s->k, sizeof h);
		world_write(at, &h, sizeof h);
		world_remember(s->k, KIND_PAGE, h.container, i, at, 0);
	}
}

static void side_make(struct side *s, unsigned i)
{
	world_run(ROOT_THREAD);
	s->k = world_kernel_make(2 + i, KERNEL_MAY_SUPERVISE, (base_seed >> i) & 1);
	world_run(s->k->thread);
	world_kernel_portals(s->k);
	(void)world_portal_load(s->k, SERVICE, ENTRY_SERVICE, 8);
	heirs_name(s);
	s->out = world_memory(s->k, 64);
	compose(s);
	for (unsigned n = 0; n < PROGRAMS; n++) {
		s->space[n] = world_space_load(s->k, 100 + n, SPACE_PROGRAM, 0);
		for (unsigned m = 0; m < SLOTS; m++) {
			unsigned page = slot_page(n, m), aliases = m % 3;       /* between it and the page */
			struct mapping_home h = { .address = slot_address(m), .index = aliases ? (aliases - 1) * PAGES + page : FIRST_PAGE + page,
						  .container = aliases ? HANDLE_COMPOSED : HANDLE_MEMORY,
						  .rights = RIGHT_READ | RIGHT_WRITE };

			s->home[n][m] = world_memory(s->k, sizeof h);
			world_write(s->home[n][m], &h, sizeof h);
			world_remember(s->k, KIND_MAPPING, s->space[n], h.address, s->home[n][m], 0);
		}
	}
	CHECK(s->k->next <= s->k->memory + (FIRST_PAGE - 24) * PAGE_BYTES);
}

/* Threads that are never displaced, so that somebody always reloads the others. */
static void workers_load(struct side *s)
{
	world_run(s->k->thread);
	for (unsigned i = 0; i < WORKERS; i++) {
		static struct thread_home h;
		baryon_uid uid = UID_MAKE(s->k->number, 300 + i);
		uint64_t at = world_thread_home(s->k, &h, uid, s->k->space, s->k->base + 0x100800 + 0x10000 * i, 5);

		CHECK_IS(world_load(KIND_THREAD, at, LOAD_LOCKED), 0);
		(void)actor_make(s, uid, WORK);
	}
	for (unsigned i = 0; i < HEIRS; i++) {
		static struct thread_home h;
		baryon_uid uid = UID_MAKE(s->k->number, FIRST_HEIR + i);
		uint64_t at = world_thread_home(s->k, &h, uid, s->k->space, s->k->base + 0x100800, 5);

		h.state = THREAD_STOPPED;
		world_write(at, &h, sizeof h);
		CHECK_IS(world_load(KIND_THREAD, at, 0), 0);
		(void)actor_make(s, uid, HEIR);
	}
	for (unsigned i = 0; i < PROGRAMS; i++) {
		s->program[i] = world_thread_load(s->k, 200 + i, s->space[i], 0x5000 + 0x1000 * i, 5);
		(void)actor_make(s, s->program[i], PROGRAM);
	}
	(void)actor_make(s, s->k->thread, RELOAD);
	CHECK(s->k->next <= s->k->memory + FIRST_PAGE * PAGE_BYTES);
}

static void make(const char *options)
{
	world_boot(options, cpus);
	world.locked = true;
	world.stacks = 8;
	/* No level here plays root, who would be asked for mappings of the kernels' domains. */
	((struct kernel *)slot_find(KIND_KERNEL, KERNEL_UID(KERNEL_NUMBER_ROOT)))->floor[KIND_MAPPING] = UINT32_MAX;
	actor_count = 0;
	for (unsigned i = 0; i < KERNELS; i++) {
		world_kernel_home.lock_quota[KIND_THREAD] = WORKERS + 1;
		side_make(&sides[i], i);
	}
	world_portal_give(sides[1].k, SERVICE, 1, sides[0].k, 40);
	world_portal_give(sides[0].k, SERVICE, 1, sides[1].k, 40);
	for (unsigned i = 0; i < KERNELS; i++)
		workers_load(&sides[i]);
}

/* Nobody stops a thread here: none but an heir may be stopped, and no home may say so. */
static void all_can_run(void)
{
	for (unsigned i = 0; i < actor_count; i++) {
		const struct thread *t = world_thread(actors[i].uid);

		if (actors[i].level[0].what != HEIR)
			CHECK(t ? t->run != RUN_STOPPED : actors[i].home->state != THREAD_STOPPED);
	}
}

static void run(uint64_t number, const char *options, unsigned rounds)
{
	pthread_t threads[CPU_LIMIT];

	base_seed = number;
	ended = false;
	make(options);
	invariants_check();
	/* Who set this up waits for ever. */
	world_park();
	for (unsigned i = 0; i < KERNELS; i++) {
		struct actor *a = actor_of(sides[i].k->thread);

		a->level[0].called = true;
		a->level[0].rip = thread_top(world_thread(a->uid))->registers.rip;
		world_unpark(a->uid);
	}
	pthread_barrier_init(&barrier, NULL, cpus + 1);
	for (unsigned i = 0; i < cpus; i++)
		pthread_create(&threads[i], NULL, processor, (void *)(uintptr_t)i);
	while (rounds-- > 0) {
		alarm(120);
		pthread_barrier_wait(&barrier);
		ended = rounds == 0;
		stopped = 0;
		memset(steps, 0, sizeof steps);
		invariants_check();
		all_can_run();
		pthread_barrier_wait(&barrier);
	}
	for (unsigned i = 0; i < cpus; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&barrier);
	for (unsigned i = 0; i < actor_count && getenv("STRESS_SHOW"); i++) {
		struct thread *t = world_thread(actors[i].uid);

		fprintf(stderr, "%lx run %d depth %d rip %lx\n", (long)actors[i].uid, t ? t->run : -1, t ? (int)t->depth : -1,
			t ? (long)thread_top(t)->registers.rip : 0);
	}
	fprintf(stderr, "seed %lu: %lu idle, %lu calls, %lu traps, %lu served, %lu answers, %lu shoot-downs, %lu mappings displaced, %lu pages loaded, %lu switches, %lu steals, %lu abandoned, %lu inherited\n",
		(unsigned long)number, (unsigned long)idles, (unsigned long)work[WORK], (unsigned long)work[TRAP], (unsigned long)work[SERVE],
		(unsigned long)work[ANSWER], (unsigned long)state.counters->shootdowns, (unsigned long)state.counters->displaced[KIND_MAPPING], (unsigned long)state.counters->loaded[KIND_PAGE],
		(unsigned long)state.counters->switches, (unsigned long)state.counters->steals, (unsigned long)abandoned,
		(unsigned long)inherited);
}

int main(int count, char **arguments)
{
	uint64_t only = count > 1 ? strtoull(arguments[1], NULL, 0) : 0;
	unsigned rounds = count > 3 ? (unsigned)atoi(arguments[3]) : 12;

	for (uint64_t n = only ? only : 1; n <= (only ? only : 4); n++) {
		cpus = count > 2 ? (unsigned)atoi(arguments[2]) : 2 + n % 3;
		run(n, n & 2 ? "caches=thread=64,space=32,portal=64,container=64,page=512,mapping=512,reference=128,table=128,kernel=16" : "caches=kernel=16,portal=64",
		    rounds);
	}
	return 0;
}
