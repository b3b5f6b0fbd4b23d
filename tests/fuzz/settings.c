/* Settings: every value ends inside, numbers are what they say. */
#include "tests/fuzz/fuzz.h"
#include "baryon/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	uint8_t *bytes = fuzz_copy(input, size, 1);
	struct settings settings = { (const char *)bytes, size };
	struct setting one;
	char key[64];

	for (size_t at = 0; settings_next(&settings, &at, &one);) {
		HOLDS(at <= size && one.value + strlen(one.value) < settings.bytes + size);
		if (one.key_bytes >= sizeof key)
			continue;
		memcpy(key, one.key, one.key_bytes);
		key[one.key_bytes] = 0;
		if (strlen(key) == one.key_bytes)
			HOLDS(settings_find(&settings, key) != NULL);
		(void)settings_number(&settings, key, 7);
	}
	free(bytes);
	return 0;
}
