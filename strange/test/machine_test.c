/* The machine's calls: what a kernel may write to the log. */
#include "invariants.h"

enum { PIECE = LOG_LIMIT, BURST = 32 * 1024, SMALL = 40 };

static struct world_kernel *k;
static uint64_t text;

static void fresh_with(uint32_t rights)
{
	char letters[PIECE];

	world_boot(NULL, 1);
	world.after_step = invariants_check;
	k = world_kernel_make(2, rights, false);
	world_run(k->thread);
	world_kernel_portals(k);
	memset(letters, 'x', sizeof letters);
	text = world_memory(k, sizeof letters);
	world_write(text, letters, sizeof letters);
	host.logged = 0;
	host.printed[0] = 0;
}

static void fresh(void) { fresh_with(0); }

static void bad_pieces_are_refused(void)
{
	fresh();
	CHECK_IS(world_call(CALL_LOG, text, 0), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_LOG, text, PIECE + 1), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_LOG, 0x1000, 1), -BARYON_EFAULT);
	CHECK_IS(host.logged, 0);
	CHECK_IS(world_call(CALL_LOG, text, PIECE), 0);
	CHECK_IS(host.logged, PIECE);
}

/* Nobody waits for it, and another kernel has its own share. */
static void who_logs_without_end_loses_what_is_too_much(void)
{
	struct world_kernel *other;
	uint64_t at, full;

	fresh();
	for (unsigned i = 0; i < 1000; i++)
		CHECK_IS(world_call(CALL_LOG, text, PIECE), 0);
	full = host.logged;
	CHECK(full > BURST / 2 && full <= BURST);
	CHECK_IS(host.printed[0], 0);
	CHECK_IS(world_call(CALL_LOG, text, PIECE), 0);
	CHECK_IS(host.logged, full);
	world_run(ROOT_THREAD);
	other = world_kernel_make(3, 0, false);
	world_run(other->thread);
	world_kernel_portals(other);
	at = world_memory(other, PIECE);
	CHECK_IS(world_call(CALL_LOG, at, PIECE), 0);
	CHECK_IS(host.logged, full + PIECE);
}

static void what_was_lost_is_counted_when_there_is_room_again(void)
{
	uint64_t full, lost;
	char line[80];

	fresh();
	for (unsigned i = 0; i < 1000; i++)
		CHECK_IS(world_call(CALL_LOG, text, PIECE), 0);
	full = host.logged;
	lost = 1000 - full / PIECE;
	/* It does not have it all at once, and not for having been unloaded. */
	world_run(ROOT_THREAD);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_KERNEL, KERNEL_UID(2)), 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_KERNEL, world_home(KIND_KERNEL, KERNEL_UID(2), 0), 0), 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, k->thread, 0), 0), 0);
	host.now += 1000000000;
	world_run(k->thread);
	CHECK_IS(world_call(CALL_LOG, text, PIECE), 0);
	CHECK_IS(host.logged, full + PIECE);
	snprintf(line, sizeof line, "baryon: kernel 2 logged too much: %lu pieces are lost\n", lost);
	CHECK(strcmp(host.printed, line) == 0);
	host.printed[0] = 0;
	for (unsigned i = 0; i < 1000; i++)
		CHECK_IS(world_call(CALL_LOG, text, PIECE), 0);
	CHECK(host.logged < full + 4096);
	CHECK_IS(host.printed[0], 0);
}

static void who_logs_now_and_then_loses_nothing(void)
{
	fresh();
	for (unsigned i = 0; i < 5000; i++) {
		CHECK_IS(world_call(CALL_LOG, text, SMALL), 0);
		host.now += 30000000;
	}
	CHECK_IS(host.logged, 5000 * SMALL);
	for (unsigned i = 0; i < 200; i++)
		CHECK_IS(world_call(CALL_LOG, text, SMALL), 0);
	CHECK_IS(host.logged, 5200 * SMALL);
	CHECK_IS(host.printed[0], 0);
}

static void keepers_of_kernels_are_always_heard(void)
{
	fresh_with(KERNEL_MAY_KERNELS);
	for (unsigned i = 0; i < 1000; i++)
		CHECK_IS(world_call(CALL_LOG, text, PIECE), 0);
	CHECK_IS(host.logged, 1000 * PIECE);
}

int main(void)
{
	bad_pieces_are_refused();
	who_logs_without_end_loses_what_is_too_much();
	what_was_lost_is_counted_when_there_is_room_again();
	keepers_of_kernels_are_always_heard();
	who_logs_now_and_then_loses_nothing();
	return 0;
}
