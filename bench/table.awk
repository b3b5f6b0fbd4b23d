# Joins figures.csv (name|what|reference|source|hold|aim, in sections) with measured rows (name,column,number) to the table, as
# Markdown on standard output and as comma-separated values in the file `csv`.
BEGIN {
	FS = "|"
	print "name,placement,measured,linux,reference,source,hold,aim,verdict" >csv
}
FNR == 1 { file++ }
/^#/ || /^$/ { next }
file == 1 && /^= / {
	match($0, /^= [a-z]+ /)
	section = substr($0, 3, RLENGTH - 3)
	names[++count] = "= " section
	what[names[count]] = substr($0, RLENGTH + 1)
	next
}
file == 1 {
	names[++count] = $1
	form[$1] = section
	what[$1] = $2; reference[$1] = $3; source[$1] = $4; hold[$1] = $5; aim[$1] = $6
	next
}
{
	split($0, part, ",")
	measured[part[1], part[2]] = part[3]
}

# A bound as a number: "x0.5" is of Linux' figure.
function bound(text, against) { return text ~ /^x/ ? int(substr(text, 2) * against + 0.5) : text }
function verdict(value, limit, goal) {
	if (value == "" || limit == "" || limit == 0)
		return ""
	if (value + 0 > limit + 0)
		return "over"
	return goal != "" && value + 0 <= goal + 0 ? "aim" : "held"
}
function ratio(value, against) { return value != "" && against > 0 ? sprintf("%.2f", value / against) : "" }
# A count of nothing: what is measured is over before the count begins.
function counted(value) { return value + 0 ? value : "" }
function referred(name) { return reference[name] (source[name] == "" ? "" : " (" source[name] ")") }

# One figure for the list: what it is held to, and its verdict, which is the result.
function record(name, column, value, against, limit, goal) {
	if (value == "")
		return ""
	limit = bound(hold[name], against)
	goal = bound(aim[name], against)
	if (column == "isolated" && (name == "getpid" || name == "getppid" || name == "unknown_syscall")) {
		limit = 450
		goal = 300
	} else if (column == "isolated" && hold[name] ~ /^x/) {
		limit = goal = ""
	}
	print name "," column "," value "," against "," reference[name] ",\"" source[name] "\"," limit "," goal "," \
		verdict(value, limit, goal) >csv
	return verdict(value, limit, goal)
}

function heading(of) {
	printf "\n## %s\n\n", what["= " of]
	if (of == "kernel") {
		print "| what | placement | measured | reference | hold | aim | verdict |"
		print "|---|---|---:|---:|---:|---:|---|"
	} else if (of == "calls") {
		print "| what | supervisor | Linux | ratio | verdict | isolated | ratio | 2 processors | Linux | ratio | reference |"
		print "|---|---:|---:|---:|---|---:|---:|---:|---:|---:|---:|"
	} else if (of == "programs") {
		print "| what | supervisor | Linux | ratio | verdict | isolated | ratio | programs' own | all, supervisor | all, Linux | ratio of all | reference, all |"
		print "|---|---:|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|"
	} else if (of == "scale") {
		print "| what | calls a second | beside one processor | verdict |"
		print "|---|---:|---:|---|"
	} else {
		print "| what | supervisor, ns | Linux, ns | ratio of pairs | verdict |"
		print "|---|---:|---:|---:|---|"
	}
}

function kernel_lines(name, columns, column, c, value, said) {
	columns = split("isolated supervisor callee_supervisor", column, " ")
	for (c = 1; c <= columns; c++) {
		if (!((name, column[c]) in measured) || (column[c] == "callee_supervisor" && name !~ /^portal_call_other/))
			continue
		value = measured[name, column[c]]
		said = record(name, column[c], value, reference[name])
		printf "| %s | %s | %s | %s | %s | %s | %s |\n", what[name], column[c], value, referred(name), hold[name], aim[name], said
	}
}

function call_line(name, against, ours, isolated, said) {
	ours = measured[name, "supervisor"]
	isolated = measured[name, "isolated"]
	against = (name, "linux") in measured ? measured[name, "linux"] : reference[name]
	said = record(name, "supervisor", ours, against)
	record(name, "isolated", isolated, against)
	printf "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", what[name], ours, measured[name, "linux"],
		ratio(ours, against), said, isolated, ratio(isolated, against), counted(measured[name, "two_system"]),
		counted(measured[name, "linux_two_system"]), ratio(counted(measured[name, "two_system"]), measured[name, "linux_two_system"]), referred(name)
}

# Of whole programs the system's own instructions are compared, where the plugin could count them; else all.
function program_line(name, kind, against, ours, isolated, said) {
	kind = (name, "linux_system") in measured && (name, "supervisor_system") in measured ? "_system" : ""
	ours = measured[name, "supervisor" kind]
	isolated = measured[name, "isolated" kind]
	against = (name, "linux" kind) in measured ? measured[name, "linux" kind] : reference[name]
	said = record(name, "supervisor", ours, against)
	record(name, "isolated", isolated, against)
	printf "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", what[name], ours, measured[name, "linux" kind],
		ratio(ours, against), said, isolated, ratio(isolated, against), measured[name, "linux_own"], measured[name, "supervisor"],
		measured[name, "linux"], ratio(measured[name, "supervisor"], measured[name, "linux"]), referred(name)
}

# The median of the ratios of pairs counts, as if Linux had taken 1000.
function time_line(name, pairs, said) {
	if (!((name, "pairs") in measured))
		return
	pairs = measured[name, "pairs"]
	said = record(name, "pairs", pairs, 1000)
	printf "| %s | %s | %s | %.2f | %s |\n", what[name], measured[name, "supervisor"], measured[name, "linux"], pairs / 1000, said
}

# What a call takes beside what it takes on one processor, as 1000: with more it shall not take more than a bound.
function scale_line(name, pairs, said) {
	if (!((name, "pairs") in measured))
		return
	pairs = measured[name, "pairs"]
	said = record(name, "pairs", pairs, 1000)
	printf "| %s | %s | %.2f | %s |\n", what[name], measured[name, "supervisor"], 1000 / pairs, said
}

END {
	print "# Measured"
	print ""
	print "Made by `make bench`; `docs/measuring.md` says how to read and repeat it. Instructions, unless a section says otherwise,"
	print "counted by QEMU (`-icount shift=0,sleep=off`, one processor); a repeated string instruction counts once for each"
	print "repetition. Linux: Debian's 6.1, run beside with `mitigations=off nopti init_on_alloc=0 clearcpuid=erms nopku`, the same"
	print "program. The reference figures were measured before on the same machine model: Linux 6.1 tuned in the same way; seL4"
	print "with its fast path, in the kernel only."
	for (i = 1; i <= count; i++)
		if (names[i] ~ /^= /)
			heading(substr(names[i], 3))
		else if (form[names[i]] == "kernel")
			kernel_lines(names[i])
		else if (form[names[i]] == "calls")
			call_line(names[i])
		else if (form[names[i]] == "programs")
			program_line(names[i])
		else if (form[names[i]] == "scale")
			scale_line(names[i])
		else
			time_line(names[i])
}
