/* What the SRM asks of root. */
#include "srm.h"

#include "baryon/format.h"
#include "baryon/root.h"
#include "baryon/string.h"

static long ask(uint64_t words[PORTAL_WORDS])
{
	long result = portal_call(HANDLE_SRM, words, NULL, 0);

	return result < 0 ? result : (long)words[0];
}

uint64_t root_memory_free(void)
{
	uint64_t words[PORTAL_WORDS] = { ROOT_MEMORY_FREE };

	return ask(words) < 0 ? 0 : words[1];
}

long root_container_make(struct child *child)
{
	uint64_t words[PORTAL_WORDS] = { ROOT_CONTAINER_MAKE, child->room, SRM_HANDLE_CHILD_MEMORY + child->index,
		child->groups[GROUPS_OF_MEMORY - 1] };
	long result = ask(words);

	if (result < 0)
		return result;
	child->memory = words[1];
	memcpy(&child->memory_capability, &words[ROOT_WORD_CAPABILITY], sizeof child->memory_capability);
	return 0;
}

long root_container_clear(baryon_uid container)
{
	uint64_t words[PORTAL_WORDS] = { ROOT_CONTAINER_CLEAR, container };

	return ask(words);
}

static long ask_range(uint64_t operation, baryon_uid container, uint64_t count, struct group_range *out)
{
	uint64_t words[PORTAL_WORDS] = { operation, container, count };
	long result = ask(words);

	*out = (struct group_range){ words[1], result < 0 ? 0 : words[2] };
	return result;
}

long root_container_grow(baryon_uid container, uint64_t wanted, struct group_range *out)
{
	return ask_range(ROOT_CONTAINER_GROW, container, wanted, out);
}

long root_container_last(baryon_uid container, uint64_t wanted, struct group_range *out)
{
	return ask_range(ROOT_CONTAINER_LAST, container, wanted, out);
}

long root_container_shrink(baryon_uid container, const struct group_range *range)
{
	uint64_t words[PORTAL_WORDS] = { ROOT_CONTAINER_SHRINK, container, range->first, range->count };
	long result = ask(words);

	return result < 0 ? result : (long)words[1];
}

long root_groups_grant(uint64_t count, uint64_t *first)
{
	uint64_t words[PORTAL_WORDS] = { ROOT_GROUPS_GRANT, count };
	long result = ask(words);

	*first = words[1];
	return result;
}

long root_groups_return(const struct group_range *range)
{
	uint64_t words[PORTAL_WORDS] = { ROOT_GROUPS_RETURN, range->first, range->count };

	return ask(words);
}

long root_capability(uint64_t what, struct capability *out)
{
	uint64_t words[PORTAL_WORDS] = { ROOT_CAPABILITY, what };
	long result = ask(words);

	memcpy(out, &words[ROOT_WORD_CAPABILITY], sizeof *out);
	return result;
}

_Noreturn void root_power_off(uint64_t status)
{
	uint64_t words[PORTAL_WORDS] = { ROOT_POWER_OFF, status };
	long result = ask(words);

	log_format("srm: power-off failed: %s\n", baryon_error_text(result));
	for (;;)
		park(0);
}

const char lib_panic_word[] = "panic";

_Noreturn void lib_stop(void)
{
	root_power_off(STATUS_FAILED);
}
