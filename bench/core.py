#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The core alone, side by side with a bare C program that makes the same calls, and bubblewrap with
the same namespaces and binds.

usage: core.py CORE BARE NOOP FLOOR [--runs N] [--bwrap PATH]...
  --bwrap PATH  another bubblewrap, say the newest (bench/newest-bwrap); /usr/bin/bwrap is always there

Targets: at most 1.15 x the bare program, at most 0.4 x the newest bubblewrap, with 1,000 binds and
with 1,000 mounts on the host at most 0.35 x.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'tests'))
from core_lib import Plan  # noqa: E402
from interleave import compare, table  # noqa: E402

DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty']


def core_case(core, noop, folder, binds):
    p = Plan().add('uid', os.getuid()).add('gid', os.getgid())
    p.add('unshare', 'user', 'mount', 'pid', 'ipc', 'uts', 'net', 'cgroup')
    p.add('nested-userns', 'deny').add('hostname', 'box').add('loopback', 'up')
    p.add('tmpfs', '/', '755', '-').add('bind', '/usr', '/usr', 'ro')
    for name in ('bin', 'lib', 'lib64'):
        p.add('symlink', f'usr/{name}', f'/{name}')
    p.add('proc', '/proc').add('tmpfs', '/dev', '755', '-').add('devpts', '/dev/pts')
    for name in DEVICES:
        p.add('bind', f'/dev/{name}', f'/dev/{name}', 'rw,dev')
    p.add('tmpfs', '/tmp', '1777', '-').add('bind', noop, '/noop', 'ro')
    for n in range(binds):
        p.add('bind', f'{folder}/{n}', f'/g/{n}', 'ro')
    p.add('keyring', 'new').add('session', 'new').add('cwd', '/').run('/noop')
    fd = os.memfd_create('plan', 0)
    os.write(fd, p.text().encode())
    os.set_inheritable(fd, True)
    return [core, str(fd)]


def bwrap_case(bwrap, noop, folder, binds):
    argv = [bwrap, '--unshare-user', '--unshare-all', '--disable-userns', '--hostname', 'box',
            '--uid', str(os.getuid()), '--gid', str(os.getgid()), '--new-session', '--die-with-parent',
            '--ro-bind', '/usr', '/usr']
    for name in ('bin', 'lib', 'lib64'):
        argv += ['--symlink', f'usr/{name}', f'/{name}']
    argv += ['--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--ro-bind', noop, '/noop']
    for n in range(binds):
        argv += ['--ro-bind', f'{folder}/{n}', f'/g/{n}']
    return argv + ['--chdir', '/', '/noop']


def measure(title, args, folder, binds, runs):
    cases = [('bare C, the same calls', [args.bare, args.noop, folder, str(binds)]),
             ('carrel-core', core_case(args.core, args.noop, folder, binds))]
    for bwrap in args.bwrap:
        version = subprocess.run([bwrap, '--version'], capture_output=True, text=True,
                                 check=True).stdout.strip()
        cases.append((version, bwrap_case(bwrap, args.noop, folder, binds)))
    if binds == 0:
        cases.append(('the unavoidable alone', [args.floor, args.noop]))
        cases.append(('the program alone', [args.noop]))
    result = compare(cases, runs=runs)
    table(title, result, 'carrel-core')
    core = result['carrel-core']
    for name, (wall, cpu) in result.items():
        if name not in ('carrel-core', 'the program alone'):
            print(f'  carrel-core / {name}: wall {core[0] / wall:.2f}, cpu {core[1] / cpu:.2f}')
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('core')
    parser.add_argument('bare')
    parser.add_argument('noop')
    parser.add_argument('floor')
    parser.add_argument('--runs', type=int, default=60)
    parser.add_argument('--bwrap', action='append', default=[])
    parser.add_argument('--mounts', type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    for name in ('core', 'bare', 'noop', 'floor'):
        setattr(args, name, os.path.realpath(getattr(args, name)))
    if args.mounts:
        with tempfile.TemporaryDirectory() as tmp:
            for n in range(args.mounts):
                os.mkdir(f'{tmp}/{n}')
                subprocess.run(['mount', '-t', 'tmpfs', 'x', f'{tmp}/{n}'], check=True)
            measure(f'{args.mounts} mounts on the host', args, '', 0, args.runs)
            subprocess.run(['umount', '-R', *(f'{tmp}/{n}' for n in range(args.mounts))], check=True)
        return
    args.bwrap.insert(0, shutil.which('bwrap') or sys.exit('core.py: bubblewrap is missing'))
    measure('small: /usr, /proc, /dev, /tmp', args, '', 0, args.runs)
    with tempfile.TemporaryDirectory() as folder:
        for n in range(1000):
            os.mkdir(f'{folder}/{n}')
        measure('100 binds', args, folder, 100, args.runs // 2)
        measure('1,000 binds', args, folder, 1000, args.runs // 4)
    # The mounts are made in a mount namespace of their own.
    subprocess.run(['unshare', '-Urm' if os.getuid() else '-m', sys.executable, __file__, args.core,
                    args.bare, args.noop, args.floor, '--runs', str(args.runs // 2), '--mounts', '1000',
                    *(x for b in args.bwrap for x in ('--bwrap', b))], check=True)


main()
