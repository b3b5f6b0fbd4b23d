/* Sizes of Charm and of Charm with Strange: text and data, from the link map, padding between inputs counted to whom it
 * follows. What only occupies memory (bss) is told and has no budget here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/check/check.h"

#define CHARM_BYTES (35 * 1024)
#define BOTH_BYTES (88 * 1024)

enum part { PART_CHARM, PART_STRANGE, PART_OTHER, PARTS };

struct sizes {
	unsigned long loaded[PARTS], zero[PARTS];
	enum part last;
	bool last_is_zero;
};

static enum part part_of(const char *file)
{
	if (strstr(file, "build/charm/"))
		return PART_CHARM;
	return strstr(file, "build/strange/") ? PART_STRANGE : PART_OTHER;
}

/* Notes for debuggers have offsets in the place of addresses; they are not loaded. */
static bool is_loaded(const char *section)
{
	return strncmp(section, ".debug", 6) != 0 && strcmp(section, ".comment") != 0;
}

static void add(struct sizes *sizes, const char *section, unsigned long bytes, const char *file)
{
	if (!is_loaded(section))
		return;
	sizes->last = part_of(file);
	sizes->last_is_zero = strncmp(section, ".bss", 4) == 0 || strcmp(section, "COMMON") == 0;
	(sizes->last_is_zero ? sizes->zero : sizes->loaded)[sizes->last] += bytes;
}

/* Lines are " SECTION ADDRESS BYTES FILE", or " SECTION" with the rest on the next line, or " *fill* ADDRESS BYTES". */
static void line_take(struct sizes *sizes, const char *line, char *section)
{
	unsigned long address, bytes;
	char word[256], file[512];

	if (sscanf(line, " *fill* %lx %lx", &address, &bytes) == 2) {
		(sizes->last_is_zero ? sizes->zero : sizes->loaded)[sizes->last] += bytes;
	} else if (sscanf(line, " 0x%lx 0x%lx %511s", &address, &bytes, file) == 3 && *section) {
		if (address)
			add(sizes, section, bytes, file);
		*section = 0;
	} else if (line[0] == ' ' && sscanf(line, " %255s 0x%lx 0x%lx %511s", word, &address, &bytes, file) == 4) {
		if (address && word[0] != '*' && strcmp(file, "load") != 0)
			add(sizes, word, bytes, file);
		*section = 0;
	} else if (line[0] == ' ' && (line[1] == '.' || line[1] == 'C') && sscanf(line, " %255s %511s", word, file) == 1) {
		strcpy(section, word);
	} else {
		*section = 0;
	}
}

static bool map_read(struct sizes *sizes, const char *path)
{
	char line[1024], section[256] = "";
	FILE *file = fopen(path, "r");
	bool begun = false;

	if (!file)
		return false;
	while (fgets(line, sizeof line, file)) {
		if (strncmp(line, "Linker script and memory map", 28) == 0)
			begun = true;
		else if (begun)
			line_take(sizes, line, section);
	}
	fclose(file);
	return begun;
}

static void budget(const char *what, unsigned long bytes, unsigned long limit)
{
	printf("%-18s %6lu bytes of text and data (%lu)\n", what, bytes, limit);
	if (bytes > limit)
		report(what, 0, "%lu bytes of text and data, more than %lu", bytes, limit);
}

void sizes_check(const char *map_path)
{
	struct sizes sizes = { .last = PART_OTHER };

	if (!map_read(&sizes, map_path)) {
		report(map_path, 0, "no link map");
		return;
	}
	budget("Charm", sizes.loaded[PART_CHARM], CHARM_BYTES);
	budget("Charm and Strange", sizes.loaded[PART_CHARM] + sizes.loaded[PART_STRANGE] + sizes.loaded[PART_OTHER], BOTH_BYTES);
	printf("%-18s %6lu and %lu bytes of bss\n", "Charm, Strange", sizes.zero[PART_CHARM], sizes.zero[PART_STRANGE]);
}
