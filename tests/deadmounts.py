#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A filesystem that never answers, as a network's whose server is gone: who was not granted it starts.

    deadmounts.py BUILD POLICIES
"""
import ctypes
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_lib import Stage  # noqa: E402
from tap import Tap  # noqa: E402

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 2, 4, 0x1000, 0x4000, 0x40000, 2
# Where disks and common files are, and what else a start asks about; the first is in the person's home.
PLACES = ["~/mnt", "/mnt/x", "/media/x", "/srv", "/data", "/storage", "/export", "/var/www"]
MADE = ["mnt", "media", "srv", "data", "storage", "export"]
# A start on a loaded machine ends within this; one that asks such a filesystem never does.
PATIENCE = 120
# An ordinary way of asking such a filesystem is still waiting after this.
SURELY = 1

libc = ctypes.CDLL(None, use_errno=True)


def must(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def mount(source, target, kind, flags, data=""):
    must(libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags),
                    data.encode()), f"mount {target}")


class Dead:
    """Mounted at a folder; nobody reads what the kernel asks."""

    def __init__(self, *targets):
        self.targets, self.fds = targets, []

    def __enter__(self):
        for target in self.targets:
            self.fds.append(os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC))
            mount("dead", target, "fuse", MS_NOSUID | MS_NODEV,
                  f"fd={self.fds[-1]},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()},allow_other")
        return self

    def __exit__(self, *_):
        for fd in self.fds:
            os.close(fd)  # whoever waits gets an error
        for target in self.targets:
            must(libc.umount2(target.encode(), MNT_DETACH), f"umount {target}")
        return False


def show_host(folder, there, without):
    """The names in a folder of the host, in another one."""
    for name in os.listdir(folder):
        path, new = os.path.join(folder, name), os.path.join(there, name)
        if name in without:
            continue
        if os.path.islink(path):
            os.symlink(os.readlink(path), new)
        elif os.path.isdir(path):
            os.mkdir(new)
            mount(path, new, "", MS_BIND | MS_REC)


def enter_own_world(at):
    """A mount namespace whose root is a folder with the host's names in it, and those of MADE."""
    uid, gid = os.getuid(), os.getgid()
    must(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as f:
            f.write(text)
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    mount("none", at, "tmpfs", 0, "mode=755")
    for name in (*MADE, "var"):
        os.mkdir(os.path.join(at, name))
    show_host("/", at, (*MADE, "var"))
    show_host("/var", os.path.join(at, "var"), ("www",))
    for name in ("mnt/x", "media/x", "var/www"):
        os.mkdir(os.path.join(at, name))
    os.chdir(at)
    must(libc.pivot_root(b".", b"."), "pivot_root")
    must(libc.umount2(b".", MNT_DETACH), "umount")
    os.chdir("/")


def ends(argv, patience, **more):
    """What it wrote, or None when it had to be killed."""
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             stdin=subprocess.DEVNULL, **more)
    try:
        return child.communicate(timeout=patience)[0]
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
        child.communicate()
        return None


class Starts:
    def __init__(self, stage):
        self.stage = stage

    def carrel(self, *argv):
        return ends([self.stage.carrel, *argv], PATIENCE, cwd=self.stage.home,
                    env=self.stage.env(XDG_RUNTIME_DIR=self.stage.path("run")))

    def one(self, place):
        """Nothing that the app was granted lies there."""
        assert ends(["stat", place], SURELY) is None, "it answers"
        for more in ((), ("--filesystem=xdg-download", "--filesystem=~/notes:create", "--share=network")):
            said = self.carrel("run", *more, "sh", "--", "-c", "echo here; ls -d /usr")
            assert said is not None, f"a start waits for it: {more}"
            assert said.splitlines()[-2:] == ["here", "/usr"], said
        for app in ("firefox-esr", "org.xfce.mousepad", "xterm"):
            said = self.carrel("plan", app)
            assert said is not None, f"the plan of {app} waits for it"

    def all(self, places):
        with Dead(*places):
            for place in places:
                self.one(place)

    def granted(self, place):
        """Who was granted another place beside it, or the folder around it, which shows it too."""
        around = os.path.dirname(place)
        if around == "/":
            return
        os.makedirs(os.path.join(around, "beside"), exist_ok=True)
        for grant in (os.path.join(around, "beside"), around):
            said = self.carrel("run", f"--filesystem={grant}", "sh", "--", "-c", f"echo here; ls -d {around}/beside")
            assert said is not None, f"a start with {grant} waits for it"
            assert said.splitlines()[-2:] == ["here", f"{around}/beside"], said


def try_all(stage, tap):
    starts = Starts(stage)
    places = [p.replace("~", stage.home) for p in PLACES]
    enter_own_world(stage.path("world"))
    for place, name in zip(places, PLACES):
        def test(place=place):
            with Dead(place):
                starts.one(place)
                starts.granted(place)
        tap.run(test, f"dead mount: {name}")
    tap.run(lambda: starts.all(places), "dead mount: everywhere at once")


def main():
    stage, tap = Stage(*sys.argv[1:3]), Tap()
    try:
        for name in ("home/mnt", "world"):
            os.mkdir(stage.path(name))
        os.mkdir(stage.path("run"), 0o700)
        # Nothing that is mounted there is in the way of who clears up.
        child = os.fork()
        if child == 0:
            try:
                try_all(stage, tap)
                os._exit(tap.done())
            finally:
                os._exit(1)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        stage.close()
    return status


sys.exit(main())
