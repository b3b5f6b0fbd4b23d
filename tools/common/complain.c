/* See complain.h. */
#include "tools/common/complain.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 127)
			*text = '?';
}

bool complain(struct complaint *complaint, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(complaint->text, sizeof complaint->text, format, arguments);
	va_end(arguments);
	make_printable(complaint->text);
	return false;
}

_Noreturn void fail(int status, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	make_printable(text);
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, text);
	exit(status);
}

void *take(unsigned long bytes)
{
	return take_more(NULL, bytes);
}

void *take_more(void *old, unsigned long bytes)
{
	void *new = realloc(old, bytes ? bytes : 1);

	if (!new)
		fail(125, "this machine has no memory left: close something and try again");
	return new;
}

char *take_copy(const char *text, unsigned long bytes)
{
	char *copy = take(bytes + 1);

	memcpy(copy, text, bytes);
	copy[bytes] = 0;
	return copy;
}
