# Strange's tests: Strange itself, Charm's contract inside a process (charm/host) and the played world, in one archive.
STRANGE_TEST_CFLAGS := -fno-sanitize=alignment -fno-strict-aliasing -I. -Icharm/host/include -Icharm/include
STRANGE_TEST_SOURCES := $(sort $(wildcard strange/*.c charm/host/*.c) $(filter-out %_test.c,$(wildcard strange/test/*.c)))
STRANGE_TEST_OBJECTS := $(STRANGE_TEST_SOURCES:%.c=build/test/%.o)
STRANGE_TEST_ARCHIVE := build/test/strange.a

# What looks at everything after each entry only reads, and with sanitizers would be nearly all of the tests' time.
build/test/strange/test/invariants.o: TEST_CFLAGS += -O3 -fno-sanitize=all

build/test/strange/%.o: strange/%.c $(MK_FILES) strange/test/test.mk
	@mkdir -p $(@D)
	$(call say,TESTCC,$<)
	$(Q)$(HOST_CC) $(TEST_CFLAGS) $(STRANGE_TEST_CFLAGS) -MMD -MP -c $< -o $@

build/test/charm/%.o: charm/%.c $(MK_FILES) strange/test/test.mk
	@mkdir -p $(@D)
	$(call say,TESTCC,$<)
	$(Q)$(HOST_CC) $(TEST_CFLAGS) $(STRANGE_TEST_CFLAGS) -MMD -MP -c $< -o $@

$(STRANGE_TEST_ARCHIVE): $(STRANGE_TEST_OBJECTS)
	@rm -f $@
	$(Q)ar rcs $@ $^

-include $(STRANGE_TEST_OBJECTS:.o=.d)

STRANGE_TESTS := $(patsubst strange/test/%_test.c,%,$(wildcard strange/test/*_test.c))
$(foreach t,$(STRANGE_TESTS),$(eval TEST_CFLAGS_strange/$(t) := $(STRANGE_TEST_CFLAGS)) \
	$(eval TEST_LIBS_strange/$(t) := $(STRANGE_TEST_ARCHIVE) -pthread))
$(STRANGE_TESTS:%=build/test/strange/test/%_test): $(STRANGE_TEST_ARCHIVE)

# The protocols between processors, checked exhaustively.
.PHONY: models
models:
	@tests/models/run build/models
