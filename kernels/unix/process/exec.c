/* execve: the calling process's program is replaced. Everything that can fail is done on a new space first, with room for what is parted
 * from others; from exec_commit on, where the other threads end, nothing is refused any more: what could not be done would end the
 * process with SIGKILL. That is so when memory is out and another process that shared the descriptors opened more meanwhile. */
#include "baryon/calls.h"
#include "baryon/string.h"
#include "process/exec.h"
#include "process/numbers.h"

static struct exec *exec_create(const struct exec_source *source)
{
	struct exec *exec = heap_alloc(sizeof *exec);

	if (exec == NULL)
		return NULL;
	exec->source = *source;
	exec->path = heap_alloc_any(EXEC_PATH_BYTES);
	exec->header = heap_alloc_any(PAGE_BYTES);
	if (exec->path != NULL && exec->header != NULL)
		return exec;
	heap_free(exec->path);
	heap_free(exec->header);
	heap_free(exec);
	return NULL;
}

static void exec_free(struct exec *exec)
{
	text_free(exec->text);
	if (exec->file != NULL)
		file_put(exec->file);
	if (exec->interpreter_file != NULL) {
		file_unuse(exec->interpreter_file);     /* its mappings stay; only the program itself is kept from writers */
		file_put(exec->interpreter_file);
	}
	if (exec->space != NULL)
		space_put(exec->space);
	if (exec->files != NULL)
		files_exit(exec->files);
	heap_free(exec->paths);
	heap_free(exec->path);
	heap_free(exec->header);
	heap_free(exec);
}

/* The set-user-id and set-group-id bits of the program, or of a script's interpreter, and capabilities. */
static int identity_choose(struct exec *exec)
{
	enum { SET_USER = 04000, SET_GROUP = 02000, GROUP_EXECUTE = 010 };
	const struct process *me = self_process();
	struct file_capabilities capabilities;
	uint32_t mode, uid, gid;

	exec->credentials = me->credentials;
	file_owner(exec->file, &mode, &uid, &gid);
	file_capabilities(exec->file, &capabilities);
	if (!me->no_new_privileges && (mode & SET_USER))
		exec->credentials.euid = uid;
	if (!me->no_new_privileges && (mode & (SET_GROUP | GROUP_EXECUTE)) == (SET_GROUP | GROUP_EXECUTE))
		exec->credentials.egid = gid;
	/* Whoever shares its folder with it could lead it elsewhere. */
	return capabilities_exec(&exec->credentials, &me->credentials, &capabilities,
		me->no_new_privileges || path_state_is_shared(me->paths), &exec->secure);
}

static bool identity_changes(const struct credentials *c, const struct credentials *new)
{
	return c->euid != new->euid || c->egid != new->egid || c->fsuid != new->fsuid || c->fsgid != new->fsgid ||
		(new->permitted & ~c->permitted);
}

/* Process lock held. */
static void identity_take(struct process *process, const struct exec *exec)
{
	struct credentials *c = &process->credentials;
	const struct credentials *new = &exec->credentials;
	bool changes = identity_changes(c, new);

	*c = *new;
	process->dumpable = !changes && c->euid == c->uid && c->egid == c->gid;
	if (changes)
		process->parent_death_signal = 0;
}

/* Room for what the process shares with others and will have for itself. */
static int parts_gather(struct exec *exec)
{
	const struct process *me = self_process();

	if (me->files != NULL && files_are_shared(me->files)) {
		exec->files = files_room(me->files);
		if (exec->files == NULL)
			return -ENOMEM;
	}
	if (me->paths != NULL && path_state_is_shared(me->paths)) {
		exec->paths = path_state_room();
		if (exec->paths == NULL)
			return -ENOMEM;
	}
	return 0;
}

/* The caller is the only thread. A thread may have begun to share the folder since the program's rights were decided. */
static int parts_take(struct exec *exec)
{
	struct files *files = exec->files;
	struct path_state *paths = exec->paths;
	int status;

	exec->files = NULL;
	status = files_part(files);
	if (status != 0 || !identity_changes(&self_process()->credentials, &exec->credentials))
		return status;
	exec->paths = NULL;
	return path_state_part(paths);
}

