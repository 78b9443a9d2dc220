#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real programs of Debian, started bare and confined on a desktop of their own, seen and used.

    suite.py --carrel PROGRAM [--shots FOLDER] [--all | NAME…]
    suite.py --packages [NAME…]

Runs as an ordinary user; PROGRAM is `carrel` in an installed tree. Speaks TAP. The bare start is
the control: what fails there is a fault of the test or of the program, not of the confinement. Without --all or
names it takes the small subset. --packages prints the Debian packages that the apps (all) need.
"""
import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
import desk as desks  # noqa: E402
import make  # noqa: E402
import wayland  # noqa: E402
from table import APPS, SMALL  # noqa: E402
from tap import Skip, Tap  # noqa: E402

# Lines that tell of something broken, as opposed to the chatter that GTK programs are known for.
FATAL = re.compile(r"(?i)\bcritical\b|\bfatal\b|segmentation|core dumped|bad system call|sigsys|"
                   r"cannot open display|error while loading|traceback|assertion.*failed|"
                   r"no usable sandbox|GLib(-\w+)?-ERROR|^carrel: ")


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


class Visit:
    """One start of one app, bare or confined."""

    def __init__(self, suite, app, desk, web, confined):
        self.suite, self.app, self.desk, self.web = suite, app, desk, web
        self.confined = confined
        self.home = (os.path.join(desk.home, ".var/app", app.app_id) if confined else desk.home)
        self.window = self.picture = self.child = None
        self.log = os.path.join(desk.folder, f"{app.name}-{self.mode}.stderr")
        self.words, self.seen, self.status, self.took = {}, None, None, None

    @property
    def mode(self):
        return "confined" if self.confined else "bare"

    def shot(self, what):
        return os.path.join(self.suite.shots, f"{self.app.name}-{self.mode}-{what}.png")

    def say(self, text):
        for line in str(text).strip().splitlines():
            print(f"# {self.app.name} ({self.mode}): {line}", flush=True)

    def alive(self):
        return self.child.poll() is None

    def fill(self, text):
        """Puts the document, home and address of this visit in the place of {doc}, {home}, {url}."""
        return re.sub(r"\{(\w+)\}", lambda m: self.words.get(m[1], m[0]), text)

    def start(self):
        arguments = self.app.prepare(self)
        argv = [self.suite.carrel, "run"] * self.confined + [self.app.command]
        self.began = time.monotonic()
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen(argv + arguments, env=self.desk.env, cwd=self.desk.home,
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          start_new_session=True)
        self.suite.before = set(desks.descendants(os.getpid())) - {self.child.pid}

    def see(self):
        """Waits for the window, puts it at its place and takes its picture."""
        def found():
            if not self.alive():
                raise AssertionError(f"it ended with status {self.child.returncode}:\n"
                                     + self.stderr()[-3000:])
            return self.desk.find_window(self.app.title, self.app.klass)
        try:
            self.window = desks.wait_for("the window", found, self.app.seconds)
        except AssertionError as e:
            self.desk.picture(self.shot("missing"))
            seen = [(self.desk.window_class(w), self.desk.title(w)) for w in self.desk.windows()]
            raise AssertionError(f"{e}\nwindows: {seen}\n{self.stderr()[-3000:]}") from None
        self.took = time.monotonic() - self.began
        time.sleep(self.app.pause)
        if self.app.pause:  # it may have replaced the window by another
            self.window = self.desk.find_window(self.app.title, self.app.klass) or self.window
        self.desk.place(self.window, *self.app.size)
        self.desk.focus(self.window)
        self.picture = self.desk.settled_picture(self.shot("start"), self.window)
        self.seen = (self.desk.window_class(self.window), self.plain(self.desk.title(self.window)))

    def plain(self, title):
        """A title without what differs from start to start: the home and the server's port."""
        for what, word in ((self.home, "~"), (self.desk.home, "~"), (self.web.url, "URL")):
            title = title.replace(what, word)
        return title

    def stderr(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def complaints(self):
        """The fatal lines, without what differs from start to start."""
        return {re.sub(r"0x[0-9a-f]+|\d+", "N", line).strip()
                for line in self.stderr().splitlines()
                if FATAL.search(line) and not (self.app.noise and re.search(self.app.noise, line))}

    def walls(self):
        """What the kernel says of the app's own processes: all of them filtered and boxed in."""
        inside = {}
        own = status_of("self")
        for pid in desks.descendants(self.child.pid):
            try:
                facts = status_of(pid)
                facts["userns"] = os.readlink(f"/proc/{pid}/ns/user")
            except OSError:
                continue  # it has just ended
            if len(facts["NSpid"].split()) > 1 and facts["NSpid"].split()[1] != "1":
                inside[pid] = facts
        assert inside, "no process in a pid namespace of its own"
        # The first process of the app, the child of the pid 1 inside, stands for its namespace.
        first = min(inside, key=lambda pid: int(inside[pid]["NSpid"].split()[1]))
        for pid, facts in inside.items():
            who = f"{facts['Name']} ({pid})"
            assert int(facts["Seccomp_filters"]) > int(own["Seccomp_filters"]), \
                f"{who} has no filter more than the tests themselves"
            assert facts["NoNewPrivs"] == "1", f"{who} may gain privileges"
            # Over a namespace that the app made itself they are no power outside of it.
            assert facts["CapEff"] == "0" * 16 or facts["userns"] != inside[first]["userns"], \
                f"{who} has the capabilities {facts['CapEff']}"
        return len(inside)

    def leave(self):
        self.app.leave(self)
        try:
            status = self.child.wait(30)
        except subprocess.TimeoutExpired:
            self.desk.picture(self.shot("hangs"))
            raise AssertionError("it did not end when asked to") from None
        self.status = status
        assert status in self.app.statuses or status - 128 in map(abs, self.app.statuses), \
            f"it ended with status {status}:\n{self.stderr()[-2000:]}"

    def leftovers(self):
        """What is still there of this start, apart from what the session bus has started."""
        now = desks.descendants(os.getpid())
        bus = {p for child in self.desk.own if "dbus-daemon" in child.args[0]
               for p in desks.descendants(child.pid)}
        return {p: v for p, v in now.items() if p not in self.suite.before and p not in bus
                and p != self.child.pid}

    def end(self):
        if self.child and self.alive():
            os.killpg(self.child.pid, signal.SIGTERM)
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.child.pid, signal.SIGKILL)
                self.child.wait()
        if self.child:
            desks.end_processes(self.leftovers())


