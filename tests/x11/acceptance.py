#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An app on an X server of its own: what reaches it, what it reaches, and what is carried.

    acceptance.py BUILD POLICIES PROBE
"""
import errno
import glob
import os
import shutil
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import (KEYS, PASSWORD, PATIENCE, Copied, Display, Probe, Tap, Victim, below, end,  # noqa: E402
                 heard, keys_in, next_line, ordinary_stage, wait_for)
import cli_lib  # noqa: E402

OF_THE_VICTIM = ("victim", "victim-image", "composite-image", "send-event", "change-property",
                 "child")


class Box:
    """An app with x11=VALUE that runs until the end of the block."""

    def __init__(self, display, value, *argv, context="sockets=x11;"):
        self.display = display
        path = os.path.join(STAGE.top, f"{value}.policy")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"[Context]\n{context}\nfilesystems={PROBE}:ro;\n[Carrel Sandbox]\nprivate-session-bus=false\n"
                    f"[Carrel Display]\nx11={value}\n")
        self.argv = [STAGE.carrel, "run", f"--policy={path}", argv[0], "--", *argv[1:]]

    def __enter__(self):
        self.child = subprocess.Popen(self.argv, env=self.display.env, stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                      start_new_session=True)
        return self

    def line(self):
        """The next line that it writes; the pipe is read without a buffer of Python's."""
        return next_line(self.child)

    def folder(self):
        """Of the instance in the registry."""
        there = os.path.join(self.display.runtime, ".flatpak", "*")
        return wait_for("the instance", lambda: glob.glob(there))[0]

    def window(self):
        """Of the server, on the person's display."""
        found = wait_for("the server's window", lambda: subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--name", r"^\[Carrel\] "],
            env=self.display.env, stdout=subprocess.PIPE, check=False).stdout)
        return found.decode().split()[0]

    def __exit__(self, *_):
        end(self.child)
        self.child.stdin.close()
        self.child.stdout.close()
        wait_for("the end of the instance", lambda: not glob.glob(
            os.path.join(self.display.runtime, ".flatpak", "[0-9]*")))
        return False


def carrel(display, *argv):
    return subprocess.run([STAGE.carrel, *argv], env=display.env, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=PATIENCE,
                          check=False)


# ---- the probe inside ----

def probe_inside(tap, display, value):
    """X2 and X4: while the victim is typed into, nothing of it is seen."""
    name = f"x11={value}"
    with Victim(display) as victim, Copied(display, "CLIPBOARD-SECRET"), \
            Copied(display, "PRIMARY-SECRET", "primary"):
        with Probe(Box(display, value, PROBE, "victim").argv, display.env) as p:
            display.tool("xdotool", "windowfocus", "--sync", victim.window)
            typed = victim.type(PASSWORD)
            seen = p.results()
            echoed = victim.enter()
    keys = keys_in(seen)
    tap.point(seen["status"] == 0 and int(seen["extensions"]) > 10,
              f"X2 {name}: it has a server with extensions", f"{seen} {p.said}")
    tap.point(PASSWORD in typed, f"X2 {name}: the victim gets what is typed", typed)
    tap.point(max(keys) == 0, f"X2 {name}: reads no key by XI2, RECORD, QueryKeymap, SelectInput",
              keys)
    for power in OF_THE_VICTIM:
        tap.point(seen.get(power) == "no", f"X2 {name}: {power}: no", seen)
    tap.point("victim" not in seen["titles"], f"X2 {name}: no titles of others", seen)
    for selection in ("CLIPBOARD", "PRIMARY"):
        tap.point(seen.get(selection) == "-", f"X2 {name}: {selection}: keeps to itself", seen)
    tap.point(seen["xtest"] == "yes" and "q" not in echoed,
              f"X4 {name}: what it types by XTEST stays inside", (seen, echoed))


def own_keys(display):
    """X3: what is typed into its window it gets, and a probe there sees it."""
    with Box(display, "nested", "sh", "-c", f"xterm & sleep 1; {PROBE}; wait") as box:
        window = box.window()
        while box.line() != "watching":
            pass
        display.tool("xdotool", "windowfocus", "--sync", window)
        display.tool("xdotool", "type", "--delay", "30", PASSWORD)
        box.child.stdin.close()
        seen = dict(box.line().split() for _ in KEYS)
        box.child.stdin = open(os.devnull, "wb")
    assert heard(seen, ("raw-keys", "record-keys", "keymap")), seen


# ---- who may come, and where it comes ----

