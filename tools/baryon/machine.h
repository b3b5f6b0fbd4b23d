/* The machine: a boot image made for one run, and the QEMU process that boots it. Nothing is left behind: the image lies in memory,
 * the channels are socket pairs, and QEMU dies with this process. */
#ifndef TOOLS_BARYON_MACHINE_H
#define TOOLS_BARYON_MACHINE_H

#include <sys/types.h>

#include "tools/baryon/options.h"

struct machine {
	pid_t pid;                  /* 0: not running */
	int console;                /* COM2, the framed channel; not blocking */
	int log;                    /* COM1, the early console; not blocking */
	int errors;                 /* QEMU's own messages; not blocking */
	uint64_t image_bytes;
	int exit_status;            /* as waitpid gives it, once machine_stop has returned */
};

/* Composes the boot image and starts QEMU. The complaint is one line that says what to do. */
bool machine_start(struct machine *machine, const struct options *options, struct complaint *complaint);

/* Ends QEMU, if it still runs, and waits for it. */
void machine_stop(struct machine *machine);

#endif
