#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""server=xwayland: an app that speaks only X, in a session that has only Wayland. Its own X server is one
window of the compositor, by way of a filter.

    xwayland.py BUILD POLICIES
"""
import glob
import hashlib
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import PATIENCE, Tap, below, children, end, named, next_line, ordinary_stage, wait_for  # noqa: E402
import cli_lib  # noqa: E402
from wayland.lib import Sway, Weston  # noqa: E402

SHELL = 'while read -r line; do eval "$line"; done'


class App:
    """A shell that does as it is told, and has no display but the one that it is given here."""

    def __init__(self, stage, compositor, *values, script=SHELL, context="sockets=x11;"):
        self.stage, self.compositor, self.runtime = stage, compositor, compositor.env["XDG_RUNTIME_DIR"]
        path = stage.write("xwayland.policy", f"[Context]\n{context}\n"
                           "[Carrel Sandbox]\nprivate-session-bus=false\n[Carrel Display]\nx11=nested\n" +
                           "".join(f"{v}\n" for v in values))
        self.argv = [stage.carrel, "run", f"--policy={path}", "sh", "--", "-c", script]
        self.said = os.path.join(compositor.folder, "said-by-app")

    def __enter__(self):
        with open(self.said, "wb") as said:
            self.child = subprocess.Popen(self.argv, env=self.compositor.env, stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE, stderr=said,
                                          start_new_session=True)
        return self

    def line(self):
        return next_line(self.child, self.errors)

    def ask(self, script):
        self.child.stdin.write(script.encode() + b"\n")
        self.child.stdin.flush()
        return self.line()

    def shows(self, name):
        """A window of this name is there, and it is drawn."""
        wait_for(f"{name}: {self.errors()}", lambda: "IsViewable" in self.ask(
            f"echo $(xwininfo -name {name} 2>/dev/null | grep 'Map State')"))

    def errors(self):
        with open(self.said, encoding="utf-8", errors="replace") as f:
            return f.read()

    def __exit__(self, *_):
        end(self.child)
        self.child.stdin.close()
        self.child.stdout.close()
        wait_for("the end of the instance", lambda: not instances(self.runtime))
        return False


def instances(runtime):
    return glob.glob(os.path.join(runtime, ".flatpak", "[0-9]*"))


def comes_up(stage, compositor):
    """A terminal and a program of GTK's."""
    with App(stage, compositor) as app:
        assert app.ask("xdpyinfo >/dev/null && echo up") == "up"
        app.child.stdin.write(b"xterm -T inner -e sleep 600 >/dev/null 2>&1 &\n")
        app.shows("inner")
        app.child.stdin.write(b"GDK_BACKEND=x11 zenity --info --text=hello --title=gtk >/dev/null 2>&1 &\n")
        app.shows("gtk")
        assert named(app.child.pid, "Xwayland"), below(app.child.pid)


def is_named_by_us(stage, sway):
    """Whatever is shown in it: the compositor knows the window by the policy's name."""
    def tree():
        found = glob.glob(os.path.join(sway.env["XDG_RUNTIME_DIR"], "sway-ipc.*"))[0]
        return subprocess.run(["swaymsg", "-s", found, "-t", "get_tree"], check=True, text=True,
                              env=sway.env, stdout=subprocess.PIPE, timeout=PATIENCE).stdout
    assert "[Carrel]" not in tree()
    with App(stage, sway) as app:
        assert app.ask("xdpyinfo >/dev/null && echo up") == "up"
        wait_for("its window", lambda: '"name": "[Carrel] org.debian.sh"' in tree())
        assert '"app_id": "org.debian.sh"' in tree(), tree()


def wants_its_cookie(stage, compositor):
    with App(stage, compositor) as app:
        assert app.ask("xdpyinfo >/dev/null && echo own") == "own"
        assert app.ask("XAUTHORITY=/dev/null xdpyinfo >/dev/null 2>&1 || echo refused") == "refused"
        assert app.ask("echo $(ls /tmp/.X11-unix) $(grep -c @ /proc/net/unix)") == "X0 0"


