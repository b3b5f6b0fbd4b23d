/* See world.h. */
#include "world.h"
#include "abi/start.h"
#include "strange/activation.h"
#include "strange/cache.h"
#include "strange/schedule.h"
#include "strange/timer.h"

enum { HOMES = 2048, TRIES = 20000 };

struct home {
	uint32_t keeper;
	unsigned kind, flags;
	baryon_uid uid;
	uint64_t index, address;
};

struct world world;
struct kernel_home world_kernel_home;
static struct home homes[HOMES];
static unsigned home_count;

/* homes */

static struct home *home_find(unsigned kind, baryon_uid uid, uint64_t index)
{
	for (unsigned i = 0; i < home_count; i++)
		if (homes[i].kind == kind && homes[i].uid == uid && homes[i].index == index)
			return &homes[i];
	return NULL;
}

void world_remember(struct world_kernel *keeper, unsigned kind, baryon_uid uid, uint64_t index, uint64_t home,
		    unsigned flags)
{
	struct home *h = home_find(kind, uid, index);

	if (h == NULL)
		h = &homes[home_count++];
	CHECK(home_count <= HOMES);
	*h = (struct home){ keeper->number, kind, flags, uid, index, home };
}

void world_forget(unsigned kind, baryon_uid uid, uint64_t index)
{
	struct home *h = home_find(kind, uid, index);

	if (h)
		*h = homes[--home_count];
}

uint64_t world_home(unsigned kind, baryon_uid uid, uint64_t index)
{
	struct home *h = home_find(kind, uid, index);

	return h ? h->address : 0;
}

/* what runs */

static struct registers *now(void) { return &machine_cpu()->now; }

baryon_uid world_running(void)
{
	struct thread *t = state.cpu[machine_cpu()->number].thread;

	return machine_cpu()->idle || t == NULL ? 0 : t->slot.uid;
}

static uint32_t depth_now(void) { return state.cpu[machine_cpu()->number].thread->depth; }

static struct world_kernel *kernel_of_address(uint64_t address)
{
	for (unsigned i = 0; i < world.kernels; i++)
		if (address - world.kernel[i].base < DOMAIN_BYTES)
			return &world.kernel[i];
	return address - world.root.base < DOMAIN_BYTES ? &world.root : NULL;
}

static void stepped(void)
{
	if (world.after_step)
		world.after_step();
}

/* Play handlers until the thread is back at that depth. */


static bool settle(baryon_uid thread, uint32_t depth)
{
	for (int i = 0; i < TRIES; i++) {
		if (machine_cpu()->idle)
			return false;
		if (world_running() == thread && depth_now() == depth)
			return true;
		if (!world_play())
			return false;
	}
	fprintf(stderr, "the world does not settle: thread %lx depth %u rip %lx\n", (long)world_running(), depth_now(),
		(long)now()->rip);
	exit(1);
}

static uint64_t instruction_bytes(void) { return machine_cpu()->supervisor ? DIRECT_BYTES : SYSCALL_BYTES; }

static uint64_t call_rip, call_bytes;

long world_result(void)
{
	return (long)now()->rax;
}

/* The instruction at rip until it is over. */
static long syscall_until_done(void)
{
	uint64_t rip = now()->rip, bytes = instruction_bytes();
	baryon_uid thread = world_running();
	uint32_t depth = depth_now();

	call_rip = rip;
	call_bytes = bytes;
	for (int i = 0; i < TRIES; i++) {
		machine_syscall();
		stepped();
		if (!settle(thread, depth))
			return WORLD_AWAY;
		if (now()->rip == rip + bytes)
			return (long)now()->rax;
		if (now()->rip != rip)
			return WORLD_AWAY;
	}
	fprintf(stderr, "call %ld of %lx never ends\n", (long)now()->rax, (long)thread);
	exit(1);
}

long world_call6(uint64_t number, const uint64_t a[6])
{
	struct registers *r = now();

	r->rax = number;
	r->rdi = a[0], r->rsi = a[1], r->rdx = a[2], r->r10 = a[3], r->r8 = a[4], r->r9 = a[5];
	return syscall_until_done();
}

uint64_t *world_word(unsigned i)
{
	struct registers *r = now();
	uint64_t *words[] = { &r->rdi, &r->rsi, &r->rdx, &r->r8, &r->r9, &r->r10, &r->r12, &r->r13 };

	return words[i];
}

