# SPDX-License-Identifier: LGPL-2.1-or-later
"""A TAP producer for system tests."""

import os
import signal
import sys
import traceback

MUST_WORK = os.environ.get("CARREL_MUST_WORK") == "1"

# Whoever started the tests may ignore a signal (nohup does), and so would all that the tests start.
for _sig in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
    if signal.getsignal(_sig) is signal.SIG_IGN:
        signal.signal(_sig, signal.SIG_DFL)


class Skip(Exception):
    """The host lacks something. In CI (CARREL_MUST_WORK=1) that is a failure."""


class Tap:
    def __init__(self):
        self.points = self.failed = 0

    def point(self, ok, name, detail=""):
        self.points += 1
        self.failed += not ok
        print(f"{'' if ok else 'not '}ok {self.points} - {name}")
        if not ok and detail:
            for line in str(detail).rstrip().splitlines():
                print(f"#   {line}")
        sys.stdout.flush()
        return ok

    def skip(self, name, why):
        if MUST_WORK:
            return self.point(False, name, f"may not be skipped here: {why}")
        self.points += 1
        print(f"ok {self.points} - {name} # SKIP {why}", flush=True)
        return True

    def run(self, function, name=None):
        """Runs a test function: an exception is a failed point, Skip a skipped one."""
        name = name or function.__name__.removeprefix("test_")
        try:
            function()
        except Skip as why:
            self.skip(name, why)
        except AssertionError as e:
            self.point(False, name, str(e) or traceback.format_exc())
        except Exception:  # noqa: BLE001 - any fault of a test is that test's failure
            self.point(False, name, traceback.format_exc())
        else:
            self.point(True, name)

    def done(self):
        print(f"1..{self.points}", flush=True)
        return 1 if self.failed or not self.points else 0
