#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each step of a plan does what carrel-plan(5) says, and what the app sees is what was granted.

The numbers in the names are the root-cause classes that a test stands for: 1 paths followed
twice, 4 leaked state, 7 injection, 8 spoofing, 10 fail open, 14 shared staging folders,
15 self-overwrite, 16 capabilities left over, 17 abstract sockets, 18 masked paths, 19 clean-up.
"""
import os
import re
import socket
import stat
import struct
import subprocess
import sys

from core_lib import (Core, Plan, basic_plan, check, escape, main, no_children_left, refused, shell,
                      start)
from host import landlock_has_scopes


def ok(result, out=None):
    check(result.rc == 0 and result.err == '', result)
    if out is not None:
        check(result.out == out, repr(out), result)
    return result.out


def python(script, *args):
    return basic_plan('/usr/bin/python3', '-ISc', script, *args)


def status_of(text):
    return dict(line.split(':', 1) for line in text.splitlines() if ':' in line)


# --- the mounts ---

def root_holds_only_what_was_granted(tmp):
    ok(start(shell('cd /; echo *')), 'bin dev lib lib64 proc sbin tmp usr\n'
       if os.path.islink('/sbin') and not os.path.islink('/lib32') else None)
    out = ok(start(shell('ls -a /')))
    check('etc' not in out.split() and 'home' not in out.split() and 'root' not in out.split(), out)


def tmpfs_mode_and_size(tmp):
    p = shell('stat -c %a /a/b; grep " /a/b " /proc/mounts; dd if=/dev/zero of=/a/b/x bs=64k '
              'count=3 2>/dev/null || echo full').add('tmpfs', '/a/b', '1770', '128k')
    out = ok(start(p))
    check(out.startswith('1770\n') and 'size=128k' in out and out.endswith('full\n'), out)
    for option in ('rw', 'nosuid', 'nodev'):
        check(option in out.split('\n')[1].split()[3].split(','), out)


def bind_ro_is_recursive(tmp):
    """Class 18. A file system mounted below a read-only bind is read-only too."""
    script = f'''
mount -t tmpfs a {tmp} && mkdir {tmp}/sub && mount -t tmpfs b {tmp}/sub && touch {tmp}/sub/outside &&
exec "$@"'''
    p = shell('touch /g/x 2>&1; touch /g/sub/x 2>&1; ls /g/sub; grep " /g" /proc/mounts')
    p.add('bind', tmp, '/g', 'ro')
    r = start(p, wrap=['unshare', '-Urm', 'sh', '-c', script, 'sh'])
    check(r.rc == 0 and r.out.count('Read-only file system') == 2 and 'outside' in r.out, r)
    mounts = [line.split()[3].split(',') for line in r.out.splitlines() if line.startswith(('a ', 'b '))]
    check(len(mounts) == 2 and all({'ro', 'nosuid', 'nodev'} <= set(m) for m in mounts), r)


def bind_rw_writes_and_is_nosuid_nodev(tmp):
    p = shell('echo in > /g/made; grep " /g " /proc/mounts').add('bind', tmp, '/g', 'rw')
    flags = ok(start(p)).split()[3].split(',')
    check((tmp / 'made').read_text() == 'in\n')
    check({'rw', 'nosuid', 'nodev'} <= set(flags) and 'noexec' not in flags, flags)


def bind_noexec_and_dev(tmp):
    tool = tmp / 'tool'
    tool.write_text('#!/bin/sh\necho ran\n')
    tool.chmod(0o755)
    ok(start(basic_plan('/g/tool').add('bind', tmp, '/g', 'ro')), 'ran\n')
    refused(start(basic_plan('/g/tool').add('bind', tmp, '/g', 'ro,noexec')), 'noexec', rc=126)
    ok(start(shell('echo x > /dev/null && head -c 4 /dev/zero | wc -c')), '4\n')
    r = start(shell('echo x > /null2 && echo wrote').add('bind', '/dev/null', '/null2', 'rw'))
    check('wrote' not in r.out and 'Permission denied' in r.err, r)


def bind_of_single_file_and_socket(tmp):
    (tmp / 'file').write_text('content')
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp / 'socket'))
    listener.listen()
    p = python('import socket; s = socket.socket(socket.AF_UNIX); s.connect("/run/a/s"); '
               'print(open("/run/a/f").read())')
    p.add('bind', tmp / 'file', '/run/a/f', 'ro').add('bind', tmp / 'socket', '/run/a/s', 'ro')
    ok(start(p), 'content\n')


def bind_optional_covers_only_absence(tmp):
    ok(start(shell('test -e /g || echo none').add('bind', tmp / 'no', '/g', 'ro,optional')), 'none\n')
    refused(start(shell('').add('bind', tmp / 'no', '/g', 'ro')), 'No such file', str(tmp / 'no'))
    (tmp / 'file').touch()
    refused(start(shell('').add('bind', tmp / 'file' / 'x', '/g', 'ro,optional')), 'Not a directory')
    (tmp / 'link').symlink_to('file')
    refused(start(shell('').add('bind', tmp / 'link', '/g', 'ro,optional')), 'symbolic link')


def bind_compares_identity(tmp):
    """Class 1. What the planner saw is what is bound."""
    (tmp / 'a').mkdir()
    st = os.stat(tmp / 'a')
    same = f'{st.st_dev:x}:{st.st_ino:x}'
    ok(start(shell('echo in').add('bind', tmp / 'a', '/g', 'ro', same)), 'in\n')
    other = f'{st.st_dev:x}:{st.st_ino + 1:x}'
    refused(start(shell('').add('bind', tmp / 'a', '/g', 'ro,optional', other)), 'replaced')
    refused(start(shell('').add('bind', tmp / 'a', '/g', 'ro', f'{st.st_dev + 1:x}:{st.st_ino:x}')),
            'replaced')


def bind_source_links_are_refused(tmp):
    """Class 1."""
    (tmp / 'real' / 'sub').mkdir(parents=True)
    (tmp / 'link').symlink_to('real')
    ok(start(shell('').add('bind', tmp / 'real' / 'sub', '/g', 'ro')))
    refused(start(shell('').add('bind', tmp / 'link' / 'sub', '/g', 'ro')), '"link"', 'symbolic link')
    refused(start(shell('').add('bind', tmp / 'link', '/g', 'ro')), '"link"', 'symbolic link')
    refused(start(shell('').add('bind', '/proc/self/root/usr', '/g', 'ro')), 'symbolic link')


def destination_links_are_refused(tmp):
    """Class 1, CVE-2026-87766: nothing is made through a link in a folder that the app can write."""
    (tmp / 'target').mkdir()
    (tmp / 'home').mkdir()
    (tmp / 'home' / 'link').symlink_to(tmp / 'target')
    (tmp / 'home' / 'up').symlink_to('../target')
    (tmp / 'home' / 'slash').symlink_to('/')
    for link in ('link', 'up', 'slash'):
        for step in (['tmpfs', f'/h/{link}', '755', '-'], ['tmpfs', f'/h/{link}/new', '755', '-'],
                     ['bind', '/usr', f'/h/{link}/new', 'ro'], ['bind', '/usr', f'/h/{link}', 'ro'],
                     ['bind', '/etc/passwd', f'/h/{link}', 'ro'], ['proc', f'/h/{link}/p'],
                     ['dir', f'/h/{link}', '755'], ['dir', f'/h/{link}/d/e', '755'],
                     ['file', f'/h/{link}/f', '644', 'x'], ['symlink', 'x', f'/h/{link}/l'],
                     ['devpts', f'/h/{link}'], ['mqueue', f'/h/{link}'], ['seal', f'/h/{link}']):
            p = shell('echo started').add('bind', tmp / 'home', '/h', 'rw').add(*step)
            refused(start(p), f'"{link}"', 'symbolic link')
    p = shell('').add('bind', tmp / 'home', '/h', 'rw').add('file', '/h/link', '644', 'x')
    refused(start(p), 'File exists')
    check(os.listdir(tmp / 'target') == [], os.listdir(tmp / 'target'))


def destinations_stay_beneath(tmp):
    """Class 1. Mounts of the new root's own are crossed, and its links stay inside."""
    p = shell('cat /a/b/c/f; cat /l/f').add('tmpfs', '/a', '755', '-').add('tmpfs', '/a/b/c', '755', '-')
    p.add('file', '/a/b/c/f', '600', 'deep').add('symlink', '/a/b/c', '/l')
    ok(start(p), 'deepdeep')


