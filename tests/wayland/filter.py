#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Wayland filter between real programs and real compositors, and against hostile clients.

    filter.py CARREL-WAYLAND [CHECKED]

Every probe first works on the compositor itself. With CHECKED the same program as the usual
compiler (and its sanitizers) made it is used for the hostile clients too.
"""
import contextlib
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import (DEFAULT_POWERS, PATIENCE, THEIRS, Client, Filter, Sway, Tap, Weston,  # noqa: E402
                 become_ordinary, end, message, s, u, wait_for)
from probes import DANGEROUS, Keyboard, copied, names, paste, run  # noqa: E402

OPTIONAL = {"pointer-lock": "zwp_pointer_constraints_v1",
            "relative-pointer": "zwp_relative_pointer_manager_v1",
            "idle-inhibit": "zwp_idle_inhibit_manager_v1",
            "shortcuts-inhibit": "zwp_keyboard_shortcuts_inhibit_manager_v1",
            "window-handles": "zxdg_exporter_v2"}
REGIONS = 100
SECRET = "the-secret-in-the-clipboard"


# ---- what is offered ----

def only_what_the_rows_name(compositor, program):
    def test():
        outside = names(compositor.socket)
        assert outside & set(DANGEROUS), f"{compositor.name} offers nothing dangerous"
        with Filter(program, compositor.socket) as f:
            inside = names(f.path)
        assert not inside & set(DANGEROUS), inside & set(DANGEROUS)
        assert inside <= outside, inside - outside
        assert {"wl_compositor", "wl_shm", "xdg_wm_base", "wl_output"} <= inside, inside
        assert not inside & set(OPTIONAL.values()), inside
    return test


def opt_ins_and_outs(compositor, program):
    def test():
        outside = names(compositor.socket)
        for word, interface in OPTIONAL.items():
            with Filter(program, compositor.socket, [word]) as f:
                assert (interface in names(f.path)) == (interface in outside), word
        for word, interface in {"text-input": "zwp_text_input_manager_v3",
                                "activation": "xdg_activation_v1",
                                "primary-selection": "zwp_primary_selection_device_manager_v1"
                                }.items():
            with Filter(program, compositor.socket,
                        [w for w in DEFAULT_POWERS if w != word]) as f:
                assert interface in outside and interface not in names(f.path), word
    return test


def steering_tools(sway, program):
    """W2: screenshots, typing and output settings."""
    tools = {"grim": ("grim", "-"), "wtype": ("wtype", "x"), "wlr-randr": ("wlr-randr",)}

    def test_of(argv):
        def test():
            done = run(sway.env, sway.socket, *argv)
            assert done.returncode == 0, f"outside: {done.stdout[-300:]}"
            with Filter(program, sway.socket) as f:
                done = run(sway.env, f.path, *argv)
            assert done.returncode != 0, "works inside"
            assert b"support" in done.stdout, done.stdout[-300:]
        return test
    return {name: test_of(argv) for name, argv in tools.items()}


# ---- clipboard ----

def clipboard(sway, program, into, out, *options):
    words = [w for w in DEFAULT_POWERS if not w.startswith("clipboard")]
    words += ["clipboard-in"] * into + ["clipboard-out"] * out

    def test():
        with Filter(program, sway.socket, words) as f, Keyboard(sway.socket):
            with copied(sway.env, sway.socket, SECRET, *options):
                wait_for("the clipboard",
                         lambda: paste(sway.env, sway.socket, *options) == SECRET.encode())
                inside = paste(sway.env, f.path, *options)
                assert (inside == SECRET.encode()) == into, f"inside: {inside}"
            with copied(sway.env, f.path, "from the app", *options):
                if out:
                    wait_for("the app's text",
                             lambda: paste(sway.env, sway.socket, *options) == b"from the app")
                else:
                    time.sleep(1)
                    assert paste(sway.env, sway.socket, *options) != b"from the app"
    return test


# ---- hostile clients ----

def nonsense(client):
    """{name: bytes, descriptors} of what no client may say; each ends the connection."""
    hidden = max(client.outside, key=lambda n: client.outside[n][0] in DANGEROUS)
    interface, version = client.outside[hidden]
    name, (first, most) = next(iter(client.offered.items()))
    r, new = client.registry, client.next

    def bind(number, text, ver, target=new):
        return message(r, 0, u(number), s(text), u(ver), u(target))
    long = message(1, 0, u(new), b"\0" * 65520)
    return {
        "a hidden global by its number": bind(hidden, interface, version),
        "a hidden number under a permitted name": bind(hidden, first, 1),
        "a permitted number under a hidden name": bind(name, interface, 1),
        "a number that was never told": bind(0xfffffff0, first, 1),
        "a version that is too high": bind(name, first, most + 1),
        "version 99": bind(name, first, 99),
        "version 0": bind(name, first, 0),
        "a name with a NUL in it": message(r, 0, u(name), s(first.encode() + b"\0x"), u(1), u(new)),
        "a name without its NUL": message(r, 0, u(name), u(4), b"abcd", u(1), u(new)),
        "a name longer than the message": message(r, 0, u(name), u(5000), b"abcd", u(1), u(new)),
        "a name of 4 GB": message(r, 0, u(name), u(0xffffffff), b"abcd", u(1), u(new)),
        "a name that is null": message(r, 0, u(name), u(0), u(1), u(new)),
        "no arguments": message(r, 0),
        "too many arguments": message(1, 0, u(new), u(0)),
        "a size below the header's": u(1) + u(4 << 16) + u(new),
        "a size of 0": u(1) + u(0),
        "a size that is no multiple of 4": u(1) + u(9 << 16) + b"\0" * 9,
        "a size of 65535": u(1) + u(0xffff << 16) + b"\0" * 65528,
        "the largest message": long,
        "object 0": message(0, 0, u(new)),
        "an object that is not there": message(new + 5, 0),
        "an object of the compositor's that is not there": message(THEIRS, 0),
        "object 0xffffffff": message(0xffffffff, 0),
        "a request that there is not": message(1, 2),
        "request 65535": message(1, 65535),
        "a request to a registry that there is not": message(r, 1, u(name)),
        "a new object with number 0": message(1, 0, u(0)),
        "a new object with the display's number": message(1, 0, u(1)),
        "a new object with a number in use": message(1, 0, u(r)),
        "a new object far away": message(1, 0, u(new + 1)),
        "a new object with a number of the compositor's": message(1, 0, u(THEIRS)),
        "a second bind to the same number": bind(name, first, 1) + bind(name, first, 1),
        "70 registries": b"".join(message(1, 1, u(new + i)) for i in range(70)),
    }


def hostile(sway, program):
    with Client(sway.socket) as c:
        outside = c.globals()

    def prepared(f):
        c = Client(f.path)
        c.outside = outside
        c.globals()
        return c

    def test_of(name):
        def test():
            with Filter(program, sway.socket) as f:
                with prepared(f) as good:
                    before = f.descriptors()
                    with prepared(f) as bad:
                        bad.send(nonsense(bad)[name])
                        told = bad.end_of()
                    assert told.startswith("carrel: "), told
                    assert good.roundtrip(), "another connection suffered"
                    wait_for("its descriptors", lambda: f.descriptors() <= before)
                assert f.child.poll() is None
        return test
    with Filter(program, sway.socket) as f, prepared(f) as c:
        return {name: test_of(name) for name in nonsense(c)}


def descriptors_without_a_message(sway, program):
    """They may come early, as the library sends them; they may not pile up."""
    def test():
        read, write = os.pipe()
        with Filter(program, sway.socket) as f:
            before = f.descriptors()
            with Client(f.path) as c:
                c.globals()
                c.send(message(1, 0, u(c.next))[:4], [read] * 200)
                c.send(message(1, 0, u(c.new()))[4:])
                assert c.roundtrip(), "a few that are early are no fault"
                with contextlib.suppress(OSError):
                    for _ in range(10):
                        sync = c.new()
                        c.send(message(1, 0, u(sync)), [read] * 200)
                        time.sleep(0.05)
                c.end_of()
            wait_for("its descriptors", lambda: f.descriptors() <= before)
        os.close(read)
        os.close(write)
    return test


def a_descriptor_that_is_missing(sway, program):
    def test():
        with Filter(program, sway.socket) as f, Client(f.path) as c:
            c.globals()
            shm = c.bind("wl_shm", 1)
            c.send(message(shm, 0, u(c.next), u(4096)))
            assert "descriptor" in c.end_of()
    return test


def half_messages(sway, program):
    """Every split of what a client says first, byte by byte at last."""
    def test():
        with Client(sway.socket) as c:
            want = len(c.globals())
        assert want
        with Filter(program, sway.socket) as f:
            with Client(f.path) as c:
                shown = len(c.globals())
            first = message(1, 1, u(2)) + message(1, 0, u(3))
            pieces = [[first[:i], first[i:]] for i in range(1, len(first))]
            pieces.append([first[i:i + 1] for i in range(len(first))])
            for parts in pieces:
                with Client(f.path) as c:
                    for part in parts:
                        c.send(part)
                        time.sleep(0.002)
                    seen = 0
                    while True:
                        event = c.event()
                        assert event, f"ended at {parts}"
                        if event[0] == 3:
                            break
                        seen += event[0] == 2
                    assert seen == shown, (seen, shown)
    return test


def many_objects(sway, program):
    """A million requests that make and give up objects: the filter's memory stays as it was."""
    def test():
        with Filter(program, sway.socket) as f, Client(f.path) as c:
            c.globals()
            compositor = c.bind("wl_compositor", 1)
            c.roundtrip()
            first = c.next
            # so many regions, their ends, and a sync, behind which all of them are deleted
            regions = [first + i for i in range(REGIONS)]
            batch = b"".join(message(compositor, 1, u(i)) + message(i, 0) for i in regions)
            batch += message(1, 0, u(first + REGIONS))
            answer = (REGIONS + 2) * 12

            def churn(n):
                for _ in range(n):
                    c.socket.sendall(batch)
                    left = answer
                    while left:
                        left -= len(c.socket.recv(left))
            churn(200)
            before = f.memory()
            churn(1000000 // REGIONS)
            after = f.memory()
            assert after["Private_Dirty"] <= before["Private_Dirty"] + 16, (before, after)
            assert after["Pss"] <= 1024, after
    return test


def slow_reader(sway, program):
    """A client that does not read costs a bounded amount, and the others nothing."""
    def test():
        with Filter(program, sway.socket) as f, Client(f.path) as good:
            good.globals()
            with Client(f.path) as bad:
                bad.socket.setblocking(False)
                sync = 2
                sent = 0
                deadline = time.monotonic() + 3
                while time.monotonic() < deadline and sent < 400000:
                    try:
                        bad.socket.send(message(1, 1, u(sync)) if sent == 0 else
                                        message(1, 0, u(sync)))
                        sync += 1
                        sent += 1
                    except (BlockingIOError, BrokenPipeError, ConnectionResetError):
                        break
                assert sent > 100, sent
                assert good.roundtrip()
                assert f.memory()["Pss"] < 6 << 10, f.memory()
            assert good.roundtrip()
    return test


def compositor_goes(program):
    def test():
        with Sway() as sway, Filter(program, sway.socket) as f, Client(f.path) as c:
            assert c.globals()
            end(sway.child)
            c.end_of()
    return test


def ends_with_its_control(sway, program):
    def test():
        with Filter(program, sway.socket) as f, Client(f.path) as c:
            c.globals()
            f.control.close()
            c.end_of()
            assert f.child.wait(PATIENCE) == 0
            with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                Client(f.path)
                raise AssertionError("somebody still listens")
    return test


# ---- a compositor of our own, for what real ones do not do ----

class Stage:
    """A compositor of few words: answers get_registry with `globals`, keeps what comes."""

    def __init__(self, folder, script):
        self.path = os.path.join(folder, "stage")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.path)
        self.socket.listen(8)
        self.script = script
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(peer,), daemon=True).start()

    def answer(self, peer):
        with contextlib.suppress(OSError), peer:
            c = Client.__new__(Client)
            c.socket, c.buffer, c.fds = peer, b"", []
            peer.settimeout(PATIENCE)
            self.script(c)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def told(number, interface, version):
    return message(2, 0, u(number), s(interface), u(version))


