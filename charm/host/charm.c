/* Charm's contract inside a Linux process, for unit tests, sanitizers and fuzzing: an arena for memory, a settable clock,
 * interrupts as marks that machine.c looks at, a panic that tests can expect. */
#include "machine.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "abi/layout.h"
#include "charm/boot.h"
#include "charm/clock.h"
#include "charm/console.h"
#include "charm/cpu.h"
#include "charm/irq.h"
#include "charm/mmu.h"
#include "charm/trap.h"

__thread struct host_cpu *host_this;
uint8_t *host_arena;
struct host host;

static mmu_entry template[MMU_ENTRIES];

/* frames: [host.frames_next, host.frames) are free */

frame_number frame_take(uint64_t count, uint64_t align)
{
	uint64_t first = (host.frames_next + align - 1) & ~(align - 1);

	if (first + count > host.frames)
		return FRAME_NONE;
	host.frames_next = first + count;
	return (frame_number)first;
}

bool frame_take_at(frame_number first, uint64_t count)
{
	if (first < host.frames_next || first + count > host.frames)
		return false;
	host.frames_next = first + count;
	return true;
}

uint32_t frame_remaining(struct boot_range *range, uint32_t limit)
{
	if (limit == 0)
		return 0;
	range[0] = (struct boot_range){ host.frames_next, host.frames - host.frames_next };
	return 1;
}

void frame_clear(frame_number frame) { memset(frame_pointer(frame), 0, PAGE_BYTES); }

/* maps */

void mmu_root_initialise(frame_number root)
{
	mmu_entry *e = frame_pointer(root);

	memset(e, 0, sizeof template / 2);
	memcpy(e + MMU_ENTRIES / 2, template + MMU_ENTRIES / 2, sizeof template / 2);
}

void mmu_set_shared(unsigned domain, mmu_entry e) { template[mmu_index(DOMAIN_BASE, 3) + domain] = e; }

void host_forget_shared(void) { memset(template, 0, sizeof template); }

/* time and processors */

uint64_t clock_now(void) { return __atomic_load_n(&host.now, __ATOMIC_RELAXED); }

void clock_rate(uint64_t *tsc_hz, uint64_t *multiplier, uint64_t *tsc_at_zero)
{
	*tsc_hz = 1000000000;
	*multiplier = 1ull << 32;
	*tsc_at_zero = 0;
}

void clock_set_timer(uint64_t deadline_ns) { host_this->timer = deadline_ns; }

uint64_t cpu_cycles(void) { return clock_now(); }

void cpu_pause(void)
{
	void (*once)(void) = host.in_pause;

	host.in_pause = NULL;
	if (once)
		once();
	else
		sched_yield();
}

void cpu_notify(uint64_t set)
{
	for (unsigned i = 0; i < CPU_LIMIT; i++)
		if (set & (1ull << i))
			host.cpu[i].noticed = true;
}

uint64_t cpu_random(void)
{
	static uint64_t seed = 0x9e3779b97f4a7c15ull;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* console and devices */

void console_write(const char *text, uint64_t bytes)
{
	host.logged += bytes;
	if (host.verbose)
		(void)!fwrite(text, 1, bytes, stderr);
}

void console_print(const char *format, ...)
{
	va_list a;

	va_start(a, format);
	vsnprintf(host.printed, sizeof host.printed, format, a);
	va_end(a);
	if (host.verbose)
		fputs(host.printed, stderr);
}

void panic(const char *format, ...)
{
	va_list a;

	va_start(a, format);
	vsnprintf(host.panicked, sizeof host.panicked, format, a);
	va_end(a);
	if (host.expect_panic) {
		host.expect_panic = false;
		longjmp(host.after_panic, 1);
	}
	fprintf(stderr, "panic: %s\n", host.panicked);
	abort();
}

void machine_power_off(void) { panic("power off"); }
void machine_reset(void) { panic("reset"); }

uint64_t port_read_width(uint16_t port, unsigned width)
{
	(void)width;
	return port;
}

void port_write_width(uint16_t port, unsigned width, uint64_t value) { (void)port, (void)width, (void)value; }

void port_read_block(uint16_t port, unsigned width, void *to, uint64_t count)
{
	memset(to, port & 255, width * count);
}

void port_write_block(uint16_t port, unsigned width, const void *from, uint64_t count)
{
	(void)port, (void)width, (void)from, (void)count;
}

bool irq_route(unsigned irq, unsigned cpu)
{
	if (irq < 32)
		host.irq_cpu[irq] = (uint8_t)cpu;
	return irq < 32;
}

void irq_mask(unsigned irq) { host.irq_open &= ~(1ull << irq); }
void irq_unmask(unsigned irq) { host.irq_open |= 1ull << irq; }
unsigned irq_of_isa(unsigned isa) { return isa; }
