/* Reading settings. */
#include "baryon/settings.h"

#include "baryon/string.h"

bool settings_next(const struct settings *settings, size_t *at, struct setting *out)
{
	while (*at < settings->size) {
		const char *text = settings->bytes + *at;
		const char *end = memchr(text, 0, settings->size - *at);
		const char *equals;

		if (!end)
			return false;
		*at += (size_t)(end - text) + 1;
		equals = memchr(text, '=', (size_t)(end - text));
		if (equals) {
			*out = (struct setting){ text, (size_t)(equals - text), equals + 1 };
			return true;
		}
	}
	return false;
}

const char *settings_next_of(const struct settings *settings, size_t *at, const char *key)
{
	size_t bytes = strlen(key);
	struct setting setting;

	while (settings_next(settings, at, &setting))
		if (setting.key_bytes == bytes && memcmp(setting.key, key, bytes) == 0)
			return setting.value;
	return NULL;
}

const char *settings_find(const struct settings *settings, const char *key)
{
	const char *value, *last = NULL;
	size_t at = 0;

	while ((value = settings_next_of(settings, &at, key)))
		last = value;
	return last;
}

uint64_t settings_number(const struct settings *settings, const char *key, uint64_t otherwise)
{
	const char *text = settings_find(settings, key);
	uint64_t number = 0;

	if (!text || !*text || strlen(text) > 18)
		return otherwise;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return otherwise;
		number = number * 10 + (uint64_t)(*text - '0');
	}
	return number;
}
