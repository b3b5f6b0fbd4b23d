/* Extended attributes: setting, getting, listing and removing them, who may, and the capabilities of files. */
#include "try.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>

static char value[70000], names[70000];

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Those of ours, in order. */
static void list_of(const char *path)
{
	char *sorted[64];
	int count = 0;
	long bytes = listxattr(path, names, sizeof names);

	for (char *at = names; at < names + bytes; at += strlen(at) + 1)
		if (strncmp(at, "security.", 9) || !strcmp(at, "security.capability") || !strcmp(at, "security.mine"))
			sorted[count++] = at;
	qsort(sorted, (size_t)count, sizeof sorted[0], compare);
	for (int i = 0; i < count; i++)
		SAY("  %s", sorted[i]);
	SAY("  %d of %s", count, path);
}

static void plain(void)
{
	int fd = open("file", O_CREAT | O_RDWR, 0644), path = open("file", O_PATH);

	SAY("-- plain");
	mkdir("folder", 0755);
	TRY(getxattr("file", "user.one", value, 100));
	TRY(setxattr("file", "user.one", "first", 5, 0));
	TRY(getxattr("file", "user.one", 0, 0));
	TRY(getxattr("file", "user.one", value, 4));
	TRY(getxattr("file", "user.one", value, 100));
	SAY("%.5s", value);
	TRY(getxattr("file", "user.one", BAD_ADDRESS, 100));
	TRY(setxattr("file", "user.one", "second", 6, XATTR_CREATE));
	TRY(setxattr("file", "user.two", "second", 6, XATTR_REPLACE));
	TRY(setxattr("file", "user.two", "second", 6, XATTR_CREATE));
	TRY(setxattr("file", "user.one", "again", 4, XATTR_REPLACE));
	TRY(getxattr("file", "user.one", value, 100));
	TRY(setxattr("file", "user.none", "x", 1, XATTR_CREATE | XATTR_REPLACE));
	TRY(setxattr("file", "user.x", "x", 1, 4));
	TRY(setxattr("file", "user.empty", 0, 0, 0));
	TRY(getxattr("file", "user.empty", value, 100));
	TRY(setxattr("file", "user.x", BAD_ADDRESS, 5, 0));
	TRY(setxattr("file", "user.x", value, 65537, 0));
	TRY(setxattr("file", "", "x", 1, 0));
	TRY(setxattr("file", BAD_ADDRESS, "x", 1, 0));
	TRY(setxattr("file", "user.", "x", 1, 0));
	TRY(getxattr("file", "user.", value, 1));
	TRY(setxattr("file", "user", "x", 1, 0));
	TRY(setxattr("file", "nothing.x", "x", 1, 0));
	TRY(getxattr("file", "nothing.x", value, 1));
	TRY(setxattr("none", "user.x", "x", 1, 0));
	TRY(setxattr(BAD_ADDRESS, "user.x", "x", 1, 0));
	memset(value, 'n', 300);
	memcpy(value, "user.", 5);
	value[255] = 0;
	TRY(setxattr("file", value, "x", 1, 0));
	TRY(removexattr("file", value));
	value[255] = 'n';
	value[256] = 0;
	TRY(setxattr("file", value, "x", 1, 0));
	list_of("file");
	TRY(listxattr("file", names, 3));
	TRY(listxattr("file", BAD_ADDRESS, 1000));
	TRY(listxattr("none", names, 3));
	TRY(removexattr("file", "user.two"));
	TRY(removexattr("file", "user.two"));
	TRY(removexattr("file", "nothing.two"));
	TRY(fsetxattr(fd, "user.three", "three", 5, 0));
	TRY(fgetxattr(fd, "user.three", value, 5));
	TRY(fremovexattr(fd, "user.three"));
	TRY(fsetxattr(path, "user.three", "three", 5, 0));
	TRY(fgetxattr(path, "user.three", value, 5));
	TRY(flistxattr(path, names, 5));
	TRY(fsetxattr(99, "user.three", "three", 5, 0));
	TRY(setxattr("folder", "user.folder", "three", 5, 0));
	rename("file", "moved");
	link("moved", "second");
	TRY(getxattr("second", "user.one", value, 100));
	unlink("moved");
	TRY(fgetxattr(fd, "user.one", value, 100));
	TRY(setxattr("second", "user.page", value, 3000, 0));
	TRY(getxattr("second", "user.page", value, 3000));
	close(fd);
	close(path);
}

