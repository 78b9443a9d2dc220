#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What carrel-bwrap promises of its own, besides being as bubblewrap is (tests/bwrap).

usage: bwrap_own.py CARREL_BWRAP SOURCE CARREL_CORE [--drop]
"""
import collections
import ctypes
import os
import pathlib
import platform
import pty
import pwd
import re
import select
import shutil
import signal
import subprocess
import sys
import time

import core_lib
from core_lib import check, have, main, no_children_left
from host import is_linux, landlock_has_scopes

SOURCE = pathlib.Path(sys.argv[2]).resolve()
CARREL_CORE = pathlib.Path(sys.argv[3]).resolve()
HOST = ['--ro-bind', '/', '/']
Result = collections.namedtuple('Result', 'rc out err')


def bwrap(*args, wrap=(), fds=(), env=None, stdin=b'', cwd='/', before=None):
    p = subprocess.run([*wrap, core_lib.CORE, *map(str, args)], input=stdin, stdout=subprocess.PIPE, cwd=cwd,
                       stderr=subprocess.PIPE, pass_fds=fds, preexec_fn=before, check=False, timeout=60,
                       env={'PATH': '/usr/bin:/bin', 'HOME': '/'} if env is None else env)
    return Result(p.returncode, p.stdout.decode('utf-8', 'replace'), p.stderr.decode('utf-8', 'replace'))


def sh(*args, script, **options):
    return bwrap(*args, '--', 'sh', '-c', script, **options)


def small_root():
    args = ['--ro-bind', '/usr', '/usr', '--proc', '/proc']
    for name in ('bin', 'sbin', 'lib', 'lib64'):
        if os.path.islink(f'/{name}'):
            args += ['--symlink', f'usr/{name}', f'/{name}']
        elif os.path.isdir(f'/{name}'):
            args += ['--ro-bind', f'/{name}', f'/{name}']
    return args


def data(text):
    read, write = os.pipe()
    os.write(write, text)
    os.close(write)
    return read


# --- its words ---

def options():
    text = bwrap('--help').out
    rows = re.findall(r'^    (--[a-z0-9-]+)((?: [A-Z]+)*) ', text, re.M)
    check(len(rows) > 70 and text.startswith(f'usage: {core_lib.CORE} '), text)
    return rows


def help_manual_and_completion_agree(tmp):
    rows = options()
    page = (SOURCE / 'doc/carrel-bwrap.1.scd').read_text()
    described = re.findall(r'^\*(--[a-z0-9-]+)\*((?: _[A-Z]+_)*)$', page, re.M)
    check([(n, a.replace('_', '')) for n, a in described] == rows, set(described) ^ set(rows))
    for shell in ('carrel-bwrap.bash', '_carrel-bwrap'):
        check('--help' in (SOURCE / 'data/completion' / shell).read_text(), shell)
    script = (f'. {SOURCE}/data/completion/carrel-bwrap.bash; COMP_WORDS=({core_lib.CORE} --ro); COMP_CWORD=1; '
              '_carrel_bwrap; printf "%s\\n" "${COMPREPLY[@]}"')
    r = subprocess.run(['bash', '--norc', '-c', script], stdout=subprocess.PIPE, text=True, check=True)
    check(sorted(r.stdout.split()) == sorted(n for n, _ in rows if n.startswith('--ro')), r.stdout)


def version_names_both(tmp):
    r = bwrap('--version')
    check(r.rc == 0 and re.fullmatch(r'bubblewrap 0\.13\.1\ncarrel-bwrap \d+\.\d+\.\d+\n', r.out), r)


def errors_are_one_line_and_explained_on_demand(tmp):
    args = [*HOST, '--tmpfs', '/tmp', '--dir', '/usr/nowhere', 'true']
    r = bwrap(*args)
    check(r.rc == 1 and r.err == "bwrap: Can't create file /usr/nowhere: Read-only file system\n", r)
    more = bwrap('--explain-errors', *args)
    check(more.rc == 1 and len(more.err.splitlines()) == 2 and more.err.startswith(r.err), more)
    check('argument 7: --dir: ' in more.err and '(mkdirat)' in more.err, more)


def what_is_no_text_is_escaped(tmp):
    r = bwrap(*HOST, '--dir', '/usr/\x1b[31m\n', 'true')
    check(r.rc == 1 and r.err.count('\n') == 1 and '\x1b' not in r.err and '\\x1b' in r.err, r)


# --- the plan ---

def the_plan_can_be_seen_and_is_not_carrel_run_s(tmp):
    """What carrel-bwrap loosens no plan of carrel run can: its core does not hold the code."""
    r = bwrap(*HOST, '--unshare-all', '--print-plan', 'true')
    check(r.rc == 0 and r.out.startswith('carrel-plan 1\nloosen '), r)
    fd = os.memfd_create('plan')
    os.write(fd, r.out.encode())
    core = subprocess.run([CARREL_CORE, str(fd)], pass_fds=[fd], stderr=subprocess.PIPE, text=True, check=False)
    os.close(fd)
    check(core.returncode == 125 and 'loosen: only carrel-bwrap does that' in core.stderr, core)


def many_arguments(tmp):
    lists = b''.join(b'--setenv\0V%d\0%d\0' % (i, i) for i in range(20000))
    fd = os.memfd_create('args')
    os.write(fd, lists)
    os.lseek(fd, 0, 0)
    r = sh(*HOST, '--args', fd, script='echo $V1 $V19999', fds=[fd])
    os.close(fd)
    check(r.rc == 0 and r.out == '1 19999\n', r)


# --- what is seen inside ---

def nothing_of_the_host_is_left(tmp):
    """The old root is gone, also where a hidden file system lay on it."""
    for more in ([], ['--ro-bind-data', '{fd}', '/made'], ['--overlay-src', '/usr', '--tmp-overlay', '/o'],
                 ['--tmpfs', '/', '--ro-bind', '/usr', '/usr', '--symlink', 'usr/bin', '/bin', '--symlink',
                  'usr/lib', '/lib', '--symlink', 'usr/lib64', '/lib64', '--proc', '/proc']):
        fd = data(b'x')
        args = [a.format(fd=fd) for a in more]
        r = sh(*small_root(), '--unshare-all', *args, fds=[fd],
               script='cd /; echo * ..//*; cat /proc/self/mountinfo; [ -e /etc ] || echo none')
        os.close(fd)
        check(r.rc == 0 and r.err == '', r)
        names, *mounts = r.out.splitlines()
        known = {'bin', 'lib', 'lib64', 'made', 'o', 'proc', 'sbin', 'usr'}
        check({n.replace('..//', '') for n in names.split()} <= known, names)
        points = {line.split()[4] for line in mounts[:-1]}
        check(all(re.match(r'/($|usr|proc|made|o$|bin|sbin|lib)', p) for p in points), points)
        check(mounts[-1] == 'none', r)


def binds_of_the_root_hold_no_hidden_file(tmp):
    fd = data(b'secret')
    r = sh(*HOST, '--unshare-all', '--ro-bind-data', fd, '/mnt', '--ro-bind', '/', '/media',
           script='cat /media/mnt; ls /media | wc -l; cat /mnt', fds=[fd])
    os.close(fd)
    if "Can't" in r.err:
        return 'no folders /mnt and /media that could be mounted on'
    check('secret' in r.out.splitlines()[-1:] or r.rc == 1, r)
    return None


def links_lead_nowhere_but_inside(tmp):
    out = tmp / 'outside'
    out.mkdir()
    for target in (str(out), f'../../../../../{out}', f'/proc/self/cwd/{out}'):
        r = bwrap('--ro-bind', '/usr', '/usr', '--symlink', target, '/l', '--dir', '/l/made', 'true')
        check(not list(out.iterdir()), target, r)


def own_limits_and_joined_network(tmp):
    r = sh(*HOST, '--limit', 'nofile', 64, script='ulimit -n; ulimit -Hn')
    check(r.out == '64\n64\n', r)
    if os.getuid() == 0:
        fd = os.open('/proc/self/ns/net', os.O_RDONLY)
        r = sh(*HOST, '--netns', fd, script='readlink /proc/self/ns/net', fds=[fd])
        check(r.out.strip() == os.readlink('/proc/self/ns/net'), r)
        os.close(fd)


def a_missing_source_changes_nothing(tmp):
    """What is made below a writable bind stays on the host, so nothing may be made for what cannot start."""
    tmp.chmod(0o755)
    folder = tmp / 'folder'
    for name in ('folder', 'upper', 'work', 'lower'):
        (tmp / name).mkdir(mode=0o755)
    missing, overlay = tmp / 'missing', ['--overlay-src', tmp / 'lower', '--overlay']
    for last in (['--ro-bind', missing, '/x'], ['--overlay-src', missing, '--tmp-overlay', '/x'],
                 [*overlay, missing, tmp / 'work', '/x'], [*overlay, tmp / 'upper', missing, '/x'],
                 ['--ro-bind-try', missing, '/x']):
        works = last[0].endswith('-try')
        (folder / 'file').write_text('old')
        fd = data(b'new')
        r = sh(*small_root(), '--bind', folder, '/w', '--tmpfs', '/w/point', '--file', fd, '/w/file', *last, script='true',
               fds=[fd])
        os.close(fd)
        check(r.rc == (0 if works else 1), last, r)
        check(works or r.err == f"bwrap: Can't find source path {missing}: No such file or directory\n", r)
        check({p.name for p in folder.iterdir()} == ({'file', 'point'} if works else {'file'}), last)
        check((folder / 'file').read_text() == ('new' if works else 'old'), last)


def links_of_a_source_lead_on_the_host(tmp):
    """Not into what is being built, which lies on the host's root meanwhile: there is another file there, or none."""
    tmp.chmod(0o755)
    for name in ('host', 'decoy'):
        (tmp / name).mkdir(mode=0o755)
        (tmp / name / 'file').write_text(name)
    (tmp / 'link').symlink_to('../' * 20 + str(tmp / 'host' / 'file')[1:])
    for source in (tmp / 'link', f'/usr/..{tmp}/host/file'):
        for built in ([], ['--ro-bind', tmp / 'decoy', tmp / 'host']):
            r = sh(*small_root(), *built, '--ro-bind', source, '/found', script='cat /found')
            check(r.rc == 0 and r.out == 'host', source, built, r)


