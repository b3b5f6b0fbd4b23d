/* Between the files of process/. Lock order: tree lock > process lock > space lock > wait queues. */
#ifndef UNIX_PROCESS_INTERNAL_H
#define UNIX_PROCESS_INTERNAL_H

#include "process/capability.h"
#include "process/process.h"
#include "process/space.h"

enum { PRIORITY_PROGRAM = 12, PRIORITY_SERVICE = 16, PRIORITY_SCHEDULER = 20 };
enum { INIT_PID = 1 };

/* ---- threads (thread.c) ---- */
static inline struct thread_home *thread_home_of(struct thread *thread)
{
	return (struct thread_home *)((char *)thread + 2048);
}

/* The trap frame of a program's thread: the first on its handler stack. */
static inline struct trap_frame *thread_frame(struct thread *thread)
{
	return (struct trap_frame *)((char *)thread + STACK_BYTES - 512);
}

/* A thread of a program, not loaded yet, that starts with *registers. Null: no memory. */
struct thread *thread_create(struct process *process, const struct registers *registers);
/* A thread of UNIX itself, not loaded yet. Null: no memory. */
/* Loads those of UNIX's own threads that Strange forgot. */
void kernel_threads_reload(void);
struct thread *kernel_thread_create(void (*function)(void *), void *argument, const char *name, uint32_t priority);
void thread_name_fixed(struct thread *thread, baryon_uid uid);  /* before it is loaded */
/* The one processor of a set, or CPU_ANY: Strange binds a thread to one or to none. */
uint16_t affinity_processor(uint64_t set);
/* Its time slice is as its policy, its process's nice value and its clan's size say (schedule.c). Tree lock. */
void thread_turn_set(struct thread *thread);
int thread_load(struct thread *thread);                 /* 0, -EAGAIN */
void thread_destroy(struct thread *thread);             /* it is gone, or was never loaded; frees its stack */
long thread_reload(baryon_uid uid);                      /* 0 or a negated Strange error */
_Noreturn void thread_leave(void);                      /* the calling thread is gone from here on */

/* ---- extended state (xstate.c) ---- */
void xstate_save(void *to);                 /* XSTATE_BYTES, 64-aligned */
void xstate_load(const void *from);         /* the same; it was checked */
void xstate_clear(void);                    /* as at the start of a program */

/* ---- the tree of processes (tree.c) ---- */
extern struct mutex tree_lock;
extern struct process *init_process;
void pids_init(void);
int32_t pid_take(void);                     /* tree lock; 0: none is free */
void pid_set_thread(int32_t pid, struct thread *thread);
/* The uids of all programs' threads, without a lock, for whoever puts threads back while their owner may hold any lock: some
 * may have ended, and one that begins meanwhile may be left out. */
void thread_names_each(void (*visit)(baryon_uid thread));
void pid_put(int32_t pid);                  /* of an id that no thread has any more */
struct thread *thread_of_pid(int32_t tid);  /* tree lock; null: none */
struct thread *thread_of_key(struct process_key key);   /* the same, of a process that is no longer being made */
struct process *process_of_pid(int32_t pid);
void process_link(struct process *process, struct process *parent);     /* tree lock */
void process_unlink(struct process *process);                           /* tree lock */
void process_adopt(struct process *process, struct process *parent);    /* tree lock */
void pid_name(int32_t pid, int change);     /* one more or less process is in the group or session that it names. Tree lock */
void group_join(struct process *process, int32_t group);                /* tree lock; leaves the old one */
struct process *process_next(struct process *process);                  /* all processes; null begins and ends. Tree lock */
bool group_is_orphaned_locked(int32_t group, const struct process *except);
bool group_has_stopped(int32_t group);

/* ---- sessions (session.c) ---- */
/* A session has at most three quarters of the processes that there may be and half of the threads, and its clan seven eighths and three
 * quarters, so that others can be started and used beside it. Tree lock. */
