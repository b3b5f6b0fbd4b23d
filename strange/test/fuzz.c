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

static const uint8_t *data;
static size_t data_left;
static struct world_kernel *k;
static baryon_uid space, program;

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
	static const uint64_t numbers[] = { 1, 2, 3, 4, 5, 6, 64, 65, 100, 101, 102, 103, 104, 0x202, 0x302, 0x402, 999 };
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

/* Nearly right: what the call expects, most of the time. */
static void wild_arguments(struct registers *r)
{
	uint64_t *a[] = { &r->rdi, &r->rsi, &r->rdx, &r->r10, &r->r8, &r->r9 };

	for (unsigned i = 0; i < 6; i++)
		*a[i] = wild_word();
	if (choose(4) == 0)
		return;
	switch (r->rax) {
	case CALL_OBJECT_LOAD: *a[0] = choose(KIND_COUNT); *a[1] = wild_address() & ~(uint64_t)63; *a[2] = choose(2); break;
	case CALL_OBJECT_UNLOAD: case CALL_OBJECT_DESTROY: case CALL_OBJECT_WRITE_BACK:
		*a[0] = choose(KIND_COUNT); *a[1] = wild_uid(); break;
	case CALL_MAPPING_LOAD: *a[0] = space; *a[1] = wild_address() & ~31ull; *a[2] = 1 + choose(3); *a[3] = choose(8); break;
	case CALL_MAPPING_UNLOAD: case CALL_MAPPING_PROTECT:
		*a[0] = space; *a[1] = choose(64) * PAGE_BYTES; *a[2] = 1 + choose(600); break;
	case CALL_COPY_IN: *a[0] = wild_address(); *a[1] = choose(64) * 2048; *a[2] = choose(9000); break;
	case CALL_COPY_OUT: *a[1] = wild_address(); *a[0] = choose(64) * 2048; *a[2] = choose(9000); break;
	case CALL_THREAD_SET: *a[0] = wild_uid(); *a[1] = choose(6); break;
	case CALL_MACHINE: *a[0] = MACHINE_COUNTERS; break;
	}
}

/* A home that is nearly right, somewhere in its memory. */
static void home_write(void)
{
	union {
		struct kernel_home kernel;
		struct container_home container;
		struct space_home space;
		struct portal_home portal;
		struct thread_home thread;
		struct mapping_home mapping;
		uint8_t bytes[2048];
		uint64_t words[256];
	} h;
	uint64_t at = k->memory + (20 + choose(20)) * PAGE_BYTES + choose(2) * 2048, size = 64;

	memset(&h, 0, sizeof h);
	h.space.header = (struct home_header){ (uint16_t)choose(KIND_COUNT), HOME_VERSION, 1, wild_uid() };
	switch (h.space.header.kind) {
	case KIND_CONTAINER: h.container.size_pages = wild_word(); break;
	case KIND_SPACE:
		h.space.flags = (uint32_t)choose(4);
		h.space.domain = (uint32_t)choose(66);
		h.space.principal = choose(2) ? KERNEL_UID(2) : 0;
		break;
	case KIND_PORTAL:
		h.portal.space = choose(4) ? k->space : wild_uid();
		h.portal.entry = choose(4) ? k->base + 0x900 : wild_word();
		h.portal.stacks = wild_address() & ~15ull;
		h.portal.stack_bytes = choose(4) ? 1024 : wild_word();
		h.portal.stack_count = (uint32_t)choose(18);
		h.portal.records = wild_address() & ~(choose(2) ? 4095ull : 255ull);
		size = 128;
		break;
	case KIND_THREAD:
		h.thread.base = (struct activation_record){ .kind = ACTIVATION_BASE, .thread = h.space.header.uid,
							    .space = choose(2) ? space : wild_uid() };
		h.thread.base.registers.rip = wild_word();
		h.thread.handler_top = wild_address() & ~511ull;
		h.thread.handler_space = choose(4) ? k->space : wild_uid();
		h.thread.cpu = choose(4) ? CPU_ANY : (uint16_t)choose(9);
		h.thread.state = (uint32_t)choose(6);
		h.thread.depth = (uint32_t)choose(3);
		h.thread.top_record = choose(3) ? wild_address() & ~255ull : 0;
		h.thread.top_space = k->space;
		h.thread.signal_count = (uint32_t)choose(40);
		size = 2048;
		break;
	case KIND_MAPPING: case KIND_PAGE:
		h.mapping = (struct mapping_home){ choose(64) * PAGE_BYTES, choose(70), HANDLE_MEMORY, (uint16_t)choose(8),
						   (uint16_t)choose(4), choose(4) ? 0 : wild_uid() };
		break;
	default: size = 512; break;
	}
	for (uint64_t n = choose(3); n > 0; n--)
		h.words[choose(size / 8)] = wild_word();
	for (uint64_t i = 0; i < size; i += 64) {
		void *to = machine_translate(at + i, RIGHT_WRITE);

		if (to)
			memcpy(to, h.bytes + i, 64);
	}
}

static void memory_change(void)
{
	uint64_t *p = machine_translate(wild_address() & ~7ull, RIGHT_WRITE);

	if (p)
		*p = choose(3) ? wild_word() : *p ^ 1ull << choose(64);
}

static void kernel_step(void)
{
	struct registers *r = &machine_cpu()->now;

	switch (choose(16)) {
	case 0: machine_fault(wild_address(), (unsigned)(1u << choose(3))); return;
	case 1: machine_exception((unsigned)choose(32), wild_word()); return;
	case 2: host.now += choose(3) * 9000000; machine_tick(); return;
	case 3: case 4: memory_change(); return;
	case 5: case 6: home_write(); return;
	}
	r->rax = choose(20) ? choose(CALL_COUNT) : take(8);
	if (r->rax == CALL_LOG)
		return;
	wild_arguments(r);
	r->rbx = choose(3) ? 40 : wild_word();
	r->rbp = choose(2) ? wild_address() : 0;
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

static void make(void)
{
	world_boot("caches=thread=8,space=4,portal=8,container=8,page=128,mapping=128,reference=16,table=16,kernel=4", 1);
	host.verbose = false;
	world.stacks = 4;
	world_kernel_home.lock_quota[KIND_PORTAL] = 4;
	k = world_kernel_make(2, KERNEL_MAY_SUPERVISE | KERNEL_MAY_PORTS | KERNEL_MAY_INTERRUPTS | KERNEL_MAY_KERNELS,
			      choose(2));
	world_run(k->thread);
	world_kernel_portals(k);
	(void)world_portal_load(k, 70, 0x900, 3);
	CHECK_IS(world_reference_load(k, KIND_PORTAL, UID_MAKE(2, 70), RIGHT_CALL, 1, k->space, 40), 0);
	space = world_space_load(k, 100, SPACE_PROGRAM, 0);
	program = world_thread_load(k, 101, space, 0x5000, 6);
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
