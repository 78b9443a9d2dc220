#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts TAP points.

    count.py RESULTS meson LABEL TESTLOG.json    from `meson test`
    count.py RESULTS tap LABEL OUTPUT STATUS     from one program's saved output and exit status
    count.py RESULTS step LABEL STATUS           one point for a command that speaks no TAP
    count.py RESULTS total                       prints the sums; exit status 1 on any failure

RESULTS gathers one JSON line per test program. What is no sound TAP (no plan, a wrong count, a
status that the points do not explain) counts as a failure, so that a crash is never a pass.
"""
import json
import os
import re
import sys


def tap(text, status):
    """(passed, failures, skipped) of one program; failures are names."""
    passed, skipped, failures, plan, points = 0, 0, [], None, 0
    for line in text.splitlines():
        found = re.match(r"1\.\.(\d+)", line)
        if found:
            plan = int(found.group(1))
            skipped += plan == 0  # the whole program
        if re.match(r"Bail out!", line):
            failures.append(line)
        found = re.match(r"(not )?ok\b\s*\d*\s*(?:- )?(.*)", line)
        if not found:
            continue
        points += 1
        name, _, directive = found.group(2).partition(" # ")
        if found.group(1):
            failures.append(name)
        elif directive.upper().startswith("SKIP"):
            skipped += 1
        else:
            passed += 1
    if plan is None:
        failures.append("no plan: it ended too early")
    elif plan != points:
        failures.append(f"planned {plan} points, gave {points}")
    if status not in (0, None) and not failures:
        failures.append(f"exit status {status}, though no point failed")
    return passed, failures, skipped


def add(results, label, passed, failures, skipped):
    if skipped and os.environ.get("CARREL_MUST_WORK") == "1":
        failures, skipped = failures + [f"{skipped} skipped"], 0
    with open(results, "a", encoding="utf-8") as f:
        f.write(json.dumps([label, passed, failures, skipped]) + "\n")
    for failure in failures:
        print(f"FAILED: {label}: {failure}")


def add_meson(results, label, log):
    programs = 0
    with open(log, encoding="utf-8") as f:
        for line in f:
            test = json.loads(line)
            programs += 1
            name = f"{label}: {test['name']}"
            text = test.get("stdout") or ""
            if re.search(r"^(not )?ok\b|^1\.\.", text, re.M):
                passed, failures, skipped = tap(text, test.get("returncode"))
                if test["result"] in ("TIMEOUT", "INTERRUPT", "ERROR") and not failures:
                    failures.append(test["result"])
            elif test["result"] == "SKIP":
                passed, failures, skipped = 0, [], 1
            else:
                good = test["result"] in ("OK", "EXPECTEDFAIL")
                passed, failures, skipped = int(good), [] if good else [test["result"]], 0
            if failures:
                print((text + (test.get("stderr") or ""))[-6000:])
            add(results, name, passed, failures, skipped)
    if not programs:
        add(results, label, 0, ["no test ran"], 0)


def total(results):
    passed = failed = skipped = 0
    with open(results, encoding="utf-8") as f:
        for line in f:
            label, good, failures, left_out = json.loads(line)
            passed, failed, skipped = passed + good, failed + len(failures), skipped + left_out
            for failure in failures:
                print(f"FAILED: {label}: {failure}")
            if left_out:
                print(f"skipped: {left_out} in {label}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


def main():
    results, kind, *rest = sys.argv[1:]
    if kind == "meson":
        add_meson(results, *rest)
    elif kind == "tap":
        label, output, status = rest
        with open(output, encoding="utf-8", errors="replace") as f:
            add(results, label, *tap(f.read(), int(status)))
    elif kind == "step":
        label, status = rest
        add(results, label, int(status == "0"), [] if status == "0" else [f"exit status {status}"],
            0)
    elif kind == "total":
        return total(results)
    else:
        sys.exit(__doc__)
    return 0


sys.exit(main())