class Suite:
    def __init__(self, options):
        self.tap = Tap()
        self.carrel = options.carrel
        self.shots = options.shots
        self.before = set()
        self.rows = []

    def one(self, app):
        visits = {}
        if not shutil.which(app.command, path=desks.PATH):
            self.tap.skip(f"{app.name}", "it is not installed")
            return
        failed = self.tap.failed
        for confined in (False, True):
            with desks.Desk(sound=app.sound) as desk, make.Web() as web:
                visit = visits[confined] = Visit(self, app, desk, web, confined)
                try:
                    self.visit(visit)
                    visit.kept = visit.complaints()
                finally:
                    visit.end()
        apart = self.together(app, visits[False], visits[True])
        if app.wayland:
            for confined in (False, True):
                self.tap.run(lambda c=confined: self.under_wayland(app, c),
                             f"{app.name}, {'confined' if confined else 'bare'}: "
                             "shows its window under Wayland alone")
        self.rows.append((app.name, *(f"{v.took:.1f}" if v.took else "-" for v in visits.values()),
                          apart, "works" if self.tap.failed == failed else "FAILS", app.lost))

    def table(self):
        """What is to be seen at a glance: times to the first window (polled, so coarse), how far the
        pictures are apart, and what is lost."""
        head = ("app", "bare s", "confined s", "apart", "result", "lost, and why")
        lines = [head, *self.rows]
        widths = [max(len(row[i]) for row in lines) for i in range(len(head))]
        for row in lines:
            print("# | " + " | ".join(w.ljust(n) for w, n in zip(row, widths)).rstrip())

    def under_wayland(self, app, confined):
        if not shutil.which("weston"):
            raise Skip("weston is not installed")
        with wayland.Compositor() as desk, make.Web() as web:
            desk.own = []
            visit = Visit(self, app, desk, web, confined)
            try:
                visit.start()

                def shown():
                    assert visit.alive(), f"it ended with status {visit.child.returncode}:\n" \
                        + visit.stderr()[-3000:]
                    return desk.shows(app.title)
                desks.wait_for(f"a window titled {app.title}", shown, app.seconds)
            finally:
                visit.end()

    def point(self, visit, name, function):
        def checked():
            if getattr(visit, "broken", False):
                raise AssertionError("an earlier step failed")
            try:
                function()
            except BaseException:
                visit.broken = True
                visit.desk.picture(visit.shot("failed"))
                raise
        self.tap.run(checked, f"{visit.app.name}, {visit.mode}: {name}")

    def visit(self, visit):
        def opens():
            visit.start()
            visit.see()
            assert desks.contrast(visit.picture) > 0.02, "its window is blank"
        self.point(visit, "shows its window", opens)
        if visit.confined:
            self.point(visit, "every process of it is walled in", visit.walls)
        self.point(visit, "can be used", lambda: visit.app.act(visit))
        self.point(visit, "ends when asked to", visit.leave)
        if visit.confined:
            def nothing_left():
                try:
                    desks.wait_for("the end of all processes", lambda: not visit.leftovers(), 5)
                except AssertionError:
                    raise AssertionError(f"still there: {visit.leftovers()}") from None
            self.point(visit, "leaves no process behind", nothing_left)

    def together(self, app, bare, confined):
        apart = ["-"]

        def same_window():
            assert bare.seen and confined.seen, "there are no two windows"
            # Chromium names its profile's folder in the instance name, and the homes differ.
            kinds = [[re.sub(r" \(/.*\)$", "", name) for name in visit.seen[0]] for visit in (bare, confined)]
            assert kinds[0] == kinds[1], f"classes {kinds[0]} and {kinds[1]}"
            assert not app.same or bare.seen[1] == confined.seen[1], \
                f"titles {bare.seen[1]!r} and {confined.seen[1]!r}"

        def alike():
            assert bare.picture and confined.picture, "there are no two pictures"
            far = desks.difference(bare.picture, confined.picture)
            apart[0] = f"{far:.4f}"
            confined.say(f"differs from the bare start by {far:.4f}")
            assert far <= app.limit, f"the pictures differ by {far:.4f}, over {app.limit}"

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
        return apart[0]


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
        path = os.path.join(HERE, "../../policies", app.app_id + ".policy")
        with open(path, encoding="utf-8") as f:
            found |= set(re.findall(r"^package=(\S+)$", f.read(), re.M)) | set(app.packages)
        if app.sound:
            found |= {"pulseaudio", "pulseaudio-utils"}
    return sorted(found)


