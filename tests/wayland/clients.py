#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs of each toolkit show a window on sway, started by carrel run, and keep it.

    clients.py BUILD POLICIES [SECONDS]

sway outside says which windows there are. There is no X display, so nothing can come by another way.
"""
import contextlib
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import Skip, Sway, Tap, end, ordinary_stage, wait_for  # noqa: E402
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import cli_lib  # noqa: E402

SDL = "/usr/libexec/installed-tests/SDL2/testsprite2"
CLIENTS = {  # what is started, and variables
    "GTK 3": (["mousepad"], {}),
    "GTK 4": (["gtk4-widget-factory"], {}),
    "Qt 5": (["qt5ct"], {"QT_QPA_PLATFORM": "wayland"}),
    "Qt 6": (["qt6ct"], {"QT_QPA_PLATFORM": "wayland"}),
    "SDL 2": ([SDL], {"SDL_VIDEODRIVER": "wayland"}),
    "Firefox": (["firefox-esr"], {"MOZ_ENABLE_WAYLAND": "1"}),
    "foot": (["foot"], {}),
}


def windows(desk):
    """The names of sway's windows."""
    socket = next(n for n in os.listdir(desk.runtime) if n.startswith("sway-ipc"))
    done = subprocess.run(["swaymsg", "-s", os.path.join(desk.runtime, socket), "-r", "-t", "get_tree"],
                          stdout=subprocess.PIPE, check=True, timeout=60)
    found, queue = [], [json.loads(done.stdout)]
    while queue:
        node = queue.pop()
        queue += node.get("nodes", []) + node.get("floating_nodes", [])
        if node.get("pid") and node.get("visible"):
            found.append((node.get("app_id"), node.get("name")))
    return found


def shows(desk, argv, more, seconds):
    def test():
        if subprocess.run(["which", argv[0]], stdout=subprocess.DEVNULL, check=False).returncode:
            raise Skip(f"{argv[0]} is not installed")
        assert not windows(desk), windows(desk)
        log = os.path.join(desk.folder, "client.log")
        options = [f"--env={k}={v}" for k, v in more.items()]
        with open(log, "wb") as f:
            child = subprocess.Popen([STAGE.carrel, "run", *options, *argv], env=desk.env, stdout=f,
                                     stderr=f, stdin=subprocess.DEVNULL, start_new_session=True)

        def there():
            with open(log, encoding="utf-8", errors="replace") as f:
                assert child.poll() is None, f"it has ended:\n{f.read()[-2000:]}"
            return windows(desk)
        try:
            print(f"# {wait_for('a window', there, 120)}")
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                assert there(), "its window is gone"
                time.sleep(0.5)
        finally:
            end(child)
            with contextlib.suppress(AssertionError):
                wait_for("its end", lambda: not windows(desk), 20)
        with open(log, encoding="utf-8", errors="replace") as f:
            text = f.read()
            assert "carrel-wayland: " not in text, f"the filter complains: {text[-500:]}"
    return test


def main():
    global STAGE
    tap, seconds = Tap(), float(sys.argv[3]) if len(sys.argv) > 3 else 3
    STAGE = ordinary_stage(cli_lib.Stage(sys.argv[1], sys.argv[2]))
    with contextlib.closing(STAGE), Sway() as desk:
        for name, (argv, more) in CLIENTS.items():
            tap.run(shows(desk, argv, more, seconds), f"{name} shows its window through the filter")
    return tap.done()


sys.exit(main())
