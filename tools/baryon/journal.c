/* See journal.h. */
#include "tools/baryon/journal.h"

#include <string.h>
#include <unistd.h>

#define PANIC "baryon: panic: "

static void line_take(struct journal *journal)
{
	journal->line[journal->used] = 0;
	if (journal->used && !journal->panicked) {
		journal->panicked = strncmp(journal->line, PANIC, strlen(PANIC)) == 0;
		strcpy(journal->last, journal->line + (journal->panicked ? strlen("baryon: ") : 0));
	}
	journal->used = 0;
}

void journal_take(struct journal *journal, const char *bytes, size_t count)
{
	if (journal->show && write(STDERR_FILENO, bytes, count) < 0)
		journal->show = false;
	for (size_t i = 0; i < count; i++)
		if (bytes[i] == '\n')
			line_take(journal);
		else if (bytes[i] != '\r' && journal->used < JOURNAL_LINE)
			journal->line[journal->used++] = bytes[i];
}
