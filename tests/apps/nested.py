# SPDX-License-Identifier: LGPL-2.1-or-later
"""Looking into an app's own X server from the person's side: by its socket in the registry, and the
cookie that its supervisor shows to whoever is the person (as for `carrel clip`).

libxcb finds displays by their number alone, so the socket gets a link where those of displays are.
"""
import array
import os
import re
import socket
import struct

MARK = re.compile(r"^\[Carrel\] (\S+)$")
SOCKETS, FIRST = "/tmp/.X11-unix", 20000
PLAN = 7  # of the descriptors that come with the answer to "join", behind the namespaces


class Window(str):
    """A window's id, and how its display is reached."""
    screen = None  # the environment of tools
    frame = None   # where all of that display is seen on the person's, a Window there


def window(text, screen, frame=None):
    made = Window(text)
    made.screen, made.frame = screen, frame
    return made


def _ask(folder, word):
    """The descriptors that a supervisor sends."""
    here = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.settimeout(20)
            s.connect(f"/proc/self/fd/{here}/control")
            s.send(word.encode() + b"\0")
            fds = array.array("i")
            text, ancillary, _, _ = s.recvmsg(65536, socket.CMSG_SPACE(16 * fds.itemsize))
            for level, kind, data in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
    finally:
        os.close(here)
    return text.split(b"\0"), list(fds)


def cookie_of(folder):
    """The 16 bytes that let one in, or None: the app has not started yet, or has ended."""
    words, fds = _ask(folder, "join")
    try:
        if words[0] != b"ok" or len(fds) <= PLAN:
            return None
        with open(f"/proc/self/fd/{fds[PLAN]}", "rb") as f:
            plan = f.read()
    finally:
        for fd in fds:
            os.close(fd)
    found = re.search(rb"^file /run/carrel/Xauthority \S+ (\S+)", plan, re.M)
    if not found:
        return None
    data = re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), found[1])
    return data[-16:]


def _entry(number, key):
    def counted(data):
        return struct.pack(">H", len(data)) + data
    return (struct.pack(">H", 0xFFFF) + counted(b"") + counted(str(number).encode()) +
            counted(b"MIT-MAGIC-COOKIE-1") + counted(key))


def _link(target):
    """A number that nobody has, for this socket."""
    for number in range(FIRST, FIRST + 10000):
        try:
            os.symlink(target, f"{SOCKETS}/X{number}")
            return number
        except FileExistsError:
            continue
    raise AssertionError("no display number is free")


def screens(runtime, scratch, app):
    """Environments (DISPLAY, XAUTHORITY) of the servers that this app has, by its runs' names."""
    registry, found = os.path.join(runtime, ".flatpak"), {}
    known = os.path.join(scratch, "displays")
    os.makedirs(known, exist_ok=True)
    for name in sorted(os.listdir(registry) if os.path.isdir(registry) else ()):
        folder, made = os.path.join(registry, name), os.path.join(known, name)
        try:
            with open(os.path.join(folder, "info"), encoding="utf-8") as f:
                info = f.read()
            if f"name={app}\n" not in info or "\nx-server=" not in info:
                continue
            before = [n for n in os.listdir(known) if n.startswith(f"{name}-")]
            key = None if before else cookie_of(folder)
            if not before and not key:
                continue
            number = before[0].rpartition("-")[2] if before else _link(f"{folder}/xserver")
            made = f"{made}-{number}"
            if key:
                with open(os.open(made, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as f:
                    f.write(_entry(number, key))
        except OSError:
            continue  # it begins or ends just now
        found[name] = {"DISPLAY": f":{number}", "XAUTHORITY": made}
    return found


def forget(scratch):
    """Removes the links."""
    known = os.path.join(scratch, "displays")
    for name in os.listdir(known) if os.path.isdir(known) else ():
        try:
            os.unlink(f"{SOCKETS}/X{name.rpartition('-')[2]}")
        except FileNotFoundError:
            pass
