# SPDX-License-Identifier: LGPL-2.1-or-later
"""Times commands side by side: one run of each in turn, so that a machine that changes its speed
changes it for all. Prints medians of wall and CPU time and the ratios to the first command.

Only ratios inside one call mean anything; single figures of a shared machine do not."""

import os
import statistics
import sys
import time


def once(argv, env=None, stdout=None):
    """Runs argv once; returns (wall seconds, CPU seconds of the whole process tree)."""
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, 0),
               (os.POSIX_SPAWN_DUP2, stdout if stdout is not None else null, 1)]
    start = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, env if env is not None else os.environ,
                         file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - start
    os.close(null)
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        raise SystemExit(f"bench: {' '.join(argv)[:200]}: exit status {code}")
    return wall, usage.ru_utime + usage.ru_stime


def compare(cases, runs=60, warmup=3):
    """cases: list of (name, argv). Returns {name: (median wall, median cpu)}."""
    samples = {name: ([], []) for name, _ in cases}
    for i in range(runs + warmup):
        for name, argv in cases:
            wall, cpu = once(argv)
            if i >= warmup:
                samples[name][0].append(wall)
                samples[name][1].append(cpu)
    return {name: (statistics.median(w), statistics.median(c)) for name, (w, c) in samples.items()}


def table(title, result, base, out=sys.stdout):
    """Prints a result; the ratio columns are against the case called base."""
    print(f"\n{title}", file=out)
    print(f"  {'':34} {'wall ms':>9} {'cpu ms':>9} {'wall ratio':>11} {'cpu ratio':>10}", file=out)
    wall0, cpu0 = result[base]
    for name, (wall, cpu) in result.items():
        print(f"  {name:34} {wall * 1e3:9.2f} {cpu * 1e3:9.2f} {wall / wall0:11.2f} "
              f"{cpu / cpu0 if cpu0 else float('nan'):10.2f}", file=out)
