#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the Wayland filter costs: round trips direct and through it, in turns in one run, on headless
sway; its processor time for small and large windows; its memory.

usage: wayland.py CARREL-WAYLAND WAYLAND-ROUNDTRIP [--runs N]

Targets: median at most direct + 40 us, 99th percentile at most 500 us, no cost per point of a window,
at most 1 MiB for an app."""
import argparse
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/wayland"))
from lib import Client, Filter, Sway, become_ordinary  # noqa: E402

SMALL, LARGE = 16, 2000


def cpu(pid):
    """Seconds on the processor."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
        return int(f.read().split()[0]) / 1e9


def measure(program, runs, size, *sockets):
    done = subprocess.run([program, str(runs), str(size), *sockets], stdout=subprocess.PIPE,
                          text=True, check=True)
    return [tuple(map(float, line.split())) for line in done.stdout.splitlines()]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("filter")
    options.add_argument("roundtrip")
    options.add_argument("--runs", type=int, default=10000)
    o = options.parse_args()
    become_ordinary()
    with Sway() as desk, Filter(o.filter, desk.socket) as f:
        (direct, direct99), (ours, ours99) = measure(o.roundtrip, o.runs, 0, desk.socket, f.path)
        print(f"\nround trip, {o.runs} in turns\n  {'':12} {'median us':>10} {'p99 us':>10}")
        print(f"  {'direct':12} {direct:10.1f} {direct99:10.1f}")
        print(f"  {'filtered':12} {ours:10.1f} {ours99:10.1f}")
        print(f"  {'difference':12} {ours - direct:10.1f}   ratio of medians {ours / direct:.2f}")
        runs, costs = o.runs // 5, {}
        print("\nthe filter's processor time for one commit of a window")
        for size in (SMALL, LARGE, SMALL, LARGE):
            before = cpu(f.child.pid)
            measure(o.roundtrip, runs, size, f.path)
            costs.setdefault(size, []).append((cpu(f.child.pid) - before) / runs * 1e6)
        for size, values in costs.items():
            print(f"  {size:5} x {size:<5} {min(values):8.2f} us")
        print(f"  ratio {min(costs[LARGE]) / min(costs[SMALL]):.2f}")
        clients = [Client(f.path) for _ in range(5)]
        for c in clients:
            c.globals()
        print(f"\nmemory, five connections: {f.memory()['Pss']} KiB")


main()
