#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An app with an X server of its own is started again: both runs have one server, which stays until
the last of them is gone.

    again.py BUILD POLICIES
"""
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import (PATIENCE, Copied, Display, Tap, below, children, end, named,  # noqa: E402
                 ordinary_stage, wait_for)
import cli_lib  # noqa: E402

APP = "org.example.Again"
# Says that it has a display, and what windows there are, again and again.
SHOWS = ("xdpyinfo >/dev/null || exit 3; xterm -T {0} -e sleep 600 & "
         "while :; do echo {0}: $(xwininfo -root -tree | grep -o '\"[a-z]*\": (\"xterm' | "
         "tr -cd 'a-z \\n' | tr '\\n' ' '); readlink /proc/self/ns/ipc; sleep 0.3; done")


class Run:
    """One run of the app, in its own session."""

    def __init__(self, box, name, script=None, **env):
        self.box, self.name = box, name
        self.out = os.path.join(box.display.folder, f"out-{name}")
        with open(self.out, "wb") as out:
            self.child = subprocess.Popen(box.argv("sh", "-c", script or SHOWS.format(name)),
                                          env={**box.display.env, **env}, stdout=out, stderr=out,
                                          stdin=subprocess.DEVNULL, start_new_session=True)
        box.runs.append(self)

    def said(self):
        with open(self.out, encoding="utf-8", errors="replace") as f:
            return f.read()

    def last(self):
        """What it said of the windows the last time."""
        lines = [l for l in self.said().splitlines() if l.startswith(f"{self.name}:")]
        return set(lines[-1].split(":", 1)[1].replace("xterm", "").split()) if lines else set()

    def sees(self, *names):
        wait_for(f"{self.name} to see {names}: {self.said()[-500:]}",
                 lambda: self.last() == set(names))
        return self

    def ipc(self):
        return {l for l in self.said().splitlines() if l.startswith("ipc:[")}

    def server(self):
        return named(self.child.pid, "Xephyr")

    def stop(self):
        end(self.child)


class Box:
    """A person's display and an app's policy; in the end all runs are over and nothing is left."""

    def __init__(self, stage, display):
        self.stage, self.display, self.runs = stage, display, []
        self.policy = self.policy_of("nested")

    def policy_of(self, value):
        return self.stage.write(f"{value}.policy", (
            "[Context]\nsockets=x11;\n[Carrel Sandbox]\nprivate-session-bus=false\n"
            f"[Carrel Display]\nx11={value}\n"))

    def argv(self, *argv):
        return [self.stage.carrel, "run", f"--app-id={APP}", f"--policy={self.policy}", argv[0],
                "--", *argv[1:]]

    def carrel(self, *argv):
        return subprocess.run([self.stage.carrel, *argv], env=self.display.env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              stdin=subprocess.DEVNULL, timeout=PATIENCE)

    def registry(self):
        folder = os.path.join(self.display.runtime, ".flatpak")
        return [n for n in os.listdir(folder) if n.isdigit()] if os.path.isdir(folder) else []

    def servers(self):
        """All that were started for this display's person below this test."""
        return [p for p, comm in below(os.getpid()).items() if comm == "Xephyr"] + \
            [p for p, (parent, comm) in children().items() if comm == "Xephyr" and
             self.is_ours(parent)]

    def is_ours(self, pid):
        """Below a supervisor whose `carrel run` has ended: it hangs at pid 1 or a reaper."""
        tree = children()
        while pid in tree and tree[pid][1] != "carrel-supervis":
            pid = tree[pid][0]
        if pid not in tree:
            return False
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as f:
                return f.read().split("\0")[2] in self.registry()
        except OSError:
            return False

    def one_server(self):
        found = set(self.servers())
        return found.pop() if len(found) == 1 else None

    def window_count(self):
        done = subprocess.run(["xdotool", "search", "--onlyvisible", "--classname", "^carrel$"],
                              env=self.display.env, stdout=subprocess.PIPE, check=False)
        return len(done.stdout.split())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for run in self.runs:
            run.stop()
        wait_for(f"an empty registry: {self.registry()}", lambda: not self.registry())
        wait_for("the end of all servers", lambda: not self.servers())
        return False


# ---- what two runs share ----

def has_one_window(stage, display):
    """The second run's window stands in the first one's server."""
    with Box(stage, display) as box:
        first = Run(box, "first").sees("first")
        second = Run(box, "second").sees("first", "second")
        first.sees("first", "second")
        assert len(set(box.servers())) == 1 and box.window_count() == 1, \
            (box.servers(), box.window_count())
        assert second.server() is None and first.ipc() == second.ipc() and len(first.ipc()) == 1, \
            (first.ipc(), second.ipc())
        assert os.readlink("/proc/self/ns/ipc") not in first.ipc()
        listed = box.carrel("ps").stdout.count(APP)
        assert listed == 2, listed


def without_the_cookie_nobody_comes(stage, display):
    with Box(stage, display) as box:
        Run(box, "first").sees("first")
        script = ("xdpyinfo >/dev/null && echo opened; env XAUTHORITY=/dev/null xdpyinfo "
                  ">/dev/null 2>&1 || echo refused")
        second = Run(box, "second", script)
        assert second.child.wait(PATIENCE) == 0 and second.said().split() == ["opened", "refused"], \
            second.said()


