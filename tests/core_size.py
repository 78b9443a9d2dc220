#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The core can be read in one sitting: at most 1,500 lines together with the plan reader.

usage: core_size.py SOURCE_ROOT
"""
import pathlib
import sys

LIMIT = 1500
SHARED = ['src/plan/read.c', 'src/plan/verbs.c', 'src/util/word.c']
FORBIDDEN = ['malloc', 'calloc', 'realloc', 'getenv', 'printf', 'fopen', 'glob', 'system']


def main(root):
    root = pathlib.Path(root)
    files = sorted(root.glob('src/core/*.c')) + [root / f for f in SHARED]
    files = [f for f in files if not f.name.startswith(('test_', 'fuzz_'))]
    lines = {f: len(f.read_text().splitlines()) for f in files}
    total = sum(lines.values())
    for f, n in lines.items():
        print(f'# {n:5} {f.relative_to(root)}')
    print('1..2')
    ok = 0 < total <= LIMIT and len(files) > len(SHARED)
    print(f'{"ok" if ok else "not ok"} 1 - {total} lines of core, at most {LIMIT}')
    found = [f'{f.name}: {word}' for f in files for word in FORBIDDEN
             if f'{word}(' in f.read_text()]
    print(f'{"not ok" if found else "ok"} 2 - no heap, environment, stdio or glob {found or ""}')
    return 0 if ok and not found else 1


sys.exit(main(sys.argv[1]))
