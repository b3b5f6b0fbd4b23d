/* Texts: the log on the early console, panic. */
#include <stdarg.h>

#include "unix.h"

#include "abi/calls.h"
#include "baryon/calls.h"
#include "baryon/format.h"

int text_format(char *to, uint64_t limit, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(to, limit, format, arguments);
	va_end(arguments);
	return length;
}

static void log_arguments(const char *prefix, const char *format, va_list *arguments)
{
	char line[LOG_LIMIT];
	int start = text_format(line, sizeof line - 1, "%s", prefix);
	int length = start + vsnprintf(line + start, sizeof line - 1 - (uint64_t)start, format, *arguments);

	if (length > (int)sizeof line - 2)
		length = sizeof line - 2;
	line[length++] = '\n';
	(void)log_bytes(line, (uint64_t)length);
}

void log_line(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_arguments("unix: ", format, &arguments);
	va_end(arguments);
}

void unix_panic(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_arguments("unix: panic: ", format, &arguments);
	va_end(arguments);
	unix_failed();
}
