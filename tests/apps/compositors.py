#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each Wayland-capable program of the suite, bare and confined, on weston, sway and labwc without a screen
and without any X display: it shows a window with its title, and a picture of that is taken.

    compositors.py --carrel PROGRAM [--shots FOLDER] [--tree TREE] [--all | NAME…]

TREE is a root folder of Debian 13 with labwc (see ./check --wayland-apps); without it labwc is left out. On weston
the protocol's log tells of the window, on the others the extension for task bars.
"""
import argparse
import importlib.util
import os
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
import re  # noqa: E402
import desk as desks  # noqa: E402
import make  # noqa: E402
import wayland  # noqa: E402
from table import APPS  # noqa: E402
from tap import Skip, Tap  # noqa: E402
from visit import Visit  # noqa: E402

# By its path, as this folder has a wayland.py too.
SPEC = importlib.util.spec_from_file_location("wayland_lib", os.path.join(HERE, "../wayland/lib.py"))
lib = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(lib)

# Those that show a window where there is no X display and no session bus, bare; of the suite's other programs some speak
# X alone (audacious, too, as it begins with GTK 2), and atril, evolution, kpat and epiphany-browser need a bus.
SPEAK = """mousepad evince firefox-esr chromium featherpad gnome-text-editor kate gedit geany l3afpad meld gnote zim xournalpp
eog gwenview okular qpdfview galculator gnome-calculator kcalc speedcrunch dino-im gajim quasselclient telegram-desktop
quodlibet keepassxc transmission-gtk qbittorrent file-roller thunar konsole xfce4-terminal alacritty kitty foot gnumeric
abiword libreoffice-writer libreoffice-calc inkscape scribus qutebrowser thunderbird gnome-mines
supertux2 warzone2100 chocolate-doom sqlitebrowser""".split()
# These show no window, bare too, where there is no seat (SDL of Debian 12 and meld end by a signal, foot says so):
# weston without a screen has none.
SEATED = {"supertux2", "warzone2100", "chocolate-doom", "foot", "inkscape", "meld"}
SMALL = ("mousepad", "gnome-text-editor", "featherpad", "firefox-esr")
TASKS = "zwlr_foreign_toplevel_manager_v1"


class Weston(wayland.Compositor):
    name = "weston"

    def picture(self, path):
        """It lets no program see the screen."""


class WithTasks:
    """What lists its windows for task bars, and lets grim see the screen."""
    own = ()

    def __enter__(self):
        super().__enter__()
        self.home = os.path.join(self.folder, "home")
        os.mkdir(self.home, 0o700)
        self.env["HOME"] = self.home
        return self

    def shows(self, title):
        found = set()
        with lib.Client(self.socket) as c:
            c.globals()
            c.bind(TASKS, 1)
            sync = c.new()
            c.send(lib.message(1, 0, lib.u(sync)))
            while (event := c.event()) and event[0] != sync:
                target, opcode, body = event
                if target >= lib.THEIRS and opcode == 0:
                    length = struct.unpack_from("=I", body)[0]
                    found.add(body[4:4 + length - 1].decode(errors="replace"))
        return any(re.search(title, name) for name in found)

    def picture(self, path):
        done = subprocess.run(["grim", path], env=self.env, timeout=60, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, done.stdout
        assert desks.contrast(path) > 0.01, "the screen is empty"


class Sway(WithTasks, lib.Sway):
    pass


class Labwc(WithTasks, lib.InTree):
    name, program = "labwc", "bwrap"
    socket_name, inside = "wayland-0", ("labwc",)

    def variables(self):
        return {"WLR_BACKENDS": "headless", "WLR_RENDERER": "pixman", "WLR_LIBINPUT_NO_DEVICES": "1"}


class Shots:
    """What a visit wants to know of its suite."""

    def __init__(self, carrel, folder):
        self.carrel, self.shots = carrel, folder


def shows(app, kind, confined, options):
    def test():
        if not shutil.which(app.command, path=desks.PATH):
            raise Skip("it is not installed")
        folder = os.path.join(options.shots, kind.name)
        os.makedirs(folder, exist_ok=True)
        with kind() as desk, make.Web() as web, make.Peer(*app.talk) as peer:
            desk.env["PATH"] = desks.PATH  # with games
            visit = Visit(Shots(options.carrel, folder), app, desk, web, peer, confined)
            title = app.title or "."  # without one in the table, any
            try:
                visit.start()

                def shown():
                    assert visit.alive(), f"it ended with status {visit.child.returncode}:\n" \
                        + visit.stderr()[-3000:]
                    return desk.shows(title)
                desks.wait_for(f"a window titled {title}", shown, app.seconds)
                desks.wait_for("its picture", lambda: drawn(desk, visit.shot("window")), app.seconds)
                assert "carrel-wayland: " not in visit.stderr(), visit.stderr()[-1000:]
            finally:
                visit.end()
    return test


def drawn(desk, path):
    try:
        desk.picture(path)
        return True
    except AssertionError:
        return False


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--carrel", required=True)
    parser.add_argument("--shots")
    parser.add_argument("--tree")
    parser.add_argument("--only", help="one of the compositors")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if os.getuid() == 0:
        parser.error("run it as an ordinary user")
    options.shots = options.shots or tempfile.mkdtemp(prefix="carrel-shots-")
    names = options.names or (SPEAK if options.all else SMALL)
    wrong = set(names) - set(SPEAK)
    if wrong:
        parser.error(f"no Wayland-capable app of the suite: {', '.join(wrong)}")
    kinds = [Weston, Sway]
    if options.tree:
        Labwc.tree = options.tree
        kinds.append(Labwc)
    tap = Tap()
    desks.become_subreaper()
    for app in APPS:
        for kind in kinds if app.name in names else ():
            if options.only not in (None, kind.name) or kind is Weston and app.name in SEATED:
                continue
            for confined in (False, True):
                tap.run(shows(app, kind, confined, options),
                        f"{app.name} on {kind.name}, {'confined' if confined else 'bare'}")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
