#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""carrel-clip between two X servers: what is carried, what stays behind, and by whom.

    clip.py CARREL-CLIP [CARREL-CLIP-CHECKED]
"""
import concurrent.futures
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import PATIENCE, Copied, Display, Tap, end, wait_for  # noqa: E402
from wayland.lib import become_ordinary  # noqa: E402

FROM, TO, COOKIES, OUTCOME = 3, 4, 5, 6


def png(size):
    """As a picture that does not shrink: its first bytes count, the rest is bytes."""
    return b"\x89PNG\r\n\x1a\n" + bytes(zlib.crc32(i.to_bytes(4, "big")) & 255 for i in range(size))


class Clip:
    """carrel-clip as `carrel clip` starts it."""

    def __init__(self, program, word, *displays, auth=None):
        import socket
        read, write = os.pipe()
        sockets = []
        for d in displays:
            s = socket.socket(socket.AF_UNIX)
            s.connect(f"/tmp/.X11-unix/X{d.number}")
            sockets.append(s)
        cookies = tempfile.TemporaryFile()
        for d in displays:
            with open(d.auth, "rb") as f:
                cookies.write(f.read() if auth is None else auth)
        cookies.flush()
        fds = [*(s.fileno() for s in sockets), *([os.open("/dev/null", os.O_RDONLY)] *
                                                  (2 - len(sockets))), cookies.fileno(), write]

        def lay_out():
            high = [os.dup(fd) for fd in fds]
            high = [fd if fd > 20 else os.dup2(fd, 40 + i) for i, fd in enumerate(high)]
            for i, fd in enumerate(high):
                os.dup2(fd, FROM + i)
        self.child = subprocess.Popen([program, word], preexec_fn=lay_out, close_fds=True,
                                      pass_fds=range(FROM, OUTCOME + 1), env={},
                                      stdin=subprocess.DEVNULL, start_new_session=False)
        os.close(write)
        for s in sockets:
            s.close()
        cookies.close()
        with os.fdopen(read, "rb") as outcome:
            self.outcome = outcome.readline().decode().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait(PATIENCE)
        return False


def paste(display, target="UTF8_STRING"):
    done = subprocess.run(["xclip", "-selection", "clipboard", "-target", target, "-out"],
                          env=display.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=PATIENCE, check=False)
    return done.stdout if done.returncode == 0 else None


def carried(program, a, b, data, target="UTF8_STRING"):
    """What somebody on b gets, and what carrel-clip says."""
    with Copied(a, data, target=target):
        wait_for("the source", lambda: paste(a, target) == data)
        with Clip(program, "take", a, b) as clip:
            return paste(b, target), clip.outcome


def carries_text(program, a, b):
    text = "Grüße, 世界\n\ttab".encode()
    with Copied(a, text):
        wait_for("the source", lambda: paste(a) == text)
        assert paste(b) is None, "it was there before"
        with Clip(program, "take", a, b) as clip:
            assert clip.outcome == f"ok text {len(text)}", clip.outcome
            for target in ("UTF8_STRING", "text/plain;charset=utf-8", "text/plain", "TEXT"):
                assert paste(b, target) == text, (target, paste(b, target))
            assert paste(b, "STRING") is None, "Latin 1 cannot hold it"
            targets = paste(b, "TARGETS").split()
            assert b"UTF8_STRING" in targets and b"image/png" not in targets, targets


def carries_pictures_in_parts(program, a, b):
    for size in (100, 300_000, 5_000_000):
        data = png(64) * (size // 64)
        got, said = carried(program, a, b, data, "image/png")
        assert said == f"ok image/png {len(data)}", said
        assert got == data, f"{size}: {len(got or b'')} bytes"


def carries_long_text_in_parts(program, a, b):
    data = b"0123456789abcdef" * 40_000
    got, said = carried(program, a, b, data)
    assert said == f"ok text {len(data)}" and got == data, said


def cleans_text(program, a, b):
    for data, want in ((b"rm\x1b[201~\x00\x07 -rf\x9b\n", b"rm[201~ -rf?\n"),
                       ("a\u0085b\u009b".encode(), b"ab"), (b"\xff\xfe", b"??")):
        got, said = carried(program, a, b, data)
        assert got == want, (data, got, said)


def widens_latin_1(program, a, b):
    with Copied(a, b"Gr\xfc\xdfe", target="STRING"):
        wait_for("the source", lambda: paste(a, "STRING") == b"Gr\xfc\xdfe")
        with Clip(program, "take", a, b):
            assert paste(b) == "Grüße".encode(), paste(b)


def keeps_to_its_limits(program, a, b):
    got, said = carried(program, a, b, b"x" * ((1 << 20) + 1))
    assert got is None and said == "error it is larger than may be carried", said
    got, said = carried(program, a, b, png(64) * ((33 << 20) // 72), "image/png")
    assert got is None and said == "error it is larger than may be carried", said


def leaves_the_rest_behind(program, a, b):
    for target in ("text/uri-list", "text/html", "application/x-secret"):
        got, said = carried(program, a, b, b"file:///etc/passwd", target)
        assert got is None and said.startswith("error there is no text"), (target, said)
    got, said = carried(program, a, b, b"#!/bin/sh\n", "image/png")
    assert got is None and said == "error what is said to be a picture is none", said


def nothing_copied(program, a, b):
    with Clip(program, "take", a, b) as clip:
        assert clip.outcome.startswith("error there is no text"), clip.outcome


def one_way_and_once(program, a, b):
    """What is copied later on either side stays there."""
    with Copied(a, b"first"):
        wait_for("the source", lambda: paste(a) == b"first")
        with Clip(program, "take", a, b) as clip:
            assert paste(b) == b"first"
            with Copied(a, b"second"):
                wait_for("the second", lambda: paste(a) == b"second")
                assert paste(b) == b"first"
            with Copied(b, b"theirs"):
                wait_for("its end", lambda: clip.child.poll() is not None)
                assert paste(b) == b"theirs"
                assert paste(a) != b"theirs"


def ends_with_the_server(program, a):
    with Display() as b, Copied(a, b"x"):
        wait_for("the source", lambda: paste(a) == b"x")
        with Clip(program, "take", a, b) as clip:
            assert clip.outcome == "ok text 1", clip.outcome
            end(b.children[-1])
            wait_for("its end", lambda: clip.child.poll() is not None)


def names_what_there_is(program, a):
    with Copied(a, b"x"):
        wait_for("the source", lambda: paste(a) == b"x")
        with Clip(program, "list", a) as clip:
            assert clip.outcome.split()[:2] == ["ok", "UTF8_STRING"], clip.outcome
            assert clip.child.wait(PATIENCE) == 0


def answers(display, target):
    """Whether the clipboard's owner gives this; one that is stopped does not, however long one asks."""
    try:
        return subprocess.run(["xclip", "-selection", "clipboard", "-target", target, "-out"], env=display.env,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=2,
                              check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def asks_the_next_owner(program, a):
    """Who was asked goes away without an answer, as others have copied since."""
    second = subprocess.Popen(["xclip", "-quiet", "-selection", "clipboard", "-target", "image/png", "-in"],
                              env=a.env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        with concurrent.futures.ThreadPoolExecutor() as pool, Copied(a, b"first") as first:
            os.kill(first.child.pid, signal.SIGSTOP)
            asked = pool.submit(Clip, program, "list", a)
            time.sleep(1)  # it waits, whatever the machine's load: nobody answers
            assert not asked.done()
            second.stdin.write(png(1))
            second.stdin.close()  # which is when it copies
            wait_for("the second copy", lambda: answers(a, "image/png"))
            first.child.kill()
            with asked.result(PATIENCE) as clip:
                assert clip.outcome == "ok image/png", clip.outcome
    finally:
        end(second)


def names_nothing_where_nothing_is(program):
    with Display() as a, Clip(program, "list", a) as clip:
        assert clip.outcome == "ok", clip.outcome


def needs_the_cookie(program):
    with Display(lets_user_in=False) as a, Display() as b:
        with Clip(program, "take", a, b, auth=b"\xff\xff" + bytes(8)) as clip:
            assert re.match("error the first X server lets nobody in: .*uthoriz", clip.outcome), \
                clip.outcome


def is_confined(program, a, b):
    """While it serves it has two sockets' worth of rights: no file, no new process."""
    with Copied(a, b"x"):
        wait_for("the source", lambda: paste(a) == b"x")
        with Clip(program, "take", a, b) as clip:
            with open(f"/proc/{clip.child.pid}/status", encoding="ascii") as f:
                status = f.read()
            assert re.search(r"^Seccomp:\s+2$", status, re.M), status
            assert re.search(r"^NoNewPrivs:\s+1$", status, re.M), status


def main():
    program, checked = (sys.argv[1:] + [None])[:2]
    tap = Tap()
    become_ordinary()
    with Display() as a, Display() as b:
        for p in filter(None, (program, checked)):
            label = "checked: " if p == checked else ""
            for f in (carries_text, carries_pictures_in_parts, carries_long_text_in_parts,
                      cleans_text, widens_latin_1, keeps_to_its_limits, leaves_the_rest_behind,
                      nothing_copied, one_way_and_once):
                tap.run(lambda f=f, p=p: f(p, a, b), label + f.__name__)
            for f in (ends_with_the_server, names_what_there_is, asks_the_next_owner):
                tap.run(lambda f=f, p=p: f(p, a), label + f.__name__)
        tap.run(lambda: is_confined(program, a, b), "is_confined")
        for f in (names_nothing_where_nothing_is, needs_the_cookie):
            tap.run(lambda f=f: f(program), f.__name__)
    return tap.done()


sys.exit(main())
