/* What a kernel asks of the SRM (abi/start.h). Results: zero or a negated error. */
#ifndef BARYON_SRM_H
#define BARYON_SRM_H

#include "abi/start.h"
#include "baryon/calls.h"

/* Ends the machine; parks for ever if that fails. */
_Noreturn void srm_power_off(uint64_t status);

/* name: 1..8 characters. The other kernels of the SRM may import the capability from now on. */
MUST_CHECK long srm_export(const char *name, const struct capability *capability);

/* -BARYON_ENOENT: nobody has exported it yet. */
MUST_CHECK long srm_import(const char *name, struct capability *out);

#endif
