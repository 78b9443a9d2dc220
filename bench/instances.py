#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the commands about running apps cost: `carrel ps` while many apps run, beside `flatpak ps`, which reads the same
registry and says less; and a grant to one of them and its end, beside firejail's way to put a file into a running
sandbox. A program that does nothing (/bin/true) shows what any start costs on this machine.

    bench/instances.py CARREL [--apps N] [--runs N] [--flatpak PROGRAM] [--firejail PROGRAM]

The apps are programs that sleep. Each has a session keyring, of which a person may have some 195 (kernel.keys.maxkeys);
root may have more. Medians of interleaved runs."""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import interleave  # noqa: E402

APP = "org.example.Sleeper"
BATCH, SECONDS = 10, 120
TRUE = ("a program that does nothing", ["/bin/true"])


def listed(carrel, env):
    return json.loads(subprocess.run([carrel, "ps", "--json"], env=env, check=True, stdout=subprocess.PIPE).stdout)


def wait_for(look, what):
    end = time.monotonic() + SECONDS
    while not look():
        if time.monotonic() > end:
            raise SystemExit(f"bench: waited in vain for {what}")
        time.sleep(0.05)


def running(carrel, env, children, errors):
    """How many run; one that cannot start ends the benchmark."""
    for i, child in enumerate(children):
        if child.poll() is not None:
            errors.seek(0)
            raise SystemExit(f"bench: app {i + 1} ended with status {child.returncode}\n{errors.read()[-500:]}")
    return sum(1 for i in listed(carrel, env) if i["pid"])


@contextlib.contextmanager
def apps(carrel, env, n, errors):
    """n apps that sleep, started some at a time; they end by `carrel kill`."""
    children = []
    try:
        while len(children) < n:
            children += [subprocess.Popen([carrel, "run", f"--app-id={APP}", "/bin/sleep", "3600"], env=env,
                                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                          stderr=errors)
                         for _ in range(min(BATCH, n - len(children)))]
            wait_for(lambda: running(carrel, env, children, errors) == len(children), "the apps")
        yield
    finally:
        subprocess.run([carrel, "kill", APP], env=env, check=False)
        for child in children:
            child.wait(SECONDS)
        wait_for(lambda: not listed(carrel, env), "the end of the apps")


def compare(cases, runs, env, warmup=3):
    """As interleave.compare; each case may have what is to be done after it, which is not timed."""
    samples = {name: ([], []) for name, *_ in cases}
    for i in range(runs + warmup):
        for name, argv, *after in cases:
            wall, cpu = interleave.once(argv, env)
            for more in after:
                subprocess.run(more, env=env, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            if i >= warmup:
                samples[name][0].append(wall)
                samples[name][1].append(cpu)
    return {name: (interleave.statistics.median(w), interleave.statistics.median(c))
            for name, (w, c) in samples.items()}


@contextlib.contextmanager
def jail(firejail, env):
    """A sandbox of firejail's that sleeps: its name, or None where it cannot run."""
    name = f"carrel-bench-{os.getpid()}"
    child = subprocess.Popen([firejail, "--quiet", "--noprofile", f"--name={name}", "/bin/sleep", "3600"], env=env,
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(2)
        yield name if child.poll() is None else None
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(SECONDS)


def bench_ps(o, env):
    cases = [TRUE, ("carrel ps", [o.carrel, "ps"]), ("carrel ps --json", [o.carrel, "ps", "--json"])]
    if o.flatpak:
        cases.append(("flatpak ps (same registry)", [o.flatpak, "ps"]))
    result = compare(cases, o.runs, env)
    interleave.table(f"the apps that run, of which there are {o.apps}", result, cases[-1][0])


def bench_grant(o, env, home):
    paper = home / "paper.txt"
    paper.write_text("text\n", encoding="utf-8")
    one = listed(o.carrel, env)[0]["instance"]
    grant, revoke = ([o.carrel, word, one, str(paper)] for word in ("grant", "revoke"))
    with contextlib.ExitStack() as stack:
        cases = [TRUE, ("carrel grant", grant, revoke)]
        name = stack.enter_context(jail(o.firejail, env)) if o.firejail else None
        if name:
            put = [o.firejail, "--quiet", f"--put={name}", str(paper), str(home / "put.txt")]
            if subprocess.run(put, env=env, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0:
                cases.append(("firejail --put (a copy)", put))
        interleave.table("a file for an app that runs", compare(cases, o.runs, env), cases[-1][0])
    result = compare([TRUE, ("carrel revoke", revoke, grant)], o.runs, env) if grant_once(grant, env) else {}
    interleave.table("and its end", result, TRUE[0])


def grant_once(grant, env):
    return subprocess.run(grant, env=env, check=True, stdin=subprocess.DEVNULL).returncode == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("carrel")
    parser.add_argument("--apps", type=int, default=190)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--flatpak", default=shutil.which("flatpak"))
    parser.add_argument("--firejail", default=shutil.which("firejail"))
    o = parser.parse_args()
    # Not below /tmp, where every app has files of its own.
    with tempfile.TemporaryDirectory(prefix="carrel-bench-", dir=os.path.expanduser("~")) as top:
        home, runtime = pathlib.Path(top, "home"), pathlib.Path(top, "run")
        for folder in (home, runtime):
            folder.mkdir(mode=0o700)
        env = {"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "XDG_RUNTIME_DIR": str(runtime)}
        with open(home / "errors", "w+", encoding="utf-8") as errors, apps(o.carrel, env, o.apps, errors):
            bench_ps(o, env)
            bench_grant(o, env, home)


if __name__ == "__main__":
    main()
