#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Time to the first window of real programs: bare, confined, and by firejail with its own profile.

    bench/windows.py CARREL [NAME…] [--runs N] [--firejail PROGRAM] [--before CARREL] [--cold]

The programs and their arguments are those of tests/apps/apps.ini. The runs are interleaved; the second start
of each is the first that counts, so that homes and caches exist. The window manager tells of the window;
that of an app with an X server of its own is the one inside, which that server's window manager tells of, and not
the frame around it. Medians in milliseconds, and their ratio to bare."""
import argparse
import os
import select
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import time

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests")
sys.path[:0] = [os.path.join(TESTS, "apps"), TESTS]
import desk as desks  # noqa: E402
import make  # noqa: E402
import nested  # noqa: E402
from table import APPS  # noqa: E402
from visit import started_by_a_bus  # noqa: E402

LIMIT = 90


class Start:
    """What rows.py wants to know of a start."""

    def __init__(self, desk, web, peer, app, confined):
        self.desk, self.web, self.peer, self.confined = desk, web, peer, confined
        self.words, self.opened = {}, None
        self.home = os.path.join(desk.home, ".var/app", app.app_id) if confined else desk.home

    def fill(self, text):
        for word, value in self.words.items():
            text = text.replace("{" + word + "}", value)
        return text


class Clients:
    """A window manager's list of windows, told of as it changes."""

    def __init__(self, path, cookie):
        self.x = socket.socket(socket.AF_UNIX)
        self.x.settimeout(LIMIT)
        self.x.connect(path)
        name = b"MIT-MAGIC-COOKIE-1"
        self.x.sendall(struct.pack("<BxHHHHxx", ord("l"), 11, 0, len(name), len(cookie)) + name + b"\0\0" + cookie)
        head = self.take(8)
        assert head[0] == 1, head
        body = self.take(4 * struct.unpack_from("<H", head, 6)[0])
        vendor, formats = struct.unpack_from("<H", body, 16)[0], body[21]
        self.root, = struct.unpack_from("<I", body, 32 + (vendor + 3) // 4 * 4 + 8 * formats)
        atom = b"_NET_CLIENT_LIST"
        self.x.sendall(struct.pack("<BxHHxx", 16, 2 + len(atom) // 4, len(atom)) + atom)
        self.atom, = struct.unpack_from("<I", self.take(32), 8)
        self.x.sendall(struct.pack("<BxHIII", 2, 4, self.root, 1 << 11, 1 << 22))  # its properties' changes

    def take(self, n):
        out = b""
        while len(out) < n:
            more = self.x.recv(n - len(out))
            if not more:
                raise ConnectionError("the X server is gone")
            out += more
        return out

    def windows(self):
        """How many there are now. Events that come before the answer are of what it tells, too."""
        self.x.sendall(struct.pack("<BxHIIIII", 20, 6, self.root, self.atom, 0, 0, 1000))
        while (head := self.take(32))[0] != 1:
            assert head[0], "the X server refuses to tell of its windows"
        self.take(4 * struct.unpack_from("<I", head, 4)[0])
        return struct.unpack_from("<I", head, 16)[0]

    def wait(self, seconds):
        """Waits for a change, so long at most."""
        if select.select([self.x], [], [], seconds)[0]:
            self.take(32)

    def close(self):
        self.x.close()


def tree(pid):
    """What runs below, by command names."""
    out = []
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            children = f.read().split()
        for child in children:
            with open(f"/proc/{child}/comm", encoding="utf-8") as f:
                out += [f.read().strip(), *tree(child)]
    except OSError:
        pass
    return out


def own_server(child, desk):
    """The app's own X server, once that is on its way: not by us, who would wake it."""
    registry = os.path.join(desk.env["XDG_RUNTIME_DIR"], ".flatpak")
    if "carrel-xserver" not in tree(child.pid):
        return None
    for name in os.listdir(registry):
        folder = os.path.join(registry, name)
        try:
            cookie = nested.cookie_of(folder)
            if cookie and os.path.exists(f"{folder}/xserver"):
                return Clients(f"{folder}/xserver", cookie)
        except OSError:
            continue
    return None


def first_window(child, desk, clients):
    """The time when it came, or None."""
    end, inside, step = time.monotonic() + LIMIT, None, 0.003
    while (now := time.monotonic()) < end:
        inside = inside or own_server(child, desk)
        if (inside or clients).windows() and (inside or not framed(desk)):
            now = time.monotonic()
            if inside:
                inside.close()
            return now
        (inside or clients).wait(1 if inside else step)
    return None


def framed(desk):
    """The window on the desktop is that of an X server, and not an app's."""
    registry = os.path.join(desk.env["XDG_RUNTIME_DIR"], ".flatpak")
    for name in os.listdir(registry) if os.path.isdir(registry) else ():
        try:
            with open(f"{registry}/{name}/info", encoding="utf-8") as f:
                if "\nx-server=" in f.read():
                    return True
        except OSError:
            continue
    return False


def host_clients(desk):
    with open(desk.env["XAUTHORITY"], "rb") as f:
        cookie = f.read()[-16:]
    return Clients("/tmp/.X11-unix/X" + desk.env["DISPLAY"].lstrip(":"), cookie)


def once(argv, desk, clients, cold):
    began = time.monotonic()
    child = subprocess.Popen(argv, env=desk.env, cwd=desk.home, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             start_new_session=True)
    came = first_window(child, desk, clients)
    os.killpg(child.pid, signal.SIGTERM)
    try:
        child.wait(5)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    # What the session bus has started stays, as in a session: else the next start waits for it. (It leaves
    # the bus for the next reaper, so it is known by its environment.)
    keep = {c.pid for c in desk.own}
    rest = {p: v for p, v in desks.descendants(os.getpid()).items() if p not in keep}
    desks.end_processes({p: v for p, v in rest.items() if cold or not started_by_a_bus(p)})
    end = time.monotonic() + 5
    while clients.windows() and time.monotonic() < end:
        time.sleep(0.1)
    return (came - began) * 1000 if came else None


def measure(app, o):
    runs = o.runs
    with desks.Desk(sound=app.sound) as desk, make.Web() as web, make.Peer(*app.talk) as peer:
        arguments = [app.prepare(Start(desk, web, peer, app, confined))
                     for confined in (False, True)]
        cases = {"bare": [app.command, *arguments[0]],
                 "confined": [o.carrel, "run", app.command, *arguments[1]]}
        if o.before:
            cases["before"] = [o.before, *cases["confined"][1:]]
        if o.firejail:
            cases["firejail"] = [o.firejail, "--quiet", *cases["bare"]]
        clients = host_clients(desk)
        times = {name: [] for name in cases}
        for turn in range(runs + 1):
            for name, argv in cases.items():
                took = once(argv, desk, clients, o.cold)
                if turn and took:
                    times[name].append(took)
        clients.close()
    return {name: statistics.median(t) if len(t) == runs else None for name, t in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("carrel")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--firejail")
    parser.add_argument("--before", help="another build, to compare with")
    parser.add_argument("--cold", action="store_true", help="portals and the like do not run yet, at each start")
    parser.add_argument("names", nargs="*")
    options = parser.parse_intermixed_args()
    ratios = []
    for app in APPS:
        if options.names and app.name not in options.names or not app.x11 \
                or not shutil.which(app.command, path=desks.PATH):
            continue
        result = measure(app, options)
        bare, confined = result["bare"], result["confined"]
        if bare and confined:
            ratios.append(confined / bare)
        print(f"{app.name:20}" + "".join(f"  {name} {f'{t:.0f}' if t else '-':>6}"
                                         for name, t in result.items())
              + (f"  ratio {confined / bare:.3f}" if bare and confined else ""), flush=True)
    if ratios:
        print(f"median of {len(ratios)} ratios: {statistics.median(ratios):.3f}")


main()