def raw_hello(path, cookie=b""):
    """A connection to the socket at path: its extensions, or None when it was refused."""
    name = b"MIT-MAGIC-COOKIE-1" if cookie else b""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(PATIENCE)
    s.connect(path)
    s.sendall(struct.pack("<BxHHHHxx", ord("l"), 11, 0, len(name), len(cookie)) +
              name + bytes(-len(name) % 4) + cookie + bytes(-len(cookie) % 4))

    def take(n):
        got = b""
        while len(got) < n:
            part = s.recv(n - len(got))
            if not part:
                return None
            got += part
        return got
    head = take(8)
    if not head or head[0] != 1:
        return None
    take(4 * struct.unpack("<H", head[6:])[0])
    s.sendall(struct.pack("<BxH", 99, 1))  # ListExtensions
    reply = take(32)
    s.close()
    return reply[1]


def cookie_inside(box):
    """The app's own, as its plan has it."""
    return bytes.fromhex(box.line())


def needs_its_cookie(display):
    """X5: the app's server lets in who has its cookie, and nobody else."""
    script = "tail -c 16 $XAUTHORITY | od -An -tx1 | tr -d ' \\n'; echo; exec xterm"
    with Box(display, "nested", "sh", "-c", script) as box:
        cookie = cookie_inside(box)
        box.window()
        path = os.path.join(box.folder(), "xserver")
        assert raw_hello(path, cookie) > 10
        assert raw_hello(path) is None, "without a cookie"
        assert raw_hello(path, bytes(16)) is None, "with a wrong cookie"
        assert os.stat(box.folder()).st_mode & 0o77 == 0, "others can reach the socket"


def server_is_untrusted(display):
    """X11: with what the server has, an exploited one has two extensions of the person's."""
    outside = f"/tmp/.X11-unix/X{display.number}"
    assert raw_hello(outside) > 10, "the person's display trusts the person"
    with Box(display, "nested", "xterm") as box:
        box.window()
        path = os.path.join(box.folder(), "x11-untrusted")
        assert raw_hello(path) == 2, raw_hello(path)
        with open(display.auth, "rb") as f:
            assert raw_hello(path, f.read()[-16:]) == 2, "by the person's own cookie"


def no_way_to_the_person(display):
    """X6 and X7: by number, over TCP, by the abstract name; with the host's network, too."""
    number = display.number
    names = (f":{number}", f"unix:{number}", f"localhost:{number}", f"127.0.0.1:{number}")
    for name in names[:2]:
        display.tool("xdpyinfo", "-display", name)
    script = "xdpyinfo > /dev/null && echo own\n" + "\n".join(
        f"xdpyinfo -display {name} > /dev/null 2>&1 && echo {name}" for name in names) + "\necho end"
    for context in ("sockets=x11;", "sockets=x11;\nshared=network;"):
        with Box(display, "nested", "sh", "-c", script, context=context) as box:
            assert (box.line(), box.line()) == ("own", "end"), context


# ---- its window ----

def follows_its_window(display):
    """X8: the app's screen is as large as the window on the person's display."""
    script = "while xwininfo -root | sed -n 's/.*geometry *//p'; do sleep 0.1; done"
    with Box(display, "nested", "sh", "-c", f"xterm & {script}") as box:
        window = box.window()
        for size in ("500x400", "800x600"):
            display.tool("xdotool", "windowsize", window, *size.split("x"))
            wait_for(f"{size} inside", lambda: box.line().startswith(size))


