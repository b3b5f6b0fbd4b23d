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

enum { GETPID = 11, GETVAL, GETALL, GETNCNT, GETZCNT, SETVAL, SETALL, SEM_STAT, SEM_INFO, SEM_STAT_ANY };
enum { SEM_UNDO = 0x1000 };
enum { SEMMNI = 32000, SEMMSL = 32000, SEMMNS = SEMMNI * SEMMSL, SEMOPM = 500, SEMVMX = 32767, SEMAEM = SEMVMX, SEMUSZ = 20 };

struct linux_sembuf {
	uint16_t number;
	int16_t operation, flags;
};

struct linux_semid {
	struct linux_ipc_perm perm;
	int64_t otime, unused1, ctime, unused2;
	uint64_t count, unused3, unused4;
};

_Static_assert(sizeof(struct linux_semid) == 104, "programs rely on the layout");

struct linux_seminfo {          /* IPC_INFO, and SEM_INFO, where used_sets and used stand in two places */
	int32_t map, sets, all, undos, each, operations, undo_entries, used_sets, most, used;
};

enum { MSG_STAT = 11, MSG_INFO, MSG_STAT_ANY };
enum { MSG_NOERROR = 010000, MSG_EXCEPT = 020000, MSG_COPY = 040000 };
enum { MSGMNI = 32000, MSGMAX = 8192, MSGMNB = 16384, MSGSSZ = 16, MSGSEG = 0xffff };

struct linux_msqid {
	struct linux_ipc_perm perm;
	int64_t stime, rtime, ctime;
	uint64_t bytes, count, most_bytes;
	int32_t sender, receiver;
	uint64_t unused[2];
};

_Static_assert(sizeof(struct linux_msqid) == 120, "programs rely on the layout");

struct linux_msginfo {          /* IPC_INFO; MSG_INFO says in the first three what there is */
	int32_t pool, map, most, most_each, queues, segment_bytes, headers;
	uint16_t segments;
};

#endif
