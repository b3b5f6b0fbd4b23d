/* How host programs report what is wrong: one line that says what to do. Parts that are shared and tested return false and
 * leave the line in a struct complaint; a program's main prints it and ends. */
#ifndef TOOLS_COMMON_COMPLAIN_H
#define TOOLS_COMMON_COMPLAIN_H

#include <stdbool.h>

struct complaint {
	char text[1024];
};

/* Stores the formatted line, cut to fit and with control characters made visible. Always returns false. */
bool complain(struct complaint *complaint, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints "PROGRAM: line" on standard error and ends the program with `status`. */
_Noreturn void fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* malloc and realloc that end the program when there is no memory. */
void *take(unsigned long bytes);
void *take_more(void *old, unsigned long bytes);
char *take_copy(const char *text, unsigned long bytes); /* adds a zero byte */

#endif
