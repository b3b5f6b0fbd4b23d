/* Processes and threads: the part that the files half and other kernels' halves of UNIX may use. */
#ifndef UNIX_PROCESS_PROCESS_H
#define UNIX_PROCESS_PROCESS_H

#include "abi/home.h"
#include "baryon/x86_64/processor.h"
#include "unix.h"

#define STACK_BYTES 16384ull            /* handler stack, struct thread and thread home; aligned to its size */
#define PID_LIMIT 32768
#define GROUPS_LIMIT 32

#define LINUX_RELEASE "6.1.0-baryon"   /* as uname(2) and /proc say it */
#define LINUX_VERSION "#1 SMP Baryon"

struct space;

struct credentials {
	uint32_t uid, euid, suid, fsuid;
	uint32_t gid, egid, sgid, fsgid;
	uint64_t effective, permitted, inheritable, bounding, ambient;  /* capabilities: process/capability.h */
	uint32_t secure_bits;
	uint32_t group_count;
	uint32_t groups[GROUPS_LIMIT];
};

struct headcount {              /* tree lock */
	uint32_t processes;         /* and those that nobody waited for */
	uint32_t threads;           /* beyond the first of each */
};

/* Sessions that count as one: session.c. Tree lock. */
struct clan {
	struct headcount count;
	uint32_t sessions;
	uint32_t crowded;           /* its threads' turns are shorter by this power of two */
};

/* A session lives as long as a process is in it. `terminal` is the controlling terminal: set and cleared by the files
 * half under session_lock(). */
struct session {
	int32_t id;
	struct headcount count;
	struct clan *clan;
	struct terminal *terminal;
};

struct signal_action {          /* as the program gave it */
	uint64_t handler;           /* SIG_DFL 0, SIG_IGN 1 */
	uint64_t flags;             /* SA_* */
	uint64_t restorer;
	uint64_t mask;              /* bit n-1 is signal n */
};

struct rlimit_pair {
	uint64_t soft, hard;
};

enum { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF, ITIMER_COUNT };

struct timer {                  /* see timers.c */
	struct timer *next;         /* in the order in which they are looked at; the timers' lock */
	struct timer *sibling;      /* of the same process */
	struct process *process;
	uint64_t look;              /* monotonic ns at which it is looked at; 0: not armed */
	uint64_t target;            /* when it fires, by its own clock */
	uint64_t interval;          /* ns; 0: once */
	int32_t clock;              /* CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_PROCESS_CPUTIME_ID or CLOCK_THREAD_CPUTIME_ID */
	int32_t counted;            /* the thread of the process whose time the last of these is */
	int32_t id;                 /* of timer_create; -1: setitimer's */
	int32_t number;             /* signal; 0: none */
	int32_t tid;                /* that gets the signal; 0: any thread */
	uint64_t value;             /* for the handler */
	/* Not null: called in place of the signal, under the timers' lock. Such a timer is of no process. */
	void (*fire)(struct timer *timer, uint64_t times);
	uint32_t overrun;           /* times it fired since the signal that is pending */
	uint32_t last_overrun;      /* of the signal that was taken last */
	bool pending;               /* its signal was posted and not taken */
};

struct time_used {
	uint64_t ns;
	uint64_t quanta_program, quanta_system;           /* ends of time slices, by where they were met */
	uint64_t sleeps;
};

struct usage {
	uint64_t user_ns, system_ns;
	uint64_t faults;
	uint64_t sleeps, quanta;        /* processors left of one's own accord, and because a slice was over */
	uint64_t pages_most;            /* present at once */
};

enum process_state { PROCESS_ALIVE = 0, PROCESS_STOPPED, PROCESS_ZOMBIE };

/* A process fills one page. Fields of the files half come first. */
struct process {
	struct files *files;            /* own; changed only by fork, exec and exit */
	struct path_state *paths;
	struct credentials credentials; /* changed only by the process itself: credentials_change and exec; under its lock */
	int32_t pid;
	int32_t group;                  /* process group: written under the tree lock */
	struct session *session;        /* written under the tree lock */
	struct process *parent;         /* tree lock */
	struct rlimit_pair rlimits[RLIMIT_COUNT];
	char name[16];                  /* comm, zero-terminated */

