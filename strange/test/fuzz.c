/* A hostile application kernel: calls with wild and nearly right arguments, faults and exceptions anywhere, its own memory (homes,
 * records and trap frames among it) changed under Strange's feet. Root answers as it should. Every invariant that does not
 * rest on the kernel's own memory holds after each step.
 *
 * LLVMFuzzerTestOneInput takes its choices from the input; fuzz_test.c feeds it pseudo-random ones in every test run, and
 * `make fuzz` links it with libFuzzer. */
#include "abi/start.h"
#include "fuzz.h"
#include "invariants.h"
#include "strange/cache.h"

enum { WORKER = 105, OTHER_SPACE = 104, SERVICE = 70, SERVICE_HANDLE = 40, HOME_PAGE = 20, HOME_PAGES = 20, LOCKED_PAGES = 4,
       GRANT = 20, GRANT_GROUPS = 2 };

static const uint8_t *data;
static size_t data_left;
static struct world_kernel *k;
static baryon_uid space, program;
static uint64_t last_home;      /* where a record was written last, and of what kind */
static unsigned last_kind;

static uint64_t take(unsigned bytes)
{
	uint64_t v = 0;

	for (; bytes && data_left; bytes--, data_left--)
		v = v << 8 | *data++;
	return v;
}

static uint64_t choose(uint64_t n) { return take(n > 256 ? 2 : 1) % n; }

static uint64_t wild_uid(void)
{
	static const uint64_t numbers[] = { 1, 2, 3, 4, 5, 6, 64, 65, SERVICE, 100, 101, 102, 103, OTHER_SPACE, WORKER, 0x202, 0x302,
					    0x402, 999 };
	uint64_t number = numbers[choose(sizeof numbers / sizeof *numbers)];

	return choose(6) == 0 ? take(8) : UID_MAKE(choose(4) ? 2 : choose(4), number);
}

static uint64_t wild_address(void)
{
	uint64_t in = k->memory + choose(WORLD_PAGES) * PAGE_BYTES + choose(32) * 128;

	switch (choose(12)) {
	case 0: return take(8);
	case 1: return in + choose(4096);
	case 2: return k->memory + WORLD_PAGES * PAGE_BYTES - choose(64);
	case 3: return DOMAIN_BASE + choose(66) * DOMAIN_BYTES - choose(2) * 8;
	case 4: return PROGRAM_LIMIT - choose(3) * 2048;
	case 5: return choose(64) * PAGE_BYTES;
	case 6: return PHYSMAP_BASE + choose(4096);
	case 7: return 0 - choose(8);
	default: return in;
	}
}

static uint64_t wild_word(void)
{
	switch (choose(6)) {
	case 0: return wild_uid();
	case 1: return wild_address();
	case 2: return choose(4) ? choose(70) : take(8);
	case 3: return 1ull << choose(64);
	default: return choose(16);
	}
}

static uint64_t locked_address(void)
{
	return k->memory + (WORLD_PAGES - 1 - choose(LOCKED_PAGES)) * PAGE_BYTES + choose(32) * 128;
}

static uint64_t program_address(void) { return choose(64) * PAGE_BYTES + (choose(2) ? choose(4096) : 0); }

static void load_arguments(uint64_t *const a[6], uint64_t number)
{
	bool last = choose(4) != 0;

	*a[0] = number == CALL_MAPPING_LOAD ? choose(4) ? space : wild_uid() : last ? last_kind : choose(KIND_COUNT + 1);
	*a[1] = last ? last_home : wild_address() & ~63ull;
	*a[2] = number == CALL_MAPPING_LOAD ? choose(4) ? 1 : choose(70) : choose(3);
	*a[3] = choose(8);
	if (number != CALL_PAGE_LOAD)
		return;
	*a[0] = *a[1];
	*a[1] = choose(4) ? 1 : choose(70);
}

static void range_arguments(uint64_t *const a[6], uint64_t number)
{
	*a[0] = choose(4) ? space : wild_uid();
	*a[1] = choose(4) ? choose(64) * PAGE_BYTES : wild_address();
	*a[2] = number == CALL_MAPPING_READ ? wild_address() & ~7ull : 1 + choose(600);
	*a[3] = choose(8);
}

static void copy_arguments(uint64_t *const a[6], bool in)
{
	*a[0] = in ? wild_address() : program_address();
	*a[1] = in ? program_address() : wild_address();
	*a[2] = choose(2) ? choose(300) : choose(9000);
	*a[3] = choose(2) ? 0 : wild_address() & ~7ull;
}

