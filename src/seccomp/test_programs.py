#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs real programs under the filters alone: test_programs.py WITH-FILTER.

Each command is run without a filter first, and must work there; under the filter it must print the
same and end the same. Speaks TAP.
"""
import functools
import http.server
import os
import shutil
import subprocess
import sys
import tempfile
import threading

WITH_FILTER = os.path.abspath(sys.argv[1])
MUST_WORK = os.environ.get('CARREL_MUST_WORK') == '1'

PYTHON = r'''
import asyncio, concurrent.futures, ctypes, hashlib, mmap, multiprocessing, os, select, shutil
import signal, socket, sqlite3, subprocess, tempfile, threading, time

def square(x):
    return x * x

async def echo():
    server = await asyncio.start_server(lambda r, w: w.write(b"hello\n") or w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    print(await reader.readline())
    writer.close()
    server.close()
    child = await asyncio.create_subprocess_exec("echo", "child", stdout=subprocess.PIPE)
    print((await child.communicate())[0])

with tempfile.TemporaryDirectory() as folder:
    db = sqlite3.connect(folder + "/db")
    db.execute("pragma journal_mode=wal")
    db.execute("create table t (a)")
    db.executemany("insert into t values (?)", [(i,) for i in range(1000)])
    db.commit()
    print(db.execute("select sum(a) from t").fetchone())
    os.mkfifo(folder + "/fifo")
    os.symlink("fifo", folder + "/link")
    with open(folder + "/file", "wb") as f:
        f.truncate(1 << 20)
        os.posix_fallocate(f.fileno(), 0, 1 << 16)
    shutil.copy(folder + "/file", folder + "/copy")
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    print(sum(pool.map(square, range(1000))))
print(multiprocessing.Pool(2).map(square, range(5)))
asyncio.run(echo())
print(subprocess.run(["sh", "-c", "echo $((6*7))"], capture_output=True, text=True).stdout)
a, b = socket.socketpair()
a.send(b"x"); print(b.recv(1))
socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close()
print(socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)[0][4][0] != "")
signal.signal(signal.SIGALRM, lambda *a: print("alarm"))
signal.setitimer(signal.ITIMER_REAL, 0.01); signal.pause()
m = mmap.mmap(-1, 4096); m[0] = 1
os.sched_setaffinity(0, os.sched_getaffinity(0)); os.nice(1)
fd = os.memfd_create("x"); os.sendfile(fd, fd, 0, 0)
os.eventfd(0); os.getrandom(8)
pid = os.posix_spawn("/bin/true", ["true"], {}); print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
print(len(os.listdir("/proc/self/task")) > 0, time.clock_gettime(time.CLOCK_BOOTTIME) > 0)
'''

PERL = r'''use Socket; use POSIX; pipe(R, W); my $p = fork();
if (!$p) { print W "x" x 10; exit 3 } close W; print <R>, "\n"; waitpid($p, 0); print $? >> 8, "\n";
socketpair(A, B, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die; syswrite A, "hi"; sysread B, $_, 2; print;
socket(S, PF_INET, SOCK_DGRAM, 0) or die; print `echo shell`; print((POSIX::uname())[0]);'''

NODE = r'''const fs=require("fs"),net=require("net"),cp=require("child_process"),os=require("os"),
path=require("path"); const {Worker}=require("worker_threads");
const dir=fs.mkdtempSync(path.join(os.tmpdir(),"n")); fs.writeFileSync(dir+"/a","text");
fs.promises.readFile(dir+"/a","utf8").then(t=>{console.log(t);fs.rmSync(dir,{recursive:true});
const s=net.createServer(c=>c.end("hello")).listen(0,"127.0.0.1",()=>{
 net.connect(s.address().port,"127.0.0.1").on("data",d=>{console.log(""+d);s.close();
 console.log(cp.execSync("echo child")+"");
 new Worker("require('worker_threads').parentPort.postMessage(42)",{eval:true}).on("message",m=>console.log(m));
 })})});'''

JAVA = r'''import java.util.stream.*; import java.nio.file.*;
public class T { public static void main(String[] a) throws Exception {
 System.out.println(IntStream.range(0, 100000).parallel().asLongStream().sum());
 Path p = Files.createTempFile("t", "x"); Files.writeString(p, "text");
 System.out.println(Files.readString(p)); Files.delete(p);
 System.out.println(new String(new ProcessBuilder("echo", "child").start().getInputStream().readAllBytes()));
 Thread[] t = new Thread[16]; for (int i = 0; i < 16; i++) { t[i] = new Thread(() -> {}); t[i].start(); }
 for (Thread x : t) x.join(); System.gc(); } }'''

C_PROGRAM = r'''#include <pthread.h>
#include <stdio.h>
static void *f(void *p) { return p; }
int main(void) { pthread_t t; return pthread_create(&t, 0, f, 0) || pthread_join(t, 0) || puts("run") < 0; }
'''


class Tap:
    def __init__(self):
        self.n = self.failed = 0

    def point(self, ok, name, *notes):
        self.n += 1
        self.failed += not ok
        for note in notes if not ok else ():
            print('# ' + str(note).replace('\n', '\n#   '))
        print(f'{"ok" if ok else "not ok"} {self.n} - {name}', flush=True)

    def done(self):
        print(f'1..{self.n}')
        return self.failed != 0


def run(filter_name, command, folder):
    env = {'PATH': '/usr/bin:/bin:/usr/sbin:/sbin', 'HOME': folder, 'LANG': 'C.UTF-8',
           'GIT_CONFIG_NOSYSTEM': '1', 'TMPDIR': folder}
    p = subprocess.run([WITH_FILTER, filter_name] + command, cwd=folder, env=env, timeout=90,
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, errors='replace',
                       check=False)
    return p.returncode, p.stdout, p.stderr


def works(tap, filter_name, name, command, folder):
    """The command does under the filter what it does without."""
    if not shutil.which(command[0]):
        if MUST_WORK and command[0] not in OPTIONAL:
            tap.point(False, f'{name}: {command[0]} is not installed')
        return
    outside, inside = run('none', command, folder), run(filter_name, command, folder)
    tap.point(outside[0] == 0 and inside[:2] == outside[:2], f'{name} works under {filter_name}',
              f'without: {outside}', f'with: {inside}')


def refused(tap, filter_name, name, command, folder):
    """The command works without and fails under the filter."""
    if not shutil.which(command[0]):
        if MUST_WORK:
            tap.point(False, f'{name}: {command[0]} is not installed')
        return
    outside, inside = run('none', command, folder), run(filter_name, command, folder)
    tap.point(outside[0] == 0 and inside[0] not in (0, 125), f'{name} fails under {filter_name}',
              f'without: {outside}', f'with: {inside}')


OPTIONAL = ('node', 'java', 'curl', 'firejail', 'strace')


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def serve(folder):
    handler = functools.partial(Quiet, directory=folder)
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def prepare(folder):
    for name, text in (('t.c', C_PROGRAM), ('T.java', JAVA), ('page', 'a page\n')):
        with open(os.path.join(folder, name), 'w', encoding='ascii') as f:
            f.write(text)


GIT = ('rm -rf r && git init -q r && cd r && git config user.email a@b && git config user.name a && '
       'cp ../t.c . && git add . && git commit -q -m one && echo >> t.c && git status --short && '
       'git diff --stat && git gc -q && git clone -q . ../r2 && rm -rf ../r2 && git log --format=%s')
BASH = ('set -m; sleep 0.05 & wait %1; echo $?; echo a | tee x | cat; f() { echo in $1; }; '
        'coproc cat; echo y >&${COPROC[1]}; read -u ${COPROC[0]} l; echo $l; mkfifo p; '
        'cat p & echo z > p; wait %2; rm p x; ulimit -n 100; nice -n 5 true; echo $(f 1); trap "echo t" EXIT')


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        prepare(folder)
        server = serve(folder)
        for name, command in (
                ('git', ['bash', '-c', GIT]),
                ('gcc', ['sh', '-c', 'gcc -O2 -pthread t.c -o t && ./t']),
                ('python3', ['python3', '-c', PYTHON]),
                ('bash with jobs', ['bash', '-c', BASH]),
                ('perl', ['perl', '-e', PERL]),
                ('tar, find, xargs', ['sh', '-c', 'tar cf - t.c | tar xf - -O | find . -name t.c '
                                      '| xargs -P2 -n1 md5sum | sort; cp -a t.c t2.c; mv t2.c t3.c; rm t3.c']),
                ('curl', ['curl', '-s', f'http://localhost:{server.server_port}/page']),
                ('node', ['node', '-e', NODE]),
                ('java', ['java', 'T.java'])):
            works(tap, 'default', name, command, folder)
        works(tap, 'default+userns', 'unshare -Ur', ['unshare', '-Ur', 'true'], folder)
        works(tap, 'default+userns', 'unshare -Urnpif',
              ['unshare', '-Urnpif', 'chroot', '/', 'id', '-u'], folder)
        works(tap, 'default+userns+mount', 'bwrap',
              ['bwrap', '--unshare-all', '--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc',
               '--tmpfs', '/tmp', '--hostname', 'x', 'cat', '/proc/sys/kernel/hostname'], folder)
        works(tap, 'default+devel', 'strace', ['sh', '-c', 'strace -o /dev/null true'], folder)
        refused(tap, 'default', 'unshare -Ur', ['unshare', '-Ur', 'true'], folder)
        refused(tap, 'default+userns', 'unshare -Urm', ['unshare', '-Urm', 'true'], folder)
        refused(tap, 'default+userns', 'bwrap', ['bwrap', '--ro-bind', '/', '/', 'true'], folder)
        server.shutdown()
    return tap.done()


sys.exit(main())
