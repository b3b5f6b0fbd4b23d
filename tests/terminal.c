/* terminal SCRIPT COMMAND ARG...: runs the command on a pseudo terminal and plays its user. Lines of SCRIPT:
 *   expect TEXT    waits, 300 s at most, until the output that no line has used yet holds TEXT
 *   absent TEXT    what the last expect passed over, and what came since, does not hold TEXT
 *   send TEXT      types TEXT
 *   size ROWS COLUMNS
 *   status N       waits for the command's end, which must have exit status N
 * In TEXT \r \n \e \t \\ and \xHH are known; a line that begins with # is a comment. Status 0 when the script went through, else 1
 * with the line and all output. */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_SECONDS 300
#define SEEN_BYTES (1 << 20)

static int terminal;
static pid_t child;
static char seen[SEEN_BYTES];   /* all output; zero bytes become spaces */
static size_t seen_bytes, used, passed;
static const char *script_line;

static _Noreturn void fail(const char *why)
{
	printf("failed: %s: %s\nall output:\n%s\n", script_line, why, seen);
	if (child)
		kill(child, SIGTERM);
	exit(1);
}

/* Reads what there is, waiting at most ms. False when the command has closed the terminal. */
static bool take(int ms)
{
	struct pollfd wait = { .fd = terminal, .events = POLLIN };
	ssize_t count;

	if (poll(&wait, 1, ms) <= 0)
		return true;
	if (seen_bytes + 1 >= SEEN_BYTES)
		fail("too much output");
	count = read(terminal, seen + seen_bytes, SEEN_BYTES - 1 - seen_bytes);
	for (ssize_t i = 0; i < count; i++)
		if (!seen[seen_bytes + i])
			seen[seen_bytes + i] = ' ';
	if (count > 0)
		seen_bytes += count;
	return count > 0 || (count < 0 && errno == EINTR);
}

static size_t unescape(const char *text, char *out)
{
	static const char names[] = "rnet\\", values[] = "\r\n\033\t\\";
	size_t count = 0;
	unsigned value;

	for (; *text; text++) {
		const char *name = text[0] == '\\' && text[1] ? strchr(names, text[1]) : NULL;

		if (text[0] == '\\' && text[1] == 'x' && sscanf(text + 2, "%2x", &value) == 1) {
			out[count++] = value;
			text += 3;
		} else if (name) {
			out[count++] = values[name - names];
			text++;
		} else {
			out[count++] = *text;
		}
	}
	out[count] = 0;
	return count;
}

static void expect(const char *text)
{
	time_t end = time(NULL) + LIMIT_SECONDS;
	bool open = true;
	char *found;

	while (!(found = strstr(seen + used, text))) {
		if (!open)
			fail("the command has ended");
		if (time(NULL) > end)
			fail("it does not come");
		open = take(200);
	}
	passed = used;
	used = found - seen + strlen(text);
}

static void absent(const char *text)
{
	take(300);
	if (strstr(seen + passed, text))
		fail("it is there");
}

static void send_text(const char *text, size_t count)
{
	if (write(terminal, text, count) != (ssize_t)count)
		fail("cannot type");
}

static void resize(const char *text)
{
	struct winsize size = { 0 };

	if (sscanf(text, "%hu %hu", &size.ws_row, &size.ws_col) != 2 || ioctl(terminal, TIOCSWINSZ, &size) < 0)
		fail("cannot be");
}

static void expect_status(int wanted)
{
	time_t end = time(NULL) + LIMIT_SECONDS;
	char text[40];
	int status;

	while (waitpid(child, &status, WNOHANG) == 0) {
		if (time(NULL) > end)
			fail("it does not end");
		if (!take(100))
			usleep(10000);
	}
	child = 0;
	snprintf(text, sizeof text, "status %d", WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != wanted)
		fail(text);
}

static void play(char *line)
{
	char *text = line + strcspn(line, " ");
	char plain[1000];
	size_t count;

	if (*text)
		*text++ = 0;
	count = unescape(text, plain);
	if (strcmp(line, "expect") == 0)
		expect(plain);
	else if (strcmp(line, "absent") == 0)
		absent(plain);
	else if (strcmp(line, "send") == 0)
		send_text(plain, count);
	else if (strcmp(line, "size") == 0)
		resize(plain);
	else if (strcmp(line, "status") == 0)
		expect_status(atoi(plain));
	else
		fail("no such line");
}

int main(int count, char **argument)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	char line[1000], copy[1000];
	FILE *script = count > 2 ? fopen(argument[1], "r") : NULL;

	if (!script)
		return 2;
	child = forkpty(&terminal, NULL, NULL, &size);
	if (child == 0) {
		execvp(argument[2], argument + 2);
		_exit(127);
	}
	script_line = copy;
	while (fgets(line, sizeof line, script)) {
		line[strcspn(line, "\n")] = 0;
		strcpy(copy, line);
		if (line[0] && line[0] != '#')
			play(line);
	}
	if (child)
		kill(child, SIGTERM);
	return 0;
}
