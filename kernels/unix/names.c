/* Names of Linux's system calls. Offsets into one text, so that no address needs relocating. */
#include "calls.h"

#define N(number, name) char name_##number[sizeof #name];
struct names {
#include "names.def"
};
#undef N

#define N(number, name) .name_##number = #name,
static const struct names names = {
#include "names.def"
};
#undef N

#define N(number, name) [number] = 1 + offsetof(struct names, name_##number),
static const uint16_t places[CALL_NUMBERS] = {
#include "names.def"
};
#undef N

const char *call_name(uint64_t number)
{
	return number < CALL_NUMBERS && places[number] != 0 ? (const char *)&names + places[number] - 1 : "?";
}
