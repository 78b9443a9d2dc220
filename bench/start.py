#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What starting an app costs: `carrel run` with its whole default policy beside bubblewrap with only the same
binds, and firejail's default profile.

    bench/start.py CARREL [--bwrap PROGRAM]... [--firejail PROGRAM] [--runs N] [--program PATH]

The program that is started does nothing, so the figures are the sandboxes' own. Wall and CPU time are medians of
interleaved runs; the memory is the PSS of everything of the sandbox's while an app runs."""

import argparse
import ctypes
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import interleave  # noqa: E402


def bwrap_arguments(carrel, program):
    """The mounts of the plan as bubblewrap options: the same sources, destinations and folders."""
    plan = json.loads(subprocess.run([carrel, "plan", "--json", program], check=True,
                                     stdout=subprocess.PIPE).stdout)
    out = ["--unshare-all", "--die-with-parent"]
    for step in plan["steps"]:
        verb, args = step["verb"], step["args"]
        if verb == "bind":
            flags = args[2].split(",")
            kind = "--dev-bind" if "dev" in flags else "--bind" if "rw" in flags else "--ro-bind"
            out += [kind, args[0], args[1]]
        elif verb == "tmpfs" and args[0] != "/":
            out += ["--perms", args[1], "--tmpfs", args[0]]
        elif verb == "proc":
            out += ["--proc", args[0]]
        elif verb == "dir":
            out += ["--dir", args[0]]
        elif verb == "symlink":
            out += ["--symlink", args[0], args[1]]
    return out


def pss_kib(pids):
    """Processes that share their address space count once: kcmp(2), KCMP_VM."""
    number = {"x86_64": 312, "aarch64": 272, "riscv64": 272}[os.uname().machine]
    libc, total, counted = ctypes.CDLL(None), 0, []
    for pid in pids:
        if any(libc.syscall(number, pid, other, 1, 0, 0) == 0 for other in counted):
            continue
        counted.append(pid)
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    return total


def tree(pid):
    """pid and all below it, with their command names."""
    children = {}
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{p}/stat", encoding="utf-8", errors="replace") as f:
                name, rest = f.read().split("(", 1)[1].rsplit(")", 1)
        except OSError:
            continue
        children.setdefault(int(rest.split()[1]), []).append((int(p), name))
    found, todo = [], [pid]
    while todo:
        for child in children.get(todo.pop(), []):
            found.append(child)
            todo.append(child[0])
    return found


def memory(argv, app):
    """PSS of the sandbox's own processes, KiB, while app (a command name) sleeps in it."""
    process = subprocess.Popen(argv)
    try:
        for _ in range(100):
            time.sleep(0.02)
            below = tree(process.pid)
            if any(name == app for _, name in below):
                break
        own = [process.pid] + [pid for pid, name in below if name != app]
        return pss_kib(own), len(own)
    finally:
        process.kill()
        process.wait()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("carrel")
    p.add_argument("--bwrap", action="append", default=[])
    p.add_argument("--firejail")
    p.add_argument("--runs", type=int, default=60)
    p.add_argument("--program", default="/usr/bin/true")
    o = p.parse_args()
    carrel = os.path.abspath(o.carrel)
    binds = bwrap_arguments(carrel, o.program)
    print(f"{len([b for b in binds if b.endswith('bind')])} binds, program {o.program}")

    cases = [("carrel run, default policy", [carrel, "run", o.program])]
    cases += [(f"{b}, same binds", [b, *binds, o.program]) for b in o.bwrap]
    cases += [("program alone", [o.program])]
    if o.firejail:
        cases += [("firejail, default profile", [o.firejail, "--quiet", o.program])]
    # The line about the missing policy would count the terminal's time, not ours.
    base = cases[1][0] if o.bwrap else cases[0][0]
    stderr = os.dup(2)
    with open(os.devnull, "w", encoding="ascii") as null:
        os.dup2(null.fileno(), 2)
        try:
            result = interleave.compare(cases, o.runs)
        finally:
            os.dup2(stderr, 2)
    interleave.table("start and end of a program (ratios to the first peer)", result, base)

    sleeper = ["/usr/bin/sleep", "5"]
    print("\nmemory while an app runs (PSS of the sandbox's processes)")
    for name, argv in [("carrel run", [carrel, "run", *sleeper])] + [
            (b, [b, *binds, *sleeper]) for b in o.bwrap]:
        try:
            kib, n = memory(argv, "sleep")
            print(f"  {name:34} {kib:6} KiB in {n} processes")
        except PermissionError:
            print(f"  {name:34} only root may read it: the processes hide their memory")


if __name__ == "__main__":
    main()
