/* The command line: what is accepted, and that everything else gives one line. */
#include "tools/baryon/options.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define WORDS(...) ((char *[]){ __VA_ARGS__, NULL })

static struct options options;
static struct complaint complaint;

static void good(char **word)
{
	if (options_read(&options, word, &complaint))
		return;
	printf("refused: %s\n", complaint.text);
	assert(false);
}

static void bad(char **word, const char *part)
{
	complaint.text[0] = 0;
	assert(!options_read(&options, word, &complaint));
	assert(strstr(complaint.text, part) && !strchr(complaint.text, '\n'));
}

static void defaults_are_two_cpus_and_a_gigabyte(void)
{
	good((char *[]){ NULL });
	assert(options.cpus == 2 && options.memory_mib == 1024 && !options.program && !options.timeout_ms);
}

static void values_may_follow_or_be_joined(void)
{
	good(WORDS("--cpus=8", "--memory", "2G", "--timeout=0.5", "--verbose", "--icount", "sh", "--cpus"));
	assert(options.cpus == 8 && options.memory_mib == 2048 && options.timeout_ms == 500);
	assert(options.verbose && options.icount && strcmp(options.program[1], "--cpus") == 0);
	good(WORDS("--memory", "65536K"));
	assert(options.memory_mib == 64);
	good(WORDS("--place", "unix=isolated", "--place=all=supervisor", "--caches", "thread=8,table=16"));
	assert(options.places.count == 2 && strcmp(options.caches, "thread=8,table=16") == 0);
}

static void words_after_two_dashes_are_the_program(void)
{
	good(WORDS("--", "--cpus", "9"));
	assert(strcmp(options.program[0], "--cpus") == 0);
	good(WORDS("--"));
	assert(!options.program);
	bad(WORDS("--", ""), "empty");
}

static void bad_numbers_are_named(void)
{
	static char *const cpus[] = { "0", "9", "-1", "x", "", "1x", "99999999999999999999", "1.5" };
	static char *const memory[] = { "", "G", "-1", "1T", "31M", "1 G", "0", "99999999999999999999G", "9999999G", "1GB" };
	static char *const timeout[] = { "", "0", "-1", "x", "1s", "nan", "inf", "1e400", "99999999999" };

	for (size_t i = 0; i < sizeof cpus / sizeof cpus[0]; i++)
		bad(WORDS("--cpus", cpus[i]), "--cpus");
	for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++)
		bad(WORDS("--memory", memory[i]), "--memory");
	for (size_t i = 0; i < sizeof timeout / sizeof timeout[0]; i++)
		bad(WORDS("--timeout", timeout[i]), "--timeout");
}

static void bad_words_are_named(void)
{
	static char *const places[] = { "", "unix", "=isolated", "unix=", "unix=nowhere", "unix=with:x", "unix=isolatedx" };
	static char *const caches[] = { "", "thread", "thread=", "thread=x", "=3", "bird=3", "thread=3,", ",thread=3",
		"thread=3,,space=4", "thread=-3", "thread=99999999999", "threads=3", "thread=3;space=4" };

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		bad(WORDS("--place", places[i]), "--place");
	for (size_t i = 0; i < sizeof caches / sizeof caches[0]; i++)
		bad(WORDS("--caches", caches[i]), "--caches");
	bad(WORDS("--nonsense"), "--nonsense");
	bad(WORDS("--cpu", "1"), "--cpu");
	bad(WORDS("-c"), "-c");
	bad(WORDS("-"), "-");
	bad(WORDS("--cpus"), "needs N");
	bad(WORDS("--verbose=1"), "takes no value");
	bad(WORDS("--root", "a", "--root", "b"), "twice");
	bad(WORDS("--root", ""), "--root");
	bad(WORDS("--disk", "x"), "not there yet");
	bad(WORDS("--no\nsense\033[2J"), "--no?sense?[2J");
}

static void too_many_of_one_option_are_refused(void)
{
	char *word[2 * OPTION_LIST + 3] = { NULL };

	for (int i = 0; i <= OPTION_LIST; i++) {
		word[2 * i] = "--append";
		word[2 * i + 1] = "x";
	}
	bad(word, "--append");
}

int main(void)
{
	defaults_are_two_cpus_and_a_gigabyte();
	values_may_follow_or_be_joined();
	words_after_two_dashes_are_the_program();
	bad_numbers_are_named();
	bad_words_are_named();
	too_many_of_one_option_are_refused();
	return 0;
}
