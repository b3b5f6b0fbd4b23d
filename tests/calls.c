/* calls PROGRAM...: prints docs/syscalls.md, what UNIX has of Linux's system calls, from the kernel's own tables. The programs are
 * sources that run on both; a call counts as tried by those in which it is called by its name or as SYS_name. */
#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS = 464 };

struct call {
	const char *name, *note;
	bool there;
};

static struct call calls[NUMBERS];

_Noreturn static void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

static struct call *call_of(const char *name)
{
	for (unsigned n = 0; n < NUMBERS; n++)
		if (calls[n].name && !strcmp(calls[n].name, name))
			return &calls[n];
	fail("support.def names %s, which Linux does not have", name);
}

static void tables_read(void)
{
#define N(number, text) calls[number].name = #text;
#include "kernels/unix/names.def"
#undef N
#define X(number, call, function) \
	if (!calls[number].name || strcmp(calls[number].name, #call)) \
		fail("syscalls.def: %d is not %s", number, #call); \
	calls[number].there = true;
#include "kernels/unix/syscalls.def"
#undef X
#define S(call, text) call_of(#call)->note = text;
#include "kernels/unix/support.def"
#undef S
}

/* Is the word at `at` in the text, alone, and called? */
static bool is_call(const char *text, const char *at, const char *name)
{
	bool numbered = at - text >= 4 && !strncmp(at - 4, "SYS_", 4);
	const char *before = numbered ? at - 4 : at;
	char next = at[strlen(name)];

	if (before > text && (isalnum((unsigned char)before[-1]) || before[-1] == '_'))
		return false;
	return numbered ? !isalnum((unsigned char)next) && next != '_' : next == '(';
}

static bool tries(const char *text, const char *name)
{
	const char *at = text;

	while ((at = strstr(at, name))) {
		if (is_call(text, at, name))
			return true;
		at++;
	}
	return false;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void row_print(const struct call *call, unsigned number, int count, char **texts, char **paths)
{
	const char *state = !call->there ? "no" : call->note ? "part" : "yes", *separator = "";

	printf("| %u | %s | %s | %s | ", number, call->name, state, call->note ? call->note : "");
	for (int i = 0; call->there && i < count; i++)
		if (tries(texts[i], call->name)) {
			printf("%s%.*s", separator, (int)(strlen(base_name(paths[i])) - 2), base_name(paths[i]));
			separator = ", ";
		}
	puts(" |");
}

static char *text_read(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t bytes = 0;

	if (!file || getdelim(&text, &bytes, 0, file) < 0)
		fail("%s cannot be read", path);
	fclose(file);
	return text;
}

static void summary_print(int count, char **texts)
{
	unsigned there = 0, whole = 0, tried = 0, all = 0;

	for (unsigned n = 0; n < NUMBERS; n++) {
		bool used = false;

		for (int i = 0; calls[n].there && i < count; i++)
			used |= tries(texts[i], calls[n].name);
		all += calls[n].name != NULL;
		there += calls[n].there;
		whole += calls[n].there && !calls[n].note;
		tried += used;
	}
	printf("Linux on x86-64 has %u calls. UNIX has %u of them, %u as their manual pages say and %u with less, as the note says;\n"
		"%u are tried by the programs in `tests/linux`, which run on Linux and on Baryon and must say the same.\n\n",
		all, there, whole, there - whole, tried);
}

int main(int count, char **argument)
{
	char **texts = calloc((size_t)count, sizeof(*texts));

	tables_read();
	for (int i = 1; i < count; i++)
		texts[i - 1] = text_read(argument[i]);
	puts("# The system calls of UNIX\n\nMade by `make docs/syscalls.md` from `kernels/unix/names.def`, `syscalls.def` and `support.def`. "
		"Do not edit.\n");
	summary_print(count - 1, texts);
	puts("| number | call | there | note | tried by |\n|---|---|---|---|---|");
	for (unsigned n = 0; n < NUMBERS; n++)
		if (calls[n].name)
			row_print(&calls[n], n, count - 1, texts, argument + 1);
	return 0;
}