def enters_with_the_display(stage, display):
    with Box(stage, display) as box:
        first = Run(box, "first").sees("first")
        ids = set(box.registry())
        second = Run(box, "second").sees("first", "second")
        other = (set(box.registry()) - ids).pop()
        for name in (*ids, other):
            done = box.carrel("enter", name, "--", "xwininfo", "-root", "-tree")
            assert '"first"' in done.stdout and '"second"' in done.stdout, done
        first.stop()
        second.sees("second")
        done = box.carrel("enter", APP, "--", "xwininfo", "-root", "-tree")
        assert '"second"' in done.stdout, done


def clips_to_either(stage, display):
    with Box(stage, display) as box, Copied(display, "carried by hand"):
        Run(box, "first").sees("first")
        ids = set(box.registry())
        Run(box, "second").sees("first", "second")
        other = (set(box.registry()) - ids).pop()
        done = box.carrel("clip", other, "in")
        assert done.returncode == 0, done
        done = box.carrel("enter", other, "--", "xclip", "-o", "-selection", "clipboard")
        assert done.stdout == "carried by hand", done


# ---- who may go first ----

def stays_for_the_last(stage, display):
    """The run that started the server ends; a third still joins; with the last one it goes."""
    with Box(stage, display) as box:
        first = Run(box, "first").sees("first")
        server = first.server()
        second = Run(box, "second").sees("first", "second")
        first.stop()
        second.sees("second")
        assert box.carrel("ps").stdout.count(APP) == 1, box.carrel("ps")
        third = Run(box, "third").sees("second", "third")
        second.stop()
        third.sees("third")
        assert box.one_server() == server
        third.stop()
        wait_for("the end of the server", lambda: not box.servers())


def ends_with_its_server(stage, display):
    """The server crashes: its windows go; the next start has a new one."""
    with Box(stage, display) as box:
        first = Run(box, "first").sees("first")
        second = Run(box, "second").sees("first", "second")
        os.kill(first.server(), signal.SIGKILL)
        wait_for("the end of the server", lambda: not box.servers())
        third = Run(box, "third").sees("third")
        assert third.server() and {first.child.poll(), second.child.poll()} == {None}


def joins_no_dead_server(stage, display):
    """The server has crashed, and its supervisor cannot know it yet: who started it there has not taken note."""
    with Box(stage, display) as box:
        first = Run(box, "first").sees("first")
        starter = children()[first.server()][0]
        assert children()[starter][1] == "carrel-xserver", children()[starter]
        os.kill(starter, signal.SIGSTOP)
        try:
            os.kill(first.server(), signal.SIGKILL)
            wait_for("the end of the server", lambda: not box.servers())
            second = Run(box, "second").sees("second")
            assert second.server()
        finally:
            os.kill(starter, signal.SIGCONT)


def ends_with_its_supervisor(stage, display):
    with Box(stage, display) as box:
        first = Run(box, "first").sees("first")
        second = Run(box, "second").sees("first", "second")
        supervisor = named(first.child.pid, "carrel-supervis")
        os.kill(supervisor, signal.SIGKILL)
        first.child.wait(PATIENCE)
        wait_for("the end of the server", lambda: not box.servers())
        third = Run(box, "third").sees("third")
        assert third.server(), children()
        for run in (second, third):
            run.stop()
        # nobody is left to clear its folder: the next look does, some seconds later
        wait_for("a clean registry", lambda: box.carrel("ps") and not box.registry())


# ---- at once ----

def two_at_once_have_one(stage, display):
    names = ("a", "b", "c", "d")
    with Box(stage, display) as box:
        runs = [Run(box, name) for name in names]
        for run in runs:
            run.sees(*names)
        assert len(set(box.servers())) == 1, box.servers()


def starts_while_it_ends(stage, display):
    """Whatever comes first: each start has a display."""
    with Box(stage, display) as box:
        runs = [Run(box, f"n{i}", "sleep 0.02; xdpyinfo >/dev/null && echo fine")
                for i in range(3)]
        for i in range(3, 15):
            runs[-3].child.wait(PATIENCE)
            runs.append(Run(box, f"n{i}", f"xdpyinfo >/dev/null && echo fine; sleep 0.{i % 4}"))
        for run in runs:
            assert run.child.wait(PATIENCE) == 0 and run.said() == "fine\n", (run.name, run.said())


# ---- who does not join ----

def others_have_their_own(stage, display):
    """Another display of the person's, and another kind of server."""
    with Display() as elsewhere, Box(stage, display) as box:
        first = Run(box, "first").sees("first")
        second = Run(box, "second", DISPLAY=elsewhere.env["DISPLAY"],
                     XAUTHORITY=elsewhere.env["XAUTHORITY"]).sees("second")
        assert first.server() and second.server()
        box.policy = box.policy_of("headless")
        third = Run(box, "third").sees("third")
        assert named(third.child.pid, "Xvfb"), below(third.child.pid)


def main():
    build, policies = sys.argv[1:3]
    tap = Tap()
    if not shutil.which("Xephyr"):
        tap.skip("an app started again", "there is no Xephyr")
        return tap.done()
    stage = cli_lib.Stage(build, policies)
    os.chmod(stage.top, 0o755)
    ordinary_stage(stage)
    try:
        with Display() as display:
            for f in (has_one_window, without_the_cookie_nobody_comes, enters_with_the_display,
                      clips_to_either, stays_for_the_last, ends_with_its_server,
                      joins_no_dead_server, ends_with_its_supervisor, two_at_once_have_one,
                      starts_while_it_ends, others_have_their_own):
                tap.run(lambda f=f: f(stage, display), f"started again: {f.__name__}")
    finally:
        stage.close()
    return tap.done()


sys.exit(main())
