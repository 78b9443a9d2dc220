#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts programs on a display made for the occasion (Xvfb) and takes a picture of it.

    show.py [--size WxH] --picture FILE.png [--type TEXT] -- PROGRAM [ARGUMENT…] [-- PROGRAM …]

For machines without a screen, and for the pictures in the manual. Every program's first window
is waited for; with several, they stand side by side.
"""
import argparse
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/apps"))
import desk as desks  # noqa: E402


def split(words):
    """The programs between the `--`."""
    programs = [[]]
    for word in words:
        if word == "--":
            programs.append([])
        else:
            programs[-1].append(word)
    return [p for p in programs if p]


def start(desk, argv, place, text):
    before = set(desk.windows())
    log = os.path.join(desk.folder, f"{os.path.basename(argv[-1])}.stderr")
    with open(log, "wb") as f:
        child = subprocess.Popen(argv, env=desk.env, stdin=subprocess.DEVNULL, stderr=f,
                                 start_new_session=True)

    def window():
        if child.poll() is not None:
            with open(log, encoding="utf-8", errors="replace") as f:
                raise AssertionError(f"{argv[0]} ended with status {child.returncode}: {f.read()}")
        return next((w for w in desk.windows() if w not in before), None)
    found = desks.wait_for(f"the window of {argv[-1]}", window, 90)
    x, y, width, height = place
    outside = desk.outside(found)
    desk.ask("xdotool", "windowsize", outside, str(width), str(height))
    desk.ask("xdotool", "windowmove", outside, str(x), str(y))
    desk.focus(found)
    if text:
        desk.type(text)
    return child


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--picture", required=True)
    parser.add_argument("--size", default="900x600")
    parser.add_argument("--type", default="", help="typed into the last program")
    arguments = sys.argv[1:]
    at = arguments.index("--") if "--" in arguments else len(arguments)
    options = parser.parse_args(arguments[:at])
    programs = split(arguments[at:])
    if not programs:
        parser.error("no program")
    missing = desks.missing_tools()
    if missing:
        parser.error("missing: " + " ".join(missing))
    width, height = (int(n) for n in options.size.split("x"))
    children = []
    try:
        with desks.Desk(width, height, bus=False, home=os.path.expanduser("~")) as desk:
            try:
                each = width // len(programs)
                for number, argv in enumerate(programs):
                    last = number == len(programs) - 1
                    place = (number * each + 8, 8, each - 18, height - 46)
                    children.append(start(desk, argv, place, options.type if last else ""))
                desk.settled_picture(options.picture, "root")
            finally:
                for child in children:
                    child.terminate()
                for child in children:
                    child.wait(20)
    except AssertionError as e:
        print(f"show.py: {e}", file=sys.stderr)
        return 1
    return 0


sys.exit(main())
