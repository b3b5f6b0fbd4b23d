/* The inline part of charm/trap.h for a Linux process. */
#ifndef CHARM_ARCH_TRAP_H
#define CHARM_ARCH_TRAP_H

#include "charm_arch/cpu.h"

static inline void trap_save_to(struct registers *place) { host_this->save = place; }

#endif
