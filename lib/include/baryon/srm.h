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

/* More page groups: *count in: how many are wanted, out: how many came, from *first on. EQUOTA, EBUSY (abi/start.h). */
MUST_CHECK long srm_groups_more(enum group_sort sort, uint64_t *first, uint64_t *count);
MUST_CHECK long srm_groups_return(enum group_sort sort, uint64_t first, uint64_t count);

/* Where the SRM asks memory back, in the page of the start record. */
static inline const volatile struct memory_asked *srm_memory_asked(const struct kernel_start *start)
{
	return (const volatile struct memory_asked *)((const char *)start + MEMORY_ASKED_OFFSET);
}

/* Starts a further kernel from the boot image's module `name` (1..8 characters). ENOENT, EPERM, EEXIST, EFULL, EQUOTA. */
MUST_CHECK long srm_kernel_start(const char *name);

/* From now on that thread of the kernel's is told of signals whose receivers are not loaded, by (container, index, offset); 0: none is.
 * What it does then: load the receivers of that page, and signal there again, for one that came back meanwhile knows nothing.
 * EPERM: it is another's. */
MUST_CHECK long srm_redirect(baryon_uid thread);

#endif
