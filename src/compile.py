#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compiles and links one program in one step, and writes its dependencies for ninja.

usage: compile.py OUTPUT DEPFILE COMPILER OPTION... -- SOURCE...
"""
import pathlib
import subprocess
import sys
import tempfile


def main(output, depfile, *command):
    split = command.index('--')
    compiler, options, sources = command[0], command[1:split], command[split + 1:]
    compile_only = [o for o in options if not o.startswith('-Wl,')]
    with tempfile.TemporaryDirectory() as tmp:
        needed = set()
        for n, source in enumerate(sources):
            dep = pathlib.Path(tmp, f'{n}.d')
            subprocess.run([compiler, *compile_only, '-MMD', '-MF', dep, '-c', source, '-o',
                            f'{tmp}/{n}.o'], check=True)
            needed.update(dep.read_text().replace('\\\n', ' ').split(':', 1)[1].split())
        subprocess.run([compiler, *options, *(f'{tmp}/{n}.o' for n in range(len(sources))), '-o',
                        output], check=True)
    pathlib.Path(depfile).write_text(f'{output}: {" ".join(sorted(needed))}\n')


try:
    main(*sys.argv[1:])
except subprocess.CalledProcessError as e:
    sys.exit(e.returncode)
