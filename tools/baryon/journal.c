/* See journal.h. */
#include "tools/baryon/journal.h"

#include <string.h>
#include <unistd.h>

#define PANIC "panic: "

/* Charm, Strange and the application kernels say "panic: ", some with their name before it. */
static bool is_panic(const char *line)
{
	const char *panic = strstr(line, PANIC);

	return panic && strspn(line, "abcdefghijklmnopqrstuvwxyz0123456789_: ") >= (size_t)(panic - line);
}

static void line_take(struct journal *journal)
{
	journal->line[journal->used] = 0;
	if (journal->used && !journal->panicked) {
		journal->panicked = is_panic(journal->line);
		strcpy(journal->last, journal->line);
	}
	journal->used = 0;
}

static void show(struct journal *journal, char byte)
{
	journal->hold[journal->held++] = byte;
	if (byte == '\n' || journal->held == sizeof journal->hold)
		journal_end(journal);
}

void journal_end(struct journal *journal)
{
	if (journal->held && write(STDERR_FILENO, journal->hold, journal->held) < 0)
		journal->show = false;
	journal->held = 0;
}

void journal_take(struct journal *journal, const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (journal->show)
			show(journal, bytes[i]);
		if (bytes[i] == '\n')
			line_take(journal);
		else if (bytes[i] != '\r' && journal->used < JOURNAL_LINE)
			journal->line[journal->used++] = bytes[i];
	}
}
