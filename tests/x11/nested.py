#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""x11=nested and x11=headless: an X server of the app's own, beside a victim on the person's.

    nested.py BUILD POLICIES PROBE
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import (PASSWORD, PATIENCE, Copied, Display, Probe, Tap, Victim,  # noqa: E402
                 below, children, end, heard, keys_in, named, ordinary_stage, wait_for)
import cli_lib  # noqa: E402

REACHES_OTHERS = ("victim", "victim-image", "send-event", "change-property", "child")


def policy(stage, value, context="sockets=x11;"):
    path = os.path.join(stage.top, f"{value}.policy")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"[Context]\n{context}\n[Carrel Sandbox]\nprivate-session-bus=false\n"
                f"[Carrel Display]\nx11={value}\n")
    return f"--policy={path}"


def confined(stage, value, *argv, context="sockets=x11;"):
    return [stage.carrel, "run", policy(stage, value, context), argv[0], "--", *argv[1:]]


def ask(stage, display, value, *argv, context="sockets=x11;"):
    return subprocess.run(confined(stage, value, *argv, context=context), env=display.env,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE,
                          stdin=subprocess.DEVNULL, check=False, text=True)


def frame(display, *how):
    """The window of an app's own server on the person's display, if it is to be seen. What the server draws
    in has the same title."""
    done = subprocess.run(["xdotool", "search", *(how or ("--onlyvisible",)), "--classname", "^carrel$"],
                          env=display.env, stdout=subprocess.PIPE, check=False)
    return done.stdout.decode().split()[0] if done.stdout.strip() else None


class Running:
    """A confined xterm on a server of its own, once its window is there."""

    def __init__(self, stage, display, value="nested", script="cat"):
        self.display, self.server = display, "Xvfb" if value == "headless" else "Xephyr"
        self.out = os.path.join(display.folder, "out")
        with open(self.out, "wb") as out:
            self.child = subprocess.Popen(confined(stage, value, "sh", "-c", script),
                                          env=display.env, stdout=out, stderr=out,
                                          stdin=subprocess.PIPE, start_new_session=True)

    def said(self):
        with open(self.out, encoding="utf-8", errors="replace") as f:
            return f.read()

    def __enter__(self):
        wait_for(f"its server: {self.said()}", lambda: named(self.child.pid, self.server))
        self.all = below(self.child.pid)
        return self

    def window(self):
        return frame(self.display)

    def __exit__(self, *_):
        end(self.child)
        self.child.stdin.close()
        return False


# ---- what it keeps from others ----

def sees_nothing(tap, display, stage, probe, value):
    argv = confined(stage, value, probe, "victim")
    with Victim(display) as victim, Copied(display, "CLIPBOARD-SECRET"), \
            Copied(display, "PRIMARY-SECRET", "primary"):
        with Probe(argv, display.env) as p:
            display.tool("xdotool", "windowfocus", "--sync", victim.window)
            typed = victim.type(PASSWORD)
            seen = p.results()
            echoed = victim.enter()
    name = f"x11={value}"
    keys = keys_in(seen)
    tap.point(seen["status"] == 0, f"{name}: a window opens", f"{seen} {p.said}")
    tap.point(PASSWORD in typed, f"{name}: the victim gets what is typed", typed)
    tap.point(max(keys) == 0, f"{name}: sees no key of others", keys)
    tap.point(not any(seen.get(p) == "yes" for p in REACHES_OTHERS), f"{name}: no window of others",
              seen)
    tap.point("q" not in echoed, f"{name}: what it types by XTEST stays with it", echoed)
    tap.point("victim" not in seen["titles"], f"{name}: no titles of others", seen)
    for selection in ("CLIPBOARD", "PRIMARY"):
        tap.point(seen.get(selection) == "-", f"{name}: {selection} of others is not read", seen)


