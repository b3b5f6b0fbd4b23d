/* See file.h. */
#include "tools/common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_view_of(struct file_view *view, int fd, const char *name, struct complaint *complaint)
{
	struct stat status;
	void *bytes = NULL;

	if (fstat(fd, &status) < 0)
		return complain(complaint, "cannot read %s: %s", name, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return complain(complaint, "%s is not a regular file", name);
	if (status.st_size > 0) {
		bytes = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (bytes == MAP_FAILED)
			return complain(complaint, "cannot read %s: %s", name, strerror(errno));
	}
	*view = (struct file_view){ bytes, status.st_size };
	return true;
}

bool file_open_view(struct file_view *view, const char *path, struct complaint *complaint)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool done;

	if (fd < 0)
		return complain(complaint, "cannot open %s: %s", path, strerror(errno));
	done = file_view_of(view, fd, path, complaint);
	close(fd);
	return done;
}

void file_close_view(struct file_view *view)
{
	if (view->count)
		munmap((void *)view->bytes, view->count);
	*view = (struct file_view){ 0 };
}

bool file_write(int fd, const void *bytes, size_t count, off_t offset, struct complaint *complaint)
{
	const char *from = bytes;

	while (count) {
		ssize_t done = pwrite(fd, from, count, offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return complain(complaint, "cannot write: %s", strerror(errno));
		from += done;
		offset += done;
		count -= done;
	}
	return true;
}
