/* The part of the Linux x86-64 ABI that only socket calls need: numbers and records as programs see them. */
#ifndef UNIX_SOCKET_LINUX_SOCKET_H
#define UNIX_SOCKET_LINUX_SOCKET_H

#include "linux.h"

enum { AF_UNSPEC = 0, AF_UNIX = 1, AF_LIMIT = 46 };
enum { SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_RAW = 3, SOCK_SEQPACKET = 5, SOCK_TYPES = 11, SOCK_TYPE_MASK = 15 };
enum { SOL_SOCKET = 1 };
enum { SHUT_RD, SHUT_WR, SHUT_RDWR };

enum {
	SO_DEBUG = 1, SO_REUSEADDR, SO_TYPE, SO_ERROR, SO_DONTROUTE, SO_BROADCAST, SO_SNDBUF, SO_RCVBUF, SO_KEEPALIVE, SO_OOBINLINE,
	SO_NO_CHECK, SO_PRIORITY, SO_LINGER, SO_BSDCOMPAT, SO_REUSEPORT, SO_PASSCRED, SO_PEERCRED, SO_RCVLOWAT, SO_SNDLOWAT,
	SO_RCVTIMEO, SO_SNDTIMEO, SO_PEERNAME = 28, SO_TIMESTAMP = 29, SO_ACCEPTCONN = 30, SO_PEERSEC = 31, SO_SNDBUFFORCE = 32,
	SO_RCVBUFFORCE = 33, SO_PASSSEC = 34, SO_TIMESTAMPNS = 35, SO_MARK = 36, SO_PROTOCOL = 38, SO_DOMAIN = 39,
};

enum {
	MSG_OOB = 1, MSG_PEEK = 2, MSG_CTRUNC = 8, MSG_TRUNC = 0x20, MSG_DONTWAIT = 0x40, MSG_EOR = 0x80, MSG_WAITALL = 0x100,
	MSG_NOSIGNAL = 0x4000, MSG_WAITFORONE = 0x10000, MSG_CMSG_CLOEXEC = 0x40000000,
};

enum { SCM_RIGHTS = 1, SCM_CREDENTIALS = 2, SCM_RIGHTS_LIMIT = 253 };

struct linux_msghdr {
	uint64_t name;
	int32_t name_bytes, padding0;
	uint64_t pieces, piece_count;
	uint64_t control, control_bytes;
	int32_t flags, padding1;
};
_Static_assert(sizeof(struct linux_msghdr) == 56, "programs rely on the layout");

struct linux_mmsghdr {
	struct linux_msghdr header;
	uint32_t bytes, padding;
};

struct linux_cmsghdr {
	uint64_t bytes;             /* header and data */
	int32_t level, type;
};

struct linux_ucred {
	int32_t pid;
	uint32_t uid, gid;
};

struct linux_linger {
	int32_t on, seconds;
};

enum { SUN_PATH = 108 };
struct linux_sockaddr_un {
	uint16_t family;
	char path[SUN_PATH];
};

#endif
