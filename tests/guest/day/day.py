# A day's work with python3: threads, subprocess, json, sqlite3, files, signals. Prints the same on Linux.
import json, os, re, signal, socket, sqlite3, struct, subprocess, sys, tempfile, threading, time, queue, hashlib, zlib, mmap, select
import concurrent.futures, multiprocessing, collections, datetime, random, shutil, pathlib, itertools, ctypes

print(sys.version_info[:2], sys.platform, os.name)

work = queue.Queue()
done = []
lock = threading.Lock()
def worker():
    while (n := work.get()) is not None:
        with lock:
            done.append(n * n)
threads = [threading.Thread(target=worker) for _ in range(8)]
for t in threads: t.start()
for n in range(200): work.put(n)
for _ in threads: work.put(None)
for t in threads: t.join()
print(sum(done), threading.active_count())

event, barrier = threading.Event(), threading.Barrier(3)
def waiter():
    barrier.wait(); event.wait()
pair = [threading.Thread(target=waiter) for _ in range(2)]
for t in pair: t.start()
barrier.wait(); event.set()
for t in pair: t.join(5)
print(event.wait(0.01), threading.Event().wait(0.02))
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    print(list(pool.map(lambda n: n + 1, range(5))))

out = subprocess.run(['sh', '-c', 'echo out; echo err >&2; exit 3'], capture_output=True, text=True)
print(out.stdout.strip(), out.stderr.strip(), out.returncode)
print(subprocess.run(['tr', 'a-z', 'A-Z'], input='shout', capture_output=True, text=True).stdout)
one = subprocess.Popen(['seq', '100'], stdout=subprocess.PIPE)
two = subprocess.Popen(['tail', '-n', '1'], stdin=one.stdout, stdout=subprocess.PIPE)
one.stdout.close(); print(two.communicate()[0]); one.wait()
try: subprocess.run(['sleep', '1000'], timeout=0.2)
except subprocess.TimeoutExpired: print('timeout')
try: subprocess.run(['/no/such'])
except FileNotFoundError as e: print(e.errno)
print(subprocess.run(['sh', '-c', 'kill -9 $$']).returncode)
print(os.waitstatus_to_exitcode(os.system('exit 7')))

data = {'a': [1, 2.5, None, True], 'b': {'ü': 'x\n'}}
assert json.loads(json.dumps(data)) == data
print(json.dumps(data, sort_keys=True))

base = tempfile.mkdtemp()
db = sqlite3.connect(base + '/x.db')
db.execute('create table t(a integer primary key, b text)')
db.executemany('insert into t values(?, ?)', ((i, 'n%d' % (i % 7)) for i in range(2000)))
db.commit()
print(db.execute('select b, count(*), sum(a) from t group by b order by b limit 3').fetchall())
print(db.execute('pragma integrity_check').fetchone(), db.execute('pragma journal_mode=wal').fetchone())
db.execute('delete from t where a % 2'); db.commit()
other = sqlite3.connect(base + '/x.db')
print(other.execute('select count(*) from t').fetchone()); other.close(); db.close()

path = pathlib.Path(base)
(path / 'd' / 'e').mkdir(parents=True)
(path / 'd' / 'f').write_text('text'); os.symlink('f', path / 'd' / 'g')
print(sorted(p.name for p in path.rglob('*') if not p.name.startswith('x.db')), (path / 'd' / 'g').read_text())
st = os.stat(path / 'd' / 'f'); print(st.st_size, oct(st.st_mode), st.st_nlink)
with open(path / 'm', 'w+b') as f:
    f.truncate(10000)
    with mmap.mmap(f.fileno(), 0) as m:
        m[5000:5005] = b'hello'; m.flush()
    f.seek(5000); print(f.read(5))
fd = os.open(path / 'sparse', os.O_RDWR | os.O_CREAT); os.pwrite(fd, b'x', 1 << 20); print(os.fstat(fd).st_size); os.close(fd)
shutil.rmtree(base); print(os.path.exists(base))

got = []
signal.signal(signal.SIGALRM, lambda n, f: got.append(n))
signal.setitimer(signal.ITIMER_REAL, 0.05)
while len(got) < 1: time.sleep(0.2)
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
while len(got) < 3: time.sleep(0.05)
signal.setitimer(signal.ITIMER_REAL, 0)
print(len(got) >= 3, signal.getitimer(signal.ITIMER_REAL))
signal.signal(signal.SIGVTALRM, lambda n, f: got.append('virtual'))
signal.setitimer(signal.ITIMER_VIRTUAL, 0.02)
end = time.time() + 200
while 'virtual' not in got and time.time() < end: pass
print('virtual' in got)
r, w = os.pipe(); pid = os.fork()
if pid == 0:
    os.close(r); os.write(w, b'child %d' % (os.getppid() > 0)); os._exit(4)
os.close(w); print(os.read(r, 100), os.waitpid(pid, 0)[1] >> 8)
p = select.poll(); p.register(r, select.POLLIN); print([e for _, e in p.poll(10)])
ep = select.epoll(); ep.register(r, select.EPOLLIN); print(len(ep.poll(0.01))); ep.close()

print(hashlib.sha256(b'abc').hexdigest()[:16], zlib.crc32(b'abc'), len(zlib.compress(b'a' * 10000)) < 100)
print(struct.unpack('<IH', struct.pack('<IH', 1, 2)), datetime.date(2024, 2, 29).isoformat(), re.sub(r'(\w)(\d)', r'\2\1', 'a1b2'))
random.seed(1); print(random.randint(0, 1000), collections.Counter('hello').most_common(1))
print(time.clock_gettime(time.CLOCK_MONOTONIC) > 0, time.process_time() > 0, time.thread_time() >= 0, len(os.urandom(8)))
print(os.cpu_count() > 0, os.sched_getaffinity(0) != set(), os.getpriority(os.PRIO_PROCESS, 0) - (usual := os.nice(0)), os.nice(3) - usual, os.getuid() >= 0)
import resource
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE); resource.setrlimit(resource.RLIMIT_NOFILE, (20, hard))
files = []
try:
    while True: files.append(open('/dev/null'))
except OSError as e: print(e.errno)
for f in files: f.close()
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, -1))
try: bytearray(1 << 31); print('no limit')
except MemoryError: print('MemoryError')
print(ctypes.CDLL(None).abs(-5), open('/proc/self/comm').read().strip()[:6], os.readlink('/proc/self/exe')[-10:], 'python' in open('/proc/self/cmdline').read())
maps = open('/proc/self/maps').read(); print('[stack]' in maps, 'libc.so.6' in maps, '[heap]' in maps)
if __name__ == '__main__':
    with multiprocessing.Pool(3) as pool: print(sum(pool.map(abs, range(-50, 0))))
    q = multiprocessing.Queue(); c = multiprocessing.Process(target=q.put, args=('from the child',)); c.start(); print(q.get(timeout=200)); c.join(); print(c.exitcode)
print('day done')
