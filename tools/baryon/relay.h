/* Relays between the user's standard input, output and error and the guest, until the program in the guest ends, the time is
 * up, the user ends the machine, or the machine fails. Never blocks: every buffer is bounded, and what is full is not read. */
#ifndef TOOLS_BARYON_RELAY_H
#define TOOLS_BARYON_RELAY_H

#include "tools/baryon/machine.h"

enum { STATUS_TIMEOUT = 124, STATUS_FAILED = 125, STATUS_INTERRUPTED = 130 };

/* Runs until the end, stops the machine, and returns the exit status of `baryon`. With STATUS_FAILED that the guest did not
 * ask for, the complaint says what happened; otherwise it is empty. */
int relay_run(struct machine *machine, const struct options *options, struct complaint *complaint);

#endif