bool session_is_full(const struct session *session);
void process_count_thread(struct process *process, int change);         /* one more or less beyond the first. Tree lock */
struct session *session_create(int32_t id); /* nobody's yet; null: no memory */
void session_free(struct session *session); /* of nobody */
void session_begin(struct process *process, struct session *session);   /* the process leaves its own for this new one. Tree lock */
void session_join(struct process *process, struct session *session);    /* the same with one that is there, or null: none */

/* ---- processes (fork.c, exit.c) ---- */
enum {
	CLONE_SIGNAL_MASK = 0xff, CLONE_VM = 0x100, CLONE_FS = 0x200, CLONE_FILES = 0x400, CLONE_SIGHAND = 0x800, CLONE_PIDFD = 0x1000,
	CLONE_VFORK = 0x4000, CLONE_PARENT = 0x8000, CLONE_THREAD = 0x10000, CLONE_SYSVSEM = 0x40000, CLONE_SETTLS = 0x80000,
	CLONE_PARENT_SETTID = 0x100000, CLONE_CHILD_CLEARTID = 0x200000, CLONE_DETACHED = 0x400000, CLONE_CHILD_SETTID = 0x1000000,
	CLONE_NEWUSER = 0x10000000, CLONE_NEW_SPACES = 0x7e020080,
};
#define CLONE_CLEAR_SIGHAND 0x100000000ull

struct clone_arguments {
	uint64_t flags;             /* CLONE_*, checked, without the signal */
	uint64_t exit_signal;       /* 0..SIGNAL_COUNT */
	uint64_t stack;             /* its end; 0: as the caller's */
	uint64_t parent_tid, child_tid, tls;
	uint64_t pidfd;             /* where CLONE_PIDFD's descriptor goes */
};
/* A new process, or a new thread of the caller's. Its id, -EAGAIN: no id or a limit, -ENOMEM. */
int64_t clone_process(const struct clone_arguments *clone);
int64_t clone_thread(const struct clone_arguments *clone);
struct process *process_create(struct process *parent);         /* a copy without threads, space and files */
void process_free(struct process *process);
_Noreturn void process_exit(uint32_t status);           /* all threads; status as wait4 reports it */
_Noreturn void thread_exit(void);                       /* the calling thread; with the last one its process */
void vfork_release(struct process *process);            /* the child no longer uses its parent's space */
void thread_abandon(struct thread *thread);             /* placed in its process, but never loaded */
void process_reap(struct process *process);             /* a zombie that is out of the tree */
void dead_add(struct thread *thread);                   /* for the reaper */
_Noreturn void init_main(void *argument);

/* ---- pidfd (event/process_file.c): of a process with a watch, under the tree lock ---- */
void process_watch_ended(struct process *process);      /* it is a zombie */
void process_watch_lost(struct process *process);       /* it was waited for */
int64_t process_file_of(struct process *process);       /* a new descriptor of the caller's for it. >= 0, -EMFILE, -ENOMEM */
int process_file_pid(int descriptor, bool *wait);       /* its number, -EBADF, -ECHILD: it was waited for */

/* ---- scheduling (schedule.c) ---- */
enum { SCHED_OTHER = 0, SCHED_FIFO = 1, SCHED_RR = 2, SCHED_BATCH = 3, SCHED_IDLE = 5, SCHED_DEADLINE = 6 };

/* ---- credentials (identity.c) ---- */
/* Nobody else of the calling process changes who it is, or decides by it which rights a program gets, until credentials_release.
 * False: the caller is to end. No locks; the holder may sleep. */
bool credentials_hold(void);
void credentials_release(void);
/* Changes a copy of the caller's credentials, which are held. A negative result: nothing changes. `given` are the step's own. */
typedef int64_t credentials_step(struct credentials *now, const uint64_t *given);
int64_t credentials_change(credentials_step *step, const uint64_t *given);      /* the step's result; -EINTR: the caller is to end */

/* ---- exec (exec.c) ---- */
/* Gives a process that has no thread yet its first program, and a thread that is not loaded. Texts are in UNIX's memory.
 * Returns 0 or -E*. */
