/* Reads the command line. Every option is a row of one table: its name, whether it takes a value, what `baryon help` says of it,
 * and what reads it. The man page has an entry for each row: tests/system/smoke_command.test compares them. */
#include "tools/baryon/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/home.h"

#define MEMORY_LEAST_MIB 32
#define MEMORY_MOST_MIB (1 << 20)
#define TIMEOUT_MOST_SECONDS 10000000
#define HELP_COLUMN 25

struct option {
	const char *name;
	const char *value;          /* what it is called in messages; null: the option takes none */
	const char *help;           /* lines */
	bool (*read)(struct options *options, const char *value, struct complaint *complaint);
};

#define OBJECT(NAME, name, number, slots, minimum) #name,
static const char *const cache_kinds[] = {
#include "abi/objects.def"
	"table",
};
#undef OBJECT

static bool list_add(struct option_list *list, const char *item, const char *option, struct complaint *complaint)
{
	if (list->count == OPTION_LIST)
		return complain(complaint, "%s is given more than %d times", option, OPTION_LIST);
	list->item[list->count++] = item;
	return true;
}

/* Digits only, up to `limit`; *end is what follows. */
static bool number_read(const char *text, uint64_t limit, uint64_t *number, const char **end)
{
	char *rest;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoull(text, &rest, 10);
	*end = rest;
	return errno == 0 && *number <= limit;
}

static bool read_root(struct options *options, const char *value, struct complaint *complaint)
{
	if (!*value)
		return complain(complaint, "--root needs a directory or an archive");
	if (options->root)
		return complain(complaint, "--root is given twice: only one directory or archive can lie over the standard root");
	options->root = value;
	return true;
}

static bool read_cpus(struct options *options, const char *value, struct complaint *complaint)
{
	uint64_t number;
	const char *end;

	if (!number_read(value, CPU_LIMIT, &number, &end) || *end || number == 0)
		return complain(complaint, "--cpus needs a number from 1 to %d, not '%s'", CPU_LIMIT, value);
	options->cpus = number;
	return true;
}

static bool read_memory(struct options *options, const char *value, struct complaint *complaint)
{
	static const struct { const char *suffix; uint64_t kib; } units[] = {
		{ "", 1024 }, { "K", 1 }, { "k", 1 }, { "M", 1024 }, { "m", 1024 }, { "G", 1 << 20 }, { "g", 1 << 20 },
	};
	uint64_t number, mib = 0;
	const char *end;

	if (!number_read(value, 1ull << 40, &number, &end))
		return complain(complaint, "--memory needs a size such as 512M or 2G, not '%s'", value);
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (strcmp(end, units[i].suffix) == 0)
			mib = number * units[i].kib / 1024 ? number * units[i].kib / 1024 : 1;
	if (mib == 0)
		return complain(complaint, "--memory needs a size such as 512M or 2G, not '%s'", value);
	if (mib < MEMORY_LEAST_MIB || mib > MEMORY_MOST_MIB)
		return complain(complaint, "--memory %s: at least %dM is needed, and at most %dG possible", value,
			MEMORY_LEAST_MIB, MEMORY_MOST_MIB / 1024);
	options->memory_mib = mib;
	return true;
}

static bool read_place(struct options *options, const char *value, struct complaint *complaint)
{
	const char *equals = strchr(value, '=');

	if (!equals || equals == value)
		return complain(complaint, "--place needs NAME=supervisor or NAME=isolated, not '%s'", value);
	if (strncmp(equals + 1, "with:", 5) == 0)
		return complain(complaint, "--place %s: components that share a domain are not there yet; use supervisor or isolated",
			value);
	if (strcmp(equals + 1, "supervisor") != 0 && strcmp(equals + 1, "isolated") != 0)
		return complain(complaint, "--place %s: the place is supervisor or isolated", value);
	return list_add(&options->places, value, "--place", complaint);
}

static bool cache_check(const char *text, size_t bytes, struct complaint *complaint)
{
	const char *equals = memchr(text, '=', bytes), *end;
	uint64_t number;

	if (equals && number_read(equals + 1, 1u << 30, &number, &end) && end == text + bytes)
		for (size_t i = 0; i < sizeof cache_kinds / sizeof cache_kinds[0]; i++)
			if (strlen(cache_kinds[i]) == (size_t)(equals - text) && memcmp(cache_kinds[i], text, equals - text) == 0)
				return true;
	return complain(complaint, "--caches: '%.*s' is not KIND=N with KIND one of kernel, container, page, space, thread, "
		"portal, mapping, reference, table", (int)bytes, text);
}

static bool read_caches(struct options *options, const char *value, struct complaint *complaint)
{
	for (const char *at = value;; at++) {
		size_t bytes = strcspn(at, ",");

		if (!cache_check(at, bytes, complaint))
			return false;
		at += bytes;
		if (!*at)
			break;
	}
	options->caches = value;
	return true;
}

static bool read_timeout(struct options *options, const char *value, struct complaint *complaint)
{
	char *end;
	double seconds = strtod(value, &end);

	if (*value < '0' || *value > '9' || *end || !(seconds > 0 && seconds <= TIMEOUT_MOST_SECONDS))
		return complain(complaint, "--timeout needs a number of seconds above 0, not '%s'", value);
	options->timeout_ms = seconds * 1000 < 1 ? 1 : (uint64_t)(seconds * 1000);
	return true;
}

