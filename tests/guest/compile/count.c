#include "count.h"

#include <string.h>

size_t count_with(char letter)
{
	size_t with = 0;

	for (size_t i = 0; i < words_count; i++)
		with += strchr(words[i], letter) != NULL;
	return with;
}
