# A day's work with Debian's bash, coreutils, grep, sed, awk, find, tar and gzip, in the current folder. Prints the same on Linux.
set -u
export LC_ALL=C TZ=UTC
umask 022

echo '== here-documents, arrays, arithmetic'
name=world
cat <<END
hello $name $((6 * 7))
END
cat <<'END'
hello $name
END
declare -A color=([sky]=blue [grass]=green)
list=(one 'two words' three)
echo "${#list[@]} ${list[1]} ${color[sky]} ${list[@]: -1}"
[[ file-2024.txt =~ ([0-9]+) ]] && echo "${BASH_REMATCH[1]}"
echo "${name^^} ${name/o/0} ${name:1:3} $((0x1f)) $((2 ** 40))"
printf '%05d|%-6s|%x|%q\n' 42 ab 255 "a b"

echo '== process substitution and pipes'
diff <(printf '1\n2\n3\n') <(printf '1\n3\n')
cat <(echo a) <(echo b)
seq 1 1000 | tee >(wc -l >lines) | tail -n 1
until [ -s lines ]; do sleep 0.05; done; cat lines
yes | head -n 3 | tr y n
false | true; echo "${PIPESTATUS[*]}"
exec 5>out; echo through five >&5; exec 5>&-; cat out
read -r first < <(echo from a substitution); echo "$first"

echo '== functions, traps, jobs'
add() { local sum=0; for n; do sum=$((sum + n)); done; echo $sum; }
add 1 2 3
(trap 'echo leaving' EXIT; echo inside)
trap 'echo got USR1' USR1; kill -USR1 $$; trap - USR1
set -m
sleep 1000 & job=$!
jobs | sed 's/ *sleep/ sleep/'
kill -STOP $job; until jobs %1 | grep -q Stopped; do sleep 0.05; done; jobs %1 | cut -c 1-13
{ kill %1; kill -CONT %1; wait $job; } 2>/dev/null; echo "status $?"
set +m
(exit 3) & wait $!; echo "child $?"
for i in 1 2 3; do (sleep 0.0$i; echo "end $i" >>ends) & done; wait; sort ends
timeout 0.2 sleep 10; echo "timeout $?"
coproc cat; echo via coproc >&"${COPROC[1]}"; read -r line <&"${COPROC[0]}"; echo "$line"; eval "exec ${COPROC[1]}>&-"; wait

echo '== files'
mkdir -p tree/a/b tree/c && cd tree
for n in 1 2 3 4 5; do seq 1 $((n * 10)) >a/file$n; done
echo needle >a/b/hay; ln -s ../a/b/hay c/link; ln a/b/hay c/hard; touch -d '2020-02-02 02:02:02' c/old
find . | sort
find . -type l -printf '%p -> %l\n'
find . -newer c/old -name 'file*' -size -1k | sort | head -n 2
find . -name 'file*' -print0 | sort -z | xargs -0 wc -l
grep -rl needle . | sort
grep -c 1 a/file*; grep -En '^(3|5)$' a/file1
stat -c '%n %s %a %h %F' a/b/hay c/link
stat -c '%y' c/old
sed -n '2,4{s/$/!/;p}' a/file1
sed -i 's/needle/pin/' a/b/hay; cat a/b/hay c/hard
awk '{ s += $1; n[$1 % 3]++ } END { print s, n[0], n[1], n[2] }' a/file5
awk -F: 'BEGIN { OFS = "-" } { print $2, $1 }' <<<'left:right'
cp -a a copy && diff -r a copy && echo same
mv copy moved; rm -r moved; ls
chmod 640 a/file1; ls -l a/file1 | cut -d ' ' -f 1,5
cd ..

echo '== text'
printf 'b 2\na 1\nc 3\na 1\n' >t
sort t | uniq -c; sort -k2nr t | head -n 1; cut -d ' ' -f 1 t | tr -d '\n'; echo
paste <(seq 3) <(seq 4 6); join <(sort -u t) <(printf 'a x\nc z\n')
comm -12 <(seq 1 5) <(seq 4 8); seq 10 | shuf --random-source=/dev/zero | sort -n | tac | head -n 2
fold -w 5 <<<abcdefghij; expand <<<$'a\tb'; nl <<<one; rev <<<abc 2>/dev/null || echo cba
head -c 10 /dev/zero | od -An -tx1; echo hello | md5sum; echo hello | sha256sum | cut -c 1-16; echo hello | base64
split -l 4 -d t part && cat part0* | cmp - t && echo split; expr 7 \* 6; date -d @0 +%F; factor 360; numfmt --to=iec 1048576

echo '== archives'
tar -cf tree.tar tree && tar -tf tree.tar | wc -l
tar -czf tree.tgz tree && mkdir back && tar -xzf tree.tgz -C back && diff -r tree back/tree && echo unpacked
gzip -k t && gzip -l t.gz | tail -n 1 | awk '{ print $2 }'; zcat t.gz | cmp - t && echo gunzip
bzip2 -k t && bzcat t.bz2 | cmp - t && echo bunzip2
dd if=/dev/zero of=big bs=64k count=16 2>/dev/null; stat -c %s big; truncate -s 100000 big; stat -c %s big; du -k --apparent-size big | cut -f 1
echo 'day done'
