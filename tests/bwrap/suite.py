#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""bubblewrap's own test suite and Debian's package tests, with our program in bubblewrap's place.

    suite.py PROGRAM --fetched FOLDER [--user NAME] [--only TEST]... [--verbose]

FOLDER comes from tests/bwrap/fetch. Run by root the tests get a /dev of their own; --user then says who runs them.
Each point of the suite is a point here. bubblewrap itself goes first, in the same place: what passes there must
pass with ours, and ours may skip only what bubblewrap skips."""

import argparse
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import place  # noqa: E402
from tap import Tap  # noqa: E402

SUITE = ["test-run.sh", "test-sandbox.py", "test-seccomp.py", "test-specifying-pidns.sh",
         "test-specifying-userns.sh"]
# How many points each has: a test that is cut short must not look complete.
POINTS = {"test-run.sh": 66, "test-sandbox.py": 68, "test-seccomp.py": 1, "test-specifying-pidns.sh": 1,
          "test-specifying-userns.sh": 1}
DEBIAN = ["basic", "dev", "net", "userns"]
NOT_FOR_ROOT = ["userns"]  # it looks for files of nobody's, which root's own never are


def points(text):
    """[(name, "ok" | "not ok" | "skip")] of a test's output; the names of equal points are numbered."""
    out, seen = [], {}
    for line in text.splitlines():
        found = re.match(r"(not )?ok\b\s*\d*\s*(?:- )?(.*)", line)
        if not found:
            continue
        name, hash_, directive = found.group(2).partition("# SKIP")
        state = "not ok" if found.group(1) else "skip" if hash_ else "ok"
        out.append(((name.strip() or directive.strip()), state))
    names = []
    for name, state in out:
        seen[name] = seen.get(name, 0) + 1
        names.append((f"{name} ({seen[name]})" if seen[name] > 1 else name, state))
    return names


class Run:
    def __init__(self, program, label, options, folder):
        self.label, self.folder, self.options = label, folder, options
        self.user = options.user
        self.source = os.path.join(options.fetched, "bubblewrap-0.12.0")
        self.program = program

    def environment(self):
        # For Debian's tests the program must be found as bwrap.
        path = os.path.join(self.folder, f"path-{self.label}")
        os.makedirs(path, exist_ok=True)
        link = os.path.join(path, "bwrap")
        if not os.path.lexists(link):
            os.symlink(self.program, link)
        return [f"PATH={path}:/usr/local/bin:/usr/bin:/bin", f"BWRAP={self.program}",
                f"G_TEST_SRCDIR={self.source}", f"G_TEST_BUILDDIR={self.options.fetched}/build",
                "BWRAP_MUST_WORK=1", "PYTHONDONTWRITEBYTECODE=1", "LANG=C.UTF-8", "TMPDIR=/var/tmp"]

    def run(self, test):
        """Its points, what else it said, and its exit status."""
        if test in DEBIAN:
            argv = ["perl", os.path.join(self.source, "debian/tests", test)]
        else:
            argv = ["/usr/bin/python3" if test.endswith(".py") else "bash", os.path.join(self.source, "tests", test)]
        command = [*place.as_user(self.user), "env", *self.environment(), "timeout", "300", *argv]
        done = subprocess.run(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, errors="replace", check=False)
        if self.options.verbose:
            sys.stderr.write(f"=== {self.label}: {test}\n{done.stdout}{done.stderr}")
        return points(done.stdout), done.stdout + done.stderr, done.returncode


def compare(tap, test, real, ours):
    """One point for each of bubblewrap's; returns how many both skip."""
    (expected, real_said, _), (found, said, status) = real, ours
    by_name = dict(found)
    skipped = 0
    if not expected:
        tap.point(False, f"{test}: bubblewrap itself runs", real_said[-3000:])
    for name, state in expected:
        mine = by_name.get(name, "missing")
        label = f"{test}: {name}"
        if state == "skip" and mine == "skip":
            print(f"# skipped for bubblewrap as for ours: {label}")
            skipped += 1
        elif state == "not ok":
            tap.point(False, label, f"bubblewrap itself fails here, ours says {mine}; {real_said[-3000:]}")
        else:
            tap.point(mine == "ok", label, f"bubblewrap {state}, ours {mine}")
    extra = [name for name, _ in found if name not in dict(expected)]
    good = status == 0 and not extra and len(found) == len(expected)
    tap.point(good, f"{test}: runs to its end", f"exit status {status}; {len(found)} points, bubblewrap "
              f"{len(expected)}; {extra}\n{said[-3000:]}")
    return skipped


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("program")
    p.add_argument("--fetched", required=True)
    p.add_argument("--user")
    p.add_argument("--only", action="append")
    p.add_argument("--verbose", action="store_true")
    o = p.parse_args()
    o.fetched, o.program = os.path.realpath(o.fetched), os.path.realpath(o.program)
    place.enter()
    tap = Tap()
    if os.getuid() == 0:
        place.drop_unseen(o.user)
    is_root = os.getuid() == 0 and not o.user
    with place.Folder(o.user) as folder:
        fuse = folder.mount_fuse()
        print(f"# a FUSE mount: {'yes' if fuse else 'no'}; /dev/log: {'yes' if os.path.exists('/dev/log') else 'no'}")
        ours = os.path.join(folder.path, "ours")
        shutil.copy(o.program, ours)
        os.chmod(ours, 0o755)
        real = Run(os.path.join(o.fetched, "newest/bwrap"), "real", o, folder.path)
        mine = Run(ours, "ours", o, folder.path)
        counted = skipped = 0
        for test in SUITE + DEBIAN:
            if o.only and test not in o.only or is_root and test in NOT_FOR_ROOT:
                continue
            # Side by side: most of the time the tests wait.
            with ThreadPoolExecutor(2) as both:
                reference, found = both.map(lambda run, name=test: run.run(name), (real, mine))
            skipped += compare(tap, test, reference, found)
            if test in POINTS:
                counted += len(reference[0])
                if len(reference[0]) != POINTS[test]:
                    tap.point(False, f"{test}: {POINTS[test]} points with bubblewrap", reference[1][-3000:])
        if not o.only:
            limit = 4 if is_root else 1
            tap.point(counted == sum(POINTS.values()), f"the suite has {sum(POINTS.values())} points", counted)
            # Root can read every folder: four points have nothing to try. Others may not mount a message queue
            # of the host's namespace: one.
            if skipped > limit:
                if os.getuid() == 0:
                    tap.skip(f"the suite skips no more than {limit} points", f"{skipped} are")
                else:
                    print(f"# {skipped} are skipped by the suite: no FUSE device or no /dev/log for this user")
            else:
                tap.point(True, f"the suite skips {skipped} points, for bubblewrap as for ours")
    return tap.done()


sys.exit(main())
