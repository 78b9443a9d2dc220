# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compositors without a screen, the filter in front of one, and a client that speaks raw bytes."""
import array
import codecs
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import Skip, Tap  # noqa: E402,F401

PATIENCE = 60
NOBODY = 12345  # an id without a name
THEIRS = 0xff000000
LISTENING, SETTINGS, CONTROL = 3, 5, 6  # the filter's descriptors
DEFAULT_POWERS = ("dmabuf", "activation", "text-input", "primary-selection", "fullscreen",
                  "clipboard-in", "clipboard-out")


def wait_for(what, condition, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.02)


def become_ordinary():
    """Compositors refuse root: as root the tests go on as nobody in particular."""
    if os.getuid() == 0:
        for name in ("ascii", "latin-1", "idna"):  # root's Python may be out of reach afterwards
            codecs.lookup(name)
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        os.environ["HOME"] = "/nonexistent"


def ordinary_stage(stage):
    """become_ordinary, and the stage (cli_lib.Stage) goes with us."""
    if os.getuid() == 0:
        for top, folders, files in os.walk(stage.top):
            for name in (".", *folders, *files):
                os.lchown(os.path.join(top, name), NOBODY, NOBODY)
        become_ordinary()
    return stage


def scratch():
    """A folder of one's own whose path is short enough for a socket's name."""
    home = os.path.expanduser("~")
    return tempfile.mkdtemp(prefix="cw-", dir=home if os.access(home, os.W_OK) and
                            len(home) < 40 else None)


def end(process):
    """Ends a process that was started with start_new_session, and its group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):
            pass
        try:
            process.wait(10)
            return
        except subprocess.TimeoutExpired:
            pass


# ---- compositors ----

class Compositor:
    """One that is started in a runtime folder of its own. `socket` is its path."""
    name = program = None
    socket_name = "wayland-1"

    def command(self):
        raise NotImplementedError

    def variables(self):
        return {}

    def __enter__(self):
        if not shutil.which(self.program):
            raise Skip(f"{self.program} is not installed")
        self.folder = scratch()
        self.runtime = os.path.join(self.folder, "run")
        os.mkdir(self.runtime, 0o700)
        self.env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": self.folder, "LANG": "C.UTF-8",
                    "XDG_RUNTIME_DIR": self.runtime, "XDG_SESSION_TYPE": "wayland",
                    "NO_AT_BRIDGE": "1", **self.variables()}
        self.log = os.path.join(self.folder, "log")
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen(self.command(), env=self.env, stdout=log, stderr=log,
                                          stdin=subprocess.DEVNULL, start_new_session=True)
        self.socket = os.path.join(self.runtime, self.socket_name)
        self.env["WAYLAND_DISPLAY"] = self.socket_name
        try:
            wait_for(f"{self.name}'s socket", self.listens)
        except AssertionError:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                print("# " + "\n# ".join(f.read().splitlines()[-20:]))
            self.__exit__()
            raise
        return self

    def listens(self):
        s = socket.socket(socket.AF_UNIX)
        try:
            s.connect(self.socket)
            return True
        except OSError:
            assert self.child.poll() is None, f"{self.name} has ended"
            return False
        finally:
            s.close()

    def __exit__(self, *_):
        end(self.child)
        shutil.rmtree(self.folder, ignore_errors=True)
        return False


class Sway(Compositor):
    name = program = "sway"

    def command(self):
        config = os.path.join(self.folder, "config")
        with open(config, "w", encoding="utf-8") as f:
            f.write("output * bg #204060 solid_color\nxwayland disable\n")
        return ["sway", "-c", config]

    def variables(self):
        return {"WLR_BACKENDS": "headless", "WLR_RENDERER": "pixman", "WLR_LIBINPUT_NO_DEVICES": "1"}


class InTree(Compositor):
    """One of a newer Debian, whose tree is the root of a namespace of its own. Its runtime folder
    lies at the same path inside and outside."""
    tree = None
    inside = ()
    settles = ()

    def bwrap(self):
        run = self.runtime
        return ["bwrap", "--unshare-pid", "--die-with-parent", "--ro-bind", self.tree, "/",
                "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run",
                "--tmpfs", "/" + self.folder.split("/")[1], "--ro-bind", self.account(), "/etc/passwd", "--bind", self.folder, self.folder,
                "--setenv", "XDG_RUNTIME_DIR", run, "--chdir", "/"]

    def account(self):
        """bus daemons want the person to have a name."""
        path = os.path.join(self.folder, "passwd")
        with open(path, "w", encoding="ascii") as f:
            f.write(f"root:x:0:0::/root:/bin/sh\nu:x:{os.getuid()}:{os.getgid()}::/tmp:/bin/sh\n")
        return path

    def command(self):
        return self.bwrap() + list(self.inside)

    def tool(self, *argv):
        """The words that start a tool of the tree."""
        return self.bwrap() + list(argv)


class Weston(Compositor):
    name = program = "weston"

    def command(self):
        return ["weston", "--backend=headless-backend.so", "--use-pixman",
                f"--socket={self.socket_name}", "--idle-time=0", "--no-config"]


# ---- the filter by itself ----

class Filter:
    """The program as the supervisor starts it, but without the core's walls around it."""

    def __init__(self, program, upstream, powers=DEFAULT_POWERS, extra=""):
        self.folder = scratch()
        self.path = os.path.join(self.folder, "wayland-0")
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(self.path)
        self.listening.listen(64)
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        text = f"carrel-wayland 1\nsocket {upstream}\n{extra}context {self.folder}/context\n"
        text += f"power {' '.join(powers)}\n" if powers else ""
        settings = os.memfd_create("settings")
        os.write(settings, text.encode())
        self.errors = os.path.join(self.folder, "errors")
        # By way of a shell, which puts them onto the right numbers: Python keeps some for itself.
        given = {LISTENING: self.listening.fileno(), SETTINGS: settings, CONTROL: theirs.fileno()}
        high = {n: fcntl.fcntl(fd, fcntl.F_DUPFD, 50) for n, fd in given.items()}
        moves = " ".join(f"{n}<&{fd} {fd}<&-" for n, fd in high.items())
        with open(self.errors, "wb") as errors:
            self.child = subprocess.Popen(["bash", "-c", f'exec "$0" {moves}', program], env={},
                                          stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                                          pass_fds=tuple(high.values()), start_new_session=True)
        for fd in (settings, *high.values()):
            os.close(fd)
        theirs.close()
        self.listening.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.control.close()
        end(self.child)
        shutil.rmtree(self.folder, ignore_errors=True)
        return False

    def said(self):
        with open(self.errors, encoding="utf-8", errors="replace") as f:
            return f.read()

    def descriptors(self):
        """How many it has open. While a program is being executed for somebody who has laid down
        root the kernel refuses that for a moment."""
        end = time.monotonic() + 10
        while True:
            try:
                return len(os.listdir(f"/proc/{self.child.pid}/fd"))
            except PermissionError as e:
                assert time.monotonic() < end, f"{e}; it ended with {self.child.poll()} and said: {self.said()}"
                time.sleep(0.01)

    def memory(self):
        """The proportional share in KiB, and what is private."""
        with open(f"/proc/{self.child.pid}/smaps_rollup", encoding="ascii") as f:
            rows = dict(line.split(":", 1) for line in f if ":" in line)
        return {k: int(rows[k].split()[0]) for k in ("Pss", "Private_Dirty", "Private_Clean")}