int exec_first(struct process *process, const char *path, const char *const *arguments, const char *const *environment);

/* ---- memory is short (shortage.c) ---- */
/* A page fault found no memory: ends the largest process, unless one is ending already, and waits a moment. False: it has been
 * tried often enough; the caller's own process has to go. With `at_fault` the caller holds no locks. */
bool memory_relieve(unsigned *tries, bool at_fault);
void memory_release_begin(void);        /* a process gives its memory back: nobody is killed meanwhile */
void memory_release_end(void);

/* ---- instructions that write to the page in which they lie (step.c) ---- */
/* The instruction at the frame faulted when it wrote to `address`, and that fault is resolved: if it lies in the same page, it
 * is executed elsewhere when the frame is resumed. 0; -EACCES: it is none that can be moved; -ENOMEM. No locks. */
int step_begin(struct trap_frame *frame, uint64_t address);
/* Whether the address is in a page of the instruction at the frame. */
bool step_may_be_needed(const struct trap_frame *frame, uint64_t address);
/* The calling thread stops in the middle of a step, or is done: the frame says again where it is in its program. True: the
 * instruction is done, and the frame's trap was the one that ends the step. No locks. */
bool step_leave(struct trap_frame *frame);
/* The calling thread ends. No locks. */
void step_drop(void);

/* ---- signals (signal.c, signal_frame.c) ---- */
struct signal_queued {
	struct signal_queued *next;
	struct linux_siginfo info;
};

#define SIGNAL_BIT(number) (1ull << ((number) - 1))
#define SIGNALS_STOP (SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))
#define SIGNALS_UNBLOCKABLE (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))

enum { SIG_DFL = 0, SIG_IGN = 1 };
enum {
	SA_NOCLDSTOP = 1, SA_NOCLDWAIT = 2, SA_SIGINFO = 4, SA_RESTORER = 0x04000000, SA_ONSTACK = 0x08000000,
	SA_RESTART = 0x10000000, SA_NODEFER = 0x40000000,
};
#define SA_RESETHAND 0x80000000u

/* The table of how signals are handled (actions.c). */
void actions_lock(struct process *process);             /* takes the process lock too */
void actions_unlock(struct process *process);
void actions_copy(struct process *process, struct process *from);       /* a new process gets its own. Takes from's lock */
int actions_share(struct process *child);               /* a new process has the caller's. 0, -ENOMEM */
bool actions_are_shared(const struct process *process); /* the caller's own */
void actions_part(struct process *process);             /* the caller's, alone in it, becomes its own. No locks */
void actions_free(struct process *process);             /* nobody knows the process any more */

/* Posts a signal: thread null means any thread of the process. info may be null (SI_KERNEL). Takes the process lock. 0, -EAGAIN: it
 * was to be queued, and the queue is full. */
int signal_post(struct process *process, struct thread *thread, int number, const struct linux_siginfo *info);
int signal_post_locked(struct process *process, struct thread *thread, int number, const struct linux_siginfo *info);
/* A fault or exception of the calling thread: cannot be blocked or ignored. */
void signal_force(int number, int code, uint64_t address);
/* Takes a pending signal of the calling thread that is in `set`. Returns its number and info, 0: none. Takes the lock. */
int signal_take(uint64_t set, struct linux_siginfo *info);
void signal_drop_ignored(struct process *process, int number);  /* pending ones, if it is ignored now. Process lock */
void signals_exec(struct process *process);             /* handlers become defaults */
void signals_default(struct process *process);          /* the same for a process that nobody else knows yet */
void signals_free(struct signal_queued *queued);
extern struct wait_queue signal_watchers;               /* woken at each signal of anybody: signalfd's */
bool signal_allowed(const struct process *target, int number);  /* may the caller send it? Tree lock held */
/* Sends a signal as kill does; info null: the caller's. Tree lock held. 0, -EPERM, -EAGAIN. */
int signal_kill(struct process *target, int number, const struct linux_siginfo *info);
uint64_t signals_pending(void);                         /* of the calling thread, blocked or not */
void signal_mask_set(uint64_t mask);
/* Does what `work` asks before the calling thread goes on in its program. result: of the system call, else 0. */
void work_do(struct trap_frame *frame, bool is_call, int64_t result);
/* Builds the frame of a handler; false: the stack cannot be written. */
bool signal_frame_push(struct trap_frame *frame, int number, const struct linux_siginfo *info,
	const struct signal_action *action, uint64_t mask);
