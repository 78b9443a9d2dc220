#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Wayland filter before the compositors of a newer Debian.

    compositors.py CARREL-WAYLAND TREE

TREE is a root folder with sway, labwc, cage, KWin, mutter and weston (see ./check --compositors).
They are run there without a screen, as an ordinary user; the filter is today's, outside. What the
filter shows is held against what the compositor shows, with the tools of that Debian.
"""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import (DEFAULT_POWERS, PATIENCE, Client, Filter, InTree, Tap,  # noqa: E402
                 become_ordinary, end, wait_for)
from clip import Helper  # noqa: E402
from probes import DANGEROUS, Keyboard, names  # noqa: E402

SECRET = "the-secret-in-the-clipboard"
HEADLESS = {"WLR_BACKENDS": "headless", "WLR_RENDERER": "pixman", "WLR_LIBINPUT_NO_DEVICES": "1"}
CONTEXT = "wp_security_context_manager_v1"


class Sway(InTree):
    name, program, tools, context = "sway", "bwrap", {"grim", "wtype", "wlr-randr"}, True

    def variables(self):
        return HEADLESS

    def command(self):
        config = os.path.join(self.folder, "config")
        with open(config, "w", encoding="utf-8") as f:
            f.write("output * bg #204060 solid_color\nxwayland disable\n")
        return self.bwrap() + ["sway", "-c", config]


class Labwc(InTree):
    name, program, tools, context = "labwc", "bwrap", {"grim", "wtype", "wlr-randr"}, True
    socket_name, inside = "wayland-0", ("labwc",)

    def variables(self):
        return HEADLESS


class Cage(InTree):
    name, program, tools, context = "cage", "bwrap", {"grim", "wtype", "wlr-randr"}, False
    socket_name, inside = "wayland-0", ("cage", "--", "sleep", "1000")

    def variables(self):
        return HEADLESS


class Weston(InTree):
    name, program, tools, context = "weston", "bwrap", set(), False
    inside = ("weston", "--backend=headless", "--renderer=pixman", "--socket=wayland-1",
              "--idle-time=0", "--no-config")


class KWin(InTree):
    name, program, tools, context = "KWin", "bwrap", set(), True
    socket_name = "wayland-0"
    inside = ("dbus-run-session", "kwin_wayland", "--virtual", "--width", "800", "--height", "600",
              "--no-lockscreen", "--no-global-shortcuts", "--socket", "wayland-0")

    def variables(self):
        return {"QT_QPA_PLATFORM": "offscreen"}


class Mutter(InTree):
    name, program, tools, context = "mutter", "bwrap", set(), False
    socket_name = "wayland-0"
    inside = ("dbus-run-session", "mutter", "--headless", "--wayland", "--no-x11",
              "--virtual-monitor", "800x600", "--wayland-display=wayland-0")


TOOLS = {"grim": ("grim", "-"), "wtype": ("wtype", "x"), "wlr-randr": ("wlr-randr",)}


def run(desk, display, *argv):
    """A tool of the tree, with the folder of the filter's socket in sight."""
    folder = os.path.dirname(display)
    words = desk.tool()
    words[words.index("--setenv"):words.index("--setenv")] = ["--bind", folder, folder]
    return subprocess.run(words + list(argv), env={**desk.env, "WAYLAND_DISPLAY": display},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE,
                          stdin=subprocess.DEVNULL, check=False)


def offers(desk, program):
    def test():
        outside = names(desk.socket)
        assert outside & set(DANGEROUS), f"nothing dangerous among {outside}"
        with Filter(program, desk.socket) as f:
            inside = names(f.path)
            hidden = len(outside) - len(inside)
        print(f"# {desk.name}: {len(outside)} outside, {len(inside)} inside, {hidden} hidden")
        assert inside <= outside and not inside & set(DANGEROUS), inside & set(DANGEROUS)
        assert {"wl_compositor", "wl_shm", "xdg_wm_base"} <= inside, inside
    return test


def context(desk, program):
    def test():
        offered = CONTEXT in names(desk.socket)
        assert offered == desk.context, f"offered: {offered}"
        with Filter(program, desk.socket, extra="app org.example.App\ninstance 1\n") as f:
            assert names(f.path), f.said()
            assert os.path.exists(os.path.join(f.folder, "context")) == offered
    return test


