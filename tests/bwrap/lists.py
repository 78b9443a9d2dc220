# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random option lists for bubblewrap and a program in its place. The same seed gives the same lists.

A list is made of words; `@` in them is the folder of the test, filled anew for each run by fill()."""

import os
import random
import shutil
import socket

PROBE = "/.probe"
# What the descriptors hold that a list can name: fd -> (kind, content).
DATA = {30: b"first", 31: b"second\0line\n", 32: b""}
FILTERS = {34: "allow", 35: "getcpu"}
FOLDERS = {36: "@/src/dir", 37: "@/src/file", 38: "@/src/dir/sub"}
STATUS = {40: "info", 41: "json", 42: "sync", 43: "block"}


def fill(path, owner=None):
    """The folder as every run finds it."""
    for entry in os.scandir(path):
        if entry.is_dir(follow_symlinks=False):
            os.chmod(entry.path, 0o700)
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)
    for name in ("src", "src/dir", "src/dir/sub", "src/other", "src/closed", "rw", "upper", "work"):
        os.mkdir(f"{path}/{name}")
    for name, text in (("src/file", "file\n"), ("src/dir/inner", "inner\n"), ("src/other/b", "b\n"),
                       ("rw/there", "there\n"), ("src/program", "#!/bin/sh\n"), ("src/dir/with space", "x")):
        with open(f"{path}/{name}", "w", encoding="ascii") as f:
            f.write(text)
    for name, target in (("src/link", "dir"), ("src/filelink", "file"), ("src/dangling", "nowhere"),
                         ("rw/link", "/tmp"), ("rw/dangling", "nowhere"), ("src/dir/up", "..")):
        os.symlink(target, f"{path}/{name}")
    os.chmod(f"{path}/src/program", 0o755)
    os.chmod(f"{path}/src/dir/sub", 0o711)
    os.mkfifo(f"{path}/src/fifo")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(f"{path}/src/socket")
    if owner:
        for folder, names, files in os.walk(path):
            for name in [folder] + [os.path.join(folder, n) for n in names + files]:
                os.chown(name, *owner, follow_symlinks=False)
    os.chmod(f"{path}/src/closed", 0o000)


class Maker:
    def __init__(self, seed, root):
        self.r = random.Random(seed)
        self.root = root
        self.words = []
        self.made = []
        self.kind = None

    def chance(self, p):
        return self.r.random() < p

    def add(self, *words):
        self.words += [str(w) for w in words]

    def source(self):
        return self.r.choice(["@/src/file", "@/src/dir", "@/src/dir/sub", "@/src/link", "@/src/filelink",
                              "@/src/program", "@/src/fifo", "@/src/socket", "@/rw", "@/rw/there", "/usr", "/usr/bin",
                              "/etc", "/etc/passwd", "/dev/null", "/dev", "/", "@/src/closed",
                              "@/src/dir/with space", "@/src/dir/up", "@/src//dir/./sub/", "/proc", "/sys"])

    def target(self):
        """Mostly where something can be made; now and then where it can't, or where something is already."""
        if self.made and self.chance(0.25):
            return self.r.choice(self.made) + self.r.choice(["", "", "/below", "/.", "/../beside"])
        places = ["/tmp/a", "/tmp/a/b", "/tmp", "/tmp/./c", "/tmp/a//d", "/tmp/../tmp/g", "/tmp/f", "/tmp/new dir",
                  "/usr/share", "/etc/passwd", "/media", "tmp/h", "/tmp/i/j/k/l"]
        if self.kind != "root" or self.chance(0.05):
            places += ["/x", "/x/y", "/x/y/z", "/run/u", "/new dir", "x", "/rw/new", "/rw/sub/new", "/rw/there",
                       "/d", "/d/e", "/rw", "/lnk", "/lnk/below", "/f", "/rw/link", "/rw/link/x", "/rw/dangling"]
            if self.kind != "root":
                places = places[2:3] + places[10:]
        self.made.append(self.r.choice(places))
        return self.made[-1]

    def old_target(self):
        return self.r.choice(self.made) if self.made and self.chance(0.8) else self.target()

    def data(self):
        return self.r.choice(list(DATA))

    # -- what is done in order

    def bind(self):
        kind = self.r.choice(["--bind", "--ro-bind", "--ro-bind", "--dev-bind"])
        if self.chance(0.3):
            kind += "-try"
        source = self.r.choice(["@/missing", "@/src/dangling"]) if self.chance(0.07) else self.source()
        if source in ("/proc", "/sys"):
            kind = "--ro-bind"  # their root folders could be changed for the whole machine
        self.add(kind, source, self.target())

    def bind_fd(self):
        self.add(self.r.choice(["--bind-fd", "--ro-bind-fd"]), self.r.choice(list(FOLDERS)), self.target())

    def perms(self):
        if self.chance(0.4):
            self.add("--perms", self.r.choice(["0700", "755", "1777", "0640", "444", "000", "4755", "2750"]))

    def tmpfs(self):
        self.perms()
        if self.chance(0.3):
            self.add("--size", self.r.choice(["4096", "1048576", "5000"]))
        self.add("--tmpfs", self.target())

    def folder(self):
        self.perms()
        self.add("--dir", self.target())

    def file(self):
        self.perms()
        self.add(self.r.choice(["--file", "--bind-data", "--ro-bind-data"]), self.data(), self.target())

    def symlink(self):
        self.add("--symlink", self.r.choice(["usr/bin", "/tmp", "nowhere", "../x", "a b"]),
                 self.r.choice(["/lnk", "/tmp/l", "/rw/l", "/x/l", "/bin2"]))

    def chmod(self):
        self.add("--chmod", self.r.choice(["700", "0755", "1777"]), self.old_target())

    def remount(self):
        self.add("--remount-ro", self.r.choice(["/", "/tmp", self.old_target(), self.old_target()]))

    def special(self):
        kinds = ["--proc", "--dev"] * 3
        if "--unshare-ipc" in self.words or "--unshare-all" in self.words or self.chance(0.1):
            kinds.append("--mqueue")
        kind = self.r.choice(kinds)
        self.add(kind, self.target() if kind == "--mqueue" or self.chance(0.3) else kind[1:].replace("-", "/"))

    def overlay(self):
        layers = self.r.sample(["@/src/dir", "@/src/other", "/etc", "@/src/dir/sub"], self.r.choice([1, 2, 2, 3]))
        for layer in layers:
            self.add("--overlay-src", layer)
        kind = self.r.choice(["--tmp-overlay", "--ro-overlay", "--overlay"])
        if len(layers) == 1 and self.chance(0.9):
            kind = "--tmp-overlay"
        self.add(kind, *(["@/upper", "@/work"] if kind == "--overlay" else []), self.target())

    def operation(self):
        self.r.choice([self.bind] * 6 + [self.tmpfs] * 2 + [self.folder] * 2 + [self.file] * 3 + [self.symlink] * 2 +
                      [self.special] * 2 + [self.chmod, self.remount, self.overlay, self.bind_fd])()

    # -- what holds for all

    def needs(self, other, *words):
        if other not in self.words and self.chance(0.95):
            self.add(other)
        self.add(*words)

    def setting(self):
        choice = self.r.choice
        rows = [
            lambda: self.add("--setenv", choice(["A", "HOME", "PATH", "PWD"]), choice(["b c", "", "/tmp", "/usr"])),
            lambda: self.add("--unsetenv", choice(["KEEP", "HOME", "PWD", "NOT"])),
            lambda: self.add("--clearenv"),
            lambda: self.add("--chdir", choice(["/", "/tmp", "/usr", "tmp", "/x"])),
            lambda: self.add("--new-session"),
            lambda: self.add("--die-with-parent"),
            lambda: self.add("--argv0", choice(["other", "", "-sh"])),
            lambda: self.add("--cap-drop", choice(["ALL", "CAP_NET_RAW", "cap_chown"])),
            lambda: self.add("--cap-add", choice(["ALL", "CAP_NET_RAW", "CAP_SYS_ADMIN", "cap_chown"])),
            lambda: self.add("--seccomp", choice([34, 35])),
            lambda: self.add("--add-seccomp-fd", choice([34, 35])),
            lambda: self.add("--info-fd", 40),
            lambda: self.add("--json-status-fd", 41),
            lambda: self.add("--sync-fd", 42),
            lambda: self.add("--block-fd", 43),
            lambda: self.add("--lock-file", choice(["/usr/bin/env", "/usr/bin/id", "/usr", self.old_target()])),
            lambda: self.needs("--unshare-uts", "--hostname", choice(["box", "a-b.c"])),
            lambda: self.needs("--unshare-user", "--uid", choice([0, 1000, 65534])),
            lambda: self.needs("--unshare-user", "--gid", choice([0, 1000, 65534])),
            lambda: self.needs("--unshare-user", "--disable-userns"),
            lambda: self.needs("--unshare-pid", "--as-pid-1"),
            lambda: self.add("--not-a-security-boundary"),
            lambda: self.add("--level-prefix"),
        ]
        choice(rows)()

    def unshare(self):
        if self.chance(0.35):
            self.add("--unshare-all")
            if self.chance(0.3):
                self.add("--share-net")
        for name in ("user", "user-try", "ipc", "pid", "net", "uts", "cgroup", "cgroup-try"):
            if self.chance(0.2):
                self.add(f"--unshare-{name}")

    def base(self):
        kind = self.r.choice(["root", "root", "rw-root", "usr", "usr", "empty"])
        self.kind = kind.replace("rw-", "")
        if kind == "root":
            self.add("--ro-bind", "/", "/")
            # The host's own /tmp changes while we look.
            self.add("--tmpfs", "/tmp")
        elif kind == "rw-root":
            self.add("--bind", "/", "/", "--tmpfs", "/tmp")
        elif kind == "usr":
            self.add("--ro-bind", "/usr", "/usr")
            for name in ("bin", "lib", "lib64"):
                self.add("--symlink", f"usr/{name}", f"/{name}")
        if self.chance(0.4) and kind not in ("root", "rw-root"):
            self.add("--proc", "/proc")
        if self.chance(0.3):
            self.add("--dev", "/dev")
        return kind

    def make(self):
        """The words before the command, and the command."""
        kind = self.base()
        self.unshare()
        if self.chance(0.4) and kind not in ("root", "rw-root"):
            self.add("--bind", "@/rw", "/rw")
        for _ in range(self.r.choice([0, 1, 2, 3, 4, 6, 9])):
            self.operation() if self.chance(0.7) else self.setting()
        if kind in ("root", "rw-root"):
            # The probe needs a place that can be made.
            self.add("--tmpfs", "/mnt", "--ro-bind", "@PROBE", "/mnt/.probe")
            command = "/mnt/.probe"
        else:
            self.add("--ro-bind", "@PROBE", PROBE)
            command = PROBE
        end = self.r.choice(["0", "0", "3", "255", "-15", "-9", "-6"])
        return self.words, [command, end]


def of_seed(seed, number, root):
    return Maker(f"{seed}/{number}/{int(root)}", root).make()
