# For the run() of tests/suites/*.suite: the words that suites are run with, on Linux and in Baryon. A case is one line of the log:
# @pass NAME, @fail NAME or @skip NAME; whatever else is printed explains.

export HOME=/root PATH=/usr/bin:/bin:/usr/sbin:/sbin LC_ALL=C TMPDIR=/tmp SHELL=/bin/sh
unset LANG LANGUAGE TERM MAKEFLAGS
[ -e /suite/.done ] || : >/suite/.done

# chosen: of the names of cases, one a line, those that this run is for and that did not have their turn yet.
chosen() {
	grep -E -e "${CASES:-.}" | grep -vxF -f /suite/.done
}

# case_said RESULT NAME: RESULT is pass, fail or skip.
case_said() {
	printf '@%s %s\n' "$1" "$2"
}

# try SECONDS NAME COMMAND...: one case; status 0 passes, 77 skips, anything else fails and shows what was printed.
try() {
	try_limit=$1 try_name=$2 try_status=0
	shift 2
	timeout -k 5 "$try_limit" "$@" >/tmp/try.log 2>&1 9>&1 </dev/null || try_status=$?
	case $try_status in
	0) case_said pass "$try_name" ;;
	77)
		grep -i skip /tmp/try.log | tail -n 1 | sed 's/^/    /'
		case_said skip "$try_name"
		;;
	*)
		tail -n 30 /tmp/try.log | sed 's/^/    /'
		echo "    status $try_status"
		case_said fail "$try_name"
		;;
	esac
}

# on_terminal USER COMMAND...: runs it as the user of that number, with a terminal of its own as the controlling one, which a reader empties.
on_terminal() {
	python3 -c 'import os, pty, signal, sys
for number in signal.SIGPIPE, signal.SIGXFSZ:
	signal.signal(number, signal.SIG_DFL)
os.setgroups([]), os.setgid(int(sys.argv[1])), os.setuid(int(sys.argv[1]))
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[2:], lambda fd: os.read(fd, 1024) and b"\0")))' "$@" >/dev/null
}

# automake_try SECONDS TEST...: scripts of a suite of automake's kind, in the folder of the tests, for $SUITE_SHELL or sh; those in Perl are
# left out by the caller.
automake_try() {
	automake_limit=$1
	shift
	for automake_test; do
		try "$automake_limit" "$automake_test" "${SUITE_SHELL:-sh}" "./$automake_test"
	done
}
