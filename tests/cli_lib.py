# SPDX-License-Identifier: LGPL-2.1-or-later
"""An installed tree and a person's home in a temporary folder, for the tests of the command."""
import os
import shutil
import subprocess
import sys
import tempfile

LIMIT = 30


def same(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}:\n got  {got!r}\n want {want!r}")


def inside(text, whole):
    if text not in whole:
        raise AssertionError(f"{text!r} is not in {whole!r}")


class Stage:
    """Lays out the programs of a build folder as `meson install` would."""

    def __init__(self, build, policies):
        self.scratch = tempfile.TemporaryDirectory(prefix="carrel-cli-")
        self.top = os.path.realpath(self.scratch.name)
        self.tree = self.path("tree")
        self.home = self.path("home")
        self.shipped = self.path("tree/share/carrel/policies")
        for name in ("tree/bin", "tree/libexec/carrel", "home"):
            os.makedirs(self.path(name))
        for source, target in (("src/cli/carrel", "bin/carrel"),
                               ("src/core/carrel-core", "libexec/carrel/carrel-core"),
                               ("src/tty/carrel-tty", "libexec/carrel/carrel-tty"),
                               ("src/supervise/carrel-supervisor", "libexec/carrel/carrel-supervisor"),
                               ("src/enter/carrel-enter", "libexec/carrel/carrel-enter"),
                               ("src/wayland/carrel-wayland", "libexec/carrel/carrel-wayland"),
                               ("src/x11/carrel-x11", "libexec/carrel/carrel-x11"),
                               ("src/x11/carrel-clip", "libexec/carrel/carrel-clip"),
                               ("src/wayland/carrel-clip-wayland", "libexec/carrel/carrel-clip-wayland"),
                               ("src/xserver/carrel-xserver", "libexec/carrel/carrel-xserver"),
                               ("src/xserver/carrel-viewer", "libexec/carrel/carrel-viewer"),
                               ("src/autostart/carrel-autostart", "libexec/carrel/carrel-autostart"),
                               ("src/ownbus/carrel-ownbus", "libexec/carrel/carrel-ownbus"),
                               ("src/dbus/carrel-dbus", "libexec/carrel/carrel-dbus"),
                               ("src/sound/carrel-sound", "libexec/carrel/carrel-sound")):
            shutil.copy(os.path.join(build, source), os.path.join(self.tree, target))
        os.makedirs(self.shipped)
        for name in os.listdir(policies):
            if name.endswith(".policy"):
                shutil.copy(os.path.join(policies, name), self.shipped)
        subprocess.run([sys.executable, os.path.join(policies, "names.py"), "share/carrel/policies"],
                       check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "MESON_INSTALL_DESTDIR_PREFIX": self.tree})
        self.carrel = os.path.join(self.tree, "bin/carrel")

    def path(self, name):
        return os.path.join(self.top, name)

    def env(self, **more):
        return {"HOME": self.home, "PATH": "/usr/bin:/bin", "USER": "somebody", **more}

    def write(self, name, text, mode=0o644):
        """A file below the top folder; returns its path."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        os.chmod(path, mode)
        return path

    def run(self, *args, stdin=subprocess.DEVNULL, cwd=None, env=None, **more):
        """Runs carrel; returns the finished process, its output as text."""
        return subprocess.run([self.carrel, *args], stdin=None if "input" in more else stdin,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd or self.home,
                              env=env or self.env(), timeout=LIMIT, text=True,
                              errors="surrogateescape", **more)

    def close(self):
        self.scratch.cleanup()
