/* Runs what Strange hands over: the ways in and out of charm/trap.h, memory through maps. */
#include "machine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "abi/errors.h"
#include "charm/boot.h"
#include "charm/clock.h"
#include "charm/mmu.h"
#include "charm/trap.h"

enum { FRAMES_DEFAULT = 16384, FRAMES_FIRST = 16 };

/* boot */

static void arena_make(uint64_t frames)
{
	static uint64_t mapped;

	if (host_arena)
		munmap(host_arena, mapped);
	mapped = frames * PAGE_BYTES;
	host_arena = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (host_arena == MAP_FAILED)
		abort();
}

static void load(struct registers *r);

void machine_boot(const struct machine_options *o)
{
	static struct boot_information info;
	const void *image = o->image;
	uint64_t bytes = o->image_bytes, pages;

	host.cpus = o->cpus ? o->cpus : 1;
	host.frames = o->frames ? o->frames : FRAMES_DEFAULT;
	host.frames_next = FRAMES_FIRST;
	host.irq_open = 0;
	memset(host.cpu, 0, sizeof host.cpu);
	for (unsigned i = 0; i < CPU_LIMIT; i++)
		host.cpu[i].number = i, host.cpu[i].timer = UINT64_MAX, host.cpu[i].idle = true;
	arena_make(host.frames);
	host_forget_shared();
	machine_become(0);
	if (image == NULL)
		image = host_image(&bytes);
	pages = (bytes + PAGE_BYTES - 1) / PAGE_BYTES;
	memset(&info, 0, sizeof info);
	info.cpus = host.cpus;
	info.frame_limit = host.frames;
	info.image_address = frame_take(pages, 1) * PAGE_BYTES;
	info.image_bytes = bytes;
	memcpy(host_arena + info.image_address, image, bytes);
	info.range_count = frame_remaining(info.range, 1);
	if (o->command_line)
		strncpy(info.command_line, o->command_line, sizeof info.command_line - 1);
	strange_boot(&info);
	load(strange_cpu_boot());
}

void machine_start_cpu(unsigned cpu)
{
	machine_become(cpu);
	load(strange_cpu_boot());
}

/* out of Strange */

/* `ran` says that a short way ended in it: then nothing is left to load. */
static void load(struct registers *r)
{
	struct host_cpu *c = host_this;

	if (c->ran) {
		c->ran = false;
		return;
	}
	c->idle = r == NULL;
	if (c->idle)
		return;
	c->now = *r;
	c->supervisor = c->now.flags & REGISTERS_SUPERVISOR;
	if (!(c->now.flags & REGISTERS_FULL)) {
		c->now.rcx = c->now.rip;
		c->now.r11 = c->now.rflags;
	}
}

/* into Strange */

static struct registers *saved(uint64_t flags)
{
	struct host_cpu *c = host_this;

	if (c->idle)
		return NULL;
	c->now.flags = flags | (c->supervisor ? REGISTERS_SUPERVISOR : 0);
	*c->save = c->now;
	return c->save;
}

static bool short_way(void)
{
	struct host_cpu *c = host_this;
	struct registers *place = c->save;
	uint64_t number = c->now.rax;

	if (!c->supervisor && c->now.rip < PROGRAM_LIMIT) {
		(void)saved(0);
		return strange_trap();
	}
	if (number == CALL_COPY_IN || number == CALL_COPY_OUT) {
		if (!strange_copy(c->now.rdi, c->now.rsi, c->now.rdx, number == CALL_COPY_IN ? RIGHT_READ : RIGHT_WRITE))
			return false;
		c->now.rax = c->now.rdx;
		return true;
	}
	if (number == CALL_RESUME)
		return strange_resume();
	if (number == CALL_SIGNAL) {
		(void)saved(c->supervisor ? REGISTERS_DIRECT : 0);
		place->rax = place->rdx = place->rsi = place->r8 = place->r9 = place->r10 = 0;
		load(strange_signal(c->now.rdi, place));
		return true;
	}
	if (number != CALL_PORTAL_CALL && number != CALL_PORTAL_RETURN)
		return false;
	place->rip = c->now.rip;
	place->rsp = c->now.rsp;
	place->rdx = c->now.rdx;
	place->flags = c->supervisor ? REGISTERS_SUPERVISOR | REGISTERS_DIRECT : 0;
	if (number == CALL_PORTAL_RETURN) {
		strange_portal_return();
		return c->ran;
	}
	place->rbx = c->now.rbx;
	place->rbp = c->now.rbp;
	place->r14 = c->now.r14;
	strange_portal_call();
	return c->ran;
}

void machine_syscall(void)
{
	struct host_cpu *c = host_this;

	c->now.rip += c->supervisor ? DIRECT_BYTES : SYSCALL_BYTES;
	c->now.rcx = c->now.rip;
	c->now.r11 = c->now.rflags;
	if (host.slow || !short_way())
		load(strange_syscall(saved(c->supervisor ? REGISTERS_DIRECT : 0)));
	c->ran = false;
}

void machine_fault(uint64_t address, unsigned access)
{
	load(strange_fault(saved(REGISTERS_FULL), address, access));
}

void machine_exception(unsigned vector, uint64_t error)
{
	load(strange_exception(saved(REGISTERS_FULL), vector, error));
}

void machine_tick(void) { load(strange_tick(saved(REGISTERS_FULL))); }
void machine_notice(void) { load(strange_notice(saved(REGISTERS_FULL))); }

void machine_interrupt(unsigned irq)
{
	host.irq_open &= ~(1ull << irq);
	load(strange_interrupt(saved(REGISTERS_FULL), irq));
}