# ---- the wire ----

def u(value):
    return struct.pack("=I", value & 0xffffffff)


def s(text):
    data = (text if isinstance(text, bytes) else text.encode()) + b"\0"
    return u(len(data)) + data + b"\0" * (-len(data) % 4)


def message(target, opcode, *parts):
    body = b"".join(parts)
    return u(target) + u((8 + len(body)) << 16 | opcode) + body


class Client:
    """A client that writes what it is told, also nonsense."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path)
        self.buffer, self.fds = b"", []
        self.next = 2

    def close(self):
        self.socket.close()
        for fd in self.fds:
            os.close(fd)
        self.fds = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
        return False

    def send(self, data, fds=()):
        if fds:
            self.socket.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                          array.array("i", fds))])
        else:
            self.socket.sendall(data)

    def new(self):
        self.next += 1
        return self.next - 1

    def event(self):
        """(object, opcode, body), or None at the end of the connection."""
        while len(self.buffer) < 8 or len(self.buffer) < struct.unpack_from("=I", self.buffer, 4)[0] >> 16:
            try:
                data, rights, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(4 * 253))
            except ConnectionResetError:
                return None
            for _, _, raw in rights:
                self.fds += array.array("i", raw[:len(raw) // 4 * 4])
            if not data:
                return None
            self.buffer += data
        target, word = struct.unpack_from("=II", self.buffer)
        body, self.buffer = self.buffer[8:word >> 16], self.buffer[word >> 16:]
        return target, word & 0xffff, body

    def globals(self):
        """{number: (interface, version)}; the registry is object `registry`."""
        self.registry, sync = self.new(), self.new()
        self.send(message(1, 1, u(self.registry)) + message(1, 0, u(sync)))
        found = {}
        while True:
            event = self.event()
            assert event, "the connection ended"
            target, opcode, body = event
            if target == sync:
                self.offered = found
                return found
            if target == self.registry and opcode == 0:
                name, length = struct.unpack_from("=II", body)
                interface = body[8:8 + length - 1].decode()
                version = struct.unpack_from("=I", body, 8 + (length + 3) // 4 * 4)[0]
                found[name] = (interface, version)

    def bind(self, interface, version=None):
        for name, (offered, most) in self.offered.items():
            if offered == interface:
                number = self.new()
                self.send(message(self.registry, 0, u(name), s(interface), u(version or most),
                                  u(number)))
                return number
        raise AssertionError(f"{interface} is not offered")

    def roundtrip(self):
        sync = self.new()
        self.send(message(1, 0, u(sync)))
        while True:
            event = self.event()
            if event is None:
                return False
            if event[0] == sync:
                return True

    def end_of(self):
        """What the last error said, once the connection has ended; waits for that."""
        text = ""
        while True:
            event = self.event()
            if event is None:
                return text
            if event[0] == 1 and event[1] == 0:
                length = struct.unpack_from("=I", event[2], 8)[0]
                text = event[2][12:12 + length - 1].decode(errors="replace")
