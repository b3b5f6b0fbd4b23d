# Application kernels: static, position-independent programs for domains. Each folder kernels/NAME with C sources becomes
# build/NAME.elf. They see abi/, lib/include/ and their own folder; Charm's and Strange's headers are out of their reach.

USER_CC ?= gcc
comma := ,
OBJCOPY ?= objcopy
USER_CFLAGS := -std=gnu11 -O2 -ffreestanding -fPIE -mgeneral-regs-only -mno-red-zone -fvisibility=hidden \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none \
	-ffunction-sections -fdata-sections -Wall -Wextra -Werror -Ibuild/include -Ilib/include
USER_LDFLAGS := -static-pie -nostdlib -nostartfiles -Wl,--no-dynamic-linker,--build-id=none,--gc-sections,-e,_start \
	-Wl,-z,noexecstack,-z,max-page-size=4096,-z,separate-code,-z,norelro,-z,text

LIB_SOURCES := $(sort $(wildcard lib/*.c lib/$(ARCH)/*.c lib/$(ARCH)/*.S))
LIB_OBJECTS := $(patsubst %,build/%.o,$(basename $(LIB_SOURCES)))

build/include/abi:
	@mkdir -p $(@D)
	@ln -sfn ../../abi $@

build/lib/%.o: lib/%.c $(MK_FILES) | build/include/abi
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(USER_CC) $(USER_CFLAGS) -MMD -MP -c $< -o $@

build/lib/%.o: lib/%.S $(MK_FILES) | build/include/abi
	@mkdir -p $(@D)
	$(call say,AS,$<)
	$(Q)$(USER_CC) $(USER_CFLAGS) -MMD -MP -c $< -o $@

build/kernels/%.o: kernels/%.c $(MK_FILES) | build/include/abi
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(USER_CC) $(USER_CFLAGS) -Ikernels/$(firstword $(subst /, ,$*)) -MMD -MP -c $< -o $@

# The vDSO: a shared object that UNIX carries as it is, in one page, and maps into programs. Nothing relocates it.
VDSO_CFLAGS := -std=gnu11 -O2 -ffreestanding -fpic -mgeneral-regs-only -fvisibility=hidden -fno-stack-protector \
	-fasynchronous-unwind-tables -fcf-protection=none -Wall -Wextra -Werror -Ibuild/include -Ilib/include -Ikernels/unix
VDSO_LDFLAGS := -shared -nostdlib -nostartfiles -s -Wl,-soname,linux-vdso.so.1,--hash-style=both,--build-id=none,--no-undefined \
	-Wl,--eh-frame-hdr,-z,noexecstack,-z,max-page-size=4096,-z,text
VDSO := build/kernels/unix/vdso.so
KERNEL_OBJECTS_unix := build/kernels/unix/vdso_image.o

$(VDSO): kernels/unix/vdso/vdso.c kernels/unix/vdso/vdso.lds $(MK_FILES) | build/include/abi
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(USER_CC) $(VDSO_CFLAGS) $(VDSO_LDFLAGS) -MMD -MP -MF $@.d -Wl,-T,kernels/unix/vdso/vdso.lds -o $@ $<
	@! $(READELF) -rW $@ | grep '^[0-9a-f]\{16\}' && [ $$(wc -c <$@) -le 4096 ] \
		|| { echo '$@: it has relocations, or more than a page'; rm -f $@; exit 1; }
-include $(VDSO).d

build/kernels/unix/vdso_image.o: $(VDSO)
	$(Q)cd $(@D) && $(OBJCOPY) -I binary -O elf64-x86-64 -B i386:x86-64 --rename-section .data=.rodata.vdso,alloc,load,readonly,data,contents \
		--redefine-sym _binary_vdso_so_start=vdso_image --redefine-sym _binary_vdso_so_end=vdso_image_end \
		$(<F) $(@F)

# The sources of kernel $(1), without those of its tests and of what it only carries.
kernel_sources = $(sort $(shell find kernels/$(1) -name '*.c' -not -path '*/test/*' -not -path '*/vdso/*'))
KERNEL_NAMES := $(sort $(foreach k,$(notdir $(patsubst %/,%,$(wildcard kernels/*/))),$(if $(call kernel_sources,$(k)),$(k))))

# What is locked takes few mappings.
KERNEL_SCRIPT_root := kernels/locked.lds
KERNEL_SCRIPT_srm := kernels/locked.lds
KERNEL_SCRIPT_keeper := kernels/locked.lds

# The linked program may hold no relocation but the one that adds the base, or its loader could not place it.
define kernel_rule
build/$(1).elf: $$(patsubst %.c,build/%.o,$$(call kernel_sources,$(1))) $$(KERNEL_OBJECTS_$(1)) $$(LIB_OBJECTS) $$(KERNEL_SCRIPT_$(1))
	$$(call say,LD,$$@)
	$$(Q)$$(USER_CC) $$(USER_LDFLAGS) -Wl,-Map=build/$(1).map -o $$@ $$(patsubst %.lds,-Wl$$(comma)-T$$(comma)%.lds,$$^)
	@! $$(READELF) -rW $$@ | grep '^[0-9a-f]\{16\}' | grep -v R_X86_64_RELATIVE \
		|| { echo '$$@: relocations other than R_X86_64_RELATIVE'; rm -f $$@; exit 1; }
-include $$(patsubst %.c,build/%.d,$$(call kernel_sources,$(1)))
endef
$(foreach k,$(KERNEL_NAMES),$(eval $(call kernel_rule,$(k))))
-include $(LIB_OBJECTS:.o=.d)
