# SPDX-License-Identifier: LGPL-2.1-or-later
"""A place where bubblewrap's tests can show everything: run by root, they get a mount namespace of their own with
a /dev that has what the tests look for (a socket /dev/log, a FUSE device for everyone) and without mounts that the
test's user cannot look at. Nothing of it is seen outside."""

import ctypes
import os
import pwd
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time

MARK = "CARREL_BWRAP_PLACE"
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0),
           "fuse": (10, 229)}
LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1",
         "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx"}


def enter():
    """Root: starts the program once more in mount namespace and /dev of its own. Others stay where they are."""
    if os.getuid() != 0:
        return
    if not os.environ.get(MARK):
        os.environ[MARK] = "1"
        os.execv("/usr/bin/unshare", ["unshare", "-m", "--propagation", "private", sys.executable, "-B", *sys.argv])
    del os.environ[MARK]
    own_dev()
    # As on most hosts: what is mounted in one namespace comes up in others, but none of it outside of this one.
    mount("--make-rshared", "/")


def mount(*args):
    subprocess.run(["mount", *args], check=True)


def own_dev():
    old = tempfile.mkdtemp(dir="/var/tmp", prefix="carrel-bwrap-dev.")
    mount("--rbind", "/dev", old)
    mount("-t", "tmpfs", "-o", "mode=755", "dev", "/dev")
    for name, (major, minor) in DEVICES.items():
        path = f"/dev/{name}"
        try:
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(major, minor))
            os.chmod(path, 0o666)
        except PermissionError:
            if os.path.exists(f"{old}/{name}"):
                with open(path, "wb"):
                    pass
                mount("--bind", f"{old}/{name}", path)
    for name, target in LINKS.items():
        os.symlink(target, f"/dev/{name}")
    for name in ("pts", "shm", "mqueue"):
        if os.path.isdir(f"{old}/{name}"):
            os.mkdir(f"/dev/{name}")
            mount("--rbind", f"{old}/{name}", f"/dev/{name}")
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind("/dev/log")
    os.chmod("/dev/log", 0o666)
    log.close()  # nobody reads it: who logs must be refused rather than wait
    subprocess.run(["umount", "-l", old], check=True)
    os.rmdir(old)


def set_read_only(path, on, recursive):
    """mount_setattr(2)."""
    attributes = struct.pack("QQQQ", 1 if on else 0, 0 if on else 1, 0, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(442, -100, path.encode(), 0x8000 if recursive else 0, attributes, len(attributes)) != 0:
        raise OSError(ctypes.get_errno(), "mount_setattr", path)


def read_only_but(path):
    """Nothing but that folder can be changed any more. Only in enter()'s namespace. /proc stays as it is: nobody may
    mount one anew that could do more than the old one."""
    mount("--bind", path, path)
    set_read_only("/", True, True)
    set_read_only("/proc", False, False)
    set_read_only(path, False, False)


def writable_again(path):
    """Undoes read_only_but() as far as the folder must be removed."""
    set_read_only("/", False, False)
    subprocess.run(["umount", "-l", path], check=True)


def as_user(name):
    """What stands before a command that is to run as that user (None: as oneself)."""
    if not name:
        return []
    entry = pwd.getpwnam(name)
    return ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--init-groups", "env", "-i",
            f"HOME={entry.pw_dir}", f"USER={name}", f"LOGNAME={name}", "PATH=/usr/local/bin:/usr/bin:/bin",
            "LANG=C.UTF-8"]


def drop_unseen(user):
    """Takes away the mounts that the user may not even ask for their kind. Only in enter()'s namespace."""
    look = ("import os\nfor l in open('/proc/self/mounts'):\n p = l.split()[1].encode().decode('unicode_escape')\n"
            " try: os.statvfs(p)\n except OSError: print(p)")
    unseen = subprocess.run([*as_user(user), "/usr/bin/python3", "-c", look], stdout=subprocess.PIPE, text=True,
                            check=True).stdout.splitlines()
    for path in reversed(unseen):
        subprocess.run(["umount", "-l", path], check=False)


class Folder:
    """A folder of the user's outside /tmp, with a FUSE mount of the user's in it where the host can."""

    def __init__(self, user):
        self.user = user
        self.path = tempfile.mkdtemp(dir="/var/tmp", prefix="carrel-bwrap.")
        os.chmod(self.path, 0o755)
        self.fuse = None

    def __enter__(self):
        if self.user:
            entry = pwd.getpwnam(self.user)
            os.chown(self.path, entry.pw_uid, entry.pw_gid)
        return self

    def mount_fuse(self):
        """True when the mount is there."""
        source, target = os.path.join(self.path, "fuse-source"), os.path.join(self.path, "fuse")
        subprocess.run([*as_user(self.user), "mkdir", source, target], check=True)
        try:
            self.fuse = subprocess.Popen([*as_user(self.user), "bindfs", "-f", "--no-allow-other", source, target],
                                         stderr=subprocess.DEVNULL)
        except FileNotFoundError:
            return False
        for _ in range(200):
            with open("/proc/self/mounts", encoding="utf-8") as f:
                if any(line.split()[1] == target for line in f):
                    return True
            if self.fuse.poll() is not None:
                return False
            time.sleep(0.05)
        return False

    def __exit__(self, *_):
        if self.fuse:
            subprocess.run([*as_user(self.user), "fusermount3", "-u", "-z", os.path.join(self.path, "fuse")],
                           check=False, stderr=subprocess.DEVNULL)
            try:
                self.fuse.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.fuse.kill()
                self.fuse.wait()
        shutil.rmtree(self.path, ignore_errors=True)
