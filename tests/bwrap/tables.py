#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tables beside this file: every option has lines in messages.txt, and every deliberate difference of known.ini
has a reason and stands in the manual.      tables.py SOURCE"""

import configparser
import os
import re
import shlex
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
sys.path.insert(0, HERE)
import messages  # noqa: E402
from tap import Tap  # noqa: E402

SOURCE = os.path.abspath(sys.argv[1])
tap = Tap()


def options_of_the_table():
    """bubblewrap's options, as src/bwrap/options.c has them; those that only ours has are left out."""
    with open(f"{SOURCE}/src/bwrap/options.c", encoding="utf-8") as f:
        rows = f.read().split('\n    {"--')[1:]
    return ["--" + row.split('"')[0] for row in rows if "OURS" not in row.split("},\n")[0]]


def every_option_has_messages():
    with open(messages.TABLE, encoding="utf-8") as f:
        table = messages.rows(f.read())
    assert len(table) > 380, len(table)
    words = {w for row in table for w in shlex.split(row["command"]) + messages.escaped(row["data"] or "").split("\0")}
    options = options_of_the_table()
    assert len(options) == 68, (len(options), options)
    missing = [o for o in options if o not in words]
    assert not missing, missing


def every_difference_has_a_reason_and_stands_in_the_manual():
    ini = configparser.ConfigParser(interpolation=None)
    with open(f"{HERE}/known.ini", encoding="utf-8") as f:
        ini.read_file(f)
    with open(f"{SOURCE}/doc/carrel-bwrap.1.scd", encoding="utf-8") as f:
        manual = " ".join(re.sub(r"[*_\\]", "", f.read()).split())
    for name in ini.sections():
        reason = " ".join(ini[name]["reason"].split())
        assert len(reason) > 20, name
        assert reason in manual, f"not in the manual: [{name}] {reason}"


tap.run(every_option_has_messages)
tap.run(every_difference_has_a_reason_and_stands_in_the_manual)
sys.exit(tap.done())
