/* Explicit calls: within a space, to the echo kernel's, and with blocks. */
#include "bench.h"

#include "baryon/bare.h"
#include "baryon/srm.h"

enum { BLOCK_SMALL = 80, BLOCK_LARGE = 4096 };

static uint8_t block[BLOCK_LARGE] __attribute__((aligned(4096)));

static void import(const char *name, uint32_t handle)
{
	struct capability capability;
	long result;

	while ((result = srm_import(name, &capability)) == -BARYON_ENOENT)
		yield();
	must(result, name);
	reference_bind(handle, &capability);
}

static uint64_t calls_time(const struct bare_call *call)
{
	uint64_t start = ticks();

	(void)bare_portal_calls(call, ROUNDS);
	return ticks() - start;
}

static void calls_row(const char *name, uint32_t handle, uint64_t bytes)
{
	struct call_blocks blocks = { .count = 1, .block = { { (uint64_t)block, (uint32_t)bytes, BLOCK_IN } } };
	struct bare_call call = {
		.target = (const void *)(baryon_stubs + CALL_PORTAL_CALL * STUB_BYTES), .handle = handle,
		.blocks = bytes ? &blocks : NULL, .word0 = (uint64_t)block, .word1 = bytes,
	};
	struct bare_call nothing = { .target = bare_nothing };
	uint64_t total;

	if (bare_portal_calls(&call, 16) != (bytes ? bytes : (uint64_t)block))
		must(-BARYON_EFAULT, name);
	total = calls_time(&call);
	row(name, total - calls_time(&nothing), ROUNDS);
}

static void service_row(void)
{
	uint64_t words[PORTAL_WORDS] = { 0 }, start;

	must(portal_call(HANDLE_SERVICE, words, NULL, 0), "a service call");
	start = ticks();
	for (unsigned i = 0; i < ROUNDS; i++)
		if (portal_call(HANDLE_SERVICE, words, NULL, 0) < 0)
			must(-BARYON_EFAULT, "a service call");
	row("portal_call_other_space_c", ticks() - start, ROUNDS);
	if (words[0] != ROUNDS + 1)
		must(-BARYON_EFAULT, "the words of a service call");
}

void echo_bind(void)
{
	import("end", HANDLE_END);
	import("empty", HANDLE_EMPTY);
	import("copy", HANDLE_COPY);
	import("service", HANDLE_SERVICE);
}

void rows_calls(void)
{
	block[0] = 1;
	calls_row("portal_call_same_space", HANDLE_OWN, 0);
	calls_row("portal_call_same_space_80", HANDLE_OWN_COPY, BLOCK_SMALL);
	calls_row("portal_call_same_space_4096", HANDLE_OWN_COPY, BLOCK_LARGE);
	calls_row("portal_call_other_space", HANDLE_EMPTY, 0);
	calls_row("portal_call_other_space_80", HANDLE_COPY, BLOCK_SMALL);
	calls_row("portal_call_other_space_4096", HANDLE_COPY, BLOCK_LARGE);
	service_row();
}
