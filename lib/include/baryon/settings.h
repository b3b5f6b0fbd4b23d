/* Settings for one run (abi/console.h): a sequence of zero-terminated "key=value" texts. */
#ifndef BARYON_SETTINGS_H
#define BARYON_SETTINGS_H

#include "abi/types.h"

struct settings {
	const char *bytes;
	size_t size;
};

struct setting {
	const char *key;            /* not terminated: key_bytes */
	size_t key_bytes;
	const char *value;          /* zero-terminated inside the settings */
};

/* The next setting at *at (0 at first), which it moves on. False at the end. Texts without '=' or end are skipped. */
bool settings_next(const struct settings *settings, size_t *at, struct setting *out);

/* The next value of `key` at *at, or null. */
const char *settings_next_of(const struct settings *settings, size_t *at, const char *key);

/* The last value of `key`, or null. */
const char *settings_find(const struct settings *settings, const char *key);

/* The last value of `key` as a decimal number, or `otherwise` if it is missing or not a number. */
uint64_t settings_number(const struct settings *settings, const char *key, uint64_t otherwise);

#endif
