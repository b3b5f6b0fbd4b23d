/* Containers: what pages are named by. */
#ifndef STRANGE_CONTAINER_H
#define STRANGE_CONTAINER_H

#include "state.h"

struct call;
/* A kernel has receivers of its pages: number and SIGNAL_OTHERS. EFULL: SIGNAL_KERNELS others have; RESULT_RESTART: it is not that
 * container any more. */
result container_signal_kernel(struct container *c, baryon_uid uid, uint32_t number) MUST_CHECK;
/* That kernel is gone for good: it has receivers of no container's pages. */
void containers_forget_kernel(uint32_t number);
struct container *container_make_locked(struct kernel *keeper, baryon_uid uid, uint64_t size_pages);

#endif
