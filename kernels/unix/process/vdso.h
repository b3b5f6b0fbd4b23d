/* The vDSO in UNIX: the page of code, the page of data before it, and where they are in programs. */
#ifndef UNIX_PROCESS_VDSO_H
#define UNIX_PROCESS_VDSO_H

#include "process/numbers.h"
#include "process/space.h"

struct vdso_data;

/* Above the stack, so that they share its page table. */
#define PROGRAM_VDSO (PROGRAM_LIMIT - PAGE_BYTES)
#define PROGRAM_VDSO_DATA (PROGRAM_VDSO - PAGE_BYTES)

/* Makes the pages, which are the same for all programs. Once, before the first program; files_init is done. */
void vdso_init(void);
/* Maps them into a new space. 0, -ENOMEM, -EEXIST: something is there. */
int vdso_map(struct space *space);
/* What maps shows for a region of this file; null: it is not one of the two. */
const char *vdso_name(const struct file *file);

/* time.c. The clock as the machine says it; before time_wall is asked. */
void clock_init(void);
/* From now on the clock stands there. Nobody changes it yet. */
void clock_share(struct vdso_data *data);

#endif
