#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""server=xpra, carrel detach and carrel attach: the window of an app goes and comes back, here and on
another display, while the app runs on.

    attach.py BUILD POLICIES
"""
import json
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import (PATIENCE, Display, Tap, below, children, end, ordinary_stage,  # noqa: E402
                 wait_for)
import cli_lib  # noqa: E402

APP = "org.example.Docked"
TITLE = f"[Carrel] {APP}"
# Python starts twice for each window; a loaded machine takes its time.
SLOW = max(PATIENCE, 180)
# A picture that stands still, and a terminal that hands on one line that is typed into it.
SHOWS = "xlogo -geometry 400x300+0+0 & exec sleep 600"
READS = ("xterm -T inner -e sh -c 'read line; echo \"$line\" > $HOME/typed'; cat $HOME/typed")
# How many attach an app at once, and how often.
AT_ONCE, ROUNDS = 4, 2
LEAST_COLOURS, MOST_PIXELS = 2, 500


class Box:
    """An app's policy, its runs, and the two displays of its person's."""

    def __init__(self, stage, display, other):
        self.stage, self.display, self.other, self.runs = stage, display, other, []

    def env(self, display=None):
        """Of the person on one of the displays: one home and one registry."""
        d = display or self.display
        return {**d.env, "HOME": self.display.folder, "XDG_RUNTIME_DIR": self.display.runtime}

    def start(self, *argv, display=None):
        child = subprocess.Popen([self.stage.carrel, *argv], env=self.env(display), text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 stdin=subprocess.DEVNULL, start_new_session=True)
        self.runs.append(child)
        return child

    def run(self, script, x11="nested", server="xpra", app=APP, more=""):
        path = self.stage.write(f"{x11}-{server}.policy", (
            "[Context]\nsockets=x11;\n[Carrel Sandbox]\nprivate-session-bus=false\n"
            f"[Carrel Display]\nx11={x11}\nserver={server}\n{more}\n"))
        return self.start("run", f"--app-id={app}", f"--policy={path}", "sh", "--", "-c", script)

    def carrel(self, *argv, display=None):
        return subprocess.run([self.stage.carrel, *argv], env=self.env(display), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              stdin=subprocess.DEVNULL, timeout=SLOW)

    def running(self):
        """Ids of the apps that run, with the process of each."""
        done = self.carrel("ps", "--json")
        assert done.returncode == 0, done
        return {i["app"]: i["pid"] for i in json.loads(done.stdout)}

    def viewers(self):
        """Ids of the runs that show the app."""
        done = self.carrel("ps", "--json")
        assert done.returncode == 0, done
        return [i["instance"] for i in json.loads(done.stdout) if i["app"] == f"{APP}.viewer"]

    def window(self, display=None, app=APP):
        d = display or self.display
        done = subprocess.run(["xdotool", "search", "--onlyvisible", "--name",
                               rf"^\[Carrel\] {app}$"], env=d.env, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False, timeout=PATIENCE)
        return done.stdout.decode().split()[0] if done.stdout.strip() else None

    def shown(self, display=None, app=APP):
        return wait_for(f"the window of {app}: {self.said()}",
                        lambda: self.window(display, app), SLOW)

    def gone(self, display=None):
        wait_for("the end of the window", lambda: not self.window(display), SLOW)

    def said(self):
        """By those that have ended."""
        return [c.stderr.read() for c in self.runs if c.poll() and not c.stderr.closed]

    def picture(self, name, display=None):
        """Of the window, once something is in it."""
        d, path = display or self.display, os.path.join(self.display.folder, f"{name}.png")

        def taken():
            window = self.window(d)
            if not window:
                return False
            d.tool("import", "-window", window, path)
            return int(d.tool("convert", path, "-format", "%k", "info:")) >= LEAST_COLOURS
        wait_for("a picture in the window", taken, SLOW)
        return path

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in self.runs:
            end(child)
            child.stdout.close()
            child.stderr.close()
        wait_for(f"an empty registry: {self.registry()}", lambda: not self.registry(), SLOW)
        return False

    def registry(self):
        folder = os.path.join(self.display.runtime, ".flatpak")
        return [n for n in os.listdir(folder) if n.isdigit()] if os.path.isdir(folder) else []


def differs(display, one, two):
    """In how many pixels."""
    done = subprocess.run(["compare", "-metric", "AE", one, two, "null:"], env=display.env,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode in (0, 1), done
    return float(done.stderr)


# ---- the window ----

def comes_and_goes(box):
    """Shown at the start; detached; back, with the same picture; then on another display."""
    box.run(SHOWS)
    box.shown()
    before = box.picture("before")
    pid = box.running()[APP]
    done = box.carrel("detach", APP)
    assert done.returncode == 0 and not done.stderr, done
    box.gone()
    assert box.running() == {APP: pid}, box.running()
    done = box.carrel("detach", APP)
    assert done.returncode == 125 and "not shown anywhere" in done.stderr, done
    box.start("attach", APP)
    box.shown()
    changed = differs(box.display, before, box.picture("after"))
    assert changed <= MOST_PIXELS, changed
    assert box.running()[APP] == pid, box.running()
    # It goes away here, as one picture of it is enough.
    box.start("attach", APP, display=box.other)
    box.shown(box.other)
    box.gone()
    changed = differs(box.display, before, box.picture("other", box.other))
    assert changed <= MOST_PIXELS, changed
    assert box.running()[APP] == pid, box.running()


def is_shown_once(box):
    """Many attach it at the same moment: each takes it from the one before, at no moment two have it, and
    one of them keeps it."""
    box.run(SHOWS)
    box.shown()
    for _ in range(ROUNDS):
        before, viewers = box.viewers(), [box.start("attach", APP) for _ in range(AT_ONCE)]

        def one_is_left():
            ids = box.viewers()
            assert len(ids) <= 1, ids
            return len(ids) == 1 and ids != before and sum(v.poll() is None for v in viewers) == 1
        wait_for("all but one to give up", one_is_left, SLOW)
        for viewer in viewers:
            assert viewer.poll() in (None, -signal.SIGKILL), viewer.stderr.read()
    box.shown()
    assert sorted(box.running()) == [APP, f"{APP}.viewer"], box.running()


def tells_the_app_nothing(box):
    """With nothing carried by the clipboard it is shown all the same; the person's X resources stay outside."""
    secret = "carrel*secret: 4711"
    subprocess.run(["xrdb", "-merge"], input=secret.encode(), env=box.display.env, check=True)
    assert "4711" in box.display.tool("xrdb", "-query").decode()
    app = box.run("xlogo & while :; do xrdb -query; echo asked; sleep 1; done", more="clipboard=none")
    box.shown()
    box.picture("resources")
    lines = [app.stdout.readline() for _ in range(8)]
    assert "asked\n" in lines and not any("4711" in line for line in lines), lines
    done = box.carrel("detach", APP)
    assert done.returncode == 0, done
    box.gone()


