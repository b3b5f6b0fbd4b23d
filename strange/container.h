/* Containers: what pages are named by. */
#ifndef STRANGE_CONTAINER_H
#define STRANGE_CONTAINER_H

#include "state.h"

struct call;
/* Kernel `number` has signal mappings of its pages. EFULL: SIGNAL_KERNELS others have; RESULT_RESTART: it is not that container any more. */
result container_signal_kernel(struct container *c, baryon_uid uid, uint32_t number) MUST_CHECK;
struct container *container_make_locked(struct kernel *keeper, baryon_uid uid, uint64_t size_pages);

#endif