def later_mounts_cover_earlier_ones(tmp):
    """A remembered parent folder must not outlive what is mounted over it."""
    p = shell('ls /a/b; ls /x').add('file', '/a/b/first', '644', '').add('tmpfs', '/a', '755', '-')
    p.add('file', '/a/b/second', '644', '')
    p.add('dir', '/x/y', '755').add('bind', tmp, '/x/y', 'ro').add('tmpfs', '/x', '755', '-')
    p.add('dir', '/x/z', '755')
    ok(start(p), 'second\nz\n')


def file_content_and_mode(tmp):
    content = bytes(range(256)) + b'\n# \\'
    p = shell('stat -c %a /d/f; exec cat /d/f').add('file', '/d/f', '640', content)
    with Core(p).p as process:
        check(process.stdout.read() == b'640\n' + content)
    big = 'x' * 1_000_000
    ok(start(shell('wc -c < /f').add('file', '/f', '600', big)), '1000000\n')
    ok(start(shell('wc -c < /f').add('file', '/f', '600', '')), '0\n')
    refused(start(shell('').add('file', '/f', '600', '').add('file', '/f', '600', '')), 'File exists')


def dir_mode_and_existing(tmp):
    p = shell('stat -c %a /a /a/b /a/b/c').add('dir', '/a/b/c', '1700').add('dir', '/a', '700')
    ok(start(p), '755\n755\n1700\n')
    refused(start(shell('').add('file', '/f', '600', '').add('dir', '/f', '755')), 'Not a directory')