static void thread_arguments(uint64_t *const a[6])
{
	static const uint64_t numbers[] = { 101, WORKER, 102 };

	*a[0] = choose(6) ? UID_MAKE(2, numbers[choose(3)]) : wild_uid();
	*a[1] = choose(6);
	*a[2] = choose(4) ? choose(34) : wild_word();
	*a[3] = wild_address();
}

static void port_arguments(uint64_t *const a[6])
{
	static const uint64_t widths[] = { 1, 2, 4, 3 };

	*a[0] = 0x40 + choose(4);
	*a[1] = widths[choose(4)];
	*a[2] = wild_address();
	*a[3] = choose(2) ? 0 : choose(600);
}

/* Nothing that ends the machine. */
static void machine_arguments(uint64_t *const a[6])
{
	static const uint64_t what[] = { MACHINE_COUNTERS, MACHINE_FORGET, 0, 99 };

	*a[0] = what[choose(4)];
	*a[1] = wild_address() & ~7ull;
	*a[2] = choose(400);
}

/* Nearly right: what the call expects, most of the time. */
static void near_arguments(struct registers *r, uint64_t *const a[6])
{
	switch (r->rax) {
	case CALL_OBJECT_LOAD: case CALL_MAPPING_LOAD: case CALL_PAGE_LOAD: load_arguments(a, r->rax); break;
	case CALL_OBJECT_UNLOAD: case CALL_OBJECT_DESTROY: case CALL_OBJECT_WRITE_BACK:
		*a[0] = choose(KIND_COUNT); *a[1] = wild_uid(); break;
	case CALL_PAGE_UNLOAD: *a[0] = wild_uid(); *a[1] = choose(70); *a[2] = choose(4); break;
	case CALL_MAPPING_UNLOAD: case CALL_MAPPING_PROTECT: case CALL_MAPPING_READ: range_arguments(a, r->rax); break;
	case CALL_REFERENCE_UNLOAD: *a[0] = choose(2) ? k->space : wild_uid(); *a[1] = choose(8) ? SERVICE_HANDLE + choose(3) : wild_word(); break;
	case CALL_CAPABILITY_MAKE: *a[0] = choose(KIND_COUNT); *a[1] = wild_uid(); *a[3] = wild_address() & ~7ull; break;
	case CALL_COPY_IN: case CALL_COPY_OUT: copy_arguments(a, r->rax == CALL_COPY_IN); break;
	case CALL_WAIT: *a[0] = choose(2) ? host.now + choose(9000) : choose(2); *a[1] = wild_address() & ~7ull; *a[2] = choose(5); break;
	case CALL_PARK: *a[0] = choose(2) ? host.now + choose(9000) : choose(2); break;
	case CALL_UNPARK: case CALL_ALERT: case CALL_THREAD_SET: thread_arguments(a); break;
	case CALL_THREAD_REBASE: *a[0] = choose(4) ? program : wild_uid(); *a[1] = choose(4) ? UID_MAKE(2, choose(2) ? 100 : OTHER_SPACE) : wild_uid(); break;
	case CALL_INTERRUPT_BIND: *a[0] = choose(4) ? choose(IRQ_LIMIT) : wild_word(); *a[1] = choose(2) ? locked_address() : wild_address();
		*a[2] = choose(4) ? 0 : wild_word(); break;
	case CALL_INTERRUPT_DONE: *a[0] = choose(4) ? choose(IRQ_LIMIT) : wild_word(); break;
	case CALL_KERNEL_GROUP: *a[0] = choose(2) ? KERNEL_UID(2) : wild_uid(); *a[1] = choose(4) ? GRANT + choose(GRANT_GROUPS + 1) : wild_word(); break;
	case CALL_PORT_READ: case CALL_PORT_WRITE: port_arguments(a); break;
	}
}

static void wild_arguments(struct registers *r)
{
	uint64_t *const a[6] = { &r->rdi, &r->rsi, &r->rdx, &r->r10, &r->r8, &r->r9 };

	for (unsigned i = 0; i < 6; i++)
		*a[i] = wild_word();
	if (choose(8))
		near_arguments(r, a);
	if (r->rax == CALL_MACHINE)
		machine_arguments(a);
}

union any_home {
	struct kernel_home kernel;
	struct container_home container;
	struct space_home space;
	struct portal_home portal;
	struct thread_home thread;
	struct reference_home reference;
	struct page_home page;
	struct mapping_home mapping;
	uint8_t bytes[2048];
	uint64_t words[256];
};