long world_portal_call(uint64_t handle, uint64_t blocks, uint64_t deadline, uint64_t words[8])
{
	long r;

	for (unsigned i = 0; i < 8; i++)
		*world_word(i) = words[i];
	now()->rax = CALL_PORTAL_CALL;
	now()->rbx = handle;
	now()->rbp = blocks;
	now()->r14 = deadline;
	r = syscall_until_done();
	for (unsigned i = 0; i < 8 && r != WORLD_AWAY; i++)
		words[i] = *world_word(i);
	return r;
}

/* A call that leaves this level: again while it comes back to the same instruction. */
static void syscall_leaving(void)
{
	uint64_t rip = now()->rip;
	baryon_uid thread = world_running();
	uint32_t depth = depth_now();

	for (int i = 0; i < TRIES; i++) {
		machine_syscall();
		stepped();
		if (machine_cpu()->idle || world_running() != thread || depth_now() < depth)
			return;
		if (!settle(thread, depth) || now()->rip != rip)
			return;
	}
	CHECK(!"the level cannot be left");
}

void world_portal_return(const uint64_t words[8])
{
	for (unsigned i = 0; i < 8; i++)
		*world_word(i) = words ? words[i] : 0;
	now()->rax = CALL_PORTAL_RETURN;
	syscall_leaving();
}

void world_resume(void)
{
	now()->rax = CALL_RESUME;
	now()->rdi = 0;
	syscall_leaving();
}

void world_unpark(baryon_uid uid)
{
	struct thread *t = world_thread(uid);

	if (t == NULL)
		return;
	spin_lock(&t->slot.lock);
	if (t->run == RUN_PARKED) {
		t->unpark_token = true;
		timer_remove(t);
		thread_ready_locked(t);
	}
	spin_unlock(&t->slot.lock);
}

/* r15 says that world_run shall end it. */
void world_park(void)
{
	now()->r15 = 0x9a4b;
	(void)world_call(CALL_PARK, 0);
}

void world_run(baryon_uid thread)
{
	for (int i = 0; i < TRIES; i++) {
		if (world_running() == thread) {
			if (now()->rax == CALL_PARK && now()->rdi == 0 && now()->r15 == 0x9a4b) {
				world_thread(thread)->unpark_token = true;
				(void)syscall_until_done();
			}
			now()->r15 = 0;
			return;
		}
		world_unpark(thread);
		if (world_running() == 0) {
			machine_notice();
			CHECK(world_running());
			continue;
		}
		if (world_running() != thread)
			world_park();
	}
	fprintf(stderr, "thread %lx does not come to run\n", (long)thread);
	exit(1);
}

/* memory */

bool world_touch(uint64_t address, unsigned access)
{
	baryon_uid thread = world_running();
	uint32_t depth = depth_now();

	for (int i = 0; i < TRIES; i++) {
		if (machine_translate(address, access))
			return true;
		machine_fault(address, access);
		stepped();
		if (!settle(thread, depth))
			return false;
	}
	fprintf(stderr, "%lx cannot be touched (%u)\n", (long)address, access);
	exit(1);
}

void world_write(uint64_t address, const void *from, uint64_t bytes)
{
	while (bytes) {
		uint64_t n = PAGE_BYTES - address % PAGE_BYTES;

		n = n < bytes ? n : bytes;
		CHECK(world_touch(address, RIGHT_WRITE));
		memcpy(machine_translate(address, RIGHT_WRITE), from, n);
		address += n, from = (const char *)from + n, bytes -= n;
	}
}

void world_read(uint64_t address, void *to, uint64_t bytes)
{
	while (bytes) {
		uint64_t n = PAGE_BYTES - address % PAGE_BYTES;

		n = n < bytes ? n : bytes;
		CHECK(world_touch(address, RIGHT_READ));
		memcpy(to, machine_translate(address, RIGHT_READ), n);
		address += n, to = (char *)to + n, bytes -= n;
	}
}

uint64_t world_memory(struct world_kernel *k, uint64_t bytes)
{
	uint64_t align = 16, at;

	while (align < bytes)
		align *= 2;
	at = (k->next + align - 1) & ~(align - 1);
	k->next = at + bytes;
	CHECK(k == &world.root || k->next <= k->memory + WORLD_PAGES * PAGE_BYTES);
	return at;
}