def own_keys_arrive(display, stage, probe):
    """What makes the row above worth something: the same probe hears its own window's keys."""
    with Probe(confined(stage, "nested", probe, "victim"), display.env) as p:
        window = wait_for("its window", lambda: frame(display))
        display.tool("xdotool", "windowfocus", "--sync", window)
        display.tool("xdotool", "mousemove", "--window", window, "300", "200")
        display.tool("xdotool", "type", "--delay", "20", PASSWORD)
        seen = p.results()
    assert heard(seen, ("raw-keys", "record-keys")), seen


def host_display_is_out_of_reach(display, stage):
    open_it = f"xdpyinfo -display :{display.number} >/dev/null 2>&1"
    subprocess.run(["sh", "-c", open_it], env=display.env, check=True)
    script = (f"xdpyinfo >/dev/null && echo own; {open_it} || echo refused; "
              "env XAUTHORITY=/dev/null xdpyinfo >/dev/null 2>&1 || echo cookie; "
              "ls /tmp/.X11-unix | wc -l")
    for context in ("sockets=x11;", "sockets=x11;\nshared=network;"):
        done = ask(stage, display, "nested", "sh", "-c", script, context=context)
        assert done.stdout.split() == ["own", "refused", "cookie", "1"], (context, done)


def the_default_is_nested(display, stage):
    """No word about X in the policy; --x11=shared is the only way to the display itself, and is told."""
    path = stage.write("plain.policy", "[Context]\nsockets=x11;\n"
                       "[Carrel Sandbox]\nprivate-session-bus=false\n")

    def sees(*options):
        return subprocess.run([stage.carrel, "run", f"--policy={path}", *options, "sh", "--", "-c",
                               "xwininfo -root -tree"], env=display.env, text=True, timeout=PATIENCE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, check=False)
    with Victim(display):
        done = sees("--x11=shared")
        assert '"victim"' in done.stdout and "shares your X display" in done.stderr, done
        done = sees()
        assert done.returncode == 0 and "Root window id" in done.stdout, done
        assert '"victim"' not in done.stdout and not done.stderr, done


# ---- the server's own walls ----

def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def server_is_confined(display, stage):
    with Running(stage, display, script="xdpyinfo >/dev/null; exec sleep 60") as r:
        server = named(r.child.pid, "Xephyr")
        status = status_of(server)
        assert status["Seccomp"].strip() == "2" and status["NoNewPrivs"].strip() == "1", status
        assert int(status["CapEff"], 16) == 0, status
        root = set(os.listdir(f"/proc/{server}/root"))
        assert "home" not in root and "etc" in root, root
        for name in ("net", "mnt", "pid", "user"):
            assert os.readlink(f"/proc/{server}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}")
        with open(f"/proc/{server}/net/unix", encoding="utf-8") as f:
            text = f.read()
        assert "@" not in text, text
        tree = plan_of(display, stage)
        assert "by way of a relay, untrusted" in tree, tree


def plan_of(display, stage):
    return subprocess.run([stage.carrel, "plan", policy(stage, "nested"), "true"], env=display.env,
                          stdout=subprocess.PIPE, check=True, text=True).stdout


def shares_memory_with_nobody_else(display, stage):
    """MIT-SHM takes one IPC namespace, which must not be the host's."""
    subprocess.run(["ipcmk", "-M", "4096"], check=True, stdout=subprocess.DEVNULL)
    try:
        host = subprocess.run(["ipcs", "-m"], check=True, stdout=subprocess.PIPE).stdout
        assert host.count(b"\n0x") >= 1, host
        script = "xdpyinfo >/dev/null; ipcs -m; exec sleep 60"
        with Running(stage, display, script=script) as r:
            wait_for("the list of segments", lambda: "shmid" in r.said())
            assert "0x" not in r.said(), r.said()
            both = [wait_for(name, lambda n=name: named(r.child.pid, n)) for name in ("sleep", "Xephyr")]
            ipc = {os.readlink(f"/proc/{p}/ns/ipc") for p in both}
            assert len(ipc) == 1 and os.readlink("/proc/self/ns/ipc") not in ipc, ipc
    finally:
        for line in host.decode().splitlines():
            word = line.split()
            if line.startswith("0x") and status_uid(word):
                subprocess.run(["ipcrm", "-m", word[1]], check=False, stderr=subprocess.DEVNULL)


