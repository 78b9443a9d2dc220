#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every malformed plan is refused with one line that names the place, before anything is changed."""
import os
import subprocess
import sys

from core_lib import basic_plan, check, escape, main, refused, shell, start

# step that is added to a good plan (in place of one of its verb, when that may come once), and
# what the message must hold
BAD_STEPS = [
    ('uid', 'x', '"x" must be a number'), ('uid', '-1', 'number'), ('uid', '4294967295', 'number'),
    ('uid', '', 'number'), ('uid', '18446744073709551617', 'number'), ('gid', '0x1', 'number'),
    ('gid', ' 1', 'number'), ('gid', '1\0', 'number'),
    ('unshare', 'user', 'user, mount and pid are required'),
    ('unshare', 'user', 'mount', 'pid', 'time', '"time" must be one of: user mount'),
    ('unshare', 'user', 'mount', 'ipc', 'required'), ('unshare', '', 'must be one of'),
    ('nested-userns', 'maybe', 'must be one of: deny allow'),
    ('hostname', '', '1 to 64'), ('hostname', 'x' * 65, '1 to 64'), ('hostname', 'a\0b', '1 to 64'),
    ('loopback', 'down', 'must be one of: up'),
    ('host-dir', 'relative', '700', 'absolute path'), ('host-dir', '/a/../b', '700', 'absolute path'),
    ('host-dir', '/tmp/x', '9', 'octal mode'), ('host-dir', '/tmp/x', '4755', 'octal mode'),
    ('host-dir', '/tmp/x', '', 'octal mode'),
    ('keep-fd', '2', 'from 3 on'), ('keep-fd', '-', 'from 3 on'), ('keep-fd', '99999999', 'from 3 on'),
    ('status-fd', '2', 'from 3 on'), ('status-fd', 'x', 'from 3 on'),
    ('tmpfs', 'x', '755', '-', 'absolute path'), ('tmpfs', '/x', '888', '-', 'octal'),
    ('tmpfs', '/x', '755', '0', 'size'), ('tmpfs', '/x', '755', '1t', 'size'),
    ('tmpfs', '/x', '755', 'k', 'size'), ('tmpfs', '/x', '755', '50%', 'size'),
    ('tmpfs', '/x', '755', '1,mode=777', 'size'), ('tmpfs', '/x', '755', '9' * 30, 'size'),
    ('tmpfs', '/', '755', '-', 'the root stands already'), ('bind', '/', '/', 'ro', 'root stands'),
    ('bind', 'usr', '/x', 'ro', '"usr" must be an absolute path'),
    ('bind', '/usr', 'x', 'ro', '"x" must be an absolute path'),
    ('bind', '/usr', '/x/../y', 'ro', 'absolute path'), ('bind', '/usr', '/x/./y', 'ro', 'absolute'),
    ('bind', '/usr', '/x//y', 'ro', 'absolute'), ('bind', '/usr/', '/x', 'ro', 'absolute'),
    ('bind', '/usr', '/x/', 'ro', 'absolute'), ('bind', '/usr', '/..', 'ro', 'absolute'),
    ('bind', '/usr', '/x\0y', 'ro', 'absolute'), ('bind', '/' + 'x' * 4095, '/x', 'ro', 'absolute'),
    ('bind', '/usr', '/x', 'r', 'some of these'), ('bind', '/usr', '/x', 'dev', 'either ro or rw'),
    ('bind', '/usr', '/x', 'ro,rw', 'either ro or rw'), ('bind', '/usr', '/x', '-', 'either ro or rw'),
    ('bind', '/usr', '/x', 'ro,suid', 'some of these'), ('bind', '/usr', '/x', 'ro,', 'some of these'),
    ('bind', '/usr', '/x', '', 'some of these'), ('bind', '/usr', '/x', 'ro', '12', 'DEV:INO'),
    ('bind', '/usr', '/x', 'ro', ':', 'DEV:INO'), ('bind', '/usr', '/x', 'ro', '1:G', 'DEV:INO'),
    ('bind', '/usr', '/x', 'ro', '1:2:3', 'DEV:INO'), ('bind', '/usr', '/x', 'ro', '1:' + 'f' * 17, 'DEV'),
    ('proc', 'proc', 'absolute'), ('proc', '/', 'root stands'), ('devpts', '', 'absolute'),
    ('mqueue', '/../x', 'absolute'), ('dir', '/x', '2755', 'octal'), ('dir', '', '755', 'absolute'),
    ('file', '/x', 'rw', 'content', 'octal'), ('file', '/', '644', 'content', 'root stands'),
    ('symlink', '', '/x', '1 to 4095'), ('symlink', 'a\0b', '/x', '1 to 4095'),
    ('symlink', 't', 'x', 'absolute'), ('seal', 'x', 'absolute'),
    ('rlimit', 'ram', '1', '1', '"ram" must be one of: cpu'), ('rlimit', 'cpu', '-1', '1', 'unlimited'),
    ('rlimit', 'cpu', '2', '1', 'above the hard'), ('rlimit', 'cpu', 'unlimited', '1', 'above the hard'),
    ('rlimit', 'cpu', '18446744073709551616', 'unlimited', 'a number'),
    ('keyring', 'old', 'must be one of: new'), ('session', 'none', 'must be one of: new'),
    ('terminal', '2', '/dev/pts/ptmx', '0', 'from 3 on'), ('terminal', '9', 'ptmx', '0', 'absolute'),
    ('terminal', '9', '/dev/pts/ptmx', '0,3', 'some of these with commas'),
    ('umask', '8', 'octal'), ('umask', '77777', 'octal'), ('cwd', '.', 'absolute'), ('cwd', '', 'absolute'),
    ('landlock', 'fly', '-', 'some of these'), ('landlock', '-', 'sky', 'some of these'),
    ('landlock', '-', '-', 'asks for nothing'), ('landlock-allow', '/x', 'execute', 'no'),
    ('seccomp', '1', 'default', 'from 3 on'), ('env', 'NAME', 'NAME=VALUE'), ('env', '=x', 'NAME=VALUE'),
    ('env', '', 'NAME=VALUE'), ('env', 'A=\0', 'NAME=VALUE'),
    ('exec', '', 'absolute path or a bare name'), ('exec', 'a/b', 'bare name'), ('exec', 'a\0b', 'bare'),
    ('arg', 'a\0b', 'free of NUL'),
]
ONCE = ('uid gid unshare nested-userns hostname loopback keyring session umask cwd exec').split()


