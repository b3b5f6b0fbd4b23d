# The decoders under libFuzzer (clang), guided by coverage: make fuzz [TARGET=elf] [FUZZ=-max_total_time=60]. Each tests/fuzz/NAME.c is one;
# `strange` is the hostile kernel (strange/test/fuzz.c). tests/fuzz/corpus/NAME is what they begin with, and what every test run
# replays; what libFuzzer finds goes to build/fuzz/NAME.inputs, and with make fuzz-keep what of it reaches more into the corpus.
# make fuzz-cover says how much of each decoder the corpus reaches.

FUZZ_TARGETS := $(sort $(filter-out replay,$(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))))
FUZZ_SOURCES_elf := lib/elf.c
FUZZ_SOURCES_image := lib/image.c
FUZZ_SOURCES_settings := lib/settings.c
FUZZ_SOURCES_rootfs := kernels/unix/file/rootfs.c tools/rootfs/verify.c tools/rootfs/tree.c tools/common/complain.c
FUZZ_CFLAGS_rootfs := $(FILE_TEST_CFLAGS)
FUZZ_SOURCES_archive := tools/rootfs/tar.c tools/rootfs/tree.c tools/common/complain.c
FUZZ_SOURCES_options := tools/baryon/options.c tools/common/complain.c
FUZZ_SOURCES_frames := tools/baryon/frames.c
FUZZ_SOURCES_decode := kernels/unix/process/decode.c
FUZZ_CFLAGS_decode := $(UNIX_TEST_CFLAGS)
FUZZ_CFLAGS_loader := $(CHARM_TEST_CFLAGS)
FUZZ_CFLAGS_acpi := $(CHARM_TEST_CFLAGS)
FUZZ_COVERED_rootfs := kernels/unix/file/rootfs.c tools/rootfs/verify.c
FUZZ_COVERED_archive := tools/rootfs/tar.c
FUZZ_COVERED_options := tools/baryon/options.c
FUZZ_COVERED_loader := charm/x86_64/pvh.c charm/x86_64/multiboot2.c
FUZZ_COVERED_acpi := charm/x86_64/acpi.c

FUZZ_CC := clang -std=gnu11 -O1 -g -D_GNU_SOURCE -DBARYON_VERSION='"$(VERSION)"' -w
FUZZ_CHECKS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-sanitize=alignment
FUZZ_CHOSEN := $(or $(TARGET),$(FUZZ_TARGETS) strange)
FUZZ ?= -max_total_time=20

fuzz_corpus = $(sort $(wildcard tests/fuzz/corpus/$(1)/*))

define fuzz_rules
FUZZ_FLAGS_$(1) := $$(or $$(FUZZ_CFLAGS_$(1)),-Ilib/include) -I.
build/fuzz/$(1): tests/fuzz/$(1).c tests/fuzz/fuzz.h $$(FUZZ_SOURCES_$(1)) $$(FUZZ_COVERED_$(1)) $$(MK_FILES) | build/include/abi
	@mkdir -p $$(@D)
	$$(Q)$$(FUZZ_CC) $$(FUZZ_CHECKS) -fsanitize=fuzzer $$(FUZZ_FLAGS_$(1)) -o $$@ $$< $$(FUZZ_SOURCES_$(1))
build/fuzz/$(1).cover: tests/fuzz/$(1).c tests/fuzz/fuzz.h $$(FUZZ_SOURCES_$(1)) $$(FUZZ_COVERED_$(1)) $$(MK_FILES) | build/include/abi
	@mkdir -p $$(@D)
	$$(Q)$$(FUZZ_CC) -fprofile-instr-generate -fcoverage-mapping $$(FUZZ_FLAGS_$(1)) -o $$@ $$< tests/fuzz/replay.c $$(FUZZ_SOURCES_$(1))
build/fuzz/$(1).replay: tests/fuzz/$(1).c tests/fuzz/replay.c tests/fuzz/fuzz.h $$(FUZZ_SOURCES_$(1)) $$(FUZZ_COVERED_$(1)) $$(MK_FILES) | build/include/abi
	@mkdir -p $$(@D)
	$$(call say,TESTCC,tests/fuzz/$(1).c)
	$$(Q)$$(HOST_CC) $$(TEST_CFLAGS) -fno-sanitize=alignment $$(FUZZ_FLAGS_$(1)) -o $$@ $$< tests/fuzz/replay.c $$(FUZZ_SOURCES_$(1))
endef
$(foreach t,$(FUZZ_TARGETS),$(eval $(call fuzz_rules,$(t))))
TEST_NEEDS += $(FUZZ_TARGETS:%=build/fuzz/%.replay)

build/fuzz/strange: $(STRANGE_TEST_SOURCES) $(MK_FILES)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_CHECKS) -fsanitize=fuzzer $(STRANGE_TEST_CFLAGS) -o $@ $(STRANGE_TEST_SOURCES)
FUZZ_OPTIONS_strange := -len_control=0 -max_len=6000
FUZZ_OPTIONS_archive := -max_len=20480 -detect_leaks=0 -rss_limit_mb=4096

.PHONY: fuzz fuzz-keep fuzz-cover fuzz-clang
fuzz-clang:
	@command -v clang >/dev/null || { echo 'make fuzz needs clang: apt-get install clang llvm'; exit 1; }

fuzz: fuzz-clang $(FUZZ_CHOSEN:%=build/fuzz/%)
	@set -e; $(foreach t,$(FUZZ_CHOSEN),echo "fuzz $(t)"; mkdir -p build/fuzz/$(t).inputs; \
		build/fuzz/$(t) $(or $(FUZZ_OPTIONS_$(t)),-max_len=20480) $(FUZZ) -print_final_stats=0 -verbosity=1 \
		-artifact_prefix=build/fuzz/$(t). build/fuzz/$(t).inputs $(wildcard tests/fuzz/corpus/$(t)) >build/fuzz/$(t).log 2>&1 || \
		{ tail -n 30 build/fuzz/$(t).log; exit 1; }; tail -n 1 build/fuzz/$(t).log;)

fuzz-keep: fuzz-clang $(FUZZ_TARGETS:%=build/fuzz/%)
	@set -e; $(foreach t,$(FUZZ_TARGETS),mkdir -p tests/fuzz/corpus/$(t) build/fuzz/$(t).inputs; \
		build/fuzz/$(t) -merge=1 -max_len=20480 tests/fuzz/corpus/$(t) build/fuzz/$(t).inputs >build/fuzz/$(t).log 2>&1;)

# Lines and branches of the decoder's own sources.
fuzz-cover: fuzz-clang $(FUZZ_TARGETS:%=build/fuzz/%.cover)
	@$(foreach t,$(FUZZ_TARGETS),LLVM_PROFILE_FILE=build/fuzz/$(t).raw build/fuzz/$(t).cover 0 $(call fuzz_corpus,$(t)) && \
		llvm-profdata merge -o build/fuzz/$(t).data build/fuzz/$(t).raw && \
		llvm-cov report build/fuzz/$(t).cover -instr-profile=build/fuzz/$(t).data $(or $(FUZZ_COVERED_$(t)),$(FUZZ_SOURCES_$(t))) | \
		awk 'NF > 12 && $$1 ~ /\.c$$|^TOTAL/ { print "$(t)", $$1, "lines " $$10, "branches " $$13 }';)