def status_uid(word):
    """Whether a row of ipcs is a segment of the size that this test makes, with nobody attached."""
    return len(word) > 5 and word[4] == "4096" and word[5] == "0"


# ---- its window ----

def starts_beside_the_app(display, stage):
    """Where the policy is sure of it, nobody waits for the first connection; beside a program that nobody has
    written a policy for, it does."""
    with Running(stage, display, script="exec sleep 60") as r:
        assert named(r.child.pid, "sleep") or wait_for("the app", lambda: named(r.child.pid, "sleep"))
    known = subprocess.Popen([stage.carrel, "run", "sleep", "--", "60"], env=display.env, start_new_session=True,
                             stderr=subprocess.DEVNULL)
    try:
        wait_for("the app", lambda: named(known.pid, "sleep"))
        time.sleep(1)
        assert not named(known.pid, "Xephyr"), below(known.pid)
    finally:
        end(known)


def is_seen_with_the_first_window(display, stage):
    script = "xdpyinfo >/dev/null && echo connected; read go; exec xterm -T inner -e sleep 60"
    with Running(stage, display, script=script) as r:
        wait_for("the connection", lambda: "connected" in r.said())
        wait_for("its window, hidden", lambda: frame(display, "--all"))
        time.sleep(0.5)
        assert not r.window(), "nothing is to be seen in it"
        r.child.stdin.write(b"\n")
        r.child.stdin.flush()
        wait_for("its window", r.window)


def knows_opengl_unless_told(display, stage):
    for value, known in (("yes", True), ("no", False)):
        path = stage.write("gl.policy", "[Context]\nsockets=x11;\n[Carrel Sandbox]\nprivate-session-bus=false\n"
                           f"[Carrel Display]\nx11=nested\nopengl={value}\n")
        done = subprocess.run([stage.carrel, "run", f"--policy={path}", "xdpyinfo"], env=display.env, text=True,
                              timeout=PATIENCE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, check=False)
        assert "RENDER" in done.stdout and ("GLX" in done.stdout) == known, (value, done)


def has_the_size_of_the_person_s_letters(display, stage):
    """Where desktops tell X programs of it (Xft.dpi); nothing else of what stands there goes in."""
    script = ("for i in $(seq 300); do xrdb -query | grep -q dpi && break; sleep 0.1; done; "
              "xrdb -query; xdpyinfo | grep resolution")

    def told(*lines):
        path = os.path.join(display.folder, "resources")
        with open(path, "w", encoding="utf-8") as f:
            f.write("".join(f"{line}\n" for line in lines))
        display.tool("xrdb", "-nocpp", "-load", path)
        done = ask(stage, display, "nested", "sh", "-c", script)
        assert done.returncode == 0, done
        return sorted(line.split() for line in done.stdout.splitlines())
    try:
        for dpi in ("144", "72"):
            said = told(f"Xft.dpi: {dpi}", "Xcursor.size: 48", "XTerm*secret: x")
            assert said == [["Xcursor.size:", "48"], ["Xft.dpi:", dpi],
                            ["resolution:", f"{dpi}x{dpi}", "dots", "per", "inch"]], said
    finally:
        display.tool("xrdb", "-remove")


def follows_its_window(display, stage):
    script = ("xterm -T inner -e sleep 60 & while :; do xdpyinfo | sed -n 's/.*dimensions: *\\([0-9x]*\\) .*/size \\1/p'; "
              "sleep 0.2; done")
    with Running(stage, display, script=script) as r:
        window = wait_for("its window", r.window)
        for size in ("640x360", "700x500"):
            display.tool("xdotool", "windowsize", window, *size.split("x"))
            wait_for(f"{size}: {r.said()[-200:]}", lambda s=size: f"size {s}" in r.said())