def is_confined(stage, compositor):
    with App(stage, compositor) as app:
        assert app.ask("xdpyinfo >/dev/null && echo up") == "up"
        server = named(app.child.pid, "Xwayland")
        with open(f"/proc/{server}/status", encoding="utf-8") as f:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
        assert status["Seccomp"].strip() == "2" and status["NoNewPrivs"].strip() == "1", status
        root = set(os.listdir(f"/proc/{server}/root"))
        assert "home" not in root and "compositor" in root, root
        for name in ("net", "mnt", "pid", "user"):
            assert os.readlink(f"/proc/{server}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}")
        assert "user" not in os.listdir(f"/proc/{server}/root/run")
        # what it sees of the compositor is behind a filter, not the compositor's own socket
        ours = os.stat(f"/proc/{server}/root/compositor")
        theirs = os.stat(compositor.socket)
        assert (ours.st_dev, ours.st_ino) != (theirs.st_dev, theirs.st_ino)
        assert named(app.child.pid, "carrel-wayland"), below(app.child.pid)


def joins_a_running_server(stage, compositor):
    with App(stage, compositor) as first:
        assert first.ask("xdpyinfo >/dev/null && echo up") == "up"
        first.child.stdin.write(b"xterm -T first -e sleep 600 >/dev/null 2>&1 &\n")
        first.shows("first")
        with open(first.said, "ab") as said:
            done = subprocess.run([*first.argv[:-1], "xwininfo -root -tree | grep -c first"],
                                  env=compositor.env, stdout=subprocess.PIPE, stderr=said, check=False,
                                  stdin=subprocess.DEVNULL, timeout=PATIENCE, text=True)
        assert done.stdout.strip() == "1", (done, first.errors())
        servers = [p for p, (_, name) in children().items()
                   if name == "Xwayland" and p in below(first.child.pid)]
        assert len(servers) == 1, servers


def says_nothing_at_its_end(stage, compositor):
    with App(stage, compositor, script="xdpyinfo >/dev/null && echo up; exit") as app:
        assert app.line() == "up"
        assert app.child.wait(PATIENCE) == 0
        wait_for("the end of the instance", lambda: not instances(app.runtime))
        assert app.errors() == "", app.errors()


def ends_with(stage, compositor, whom):
    with App(stage, compositor, script="exec xterm -T inner -e sleep 600") as app:
        wait_for("its server", lambda: named(app.child.pid, "Xwayland"))
        wait_for("the terminal's program", lambda: named(app.child.pid, "sleep"))
        all_of_it = below(app.child.pid)
        os.kill(named(app.child.pid, whom), signal.SIGKILL)
        app.child.wait(PATIENCE)
        wait_for("the end of all", lambda: not [
            p for p, name in all_of_it.items() if children().get(p, (0, ""))[1] == name])
        registry = os.path.join(app.runtime, ".flatpak")  # it holds all sockets that there are
        if whom == "carrel-supervis":  # nobody is left to tidy up; it is seen to be dead
            shutil.rmtree(registry)
        else:
            wait_for("the registry to be empty", lambda: not os.listdir(registry))


# ---- carrel clip ----

def outside(compositor, *argv, data=b""):
    done = subprocess.run(argv, env=compositor.env, input=data, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=False, timeout=PATIENCE)
    return done.stdout


def clip(stage, compositor, *words):
    return subprocess.run([stage.carrel, "clip", *words], env=compositor.env, check=False, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=PATIENCE)


