/* Rows of whole programs, those of the standard root: each runs once so that its files are where the system keeps them, and
 * then once counted, from before the fork until it was waited for. Its output goes nowhere. */
#include "rows.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* `words` is for sh, or the program and its arguments when it has no more than words. */
struct program {
	const char *name;
	const char *arguments[5];
};

#define SHELL(name, words) { name, { "/bin/dash", "-c", words } }

static const char script[] = "create table t(a integer primary key, b text);";

static const struct program programs[] = {
	{ "program_true", { "/bin/busybox", "true" } },
	SHELL("program_shell_loop", "i=0; while [ $i -lt 2000 ]; do echo $i >/tmp/rows.loop; read j </tmp/rows.loop; i=$((j+1)); done"),
	SHELL("program_300_forks", "i=0; while [ $i -lt 300 ]; do /bin/busybox true; i=$((i+1)); done"),
	SHELL("program_dd", "dd if=/dev/zero of=/tmp/rows.dd bs=64k count=256 2>/dev/null; rm /tmp/rows.dd"),
	SHELL("program_two_pipes", "dd if=/dev/zero bs=64k count=256 2>/dev/null | cat | cat >/dev/null"),
	{ "program_find", { "/usr/bin/find", "/usr", "-name", "*.so*" } },
	{ "program_grep", { "/usr/bin/grep", "-r", "subprocess", "/usr/lib/python3.11" } },
	SHELL("program_sqlite3", "sqlite3 /tmp/rows.db </tmp/rows.sql && rm /tmp/rows.db"),
	{ "program_python3_pass", { "/usr/bin/python3", "-c", "pass" } },
	{ "program_python3_import", { "/usr/bin/python3", "-c", "import json, sqlite3, subprocess" } },
	SHELL("program_tcc", "tcc -o /tmp/rows.hello /tmp/rows.c && /tmp/rows.hello"),
};

static void make_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		fail(path);
}

/* 200 rows in 200 transactions. */
static void make_transactions(void)
{
	static char text[32768];
	int length = sprintf(text, "%s\n", script);

	for (int i = 0; i < 200; i++)
		length += sprintf(text + length, "insert into t(b) values('this is row number %d');\n", i);
	sprintf(text + length, "select count(*), sum(length(b)) from t;\n");
	make_file("/tmp/rows.sql", text);
}

void programs_prepare(void)
{
	make_transactions();
	make_file("/tmp/rows.c", "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
		"int main(void)\n{\n\tchar *text = malloc(32);\n\tstrcpy(text, \"hello\");\n\tprintf(\"%s\\n\", text);\n\treturn 0;\n}\n");
}

static _Noreturn void become(const struct program *program)
{
	static char *environment[] = { "PATH=/usr/sbin:/usr/bin", "HOME=/root", "LC_ALL=C", NULL };
	int null = open("/dev/null", O_RDWR);

	dup2(null, 0);
	dup2(null, 1);
	close(null);
	execve(program->arguments[0], (char **)program->arguments, environment);
	_exit(127);
}

int program_run(const char *name)
{
	const struct program *program = programs;
	pid_t child;
	int status;

	while (strcmp(program->name, name))
		if (++program == &programs[sizeof programs / sizeof programs[0]])
			return -1;
	child = fork();
	must(child, "fork");
	if (child == 0)
		become(program);
	must(waitpid(child, &status, 0), "waitpid");
	return status;
}

static void row_program(const char *name)
{
	uint64_t start, total;
	int status;

	programs_prepare();
	program_run(name);
	start = begin();
	status = program_run(name);
	total = end() - start;
	if (status)
		printf("rows failed: %s: status %x\n", name, (unsigned)status);
	else
		tell(name, total, 1);
}

const struct row rows_of_programs[] = {
	{ "program_true", row_program }, { "program_shell_loop", row_program }, { "program_300_forks", row_program },
	{ "program_dd", row_program }, { "program_two_pipes", row_program }, { "program_find", row_program },
	{ "program_grep", row_program }, { "program_sqlite3", row_program }, { "program_python3_pass", row_program },
	{ "program_python3_import", row_program }, { "program_tcc", row_program }, { 0 },
};
