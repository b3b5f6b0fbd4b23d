# Baryon. `make run` and `make test` are all that a newcomer needs; `make help` lists the rest.
# V=1 shows whole commands. Everything that is made lies in build/, apart from ./baryon.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

VERSION := 0.1
# How much is built at once.
JOBS := $(or $(shell nproc),1)
Q := $(if $(V),,@)
say = @$(if $(V),:,printf '  %-7s %s\n' $(1) $(2))

include mk/kernel.mk
include mk/user.mk
include mk/host.mk
include mk/image.mk
include mk/test.mk
include mk/bench.mk

.PHONY: all everything run clean help has-commands
all: has-commands
	@$(MAKE) --no-print-directory -j $(JOBS) everything

everything: build/baryon.elf build/baryon.img baryon

# First what is missing is installed, then a second make, which finds it, builds and runs.
run:
	@sh tools/needs build run
	@$(MAKE) --no-print-directory all
	@./baryon run || [ $$? -lt 124 ]   # the shell's own status is no failure of make

# Says what is missing and installs nothing.
has-commands:
	@sh tools/needs -n build

clean:
	rm -rf build baryon

help:
	@echo 'make          builds the kernel, the boot image and ./baryon'
	@echo 'make run      installs what is missing (Debian), builds, and opens a shell in Baryon'
	@echo 'make test     installs what is missing, builds, and runs all tests'
	@echo 'make smoke    a short round of tests, two minutes at most'
	@echo 'make soak     every test at full length, or PART=name; results go to tests/soak-result.txt'
	@echo 'make fuzz     the decoders under libFuzzer (clang), or TARGET=name; see docs/fuzzing.md'
	@echo "make suites   the test suites of Debian's packages, on Linux and in Baryon, or PART=name; see tests/suites/results.md"
	@echo 'make check    house rules: who includes whom, function lengths, sizes'
	@echo 'make bench    measures, and writes bench/results/'
	@echo 'make iso      build/baryon.iso, for BIOS and UEFI'
	@echo 'make dist     the ISO and its checksum, in build/dist/'
	@echo 'make unit     the unit tests only; make docs/syscalls.md makes the list of Linux calls anew'
	@echo 'make clean    removes build/ and ./baryon, the package cache too'
	@echo 'ROOT=larger   with run, all or iso: gcc, make and perl lie in the root too'
	@echo 'V=1 shows the commands; ./baryon help says how to run programs.'
