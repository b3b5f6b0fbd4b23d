# The boot image, the standard root, and media to hand out.

# Each with all that it needs, but for install-time tools.
ROOT_PACKAGES := base-files base-passwd busybox-static bash dash coreutils grep sed mawk findutils diffutils debianutils tar gzip bzip2 \
	hostname less lua5.4 sqlite3 python3 python3-minimal python3.11 python3.11-minimal vim-tiny vim-common tcc libc6-dev \
	linux-libc-dev libcrypt-dev libc6 libc-bin libgcc-s1 gcc-12-base ncurses-base ncurses-bin libtinfo6 libncursesw6 libacl1 libattr1 \
	libselinux1 libpcre2-8-0 libgmp10 zlib1g libbz2-1.0 liblzma5 libexpat1 libffi8 libssl3 libsqlite3-0 libreadline8 readline-common \
	nano procps libproc2-0 libsystemd0 libcap2 libgcrypt20 libgpg-error0 liblz4-1 libzstd1 \
	libuuid1 libcrypt1 libdb5.3 libpython3.11-minimal libpython3.11-stdlib libpython3-stdlib media-types tzdata

# What `make ROOT=larger` adds: gcc and its tools, without the libraries of its sanitizers, make and perl.
ROOT_LARGER := gcc gcc-12 cpp cpp-12 libgcc-12-dev libcc1-0 libisl23 libmpc3 libmpfr6 libstdc++6 libgomp1 libatomic1 libitm1 \
	libquadmath0 binutils binutils-common binutils-x86-64-linux-gnu libbinutils libctf0 libctf-nobfd0 libgprofng0 libjansson4 make perl-base
ROOT ?= standard
ROOT_WANTED := $(ROOT_PACKAGES) $(if $(filter larger,$(ROOT)),$(ROOT_LARGER))
$(if $(filter-out standard larger,$(ROOT)),$(error ROOT is standard or larger, not $(ROOT)))

IMAGE_KERNELS = $(foreach k,$(KERNEL_NAMES),$(k)=build/$(k).elf)
IMAGE_MODULES = $(IMAGE_KERNELS) rootfs=build/rootfs.img

build/baryon.img: build/tools/mkimage build/rootfs.img $(KERNEL_NAMES:%=build/%.elf)
	$(call say,IMAGE,$@)
	$(Q)build/tools/mkimage $@.new $(IMAGE_MODULES) && mv $@.new $@

# Made anew only when its recipe or the list of packages changes; the packages stay in build/cache.
build/rootfs.img: tools/mkroot build/tools/mkrootfs build/root.packages
	$(call say,ROOT,$@)
	$(Q)sh tools/mkroot build/cache build/root $(ROOT_WANTED)
	$(Q)build/tools/mkrootfs $@.new build/root && mv $@.new $@

# The same with the larger root, whatever ROOT says, for the test of its programs: BARYON_BUILD=build/larger.
build/larger/rootfs.img: tools/mkroot build/tools/mkrootfs mk/image.mk
	$(call say,ROOT,$@)
	@mkdir -p $(@D)
	$(Q)sh tools/mkroot build/cache build/larger/root $(ROOT_PACKAGES) $(ROOT_LARGER)
	$(Q)build/tools/mkrootfs $@.new build/larger/root && mv $@.new $@

build/larger/baryon.img: build/tools/mkimage build/larger/rootfs.img $(KERNEL_NAMES:%=build/%.elf)
	$(call say,IMAGE,$@)
	$(Q)build/tools/mkimage $@.new $(IMAGE_KERNELS) rootfs=build/larger/rootfs.img && mv $@.new $@
	@ln -sf ../baryon.elf $(@D)/baryon.elf

.PHONY: root-always
build/root.packages: root-always
	@mkdir -p $(@D)
	@echo '$(ROOT_WANTED)' | cmp -s - $@ || echo '$(ROOT_WANTED)' >$@

.PHONY: iso dist
iso:
	@sh tools/needs build iso
	@$(MAKE) --no-print-directory build/baryon.iso

# The medium's own settings: whoever boots it speaks frames on the second serial port, as `baryon run --iso` does.
build/iso.settings: mk/image.mk
	@mkdir -p $(@D)
	@printf 'stdin=stream\0stdout=stream\0stderr=stream\0end=power-off\0' >$@

build/baryon.iso: build/baryon.elf build/baryon.img build/iso.settings tools/grub.cfg
	$(call say,ISO,$@)
	@rm -rf build/iso && mkdir -p build/iso/boot/grub
	@cp build/baryon.elf build/iso/boot/ && cp tools/grub.cfg build/iso/boot/grub/
	$(Q)build/tools/mkimage build/iso/boot/baryon.img $(IMAGE_MODULES) settings=build/iso.settings
	$(Q)grub-mkrescue -o $@ build/iso >build/iso.log 2>&1 || { tail -n 3 build/iso.log; exit 1; }

dist: iso
	@mkdir -p build/dist
	@cp build/baryon.iso build/dist/baryon-$(VERSION).iso
	@cd build/dist && sha256sum baryon-$(VERSION).iso >baryon-$(VERSION).iso.sha256
	@ls -l build/dist
