/* See machine.h. */
#include "tools/baryon/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/baryon/compose.h"

#define QEMU "qemu-system-x86_64"
#define UEFI "/usr/share/ovmf/OVMF.fd"
#define WORDS 64
#define COMMAND_LINE_LIMIT 1023
#define SYSTEM_MIB 24           /* beside the image, for the system itself to start */

struct ends {                   /* of the three channels: ours, and QEMU's */
	int console[2], log[2], errors[2], started[2];
	int image;
};

struct command {
	char *word[WORDS + 1];
	unsigned count;
};

static void add(struct command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct command *command, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (command->count == WORDS || vasprintf(&command->word[command->count++], format, arguments) < 0)
		fail(125, "no memory");
	va_end(arguments);
	command->word[command->count] = NULL;
}

/* What Charm and Strange read: words separated by spaces. */
static bool command_line(const struct options *options, char *line, struct complaint *complaint)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *stream = open_memstream(&text, &bytes);
	bool fits;

	if (!stream)
		return complain(complaint, "no memory");
	fputs(options->verbose ? "panic=off announce" : "panic=off", stream);
	if (options->caches)
		fprintf(stream, " caches=%s", options->caches);
	for (unsigned i = 0; i < options->append.count; i++)
		fprintf(stream, " %s", options->append.item[i]);
	fclose(stream);
	fits = bytes <= COMMAND_LINE_LIMIT;
	if (fits)
		memcpy(line, text, bytes + 1);
	free(text);
	return fits ? true : complain(complaint, "the kernel's command line has %zu bytes: at most %d fit; give less with --append",
		bytes, COMMAND_LINE_LIMIT);
}

static const char *qemu_name(void)
{
	const char *given = getenv("BARYON_QEMU");

	return given && *given ? given : QEMU;
}

static void add_words(struct command *command, const char *const *word)
{
	for (; *word; word++)
		add(command, "%s", *word);
}

/* What boots: the kernel and the image directly, or a medium. */
static void add_boot(struct command *command, const struct options *options, const char *line, const struct ends *ends)
{
	if (options->iso) {
		add_words(command, (const char *const[]){ "-vga", "std", "-boot", "d", "-cdrom", options->iso, NULL });
		if (options->uefi)
			add_words(command, (const char *const[]){ "-bios", UEFI, NULL });
		return;
	}
	add(command, "-kernel");
	add(command, "%s/baryon.elf", build_folder());
	add(command, "-initrd");
	add(command, "/dev/fd/%d", ends->image);
	add_words(command, (const char *const[]){ "-append", line, NULL });
}

static void command_make(struct command *command, const struct options *options, const char *line, const struct ends *ends)
{
	add_words(command, (const char *const[]){ qemu_name(), "-machine", "q35", "-cpu", "max", "-accel", "tcg", "-nodefaults",
		"-display", "none", "-no-reboot", "-no-user-config", NULL });
	add(command, "-m");
	add(command, "%llu", (unsigned long long)options->memory_mib);
	add(command, "-smp");
	add(command, "%u", options->cpus);
	add_boot(command, options, line, ends);
	add(command, "-chardev");
	add(command, "socket,id=log,fd=%d", ends->log[1]);
	add(command, "-chardev");
	add(command, "socket,id=console,fd=%d", ends->console[1]);
	add_words(command, (const char *const[]){ "-serial", "chardev:log", NULL });
	if (options->iso)
		add_words(command, (const char *const[]){ "-serial", "chardev:console", NULL });
	else
		add_words(command, (const char *const[]){ "-device", "virtio-serial-pci,max_ports=2,vectors=0,ioeventfd=off",
			"-device", "virtserialport,nr=1,chardev=console", NULL });
	if (options->icount)
		add_words(command, (const char *const[]){ "-icount", "shift=0,sleep=off", "-seed", "1", "-rtc",
			"base=2024-01-01T00:00:00,clock=vm", NULL });
}

static void set_flags(int fd, bool is_inherited, bool blocks)
{
	fcntl(fd, F_SETFD, is_inherited ? 0 : FD_CLOEXEC);
	fcntl(fd, F_SETFL, (fcntl(fd, F_GETFL) & ~O_NONBLOCK) | (blocks ? 0 : O_NONBLOCK));
}

