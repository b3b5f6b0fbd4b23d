/* Whole files: reading them into memory, writing all of a buffer, copying. */
#ifndef TOOLS_COMMON_FILE_H
#define TOOLS_COMMON_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/common/complain.h"

struct file_view {              /* a file's bytes, mapped read-only */
	const uint8_t *bytes;
	size_t count;
};

/* Maps a regular file. An empty file gives count 0 and a pointer that must not be read. */
bool file_open_view(struct file_view *view, const char *path, struct complaint *complaint);
bool file_view_of(struct file_view *view, int fd, const char *name, struct complaint *complaint);
void file_close_view(struct file_view *view);

/* Writes all bytes at the offset. */
bool file_write(int fd, const void *bytes, size_t count, off_t offset, struct complaint *complaint);

#endif
