/* Messages to the early console, and the end of a kernel that cannot go on. */
#include "baryon/calls.h"
#include "baryon/format.h"

static void log_values(const char *format, va_list values)
{
	char line[LOG_LIMIT];
	int length = vsnprintf(line, sizeof line, format, values);

	log_bytes(line, length < (int)sizeof line ? (uint64_t)length : sizeof line - 1);
}

void log_format(const char *format, ...)
{
	va_list values;

	va_start(values, format);
	log_values(format, values);
	va_end(values);
}

__attribute__((weak)) const char lib_panic_word[] = "failed";

void panic(const char *format, ...)
{
	va_list values;

	va_start(values, format);
	log_format("%s: ", lib_panic_word);
	log_values(format, values);
	log_bytes("\n", 1);
	va_end(values);
	lib_stop();
}

__attribute__((weak)) void lib_stop(void)
{
	for (;;)
		park(0);
}
