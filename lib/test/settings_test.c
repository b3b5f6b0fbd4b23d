/* Settings are read as written, and damaged ones are left out without harm. */
#include <string.h>

#include "baryon/settings.h"
#include "test.h"

#define SETTINGS(text) { text, sizeof(text) }

static void values_are_found_in_order(void)
{
	struct settings s = SETTINGS("arg=a\0place=unix=isolated\0arg=b=c\0arg=\0rows=24");
	size_t at = 0;

	CHECK(strcmp(settings_next_of(&s, &at, "arg"), "a") == 0);
	CHECK(strcmp(settings_next_of(&s, &at, "arg"), "b=c") == 0);
	CHECK(strcmp(settings_next_of(&s, &at, "arg"), "") == 0);
	CHECK(settings_next_of(&s, &at, "arg") == NULL);
	CHECK(strcmp(settings_find(&s, "place"), "unix=isolated") == 0 && settings_find(&s, "plac") == NULL);
	CHECK(settings_number(&s, "rows", 1) == 24 && settings_number(&s, "columns", 80) == 80);
	CHECK(settings_number(&s, "place", 7) == 7);
}

static void the_last_value_counts(void)
{
	struct settings s = SETTINGS("a=1\0a=2");

	CHECK(strcmp(settings_find(&s, "a"), "2") == 0);
}

static void damage_is_left_out(void)
{
	struct settings s = { "junk\0a=1\0\0b=no end", 18 };
	struct setting setting;
	size_t at = 0;

	CHECK(settings_next(&s, &at, &setting) && setting.key_bytes == 1 && setting.value[0] == '1');
	CHECK(!settings_next(&s, &at, &setting));
	s = (struct settings){ NULL, 0 };
	at = 0;
	CHECK(!settings_next(&s, &at, &setting) && settings_find(&s, "a") == NULL);
}

int main(void)
{
	values_are_found_in_order();
	the_last_value_counts();
	damage_is_left_out();
	puts("settings: ok");
	return 0;
}
