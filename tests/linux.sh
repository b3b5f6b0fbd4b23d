# For tests/system/linux*.test: the programs in tests/linux ($trials, or all) say the same on this host's Linux and on Baryon, in each of
# $places.

# /data/numbers is a file of the image that a program may change.
mkdir -p "$work/root/try" "$work/root/data" "$work/host/try" "$work/host/data" "$work/linux"
# What a program inherits is the same there as here, whatever runs these tests.
alike="env -i --default-signal PATH=$PATH HOME=/root"
umask 022
seq 1 20000 | tee "$work/root/data/numbers" >"$work/host/data/numbers"
[ -n "${trials:-}" ] || trials=$(cd tests/linux && ls *.c | sed 's/\.c$//')
for name in $trials; do
	cp "build/linux/$name" "$work/root/try/"
	cp "build/linux/$name" "$work/host/try/"
	(cd "$work/linux" && mkdir "$name" && cd "$name" && $alike setsid --wait timeout 600 "$work/host/try/$name" </dev/null >"../$name.out" 2>&1) ||
		fail "$name on this host: $?"
done
script='cd /tmp && for t in /try/*; do n=${t##*/}; mkdir $n; (cd $n; timeout 900 $t </dev/null >../$n.out 2>&1; echo "status $?" >>../$n.out); done; tar c *.out'
small=kernel=2,space=4,thread=8,portal=8,container=8,reference=16,mapping=64,page=64,table=16
for place in $places; do
	mkdir "$work/$place"
	options="--place unix=$place"
	[ $place != small ] || options="--cpus 1 --caches $small"
	sh_guest 600 "$script" $options --root "$work/root" >"$work/all.tar" </dev/null || fail "$place: $?"
	tar xf "$work/all.tar" -C "$work/$place" || fail "$place: no results"
	for name in $trials; do
		echo 'status 0' | cat "$work/linux/$name.out" - >"$work/want"
		cmp -s "$work/want" "$work/$place/$name.out" ||
			{ diff -a "$work/want" "$work/$place/$name.out" >&2; fail "$name, $place: not what Linux says"; }
	done
done
true
