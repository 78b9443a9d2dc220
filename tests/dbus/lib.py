# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the bus filter share: a real bus, the filter in front of it, and raw clients.

The filter is started directly, with the descriptors that its supervisor would give it; its own
walls are up, those of its plan are tested elsewhere.
"""
import array
import fcntl
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

WAIT = 20  # seconds; only a failure takes so long
BUS = "org.freedesktop.DBus"
BUS_PATH = "/org/freedesktop/DBus"
CALL, RETURN, ERROR, SIGNAL = 1, 2, 3, 4
NO_REPLY, NO_START = 1, 2

CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
<servicedir>%s</servicedir>
<policy context="default"><allow send_destination="*" eavesdrop="true"/>
<allow eavesdrop="true"/><allow own="*"/></policy>
<limit name="max_message_unix_fds">4096</limit>
<limit name="max_incoming_bytes">1000000000</limit>
<limit name="max_outgoing_bytes">1000000000</limit>
<limit name="max_message_size">134217728</limit>
<limit name="max_replies_per_connection">50000</limit>
<limit name="max_match_rules_per_connection">50000</limit>
<limit name="max_completed_connections">100000</limit>
<limit name="max_names_per_connection">50000</limit>
</busconfig>
"""


def wait_for(what, seconds=WAIT):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError("it never came: %s" % what)


def memory_file(text):
    fd = os.memfd_create("rules")
    os.write(fd, text.encode() if isinstance(text, str) else text)
    return fd


