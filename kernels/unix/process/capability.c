/* Capabilities (capabilities(7)): asking and setting them, and what happens to them at exec and when users change.
 * Between calls: effective is part of permitted, and ambient of permitted and of inheritable. */
#include "process/capability.h"
#include "baryon/string.h"
#include "process/internal.h"

enum { SECURE_BITS = 0x55, SECURE_LOCKS = 0xaa, ROOT = 0 };
/* Those that go with the user id that files see. */
#define CAPABILITIES_FILES (CAPABILITY(CAP_CHOWN) | CAPABILITY(CAP_DAC_OVERRIDE) | CAPABILITY(CAP_DAC_READ_SEARCH) | \
	CAPABILITY(CAP_FOWNER) | CAPABILITY(CAP_FSETID) | CAPABILITY(CAP_MKNOD) | 1ull << 9 /* of immutable files */ | \
	1ull << 32 /* of labels */)

static bool is_within(uint64_t part, uint64_t whole)
{
	return !(part & ~whole);
}

void capabilities_fill(struct credentials *who)
{
	who->effective = who->permitted = who->bounding = CAPABILITIES_ALL;
}

/* ---- users change ---- */

static bool has_root(const struct credentials *who)
{
	return who->uid == ROOT || who->euid == ROOT || who->suid == ROOT;
}

void capabilities_follow_users(struct credentials *now, const struct credentials *before)
{
	if (now->secure_bits & SECURE_NO_SETUID_FIXUP)
		return;
	if (has_root(before) && !has_root(now)) {
		if (!(now->secure_bits & SECURE_KEEP_CAPS))
			now->permitted = now->effective = 0;
		now->ambient = 0;
	}
	if (before->euid == ROOT && now->euid != ROOT)
		now->effective = 0;
	if (before->euid != ROOT && now->euid == ROOT)
		now->effective = now->permitted;
}

void capabilities_follow_files(struct credentials *now, const struct credentials *before)
{
	if (now->secure_bits & SECURE_NO_SETUID_FIXUP)
		return;
	if (before->fsuid == ROOT && now->fsuid != ROOT)
		now->effective &= ~CAPABILITIES_FILES;
	if (before->fsuid != ROOT && now->fsuid == ROOT)
		now->effective |= now->permitted & CAPABILITIES_FILES;
}

/* ---- exec ---- */

/* A program of root's has all that it may have; one that runs as root by its file's bits and has capabilities of its own has those
 * only. Returns whether what is permitted is effective at once. */
static bool root_gets_all(struct credentials *new, const struct credentials *old, const struct file_capabilities *file)
{
	if (new->secure_bits & SECURE_NOROOT || (file->there && new->uid != ROOT && new->euid == ROOT))
		return file->effective;
	if (new->uid == ROOT || new->euid == ROOT)
		new->permitted = old->bounding | old->inheritable;
	return file->effective || new->euid == ROOT;
}

int capabilities_exec(struct credentials *new, const struct credentials *old, const struct file_capabilities *file, bool bounded,
	bool *secure)
{
	bool effective, other;

	new->permitted = (file->permitted & old->bounding) | (file->inheritable & old->inheritable);
	if (file->effective && !is_within(file->permitted, new->permitted))
		return -EPERM;
	effective = root_gets_all(new, old, file);
	other = new->euid != old->uid || new->egid != old->gid;
	if (bounded && (other || !is_within(new->permitted, old->permitted | old->ambient))) {
		if (!credentials_can(old, CAP_SETUID) || self_process()->no_new_privileges) {
			new->euid = new->uid;
			new->egid = new->gid;
		}
		new->permitted &= old->permitted;
	}
	new->suid = new->fsuid = new->euid;
	new->sgid = new->fsgid = new->egid;
	if (file->there || other)
		new->ambient = 0;
	new->permitted |= new->ambient;
	new->effective = effective ? new->permitted : new->ambient;
	new->secure_bits &= ~(uint32_t)SECURE_KEEP_CAPS;
	*secure = other || (new->uid != ROOT && (effective || !is_within(new->permitted, new->ambient)));
	return 0;
}

/* ---- capget and capset ---- */

struct capability_header {
	uint32_t version;
	int32_t pid;
};
struct capability_words {       /* 32 capabilities */
	uint32_t effective, permitted, inheritable;
};
enum { VERSION_1 = 0x19980330, VERSION_2 = 0x20071026, VERSION_3 = 0x20080522, WORDS_MOST = 2 };

/* How many words the version has; -EINVAL: none, and the program is told which is best; -EFAULT. */
static int header_read(uint64_t address, struct capability_header *header)
{
	uint32_t best = VERSION_3;

	if (user_read(&header->version, address, sizeof header->version) != 0)
		return -EFAULT;
	if (header->version != VERSION_1 && header->version != VERSION_2 && header->version != VERSION_3)
		return user_write(address, &best, sizeof best) != 0 ? -EFAULT : -EINVAL;
	if (user_read(header, address, sizeof *header) != 0)
		return -EFAULT;
	return header->version == VERSION_1 ? 1 : WORDS_MOST;
}

static int credentials_of(int32_t tid, struct credentials *out)
{
	struct thread *thread;

	if (tid < 0)
		return -EINVAL;
	mutex_lock(&tree_lock);
	thread = tid == 0 ? self() : thread_of_pid(tid);
	if (thread != NULL)
		*out = thread->process->credentials;
	mutex_unlock(&tree_lock);
	return thread != NULL ? 0 : -ESRCH;
}