def symlink_again_is_fine(tmp):
    p = shell('readlink /g/l').add('bind', tmp, '/g', 'rw').add('symlink', 'there', '/g/l')
    ok(start(p), 'there\n')
    ok(start(p), 'there\n')
    p = shell('').add('bind', tmp, '/g', 'rw').add('symlink', 'elsewhere', '/g/l')
    refused(start(p), 'File exists')


def seal_is_of_one_mount(tmp):
    p = shell('touch /x 2>&1; touch /dev/x 2>&1; touch /tmp/x && echo tmp').add('seal', '/')
    p.add('seal', '/dev')
    out = start(p)
    check(out.out.count('Read-only') == 2 and out.out.endswith('tmp\n'), out)
    refused(start(shell('').add('dir', '/d', '755').add('seal', '/d')), 'seal', 'Invalid argument')


def proc_is_its_own_and_guarded(tmp):
    """Class 18."""
    p = shell('ls -d /proc/[0-9]*; cat /proc/mounts; for f in sys/kernel/hostname sys/user/'
              'max_user_namespaces sys/vm/swappiness sysrq-trigger; do test -e /proc/$f && echo 1 '
              '2>/dev/null > /proc/$f && echo wrote $f; done; echo >/proc/self/comm x && echo self')
    r = start(p)
    check('wrote' not in r.out and 'self\n' in r.out, r)
    pids = re.findall(r'^/proc/(\d+)$', r.out, re.M)
    check(pids[0] == '1' and len(pids) <= 3, pids)
    check(re.search(r'^\S+ /proc proc rw,nosuid,nodev,noexec', r.out, re.M), r)
    check(re.search(r'^\S+ /proc/sys proc ro,nosuid,nodev,noexec', r.out, re.M), r)
    if os.getuid() == 0:
        check(re.search(r'^\S+ /proc/irq proc ro,', r.out, re.M), r)


def bare_proc_is_not_for_root(tmp):
    """Without the covers root could write what acts on the machine; so root gets them all the same."""
    p = shell('grep -c " /proc/" /proc/mounts; echo x 2>/dev/null >/proc/sys/kernel/hostname && echo wrote')
    p.steps = [(v, (*w, 'bare') if v == 'proc' else w) for v, w in p.steps]
    r = start(p)
    covers = int(r.out.split()[0])
    check((covers >= 2) if os.getuid() == 0 else (covers == 0), r)
    check('wrote' not in r.out, r)


def devpts_gives_terminals(tmp):
    p = python('import os, pty; m, s = pty.openpty(); print(os.ttyname(s)); os.write(s, b"x\\n"); '
               'print(os.read(m, 9))').add('symlink', 'pts/ptmx', '/dev/ptmx')
    ok(start(p), "/dev/pts/0\nb'x\\r\\n'\n")


def mqueue_works(tmp):
    p = shell('touch /dev/mqueue/q && ls /dev/mqueue; grep -c mqueue /proc/mounts')
    ok(start(p.add('mqueue', '/dev/mqueue')), 'q\n1\n')


def root_may_be_a_bind(tmp):
    p = Plan().add('uid', os.getuid()).add('gid', os.getgid()).add('unshare', 'user', 'mount', 'pid')
    p.add('bind', '/', '/', 'ro').add('proc', '/proc').run('/usr/bin/sh', '-c', 'ls -d /usr; touch /usr/x')
    r = start(p)
    check(r.out == '/usr\n' and 'Read-only' in r.err and r.rc != 0, r)


def bind_of_the_whole_host(tmp):
    """It shows the host, not the sandbox that lies on it meanwhile; at any place in the order."""
    (tmp / 'file').touch()
    p = shell(f'ls -d /run/host/etc/passwd /h2{tmp}/file; ls /run/host/run/host 2>/dev/null; '
              f'touch /run/host{tmp}/x 2>&1; unshare -U true && grep -c "/h2 " /proc/mounts')
    p.drop('nested-userns').add('nested-userns', 'allow')
    p.add('bind', '/', '/run/host', 'ro').add('tmpfs', '/x', '755', '-').add('bind', '/', '/h2', 'rw')
    r = start(p)
    check(r.rc == 0 and f'/h2{tmp}/file\n' in r.out and '/run/host/etc/passwd\n' in r.out, r)
    check('Read-only' in r.out and r.out.endswith('\n1\n'), r)


