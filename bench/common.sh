# What bench/run, bench/times and bench/where share: where things lie, and how the machines are started. Read from the top of the
# tree, with everything built.
work=build/bench
cache=build/cache/linux
results=bench/results
linux_words='console=ttyS0 quiet panic=-1 ROWS_INIT=1 mitigations=off nopti init_on_alloc=0 clearcpuid=erms nopku'
emulator='qemu-system-x86_64 -cpu max -nodefaults -display none -no-reboot -serial stdio'
counted='-accel tcg -icount shift=0,sleep=off -seed 1 -smp 1'
# Several processors take turns on one thread of the host, at the clock's time: for counting by the plugin.
in_turn='-accel tcg,thread=single'
mkdir -p "$work" "$cache" "$results"

say() { printf '  %-7s %s\n' BENCH "$1"; }

# The plugin that separates a program's instructions from the system's, with arguments: empty where QEMU takes no plugins.
counting() {
	! qemu-system-x86_64 -help | grep -q '^-plugin' || echo "-plugin $PWD/build/bench/count.so,$1"
}

linux_fetch() {
	ls "$cache"/boot/vmlinuz-* >/dev/null 2>&1 && return 0
	package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '/Depends:/ { print $2; exit }')
	[ -n "$package" ] || return 1
	(cd "$cache" && timeout 300 apt-get -qq download "$package" >/dev/null 2>&1) || return 1
	dpkg-deb --fsys-tarfile "$cache"/linux-image-*.deb | tar -x -C "$cache" ./boot
}

archive() { "$top/build/root/usr/bin/busybox" cpio -o -H newc -R 0:0 2>/dev/null; }

# linux.cpio: nothing but the measured program. root.cpio: the standard root as well.
linux_archives() {
	top=$PWD
	rm -rf "$work/linux"
	mkdir -p "$work/linux"
	cp build/bench/rows "$work/linux/init"
	(cd "$work/linux" && echo init | archive) >"$work/linux.cpio"
	(cd build/root && find . | archive) >"$work/root.cpio"
	cat "$work/linux.cpio" >>"$work/root.cpio"
}

# The same as the root for Baryon.
unix_root() {
	rm -rf "$work/root"
	mkdir -p "$work/root"
	cp build/bench/rows "$work/root/rows"
}

# linux_machine ARCHIVE SECONDS "QEMU OPTIONS" WORD...: the measured program is the first process, with these words.
linux_machine() {
	archive=$1 seconds=$2 options=$3
	shift 3
	timeout "$seconds" $emulator $options -m 1024 -kernel "$(ls "$cache"/boot/vmlinuz-* | head -n 1)" \
		-initrd "$work/$archive.cpio" -append "$linux_words -- $*"
}

# unix_machine PLACE CPUS SECONDS "COMMAND OPTIONS" "QEMU OPTIONS" WORD...: the same on Baryon. Options for QEMU come before those
# of ./baryon, so of two -accel the first counts.
unix_machine() {
	place=$1 cpus=$2 seconds=$3 options=$4 more=$5
	shift 5
	printf '#!/bin/sh\nexec qemu-system-x86_64 %s "$@"\n' "$more" >"$work/qemu"
	chmod +x "$work/qemu"
	BARYON_QEMU=$work/qemu ./baryon run $options --memory 1024M --cpus "$cpus" --timeout "$seconds" --place "unix=$place" --root "$work/root" -- /rows "$@"
}

# Measuring in time (bench/times, bench/scale): machines that serve slices, as bench/linux/times.c does. Those of a crew of four processes:
crew_slices='getpid read pipe stat mmap_touch fork'

mkfifo_new() { rm -f "$@"; mkfifo "$@"; }

# heard NAME OUT: waits until the machine whose output is OUT says what NAME took, and leaves that in `took`.
heard() {
	took=
	while [ -z "$took" ]; do
		read -r line <&"$2" || { echo "bench: a machine ended before it said $1, on $cpus processors" >&2; exit 1; }
		took=$(echo "$line" | tr -d '\r' | sed -n "s/^time: $1 //p")
	done
}

# slice NAME IN OUT
slice() {
	echo "$1" >&"$2"
	heard "$1" "$3"
}

# For awk.
median_function='
function median(list, count, i, j, value) {
	for (i = 2; i <= count; i++) {
		value = list[i]
		for (j = i - 1; j > 0 && list[j] > value; j--)
			list[j + 1] = list[j]
		list[j + 1] = value
	}
	return list[int((count + 1) / 2)]
}'
