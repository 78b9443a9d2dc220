#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bus filter beside xdg-dbus-proxy: what a method call costs, how long it waits, start and memory.

    bench/dbus.py CARREL-DBUS DBUS-CALLS RELAY [--rounds N] [--calls N]

One bus and a client that asks it for its id, through each filter, through a relay that looks at nothing (relay.c) and
without any, in turns. System calls are counted by strace in a run of their own; CPU time is the filter's; the time of a
call is that of a client that waits for each answer. Everything is given as a ratio to xdg-dbus-proxy's.

Calls are measured twice: with all processes on one processor, which shows what the filters do, and as the kernel places
them, which on a virtual machine shows mostly what it costs to wake another processor: four times a call, whoever
relays, hence the relay's column."""

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


class Relay:
    """Reads and sends on, and nothing else: the least that anybody between the two must do."""

    def __init__(self, program, bus, how):
        self.path = os.path.join(bus.folder, "relay-" + how)
        self.process = subprocess.Popen([program, self.path, bus.path, how])
        lib.wait_for(lambda: os.path.exists(self.path))

    def stop(self):
        self.process.kill()
        self.process.wait()


def calls(client, path, n):
    """Median microseconds of n calls."""
    return float(subprocess.run([client, path, str(n)], check=True, stdout=subprocess.PIPE).stdout.split()[0])


def cpu(pid):
    """Seconds that a process has run, with threads that have ended."""
    return time.clock_gettime(((~pid) << 3) | 2)


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


def measure_calls(where, processors, filters, bus, o):
    """filters: ours, theirs, the relay's two ways."""
    for process in (bus.process, *(f.process for f in filters)):
        os.sched_setaffinity(process.pid, processors)
    os.sched_setaffinity(0, processors)  # and the clients
    paths = [*(f.path for f in filters), bus.path]
    waits, used = [[] for _ in paths], [[] for _ in filters]
    for _ in range(o.rounds):
        for i, path in enumerate(paths):
            before = cpu(filters[i].process.pid) if i < len(filters) else 0
            waits[i].append(calls(o.client, path, o.calls))
            if i < len(filters):
                used[i].append((cpu(filters[i].process.pid) - before) / o.calls * 1e6)
    *through, none = (statistics.median(w) for w in waits)
    print(f"calls, {where} (to the bus without a filter: {none:.0f} us)")
    for what, goal, (ours, theirs, *least) in (
            ("added to a call's time", "at most 0.5", [t - none for t in through]),
            ("CPU of the filter a call", "at most 0.4", [statistics.median(u) for u in used])):
        row(what, ours, theirs, "us", goal)
        for how, value in zip(("one that waits for both", "a thread for each"), least):
            row("  a bare relay, " + how, value, theirs, "us", "")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("program")
    p.add_argument("client", help="dbus-calls")
    p.add_argument("relay", help="relay")
    p.add_argument("--rounds", type=int, default=9)
    p.add_argument("--calls", type=int, default=1000)
    o = p.parse_args()
    with lib.Bus() as bus:
        filters = [lib.Filter(o.program, bus, f"talk {NAME}\n"), Proxy(bus)]
        relays = [Relay(o.relay, bus, how) for how in ("epoll", "threads")]
        kept = [Raw(f.path, polite=True) for f in filters]
        idle = [memory(f.process.pid) for f in filters]
        print(f"  {'':38} {'ours':>10} {'proxy':>10} {'':5} {'ratio':>6}")
        every = os.sched_getaffinity(0)
        measure_calls("all on one processor", {max(every)}, filters + relays, bus, o)
        measure_calls("as the kernel places them", every, filters + relays, bus, o)
        print("other")
        row("system calls a call", *(system_calls(f.process.pid, o.client, f.path, 500) for f in filters), "",
            "at most 10 of ours")
        row("resident, one connection", *(m["Rss"] for m in idle), "KiB", "at most 0.2")
        row("its own share (PSS)", *(m["Pss"] for m in idle), "KiB", "at most 0.2")
        more = [[Raw(f.path, polite=True) for _ in range(100)] for f in filters]
        row("resident, 101 connections", *(memory(f.process.pid)["Rss"] for f in filters), "KiB", "")
        for app in (*more[0], *more[1], *kept):
            app.close()
        row("CPU of start and one client", *starts(o.program, bus, o.rounds), "ms", "at most 0.2")
        for f in filters + relays:
            f.stop()


main()
