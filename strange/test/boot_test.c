/* Boot: root runs with what it needs; what cannot work is refused with a message. */
#include "invariants.h"

static void root_runs_after_boot(void)
{
	world_boot(NULL, 1);
	invariants_check();
	CHECK_IS(world_running(), ROOT_THREAD);
	CHECK_IS(world_call(CALL_COUNT), -BARYON_ENOSYS);
}

static void kernels_run_in_their_domains(void)
{
	struct world_kernel *k;

	world_boot(NULL, 1);
	k = world_kernel_make(2, KERNEL_MAY_KERNELS, false);
	invariants_check();
	world_run(k->thread);
	CHECK_IS(world_running(), k->thread);
	world_kernel_portals(k);
	invariants_check();
	world_run(ROOT_THREAD);
	invariants_check();
}

static void boot_panics(const char *line, const void *image, uint64_t bytes, const char *message)
{
	struct machine_options o = { .command_line = line, .image = image, .image_bytes = bytes };

	memset(&state, 0, sizeof state);
	host.expect_panic = true;
	if (setjmp(host.after_panic) == 0) {
		machine_boot(&o);
		CHECK(!"a panic was expected");
	}
	CHECK(strstr(host.panicked, message));
}

static void too_small_caches_are_refused(void)
{
	boot_panics("caches=thread=1", NULL, 0, "minimum");
	boot_panics("caches=table=1", NULL, 0, "minimum");
	boot_panics("caches=nothing=1", NULL, 0, "no cache");
}

static void without_sizes_there_is_always_enough(void)
{
	for (unsigned cpus = 1; cpus <= CPU_LIMIT; cpus++) {
		world_boot(NULL, cpus);
		CHECK_IS(world_running(), ROOT_THREAD);
	}
}

static void images_without_root_are_refused(void)
{
	static uint8_t junk[2 * PAGE_BYTES];

	boot_panics(NULL, junk, sizeof junk, "no good root");
	boot_panics(NULL, junk, 0, "no boot image");
}

static void a_damaged_root_is_refused(void)
{
	uint64_t bytes;
	const uint8_t *good = host_image(&bytes);
	uint8_t *copy = malloc(bytes);

	memcpy(copy, good, bytes);
	copy[bytes - 1] ^= 1;
	boot_panics(NULL, copy, bytes, "no good root");
	free(copy);
}

int main(void)
{
	root_runs_after_boot();
	kernels_run_in_their_domains();
	too_small_caches_are_refused();
	without_sizes_there_is_always_enough();
	images_without_root_are_refused();
	a_damaged_root_is_refused();
	return 0;
}
