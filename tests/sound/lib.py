# SPDX-License-Identifier: LGPL-2.1-or-later
"""A person with a sound server and no sound card, and a client without libraries."""
import array
import codecs
import glob
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import wave

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import Skip, Tap  # noqa: E402,F401

PATIENCE = 120
NOBODY = 65534
RATE, HERTZ, PEAK = 48000, 440, 9000
NONE = 0xffffffff


def wait_for(what, holds, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = holds()
        if got:
            return got
        time.sleep(0.05)
    raise AssertionError(f"{what}: waited {seconds} s in vain")


def write_tone(path, seconds):
    """A triangle: as easy to find as a sine."""
    half = RATE / HERTZ / 2
    v = array.array("h")
    for i in range(RATE * seconds):
        turn, at = divmod(i, half)
        value = int(PEAK * (1 - abs(2 * at / half - 1)) * (1 if int(turn) % 2 else -1))
        v.extend((value, value))
    with wave.open(path, "wb") as w:
        w.setnchannels(2)
        w.setsampwidth(2)
        w.setframerate(RATE)
        w.writeframes(v.tobytes())


def heard(samples):
    """(peak, pitch) of mono 16-bit samples: the pitch where it is loudest."""
    v = array.array("h", samples[:len(samples) // 2 * 2])
    peak = max((abs(x) for x in v), default=0)
    best = 0
    for at in range(0, len(v) - RATE // 2, RATE // 4):
        piece = v[at:at + RATE // 2]
        if min(max(piece), -min(piece)) < PEAK / 4:
            continue
        crossings = sum(1 for a, b in zip(piece, piece[1:]) if a < 0 <= b)
        best = crossings * 2 if abs(crossings * 2 - HERTZ) < abs(best - HERTZ) else best
    return peak, best


def is_tone(samples):
    peak, pitch = heard(samples)
    return PEAK * 0.5 < peak < PEAK * 1.6 and abs(pitch - HERTZ) < HERTZ * 0.05


def ordinary_stage(stage):
    """Sound servers want an ordinary user: root goes on as nobody in particular, and the stage
    (cli_lib.Stage) with it."""
    if os.getuid() == 0:
        for top, folders, files in os.walk(stage.top):
            for name in (".", *folders, *files):
                os.lchown(os.path.join(top, name), NOBODY, NOBODY)
        for name in ("ascii", "latin-1", "idna"):  # root's Python may be out of reach afterwards
            codecs.lookup(name)
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        os.environ["HOME"] = "/nonexistent"
    return stage


class Server:
    """PulseAudio with a loudspeaker that is none (spk) and a microphone in which a tone can be put
    (mic, by way of the sink voice)."""

    def __init__(self, folder):
        self.runtime = os.path.join(folder, "run")
        self.home = os.path.join(folder, "pulse-home")
        for name in (self.runtime, self.home):
            os.makedirs(name, mode=0o700, exist_ok=True)
        os.makedirs(os.path.join(self.runtime, "pulse"), mode=0o700)
        self.path = os.path.join(self.runtime, "pulse/native")
        self.env = {"HOME": self.home, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8",
                    "XDG_RUNTIME_DIR": self.runtime, "PULSE_SERVER": "unix:" + self.path}
        if not shutil.which("pulseaudio", path="/usr/bin"):
            raise Skip("no pulseaudio")
        self.log = open(os.path.join(folder, "pulse.log"), "wb")
        self.begin()

    def begin(self):
        self.process = subprocess.Popen(
            ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
             "-L", f"module-native-protocol-unix socket={self.path}",
             "-L", "module-null-sink sink_name=spk",
             "-L", "module-null-sink sink_name=voice",
             "-L", "module-remap-source master=voice.monitor source_name=mic"],
            env=self.env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        wait_for("the sound server", lambda: os.path.exists(self.path) and
                 self.run("pactl", "info").returncode == 0)
        for words in (("set-default-sink", "spk"), ("set-default-source", "mic")):
            assert self.run("pactl", *words).returncode == 0

    def run(self, *argv, **more):
        return subprocess.run(argv, env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=PATIENCE, check=False, **more)

    def start(self, *argv):
        return subprocess.Popen(argv, env=self.env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def listen(self, device="spk.monitor"):
        return Listener(self, device)

    def end(self):
        self.process.terminate()
        self.process.wait()

    def stop(self):
        self.end()
        self.log.close()


class PipeWire(Server):
    """The same by PipeWire and its PulseAudio server, from a tree that tests/sound/fetch has made."""

    def __init__(self, folder, tree):
        library = glob.glob(os.path.join(tree, "usr/lib/*/pipewire-0.3"))[0]
        share = os.path.join(tree, "usr/share")
        self.runtime = os.path.join(folder, "run")
        self.home = os.path.join(folder, "pipewire-home")
        for name in (self.runtime, self.home):
            os.makedirs(name, mode=0o700, exist_ok=True)
        self.path = os.path.join(self.runtime, "pulse/native")
        self.env = {"HOME": self.home, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8",
                    "XDG_RUNTIME_DIR": self.runtime, "PULSE_SERVER": "unix:" + self.path}
        lib = os.path.dirname(library)
        self.tree = tree
        self.more = {"LD_LIBRARY_PATH": lib, "PIPEWIRE_MODULE_DIR": library,
                     "SPA_PLUGIN_DIR": os.path.join(lib, "spa-0.2"),
                     "PIPEWIRE_CONFIG_DIR": os.path.join(share, "pipewire"),
                     "WIREPLUMBER_MODULE_DIR": os.path.join(lib, "wireplumber-0.4"),
                     "WIREPLUMBER_CONFIG_DIR": os.path.join(share, "wireplumber"),
                     "WIREPLUMBER_DATA_DIR": os.path.join(share, "wireplumber")}
        self.log = open(os.path.join(folder, "pipewire.log"), "wb")
        self.begin()

    def begin(self):
        self.children = []
        for name, there in (("pipewire", "pipewire-0"), ("wireplumber", None),
                            ("pipewire-pulse", "pulse/native")):
            self.process = subprocess.Popen(
                ["dbus-run-session", "--", os.path.join(self.tree, "usr/bin", name)] if there is None
                else [os.path.join(self.tree, "usr/bin", name)], env={**self.env, **self.more},
                stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
            self.children.append(self.process)
            if there:
                wait_for(name, lambda: os.path.exists(os.path.join(self.runtime, there)))
        wait_for("the sound server", lambda: self.run("pactl", "info").returncode == 0)
        for words in (("module-null-sink", "sink_name=spk"), ("module-null-sink", "sink_name=voice"),
                      ("module-remap-source", "master=voice.monitor", "source_name=mic")):
            done = self.run("pactl", "load-module", *words)
            assert done.returncode == 0, done
        for words in (("set-default-sink", "spk"), ("set-default-source", "mic")):
            wait_for(" ".join(words), lambda: self.run("pactl", *words).returncode == 0)
        wait_for("the defaults", lambda: b"Default Sink: spk\nDefault Source: mic" in
                 self.run("pactl", "info").stdout)

    def end(self):
        for child in reversed(self.children):
            os.killpg(child.pid, 15)
            child.wait()


class Listener:
    """Takes in what a device hears while the block runs, and until a tone was heard."""

    def __init__(self, server, device):
        self.server, self.samples = server, b""
        self.path = os.path.join(server.home, f"heard.{time.monotonic_ns()}")
        self.device = device

    def __enter__(self):
        self.process = self.server.start("parec", "-d", self.device, "--raw", "--format=s16le",
                                         f"--rate={RATE}", "--channels=1", "--latency-msec=50",
                                         self.path)
        wait_for("parec", lambda: os.path.exists(self.path) and os.path.getsize(self.path))
        return self

    def tone(self):
        with open(self.path, "rb") as f:
            self.samples = f.read()
        return is_tone(self.samples)

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()
        self.tone()
        os.unlink(self.path)


# ---- the protocol ----

def u32(v):
    return b"L" + struct.pack(">I", v & NONE)


def text(s):
    return b"N" if s is None else b"t" + s.encode() + b"\0"


def flags(s):
    return s.encode()  # "0101": false and true


def props(**values):
    out = b"P"
    for key, value in values.items():
        v = value.encode() + b"\0"
        out += text(key.replace("_", ".")) + u32(len(v)) + b"x" + struct.pack(">I", len(v)) + v
    return out + b"N"


SPEC, MAP = b"a\x03\x02" + struct.pack(">I", RATE), b"m\x02\x01\x02"
COOKIE = b"x" + struct.pack(">I", 256) + b"\0" * 256
VOLUME = b"v\x02" + struct.pack(">II", 0x10000, 0x10000)


def frame(payload, channel=NONE, bits=0):
    return struct.pack(">IIIII", len(payload), channel, 0, 0, bits) + payload


def packet(command, tag, *values):
    return frame(u32(command) + u32(tag) + b"".join(values))


def playback(tag, **more):
    return packet(3, tag, SPEC, MAP, u32(NONE), text(more.get("device")), u32(NONE), b"0",
                  u32(more.get("buffer", NONE)), u32(NONE), u32(NONE), u32(tag), VOLUME, flags("0000000"),
                  flags("00"), props(media_name="test", **more.get("props", {})), flags("00"),
                  flags("000"), b"0", b"0", b"B\0")


def record(tag, device=None):
    return packet(5, tag, SPEC, MAP, u32(NONE), text(device), u32(NONE), b"0", u32(NONE),
                  flags("0000000"), flags("00"), props(media_name="test"), u32(NONE), b"0",
                  flags("00"))


class Client:
    def __init__(self, path, version=35):
        self.socket = socket.socket(socket.AF_UNIX)
        # Sent with each message: a server that asks after accept() would not get those of the first.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path)
        if version:
            self.send(packet(8, 0, u32(version), COOKIE))
            assert self.reply(0)[0] == 2
            self.send(packet(9, 1, props(application_name="raw")))
            assert self.reply(1)[0] == 2

    def send(self, data):
        self.socket.sendall(data)

    def _read(self, n):
        out = b""
        while len(out) < n:
            got = self.socket.recv(n - len(out))
            if not got:
                raise EOFError
            out += got
        return out

    def frame(self):
        """(channel, payload)"""
        size, channel = struct.unpack(">IIIII", self._read(20))[:2]
        return channel, self._read(size)

    def reply(self, tag):
        """(command, rest) of the packet that answers."""
        while True:
            channel, data = self.frame()
            if channel == NONE and struct.unpack(">I", data[6:10])[0] == tag:
                return struct.unpack(">I", data[1:5])[0], data[10:]

    def stream(self, tag=2, **more):
        """The channel of a new stream that plays."""
        self.send(playback(tag, **more))
        command, rest = self.reply(tag)
        assert command == 2, rest
        return struct.unpack(">I", rest[1:5])[0]

    def is_cut(self):
        """Whether the other side has hung up."""
        try:
            while True:
                self.frame()
        except (EOFError, ConnectionError):
            return True
        except socket.timeout:
            return False

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Filter:
    """carrel-sound as the supervisor starts it, without a sandbox."""

    def __init__(self, program, server, way="play"):
        self.folder = tempfile.mkdtemp(prefix="cs-")
        self.path = os.path.join(self.folder, "s")
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(self.path)
        listening.listen(64)
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.log = open(os.path.join(self.folder, "log"), "w+b")
        wanted = {3: listening.fileno(), 6: theirs.fileno()}

        def lay_out():
            high = {to: os.dup(fd) for to, fd in wanted.items()}
            for _ in range(8):
                high = {to: os.dup(fd) for to, fd in high.items()}
            for to, fd in high.items():
                os.dup2(fd, to)
        self.process = subprocess.Popen([program, "org.example.App", way, server],
                                        stdin=subprocess.DEVNULL, stderr=self.log, env={},
                                        pass_fds=(3, 6), preexec_fn=lay_out)
        listening.close()
        theirs.close()

    def errors(self):
        self.log.seek(0)
        return self.log.read().decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.control.close()
        self.process.wait(PATIENCE)
        self.log.close()
        shutil.rmtree(self.folder)
