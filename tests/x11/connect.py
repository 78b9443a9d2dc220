#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""connect=: how an app with x11=shared reaches the person's X server.

    connect.py BUILD POLICIES
"""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import PATIENCE, Display, Tap, Victim, ordinary_stage  # noqa: E402
import cli_lib  # noqa: E402

# MIT-SHM's CreateSegment: its reply brings a descriptor. First the hello without a cookie of its own.
SEGMENT = r"""
import array, os, socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.connect("/tmp/.X11-unix/" + os.listdir("/tmp/.X11-unix")[0])
s.sendall(struct.pack("<BxHHHHxx", 0x6c, 11, 0, 0, 0))
def take(n):
    got = b""
    while len(got) < n:
        part = s.recv(n - len(got))
        assert part, got
        got += part
    return got
head = take(8)
setup = take(4 * struct.unpack("<H", head[6:])[0])
assert head[0] == 1, setup
base = struct.unpack("<I", setup[4:8])[0]
name = b"MIT-SHM"
s.sendall(struct.pack("<BxHHxx", 98, 2 + 2, len(name)) + name + b"\0")
major = take(32)[9]
s.sendall(struct.pack("<BBHIIBxxx", major, 7, 4, base + 1, 4096, 0))
reply, control, _, _ = s.recvmsg(32, socket.CMSG_SPACE(4))
fds = array.array("i")
for level, kind, data in control:
    fds.frombytes(data)
print("segment", reply[0], len(fds), os.fstat(fds[0]).st_size if fds else 0)
"""


def run(stage, display, words, *argv, context="sockets=x11;", sandbox=""):
    policy = stage.write("connect.policy", f"[Context]\n{context}\n[Carrel Sandbox]\n"
                         f"private-session-bus=false\n{sandbox}\n[Carrel Display]\n{words if 'x11=' in words else 'x11=shared' + chr(10) + words}\n")
    return subprocess.run([stage.carrel, "run", f"--policy={policy}", argv[0], "--", *argv[1:]],
                          env=display.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False, text=True)


LOOKS = ("xwininfo -root -tree | grep -c '\"victim\"'; echo ${XAUTHORITY-none} ${DISPLAY%.*}; "
         "ls /tmp/.X11-unix 2>/dev/null | wc -l; ls /run/carrel 2>/dev/null | grep -c Xauth")


def needs_a_cookie(_stage, display):
    """What makes the rest worth something: the display lets nobody in without one."""
    bare = {**display.env, "XAUTHORITY": "/dev/null"}
    done = subprocess.run(["xdpyinfo"], env=bare, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False)
    assert done.returncode != 0
    display.tool("xdpyinfo")


def unix_shows_socket_and_cookie(stage, display):
    with Victim(display):
        for words in ("", "connect=unix"):
            done = run(stage, display, words, "sh", "-c", LOOKS)
            assert done.stdout.split() == ["1", "/run/carrel/Xauthority", f":{display.number}", "1", "1"], done


def pipe_shows_neither(stage, display):
    """The same display, by a socket that is not the display's, and without a cookie."""
    with Victim(display):
        done = run(stage, display, "connect=pipe", "sh", "-c", LOOKS + "; stat -Lc %i /tmp/.X11-unix/X*")
        assert done.stdout.split()[:5] == ["1", "none", f":{display.number}", "1", "0"], done
        own = str(os.stat(f"/tmp/.X11-unix/X{display.number}").st_ino)
        assert done.stdout.split()[5] != own, done
        assert "shares your X display" in done.stderr, done


def pipe_takes_no_word_of_the_app_s(stage, display):
    """A false cookie of the app's does not matter: the relay's own goes to the display."""
    script = ("xauth -f $HOME/false add $DISPLAY . 00112233445566778899aabbccddeeff 2>/dev/null; "
              "XAUTHORITY=$HOME/false xdpyinfo >/dev/null && echo open")
    done = run(stage, display, "connect=pipe", "sh", "-c", script)
    assert done.stdout.strip() == "open", done


def pipe_carries_descriptors(stage, display):
    done = run(stage, display, "connect=pipe", "python3", "-c", SEGMENT)
    assert done.stdout.strip() == "segment 1 1 4096", done


def pipe_ends_with_the_app(stage, display):
    """Nothing is left of it: neither the socket nor who stood behind it."""
    done = run(stage, display, "connect=pipe", "sh", "-c", "xdpyinfo >/dev/null && echo open")
    assert done.stdout.strip() == "open", done
    left = [n for n in os.listdir(os.path.join(display.runtime, ".flatpak")) if n.isdigit()]
    assert not left, left


def abstract_is_told_of(stage, display):
    """No socket and no relay: the host's network alone; each start says what comes with it."""
    done = run(stage, display, "connect=abstract", "sh", "-c", LOOKS,
               context="sockets=x11;\nshared=network;", sandbox="optional=abstract-sockets;")
    assert done.stdout.split() == ["0", "/run/carrel/Xauthority", f":{display.number}", "0", "1"], done
    assert "every other abstract socket" in done.stderr, done
    done = run(stage, display, "connect=abstract", "true")
    assert done.returncode == 125 and "optional=abstract-sockets" in done.stderr, done


def what_cannot_be_is_refused(stage, display):
    for words in ("x11=nested\nconnect=pipe", "x11=headless\nconnect=abstract",
                  "x11=untrusted\nconnect=unix"):
        done = run(stage, display, words, "true")
        assert done.returncode == 125 and "connect=" in done.stderr and "hint:" in done.stderr, done


def main():
    tap = Tap()
    stage = ordinary_stage(cli_lib.Stage(*sys.argv[1:3]))
    try:
        with Display(lets_user_in=False) as display:
            for f in (needs_a_cookie, unix_shows_socket_and_cookie, pipe_shows_neither,
                      pipe_takes_no_word_of_the_app_s, pipe_carries_descriptors,
                      pipe_ends_with_the_app, abstract_is_told_of, what_cannot_be_is_refused):
                tap.run(lambda f=f: f(stage, display), f.__name__)
    finally:
        stage.close()
    return tap.done()


if not shutil.which("Xvfb"):
    TAP = Tap()
    TAP.skip("connect=", "there is no Xvfb")
    sys.exit(TAP.done())
sys.exit(main())
