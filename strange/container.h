/* Containers: what pages are named by. */
#ifndef STRANGE_CONTAINER_H
#define STRANGE_CONTAINER_H

#include "state.h"

struct call;
struct container *container_make_locked(struct kernel *keeper, baryon_uid uid, uint64_t size_pages);

#endif
