/* Capabilities (capabilities(7)): what of root's rights a process has, each by itself. They are part of its credentials. */
#ifndef UNIX_PROCESS_CAPABILITY_H
#define UNIX_PROCESS_CAPABILITY_H

#include "process/process.h"

enum {                          /* those that UNIX asks for; the others are kept and handed on */
	CAP_CHOWN = 0, CAP_DAC_OVERRIDE = 1, CAP_DAC_READ_SEARCH = 2, CAP_FOWNER = 3, CAP_FSETID = 4, CAP_KILL = 5, CAP_SETGID = 6,
	CAP_SETUID = 7, CAP_SETPCAP = 8, CAP_NET_ADMIN = 12, CAP_IPC_LOCK = 14, CAP_IPC_OWNER = 15, CAP_SYS_CHROOT = 18,
	CAP_SYS_PTRACE = 19, CAP_SYS_ADMIN = 21, CAP_SYS_NICE = 23, CAP_SYS_RESOURCE = 24, CAP_SYS_TIME = 25, CAP_MKNOD = 27,
	CAP_SETFCAP = 31, CAP_LAST = 40,
};
#define CAPABILITIES_ALL ((2ull << CAP_LAST) - 1)
#define CAPABILITY(number) (1ull << (number))

/* prctl's PR_SET_SECUREBITS; the bit above each locks it. */
enum { SECURE_NOROOT = 1, SECURE_NO_SETUID_FIXUP = 4, SECURE_KEEP_CAPS = 16, SECURE_NO_AMBIENT_RAISE = 64 };

static inline bool credentials_can(const struct credentials *who, unsigned capability)
{
	return who->effective >> capability & 1;
}

/* Whether the calling process may do what the capability is for. */
static inline bool capable(unsigned capability)
{
	return credentials_can(&self_process()->credentials, capability);
}

void capabilities_fill(struct credentials *who);        /* all: of the first process */
/* *now are the caller's credentials with other user ids than *before: some capabilities come or go with them. */
void capabilities_follow_users(struct credentials *now, const struct credentials *before);
void capabilities_follow_files(struct credentials *now, const struct credentials *before);     /* the same of setfsuid */

struct file_capabilities {
	uint64_t permitted, inheritable;
	bool there, effective;
};
/* What exec does to the capabilities of *new, whose ids are those that the file asked for already. Where the caller may not gain
 * anything the ids become again what they were in *old. *secure: the C library shall trust nobody. 0, -EPERM: the file's
 * capabilities cannot all be had. */
int capabilities_exec(struct credentials *new, const struct credentials *old, const struct file_capabilities *file, bool bounded,
	bool *secure);
/* prctl's calls about them. -EINVAL: it is none of them. */
int64_t capability_prctl(uint64_t option, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4);

#endif
