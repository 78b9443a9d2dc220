# SPDX-License-Identifier: LGPL-2.1-or-later
"""One start of one app, bare or confined: what is done with it and what is seen of it."""
import os
import re
import signal
import subprocess
import time

import desk as desks

# Lines that tell of something broken, as opposed to the chatter that GTK programs are known for.
FATAL = re.compile(r"(?i)\bcritical\b|\bfatal\b|segmentation|core dumped|bad system call|sigsys|"
                   r"cannot open display|error while loading|traceback|assertion.*failed|"
                   r"no usable sandbox|GLib(-\w+)?-ERROR|^carrel: ")


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def started_by_a_bus(pid):
    try:
        with open(f"/proc/{pid}/environ", "rb") as f:
            return any(word.startswith(b"DBUS_STARTER_ADDRESS=") for word in f.read().split(b"\0"))
    except OSError:  # it has just ended, or is not ours to look at
        return False


# A window in an X server of its app's own fills that: it has another size than the app asked for, and where the app
# draws its frame itself, that is gone and all else lies some points beside.
OWN_SERVER = 0.1


class Visit:
    """One start of one app, bare or confined."""

    def __init__(self, suite, app, desk, web, peer, confined):
        self.suite, self.app, self.desk, self.web, self.peer = suite, app, desk, web, peer
        self.confined, self.broken = confined, False
        self.home = (os.path.join(desk.home, ".var/app", app.app_id) if confined else desk.home)
        self.window = self.picture = self.child = None
        self.log = os.path.join(suite.shots, f"{app.name}-{self.mode}.stderr")
        self.model = None  # the bare start, whose pictures it shall come to look like
        self.words, self.looks, self.before = {}, {}, set()
        self.seen = self.status = self.took = self.opened = None

    @property
    def mode(self):
        return "confined" if self.confined else "bare"

    @property
    def limit(self):
        """How far its pictures may be from the bare start's."""
        return max(self.app.limit, OWN_SERVER) if getattr(self.window, "frame", None) else self.app.limit

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
        self.before = set(desks.descendants(os.getpid()))
        self.began = time.monotonic()
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen(argv + arguments, env=self.desk.env, cwd=self.desk.home,
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          start_new_session=True)

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
        self.picture = desks.wait_for("a window that stays and shows something", self.portrait, 60)
        self.seen = (self.desk.window_class(self.window), self.plain(self.desk.title(self.window)))

    def portrait(self):
        """Puts the window at its place and takes its picture. None when that window gave way to
        another (a splash screen did, or one that is made anew), or is still blank."""
        self.window = self.desk.find_window(self.app.title, self.app.klass)
        if not self.window:
            return None
        self.rest()
        self.put(self.window)
        try:
            shot = self.settled("start", self.window, self.model and self.model.picture)
        except subprocess.SubprocessError:
            return None
        now = self.desk.find_window(self.app.title, self.app.klass)
        return shot if now == self.window and desks.contrast(shot) > 0.02 else None

    def settled(self, name, window, model=None):
        """A picture of a window that does not change any more: one that is like the bare start's, or
        else whatever comes in fifteen seconds. (A window that is still being laid out may pause.)"""
        shot, end = self.shot(name), time.monotonic() + 15 * desks.patience()
        while True:
            self.desk.settled_picture(shot, window, 5)
            if not model or time.monotonic() > end or \
                    desks.difference(model, shot) <= self.limit:
                return shot
            if window == self.window:
                self.put(window)

    def put(self, window):
        """At its place, once more where it chose another size meanwhile; a few have only one."""
        last = None
        for _ in range(3):
            self.desk.place(window, *self.app.size)
            self.desk.focus(window)
            self.rest()
            now = self.desk.geometry(window)[2:]
            if now in (self.app.size, last):
                return
            last = now

    def rest(self, seconds=10):
        """Waits until neither the app nor the display works any more: what they were told to do is done
        then, however busy the machine is. What never rests (an animation) is left alone after a while."""
        last, still, end = None, 0, time.monotonic() + seconds * desks.patience()
        while still < 3 and time.monotonic() < end and self.alive():
            pids = {self.child.pid, *desks.descendants(self.child.pid), *self.desk.drawing()}
            ticks, busy = desks.work(pids)
            idle = not busy and last is not None and ticks - last <= 2
            still = still + 1 if idle else 0
            last = ticks
            time.sleep(0.15)

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
        status = None
        for again in range(3):  # a program that is busy may not hear it the first time
            found = again and self.desk.find_window(self.app.title, self.app.klass)
            if found:
                self.desk.focus(found)
            self.app.leave(self)
            try:
                status = self.child.wait(15 * desks.patience())
                break
            except subprocess.TimeoutExpired:
                self.desk.picture(self.shot("hangs"))
        assert status is not None, "it did not end when asked to"
        self.status = status
        assert status in self.app.statuses or status - 128 in map(abs, self.app.statuses), \
            f"it ended with status {status}:\n{self.stderr()[-2000:]}"

    def leftovers(self):
        """What is still there of this start, apart from what the session bus has started."""
        now = desks.descendants(os.getpid())
        bus = {p for child in self.desk.own if "dbus-daemon" in child.args[0]
               for p in desks.descendants(child.pid)}
        # Its services leave it for the next reaper; none of an app's processes has its variable.
        services = {p for p in now if started_by_a_bus(p)}
        bus |= services | {p for s in services for p in desks.descendants(s)}
        return {p: v for p, v in now.items() if p not in self.before and p not in bus
                and p != self.child.pid}

    def gone(self):
        try:
            desks.wait_for("the end of all processes", lambda: not self.leftovers(), 5)
        except AssertionError:
            raise AssertionError(f"still there: {self.leftovers()}") from None

    def end(self):
        if self.child and self.alive():
            os.killpg(self.child.pid, signal.SIGTERM)
            try:
                self.child.wait(10 * desks.patience())
            except subprocess.TimeoutExpired:
                os.killpg(self.child.pid, signal.SIGKILL)
                self.child.wait()
        if self.child:
            desks.end_processes(self.leftovers())
