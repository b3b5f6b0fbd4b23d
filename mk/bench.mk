# Measuring: bench/run boots the bench's own kernels, Baryon and Linux with the same static program, and writes bench/results/.
# bench/where says which parts of the system a row's instructions are in.

.PHONY: bench bench-all
bench:
	@sh tools/needs build run
	@$(MAKE) --no-print-directory -j $(JOBS) bench-all

bench-all: everything build/bench/rows build/bench/count.so build/bench.elf build/echo.elf build/keeper.elf
	@bench/run

build/bench/rows: $(wildcard bench/linux/*.c bench/linux/*.h) $(MK_FILES)
	@mkdir -p $(@D)
	$(call say,GUEST,$@)
	$(Q)$(HOST_CC) -std=gnu11 -O2 -Wall -Wextra -Werror -static -pthread -o $@ $(filter %.c,$^)

build/bench/count.so: bench/count/count.c bench/linux/mark.h $(MK_FILES)
	@mkdir -p $(@D)
	$(call say,HOSTLD,$@)
	$(Q)$(HOST_CC) -std=gnu11 -O2 -Wall -Wextra -Werror -I. -fPIC -shared -o $@ $<
