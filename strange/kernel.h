/* Application kernels. */
#ifndef STRANGE_KERNEL_H
#define STRANGE_KERNEL_H

#include "state.h"

struct call;

/* Of each kind root may lock so many objects, and so many fit beside the sizes that were chosen for the caches. */
enum { LOCKED_MOST = 16 };

struct kernel *kernel_make_root(void);
/* The kernel's home grants it the page group that frame f lies in. */
bool kernel_has_frame(const struct kernel *k, uint64_t f);
result call_kernel_group(struct call *call);
/* The loaded kernel of that number, or a miss. */
result kernel_want(uint32_t number, struct kernel **k) MUST_CHECK;
/* Its portal for a cause (enum trap_cause), or a miss; ENOENT when its home names none. */
result kernel_portal_want(struct kernel *k, unsigned cause, struct portal **p) MUST_CHECK;

#endif
