/* The command line of `baryon run`, one word a line: options within their ranges, or one line of complaint. */
#include "tests/fuzz/fuzz.h"
#include "tools/baryon/options.h"

enum { WORDS = 40 };

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	char *text = malloc(size + 1), *word[WORDS + 1];
	struct complaint complaint = { 0 };
	struct options options;
	unsigned count = 0;

	memcpy(text, input, size);
	text[size] = 0;
	for (char *at = strtok(text, "\n"); at && count < WORDS; at = strtok(NULL, "\n"))
		word[count++] = at;
	word[count] = NULL;
	if (options_read(&options, word, &complaint))
		HOLDS(options.cpus >= 1 && options.cpus <= 8 && options.memory_mib > 0);
	else
		HOLDS(complaint.text[0] != 0 && strchr(complaint.text, '\n') == NULL);
	free(text);
	return 0;
}
