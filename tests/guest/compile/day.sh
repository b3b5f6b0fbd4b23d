# A programmer's day with gcc, make and perl: what is printed is the same on every system. In /day.
cd /tmp && rm -rf project && cp -r /day project && cd project || exit 1
make -s -j 3 && ./shared && ./static && ./threads || exit 1
make -s && echo "nothing to do twice"
touch count.h && make | sed 's/ .*//' | sort | uniq -c | sed 's/^ *//'
printf 'int main(void) { return missing; }\n' >wrong.c
make wrong 2>&1 | sed 's/\[.*\]//; s/[[:space:]]*$//'
gcc -g -O0 -o plain main.c count.c words.c && objdump -d plain | grep -c '<count_with>:' && nm plain | grep -c ' T '
strip plain && ./plain | tail -n 1
gcc -S -O2 -o - count.c | grep -c strchr
gcc -shared -fPIC -o libwords.so count.c words.c && gcc -o dynamic main.c -L. -lwords && LD_LIBRARY_PATH=. ./dynamic | head -n 1
printf '#include <stdio.h>\nint main(void){int a[4]={0};a[argc_bad]=1;}\n' | gcc -x c -fsyntax-only - 2>&1 | grep -c error:
perl -e 'my %h; $h{length $_}++ for split /\s+/, join " ", <>; print "$_: $h{$_}\n" for sort { $a <=> $b } keys %h' main.c | head -n 3
make clean && ls
