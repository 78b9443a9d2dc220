#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Time to the first window of real programs: bare, confined, and by firejail with its own profile.

    bench/windows.py CARREL [NAME…] [--runs N] [--firejail PROGRAM] [--cold]

The programs and their arguments are those of tests/apps/apps.ini. The runs are interleaved; the second start
of each is the first that counts, so that homes and caches exist. The window manager tells of the window
(xprop -spy), nothing is polled. Medians in milliseconds, and their ratio to bare."""
import argparse
import os
import select
import shutil
import signal
import statistics
import subprocess
import sys
import time

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests")
sys.path[:0] = [os.path.join(TESTS, "apps"), TESTS]
import desk as desks  # noqa: E402
import make  # noqa: E402
from table import APPS  # noqa: E402
from visit import started_by_a_bus  # noqa: E402

LIMIT = 90


class Start:
    """What rows.py wants to know of a start."""

    def __init__(self, desk, web, peer, app, confined):
        self.desk, self.web, self.peer, self.confined = desk, web, peer, confined
        self.words, self.opened = {}, None
        self.home = os.path.join(desk.home, ".var/app", app.app_id) if confined else desk.home

    def fill(self, text):
        for word, value in self.words.items():
            text = text.replace("{" + word + "}", value)
        return text


class Clients:
    """The window manager's list of windows, told of as it changes."""

    def __init__(self, desk):
        self.spy = subprocess.Popen(["xprop", "-root", "-spy", "_NET_CLIENT_LIST"], env=desk.env,
                                    stdout=subprocess.PIPE, text=True, bufsize=1)
        self.drain(1)

    def drain(self, seconds):
        """Waits for a line that names a window; the time at which it came, or None."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and select.select([self.spy.stdout], [], [],
                                                                     left)[0]:
            if "0x" in self.spy.stdout.readline():
                return time.monotonic()
        return None

    def close(self):
        self.spy.terminate()
        self.spy.wait()


def once(argv, desk, clients, cold):
    began = time.monotonic()
    child = subprocess.Popen(argv, env=desk.env, cwd=desk.home, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             start_new_session=True)
    came = clients.drain(LIMIT)
    os.killpg(child.pid, signal.SIGTERM)
    try:
        child.wait(5)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    # What the session bus has started stays, as in a session: else the next start waits for it. (It leaves
    # the bus for the next reaper, so it is known by its environment.)
    keep = {c.pid for c in desk.own} | {clients.spy.pid}
    rest = {p: v for p, v in desks.descendants(os.getpid()).items() if p not in keep}
    desks.end_processes({p: v for p, v in rest.items() if cold or not started_by_a_bus(p)})
    end = time.monotonic() + 5
    while desk.windows() and time.monotonic() < end:
        time.sleep(0.1)
    clients.drain(0.2)
    return (came - began) * 1000 if came else None


def measure(app, carrel, firejail, runs, cold):
    with desks.Desk(sound=app.sound) as desk, make.Web() as web, make.Peer(*app.talk) as peer:
        arguments = [app.prepare(Start(desk, web, peer, app, confined))
                     for confined in (False, True)]
        cases = {"bare": [app.command, *arguments[0]],
                 "confined": [carrel, "run", app.command, *arguments[1]]}
        if firejail:
            cases["firejail"] = [firejail, "--quiet", *cases["bare"]]
        clients = Clients(desk)
        times = {name: [] for name in cases}
        for turn in range(runs + 1):
            for name, argv in cases.items():
                took = once(argv, desk, clients, cold)
                if turn and took:
                    times[name].append(took)
        clients.close()
    return {name: statistics.median(t) if len(t) == runs else None for name, t in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("carrel")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--firejail")
    parser.add_argument("--cold", action="store_true", help="portals and the like do not run yet, at each start")
    parser.add_argument("names", nargs="*")
    options = parser.parse_intermixed_args()
    ratios = []
    for app in APPS:
        if options.names and app.name not in options.names or not app.x11 \
                or not shutil.which(app.command, path=desks.PATH):
            continue
        result = measure(app, options.carrel, options.firejail, options.runs, options.cold)
        bare, confined = result["bare"], result["confined"]
        if bare and confined:
            ratios.append(confined / bare)
        print(f"{app.name:20}" + "".join(f"  {name} {f'{t:.0f}' if t else '-':>6}"
                                         for name, t in result.items())
              + (f"  ratio {confined / bare:.3f}" if bare and confined else ""), flush=True)
    if ratios:
        print(f"median of {len(ratios)} ratios: {statistics.median(ratios):.3f}")


main()
