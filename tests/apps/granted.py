#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A grant, its use and its end in an editor with a window: the person saves by the editor's own file dialog.

    granted.py --carrel PROGRAM

The editor runs bare first: that saving works by these keys is the control. Confined it can save nowhere in the
person's folder, then it can where that was granted, and after `carrel revoke` it can not any more, while it
still runs.
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
from tap import Tap  # noqa: E402

EDITOR, CLASS = "mousepad", "mousepad"
SECONDS = 60


class Editing:
    """The editor on a desk of its own, with a text that is not saved."""

    def __init__(self, desk, prefix):
        self.desk = desk
        with open(os.path.join(desk.folder, "editor.log"), "wb") as log:
            self.child = subprocess.Popen([*prefix, EDITOR], env=desk.env, cwd=desk.home, stdin=subprocess.DEVNULL,
                                          stdout=log, stderr=log)
        self.window = desk.wait_window(klass=CLASS, seconds=90)
        desk.focus(self.window)
        time.sleep(2)
        desk.type("some text")

    def dialogs(self):
        return [w for w in self.desk.windows() if w != self.window]

    def close_dialogs(self):
        def none():
            for window in reversed(self.dialogs()):
                self.desk.focus(window)
                self.desk.key("Escape")
                time.sleep(0.3)
            return not self.dialogs()
        desks.wait_for("the dialogs to close", none, SECONDS)

    def try_to_save(self, path):
        """By "save as": types the path into the dialog and confirms."""
        self.desk.focus(self.window)

        def opened():
            self.desk.key("ctrl+shift+s")
            end = time.monotonic() + 5
            while time.monotonic() < end and not self.dialogs():
                time.sleep(0.2)
            return self.dialogs()
        dialog = desks.wait_for("the dialog", opened, SECONDS)[0]
        self.desk.focus(dialog)
        time.sleep(0.5)
        self.desk.key("ctrl+a")
        self.desk.type(path)
        self.desk.key("Return")

    def saves(self, path):
        self.try_to_save(path)

        def saved():
            if os.path.exists(path) and os.path.getsize(path):
                return True
            self.desk.key("Return")  # a file dialog swallows it while it completes
            return False
        desks.wait_for(f"{path}", saved, SECONDS, step=1)
        self.close_dialogs()

    def fails_to_save(self, path):
        """What comes in the place of the file is a message in the dialog, or a window over it."""
        self.try_to_save(path)
        for _ in range(5):  # as often as it ever took where it works, and longer
            time.sleep(1)
            assert not os.path.exists(path), f"{path} was saved"
            self.desk.key("Return")
        assert self.dialogs(), "neither the dialog nor a message is there"
        self.close_dialogs()
        assert not os.path.exists(path), f"{path} was saved"
        assert self.child.poll() is None, "the editor has ended"

    def end(self):
        self.child.kill()
        self.child.wait()


class Test:
    def __init__(self, carrel):
        self.carrel = carrel

    def carrel_says(self, desk, *words):
        done = subprocess.run([self.carrel, *words], env=desk.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=SECONDS, check=False)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    def bare(self):
        with desks.Desk() as desk:
            folder = os.path.join(desk.home, "papers")
            os.mkdir(folder)
            editing = Editing(desk, [])
            try:
                editing.saves(os.path.join(folder, "one.txt"))
                editing.saves(os.path.join(folder, "two.txt"))
            finally:
                editing.end()

    def confined(self):
        with desks.Desk() as desk:
            folder = os.path.join(desk.home, "papers")
            os.mkdir(folder)
            app = "org.xfce.mousepad"
            editing = Editing(desk, [self.carrel, "run", f"--app-id={app}"])
            try:
                editing.fails_to_save(os.path.join(folder, "early.txt"))
                self.carrel_says(desk, "grant", "--rw", app, folder)
                editing.saves(os.path.join(folder, "granted.txt"))
                self.carrel_says(desk, "revoke", app, folder)
                assert folder not in self.carrel_says(desk, "grants", app)
                editing.fails_to_save(os.path.join(folder, "late.txt"))
                assert os.listdir(folder) == ["granted.txt"], os.listdir(folder)
            finally:
                editing.end()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--carrel", required=True)
    test, tap = Test(parser.parse_args().carrel), Tap()
    if not shutil.which(EDITOR, path=desks.PATH):
        tap.skip(EDITOR, "it is not installed")
        return tap.done()
    tap.run(test.bare, "bare, the editor saves where the person says")
    tap.run(test.confined, "confined it saves in a folder after a grant, and not before nor after its end")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
