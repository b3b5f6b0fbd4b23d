/* Text with values in it, for messages. */
#ifndef BARYON_FORMAT_H
#define BARYON_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* As C's snprintf (C11, 7.21.6.5) for d i u x X o c s p %, with flags - 0 + and #, width, precision, and the lengths hh h l ll z.
 * Returns the length that the whole text has. */
int snprintf(char *to, size_t room, const char *format, ...) __attribute__((format(printf, 3, 4)));
int vsnprintf(char *to, size_t room, const char *format, va_list values);

/* A line to Strange's early console; cut at LOG_LIMIT. */
void log_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says why on the early console, then ends this kernel by lib_stop (weak: the thread parks for ever). */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void lib_stop(void);

/* What panic says first. "failed"; a kernel without which the system cannot go on defines it as "panic". */
extern const char lib_panic_word[];

/* A condition that only a mistake in this kernel can break. */
#define REQUIRE(condition) \
	do { \
		if (!(condition)) \
			panic("%s:%d: broken: %s", __FILE__, __LINE__, #condition); \
	} while (0)

#endif
