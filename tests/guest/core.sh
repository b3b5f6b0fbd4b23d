# Runs in Baryon's shell: what must work with any size of caches, in any placement, on any number of processors.
# Prints "core ok" at the end; stops with a line that says what failed.
die() { echo "core: $*"; exit 1; }

# pipes and programs
[ "$(echo one two three | tr ' ' '\n' | sort | head -n 1)" = one ] || die 'a pipe of four'
[ "$(seq 1 200 | awk '{ s += $1 } END { print s }')" = 20100 ] || die awk
[ "$(seq 1 3000 | wc -l)" = 3000 ] || die 'a pipe with much'

# statuses and signals
(exit 7); [ $? = 7 ] || die status
sh -c 'kill -TERM $$'; [ $? = 143 ] || die 'death by a signal'
trap 'got=yes' USR1; kill -USR1 $$; [ "$got" = yes ] || die 'a handled signal'
sleep 100 & kill $!; wait $!; [ $? = 143 ] || die 'a killed job'

# files
cd /tmp || die cd
mkdir -p a/b && echo hello >a/b/c && cp -r a d && [ "$(cat d/b/c)" = hello ] || die 'copied folders'
mv d/b/c d/e && ln -s ../a/b/c d/f && [ "$(cat d/e d/f | wc -l)" = 2 ] || die 'moves and links'
seq 1 3000 >big && sort -rn big | sort -n | cmp - big || die 'a file of some size'
dd if=/dev/zero of=zero bs=1024 count=300 2>/dev/null && [ "$(wc -c <zero)" = 307200 ] || die dd
rm -r a d big zero && [ -z "$(ls)" ] || die 'what was removed'

# twenty live processes
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	(sleep 0.2; echo $i >>/tmp/count) &
done
wait
[ "$(sort -n /tmp/count | tail -n 1)" = 20 ] && [ "$(wc -l </tmp/count)" = 20 ] || die 'twenty processes'
rm /tmp/count

# memory that a fork shares
x=before
(x=after; [ $x = after ]) && [ $x = before ] || die 'memory after fork'
i=0; while [ $i -lt 30 ]; do /bin/true || die exec; i=$((i + 1)); done

echo core ok
