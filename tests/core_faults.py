#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every system call of the core fails in turn, and it is killed at every one (classes 10 and 19).

The rule: either the app runs exactly as confined as always, or it does not run at all, one line
says why and the exit status says so. Nothing is left behind in either case.
"""
import collections
import os
import re
import signal
import socket
import subprocess
import sys

import core_lib
from core_lib import Core, basic_plan, check, have, main, no_children_left, refused, shell, start

# What the app tells about its confinement: it must be the same in each run.
REPORT = ('while read a b; do case $a in Cap*|NoNew*|Sig[BIC]*|Seccomp:|Uid:|Gid:|Umask:) echo $a $b;; '
          'esac; done < /proc/self/status; '
          'while read a b c d e f g; do echo $e $f; done < /proc/self/mountinfo; '
          'while read a b; do case $a in Cap*|NoNew*) echo pid 1 $a $b;; esac; done < /proc/1/status; '
          'echo /proc/self/fd/*; ulimit -n; pwd; echo "$A"; exit 42')
# Their failure changes nothing for the app: it runs as always.
FORGIVEN = {'lseek', 'close', 'geteuid', 'getegid', 'getpid', 'umask', 'exit_group', 'arch_prctl',
            'set_tid_address', 'read', 'wait4', 'rt_sigtimedwait', 'ppoll', 'unshare', 'openat2', 'mkdirat',
            'readlinkat', 'prctl', 'faccessat', 'write', 'madvise'}
# A call that strace lets fail has no number, and so the filter of the process that waits ends it.
FILTERED = -signal.SIGSYS
# By then neither the monitor nor pid 1 holds the caller's standard error any more.
WIRE = 60  # the socket for the terminal
SILENT = {'ppoll', 'read', 'wait4', 'rt_sigtimedwait'}


def full_plan(tmp, filter_fd):
    home = tmp / 'home'
    home.mkdir(exist_ok=True)
    p = shell(REPORT).add('host-dir', home, '700').add('bind', home, '/home', 'rw')
    p.add('mqueue', '/dev/mqueue').add('dir', '/etc', '755').add('file', '/etc/passwd', '644', 'x')
    p.add('seal', '/').add('rlimit', 'nofile', '64', '64').add('env', 'A=b')
    p.add('landlock', 'execute,read_file,read_dir,write_file', 'signal')
    p.add('landlock-allow', '/', 'execute,read_file,read_dir')
    p.add('landlock-allow', '/dev/null', 'read_file,write_file')
    p.add('terminal', WIRE, '/dev/pts/ptmx', '-').add('seccomp', filter_fd, 'allow')
    return p


def run(plan, fd, wrap=()):
    """With a socket for the terminal, on which the answer waits already."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.send(b'ready')
        os.dup2(theirs.fileno(), WIRE)
        try:
            return start(plan, fds=[fd, WIRE], wrap=wrap)
        finally:
            os.close(WIRE)


def allow_all():
    fd = os.memfd_create('filter')
    os.write(fd, b'\x06\x00\x00\x00\x00\x00\xff\x7f')
    return fd


def calls_made(tmp, plan, fd):
    """(call, how many times at most in one process), of the core's own processes."""
    log = tmp / 'trace'
    r = run(plan, fd, ['strace', '-f', '-b', 'execve', '-o', log])
    check(r.rc == 42 and r.err == '', r)
    counts = collections.Counter()
    for line in log.read_text(errors='replace').splitlines():
        m = re.match(r'(\d+) +(\w+)\(', line)
        if m and m.group(2) != 'execve':
            counts[m.groups()] += 1
    log.unlink()
    most = collections.Counter()
    for (_, call), n in counts.items():
        most[call] = max(most[call], n)
    return most


