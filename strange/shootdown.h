/* Translation shoot-down between CPUs. */
#ifndef STRANGE_SHOOTDOWN_H
#define STRANGE_SHOOTDOWN_H

#include "state.h"

/* After entries of the space were taken out: every CPU that may have them forgets them. Returns when all have. */
void shootdown_space(struct space *space);
void shootdown_page(struct space *space, uint64_t address);
/* This CPU alone forgets the page; a shoot-down for the others follows. */
void shootdown_own(struct space *space, uint64_t address);
/* Serve what others ask of this CPU. */
void shootdown_serve(void);

#endif
