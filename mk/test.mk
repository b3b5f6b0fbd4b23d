# Tests. Unit tests: every */test/NAME_test.c is built for the host with sanitizers and run. System tests: tests/system/NAME.test
# runs ./baryon. A folder FOLDER/test with a test.mk may say what its tests are linked with:
#   TEST_SOURCES_FOLDER/NAME := a.c b.c     TEST_CFLAGS_FOLDER/NAME := -Ix     (paths from the top)

UNIT_TESTS := $(sort $(wildcard */test/*_test.c */*/test/*_test.c))
UNIT_PROGRAMS := $(UNIT_TESTS:%.c=build/test/%)
TEST_CFLAGS := -std=gnu11 -O1 -g -D_GNU_SOURCE -DBARYON_VERSION='"$(VERSION)"' -Wall -Wextra -Werror \
	-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
TEST_FRAGMENTS := $(sort $(wildcard */test/test.mk */*/test/test.mk))
-include $(TEST_FRAGMENTS)
include mk/fuzz.mk

# The key of a test: its path without /test and _test.c, e.g. tools/rootfs/tar.
test_key = $(subst /test/,/,$(patsubst %_test.c,%,$(1)))

define unit_rule
build/test/$(1:%.c=%): $(1) $$(TEST_SOURCES_$(call test_key,$(1))) $$(MK_FILES) $$(TEST_FRAGMENTS) | build/include/abi
	@mkdir -p $$(@D)
	$$(call say,TESTCC,$(1))
	$$(Q)$$(HOST_CC) $$(TEST_CFLAGS) $$(or $$(TEST_CFLAGS_$(call test_key,$(1))),-I. -Ilib/include) -MMD -MP -MF $$@.d \
		-o $$@ $(1) $$(TEST_SOURCES_$(call test_key,$(1))) $$(TEST_LIBS_$(call test_key,$(1)))
-include build/test/$(1:%.c=%).d
endef
$(foreach t,$(UNIT_TESTS),$(eval $(call unit_rule,$(t))))

# Programs that system tests run in Baryon: static Linux programs, one a file.
TEST_GUESTS := $(patsubst tests/programs/%.c,build/programs/%,$(sort $(wildcard tests/programs/*.c)))
build/programs/%: tests/programs/%.c tests/programs/need.h $(MK_FILES)
	@mkdir -p $(@D)
	$(call say,GUEST,$<)
	$(Q)$(HOST_CC) -std=gnu11 -O2 -D_GNU_SOURCE -Wall -Wextra -Werror -static -pthread -o $@ $<

# Programs that say the same on Linux and on Baryon, one for each group of calls.
TRIALS := $(sort $(wildcard tests/linux/*.c))
TEST_TRIALS := $(TRIALS:tests/linux/%.c=build/linux/%)
build/linux/code: TRIAL_FLAGS := -z execstack
build/linux/%: tests/linux/%.c tests/linux/try.h $(MK_FILES)
	@mkdir -p $(@D)
	$(call say,GUEST,$<)
	$(Q)$(HOST_CC) -std=gnu11 -O2 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unused-result -static -pthread $(TRIAL_FLAGS) -o $@ $<

SYSTEM_TESTS := $(sort $(wildcard tests/system/*.test))
SOAK_TESTS := $(sort $(wildcard tests/soak/*.test))
SMOKE_TESTS := $(sort $(wildcard tests/system/smoke_*.test))
TEST_NEEDS += build/tests/run build/tests/terminal baryon $(UNIT_PROGRAMS) $(TEST_GUESTS) $(TEST_TRIALS)

build/tests/%: build/host/tests/%.o
	@mkdir -p $(@D)
	$(call say,HOSTLD,$@)
	$(Q)$(HOST_CC) -o $@ $^
-include build/host/tests/run.d build/host/tests/terminal.d build/host/tests/calls.d

# What UNIX has of Linux's system calls, from its own tables.
.PHONY: docs/syscalls.md
docs/syscalls.md: build/tests/calls
	@build/tests/calls $(TRIALS) >$@.new && mv $@.new $@

.SECONDARY: build/host/tests/run.o build/host/tests/terminal.o build/host/tests/calls.o
.PHONY: test smoke soak suites check unit test-all smoke-all soak-all
check: has-commands build/tools/check build/baryon.elf build/tests/calls
	@build/tools/check build/baryon.map
	@build/tests/calls $(TRIALS) | cmp -s - docs/syscalls.md || { echo 'docs/syscalls.md is out of date: make docs/syscalls.md'; exit 1; }

unit: has-commands build/tests/run $(UNIT_PROGRAMS)
	@build/tests/run $(UNIT_PROGRAMS)

test smoke soak:
	@sh tools/needs build run test
	@$(MAKE) --no-print-directory -j $(JOBS) $@-all

test-all: everything check build/baryon.iso $(TEST_NEEDS)
	@build/tests/run -j 2 $(UNIT_PROGRAMS) $(SYSTEM_TESTS)

smoke-all: everything check $(TEST_NEEDS)
	@build/tests/run -j 2 $(UNIT_PROGRAMS) $(SMOKE_TESTS)

# Everything at full length, or what has PART in its name: make soak PART=forget. The record keeps the last run of each test.
soak-all: everything check build/baryon.iso $(TEST_NEEDS)
	@BARYON_SOAK=1 build/tests/run -j 2 -t 7200 -o build/tests/soak.new \
		$(if $(PART),$(foreach t,$(UNIT_PROGRAMS) $(SYSTEM_TESTS) $(SOAK_TESTS),$(if $(findstring $(PART),$(t)),$(t))), \
		$(UNIT_PROGRAMS) $(SYSTEM_TESTS) $(SOAK_TESTS)); \
	status=$$?; sh tests/soak/record build/tests/soak.new tests/soak-result.txt; exit $$status

# The test suites that Debian's source packages bring, on Linux and in Baryon; PART=name for one. Results: tests/suites/results.md.
suites:
	@sh tools/needs build run suites
	@$(MAKE) --no-print-directory all
	@sh tests/suites/run $(PART)
