/* A kernel that wants things late, for the tests of the SRM. By the settings: starts each kernel of start=NAME, and asks for want=N
 * page groups to manage, some at a time; says what came of it, then gives all back and sleeps. First it asks for what nobody may get. */
#include "abi/layout.h"
#include "abi/start.h"
#include "baryon/calls.h"
#include "baryon/clock.h"
#include "baryon/format.h"
#include "baryon/image.h"
#include "baryon/portal.h"
#include "baryon/settings.h"
#include "baryon/srm.h"

enum { RANGES = 64, TRIES = 300, STEP = 4 };
#define LATE_NS 1500000000ull
#define AGAIN_NS 20000000ull

static struct group_range got[RANGES];

_Noreturn void lib_stop(void)
{
	for (;;)
		park(0);
}

static struct settings settings_open(const struct kernel_start *start)
{
	const struct image_header *image = image_mapped(start);
	const struct image_module *module = image_find(image, "settings");

	return (struct settings){ module ? image_module_bytes(image, module) : NULL, module ? module->bytes : 0 };
}

static void kernels_start(const struct settings *settings)
{
	const char *name;
	size_t at = 0;

	while ((name = settings_next_of(settings, &at, "start"))) {
		long result = srm_kernel_start(name);

		log_format("late: start %s: %s\n", name, result < 0 ? baryon_error_text(result) : "done");
	}
}

static void refused(const char *what, long result)
{
	log_format("late: %s: %s\n", what, result < 0 ? "refused" : "done");
}

static void refusals(void)
{
	uint64_t first, none = 0, many = ~0ull;

	refused("no groups", srm_groups_more(GROUPS_OF_FRAMES, &first, &none));
	refused("no sort", srm_groups_more((enum group_sort)7, &first, &many));
	refused("return of others' frames", srm_groups_return(GROUPS_OF_FRAMES, 1, 1));
	refused("return of all frames", srm_groups_return(GROUPS_OF_FRAMES, 0, ~0ull));
	refused("return of far memory", srm_groups_return(GROUPS_OF_MEMORY, ~0ull, 2));
	refused("return of much memory", srm_groups_return(GROUPS_OF_MEMORY, 1, ~0ull));
}

static uint64_t groups_get(uint64_t wanted, unsigned *ranges)
{
	uint64_t total = 0;
	unsigned tries = 0;

	while (total < wanted && *ranges < RANGES && tries++ < TRIES) {
		struct group_range *range = &got[*ranges];
		long result;

		range->count = wanted - total < STEP ? wanted - total : STEP;
		result = srm_groups_more(GROUPS_OF_FRAMES, &range->first, &range->count);
		if (result == -BARYON_EQUOTA)
			break;
		if (result == -BARYON_EBUSY)
			park(clock_now_ns() + AGAIN_NS);
		if (result < 0)
			continue;
		total += range->count;
		++*ranges;
	}
	return total;
}

static void groups_want(uint64_t wanted)
{
	unsigned ranges = 0;
	uint64_t total = groups_get(wanted, &ranges), back = 0;

	log_format("late: %lu of %lu page groups\n", total, wanted);
	for (unsigned i = 0; i < ranges; i++)
		if (srm_groups_return(GROUPS_OF_FRAMES, got[i].first, got[i].count) == 0)
			back += got[i].count;
	log_format("late: %lu given back\n", back);
}

_Noreturn void domain_main(void *page)
{
	struct settings settings = settings_open(page);
	uint64_t wanted = settings_number(&settings, "want", 0);

	park(clock_now_ns() + LATE_NS);
	refusals();
	kernels_start(&settings);
	if (wanted)
		groups_want(wanted);
	for (;;)
		park(0);
}
