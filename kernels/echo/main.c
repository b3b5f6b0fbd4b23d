/* The other side of the bench: a kernel in a domain of its own whose portals do next to nothing. It owns the console, so it is the
 * one that may end the machine: portal "end", with the exit status. */
#include "baryon/bare.h"
#include "baryon/calls.h"
#include "baryon/format.h"
#include "baryon/homes.h"
#include "baryon/portal.h"
#include "baryon/srm.h"

enum { STACK_BYTES = 4096, STACKS = 4, PORTALS = 4 };

static uint8_t stacks[PORTALS][STACKS][STACK_BYTES] __attribute__((aligned(4096)));
static struct activation_record records[PORTALS][STACKS] __attribute__((aligned(4096)));
static struct portal_home homes[PORTALS] __attribute__((aligned(128)));
static uint8_t buffer[4096] __attribute__((aligned(4096)));

static void serve(struct portal_words *words, void *context)
{
	(void)context;
	words->word[0]++;
}

static void end(struct portal_words *words, void *context)
{
	(void)context;
	srm_power_off(words->word[0]);
}

static void portal_export(const struct kernel_start *start, unsigned i, const char *name, const char *entry, void *cookie)
{
	struct capability capability = { .badge = i };
	struct portal_start portal = {
		.uid = UID_MAKE(start->number, NUMBER_FIRST_FREE + i), .space = start->space, .entry = entry,
		.cookie = (uint64_t)cookie, .stacks = stacks[i], .stack_bytes = STACK_BYTES, .stack_count = STACKS,
		.records = records[i],
	};
	long result;

	portal_home_start(&homes[i], &portal);
	result = object_load(KIND_PORTAL, &homes[i], 0);
	if (result == 0)
		result = capability_make(KIND_PORTAL, portal.uid, RIGHT_CALL, &capability);
	if (result == 0)
		result = srm_export(name, &capability);
	if (result < 0)
		panic("echo: portal %s: %s", name, baryon_error_text(result));
}

_Noreturn void domain_main(void *start)
{
	static struct portal_service service = { serve, NULL }, ending = { end, NULL };

	for (unsigned i = 0; i < STACKS; i++)   /* present before they are measured */
		for (unsigned p = 0; p < PORTALS; p++)
			stacks[p][i][0] = stacks[p][i][STACK_BYTES - 1] = 0;
	buffer[0] = 0;
	portal_export(start, 0, "empty", bare_portal_entry, NULL);
	portal_export(start, 1, "copy", bare_copy_entry, buffer);
	portal_export(start, 2, "service", portal_entry, &service);
	portal_export(start, 3, "end", portal_entry, &ending);
	for (;;)
		park(0);
}
