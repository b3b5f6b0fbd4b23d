/* See journal.h. */
#include "tools/baryon/journal.h"

#include <string.h>
#include <unistd.h>

#define NAME "baryon: "
#define PANIC "panic: "

/* Charm, Strange and the application kernels say "panic: ", some with the system's name before it. */
static void line_take(struct journal *journal)
{
	const char *text = journal->line;

	journal->line[journal->used] = 0;
	if (strncmp(text, NAME, strlen(NAME)) == 0)
		text += strlen(NAME);
	if (*text && !journal->panicked) {
		journal->panicked = strncmp(text, PANIC, strlen(PANIC)) == 0;
		memmove(journal->last, text, strlen(text) + 1);
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