def bad_steps(tmp):
    mark = tmp / 'changed'
    start(shell('').add('host-dir', mark, '700'))
    check(mark.is_dir(), 'the mark is made by a good plan')
    mark.rmdir()
    for verb, *words, part in BAD_STEPS:
        p = basic_plan('/usr/bin/true').add('host-dir', mark, '700')
        if verb in ONCE:
            p.drop(verb)
        r = start(p.add(verb, *words))
        refused(r, f' {verb}: ', part)
        check('plan line ' in r.err and not mark.exists(), verb, words, r)


def bad_texts(tmp):
    good = basic_plan('/usr/bin/true').text()
    check(start(good).rc == 0)
    lines = good.splitlines(keepends=True)
    head, exec_line = lines[0], lines[-1]

    def text(changed, part):
        refused(start(changed), part)
    for broken in ('', 'carrel-plan 2\n', 'carrel-plan 1', 'x', '\n' + good, ' ' + good, '\0' * 100,
                   '\ufeff' + good, 'carrel-plan 1 \n'):
        r = start(broken)
        refused(r)
    text(good.replace('uid ', 'wid ', 1), 'plan line 2: unknown verb')
    text(good.replace('\n', '\r\n'), 'plan line 1: the first line')
    text(good + 'uid 0\n', 'out of order')
    text(head + exec_line + ''.join(lines[1:-1]), 'out of order')
    text(good.replace('proc /proc', 'proc /pr\\oc'), 'bad escape')
    text(good.replace('proc /proc', 'proc /pr\\x0'), 'bad escape')
    text(good.replace('proc /proc', 'proc /pr\\xAF'), 'bad escape')
    text(good.replace('proc /proc', 'proc\t/proc'), 'a byte that must be escaped')
    text(good.replace('proc /proc', 'proc /pr\x80c'), 'a byte that must be escaped')
    text(good.replace('proc /proc', 'proc'), 'wrong number of words')
    text(good.replace('proc /proc', 'proc /proc bare x'), 'wrong number of words')
    text(good.replace('proc /proc', 'proc /proc /proc'), 'must be one of: bare')
    text(good.replace('proc /proc', 'proc' + ' /proc' * 9), 'too many words')
    for verb in ('uid', 'gid', 'unshare', 'exec'):
        missing = basic_plan('/usr/bin/true').drop(verb, *(['hostname', 'loopback'] if verb == 'unshare'
                                                           else []))
        text(missing.text(), f'carrel: {verb}: missing from the plan')
    text(good.replace('exec ', 'arg '), 'arg: needs an exec line')
    for verb in ONCE:
        if verb == 'exec':
            continue
        line = next(x for x in lines if x.startswith(verb + ' '))
        text(good.replace(line, line * 2), f'{verb}: may come only once')
    text(good.replace('tmpfs / 755 -\n', ''), 'bind: there is no root yet')
    text(good.replace('tmpfs / 755 -\n', 'proc /\n'), 'proc: there is no root yet')
    text(''.join(x for x in lines if Plan_phase(x) != 1), 'tmpfs: missing from the plan')
    without_ipc = good.replace('unshare user mount pid ipc', 'unshare user mount pid')
    text(without_ipc.replace('keyring new\n', 'mqueue /m\nkeyring new\n').replace('mqueue /m\nkeyring', 'keyring')
         .replace('proc /proc\n', 'proc /proc\nmqueue /m\n'), 'mqueue: needs a namespace')
    text(good.replace(' uts', ''), 'hostname: needs a namespace')
    text(good.replace(' net', ''), 'loopback: needs a namespace')


