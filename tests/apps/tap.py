# SPDX-License-Identifier: LGPL-2.1-or-later
"""The smallest TAP producer that does, for tests that drive whole programs.

A point is a `with` block: an AssertionError fails it, Skip skips it (a failure when
CARREL_MUST_WORK=1), any other exception fails it too and shows where it came from.
"""
import os
import sys
import traceback


class Skip(Exception):
    """Raised where a tool or a kernel feature is missing."""


class Tap:
    def __init__(self, out=sys.stdout):
        self.out = out
        self.points = self.failed = self.skipped = 0
        self.must_work = os.environ.get("CARREL_MUST_WORK") == "1"

    def note(self, text):
        for line in str(text).splitlines():
            print("#", line, file=self.out)
        self.out.flush()

    def _emit(self, ok, name, tail=""):
        self.points += 1
        self.failed += not ok
        print(f"{'' if ok else 'not '}ok {self.points} - {name}{tail}", file=self.out)
        self.out.flush()

    def point(self, name):
        return _Point(self, name)

    def done(self):
        print(f"1..{self.points}", file=self.out)
        self.out.flush()
        return 1 if self.failed or not self.points else 0


class _Point:
    def __init__(self, tap, name):
        self.tap, self.name = tap, name
        self.ok = None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None and not issubclass(kind, Exception):
            return False  # KeyboardInterrupt and the like end the run
        if kind is None:
            self.tap._emit(True, self.name)
        elif issubclass(kind, Skip) and not self.tap.must_work:
            self.tap.skipped += 1
            self.tap._emit(True, self.name, f" # SKIP {value}")
        else:
            if issubclass(kind, (AssertionError, Skip)):
                self.tap.note(value)
            else:
                self.tap.note("".join(traceback.format_exception(kind, value, trace)))
            self.tap._emit(False, self.name)
        self.ok = kind is None
        return True
