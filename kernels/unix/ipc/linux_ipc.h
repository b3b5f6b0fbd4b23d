/* System V IPC as programs see it: flags, commands and records of x86-64 (svipc(7), shmctl(2), semctl(2), msgctl(2)). */
#ifndef UNIX_IPC_LINUX_IPC_H
#define UNIX_IPC_LINUX_IPC_H

#include "linux.h"

enum { ENOMSG = 42, EIDRM = 43 };
enum { IPC_CREAT = 01000, IPC_EXCL = 02000, IPC_NOWAIT = 04000 };
enum { IPC_RMID, IPC_SET, IPC_STAT, IPC_INFO };

struct linux_ipc_perm {         /* 48 bytes */
	int32_t key;
	uint32_t uid, gid, cuid, cgid, mode;
	uint16_t sequence, padding;
	uint32_t more_padding;
	uint64_t unused[2];
};

_Static_assert(sizeof(struct linux_ipc_perm) == 48, "programs rely on the layout");

enum { SHM_LOCK = 11, SHM_UNLOCK, SHM_STAT, SHM_INFO, SHM_STAT_ANY };
enum { SHM_DEST = 01000, SHM_LOCKED = 02000 };          /* in the mode */
enum { SHM_HUGETLB = 04000, SHM_NORESERVE = 010000 };  /* shmget */
enum { SHM_RDONLY = 010000, SHM_RND = 020000, SHM_REMAP = 040000, SHM_EXEC = 0100000 };        /* shmat */
enum { SHMMNI = 4096 };
#define SHM_UNLIMITED (UINT64_MAX - (1ull << 24))       /* SHMMAX in bytes, SHMALL in pages */

struct linux_shmid {
	struct linux_ipc_perm perm;
	uint64_t bytes;
	int64_t atime, dtime, ctime;
	int32_t cpid, lpid;
	uint64_t attached;
	uint64_t unused[2];
};

_Static_assert(sizeof(struct linux_shmid) == 112, "programs rely on the layout");

struct linux_shminfo {          /* IPC_INFO */
	uint64_t most_bytes, least_bytes, segments, segments_each, all_pages, unused[4];
};

struct linux_shm_info {         /* SHM_INFO */
	int32_t used, padding;
	uint64_t pages, resident, swapped, swap_attempts, swap_successes;
};

#endif