	/* the rest belongs to process/ */
	struct mutex lock;              /* signals, threads, state */
	struct space *space;
	struct process *children, *sibling_next, *sibling_previous;     /* tree lock */
	struct process *all_next, *all_previous;                        /* tree lock */
	struct thread *leader;          /* null once reaped */
	struct thread *threads;         /* list through thread.next_in_process */
	uint32_t thread_count;          /* threads that have not exited */
	uint32_t state;                 /* enum process_state */
	uint32_t more_threads;          /* beyond the first; tree lock */
	uint32_t exit_status;           /* as wait4 reports it */
	uint32_t exiting;               /* exit_group or a fatal signal: every thread leaves */
	uint32_t stop_signal;           /* not 0: stopped by it, to be reported */
	uint32_t continued;             /* to be reported */
	uint32_t exit_signal;           /* to the parent at exit; SIGCHLD */
	uint32_t dumpable, executed;    /* executed: an exec was done since fork (setpgid of the parent fails) */
	uint64_t pending;               /* signals for any thread */
	struct signal_queued *queued;   /* their details */
	struct wait_queue child_wait;   /* wait4 sleeps here */
	struct wait_queue stop_wait;    /* stopped threads sleep here; vfork parents too */
	struct vfork *vfork;            /* of a child that uses another's space, as long as somebody waits for it: fork.c. Tree lock */
	struct timer *timers;           /* the timers' lock */
	struct timer interval_timers[ITIMER_COUNT];     /* setitimer's; in the list above once they were used */
	uint64_t started_ns;
	struct time_used ended;         /* of threads that are gone; process lock */
	struct usage children_usage;    /* of those that were waited for, and theirs; tree lock */
	uint64_t shown_user_ns, shown_system_ns;        /* what a program was told last; process lock */
	uint64_t faults;
	uint64_t pages_most;            /* in spaces that it left */
	int16_t score_adjust, score_least;      /* oom_score_adj, and the least that it had from who may lower it; tree lock */
	uint32_t dump_filter;           /* as it was set: there are no core dumps */
	struct timer limit_timer;       /* RLIMIT_CPU; in the list above once it was needed */
	uint64_t parent_death_signal;
	bool no_new_privileges;         /* exec gives none: inherited, and never taken back */
	bool credentials_held;          /* a thread changes them or decides by them: identity.c. Process lock */
	int32_t nice;                   /* as it was set: nobody looks */
	struct file *executable;
	struct linux_siginfo *spare_info;
	struct semaphore_undo *undos;   /* SEM_UNDO's: ipc/undo.c */
	struct process_watch *watch;    /* pidfd's, or null: tree lock */
	/* How signals are handled: its own table, or one with others (actions.c). Written under the table's locks; which it is changes under
	 * the tree lock and the process's. */
	struct signal_action *actions;
	struct shared_actions *shared_actions;          /* null: its own */
	struct signal_action own_actions[SIGNAL_COUNT];
};

_Static_assert(sizeof(struct process) <= PAGE_BYTES, "a process fills one page");

enum {                          /* thread.work: looked at before every resume */
	WORK_SIGNAL = 1,            /* a signal may have to be delivered */
	WORK_LEAVE = 2,             /* the process ends */
	WORK_STOP = 4,              /* the process is stopped */
	WORK_RESTORE_MASK = 8,      /* sigsuspend, ppoll: put saved_mask back after delivery */
	WORK_KEEP_RESULT = 16,      /* rax was set by the call itself (sigreturn, exec): leave it */
	WORK_SENDING = 32,          /* async_send is due */
};

struct stepping {                   /* see step.c */
	uint64_t from;              /* where the instruction stands; 0: none is executed elsewhere */
	uint64_t place;             /* where it is executed */
	uint64_t target;            /* of a direct call */
	uint8_t length, kind;
};

