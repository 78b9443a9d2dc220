# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the core share: plans, starts, TAP.

A test file is started as `core_x.py CORE [--drop]`; with --drop, which needs root, it goes on
as a user without any privilege.
"""
import codecs
import ctypes
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

UNPRIVILEGED = 31234  # an id that nobody has
MUST_WORK = os.environ.get('CARREL_MUST_WORK') == '1'
STARTED = []  # what a failed test must not leave running
LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_CHILD_SUBREAPER = 36


def escape(word):
    """A word of a plan."""
    raw = os.fsencode(word) if isinstance(word, (str, pathlib.Path)) else word
    if not raw:
        return '\\e'
    return ''.join(chr(c) if 0x20 < c < 0x7f and c not in b'\\#' else f'\\x{c:02x}' for c in raw)


class Plan:
    """Lines by verb; the text comes out in the order of the phases."""
    ORDER = ('uid gid unshare nested-userns hostname loopback host-dir keep-fd status-fd|'
             'tmpfs bind proc devpts mqueue dir file symlink seal|'
             'rlimit keyring session terminal umask cwd landlock landlock-allow seccomp env|exec|arg')
    PHASE = {verb: n for n, verbs in enumerate(ORDER.split('|')) for verb in verbs.split()}

    def __init__(self):
        self.steps = []

    def add(self, verb, *words):
        self.steps.append((verb, words))
        return self

    def drop(self, *verbs):
        self.steps = [s for s in self.steps if s[0] not in verbs]
        return self

    def run(self, *command):
        self.drop('exec', 'arg').add('exec', command[0])
        for word in command[1:]:
            self.add('arg', word)
        return self

    def text(self):
        lines = sorted(self.steps, key=lambda s: self.PHASE[s[0]])
        return 'carrel-plan 1\n' + ''.join(
            ' '.join([verb, *(escape(str(w) if isinstance(w, int) else w) for w in words)]) + '\n'
            for verb, words in lines)


def basic_plan(*command):
    """A small system: /usr read-only, its own proc, dev, tmp; everything unshared."""
    p = Plan()
    p.add('uid', os.getuid()).add('gid', os.getgid())
    p.add('unshare', 'user', 'mount', 'pid', 'ipc', 'uts', 'net', 'cgroup')
    p.add('nested-userns', 'deny').add('hostname', 'box').add('loopback', 'up')
    p.add('tmpfs', '/', '755', '-').add('bind', '/usr', '/usr', 'ro')
    for name in ('bin', 'sbin', 'lib', 'lib64', 'lib32'):
        if os.path.islink(f'/{name}'):
            p.add('symlink', f'usr/{name}', f'/{name}')
        elif os.path.isdir(f'/{name}'):
            p.add('bind', f'/{name}', f'/{name}', 'ro')
    p.add('proc', '/proc').add('tmpfs', '/dev', '755', '-').add('devpts', '/dev/pts')
    for name in ('null', 'zero', 'urandom'):
        p.add('bind', f'/dev/{name}', f'/dev/{name}', 'rw,dev')
    p.add('symlink', '/proc/self/fd', '/dev/fd').add('tmpfs', '/tmp', '1777', '-')
    p.add('keyring', 'new').add('session', 'new').add('umask', '022').add('cwd', '/')
    p.add('env', 'PATH=/usr/bin:/bin')
    return p.run(*command) if command else p


def shell(script):
    return basic_plan('/usr/bin/sh', '-c', script)


class Result:
    def __init__(self, rc, out, err):
        self.rc, self.out, self.err = rc, out, err

    def __repr__(self):
        return f'rc={self.rc} out={self.out[-2000:]!r} err={self.err[-2000:]!r}'


class Core:
    """A start whose standard error and output are collected."""

    def __init__(self, plan, *, fds=(), wrap=(), env=None, stdin=subprocess.DEVNULL, cwd=None,
                 stdout=subprocess.PIPE, before=None, pipe=False, core=None):
        text = plan if isinstance(plan, (str, bytes)) else plan.text()
        raw = text.encode('utf-8', 'surrogateescape') if isinstance(text, str) else text
        if pipe:
            self.fd, writer = os.pipe()
            if os.fork() == 0:
                os.close(self.fd)
                while raw:
                    raw = raw[os.write(writer, raw):]
                os._exit(0)
            os.close(writer)
        else:
            self.fd = os.memfd_create('plan')
            while raw:
                raw = raw[os.write(self.fd, raw):]
        self.p = subprocess.Popen([*wrap, core or CORE, str(self.fd)], pass_fds=[self.fd, *fds],
                                  env=env or {}, stdin=stdin, stdout=stdout, cwd=cwd,
                                  stderr=subprocess.PIPE, preexec_fn=before)
        os.close(self.fd)
        STARTED.append(self.p)

    def finish(self, timeout=30):
        try:
            out, err = self.p.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            kill_tree(self.p.pid)
            out, err = self.p.communicate()
            raise AssertionError(f'did not end: {self.p.args} {out!r} {err!r}') from None
        return Result(self.p.returncode, (out or b'').decode('utf-8', 'surrogateescape'),
                      err.decode('utf-8', 'surrogateescape'))


def kill_tree(pid):
    """A process and all below it, from the leaves on."""
    try:
        with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as f:
            below = f.read().split()
    except OSError:
        below = []
    for child in below:
        kill_tree(int(child))
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def start(plan, **options):
    return Core(plan, **options).finish()


def check(condition, *what):
    if not condition:
        raise AssertionError(' '.join(str(w) for w in what) or 'it does not hold')


def refused(result, *parts, rc=125):
    """One line of ours that holds these parts, and this status."""
    lines = result.err.splitlines()
    check(result.rc == rc and len(lines) == 1 and lines[0].startswith('carrel: '), result)
    for part in parts:
        check(part in result.err, repr(part), 'not in', result)
    check(all(0x20 <= ord(c) < 0x7f for c in lines[0]), 'unprintable:', result)


def no_children_left(seconds=10):
    """Orphans of ours come to us, as we are a subreaper; all must end."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.01)
        except ChildProcessError:
            return
    raise AssertionError('processes are left behind')


