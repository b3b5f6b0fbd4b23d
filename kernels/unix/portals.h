/* UNIX's own locked objects: its portals and its scheduler thread. */
#ifndef UNIX_PORTALS_H
#define UNIX_PORTALS_H

#include "abi/types.h"

void portals_load(void);                /* panics if they cannot be */
void scheduler_start(void);             /* needs pages */
void threads_resume(void);              /* in the first thread, when the SRM wakes it */
long own_object_reload(uint64_t kind, baryon_uid uid);  /* answers a miss: 0 or a negated Strange error */

#endif