uint64_t world_pages(struct world_kernel *k, uint64_t pages)
{
	uint64_t at = world_memory(k, PAGE_BYTES);

	k->next = at + pages * PAGE_BYTES;
	return at;
}

/* the handlers */

/* Load from the home that is remembered; 0 or a negated error. */
static long load_again(struct world_kernel *k, unsigned kind, baryon_uid uid, uint64_t index)
{
	struct home *h = home_find(kind, uid, index);
	long r;

	if (h == NULL || h->keeper != k->number)
		return -BARYON_ENOENT;
	if (kind == KIND_PAGE)
		r = world_call(CALL_PAGE_LOAD, h->address, 1);
	else if (kind == KIND_MAPPING)
		r = world_call(CALL_MAPPING_LOAD, uid, h->address, 1, LOAD_REPLACE);
	else
		r = world_call(CALL_OBJECT_LOAD, kind, h->address, h->flags);
	return r == -BARYON_EEXIST || r >= 0 ? 0 : r;
}

static long event_play(struct world_kernel *k, uint64_t cause, uint64_t address, uint64_t access, uint64_t index,
		       baryon_uid space)
{
	if (cause == TRAP_MISS) {
		world.misses++;
		return load_again(k, (unsigned)access, address, index);
	}
	if (cause != TRAP_FAULT)
		return -BARYON_EINVAL;
	world.faults++;
	return load_again(k, KIND_MAPPING, space, address & ~(PAGE_BYTES - 1));
}

/* On a pool stack. */
static bool pool_play(struct world_kernel *k)
{
	struct registers r = *now();
	uint64_t words[8] = { 0 };
	long answer = event_play(k, r.rdi, r.rsi, r.rdx, r.r8, r.r9);

	if (answer == WORLD_AWAY)
		return false;
	words[0] = (uint64_t)answer;
	world_portal_return(words);
	return true;
}

/* On the handler stack. */
static bool frame_play(struct world_kernel *k)
{
	uint64_t at = now()->rdi;
	struct trap_frame f;
	long answer;

	world_read(at, &f, sizeof f);
	answer = event_play(k, f.cause, f.address, f.access, f.error, f.space);
	if (answer == WORLD_AWAY)
		return false;
	if (answer < 0 && f.cause == TRAP_MISS) {
		f.registers.rip += f.registers.flags & REGISTERS_DIRECT ? DIRECT_BYTES : SYSCALL_BYTES;
		f.registers.rax = (uint64_t)answer;
		world_write(at, &f, sizeof f);
	} else if (answer < 0) {
		return false;
	}
	world_resume();
	return true;
}

bool world_play(void)
{
	struct world_kernel *k = kernel_of_address(now()->rip);
	uint64_t entry = k ? now()->rip - k->base : 0;
	struct thread *t = state.cpu[machine_cpu()->number].thread;

	if ((entry != ENTRY_FAULT && entry != ENTRY_MISS) || k->number == world.quiet)
		return false;
	return thread_top(t)->kind == ACTIVATION_HANDLER ? frame_play(k) : pool_play(k);
}

/* loading */

static struct world_kernel *kernel_running(void)
{
	struct world_kernel *k = kernel_of_address(now()->rip);

	CHECK(k);
	return k;
}

long world_load(unsigned kind, uint64_t home, unsigned flags)
{
	struct home_header h;
	long r;

	world_read(home, &h, sizeof h);
	world_remember(kernel_running(), kind, h.uid, 0, home, flags);
	r = world_call(CALL_OBJECT_LOAD, kind, home, flags);
	return r;
}

static long load_new(struct world_kernel *k, unsigned kind, const void *record, uint64_t bytes, unsigned flags)
{
	uint64_t at = world_memory(k, bytes);

	world_write(at, record, bytes);
	return world_load(kind, at, flags);
}

baryon_uid world_space_load(struct world_kernel *k, uint64_t number, uint32_t flags, unsigned domain)
{
	struct space_home h = { .header = { KIND_SPACE, HOME_VERSION, 1, UID_MAKE(k->number, number) }, .flags = flags,
				.domain = domain };

	if (!(flags & SPACE_PROGRAM))
		h.principal = KERNEL_UID(k->number);
	CHECK_IS(load_new(k, KIND_SPACE, &h, sizeof h, 0), 0);
	return h.header.uid;
}