def serves(offers, then=b""):
    """A script: tells of globals, answers syncs, says `then` behind the second one."""
    def script(c):
        syncs = 0
        while True:
            event = c.event()
            if event is None:
                return
            target, opcode, body = event
            if target == 1 and opcode == 1:
                registry = struct.unpack("=I", body)[0]
                c.send(b"".join(u(registry) + told(*o)[4:] for o in offers))
            elif target == 1 and opcode == 0:
                sync = body
                syncs += 1
                if syncs > 1 and then:
                    c.send(then)
                c.send(sync + u(12 << 16) + u(0) + message(1, 1, sync))
    return script


@contextlib.contextmanager
def staged(program, script, **more):
    with tempfile.TemporaryDirectory(prefix="cw-") as folder:
        stage = Stage(folder, script)
        try:
            with Filter(program, stage.path, **more) as f:
                yield f
        finally:
            stage.close()


def versions_are_capped(program):
    def test():
        with staged(program, serves([(1, "wl_compositor", 200), (2, "a_new_thing_v9", 1),
                                     (3, "wl_seat", 2)])) as f, Client(f.path) as c:
            found = c.globals()
        assert set(found) == {1, 3}, found
        assert 4 <= found[1][1] < 30 and found[3] == ("wl_seat", 2), found
    return test


