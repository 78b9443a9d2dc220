#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Class 1, and 14: somebody swaps a path for a symbolic link between plan and start, all the time.

Whatever comes first, the app never sees the secret, nothing is made where the link leads, and a
start that does not succeed says so in one line.
"""
import ctypes
import os
import subprocess
import sys

from core_lib import basic_plan, check, kill_tree, main, refused, shell, start

STARTS = 60
RENAME_EXCHANGE = 2
SWAP = r'''
import ctypes, sys
a, b = (x.encode() for x in sys.argv[1:])
c = ctypes.CDLL(None)
if c.renameat2(-100, a, -100, b, 2):
    sys.exit(1)
print("swapping", flush=True)
while True:
    c.renameat2(-100, a, -100, b, 2)
'''


class Swapper:
    """Exchanges two names for as long as the block runs."""

    def __init__(self, a, b):
        self.names = [str(a), str(b)]

    def __enter__(self):
        self.p = subprocess.Popen(['/usr/bin/python3', '-ISc', SWAP, *self.names],
                                  stdout=subprocess.PIPE, text=True)
        check(self.p.stdout.readline() == 'swapping\n', 'nothing is swapped')
        return self

    def __exit__(self, *_):
        check(self.p.poll() is None, 'the swapper ended')
        kill_tree(self.p.pid)
        self.p.stdout.close()
        self.p.wait()


def identity(path):
    st = os.stat(path)
    return f'{st.st_dev:x}:{st.st_ino:x}'


def race(tmp, good, link, make_plan, harmless):
    """good is a path that link, a symbolic link to the secret, is exchanged with."""
    outcomes = {'ran': 0, 'refused': 0}
    with Swapper(good, link):
        # On a busy machine the swapper may not run for a while.
        while sum(outcomes.values()) < STARTS or (0 in outcomes.values() and
                                                  sum(outcomes.values()) < 20 * STARTS):
            r = start(make_plan())
            check('secret' not in r.out, r)
            if r.rc == 0:
                outcomes['ran'] += 1
            else:
                refused(r)
                outcomes['refused'] += 1
            harmless()
    print(f'# {outcomes}')
    check(0 not in outcomes.values(), 'the swapper was never in time', outcomes)


def prepare(tmp):
    (tmp / 'secret').mkdir()
    (tmp / 'secret' / 'f').write_text('secret')
    (tmp / 'granted').mkdir()
    (tmp / 'granted' / 'f').write_text('fine')
    (tmp / 'link').symlink_to(tmp / 'secret')
    check((tmp / 'link' / 'f').read_text() == 'secret')

    def harmless():
        check(sorted(os.listdir(tmp / 'secret')) == ['f'], os.listdir(tmp / 'secret'))
    return harmless


def source_folder(tmp):
    harmless = prepare(tmp)
    same = identity(tmp / 'granted')
    race(tmp, tmp / 'granted', tmp / 'link',
         lambda: shell('cat /g/f').add('bind', tmp / 'granted', '/g', 'ro', same), harmless)


def source_folder_without_identity(tmp):
    harmless = prepare(tmp)
    race(tmp, tmp / 'granted', tmp / 'link',
         lambda: shell('cat /g/f').add('bind', tmp / 'granted', '/g', 'rw'), harmless)


def source_parent(tmp):
    harmless = prepare(tmp)
    race(tmp, tmp / 'granted', tmp / 'link',
         lambda: shell('cat /g').add('bind', tmp / 'granted' / 'f', '/g', 'ro,optional'), harmless)


def source_replaced_by_another_folder(tmp):
    """No symbolic link at all: only the identity tells."""
    harmless = prepare(tmp)
    same = identity(tmp / 'granted')
    race(tmp, tmp / 'granted', tmp / 'secret',
         lambda: shell('cat /g/f').add('bind', tmp / 'granted', '/g', 'ro', same), lambda: None)


def home(tmp):
    """A folder that the app can write, with an entry that is exchanged with a link out of it."""
    harmless = prepare(tmp)
    (tmp / 'home').mkdir()
    (tmp / 'home' / 'd').mkdir()
    (tmp / 'home' / 'd' / 'f').write_text('fine')
    (tmp / 'home' / 'l').symlink_to(tmp / 'secret')
    # Beneath the new root the link leads to the same folder, writable: if it were followed there,
    # something would be made in it.
    return harmless, lambda script: (shell(script).add('bind', tmp / 'home', '/h', 'rw')
                                     .add('bind', tmp / 'secret', str(tmp / 'secret'), 'rw'))


def destination(tmp, *step):
    harmless, plan = home(tmp)
    race(tmp, tmp / 'home' / 'd', tmp / 'home' / 'l',
         lambda: plan('echo started').add(*step), harmless)


def destination_of_bind(tmp):
    (tmp / 'x').mkdir()
    destination(tmp, 'bind', tmp / 'x', '/h/d', 'ro')


def destination_of_tmpfs(tmp):
    destination(tmp, 'tmpfs', '/h/d', '755', '-')


def parent_of_tmpfs(tmp):
    destination(tmp, 'tmpfs', '/h/d/new', '755', '-')


def parent_of_bind(tmp):
    destination(tmp, 'bind', '/usr', '/h/d/new', 'ro')


def parent_of_dir(tmp):
    destination(tmp, 'dir', '/h/d/a/b', '755')


def parent_of_proc(tmp):
    destination(tmp, 'proc', '/h/d/proc')


def parent_of_symlink(tmp):
    destination(tmp, 'symlink', 'there', '/h/d/s')


def host_dir(tmp):
    harmless = prepare(tmp)
    race(tmp, tmp / 'granted', tmp / 'link',
         lambda: shell('').add('host-dir', tmp / 'granted' / 'new' / 'x', '700'), harmless)


def landlock_path(tmp):
    harmless, plan = home(tmp)

    def landlocked():
        p = plan(f'cat {tmp}/secret/f /h/d/f 2>/dev/null; true')
        p.add('landlock', 'read_file,read_dir', '-').add('landlock-allow', '/usr', 'read_file,read_dir')
        for path in ('/lib', '/lib64'):
            if not os.path.islink(path):
                p.add('landlock-allow', path, 'read_file,read_dir')
        return p.add('landlock-allow', '/h/d', 'read_file')
    race(tmp, tmp / 'home' / 'd', tmp / 'home' / 'l', landlocked, harmless)


if __name__ == '__main__':
    sys.exit(main([source_folder, source_folder_without_identity, source_parent,
                   source_replaced_by_another_folder, destination_of_bind, destination_of_tmpfs,
                   parent_of_tmpfs, parent_of_bind, parent_of_dir, parent_of_proc, parent_of_symlink,
                   host_dir, landlock_path]))
