#include <stddef.h>

extern const char *const words[];
extern const size_t words_count;

/* How many of the words contain `letter`. */
size_t count_with(char letter);
