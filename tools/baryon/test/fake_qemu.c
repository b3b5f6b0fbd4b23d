/* Plays QEMU for the tests of the baryon command: finds the channels in its arguments and does what FAKE_QEMU says, letter by
 * letter. o: "out\n" to standard output. e: "err\n" to standard error. b: 300,000 bytes of output. i: echoes input until its
 * end. s: sleeps 0.3 s. w: sleeps for ever. p: a panic on the log. g: garbage on the console. x0..x9: exit frame with that
 * status, then end; X0..X9: without the end. l: the first half of a line on the log, and waits until that is read. L: the rest
 * of it. q: complains as QEMU does, and ends with 1. a: shows the image's settings as output. z: ends. The system is ready for input at once; h as the first letter: after
 * 0.5 s, in which no input may come. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/sockios.h>

#include "abi/boot.h"
#include "tools/baryon/frames.h"
#include "tools/common/complain.h"

static int console, console_log;
static const char *image;

static void send_all(const void *bytes, size_t count)
{
	const char *at = bytes;

	while (count) {
		ssize_t done = write(console, at, count);

		if (done <= 0)
			exit(1);
		at += done;
		count -= done;
	}
}

static void send_frame(uint8_t type, const void *payload, size_t count)
{
	static uint8_t frame[FRAME_PAYLOAD_LIMIT + FRAME_HEADER_BYTES];

	send_all(frame, frame_write(frame, type, payload, count));
}

static void receive(void *bytes, size_t count)
{
	if (count && recv(console, bytes, count, MSG_WAITALL) != (ssize_t)count)
		exit(1);
}

static void echo(void)
{
	static uint8_t payload[FRAME_PAYLOAD_LIMIT];
	uint8_t header[FRAME_HEADER_BYTES];

	do {
		receive(header, sizeof header);
		receive(payload, header[2] | header[3] << 8);
		if (header[0] == FRAME_INPUT)
			send_frame(FRAME_OUTPUT, payload, header[2] | header[3] << 8);
		if (header[0] == FRAME_WINDOW)
			send_frame(FRAME_ERROR, "window\n", 7);
	} while (header[0] != FRAME_INPUT_END);
}

static void show_settings(void)
{
	FILE *file = fopen(image, "r");
	struct image_header header;
	static char text[60000];

	if (!file || fread(&header, sizeof header, 1, file) != 1)
		exit(1);
	for (uint32_t i = 0; i < header.count; i++) {
		send_frame(FRAME_OUTPUT, header.module[i].name, strlen(header.module[i].name));
		send_frame(FRAME_OUTPUT, "\n", 1);
		if (strcmp(header.module[i].name, "settings") != 0 || header.module[i].bytes > sizeof text)
			continue;
		fseek(file, header.module[i].offset, SEEK_SET);
		if (fread(text, header.module[i].bytes, 1, file) != 1)
			exit(1);
		for (uint32_t at = 0; at < header.module[i].bytes; at++)
			if (!text[at])
				text[at] = '\n';
		send_frame(FRAME_OUTPUT, text, header.module[i].bytes);
	}
	fclose(file);
}

static void big_output(void)
{
	static char bytes[30000];

	for (int i = 0; i < 10; i++) {
		for (size_t at = 0; at < sizeof bytes; at++)
			bytes[at] = (i * sizeof bytes + at) % 251;
		send_frame(FRAME_OUTPUT, bytes, sizeof bytes);
	}
}

static void say(const char *text)
{
	if (write(console_log, text, strlen(text)) < 0)
		exit(1);
}

static void half_line(void)
{
	int unread = 1;

	say("half ");
	while (unread) {
		usleep(1000);
		if (ioctl(console_log, SIOCOUTQ, &unread) < 0)
			exit(1);
	}
}

static void silence(const char **script)
{
	char byte;

	++*script;
	usleep(500000);
	if (recv(console, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0)
		exit(4);
}

static void exit_frame(const char **script)
{
	uint8_t status = *(*script)++ - '0';

	send_frame(FRAME_EXIT, &status, 1);
}

static void act(const char **script)
{
	switch (*(*script)++) {
	case 'o': send_frame(FRAME_OUTPUT, "out\n", 4); break;
	case 'e': send_frame(FRAME_ERROR, "err\n", 4); break;
	case 'b': big_output(); break;
	case 'i': echo(); break;
	case 's': usleep(300000); break;
	case 'w': pause(); break;
	case 'p': say("hello\n\nbaryon: panic: the sky fell\n"); pause(); break;
	case 'g': send_all("garbage garbage", 15); pause(); break;
	case 'q': fprintf(stderr, "qemu: cannot set up guest memory\n"); exit(1);
	case 'a': show_settings(); break;
	case 'l': half_line(); break;
	case 'L': say("a line\n"); break;
	case 'x': exit_frame(script); exit(0);
	case 'X': exit_frame(script); break;
	default: exit(0);
	}
}

int main(int count, char **argument)
{
	const char *script = getenv("FAKE_QEMU");

	for (int i = 1; i < count; i++) {
		sscanf(argument[i], "socket,id=log,fd=%d", &console_log);
		sscanf(argument[i], "socket,id=console,fd=%d", &console);
		if (strcmp(argument[i], "-initrd") == 0)
			image = argument[i + 1];
	}
	if (!console || !console_log || !image)
		return 3;
	say("starting\n");
	if (script && *script == 'h')
		silence(&script);
	send_frame(FRAME_READY, NULL, 0);
	while (script)
		act(&script);
	return 0;
}