def the_host_s_mounts_stay(tmp):
    with open('/proc/self/mountinfo', encoding='utf-8') as f:
        before = f.read()
    r = sh('--bind', '/', '/', '--tmpfs', tmp, '--dir', f'{tmp}/x', script=f'ls {tmp}')
    check(r.rc == 0 and r.out == 'x\n', r)
    with open('/proc/self/mountinfo', encoding='utf-8') as f:
        check(f.read() == before)
    check(not list(tmp.iterdir()))


def descriptors(tmp):
    fd, inherited = data(b'content'), os.open('/dev/null', os.O_RDONLY)
    r = sh(*HOST, '--tmpfs', '/tmp', '--file', fd, '/tmp/f', fds=[fd, inherited],
           script='cat /tmp/f; for n in /proc/self/fd/*; do readlink $n; done')
    check(r.out.startswith('content') and r.out.count('/dev/null') == 1, r)
    check(f'pipe:[{os.fstat(fd).st_ino}]' not in r.out, r)
    os.close(fd)
    os.close(inherited)


def scripts_and_paths(tmp):
    tmp.chmod(0o755)
    (tmp / 'plain').write_text('echo ran $1\n')
    (tmp / 'plain').chmod(0o755)
    env = {'PATH': f'/nowhere:{tmp}'}
    for name, cwd in (('plain', '/'), (f'{tmp}/plain', '/'), ('./plain', tmp)):
        r = bwrap(*HOST, name, 'a', env=env, cwd=cwd)
        check(r.rc == 0 and r.out == 'ran a\n', name, r)
    r = bwrap(*HOST, 'nothing-of-that-name')
    check(r.rc == 1 and r.err == 'bwrap: execvp nothing-of-that-name: No such file or directory\n', r)