/* Everything up to a space with the program in it. exec->path is set. */
static int exec_prepare(struct exec *exec)
{
	int status = exec_open(exec);

	if (status == 0)
		status = identity_choose(exec);
	if (status == 0)
		status = text_gather(exec);
	if (status == 0)
		status = parts_gather(exec);
	if (status != 0)
		return status;
	exec->space = space_create();
	return exec->space == NULL ? -ENOMEM : exec_map(exec);
}

/* Process lock held. */
static void others_leave(struct process *process)
{
	struct thread *me = self();

	for (struct thread *t = process->threads; t != NULL; t = t->next_in_process) {
		if (t != me && !t->gone) {
			work_add(t, WORK_LEAVE);
			thread_alert(t);
		}
	}
	wait_queue_wake(&process->stop_wait);
}

/* The other threads leave, and those that they make until then. Returns false if the process ends meanwhile. */
static bool threads_end(struct process *process)
{
	bool alone;

	mutex_lock(&process->lock);
	while (!(alone = process->thread_count == 1) && !signal_is_killing()) {
		others_leave(process);
		(void)wait_queue_sleep(&process->stop_wait, &process->lock, false, 0);
	}
	mutex_unlock(&process->lock);
	return alone && !process->exiting;
}

/* The thread that calls exec becomes the leader and takes its id. */
static void leader_become(struct process *process)
{
	struct thread *me = self(), *old = process->leader;

	if (old == me)
		return;
	mutex_lock(&tree_lock);
	mutex_lock(&process->lock);
	for (struct thread **link = &process->threads; *link != NULL; link = &(*link)->next_in_process) {
		if (*link == old) {
			*link = old->next_in_process;
			break;
		}
	}
	thread_time_keep(process, old);
	process_count_thread(process, -1);
	pid_put(me->tid);
	me->tid = process->pid;
	pid_set_thread(process->pid, me);
	process->leader = me;
	mutex_unlock(&process->lock);
	mutex_unlock(&tree_lock);
	dead_add(old);
}

static void program_take(struct process *process, struct exec *exec)
{
	struct file *old = process->executable;

	mutex_lock(&process->lock);
	process->executable = exec->file;
	mutex_unlock(&process->lock);
	exec->file = NULL;
	if (old != NULL)
		file_put(old);
	memcpy(process->name, exec->name, sizeof process->name);
	process->executed = 1;
}

static void start_registers(const struct exec *exec, struct registers *registers)
{
	*registers = (struct registers) {
		.rip = exec->entry, .rsp = exec->stack, .rflags = 0x202, .flags = REGISTERS_FULL,
	};
}

static void thread_reset(struct thread *me, const struct exec *exec)
{
	struct trap_frame *frame = thread_frame(me);

	me->alternate_stack = me->alternate_bytes = me->clear_tid = 0;
	me->alternate_flags = 0;
	me->fs_base = me->gs_base = 0;
	start_registers(exec, &frame->registers);
	frame->fs_base = frame->gs_base = 0;
	frame->flags |= FRAME_BASES;
	xstate_clear();
}

static int exec_commit(struct exec *exec)
{
	struct thread *me = self();
	struct process *process = me->process;
	struct space *old = process->space;

	if (!threads_end(process))
		return -EINTR;
	if (parts_take(exec) != 0) {
		signal_send_self(SIGKILL);
		return -ENOMEM;
	}
	if (me->robust_list != 0)
		robust_list_end(me);
	futex_owner_ends(me);
	if (thread_rebase(me->uid, exec->space->home.header.uid) < 0) {
		signal_send_self(SIGKILL);
		return -ENOMEM;
	}
	timers_exec(process);
	leader_become(process);
	mutex_lock(&process->lock);
	process_usage_end(process);
	process->space = exec->space;
	identity_take(process, exec);           /* who may look at the new program's memory is asked under this lock */
	mutex_unlock(&process->lock);
	exec->space = NULL;
	space_put(old);
	vfork_release(process);
	program_take(process, exec);
	signals_exec(process);
	files_exec(process->files);
	thread_reset(me, exec);
	return 0;
}

