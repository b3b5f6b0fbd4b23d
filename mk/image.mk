# The boot image, the standard root, and media to hand out.

ROOT_PACKAGES := busybox-static base-passwd base-files

build/baryon.img: build/tools/mkimage build/rootfs.img $(KERNEL_NAMES:%=build/%.elf)
	$(call say,IMAGE,$@)
	$(Q)build/tools/mkimage $@ $(foreach k,$(KERNEL_NAMES),$(k)=build/$(k).elf) rootfs=build/rootfs.img

# Made anew only when its recipe changes; the packages stay in build/cache.
build/rootfs.img: tools/mkroot build/tools/mkrootfs mk/image.mk
	$(call say,ROOT,$@)
	$(Q)sh tools/mkroot build/cache build/root $(ROOT_PACKAGES)
	$(Q)build/tools/mkrootfs $@ build/root

.PHONY: iso dist
iso:
	@sh tools/needs build iso
	@$(MAKE) --no-print-directory build/baryon.iso

build/baryon.iso: build/baryon.elf build/baryon.img tools/grub.cfg
	$(call say,ISO,$@)
	@rm -rf build/iso && mkdir -p build/iso/boot/grub
	@cp build/baryon.elf build/baryon.img build/iso/boot/ && cp tools/grub.cfg build/iso/boot/grub/
	$(Q)grub-mkrescue -o $@ build/iso >build/iso.log 2>&1 || { tail -n 3 build/iso.log; exit 1; }

dist: iso
	@mkdir -p build/dist
	@cp build/baryon.iso build/dist/baryon-$(VERSION).iso
	@cd build/dist && sha256sum baryon-$(VERSION).iso >baryon-$(VERSION).iso.sha256
	@ls -l build/dist
