# SPDX-License-Identifier: LGPL-2.1-or-later
"""Wayland by weston: either a whole desktop for what speaks nothing else (Desk), or a compositor
without a screen and no X display at all (Compositor).

Weston keeps a log of the protocol, in which a window's title and the drawing of its contents stand.
"""
import os
import re
import shutil
import subprocess
import tempfile

import desk
from desk import become_subreaper, descendants, end_processes, wait_for

LOGGED = ["--idle-time=0", "--logger-scopes=log,proto"]


class Compositor:
    own = ()  # children that serve it, as those of desk.py

    def __enter__(self):
        become_subreaper()
        base = os.path.expanduser("~")
        self.folder = tempfile.mkdtemp(prefix="carrel-wayland-",
                                       dir=base if os.access(base, os.W_OK) else None)
        self.home, runtime = (os.path.join(self.folder, n) for n in ("home", "run"))
        for path in (self.home, runtime):
            os.mkdir(path, 0o700)
        self.env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": self.home,
                    "LANG": "C.UTF-8", "XDG_RUNTIME_DIR": runtime, "XDG_SESSION_TYPE": "wayland",
                    "NO_AT_BRIDGE": "1"}
        self.log = os.path.join(self.folder, "weston.log")
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen(
                ["weston", "--backend=headless-backend.so", "--use-pixman", "--socket=wayland-7",
                 *LOGGED], env=self.env, stdout=log,
                stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        self.env["WAYLAND_DISPLAY"] = "wayland-7"
        try:
            wait_for("the compositor", lambda: os.path.exists(os.path.join(runtime, "wayland-7")),
                     20)
        except AssertionError:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        self.child.terminate()
        try:
            self.child.wait(5)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        end_processes(descendants(os.getpid()))
        shutil.rmtree(self.folder, ignore_errors=True)
        return False

    def protocol(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def shows(self, title):
        """Whether a top-level window has this title (a regular expression), and a surface has been drawn."""
        text = self.protocol()
        titles = re.findall(r'xdg_toplevel@\d+\.set_title\("([^"]*)"', text)
        return any(re.search(title, t) for t in titles) and bool(re.search(r"wl_surface@\d+\.attach\(wl_buffer", text))


class Desk(desk.Desk):
    """The desktop of desk.py with weston in a window on it. The apps reach weston alone; pictures and
    input are those of its window, in which the app fills the whole (weston's kiosk shell)."""

    def _start(self):
        super()._start()
        self._spawn(["weston", "--backend=x11-backend.so", "--use-pixman", "--socket=wayland-7",
                     "--shell=kiosk-shell.so", "--no-config", "--width=800", "--height=600", *LOGGED])
        socket = os.path.join(self.screen["XDG_RUNTIME_DIR"], "wayland-7")
        wait_for("the compositor", lambda: os.path.exists(socket), 20)
        self.env = {k: v for k, v in self.screen.items() if k not in ("DISPLAY", "XAUTHORITY")}
        self.env.update(WAYLAND_DISPLAY="wayland-7", XDG_SESSION_TYPE="wayland")

    def said(self, call):
        """What the last such request of a client said."""
        with open(os.path.join(self.folder, "weston.log"), encoding="utf-8", errors="replace") as f:
            found = re.findall(rf'xdg_toplevel@\d+\.{call}\("([^"]*)"', f.read())
        return found[-1] if found else ""

    def title(self, _window):
        return self.said("set_title")

    def window_class(self, _window):
        return [self.said("set_app_id")]

    def place(self, *_):
        """It fills the screen."""
