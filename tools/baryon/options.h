/* The command line of `baryon run`. */
#ifndef TOOLS_BARYON_OPTIONS_H
#define TOOLS_BARYON_OPTIONS_H

#include <stdint.h>
#include <stdio.h>

#include "tools/common/complain.h"

#define OPTION_LIST 32

struct option_list {
	const char *item[OPTION_LIST];
	unsigned count;
};

struct options {
	const char *root;           /* directory or archive over the standard root, or null */
	unsigned cpus;              /* 1..8 */
	uint64_t memory_mib;
	struct option_list places;  /* NAME=supervisor|isolated */
	struct option_list kernels; /* further application kernels to start */
	struct option_list settings;
	struct option_list append;  /* words for the kernel's command line */
	const char *caches;         /* KIND=N,... or null */
	uint64_t timeout_ms;        /* 0: none */
	const char *iso;            /* boot this medium by its own loader, without settings; for tests */
	bool uefi;                  /* with UEFI firmware */
	bool icount, verbose;
	char **program;             /* null-terminated; null: a shell */
};

/* Reads the words after `run`. On failure the complaint is one line that says what to do. */
bool options_read(struct options *options, char **word, struct complaint *complaint);

/* Writes a line or two of help for every option. */
void options_help(FILE *to);

#endif
