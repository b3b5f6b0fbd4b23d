/* The service portal, for the SRM alone: it holds the only reference. One pool stack: one call at a time. */
#include "root.h"

#include "baryon/root.h"
#include "baryon/string.h"

static uint8_t stack[ROOT_STACK_BYTES] __attribute__((aligned(4096)));
static struct activation_record record __attribute__((aligned(256)));
static uint64_t containers_made;

static void capability_answer(struct portal_words *words, uint64_t number, uint64_t rights)
{
	struct capability capability;

	root_capability(KIND_CONTAINER, number, rights, &capability);
	memcpy(&words->word[ROOT_WORD_CAPABILITY], &capability, sizeof capability);
}

static long container_make(struct portal_words *words, uint64_t room, uint64_t handle, uint64_t backed)
{
	uint64_t rights = RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE | RIGHT_SIGNAL;
	uint64_t number = NUMBER_CONTAINERS + containers_made;
	struct capability capability;
	long result = memory_container_make(number, room, backed, 0);

	if (result < 0)
		return result;
	containers_made++;
	words->word[1] = ROOT_UID(number);
	root_capability(KIND_CONTAINER, number, rights, &capability);
	result = root_reference_load(&capability, srm_domain.space, (uint32_t)handle);
	capability_answer(words, number, rights);
	return result;
}

static long shared_give(struct portal_words *words, uint64_t what)
{
	switch (what) {
	case ROOT_SHARED_BOOT_IMAGE:
		capability_answer(words, NUMBER_BOOT_IMAGE, RIGHT_READ | RIGHT_EXECUTE);
		return 0;
	case ROOT_SHARED_CONSOLE:
		capability_answer(words, NUMBER_CONSOLE, RIGHT_READ | RIGHT_WRITE | RIGHT_SIGNAL);
		return 0;
	default:
		return -BARYON_EINVAL;
	}
}

static long operate(struct portal_words *words, uint64_t operation, uint64_t a, uint64_t b, uint64_t c)
{
	switch (operation) {
	case ROOT_MEMORY_FREE:
		words->word[1] = memory_free_groups();
		return 0;
	case ROOT_CONTAINER_MAKE:
		return container_make(words, a, b, c);
	case ROOT_CONTAINER_CLEAR:
		return memory_container_clear(a);
	case ROOT_CONTAINER_GROW:
		return memory_container_grow(a, b, &words->word[1], &words->word[2]);
	case ROOT_CONTAINER_SHRINK:
		return memory_container_shrink(a, b, c, &words->word[1]);
	case ROOT_CONTAINER_LAST:
		return memory_container_last(a, b, &words->word[1], &words->word[2]);
	case ROOT_CAPABILITY:
		return shared_give(words, a);
	case ROOT_GROUPS_GRANT:
		return memory_groups_grant(a, &words->word[1]);
	case ROOT_GROUPS_RETURN:
		return memory_groups_return(a, b);
	case ROOT_POWER_OFF:
		console_power_off(a);
	default:
		return -BARYON_EINVAL;
	}
}

static void serve(struct portal_words *words, void *context)
{
	uint64_t operation = words->word[0], a = words->word[1], b = words->word[2], c = words->word[3];

	(void)context;
	memset(words->word, 0, sizeof words->word);
	words->word[0] = (uint64_t)operate(words, operation, a, b, c);
}

void service_start(void)
{
	static struct portal_service service = { serve, NULL };

	root_portal_load(NUMBER_SERVICE, portal_entry, &service, stack, 1, &record);
}
