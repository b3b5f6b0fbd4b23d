# For tests/system/*.test: a folder of its own that goes away, and the words that tests are written in.

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

fail() {
	echo "failed: $*" | head -n 1 >&2
	exit 1
}

# expect STATUS OUTPUT COMMAND...: runs the command; its status must be STATUS and its standard output OUTPUT (printf's
# escapes are known). Standard error goes to $work/err.
expect() {
	want_status=$1 want_output=$2
	shift 2
	status=0
	"$@" >"$work/out" 2>"$work/err" || status=$?
	[ "$status" = "$want_status" ] || { cat "$work/out" "$work/err" >&2; fail "status $status, not $want_status: $*"; }
	printf "$want_output" >"$work/want"
	cmp -s "$work/out" "$work/want" || { diff -a "$work/want" "$work/out" >&2; cat "$work/err" >&2; fail "other output: $*"; }
}

# expect_line STATUS TEXT COMMAND...: fails with that status, prints nothing, and says one line with TEXT.
expect_line() {
	line_status=$1 line_text=$2
	shift 2
	expect "$line_status" '' "$@"
	[ "$(wc -l <"$work/err")" = 1 ] || { cat "$work/err" >&2; fail "not one line: $*"; }
	grep -qF -e "$line_text" "$work/err" || { cat "$work/err" >&2; fail "nothing of '$line_text': $*"; }
}

# run_guest SECONDS WORD...: baryon run in the guest, killed after much more than the SECONDS that a quiet host needs.
run_guest() {
	limit=$((4 * $1))
	shift
	timeout -k 5 $((limit + 10)) ./baryon run --timeout "$limit" "$@"
}

# run_until SECONDS CHECK WORD...: run_guest, verbose, with input that ends when the shell's command CHECK is true, which looks at
# $work/err: the log so far. Output goes to $work/out. So a test waits for what it wants to see, however slow the host is.
run_until() {
	run_seconds=$1 check=$2
	shift 2
	: >"$work/err"
	until eval "$check" 2>/dev/null >&2; do echo && sleep 0.3 || break; done |
		run_guest "$run_seconds" --verbose "$@" >"$work/out" 2>"$work/err"
}

# lines NUMBER TEXT: so many lines of the log have it.
lines() { [ "$(grep -c -e "$2" "$work/err")" -ge "$1" ]; }

# sh_guest SECONDS SCRIPT [OPTION...]: a script for the guest's shell.
sh_guest() {
	limit=$1 script=$2
	shift 2
	run_guest "$limit" "$@" -- /bin/sh -c "$script"
}
