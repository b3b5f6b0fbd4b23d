/* The SRM's service, from its clients' side. */
#include "baryon/srm.h"

#include "baryon/string.h"

static long ask(uint64_t words[PORTAL_WORDS])
{
	long result = portal_call(HANDLE_SRM, words, NULL, 0);

	return result < 0 ? result : (long)words[0];
}

static uint64_t name_word(const char *name)
{
	uint64_t word = 0;

	memcpy(&word, name, strnlen(name, sizeof word));
	return word;
}

_Noreturn void srm_power_off(uint64_t status)
{
	uint64_t words[PORTAL_WORDS] = { SRM_POWER_OFF, status };

	for (;;)
		if (ask(words) < 0)
			park(0);
}

long srm_export(const char *name, const struct capability *capability)
{
	uint64_t words[PORTAL_WORDS] = { SRM_EXPORT, name_word(name) };

	memcpy(&words[SRM_WORD_CAPABILITY], capability, sizeof *capability);
	return ask(words);
}

long srm_import(const char *name, struct capability *out)
{
	uint64_t words[PORTAL_WORDS] = { SRM_IMPORT, name_word(name) };
	long result = ask(words);

	memcpy(out, &words[SRM_WORD_CAPABILITY], sizeof *out);
	return result;
}

long srm_groups_more(enum group_sort sort, uint64_t *first, uint64_t *count)
{
	uint64_t words[PORTAL_WORDS] = { SRM_GROUPS_MORE, sort, *count };
	long result = ask(words);

	*first = words[1];
	*count = words[2];
	return result;
}

long srm_groups_return(enum group_sort sort, uint64_t first, uint64_t count)
{
	uint64_t words[PORTAL_WORDS] = { SRM_GROUPS_RETURN, sort, first, count };

	return ask(words);
}

long srm_kernel_start(const char *name)
{
	uint64_t words[PORTAL_WORDS] = { SRM_START, name_word(name) };

	return ask(words);
}

long srm_redirect(baryon_uid thread)
{
	uint64_t words[PORTAL_WORDS] = { SRM_REDIRECT, thread };

	return ask(words);
}
