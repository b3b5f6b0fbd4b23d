/* The console channel: two byte rings in shared pages between the console driver (root, later a component) and the kernel
 * that owns the terminal; the driver pumps bytes to and from the host's serial channel without looking at them. After
 * putting bytes in an empty ring, or taking some from a full one, signal the ring's page; the other side has a signal thread there.
 *
 * The bytes are frames that `baryon run` on the host and the terminal owner exchange:
 * one byte type, one byte zero, two bytes length (little endian), then the payload. */
#ifndef ABI_CONSOLE_H
#define ABI_CONSOLE_H

#include "abi/types.h"

#define CONSOLE_RING_BYTES 32768

struct console_ring {           /* one page of indices, then the bytes */
	uint32_t head;              /* next byte to write; only the producer changes it; counts modulo 2^32 */
	uint32_t spare[15];
	uint32_t tail;              /* next byte to read; only the consumer changes it */
	uint32_t spare2[1007];
	uint8_t bytes[CONSOLE_RING_BYTES];
};

struct console_channel {
	struct console_ring input;  /* host to guest */
	struct console_ring output; /* guest to host */
};

#define CONSOLE_CHANNEL_PAGES (sizeof(struct console_channel) / PAGE_BYTES)

enum console_frame {
	FRAME_OUTPUT = 1,           /* guest to host: bytes for standard output */
	FRAME_ERROR = 2,            /* guest to host: bytes for standard error */
	FRAME_EXIT = 3,             /* guest to host: one byte, exit status; the last frame */
	FRAME_MESSAGE = 4,          /* guest to host: a line about the system itself, shown with --verbose */
	FRAME_READY = 5,            /* guest to host, first of all, no payload: before it the host sends nothing */
	FRAME_INPUT = 16,           /* host to guest: bytes of standard input or the terminal */
	FRAME_INPUT_END = 17,       /* host to guest: end of input, no payload */
	FRAME_WINDOW = 18,          /* host to guest: rows and columns, two bytes each */
};

/* Settings for one run: the boot image's module "settings" is a sequence of zero-terminated "key=value" texts:
 *   arg=TEXT      (repeated) the program and its arguments; none: a shell
 *   env=NAME=TEXT (repeated) added to the environment
 *   stdin=tty|stream   stdout=tty|stream   stderr=tty|stream     what each is on the host
 *   rows=N  columns=N  of the terminal
 *   place=NAME=supervisor|isolated
 *   kernel=NAME   (repeated) start this module as a further application kernel beside UNIX
 *   only=NAME     start this module in the place of UNIX
 *   verbose=1
 *   end=power-off (always)                       what to do when the program ends */

#endif
