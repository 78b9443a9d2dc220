#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the numbers of the system calls as the kernel's headers give them: numbers.py OUT CC...

The tests compare the filters with these, so that an error in libseccomp's tables would show.
"""
import re
import subprocess
import sys


def numbers(compiler, header):
    text = subprocess.run(compiler + ['-E', '-dM', '-x', 'c', '-'], input=f'#include <{header}>\n',
                          capture_output=True, text=True, check=True).stdout
    found = re.findall(r'^#define __NR_(\w+) (\d+)$', text, re.M)
    if len(found) < 300:
        sys.exit(f'{header}: only {len(found)} system calls found')
    return sorted(((int(n), name) for name, n in found))


def main():
    out, compiler = sys.argv[1], sys.argv[2:]
    with open(out, 'w', encoding='ascii') as f:
        f.write('/* Made by numbers.py from the kernel headers; do not edit. */\n')
        for abi, header in (('x86_64', 'asm/unistd_64.h'), ('i386', 'asm/unistd_32.h')):
            f.write(f'static const struct header_number numbers_{abi}[] = {{\n')
            f.writelines(f'{{{n}, "{name}"}},\n' for n, name in numbers(compiler, header))
            f.write('};\n')


main()
