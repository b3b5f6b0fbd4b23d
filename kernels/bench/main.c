/* Start, rows in order, end. */
#include "bench.h"

#include "baryon/srm.h"

struct bench bench;

void row(const char *name, uint64_t total, uint64_t rounds)
{
	log_format("bench: %s %lu\n", name, (total + rounds / 2) / rounds);
}

void must(long result, const char *what)
{
	if (result < 0) {
		log_format("bench failed: %s: %s\n", what, baryon_error_text(result));
		srm_power_off(1);
	}
}

_Noreturn void lib_stop(void)
{
	srm_power_off(1);
}

static void run(void *unused)
{
	(void)unused;
	rows_calls();
	program_space_start();
	rows_programs();
	rows_threads();
	rows_mappings();
	rows_objects();
	log_format("bench: end 0\n");
	srm_power_off(0);
}

_Noreturn void domain_main(void *start)
{
	bench.start = start;
	bench.base = DOMAIN_BASE + bench.start->domain * DOMAIN_BYTES;
	objects_start();
	worker_start(0, NUMBER_RUNNER, run, NULL, PRIORITY_RUNNER);
	for (;;)
		park(0);
}
