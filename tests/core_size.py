#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The core can be read in one sitting: at most 1,500 lines together with the plan reader. What
only carrel-bwrap links of it, compat_*.c, has a budget of its own.

usage: core_size.py SOURCE_ROOT
"""
import pathlib
import sys

LIMIT = 1500
COMPAT_LIMIT = 1200
SHARED = ['src/plan/read.c', 'src/plan/verbs.c', 'src/util/word.c']
FORBIDDEN = ['malloc', 'calloc', 'realloc', 'getenv', 'printf', 'fopen', 'glob', 'system']


def main(root):
    root = pathlib.Path(root)
    files = sorted(root.glob('src/core/*.c')) + [root / f for f in SHARED]
    files = [f for f in files if not f.name.startswith(('test_', 'fuzz_'))]
    lines = {f: len(f.read_text().splitlines()) for f in files}
    for f, n in lines.items():
        print(f'# {n:5} {f.relative_to(root)}')
    compat = sum(n for f, n in lines.items() if f.name.startswith('compat_'))
    total = sum(lines.values()) - compat
    found = [f'{f.name}: {word}' for f in files for word in FORBIDDEN
             if f'{word}(' in f.read_text()]
    print('1..3')
    good = [(0 < total <= LIMIT and len(files) > len(SHARED), f'{total} lines of core, at most {LIMIT}'),
            (0 < compat <= COMPAT_LIMIT, f'{compat} lines for carrel-bwrap alone, at most {COMPAT_LIMIT}'),
            (not found, f'no heap, environment, stdio or glob {found or ""}')]
    for n, (holds, what) in enumerate(good, 1):
        print(f'{"ok" if holds else "not ok"} {n} - {what}')
    return 0 if all(holds for holds, _ in good) else 1


sys.exit(main(sys.argv[1]))