def main():
    known = [a.name for a in APPS]
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--carrel")
    parser.add_argument("--all", action="store_true", help="all apps")
    parser.add_argument("--packages", action="store_true", help="only list packages")
    parser.add_argument("--shots", help="folder that keeps the pictures")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    options = parser.parse_args()
    wrong = [n for n in options.names if n not in known]
    if wrong:
        parser.error(f"no such app in the suite: {wrong[0]}; there are {', '.join(known)}")
    apps = [a for a in APPS if a.name in options.names] or (APPS if options.all else SMALL)
    if options.packages:
        print(" ".join(packages_of(apps if options.names else APPS)))
        return 0
    if not options.carrel:
        parser.error("--carrel is needed")
    if os.getuid() == 0:
        parser.error("run it as an ordinary user")
    options.shots = options.shots or tempfile.mkdtemp(prefix="carrel-shots-")
    os.makedirs(options.shots, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    suite = Suite(options)
    missing = desks.missing_tools()

    def tools():
        if missing:
            raise Skip("missing: " + " ".join(missing))
        picture_control()
    suite.tap.run(tools, "the tools are there and tell pictures apart")
    if not missing:
        for app in apps:
            suite.one(app)
        suite.table()
    print(f"# pictures are in {options.shots}")
    return suite.tap.done()


sys.exit(main())