def have(*programs):
    return all(shutil.which(p) for p in programs)


def main(tests):
    global CORE
    if '--drop' in sys.argv:
        if os.getuid() != 0:
            sys.exit('--drop: only root can become somebody else')
        # Afterwards this Python's own files may be out of reach, if it is not the system's.
        for name in ('ascii', 'latin-1', 'utf-8', 'idna'):
            codecs.lookup(name)
        os.setgroups([])
        os.setgid(UNPRIVILEGED)
        os.setuid(UNPRIVILEGED)
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    failed = 0
    only = os.environ.get('CARREL_TEST')
    tests = [t for t in tests if not only or only in t.__name__]
    with tempfile.TemporaryDirectory(prefix='carrel-core-') as tmp:
        # A copy: the build tree may lie where an unprivileged user does not come.
        CORE = os.path.join(tmp, 'carrel-core')
        shutil.copy2(sys.argv[1], CORE)
        print(f'1..{len(tests)}')
        for n, test in enumerate(tests, 1):
            here = os.path.join(tmp, str(n))
            os.mkdir(here)
            try:
                why = test(pathlib.Path(here).resolve())
                no_children_left()
                if why:
                    ok = 'not ok' if MUST_WORK else 'ok'
                    failed += MUST_WORK
                    print(f'{ok} {n} - {test.__name__} # SKIP {why}')
                else:
                    print(f'ok {n} - {test.__name__}')
            except Exception:
                failed += 1
                print(''.join(f'# {line}\n' for line in traceback.format_exc().splitlines()), end='')
                print(f'not ok {n} - {test.__name__}')
                for p in STARTED:
                    if p.poll() is None:
                        kill_tree(p.pid)
                        p.wait()
            STARTED.clear()
            sys.stdout.flush()
    return 1 if failed else 0