def mounts_over_what_is_read_only(tmp):
    (tmp / 'd').mkdir()
    (tmp / 'f').write_text('old')
    (tmp / 'new').write_text('new')
    p = shell('cat /g/f; ls /g/d').add('bind', tmp, '/g', 'ro').add('bind', tmp / 'new', '/g/f', 'ro')
    ok(start(p.add('tmpfs', '/g/d', '755', '-').add('file', '/g/d/x', '644', '')), 'newx\n')


def host_dir_makes_folders_without_links(tmp):
    """Class 1."""
    p = shell('stat -c %a /g').add('host-dir', tmp / 'a/b/c', '700').add('bind', tmp / 'a/b/c', '/g', 'rw')
    for _ in range(2):
        ok(start(p), '700\n')
    check([stat.S_IMODE(os.stat(tmp / d).st_mode) for d in ('a', 'a/b', 'a/b/c')] == [0o700] * 3)
    check(os.stat(tmp / 'a').st_uid == os.getuid() and os.stat(tmp / 'a').st_gid == os.getgid())
    (tmp / 'elsewhere').mkdir()
    (tmp / 'a/link').symlink_to(tmp / 'elsewhere')
    refused(start(shell('').add('host-dir', tmp / 'a/link/x', '700')), '"link"', 'symbolic link')
    refused(start(shell('').add('host-dir', tmp / 'a/link', '700')), '"link"', 'symbolic link')
    check(os.listdir(tmp / 'elsewhere') == [])
    (tmp / 'file').touch()
    refused(start(shell('').add('host-dir', tmp / 'file/x', '700')), 'Not a directory')


def thousand_binds(tmp):
    p = shell('ls /g | wc -l; cat /g/777/n')
    for n in range(1000):
        (tmp / str(n)).mkdir()
        (tmp / str(n) / 'n').write_text(str(n))
        p.add('bind', tmp / str(n), f'/g/{n}', 'ro')
    ok(start(p), '1000\n777')


def strange_paths(tmp):
    for name in ('with blank', 'new\nline', 'tab\tq"uote\'', 'hash#x', 'back\\slash', '\x1b[31mred',
                 'b\udcffad', 'ünïcode', '\u202eright', '-dash', '%s%n'):
        (tmp / name).mkdir()
        p = basic_plan('/usr/bin/cat', f'/g/{name}/f').add('bind', tmp / name, f'/g/{name}', 'rw')
        ok(start(p.add('file', f'/g/{name}/f', '644', 'ok')), 'ok')
        p = shell('').add('bind', tmp / name / 'missing', '/g', 'ro')
        refused(start(p), 'No such file')


def long_paths(tmp):
    deep = os.path.join('/', *['d' * 200] * 20)
    p = basic_plan('/usr/bin/cat', deep + '/f').add('file', deep + '/f', '644', 'ok')
    ok(start(p), 'ok')
    longest = os.path.join('/', *['d' * 255] * 16)[:4095].rstrip('/')
    ok(start(shell('echo in').add('dir', longest, '755')), 'in\n')
    refused(start(shell('').add('dir', longest + 'd' * (4096 - len(longest)), '755')), 'at most 4095')
    refused(start(shell('').add('dir', '/' + 'd' * 256, '755')), 'too long')


# --- the process ---

def exit_status_passes_through(tmp):
    for rc in (0, 1, 42, 125, 126, 127, 128, 200, 255):
        check(start(shell(f'exit {rc}')).rc == rc, rc)


def signals_pass_through(tmp):
    """The shell kills itself: we die of the same signal, without a core file of our own."""
    for sig in (1, 2, 3, 6, 8, 9, 11, 13, 14, 15, 31, 35, 64):
        r = start(basic_plan('/usr/bin/python3', '-ISc',
                             f'import os, signal\nif {sig} not in (9,): signal.signal({sig}, '
                             f'signal.SIG_DFL)\nos.kill(os.getpid(), {sig})'))
        check(r.rc == -sig and r.err == '', sig, r)


