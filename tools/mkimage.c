/* mkimage IMAGE NAME=FILE...: makes a boot image (abi/boot.h) of files. mkimage --check IMAGE checks one and lists its modules. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/common/file.h"
#include "tools/image/image.h"

static int check_image(const char *path)
{
	const struct image_header *header;
	struct complaint complaint;
	struct file_view view;

	if (!file_open_view(&view, path, &complaint) || !image_check(view.bytes, view.count, &complaint))
		fail(1, "%s: %s", path, complaint.text);
	header = (const void *)view.bytes;
	for (uint32_t i = 0; i < header->count; i++)
		printf("%-16s %10llu bytes at %llu\n", header->module[i].name,
			(unsigned long long)header->module[i].bytes, (unsigned long long)header->module[i].offset);
	return 0;
}

static bool add_file(struct image *image, const char *argument, struct complaint *complaint)
{
	const char *equals = strchr(argument, '=');
	struct file_view view;
	bool done;

	if (!equals)
		return complain(complaint, "'%s' is not NAME=FILE", argument);
	if (!file_open_view(&view, equals + 1, complaint))
		return false;
	done = image_add(image, take_copy(argument, equals - argument), view.bytes, view.count, complaint);
	file_close_view(&view);
	return done;
}

int main(int count, char **argument)
{
	struct complaint complaint;
	struct image image;
	bool done = true;
	int fd;

	if (count == 3 && strcmp(argument[1], "--check") == 0)
		return check_image(argument[2]);
	if (count < 3 || argument[1][0] == '-')
		fail(2, "use: mkimage IMAGE NAME=FILE... or mkimage --check IMAGE");
	fd = open(argument[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		fail(1, "cannot make %s: %s", argument[1], strerror(errno));
	image_start(&image, fd);
	for (int i = 2; done && i < count; i++)
		done = add_file(&image, argument[i], &complaint);
	if (done && image_finish(&image, &complaint))
		return 0;
	unlink(argument[1]);
	fail(1, "%s", complaint.text);
}