def compositor_that_lies(program):
    lies = {
        "an event to nobody": message(77, 0, u(0)),
        "an event that there is not": message(1, 9),
        "a malformed event": message(1, 1),
        "a size below the header's": u(1) + u(4 << 16),
        "the end of what is not there": message(1, 1, u(500)),
    }

    def test_of(lie):
        def test():
            with staged(program, serves([(1, "wl_compositor", 4)], lie)) as f:
                with Client(f.path) as c:
                    c.globals()
                    assert not c.roundtrip(), "passed on"
                with Client(f.path) as c:
                    assert c.globals(), "the filter is gone"
        return test
    return {name: test_of(lie) for name, lie in lies.items()}


class Guard:
    """A script that gives security contexts, and keeps what it is told of them."""
    interface = "wp_security_context_manager_v1"

    def __init__(self, refuses=False):
        self.refuses, self.told, self.listener, self.closer = refuses, {}, None, None

    def __call__(self, c):
        offers = [(1, "wl_compositor", 4), (7, self.interface, 1)]
        manager = context = None
        while True:
            event = c.event()
            if event is None:
                return
            target, opcode, body = event
            if (target, opcode) == (1, 1):
                c.send(b"".join(body + told(*o)[4:] for o in offers))
            elif (target, opcode) == (1, 0):
                if context and self.refuses:
                    c.send(message(1, 0, u(context), u(1), s("no")))
                    return
                c.send(body + u(12 << 16) + u(0) + message(1, 1, body))
            elif target == 2:
                assert body[:4] == u(7) and self.interface.encode() in body, body
                manager = struct.unpack("=I", body[-4:])[0]
            elif target == manager and opcode == 1:
                context = struct.unpack("=I", body)[0]
                listener, self.closer = c.fds
                self.listener = socket.socket(fileno=listener)
                c.fds = []
            elif target == context and opcode in (1, 2, 3):
                length = struct.unpack_from("=I", body)[0]
                self.told[opcode] = body[4:4 + length - 1].decode()
            elif target == context and opcode == 4:
                self.told["done"] = True