def state_as_seen_inside(tmp):
    """Classes 4 and 16. Whatever the caller had, the app starts clean."""
    def spoil():
        import resource
        import signal
        os.umask(0o777)
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        for sig in (1, 2, 3, 13, 15, 17, 20, 21, 22, 40):
            signal.signal(sig, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512))
    outside = subprocess.run(['/usr/bin/cat', '/proc/self/status'], capture_output=True, text=True,
                             preexec_fn=spoil, check=True)
    before = status_of(outside.stdout)
    check(int(before['SigBlk'], 16) and int(before['SigIgn'], 16), before)
    p = basic_plan('/usr/bin/cat', '/proc/self/status', '/proc/1/status', '/proc/self/limits')
    p.drop('umask').add('umask', '027').add('rlimit', 'nofile', '100', '200')
    out = ok(start(p, before=spoil))
    app, init = status_of(out.split('Name:')[1]), status_of(out.split('Name:')[2])
    for who in (app, init):
        for caps in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'):
            check(int(who[caps], 16) == 0, caps, who)
        check(who['NoNewPrivs'].strip() == '1', who)
    check(int(app['SigIgn'], 16) == 0 and int(app['SigBlk'], 16) == 0, app)
    check(app['Umask'].strip() == '0027', app)
    check(app['Uid'].split() == [str(os.getuid())] * 4, app)
    check(app['Gid'].split() == [str(os.getgid())] * 4, app)
    check(re.search(r'Max open files +100 +200 ', out), out)
    out = ok(start(basic_plan('/usr/bin/cat', '/proc/self/limits').add('rlimit', 'nofile', '4096', '8192'),
                   before=spoil))
    check(re.search(r'Max open files +512 +512 ', out), out)


def other_ids_inside(tmp):
    ok(start(shell('id -u; id -g; touch /g/f; stat -c %u:%g /g/f').drop('uid', 'gid')
             .add('uid', 4321).add('gid', 8765).add('bind', tmp, '/g', 'rw')), '4321\n8765\n4321:8765\n')
    check(os.stat(tmp / 'f').st_uid == os.getuid())
    out = ok(start(shell('id -u; cat /proc/self/status').drop('uid', 'gid').add('uid', 0).add('gid', 0)))
    check(out.startswith('0\n') and int(status_of(out)['CapEff'], 16) == 0, out)


def namespaces_are_new(tmp):
    names = ['user', 'mnt', 'pid', 'ipc', 'uts', 'net', 'cgroup']
    script = ' '.join(['readlink', *(f'/proc/self/ns/{n}' for n in names)])
    inside = ok(start(shell(script))).split()
    outside = [os.readlink(f'/proc/self/ns/{n}') for n in names]
    check(len(inside) == len(names) and not set(inside) & set(outside), inside, outside)
    few = shell(script).drop('unshare', 'hostname', 'loopback').add('unshare', 'user', 'mount', 'pid')
    inside = ok(start(few)).split()
    check([a == b for a, b in zip(inside, outside)] == [False] * 3 + [True] * 4, inside, outside)


def hostname_and_loopback(tmp):
    script = ('import socket; s = socket.create_server(("127.0.0.1", 0)); '
              'socket.create_connection(s.getsockname()); print(socket.gethostname())')
    ok(start(python(script)), 'box\n')
    r = start(python(script).drop('loopback'))
    check(r.rc == 1 and 'unreachable' in r.err, r)


def no_descriptor_leaks(tmp):
    """Class 4, CVE-2024-21626. All but 0, 1, 2 and what is kept is closed; the control: cat sees them."""
    import fcntl
    extra = [os.open('/', os.O_RDONLY), os.open('/etc/passwd', os.O_RDONLY), *os.pipe()]
    high = fcntl.fcntl(extra[1], fcntl.F_DUPFD, 700)
    extra.append(high)
    seen = subprocess.run(['ls', '/proc/self/fd'], pass_fds=extra, capture_output=True, text=True,
                          check=True).stdout.split()
    check(set(map(str, extra)) <= set(seen), seen)
    inside = ok(start(basic_plan('/usr/bin/ls', '/proc/self/fd'), fds=extra)).split()
    check(inside == ['0', '1', '2', '3'], inside)
    kept = [extra[1], high]
    p = basic_plan('/usr/bin/ls', '/proc/self/fd').add('keep-fd', kept[1]).add('keep-fd', kept[0])
    inside = ok(start(p, fds=extra)).split()
    check(set(map(str, kept)) <= set(inside) and len(inside) == 6, inside)
    for fd in extra:
        os.close(fd)


def folders_as_descriptors_are_refused(tmp):
    """Class 4: an open folder leads out of any root."""
    fd = os.open('/', os.O_RDONLY)
    refused(start(shell(''), stdin=fd), 'descriptor 0 is a folder')
    refused(start(shell('').add('keep-fd', fd), fds=[fd]), f'descriptor {fd} is a folder')
    path = os.open('/', os.O_PATH)
    refused(start(shell('').add('keep-fd', path), fds=[path]), 'is a folder')
    os.close(fd)
    os.close(path)
    refused(start(shell('').add('keep-fd', 900)), 'descriptor 900', 'Bad file descriptor')