def is_as_large_as_it_can_be(display, stage):
    """Its picture goes to the display in one message, of 16 MiB at most: on one of 4K, and in a window that is made
    so large, the server lives, with less than that."""
    script = ("xterm -T inner -e sleep 600 & while :; do xsetroot -solid blue; xsetroot -solid red; "
              "xdpyinfo | sed -n 's/.*dimensions: *\\([0-9]*\\)x\\([0-9]*\\) .*/size \\1 \\2/p'; sleep 0.2; done")
    with Display("Xvfb", "-screen", "0", "3840x2160x24", "-nolisten", "tcp") as large, \
            Running(stage, large, script=script) as r:
        def sizes():
            return [(int(w), int(h)) for w, h in re.findall(r"^size (\d+) (\d+)$", r.said(), re.M)]

        def is_near(wanted):
            return sizes() and all(abs(a - b) < 60 for a, b in zip(sizes()[-1], wanted))
        window = wait_for("its window", r.window)
        for asked, wanted in ((None, (2726, 1533)), ("3840 2160", (2726, 1533)), ("3840 800", (3840, 800)),
                              ("600 400", (600, 400)), ("3000 3000", (2040, 2040))):
            if asked:
                large.tool("xdotool", "windowsize", window, *asked.split())
            wait_for(f"{asked}: {r.said()[-300:]}", lambda: is_near(wanted))
            assert sizes()[-1][0] * sizes()[-1][1] < 1 << 22, sizes()[-1]


def fits_on_one_of_several_screens(display, stage):
    beside, above = ("3840x1080", "1536x864"), (("1920x2160", "1536x864"), ("2560x2520", "2048x1152"))
    one = ("3440x1440", "2752x1152"), ("1280x1024", "1024x819"), ("1080x1920", "864x1536")
    for screen, size in (beside, *above, *one):
        with Display("Xvfb", "-screen", "0", f"{screen}x24", "-nolisten", "tcp") as wide:
            done = ask(stage, wide, "nested", "xdpyinfo")
        assert re.search(rf"dimensions: +{size} pixels", done.stdout), (screen, done)


def fills_its_window(display, stage):
    """One window has the whole of it, and grows with it."""
    script = ("xterm -T inner -e sleep 60 & while :; do "
              "xwininfo -name inner 2>/dev/null | "
              "sed -n 's/ *-geometry \\(.*\\)/at \\1/p;s/ *Width: /w /p;s/ *Height: /h /p' | tr '\\n' ' ';"
              " echo; sleep 0.3; done")
    with Running(stage, display, script=script) as r:
        window = wait_for("its window", r.window)
        for width, height in ((640, 360), (720, 480)):
            display.tool("xdotool", "windowsize", window, str(width), str(height))
            # a terminal has room for whole letters only, so the window may be told, not be, so large
            wait_for(f"{width}x{height}: {r.said()[-300:]}",
                     lambda w=width, h=height: any(
                         abs(int(m[1]) - w) < 24 and abs(int(m[2]) - h) < 24
                         for m in re.finditer(r"w (\d+) h (\d+)", r.said())))


