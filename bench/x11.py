#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an X server of the app's own costs, before an Xvfb: from the start to the end of a terminal
that shows its window and is done, against the same Xephyr and terminal by hand; and how fast
glxgears turns in it, against the Xvfb itself.

usage: x11.py CARREL [--runs N] [--gears SECONDS]

Targets: start at most 1.2 x, gears at least 0.6 x."""
import argparse
import os
import re
import statistics
import subprocess
import sys

import interleave

# in the place of this folder, which has a wayland.py of its own
sys.path[0] = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/x11")
from lib import Display  # noqa: E402

SIZE = "800x560"  # of the server's screen at its start
BY_HAND = """
mkfifo "$1"; Xephyr -displayfd 9 -auth "$XAUTHORITY" -nolisten tcp -screen 800x560 \
    -resizeable -no-host-grab -noreset -br 9<> "$1" 2> /dev/null &
read -r number < "$1"; DISPLAY=:$number xterm -e true; kill $!; wait; rm "$1"
"""


def gears(argv, env, seconds):
    """Pictures a second, of glxgears' own count."""
    done = subprocess.run(["timeout", str(seconds), *argv], env=env, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=False)
    counts = [float(n) for n in re.findall(r"= ([0-9.]+) FPS", done.stdout)]
    return statistics.mean(counts) if counts else float("nan")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("carrel")
    options.add_argument("--runs", type=int, default=7)
    options.add_argument("--gears", type=int, default=12)
    o = options.parse_args()
    with Display() as display:
        policy = os.path.join(display.folder, "x.policy")
        with open(policy, "w", encoding="utf-8") as f:
            f.write("[Context]\nsockets=x11;\n[Carrel Sandbox]\nprivate-session-bus=false\n"
                    "[Carrel Display]\nx11=nested\n")
        run = [o.carrel, "run", f"--policy={policy}"]
        script = os.path.join(display.folder, "by-hand")
        with open(script, "w", encoding="utf-8") as f:
            f.write(BY_HAND)
        os.environ.clear()
        os.environ.update(display.env)
        cases = [("by hand", ["/bin/bash", script, os.path.join(display.folder, "number")]),
                 ("x11=nested", [*run, "xterm", "--", "-e", "true"])]
        interleave.table("from the start to the end of a terminal",
                         interleave.compare(cases, o.runs, 1), "by hand")
        # Of one size: a window that stands alone fills its server.
        turns = {"Xvfb itself": ["glxgears", "-geometry", SIZE],
                 "x11=nested": [*run, "glxgears", "--", "-geometry", SIZE]}
        speeds = {name: [] for name in turns}
        for _ in range(2):
            for name, argv in turns.items():
                speeds[name].append(gears(argv, display.env, o.gears))
        base = statistics.mean(speeds["Xvfb itself"])
        for name, values in speeds.items():
            print(f"  glxgears, {name:14} {statistics.mean(values):9.0f} a second "
                  f"{statistics.mean(values) / base:6.2f}")


main()
