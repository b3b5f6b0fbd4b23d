# Programs that run on the host: tools/. Shared parts are in tools/common, tools/rootfs and tools/image.

HOST_CC ?= gcc
HOST_CFLAGS := -std=gnu11 -O2 -g -D_GNU_SOURCE -DBARYON_VERSION='"$(VERSION)"' -Wall -Wextra -Werror -I.

host_objects = $(patsubst %.c,build/host/%.o,$(sort $(foreach p,$(1),$(wildcard tools/$(p)))))

build/host/%.o: %.c $(MK_FILES)
	@mkdir -p $(@D)
	$(call say,HOSTCC,$<)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -MMD -MP -c $< -o $@

# $(1) program, $(2) its sources as patterns under tools/
define tool_rule
$(1): $$(call host_objects,$(2))
	@mkdir -p $$(@D)
	$$(call say,HOSTLD,$$@)
	$$(Q)$$(HOST_CC) -o $$@.new $$^ && mv $$@.new $$@
-include $$(patsubst %.o,%.d,$$(call host_objects,$(2)))
endef

$(eval $(call tool_rule,baryon,baryon/*.c image/*.c rootfs/*.c common/*.c))
$(eval $(call tool_rule,build/tools/mkimage,mkimage.c image/*.c common/*.c))
$(eval $(call tool_rule,build/tools/mkrootfs,mkrootfs.c rootfs/*.c common/*.c))
$(eval $(call tool_rule,build/tools/check,check/*.c common/*.c))