uint64_t world_thread_home(struct world_kernel *k, struct thread_home *h, baryon_uid uid, baryon_uid space,
			   uint64_t rip, unsigned priority)
{
	uint64_t stack = world_pages(k, 2), at = world_memory(k, sizeof *h);

	*h = (struct thread_home){ .header = { KIND_THREAD, HOME_VERSION, 1, uid }, .handler_top = stack + 2 * PAGE_BYTES,
				   .handler_space = k->space, .priority = priority, .cpu = CPU_ANY,
				   .state = THREAD_RUNNABLE, .cookie = uid ^ 0xc00c1e };
	h->base.kind = ACTIVATION_BASE;
	h->base.thread = uid;
	h->base.space = space;
	h->base.registers.rip = rip;
	h->base.registers.rsp = 0x1000;
	world_write(at, h, sizeof *h);
	CHECK(world_touch(stack + PAGE_BYTES, RIGHT_WRITE));
	return at;
}

baryon_uid world_thread_load(struct world_kernel *k, uint64_t number, baryon_uid space, uint64_t rip, unsigned priority)
{
	static struct thread_home h;
	baryon_uid uid = UID_MAKE(k->number, number);
	uint64_t at = world_thread_home(k, &h, uid, space, rip, priority);

	CHECK_IS(world_load(KIND_THREAD, at, 0), 0);
	return uid;
}

baryon_uid world_portal_load(struct world_kernel *k, uint64_t number, uint64_t entry, unsigned stacks)
{
	struct portal_home h = { .header = { KIND_PORTAL, HOME_VERSION, 1, UID_MAKE(k->number, number) }, .space = k->space,
				 .entry = k->base + entry, .stack_bytes = WORLD_STACK_BYTES, .stack_count = stacks,
				 .cookie = number };

	if (stacks) {
		h.stacks = world_pages(k, (stacks * WORLD_STACK_BYTES + PAGE_BYTES - 1) / PAGE_BYTES);
		h.records = world_pages(k, 1);
		CHECK(world_touch(h.records, RIGHT_WRITE));
	}
	CHECK_IS(load_new(k, KIND_PORTAL, &h, sizeof h, world.locked && number <= NUMBER_MISS_PORTAL ? LOAD_LOCKED : 0), 0);
	return h.header.uid;
}

uint64_t world_reference_home(struct world_kernel *k, unsigned kind, baryon_uid uid, unsigned rights, uint64_t badge,
			      baryon_uid space, uint32_t handle)
{
	struct reference_home h = { .capability = { .badge = badge }, .space = space, .handle = handle,
				    .version = HOME_VERSION };
	uint64_t at = world_memory(k, sizeof h);

	world_write(at, &h, sizeof h);
	CHECK_IS(world_call(CALL_CAPABILITY_MAKE, kind, uid, rights, at), 0);
	return at;
}

void world_portal_give(struct world_kernel *from, uint64_t number, uint64_t badge, struct world_kernel *to, uint32_t handle)
{
	struct reference_home h;
	uint64_t at;

	world_run(from->thread);
	at = world_reference_home(from, KIND_PORTAL, UID_MAKE(from->number, number), RIGHT_CALL, badge, to->space, handle);
	world_read(at, &h, sizeof h);
	world_run(to->thread);
	at = world_memory(to, sizeof h);
	world_write(at, &h, sizeof h);
	world_remember(to, KIND_REFERENCE, to->space, handle, at, 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_REFERENCE, at), 0);
}

long world_reference_load(struct world_kernel *k, unsigned kind, baryon_uid uid, unsigned rights, uint64_t badge,
			  baryon_uid space, uint32_t handle)
{
	uint64_t at = world_reference_home(k, kind, uid, rights, badge, space, handle);

	world_remember(k, KIND_REFERENCE, space, handle, at, 0);
	return world_call(CALL_OBJECT_LOAD, KIND_REFERENCE, at, 0);
}

