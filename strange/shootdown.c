/* Shoot-down. Whoever takes an entry out (an atomic exchange) reads then which CPUs have the space active; whoever
 * activates a space sets its bit first and loads the map then: so one of the two sees the other. Each asks and
 * waits for all CPUs; CPUs that wait for a lock or for an answer serve what they are asked. */
#include "shootdown.h"
#include "schedule.h"

void spin_wait(struct spin *lock)
{
	do {
		while (lock->held) {
			shootdown_serve();
			cpu_pause();
		}
	} while (!spin_try(lock));
}

void shootdown_serve(void)
{
	struct cpu *cpu = this_cpu();
	uint32_t wanted;

	cpu->flush_pending = 0;
	wanted = __atomic_load_n(&cpu->flush_wanted, __ATOMIC_SEQ_CST);

	if (wanted == cpu->flush_done)
		return;
	if (cpu->map && cpu->map->slot.state == SLOT_DYING && !cpu_needs_map(cpu))
		cpu_leave_map(cpu);
	cpu_forget_left(cpu);
	cpu->flushes++;
	mmu_invalidate_all();
	__atomic_store_n(&cpu->flush_done, wanted, __ATOMIC_RELEASE);
}

/* This CPU's own, too, forgets. */
static uint64_t cpus_with(struct space *space)
{
	uint64_t all = (1ull << state.cpus) - 1;

	this_cpu()->flushes++;
	return space->flags & SPACE_SUPERVISOR ? all : __atomic_load_n(&space->cpus, __ATOMIC_SEQ_CST);
}

static bool flushed(const struct cpu *cpu, uint32_t ticket)
{
	return (int32_t)(__atomic_load_n(&cpu->flush_done, __ATOMIC_ACQUIRE) - ticket) >= 0;
}

static void ask_others(uint64_t set)
{
	uint32_t ticket[CPU_LIMIT];

	set &= ~(1ull << this_cpu()->number);
	if (set == 0)
		return;
	for (unsigned i = 0; i < state.cpus; i++)
		if (set & (1ull << i)) {
			ticket[i] = __atomic_add_fetch(&state.cpu[i].flush_wanted, 1, __ATOMIC_SEQ_CST);
			state.cpu[i].flush_pending = 1;
		}
	cpu_notify(set);
	for (unsigned i = 0; i < state.cpus; i++)
		while ((set & (1ull << i)) && !flushed(&state.cpu[i], ticket[i])) {
			shootdown_serve();
			cpu_pause();
		}
	state.counters->shootdowns++;
}

void shootdown_space(struct space *space)
{
	uint64_t set = cpus_with(space);

	if (set & (1ull << this_cpu()->number))
		mmu_invalidate_all();
	ask_others(set);
}

void shootdown_own(struct space *space, uint64_t address)
{
	if (cpus_with(space) & (1ull << this_cpu()->number))
		mmu_invalidate(address);
}

void shootdown_page(struct space *space, uint64_t address)
{
	shootdown_own(space, address);
	ask_others(cpus_with(space));
}
