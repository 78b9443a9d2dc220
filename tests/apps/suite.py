#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real programs of Debian, started bare and confined on a desktop of their own, seen and used.

    suite.py --carrel PROGRAM [--shots FOLDER] [--jobs N] [--all | NAME…]
    suite.py --packages [NAME…]

Runs as an ordinary user; PROGRAM is `carrel` in an installed tree. Speaks TAP. The bare start is
the control: what fails there is a fault of the test or of the program, not of the confinement.
Without --all or names it takes the small subset. Pictures, logs and the table (table.md) are in the
folder of --shots; runs of some apps into the same folder add up to one table. --packages prints the
Debian packages that the apps (all) need.
"""
import argparse
import os
import re
import shutil
import signal
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
import desk as desks  # noqa: E402
import make  # noqa: E402
import pool  # noqa: E402
import report  # noqa: E402
import wayland  # noqa: E402
from table import APPS, SMALL  # noqa: E402
from tap import Skip, Tap  # noqa: E402
from visit import Visit  # noqa: E402


class One:
    """All that is tried with one app."""

    def __init__(self, app, carrel, shots):
        self.app, self.carrel, self.shots = app, carrel, shots
        self.tap = Tap()

    def run(self):
        if not shutil.which(self.app.command, path=desks.PATH):
            self.tap.skip(self.app.name, "it is not installed")
            return
        faults, visits = {}, {}
        for confined in (False, True):
            before = self.tap.failed
            visits[confined] = self.visit(confined, visits.get(False))
            if self.app.wayland:
                self.tap.run(lambda c=confined: self.under_wayland(c),
                             f"{self.app.name}, {'confined' if confined else 'bare'}: "
                             "shows its window under Wayland alone")
            faults[confined] = self.tap.failed - before
        before = self.tap.failed
        apart = self.together(visits[False], visits[True])
        report.keep(self.shots, self.app, visits, faults, self.tap.failed - before, apart)

    def visit(self, confined, model):
        kind = desks.Desk if self.app.x11 else wayland.Desk
        with kind(*desks.around(self.app.size), sound=self.app.sound) as desk, make.Web() as web, \
                make.Peer(*self.app.talk) as peer:
            visit = Visit(self, self.app, desk, web, peer, confined)
            visit.model = model
            try:
                self.steps(visit)
                visit.kept = visit.complaints()
            finally:
                visit.end()
        return visit

    def point(self, visit, name, function):
        def checked():
            if visit.broken:
                raise AssertionError("an earlier step failed")
            try:
                function()
            except BaseException:
                visit.broken = True
                visit.desk.picture(visit.shot("failed"))
                raise
        self.tap.run(checked, f"{visit.app.name}, {visit.mode}: {name}")

    def steps(self, visit):
        def opens():
            visit.start()
            visit.see()
        self.point(visit, "shows its window", opens)
        if visit.confined:
            self.point(visit, "every process of it is walled in", visit.walls)
        self.point(visit, "can be used", lambda: visit.app.act(visit))
        self.point(visit, "ends when asked to", visit.leave)
        if visit.confined:
            self.point(visit, "leaves no process behind", visit.gone)

    def under_wayland(self, confined):
        if not shutil.which("weston"):
            raise Skip("weston is not installed")
        with wayland.Compositor() as desk, make.Web() as web, make.Peer() as peer:
            visit = Visit(self, self.app, desk, web, peer, confined)
            try:
                visit.start()

                def shown():
                    assert visit.alive(), f"it ended with status {visit.child.returncode}:\n" \
                        + visit.stderr()[-3000:]
                    return desk.shows(self.app.title)
                desks.wait_for(f"a window titled {self.app.title}", shown, self.app.seconds)
            finally:
                visit.end()

    def together(self, bare, confined):
        """Compares both starts. Returns how far their pictures are apart."""
        app, apart = self.app, []

        def same_window():
            assert bare.seen and confined.seen, "there are no two windows"
            # Chromium names its profile's folder in the instance name, and the homes differ.
            kinds = [[re.sub(r" \(/.*\)$", "", name) for name in visit.seen[0]]
                     for visit in (bare, confined)]
            assert kinds[0] == kinds[1], f"classes {kinds[0]} and {kinds[1]}"
            assert not app.same or bare.seen[1] == confined.seen[1], \
                f"titles {bare.seen[1]!r} and {confined.seen[1]!r}"

        def alike():
            assert bare.picture and confined.picture, "there are no two pictures"
            assert bare.looks.keys() == confined.looks.keys(), "not the same pictures were taken"
            pairs = {"start": (bare.picture, confined.picture)}
            pairs.update((n, (bare.looks[n], confined.looks[n])) for n in bare.looks)
            far = {name: desks.difference(*pair) for name, pair in pairs.items()}
            apart.append(max(far.values()))
            confined.say("differs from the bare start by " + ", ".join(
                f"{value:.4f} ({name})" for name, value in far.items()))
            assert apart[0] <= confined.limit, f"the pictures differ by {apart[0]:.4f}, over {confined.limit}"

        def same_end():
            # A shell's way to tell of a signal is ours too.
            ends = {v.status if v.status is None or v.status >= 0 else 128 - v.status
                    for v in (bare, confined)}
            assert len(ends) == 1, f"bare {bare.status}, confined {confined.status}"

        def no_new_complaints():
            new = confined.kept - bare.kept
            assert not new, "new on its standard error:\n" + "\n".join(sorted(new))
        self.tap.run(same_window, f"{app.name}: has the same window bare and confined")
        self.tap.run(alike, f"{app.name}: looks the same bare and confined")
        self.tap.run(same_end, f"{app.name}: ends with the same status bare and confined")
        self.tap.run(no_new_complaints, f"{app.name}: complains of nothing new when confined")
        return apart[0] if apart else None


def picture_control():
    """The comparison of pictures itself must be able to fail."""
    with tempfile.TemporaryDirectory() as folder:
        a, b = os.path.join(folder, "a.png"), os.path.join(folder, "b.png")
        make.png(a, "white")
        make.png(b, "rgb(200,30,30)")
        assert desks.difference(a, a) == 0 and desks.difference(a, b) > 0.3
        assert desks.contrast(a) < 0.01
        assert make.share_of("rgb(200,30,30)", b) > 0.99 > 0.01 > make.share_of("black", b)


def packages_of(apps):
    """The packages that hold the apps, as their policies say, and those that the rows add."""
    found = set()
    for app in apps:
        found |= {report.package(app)} | set(app.packages)
        if app.sound:
            found |= {"pulseaudio", "pulseaudio-utils"}
    return sorted(found)


def options_of():
    known = [a.name for a in APPS]
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--carrel")
    parser.add_argument("--all", action="store_true", help="all apps")
    parser.add_argument("--packages", action="store_true", help="only list packages")
    parser.add_argument("--shots", help="folder that keeps the pictures and the table")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1),
                        help="how many apps are tried at a time (2)")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # what the pool starts
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    options = parser.parse_args()
    wrong = [n for n in [*options.names, options.one] if n and n not in known]
    if wrong:
        parser.error(f"no such app in the suite: {wrong[0]}; there are {', '.join(known)}")
    if not options.packages and not options.carrel:
        parser.error("--carrel is needed")
    if not options.packages and os.getuid() == 0:
        parser.error("run it as an ordinary user")
    options.shots = options.shots or tempfile.mkdtemp(prefix="carrel-shots-")
    return options


def all_of(apps, options):
    tap = Tap()
    os.makedirs(options.shots, exist_ok=True)
    missing = desks.missing_tools()

    def tools():
        if missing:
            raise Skip("missing: " + " ".join(missing))
        picture_control()
    tap.run(tools, "the tools are there and tell pictures apart")
    if not missing:
        command = [sys.executable, "-B", os.path.abspath(__file__), "--carrel", options.carrel,
                   "--shots", options.shots, "--one"]
        pool.run(tap, [(app.name, [*command, app.name]) for app in apps], options.jobs)
        report.show(options.shots, {app.name for app in apps}, [app.name for app in APPS])
    print(f"# pictures and the table are in {options.shots}")
    return tap.done()


def main():
    options = options_of()
    chosen = [a for a in APPS if a.name in options.names] or (APPS if options.all else SMALL)
    if options.packages:
        print(" ".join(packages_of(chosen if options.names else APPS)))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.one:
        one = One(next(a for a in APPS if a.name == options.one), options.carrel, options.shots)
        one.run()
        return one.tap.done()
    return all_of(chosen, options)


if __name__ == "__main__":
    sys.exit(main())
