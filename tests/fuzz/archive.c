/* Archives: a tree or a complaint, and nothing that lies outside. */
#include "tests/fuzz/fuzz.h"
#include "tools/rootfs/tree.h"

/* Trees live as long as the program. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct complaint complaint = { 0 };
	uint8_t *bytes = fuzz_copy(input, size, 1);
	struct tree tree;

	tree_start(&tree);
	if (!tree_add_tar(&tree, bytes, size, &complaint))
		HOLDS(complaint.text[0] != 0);
	free(bytes);
	return 0;
}
