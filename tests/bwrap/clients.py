#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that start their sandbox by calling bubblewrap, with ours in its place.

    clients.py PROGRAM --real BWRAP [--user NAME] [--only CLIENT]... [--verbose]

Each client runs three times: with a program that only fails in bubblewrap's place (it must fail then, or it does not
use it), with bubblewrap, and with ours; what the two last print must be the same and what is expected. Programs that
have /usr/bin/bwrap built in need root, who lays ours over it in a mount namespace of the test's; --user then says who
runs the clients."""

import argparse
import os
import pwd
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import place  # noqa: E402
from tap import Skip, Tap  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
BUILT_IN = "/usr/bin/bwrap"
# Words of the documentation and of weblogs that people paste: kept as they stand there.
SHELL = ("bwrap --ro-bind /usr /usr --symlink usr/lib64 /lib64 --symlink usr/lib /lib --proc /proc --dev /dev "
         "--unshare-pid --die-with-parent bash")
GAME = ("bwrap --bind $HOME/.local/share/warzone2100 $HOME/.local/share/warzone2100 --bind /run/user/$UID/pulse "
        "/run/user/$UID/pulse --bind /run/user/$UID/wayland-0 /run/user/$UID/wayland-0 --bind "
        "/run/user/$UID/wayland-0.lock /run/user/$UID/wayland-0.lock --ro-bind /usr /usr --symlink usr/bin /bin "
        "--symlink usr/lib64 /lib64 --symlink usr/lib /lib --proc /proc --dev /dev --unshare-pid --dev-bind /dev/dri "
        "/dev/dri --ro-bind $HOME/.pulse $HOME/.pulse --ro-bind $XAUTHORITY $XAUTHORITY --ro-bind /sys /sys "
        "--new-session --die-with-parent warzone2100")
REPORT = ("bwrap --bind /tmp /tmp --ro-bind /etc /etc --ro-bind /usr /usr --ro-bind /var/lib/dpkg /var/lib/dpkg "
          "--symlink usr/sbin /sbin --symlink usr/bin /bin --symlink usr/lib64 /lib64 --symlink usr/lib /lib "
          "--symlink /usr/lib32 /lib32 --symlink /usr/libx32 /libx32 --proc /proc --dev /dev --die-with-parent "
          "--unshare-ipc --unshare-pid reportbug")
BUILD = """#!/bin/bash
set -e