class Bus:
    """A dbus-daemon of its own."""

    def __init__(self, folder=None):
        self.folder = folder or tempfile.mkdtemp(prefix="carrel-dbus.")
        self.own = folder is None
        self.path = os.path.join(self.folder, "bus")
        self.services = os.path.join(self.folder, "services")
        os.makedirs(self.services, exist_ok=True)
        config = os.path.join(self.folder, "bus.conf")
        with open(config, "w", encoding="utf-8") as f:
            f.write(CONFIG % (self.path, self.services))
        self.process = subprocess.Popen(
            ["dbus-daemon", "--nofork", "--nosyslog", "--config-file=" + config],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        wait_for(self.answers)
        self.address = "unix:path=" + self.path

    def answers(self):
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(self.path) == 0

    def stop(self):
        self.process.kill()
        self.process.wait()
        if self.own:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Filter:
    """carrel-dbus in front of a bus."""

    def __init__(self, program, bus, rules, server=None):
        self.folder = tempfile.mkdtemp(prefix="carrel-dbus.")
        self.path = os.path.join(self.folder, "app")
        self.address = "unix:path=" + self.path
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(self.path)
        listening.listen(100)
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.log_fd, log = os.pipe()
        fcntl.fcntl(self.log_fd, 1031, 1 << 20)  # F_SETPIPE_SZ
        os.set_blocking(self.log_fd, False)
        text = rules if rules.startswith("carrel-bus 1") else "carrel-bus 1\n" + rules
        memory = memory_file(text)
        fds = [listening.fileno(), memory, theirs.fileno(), log]
        self.process = subprocess.Popen(
            [program, *map(str, fds), server or (bus.path if bus else "/nowhere")],
            pass_fds=fds, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, env={"ASAN_OPTIONS": "detect_leaks=0"})  # it may not look at itself
        listening.close()
        theirs.close()
        os.close(memory)
        os.close(log)
        self.text = b""

    def ask(self, text, *fds):
        extra = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.control.sendmsg([text.encode()], extra)
        self.control.settimeout(WAIT)
        return self.control.recv(1000).decode()

    def change(self, rules):
        fd = memory_file("carrel-bus 1\n" + rules)
        try:
            return self.ask("rules", fd)
        finally:
            os.close(fd)

    def counts(self):
        words = self.ask("count").split()
        return dict(zip(words[::2], map(int, words[1::2])))

    def log(self):
        """Lines since the last call."""
        try:
            while True:
                got = os.read(self.log_fd, 1 << 16)
                if not got:
                    break
                self.text += got
        except BlockingIOError:
            pass
        *lines, self.text = self.text.split(b"\n")
        return [line.decode() for line in lines]

    def logged(self, *parts):
        """Waits for a line with all the parts."""
        seen = []

        def look():
            seen.extend(self.log())
            return any(all(p in line for p in parts) for line in seen)
        try:
            wait_for(look, 10)
        except AssertionError:
            raise AssertionError("no line with %s among %s" % (parts, seen)) from None

    def memory(self):
        """Anonymous bytes resident."""
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as f:
            for line in f:
                if line.startswith("RssAnon"):
                    return int(line.split()[1]) * 1024
        raise AssertionError("no RssAnon")

    def stop(self):
        """Ends it; says how it ended."""
        self.control.close()
        try:
            status = self.process.wait(WAIT)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            status = self.process.wait()
        self.process.stderr.close()
        os.close(self.log_fd)
        shutil.rmtree(self.folder, ignore_errors=True)
        return status

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        status = self.stop()
        if kind is None:
            assert status == 0, "the filter ended with %s" % status


# ---- messages as bytes, without any library: what a hostile client sends ----

class Variant:
    def __init__(self, signature, value):
        self.signature, self.value = signature, value


def align(n, to):
    return (n + to - 1) // to * to


def put(out, kind, value, order="<"):
    def number(code, size):
        out.extend(bytes(align(len(out), size) - len(out)))
        out.extend(struct.pack(order + code, value))
    if kind in "yq" or kind in "uibtx":
        code, size = {"y": ("B", 1), "q": ("H", 2), "u": ("I", 4), "i": ("i", 4), "b": ("I", 4),
                      "t": ("Q", 8), "x": ("q", 8)}[kind]
        number(code, size)
    elif kind in "so":
        data = value.encode() if isinstance(value, str) else value
        put(out, "u", len(data), order)
        out.extend(data + b"\0")
    elif kind == "g":
        data = value.encode()
        out.append(len(data))
        out.extend(data + b"\0")
    elif kind == "v":
        put(out, "g", value.signature, order)
        put(out, value.signature, value.value, order)
    elif kind[0] == "a":
        put(out, "u", 0, order)
        start = len(out)
        for item in value:
            put(out, kind[1:], item, order)
        out[start - 4:start] = struct.pack(order + "I", len(out) - start)
    else:
        raise ValueError(kind)


FIELDS = {"path": (1, "o"), "interface": (2, "s"), "member": (3, "s"), "error": (4, "s"),
          "reply_serial": (5, "u"), "destination": (6, "s"), "sender": (7, "s"),
          "signature": (8, "g"), "fds": (9, "u")}


def message(kind, serial, body=(), flags=0, order="<", extra=(), length=None, **fields):
    """extra: further (code, type, value) fields; length: what the header says of the body."""
    content = bytearray()
    signature = ""
    for item in body:
        signature += item[0]
        put(content, item[0], item[1], order)
    if signature and "signature" not in fields:
        fields["signature"] = signature
    out = bytearray([ord("l" if order == "<" else "B"), kind, flags, 1])
    out.extend(struct.pack(order + "III", len(content) if length is None else length, serial, 0))
    rows = [(*FIELDS[name], value) for name, value in fields.items() if value is not None]
    for code, type_, value in [*rows, *extra]:
        out.extend(bytes(align(len(out), 8) - len(out)))
        out.append(code)
        put(out, "g", type_, order)
        put(out, type_, value, order)
    out[12:16] = struct.pack(order + "I", len(out) - 16)
    out.extend(bytes(align(len(out), 8) - len(out)))
    return bytes(out + content)


def bus_call(serial, member, *args, interface=BUS, **more):
    return message(CALL, serial, [("s", a) if isinstance(a, str) else a for a in args],
                   path=BUS_PATH, interface=interface, member=member,
                   **{"destination": BUS, **more})


class Message:
    """A message that came; only basic types and arrays of texts are read."""

    def __init__(self, data, fds):
        self.data, self.fds = data, fds
        self.order = "<" if data[0:1] == b"l" else ">"
        self.kind, self.flags = data[1], data[2]
        self.length, self.serial, size = struct.unpack(self.order + "III", data[4:16])
        self.path = self.interface = self.member = self.error = self.destination = None
        self.sender = self.reply_serial = None
        self.signature = ""
        names = {code: (name, type_) for name, (code, type_) in FIELDS.items()}
        at = 16
        while at < 16 + size:
            at = align(at, 8)
            code = data[at]
            type_, at = self.take("g", at + 1)
            value, at = self.take(type_, at)
            if code in names:
                setattr(self, names[code][0] if names[code][0] != "fds" else "n_fds", value)
        at = align(16 + size, 8)
        self.body = []
        rest = self.signature
        try:
            while rest:
                type_ = rest[:2] if rest[0] == "a" else rest[0]
                value, at = self.take(type_, at)
                self.body.append(value)
                rest = rest[len(type_):]
        except (KeyError, ValueError, struct.error, IndexError):
            pass

    def take(self, type_, at):
        if type_ in ("s", "o"):
            n, at = self.take("u", at)
            return self.data[at:at + n].decode(), at + n + 1
        if type_ == "g":
            n = self.data[at]
            return self.data[at + 1:at + 1 + n].decode(), at + 2 + n
        if type_[0] == "a":
            n, at = self.take("u", at)
            end, items = at + n, []
            while at < end:
                value, at = self.take(type_[1:], at)
                items.append(value)
            return items, at
        code, size = {"y": ("B", 1), "q": ("H", 2), "u": ("I", 4), "i": ("i", 4), "b": ("I", 4),
                      "t": ("Q", 8), "x": ("q", 8)}[type_]
        at = align(at, size)
        return struct.unpack_from(self.order + code, self.data, at)[0], at + size

    def __repr__(self):
        return "<%s %s.%s from %s to %s %s re %s %s>" % (
            {1: "call", 2: "return", 3: "error", 4: "signal"}.get(self.kind), self.interface,
            self.member, self.sender, self.destination, self.error, self.reply_serial, self.body)


class Raw:
    """A connection that says exactly the bytes it is told to."""

    def __init__(self, path, auth=True, hello=True, polite=False):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(WAIT)
        self.socket.connect(path)
        self.data, self.fds, self.queue = b"", [], []
        self.serial, self.unique = 0, None
        if auth:
            uid = str(os.geteuid()).encode().hex()
            ask = [b"\0AUTH EXTERNAL " + uid.encode() + b"\r\n", b"NEGOTIATE_UNIX_FD\r\n", b"BEGIN\r\n"]
            if polite:  # waits for each answer, as Debian 12's xdg-dbus-proxy needs it
                lines = []
                for part in ask[:2]:
                    self.send(part)
                    lines += self.lines(1)
                self.send(ask[2])
            else:
                self.send(b"".join(ask))
                lines = self.lines(2)
            assert lines[0].startswith(b"OK ") and lines[1] == b"AGREE_UNIX_FD", lines
            if hello:
                self.unique = self.call(BUS, BUS_PATH, BUS, "Hello").body[0]

    def send(self, data, fds=()):
        extra = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        sent = self.socket.sendmsg([data], extra)
        if sent < len(data):
            self.socket.sendall(data[sent:])

    def lines(self, n):
        while self.data.count(b"\r\n") < n:
            got = self.socket.recv(4096)
            assert got, "the connection has ended: %r" % self.data
            self.data += got
        *lines, self.data = self.data.split(b"\r\n", n)
        return lines

    def fill(self):
        """Reads something; False at the end."""
        try:
            got, extra, _, _ = self.socket.recvmsg(1 << 18, socket.CMSG_LEN(4 * 253),
                                                   socket.MSG_CMSG_CLOEXEC)
        except ConnectionResetError:
            return False
        for level, kind, data in extra:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds = array.array("i")
                fds.frombytes(data[:len(data) // 4 * 4])
                self.fds.extend(fds)
        self.data += got
        return bool(got)

    def whole(self):
        if len(self.data) < 16:
            return 0
        order = "<" if self.data[0:1] == b"l" else ">"
        body, _, head = struct.unpack(order + "III", self.data[4:16])
        size = align(16 + head, 8) + body
        return size if len(self.data) >= size else 0

    def next(self, seconds=WAIT):
        """The next message, or None when none comes."""
        if self.queue:
            return self.queue.pop(0)
        end = time.monotonic() + seconds
        while not self.whole():
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0] or not self.fill():
                return None
        size = self.whole()
        data, self.data = self.data[:size], self.data[size:]
        m = Message(data, [])
        n = getattr(m, "n_fds", 0) or 0
        m.fds, self.fds = self.fds[:n], self.fds[n:]
        return m

    def next_serial(self):
        self.serial += 1
        return self.serial

    def reply(self, serial, seconds=WAIT):
        """The reply to a call; what else comes meanwhile is kept for next()."""
        kept = []
        try:
            while True:
                m = self.next(seconds)
                if m is None:
                    return None
                if m.kind in (RETURN, ERROR) and m.reply_serial == serial:
                    return m
                kept.append(m)
        finally:
            self.queue = kept + self.queue

    def call(self, destination, path, interface, member, *body, flags=0, seconds=WAIT, fds=()):
        serial = self.next_serial()
        self.send(message(CALL, serial, [("s", b) if isinstance(b, str) else b for b in body],
                          flags, path=path, interface=interface, member=member,
                          destination=destination, fds=len(fds) or None), fds)
        m = self.reply(serial, seconds)
        assert m is not None, "no reply to %s.%s" % (interface, member)
        return m

    def bus(self, member, *body, **more):
        return self.call(BUS, BUS_PATH, BUS, member, *body, **more)

    def own(self, name):
        m = self.bus("RequestName", name, ("u", 4))
        assert m.kind == RETURN and m.body == [1], m

    def emit(self, path, interface, member, *body, destination=None):
        self.send(message(SIGNAL, self.next_serial(),
                          [("s", b) if isinstance(b, str) else b for b in body],
                          path=path, interface=interface, member=member, destination=destination))

    def answer(self, call, *body, **more):
        self.send(message(RETURN, self.next_serial(),
                          [("s", b) if isinstance(b, str) else b for b in body],
                          **{"reply_serial": call.serial, "destination": call.sender, **more}))

    def sync(self):
        """All that was sent before has been dealt with; what came is kept for next()."""
        return self.bus("GetId")

    def ended(self, seconds=WAIT):
        """Whether the other side hangs up."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            left = max(0, end - time.monotonic())
            if select.select([self.socket], [], [], left)[0] and not self.fill():
                return True
        return False

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