def Plan_phase(line):
    from core_lib import Plan
    return Plan.PHASE.get(line.split()[0], -1)


def landlock_needs_what_it_handles(tmp):
    p = basic_plan('/usr/bin/true').add('landlock', 'execute', '-')
    refused(start(p.add('landlock-allow', '/usr', 'execute,read_file')), 'landlock-allow', 'handles')


def too_long_plans(tmp):
    good = basic_plan('/usr/bin/true').text()
    comments = ('# ' + 'x' * 1000 + '\n') * 16000
    r = start(good + comments)
    check(r.rc == 0, r)
    refused(start(good + comments * 2), 'more than 16777216 bytes')
    refused(start(good + comments * 2, pipe=True), 'more than 16777216 bytes')


def too_many_kept(tmp):
    p = basic_plan('/usr/bin/true')
    for n in range(65):
        p.add('keep-fd', 100 + n)
    refused(start(p), 'keep-fd', 'more than 64')


def usage(tmp):
    import core_lib
    for args in ([], ['x'], ['2'], ['0'], ['-1'], ['3', '4'], ['']):
        r = subprocess.run([core_lib.CORE, *args], capture_output=True, text=True)
        check(r.returncode == 125 and r.stderr.startswith('carrel: usage: ') and
              r.stderr.count('\n') == 1, args, r)
    r = subprocess.run([core_lib.CORE, '77'], capture_output=True, text=True)
    check(r.returncode == 125 and 'Bad file descriptor' in r.stderr, r)
    fd = os.open('/', os.O_RDONLY)
    r = subprocess.run([core_lib.CORE, str(fd)], pass_fds=[fd], capture_output=True, text=True)
    os.close(fd)
    check(r.returncode == 125 and r.stderr.count('\n') == 1, r)


def messages_are_harmless_on_a_terminal(tmp):
    """Class 8: control bytes and the like never reach the terminal as they are."""
    for raw in ('\x1b]0;title\x07', '\u202e', '\x9b31m', 'a\nb', '"\\'):
        r = start(shell('').add('bind', f'/nowhere/{raw}', '/x', 'ro'))
        refused(r, 'No such file')
        check(escape(raw).split('"')[0] in r.err, r)


if __name__ == '__main__':
    sys.exit(main([bad_steps, bad_texts, landlock_needs_what_it_handles, too_long_plans, too_many_kept,
                   usage, messages_are_harmless_on_a_terminal]))
