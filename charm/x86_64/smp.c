/* The other processors: started one after the other by INIT and STARTUP (Intel SDM volume 3, section 8.4) through a copy of
 * trampoline.S below 1 MiB. Each then idles; the notice that smp_begin sends after strange_boot begins Strange there. */
#include "charm/boot.h"
#include "charm/console.h"
#include "charm/cpu.h"
#include "charm/x86_64/internal.h"
#include "charm/x86_64/local.h"

enum { PATIENCE_FIRST_US = 2000, PATIENCE_US = 200000, STEP_US = 10 };

extern const uint8_t trampoline_begin[], trampoline_end[];
struct local *smp_starting;     /* trampoline.S takes its stack from here */
static uint32_t smp_open;       /* strange_boot has returned */

/* From trampoline.S, on the CPU's Strange stack. */
_Noreturn void smp_main(struct local *local)
{
	mmu_load();
	cpu_initialise(local);
	apic_load();
	__atomic_store_n(&local->present, 1, __ATOMIC_RELEASE);
	entry_run(NULL);
}

static bool cpu_wait(const struct local *local, unsigned us)
{
	for (; us; us -= STEP_US) {
		if (__atomic_load_n(&local->present, __ATOMIC_ACQUIRE))
			return true;
		clock_wait_us(STEP_US);
	}
	return false;
}

/* One that does not answer is stopped again, so that it cannot wake up later. */
static bool cpu_start(struct local *local, uint64_t page)
{
	smp_starting = local;
	apic_send(local->apic_id, SEND_INIT);
	apic_send(local->apic_id, SEND_STARTUP | (uint32_t)(page / PAGE_BYTES));
	if (cpu_wait(local, PATIENCE_FIRST_US))
		return true;
	apic_send(local->apic_id, SEND_STARTUP | (uint32_t)(page / PAGE_BYTES));
	if (cpu_wait(local, PATIENCE_US))
		return true;
	apic_send(local->apic_id, SEND_INIT);
	return false;
}

unsigned smp_start(uint64_t page)
{
	unsigned cpus = 1;
	uint32_t i;

	if (!page)
		return cpus;
	memcpy(physical_pointer(page, PAGE_BYTES), trampoline_begin, (size_t)(trampoline_end - trampoline_begin));
	for (i = 0; i < acpi.cpus && cpus < CPU_LIMIT; i++) {
		if (acpi.apic_id[i] == local_of[0]->apic_id)
			continue;
		if (cpu_start(cpu_area_make(cpus, acpi.apic_id[i]), page)) {
			cpus++;
			continue;
		}
		local_of[cpus] = NULL;
		console_print("baryon: processor %u does not start\n", acpi.apic_id[i]);
	}
	return cpus;
}

void smp_begin(void)
{
	local_here()->started = 1;
	__atomic_store_n(&smp_open, 1, __ATOMIC_RELEASE);
	cpu_notify(((1ull << CPU_LIMIT) - 1) & ~1ull);
}

/* The notify interrupt. Before Strange has begun on this CPU, it is the sign to begin. */
struct registers *smp_notice(struct registers *r)
{
	struct local *local = local_here();

	if (local->started)
		return strange_notice(r);
	if (!__atomic_load_n(&smp_open, __ATOMIC_ACQUIRE))
		return NULL;
	local->started = 1;
	mmu_flush();            /* mmu_seal came after this CPU's start */
	return strange_cpu_boot();
}