static bool read_kernel(struct options *options, const char *value, struct complaint *complaint)
{
	if (!*value)
		return complain(complaint, "--kernel needs the name of a module of the boot image");
	return list_add(&options->kernels, value, "--kernel", complaint);
}

static bool read_setting(struct options *options, const char *value, struct complaint *complaint)
{
	if (!strchr(value, '=') || *value == '=')
		return complain(complaint, "--setting needs KEY=VALUE, not '%s'", value);
	return list_add(&options->settings, value, "--setting", complaint);
}

static bool read_append(struct options *options, const char *value, struct complaint *complaint)
{
	return list_add(&options->append, value, "--append", complaint);
}

static bool read_iso(struct options *options, const char *value, struct complaint *complaint)
{
	options->iso = value;
	return *value ? true : complain(complaint, "--iso needs a file");
}

static bool read_uefi(struct options *options, const char *value, struct complaint *complaint)
{
	(void)value, (void)complaint;
	return options->uefi = true;
}

static bool read_icount(struct options *options, const char *value, struct complaint *complaint)
{
	(void)value, (void)complaint;
	return options->icount = true;
}

static bool read_verbose(struct options *options, const char *value, struct complaint *complaint)
{
	(void)value, (void)complaint;
	return options->verbose = true;
}

static bool read_later(struct options *options, const char *value, struct complaint *complaint)
{
	(void)options, (void)value;
	return complain(complaint, "--disk and --fresh are not there yet: this version keeps nothing between runs");
}

static const struct option table[] = {
	{ "--root", "DIR|ARCHIVE", "lay a host directory or a tar archive over the standard root;\nnothing is written back", read_root },
	{ "--cpus", "N", "1 to 8; 2 when not given", read_cpus },
	{ "--memory", "SIZE", "such as 512M or 2G; 1G when not given", read_memory },
	{ "--place", "NAME=PLACE", "where the application kernel NAME (or all) runs: supervisor or\nisolated", read_place },
	{ "--caches", "KIND=N,...", "sizes of the kernel's caches: kernel container page space thread\nportal mapping reference table",
		read_caches },
	{ "--timeout", "SECONDS", "end after that time, with status 124", read_timeout },
	{ "--kernel", "NAME", "start a further application kernel of the boot image", read_kernel },
	{ "--setting", "KEY=VALUE", "tell the application kernels something; the man page lists the keys", read_setting },
	{ "--append", "WORDS", "add words to the kernel's command line", read_append },
	{ "--iso", "FILE", "boot a medium by its own boot loader, with its own settings", read_iso },
	{ "--uefi", NULL, "with --iso: by UEFI firmware", read_uefi },
	{ "--icount", NULL, "count instructions: every run is the same", read_icount },
	{ "--verbose", NULL, "show what the system says of itself, on standard error", read_verbose },
	{ "--disk", "FILE", "not there yet: nothing is kept between runs", read_later },
	{ "--fresh", NULL, "not there yet, goes with --disk", read_later },
};

void options_help(FILE *to)
{
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		int width = fprintf(to, "  %s%s%s", table[i].name, table[i].value ? " " : "", table[i].value ? table[i].value : "");

		for (const char *line = table[i].help; line; width = 0) {
			int bytes = (int)strcspn(line, "\n");

			fprintf(to, "%*s%.*s\n", HELP_COLUMN - width, "", bytes, line);
			line = line[bytes] ? line + bytes + 1 : NULL;
		}
	}
}

static const struct option *option_find(const char *word)
{
	size_t bytes = strcspn(word, "=");

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (strlen(table[i].name) == bytes && memcmp(table[i].name, word, bytes) == 0)
			return &table[i];
	return NULL;
}

/* Reads the option at *word, and moves *word to the last word it used. */
static bool option_read(struct options *options, char ***word, struct complaint *complaint)
{
	const struct option *option = option_find(**word);
	char *value = strchr(**word, '=');

	if (!option)
		return complain(complaint, "there is no option %s: see 'baryon help'", **word);
	if (!option->value && value)
		return complain(complaint, "%s takes no value", option->name);
	if (option->value && !value && !(*word)[1])
		return complain(complaint, "%s needs %s after it", option->name, option->value);
	if (option->value)
		value = value ? value + 1 : *++*word;
	return option->read(options, value, complaint);
}

bool options_read(struct options *options, char **word, struct complaint *complaint)
{
	*options = (struct options){ .cpus = 2, .memory_mib = 1024 };
	for (; *word && **word == '-' && strcmp(*word, "--") != 0; word++)
		if (!option_read(options, &word, complaint))
			return false;
	if (*word && strcmp(*word, "--") == 0)
		word++;
	options->program = *word ? word : NULL;
	if (options->program && !**word)
		return complain(complaint, "the program's name is empty");
	if (options->iso && (options->program || options->root || options->caches || options->places.count ||
			options->kernels.count || options->append.count))
		return complain(complaint, "--iso boots the medium as it is: no program, --root, --place, --caches, --kernel or --append");
	if (options->uefi && !options->iso)
		return complain(complaint, "--uefi goes with --iso");
	return true;
}