def tool(desk, program, name):
    def test():
        done = run(desk, desk.socket, *TOOLS[name])
        assert done.returncode == 0, f"outside: {done.stdout[-300:]}"
        with Filter(program, desk.socket) as f:
            done = run(desk, f.path, *TOOLS[name])
        assert done.returncode != 0, "works inside"
    return test


def paste(desk, display):
    return run(desk, display, "timeout", "5", "wl-paste", "--no-newline").stdout


def clipboard(desk, program):
    """KWin gives a new window the focus, and with it the clipboard; the others need a keyboard."""
    def test():
        child = subprocess.Popen(desk.tool("wl-copy", "--foreground", SECRET), env=desk.env,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            wait_for("the clipboard", lambda: paste(desk, desk.socket) == SECRET.encode())
            with Filter(program, desk.socket) as f:
                wait_for("clipboard=both", lambda: paste(desk, f.path) == SECRET.encode())
            with Filter(program, desk.socket, [p for p in DEFAULT_POWERS
                                               if p != "clipboard-in"]) as f:
                for _ in range(3):
                    assert SECRET.encode() not in paste(desk, f.path), "clipboard=out"
        finally:
            end(child)
    return test


def carried(desk, program):
    """carrel clip where the policy closes both ways: once, and nothing that is copied later."""
    helper = os.path.join(os.path.dirname(program), "carrel-clip-wayland")

    def copy(display, text):
        folder = os.path.dirname(display)
        words = desk.tool("wl-copy", "--foreground", text)
        words[words.index("--setenv"):words.index("--setenv")] = ["--bind", folder, folder]
        return subprocess.Popen(words, env={**desk.env, "WAYLAND_DISPLAY": display},
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, start_new_session=True)

    def test():
        closed = [p for p in DEFAULT_POWERS if not p.startswith("clipboard")]
        with Filter(program, desk.socket, closed) as f:
            outside = copy(desk.socket, SECRET)
            try:
                wait_for("the clipboard", lambda: paste(desk, desk.socket) == SECRET.encode())
                assert SECRET.encode() not in paste(desk, f.path), "it was there before"
                with Helper(helper, "in", desk.socket, f) as h:
                    assert h.said == f"ok text {len(SECRET)}", h.said
                    wait_for("what was carried", lambda: paste(desk, f.path) == SECRET.encode())
                assert SECRET.encode() not in paste(desk, f.path), "it stayed"
            finally:
                end(outside)
            inside = copy(f.path, "from the app")

            def out():
                with Helper(helper, "out", desk.socket, f) as h:
                    return h.said == "ok text 12" and paste(desk, desk.socket) == b"from the app"
            try:
                assert paste(desk, desk.socket) != b"from the app", "it got out by itself"
                wait_for("what the app has copied", out)
            finally:
                end(inside)
    return test


def roundtrips(desk, program):
    """Hundreds of connections, and a longer one, leave nothing behind."""
    def test():
        with Filter(program, desk.socket) as f:
            names(f.path)
            before = f.descriptors()
            for _ in range(100):
                names(f.path)
            with Client(f.path) as c:
                c.globals()
                end_at = time.monotonic() + 2
                while time.monotonic() < end_at:
                    assert c.roundtrip()
            wait_for("its descriptors", lambda: f.descriptors() <= before)
            assert f.memory()["Pss"] <= 1024, f.memory()
    return test


def main():
    become_ordinary()
    tap, program = Tap(), sys.argv[1]
    InTree.tree = sys.argv[2]
    for kind in (Sway, Labwc, Cage, Weston, KWin, Mutter):
        with kind() as desk:
            tap.run(offers(desk, program), f"{desk.name}: only what the rows name is offered")
            tap.run(context(desk, program), f"{desk.name}: a security context where there is one")
            for name in sorted(desk.tools):
                tap.run(tool(desk, program, name), f"{desk.name}: {name} works outside, not inside")
            tap.run(roundtrips(desk, program), f"{desk.name}: connections leave nothing behind")
            if kind is KWin:
                tap.run(clipboard(desk, program), f"{desk.name}: clipboard=out keeps the clipboard")
                tap.run(carried(desk, program), f"{desk.name}: carrel clip carries once")
            elif kind in (Sway, Labwc):
                with Keyboard(desk.socket):
                    tap.run(clipboard(desk, program), f"{desk.name}: clipboard=out keeps the clipboard")
                    tap.run(carried(desk, program), f"{desk.name}: carrel clip carries once")
    return tap.done()


sys.exit(main())
