#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What of ours stays in memory while an app runs: proportional set sizes (PSS), shared pages counted once.

    resident.py BUILD POLICIES

Only root may read them: for everybody else the test is that nobody may."""

import ctypes
import os
import pathlib
import pty
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_lib import Stage  # noqa: E402
from tap import Tap  # noqa: E402

LIMIT_KIB = 1024
KCMP = {"x86_64": 312, "aarch64": 272, "riscv64": 272}[os.uname().machine]
libc = ctypes.CDLL(None)
SECONDS = 60
tap = Tap()
stage = Stage(*sys.argv[1:3])
runtime = pathlib.Path(stage.path("run"))
ENV = stage.env(XDG_RUNTIME_DIR=str(runtime), WAYLAND_DISPLAY="wayland-0", LANG="C.UTF-8")
# Says when it stands, and once its input ends connects to its display.
SCRIPT = ('import os, socket, sys\nprint("ready", flush=True)\nsys.stdin.readline()\n'
          's = socket.socket(socket.AF_UNIX)\n'
          's.connect(os.path.join(os.environ["XDG_RUNTIME_DIR"], os.environ["WAYLAND_DISPLAY"]))\n'
          'print("connected", flush=True)\nsys.stdin.readline()\n')
COMMAND = ["run", "--app-id=org.example.Sleeper"]
APP = ["/usr/bin/python3", "-ISc", SCRIPT]


def below(top):
    children = {}
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{p}/stat", encoding="utf-8", errors="replace") as f:
                children.setdefault(int(f.read().rsplit(")", 1)[1].split()[1]), []).append(int(p))
        except OSError:
            continue
    found = [top]
    for pid in found:
        found += children.get(pid, [])
    return found


def same_memory(a, b):
    """Whether two processes share their address space, which must count once: kcmp(2), KCMP_VM."""
    return libc.syscall(KCMP, a, b, 1, 0, 0) == 0


def ours(top, prefix="carrel"):
    """{program: PSS in KiB} of the processes whose program's name begins so."""
    sizes, counted = {}, []
    for pid in below(top):
        program = os.path.basename(os.readlink(f"/proc/{pid}/exe"))
        if not program.startswith(prefix) or any(same_memory(pid, other) for other in counted):
            continue
        counted.append(pid)
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            kib = sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
        sizes[program] = sizes.get(program, 0) + kib
    return sizes


def show(what, sizes):
    print(f"# {what}: {sum(sizes.values())} KiB " + " ".join(f"{n}={k}" for n, k in sorted(sizes.items())))
    return sum(sizes.values())


def settled():
    time.sleep(1.3)  # by then all that waits is under its filter


def bwrap():
    p = subprocess.Popen([shutil.which("bwrap"), "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/",
                          "/usr/bin/sleep", "100"])
    try:
        settled()
        return show("bubblewrap", ours(p.pid, "bwrap"))
    finally:
        p.kill()
        p.wait()


class Piped:
    """An app with pipes, no terminal."""

    def __init__(self, *options):
        self.p = subprocess.Popen([stage.carrel, *COMMAND, *options, *APP], env=ENV, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.p.stdout.readline() == "ready\n"

    def __enter__(self):
        settled()
        return self

    def __exit__(self, *_):
        self.p.kill()
        self.p.wait()
        self.p.stdin.close()
        self.p.stdout.close()


def nobody_may_look():
    with Piped() as app:
        hidden = 0
        for pid in below(app.p.pid):
            try:
                with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                    f.read()
            except PermissionError:
                hidden += 1
        assert hidden >= 2, below(app.p.pid)


def without_a_terminal():
    with Piped() as app:
        total = show("without a terminal", ours(app.p.pid))
    assert 0 < total <= LIMIT_KIB, total
    assert total < bwrap(), total


def with_a_terminal():
    pid, master = pty.fork()
    if pid == 0:
        os.execve(stage.carrel, [stage.carrel, *COMMAND, *APP], ENV)
    seen = b""
    while b"ready" not in seen:
        seen += os.read(master, 4096)
    settled()
    try:
        sizes = ours(pid)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(master)
    total = show("with a terminal", sizes)
    assert "carrel-tty" in sizes and "carrel-supervisor" in sizes, sizes
    assert total <= LIMIT_KIB, total


def a_service_costs_nothing_before_it_is_used():
    with socket.socket(socket.AF_UNIX) as display, Piped() as bare:
        display.bind(str(runtime / "wayland-0"))
        os.chmod(runtime / "wayland-0", 0o777)
        display.listen(8)
        with Piped("--socket=wayland") as app:
            before = ours(app.p.pid)
            without = ours(bare.p.pid)
            show("with a display that is not used", before)
            assert set(before) == {"carrel-core", "carrel-supervisor"}, before
            assert sum(before.values()) <= sum(without.values()) + 64, (before, without)
            app.p.stdin.write("\n")
            app.p.stdin.flush()
            assert app.p.stdout.readline() == "connected\n"
            settled()
            after = ours(app.p.pid)
            assert "carrel-wayland" in after, after
            added = show("with its display", after) - sum(before.values())
            print(f"# the display's filter and its core add {added} KiB")
            assert sum(after.values()) <= LIMIT_KIB, after


def main():
    runtime.mkdir(mode=0o700)
    tests = [without_a_terminal, with_a_terminal, a_service_costs_nothing_before_it_is_used]
    for test in tests if os.getuid() == 0 else [nobody_may_look]:
        tap.run(test)
    stage.close()
    return tap.done()


sys.exit(main())
