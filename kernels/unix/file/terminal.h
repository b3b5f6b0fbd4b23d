/* A terminal: the line discipline (line.c), which is plain data and steps under terminal.lock, and the terminal as a
 * device with its session (terminal.c). The console thread feeds keys in; programs read lines and write text.
 *
 * Input is a ring: [head, line) can be read in canonical mode, [line, tail) is the line that is being edited. A bit in
 * `ends` marks the last byte of each line, a bit in `eofs` an end of file, whose byte is never read. In raw mode line == tail. */
#ifndef UNIX_FILE_TERMINAL_H
#define UNIX_FILE_TERMINAL_H

#include "file/file.h"

enum { TERMINAL_INPUT = 4096, TERMINAL_ECHO = 1024 };

enum {                          /* what a pseudo-terminal's master is told in packet mode (ioctl_tty(2), TIOCPKT): Linux's numbers */
	PACKET_FLUSH_READ = 1, PACKET_FLUSH_WRITE = 2, PACKET_STOP = 4, PACKET_START = 8, PACKET_NO_STOP = 16, PACKET_DO_STOP = 32,
};

struct terminal_screen {        /* where a terminal's output goes, and its keys come from */
	uint32_t (*put)(struct terminal *terminal, const uint8_t *bytes, uint32_t count);   /* how many were taken */
	int (*wait_room)(struct terminal *terminal);        /* 0: look again, -ERESTARTSYS, -EIO */
	bool (*has_room)(struct terminal *terminal);
	void (*poll_room)(struct terminal *terminal, struct poll_table *table);
	void (*pump)(struct terminal *terminal);            /* there is room for keys again */
	void (*closed)(struct terminal *terminal);          /* a file on it went; may be null */
	/* PACKET_* happened; with PACKET_FLUSH_WRITE what is shown and was not read goes. Under terminal.lock; may be null. */
	void (*event)(struct terminal *terminal, uint32_t what);
};

struct terminal {
	struct mutex lock;
	const struct terminal_screen *screen;
	uint32_t references;        /* of a pseudo-terminal; atomic */
	struct linux_termios termios;
	struct linux_winsize window;
	uint32_t head, line, tail;  /* count modulo 2^32 */
	bool literal;               /* the next byte is taken as it is */
	bool stopped;               /* output is held by VSTOP */
	bool hung_up;
	uint32_t column;            /* of the cursor */
	uint32_t line_column;       /* where the edited line began */
	uint64_t signals;           /* to be sent to the foreground group: bit n is signal n */
	uint32_t echo_count;
	struct session *session;    /* session_lock() */
	int32_t foreground;         /* process group; session_lock() */
	struct wait_queue read_wait, write_wait, poll_wait;
	uint8_t input[TERMINAL_INPUT];
	uint64_t ends[TERMINAL_INPUT / 64], eofs[TERMINAL_INPUT / 64];
	uint8_t echo[TERMINAL_ECHO];
};

/* ---- line.c: under terminal.lock ---- */
void line_start(struct terminal *terminal);                     /* the usual settings */
/* Takes bytes from the keyboard; returns how many: fewer when readers must make room first. */
uint32_t line_feed(struct terminal *terminal, const uint8_t *bytes, uint32_t count);
bool line_ready(const struct terminal *terminal);               /* can something be read now? (canonical, or raw with MIN <= 1) */
bool line_has_room(const struct terminal *terminal);            /* for keys */
uint32_t line_available(const struct terminal *terminal);       /* bytes of complete input */
/* Takes up to `limit` bytes of the next line (canonical) or of what is there. *end: the read is complete. */
uint32_t line_take(struct terminal *terminal, uint8_t *to, uint32_t limit, bool *end);
void line_settings(struct terminal *terminal, const struct linux_termios *termios);
void line_flush_input(struct terminal *terminal);
void line_event(struct terminal *terminal, uint32_t what);      /* the screen's event, if it has one */
/* Output processing: from bytes to what the screen gets. Returns the bytes put in `to`, which has room for 2 * count at least
 * (8 * count with tabs expanded). */
uint32_t line_output(struct terminal *terminal, const uint8_t *bytes, uint32_t count, uint8_t *to);

/* ---- terminal.c ---- */
extern struct terminal *console_terminal;       /* null: there is none */
/* Bytes from the host. Returns how many were taken. */
uint32_t terminal_feed(struct terminal *terminal, const uint8_t *bytes, uint32_t count);
void terminal_window(struct terminal *terminal, uint16_t rows, uint16_t columns);
void terminal_hang_up(struct terminal *terminal);
void terminal_echo_flush(struct terminal *terminal);
void terminal_signals_deliver(struct terminal *terminal);
void terminal_session_leave(struct terminal *terminal);        /* it is nobody's controlling terminal any more */
/* What a pseudo-terminal's master asks of the terminal: settings, window, foreground group. */
int64_t terminal_master_ioctl(struct terminal *terminal, uint32_t request, uint64_t argument);
/* Makes a terminal the controlling one of a process's session, its group in the foreground. */
void terminal_control(struct terminal *terminal, struct process *process);

/* ---- pty.c ---- */
int pty_install(struct inode *dev, struct inode *pts);          /* 0, -ENOMEM */
int pty_open_master(struct file *file);                         /* 0, -ENOMEM, -ENOSPC: all numbers are taken */
int pty_open_slave(uint32_t device, struct terminal **out);     /* by its number, with a reference: 0, -EIO */
void pty_keep(struct terminal *terminal);       /* another reference for a file; the session lock keeps it there meanwhile */
void pty_put(struct terminal *terminal);        /* one reference fewer; the last frees the pair */

/* ---- console.c ---- */
int console_init(void);
void console_pump(void);                        /* moves what the host sent to the terminal or stream, as far as there is room */
/* Gives bytes to the host: as many as there is room for, as one frame; returns how many. */
uint32_t console_put(uint32_t frame, const void *bytes, uint32_t count);
/* Sleeps until there may be room. 0, -ERESTARTSYS. */
int console_wait_room(void);
bool console_has_room(void);
void console_poll_room(struct poll_table *table);
/* The inode behind standard descriptor 0..2: the terminal or a stream. A new reference. */
struct inode *console_inode(int descriptor);
struct inode *console_terminal_inode(void);     /* a new reference; null: there is no terminal */

#endif
