/* The machine: ports, log, counters, power-off. Each call needs its right in the kernel's home. */
#include "machine.h"
#include "cache.h"
#include "page.h"
#include "call.h"
#include "charm/console.h"
#include "memory.h"

enum { PORT_STEP = 512, LOG_PIECE_BYTES = 64 };
/* A kernel pays for what it logs with time, at three times what a serial port takes, and may owe so much: 32 KiB. */
enum { LOG_BYTE_SHIFT = 18, LOG_OWED_SHIFT = LOG_BYTE_SHIFT + 15 };

static result port_check(struct call *call)
{
	uint64_t width = call->a[1];

	if (!(call->kernel->rights & KERNEL_MAY_PORTS))
		return -BARYON_EPERM;
	return call->a[0] > 0xffff || (width != 1 && width != 2 && width != 4) || call->a[3] > PORT_STEP ? -BARYON_EINVAL : 0;
}

/* At most a page's rest at a time: returns how many units were moved. */
static uint64_t port_units(struct call *call)
{
	uint64_t width = call->a[1], left = (PAGE_BYTES - call->a[2] % PAGE_BYTES) / width;

	return call->a[3] < left ? call->a[3] : left;
}

result call_port_read(struct call *call)
{
	struct memory_place place;
	uint64_t units;
	result r = port_check(call);

	if (r < 0)
		return r;
	if (call->a[3] == 0)
		return (result)port_read_width((uint16_t)call->a[0], (unsigned)call->a[1]);
	units = port_units(call);
	r = memory_place(call->space, call->a[2], RIGHT_WRITE, &place);
	if (r < 0)
		return r;
	frame_touch(place.frame);
	port_read_block((uint16_t)call->a[0], (unsigned)call->a[1], place.pointer, units);
	return (result)units;
}

result call_port_write(struct call *call)
{
	struct memory_place place;
	uint64_t units;
	result r = port_check(call);

	if (r < 0)
		return r;
	if (call->a[3] == 0) {
		port_write_width((uint16_t)call->a[0], (unsigned)call->a[1], call->a[2]);
		return 0;
	}
	units = port_units(call);
	r = memory_place(call->space, call->a[2], RIGHT_READ, &place);
	if (r < 0)
		return r;
	port_write_block((uint16_t)call->a[0], (unsigned)call->a[1], place.pointer, units);
	return (result)units;
}

/* False: there is no room for it. lost: pieces that were lost since there was room. */
static bool log_pay(struct log_share *share, uint64_t bytes, uint32_t *lost)
{
	uint64_t now = clock_now(), paid;
	bool room;

	spin_lock(&state.log_lock);
	paid = (share->paid_ns > now ? share->paid_ns : now) + ((bytes + LOG_PIECE_BYTES) << LOG_BYTE_SHIFT);
	room = (paid - now) >> LOG_OWED_SHIFT == 0;
	*lost = share->lost++;
	if (room) {
		share->paid_ns = paid;
		share->lost = 0;
	}
	spin_unlock(&state.log_lock);
	return room;
}

result call_log(struct call *call)
{
	uint32_t number = call->kernel->number, lost = 0;
	char text[LOG_LIMIT];
	result r;

	if (call->a[1] == 0 || call->a[1] > LOG_LIMIT)
		return -BARYON_EINVAL;
	r = memory_read(call->space, call->a[0], text, call->a[1]);
	/* Keepers of kernels are trusted, and say what has become of those. */
	if (r < 0 || (!(call->kernel->rights & KERNEL_MAY_KERNELS) && !log_pay(&state.log[number % LOG_SHARES], call->a[1], &lost)))
		return r;
	if (lost)
		console_print("baryon: kernel %u logged too much: %u pieces are lost\n", number, lost);
	console_write(text, call->a[1]);
	return 0;
}

static result counters_out(struct call *call, uint64_t to, uint64_t bytes)
{
	struct counters c = *state.counters;

	for (unsigned k = 0; k < KIND_COUNT; k++) {
		c.slots[k] = state.cache[k].count;
		c.free[k] = state.cache[k].free_count;
	}
	c.tables = state.table_count;
	c.tables_free = state.tables_free;
	bytes = bytes < sizeof c ? bytes : sizeof c;
	result r = memory_write(call->space, to, &c, bytes);

	return r < 0 ? r : (result)bytes;
}

static void others_notify(const struct cpu *cpu)
{
	cpu_notify(((1ull << state.cpus) - 1) & ~(1ull << cpu->number));
}

/* Everything but root's own: its kernels with all that depends on them, and the pages that are not locked. Nothing else runs
 * meanwhile. A long call: it is executed again until nothing is left. */
static result forget(struct call *call)
{
	struct kernel *root = call->kernel;

	state.only = call->thread;
	for (unsigned i = 0; i < state.cpus; i++)
		state.cpu[i].reschedule = 1;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	others_notify(call->cpu);
	for (uint32_t i = 0; i < state.cache[KIND_KERNEL].count; i++) {
		struct kernel *k = SLOT_AT(kernel, KIND_KERNEL, i);

		if (k == root || (k->slot.state != SLOT_LOADED && k->slot.state != SLOT_DYING))
			continue;
		result r = object_unload_id(k->slot.id, k->slot.generation, false);

		if (r < 0)
			return r;
	}
	for (uint32_t i = 0; i < state.cache[KIND_PAGE].count; i++) {
		struct page *p = page_at(i);

		if ((p->state != SLOT_LOADED && p->state != SLOT_DYING) || (p->flags & PAGE_LOCKED))
			continue;
		result r = object_unload_id(OBJECT_ID(KIND_PAGE, i), p->generation, false);

		if (r < 0)
			return r;
	}
	state.only = NULL;
	others_notify(call->cpu);
	return 0;
}

result call_machine(struct call *call)
{
	if (!(call->kernel->rights & KERNEL_MAY_MACHINE))
		return -BARYON_EPERM;
	switch (call->a[0]) {
	case MACHINE_POWER_OFF:
		console_print("baryon: power off, status %lu\n", call->a[1] & 255);
		machine_power_off();
	case MACHINE_RESET:
		machine_reset();
	case MACHINE_FORGET:
		return call->kernel->number == KERNEL_NUMBER_ROOT ? forget(call) : -BARYON_EPERM;
	case MACHINE_COUNTERS:
		return call->a[2] == 0 ? -BARYON_EINVAL : counters_out(call, call->a[1], call->a[2]);
	}
	return -BARYON_EINVAL;
}
