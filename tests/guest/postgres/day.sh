#!/bin/sh
# PostgreSQL's day: a cluster is made, serves clients at once, refuses a second server, survives the death of one of its processes, and
# stops. What this prints is the same wherever it runs.
bin=/usr/lib/postgresql/15/bin
export PATH=$bin:$PATH LC_ALL=C HOME=/tmp PGUSER=worker PGHOST=/tmp
cd /tmp
initdb -D /tmp/cluster --no-sync -A trust -U worker >initdb.out 2>&1 || { cat initdb.out; exit 1; }
cat >>cluster/postgresql.conf <<END
unix_socket_directories='/tmp'
listen_addresses=''
shared_memory_type=$1
END
pg_ctl -s -w -D /tmp/cluster -l /tmp/log start || { cat log; exit 1; }
psql -Atq postgres <<END
create table t (a int primary key, b text);
insert into t select g, 'row ' || g from generate_series(1, 1000) g;
select count(*), sum(a), max(b) from t where b like '%7%';
END
createdb bench
pgbench -i -q -s 1 bench >bench.out 2>&1 && pgbench -c 4 -j 2 -t 25 bench >bench.out 2>&1 || cat bench.out
grep 'actually processed' bench.out
psql -Atq bench -c 'select count(*), sum(delta) = (select sum(bbalance) from pgbench_branches) from pgbench_history'
postgres -D /tmp/cluster 2>&1 | grep -c 'already exists'
psql -Atq postgres -c 'select pg_sleep(100)' >/dev/null 2>&1 &
sleep 1
kill -9 $(psql -Atq postgres -c "select pid from pg_stat_activity where query like '%pg_sleep(100)' and pid <> pg_backend_pid()")
wait
until psql -Atq postgres -c 'select sum(a) from t' 2>/dev/null; do sleep 1; done
kill -9 $(head -n 1 cluster/postmaster.pid)
until pg_ctl -s -w -D /tmp/cluster -l /tmp/log start 2>/dev/null; do sleep 1; done
psql -Atq postgres -c 'select sum(a) from t'
pg_ctl -s -w -D /tmp/cluster stop -m fast && echo stopped
awk -v user=$(id -u) '$8 == user' /proc/sysvipc/shm
