#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The clipboard's keys in the window of an app's own X server, and clipboard= for what is carried by
hand: the person's keys carry, what the app can do to its own server does not.

    keys.py BUILD POLICIES
"""
import glob
import os
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import PATIENCE, Copied, Display, Tap, end, next_line, ordinary_stage, wait_for  # noqa: E402
import cli_lib  # noqa: E402

IN, OUT = "ctrl+shift+Insert", "ctrl+alt+Insert"
OUTSIDE, INSIDE = "copied outside", "copied inside"
A_WHILE = 3  # seconds in which what must not come would have come: a press takes a tenth of one


SHIFT, CONTROL, ALT = 1, 4, 8
# xdotool's --window presses the key as well where the window has the focus. WINDOW KEYSYM STATE
SENDS = """
import ctypes, sys
class Key(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("sent", ctypes.c_int), ("display", ctypes.c_void_p),
                ("window", ctypes.c_ulong), ("root", ctypes.c_ulong), ("child", ctypes.c_ulong),
                ("time", ctypes.c_ulong), ("x", ctypes.c_int), ("y", ctypes.c_int), ("root_x", ctypes.c_int),
                ("root_y", ctypes.c_int), ("state", ctypes.c_uint), ("code", ctypes.c_uint), ("same", ctypes.c_int),
                ("rest", ctypes.c_long * 24)]
