#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bus filter beside xdg-dbus-proxy: what a method call costs, how long it waits, start and memory.

    bench/dbus.py CARREL-DBUS DBUS-CALLS [--rounds N] [--calls N]

One bus and a client that asks it for its id, through each filter and without one, in turns. System calls are counted
by strace in a run of their own; CPU time is the filter's, from /proc; the time of a call is that of a client that
waits for each answer. Everything is given as a ratio to xdg-dbus-proxy's."""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "dbus"))
import lib  # noqa: E402
from lib import Raw  # noqa: E402

NAME = "org.example.Talk"
TICK = os.sysconf("SC_CLK_TCK")


class Proxy:
    def __init__(self, bus):
        self.path = os.path.join(bus.folder, "proxied")
        ready, theirs = os.pipe()
        self.process = subprocess.Popen(["xdg-dbus-proxy", f"--fd={theirs}", bus.address, self.path, "--filter",
                                         "--talk=" + NAME], pass_fds=[theirs], stdout=subprocess.DEVNULL)
        os.close(theirs)
        os.read(ready, 1)
        self.ready = ready

    def stop(self):
        os.close(self.ready)
        self.process.wait()


def calls(client, path, n):
    """Median microseconds of n calls."""
    return float(subprocess.run([client, path, str(n)], check=True, stdout=subprocess.PIPE).stdout.split()[0])


def cpu(pid):
    """Seconds that all threads of a process have run, in nanoseconds' resolution."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1e9


def memory(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        text = f.read()
    return {k: int(re.search(k + r":\s+(\d+)", text).group(1)) for k in ("Rss", "Pss", "Anonymous")}


def system_calls(pid, client, path, n):
    with tempfile.NamedTemporaryFile("r") as f:
        tracer = subprocess.Popen(["strace", "-f", "-c", "-o", f.name, "-p", str(pid)], stderr=subprocess.DEVNULL)
        time.sleep(1.5)
        calls(client, path, n)
        tracer.send_signal(2)
        tracer.wait()
        total = [line for line in f.read().splitlines() if line.endswith("total")][0].split()
    return int(total[3]) / n


def starts(program, bus, n):
    """CPU milliseconds of a filter that starts, serves one client and ends; ours and theirs in turns."""
    ours, theirs = [], []
    for _ in range(n):
        for make, to in ((lambda: lib.Filter(program, bus, f"talk {NAME}\n"), ours), (lambda: Proxy(bus), theirs)):
            f = make()
            with Raw(f.path, polite=True):
                pass
            used = cpu(f.process.pid)
            f.stop()
            to.append(used * 1e3)
    return statistics.median(ours), statistics.median(theirs)


def row(what, ours, theirs, unit, goal):
    ratio = ours / theirs if theirs else float("nan")
    print(f"  {what:38} {ours:10.1f} {theirs:10.1f} {unit:5} {ratio:6.2f}   {goal}")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("program")
    p.add_argument("client", help="dbus-calls")
    p.add_argument("--rounds", type=int, default=9)
    p.add_argument("--calls", type=int, default=1000)
    o = p.parse_args()
    with lib.Bus() as bus:
        filters = [lib.Filter(o.program, bus, f"talk {NAME}\n"), Proxy(bus)]
        pids = [f.process.pid for f in filters]
        paths = [*(f.path for f in filters), bus.path]
        kept = [Raw(f.path, polite=True) for f in filters]
        idle = [memory(pid) for pid in pids]
        waits, used = [[], [], []], [[], []]
        for _ in range(o.rounds):
            for i, path in enumerate(paths):
                before = cpu(pids[i]) if i < 2 else 0
                waits[i].append(calls(o.client, path, o.calls))
                if i < 2:
                    used[i].append((cpu(pids[i]) - before) / o.calls * 1e6)
        ours, theirs, none = (statistics.median(w) for w in waits)
        print(f"through the filter: ours, xdg-dbus-proxy's, ratio (a call to the bus without a filter: {none:.0f} us)")
        row("added to a call's time", ours - none, theirs - none, "us", "at most 0.5")
        row("CPU of the filter a call", *(statistics.median(u) for u in used), "us", "at most 0.4")
        row("system calls a call", *(system_calls(pid, o.client, path, 500) for pid, path in zip(pids, paths)), "",
            "at most 10 of ours")
        row("resident, one connection", *(m["Rss"] for m in idle), "KiB", "at most 0.2")
        row("its own share (PSS)", *(m["Pss"] for m in idle), "KiB", "at most 0.2")
        more = [[Raw(f.path, polite=True) for _ in range(100)] for f in filters]
        row("resident, 101 connections", *(memory(pid)["Rss"] for pid in pids), "KiB", "")
        for app in (*more[0], *more[1], *kept):
            app.close()
        row("CPU of start and one client", *starts(o.program, bus, o.rounds), "ms", "at most 0.2")
        for f in filters:
            f.stop()


main()
