/* A bench in the place of the SRM, who alone may load kernels: what loading one takes, unloading it, which writes it home, and
 * destroying it, which does not. Told as the bench tells its rows. */
#include "abi/start.h"
#include "baryon/calls.h"
#include "baryon/format.h"
#include "baryon/homes.h"
#include "baryon/portal.h"
#include "baryon/root.h"

enum { ROUNDS = 64, BATCH = 16 };

static struct kernel_home homes[BATCH] __attribute__((aligned(4096)));

_Noreturn static void power_off(uint64_t status)
{
	uint64_t words[PORTAL_WORDS] = { ROOT_POWER_OFF, status };
	long result = portal_call(HANDLE_SRM, words, NULL, 0);

	log_format("bench failed: the machine does not end: %s\n", baryon_error_text(result));
	for (;;)
		park(0);
}

_Noreturn void lib_stop(void)
{
	power_off(1);
}

static void must(long result, const char *what)
{
	if (result < 0) {
		log_format("bench failed: %s: %s\n", what, baryon_error_text(result));
		power_off(1);
	}
}

static uint64_t load_all(void)
{
	uint64_t start = __builtin_ia32_rdtsc();

	for (unsigned i = 0; i < BATCH; i++)
		must(object_load(KIND_KERNEL, &homes[i], 0), "loading a kernel");
	return __builtin_ia32_rdtsc() - start;
}

static uint64_t end_all(long (*end)(unsigned, baryon_uid), const char *what)
{
	uint64_t start = __builtin_ia32_rdtsc();

	for (unsigned i = 0; i < BATCH; i++)
		must(end(KIND_KERNEL, homes[i].header.uid), what);
	return __builtin_ia32_rdtsc() - start;
}

static long unload(unsigned kind, baryon_uid uid) { return object_unload(kind, uid); }
static long destroy(unsigned kind, baryon_uid uid) { return object_destroy(kind, uid); }

static void row(const char *name, uint64_t ticks, uint64_t rounds)
{
	log_format("bench: %s %lu\n", name, (ticks + rounds / 2) / rounds);
}

_Noreturn void domain_main(void *start)
{
	uint64_t in = 0, out = 0, away = 0;

	(void)start;
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (uint32_t i = 0; i < BATCH; i++) {
			uint32_t number = KERNEL_FIRST_OF_SRM + round * BATCH + i;

			home_start(&homes[i], sizeof homes[i], KIND_KERNEL, KERNEL_UID(number));
			homes[i].number = number;
		}
		in += load_all();
		out += end_all(unload, "unloading a kernel");
		in += load_all();
		away += end_all(destroy, "destroying a kernel");
	}
	row("load_kernel", in, 2 * ROUNDS * BATCH);
	row("unload_kernel", out, ROUNDS * BATCH);
	row("destroy_kernel", away, ROUNDS * BATCH);
	log_format("bench: end 0\n");
	power_off(0);
}
