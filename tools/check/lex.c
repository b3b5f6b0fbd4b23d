/* Blanks out comments, strings and characters, so that the checks see code only. */
#include <stdlib.h>
#include <string.h>

#include "tools/check/check.h"
#include "tools/common/complain.h"

bool path_is_in(const char *path, const char *folder)
{
	return strncmp(path, folder, strlen(folder)) == 0;
}

bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static size_t blank(char *code, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (code[i] != '\n')
			code[i] = ' ';
	return to;
}

static size_t end_of_comment(const char *text, size_t at)
{
	const char *end = strstr(text + at + 2, "*/");

	return end ? (size_t)(end + 2 - text) : strlen(text);
}

static size_t end_of_quotes(const char *text, size_t at)
{
	char quote = text[at++];

	while (text[at] && text[at] != quote && text[at] != '\n')
		at += text[at] == '\\' && text[at + 1] ? 2 : 1;
	return text[at] == quote ? at + 1 : at;
}

void source_lex(struct source *source)
{
	const char *text = source->text;
	bool is_assembly = strstr(source->path, ".S");
	char *code = take_copy(text, strlen(text));
	size_t at = 0;

	while (text[at])
		if (text[at] == '/' && text[at + 1] == '*')
			at = blank(code, at, end_of_comment(text, at));
		else if (text[at] == '/' && text[at + 1] == '/')
			at = blank(code, at, at + strcspn(text + at, "\n"));
		else if (text[at] == '"' || (text[at] == '\'' && !is_assembly && (at == 0 || !is_word(text[at - 1]))))
			at = blank(code, at, end_of_quotes(text, at));
		else
			at++;
	source->code = code;
}
