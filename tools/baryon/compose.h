/* Composes the boot image of one run: the built one, the settings, and the overlay of --root. */
#ifndef TOOLS_BARYON_COMPOSE_H
#define TOOLS_BARYON_COMPOSE_H

#include "tools/baryon/options.h"

/* The folder with baryon.elf and baryon.img: build/ beside this program, or $BARYON_BUILD. */
const char *build_folder(void);

/* Makes the image in memory. Stores its descriptor (closed at exec) and size. */
bool compose(const struct options *options, int *fd, uint64_t *bytes, struct complaint *complaint);

#endif
