/* The start of UNIX: its memory, its portals and service threads, the init process, and the first program as the settings
 * of this run name it. */
#include "abi/boot.h"
#include "abi/layout.h"
#include "abi/console.h"
#include "baryon/calls.h"
#include "baryon/format.h"
#include "baryon/image.h"
#include "baryon/portal.h"
#include "baryon/settings.h"
#include "baryon/string.h"
#include "portals.h"
#include "file/terminal.h"
#include "process/internal.h"
#include "process/numbers.h"
#include "process/vdso.h"

enum { WORDS_LIMIT = 256, PATH_LIMIT = 256 };
#define RLIM_INFINITY (~0ull)

const struct kernel_start *kernel_start;
const char *boot_window;

static struct settings settings;

/* ---- the boot image ---- */

const void *boot_module(const char *name, uint64_t *bytes, uint64_t *first_page)
{
	const struct image_header *header = image_mapped(kernel_start);
	const struct image_module *module;

	if (!image_valid(header, kernel_start->boot_image_bytes))
		return NULL;
	module = image_find(header, name);
	if (module == NULL)
		return NULL;
	*bytes = module->bytes;
	*first_page = kernel_start->boot_image_first + module->offset / PAGE_BYTES;
	return image_module_bytes(header, module);
}

static void settings_init(void)
{
	uint64_t bytes = 0, first_page;

	settings.bytes = boot_module("settings", &bytes, &first_page);
	settings.size = settings.bytes == NULL ? 0 : bytes;
}

const char *setting(const char *key, unsigned n)
{
	const char *value = NULL;
	size_t at = 0;

	for (unsigned i = 0; i <= n; i++) {
		value = settings_next_of(&settings, &at, key);
		if (value == NULL)
			break;
	}
	return value;
}

/* ---- the end ---- */

void unix_failed(void)
{
	uint64_t words[PORTAL_WORDS] = { SRM_FAILED };

	if (portal_call(HANDLE_SRM, words, NULL, 0) < 0)
		log_line("the SRM does not answer");
	for (;;)
		park(0);
}

_Noreturn void lib_stop(void);

_Noreturn void lib_stop(void)
{
	unix_failed();
}

/* ---- the first process ---- */

static void limits_fill(struct rlimit_pair limits[RLIMIT_COUNT])
{
	for (unsigned i = 0; i < RLIMIT_COUNT; i++)
		limits[i] = (struct rlimit_pair) { RLIM_INFINITY, RLIM_INFINITY };
	limits[RLIMIT_STACK].soft = 8 << 20;
	limits[RLIMIT_CORE].soft = 0;
	limits[RLIMIT_NOFILE] = (struct rlimit_pair) { 1024, DESCRIPTORS_MOST };
	limits[RLIMIT_MSGQUEUE] = (struct rlimit_pair) { 819200, 819200 };
	limits[RLIMIT_SIGPENDING] = (struct rlimit_pair) { 2048, 2048 };
	limits[RLIMIT_MEMLOCK] = (struct rlimit_pair) { 8 << 20, 8 << 20 };
	limits[RLIMIT_NICE] = limits[RLIMIT_RTPRIO] = (struct rlimit_pair) { 0, 0 };
	limits[RLIMIT_NPROC] = (struct rlimit_pair) { PID_LIMIT / 2, PID_LIMIT / 2 };
}

enum { DUMP_FILTER = 0x33 };            /* as core(5) has it */

/* init has no program: it is a thread of UNIX that adopts and reaps. */
static void init_create(void)
{
	struct process *init = page_address(page_alloc());

	init_process = init;
	init->pid = INIT_PID;
	string_copy(init->name, "init", sizeof init->name);
	init->dump_filter = DUMP_FILTER;
	limits_fill(init->rlimits);
	capabilities_fill(&init->credentials);
	init->actions = init->own_actions;
	init->parent = init;
	init->leader = self();
	self()->process = init;
	self()->tid = INIT_PID;
	pid_set_thread(INIT_PID, self());
}

static struct process *first_create(void)
{
	struct process *first = process_create(init_process);
	struct session *session = session_create(0);

	if (first == NULL || session == NULL)
		unix_panic("no memory for the first process");
	mutex_lock(&tree_lock);
	first->pid = pid_take();
	session->id = first->pid;
	process_link(first, init_process);
	group_join(first, first->pid);
	session_begin(first, session);
	mutex_unlock(&tree_lock);
	return first;
}

/* The texts of a repeated setting; the array ends with null. */
static unsigned texts_collect(const char *key, const char **to, unsigned limit)
{
	unsigned count = 0;
	const char *text;

	while (count + 1 < limit && (text = setting(key, count)) != NULL)
		to[count++] = text;
	to[count] = NULL;
	return count;
}