def carries_by_hand_only(stage, sway):
    """A text and a picture, to the app and from it, and nothing by itself."""
    picture = b"\x89PNG\r\n\x1a\n" + bytes(i % 251 for i in range(300_000))
    copied = (("text", "UTF8_STRING", "text/plain;charset=utf-8", "Grüße".encode(), "Gruß".encode()),
              ("image/png", "image/png", "image/png", picture, picture[:-9] + b"from there"))
    for word, inner, outer, to_app, from_app in copied:
        with App(stage, sway) as app:
            assert app.ask("xdpyinfo >/dev/null && echo up") == "up"
            name = os.path.basename(instances(app.runtime)[0])
            file = os.path.join(stage.home, ".var/app/org.debian.sh/from-app")
            shown = f"xclip -selection clipboard -target {inner} -out 2>/dev/null | sha256sum"
            nothing = app.ask(shown)
            outside(sway, "wl-copy", "--type", outer, data=to_app)
            wait_for("the copy", lambda t=to_app, o=outer: outside(sway, "wl-paste", "-n", "--type", o) == t)
            assert app.ask(shown) == nothing, "it was there by itself"
            assert clip(stage, sway, name, "in").stdout == \
                f"your display -> org.debian.sh: {word} {len(to_app)} bytes\n", app.errors()
            assert app.ask(shown).split()[0] == hashlib.sha256(to_app).hexdigest(), app.ask(shown)
            with open(file, "wb") as f:
                f.write(from_app)
            assert app.ask(f"xclip -selection clipboard -target {inner} -in <$HOME/from-app && echo set") == "set"
            listed = wait_for("what the app copies", lambda i=inner: [
                t for t in [clip(stage, sway, "--list", name).stdout.splitlines()]
                if len(t) == 2 and t[1] == f"org.debian.sh: {i}"])[0]
            assert listed[0].startswith("your display: ") and outer in listed[0], listed
            assert outside(sway, "wl-paste", "-n", "--type", outer) == to_app, "it came by itself"
            assert clip(stage, sway, name, "out").stdout == \
                f"org.debian.sh -> your display: {word} {len(from_app)} bytes\n", app.errors()
            assert outside(sway, "wl-paste", "-n", "--type", outer) == from_app
            outside(sway, "wl-copy", "--clear")


def carries_nothing_where_nobody_may_look(stage, weston):
    with App(stage, weston) as app:
        assert app.ask("xdpyinfo >/dev/null && echo up") == "up"
        for way in ("in", "out"):
            done = clip(stage, weston, os.path.basename(instances(app.runtime)[0]), way)
            assert done.returncode == 125 and not done.stdout, done
            assert {"in": "data-control", "out": "no text"}[way] in done.stderr, done


def explain_tells(stage, compositor):
    done = subprocess.run([stage.carrel, "explain", App(stage, compositor).argv[2], "sh", "display"],
                          env=compositor.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE)
    assert "one window of your Wayland compositor" in done.stdout, done


def main():
    tap = Tap()
    for tool in ("Xwayland", "xterm", "zenity", "xdpyinfo", "sway", "weston", "xclip", "wl-copy"):
        if not shutil.which(tool):
            tap.skip("X servers of an app's own on Wayland", f"{tool} is not installed")
            return tap.done()
    stage = ordinary_stage(cli_lib.Stage(*sys.argv[1:3]))
    try:
        for make in (Sway, Weston):
            with make() as compositor:
                compositor.env = {k: v for k, v in compositor.env.items() if k != "DISPLAY"}
                compositor.env["HOME"] = stage.home
                tests = [comes_up, wants_its_cookie, is_confined, joins_a_running_server,
                         says_nothing_at_its_end]
                if make is Sway:
                    tests += [is_named_by_us, explain_tells, carries_by_hand_only]
                else:
                    tests += [carries_nothing_where_nobody_may_look]
                for f in tests:
                    tap.run(lambda f=f: f(stage, compositor), f"{compositor.name}: {f.__name__}")
                for whom in ("xterm", "Xwayland", "carrel-supervis"):
                    tap.run(lambda w=whom: ends_with(stage, compositor, w),
                            f"{compositor.name}: nothing is left when {whom} is killed")
    finally:
        stage.close()
    return tap.done()


sys.exit(main())
