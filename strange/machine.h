/* Calls that concern the machine: ports, log, counters, its end. */
#ifndef STRANGE_MACHINE_H
#define STRANGE_MACHINE_H

#include "state.h"

struct call;

result call_port_read(struct call *call);
result call_port_write(struct call *call);
result call_machine(struct call *call);
result call_log(struct call *call);

#endif
