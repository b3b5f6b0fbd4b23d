/* Who a process is: ids of users and groups (credentials(7)). Credentials change only by their own process, one thread at a time: each
 * change is made on a copy by a step that credentials_change calls, and exec holds them for as long as it decides by them. */
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

/* ---- changes ---- */

bool credentials_hold(void)
{
	struct process *me = self_process();
	bool held;

	mutex_lock(&me->lock);
	while (me->credentials_held && !signal_is_killing())
		(void)wait_queue_sleep(&me->stop_wait, &me->lock, false, 0);
	held = !me->credentials_held;
	if (held)
		me->credentials_held = true;
	mutex_unlock(&me->lock);
	return held;
}

void credentials_release(void)
{
	struct process *me = self_process();

	mutex_lock(&me->lock);
	me->credentials_held = false;
	wait_queue_wake(&me->stop_wait);
	mutex_unlock(&me->lock);
}

/* Who becomes another has rights, and things in memory, that others of that user have not. Process lock. */
static void identity_take(const struct credentials *now)
{
	struct process *me = self_process();
	struct credentials *c = &me->credentials;

	if (c->euid != now->euid || c->egid != now->egid || c->fsuid != now->fsuid || c->fsgid != now->fsgid) {
		me->dumpable = 0;
		me->parent_death_signal = 0;
	}
	*c = *now;
}

int64_t credentials_change(credentials_step *step, const uint64_t *given)
{
	struct process *me = self_process();
	struct credentials now;
	int64_t status;

	if (!credentials_hold())
		return -EINTR;
	now = me->credentials;
	status = step(&now, given);
	if (status >= 0) {
		mutex_lock(&me->lock);
		identity_take(&now);
		mutex_unlock(&me->lock);
	}
	credentials_release();
	return status;
}

static bool may_be_user(uint32_t uid)
{
	return uid == KEEP || uid == mine()->uid || uid == mine()->euid || uid == mine()->suid || capable(CAP_SETUID);
}

static bool may_be_group(uint32_t gid)
{
	return gid == KEEP || gid == mine()->gid || gid == mine()->egid || gid == mine()->sgid || capable(CAP_SETGID);
}

static int users_set(struct credentials *now, uint32_t uid, uint32_t euid, uint32_t suid)
{
	if (!may_be_user(uid) || !may_be_user(euid) || !may_be_user(suid))
		return -EPERM;
	now->uid = uid == KEEP ? now->uid : uid;
	now->euid = euid == KEEP ? now->euid : euid;
	now->suid = suid == KEEP ? now->suid : suid;
	now->fsuid = now->euid;
	capabilities_follow_users(now, mine());
	return 0;
}

static int groups_set(struct credentials *now, uint32_t gid, uint32_t egid, uint32_t sgid)
{
	if (!may_be_group(gid) || !may_be_group(egid) || !may_be_group(sgid))
		return -EPERM;
	now->gid = gid == KEEP ? now->gid : gid;
	now->egid = egid == KEEP ? now->egid : egid;
	now->sgid = sgid == KEEP ? now->sgid : sgid;
	now->fsgid = now->egid;
	return 0;
}

static int64_t user_step(struct credentials *now, const uint64_t *given)
{
	uint32_t uid = (uint32_t)given[0], others = capable(CAP_SETUID) ? uid : KEEP;

	if (uid == KEEP)
		return -EINVAL;
	return others == KEEP && uid != now->uid && uid != now->suid ? -EPERM : users_set(now, others, uid, others);
}

static int64_t group_step(struct credentials *now, const uint64_t *given)
{
	uint32_t gid = (uint32_t)given[0], others = capable(CAP_SETGID) ? gid : KEEP;

	if (gid == KEEP)
		return -EINVAL;
	return others == KEEP && gid != now->gid && gid != now->sgid ? -EPERM : groups_set(now, others, gid, others);
}