/* While a thread runs another program no other of its process does, or changes who it is: what one gives up before the program
 * begins it has not got, and who waits to give something up ends with the old program. */
static int exec_alone(struct exec *exec)
{
	int status;

	if (!credentials_hold())
		return -EINTR;
	status = exec_prepare(exec);
	if (status == 0)
		status = exec_commit(exec);
	credentials_release();
	return status;
}

/* Runs what exec->path names. */
static int64_t exec_run(struct exec *exec, int64_t path_bytes)
{
	int64_t status = path_bytes == 0 ? -ENOENT : path_bytes;

	if (status > 0)
		status = exec_alone(exec);
	exec_free(exec);
	return status;
}

int64_t sys_execve(SYSCALL_ARGUMENTS)
{
	struct exec_source source = { .arguments = a1, .environment = a2 };
	struct exec *exec = exec_create(&source);

	return exec == NULL ? -ENOMEM : exec_run(exec, user_string(exec->path, a0, EXEC_PATH_BYTES));
}

enum { AT_CURRENT = -100, AT_NOFOLLOW = 0x100, AT_EMPTY = 0x1000, AT_PREFIX_BYTES = 32 };

/* Puts "/dev/fd/N" before a path that is relative to a descriptor: programs see that name. The path's length, -ENOENT, -EBADF. */
static int64_t path_at(char *path, int descriptor, int64_t bytes, bool may_be_empty)
{
	char prefix[AT_PREFIX_BYTES];
	uint64_t prefix_bytes;
	struct file *file;

	if (bytes < 0 || path[0] == '/' || (bytes == 0 && !may_be_empty) || (bytes > 0 && descriptor == AT_CURRENT))
		return bytes;
	file = file_of_descriptor(descriptor);
	if (file == NULL)
		return -EBADF;
	file_put(file);
	prefix_bytes = (uint64_t)text_format(prefix, sizeof prefix, bytes == 0 ? "/dev/fd/%d" : "/dev/fd/%d/", descriptor);
	if (prefix_bytes + (uint64_t)bytes + 1 > EXEC_PATH_BYTES)
		return -ENAMETOOLONG;
	memmove(path + prefix_bytes, path, (uint64_t)bytes + 1);
	memcpy(path, prefix, prefix_bytes);
	return bytes + (int64_t)prefix_bytes;
}

int64_t sys_execveat(SYSCALL_ARGUMENTS)
{
	struct exec_source source = { .arguments = a2, .environment = a3 };
	struct exec *exec;
	int64_t bytes;
	bool known = ((uint32_t)a4 & ~(uint32_t)(AT_NOFOLLOW | AT_EMPTY)) == 0;

	if (known && (a4 & AT_NOFOLLOW) && file_is_link((int)a0, a1))
		return -ELOOP;
	exec = exec_create(&source);
	if (exec == NULL)
		return -ENOMEM;
	bytes = user_string(exec->path, a1, EXEC_PATH_BYTES);
	if (!known && (bytes > 0 || (bytes == 0 && (a4 & AT_EMPTY))))
		bytes = -EINVAL;
	return exec_run(exec, path_at(exec->path, (int)a0, bytes, a4 & AT_EMPTY));
}

/* The first program of a process that has no thread yet. */
int exec_first(struct process *process, const char *path, const char *const *arguments, const char *const *environment)
{
	struct exec_source source = { true, (uint64_t)arguments, (uint64_t)environment };
	struct exec *exec = exec_create(&source);
	struct registers registers;
	int status;

	if (exec == NULL)
		return -ENOMEM;
	string_copy(exec->path, path, EXEC_PATH_BYTES);
	status = exec_prepare(exec);
	if (status == 0) {
		process->space = exec->space;
		start_registers(exec, &registers);
		process->leader = process->threads = thread_create(process, &registers);
		status = process->leader == NULL ? -ENOMEM : 0;
	}
	if (status == 0) {
		exec->space = NULL;
		process->thread_count = 1;
		program_take(process, exec);
	}
	exec_free(exec);
	return status;
}
