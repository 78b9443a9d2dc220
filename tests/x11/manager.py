#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The window manager of an app's own server, started after the app has made its windows: it shows and moves none
that the app keeps hidden, or keeps managers off, and says of each kind that there is one. And carrel-xserver without
a display.

    manager.py MANAGER XSERVER
"""
import fcntl
import os
import re
import select
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import PATIENCE, Display, Tap, end, wait_for  # noqa: E402

CONTROL = 6  # the descriptor whose end is the app's

# Makes a window of each kind that is named, then one more for each line that it reads; says their numbers.
CLIENT = """
import ctypes, sys
class Attributes(ctypes.Structure):
    _fields_ = [("before", ctypes.c_ulong * 11), ("override_redirect", ctypes.c_int), ("rest", ctypes.c_ulong * 4)]
x = ctypes.CDLL("libX11.so.6")
x.XOpenDisplay.restype = ctypes.c_void_p
x.XDefaultRootWindow.restype = x.XCreateSimpleWindow.restype = ctypes.c_ulong
display = ctypes.c_void_p(x.XOpenDisplay(None))
root = ctypes.c_ulong(x.XDefaultRootWindow(display))

def make(kind):
    none = ctypes.c_ulong(0)
    window = ctypes.c_ulong(x.XCreateSimpleWindow(display, root, 70, 60, 50, 40, 0, none, none))
    if kind.startswith("dialog"):
        numbers = [int(n) for n in kind.split()[1:]]
        owner = (ctypes.c_ulong * 1)(*numbers)
        hint = (ctypes.c_ulong * 18)(0x30, *[50, 40] * 8)
        x.XChangeProperty(display, window, ctypes.c_ulong(40), ctypes.c_ulong(41), 32, 0, hint, 18)
        if numbers:
            x.XChangeProperty(display, window, ctypes.c_ulong(68), ctypes.c_ulong(33), 32, 0, owner, 1)
    if kind.startswith("hints"):  # whether it takes keys, and its least size
        takes, least = [int(n) for n in kind.split()[1:]]
        hints, normal = (ctypes.c_ulong * 9)(1, takes), (ctypes.c_ulong * 18)(0x10, 0, 0, 0, 0, least, least)
        x.XChangeProperty(display, window, ctypes.c_ulong(35), ctypes.c_ulong(35), 32, 0, hints, 9)
        x.XChangeProperty(display, window, ctypes.c_ulong(40), ctypes.c_ulong(41), 32, 0, normal, 18)
    if kind == "menu":
        x.XChangeWindowAttributes(display, window, ctypes.c_ulong(1 << 9), ctypes.byref(Attributes(override_redirect=1)))
    if kind != "hidden":
        x.XMapWindow(display, window)
    x.XSync(display, 0)
    print(kind.split()[0], window.value, flush=True)

for kind in sys.argv[1:]:
    make(kind)
for line in sys.stdin:
    make(line.strip())
