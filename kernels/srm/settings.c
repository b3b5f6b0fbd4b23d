/* What the settings of a run say of kernels: NAME=VALUE, or NAME=KIND=VALUE for what each cache has one of. The last one counts.
 * docs/man/baryon.1 lists them. All are checked before the first kernel starts. */
#include "srm.h"

#include "abi/counters.h"
#include "baryon/format.h"
#include "baryon/string.h"

enum { SHARE_ALL = 100, RESTARTS_MOST = 1000, GROUPS_MOST = 1 << 19, CACHE_PART = 4, DEADLINE_MOST_MS = 60000 };
enum { ASKING_MS = 200 };

static const struct rule {
	const char *key;
	bool by_kind;
	uint64_t most;              /* 0: a part of that cache */
	const char *what;
} rules[] = {
	{ "share", false, SHARE_ALL, "percent of each processor" },
	{ "ceiling", false, PRIORITY_CHILD_CEILING, "a priority" },
	{ "restarts", false, RESTARTS_MOST, "how often it is started again" },
	{ "memory", false, GROUPS_MOST, "page groups" },
	{ "room", false, GROUPS_MOST, "page groups" },
	{ "frames", false, GROUPS_MOST, "page groups" },
	{ "keep", false, GROUPS_MOST, "page groups" },
	{ "force", false, 1, "0 or 1" },
	{ "floor", true, 0, "slots" },
	{ "lock", true, 0, "slots" },
};

static const char *const kinds[KIND_COUNT] = {
#define OBJECT(NAME, name, number, slots, minimum) [KIND_##NAME] = #name,
#include "abi/objects.def"
#undef OBJECT
};

/* Digits only; false for anything else. */
static bool number_read(const char *text, uint64_t *number)
{
	if (!*text || strlen(text) > 9)
		return false;
	for (*number = 0; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		*number = *number * 10 + (uint64_t)(*text - '0');
	}
	return true;
}

static bool word_is(const char *text, size_t bytes, const char *word)
{
	return strlen(word) == bytes && memcmp(text, word, bytes) == 0;
}

static unsigned kind_read(const char *text, size_t bytes)
{
	unsigned kind = 0;

	while (kind < KIND_COUNT && !word_is(text, bytes, kinds[kind]))
		kind++;
	return kind;
}

/* A group with a locked page cannot be taken back: nobody may lock pages. */
static uint64_t most_of(const struct rule *rule, unsigned kind)
{
	struct counters counters;

	if (rule->most || (kind == KIND_PAGE && strcmp(rule->key, "lock") == 0))
		return rule->most;
	if (machine(MACHINE_COUNTERS, (uint64_t)&counters, sizeof counters) != (long)sizeof counters)
		return 0;
	return counters.slots[kind] / CACHE_PART;
}

static void name_check(const struct rule *rule, const char *value, size_t bytes)
{
	char name[sizeof srm.image->module[0].name] = "";

	if (bytes < sizeof name)
		memcpy(name, value, bytes);
	if (!image_find(srm.image, name))
		panic("setting %s=%s: there is no kernel '%.*s' in the boot image", rule->key, value, (int)bytes, value);
}

static void value_check(const struct rule *rule, const char *value)
{
	const char *at = strchr(value, '='), *end;
	unsigned kind = 0;
	uint64_t number, most;

	if (!at)
		panic("setting %s=%s: it must be %s=NAME=%s", rule->key, value, rule->key, rule->by_kind ? "KIND=NUMBER" : "NUMBER");
	name_check(rule, value, (size_t)(at - value));
	at++;
	if (rule->by_kind) {
		end = strchr(at, '=');
		kind = end ? kind_read(at, (size_t)(end - at)) : KIND_COUNT;
		if (kind == KIND_COUNT)
			panic("setting %s=%s: it must be %s=NAME=KIND=NUMBER, KIND being one of kernel container page space thread "
				"portal mapping reference", rule->key, value, rule->key);
		at = end + 1;
	}
	most = most_of(rule, kind);
	if (!number_read(at, &number) || number > most)
		panic("setting %s=%s: '%s' is not %s, 0 to %lu", rule->key, value, at, rule->what, most);
}