static void portal_write(struct portal_home *h)
{
	h->space = choose(4) ? k->space : wild_uid();
	h->entry = choose(4) ? k->base + 0x900 : wild_word();
	h->stacks = wild_address() & ~15ull;
	h->stack_bytes = choose(4) ? 1024 : wild_word();
	h->stack_count = (uint32_t)(choose(4) ? choose(4) : choose(18));
	h->records = choose(2) ? wild_address() & ~1023ull : wild_address() & ~255ull;
	h->flags = (uint32_t)choose(2);
}

static void thread_write(struct thread_home *h)
{
	h->base = (struct activation_record){ .kind = ACTIVATION_BASE, .thread = h->header.uid,
					      .space = choose(2) ? space : choose(2) ? k->space : wild_uid() };
	h->base.registers.rip = choose(2) ? 0x5000 : wild_word();
	h->priority = (uint32_t)(choose(8) ? choose(20) : choose(40));
	h->handler_top = wild_address() & ~511ull;
	h->handler_space = choose(4) ? k->space : wild_uid();
	h->cpu = choose(4) ? CPU_ANY : (uint16_t)choose(9);
	h->state = (uint32_t)choose(6);
	h->depth = (uint32_t)choose(3);
	h->top_record = choose(3) ? wild_address() & ~255ull : 0;
	h->top_space = k->space;
	h->top_portal = choose(2) ? UID_MAKE(2, SERVICE) : 0;
	h->signal_count = (uint32_t)(choose(4) ? choose(33) : choose(40));
	h->alert_pending = choose(2);
	if (choose(8) == 0)
		h->xstate[512 + choose(64)] = (uint8_t)choose(256);
}

static void space_write(struct space_home *h)
{
	h->flags = (uint32_t)choose(4);
	h->domain = (uint32_t)(choose(2) ? 2 + choose(3) : choose(66));
	h->principal = choose(2) ? KERNEL_UID(2) : choose(2) ? wild_uid() : 0;
}

static void page_write(struct page_home *h)
{
	h->container = choose(4) ? UID_MAKE(2, 103) : wild_uid();
	h->index = choose(4) ? choose(2) * GROUP_PAGES + choose(3) : wild_word();
	h->frame = choose(4) ? GRANT * GROUP_PAGES + choose(2) * GROUP_PAGES + choose(2) : wild_word();
	h->flags = (uint32_t)choose(128);
	h->version = HOME_VERSION;
	h->cleared = (uint16_t)(choose(4) ? 0 : choose(600));
	if (choose(2)) {
		h->flags = PAGE_ALIAS | (choose(4) ? choose(2) * PAGE_READ_ONLY : (uint32_t)choose(256));
		h->handle = (uint16_t)(choose(4) ? HANDLE_MEMORY : choose(2) ? SERVICE_HANDLE + choose(3) : wild_word());
		h->under = choose(4) ? choose(2) * GROUP_PAGES + choose(70) : wild_word();
		h->index = choose(4) ? choose(2) * GROUP_PAGES + choose(40) : wild_word();
		return;
	}
	if (choose(2) && (h->flags & PAGE_LARGE))
		h->index = h->index & ~(GROUP_PAGES - 1), h->frame &= ~(GROUP_PAGES - 1);
}

static void mapping_write(struct mapping_home *h)
{
	*h = (struct mapping_home){ choose(64) * PAGE_BYTES, choose(70), choose(4) ? HANDLE_MEMORY : SERVICE_HANDLE + (uint32_t)choose(3),
				    (uint16_t)choose(8), (uint16_t)choose(4), choose(4) ? 0 : wild_uid() };
	if (choose(4) == 0)
		h->signal = UID_MAKE(2, choose(2) ? WORKER : 101);
	if (choose(8) == 0)
		h->address = choose(4) * GROUP_BYTES, h->index &= ~(GROUP_PAGES - 1);
}

static uint64_t home_fill(union any_home *h)
{
	h->space.header = (struct home_header){ (uint16_t)last_kind, HOME_VERSION, 1, wild_uid() };
	switch (last_kind) {
	case KIND_CONTAINER: h->container.size_pages = choose(2) ? 4 * GROUP_PAGES : wild_word(); return 64;
	case KIND_SPACE: space_write(&h->space); return 64;
	case KIND_PORTAL: portal_write(&h->portal); return 128;
	case KIND_THREAD: thread_write(&h->thread); return 2048;
	case KIND_MAPPING: mapping_write(&h->mapping); return 32;
	case KIND_PAGE: page_write(&h->page); return 32;
	case KIND_REFERENCE:
		h->reference.space = choose(4) ? k->space : wild_uid();
		h->reference.handle = choose(8) ? SERVICE_HANDLE + (uint32_t)choose(3) : (uint32_t)wild_word();
		h->reference.version = (uint32_t)(choose(16) ? HOME_VERSION : choose(3));
		return 64;
	default:
		h->kernel.number = (uint32_t)(choose(2) ? 3 : wild_word());
		return 512;
	}
}

