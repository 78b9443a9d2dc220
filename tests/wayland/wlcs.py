#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""wlcs, the conformance tests of Wayland compositors, on Mir: directly, and with every client behind
the filter. What passes directly passes behind it, but for what needs a global that the filter hides.

    wlcs.py FILTER
"""
import glob
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import Tap, become_ordinary, scratch  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
MOST = 1800  # seconds for all tests, on a machine that does much else
LEAST_TESTS = 900
TRIES = 3
POWERS = ("dmabuf activation text-input primary-selection fullscreen clipboard-in clipboard-out "
          "pointer-lock relative-pointer idle-inhibit shortcuts-inhibit window-handles")
# Globals that no app gets (globals.rows), and why.
HIDDEN = {
    "zwlr_layer_shell_v1": "lays itself over other programs' windows",
    "zwlr_foreign_toplevel_manager_v1": "knows and moves other programs' windows",
    "zwlr_virtual_pointer_manager_v1": "points and clicks for the person",
    "zwp_input_method_manager_v2": "reads and writes what is typed into others",
    "zxdg_shell_v6": "a draft of xdg_wm_base, which everybody has since 2017",
    "wl_shell": "its forerunner, which no toolkit of Debian's asks for",
}
REASON = re.compile(r"Missing extension: (\w+)|Failed to bind to (\w+)")


def first(pattern):
    return next(iter(glob.glob(pattern)), None)


WLCS = first("/usr/lib/*/wlcs/wlcs")
MIR = first("/usr/lib/*/mir/miral_wlcs_integration.so")


class Runs:
    def __init__(self, program, folder):
        self.program, self.folder, self.n = program, folder, 0
        self.module = os.path.join(folder, "wlcs_filter.so")
        subprocess.run(["cc", "-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-shared",
                        "-fPIC", "-o", self.module, os.path.join(HERE, "wlcs_filter.c"), "-lpthread",
                        "-ldl"], check=True)

    def run(self, filtered, tests="*", powers=POWERS):
        """What became of each test: (OK, SKIP or FAILED, what was said)."""
        self.n += 1
        sockets, log = os.path.join(self.folder, str(self.n)), os.path.join(self.folder, "log")
        os.mkdir(sockets, 0o700)
        env = {"PATH": "/usr/bin:/bin", "HOME": self.folder, "LANG": "C.UTF-8",
               "XDG_RUNTIME_DIR": sockets, "CARREL_WLCS_MODULE": MIR, "CARREL_WLCS_POWERS": powers,
               "CARREL_WLCS_FILTER": self.program if filtered else "", "CARREL_WLCS_FOLDER": sockets}
        with open(log, "wb") as out:
            subprocess.run([WLCS, self.module, f"--gtest_filter={tests}"], env=env, stdout=out,
                           stderr=out, stdin=subprocess.DEVNULL, timeout=MOST, check=False)
        return read_log(log)


def read_log(path):
    found, name, text = {}, None, []
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            begin = re.match(r"\[ RUN +\] (\S+)", line)
            over = re.match(r"\[ +(OK|SKIP|FAILED) +\] ([^\s,]+)", line)
            if begin:
                name, text = begin[1], []
            elif over and over[2] == name:
                found[name], name = (over[1], "".join(text)), None
            else:
                text.append(line)
    return found


def lost(bare, filtered):
    """Tests that pass directly only: those that a hidden global explains, by its name, and others."""
    explained, others = {}, {}
    for name, (what, _) in bare.items():
        now, said = filtered.get(name, ("missing", ""))
        reason = REASON.search(said)
        word = reason and (reason[1] or reason[2])
        if what == "OK" and now != "OK":
            if word in HIDDEN:
                explained.setdefault(word, []).append(name)
            else:
                others[name] = (now, said[-500:])
    return explained, others


def main():
    tap = Tap()
    program = os.path.abspath(sys.argv[1])
    if not WLCS or not MIR or not shutil.which("cc"):
        tap.skip("wlcs", "wlcs, mir-wlcs-integration or a compiler is not installed")
        return tap.done()
    become_ordinary()
    folder = scratch()
    try:
        runs = Runs(program, folder)
        bare = runs.run(False)
        passed = [n for n, (what, _) in bare.items() if what == "OK"]
        tap.point(len(passed) >= LEAST_TESTS, f"directly: at least {LEAST_TESTS} tests pass",
                  f"{len(passed)} of {len(bare)}")
        explained, others = lost(bare, runs.run(True))
        # On a busy machine a test of timing fails now and then, directly too.
        for _ in range(TRIES):
            if not others:
                break
            explained_now, others = lost({n: bare[n] for n in others},
                                         runs.run(True, ":".join(sorted(others))))
            for word, names in explained_now.items():
                explained.setdefault(word, []).extend(names)
        hidden = sum(len(names) for names in explained.values())
        print(f"# {len(bare)} tests; directly {len(passed)} pass, behind the filter "
              f"{len(passed) - hidden - len(others)}; {hidden} need a global that is hidden")
        tap.point(not others, "behind the filter the same tests pass but for hidden globals", others)
        for word, why in HIDDEN.items():
            names = explained.get(word, [])
            tap.point(names, f"hidden: {word} ({why}): {len(names)} tests",
                      "no test needs it: take it from the list")
        # A filter that lets less through than it should is noticed.
        few = "TextInputV3*"
        _, others = lost(runs.run(False, few), runs.run(True, few, ""))
        tap.point(others, "a filter without text input loses tests that nothing explains", others)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return tap.done()


sys.exit(main())