long world_map(struct world_kernel *k, baryon_uid space, uint64_t address, uint64_t index, unsigned rights, unsigned flags)
{
	struct mapping_home h = { .address = address, .index = index, .container = HANDLE_MEMORY,
				  .rights = (uint16_t)rights };
	uint64_t at = world_home(KIND_MAPPING, space, address);

	if (at == 0)
		at = world_memory(k, sizeof h);
	world_write(at, &h, sizeof h);
	world_remember(k, KIND_MAPPING, space, address, at, 0);
	return world_call(CALL_MAPPING_LOAD, space, at, 1, flags);
}

/* kernels */

static unsigned locked_flag(void) { return world.locked ? LOAD_LOCKED : 0; }

static void pages_load(baryon_uid container, unsigned pages)
{
	uint64_t at = world_memory(&world.root, pages * sizeof(struct page_home));

	if (world.next_frame == 0)
		world.next_frame = (host.frames_next + GROUP_PAGES) & ~(GROUP_PAGES - 1);
	for (unsigned i = 0; i < pages; i++) {
		uint32_t flags = PAGE_CLEAR | (i + world.locked_pages >= pages ? PAGE_LOCKED : 0);
		struct page_home h = { .container = container, .index = i, .frame = world.next_frame++, .flags = flags,
				       .version = HOME_VERSION };

		world_write(at + i * sizeof h, &h, sizeof h);
		world_remember(&world.root, KIND_PAGE, container, i, at + i * sizeof h, 0);
		CHECK_IS(world_call(CALL_PAGE_LOAD, at + i * sizeof h, 1), 1);
	}
}

static void memory_make(struct world_kernel *k, unsigned pages)
{
	struct container_home c = { .header = { KIND_CONTAINER, HOME_VERSION, 1, k->container }, .size_pages = pages };
	uint32_t handle = 100 + k->number;

	CHECK_IS(load_new(&world.root, KIND_CONTAINER, &c, sizeof c, locked_flag()), 0);
	pages_load(k->container, pages);
	CHECK_IS(world_reference_load(&world.root, KIND_CONTAINER, k->container, RIGHT_ALL, 0, ROOT_SPACE_UID, handle), 0);
	for (unsigned i = 0; i < pages; i++) {
		struct mapping_home m = { .address = k->memory + i * PAGE_BYTES, .index = i, .container = handle,
					  .rights = RIGHT_READ | RIGHT_WRITE };
		uint64_t at = world_memory(&world.root, sizeof m);

		world_write(at, &m, sizeof m);
		world_remember(&world.root, KIND_MAPPING, k->space, m.address, at, 0);
	}
}

static void kernel_home_load(struct world_kernel *k, uint32_t rights)
{
	struct kernel_home *h = &world_kernel_home;

	h->header = (struct home_header){ KIND_KERNEL, HOME_VERSION, 1, KERNEL_UID(k->number) };
	h->number = k->number;
	h->rights = rights;
	h->trap_portal = UID_MAKE(k->number, NUMBER_TRAP_PORTAL);
	h->fault_portal = UID_MAKE(k->number, NUMBER_FAULT_PORTAL);
	h->exception_portal = UID_MAKE(k->number, NUMBER_EXCEPTION_PORTAL);
	h->alert_portal = UID_MAKE(k->number, NUMBER_ALERT_PORTAL);
	h->miss_portal = UID_MAKE(k->number, NUMBER_MISS_PORTAL);
	h->priority_ceiling = h->priority_ceiling ? h->priority_ceiling : 24;
	for (unsigned i = 0; i < CPU_LIMIT; i++)
		h->cpu_share[i] = h->cpu_share[i] ? h->cpu_share[i] : 100;
	if (world.locked)
		h->lock_quota[KIND_PORTAL] = 8;
	CHECK_IS(load_new(&world.root, KIND_KERNEL, h, sizeof *h, locked_flag()), 0);
	memset(h, 0, sizeof *h);
}

static void domain_load(struct world_kernel *k)
{
	struct space_home h = { .header = { KIND_SPACE, HOME_VERSION, 1, k->space },
				.flags = k->supervisor ? SPACE_SUPERVISOR : 0, .domain = k->number,
				.principal = KERNEL_UID(k->number) };

	CHECK_IS(load_new(&world.root, KIND_SPACE, &h, sizeof h, locked_flag()), 0);
}