# --- processes ---

def exit_codes(tmp):
    for more in ([], ['--unshare-pid'], ['--unshare-pid', '--as-pid-1'], ['--lock-file', '/usr/bin/env']):
        check(sh(*HOST, *more, script='exit 7').rc == 7, more)
        if '--as-pid-1' not in more:
            check(sh(*HOST, *more, script='kill -KILL $$').rc == 128 + signal.SIGKILL, more)


def the_rest_lives_on_or_ends_together(tmp):
    tmp.chmod(0o777)
    for more, left in (([], True), (['--end-together'], False)):
        flag = tmp / f'flag{left}'
        start = time.monotonic()
        p = subprocess.Popen([core_lib.CORE, '--dev-bind', '/', '/', '--unshare-pid', *more, 'sh', '-c',
                              f'(sleep 3; echo > {flag}) & exit 3'], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        check(p.wait(60) == 3, more)
        check(time.monotonic() - start < 3, more, 'waited for what was left')
        end = time.monotonic() + 20
        while time.monotonic() < end and left and not flag.exists():
            time.sleep(0.05)
        no_children_left()
        check(flag.exists() == left, more)


def same_memory(one, two):
    number = {'x86_64': 312, 'aarch64': 272, 'riscv64': 272}.get(platform.machine())
    if not number:
        return None
    r = core_lib.LIBC.syscall(number, one, two, 1, 0, 0)  # KCMP_VM
    return r == 0 if r >= 0 else None


def child_of(pid):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as f:
            found = f.read().split()
        if found:
            return int(found[0])
        time.sleep(0.01)
    raise AssertionError('no child')


def who_reaps_shares_no_memory_with_the_outside(tmp):
    """The program may do to pid 1 whatever it likes: it has its rights. That must not reach out."""
    check(same_memory(os.getpid(), os.getpid()) in (True, None))
    if same_memory(os.getpid(), os.getpid()) is None:
        return 'this kernel cannot compare processes'
    p = subprocess.Popen([core_lib.CORE, *HOST, '--unshare-pid', 'sleep', '100'])
    init = child_of(p.pid)
    program = child_of(init)
    shared = same_memory(p.pid, init)
    check(shared is False, shared)
    os.kill(program, signal.SIGKILL)
    check(p.wait(20) == 128 + signal.SIGKILL)
    return None


def parents_death(tmp):
    for more in ([], ['--unshare-pid']):
        p = subprocess.Popen([core_lib.CORE, *HOST, *more, '--die-with-parent', 'sleep', '100'])
        child_of(p.pid)
        time.sleep(0.3)
        p.kill()
        p.wait()
        no_children_left()


def no_new_privileges_and_no_capabilities(tmp):
    r = sh(*HOST, '--unshare-user', '--cap-drop', 'ALL', script='cat /proc/self/status')
    found = dict(line.split(':', 1) for line in r.out.splitlines() if ':' in line)
    check(found['NoNewPrivs'].strip() == '1', r)
    for name in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'):
        check(int(found[name], 16) == 0, name, found[name])


# --- what bubblewrap's users ask for ---

NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']


def subordinate_ids(file):
    """The ranges that this user has."""
    names = {str(os.getuid()), *(e.pw_name for e in pwd.getpwall() if e.pw_uid == os.getuid())}
    text = pathlib.Path(file).read_text() if os.path.exists(file) else ''
    return [range(int(first), int(first) + int(n)) for name, first, n in re.findall('(.+):(.+):(.+)', text)
            if name in names]


def maps_in(text):
    return re.findall(r'^ *(\d+) +(\d+) +(\d+)$', text, re.M)


def outside_of_map(text):
    return {outside for _, outside, _ in maps_in(text)}


def several_ids(tmp):
    """Outside the map there is one id, and no other can be given to a file."""
    probe = 'chown 3:4 /tmp && stat -c %u:%g /tmp'
    alone = [*HOST, '--unshare-user', '--tmpfs', '/tmp', '--cap-add', 'CAP_CHOWN']
    if os.getuid() != 0:
        r = sh(*alone, script=probe)
        check(r.rc != 0 and '3:4' not in r.out, 'one id is enough', r)
        r = sh(*alone, '--subids', script=f'{probe}; cat /proc/self/uid_map')
        ids = subordinate_ids('/etc/subuid')
        if ids and subordinate_ids('/etc/subgid') and have('newuidmap', 'newgidmap'):
            check(r.rc == 0 and r.out.startswith('3:4\n'), ids, r)
            others = outside_of_map(r.out) - {str(os.getuid())}
            check(others and all(any(int(n) in known for known in ids) for n in others), ids, r)
        else:
            check(r.rc == 1 and r.out == '' and ('has no ids for' in r.err or 'newuidmap' in r.err), r)
        return None
    if not have('newuidmap', 'newgidmap'):
        return 'no newuidmap'
    (tmp / 'ids').write_text('someone:1:2\nnobody:200000:1000\n')
    (tmp / 'ids').chmod(0o644)
    mounts = f'for f in subuid subgid; do [ -e /etc/$f ] || exit 9; mount --bind {tmp}/ids /etc/$f; done; exec "$@"'
    wrap = ['unshare', '-m', 'sh', '-c', mounts, 'sh', *NOBODY]
    for uid in (0, 7):
        args = [*HOST, '--unshare-user', '--uid', uid, '--tmpfs', '/tmp', '--cap-add', 'CAP_CHOWN']
        check(sh(*args, script=probe, wrap=wrap).rc != 0, 'one id is enough')
        for more in ([], ['--dev', '/dev', '--unshare-all']):
            r = sh(*args, *more, '--subids', script=f'{probe}; id -u; cat /proc/self/uid_map', wrap=wrap)
            check(r.rc == 0 and r.out.startswith(f'3:4\n{uid}\n'), more, r)
            # 1000 of them in two parts, as the caller's own number comes between.
            check('200000' in outside_of_map(r.out) <= {'65534', '200000', f'{200000 + uid}'}, more, r)
            check(sum(int(n) for _, _, n in maps_in(r.out)) == 1001, more, r)
    return None


def signals_are_handed_on(tmp):
    tmp.chmod(0o777)
    script = f'trap "echo > {tmp}/got; exit 5" TERM; echo > {tmp}/up; while :; do sleep 0.1; done'
    for more in ([], ['--unshare-pid'], ['--unshare-pid', '--new-session'], ['--lock-file', '/usr/bin/env']):
        for handed_on in (False, True):
            for name in ('got', 'up'):
                (tmp / name).unlink(missing_ok=True)
            p = subprocess.Popen([core_lib.CORE, '--dev-bind', '/', '/', '--die-with-parent', *more,
                                  *['--forward-signals'] * handed_on, 'sh', '-c', script])
            end = time.monotonic() + 30
            while not (tmp / 'up').exists() and time.monotonic() < end:
                time.sleep(0.05)
            p.terminate()
            rc = p.wait(30)
            check(rc == (5 if handed_on else -signal.SIGTERM), more, handed_on, rc)
            check((tmp / 'got').exists() == handed_on, more, handed_on)
            no_children_left()


def typed(argv, keys):
    """What a command on a terminal shows when these keys are typed, each after what is waited for."""
    pid, master = pty.fork()
    if pid == 0:
        os.execve(argv[0], argv, {'PATH': '/usr/bin:/bin', 'PS1': '$ ', 'TERM': 'dumb'})
    out, seen = '', 0
    for wanted, key in [*keys, (None, '')]:
        end = time.monotonic() + 40
        while time.monotonic() < end and not (wanted and wanted in out[seen:]):
            if not select.select([master], [], [], 0.5)[0]:
                continue
            try:
                more = os.read(master, 4096)
            except OSError:
                break
            out += more.decode('utf-8', 'replace')
        check(not wanted or wanted in out[seen:], f'{wanted!r} does not come:', out)
        # What came with it, as a prompt, may be waited for next.
        seen = out.index(wanted, seen) + len(wanted) if wanted else seen
        os.write(master, key.encode()) if key else None
    os.close(master)
    return out, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def a_terminal_of_its_own(tmp):
    tree = tmp / 'tree'
    for program, name in ((core_lib.CORE, 'bin/carrel-bwrap'),
                          (CARREL_CORE.parent.parent / 'tty/carrel-tty', 'libexec/carrel/carrel-tty')):
        (tree / name).parent.mkdir(parents=True)
        shutil.copy(program, tree / name)
    for path in (tmp, tree):
        path.chmod(0o755)
    args = [f'{tree}/bin/carrel-bwrap', *HOST, '--unshare-pid', '--proc', '/proc', '--dev', '/dev', '--new-session']
    out, _ = typed([*args, 'bash', '--norc'], [('$ ', 'exit\n')])
    check('no job control' in out, out)
    # A key that is typed before the shell has put its job in front is the shell's: the job tells when it is.
    # It is one process: a shell that calls vfork waits for the other, which is stopped first.
    (tmp / 'job').write_text("""import os, signal, time
signal.signal(signal.SIGCONT, lambda *_: os.write(1, b'on-%d\\n' % (2 + 2)))
os.write(1, b'up-%d\\n' % (1 + 1))
while True:
    time.sleep(0.1)
""")
    out, rc = typed([*args, '--own-tty', 'bash', '--norc'],
                    [('$ ', 'tty\n'), ('$ ', f'/usr/bin/python3 {tmp}/job\n'), ('up-2', '\x1a'), ('Stopped', ''), ('$ ', 'fg\n'),
                     ('on-4', '\x03'), ('$ ', 'echo code-$?\n'), ('code-130', ''),
                     ('$ ', 'sleep 99 & jobs; kill %1; ls /dev/console; exit 7\n')])
    check(rc == 7 and '/dev/pts/0\r\n' in out and 'no job control' not in out, rc, out)
    check('[1]+  Running' in out, 'no jobs:', out)
    check("'/dev/console'" in out, 'the terminal outside is there:', out)


def what_landlock_denies(tmp):
    tmp.chmod(0o777)
    (tmp / 'open').mkdir(mode=0o777)
    (tmp / 'open').chmod(0o777)
    script = f'echo > {tmp}/a; echo > {tmp}/open/b; true'
    args = ['--bind', '/', '/']
    scope = 'signal' if landlock_has_scopes() else '-'
    for more, left in (([], {'a', 'b'}), (['--landlock', 'make_reg,write_file', scope, '--landlock-allow',
                                           tmp / 'open', 'make_reg,write_file'], {'b'})):
        r = sh(*args, *more, script=script)
        made = {p.name for p in tmp.rglob('?')}
        check(r.rc == 0 and made == left, more, made, r)
        for p in tmp.rglob('?'):
            p.unlink()
    r = bwrap(*args, '--landlock', 'frobnicate', '-', 'true')
    check(r.rc == 1 and 'frobnicate' in r.err, r)


def callers_with_capabilities(tmp):
    """Root gives somebody else one; others have all in a user namespace of their own."""
    wrap = [*NOBODY, '--inh-caps=+net_raw', '--ambient-caps=+net_raw']
    if os.getuid() != 0:
        wrap = ['unshare', '--user', '--map-current-user', '--keep-caps']
    told = subprocess.run([*wrap, 'grep', 'CapAmb', '/proc/self/status'], stdout=subprocess.PIPE, check=True, text=True)
    check(int(told.stdout.split()[1], 16) != 0, told)
    r = bwrap(*HOST, 'true', wrap=wrap)
    check(r.rc == 1 and 'Unexpected capabilities' in r.err, r)
    r = sh(*HOST, '--drop-caller-caps', script='grep -E "Cap(Inh|Prm|Eff|Amb)" /proc/self/status', wrap=wrap)
    check(r.rc == 0 and re.findall(r'\t(\d+)', r.out) == ['0' * 16] * 4, r)
    return None


def many_layers(tmp):
    """Every kernel takes what fits into one text, Linux 6.8 and later some hundreds."""
    args = []
    for n in range(400):
        (tmp / f'layer{n}').mkdir()
        (tmp / f'layer{n}' / f'f{n}').write_text('x')
        args += ['--overlay-src', tmp / f'layer{n}']
    for layers in (2, 60, 61, 400):
        r = sh(*small_root(), *args[:2 * layers], '--ro-overlay', '/o', script='set -- /o/f*; echo $#')
        if layers <= 60 or is_linux(6, 8):
            check(r.rc == 0 and r.out == f'{layers}\n', layers, r)
        else:
            check(r.rc == 1 and "Can't make overlay mount on /o" in r.err, layers, r)


def sources_are_followed(tmp):
    tmp.chmod(0o755)
    (tmp / 'file').write_text('text\n')
    (tmp / 'link').symlink_to('file')
    fd = os.open(tmp / 'file', os.O_RDONLY)
    for source in (tmp / 'link', './file', f'/proc/self/fd/{fd}', f'{tmp}//./link', f'/dev/fd/{fd}'):
        r = sh(*small_root(), '--ro-bind', source, '/f', script='cat /f', cwd=tmp, fds=[fd])
        check(r.rc == 0 and r.out == 'text\n', source, r)
    os.close(fd)
    r = sh(*small_root(), '--ro-bind-try', tmp / 'none', '/f', script='[ ! -e /f ]')
    check(r.rc == 0, r)


def a_filter_that_refuses_everything_ends_it(tmp):
    """The caller's filter may refuse even the end: of the program, and of pid 1, which waits for it."""
    for more in ([], ['--unshare-all'], ['--unshare-pid', '--as-pid-1'], ['--lock-file', '/usr/bin/env'],
                 ['--unshare-all', '--forward-signals'], ['--unshare-all', '--die-with-parent']):
        for option in ('--seccomp', '--add-seccomp-fd'):
            for action, rc in ((b'\x06\0\0\0\x01\0\x05\0', 128 + signal.SIGILL),  # EPERM
                               (b'\x06\0\0\0\0\0\0\x80', 128 + signal.SIGSYS)):  # the process is killed
                fd = data(action)
                r = bwrap(*HOST, *more, option, fd, 'true', fds=[fd])
                os.close(fd)
                no_children_left()
                check(r.rc == rc, more, option, action, r)


# --- faults ---

REPORT = ('while read a b; do case $a in Cap*|NoNew*|Uid:|Gid:|Umask:|Seccomp:) echo $a $b;; esac; done '
          '< /proc/self/status; while read a b c d e f g; do echo $e $f; done < /proc/self/mountinfo; '
          'pwd; cat /made; echo /proc/self/fd/*; exit 42')
# Their failure changes nothing for the program. wait4 and read are the monitor's; the rest is read or closed only.
NEVER_FAIL = {'execve', 'exit_group', 'getuid', 'getgid', 'geteuid', 'getegid', 'umask'}
FORGIVEN = {'unshare',  # the second one is tried out, and must fail
            'lseek', 'close', 'arch_prctl', 'chdir', 'set_tid_address', 'read', 'wait4', 'stat', 'open', 'fcntl', 'readlink', 'capget', 'brk', 'mmap', 'ioctl',
            'close_range', 'faccessat', 'openat2', 'mkdirat', 'prctl', 'munmap', 'getcwd', 'newfstatat', 'fstat',
            'readlinkat', 'rt_sigprocmask', 'clone', 'write', 'poll', 'madvise', 'sched_yield'}


def faults_never_weaken(tmp):
    """Each system call of ours fails in turn: the command is as confined as always, or does not run."""
    if not have('strace'):
        return 'no strace'
    args = [*small_root(), '--unshare-all', '--dev', '/dev', '--tmpfs', '/tmp', '--disable-userns', '--unshare-user',
            '--ro-bind-data', '{fd}', '/made', '--remount-ro', '/', '--new-session', '--chdir', '/usr',
            '--seccomp', '{filter}', '--lock-file', '/usr/bin/env', '--', 'sh', '-c', REPORT]
    allow = os.memfd_create('filter')
    os.write(allow, b'\x06\x00\x00\x00\x00\x00\xff\x7f')

    def run(*wrap):
        fd = data(b'made\n')
        os.lseek(allow, 0, 0)
        r = bwrap(*(a.replace('{fd}', str(fd)).replace('{filter}', str(allow)) for a in args), wrap=wrap, fds=[fd, allow])
        os.close(fd)
        return r

    log = tmp / 'trace'
    good = run('strace', '-f', '-b', 'execve', '-o', log)
    check(good.rc == 42 and 'made\n' in good.out and 'Seccomp: 2' in good.out, good)
    most = collections.Counter()
    per = collections.Counter(re.match(r'(\d+) +(\w+)\(', line).groups() for line in
                              log.read_text(errors='replace').splitlines() if re.match(r'\d+ +\w+\(', line))
    for (_, call), n in per.items():
        most[call] = max(most[call], n)
    check(most['move_mount'] > 8 and most['mount_setattr'] > 8, most)
    for call, n in sorted(most.items()):
        if call in NEVER_FAIL:
            continue
        for k in range(1, n + 1) if n <= 8 else sorted({1, 2, n // 3, n // 2, n - 1, n}):
            r = run('strace', '-f', '-b', 'execve', '-o', '/dev/null', '-e', f'trace={call}', '-e',
                    f'inject={call}:error=EIO:when={k}')
            no_children_left()
            # One of ours that fails late ends the command: what that told until then must be as always.
            check(good.out.startswith(r.out), f'{call} #{k} weakened it:', r, 'not', good)
            check(r.rc == 42 and r.out == good.out and call in FORGIVEN or r.rc not in (0, 42), f'{call} #{k}:', r)
    os.close(allow)
    return None


if __name__ == '__main__':
    sys.exit(main([v for v in list(globals().values())
                   if hasattr(v, '__code__') and v.__module__ == '__main__' and
                   v.__code__.co_varnames[:1] == ('tmp',) and v.__code__.co_argcount == 1]))