x = ctypes.CDLL("libX11.so.6")
x.XOpenDisplay.restype = ctypes.c_void_p
x.XStringToKeysym.restype = ctypes.c_ulong
display = ctypes.c_void_p(x.XOpenDisplay(None))
code = x.XKeysymToKeycode(display, ctypes.c_ulong(x.XStringToKeysym(sys.argv[2].encode()))) & 0xff
event = Key(type=2, window=int(sys.argv[1]), state=int(sys.argv[3]), code=code, same=1)
x.XSendEvent(display, ctypes.c_ulong(event.window), 0, ctypes.c_long(1), ctypes.byref(event))
x.XCloseDisplay(display)
"""


class App:
    """A shell in an X server of its own, with a terminal's window, that does as it is told."""

    def __init__(self, stage, display, *values, x11="nested"):
        self.display = display
        path = stage.write("keys.policy", "[Context]\nsockets=x11;\n[Carrel Sandbox]\n"
                           f"private-session-bus=false\n[Carrel Display]\nx11={x11}\n" +
                           "".join(f"{v}\n" for v in values))
        self.stage, self.said = stage, os.path.join(display.folder, "said")
        self.argv = [stage.carrel, "run", f"--policy={path}", "sh", "--", "-c",
                     'xterm -T inner -e sleep 600 & while read -r line; do eval "$line"; done']

    def __enter__(self):
        with open(self.said, "wb") as said:
            self.child = subprocess.Popen(self.argv, env=self.display.env, stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE, stderr=said,
                                          start_new_session=True)
        self.tell("xdpyinfo >/dev/null && echo up || echo down")
        try:
            assert self.line() == "up", self.errors()
        except AssertionError as e:
            shown = subprocess.run(["ps", "-eo", "pid,ppid,wchan:20,args"], stdout=subprocess.PIPE,
                                   check=False, text=True).stdout
            self.__exit__()
            raise AssertionError(f"{e}\n{self.errors()}\n{shown}") from None
        return self

    def tell(self, script):
        self.child.stdin.write(script.encode() + b"\n")
        self.child.stdin.flush()

    def line(self):
        return next_line(self.child)

    def ask(self, script):
        self.tell(script)
        return self.line()

    def pasted(self):
        """What somebody in the app gets: the program waits for an owner that says something."""
        return self.ask("echo $(timeout 10 xclip -selection clipboard -out 2>/dev/null)")

    def copies(self, text):
        self.tell(f"printf '{text}' | xclip -quiet -selection clipboard -in >/dev/null 2>&1 &")
        wait_for("what the app copies", lambda: self.pasted() == text)

    def window(self):
        found = wait_for("the server's window", lambda: subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--name", r"^\[Carrel\] "],
            env=self.display.env, stdout=subprocess.PIPE, check=False).stdout)
        return found.decode().split()[0]

    def press(self, key):
        """As the person does: on the person's display, in the app's window."""
        self.display.tool("xdotool", "windowfocus", "--sync", self.window())
        self.display.tool("xdotool", "key", key)

    def press_until(self, key, what, check):
        """Who listens may still be on the way when the window is there."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self.press(key)
            for _ in range(20):
                if check():
                    return
                time.sleep(0.1)
        raise AssertionError(f"{what}: {self.errors()}")

    def folder(self):
        return glob.glob(os.path.join(self.display.runtime, ".flatpak", "[0-9]*"))[0]

    def errors(self):
        with open(self.said, encoding="utf-8", errors="replace") as f:
            return f.read()

    def clips(self, *words):
        done = self.clip(*words)
        assert done.returncode == 0, (done, self.errors())

    def clip(self, *words):
        return subprocess.run([self.stage.carrel, "clip", os.path.basename(self.folder()), *words],
                              env=self.display.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False, text=True)

    def __exit__(self, *_):
        end(self.child)
        self.child.stdin.close()
        self.child.stdout.close()
        wait_for("the end of the instance", lambda: not glob.glob(
            os.path.join(self.display.runtime, ".flatpak", "[0-9]*")))
        return False


def outside(display):
    done = subprocess.run(["xclip", "-selection", "clipboard", "-out"], env=display.env,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False,
                          timeout=PATIENCE)
    return done.stdout.decode()


# ---- what the person does ----

def a_key_brings_it_in(stage, display):
    with Copied(display, OUTSIDE), App(stage, display) as app:
        assert app.pasted() == "", "it was there by itself"
        app.press_until(IN, "it did not come", lambda: app.pasted() == OUTSIDE)
        # once: what is copied later stays outside
        with Copied(display, "later"):
            time.sleep(1)
            assert app.pasted() == OUTSIDE, app.pasted()


def a_key_brings_it_out(stage, display):
    with Copied(display, OUTSIDE), App(stage, display) as app:
        app.copies(INSIDE)
        time.sleep(1)
        assert outside(display) == OUTSIDE, "it came by itself"
        app.press_until(OUT, "it did not come", lambda: outside(display) == INSIDE)
        assert app.pasted() == INSIDE


def a_picture_goes_too(stage, display):
    data = b"\x89PNG\r\n\x1a\n" + bytes(300_000)
    with Copied(display, data, target="image/png"), App(stage, display) as app:
        app.press_until(IN, "it did not come", lambda: app.ask(
            "echo $(timeout 10 xclip -selection clipboard -target image/png -out 2>/dev/null | "
            "wc -c)") == str(len(data)))


def keys_with_locks_on(stage, display):
    """CapsLock and NumLock take nothing away."""
    with Copied(display, OUTSIDE), App(stage, display) as app:
        for lock in ("Caps_Lock", "Num_Lock"):
            display.tool("xdotool", "key", lock)
        try:
            app.press_until(IN, "it did not come", lambda: app.pasted() == OUTSIDE)
        finally:
            for lock in ("Caps_Lock", "Num_Lock"):
                display.tool("xdotool", "key", lock)


def the_policy_names_the_keys(stage, display):
    with Copied(display, OUTSIDE), App(stage, display, "clipboard-in-key=Super+F5",
                                       "clipboard-out-key=none") as app:
        app.press_until("super+F5", "it did not come", lambda: app.pasted() == OUTSIDE)
        app.copies(INSIDE)
        for key in (IN, OUT):
            app.press(key)
        time.sleep(A_WHILE)
        assert app.pasted() == INSIDE and outside(display) == OUTSIDE


def other_keys_are_the_app_s(stage, display):
    """What is typed, with Insert too, reaches the app; the clipboard's keys do not."""
    with App(stage, display) as app:
        app.tell("xev -event keyboard -geometry 200x100+0+0 > $HOME/keys 2>&1 & sleep 1; echo on")
        assert app.line() == "on"
        wait_for("its window", lambda: app.ask("xwininfo -root -tree | grep -c 'Event Tester'") != "0")
        app.ask("xdotool search --name 'Event Tester' windowfocus --sync; echo focused")
        wait_for("a key", lambda: (app.press("a"), app.ask("grep -c 'keysym 0x61' $HOME/keys"))[1]
                 != "0")
        app.press("shift+Insert")
        wait_for("Insert", lambda: app.ask("grep -c 'keysym 0xff63' $HOME/keys") != "0")
        with Copied(display, OUTSIDE):
            app.press_until(IN, "it did not come", lambda: app.pasted() == OUTSIDE)
        presses = app.ask("grep -A2 ^KeyPress $HOME/keys | grep -c 'keysym 0xff63'")
        assert presses == "1", presses
        # no key is stuck: what is typed next has no modifier
        app.press("b")
        wait_for("a plain b", lambda: app.ask(
            "echo $(grep -A2 ^KeyPress $HOME/keys | grep 'keysym 0x62' | grep -c 'state 0x0,')") == "1")