/* A thread lies at the bottom of its handler stack. */
struct thread {
	struct process *process;        /* null for kernel threads */
	uint32_t work;                  /* WORK_* ; atomic */
	int32_t tid;
	uint64_t uid;                   /* of Strange's thread */
	uint64_t mask;                  /* blocked signals */
	uint64_t saved_mask;
	uint64_t waited;                /* blocked signals that rt_sigtimedwait waits for */
	uint64_t pending;               /* process lock */
	struct signal_queued *queued;
	struct thread *next_in_process;
	uint64_t fs_base, gs_base;
	uint64_t alternate_stack, alternate_bytes;
	uint32_t alternate_flags;
	uint32_t gone;                  /* 1: leaving; 2: left for good, may be destroyed */
	uint32_t loading;               /* misses that are loading the home now */
	uint32_t started;               /* the home is complete: it may be loaded */
	uint64_t clear_tid;             /* set_tid_address */
	uint64_t robust_list;           /* set_robust_list */
	uint64_t restart_deadline;      /* nanosleep */
	uint64_t affinity;              /* as it was set; 0: never */
	uint32_t policy, realtime_priority;     /* as they were set */
	bool reset_on_fork;             /* who it makes begins with SCHED_OTHER and no negative nice value */
	uint32_t shortage_tries;        /* of a page fault for which there was no memory */
	uint64_t sleeps;                /* times that it waited; atomic */
	uint64_t timer_slack, timer_slack_default;      /* ns, as they were set: nobody looks */
	uint32_t dozes;                 /* it waits for something that a signal cuts short; atomic */
	struct thread *dead_next;
	struct stepping step;
	char name[16];                  /* comm, of one that is not its process's leader */
};

_Static_assert(sizeof(struct thread) <= 2048, "the home follows in the same page");

/* The calling thread: works on handler stacks and on the stacks of UNIX's kernel threads. */
static inline struct thread *self(void)
{
	return (struct thread *)(stack_pointer() & ~(STACK_BYTES - 1));
}

static inline struct process *self_process(void)
{
	return self()->process;
}

/* comm, of 16 bytes: a process's is its leader's. */
static inline char *thread_name(struct thread *thread)
{
	return thread == thread->process->leader || thread->name[0] == 0 ? thread->process->name : thread->name;
}

/* A signal is pending for the calling thread that is not blocked: an interruptible wait ends. */
bool signal_is_pending(void);
/* The calling thread's process is killed or ends: not even what is never interrupted waits on. */
bool signal_is_killing(void);

/* (Strange's own signal call is signal_send of baryon/calls.h.) Sends signal 1..SIGNAL_COUNT from the system (SI_KERNEL). No locks of the process half may be held. */
void process_signal(struct process *process, int number);
/* The same to a process by its number and when it began, with details; nothing happens if it is gone. */
void process_signal_queue(int32_t pid, uint64_t started_ns, int number, const struct linux_siginfo *info);
int signal_send_group(int32_t group, int number);       /* 0, or -ESRCH: no such process group */
/* Whom a file's signals go to (F_SETOWN), and for whom: who may not send them sends none. */
enum { TARGET_THREAD, TARGET_PROCESS, TARGET_GROUP };
struct signal_target {
	uint32_t kind;              /* TARGET_*: Linux's numbers */
	int32_t id;                 /* 0: nobody */
	uint32_t uid, euid;
};
bool signal_target_exists(uint32_t kind, int32_t id);
/* number 0, or more of a queued one than fit: SIGIO alone. No locks. */
void signal_target_send(const struct signal_target *target, int number, const struct linux_siginfo *info);
void work_ask_sending(void);    /* the calling thread, if it is a program's, does async_send before it goes on there */
void signal_send_self(int number);                      /* to the calling thread: SIGPIPE, SIGTTIN */

bool signal_is_blocked_or_ignored(int number);          /* for the calling thread: terminals ask for SIGTTIN, SIGTTOU */
bool group_is_orphaned(int32_t group);
int group_check(int32_t group, struct session *session);       /* 0: in the session, -EPERM: elsewhere, -ESRCH */

void session_lock(void);        /* guards session.terminal; a leaf lock */
void session_unlock(void);
/* Called by process/ when a session leader exits: the files half hangs the terminal up. */
void terminal_session_ended(struct session *session);

/* Sets the mask for ppoll and pselect: the old one comes back after signals were delivered. */
void signal_mask_temporary(uint64_t mask);