static void environment_fill(const char **to, unsigned limit)
{
	static const char *const basic[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TERM=linux", "USER=root",
		"LOGNAME=root", "SHELL=/bin/bash", "PWD=/",
	};
	unsigned count = texts_collect("env", to, limit), given = count;

	for (unsigned i = 0; i < sizeof basic / sizeof basic[0] && count + 1 < limit; i++) {
		size_t name = (size_t)(strchr(basic[i], '=') - basic[i]) + 1;
		bool known = false;

		for (unsigned k = 0; k < given; k++)
			known |= strncmp(to[k], basic[i], name) == 0;
		if (!known)
			to[count++] = basic[i];
	}
	to[count] = NULL;
}

/* Tries one path of the search; -ENOENT goes on to the next. */
static int first_try(struct process *first, const char *folder, size_t length, const char *const *arguments,
	const char *const *environment)
{
	char path[PATH_LIMIT];
	size_t name = strlen(arguments[0]);

	if (length + name + 2 > sizeof path)
		return -ENAMETOOLONG;
	memcpy(path, folder, length);
	path[length] = '/';
	memcpy(path + length + 1, arguments[0], name + 1);
	return exec_first(first, path, arguments, environment);
}

/* A name without a slash is looked for along PATH, as a shell would. */
static int first_exec(struct process *first, const char *const *arguments, const char *const *environment)
{
	const char *at = "";
	int status = -ENOENT;

	if (strchr(arguments[0], '/') != NULL)
		return exec_first(first, arguments[0], arguments, environment);
	for (unsigned i = 0; environment[i] != NULL; i++) {
		if (strncmp(environment[i], "PATH=", 5) == 0)
			at = environment[i] + 5;
	}
	while (status == -ENOENT && *at != 0) {
		const char *end = strchr(at, ':');
		size_t length = end != NULL ? (size_t)(end - at) : strlen(at);

		status = first_try(first, at, length, arguments, environment);
		at += end != NULL ? length + 1 : length;
	}
	return status;
}

/* The user's one line when there is nothing to run. */
static void first_complain(const char *program, int status)
{
	char line[PATH_LIMIT + 64];
	int count = snprintf(line, sizeof(line), "baryon: %.*s: %s (error %d)\n", PATH_LIMIT, program,
		status == -ENOENT ? "there is no such program in Baryon; --root adds some" : "not a program that Baryon can run",
		-status);

	console_put(FRAME_ERROR, line, (uint32_t)count);
}

static int first_start(struct process *first)
{
	const char **arguments = heap_alloc(WORDS_LIMIT * sizeof *arguments);
	const char **environment = heap_alloc(WORDS_LIMIT * sizeof *environment);
	int status;

	if (arguments == NULL || environment == NULL)
		return -ENOMEM;
	environment_fill(environment, WORDS_LIMIT);
	if (texts_collect("arg", arguments, WORDS_LIMIT) == 0) {
		arguments[0] = "/bin/bash";
		arguments[1] = "-l";
		arguments[2] = NULL;
	}
	status = first_exec(first, arguments, environment);
	if (status != 0)
		first_complain(arguments[0], status);
	heap_free(arguments);
	heap_free(environment);
	return status;
}

static void first_run(struct process *first)
{
	int status;

	self()->process = first;
	status = files_first(first);
	if (status == 0)
		status = first_start(first);
	self()->process = init_process;
	if (status != 0)
		console_exit(status == -ENOENT ? 127 : 126);
	first->leader->tid = first->pid;
	mutex_lock(&tree_lock);
	pid_set_thread(first->pid, first->leader);
	mutex_unlock(&tree_lock);
	if (thread_load(first->leader) != 0)
		unix_panic("the first program cannot be loaded");
}

/* ---- start ---- */

static void boot_main(void *argument)
{
	struct process *first;

	(void)argument;
	init_create();
	settings_init();
	spaces_init();
	timers_init();
	clock_init();
	files_init();
	vdso_init();
	first = first_create();
	first_run(first);
	init_main(first);
}

void domain_main(void *start)
{
	uint64_t base = (uint64_t)start - DOMAIN_START_OFFSET;
	struct thread *boot;

	kernel_start = start;
	memory_base = (char *)base + DOMAIN_MEMORY_OFFSET;
	boot_window = (const char *)base + DOMAIN_BOOT_OFFSET;
	pages_init();
	portals_load();
	pids_init();
	scheduler_start();
	boot = kernel_thread_create(boot_main, NULL, "init", PRIORITY_PROGRAM);
	if (boot == NULL || thread_load(boot) != 0)
		unix_panic("init cannot be started");
	for (;;) {
		park(0);
		memory_asked();
		threads_resume();
	}
}
