# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs test programs that speak TAP, some at a time, and counts their points as one program's.

Each gets its own process, so that each can take whatever is left below it for its own.
"""
import re
import signal
import subprocess
import sys
import tempfile
import time

import desk as desks

LIMIT = 900  # seconds for one program: far over what any of them takes


def take(tap, name, text, status):
    """Adds the points of a finished program. One that breaks off is a failure, never a pass."""
    plan, points, failed = None, 0, 0
    for line in text.splitlines():
        found = re.match(r"(not )?ok \d+ - (.*)", line)
        if found:
            points += 1
            failed += bool(found.group(1))
            tap.points += 1
            tap.failed += bool(found.group(1))
            print(f"{found.group(1) or ''}ok {tap.points} - {found.group(2)}")
        elif line.startswith("1.."):
            plan = int(line[3:])
        else:
            print(line)
    if plan is None or plan != points or (status != 0) != (failed > 0):
        tap.point(False, f"{name}: its tests come to an end", f"status {status}, planned {plan}, "
                  f"had {points}, of which {failed} failed; its last lines:\n{text[-2000:]}")
    sys.stdout.flush()


class Program:
    def __init__(self, name, argv):
        self.name, self.output = name, tempfile.TemporaryFile()
        self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.output,
                                      stderr=subprocess.STDOUT, start_new_session=True)
        self.end = time.monotonic() + LIMIT

    def done(self):
        if self.child.poll() is None and time.monotonic() > self.end:
            self.stop()
        return self.child.returncode is not None

    def stop(self):
        """It ends what it has started itself, as far as it still can."""
        below = desks.descendants(self.child.pid)
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(30)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        desks.end_processes(below)

    def text(self):
        self.output.seek(0)
        return self.output.read().decode("utf-8", "replace")


def run(tap, programs, jobs):
    """programs: list of (name, argv)."""
    waiting, running = list(programs), []
    try:
        while waiting or running:
            while waiting and len(running) < max(jobs, 1):
                running.append(Program(*waiting.pop(0)))
            for program in [p for p in running if p.done()]:
                running.remove(program)
                take(tap, program.name, program.text(), program.child.returncode)
            time.sleep(0.1)
    finally:
        for program in running:
            program.stop()
