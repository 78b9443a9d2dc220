#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real programs open and save files by the portal's dialog, that of xdg-desktop-portal-gtk.

    dialogs.py --carrel PROGRAM [--shots FOLDER] [--all | NAME…]

For each: started confined without a file it opens one of the person's that its policy does not show,
and saves it under another name in a folder that is out of its sight. That a dialog is the portal's
is told by its window's class.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "apps")]
import desk as desks  # noqa: E402
import documents  # noqa: E402
from tap import Tap  # noqa: E402
from world import need  # noqa: E402

DIALOG = "xdg-desktop-portal-gtk"


class App:
    def __init__(self, command, app_id, document, klass, *, opens="ctrl+o", saves="ctrl+shift+s", args=(),
                 before=(), after=(), title=None, saved=None, click=""):
        self.command, self.app_id, self.document, self.klass = command, app_id, document, klass
        self.opens, self.saves, self.args = opens, saves, args
        self.before, self.after = before, after  # keys before it opens, and before it saves
        self.title = title or document.replace(".", r"\.")
        self.saved, self.click = saved or document, click


APPS = [
    App("gnome-text-editor", "org.gnome.TextEditor", "note.txt", "gnome-text-editor|TextEditor"),
    App("evince", "org.gnome.Evince", "report.pdf", "evince", saves="ctrl+s"),
    App("kate", "org.kde.kate", "note.txt", "kate", click="400 300"),
    App("okular", "org.kde.okular", "report.pdf", "okular", click="400 300"),
    App("featherpad", "org.debian.featherpad", "note.txt", "featherpad"),
    App("keepassxc", "org.keepassxc.KeePassXC", "secrets.kdbx", "keepassxc", after=("s", "e", "c", "r", "e", "t", "Return"),
        click="400 300"),
    App("chromium", "org.chromium.Chromium", "page.html", "chromium", saves="ctrl+s", title="Local page"),
    App("qpdfview", "net.launchpad.qpdfview", "report.pdf", "qpdfview", saves="alt+f a", title=".", click="400 300"),
    App("speedcrunch", "org.speedcrunch.SpeedCrunch", "session.json", "speedcrunch|SpeedCrunch", opens="ctrl+l", saves="ctrl+s",
        title="SpeedCrunch", after=("Return",)),
    App("firefox-esr", "org.mozilla.firefox", "page.html", "firefox", saves="ctrl+s", title="Local page"),
]
SMALL = ("evince", "gnome-text-editor", "featherpad")  # GTK 3, GTK 4, Qt


class One:
    """One app on a desk of its own."""

    def __init__(self, app, carrel, shots):
        self.app, self.carrel, self.shots = app, carrel, shots

    def picture(self, desk, what):
        if self.shots:
            desk.picture(os.path.join(self.shots, f"{self.app.command}-{what}.png"))

    def run(self):
        need()
        with desks.Desk() as desk:
            folder = os.path.join(desk.home, "papers")
            os.mkdir(folder)
            self.source = os.path.join(folder, self.app.document)
            documents.write(self.app.document, folder, None)
            self.target = os.path.join(folder, "copy-of-" + self.app.saved)
            with open(os.path.join(desk.folder, "app.log"), "wb") as log:
                child = subprocess.Popen([self.carrel, "run", self.app.command, *self.app.args], env=desk.env,
                                         cwd=desk.home, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            try:
                self.round_trip(desk, child)
            except AssertionError as e:
                self.picture(desk, "failed")
                seen = [(desk.window_class(w), desk.title(w)) for w in desk.windows()]
                with open(os.path.join(desk.folder, "app.log"), encoding="utf-8", errors="replace") as f:
                    raise AssertionError(f"{e}\n{seen}\n{f.read()[-2000:]}") from None
            finally:
                child.kill()
                child.wait()

    def round_trip(self, desk, child):
        app = self.app
        desk.focus(desk.wait_window(klass=app.klass, seconds=90))
        time.sleep(2)
        for key in app.before:
            desk.key(key)
        dialog = self.dialog(desk, app.opens)
        self.picture(desk, "open")
        desk.key("ctrl+l")
        desk.type(self.source)
        desk.confirm(dialog)
        window = desk.wait_window(app.title, app.klass, 30)
        desk.focus(window)
        time.sleep(1)
        if app.click:  # some of Qt's do not take themselves for active after such a dialog
            desk.ask("xdotool", "mousemove", "--window", window, *app.click.split(), "click", "1")
        for key in app.after:
            desk.key(key)
            time.sleep(0.3)
        time.sleep(2 if app.after else 0)
        dialog = self.dialog(desk, app.saves)
        self.picture(desk, "save")
        desk.key("ctrl+a")
        desk.type(self.target)
        desk.confirm(dialog)
        desks.wait_for("the saved file", lambda: os.path.exists(self.target) and os.path.getsize(self.target), 30)
        assert child.poll() is None, "it has ended"

    def dialog(self, desk, key):
        """The portal's dialog, which comes when the key is pressed: once, or when the app is ready."""
        for _ in range(4):
            for one in key.split():
                desk.key(one)
            try:
                window = desks.wait_for("a dialog", lambda: desk.find_window(klass=DIALOG), 8)
                break
            except AssertionError:
                continue
        else:
            raise AssertionError(f"no dialog of the portal comes after {key}")
        desk.focus(window)
        time.sleep(0.5)
        return window


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--carrel", required=True)
    parser.add_argument("--shots")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    options.shots = options.shots or tempfile.mkdtemp(prefix="carrel-dialogs-")
    os.makedirs(options.shots, exist_ok=True)
    names = options.names or ([a.command for a in APPS] if options.all else SMALL)
    tap = Tap()
    for app in APPS:
        if app.command not in names:
            continue
        if not shutil.which(app.command, path=desks.PATH):
            tap.skip(app.command, "it is not installed")
            continue
        tap.run(One(app, options.carrel, options.shots).run, f"{app.command} opens and saves by the portal's dialog")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
