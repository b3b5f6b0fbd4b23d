/* Address spaces. */
#ifndef STRANGE_SPACE_H
#define STRANGE_SPACE_H

#include "state.h"

/* The space in which `address` lies for code of that activation; null: in none. */
struct space *space_of_address(const struct activation *a, uint64_t address);
struct space *space_make_root(struct kernel *root, baryon_uid uid, uint32_t domain);

#endif