def closed_standard_descriptors(tmp):
    """Nothing of ours takes the place of a closed 0, 1 or 2."""
    for closed in ([0], [1], [2], [0, 1], [0, 1, 2]):
        def close():
            for fd in closed:
                os.close(fd)
        out = tmp / f'out{"".join(map(str, closed))}'
        p = shell('ls -l /proc/self/fd > /g/' + out.name).add('bind', tmp, '/g', 'rw')
        r = start(p, before=close)
        check(r.rc == 0, closed, r)
        text = out.read_text()
        for fd in closed:
            if fd != 1:
                check(not re.search(rf' {fd} -> (?!/proc/)', text), closed, text)


def old_root_is_out_of_reach(tmp):
    """Classes 4 and 18: neither by the working folder, nor by .., nor by descriptors."""
    (tmp / 'secret').write_text('secret')
    p = shell(f'pwd; cat {tmp}/secret ../../../..{tmp}/secret /proc/1/root{tmp}/secret '
              f'/proc/1/cwd{tmp}/secret /proc/self/root{tmp}/secret; cat /proc/1/fd/0/secret')
    r = start(p, cwd=tmp)
    check(r.out == '/\n' and 'secret\n' not in r.out and r.err.count('\n') == 6, r)
    nowhere = shell('').drop('cwd').add('cwd', tmp)
    refused(start(nowhere, cwd=tmp), 'cannot enter', 'No such file')


def nothing_of_the_caller_in_proc(tmp):
    """Class 4. Neither environment nor arguments of the caller, in no file of /proc."""
    script = r'''
import os, sys
found = 0
for d, dirs, files in os.walk("/proc"):
    dirs[:] = [x for x in dirs if x not in ("sys", "irq", "bus", "fs", "acpi", "task", "map_files")]
    for f in files:
        if f in ("kmsg", "kcore", "kpagecount", "kpageflags", "kpagecgroup", "pagemap", "mem"):
            continue
        try:
            fd = os.open(d + "/" + f, os.O_RDONLY | os.O_NONBLOCK)
            data = b""
            while len(data) < 1 << 20 and (part := os.read(fd, 65536)):
                data += part
        except OSError:
            data = b""
        found += b"CANARY-IN" in data
        if b"CANARY-" + b"OUT" in data:
            print("found in", d, f)
print("control", found > 0)
for f in "environ", "mem", "auxv", "exe", "fd/0", "cwd", "root", "map_files", "ns/mnt", "syscall", "stack":
    try:
        if f == "map_files":
            os.listdir("/proc/1/" + f)
        elif f in ("exe", "cwd", "root", "ns/mnt", "fd/0"):
            os.readlink("/proc/1/" + f)
        else:
            open("/proc/1/" + f, "rb").read(1)
        print("readable", f)
    except OSError:
        pass
'''
    p = python(script).add('env', 'MARK=CANARY-IN')
    out = ok(start(p, env={'SECRET': 'CANARY-OUT', 'B': 'CANARY-OUT' * 100}))
    check(out == 'control True\n', out)


def environment_is_the_plan_s(tmp):
    p = basic_plan('/usr/bin/env').add('env', 'A=1').add('env', 'B=').add('env', 'C=x\ny z=#')
    ok(start(p, env={'LD_LIBRARY_PATH': '/nothing', 'LD_BIND_NOW': '1', 'A': '2'}),
       'PATH=/usr/bin:/bin\nA=1\nB=\nC=x\ny z=#\n')


def arguments_pass_unchanged(tmp):
    """Class 7."""
    words = ['-c', '--', '', '$(id)', '`id`', 'a b', 'new\nline', '\x1b[0m', '@@', '%s', '\udcff']
    p = python('import sys, os; sys.stdout.buffer.write(b"\\0".join(map(os.fsencode, sys.argv[1:])))',
               *words)
    ok(start(p), '\0'.join(words))
    p = shell('echo $#')
    for n in range(1000):
        p.add('arg', str(n))
    ok(start(p), '999\n')


def session_and_group(tmp):
    """kill(0) inside reaches nobody outside; the app is no orphan, so it can be stopped."""
    out = start(shell('cat /proc/self/stat'))
    pid, _, state, ppid, group, session, tty = out.out.split()[:7]
    check((group, session, tty) == ('2', '1', '0'), out)
    canary = subprocess.Popen(['sleep', '100'])
    r = start(shell('kill -9 0'))
    check(r.rc == -9, r)
    check(canary.poll() is None)
    canary.kill()
    canary.wait()