static bool ends_open(struct ends *ends, struct complaint *complaint)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends->console) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends->log) < 0 ||
	    pipe2(ends->errors, O_CLOEXEC) < 0 || pipe2(ends->started, O_CLOEXEC) < 0)
		return complain(complaint, "cannot open channels: %s", strerror(errno));
	set_flags(ends->console[0], false, false);
	set_flags(ends->log[0], false, false);
	set_flags(ends->errors[0], false, false);
	return true;
}

/* In the child: becomes QEMU. It gets its own process group, so that keys of the terminal do not signal it, and dies with
 * its parent. */
static _Noreturn void become_qemu(struct command *command, const struct ends *ends, pid_t parent)
{
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;
	int error;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	dup2(nothing, 0);
	dup2(ends->errors[1], 1);
	dup2(ends->errors[1], 2);
	set_flags(ends->console[1], true, true);
	set_flags(ends->log[1], true, true);
	if (ends->image >= 0)
		set_flags(ends->image, true, true);
	execvp(command->word[0], command->word);
	error = errno;
	if (write(ends->started[1], &error, sizeof error) < 0)
		_exit(126);
	_exit(127);
}

static bool spawn(struct machine *machine, struct command *command, struct ends *ends, struct complaint *complaint)
{
	pid_t parent = getpid();
	int error = 0;

	machine->pid = fork();
	if (machine->pid < 0) {
		machine->pid = 0;
		return complain(complaint, "cannot start QEMU: %s", strerror(errno));
	}
	if (machine->pid == 0)
		become_qemu(command, ends, parent);
	close(ends->console[1]);
	close(ends->log[1]);
	close(ends->errors[1]);
	close(ends->started[1]);
	if (read(ends->started[0], &error, sizeof error) != sizeof error)
		error = 0;
	close(ends->started[0]);
	if (error == 0)
		return true;
	machine_stop(machine);
	if (error == ENOENT)
		return complain(complaint, "%s is not installed: 'apt-get install qemu-system-x86' or 'make run' installs it",
			command->word[0]);
	return complain(complaint, "cannot start %s: %s", command->word[0], strerror(error));
}

static bool check_fit(const struct machine *machine, const struct options *options, struct complaint *complaint)
{
	uint64_t needed = (machine->image_bytes + (1 << 20) - 1) / (1 << 20) + SYSTEM_MIB;
	char path[PATH_MAX + 32];

	snprintf(path, sizeof path, "%s/baryon.elf", build_folder());
	if (options->iso)
		return access(options->iso, R_OK) == 0 ? true : complain(complaint, "cannot open %s: %s", options->iso, strerror(errno));
	if (access(path, R_OK) < 0)
		return complain(complaint, "%s is not there: run 'make' in Baryon's folder first", path);
	if (options->memory_mib < needed)
		return complain(complaint, "the memory is too small for its files: give --memory %lluM or more",
			(unsigned long long)needed);
	return true;
}

static void show(const struct command *command)
{
	for (unsigned i = 0; i < command->count; i++)
		fprintf(stderr, "%s%s", i ? " " : "baryon: ", command->word[i]);
	fputc('\n', stderr);
}

bool machine_start(struct machine *machine, const struct options *options, struct complaint *complaint)
{
	char line[COMMAND_LINE_LIMIT + 1];
	struct command command = { .count = 0 };
	struct ends ends;
	bool done;

	*machine = (struct machine){ .pid = 0 };
	ends.image = -1;
	if (!command_line(options, line, complaint) ||
	    (!options->iso && !compose(options, &ends.image, &machine->image_bytes, complaint)) ||
	    !check_fit(machine, options, complaint) || !ends_open(&ends, complaint))
		return false;
	command_make(&command, options, line, &ends);
	if (options->verbose)
		show(&command);
	done = spawn(machine, &command, &ends, complaint);
	if (ends.image >= 0)
		close(ends.image);
	machine->console = ends.console[0];
	machine->log = ends.log[0];
	machine->errors = ends.errors[0];
	for (unsigned i = 0; i < command.count; i++)
		free(command.word[i]);
	return done;
}

void machine_stop(struct machine *machine)
{
	if (machine->pid == 0)
		return;
	kill(machine->pid, SIGKILL);
	while (waitpid(machine->pid, &machine->exit_status, 0) < 0 && errno == EINTR)
		continue;
	machine->pid = 0;
}
