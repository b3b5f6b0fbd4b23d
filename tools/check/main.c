/* check MAP: walks the tree it is started in, and checks every source file; MAP is the link map of baryon.elf, for the sizes. */
#include "tools/check/check.h"

#include <fts.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/complain.h"
#include "tools/common/file.h"

#define FILE_LINES 1000

static unsigned found;

void report(const char *path, unsigned line, const char *format, ...)
{
	va_list arguments;

	found++;
	printf("%s:%u: ", path, line);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

static bool is_source(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && (!strcmp(dot, ".c") || !strcmp(dot, ".h") || !strcmp(dot, ".S") || !strcmp(dot, ".def"));
}

static unsigned count_lines(const char *text)
{
	unsigned lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

static void check_text(const char *path, const char *text)
{
	bool is_test = strstr(path, "/test/") || path_is_in(path, "tests/") || path_is_in(path, "bench/");
	struct source source = {
		.path = path, .text = text, .lines = count_lines(text), .is_test = is_test,
		.is_host = is_test || path_is_in(path, "tools/") || path_is_in(path, "charm/host/"),
	};

	if (source.lines > FILE_LINES)
		report(path, source.lines, "the file has more than %d lines", FILE_LINES);
	source_lex(&source);
	includes_check(&source);
	lengths_check(&source);
	words_check(&source);
	free(source.code);
}

static void check_file(const char *path)
{
	struct complaint complaint;
	struct file_view view;
	char *text;

	if (!file_open_view(&view, path, &complaint))
		fail(1, "%s", complaint.text);
	text = take_copy((const char *)view.bytes, view.count);
	file_close_view(&view);
	check_text(path, text);
	free(text);
}

static void check_tree(void)
{
	static char *const folders[] = { "abi", "bench", "charm", "components", "interfaces", "kernels", "lib", "store", "strange",
		"tests", "tools", NULL };
	FTS *walk = fts_open(folders, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	while (walk && (entry = fts_read(walk)))
		if (entry->fts_info == FTS_F && is_source(entry->fts_name))
			check_file(entry->fts_path);
	fts_close(walk);
}

int main(int count, char **argument)
{
	if (count != 2)
		fail(2, "use: check MAP");
	check_tree();
	lengths_summary();
	words_summary();
	sizes_check(argument[1]);
	if (found)
		printf("check: %u found\n", found);
	return found != 0;
}
