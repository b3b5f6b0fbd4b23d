TEST_SOURCES_tools/baryon/options := tools/baryon/options.c tools/common/complain.c
TEST_SOURCES_tools/baryon/frames := tools/baryon/frames.c tools/baryon/terminal.c

# Stands in for QEMU in tests/system/smoke_command.test.
build/tests/fake_qemu: build/host/tools/baryon/test/fake_qemu.o build/host/tools/baryon/frames.o
	@mkdir -p $(@D)
	$(call say,HOSTLD,$@)
	$(Q)$(HOST_CC) -o $@ $^
TEST_NEEDS += build/tests/fake_qemu