def keyring_is_new(tmp):
    """Class 4. A key in the caller's session keyring is not found inside."""
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    keyctl, add_key, request = 250, 248, 249
    if os.uname().machine != 'x86_64':
        return 'the numbers of the calls are those of x86_64'
    if libc.syscall(keyctl, 1, None) < 0:
        return 'no keyrings here'
    check(libc.syscall(add_key, b'user', b'carrel-test', b'secret', 6, -3) > 0)
    script = ('import ctypes; c = ctypes.CDLL(None); '
              'print(c.syscall(250, 10, -3, b"user", b"carrel-test", 0) > 0)')
    ok(start(python(script).drop('keyring')), 'True\n')
    ok(start(python(script)), 'False\n')


def nested_user_namespaces(tmp):
    r = start(basic_plan('/usr/bin/unshare', '-U', '/usr/bin/echo', 'nested'))
    check(r.rc == 1 and 'No space left' in r.err, r)
    p = basic_plan('/usr/bin/unshare', '-U', '/usr/bin/echo', 'nested').drop('nested-userns')
    r = start(p)
    check(r.rc == 1, 'deny must be the default', r)
    p.add('nested-userns', 'allow')
    ok(start(p), 'nested\n')


def capabilities_are_gone(tmp):
    """Class 16. Not even a mount, a chroot or a raw socket, for root inside neither."""
    script = r'''
import ctypes, os, socket
c = ctypes.CDLL(None, use_errno=True)
def tried(name, r):
    print(name, "worked" if r >= 0 else os.strerror(ctypes.get_errno()))
tried("mount", c.mount(b"x", b"/tmp", b"tmpfs", 0, None))
tried("umount", c.umount2(b"/proc/sys", 2))
tried("remount", c.mount(None, b"/usr", None, 32 | 4096, None))
tried("chroot", c.chroot(b"/tmp"))
tried("hostname", c.sethostname(b"x", 1))
tried("mknod", c.mknod(b"/tmp/n", 0o20666, 0x103))
tried("setns", c.setns(os.open("/proc/self/ns/net", 0), 0))
tried("ptrace", c.ptrace(16, 1, 0, 0))
'''
    for uid in (os.getuid(), 0):
        out = ok(start(python(script).drop('uid').add('uid', uid)))
        check(out.count('\n') == 8 and 'worked' not in out, out)


def landlock_holds(tmp):
    """Class 17, and the second wall: only what is allowed, in the names of the kernel."""
    (tmp / 'yes').mkdir()
    (tmp / 'no').mkdir()
    (tmp / 'no' / 'file').write_text('x')
    (tmp / 'yes' / 'file').write_text('y')
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind(f'\0carrel-{os.getpid()}')
    abstract.listen()
    script = f'''
import os, socket, signal
def tried(name, f):
    try:
        f()
        print(name, "yes")
    except OSError as e:
        print(name, e.strerror)
tried("read", lambda: open("/g/yes/file").read())
tried("other", lambda: open("/g/no/file").read())
tried("write", lambda: open("/g/yes/file", "a").write("z"))
tried("abstract", lambda: socket.socket(socket.AF_UNIX).connect(chr(0) + "carrel-{os.getpid()}"))
tried("signal", lambda: os.kill(1, 0))
tried("self", lambda: os.kill(os.getpid(), 0))
'''
    p = python(script).drop('unshare', 'loopback').add('bind', tmp, '/g', 'rw')
    p.add('unshare', 'user', 'mount', 'pid', 'ipc', 'uts')
    ok(start(p), 'read yes\nother yes\nwrite yes\nabstract yes\nsignal yes\nself yes\n')
    rights = 'execute,read_file,read_dir'
    p.add('landlock', rights + ',write_file,make_reg', 'abstract_unix_socket,signal')
    for path in ('/usr', '/proc', '/dev', '/g/yes', '/lib', '/not/there', '/dev/null'):
        p.add('landlock-allow', path, rights)
    p = Plan.run(p, '/usr/bin/python3', '-ISc', script)
    p.steps = [s for s in p.steps if s[1][:1] != ('/lib',) or s[0] != 'landlock-allow']
    denied, alone = 'Permission denied', 'Operation not permitted'
    if not landlock_has_scopes():
        refused(start(p), 'landlock', 'does not know scopes')
        p.steps = [(verb, (words[0], '-')) if verb == 'landlock' else (verb, words) for verb, words in p.steps]
        alone = 'yes'
    ok(start(p), f'read yes\nother {denied}\nwrite {denied}\nabstract {alone}\nsignal {alone}\nself yes\n')