static bool memory_put(uint64_t at, const void *from, uint64_t bytes)
{
	const uint8_t *b = from;

	for (uint64_t i = 0; i < bytes; i += 32) {
		void *to = machine_translate(at + i, RIGHT_WRITE);

		if (to == NULL)
			return false;
		memcpy(to, b + i, 32);
	}
	return true;
}

/* A home that is nearly right, somewhere in its memory; those of pages lie in locked memory. */
static void home_write(void)
{
	union any_home h;
	uint64_t size;

	memset(&h, 0, sizeof h);
	last_kind = (unsigned)choose(KIND_COUNT);
	size = home_fill(&h);
	for (uint64_t n = choose(3); n > 1; n--)
		h.words[choose(size / 8)] = wild_word();
	last_home = last_kind == KIND_PAGE && choose(8) ? locked_address() :
		k->memory + (HOME_PAGE + choose(HOME_PAGES)) * PAGE_BYTES + choose(2) * 2048;
	if (!memory_put(last_home, h.bytes, size) || last_kind != KIND_REFERENCE || choose(8) == 0)
		return;
	/* Sealed: what it refers to is its own. */
	machine_cpu()->now.rax = CALL_CAPABILITY_MAKE;
	machine_cpu()->now.rdi = choose(2) ? KIND_PORTAL : KIND_CONTAINER;
	machine_cpu()->now.rsi = UID_MAKE(2, choose(2) ? SERVICE : 103);
	machine_cpu()->now.rdx = choose(32);
	machine_cpu()->now.r10 = last_home;
	machine_syscall();
}

/* Blocks that the next call declares. */
static uint64_t blocks_write(void)
{
	struct call_blocks b = { .count = choose(6) };

	for (unsigned i = 0; i < BLOCKS_LIMIT; i++)
		b.block[i] = (struct call_block){ choose(2) ? wild_address() : k->memory, (uint32_t)choose(9000), (uint32_t)choose(4) };
	uint64_t at = k->memory + HOME_PAGE * PAGE_BYTES + choose(4) * 128;

	(void)memory_put(at, &b, sizeof b / 32 * 32);
	return at;
}

static void memory_change(void)
{
	uint64_t *p = machine_translate(wild_address() & ~7ull, RIGHT_WRITE);

	if (p)
		*p = choose(3) ? wild_word() : *p ^ 1ull << choose(64);
}

/* A miss or fault handler, where it starts: it loads again what was loaded. */
static bool handler_loads(struct registers *r)
{
	const struct trap_frame *f = machine_translate(r->rdi, RIGHT_READ);
	bool frame = thread_top(state.cpu[0].thread)->kind == ACTIVATION_HANDLER;
	uint64_t entry = r->rip - k->base, home;

	if ((entry != ENTRY_FAULT && entry != ENTRY_MISS) || (frame && f == NULL))
		return false;
	home = entry == ENTRY_FAULT ?
		world_home(KIND_MAPPING, frame ? f->space : r->r9, (frame ? f->address : r->rsi) & ~(PAGE_BYTES - 1)) :
		frame ? world_home((unsigned)f->access, f->address, f->error) : world_home((unsigned)r->rdx, r->rsi, r->r8);
	if (home == 0)
		return false;
	r->rdi = entry == ENTRY_FAULT ? (frame ? f->space : r->r9) : frame ? f->access : r->rdx;
	r->rax = entry == ENTRY_FAULT ? CALL_MAPPING_LOAD : CALL_OBJECT_LOAD;
	r->rsi = home;
	r->rdx = entry == ENTRY_FAULT;
	r->r10 = 0;
	machine_syscall();
	return true;
}

/* Most misses and faults are answered as they should be, and most calls end. */
static bool kernel_answers(struct registers *r)
{
	const struct activation *top = thread_top(state.cpu[0].thread);

	if (top->kind == ACTIVATION_BASE || choose(4) == 0)
		return false;
	if (handler_loads(r))
		return true;
	if (choose(4))
		return false;
	r->rax = top->kind == ACTIVATION_HANDLER ? CALL_RESUME : CALL_PORTAL_RETURN;
	r->rdi = 0;
	machine_syscall();
	return true;
}