static void kinds(void)
{
	int pipes[2];

	SAY("-- kinds");
	symlink("second", "link");
	mkfifo("fifo", 0644);
	pipe(pipes);
	TRY(setxattr("link", "user.through", "x", 1, 0));
	TRY(lsetxattr("link", "user.x", "x", 1, 0));
	TRY(lgetxattr("link", "user.x", value, 1));
	TRY(lsetxattr("link", "trusted.x", "x", 1, 0));
	TRY(lgetxattr("link", "trusted.x", value, 1));
	TRY(llistxattr("link", names, 100) > 0);
	TRY(lremovexattr("link", "trusted.x"));
	TRY(lremovexattr("link", "trusted.x"));
	TRY(setxattr("fifo", "user.x", "x", 1, 0));
	TRY(getxattr("fifo", "user.x", value, 1));
	TRY(fsetxattr(pipes[0], "user.x", "x", 1, 0));
	TRY(getxattr("/proc/self/status", "user.x", value, 1));
	TRY(removexattr("second", "user.through"));
	close(pipes[0]);
	close(pipes[1]);
}

static void rights(void)
{
	SAY("-- rights");
	mkdir("sticky", 0777);
	chmod("sticky", 01777);
	mkdir("open", 0777);
	chmod("open", 0777);
	TRY(setxattr("second", "trusted.x", "x", 1, 0));
	TRY(setxattr("second", "security.mine", "x", 1, 0));
	list_of("second");
	CHILD("another", {
		setuid(1000);
		TRY(getxattr("second", "user.one", value, 100));
		TRY(setxattr("second", "user.one", "x", 1, 0));
		TRY(removexattr("second", "user.one"));
		TRY(getxattr("second", "trusted.x", value, 1));
		TRY(setxattr("second", "trusted.x", "x", 1, 0));
		TRY(removexattr("second", "trusted.x"));
		TRY(getxattr("second", "security.mine", value, 1));
		TRY(setxattr("second", "security.mine", "x", 1, 0));
		TRY(removexattr("second", "security.mine"));
		TRY(setxattr("sticky", "user.x", "x", 1, 0));
		TRY(getxattr("sticky", "user.x", value, 1));
		TRY(setxattr("open", "user.x", "x", 1, 0));
		list_of("second");
	});
	chmod("second", 0600);
	CHILD("without reading", {
		setuid(1000);
		TRY(getxattr("second", "user.one", value, 100));
	});
	chmod("second", 0644);
	TRY(removexattr("second", "trusted.x"));
	TRY(removexattr("second", "security.mine"));
}

static void copy_of(const char *from, const char *to)
{
	static char bytes[65536];
	int in = open(from, O_RDONLY), out = open(to, O_CREAT | O_WRONLY | O_TRUNC, 0755);
	long done;

	while ((done = read(in, bytes, sizeof bytes)) > 0)
		if (write(out, bytes, (size_t)done) != done)
			SAY("short copy");
	close(in);
	close(out);
}

static void capabilities(void)
{
	struct { uint32_t magic, permitted, inheritable, more[2]; } of_file = {0x02000001, 1u << CAP_KILL, 0, {0, 0}};
	int fd;

	SAY("-- capabilities");
	chmod(".", 0755);
	copy_of("/proc/self/exe", "kill");
	TRY(setxattr("kill", "security.capability", "x", 1, 0));
	TRY(setxattr("kill", "security.capability", &of_file, 12, 0));
	TRY(setxattr("kill", "security.capability", &of_file, sizeof of_file, 0));
	TRY(getxattr("kill", "security.capability", value, 100));
	list_of("kill");
	CHILD("a user", {
		setuid(1000);
		TRY(setxattr("kill", "security.capability", &of_file, sizeof of_file, 0));
		TRY(removexattr("kill", "security.capability"));
		execl("./kill", "kill", "of the file", (char *)0);
	});
	CHILD("no new", {
		setuid(1000);
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		execl("./kill", "kill", "none", (char *)0);
	});
	CHILD("bounded", {
		prctl(PR_CAPBSET_DROP, CAP_KILL);
		setuid(1000);
		TRY(execl("./kill", "kill", "none", (char *)0));
	});
	fd = open("kill", O_WRONLY | O_APPEND);
	TRY(write(fd, "x", 1));
	close(fd);
	TRY(getxattr("kill", "security.capability", value, 100));
	setxattr("kill", "security.capability", &of_file, sizeof of_file, 0);
	TRY(chown("kill", 1000, -1));
	TRY(getxattr("kill", "security.capability", value, 100));
	setxattr("kill", "security.capability", &of_file, sizeof of_file, 0);
	TRY(truncate("kill", 100));
	TRY(getxattr("kill", "security.capability", value, 100));
}

int main(int count, char **arguments)
{
	if (count > 1) {
		FILE *file = fopen("/proc/self/status", "r");
		char line[256];

		SAY("%s", arguments[1]);
		while (fgets(line, sizeof line, file))
			if (!strncmp(line, "CapPrm", 6) || !strncmp(line, "CapEff", 6))
				fputs(line, stdout);
		fclose(file);
		return 0;
	}
	umask(022);
	plain();
	kinds();
	rights();
	capabilities();
	return 0;
}