def security_context(program):
    """The compositor gets a socket, by which all connections come, and the app's name."""
    def test():
        guard = Guard()
        extra = "app org.example.App\ninstance 4711\n"
        with staged(program, guard, extra=extra) as f, Client(f.path) as c:
            c.send(message(1, 1, u(2)) + message(1, 0, u(3)))
            wait_for("a context", lambda: guard.told.get("done"))
            assert guard.told == {1: "carrel", 2: "carrel/org.example.App", 3: "4711",
                                  "done": True}, guard.told
            guard.listener.settimeout(PATIENCE)
            peer, _ = guard.listener.accept()
            peer.settimeout(PATIENCE)
            with peer:
                assert peer.recv(4096) == message(1, 1, u(2)) + message(1, 0, u(3))
                peer.send(message(2, 0, u(1), s("wl_shm"), u(1)) +
                          message(2, 0, u(7), s(Guard.interface), u(1)) +
                          message(3, 0, u(0)) + message(1, 1, u(3)))
                assert c.event()[:2] == (2, 0) and c.event()[:2] == (3, 0), "the manager is seen"
            poll = select.poll()
            poll.register(guard.closer, select.POLLHUP)
            assert not poll.poll(0), "the context has ended already"
            f.control.close()
            assert poll.poll(PATIENCE * 1000), "the context outlives the filter"
        os.close(guard.closer)
        guard.listener.close()
    return test


