# Measuring: bench/run boots the bench's own kernels, Baryon and Linux with the same static program, and writes bench/results/.

.PHONY: bench
bench: all build/bench/rows build/bench.elf build/echo.elf
	@bench/run

build/bench/rows: bench/linux/rows.c $(MK_FILES)
	@mkdir -p $(@D)
	$(call say,GUEST,$<)
	$(Q)$(HOST_CC) -std=gnu11 -O2 -Wall -Wextra -Werror -static -pthread -o $@ $<
