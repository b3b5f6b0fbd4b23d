/* The user's terminal: raw while the guest has it, restored at exit whatever happens. */
#ifndef TOOLS_BARYON_TERMINAL_H
#define TOOLS_BARYON_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes standard input raw, until the program exits. False when it cannot. */
bool terminal_start(void);
void terminal_restore(void);

/* Rows and columns of the first of standard input, output and error that is a terminal; 24 and 80 when none says. */
void terminal_size(uint16_t *rows, uint16_t *columns);

/* Finds the escape, Ctrl-] then q, in keys on their way to the guest. Ctrl-] twice sends one. Returns the bytes that remain in
 * `keys` for the guest (at most count + 1, so `keys` has room for one more); *quit: the user wants to end the machine. */
struct escape {
	bool pending;
};
size_t escape_filter(struct escape *escape, uint8_t *keys, size_t count, bool *quit);

#endif
