# SPDX-License-Identifier: LGPL-2.1-or-later
"""What came of the suite: a line for each app, kept as NAME.json beside its pictures, so that runs
of some apps at a time add up to one table."""
import json
import os
import re
import time

HERE = os.path.dirname(os.path.abspath(__file__))
HEAD = ("app", "package", "policy", "bare", "confined", "apart", "window s", "ratio", "date",
        "what is lost, and why")
LEGEND = """bare, confined: what came of all its steps; "differs" when both went well and yet not alike.
apart: the largest difference between two pictures of it (root mean square, 0 … 1; a blinking cursor is about
0.01). window s: seconds to its first window, bare and confined, and their ratio; a look every tenth of a second
beside other work, so coarse, and the bare start comes first and warms the caches. bench/windows.py measures.
"""


def package(app):
    path = os.path.join(HERE, "../../policies", app.app_id + ".policy")
    with open(path, encoding="utf-8") as f:
        return re.search(r"^package=(\S+)$", f.read(), re.M)[1]


def keep(folder, app, visits, faults, apart_faults, apart):
    """faults: how many points failed, by confined or not; apart_faults: those of the comparison."""
    took = [visits[confined].took for confined in (False, True)]
    confined = "FAILS" if faults[True] else "differs" if apart_faults else "works"
    row = {"app": app.name, "package": package(app), "policy": app.app_id,
           "bare": "FAILS" if faults[False] else "works", "confined": confined,
           "apart": "-" if apart is None else f"{apart:.4f}",
           "window s": " / ".join(f"{t:.1f}" if t else "-" for t in took),
           "ratio": f"{took[1] / took[0]:.2f}" if all(took) else "-",
           "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
           "what is lost, and why": app.lost}
    with open(os.path.join(folder, app.name + ".json"), "w", encoding="utf-8") as f:
        json.dump(row, f)


def rows(folder):
    """{app: its row} of all apps that left one in this folder."""
    found = {}
    for name in os.listdir(folder):
        if name.endswith(".json"):
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                row = json.load(f)
            found[row["app"]] = [row[column] for column in HEAD]
    return found


def lines(table):
    widths = [max(len(row[i]) for row in table) for i in range(len(HEAD))]
    for row in table:
        yield "| " + " | ".join(w.ljust(n) for w, n in zip(row, widths)).rstrip() + " |"


def show(folder, chosen, order):
    """Prints the lines of the chosen apps; writes all that the folder knows to table.md."""
    known = rows(folder)
    for line in lines([HEAD, *(known[n] for n in order if n in known and n in chosen)]):
        print("# " + line)
    table = list(lines([HEAD, ["-" * 3] * len(HEAD), *(known[n] for n in order if n in known)]))
    works = sum(row[3:5] == ["works", "works"] for row in known.values())
    with open(os.path.join(folder, "table.md"), "w", encoding="utf-8") as f:
        f.write("# Real programs, bare and confined\n\n" + LEGEND + "\n" + "\n".join(table)
                + f"\n\n{works} of {len(known)} work bare and confined alike.\n")
