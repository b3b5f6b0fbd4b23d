/* Start, rows in order, end. */
#include "bench.h"

struct bench bench;

void row(const char *name, uint64_t total, uint64_t rounds)
{
	log_format("bench: %s %lu\n", name, (total + rounds / 2) / rounds);
}

_Noreturn void bench_end(uint64_t status)
{
	uint64_t words[PORTAL_WORDS] = { status };
	static bool ends;               /* a failure on the way to the end is not ended again */
	long result = ends ? -BARYON_EBUSY : 0;

	ends = true;
	if (result == 0)
		result = portal_call(HANDLE_END, words, NULL, 0);

	log_format("bench failed: the machine does not end: %s\n", baryon_error_text(result));
	for (;;)
		park(0);
}

void must(long result, const char *what)
{
	if (result < 0) {
		log_format("bench failed: %s: %s\n", what, baryon_error_text(result));
		bench_end(1);
	}
}

_Noreturn void lib_stop(void)
{
	bench_end(1);
}

static void rows_alone(void)
{
	rows_calls();
	program_space_start();
	rows_programs();
	rows_threads();
	rows_mappings();
	rows_objects();
}

static void run(void *unused)
{
	(void)unused;
	echo_bind();
	if (bench.start->cpus > 1)
		rows_across();
	else
		rows_alone();
	log_format("bench: end 0\n");
	bench_end(0);
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