static void kernel_step(void)
{
	struct registers *r = &machine_cpu()->now;

	if (kernel_answers(r))
		return;
	switch (choose(16)) {
	case 0:
		if (choose(4) == 0)
			machine_fault(wild_address(), (unsigned)(1u << choose(3)));
		else
			machine_interrupt((unsigned)choose(IRQ_LIMIT));
		return;
	case 1:
		if (choose(8) == 0)
			machine_exception((unsigned)choose(32), wild_word());
		return;
	case 2: host.now += choose(3) * 9000000; machine_tick(); return;
	case 3: memory_change(); return;
	case 4: case 5: case 6: home_write(); return;
	case 7: case 8:
		r->rax = last_kind == KIND_PAGE ? CALL_PAGE_LOAD : last_kind == KIND_MAPPING ? CALL_MAPPING_LOAD : CALL_OBJECT_LOAD;
		break;
	default: r->rax = choose(20) ? choose(CALL_COUNT) : take(8); break;
	}
	wild_arguments(r);
	r->rbx = choose(3) ? SERVICE_HANDLE : choose(2) ? SERVICE_HANDLE + choose(3) : wild_word();
	r->rbp = choose(2) ? choose(2) ? blocks_write() : wild_address() : 0;
	r->r14 = choose(2) ? host.now + 1000 : choose(2);
	machine_syscall();
}

static void program_step(void)
{
	struct registers *r = &machine_cpu()->now;

	r->rax = wild_word();
	r->rsp = wild_word();
	switch (choose(4)) {
	case 0: machine_fault(wild_address(), (unsigned)(1u << choose(3))); break;
	case 1: machine_exception((unsigned)choose(32), 0); break;
	default: machine_syscall(); break;
	}
}

static void root_step(void)
{
	uint64_t words[8] = { choose(2) ? 0 : (uint64_t)-BARYON_ENOENT };

	if (world_play())
		return;
	if (world_running() == ROOT_THREAD)
		world_park();
	else
		world_portal_return(words);
}

/* False when nothing will ever run again. */
static bool step(void)
{
	for (int i = 0; i < 3 && machine_cpu()->idle; i++) {
		host.now += 1u << 30;
		machine_tick();
	}
	if (machine_cpu()->idle) {
		world_unpark(k->thread);
		world_unpark(UID_MAKE(2, WORKER));
		machine_notice();
	}
	if (machine_cpu()->idle)
		return false;
	if (machine_cpu()->now.rip < PROGRAM_LIMIT)
		program_step();
	else if (machine_cpu()->now.rip - world.root.base < DOMAIN_BYTES)
		root_step();
	else
		kernel_step();
	return true;
}

static uint32_t rights_choose(void)
{
	uint32_t usual = KERNEL_MAY_SUPERVISE | KERNEL_MAY_PORTS | KERNEL_MAY_INTERRUPTS | KERNEL_MAY_KERNELS | KERNEL_MAY_FRAMES;

	return choose(4) ? usual | (choose(2) ? KERNEL_MAY_MACHINE : 0) : (uint32_t)choose(64);
}

static void make(void)
{
	uint32_t rights = rights_choose();

	world_boot("caches=thread=8,space=4,portal=8,container=8,page=128,mapping=128,reference=16,table=16,kernel=4", 1);
	host.verbose = false;
	world.stacks = 4;
	world.locked_pages = LOCKED_PAGES;
	world_kernel_home.lock_quota[KIND_PORTAL] = 4;
	world_kernel_home.lock_quota[KIND_PAGE] = world_kernel_home.lock_quota[KIND_MAPPING] = 2;
	world_kernel_home.cpu_share[0] = 50;
	world_kernel_home.extents[0] = (struct group_extent){ GRANT, GRANT_GROUPS };
	k = world_kernel_make(2, rights, choose(2));
	world_run(k->thread);
	world_kernel_portals(k);
	(void)world_portal_load(k, SERVICE, 0x900, 2);
	CHECK_IS(world_reference_load(k, KIND_PORTAL, UID_MAKE(2, SERVICE), RIGHT_CALL, 1, k->space, SERVICE_HANDLE), 0);
	space = world_space_load(k, 100, SPACE_PROGRAM, 0);
	program = world_thread_load(k, 101, space, 0x5000, 8);
	(void)world_thread_load(k, WORKER, k->space, k->base + 0x100000, 8);
	last_home = k->memory;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	data = input;
	data_left = size;
	invariants_hostile = true;
	make();
	while (data_left && step())
		invariants_check();
	return 0;
}
