/* Lengths of functions: lines from the brace that opens one to the brace that closes it, both counted. A function is a brace at
 * the outermost level after a closing parenthesis, with preprocessor lines left out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/check/check.h"
#include "tools/common/complain.h"

#define MEDIAN 13
#define NINETY 45
#define NINETY_NINE 120

static unsigned *lengths;
static size_t count, room;

static void length_add(const struct source *source, unsigned first, unsigned last)
{
	if (count == room) {
		room = room ? room * 2 : 1024;
		lengths = take_more(lengths, room * sizeof *lengths);
	}
	lengths[count++] = last - first + 1;
	if (last - first + 1 > NINETY_NINE)
		report(source->path, first, "a function of %u lines; at most %d", last - first + 1, NINETY_NINE);
}

/* Past a preprocessor line, with those it is continued by. */
static const char *skip_directive(const char *at, unsigned *line)
{
	for (; *at && *at != '\n'; at++)
		if (*at == '\\' && at[1] == '\n') {
			at++;
			++*line;
		}
	return at;
}

struct walk {
	unsigned line, depth, first;
	char last;                  /* significant character */
	bool in_function;
};

static void step(struct walk *walk, const struct source *source, char c)
{
	if (c == '{') {
		if (walk->depth++ == 0) {
			walk->in_function = walk->last == ')';
			walk->first = walk->line;
		}
	} else if (c == '}' && walk->depth && --walk->depth == 0 && walk->in_function) {
		length_add(source, walk->first, walk->line);
		walk->in_function = false;
	}
}

void lengths_check(const struct source *source)
{
	struct walk walk = { .line = 1 };
	bool line_starts = true;

	if (source->is_test || !strchr("ch", source->path[strlen(source->path) - 1]))
		return;
	for (const char *at = source->code; *at; at++) {
		if (*at == '\n') {
			walk.line++;
			line_starts = true;
			continue;
		}
		if (*at == ' ' || *at == '\t')
			continue;
		if (*at == '#' && line_starts) {
			at = skip_directive(at, &walk.line) - 1;
			line_starts = false;
			continue;
		}
		line_starts = false;
		step(&walk, source, *at);
		walk.last = *at;
	}
}

static int compare(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return (x > y) - (x < y);
}

static void quantile_check(const char *what, double part, unsigned limit)
{
	unsigned length = count ? lengths[(size_t)((count - 1) * part)] : 0;

	printf(" %s %u (%u)", what, length, limit);
	if (length > limit)
		report("functions", 0, "%s of the lengths is %u lines, more than %u", what, length, limit);
}

void lengths_summary(void)
{
	if (count)
		qsort(lengths, count, sizeof *lengths, compare);
	printf("%zu functions; lines:", count);
	quantile_check("median", 0.5, MEDIAN);
	quantile_check("90 %", 0.9, NINETY);
	quantile_check("99 %", 0.99, NINETY_NINE);
	putchar('\n');
}