def says_when_only_xpra_ends(box):
    """Any client of the app's server can end Xpra: who waits for the window is told."""
    box.run(SHOWS)
    box.shown()
    box.carrel("detach", APP)
    box.gone()
    viewer = box.start("attach", APP)
    box.shown()
    box.picture("before-the-end")
    servers = []
    for pid in below(box.running()[f"{APP}.viewer"]):
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            if b"start-desktop" in f.read().split(b"\0"):
                servers.append(pid)
    assert len(servers) == 1, servers
    os.kill(servers[0], 9)
    _, told = viewer.communicate(timeout=SLOW)
    assert viewer.returncode and "Xpra has ended and the app goes on" in told, (viewer.returncode, told)
    assert list(box.running()) == [APP]


def takes_keys(box):
    """What is typed into the window that was brought back reaches the app, which then ends; so does
    who shows it, in peace."""
    app = box.run(READS)
    box.shown()
    assert box.carrel("detach", APP).returncode == 0
    box.gone()
    viewer = box.start("attach", APP)
    window = box.shown()
    box.picture("terminal")
    d = box.display
    d.tool("xdotool", "windowfocus", "--sync", window)
    d.tool("xdotool", "mousemove", "--window", window, "300", "300")
    d.tool("xdotool", "type", "--delay", "60", "hello42")
    d.tool("xdotool", "key", "Return")
    assert app.wait(SLOW) == 0 and app.stdout.read() == "hello42\n", app.stdout
    assert viewer.wait(SLOW) == 0 and not viewer.stderr.read(), viewer
    box.gone()
    assert box.running() == {}, box.running()