def security_context_refused(program):
    """Who offers contexts and gives none gets no app: there is no falling back."""
    def test():
        with staged(program, Guard(refuses=True)) as f:
            assert f.child.wait(PATIENCE) == 125
            assert "security context" in f.said(), f.said()
    return test


def a_compositor_that_cannot_be_reached(program):
    def test():
        with Filter(program, "/nowhere/at/all") as f:
            assert f.child.wait(PATIENCE) == 125
            assert "can not be reached" in f.said(), f.said()
    return test


def settings_that_make_no_sense(program):
    def test():
        for extra in ("power everything\n", "socket /a/second\n", "what is this\n", "app\n", "\\z\n"):
            with Filter(program, "/tmp/x", extra=extra) as f:
                assert f.child.wait(PATIENCE) == 125, extra
                assert "line 3" in f.said(), f.said()
    return test


def main():
    become_ordinary()
    tap, programs = Tap(), sys.argv[1:]
    for n, program in enumerate(programs):
        label = ", checked" if n else ""
        with Sway() as sway:
            if not n:
                tap.run(only_what_the_rows_name(sway, program), "sway: only what the rows name is offered")
                tap.run(opt_ins_and_outs(sway, program), "sway: opt-ins and opt-outs")
                for name, test in steering_tools(sway, program).items():
                    tap.run(test, f"sway: {name} works outside, not inside")
                for value, into, out in (("both", 1, 1), ("in", 1, 0), ("out", 0, 1), ("none", 0, 0)):
                    tap.run(clipboard(sway, program, bool(into), bool(out)), f"clipboard={value}")
                    tap.run(clipboard(sway, program, bool(into), bool(out), "--primary"),
                            f"clipboard={value}, primary selection")
                tap.run(slow_reader(sway, program), "a client that does not read")
                tap.run(many_objects(sway, program), "objects that come and go take no more memory")
            for name, test in hostile(sway, program).items():
                tap.run(test, f"cut off: {name}{label}")
            tap.run(a_descriptor_that_is_missing(sway, program), f"cut off: a descriptor is missing{label}")
            tap.run(descriptors_without_a_message(sway, program), f"cut off: a flood of descriptors{label}")
            tap.run(half_messages(sway, program), f"messages in pieces{label}")
            tap.run(ends_with_its_control(sway, program), f"ends with the supervisor{label}")
        tap.run(versions_are_capped(program), f"versions are capped, unknown globals hidden{label}")
        for name, test in compositor_that_lies(program).items():
            tap.run(test, f"a compositor that says {name}{label}")
        tap.run(security_context(program), f"a security context is asked for{label}")
        tap.run(security_context_refused(program), f"a security context that is refused{label}")
        tap.run(a_compositor_that_cannot_be_reached(program), f"no compositor{label}")
        tap.run(settings_that_make_no_sense(program), f"settings that make no sense{label}")
        tap.run(compositor_goes(program), f"the compositor goes away{label}")
    with Weston() as weston:
        tap.run(only_what_the_rows_name(weston, programs[0]), "weston: only what the rows name is offered")
    return tap.done()


sys.exit(main())