def shows_the_app(display):
    """X9: what the app draws is on the person's screen."""
    def colours():
        picture = display.tool("xwd", "-silent", "-id", window)
        return len(set(picture[i:i + 4] for i in range(len(picture) // 2, len(picture) - 4, 4)))
    with Box(display, "nested", "xlogo", "-bg", "#206040", "-fg", "#f0c020") as box:
        window = box.window()
        wait_for("its pixels", lambda: colours() > 1)


def leaves_nothing(display):
    """X10: whichever ends, nothing is left. Servers of others, whose tests may run beside this, are not ours."""
    def servers(box):
        return [pid for pid, name in below(box.child.pid).items() if name == "Xephyr"]

    def unserved():
        """Sockets of displays that are no more."""
        found = set()
        for path in glob.glob("/tmp/.X11-unix/X*"):
            with socket.socket(socket.AF_UNIX) as s:
                if s.connect_ex(path) == errno.ECONNREFUSED:
                    found.add(path)
        return found

    old = unserved()
    with Box(display, "nested", "xterm") as box:
        box.window()
        before = servers(box)
        assert before
    wait_for("the server's end", lambda: not any(os.path.exists(f"/proc/{pid}") for pid in before))
    wait_for("no socket of a server that is gone", lambda: unserved() <= old)
    with Box(display, "nested", "xterm") as box:
        box.window()
        for pid in servers(box):
            os.kill(pid, 9)
        wait_for("the app's end", lambda: box.child.poll() is not None)


def shares_memory_with_its_server_only(display):
    """Segments of the app reach its server; those of the person's are out of reach."""
    made = subprocess.run(["ipcmk", "-M", "4096", "-p", "0644"], stdout=subprocess.PIPE, check=True)
    segment = made.stdout.split()[-1].decode()

    def said(argv):
        done = subprocess.run(argv, env=display.env, stdout=subprocess.PIPE, timeout=PATIENCE,
                              stdin=subprocess.DEVNULL, check=True)
        return done.stdout.decode().split("\n")[:3]
    try:
        assert said([PROBE, "--memory", segment]) == ["open yes", "memory-with-the-server yes",
                                                      "memory-of-others yes"]
        for value in ("nested", "headless"):
            box = Box(display, value, PROBE, "--memory", segment)
            assert said(box.argv) == ["open yes", "memory-with-the-server yes",
                                      "memory-of-others no"], (value, said(box.argv))
    finally:
        subprocess.run(["ipcrm", "-m", segment], check=True)


# ---- carrel clip ----

def pasted(display_env):
    done = subprocess.run(["xclip", "-selection", "clipboard", "-out"], env=display_env,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False,
                          timeout=PATIENCE)
    return done.stdout


def carries_by_the_person_only(display):
    script = ("echo up; read x; xclip -selection clipboard -out || echo nothing; echo; "
              "read x; xclip -selection clipboard -out; echo; "
              "printf inside | xclip -quiet -selection clipboard -in & read x; echo set; read x")

    def go(box):
        box.child.stdin.write(b"\n")
        box.child.stdin.flush()

    def offered():
        listed = carrel(display, "clip", "--list", name)
        assert listed.returncode == 0, listed
        return listed.stdout.splitlines()
    with Copied(display, "outside"), \
            Box(display, "nested", "sh", "-c", f"xterm & {script}") as box:
        box.window()
        assert box.line() == "up"
        go(box)
        assert box.line() == "nothing", "it was there by itself"
        box.line()
        name = os.path.basename(box.folder())
        done = carrel(display, "clip", name, "in")
        assert done.returncode == 0 and b"text 7 bytes" in done.stdout, done
        go(box)
        assert box.line() == "outside"
        go(box)
        assert box.line() == "set"
        assert offered()[0].startswith(b"your display: UTF8_STRING"), offered()
        wait_for("what the app copies", lambda: b"UTF8_STRING" in offered()[1])
        assert pasted(display.env) == b"outside", "it came by itself"
        done = carrel(display, "clip", name, "out")
        assert done.returncode == 0, done
        assert pasted(display.env) == b"inside"


def refuses_what_has_no_server(display):
    for value, reason in (("shared", "on your display itself"), ("untrusted", "on your display")):
        with Box(display, value, "sh", "-c", "echo up; exec sleep 1000") as box:
            assert box.line() == "up"
            done = carrel(display, "clip", os.path.basename(box.folder()), "in")
            assert done.returncode == 125 and reason in done.stderr.decode(), done
    for words in (("nobody-runs-this", "in"), ("x",), ("x", "sideways"), ("--list", "x", "in")):
        assert carrel(display, "clip", *words).returncode in (125, 127), words


def main():
    tap = Tap()
    with Display() as display:
        for value in ("nested", "headless"):
            probe_inside(tap, display, value)
        for f in (own_keys, needs_its_cookie, server_is_untrusted, no_way_to_the_person,
                  follows_its_window, shows_the_app, leaves_nothing,
                  shares_memory_with_its_server_only, carries_by_the_person_only,
                  refuses_what_has_no_server):
            label = (f.__doc__ or f.__name__).split(":")[0]
            label = f"{label}: {f.__name__}" if label.startswith("X") else f.__name__
            tap.run(lambda f=f: f(display), label)
    return tap.done()


if len(sys.argv) > 3 and sys.argv[3] == "-":
    TAP = Tap()
    TAP.skip("the probe", "it was not built: X's development packages are not installed")
    sys.exit(TAP.done())
STAGE = cli_lib.Stage(*sys.argv[1:3])
PROBE = shutil.copy(sys.argv[3], STAGE.path("probe"))
os.chmod(STAGE.top, 0o755)
ordinary_stage(STAGE)
try:
    sys.exit(main())
finally:
    STAGE.close()