static int64_t two_users_step(struct credentials *now, const uint64_t *given)
{
	uint32_t uid = (uint32_t)given[0], euid = (uint32_t)given[1];
	bool saved = uid != KEEP || (euid != KEEP && euid != now->uid);

	if (uid != KEEP && uid != now->uid && uid != now->euid && !capable(CAP_SETUID))
		return -EPERM;
	return users_set(now, uid, euid, saved ? (euid == KEEP ? now->euid : euid) : KEEP);
}

static int64_t two_groups_step(struct credentials *now, const uint64_t *given)
{
	uint32_t gid = (uint32_t)given[0], egid = (uint32_t)given[1];
	bool saved = gid != KEEP || (egid != KEEP && egid != now->gid);

	if (gid != KEEP && gid != now->gid && gid != now->egid && !capable(CAP_SETGID))
		return -EPERM;
	return groups_set(now, gid, egid, saved ? (egid == KEEP ? now->egid : egid) : KEEP);
}

static int64_t three_users_step(struct credentials *now, const uint64_t *given)
{
	return users_set(now, (uint32_t)given[0], (uint32_t)given[1], (uint32_t)given[2]);
}

static int64_t three_groups_step(struct credentials *now, const uint64_t *given)
{
	return groups_set(now, (uint32_t)given[0], (uint32_t)given[1], (uint32_t)given[2]);
}

/* The result of setfsuid and setfsgid is what it was, also if it stays that. */
static int64_t files_user_step(struct credentials *now, const uint64_t *given)
{
	uint32_t uid = (uint32_t)given[0], before = now->fsuid;

	if (uid != KEEP && (may_be_user(uid) || uid == before)) {
		now->fsuid = uid;
		capabilities_follow_files(now, mine());
	}
	return before;
}

static int64_t files_group_step(struct credentials *now, const uint64_t *given)
{
	uint32_t gid = (uint32_t)given[0], before = now->fsgid;

	if (gid != KEEP && (may_be_group(gid) || gid == before))
		now->fsgid = gid;
	return before;
}

int64_t sys_setuid(SYSCALL_ARGUMENTS)
{
	return credentials_change(user_step, &a0);
}

int64_t sys_setgid(SYSCALL_ARGUMENTS)
{
	return credentials_change(group_step, &a0);
}

int64_t sys_setreuid(SYSCALL_ARGUMENTS)
{
	return credentials_change(two_users_step, (uint64_t[]) { a0, a1 });
}

int64_t sys_setregid(SYSCALL_ARGUMENTS)
{
	return credentials_change(two_groups_step, (uint64_t[]) { a0, a1 });
}

int64_t sys_setresuid(SYSCALL_ARGUMENTS)
{
	return credentials_change(three_users_step, (uint64_t[]) { a0, a1, a2 });
}

int64_t sys_setresgid(SYSCALL_ARGUMENTS)
{
	return credentials_change(three_groups_step, (uint64_t[]) { a0, a1, a2 });
}

int64_t sys_setfsuid(SYSCALL_ARGUMENTS)
{
	return credentials_change(files_user_step, &a0);
}

int64_t sys_setfsgid(SYSCALL_ARGUMENTS)
{
	return credentials_change(files_group_step, &a0);
}

/* ---- asking ---- */

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

int64_t sys_getgroups(SYSCALL_ARGUMENTS)
{
	struct credentials *c = mine();

	if ((int32_t)a0 < 0 || ((int32_t)a0 != 0 && (uint32_t)a0 < c->group_count))
		return -EINVAL;
	if ((int32_t)a0 != 0 && user_write(a1, c->groups, c->group_count * sizeof c->groups[0]) != 0)
		return -EFAULT;
	return c->group_count;
}

/* given: how many and where, in UNIX's memory. */
static int64_t other_groups_step(struct credentials *now, const uint64_t *given)
{
	if (!capable(CAP_SETGID))
		return -EPERM;
	memcpy(now->groups, (const void *)given[1], given[0] * sizeof now->groups[0]);
	now->group_count = (uint32_t)given[0];
	return 0;
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
	return credentials_change(other_groups_step, (uint64_t[]) { a0, (uint64_t)groups });
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
