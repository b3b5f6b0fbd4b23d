# Joins figures.csv (name|what|reference|source|hold|aim) with measured rows (name,column,number) to the table, as Markdown on
# standard output and as comma-separated values in the file `csv`.
BEGIN {
	FS = "|"
	print "name,placement,measured,linux,reference,source,hold,aim,verdict" >csv
}
FNR == 1 { file++ }
/^#/ || /^$/ { next }
file == 1 {
	names[++count] = $1
	what[$1] = $2; reference[$1] = $3; source[$1] = $4; hold[$1] = $5; aim[$1] = $6
	next
}
{
	split($0, part, ",")
	measured[part[1], part[2]] = part[3]
}

# A bound as a number: "x0.5" is of Linux' figure.
function bound(text, name) {
	if (text !~ /^x/)
		return text
	return int(substr(text, 2) * against(name) + 0.5)
}
function against(name) { return (name, "linux") in measured ? measured[name, "linux"] : reference[name] }
function verdict(value, limit, goal) {
	if (limit == "" || limit == 0)
		return ""
	if (value + 0 > limit + 0)
		return "over"
	return goal != "" && value + 0 <= goal + 0 ? "aim" : "held"
}
function ratio(value, name) {
	return (name, "linux") in measured && measured[name, "linux"] ? sprintf("%.2f", value / measured[name, "linux"]) : ""
}

# A row that Linux programs measure is held to other figures when UNIX is isolated: only its null calls are.
function line(name, column, value, limit, goal) {
	value = measured[name, column]
	limit = bound(hold[name], name)
	goal = bound(aim[name], name)
	if (column == "isolated" && (name == "getpid" || name == "getppid" || name == "unknown_syscall")) {
		limit = 450
		goal = 300
	} else if (column == "isolated" && hold[name] ~ /^x/) {
		limit = goal = ""
	}
	printf "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", what[name], column, value, measured[name, "linux"],
		ratio(value, name), reference[name] (source[name] == "" ? "" : " (" source[name] ")"), limit, goal,
		verdict(value, limit, goal)
	print name "," column "," value "," measured[name, "linux"] "," reference[name] ",\"" source[name] "\"," limit "," goal \
		"," verdict(value, limit, goal) >csv
}

END {
	print "# Measured"
	print ""
	print "Made by `make bench`: instructions, unless a row says otherwise, counted by QEMU (`-icount shift=0,sleep=off`, one"
	print "processor); a repeated string instruction counts once for each repetition. Placement: of the bench's kernel or of"
	print "UNIX; `callee_supervisor`: only the called kernel is in the supervisor. Linux: Debian's 6.1, run beside with"
	print "`mitigations=off nopti init_on_alloc=0 clearcpuid=erms nopku`, the same program. The reference figures were measured"
	print "before on the same machine model: Linux 6.1 tuned in the same way; seL4 with its fast path, in the kernel only."
	print ""
	print "| what | placement | measured | Linux | ratio | reference | hold | aim | verdict |"
	print "|---|---|---:|---:|---:|---:|---:|---:|---|"
	columns = split("isolated supervisor callee_supervisor", column, " ")
	for (i = 1; i <= count; i++)
		for (c = 1; c <= columns; c++) {
			if (column[c] == "callee_supervisor" && names[i] !~ /^portal_call_other/)
				continue
			if ((names[i], column[c]) in measured)
				line(names[i], column[c])
		}
}
