/* Texts of error numbers, from the one table. */
#include "baryon/calls.h"

#define ERROR(name, number, text) [number] = text,
static const char *const error_texts[] = {
	[0] = "no error",
#include "abi/errors.def"
};
#undef ERROR

const char *baryon_error_text(long error)
{
	unsigned long number = error < 0 ? -(unsigned long)error : (unsigned long)error;

	if (number >= sizeof error_texts / sizeof error_texts[0] || !error_texts[number])
		return "unknown error";
	return error_texts[number];
}
