/* Who a process is: ids of users and groups (credentials(7)). Credentials change only by their own process. */
#include "baryon/string.h"
#include "process/internal.h"

#define KEEP 0xffffffffu                /* -1: leave as it is */

static struct credentials *mine(void)
{
	return &self_process()->credentials;
}

int64_t sys_getuid(SYSCALL_ARGUMENTS)
{
	return mine()->uid;
}

int64_t sys_geteuid(SYSCALL_ARGUMENTS)
{
	return mine()->euid;
}

int64_t sys_getgid(SYSCALL_ARGUMENTS)
{
	return mine()->gid;
}

int64_t sys_getegid(SYSCALL_ARGUMENTS)
{
	return mine()->egid;
}

/* Who becomes another has rights, and things in memory, that others of that user have not. */
static void identity_changed(const struct credentials *before)
{
	const struct credentials *c = mine();

	if (c->euid == before->euid && c->egid == before->egid && c->fsuid == before->fsuid && c->fsgid == before->fsgid)
		return;
	self_process()->dumpable = 0;
	self_process()->parent_death_signal = 0;
}

static bool may_be_user(uint32_t uid)
{
	return uid == KEEP || uid == mine()->uid || uid == mine()->euid || uid == mine()->suid || capable(CAP_SETUID);
}

static bool may_be_group(uint32_t gid)
{
	return gid == KEEP || gid == mine()->gid || gid == mine()->egid || gid == mine()->sgid || capable(CAP_SETGID);
}

static int users_set(uint32_t uid, uint32_t euid, uint32_t suid)
{
	struct credentials *c = mine(), before = *c;

	if (!may_be_user(uid) || !may_be_user(euid) || !may_be_user(suid))
		return -EPERM;
	c->uid = uid == KEEP ? c->uid : uid;
	c->euid = euid == KEEP ? c->euid : euid;
	c->suid = suid == KEEP ? c->suid : suid;
	c->fsuid = c->euid;
	capabilities_follow_users(c, &before);
	identity_changed(&before);
	return 0;
}

static int groups_set(uint32_t gid, uint32_t egid, uint32_t sgid)
{
	struct credentials *c = mine(), before = *c;

	if (!may_be_group(gid) || !may_be_group(egid) || !may_be_group(sgid))
		return -EPERM;
	c->gid = gid == KEEP ? c->gid : gid;
	c->egid = egid == KEEP ? c->egid : egid;
	c->sgid = sgid == KEEP ? c->sgid : sgid;
	c->fsgid = c->egid;
	identity_changed(&before);
	return 0;
}

int64_t sys_setuid(SYSCALL_ARGUMENTS)
{
	uint32_t uid = (uint32_t)a0, others = capable(CAP_SETUID) ? uid : KEEP;

	if (uid == KEEP)
		return -EINVAL;
	return others == KEEP && uid != mine()->uid && uid != mine()->suid ? -EPERM : users_set(others, uid, others);
}

int64_t sys_setgid(SYSCALL_ARGUMENTS)
{
	uint32_t gid = (uint32_t)a0, others = capable(CAP_SETGID) ? gid : KEEP;

	if (gid == KEEP)
		return -EINVAL;
	return others == KEEP && gid != mine()->gid && gid != mine()->sgid ? -EPERM : groups_set(others, gid, others);
}

int64_t sys_setreuid(SYSCALL_ARGUMENTS)
{
	uint32_t uid = (uint32_t)a0, euid = (uint32_t)a1;
	bool saved = uid != KEEP || (euid != KEEP && euid != mine()->uid);

	if (uid != KEEP && uid != mine()->uid && uid != mine()->euid && !capable(CAP_SETUID))
		return -EPERM;
	return users_set(uid, euid, saved ? (euid == KEEP ? mine()->euid : euid) : KEEP);
}

int64_t sys_setregid(SYSCALL_ARGUMENTS)
{
	uint32_t gid = (uint32_t)a0, egid = (uint32_t)a1;
	bool saved = gid != KEEP || (egid != KEEP && egid != mine()->gid);

	if (gid != KEEP && gid != mine()->gid && gid != mine()->egid && !capable(CAP_SETGID))
		return -EPERM;
	return groups_set(gid, egid, saved ? (egid == KEEP ? mine()->egid : egid) : KEEP);
}

int64_t sys_setresuid(SYSCALL_ARGUMENTS)
{
	return users_set((uint32_t)a0, (uint32_t)a1, (uint32_t)a2);
}

int64_t sys_setresgid(SYSCALL_ARGUMENTS)
{
	return groups_set((uint32_t)a0, (uint32_t)a1, (uint32_t)a2);
}

static int64_t three_store(const uint64_t to[3], const uint32_t ids[3])
{
	for (unsigned i = 0; i < 3; i++) {
		if (user_write(to[i], &ids[i], sizeof ids[i]) != 0)
			return -EFAULT;
	}
	return 0;
}

int64_t sys_getresuid(SYSCALL_ARGUMENTS)
{
	return three_store((uint64_t[]) { a0, a1, a2 }, (uint32_t[]) { mine()->uid, mine()->euid, mine()->suid });
}

int64_t sys_getresgid(SYSCALL_ARGUMENTS)
{
	return three_store((uint64_t[]) { a0, a1, a2 }, (uint32_t[]) { mine()->gid, mine()->egid, mine()->sgid });
}

int64_t sys_setfsuid(SYSCALL_ARGUMENTS)
{
	struct credentials before = *mine();

	if ((uint32_t)a0 != KEEP && (may_be_user((uint32_t)a0) || (uint32_t)a0 == before.fsuid)) {
		mine()->fsuid = (uint32_t)a0;
		capabilities_follow_files(mine(), &before);
		identity_changed(&before);
	}
	return before.fsuid;
}

int64_t sys_setfsgid(SYSCALL_ARGUMENTS)
{
	struct credentials before = *mine();

	if ((uint32_t)a0 != KEEP && (may_be_group((uint32_t)a0) || (uint32_t)a0 == before.fsgid)) {
		mine()->fsgid = (uint32_t)a0;
		identity_changed(&before);
	}
	return before.fsgid;
}

int64_t sys_getgroups(SYSCALL_ARGUMENTS)
{
	struct credentials *c = mine();

	if ((int32_t)a0 < 0 || ((int32_t)a0 != 0 && (uint32_t)a0 < c->group_count))
		return -EINVAL;
	if ((int32_t)a0 != 0 && user_write(a1, c->groups, c->group_count * sizeof c->groups[0]) != 0)
		return -EFAULT;
	return c->group_count;
}

int64_t sys_setgroups(SYSCALL_ARGUMENTS)
{
	uint32_t groups[GROUPS_LIMIT];

	if (!capable(CAP_SETGID))
		return -EPERM;
	if (a0 > GROUPS_LIMIT)
		return -EINVAL;
	if (user_read(groups, a1, a0 * sizeof groups[0]) != 0)
		return -EFAULT;
	memcpy(mine()->groups, groups, a0 * sizeof groups[0]);
	mine()->group_count = (uint32_t)a0;
	return 0;
}

/* ---- ids and relatives ---- */

int64_t sys_getpid(SYSCALL_ARGUMENTS)
{
	return self_process()->pid;
}

int64_t sys_gettid(SYSCALL_ARGUMENTS)
{
	return self()->tid;
}

int64_t sys_getppid(SYSCALL_ARGUMENTS)
{
	int32_t pid;

	mutex_lock(&tree_lock);
	pid = self_process()->parent->pid;
	mutex_unlock(&tree_lock);
	return pid;
}
