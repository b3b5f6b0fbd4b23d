UNIX_TEST_CFLAGS := -Ikernels/unix/test/include -Ibuild/include -Ilib/include -Ikernels/unix -Wno-unused-parameter -pthread
TEST_CFLAGS_kernels/unix/region := $(UNIX_TEST_CFLAGS)
TEST_SOURCES_kernels/unix/region := kernels/unix/process/region.c
TEST_CFLAGS_kernels/unix/page := $(UNIX_TEST_CFLAGS)
TEST_SOURCES_kernels/unix/page := kernels/unix/page.c kernels/unix/heap.c kernels/unix/process/slot.c
TEST_CFLAGS_kernels/unix/signal_context := $(UNIX_TEST_CFLAGS)
TEST_SOURCES_kernels/unix/signal_context := kernels/unix/process/signal_context.c
TEST_CFLAGS_kernels/unix/mutex := $(UNIX_TEST_CFLAGS)
