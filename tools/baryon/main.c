/* baryon: the command that a user meets. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/baryon/machine.h"
#include "tools/baryon/options.h"
#include "tools/baryon/relay.h"

#define STATUS_USAGE 2

static const char help[] =
	"baryon run [OPTION...] [--] [PROGRAM ARG...]\n"
	"\n"
	"Boots Baryon in QEMU and runs PROGRAM in it, or a shell. The program's output is this command's output,\n"
	"and its exit status this command's.\n"
	"\n"
	"  --root DIR|ARCHIVE     lay a host directory or a tar archive over the standard root; nothing is written back\n"
	"  --cpus N               1 to 8; 2 when not given\n"
	"  --memory SIZE          such as 512M or 2G; 1G when not given\n"
	"  --place NAME=PLACE     where the application kernel NAME (or all) runs: supervisor or isolated\n"
	"  --caches KIND=N,...    sizes of the kernel's caches: kernel container page space thread portal mapping\n"
	"                         reference table\n"
	"  --timeout SECONDS      end after that time, with status 124\n"
	"  --icount               count instructions: every run is the same\n"
	"  --verbose              show what the system says of itself, on standard error\n"
	"  --kernel NAME          start a further application kernel of the boot image\n"
	"  --setting KEY=VALUE    tell the application kernels something\n"
	"  --append WORDS         add words to the kernel's command line\n"
	"\n"
	"On a terminal all keys go to the guest; Ctrl-] then q ends the machine.\n"
	"Status 124: the time was up. 125: Baryon itself failed. 128+N: the program died by signal N.\n"
	"\n"
	"baryon help              this text\n"
	"baryon --version\n";

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
		return fputs(help, stdout) < 0;
	if (strcmp(argument[1], "--version") == 0)
		return puts("baryon " BARYON_VERSION) < 0;
	fail(STATUS_USAGE, "there is no verb '%s': see 'baryon help'", argument[1]);
}
