# build/baryon.elf: Charm and Strange only.

ARCH := x86_64
KERNEL_CC ?= gcc
KERNEL_LD ?= ld
READELF ?= readelf

# Files on the paths that are counted in instructions; the rest is made small.
KERNEL_HOT := $(addprefix build/strange/,fast.o fast_copy.o fast_portal.o fast_signal.o schedule.o mapping.o memory.o \
	shootdown.o) $(addprefix build/charm/$(ARCH)/,clock.o)
KERNEL_CFLAGS := -std=gnu11 -g -ffreestanding -fno-pic -mcmodel=kernel -mgeneral-regs-only -mno-red-zone \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fno-strict-aliasing -fcf-protection=none \
	-ffunction-sections -fdata-sections -malign-data=abi -Wall -Wextra -Werror \
	-I. -Icharm/include -Icharm/$(ARCH)/include
# Instructions are counted, and bytes: nothing is aligned beyond what the processor fetches at once.
KERNEL_FAST := -O2 -fno-inline-functions -fno-inline-small-functions -fno-tree-pre -fno-tree-ch -fno-tree-dominator-opts \
	-fno-tree-tail-merge -fno-forward-propagate -freorder-blocks-algorithm=simple -fno-reorder-blocks-and-partition \
	-falign-functions=1 -falign-jumps=1 -falign-loops=1 -falign-labels=1
# The rest is counted in bytes only.
KERNEL_SMALL := -Oz -fno-inline-small-functions -fno-move-loop-invariants -fno-if-conversion -fno-tree-sink \
	-fno-forward-propagate -fno-tree-tail-merge -fno-tree-forwprop -fno-tree-loop-im -fno-ipa-vrp -fno-tree-dominator-opts
KERNEL_LDS := charm/$(ARCH)/baryon.lds

CHARM_SOURCES := $(sort $(wildcard charm/$(ARCH)/*.c charm/$(ARCH)/*.S))
STRANGE_SOURCES := $(sort $(wildcard strange/*.c))
KERNEL_OBJECTS := $(patsubst %,build/%.o,$(basename $(CHARM_SOURCES) $(STRANGE_SOURCES)))
MK_FILES := Makefile $(wildcard mk/*.mk)

# The words of a portal call stay in their registers, and the caller's others may be used.
build/strange/fast_portal.o: KERNEL_CFLAGS += -ffixed-r8 -ffixed-r9 -ffixed-r10 -ffixed-r12 -ffixed-r13 \
	-ffixed-rdi -ffixed-rsi -fcall-used-rbx -fcall-used-r14 -fcall-used-r15 -fomit-frame-pointer

# Charm's entry saved the caller's registers.
build/strange/fast_signal.o: KERNEL_CFLAGS += -fcall-used-rbx -fcall-used-r12 -fcall-used-r13 -fcall-used-r14 \
	-fcall-used-r15 -fomit-frame-pointer
build/strange/fast_copy.o: KERNEL_FAST += -ftree-pre

build/charm/%.o: charm/%.c $(MK_FILES)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(KERNEL_CC) $(KERNEL_CFLAGS) $(if $(filter $@,$(KERNEL_HOT)),$(KERNEL_FAST),$(KERNEL_SMALL)) -MMD -MP -c $< -o $@

build/charm/%.o: charm/%.S $(MK_FILES)
	@mkdir -p $(@D)
	$(call say,AS,$<)
	$(Q)$(KERNEL_CC) $(KERNEL_CFLAGS) $(if $(filter $@,$(KERNEL_HOT)),$(KERNEL_FAST),$(KERNEL_SMALL)) -MMD -MP -c $< -o $@

build/strange/%.o: strange/%.c $(MK_FILES)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(KERNEL_CC) $(KERNEL_CFLAGS) $(if $(filter $@,$(KERNEL_HOT)),$(KERNEL_FAST),$(KERNEL_SMALL)) -MMD -MP -c $< -o $@

build/baryon.elf: $(KERNEL_OBJECTS) $(KERNEL_LDS)
	$(call say,LD,$@)
	$(Q)$(KERNEL_LD) -nostdlib -static --gc-sections --build-id=none -z noexecstack -z max-page-size=4096 \
		--no-warn-rwx-segments -T $(KERNEL_LDS) -Map=build/baryon.map -o $@ $(KERNEL_OBJECTS)

-include $(KERNEL_OBJECTS:.o=.d)
