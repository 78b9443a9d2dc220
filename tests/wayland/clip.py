#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `carrel clip` carries to and from an app behind the Wayland filter, and what stays behind.

    clip.py BUILD POLICIES

Outside and inside wl-copy and wl-paste speak; each thing is first shown not to get through by
itself. Twice: with the programs as they are installed, and with those of the usual compiler.
"""
import array
import contextlib
import fcntl
import os
import re
import socket
import subprocess
import sys
import threading
import time
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import (DEFAULT_POWERS, PATIENCE, Client, Filter, Sway, Tap, Weston, end, message,  # noqa: E402
                 ordinary_stage, s, u, wait_for)
from probes import Keyboard, copied, paste  # noqa: E402
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import cli_lib  # noqa: E402

HOST, LINE, SPARE, OUTCOME = 3, 4, 5, 6  # the helper's descriptors
CLOSED = [w for w in DEFAULT_POWERS if not w.startswith("clipboard")]
OUTSIDE, INSIDE = "copied outside", "copied inside"


def picture(size):
    """As a picture that does not shrink: its first bytes count, the rest is bytes."""
    return b"\x89PNG\r\n\x1a\n" + bytes(zlib.crc32(i.to_bytes(4, "big")) & 255 for i in range(64)) * (size // 64)


def connected(path):
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(path)
    return peer


class Helper:
    """carrel-clip-wayland as `carrel clip` starts it, with a line to a filter that stands alone."""

    def __init__(self, program, word, display, filter_):
        host = connected(display)
        line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        filter_.control.sendmsg([b"line"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                             array.array("i", [theirs.fileno()]))])
        theirs.close()
        read, write = os.pipe()
        given = {HOST: host.fileno(), LINE: line.fileno(), OUTCOME: write}
        high = {n: fcntl.fcntl(fd, fcntl.F_DUPFD, 50) for n, fd in given.items()}
        moves = " ".join(f"{n}<&{fd} {fd}<&-" for n, fd in high.items())
        self.child = subprocess.Popen(["bash", "-c", f'exec "$0" "$1" {moves}', program, word],
                                      env={}, stdin=subprocess.DEVNULL, start_new_session=True,
                                      pass_fds=tuple(high.values()))
        for fd in (write, *high.values()):
            os.close(fd)
        host.close()
        line.close()
        with os.fdopen(read, "rb") as outcome:
            self.said = outcome.readline().decode().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end(self.child)
        return False

    def ends(self):
        return self.child.wait(PATIENCE)


class World:
    """A compositor with the focus, and a filter with some powers."""

    def __init__(self, sway, programs, powers=()):
        self.sway, self.programs, self.powers = sway, programs, powers

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        self.filter = self.stack.enter_context(
            Filter(self.programs[0], self.sway.socket, [*CLOSED, *self.powers]))
        self.stack.enter_context(Keyboard(self.sway.socket))
        return self

    def __exit__(self, *_):
        self.stack.close()
        return False

    def helper(self, word):
        return Helper(self.programs[1], word, self.sway.socket, self.filter)

    def outside(self, *options):
        return paste(self.sway.env, self.sway.socket, *options)

    def inside(self, *options):
        return paste(self.sway.env, self.filter.path, *options)

    def copied(self, text, *options, inside=False):
        return copied(self.sway.env, self.filter.path if inside else self.sway.socket, text, *options)

    def copied_data(self, data, kind, inside=False):
        return copied(self.sway.env, self.filter.path if inside else self.sway.socket, None,
                      "--type", kind, data=data)


def type_options(kind):
    return ("--type", kind)


# ---- to the app ----

def carries_a_text_in(world):
    text = "Grüße\x1b[201~, 世界\n\ttab"
    with world as w, w.copied(text):
        wait_for("the copy", lambda: w.outside() == text.encode())
        assert "Grüße".encode() not in w.inside(), "it was there before"
        with w.helper("in") as h:
            want = text.replace("\x1b", "").encode()
            assert h.said == f"ok text {len(want)}", h.said
            assert w.inside() == want, w.inside()
            assert w.inside(*type_options("text/plain;charset=utf-8")) == want
            kinds = w.inside("--list-types").split()
            assert b"UTF8_STRING" in kinds and not any(b"image" in k or k == b"STRING" for k in kinds), kinds
        # With the helper ends what it carried.
        assert "Grüße".encode() not in w.inside(), "it stayed"


def carries_once_in(world):
    with world as w:
        with w.copied(OUTSIDE):
            wait_for("the copy", lambda: w.outside() == OUTSIDE.encode())
            with w.helper("in") as h:
                assert w.inside() == OUTSIDE.encode()
                with w.copied("a secret of later"):
                    wait_for("the copy", lambda: w.outside() == b"a secret of later")
                    assert h.ends() == 0, "what was copied later ends it"
                    assert b"secret" not in w.inside() and OUTSIDE.encode() not in w.inside(), w.inside()


def carries_a_picture_in(world):
    data = picture(3_000_000)
    with world as w, w.copied_data(data, "image/png"):
        wait_for("the copy", lambda: w.outside("--list-types").split() == [b"image/png"])
        with w.helper("in") as h:
            assert h.said == f"ok image/png {len(data)}", h.said
            assert w.inside(*type_options("image/png")) == data
            assert w.inside("--list-types").split() == [b"image/png"]


def refuses_in(world, data, kind, why):
    def test():
        with world as w, w.copied_data(data, kind):
            wait_for("the copy", lambda: kind.encode() in w.outside("--list-types").split())
            with w.helper("in") as h:
                assert h.said.startswith("error") and why in h.said, h.said
                assert h.ends() == 125
                assert w.inside() != data
    return test


# ---- from the app ----

def carries_a_text_out(world):
    with world as w, w.copied(INSIDE, inside=True):
        time.sleep(0.5)
        assert w.outside() != INSIDE.encode(), "it got out by itself"
        with w.helper("out") as h:
            assert h.said == f"ok text {len(INSIDE)}", h.said
            assert wait_for("the text", w.outside) == INSIDE.encode()
            kinds = w.outside("--list-types").split()
            assert b"text/plain" in kinds and b"STRING" not in kinds, kinds
            with w.copied("something else"):
                assert h.ends() == 0, "another's copy ends it"


def carries_a_picture_out(world):
    data = picture(1_000_000)
    with world as w, w.copied_data(data, "image/png", inside=True):
        with w.helper("out") as h:
            assert h.said == f"ok image/png {len(data)}", h.said
            assert w.outside(*type_options("image/png")) == data


def refuses_out(world, data, kind, why):
    def test():
        with world as w, w.copied_data(data, kind, inside=True):
            with w.helper("out") as h:
                assert h.said.startswith("error") and why in h.said, h.said
                assert h.ends() == 125
                assert w.outside() != data
    return test


def nothing_copied_inside(world):
    with world as w, Client(w.filter.path) as c:
        c.globals()
        with w.helper("out") as h:
            assert h.said == "error there is neither a text nor a picture", h.said


class Hostile:
    """A client that says it has copied a text, and does `give` with the descriptor it is to write
    it into."""

    def __init__(self, path, give):
        self.client, self.give = Client(path), give
        c = self.client
        c.globals()
        seat, manager = c.bind("wl_seat", 1), c.bind("wl_data_device_manager", 1)
        device, source = c.new(), c.new()
        c.send(message(manager, 1, u(device), u(seat)) + message(manager, 0, u(source)) +
               message(source, 0, s("text/plain")) + message(device, 1, u(source), u(1)))
        assert c.roundtrip()
        self.source = source
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with contextlib.suppress(OSError):
            while event := self.client.event():
                if event[0] == self.source and event[1] == 1 and self.client.fds:
                    self.give(self.client.fds.pop(0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(PATIENCE)
        self.client.close()
        return False


def gives_nothing(fd):
    os.close(fd)


def gives_without_end(fd):
    with contextlib.suppress(OSError):
        while True:
            os.write(fd, b"x" * 65536)
    os.close(fd)


HELD = []  # descriptors that are never written


def hostile_app(world, give, why):
    def test():
        with world as w, Hostile(w.filter.path, give):
            with w.helper("out") as h:
                assert why in h.said, h.said
                assert h.ends() == 125
            assert names_work(w.filter.path), "the filter has gone"
    return test


def names_work(path):
    with Client(path) as c:
        return len(c.globals())


# ---- what is open, and who may ask ----

def open_ways(sway, programs):
    def test():
        with World(sway, programs, ["clipboard-in"]) as w, w.copied(OUTSIDE):
            wait_for("the copy", lambda: w.inside() == OUTSIDE.encode())
            with Client(w.filter.path) as c, w.helper("in") as h:
                c.globals()
                assert "leaves this way open" in h.said, h.said
        with World(sway, programs, ["clipboard-out"]) as w, Client(w.filter.path) as c:
            c.globals()
            with w.helper("out") as h:
                assert "leaves this way open" in h.said, h.said
    return test


def lines_of_nonsense(world):
    with world as w:
        peers = []
        for text in (b"carry", b"carry 0", b"carry 4294967295", b"carry -1", b"write 2", b"write 99",
                     b"", b"\0", b"x" * 500, b"paste 1", b"kept 1 2 3"):
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            w.filter.control.sendmsg([b"line"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                                  array.array("i", [theirs.fileno()]))])
            theirs.close()
            with contextlib.suppress(OSError):
                if text:
                    ours.send(text)
            peers.append(ours)
        count = w.filter.descriptors
        for peer in peers:
            peer.close()
        assert names_work(w.filter.path)
        before = count()
        w.filter.control.sendmsg([b"other"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                               array.array("i", [0, 1]))])
        assert names_work(w.filter.path)
        wait_for("descriptors that stay", lambda: count() <= before)
        with w.copied(OUTSIDE):
            wait_for("the copy", lambda: w.outside() == OUTSIDE.encode())
            with w.helper("in") as h:
                assert h.said.startswith("ok") and w.inside() == OUTSIDE.encode(), h.said


def the_helper_is_confined(world):
    with world as w, w.copied(OUTSIDE):
        wait_for("the copy", lambda: w.outside() == OUTSIDE.encode())
        with w.helper("in") as h:
            with open(f"/proc/{h.child.pid}/status", encoding="ascii") as f:
                rows = dict(re.split(r":\s*", line.rstrip("\n"), maxsplit=1) for line in f)
            assert rows["Seccomp"] == "2" and rows["NoNewPrivs"] == "1", rows


def no_data_control(programs):
    def test():
        with Weston() as weston, Filter(programs[0], weston.socket, CLOSED) as f:
            with Helper(programs[1], "in", weston.socket, f) as h:
                assert "has no data-control" in h.said, h.said
    return test


# ---- the command ----

POLICY = """[Context]
sockets=wayland;
[Carrel Sandbox]
private-session-bus=false
[Carrel Display]
clipboard=ask
"""


def carrel_clip(stage, sway):
    """An app that shows what it can paste, and one that has copied."""
    env = {**sway.env, "HOME": stage.home}
    policy = stage.write("clip.policy", POLICY)

    @contextlib.contextmanager
    def app(script, policy=policy):
        child = subprocess.Popen([stage.carrel, "run", f"--policy={policy}", "sh", "--", "-c", script],
                                 env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            yield child
        finally:
            end(child)

    def clip(*words):
        return subprocess.run([stage.carrel, "clip", *words], env=env, timeout=PATIENCE, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def said(want, *words):
        done = clip(*words)
        return done if want in done.stdout + done.stderr else None

    def comes_in():
        script = "while sleep 0.3; do wl-paste -n && echo; done"
        with Keyboard(sway.socket), copied(sway.env, sway.socket, OUTSIDE), app(script) as child:
            lines = []
            reader = threading.Thread(target=lambda: lines.extend(child.stdout), daemon=True)
            done = wait_for("carrel clip in", lambda: said(f"your display -> org.debian.sh: text {len(OUTSIDE)} bytes", "sh", "in"))
            assert done.returncode == 0, done
            reader.start()
            listed = clip("--list", "sh")
            assert "your display: " in listed.stdout and "text/plain" in listed.stdout, listed
            time.sleep(3)
        reader.join(PATIENCE)
        assert OUTSIDE.encode() + b"\n" in lines, lines

    def goes_out():
        with Keyboard(sway.socket), app(f'exec wl-copy --foreground "{INSIDE}"'):
            wait_for("carrel clip out",
                     lambda: said(f"org.debian.sh -> your display: text {len(INSIDE)} bytes", "sh", "out"))
            assert wait_for("the text", lambda: paste(sway.env, sway.socket)) == INSIDE.encode()

    def says_why_not():
        with app("exec sleep 60"):
            done = wait_for("an answer", lambda: said("has not connected", "sh", "in"))
            assert done.returncode == 125, done
    def closed_ways():
        for word, ways in (("none", ("in", "out")), ("in", ("out",)), ("out", ("in",))):
            other = stage.write("closed.policy", POLICY.replace("clipboard=ask", f"clipboard={word}"))
            with Keyboard(sway.socket), app(f'exec wl-copy --foreground "{INSIDE}"', other):
                for way in ways:
                    done = wait_for("an answer", lambda w=way, v=word: said(f"clipboard={v}", "sh", w))
                    assert done.returncode == 125 and "closed.policy:6" in done.stderr, done
            wait_for("its end", lambda: said("does not run", "sh", "in") or said("not running", "sh", "in"))
    return {"a way that the policy closes": closed_ways, "in": comes_in, "out": goes_out, "an app without a window": says_why_not}


def main():
    tap = Tap()
    build = sys.argv[1]
    stage = ordinary_stage(cli_lib.Stage(build, sys.argv[2]))
    names = ("carrel-wayland", "carrel-clip-wayland")
    pairs = {"": [os.path.join(build, "src/wayland", n) for n in names],
             ", checked": [os.path.join(build, "src/wayland", f"{n}-checked") for n in names]}
    long_text, long_picture = b"x" * ((1 << 20) + 1), picture((32 << 20) + 64)
    with contextlib.closing(stage), Sway() as sway:
        for label, programs in pairs.items():
            world = World(sway, programs)
            for test in (carries_a_text_in, carries_once_in, carries_a_picture_in, carries_a_text_out,
                         carries_a_picture_out, nothing_copied_inside, lines_of_nonsense):
                tap.run(lambda test=test: test(world), test.__name__.replace("_", " ") + label)
            for way, refuses in (("in", refuses_in), ("out", refuses_out)):
                tap.run(refuses(world, long_text, "text/plain", "longer than 1 MiB"), f"{way}: a long text{label}")
                tap.run(refuses(world, b"<svg onload=x>", "image/png", "is none"), f"{way}: no picture{label}")
                tap.run(refuses(world, b"a program's own", "application/x-own", "neither a text"),
                        f"{way}: another kind{label}")
            tap.run(refuses_in(world, long_picture, "image/png", "longer than 32 MiB"), f"in: a long picture{label}")
            tap.run(hostile_app(world, gives_nothing, "neither a text"), f"out: an app that gives nothing{label}")
            tap.run(hostile_app(world, gives_without_end, "longer than"), f"out: an app that does not end{label}")
            tap.run(open_ways(sway, programs), f"ways that are open anyway{label}")
        tap.run(hostile_app(World(sway, pairs[""]), HELD.append, "did not come in time"), "out: an app that never writes")
        tap.run(lambda: the_helper_is_confined(World(sway, pairs[""])), "the helper is confined")
        tap.run(no_data_control(pairs[""]), "a compositor without data-control")
        for name, test in carrel_clip(stage, sway).items():
            tap.run(test, f"carrel clip: {name}")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
