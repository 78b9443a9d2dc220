#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the program says about a bad command line, word for word, and its exit code: callers match them.

    messages.py PROGRAM [--real BWRAP] [--user NAME] [--record]

The table is messages.txt beside this file; known.ini has the few lines that ours answers otherwise, on purpose. With
--real also bubblewrap is held against it, so that the table tells the truth; --record writes the table anew from PROGRAM's answers (for who runs it; review what changes).

    $ words of the command line, quoted as for a shell
    < what descriptor 9 holds, with \\0 and \\n        (without the line it is closed)
    ? user | root                                     (only for them)
    1 standard output                                 (a line each; none: nothing)
    2 standard error                                  (a line each; a `…` at the end: only the beginning)
    = exit code

@ is the folder that the command runs in; it holds a file `file`, a folder `dir` with a file `inner`, a link `link` to dir
and a link `dangling` to nowhere."""

import argparse
import configparser
import os
import pwd
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import Tap  # noqa: E402

KNOWN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "known.ini")
TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "messages.txt")
DATA = 9


def escaped(text):
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "0": "\0"}.get(m.group(1), m.group(1)), text)


def rows(text):
    out, comments = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("#"):
            comments.append(line)
            continue
        key, _, rest = line.partition(" ")
        if key == "$":
            out.append({"line": number, "command": rest, "data": None, "who": None, "1": [], "2": [], "code": None,
                        "above": comments})
            comments = []
        elif key == "<":
            out[-1]["data"] = rest
        elif key == "?":
            out[-1]["who"] = rest
        elif key in "12":
            out[-1][key].append(rest)
        elif key == "=":
            out[-1]["code"] = int(rest)
        else:
            sys.exit(f"{TABLE}:{number}: {line}")
    return out


class Place:
    def __init__(self, user):
        self.user = user
        self.path = tempfile.mkdtemp(dir="/var/tmp", prefix="carrel-bwrap-says.")

    def fill(self):
        """Fresh for each command: some make files."""
        for entry in os.scandir(self.path):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)
        at = self.path + "/"
        os.mkdir(at + "dir")
        for name in ("file", "dir/inner"):
            with open(at + name, "w", encoding="ascii") as f:
                f.write("content\n")
        os.symlink("dir", at + "link")
        os.symlink("nowhere", at + "dangling")
        if self.user:
            for path in (self.path, at + "dir", at + "dir/inner", at + "file"):
                os.chown(path, *self.user)

    def identity(self):
        return {"user": self.user[0], "group": self.user[1], "extra_groups": []} if self.user else {}

    def run(self, program, row):
        self.fill()
        words = [w.replace("@", self.path) for w in shlex.split(row["command"])]
        env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"}
        passed = []
        if row["data"] is not None:
            fd = os.memfd_create("data")
            os.write(fd, escaped(row["data"]).encode())
            os.lseek(fd, 0, os.SEEK_SET)
            os.dup2(fd, DATA)
            os.close(fd)
            passed = [DATA]
        out, err, code = finish(subprocess.Popen(
            [program, *words], cwd=self.path, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, pass_fds=passed, start_new_session=True, **self.identity()))
        if passed:
            os.close(DATA)

        def lines(raw):
            text = raw.decode(errors="backslashreplace").replace(self.path, "@").replace(program, "PROGRAM")
            return [line.rstrip() for line in text.splitlines()]  # the table has no blanks at the ends
        return lines(out), lines(err), code


def finish(process):
    """What it said, and its exit code; a command that hangs is ended with all that it started."""
    try:
        out, err = process.communicate(timeout=30)
        return out, err or b"", process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        return out, (err or b"") + b"HANGS\n", -1


def agrees(expected, found):
    if expected and expected[-1].endswith("…"):
        head = expected[:-1]
        return found[:len(head)] == head and len(found) > len(head) and \
            found[len(head)].startswith(expected[-1][:-1])
    return expected == found


def deliberate():
    """Our own answers to single command lines: {command: (lines on standard error, code)}."""
    ini = configparser.ConfigParser(interpolation=None)
    with open(KNOWN, encoding="utf-8") as f:
        ini.read_file(f)
    rows_ = [ini[name] for name in ini.sections() if "command" in ini[name]]
    return {row["command"]: (row["says"].splitlines(), int(row["code"])) for row in rows_}


def check(tap, label, place, program, row):
    out, err, code = place.run(program, row)
    good = agrees(row["1"], out) and agrees(row["2"], err) and code == row["code"]
    given = f"  < {row['data']}" if row["data"] is not None else ""
    tap.point(good, f"{label}{row['command'] or '(nothing)'}{given}".replace("#", "\\#"),
              "\n".join([f"messages.txt:{row['line']}", "expected:", *row["1"], *row["2"], f"exit {row['code']}",
                         "found:", *out, *err, f"exit {code}"]))


def record(place, program, table, me):
    text = []
    for row in table:
        if row["who"] in (None, me):
            out, err, code = place.run(program, row)
            for key, found in (("1", out), ("2", err)):
                if not agrees(row[key], found) or not row[key]:
                    row[key] = found
            row["code"] = code
        text += row["above"] + [f"$ {row['command']}"]
        if row["data"] is not None:
            text.append(f"< {row['data']}")
        if row["who"]:
            text.append(f"? {row['who']}")
        text += [f"{key} {line}" for key in "12" for line in row[key]] + [f"= {row['code']}"]
    with open(TABLE, "w", encoding="utf-8") as f:
        f.write("\n".join(text) + "\n")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("program")
    p.add_argument("--real")
    p.add_argument("--user")
    p.add_argument("--record", action="store_true")
    o = p.parse_args()
    with open(TABLE, encoding="utf-8") as f:
        table = rows(f.read())
    user = None
    if o.user and os.getuid() == 0:
        entry = pwd.getpwnam(o.user)
        user = (entry.pw_uid, entry.pw_gid)
    me = "root" if os.getuid() == 0 and not user else "user"
    place = Place(user)
    os.chmod(place.path, 0o755)
    tap = Tap()
    try:
        if o.record:
            record(place, os.path.realpath(o.program), table, me)
            return 0
        programs = [("", os.path.realpath(o.program))] + ([("bubblewrap: ", os.path.realpath(o.real))] if o.real else [])
        known = deliberate()
        for label, program in programs:
            for row in table:
                if not label and row["command"] in known:
                    row = dict(row)
                    row["2"], row["code"] = known[row["command"]]
                if row["who"] in (None, me):
                    check(tap, label, place, program, row)
    finally:
        shutil.rmtree(place.path, ignore_errors=True)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
