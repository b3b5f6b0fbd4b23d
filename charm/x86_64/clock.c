/* Time. The time-stamp counter and the local timer are measured against a counter of known rate: the ACPI power
 * management timer, or channel 2 of the 8254 where there is none.
 *
 * The hardware timer of a CPU may be armed for an earlier time than Strange asked for last: making the deadline later
 * costs no register write. The interrupt then arms it again. */
#include "charm/clock.h"

#include "charm/cpu.h"
#include "charm/trap.h"
#include "charm/x86_64/internal.h"
#include "charm/x86_64/local.h"
#include "charm/x86_64/machine.h"

enum { PM_HZ = 3579545, PIT_HZ = 1193182, PIT_DATA = 0x42, PIT_MODE = 0x43, SPEAKER = 0x61 };
enum { SHORTEST_US = 1000, LONGEST_US = 60000, PRECISION = 20000, TICKS_MOST = 0x7fffffff };

uint64_t clock_zero, clock_multiplier;
static uint64_t tsc_rate;
static uint64_t timer_multiplier;       /* ticks = ns * this >> 32 */

static uint32_t reference_mask, reference_hz;

static uint32_t reference_read(void)
{
	uint32_t value;

	if (reference_hz == PM_HZ)
		return port_in32(acpi.timer_port) & reference_mask;
	port_out8(PIT_MODE, 0x80);      /* latch channel 2 */
	value = port_in8(PIT_DATA);
	value |= (uint32_t)port_in8(PIT_DATA) << 8;
	return -value & reference_mask; /* it counts down */
}

static void reference_choose(void)
{
	reference_hz = acpi.timer_port ? PM_HZ : PIT_HZ;
	reference_mask = acpi.timer_port ? 0xffffff : 0xffff;
	if (acpi.timer_port)
		return;
	port_out8(SPEAKER, (port_in8(SPEAKER) & ~2u) | 1);
	port_out8(PIT_MODE, 0xb4);      /* channel 2, both bytes, rate generator */
	port_out8(PIT_DATA, 0);
	port_out8(PIT_DATA, 0);
}

/* One moment on all three counters: just after the reference changed. */
struct moment {
	uint32_t reference, timer;
	uint64_t tsc, uncertain;        /* the change lies within `uncertain` ticks before tsc */
};

static struct moment moment_take(void)
{
	uint32_t before = reference_read(), now = before;
	uint64_t tsc = cpu_cycles(), last = tsc;

	while (now == before) {
		last = tsc;
		now = reference_read();
		tsc = cpu_cycles();
	}
	return (struct moment){ now, apic_timer_left(), tsc, tsc - last };
}

/* Two moments that are far enough apart for what each may be wrong by. A CPU that was held up between two readings
 * (as a virtual one is) makes an uncertain moment; another is taken. */
static void moments_take(struct moment *a, struct moment *b, uint64_t *elapsed)
{
	uint64_t most = (uint64_t)reference_hz * LONGEST_US / 1000000;
	uint64_t least = (uint64_t)reference_hz * SHORTEST_US / 1000000;
	struct moment other = moment_take();
	uint32_t last;

	*a = moment_take();
	if (other.uncertain < a->uncertain)
		*a = other;
	*elapsed = 0;
	last = a->reference;
	do {
		*b = moment_take();
		*elapsed += (b->reference - last) & reference_mask;
		last = b->reference;
	} while (*elapsed < most && (*elapsed < least || b->uncertain > 2 * a->uncertain ||
	                             (a->uncertain + b->uncertain) * PRECISION > b->tsc - a->tsc));
}

void clock_calibrate(void)
{
	struct moment a, b;
	uint64_t elapsed, timer_rate;

	reference_choose();
	apic_timer_set(UINT32_MAX);
	moments_take(&a, &b, &elapsed);
	apic_timer_set(0);
	tsc_rate = (b.tsc - a.tsc) * reference_hz / elapsed;
	timer_rate = (uint64_t)(a.timer - b.timer) * reference_hz / elapsed;
	if (!tsc_rate || !timer_rate)
		panic("the clocks do not run");
	clock_multiplier = (1000000000ull << 32) / tsc_rate;
	timer_multiplier = (timer_rate << 32) / 1000000000;
	clock_zero = cpu_cycles();
}

uint64_t clock_now(void)
{
	return clock_read();
}

void clock_rate(uint64_t *tsc_hz, uint64_t *multiplier, uint64_t *tsc_at_zero)
{
	*tsc_hz = tsc_rate;
	*multiplier = clock_multiplier;
	*tsc_at_zero = clock_zero;
}

/* Rounded up; what is longer than the timer can count comes early. */
static uint32_t timer_ticks(uint64_t ns)
{
	uint64_t ticks = (uint64_t)(((unsigned __int128)ns * timer_multiplier) >> 32) + 1;

	return ticks < TICKS_MOST ? (uint32_t)ticks : TICKS_MOST;
}

/* Halts meanwhile. Only while the machine boots. */
void clock_wait_us(unsigned us)
{
	uint64_t end = clock_now() + us * 1000ull;

	while (clock_now() < end) {
		apic_timer_set(timer_ticks(us * 1000ull));
		entry_wait();
	}
}

static void timer_arm(struct local *local, uint64_t deadline_ns)
{
	uint64_t now = clock_now();

	local->timer_armed = deadline_ns;
	apic_timer_set(timer_ticks(deadline_ns > now ? deadline_ns - now : 0));
}

void clock_set_timer(uint64_t deadline_ns)
{
	struct local *local = local_here();

	local->timer_wanted = deadline_ns;
	if (deadline_ns < local->timer_armed)
		timer_arm(local, deadline_ns);
}

/* The hardware timer fired. Too early is a notice, and never the way straight back: the registers may lie where others write. */
struct registers *clock_interrupt(struct registers *r)
{
	struct local *local = local_here();

	local->timer_armed = UINT64_MAX;
	if (local->timer_wanted > clock_now()) {
		if (local->timer_wanted != UINT64_MAX)
			timer_arm(local, local->timer_wanted);
		return smp_notice(r);
	}
	local->timer_wanted = UINT64_MAX;
	return strange_tick(r);
}
