# What the unit tests of lib/ are linked with. string, format and domain take their source in under other names.
TEST_SOURCES_lib/string := lib/x86_64/words.S
TEST_SOURCES_lib/domain := lib/elf.c lib/x86_64/words.S
TEST_SOURCES_lib/portal := lib/portal.c lib/errors.c
TEST_SOURCES_lib/elf := lib/elf.c
TEST_SOURCES_lib/image := lib/image.c
TEST_SOURCES_lib/settings := lib/settings.c
TEST_SOURCES_lib/ring := lib/ring.c
TEST_LIBS_lib/ring := -pthread