BUILDDIR=$(realpath $(pwd)/..)
exec bwrap --bind /tmp /tmp --bind $BUILDDIR $BUILDDIR --ro-bind /etc /etc --ro-bind /usr /usr --ro-bind /var/lib/dpkg \
/var/lib/dpkg --symlink usr/bin /bin --symlink usr/lib64 /lib64 --symlink usr/lib /lib --proc /proc --dev /dev \
--die-with-parent --unshare-user --unshare-ipc --unshare-net --unshare-pid --new-session --uid 0 --gid 0 $@
"""
# What stands in for a program inside: it tells what it sees.
LOOK = ("#!/bin/sh\necho \"$(basename \"$0\") as $(id -u):$(id -g) pid $$\"\nls -d /* $HOME/.local/share/* $HOME/.pulse "
        "/run/user/*/* 2> /dev/null\nls /dev\ngrep -c . /proc/self/mounts\nhostname\ntouch /usr/new 2>&1\n"
        "echo kept > $HOME/.local/share/warzone2100/save && cat $HOME/.local/share/warzone2100/save\n")


def picture(path):
    """A PNG of 256 times 256 points."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + bytes(v for x in range(256) for v in (x, y, 128)) for y in range(256))
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 256, 256, 8, 2, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class Clients:
    def __init__(self, options, folder):
        self.o, self.folder = options, folder
        self.user = options.user if os.getuid() == 0 else None
        entry = pwd.getpwnam(self.user) if self.user else pwd.getpwuid(os.getuid())
        self.uid, self.gid, self.name = entry.pw_uid, entry.pw_gid, entry.pw_name
        # Its home lies deeper than the things that sandboxes make at the top.
        self.home = self.path("home", folder=True)
        self.picture = self.path("picture.png")
        picture(self.picture)
        os.chmod(self.picture, 0o644)
        self.programs = {}
        for label, source in (("fails", "/bin/false"), ("real", options.real), ("ours", options.program)):
            at = self.path(f"path-{label}", folder=True)
            # A copy under the name: who looks at the name of the process or of the file sees no difference.
            shutil.copy(source, f"{at}/bwrap")
            os.chmod(f"{at}/bwrap", 0o755)
            self.programs[label] = f"{at}/bwrap"
        self.runtime = self.runtime_folder()

    def path(self, name, folder=False):
        path = os.path.join(self.folder, name)
        if folder:
            os.makedirs(path, mode=0o755, exist_ok=True)
            os.chown(path, self.uid, self.gid)
        return path

    def runtime_folder(self):
        if os.getuid() != 0:
            return os.environ.get("XDG_RUNTIME_DIR") or self.path("runtime", folder=True)
        os.makedirs("/run/user", exist_ok=True)
        place.mount("-t", "tmpfs", "runtime", "/run/user")
        path = f"/run/user/{self.uid}"
        os.mkdir(path, 0o700)
        os.chown(path, self.uid, self.gid)
        return path

    def environment(self, label, more=()):
        path = os.path.dirname(self.programs[label])
        return ["env", "-i", f"HOME={self.home}", f"USER={self.name}", f"LOGNAME={self.name}", "LANG=C.UTF-8",
                f"PATH={path}:/usr/local/games:/usr/bin:/bin", f"XDG_RUNTIME_DIR={self.runtime}", "NO_AT_BRIDGE=1",
                "GIO_USE_VFS=local", "GTK_USE_PORTAL=0", "PYTHONDONTWRITEBYTECODE=1", *more]

    def run(self, label, argv, more=(), stdin="", built_in=False, cwd=None):
        """Its output and status, as the user."""
        command = [*place.as_user(self.user), *self.environment(label, more), "timeout", "120", *argv]
        if built_in:
            if os.getuid() != 0:
                raise Skip(f"{BUILT_IN} is built into it: needs root")
            script = 'mount --bind "$1" ' + BUILT_IN + ' && shift && exec "$@"'
            command = ["unshare", "-m", "sh", "-c", script, "sh", self.programs[label], *command]
        # Into files: a service that the client has started may hold a pipe open for ever.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            done = subprocess.run(command, input=stdin.encode(), stdout=out, stderr=err, cwd=cwd or self.home,
                                  check=False)
            said = []
            for f in (out, err):
                f.seek(0)
                said.append(f.read().decode("utf-8", "replace"))
        if self.o.verbose:
            sys.stderr.write(f"=== {label}: {argv}\n{said[0]}{said[1]}")
        return *said, done.returncode

    def three(self, expected, *args, whole=True, **options):
        """The client with each of the three programs; expected is a regular expression. Not whole: only what it
        matches is compared, as services that the client starts speak too."""
        out, err, code = self.run("fails", *args, **options)
        assert not (code == 0 and re.search(expected, out)), f"it works without bubblewrap:\n{out}{err}"
        real = self.run("real", *args, **options)
        assert real[2] == 0 and re.search(expected, real[0]), f"it does not work with bubblewrap: {real[2]}\n{real[0]}{real[1]}"
        ours = self.run("ours", *args, **options)
        assert ours[2] == 0, f"exit status {ours[2]}\n{ours[0]}{ours[1]}"
        if not whole:
            found = re.search(expected, ours[0])
            assert found and found.group() == re.search(expected, real[0]).group(), f"{ours[0]}{ours[1]}"
        assert not whole or ours[0] == real[0], f"bubblewrap:\n{real[0]}{real[1]}\nours:\n{ours[0]}{ours[1]}"

    # -- the clients

    def flatpak(self):
        """A runtime and an app made here, without a network; the app and its bus filter in two sandboxes."""
        self.make_flatpak()
        script = ('DBUS_SYSTEM_BUS_ADDRESS=$DBUS_SESSION_BUS_ADDRESS FLATPAK_BWRAP=$(command -v bwrap) '
                  'flatpak --user run org.test.Hello one "two words"')
        self.three(r"hello from the app\none\ntwo words\n(.*\n)*name=org.test.Hello\n(.*\n)*end 7",
                   ["dbus-run-session", "--", "sh", "-c", script + "; echo end $?"])

    def make_flatpak(self):
        at = self.path("flatpak", folder=True)
        script = os.path.join(HERE, "make-flatpak")
        out, err, code = self.run("real", ["dbus-run-session", "--", "bash", script, at],
                                  [f"FLATPAK_BWRAP={self.programs['real']}"])
        assert code == 0, f"{out}{err}"

    def thumbnailer(self):
        self.three(r"thumbnail 128 128", ["/usr/bin/python3", f"{HERE}/client_gi.py", "thumbnail", self.picture])

    def mat2(self):
        # In this release the switch turns the sandbox on.
        self.three(r"No metadata found|Metadata for", ["mat2", "--no-sandbox", "--show", self.picture])

    def portal_icon(self):
        self.three(r"format=png", ["/usr/libexec/xdg-desktop-portal-validate-icon", "--sandbox", "512", "512",
                                   self.picture], built_in=True)

    def webkit(self):
        number, display = self.display()
        try:
            self.three(r"title sum 42\nunder bwrap", ["dbus-run-session", "--", "/usr/bin/python3",
                                                     f"{HERE}/client_gi.py", "web", self.path("web", folder=True)],
                       [f"DISPLAY=:{number}"], built_in=True, whole=False)
        finally:
            display.terminate()
            display.wait()

    def display(self):
        reader, writer = os.pipe()
        display = subprocess.Popen(["Xvfb", "-displayfd", str(writer), "-screen", "0", "800x600x24", "-nolisten", "tcp"],
                                   pass_fds=[writer], stderr=subprocess.DEVNULL)
        os.close(writer)
        with os.fdopen(reader) as f:
            return f.readline().strip(), display

    def blog_shell(self):
        self.three(r"hello 3\n", ["sh", "-c", SHELL], stdin="echo hello $((1+2)); ls /; echo /dev/*; id -u\n")

    def blog_game(self):
        self.need_root()
        self.stand_in("warzone2100")
        for name in (".local/share/warzone2100", ".pulse"):
            subprocess.run([*place.as_user(self.user), "mkdir", "-p", f"{self.home}/{name}"], check=True)
        for name in ("pulse", "wayland-0", "wayland-0.lock"):
            subprocess.run([*place.as_user(self.user), "mkdir" if name == "pulse" else "touch",
                            f"{self.runtime}/{name}"], check=True)
        os.makedirs("/dev/dri", exist_ok=True)
        with open(f"{self.home}/.Xauthority", "wb"):
            pass
        os.chmod(f"{self.home}/.Xauthority", 0o644)
        # UID is a variable of bash.
        self.three(rf"warzone2100 as {self.uid}:(.*\n)*.*wayland-0\n(.*\n)*dri\n(.*\n)*kept\n", ["bash", "-c", GAME],
                   [f"XAUTHORITY={self.home}/.Xauthority"])

    def blog_report(self):
        self.need_root()
        self.stand_in("reportbug")
        self.three(rf"reportbug as {self.uid}:(.*\n)*/lib32\n", ["sh", "-c", REPORT + "; true"])

    def blog_build(self):
        at = self.path("build/package", folder=True)
        os.chown(os.path.dirname(at), self.uid, self.gid)
        self.write(f"{at}/rules", "#!/bin/sh\nid -u; id -g; ls ..; echo built > ../package.changes\n"
                   "ls -n rules | cut -d' ' -f3; cat /proc/net/dev | grep -c :\n")
        self.write(f"{self.folder}/build-in-bwrap", BUILD)
        for label in ("real", "ours"):
            if os.path.exists(f"{at}/../package.changes"):
                os.unlink(f"{at}/../package.changes")
            self.run(label, [f"{self.folder}/build-in-bwrap", "./rules"], cwd=at)
            with open(f"{at}/../package.changes", encoding="ascii") as f:
                assert f.read() == "built\n"
        self.three(r"^0\n0\n(.*\n)*1\n$", [f"{self.folder}/build-in-bwrap", "./rules"], cwd=at)

    def caller(self, which, expected):
        at = self.path(f"{which}-folder", folder=True)
        self.three(expected, ["/usr/bin/python3", f"{HERE}/callers.py", which, at])

    def nixpak(self):
        self.caller("nixpak", r"child \['1'\] blocked True\n(.*\n)*pid \d+\n(.*\n)* status 0\n")

    def bubblejail(self):
        self.caller("bubblejail", r"child-pid(.*\n)*bubblejail:x:1000:\n/run\n700\n(.*\n)*pid 1\n(.*\n)*Seccomp:\t2\n(.*\n)* status 0\n")

    def pressure_vessel(self):
        self.caller("pressure_vessel", r"probe 0\nID=steamrt\n(.*\n)*dev\n status 0\n")

    def agent(self):
        self.caller("agent", r"(.*\n)*new\n(.*\n)*.*pre-commit: Read-only file system\n.*outside: Read-only file system\n(.*\n)* status 0\n")

    def nested(self):
        self.caller("nested", r"1\n\d\n status 7\n")

    def opam(self):
        """Builds a package of a repository that is made here; its commands run in opam's own script around bwrap."""
        at = self.path("opam", folder=True)
        script = f"{HERE}/make-opam"
        self.three(r"built in a sandbox: refused 1\n", ["bash", script, at])

    def need_root(self):
        if os.getuid() != 0:
            raise Skip("its paths can only be made by root")

    def stand_in(self, name):
        """A program of that name where sandboxes see it, without a change to the host."""
        if not os.path.ismount("/usr/local/games"):
            os.makedirs("/usr/local/games", exist_ok=True)
            place.mount("-t", "tmpfs", "-o", "mode=755", "games", "/usr/local/games")
        self.write(f"/usr/local/games/{name}", LOOK)

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, 0o755)


NAMES = ["flatpak", "thumbnailer", "mat2", "portal_icon", "webkit", "blog_shell", "blog_game", "blog_report",
         "blog_build", "nixpak", "bubblejail", "pressure_vessel", "agent", "nested", "opam"]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("program")
    p.add_argument("--real", required=True)
    p.add_argument("--user")
    p.add_argument("--only", action="append", choices=NAMES)
    p.add_argument("--verbose", action="store_true")
    o = p.parse_args()
    o.program, o.real = os.path.realpath(o.program), os.path.realpath(o.real)
    if os.getuid() == 0 and not o.user:
        p.error("as root, say with --user who runs the clients")
    place.enter()
    tap = Tap()
    with place.Folder(o.user) as folder:
        clients = Clients(o, folder.path)
        for name in o.only or NAMES:
            tap.run(getattr(clients, name), f"client: {name}")
    return tap.done()


sys.exit(main())
