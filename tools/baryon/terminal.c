/* See terminal.h. */
#include "tools/baryon/terminal.h"

#include <string.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define ESCAPE_KEY 0x1d         /* Ctrl-] */

static struct termios before;
static bool is_raw;

void terminal_restore(void)
{
	if (is_raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	is_raw = false;
}

bool terminal_start(void)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return false;
	raw = before;
	cfmakeraw(&raw);
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0)
		return false;
	is_raw = true;
	atexit(terminal_restore);
	return true;
}

void terminal_size(uint16_t *rows, uint16_t *columns)
{
	struct winsize size;

	*rows = 24;
	*columns = 80;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col) {
			*rows = size.ws_row;
			*columns = size.ws_col;
			return;
		}
}

size_t escape_filter(struct escape *escape, uint8_t *keys, size_t count, bool *quit)
{
	size_t out = 0;

	for (size_t i = 0; i < count; i++) {
		uint8_t key = keys[i];

		if (!escape->pending && key == ESCAPE_KEY) {
			escape->pending = true;
			continue;
		}
		if (escape->pending && (key == 'q' || key == 'Q')) {
			*quit = true;
			return out;
		}
		if (escape->pending && key != ESCAPE_KEY && out == i) {
			memmove(keys + out + 1, keys + i, count - i);
			i++;
			count++;
		}
		if (escape->pending && key != ESCAPE_KEY)
			keys[out++] = ESCAPE_KEY;
		escape->pending = false;
		keys[out++] = key;
	}
	return out;
}