bool machine_poll(void)
{
	struct host_cpu *c = host_this;

	if (__atomic_exchange_n(&c->noticed, false, __ATOMIC_SEQ_CST)) {
		machine_notice();
		return true;
	}
	if (clock_now() < c->timer)
		return false;
	c->timer = UINT64_MAX;
	machine_tick();
	return true;
}

/* memory */

mmu_entry machine_walk(frame_number root, uint64_t address)
{
	frame_number table = root;

	for (unsigned level = MMU_LEVELS;;) {
		mmu_entry *at = (mmu_entry *)frame_pointer(table) + mmu_index(address, --level);
		mmu_entry e = __atomic_load_n(at, __ATOMIC_RELAXED);

		if (!mmu_present(e))
			return 0;
		if (level == 0 || mmu_is_large(e))
			return e;
		table = mmu_frame(e);
	}
}

/* As a processor does: accessed and dirty are set in the entry itself, atomically, only while it is present. */
static mmu_entry walk_marking(frame_number root, uint64_t address, unsigned access)
{
	frame_number table = root;

	for (unsigned level = MMU_LEVELS;;) {
		mmu_entry *at = (mmu_entry *)frame_pointer(table) + mmu_index(address, --level);
		mmu_entry e = __atomic_load_n(at, __ATOMIC_RELAXED), marked;

		if (!mmu_present(e))
			return 0;
		if (level && !mmu_is_large(e)) {
			table = mmu_frame(e);
			continue;
		}
		if ((access & ~mmu_rights(e)) || !(host_this->supervisor || (mmu_rights(e) & MMU_USER)))
			return 0;
		marked = e | ENTRY_ACCESSED | (access & RIGHT_WRITE ? ENTRY_DIRTY : 0);
		if (__atomic_compare_exchange_n(at, &e, marked, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			return marked;
		table = root;
		level = MMU_LEVELS;
	}
}

void *machine_translate(uint64_t address, unsigned access)
{
	struct host_cpu *c = host_this;
	uint64_t page = address & ~(PAGE_BYTES - 1);
	unsigned i = (unsigned)(address / PAGE_BYTES % HOST_TLB);
	frame_number f;

	if (c->tlb[i].entry == 0 || c->tlb[i].page != page || (access & ~mmu_rights(c->tlb[i].entry)) ||
	    ((access & RIGHT_WRITE) && !mmu_dirty(c->tlb[i].entry))) {
		c->tlb[i].entry = walk_marking(c->root, address, access);
		c->tlb[i].page = page;
	}
	if (c->tlb[i].entry == 0)
		return NULL;
	f = mmu_frame(c->tlb[i].entry);
	if (mmu_is_large(c->tlb[i].entry))
		f += (frame_number)(address / PAGE_BYTES % GROUP_PAGES);
	return (uint8_t *)frame_pointer(f) + address % PAGE_BYTES;
}

bool machine_tlb_true(const struct host_cpu *c)
{
	const mmu_entry marks = ENTRY_ACCESSED | ENTRY_DIRTY;

	for (unsigned i = 0; i < HOST_TLB; i++)
		if (c->tlb[i].entry && ((machine_walk(c->root, c->tlb[i].page) ^ c->tlb[i].entry) & ~marks))
			return false;
	return true;
}

/* Of an address as a program has it, or of one of Strange's own pointers. */
static void *view(uint64_t address, unsigned access)
{
	uint64_t in_arena = address - (uint64_t)host_arena;

	return in_arena < host.frames * PAGE_BYTES ? (void *)address : machine_translate(address, access);
}

static uint64_t copy_piece(uint64_t to, uint64_t from, uint64_t bytes, uint64_t *address)
{
	uint64_t left_to = PAGE_BYTES - to % PAGE_BYTES, left_from = PAGE_BYTES - from % PAGE_BYTES, n = bytes;
	void *d = view(to, RIGHT_WRITE), *s = view(from, RIGHT_READ);

	n = n < left_to ? n : left_to;
	n = n < left_from ? n : left_from;
	if (d == NULL || s == NULL) {
		*address = d == NULL ? to : from;
		return 0;
	}
	memmove(d, s, n);
	return n;
}

bool trap_read_home(uint64_t own[4], uint64_t from)
{
	bool was = host_this->supervisor;
	unsigned i;

	host_this->supervisor = true;
	for (i = 0; i < 4; i++) {
		const uint64_t *word = machine_translate(from + 8 * i, RIGHT_READ);

		if (word == NULL)
			break;
		own[i] = *word;
	}
	host_this->supervisor = was;
	return i == 4;
}

bool trap_store(uint64_t address, uint64_t value)
{
	bool was = host_this->supervisor;
	uint64_t *at;

	host_this->supervisor = true;
	at = machine_translate(address, RIGHT_WRITE);
	host_this->supervisor = was;
	if (at)
		*at = value;
	return at != NULL;
}

/* Strange copies in ring 0, whatever ran. */
uint64_t trap_copy(void *to, const void *from, uint64_t bytes, uint64_t *address)
{
	bool was = host_this->supervisor;
	uint64_t done = 0, n;

	host_this->supervisor = true;
	while (done < bytes) {
		n = copy_piece((uint64_t)to + done, (uint64_t)from + done, bytes - done, address);
		if (n == 0)
			break;
		done += n;
	}
	host_this->supervisor = was;
	return done;
}

bool trap_copy_all(void *to, const void *from, uint64_t bytes)
{
	uint64_t address;

	return trap_copy(to, from, bytes, &address) == bytes;
}
