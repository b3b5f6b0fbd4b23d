/* Kernels that die: said once, then cleared away and, if they may, started again by the manager. And the scheduler thread. */
#include <stdarg.h>

#include "srm.h"

#include "baryon/format.h"

enum { SIGNALS = 16, REASON_BYTES = 160 };

static void report(const struct child *child, const char *format, va_list values)
{
	char reason[REASON_BYTES];

	vsnprintf(reason, sizeof reason, format, values);
	log_format("baryon: kernel %s: %s\n", child->name, reason);
}

static void report_once(struct child *child, const char *format, va_list values)
{
	uint32_t running = CHILD_RUNNING;

	if (__atomic_compare_exchange_n(&child->state, &running, CHILD_FAILED, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
		report(child, format, values);
		manager_wake();
	}
}

void child_report(struct child *child, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	report_once(child, format, values);
	va_end(values);
}

_Noreturn void child_failed(struct child *child, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	report_once(child, format, values);
	va_end(values);
	for (;;)
		park(0);
}

/* Restarts are for kernels that say nothing to the outside. When the owner of the console dies, or another dies too often,
 * the machine ends: a program run twice would do its work twice. */
void child_recover(struct child *child)
{
	child_destroy(child);
	stacks_recover(child);
	if (child->restarts == 0) {
		log_format("baryon: kernel %s is not started again\n", child->name);
		__atomic_store_n(&child->state, CHILD_ENDED, __ATOMIC_RELEASE);
		if (child->console)
			root_power_off(STATUS_FAILED);
		return;
	}
	child->restarts--;
	log_format("baryon: kernel %s is started again\n", child->name);
	if (child_start(child) < 0)
		__atomic_store_n(&child->state, CHILD_ENDED, __ATOMIC_RELEASE);
}

static void thread_reload(uint64_t address)
{
	for (uint32_t i = 0; i < srm.child_count; i++) {
		const struct child *child = &srm.children[i];

		if (address == (uint64_t)&child->thread && homes_miss(&child->homes, KIND_THREAD, child->thread.header.uid) < 0)
			log_format("srm: the first thread of kernel %s is not reloaded\n", child->name);
	}
}

_Noreturn void scheduler_run(void *unused)
{
	uint64_t addresses[SIGNALS];

	(void)unused;
	for (;;) {
		long count = signal_wait(0, addresses, SIGNALS);

		for (long i = 0; count > 0 && i < (count & (SIGNAL_OVERFLOWED - 1)); i++)
			thread_reload(addresses[i]);
	}
}
