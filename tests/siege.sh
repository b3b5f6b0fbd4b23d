# For tests of the hostile kernel alone with root and the SRM.

# siege SECONDS PROCESSORS WORDS SETTING...: it runs with these settings, at most four times SECONDS, and WORDS on the kernel's command line; it must come to
# its end and find the others well. What was printed is in $work/log.
siege() {
	limit=$((4 * $1)) processors=$2 words=$3
	shift 3
	printf '%s\0' only=hostile "$@" >"$work/settings"
	build/tools/mkimage "$work/image" root=build/root.elf srm=build/srm.elf hostile=build/hostile.elf settings="$work/settings"
	timeout "$limit" qemu-system-x86_64 -accel tcg -smp "$processors" -cpu max -m 512 -nodefaults -display none -no-reboot \
		-kernel build/baryon.elf -initrd "$work/image" -append "panic=off $words" -serial stdio -serial null </dev/null >"$work/log" 2>&1
	grep -qF 'hostile: withstood' "$work/log" && grep -qF 'power off, status 0' "$work/log" ||
		{ tail -n 30 "$work/log" >&2; fail "hostile kernel on $processors processors: $words $*"; }
}
