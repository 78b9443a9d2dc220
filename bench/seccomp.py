#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the default filter costs: seccomp.py WITH-FILTER SYSCALL-LOOP [RUNS].

Each case runs in turn without a filter and with it, started the same way; only the ratios mean
anything. Calls without argument rules should stay at 1.03 or below where the kernel caches the
filter's answers (Linux 5.11); those with argument rules (marked *) are run through it each time.
"""
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import interleave  # noqa: E402

FILES = 600


def prepare(folder):
    repo = os.path.join(folder, 'repo')
    for i in range(FILES):
        path = os.path.join(repo, f'd{i % 20}', f'f{i}.txt')
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='ascii') as f:
            f.write(f'{i}\n' * 50)
    git = ['git', '-C', repo, '-c', 'user.email=a@b', '-c', 'user.name=a']
    for command in (['init', '-q'], ['add', '.'], ['commit', '-q', '-m', 'one']):
        subprocess.run(git + command, check=True)
    source = os.path.join(folder, 'small.c')
    with open(source, 'w', encoding='ascii') as f:
        f.write('#include <stdio.h>\n#include <stdlib.h>\nint main(void) { return puts("x") < 0; }\n')
    return repo, source


def main():
    with_filter, loop = map(os.path.abspath, sys.argv[1:3])
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 15
    with tempfile.TemporaryDirectory() as folder:
        repo, source = prepare(folder)
        cases = [('getpid x 200000', [loop, 'getpid', '200000']),
                 ('read x 200000', [loop, 'read', '200000']),
                 ('openat+close x 50000', [loop, 'openat', '50000']),
                 ('ioctl x 200000 *', [loop, 'ioctl', '200000']),
                 ('prctl x 200000 *', [loop, 'prctl', '200000'])]
        if shutil.which('git'):
            cases.append((f'git status, {FILES} files', ['git', '-C', repo, 'status', '--short']))
        if shutil.which('gcc'):
            cases.append(('small compile', ['gcc', '-O1', source, '-o', os.path.join(folder, 'out')]))
        for name, command in cases:
            result = interleave.compare([('no filter', [with_filter, 'none'] + command),
                                         ('default filter', [with_filter, 'default'] + command)],
                                        runs=runs)
            interleave.table(name, result, 'no filter')


main()
