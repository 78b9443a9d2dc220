#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Input methods: what is composed by real IBus and Fcitx 5 arrives in real programs, confined as well as bare.

    inputs.py --carrel PROGRAM [--shots FOLDER] [--all | NAME…]

Each program is given an empty file and is typed into through a table of LaTeX's letters: \\pi and a blank
become one Greek letter, which must stand in the file that the program saves. The bare start is the control, and
so is one program that has no input method at all, where the letters arrive as they were typed.
"""
import argparse
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
import desk as desks  # noqa: E402
from tap import Skip, Tap  # noqa: E402

SECONDS = 60
TYPED, COMPOSED = ("x", "\\pi ", "y"), "x\u03c0y"

FCITX = {
    "profile": "[Groups/0]\nName=Default\nDefault Layout=us\nDefaultIM=latex\n[Groups/0/Items/0]\n"
               "Name=keyboard-us\nLayout=\n[Groups/0/Items/1]\nName=latex\nLayout=\n[GroupOrder]\n0=Default\n",
    "config": "[Behavior]\nActiveByDefault=True\nShowInputMethodInformation=False\n",
}


class Method:
    """An input method on a desk, and the variables by which a session tells of it."""

    def __init__(self, desk):
        self.desk = desk
        self.env = {"XMODIFIERS": f"@im={self.name}", "GTK_IM_MODULE": self.name, "QT_IM_MODULE": self.name}

    def write(self, path, text):
        path = os.path.join(self.desk.home, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)


class IBus(Method):
    name, tools = "ibus", ("ibus-daemon", "ibus")
    portal = ("org.freedesktop.portal.IBus", "/org/freedesktop/IBus")
    power = ("ibus", "engine")  # which engine all have, by its own socket

    def start(self):
        """Its settings in memory, and no panel: what it says of the engine is enough."""
        self.desk._spawn(["ibus-daemon", "--xim", "--panel=disable", "--emoji-extension=disable",
                          "--config=/usr/libexec/ibus-memconf"])
        desks.wait_for("IBus' engine", self.choose, SECONDS, step=0.5)

    def choose(self):
        self.desk.ask("ibus", "engine", "table:latex")
        return "table:latex" in self.desk.ask("ibus", "engine")


class Fcitx(Method):
    name, tools = "fcitx", ("fcitx5", "fcitx5-remote")
    portal = ("org.freedesktop.portal.Fcitx", "/org/freedesktop/portal/inputmethod")
    power = ("fcitx5-remote",)  # whether it is on, by its whole name

    def start(self):
        for name, text in FCITX.items():
            self.write(f".config/fcitx5/{name}", text)
        self.desk._spawn(["fcitx5", "--disable=wayland,waylandim,notifications,notificationitem,kimpanel,clipboard"])
        desks.wait_for("Fcitx", lambda: self.desk.ask("fcitx5-remote").strip(), SECONDS, step=0.5)


class Nothing(Method):
    name, tools = "none", ()

    def __init__(self, desk):
        super().__init__(desk)
        self.env = {}

    def start(self):
        pass


METHODS = {m.name: m for m in (Nothing, IBus, Fcitx)}

# Debian 12 has no editor of Qt 6: one field, which Ctrl+S saves.
QT6 = """import sys
from PyQt6.QtGui import QKeySequence, QShortcut
from PyQt6.QtWidgets import QApplication, QPlainTextEdit
app = QApplication(["qt6-field"])
field = QPlainTextEdit()
save = lambda: open(sys.argv[1], "w", encoding="utf-8").write(field.toPlainText())
QShortcut(QKeySequence("Ctrl+S"), field).activated.connect(save)
field.resize(600, 400)
field.show()
app.exec()
"""
# Program: its toolkit, and how the text is saved ({} is the file). The first ones are in every run of ./check.
PROGRAMS = {
    "mousepad": ("GTK 3", ["{}"]),
    "gnome-text-editor": ("GTK 4, on the filtered bus", ["{}"]),
    "featherpad": ("Qt 5, on the filtered bus", ["{}"]),
    "xterm": ("Xlib", ["-e", "sh", "-c", "cat > typed.txt"]),
    "geany": ("GTK 3", ["{}"]),
    "gedit": ("GTK 3", ["{}"]),
    "l3afpad": ("GTK 3", ["{}"]),
    "emacs": ("X toolkit", ["{}"]),
    "qt6-field": ("Qt 6, without a policy", ["-c", QT6, "{}"]),
    "kate": ("Qt 5 and KDE, on the filtered bus", ["{}"]),
}
ALWAYS = ("mousepad", "gnome-text-editor", "featherpad", "xterm", "qt6-field")
PYTHON = "/usr/bin/python3"
SAVE = {"emacs": ("ctrl+x", "ctrl+s"), "xterm": ("Return", "ctrl+d")}


class Typing:
    """One start of one program, typed into."""

    def __init__(self, test, name, confined):
        self.test, self.name, self.desk = test, name, test.desk
        self.home = test.desk.home
        self.path = os.path.join(self.home, f"{name}.txt")
        if name == "xterm":
            own = os.path.join(self.home, ".var/app/org.debian.xterm")
            self.path = os.path.join(own if confined else self.home, "typed.txt")
            os.makedirs(own, mode=0o700, exist_ok=True)
        with open(self.path, "w", encoding="utf-8"):
            pass
        words = [self.path if w == "{}" else w for w in PROGRAMS[name][1]]
        options = []
        if name == "qt6-field":  # a bus of its own, as programs without a policy have, would know of no input method
            options = ["--app-id=org.example.Field", f"--filesystem={self.path}",
                       "--metadata=Carrel Sandbox=private-session-bus=false"]
        # XIM is a matter of the person's own display: no server of the app's own has an input method.
        self.argv = ([test.carrel, "run", "--x11=shared", *options] if confined else [])
        self.argv += [PYTHON if name == "qt6-field" else name] + words
        self.shot = os.path.join(test.shots, f"{name}-{test.method.name}-{'confined' if confined else 'bare'}.png")
        self.log = self.shot[:-3] + "stderr"

    def saved(self):
        try:
            with open(self.path, encoding="utf-8") as f:
                return f.read().strip()
        except FileNotFoundError:
            return ""  # it is being replaced

    def text(self):
        """What the file holds in the end. Nothing arrived: once more, as the first keys may come while a program
        is still busy with its start."""
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen(self.argv, env={**self.desk.env, **self.test.method.env}, cwd=self.home,
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            window = self.desk.wait_window(klass=self.name if self.name != "gnome-text-editor" else "text-?editor",
                                           seconds=SECONDS)
            self.desk.focus(window)
            self.rest(window)
            for part in TYPED:  # IBus' modules hand keys on without waiting: none shall overtake another
                self.desk.type(part)
                time.sleep(0.6)
            self.desk.picture(self.shot, window)
            for _ in range(3):
                self.desk.key(*SAVE.get(self.name, ("ctrl+s",)))
                try:
                    return desks.wait_for("the saved text", self.saved, 10)
                except AssertionError:
                    continue
            raise AssertionError(f"{self.name} saved nothing")
        finally:
            desks.end_processes({p: v for p, v in desks.descendants(self.child.pid).items()})
            self.child.kill()
            self.child.wait()
            desks.wait_for("the end of its windows", lambda: not self.desk.windows(), 20)

    def rest(self, window):
        """Until the window does not change any more: it has its focus then."""
        self.desk.settled_picture(self.shot, window, 15)


class Test:
    def __init__(self, options, desk, method):
        self.carrel, self.shots, self.desk, self.method = options.carrel, options.shots, desk, method

    def composes(self, name):
        if name == "qt6-field":
            if subprocess.run([PYTHON, "-c", "import PyQt6.QtWidgets"], check=False, capture_output=True).returncode:
                raise Skip("missing: python3-pyqt6")
        else:
            need(name)
        bare = Typing(self, name, False).text()
        confined = Typing(self, name, True).text()
        print(f"# {name}, {self.method.name}: bare {bare!r}, confined {confined!r}")
        assert bare == confined, f"bare it writes {bare!r}, confined {confined!r}"
        expected = "".join(TYPED) if self.method.name == "none" else COMPOSED
        assert bare == expected, f"it writes {bare!r}"

    # ---- what else an app gets of it ----

    def inside(self, argv, *options):
        """A program without a policy, and without the bus of its own that such a one has."""
        own = "--metadata=Carrel Sandbox=private-session-bus=false"
        return subprocess.run([self.carrel, "run", own, *options, *argv], env={**self.desk.env, **self.method.env},
                              cwd=self.desk.home, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.STDOUT, timeout=SECONDS, check=False)

    def gives_its_portal_alone(self):
        need("gdbus")
        name, path = self.method.portal
        ping = ["gdbus", "call", "--session", "-d", name, "-o", path, "-m", "org.freedesktop.DBus.Peer.Ping"]
        other = ["gdbus", "call", "--session", "-d", "org.example.Other", "-o", "/", "-m", ping[-1]]
        with Serving(self.desk):
            assert self.desk.ask(*ping) and self.desk.ask(*other) and self.desk.ask(*self.method.power).strip()
            done = self.inside(ping)
            assert done.returncode == 0, done.stdout
            for argv in (other, self.method.power):
                told, done = self.desk.ask(*argv).strip(), self.inside(argv)
                assert done.returncode != 0 or told not in done.stdout, (argv, done.stdout)
        for option in ("input-method=false", "session=none"):
            done = self.inside(ping, f"--metadata=Carrel Bus={option}")
            assert done.returncode != 0, (option, done.stdout)


class Serving:
    """A name on the person's bus behind which everybody may ask."""

    SCRIPT = ("import dbus, dbus.service, dbus.mainloop.glib\nfrom gi.repository import GLib\n"
              "dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)\n"
              "name = dbus.service.BusName('org.example.Other', dbus.SessionBus())\n"
              "thing = dbus.service.Object(name, '/')\nGLib.MainLoop().run()\n")

    def __init__(self, desk):
        self.desk = desk

    def __enter__(self):
        self.child = subprocess.Popen(["/usr/bin/python3", "-c", self.SCRIPT], env=self.desk.env)
        ask = ("gdbus", "call", "--session", "-d", "org.freedesktop.DBus", "-o", "/", "-m",
               "org.freedesktop.DBus.NameHasOwner", "org.example.Other")
        desks.wait_for("the other service", lambda: "true" in self.desk.ask(*ask), SECONDS)

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()


def need(*tools):
    missing = [t for t in tools if not shutil.which(t, path=desks.PATH)]
    if missing:
        raise Skip("missing: " + " ".join(missing))


def run(tap, options, method, names):
    """All programs by one input method, on one desk."""
    need(*METHODS[method].tools)
    with desks.Desk() as desk:
        test = Test(options, desk, METHODS[method](desk))
        test.method.start()
        for name in names[:1] if method == "none" else names:
            tap.run(lambda: test.composes(name), f"{name} ({PROGRAMS[name][0]}): {method}")
        if method != "none":
            tap.run(test.gives_its_portal_alone, f"{method} gives its portal alone")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--carrel", required=True)
    parser.add_argument("--shots", required=True)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    os.makedirs(options.shots, exist_ok=True)
    names = options.names or (list(PROGRAMS) if options.all else ALWAYS)
    tap = Tap()
    for method in options.methods.split(","):
        tap.run(lambda: run(tap, options, method, names), f"{method} itself")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