void work_add(struct thread *thread, uint32_t work);
void thread_alert(struct thread *thread);               /* makes it look at its work */
void process_stop_notify(struct process *process, int code, int status);

/* ---- time (time.c) ---- */
/* A clock (clock_gettime(2)) now. 0, -EINVAL. */
int clock_read(int32_t clock, uint64_t *out);
enum { CLOCK_OF_PROCESS = 2, CLOCK_OF_PROGRAM = 1 << 20 };    /* Linux's number; the part of it in the program, for timers only */
enum { TIMER_OF_LIMIT = -8 };
/* For a negative clock that can be read: the caller's own process's or a thread's clock, with its id if it names one; -1: another's. */
int32_t clock_own(int32_t clock, int32_t *tid);
bool clock_is_cpu(int32_t clock);                       /* counts the caller's or a process's use of processors */
struct linux_timespec timespec_of(uint64_t ns);
struct linux_timeval timeval_of(uint64_t ns);
int timespec_ns(const struct linux_timespec *time, uint64_t *ns);   /* 0, -EINVAL; at most 285 years */

uint64_t host_name_get(char *to, uint64_t limit);      /* a line: its length (system.c) */

/* ---- what was used (usage.c) ---- */
uint64_t process_time(struct process *process);         /* ns that its threads ran. Takes the process lock */
uint64_t thread_time(struct thread *thread);            /* the same of one; it is not going meanwhile */
void thread_time_keep(struct process *process, struct thread *thread);         /* it ends: the process has its time. Process lock */
void process_usage(struct process *process, struct usage *out);                /* takes the process lock */
void process_usage_locked(struct process *process, struct usage *out);
void process_usage_end(struct process *process);
void thread_usage(struct thread *thread, struct usage *out);
void usage_add(struct usage *to, const struct usage *more);
int usage_store(uint64_t to, const struct usage *usage);       /* as struct rusage, to the program. 0, -EFAULT */
/* RLIMIT_CPU of a process is to be kept: it is new, or the limit is. */
void cpu_limit_start(struct process *process);

/* ---- timers (timers.c, timer_calls.c) ---- */
void timers_init(void);
void timers_exec(struct process *process);              /* timer_create's go */
void timers_end(struct process *process);               /* all go */
void timers_lock(void);         /* tree lock > timers' lock > process lock */
void timers_unlock(void);
void timer_arm(struct timer *timer, uint64_t target, uint64_t interval);    /* target 0: not armed. Timers' lock */
uint64_t timer_left(const struct timer *timer);         /* ns, 0: not armed. Timers' lock */
uint64_t timer_clock_now(const struct timer *timer);
bool timer_clock_ended(const struct timer *timer);      /* it counts a thread's time, and that has ended. Timers' lock */
struct timer *timer_of(struct process *process, int32_t id);   /* null: none. Timers' lock */
void timer_unlink(struct timer *timer);                 /* from its process. Timers' lock */
/* The calling thread took a timer's signal: fills in how often it fired meanwhile. No locks. */
void timer_signal_taken(struct linux_siginfo *info);

/* ---- futexes (futex.c) ---- */
void futex_wake_address(uint64_t address, unsigned count);
void robust_list_end(struct thread *me);    /* the calling thread leaves its program */
void futex_owner_ends(struct thread *owner);            /* after that: who waits for its locks looks again (futex_owned.c) */

#endif
