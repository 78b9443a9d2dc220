#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Any programs at all, bare and under the policy that `carrel new` writes for them.

    batch.py --carrel PROGRAM [--shots FOLDER] [--jobs N] NAME…

No gate: it tells what to look at. A program is started, its window seen, and closed by Alt+F4; both starts are
compared as the suite compares its apps. A line of TAP for each step, and a table of the programs that differ.
"""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
import desk as desks  # noqa: E402
import make  # noqa: E402
import pool  # noqa: E402
from suite import One  # noqa: E402
from table import App  # noqa: E402
from tap import Skip, Tap  # noqa: E402
from visit import Visit  # noqa: E402

SECONDS = 40
ENDS = (0, -15, -9, 1)  # how it ends is compared, not judged


class Try(One):
    """One program of which nothing is known."""

    def run(self):
        if not shutil.which(self.app.command, path=desks.PATH):
            self.tap.skip(self.app.name, "it is not installed")
            return
        visits = {}
        for confined in (False, True):
            visits[confined] = self.visit(confined, visits.get(False))
            if not confined and not visits[False].picture:
                self.tap.failed = 0  # what does not even run bare says nothing about the confinement
                self.tap.skip(self.app.name, "it shows no window that stays when it runs bare")
                return
        self.together(visits[False], visits[True])

    def visit(self, confined, model):
        with desks.Desk(sound=self.app.sound) as desk, make.Web() as web, make.Peer() as peer:
            visit = Visit(self, self.app, desk, web, peer, confined)
            visit.model = model
            try:
                if confined:
                    self.tap.run(lambda: self.write_policy(desk), f"{self.app.name}: carrel new knows it")
                self.point(visit, "shows its window", lambda: (visit.start(), visit.see()))
                self.point(visit, "ends as it does bare", lambda: self.leave(visit))
                visit.kept = visit.complaints()
            finally:
                visit.end()
        return visit

    def write_policy(self, desk):
        done = subprocess.run([self.carrel, "new", self.app.command], env=desk.env, cwd=desk.home, text=True,
                              check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60 * desks.patience())
        print(f"# {self.app.name}: " + done.stdout.strip().replace("\n", "\n# "))
        assert done.returncode == 0, f"status {done.returncode}"

    def leave(self, visit):
        """By Alt+F4; what it asks then is not answered. Only a program that ends so when it runs bare
        must when confined."""
        for _ in range(3):
            found = visit.desk.find_window()
            if found:
                visit.desk.focus(found)
                visit.desk.key("alt+F4")
            visit.rest(5)
            try:
                visit.status = visit.child.wait(3)
                return
            except subprocess.TimeoutExpired:
                visit.desk.picture(visit.shot("stays"))
        assert not visit.confined or visit.model.status is None, "it did not end when asked to"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--carrel", required=True)
    parser.add_argument("--shots", default=None, help="folder that keeps pictures and logs")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if os.getuid() == 0:
        parser.error("run it as an ordinary user")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options.shots = options.shots or tempfile.mkdtemp(prefix="carrel-batch-")
    os.makedirs(options.shots, exist_ok=True)
    if options.one:
        # Its own id is not known before carrel new has written it; the home of the visit is not used.
        app = App(options.one, options.one, ".", None, seconds=SECONDS, limit=0.1, statuses=ENDS,
                  sound=True, wayland=False)
        one = Try(app, options.carrel, options.shots)
        one.run()
        return one.tap.done()
    tap = Tap()
    if desks.missing_tools():
        tap.run(lambda: (_ for _ in ()).throw(Skip("missing: " + " ".join(desks.missing_tools()))), "tools")
        return tap.done()
    command = [sys.executable, "-B", os.path.abspath(__file__), "--carrel", options.carrel, "--shots",
               options.shots, "--one"]
    pool.run(tap, [(name, [*command, name]) for name in options.names], options.jobs)
    print(f"# pictures and logs are in {options.shots}")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
