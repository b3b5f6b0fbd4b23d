/* baryon: the command that a user meets. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/baryon/machine.h"
#include "tools/baryon/options.h"
#include "tools/baryon/relay.h"

#define STATUS_USAGE 2

static const char help_start[] =
	"baryon run [OPTION...] [--] [PROGRAM ARG...]\n"
	"\n"
	"Boots Baryon in QEMU and runs PROGRAM in it, or a shell. The program's output is this command's output,\n"
	"and its exit status this command's.\n"
	"\n";
static const char help_end[] =
	"\n"
	"On a terminal all keys go to the guest; Ctrl-] then q ends the machine.\n"
	"Status 124: the time was up. 125: Baryon itself failed. 128+N: the program died by signal N.\n"
	"\n"
	"baryon help              this text\n"
	"baryon --version\n";

static int help(void)
{
	fputs(help_start, stdout);
	options_help(stdout);
	fputs(help_end, stdout);
	return fflush(stdout) != 0 || ferror(stdout);
}

/* Descriptors 0 to 2 exist from here on, so that no other file gets their numbers. */
static void open_missing_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static int run(char **word)
{
	struct complaint complaint;
	struct options options;
	struct machine machine;
	int status;

	if (!options_read(&options, word, &complaint))
		fail(STATUS_USAGE, "%s", complaint.text);
	if (!machine_start(&machine, &options, &complaint))
		fail(STATUS_FAILED, "%s", complaint.text);
	status = relay_run(&machine, &options, &complaint);
	if (complaint.text[0])
		fail(status, "%s", complaint.text);
	return status;
}

int main(int count, char **argument)
{
	open_missing_streams();
	if (count < 2)
		fail(STATUS_USAGE, "what to do? 'baryon run' opens a shell, 'baryon help' says more");
	if (strcmp(argument[1], "run") == 0)
		return run(argument + 2);
	if (strcmp(argument[1], "help") == 0 || strcmp(argument[1], "--help") == 0)
		return help();
	if (strcmp(argument[1], "--version") == 0)
		return puts("baryon " BARYON_VERSION) < 0;
	fail(STATUS_USAGE, "there is no verb '%s': see 'baryon help'", argument[1]);
}