"""


class Client:
    def __init__(self, display, *kinds):
        self.child = subprocess.Popen(["/usr/bin/python3", "-c", CLIENT, *kinds], env=display.env, text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self.windows = dict(self.next() for _ in kinds)

    def next(self):
        kind, _, window = self.child.stdout.readline().partition(" ")
        assert window, "the client has ended"
        return kind, window.strip()

    def make(self, kind):
        self.child.stdin.write(kind + "\n")
        self.child.stdin.flush()
        return self.next()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end(self.child)
        self.child.stdin.close()
        self.child.stdout.close()
        return False


class Manager:
    def __init__(self, display, program):
        self.child = subprocess.Popen([program, display.number], env=display.env, stdout=subprocess.PIPE,
                                      stdin=subprocess.DEVNULL, start_new_session=True)

    def shows_the_server(self, seconds=PATIENCE):
        ready, _, _ = select.select([self.child.stdout], [], [], seconds)
        return bool(ready)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end(self.child)
        self.child.stdout.close()
        return False


def size_of(display, window):
    said = display.tool("xwininfo", "-id", window).decode()
    return tuple(int(n) for n in re.findall(r"(?:Absolute upper-left [XY]|Width|Height): +(-?\d+)", said))


def is_shown(display, window):
    return b"Map State: IsViewable" in display.tool("xwininfo", "-id", window)


def is_managed(display, window):
    return b"window state: Normal" in display.tool("xprop", "-id", window, "WM_STATE")


def touches_what_is_shown_only(display, program):
    with Client(display, "hidden", "menu", "shown") as app:
        for kind, window in app.windows.items():
            assert is_shown(display, window) == (kind != "hidden") and not is_managed(display, window), kind
        with Manager(display, program):
            # One that came before it looked, and one that came afterwards: by then it has looked at all.
            for window in (app.windows["shown"], app.make("shown")):
                wait_for("a managed window", lambda w=window: is_managed(display, w))
            for kind in ("hidden", "menu"):
                window = app.windows[kind]
                assert is_shown(display, window) == (kind == "menu"), f"{kind} was shown or hidden"
                assert not is_managed(display, window), kind
                assert size_of(display, window) == (70, 60, 50, 40), (kind, size_of(display, window))


def stack(display):
    """What is on the screen, the topmost first."""
    return [str(int(n, 16)) for n in re.findall(r"^ +(0x[0-9a-f]+) ", display.tool(
        "xwininfo", "-root", "-children").decode(), re.M)]


def covers_no_dialog(display, program):
    """A window that fills the screen comes to the front: whose dialog it may be, nobody could get at what it covers."""
    with Client(display, "shown") as app, Manager(display, program):
        main = app.windows["shown"]
        wait_for("the window", lambda: is_managed(display, main))
        dialogs = [app.make("dialog")]
        dialogs.append(app.make(f"dialog {main}"))
        dialogs.append(app.make(f"dialog {dialogs[1]}"))
        for window in dialogs:
            wait_for("a dialog", lambda w=window: is_managed(display, w))
        display.tool("xdotool", "windowactivate", "--sync", main)
        wait_for("its dialogs to be above", lambda: stack(display)[:4] == [*reversed(dialogs), main])
        # Of two that float, the one in front covers what is not its own, too.
        other = app.make("shown")
        wait_for("the other window", lambda: is_managed(display, other))
        display.tool("xdotool", "windowactivate", "--sync", main)
        wait_for("its own dialogs above it", lambda: stack(display)[:3] == [*reversed(dialogs[1:]), main])


def tells_a_frame_to_who_looks_for_one(display, program):
    """Programs of Lazarus on GTK 2 wait with a window of no size and no keys until there is one. None other is told."""
    with Client(display) as app, Manager(display, program):
        for kind, frame in (("hints 0 0", "0, 0, 1, 0"), ("hints 1 0", "0, 0, 0, 0"), ("hints 0 5", "0, 0, 0, 0"),
                            ("shown", "0, 0, 0, 0")):
            window = app.make(kind)
            wait_for(f"{kind}: managed", lambda w=window: is_managed(display, w))
            said = display.tool("xprop", "-id", window, "_NET_FRAME_EXTENTS").decode().strip()
            assert said.endswith("= " + frame), (kind, said)


def shows_the_server_for(kind):
    def check(display, program):
        with Client(display, kind), Manager(display, program) as manager:
            assert manager.shows_the_server()
    return check


def shows_no_server_without_a_window(display, program):
    with Client(display) as app, Manager(display, program) as manager:
        wait_for("the manager", lambda: b"_NET_SUPPORTING_WM_CHECK(WINDOW)" in display.tool(
            "xprop", "-root", "_NET_SUPPORTING_WM_CHECK"))
        assert not manager.shows_the_server(0.5)
        app.make("hidden")
        assert manager.shows_the_server()


def complains_while_there_is_an_app(xserver):
    """Where the app has ended, the way to the person's display may have, too."""
    def said(ended):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            if ended:
                ours.close()
            high = fcntl.fcntl(theirs, fcntl.F_DUPFD_CLOEXEC, 20)  # out of the way of the number that it gets
            try:
                return subprocess.run([xserver, "59999", "/usr/bin/Xephyr"], stdin=subprocess.DEVNULL, text=True,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=PATIENCE,
                                      check=False, preexec_fn=lambda: os.dup2(high, CONTROL), close_fds=False).stderr
            finally:
                os.close(high)
    assert said(ended=False) == "carrel-xserver: the person's display cannot be reached\n"
    assert said(ended=True) == ""


def main():
    program, xserver, tap = sys.argv[1], sys.argv[2], Tap()
    for name, check in [("touches only what is shown, and is for managers", touches_what_is_shown_only),
                        ("covers no dialog", covers_no_dialog),
                        ("tells a frame to who looks for one", tells_a_frame_to_who_looks_for_one),
                        ("shows no server without a window", shows_no_server_without_a_window),
                        *((f"shows the server for a window that is {kind} when it looks", shows_the_server_for(kind))
                          for kind in ("hidden", "menu", "shown"))]:
        def run(check=check):
            with Display() as display:
                check(display, program)
        tap.run(run, f"the manager of an app's own server {name}")
    tap.run(lambda: complains_while_there_is_an_app(xserver), "carrel-xserver complains while there is an app")
    return tap.done()


sys.exit(main())
