/* Words that are not written, or only in some places: conditional compilation, notes without an issue, assembly. */
#include <stdio.h>
#include <string.h>

#include "tools/check/check.h"

#define PER_THOUSAND 2          /* lines of conditional compilation */

static unsigned conditional_lines, all_lines;

/* Whether the line at `at` is the directive `word`; *rest is what follows. */
static bool is_directive(const char *at, const char *word, const char **rest)
{
	at += strspn(at, " \t");
	if (*at++ != '#')
		return false;
	at += strspn(at, " \t");
	if (strncmp(at, word, strlen(word)) != 0 || is_word(at[strlen(word)]))
		return false;
	*rest = at + strlen(word);
	return true;
}

static bool is_conditional(const char *at)
{
	static const char *const words[] = { "if", "ifdef", "ifndef", "elif", "else", "endif" };
	const char *rest;

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (is_directive(at, words[i], &rest))
			return true;
	return false;
}

static bool is_zero(const char *rest)
{
	rest += strspn(rest, " \t");
	return *rest == '0' && !is_word(rest[1]);
}

static const char *next_line(const char *at)
{
	at = strchr(at, '\n');
	return at ? at + 1 : NULL;
}

/* A header's guard: #ifndef X, then at once #define X. */
static bool is_guard(const char *at)
{
	const char *name, *defined, *next = next_line(at);
	size_t bytes;

	if (!next || !is_directive(at, "ifndef", &name) || !is_directive(next, "define", &defined))
		return false;
	name += strspn(name, " \t");
	defined += strspn(defined, " \t");
	bytes = strcspn(name, " \t\n");
	return bytes && strncmp(name, defined, bytes) == 0 && !is_word(defined[bytes]);
}

static void conditionals_check(const struct source *source)
{
	unsigned line = 1, guards = 0, lines = 0;
	const char *rest;

	for (const char *at = source->code; at; at = next_line(at), line++) {
		if (is_directive(at, "if", &rest) && is_zero(rest))
			report(source->path, line, "#if 0: delete what is not used");
		if (!is_conditional(at))
			continue;
		guards += is_guard(at);
		lines++;
	}
	lines -= 2 * guards < lines ? 2 * guards : lines;
	if (lines && path_is_in(source->path, "strange/"))
		report(source->path, 1, "conditional compilation; there is none in strange/");
	conditional_lines += lines;
	all_lines += source->lines;
}

static void notes_check(const struct source *source)
{
	static const char *const words[] = { "TODO", "FIXME", "XXX" };
	unsigned line = 1, issue;
	bool is_good;

	if (path_is_in(source->path, "tools/check/"))
		return;
	for (const char *at = source->text; *at; at++) {
		line += *at == '\n';
		if (at > source->text && is_word(at[-1]))
			continue;
		for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
			if (strncmp(at, words[i], strlen(words[i])) != 0 || is_word(at[strlen(words[i])]))
				continue;
			is_good = i == 0 && sscanf(at + 4, "(#%u)", &issue) == 1;
			if (!is_good)
				report(source->path, line, "%s: write TODO(#N) with the number of an issue", words[i]);
		}
	}
}

static bool is_library_assembly(const struct source *source)
{
	return path_is_in(source->path, "lib/") && strstr(source->path, "/x86_64/");
}

static void assembly_check(const struct source *source)
{
	static const char *const words[] = { "asm", "__asm__", "__asm" };
	bool may = source->is_host || path_is_in(source->path, "charm/") || is_library_assembly(source);
	unsigned line = 1;

	if (may)
		return;
	if (strstr(source->path, ".S"))
		report(source->path, 1, "assembly belongs in charm/ or lib/x86_64/");
	for (const char *at = source->code; *at; at++) {
		line += *at == '\n';
		for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
			if (strncmp(at, words[i], strlen(words[i])) == 0 && !is_word(at[strlen(words[i])]) &&
			    (at == source->code || !is_word(at[-1])))
				report(source->path, line, "assembly belongs in charm/ or lib/x86_64/");
	}
}

/* Privileged instructions anywhere but in Charm; in other assembly they can only stand where lib/x86_64/ has it. */
static void privileged_check(const struct source *source)
{
	static const char *const words[] = { "cli", "sti", "hlt", "lgdt", "lidt", "lldt", "ltr", "wrmsr", "rdmsr", "invlpg", "swapgs",
		"sysret", "sysretq", "iret", "iretq", "invpcid", "wbinvd", "clts", "cr0", "cr2", "cr3", "cr4", "xsetbv",
		"inb", "inw", "inl", "outb", "outw", "outl" };
	unsigned line = 1;

	if (!is_library_assembly(source))
		return;
	for (const char *at = source->text; *at; at++) {
		line += *at == '\n';
		for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
			if (strncmp(at, words[i], strlen(words[i])) == 0 && !is_word(at[strlen(words[i])]) &&
			    (at == source->text || !is_word(at[-1])))
				report(source->path, line, "%s: privileged instructions belong in charm/", words[i]);
	}
}

void words_check(const struct source *source)
{
	conditionals_check(source);
	notes_check(source);
	assembly_check(source);
	privileged_check(source);
}

void words_summary(void)
{
	double part = all_lines ? conditional_lines * 1000.0 / all_lines : 0;

	printf("%u lines; conditional compilation: %.2f a thousand (%d)\n", all_lines, part, PER_THOUSAND);
	if (part > PER_THOUSAND)
		report("conditional compilation", 0, "%.2f lines a thousand, more than %d", part, PER_THOUSAND);
}
