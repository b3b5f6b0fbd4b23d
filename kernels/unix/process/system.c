/* What a program may ask about the system and set for itself: uname, sysinfo, limits, prctl, arch_prctl, affinity. */
#include "abi/layout.h"
#include "baryon/string.h"
#include "process/internal.h"

enum { NAME_BYTES = 65 };

static char host_name[NAME_BYTES] = "baryon";
static struct mutex host_lock;

int64_t sys_uname(SYSCALL_ARGUMENTS)
{
	struct {
		char system[NAME_BYTES], node[NAME_BYTES], release[NAME_BYTES], version[NAME_BYTES], machine[NAME_BYTES],
			domain[NAME_BYTES];
	} names;

	memset(&names, 0, sizeof names);
	string_copy(names.system, "Linux", NAME_BYTES);
	string_copy(names.release, LINUX_RELEASE, NAME_BYTES);
	string_copy(names.version, LINUX_VERSION, NAME_BYTES);
	string_copy(names.machine, "x86_64", NAME_BYTES);
	string_copy(names.domain, "(none)", NAME_BYTES);
	mutex_lock(&host_lock);
	string_copy(names.node, host_name, NAME_BYTES);
	mutex_unlock(&host_lock);
	return user_write(a0, &names, sizeof names);
}

uint64_t host_name_get(char *to, uint64_t limit)
{
	int bytes;

	mutex_lock(&host_lock);
	bytes = text_format(to, limit, "%s\n", host_name);
	mutex_unlock(&host_lock);
	return (uint64_t)bytes;
}

void host_name_write(const char *text, uint64_t bytes, uint64_t position)
{
	uint64_t end = position;

	mutex_lock(&host_lock);
	if (position <= strlen(host_name)) {
		for (uint64_t i = 0; i < bytes && end < NAME_BYTES - 1 && text[i] != 0 && text[i] != '\n'; i++)
			host_name[end++] = text[i];
		memset(host_name + end, 0, NAME_BYTES - end);
	}
	mutex_unlock(&host_lock);
}

int64_t sys_sethostname(SYSCALL_ARGUMENTS)
{
	char name[NAME_BYTES] = { 0 };

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (a1 >= NAME_BYTES)
		return -EINVAL;
	if (user_read(name, a0, a1) != 0)
		return -EFAULT;
	mutex_lock(&host_lock);
	memcpy(host_name, name, sizeof name);
	mutex_unlock(&host_lock);
	return 0;
}

static bool count_one(struct process *process, void *argument)
{
	(void)process;
	++*(unsigned *)argument;
	return true;
}

int64_t sys_sysinfo(SYSCALL_ARGUMENTS)
{
	struct {
		int64_t uptime;
		uint64_t loads[3], total, free, shared, buffers, swap_total, swap_free;
		uint16_t processes, padding;
		uint64_t high_total, high_free;
		uint32_t unit;
		char spare[4];
	} info;
	unsigned count = 0;

	memset(&info, 0, sizeof info);
	info.uptime = (int64_t)(time_monotonic() / 1000000000);
	pages_gather();
	info.total = page_count_total() * PAGE_BYTES;
	info.free = page_count_free() * PAGE_BYTES;
	process_each(count_one, &count);
	info.processes = (uint16_t)count;
	info.unit = 1;
	return user_write(a0, &info, 112);
}

/* ---- limits ---- */

static bool may_limit(const struct process *process)
{
	const struct credentials *mine = &self_process()->credentials, *its = &process->credentials;

	return process == self_process() || capable(CAP_SYS_RESOURCE) || (mine->uid == its->uid && mine->uid == its->euid && mine->uid == its->suid &&
		mine->gid == its->gid && mine->gid == its->egid && mine->gid == its->sgid);
}