# ---- what the app does ----

def the_app_cannot_press_it(stage, display):
    """XTEST and SendEvent in its own server are not the person's keys; the same keys by XTEST on the
    person's display, which stands for the person here, are (the tests above, and the end)."""
    with Copied(display, OUTSIDE), App(stage, display) as app:
        app.press_until(IN, "who listens", lambda: app.pasted() == OUTSIDE)
        app.copies(INSIDE)
        display.tool("xdotool", "windowfocus", "--sync", app.window())
        for key in (IN, OUT):
            assert app.ask(f"xdotool key {key} && echo done") == "done"
            assert app.ask("xdotool search --name inner key --window %1 "
                           f"{key} >/dev/null 2>&1; echo done") == "done"
            assert app.ask(f"xdotool keydown {key} && xdotool keyup {key} && echo done") == "done"
        time.sleep(A_WHILE)
        assert app.pasted() == INSIDE, "its own XTEST brought in what is outside"
        assert outside(display) == OUTSIDE, "its own XTEST brought out what is inside"
        app.press_until(OUT, "the person's key", lambda: outside(display) == INSIDE)


def what_is_only_sent_is_no_key(stage, display):
    """SendEvent to the window on the person's display: all that one could do who comes untrusted."""
    with Copied(display, OUTSIDE), App(stage, display) as app:
        app.press_until(IN, "who listens", lambda: app.pasted() == OUTSIDE)
        app.copies(INSIDE)
        window = app.window()
        with open(os.path.join(display.folder, "heard"), "w+", encoding="utf-8") as heard:
            ears = subprocess.Popen(["xev", "-id", window, "-event", "keyboard"], env=display.env,
                                    stdout=heard, stderr=subprocess.DEVNULL)
            try:
                def arrives():  # the listener there takes it for what it is
                    for held in (CONTROL | SHIFT, CONTROL | ALT):
                        subprocess.run([sys.executable, "-c", SENDS, window, "Insert", str(held)],
                                       env=display.env, check=True, timeout=PATIENCE)
                    heard.seek(0)
                    return heard.read().count("synthetic YES") >= 2
                wait_for("what was sent", arrives)
            finally:
                end(ears)
        time.sleep(A_WHILE)
        got = app.pasted(), outside(display)
        assert got == (INSIDE, OUTSIDE), f"what was sent has been taken for a key: {got}"


def who_knocks_is_no_key(stage, display):
    """The nested server may say which window is meant, and nothing more; the app not even that."""
    with Copied(display, OUTSIDE), App(stage, display) as app:
        assert app.ask("ls / /run/carrel /tmp/.X11-unix | grep -c clip") == "0", "the app sees it"
        wait_for("who listens", lambda: "clip" in os.listdir(app.folder()))
        for words in (b"in\0\0", b"out\0", b"\0\0\0\0", b"\x02" * 32):
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(os.path.join(app.folder(), "clip"))
                s.sendall(words)
        time.sleep(A_WHILE)
        assert app.pasted() == "", "a word was taken for a key"
        app.press_until(IN, "it did not come", lambda: app.pasted() == OUTSIDE)