void settings_check(void)
{
	struct setting setting;
	size_t at = 0;
	uint64_t number;

	while (settings_next(&srm.settings, &at, &setting)) {
		for (unsigned i = 0; i < sizeof rules / sizeof rules[0]; i++)
			if (word_is(setting.key, setting.key_bytes, rules[i].key))
				value_check(&rules[i], setting.value);
		if (word_is(setting.key, setting.key_bytes, "deadline") &&
			(!number_read(setting.value, &number) || number > DEADLINE_MOST_MS))
			panic("setting deadline=%s: it must be milliseconds, 0 to %d", setting.value, DEADLINE_MOST_MS);
	}
}

/* What stands after "NAME=" in the last setting of that key for the kernel, and after "KIND=" unless kind is null; or null. */
static const char *find(const char *key, const char *name, const char *kind)
{
	size_t at = 0, length = strlen(name), more = kind ? strlen(kind) : 0;
	const char *value, *last = NULL;

	while ((value = settings_next_of(&srm.settings, &at, key))) {
		if (strncmp(value, name, length) != 0 || value[length] != '=')
			continue;
		value += length + 1;
		if (kind && (strncmp(value, kind, more) != 0 || value[more] != '='))
			continue;
		last = kind ? value + more + 1 : value;
	}
	return last;
}

static uint64_t number_of(const char *key, const char *name, const char *kind, uint64_t otherwise)
{
	const char *text = find(key, name, kind);
	uint64_t number = otherwise;

	return text && number_read(text, &number) ? number : otherwise;
}

bool settings_supervisor(const char *name, bool otherwise)
{
	const char *value;
	size_t at = 0, length = strlen(name);

	while ((value = settings_next_of(&srm.settings, &at, "place"))) {
		if (strncmp(value, name, length) == 0 && value[length] == '=')
			otherwise = strcmp(value + length + 1, "supervisor") == 0;
		if (strncmp(value, "all=", 4) == 0)
			otherwise = strcmp(value + 4, "supervisor") == 0;
	}
	return otherwise;
}

uint64_t settings_asking_ns(void)
{
	return settings_number(&srm.settings, "deadline", ASKING_MS) * 1000000;
}

void settings_child(struct child *child)
{
	uint64_t *groups = child->groups;
	const char *name = child->name;

	child->restarts = (uint32_t)number_of("restarts", name, NULL, child->restarts);
	child->share = (uint8_t)number_of("share", name, NULL, child->share);
	child->force = number_of("force", name, NULL, child->force) != 0;
	groups[GROUPS_OF_MEMORY - 1] = number_of("memory", name, NULL, groups[GROUPS_OF_MEMORY - 1]);
	child->frames_wanted = number_of("frames", name, NULL, child->frames_wanted);
	if (groups[GROUPS_OF_MEMORY - 1] == 0)
		groups[GROUPS_OF_MEMORY - 1] = 1;
	child->room = number_of("room", name, NULL, child->room);
	if (child->room < groups[GROUPS_OF_MEMORY - 1])
		child->room = groups[GROUPS_OF_MEMORY - 1];
	for (unsigned i = 0; i < GROUP_SORTS; i++)
		child->keep[i] = number_of("keep", name, NULL, child->console ? child->keep[i] :
			i == GROUPS_OF_FRAMES - 1 ? child->frames_wanted : groups[i]);
}

void settings_home(const struct child *child, struct kernel_home *home)
{
	static const uint32_t floors[KIND_COUNT] = {
		[KIND_PAGE] = 8, [KIND_SPACE] = 1, [KIND_THREAD] = 2, [KIND_PORTAL] = 2, [KIND_MAPPING] = 8,
		[KIND_REFERENCE] = 2,
	};
	static const uint32_t locks[KIND_COUNT] = { [KIND_PORTAL] = 6, [KIND_THREAD] = 2 };

	for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
		home->floors[kind] = (uint32_t)number_of("floor", child->name, kinds[kind], floors[kind]);
		home->lock_quota[kind] = (uint32_t)number_of("lock", child->name, kinds[kind], locks[kind]);
	}
	home->priority_ceiling = (uint32_t)number_of("ceiling", child->name, NULL, PRIORITY_CHILD_CEILING);
	memset(home->cpu_share, child->share, sizeof home->cpu_share);
}