static int limit_change(struct process *process, unsigned which, const struct rlimit_pair *limit)
{
	if (limit->soft > limit->hard)
		return -EINVAL;
	if (which == RLIMIT_NOFILE && limit->hard > DESCRIPTORS_MOST)
		return -EPERM;
	if (limit->hard > process->rlimits[which].hard && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	process->rlimits[which] = *limit;
	if (which == RLIMIT_CPU)
		cpu_limit_start(process);
	return 0;
}

static int limits_exchange(int32_t pid, uint64_t which, const struct rlimit_pair *new, struct rlimit_pair *old)
{
	struct process *process;
	int status = -ESRCH;

	mutex_lock(&tree_lock);
	process = pid == 0 ? self_process() : process_of_pid(pid);
	if (process != NULL && !may_limit(process)) {
		status = -EPERM;
	} else if (process != NULL) {
		*old = process->rlimits[which];
		status = new == NULL ? 0 : limit_change(process, (unsigned)which, new);
	}
	mutex_unlock(&tree_lock);
	return status;
}

int64_t sys_prlimit64(SYSCALL_ARGUMENTS)
{
	struct rlimit_pair new, old;
	int status;

	if (a1 >= RLIMIT_COUNT)
		return -EINVAL;
	if (a2 != 0 && user_read(&new, a2, sizeof new) != 0)
		return -EFAULT;
	status = limits_exchange((int32_t)a0, a1, a2 != 0 ? &new : NULL, &old);
	if (status == 0 && a3 != 0)
		status = user_write(a3, &old, sizeof old);
	return status;
}

int64_t sys_getrlimit(SYSCALL_ARGUMENTS)
{
	return sys_prlimit64(0, a0, 0, a1, 0, 0);
}

int64_t sys_setrlimit(SYSCALL_ARGUMENTS)
{
	return sys_prlimit64(0, a0, a1, 0, 0, 0);
}

/* ---- the calling thread ---- */

/* Whoever decides meanwhile which rights a program gets is done first. */
static int64_t privileges_end(void)
{
	if (!credentials_hold())
		return -EINTR;
	self_process()->no_new_privileges = true;
	credentials_release();
	return 0;
}

int64_t sys_prctl(SYSCALL_ARGUMENTS)
{
	enum {
		SET_PDEATHSIG = 1, GET_PDEATHSIG = 2, GET_DUMPABLE = 3, SET_DUMPABLE = 4, SET_NAME = 15, GET_NAME = 16,
		SET_TIMERSLACK = 29, GET_TIMERSLACK, SET_NO_NEW_PRIVS = 38, GET_NO_NEW_PRIVS = 39,
	};
	struct process *process = self_process();
	struct thread *me = self();
	uint32_t number;
	char name[16] = { 0 };

	switch (a0) {
	case SET_PDEATHSIG:
		if (a1 > SIGNAL_COUNT)
			return -EINVAL;
		process->parent_death_signal = a1;
		return 0;
	case GET_PDEATHSIG:
		number = (uint32_t)process->parent_death_signal;
		return user_write(a1, &number, sizeof number);
	case GET_DUMPABLE:
		return process->dumpable;
	case SET_DUMPABLE:
		if (a1 > 1)
			return -EINVAL;
		process->dumpable = a1 != 0;
		return 0;
	case SET_NAME:
		if (user_string(name, a1, sizeof name - 1) == -EFAULT)
			return -EFAULT;
		memcpy(me == process->leader ? process->name : me->name, name, sizeof name);
		return 0;
	case GET_NAME:
		return user_write(a1, thread_name(me), sizeof name);
	case SET_TIMERSLACK:
		me->timer_slack = (int64_t)a1 <= 0 ? me->timer_slack_default : a1;
		return 0;
	case GET_TIMERSLACK:
		return (int64_t)(me->timer_slack < INT32_MAX ? me->timer_slack : INT32_MAX);
	case SET_NO_NEW_PRIVS:
		if (a1 != 1 || a2 != 0 || a3 != 0 || a4 != 0)
			return -EINVAL;
		return privileges_end();
	case GET_NO_NEW_PRIVS:
		return a1 != 0 || a2 != 0 || a3 != 0 || a4 != 0 ? -EINVAL : process->no_new_privileges;
	default:
		return capability_prctl(a0, a1, a2, a3, a4);
	}
}

int64_t sys_arch_prctl(SYSCALL_ARGUMENTS)
{
	enum { SET_GS = 0x1001, SET_FS, GET_FS, GET_GS };
	struct thread *me = self();
	struct trap_frame *frame = thread_frame(me);

	if (a0 == GET_FS)
		return user_write(a1, &me->fs_base, sizeof me->fs_base);
	if (a0 == GET_GS)
		return user_write(a1, &me->gs_base, sizeof me->gs_base);
	if (a0 != SET_FS && a0 != SET_GS)
		return -EINVAL;
	if (a1 >= PROGRAM_LIMIT)
		return -EPERM;
	if (a0 == SET_FS)
		me->fs_base = a1;
	else
		me->gs_base = a1;
	frame->fs_base = me->fs_base;
	frame->gs_base = me->gs_base;
	frame->flags |= FRAME_BASES;
	return 0;
}

int64_t sys_set_tid_address(SYSCALL_ARGUMENTS)
{
	self()->clear_tid = a0;
	return self()->tid;
}
