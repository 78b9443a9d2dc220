#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""carrel-bwrap beside bubblewrap with the same options, one run of each in turn.

    bench/bwrap.py CARREL-BWRAP NOOP --bwrap PROGRAM [--bwrap PROGRAM]... [--user NAME] [--runs N]

NOOP is a static program that does nothing (bench-noop of the build), so the figures are the sandboxes' own; the
first --bwrap should be the newest (bench/newest-bwrap, which starts as any program does, with the C library it was
built for). Run by root, --user says who the sandboxes' caller is, and the memory and the host with 1,000 mounts of
its own are measured too. Ratios of medians inside one call are what counts.

Targets against the newest: wall and CPU at most 0.4, memory at most 0.5."""

import argparse
import os
import pwd
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from interleave import compare, table  # noqa: E402
from start import tree  # noqa: E402

ROOT = ["--ro-bind", "/", "/"]
# The line of the weblog, but for the shell it starts.
BLOG = ["--ro-bind", "/usr", "/usr", "--symlink", "usr/lib64", "/lib64", "--symlink", "usr/lib", "/lib", "--proc", "/proc",
        "--dev", "/dev", "--unshare-pid", "--die-with-parent"]


def pss_kib(pids):
    """(all, anonymous): a C library that only this program has in memory weighs less where all programs have it."""
    sums = {"Pss:": 0, "Pss_Anon:": 0}
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            for key, value, *_ in (line.split() for line in f):
                if key in sums:
                    sums[key] += int(value)
    return sums["Pss:"], sums["Pss_Anon:"]


def shapes(noop, folder):
    """(title, options, command, share of the runs)"""
    at = ["--ro-bind", noop, "/noop"]
    some = [[x for n in range(count) for x in ("--ro-bind", f"{folder}/{n}", f"/tmp/{n}")] for count in (100, 1000)]
    return [
        ("--ro-bind / /", ROOT, [noop], 1),
        ("--ro-bind / / --unshare-all", [*ROOT, "--unshare-all"], [noop], 1),
        ("--ro-bind / / --unshare-all --proc --dev",
         [*ROOT, "--unshare-all", "--proc", "/proc", "--dev", "/dev"], [noop], 1),
        ("the weblog's line", [*BLOG, *at], ["/noop"], 1),
        ("100 binds", [*ROOT, "--tmpfs", "/tmp", *some[0]], [noop], 2),
        ("1,000 binds", [*ROOT, "--tmpfs", "/tmp", *some[1]], [noop], 4),
    ]


class Bench:
    def __init__(self, options, noop):
        self.o = options
        self.noop = noop
        self.programs = [("carrel-bwrap", options.program)]
        for path in options.bwrap:
            version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
            self.programs.append((version.splitlines()[0], path))

    def measure(self, title, options, command, share=1):
        cases = [(name, [path, *options, *command]) for name, path in self.programs]
        result = compare(cases, runs=max(5, self.o.runs // share))
        names = list(result)
        table(title, result, names[1])
        wall, cpu = (result[names[0]][i] / result[names[1]][i] for i in (0, 1))
        print(f"  carrel-bwrap / {names[1]}: wall {wall:.2f}, cpu {cpu:.2f}", flush=True)

    def memory(self, before):
        print("\nmemory while a program runs (PSS of the sandbox's processes), --unshare-all")
        for name, path in self.programs:
            process = subprocess.Popen([*before, path, *ROOT, "--unshare-all", "/usr/bin/sleep", "30"])
            try:
                own = self.running(process.pid)
                pss, anonymous = pss_kib(own)
                print(f"  {name:34} {pss:6} KiB in {len(own)} processes, {anonymous} KiB of it anonymous", flush=True)
            finally:
                process.kill()
                process.wait()
                for pid in own:
                    try:
                        os.kill(pid, 9)
                    except ProcessLookupError:
                        pass

    @staticmethod
    def running(pid):
        """The sandbox's own processes as soon as the program runs in it."""
        for _ in range(1000):
            below = tree(pid)
            if any(name == "sleep" for _, name in below):
                return [pid] + [p for p, name in below if name != "sleep"]
            subprocess.run(["sleep", "0.02"], check=True)
        raise SystemExit("bench: the program does not come up")


def dropped(user, function):
    """Runs it in a child with the user's identity."""
    pid = os.fork()
    if pid == 0:
        try:
            if user:
                entry = pwd.getpwnam(user)
                os.initgroups(user, entry.pw_gid)
                os.setgid(entry.pw_gid)
                os.setuid(entry.pw_uid)
                os.environ["HOME"] = entry.pw_dir
            os.chdir("/")
            function()
            sys.stdout.flush()
            os._exit(0)
        except BaseException as e:  # noqa: BLE001 - the child ends here in any case
            print(e, file=sys.stderr)
            os._exit(1)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0:
        sys.exit("bench: a measurement failed")


def host_mounts(bench, folder, count=1000):
    """In a mount namespace of its own, started again by unshare(1)."""
    for n in range(count):
        os.makedirs(f"{folder}/mounts/{n}")
        subprocess.run(["mount", "-t", "tmpfs", "mounts", f"{folder}/mounts/{n}"], check=True)
    for title, options, command in [("--ro-bind / /, 1,000 mounts on the host", ROOT, [bench.noop]),
                                    ("the weblog's line, 1,000 mounts on the host",
                                     [*BLOG, "--ro-bind", bench.noop, "/noop"], ["/noop"])]:
        dropped(bench.o.user, lambda t=title, o=options, c=command: bench.measure(t, o, c, 3))


def everything(o, folder):
    os.chmod(folder, 0o755)
    noop = shutil.copy(o.noop, folder)
    os.chmod(noop, 0o755)
    bench = Bench(o, noop)
    if o.mounts:
        host_mounts(bench, folder)
        return
    for n in range(1000):
        os.mkdir(f"{folder}/{n}")
    dropped(o.user, lambda: [bench.measure(*shape) for shape in shapes(noop, folder)])
    if os.getuid() == 0:
        entry = pwd.getpwnam(o.user) if o.user else None
        bench.memory(["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--init-groups"] if o.user else [])
        subprocess.run(["unshare", "-m", sys.executable, "-B", *sys.argv, "--mounts"], check=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("program")
    p.add_argument("noop")
    p.add_argument("--bwrap", action="append", required=True)
    p.add_argument("--user")
    p.add_argument("--runs", type=int, default=60)
    p.add_argument("--mounts", action="store_true", help=argparse.SUPPRESS)
    o = p.parse_args()
    o.program = os.path.realpath(o.program)
    o.bwrap = [os.path.realpath(path) for path in o.bwrap]
    o.user = o.user if os.getuid() == 0 else None
    # Not below /tmp, which two of the shapes cover.
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="carrel-bench.", ignore_cleanup_errors=True) as folder:
        everything(o, folder)
        if o.mounts:
            subprocess.run(["umount", "-R", *(f"{folder}/mounts/{n}" for n in range(1000))], check=True)


if __name__ == "__main__":
    main()