def closing_detaches(box):
    """Whoever closes the window takes it away; the app goes on."""
    d = box.display
    ready = os.path.join(d.folder, "managed")
    manager = subprocess.Popen(["openbox", "--sm-disable", "--startup", f"touch {ready}"], env=d.env,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    try:
        wait_for("the window manager", lambda: os.path.exists(ready))
        box.run(SHOWS)
        window = box.shown()
        box.picture("open")
        pid = box.running()[APP]
        d.tool("xdotool", "windowactivate", "--sync", window)
        d.tool("xdotool", "key", "--clearmodifiers", "alt+F4")
        box.gone()
        wait_for("the end of who shows it", lambda: box.running() == {APP: pid}, SLOW)
    finally:
        end(manager)


def shows_a_headless_one(box):
    """One that nobody sees can be looked at by the person's act; it is not shown of itself."""
    box.run(SHOWS, x11="headless", server="auto")
    wait_for("the app", lambda: APP in box.running(), SLOW)
    assert box.window() is None
    box.start("attach", APP)
    box.shown()
    box.picture("headless")


def says_what_it_cannot(box):
    """Not running; in Xephyr; on the person's display."""
    done = box.carrel("detach", APP)
    assert done.returncode == 125 and "is not running" in done.stderr, done
    for x11, server, word in (("nested", "xephyr", "Xephyr"), ("shared", "auto", "your display")):
        child = box.run("xlogo", x11=x11, server=server)
        wait_for("the app", lambda: APP in box.running(), SLOW)
        for command in ("detach", "attach"):
            done = box.carrel(command, APP)
            assert done.returncode == 125 and word in done.stderr and \
                "server=xpra" in done.stderr, done
        end(child)
        wait_for("its end", lambda: APP not in box.running(), SLOW)


# ---- walls ----

def sockets_seen_by(pid):
    with open(f"/proc/{pid}/net/unix", encoding="utf-8") as f:
        return f.read()


def is_out_of_reach(box):
    """The app reaches neither the person's display nor Xpra; nobody else reaches Xpra's socket, which
    is there; Xpra has no files, no network, and comes untrusted."""
    number = box.display.number
    script = (f"xdpyinfo >/dev/null && echo own; xdpyinfo -display :{number} >/dev/null 2>&1 || "
              "echo refused; ls /run/xpra 2>/dev/null || echo none; "
              "grep -c xpra /proc/net/unix; exec sleep 600")
    subprocess.run(["xdpyinfo"], env=box.display.env, stdout=subprocess.DEVNULL, check=True)
    app = box.run(script)
    box.shown()
    pid = box.running()[f"{APP}.viewer"]
    root = f"/proc/{pid}/root"
    assert os.path.exists(f"{root}/run/xpra/socket") and \
        "/run/xpra/socket" in sockets_seen_by(pid), "the probe finds nothing"
    assert "/run/xpra" not in sockets_seen_by("self") and not os.path.exists("/run/xpra/socket")
    found = [name for _, folders, files in os.walk(box.display.runtime)
             for name in folders + files if "xpra" in name or name == "socket"]
    assert not found, found
    said = [app.stdout.readline().strip() for _ in range(4)]
    assert said == ["own", "refused", "none", "0"], said
    for kind in ("net", "ipc", "mnt", "pid", "user"):
        ours, theirs = os.readlink(f"/proc/self/ns/{kind}"), os.readlink(f"/proc/{pid}/ns/{kind}")
        assert ours != theirs, kind
    assert not {"home", "root", "media", "mnt", "srv", "var"} & set(os.listdir(root)) and \
        not os.path.exists(f"{root}/{box.display.folder}"), os.listdir(root)
    assert sorted(os.listdir(f"{root}/run")) == ["own-auth", "xpra"], os.listdir(f"{root}/run")
    with open(f"/proc/{pid}/environ", encoding="utf-8") as f:
        names = {v.partition("=")[0] for v in f.read().split("\0")}
    assert "XAUTHORITY" not in names, names
    # By way of the relay, which a supervisor of its own has started.
    tree = children()
    parent = pid
    while parent in tree and tree[parent][0] > 1:
        parent = tree[parent][0]
    assert "carrel-x11" in below(parent).values(), below(parent)


def outlives_its_viewer(box):
    """Who shows it is killed: the app goes on, and can be shown again."""
    box.run(SHOWS)
    box.shown()
    running = box.running()
    os.kill(running[f"{APP}.viewer"], signal.SIGKILL)
    box.gone()
    wait_for("its end", lambda: box.running() == {APP: running[APP]}, SLOW)
    box.start("attach", APP)
    box.shown()


def all_ends_with_the_app(box):
    """The app is killed: no window, no process, nothing in the registry."""
    app = box.run(SHOWS)
    box.shown()
    viewer = box.running()[f"{APP}.viewer"]
    inside = set(below(viewer))
    os.kill(app.pid, signal.SIGKILL)
    box.gone()
    wait_for("an empty registry", lambda: not box.registry(), SLOW)
    wait_for("the end of all processes", lambda: not inside & set(children()), SLOW)


def main():
    build, policies = sys.argv[1:3]
    tap = Tap()
    if not all(shutil.which(w) for w in ("xpra", "Xvfb", "Xephyr", "xlogo", "compare",
                                      "xdpyinfo", "openbox")):
        tap.skip("carrel attach", "xpra, Xephyr, x11-apps or imagemagick is not installed")
        return tap.done()
    stage = ordinary_stage(cli_lib.Stage(build, policies))
    screen = ("Xvfb", "-screen", "0", "1400x900x24", "-nolisten", "tcp")
    try:
        with Display(*screen) as display, Display(*screen) as other:
            for f in (comes_and_goes, is_shown_once, tells_the_app_nothing, says_when_only_xpra_ends, takes_keys,
                      closing_detaches, shows_a_headless_one,
                      says_what_it_cannot, is_out_of_reach, outlives_its_viewer,
                      all_ends_with_the_app):
                def one(f=f):
                    with Box(stage, display, other) as box:
                        f(box)
                tap.run(one, f"x11 attach: {f.__name__}")
    finally:
        stage.close()
    return tap.done()


sys.exit(main())