int64_t sys_capget(SYSCALL_ARGUMENTS)
{
	struct capability_words words[WORDS_MOST];
	struct capability_header header;
	struct credentials who;
	int count = header_read(a0, &header), status;

	if (a1 == 0)
		return count == -EINVAL || count >= 0 ? 0 : count;
	status = count < 0 ? count : credentials_of(header.pid, &who);
	if (status != 0)
		return status;
	for (int i = 0; i < WORDS_MOST; i++)
		words[i] = (struct capability_words) {
			(uint32_t)(who.effective >> 32 * i), (uint32_t)(who.permitted >> 32 * i), (uint32_t)(who.inheritable >> 32 * i),
		};
	return user_write(a1, words, (unsigned)count * sizeof words[0]);
}

enum { EFFECTIVE, PERMITTED, INHERITABLE, SETS };

static int64_t sets_step(struct credentials *who, const uint64_t *given)
{
	uint64_t effective = given[EFFECTIVE], permitted = given[PERMITTED], inheritable = given[INHERITABLE];

	if (!capable(CAP_SETPCAP) && !is_within(inheritable, who->inheritable | who->permitted))
		return -EPERM;
	if (!is_within(inheritable, who->inheritable | who->bounding) || !is_within(permitted, who->permitted) ||
	    !is_within(effective, permitted))
		return -EPERM;
	who->effective = effective;
	who->permitted = permitted;
	who->inheritable = inheritable;
	who->ambient &= permitted & inheritable;
	return 0;
}

int64_t sys_capset(SYSCALL_ARGUMENTS)
{
	struct capability_words words[WORDS_MOST] = { 0 };
	uint64_t sets[SETS] = { 0 };
	struct capability_header header;
	int count = header_read(a0, &header);

	if (count < 0)
		return count;
	if (header.pid != 0 && header.pid != self()->tid)
		return -EPERM;
	if (user_read(words, a1, (unsigned)count * sizeof words[0]) != 0)
		return -EFAULT;
	for (int i = 0; i < count; i++) {
		sets[EFFECTIVE] |= (uint64_t)words[i].effective << 32 * i;
		sets[PERMITTED] |= (uint64_t)words[i].permitted << 32 * i;
		sets[INHERITABLE] |= (uint64_t)words[i].inheritable << 32 * i;
	}
	for (int i = 0; i < SETS; i++)
		sets[i] &= CAPABILITIES_ALL;
	return credentials_change(sets_step, sets);
}

/* ---- prctl ---- */

static int64_t bounding_drop(struct credentials *who, uint64_t capability)
{
	if (!capable(CAP_SETPCAP))
		return -EPERM;
	if (capability > CAP_LAST)
		return -EINVAL;
	who->bounding &= ~CAPABILITY(capability);
	return 0;
}

static int64_t secure_bits_set(struct credentials *who, uint64_t bits)
{
	uint32_t locks = who->secure_bits & SECURE_LOCKS;

	if ((locks >> 1 & (who->secure_bits ^ bits)) || (locks & ~bits) || (bits & ~(uint64_t)(SECURE_BITS | SECURE_LOCKS)))
		return -EPERM;
	if (!capable(CAP_SETPCAP))
		return -EPERM;
	who->secure_bits = (uint32_t)bits;
	return 0;
}

static int64_t keep_set(struct credentials *who, uint64_t keep)
{
	if (keep > 1)
		return -EINVAL;
	if (who->secure_bits & SECURE_KEEP_CAPS << 1)
		return -EPERM;
	who->secure_bits = (who->secure_bits & ~(uint32_t)SECURE_KEEP_CAPS) | (keep ? SECURE_KEEP_CAPS : 0);
	return 0;
}

static int64_t ambient_change(struct credentials *who, uint64_t what, uint64_t capability, uint64_t rest)
{
	enum { IS_SET = 1, RAISE, LOWER, CLEAR_ALL };
	uint64_t bit;

	if (rest != 0 || (what == CLEAR_ALL ? capability != 0 : capability > CAP_LAST))
		return -EINVAL;
	bit = CAPABILITY(capability);
	switch (what) {
	case IS_SET:
		return (who->ambient & bit) != 0;
	case RAISE:
		if (!(who->permitted & who->inheritable & bit) || (who->secure_bits & SECURE_NO_AMBIENT_RAISE))
			return -EPERM;
		who->ambient |= bit;
		return 0;
	case LOWER:
		who->ambient &= ~bit;
		return 0;
	case CLEAR_ALL:
		who->ambient = 0;
		return 0;
	}
	return -EINVAL;
}

/* given: prctl's arguments, with the last two in one. */
static int64_t prctl_step(struct credentials *who, const uint64_t *given)
{
	enum {
		GET_KEEPCAPS = 7, SET_KEEPCAPS = 8, CAPBSET_READ = 23, CAPBSET_DROP = 24, GET_SECUREBITS = 27, SET_SECUREBITS = 28,
		CAP_AMBIENT = 47,
	};

	switch (given[0]) {
	case GET_KEEPCAPS:
		return (who->secure_bits & SECURE_KEEP_CAPS) != 0;
	case SET_KEEPCAPS:
		return keep_set(who, given[1]);
	case CAPBSET_READ:
		return given[1] > CAP_LAST ? -EINVAL : (int64_t)(who->bounding >> given[1] & 1);
	case CAPBSET_DROP:
		return bounding_drop(who, given[1]);
	case GET_SECUREBITS:
		return who->secure_bits;
	case SET_SECUREBITS:
		return secure_bits_set(who, given[1]);
	case CAP_AMBIENT:
		return ambient_change(who, given[1], given[2], given[3]);
	}
	return -EINVAL;
}

int64_t capability_prctl(uint64_t option, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4)
{
	return credentials_change(prctl_step, (uint64_t[]) { option, a1, a2, a3 | a4 });
}