def seccomp_from_a_descriptor(tmp):
    """getppid fails with 77, all else is allowed."""
    if os.uname().machine != 'x86_64':
        return 'the number of the call is that of x86_64'
    code = [(0x20, 0, 0, 0), (0x15, 0, 1, 110), (0x06, 0, 0, 0x00050000 | 77), (0x06, 0, 0, 0x7fff0000)]
    raw = b''.join(struct.pack('HBBI', *c) for c in code)
    script = ('import ctypes, os; c = ctypes.CDLL(None, use_errno=True); '
              'print(c.syscall(110), ctypes.get_errno()); '
              'print([l for l in open("/proc/self/status") if "Seccomp:" in l])')

    def with_filter(content):
        fd = os.memfd_create('filter')
        os.write(fd, content)
        r = start(python(script).add('seccomp', fd, 'test'), fds=[fd])
        os.close(fd)
        return r
    ok(with_filter(raw), "-1 77\n['Seccomp:\\t2\\n']\n")
    for bad in (b'', raw[:-1], raw + b'x', raw * 1024 + raw):
        refused(with_filter(bad), 'seccomp', 'filter has')
    refused(with_filter(b'\xff' * 8), 'seccomp', 'no valid program')
    refused(start(python(script).add('seccomp', 950, 'test')), 'descriptor 950')


def exec_failures(tmp):
    """The status says 126 or 127, the line says what is missing."""
    for name, content, mode in (('script', '#!/no/such/inter preter\n', 0o755), ('noexec', 'x', 0o644),
                                ('empty', '', 0o755), ('garbage', '\x01\x02\x03\x04', 0o755),
                                ('crlf', '#!/bin/sh\r\necho\n', 0o755)):
        (tmp / name).write_text(content)
        (tmp / name).chmod(mode)
    def run(path):
        return start(basic_plan(path).add('bind', tmp, '/g', 'ro'))
    refused(run('/no/such'), 'exec', '"/no/such"', 'No such file', rc=127)
    refused(run('/g/script'), '"/g/script"', 'interpreter', rc=127)
    refused(run('/g/noexec'), 'Permission denied', 'no executable file', rc=126)
    refused(run('/g/garbage'), 'Exec format error', rc=126)
    refused(run('/g/empty'), 'Exec format error', rc=126)
    refused(run('/g/crlf'), 'interpreter', rc=127)
    refused(run('/g'), 'Permission denied', rc=126)
    refused(run('/g/noexec/x'), 'Not a directory', rc=127)
    p = basic_plan('/usr/bin/true')
    p.steps = [s for s in p.steps if s[1][:1] != ('/usr',) and s[0] != 'symlink' or s[1][0] == '/proc/self/fd']
    p.add('bind', '/usr/bin', '/usr/bin', 'ro')
    refused(start(p), 'interpreter', rc=127)
    refused(start(basic_plan('/usr/bin/true', 'x' * 200_000)), 'Argument list too long', rc=126)


def bare_names_are_searched(tmp):
    ok(start(basic_plan('echo', 'x')), 'x\n')
    (tmp / 'echo').write_text('not for execution')
    p = basic_plan('echo', 'y').drop('env').add('env', 'PATH=relative:/no/such:/g:/usr/bin')
    ok(start(p.add('bind', tmp, '/g', 'ro')), 'y\n')
    refused(start(basic_plan('no-such-program')), '"no-such-program"', rc=127)
    refused(start(basic_plan('echo').drop('env')), '"echo"', rc=127)
    p = basic_plan('echo').drop('env').add('env', 'PATH=/g').add('bind', tmp, '/g', 'ro')
    refused(start(p), 'Permission denied', rc=126)


def plan_from_a_pipe(tmp):
    ok(start(shell('echo x'), pipe=True), 'x\n')
    text = shell('wc -c < /f').add('file', '/f', '600', 'x' * 1_000_000).text()
    ok(start(text, pipe=True), '1000000\n')


def core_cannot_be_written(tmp):
    """Class 15, CVE-2019-5736: /proc/1/exe does not open."""
    r = start(shell('exec 3>/proc/1/exe; echo opened'))
    check('opened' not in r.out, r)


def ids_of_the_caller_do_not_grow(tmp):
    """Class 2: a set-user-id core refuses to work."""
    if os.getuid() != 0:
        return None
    import shutil
    import core_lib
    copy = tmp / 'suid'
    shutil.copy2(core_lib.CORE, copy)
    os.chmod(copy, 0o4755)
    os.chmod(tmp, 0o755)
    os.chmod(tmp.parent, 0o755)
    r = start(shell('echo x'), core=str(copy), before=lambda: (os.setgid(31234), os.setuid(31234)))
    refused(r, 'must not be setuid')


if __name__ == '__main__':
    sys.exit(main([v for v in list(globals().values())
                   if callable(v) and getattr(v, '__module__', '') == '__main__' and
                   v.__code__.co_varnames[:1] == ('tmp',) and v.__code__.co_argcount == 1]))
