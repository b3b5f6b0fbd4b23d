/* Between the files of exec. */
#ifndef UNIX_PROCESS_EXEC_H
#define UNIX_PROCESS_EXEC_H

#include "baryon/elf.h"
#include "process/internal.h"

enum { TEXT_PAGES = 512, TEXT_LONGEST = 131072 /* bytes of one, with its end */, EXEC_PATH_BYTES = 4096, PREFIX_BYTES = 1024 };

/* Arguments, then environment, then a few texts for the auxiliary vector: zero-terminated, one after the other, in pages of M
 * that become the top of the new stack. */
struct program_text {
	uint64_t bytes;
	uint32_t argument_count, environment_count;
	uint64_t argument_end, environment_end;         /* offsets */
	uint64_t path, platform, random;                /* offsets */
	page_index pages[TEXT_PAGES];
};

/* Where arguments come from: arrays of addresses of texts, both of the program or both of UNIX. */
struct exec_source {
	bool kernel;
	uint64_t arguments, environment;
};

struct exec {
	struct exec_source source;
	char *path;                     /* EXEC_PATH_BYTES: of the program, or of the innermost script's interpreter */
	char *header;                   /* PAGE_BYTES: the beginning of the file */
	char prefix[PREFIX_BYTES];      /* arguments that scripts put before the others, each zero-terminated */
	uint32_t prefix_bytes, prefix_count;
	char name[16];
	struct program_text *text;
	struct file *file, *interpreter_file;
	struct elf_image image, interpreter;
	uint64_t bias, interpreter_bias;
	struct space *space;
	struct files *files;            /* room for the caller's own ones, where they are shared */
	struct path_state *paths;
	uint64_t entry, stack;          /* to start at */
	struct credentials credentials; /* as whom it runs */
	bool secure;                    /* it can do more than its caller: AT_SECURE */
};

/* exec_text.c: gathers the texts. 0, -E2BIG, -EFAULT, -ENOMEM. */
int text_gather(struct exec *exec);
void text_free(struct program_text *text);
/* Moves the pages to the top of the new space's stack; *base: the address of the first text. */
int text_place(struct program_text *text, struct space *space, uint64_t *base);
/* The offset after the text that begins at `offset`. */
uint64_t text_next(const struct program_text *text, uint64_t offset);

/* exec_stack.c: argc, argv, envp and the auxiliary vector (psABI 3.4). 0, -ENOMEM. */
int exec_stack_build(struct exec *exec, uint64_t text_base);

/* exec_load.c: opens and reads the program, through scripts, and its interpreter; maps both. */
int exec_open(struct exec *exec);
int exec_map(struct exec *exec);

#endif
