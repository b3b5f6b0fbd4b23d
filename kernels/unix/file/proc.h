/* Inside /proc: what its inodes stand for (proc.c), by which names (proc_names.c), and what is read and written there (proc_text.c). */
#ifndef UNIX_FILE_PROC_H
#define UNIX_FILE_PROC_H

#include "file/file.h"

enum {
	PROC_FOLDER_LIMIT = 24,     /* folders with names that never change come first */
	PROC_TEXTS = 32,            /* of each sort */
	PROC_CONSTANTS = 64,        /* in one folder */
};

enum what {
	PROC_ROOT, PROC_FOLDER, PROC_THREAD, PROC_SYSTEM_FOLDER, PROC_KERNEL, PROC_RANDOM, PROC_PTY, PROC_FILES, PROC_MEMORY, PROC_IPC,
	PROC_MQUEUE, PROC_INOTIFY, PROC_NETWORK, PROC_NETWORK_CORE, PROC_NETWORK_UNIX, PROC_TERMINALS, PROC_NAMESPACES,
	SYS_ROOT, SYS_DEVICES, SYS_SYSTEM, SYS_PROCESSORS,
	PROC_SELF = PROC_FOLDER_LIMIT, PROC_THREAD_SELF, PROC_DESCRIPTORS, PROC_DESCRIPTOR, PROC_POSITIONS, PROC_POSITION, PROC_THREADS,
	PROC_EXE, PROC_CWD, PROC_ROOT_LINK, PROC_MOUNTS_LINK, PROC_PAGEMAP, PROC_SECRET,
	PROC_NAMESPACE,                                         /* + a place in proc_namespaces */
	SYS_PROCESSOR = PROC_NAMESPACE + 16,                    /* + its number */
	PROC_TEXT = SYS_PROCESSOR + CPU_LIMIT,                  /* + enum process_text */
	PROC_THREAD_TEXT = PROC_TEXT + PROC_TEXTS,              /* the same, of one thread */
	PROC_SYSTEM = PROC_THREAD_TEXT + PROC_TEXTS,            /* + enum system_text */
	PROC_IPC_TEXT = PROC_SYSTEM + PROC_TEXTS,               /* + enum ipc_text */
	PROC_CONSTANT = PROC_IPC_TEXT + PROC_TEXTS,             /* + PROC_CONSTANTS * its folder + its place there */
	PROC_LAST = PROC_CONSTANT + PROC_CONSTANTS * PROC_FOLDER_LIMIT,
};

struct proc_name {
	const char *name;
	uint32_t mode;
	uint32_t what;              /* PROC_CONSTANT: a text that is always the same */
	const char *text;
};

struct proc_folder {
	const struct proc_name *names;
	unsigned count;
};

/* ---- proc_names.c ---- */
const struct proc_folder *proc_folder(uint32_t what);  /* with the names that never change; empty for others */
const struct proc_name *proc_name_find(uint32_t folder, const char *name, uint32_t bytes);    /* null: none */
uint32_t proc_name_what(uint32_t folder, const struct proc_name *name);        /* enum what */
const char *proc_constant(uint32_t what);
bool proc_is_setting(uint32_t what);            /* it lies under /proc/sys */
/* The processors that there are, of CPU_LIMIT. Once. */
void proc_names_init(unsigned processors);

struct proc_namespace {
	const char *link, *kind;
	uint64_t number;
};
extern const struct proc_namespace proc_namespaces[];

/* ---- proc_text.c ---- */
/* Gives a file that is no folder its operations. 0, -EACCES: the caller may not read or write it. */
int proc_text_open(struct file *file);

/* ---- proc.c ---- */
/* A process's open file, with a reference. 0, -EACCES, -ENOENT, -ESRCH. */
int64_t proc_file_of(int32_t pid, int descriptor, struct file **out);

#endif