/* The first thread's home and handler block lie in root's and in the kernel's memory. */
static void first_thread_load(struct world_kernel *k)
{
	static struct thread_home h;
	uint64_t stack = world_pages(k, 2), at = world_memory(&world.root, sizeof h);

	h = (struct thread_home){ .header = { KIND_THREAD, HOME_VERSION, 1, k->thread },
				  .handler_top = stack + 2 * PAGE_BYTES, .handler_space = k->space, .priority = 8,
				  .cpu = CPU_ANY, .state = THREAD_RUNNABLE };
	h.base.kind = ACTIVATION_BASE;
	h.base.thread = k->thread;
	h.base.space = k->space;
	h.base.registers.rip = k->base + ENTRY_START;
	h.base.registers.rsp = stack + PAGE_BYTES;
	world_write(at, &h, sizeof h);
	CHECK_IS(load_again(&world.root, KIND_MAPPING, k->space, stack + PAGE_BYTES), 0);
	CHECK_IS(world_load(KIND_THREAD, at, locked_flag()), 0);
}

struct world_kernel *world_kernel_make(uint32_t number, uint32_t rights, bool supervisor)
{
	struct world_kernel *k = &world.kernel[world.kernels++];

	*k = (struct world_kernel){ .number = number, .supervisor = supervisor,
				    .base = DOMAIN_BASE + number * DOMAIN_BYTES,
				    .space = UID_MAKE(KERNEL_NUMBER_ROOT, 0x200 + number),
				    .container = UID_MAKE(KERNEL_NUMBER_ROOT, 0x300 + number),
				    .thread = UID_MAKE(KERNEL_NUMBER_ROOT, 0x400 + number) };
	k->memory = k->next = k->base + DOMAIN_MEMORY_OFFSET;
	kernel_home_load(k, rights);
	domain_load(k);
	memory_make(k, WORLD_PAGES);
	CHECK_IS(world_reference_load(&world.root, KIND_CONTAINER, k->container, RIGHT_ALL, 0, k->space, HANDLE_MEMORY), 0);
	first_thread_load(k);
	return k;
}

void world_kernel_portals(struct world_kernel *k)
{
	unsigned stacks = world.stacks ? world.stacks : 2;

	(void)world_portal_load(k, NUMBER_TRAP_PORTAL, ENTRY_TRAP, 0);
	(void)world_portal_load(k, NUMBER_FAULT_PORTAL, ENTRY_FAULT, stacks);
	(void)world_portal_load(k, NUMBER_EXCEPTION_PORTAL, ENTRY_EXCEPTION, 2);
	(void)world_portal_load(k, NUMBER_ALERT_PORTAL, ENTRY_ALERT, 0);
	(void)world_portal_load(k, NUMBER_MISS_PORTAL, ENTRY_MISS, stacks);
}

void world_boot(const char *command_line, unsigned cpus)
{
	struct machine_options o = { .command_line = command_line, .cpus = cpus };
	struct root_start start;
	struct world_kernel *k = &world.root;

	memset(&state, 0, sizeof state);
	memset(&world, 0, sizeof world);
	memset(&world_kernel_home, 0, sizeof world_kernel_home);
	home_count = 0;
	host.now = 0;
	machine_boot(&o);
	CHECK_IS(world_running(), ROOT_THREAD);
	*k = (struct world_kernel){ .number = KERNEL_NUMBER_ROOT, .base = DOMAIN_BASE + DOMAIN_BYTES,
				    .space = ROOT_SPACE_UID, .container = ROOT_MEMORY, .thread = ROOT_THREAD };
	world_read(now()->rdi, &start, sizeof start);
	k->memory = k->next = start.heap_first;
	world.locked = true;
	(void)world_portal_load(k, NUMBER_FAULT_PORTAL, ENTRY_FAULT, 8);
	(void)world_portal_load(k, NUMBER_EXCEPTION_PORTAL, ENTRY_EXCEPTION, 2);
	(void)world_portal_load(k, NUMBER_MISS_PORTAL, ENTRY_MISS, 8);
	world.locked = false;
}

/* inside Strange */

struct slot *world_slot(unsigned kind, baryon_uid uid)
{
	struct slot *s = slot_find(kind, uid);

	return s && s->state == SLOT_LOADED ? s : NULL;
}

struct thread *world_thread(baryon_uid uid) { return (struct thread *)world_slot(KIND_THREAD, uid); }