def closes_politely(display, stage):
    """Whoever closes the window asks the app, which goes on where it does not end by that."""
    script = ("xterm -T inner -e sleep 600; xdpyinfo >/dev/null && echo alive; "
              "xterm -T second -e sleep 600; xdpyinfo >/dev/null && echo still; sleep 600")
    # Its mark on the root window comes earlier, and a window that is shown in between is never managed.
    ready = os.path.join(display.folder, "managed")
    manager = subprocess.Popen(["openbox", "--sm-disable", "--startup", f"touch {ready}"], env=display.env,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    try:
        wait_for("the window manager", lambda: os.path.exists(ready))
        with Running(stage, display, script=script) as r:
            window = wait_for("its window", r.window)
            shown = subprocess.run(["xprop", "-id", window, "WM_CLASS", "_NET_WM_NAME"],
                                   env=display.env, stdout=subprocess.PIPE, check=True, text=True)
            assert '"carrel"' in shown.stdout and '= "[Carrel] ' in shown.stdout, shown.stdout
            for name, word in (("inner", "alive"), ("second", "still")):
                inside = named(r.child.pid, "xterm")
                wait_for(f"{name}: {r.said()}", lambda: named(r.child.pid, "xterm") and
                         named(r.child.pid, "sleep"))
                for _ in range(20):  # it may be closed before the terminal has a window
                    display.tool("xdotool", "windowactivate", "--sync", window)
                    display.tool("xdotool", "key", "--clearmodifiers", "alt+F4")
                    time.sleep(0.5)
                    if word in r.said():
                        break
                assert word in r.said(), (inside, r.said())
            assert named(r.child.pid, "Xephyr"), below(r.child.pid)
            # one without any window has nothing to lose
            display.tool("xdotool", "windowactivate", "--sync", window)
            display.tool("xdotool", "key", "--clearmodifiers", "alt+F4")
            wait_for("the end of the server", lambda: not named(r.child.pid, "Xephyr"))
    finally:
        end(manager)


# ---- how it ends ----

def still_there(r):
    tree = children()
    return [p for p, comm in r.all.items() if p in tree and tree[p][1] == comm]


def nothing_is_left(display, r, sockets, tidy):
    """Without its supervisor nobody clears the instance's folder; it is seen to be dead."""
    wait_for("the end of all", lambda: not still_there(r))
    registry = os.path.join(display.runtime, ".flatpak")
    if tidy:
        wait_for("the registry to be empty", lambda: not os.listdir(registry))
    else:
        shutil.rmtree(registry)
    left = set(os.listdir("/tmp/.X11-unix")) - sockets
    mine = [n for n in left if is_dead(f"/tmp/.X11-unix/{n}")]
    assert not mine, mine


def is_dead(path):
    """A socket of ours on which nobody listens: other tests have servers of their own meanwhile."""
    with socket.socket(socket.AF_UNIX) as s:
        try:
            if os.stat(path).st_uid == os.getuid():
                s.connect(path)
        except ConnectionRefusedError:
            return True
        except FileNotFoundError:
            pass
    return False


def ends_with(display, stage, value, whom):
    sockets = set(os.listdir("/tmp/.X11-unix"))
    with Running(stage, display, value, "exec xterm -T inner -e sleep 600") as r:
        time.sleep(1)  # the terminal has connected; nothing depends on how far it is
        r.all = below(r.child.pid)
        target = r.child.pid if whom == "carrel" else named(r.child.pid, whom)
        assert target, r.all
        os.kill(target, signal.SIGKILL)
        r.child.wait(PATIENCE)
        nothing_is_left(display, r, sockets, whom != "carrel-supervis")


# A window that asks before it closes, and hangs when it is told to.
HANGS = """
import ctypes, select, sys, time
class Message(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("sent", ctypes.c_int), ("display", ctypes.c_void_p),
                ("window", ctypes.c_ulong), ("kind", ctypes.c_ulong), ("format", ctypes.c_int),
                ("data", ctypes.c_long * 5), ("rest", ctypes.c_long * 24)]
x = ctypes.CDLL("libX11.so.6")
x.XOpenDisplay.restype = ctypes.c_void_p
x.XDefaultRootWindow.restype = x.XCreateSimpleWindow.restype = x.XInternAtom.restype = ctypes.c_ulong
display = ctypes.c_void_p(x.XOpenDisplay(None))
none, root = ctypes.c_ulong(0), x.XDefaultRootWindow(display)
window = ctypes.c_ulong(x.XCreateSimpleWindow(display, ctypes.c_ulong(root), 0, 0, 320, 200, 0, none, none))
words = (ctypes.c_ulong * 2)(x.XInternAtom(display, b"WM_DELETE_WINDOW", 0), x.XInternAtom(display, b"_NET_WM_PING", 0))
x.XSetWMProtocols(display, window, words, 2)
x.XMapWindow(display, window)
event = Message()
while True:
    while x.XPending(display):
        x.XNextEvent(display, ctypes.byref(event))
        if event.type == 33 and event.data[0] == words[0]:
            print("asked", flush=True)
        if event.type == 33 and event.data[0] == words[1]:
            event.window = root
            x.XSendEvent(display, ctypes.c_ulong(root), 0, ctypes.c_long(1 << 19 | 1 << 20), ctypes.byref(event))
            x.XFlush(display)
    if select.select([sys.stdin], [], [], 0.1)[0]:
        sys.stdin.readline()
        print("hanging", flush=True)
        while True:
            time.sleep(1)
"""


def ends_what_hangs(display, stage):
    """Whoever closes a window again that has not answered for ten seconds ends the app; one that answers goes on."""
    with Running(stage, display, script=f"/usr/bin/python3 -c '{HANGS}'; sleep 600") as r:
        window = wait_for(f"its window: {r.said()}", r.window)

        def close():
            send = ("import ctypes, sys; x = ctypes.CDLL('libX11.so.6'); x.XOpenDisplay.restype = ctypes.c_void_p;"
                    "x.XInternAtom.restype = ctypes.c_ulong; d = ctypes.c_void_p(x.XOpenDisplay(None));"
                    "a = lambda n: x.XInternAtom(d, n, 0); w = int(sys.argv[1]);"
                    "e = (ctypes.c_long * 24)(33, 0, 0, 0, w, a(b'WM_PROTOCOLS'), 32, a(b'WM_DELETE_WINDOW'));"
                    "x.XSendEvent(d, ctypes.c_ulong(w), 0, ctypes.c_long(0), e); x.XSync(d, 0)")
            display.tool("/usr/bin/python3", "-c", send, window)

        def is_asked(times):
            wait_for(f"to be asked: {r.said()}", lambda: r.said().count("asked") == times)
        for times in (1, 2):
            close()
            is_asked(times)
            time.sleep(11 if times == 1 else 0)
        r.child.stdin.write(b"hang\n")
        r.child.stdin.flush()
        wait_for("it to hang", lambda: "hanging" in r.said())
        close()
        time.sleep(4)
        close()  # too early
        time.sleep(8)
        assert r.child.poll() is None and named(r.child.pid, "Xephyr"), r.said()
        close()
        r.child.wait(PATIENCE)
        wait_for("the end of all", lambda: not still_there(r))
        assert "does not answer" in r.said(), r.said()


# Says what is typed into its window: a word for each key.
TYPED = """
import ctypes
class Key(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("sent", ctypes.c_int), ("display", ctypes.c_void_p),
                ("window", ctypes.c_ulong), ("root", ctypes.c_ulong), ("child", ctypes.c_ulong),
                ("time", ctypes.c_ulong), ("place", ctypes.c_int * 4), ("state", ctypes.c_uint), ("code", ctypes.c_uint),
                ("rest", ctypes.c_long * 24)]
x = ctypes.CDLL("libX11.so.6")
x.XOpenDisplay.restype = ctypes.c_void_p
x.XDefaultRootWindow.restype = x.XCreateSimpleWindow.restype = ctypes.c_ulong
display = ctypes.c_void_p(x.XOpenDisplay(None))
none = ctypes.c_ulong(0)
window = ctypes.c_ulong(x.XCreateSimpleWindow(display, ctypes.c_ulong(x.XDefaultRootWindow(display)), 0, 0, 320, 200, 0,
                                              none, none))
x.XSelectInput(display, window, ctypes.c_long(1))
x.XMapWindow(display, window)
event, text = Key(), ctypes.create_string_buffer(9)
while True:
    x.XNextEvent(display, ctypes.byref(event))
    if event.type == 34:
        x.XRefreshKeyboardMapping(ctypes.byref(event))
    if event.type == 2:
        n = x.XLookupString(ctypes.byref(event), text, 8, None, None)
        print("typed", text.raw[:n].decode("latin1"), flush=True)
"""
# Switches to one of the keyboard's layouts, as a desktop's panel does. GROUP
SWITCH = """
import ctypes, sys
x = ctypes.CDLL("libX11.so.6")
x.XOpenDisplay.restype = ctypes.c_void_p
display = ctypes.c_void_p(x.XOpenDisplay(None))
assert x.XkbLockGroup(display, 0x100, int(sys.argv[1]))
x.XSync(display, 0)
"""
Y = "29"  # that key's number: Germans have their z there


def follows_the_keyboard(display, stage):
    """A layout that the person chooses later, and which one of several is used, wherever that was switched."""
    script = f"exec /usr/bin/python3 -c '{TYPED}'"

    def switch(group):
        display.tool("/usr/bin/python3", "-c", SWITCH, group)

    def focus():
        display.tool("xdotool", "windowfocus", "1")  # the root window's other name
        display.tool("xdotool", "windowfocus", "--sync", window)

    def enter():
        display.tool("xdotool", "mousemove", "990", "690")
        display.tool("xdotool", "mousemove", "--window", window, "100", "100")

    def types(wanted, what):
        def check():
            display.tool("xdotool", "key", Y)
            time.sleep(0.1)
            return r.said().split()[-2:] == ["typed", wanted]
        wait_for(f"{what}: {r.said()[-200:]}", check)
    try:
        with Running(stage, display, script=script) as r:
            window = wait_for("its window", r.window)
            focus()
            types("y", "as it was at first")
            display.tool("setxkbmap", "de")
            types("z", "another layout")
            display.tool("setxkbmap", "us,de", "-option", "compose:caps")
            types("y", "two layouts")
            for group, wanted in (("1", "z"), ("0", "y")):
                for back in (focus, enter):
                    switch(group)
                    back()
                    types(wanted, f"the layout {group}")
                    switch("0")
                    back()
                    types("y", "the first one again")
            focus()
            switch("1")  # as desktops do that remember one for each window
            types("z", "the window's own layout")
            assert "carrel-xserver" not in r.said(), r.said()
    finally:
        display.tool("setxkbmap", "us", "-option", "")


# Shows a window and prints what it hears of its size, until that is another one.
LISTENER = """
import ctypes
class Configured(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("sent", ctypes.c_int), ("display", ctypes.c_void_p),
                ("event", ctypes.c_ulong), ("window", ctypes.c_ulong), ("x", ctypes.c_int), ("y", ctypes.c_int),
                ("width", ctypes.c_int), ("height", ctypes.c_int), ("rest", ctypes.c_long * 24)]
x = ctypes.CDLL("libX11.so.6")
x.XOpenDisplay.restype = ctypes.c_void_p
x.XDefaultRootWindow.restype = x.XCreateSimpleWindow.restype = ctypes.c_ulong
display = ctypes.c_void_p(x.XOpenDisplay(None))
window = ctypes.c_ulong(x.XCreateSimpleWindow(display, ctypes.c_ulong(x.XDefaultRootWindow(display)), 0, 0, 320, 200, 0,
                                              ctypes.c_ulong(0), ctypes.c_ulong(0)))
x.XSelectInput(display, window, ctypes.c_long(1 << 17))
x.XMapWindow(display, window)
event = Configured()
while event.type != 22 or event.width == 320:
    x.XNextEvent(display, ctypes.byref(event))
    if event.type == 22:
        print(event.width, event.height, "sent" if event.sent else "real", flush=True)
"""


def first_window_hears_of_its_own_size_first(display, stage):
    """Before it fills the screen: there is who draws for the size that it has then, and again only for another (feh)."""
    done = ask(stage, display, "nested", "/usr/bin/python3", "-c", LISTENER)
    said = done.stdout.splitlines()
    assert said[:1] == ["320 200 sent"] and said[-1].endswith("real") and said[-1] != "320 200 real", done


# A game: a window of 400x300 and no other size. It asks for another size twice: once as it is, once after
# it has said so.
FIXED = """
import ctypes, sys, time
x = ctypes.CDLL("libX11.so.6")
for name in ("XOpenDisplay", "XDefaultRootWindow", "XCreateSimpleWindow", "XAllocSizeHints"):
    getattr(x, name).restype = ctypes.c_void_p
p, n = ctypes.c_void_p, ctypes.c_uint
d = p(x.XOpenDisplay(None))
win = p(x.XCreateSimpleWindow(d, p(x.XDefaultRootWindow(d)), 0, 0, 400, 300, 0, p(0), p(0xffffff)))
x.XStoreName(d, win, b"fixed")

class Hints(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_long)] + [(f"v{i}", ctypes.c_int) for i in range(16)]

def only(w, h):
    hints = Hints(1 << 4 | 1 << 5, 0, 0, 0, 0, w, h, w, h)
    x.XSetWMNormalHints(d, win, ctypes.byref(hints))

only(400, 300)
x.XMapWindow(d, win)
x.XSync(d, 0)
for line in sys.stdin:
    if line.startswith("say"):
        only(350, 280)
    x.XResizeWindow(d, win, n(350), n(280))
    x.XSync(d, 0)
"""


def what_has_one_size_keeps_it_and_stays_in_sight(display, stage):
    """In the middle of the server's window, whatever size the person gives that."""
    watch = ("while :; do xwininfo -name fixed 2>/dev/null | sed -n "
             "'s/.*upper-left [XY]: */p /p;s/ *Width: /w /p;s/ *Height: /h /p' | tr '\\n' ' '; echo; sleep 0.3; done")
    script = f"{watch} & exec /usr/bin/python3 -c '{FIXED}'"
    with Running(stage, display, script=script) as r:
        window = wait_for("its window", r.window)

        def seen():
            """Left and upper edge, width and height as they were last."""
            lines = [line.split() for line in r.said().splitlines() if line.count("p ") >= 4]
            return (int(lines[-1][1]), int(lines[-1][3]), int(lines[-1][9]), int(lines[-1][11])) if lines else ()

        def is_at(width, height, of):
            got = seen()
            return got[2:] == of and all(abs(have - (room - size) / 2) <= 4 for have, room, size
                                         in zip(got, (width, height), of))

        for width, height in ((640, 400), (404, 304), (800, 600)):
            display.tool("xdotool", "windowsize", window, str(width), str(height))
            wait_for(f"in the middle of {width}x{height}: {seen()}", lambda w=width, h=height: is_at(w, h, (400, 300)))
        for word, of in (("ask", (400, 300)), ("say", (350, 280))):
            r.child.stdin.write(f"{word}\n".encode())
            r.child.stdin.flush()
            time.sleep(1)  # what is not to come would have come by then
            wait_for(f"{word}: {seen()}", lambda o=of: seen()[2:] == o)


def main():
    build, policies, probe = sys.argv[1:4]
    tap = Tap()
    if probe == "-" or not shutil.which("Xephyr"):
        tap.skip("nested X servers", "the probe was not built, or there is no Xephyr")
        return tap.done()
    stage = cli_lib.Stage(build, policies)
    probe = shutil.copy(probe, stage.path("probe"))
    os.chmod(stage.top, 0o755)
    ordinary_stage(stage)
    try:
        with Display() as display:
            for value in ("nested", "headless"):
                sees_nothing(tap, display, stage, probe, value)
            tap.run(lambda: own_keys_arrive(display, stage, probe), "x11=nested: own_keys_arrive")
            for f in (the_default_is_nested, host_display_is_out_of_reach, server_is_confined,
                      shares_memory_with_nobody_else, starts_beside_the_app,
                      is_seen_with_the_first_window, knows_opengl_unless_told, follows_its_window,
                      fills_its_window, is_as_large_as_it_can_be, fits_on_one_of_several_screens,
                      has_the_size_of_the_person_s_letters, follows_the_keyboard, first_window_hears_of_its_own_size_first,
                      what_has_one_size_keeps_it_and_stays_in_sight, closes_politely,
                      ends_what_hangs):
                tap.run(lambda f=f: f(display, stage), f"x11=nested: {f.__name__}")
            for value, whom in (("nested", "xterm"), ("nested", "Xephyr"),
                                ("nested", "carrel-supervis"), ("nested", "carrel"),
                                ("headless", "xterm"), ("headless", "Xvfb")):
                tap.run(lambda v=value, w=whom: ends_with(display, stage, v, w),
                        f"x11={value}: nothing is left when {whom} is killed")
    finally:
        stage.close()
    return tap.done()


sys.exit(main())
