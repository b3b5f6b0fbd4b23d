/* The house rules that a machine can check. Each part reports what it finds by `report`; main says how many there were. */
#ifndef TOOLS_CHECK_CHECK_H
#define TOOLS_CHECK_CHECK_H

#include <stdbool.h>
#include <stddef.h>

struct source {
	const char *path;           /* from the top of the tree */
	const char *text;           /* the whole file, zero after it */
	char *code;                 /* the same with comments, and what is in quotes, made blank; newlines stay */
	unsigned lines;
	bool is_test;               /* lies in a test folder, tests/ or bench/ */
	bool is_host;               /* runs on the host: tools/, charm/host/ and tests */
};

void report(const char *path, unsigned line, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* lex.c: makes source->code of source->text. */
void source_lex(struct source *source);
bool path_is_in(const char *path, const char *folder); /* folder with its slash at the end */
bool is_word(char c);

/* The checks of one file. */
void includes_check(const struct source *source);
void lengths_check(const struct source *source);
void words_check(const struct source *source);

/* What the whole tree is measured by. */
void lengths_summary(void);
void words_summary(void);
void sizes_check(const char *map_path);

#endif
