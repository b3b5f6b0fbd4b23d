/* The early console of the guest, line by line: shown with --verbose, and remembered to say why the system failed. Lines are shown
 * whole: what the program says on standard error meanwhile does not come into their middle. */
#ifndef TOOLS_BARYON_JOURNAL_H
#define TOOLS_BARYON_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#define JOURNAL_LINE 400

struct journal {
	bool show;                  /* copy to standard error */
	bool panicked;              /* `last` is Charm's last word */
	size_t used, held;
	char hold[JOURNAL_LINE];    /* what is not shown yet of the line that is coming in */
	char line[JOURNAL_LINE + 1];/* the line that is coming in */
	char last[JOURNAL_LINE + 1];/* the panic, or the last whole line */
};

void journal_take(struct journal *journal, const char *bytes, size_t count);

/* Shows what came of a line that has no end. */
void journal_end(struct journal *journal);

#endif