/* A thread of UNIX itself. Runs function(argument) for ever. Null: no memory. */
struct thread *kernel_thread_start(void (*function)(void *), void *argument, const char *name);
/* A waiting primitive for kernel threads: Strange's signals. See lib's wait(). */

/* ---- for /proc ---- */
/* Calls visit for each process, under the tree lock; ends when it returns false. Do not sleep in it. */
void process_each(bool (*visit)(struct process *process, void *argument), void *argument);
/* Calls visit with the process of a thread, under the tree lock and the process's: its files and paths stay. Its result, or -ESRCH. */
int64_t process_look(int32_t pid, int64_t (*visit)(struct process *process, void *argument), void *argument);
bool process_may_look(const struct process *process);  /* the caller may see what it works on: memory, files, places */
int32_t process_thread_next(int32_t pid, int32_t after);        /* the least id above, of its threads; 0: none */
/* A process or thread that was there once: who has its number later is another. */
struct process_key {
	int32_t pid;
	uint64_t started_ns;            /* of the process */
};
enum process_text {
	TEXT_STAT, TEXT_STATUS, TEXT_CMDLINE, TEXT_COMM, TEXT_MAPS, TEXT_STATM, TEXT_ENVIRON, TEXT_LIMITS, TEXT_SCORE, TEXT_SCORE_ADJUST,
	TEXT_SMAPS, TEXT_SMAPS_ROLLUP, TEXT_AUXV, TEXT_SYSCALL, TEXT_TURNS, TEXT_SLACK, TEXT_DUMP_FILTER, TEXT_CLEAR,
};
/* Fills a part of a text for /proc/PID/<what>: whole records of it, from *next on, which is 0 at its beginning and moves. `alone`: for
 * /proc/PID/task/TID. Returns its length (what does not fit in `limit`, of a text of one part, is cut), 0: that was all; -ESRCH, -EACCES, -EPERM. */
int64_t process_text(struct process_key key, enum process_text what, bool alone, uint64_t *next, char *to, uint64_t limit);
/* Whether the caller may open it: 0, -EACCES, -ESRCH. */
int process_text_check(struct process_key key, enum process_text what);
/* A program writes it, as `bytes` bytes that need not end with zero. Returns how many were taken; -EINVAL, -ERANGE, -EACCES, -EPERM, -ESRCH. */
int64_t process_text_write(struct process_key key, enum process_text what, const char *text, uint64_t bytes);
/* Words of /proc/PID/pagemap from page `first` on. How many, at most `count`; -ESRCH, -EACCES. */
int64_t process_pagemap(struct process_key key, uint64_t first, uint64_t *words, uint64_t count);
/* The program's path (/proc/PID/exe). Returns its length, -ESRCH, -ENOENT. */
int64_t process_executable(int32_t pid, char *to, uint64_t limit);
/* Texts of the system: /proc/uptime, loadavg, meminfo, cpuinfo, stat, version, vmstat, interrupts; in /proc/sys kernel/hostname,
 * kernel/random/boot_id and uuid, vm/max_map_count; /sys/devices/system/cpu/online. */
enum system_text {
	TEXT_UPTIME, TEXT_LOADAVG, TEXT_MEMINFO, TEXT_CPUINFO, TEXT_SYSTEM_STAT, TEXT_VERSION, TEXT_VMSTAT, TEXT_INTERRUPTS, TEXT_HOST_NAME,
	TEXT_BOOT_ID, TEXT_UUID, TEXT_REGIONS, TEXT_PROCESSORS,
};
int64_t system_text(enum system_text what, char *to, uint64_t limit);
/* A program writes /proc/sys/kernel/hostname: a line, behind `position` bytes of the old one; no effect when that has fewer. */
void host_name_write(const char *text, uint64_t bytes, uint64_t position);
unsigned system_processors(void);       /* 1..CPU_LIMIT */

/* Settings of this run (abi/console.h): the n-th value of a key, or null. */
const char *setting(const char *key, unsigned n);
/* A module of the boot image. Returns its address in the domain (read-only), null if there is none. */
const void *boot_module(const char *name, uint64_t *bytes, uint64_t *first_page);

#endif
