UNIX_TEST_CFLAGS := -Ikernels/unix/test/include -Ibuild/include -Ilib/include -Ikernels/unix -Wno-unused-parameter -pthread
TEST_CFLAGS_kernels/unix/region := $(UNIX_TEST_CFLAGS)
TEST_SOURCES_kernels/unix/region := kernels/unix/process/region.c
TEST_CFLAGS_kernels/unix/page := $(UNIX_TEST_CFLAGS)
TEST_SOURCES_kernels/unix/page := kernels/unix/page.c kernels/unix/heap.c kernels/unix/process/slot.c
TEST_CFLAGS_kernels/unix/signal_context := $(UNIX_TEST_CFLAGS)
TEST_SOURCES_kernels/unix/signal_context := kernels/unix/process/signal_context.c
TEST_CFLAGS_kernels/unix/decode := $(UNIX_TEST_CFLAGS)
TEST_SOURCES_kernels/unix/decode := kernels/unix/process/decode.c
TEST_CFLAGS_kernels/unix/mutex := $(UNIX_TEST_CFLAGS)
FILE_TEST_CFLAGS := -Ikernels/unix/test/file_include -Ibuild/include -Ilib/include -Ikernels/unix -Wno-unused-parameter -pthread
FILE_TEST_SOURCES := kernels/unix/test/file_fake.c $(wildcard kernels/unix/file/*.c kernels/unix/socket/*.c) lib/ring.c
FILE_TEST_OBJECTS := $(FILE_TEST_SOURCES:%.c=build/test/file/%.o)
FILE_TEST_ARCHIVE := build/test/file.a

build/test/file/%.o: %.c $(MK_FILES) kernels/unix/test/test.mk | build/include/abi
	@mkdir -p $(@D)
	$(call say,TESTCC,$<)
	$(Q)$(HOST_CC) $(TEST_CFLAGS) $(FILE_TEST_CFLAGS) -MMD -MP -c $< -o $@

$(FILE_TEST_ARCHIVE): $(FILE_TEST_OBJECTS)
	@rm -f $@
	$(Q)ar rcs $@ $^

-include $(FILE_TEST_OBJECTS:.o=.d)

FILE_TESTS := $(patsubst kernels/unix/test/%_test.c,%,$(wildcard kernels/unix/test/file_*_test.c))
$(foreach t,$(FILE_TESTS),$(eval TEST_CFLAGS_kernels/unix/$(t) := $(FILE_TEST_CFLAGS)) \
	$(eval TEST_LIBS_kernels/unix/$(t) := $(FILE_TEST_ARCHIVE)))
$(FILE_TESTS:%=build/test/kernels/unix/test/%_test): $(FILE_TEST_ARCHIVE)