def wanted(most):
    """Each occurrence once; of long rows of the same call the first, second, middle and last."""
    for call, n in sorted(most.items()):
        rows = range(1, n + 1) if n <= 12 else sorted({1, 2, 3, n // 4, n // 2, n // 2 + 1, n - 2, n - 1, n})
        for k in rows:
            yield call, k


def inject(tmp, plan, fd, call, k, what):
    command = ['strace', '-f', '-b', 'execve', '-o', '/dev/null', '-e', f'trace={call}', '-e',
               f'inject={call}:{what}:when={k}']
    return run(plan, fd, command)


def setup(tmp):
    if not have('strace'):
        return None
    fd = allow_all()
    plan = full_plan(tmp, fd)
    r = run(plan, fd)
    check(r.rc == 42 and r.err == '' and 'CapBnd: 0000000000000000' in r.out, r)
    return plan, fd, r.out


def nothing_behind(tmp, before):
    no_children_left()
    check(sorted(os.listdir(tmp)) == before, os.listdir(tmp))
    check(not os.listdir(tmp / 'home'), os.listdir(tmp / 'home'))
    with open('/proc/self/mountinfo', encoding='utf-8') as f:
        check(str(tmp) not in f.read())


def each_call_fails_in_turn(tmp):
    made = setup(tmp)
    if not made:
        return 'no strace'
    plan, fd, good = made
    most = calls_made(tmp, plan, fd)
    check(len(most) > 30 and most['move_mount'] > 8, most)
    before = sorted(os.listdir(tmp))
    refusals = 0
    for call, k in wanted(most):
        r = inject(tmp, plan, fd, call, k, 'error=EIO')
        where = f'{call} #{k}'
        if r.out:
            check(call in FORGIVEN, where, 'was passed over:', r)
            # When the wait of the monitor (ppoll) or of pid 1 (rt_sigtimedwait, wait4) is hit while the app runs,
            # they end, and the app with them, in the midst of its words. What the monitor reads comes after them.
            cut = call in SILENT - {'read'} and r.rc != 42
            # The app's own first wait is for pid 1 to lay down its last capability.
            check((call, k) != ('rt_sigtimedwait', 1), where, 'was not waited for:', r)
            check(r.out == good or (cut and good.startswith(r.out)), where, 'weakened the app:', r)
            check(r.rc in (42, 125, FILTERED), where, r)
        else:
            check(r.rc not in (0, 42), where, r)
            if r.rc > 0 and call not in SILENT:
                # strace counts calls by process: two may meet the fault at once, and one speaks.
                check(r.rc == 125 and len(r.err.splitlines()) == 1, where, r)
                check(r.err.startswith('carrel: '), where, r)
                refusals += 1
        nothing_behind(tmp, before)
    print(f'# {sum(1 for _ in wanted(most))} failures, {refusals} refused with a line')
    check(refusals > 80, refusals)


def killed_at_each_call(tmp):
    made = setup(tmp)
    if not made:
        return 'no strace'
    plan, fd, good = made
    most = calls_made(tmp, plan, fd)
    before = sorted(os.listdir(tmp))
    died = 0
    for call, k in wanted(most):
        r = inject(tmp, plan, fd, call, k, 'signal=KILL')
        where = f'{call} #{k}'
        check(r.out in ('', good) or good.startswith(r.out), where, r)
        check(r.err == '', where, r)
        died += r.rc in (-9, 137)
        check(r.rc in (-9, 137, 42, 125), where, r)
        nothing_behind(tmp, before)
    check(died > 80, died)


def old_kernels_are_refused(tmp):
    """Class 10. Without one of the calls there is no weaker start, but a line that names it."""
    made = setup(tmp)
    if not made:
        return 'no strace'
    plan, fd, _ = made
    for call, part in (('sendmsg', ''), ('openat2', 'Linux 5.6'), ('mount_setattr', 'Linux 5.12'), ('open_tree', ''),
                       ('close_range', 'Linux 5.9'), ('move_mount', ''), ('fsopen', ''), ('fsmount', ''),
                       ('landlock_create_ruleset', 'Linux 5.13'), ('seccomp', ''), ('pivot_root', ''),
                       ('clone', ''), ('keyctl', '')):
        r = run(plan, fd, ['strace', '-f', '-b', 'execve', '-o', '/dev/null', '-e',
                           f'trace={call}', '-e', f'inject={call}:error=ENOSYS'])
        refused(r, f'({call})', part, 'not implemented')
    for call, error, part in (('clone', 'EPERM', 'carrel doctor'), ('clone', 'ENOSPC', 'carrel doctor'),
                              ('clone', 'EINVAL', 'without one of the namespaces'),
                              ('fsmount', 'EPERM', '/proc is partly covered'),
                              ('move_mount', 'ENOSPC', 'fs.mount-max'),
                              ('landlock_create_ruleset', 'EOPNOTSUPP', 'lsm=landlock'),
                              ('keyctl', 'EDQUOT', 'maxkeys'), ('fsopen', 'ENODEV', 'built without'),
                              ('write', 'EPERM:when=1', 'carrel doctor'), ('fsopen', 'EPERM', 'carrel doctor'),
                              ('sethostname', 'EPERM', 'carrel doctor'),
                              ('openat', 'EMFILE', 'RLIMIT_NOFILE')):
        r = run(plan, fd, ['strace', '-f', '-b', 'execve', '-o', '/dev/null', '-e',
                           f'trace={call}', '-e', f'inject={call}:error={error}'])
        refused(r, f'({call})', part)


def a_limit_without_effect_is_noticed(tmp):
    """The app's process tries to make a nested user namespace, which must fail."""
    if not have('strace'):
        return 'no strace'
    wrap = ['strace', '-f', '-b', 'execve', '-o', '/dev/null', '-e', 'trace=unshare', '-e',
            'inject=unshare:retval=0']
    refused(start(shell('echo ran'), wrap=wrap), 'limit on nested user namespaces has no effect')
    r = start(shell('echo ran').drop('nested-userns').add('nested-userns', 'allow'), wrap=wrap)
    check(r.rc == 0 and r.out == 'ran\n', r)


def landlock_too_old(tmp):
    made = setup(tmp)
    if not made:
        return 'no strace'
    plan, fd, _ = made
    for error in ('EINVAL', 'E2BIG'):
        r = run(plan, fd, ['strace', '-f', '-b', 'execve', '-o', '/dev/null', '-e',
                           'trace=landlock_create_ruleset', '-e',
                           f'inject=landlock_create_ruleset:error={error}'])
        refused(r, 'landlock', "this kernel's Landlock does not know")


def full_disk(tmp):
    p = shell('').add('tmpfs', '/small', '755', '64k').add('file', '/small/f', '600', 'x' * 100_000)
    refused(start(p), 'cannot write the file "/small/f"', 'No space left')


def read_only_home(tmp):
    p = shell('').add('bind', tmp, '/g', 'ro').add('dir', '/g/new', '755')
    refused(start(p), 'cannot make "/g/new"', 'Read-only')
    p = shell('').add('bind', tmp, '/g', 'ro').add('bind', '/usr', '/g/new', 'ro')
    refused(start(p), 'cannot make "/g/new"', 'Read-only')


def unreadable_sources(tmp):
    if os.getuid() == 0:
        return None
    refused(start(shell('').add('bind', '/root/x', '/g', 'ro,optional')), 'Permission denied')
    refused(start(shell('').add('host-dir', '/usr/x', '700')), 'cannot make "/usr/x"', 'Permission')


def user_namespaces_off(tmp):
    """Class 10, asked of the real kernel: no more of them are allowed in this one."""
    command = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
    r = start(shell('echo ran'), wrap=['unshare', '-Ur', 'sh', '-c', command, 'sh'])
    refused(r, 'cannot make the namespaces', 'No space left', 'carrel doctor')
    command = 'echo 1 > /proc/sys/user/max_user_namespaces && exec "$@"'
    r = start(shell('echo ran'), wrap=['unshare', '-Ur', 'sh', '-c', command, 'sh'])
    refused(r, 'cannot make the inner user namespace', 'No space left')


def works_nested(tmp):
    """Inside a user namespace of the caller's, as in a container."""
    r = start(shell('echo ran').drop('uid', 'gid').add('uid', 0).add('gid', 0), wrap=['unshare', '-Ur'])
    check(r.rc == 0 and r.out == 'ran\n', r)


if __name__ == '__main__':
    sys.exit(main([each_call_fails_in_turn, killed_at_each_call, old_kernels_are_refused,
                   a_limit_without_effect_is_noticed, landlock_too_old, full_disk, read_only_home, unreadable_sources,
                   user_namespaces_off, works_nested]))