# ---- what the policy says ----

def one_way(stage, display, value):
    """clipboard=in or out: the other way has neither a key nor carrel clip."""
    good, bad = (IN, OUT) if value == "in" else (OUT, IN)
    with Copied(display, OUTSIDE), App(stage, display, f"clipboard={value}") as app:
        if value == "in":
            app.press_until(good, "it did not come", lambda: app.pasted() == OUTSIDE)
            app.copies(INSIDE)
        else:
            app.copies(INSIDE)
            app.press_until(good, "it did not come", lambda: outside(display) == INSIDE)
    with Copied(display, OUTSIDE), App(stage, display, f"clipboard={value}") as app:
        app.copies(INSIDE)
        app.press(bad)
        other = "out" if value == "in" else "in"
        done = app.clip(other)
        assert done.returncode == 125 and f"clipboard={value}" in done.stderr, done
        time.sleep(A_WHILE)
        assert app.pasted() == INSIDE and outside(display) == OUTSIDE
        done = app.clip(value)
        assert done.returncode == 0, done


def none_is_none(stage, display):
    """clipboard=none: no key, no service; carrel clip names the line of the policy that said so."""
    with Copied(display, OUTSIDE), App(stage, display, "clipboard=none") as app:
        app.copies(INSIDE)
        assert "clip" not in os.listdir(app.folder()), os.listdir(app.folder())
        for key in (IN, OUT):
            app.press(key)
        for way in ("in", "out"):
            done = app.clip(way)
            assert done.returncode == 125, done
            assert "clipboard=none" in done.stderr and "keys.policy:7" in done.stderr, done
        time.sleep(A_WHILE)
        assert app.pasted() == INSIDE and outside(display) == OUTSIDE
        assert app.clip("--list").returncode == 0


def both_is_by_hand_too(stage, display):
    """On X no word lets anything cross by itself."""
    for value in ("both", "ask"):
        with Copied(display, OUTSIDE), App(stage, display, f"clipboard={value}") as app:
            time.sleep(A_WHILE)
            assert app.pasted() == "", value
            app.clips("in")
            wait_for("it", lambda: app.pasted() == OUTSIDE)
            app.copies(INSIDE)
            assert outside(display) == OUTSIDE, value
            app.clips("out")
            wait_for("it", lambda: outside(display) == INSIDE)


def headless_has_no_key(stage, display):
    with Copied(display, OUTSIDE), App(stage, display, x11="headless") as app:
        assert "clip" not in os.listdir(app.folder())
        app.clips("in")
        wait_for("it", lambda: app.pasted() == OUTSIDE)


def tells_when_there_is_nothing(stage, display):
    with Display() as empty:
        with App(stage, empty) as app:
            app.press_until(IN, "no word", lambda: "carrel-clip: there is no text" in app.errors())


def main():
    tap = Tap()
    for tool in ("Xephyr", "Xvfb", "xclip", "xdotool", "xev"):
        if not shutil.which(tool):
            tap.skip("the clipboard's keys", f"{tool} is not installed")
            return tap.done()
    stage = ordinary_stage(cli_lib.Stage(*sys.argv[1:3]))
    try:
        with Display() as display:
            for f in (a_key_brings_it_in, a_key_brings_it_out, a_picture_goes_too,
                      keys_with_locks_on, the_policy_names_the_keys, other_keys_are_the_app_s,
                      the_app_cannot_press_it, what_is_only_sent_is_no_key, who_knocks_is_no_key,
                      none_is_none, both_is_by_hand_too, headless_has_no_key,
                      tells_when_there_is_nothing):
                tap.run(lambda f=f: f(stage, display), f.__name__)
            for value in ("in", "out"):
                tap.run(lambda v=value: one_way(stage, display, v), f"one_way, clipboard={value}")
    finally:
        stage.close()
    return tap.done()


sys.exit(main())
