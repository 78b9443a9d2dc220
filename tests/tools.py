#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The scripts around the product: the counter of TAP points must not take a crash for a pass, and
the names of the policies must lead to them.

    tools.py SOURCE CARREL"""

import configparser
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Tap  # noqa: E402

SOURCE, CARREL = (os.path.abspath(p) for p in sys.argv[1:3])
COUNT = os.path.join(SOURCE, "tools/count.py")
NAMES = os.path.join(SOURCE, "policies/names.py")


def python(*arguments, **more):
    environment = {k: v for k, v in os.environ.items()
                   if not k.startswith("MESON") and k != "CARREL_MUST_WORK"}
    environment.update(more)
    return subprocess.run([sys.executable, *arguments], text=True, capture_output=True,
                          check=False, timeout=60, env=environment)


def sums(kind, *items, **more):
    """(last line, exit status) after counting each item: TAP text and status, or meson tests."""
    with tempfile.TemporaryDirectory() as folder:
        results = os.path.join(folder, "results")
        path = os.path.join(folder, "input")
        for item in items:
            with open(path, "w", encoding="utf-8") as f:
                f.write(item[0] if kind == "tap" else "\n".join(map(json.dumps, item)))
            extra = (str(item[1]),) if kind == "tap" else ()
            done = python(COUNT, results, kind, "x", path, *extra, **more)
            assert done.returncode == 0, done.stderr
        done = python(COUNT, results, "total")
        return done.stdout.splitlines()[-1], done.returncode


def meson(stdout, result="OK", status=0):
    return {"name": "t", "stdout": stdout, "result": result, "returncode": status, "stderr": ""}


GOOD = "ok 1 - a\n# note\nok 2 - b # SKIP no tool\n1..2\n"


def test_points_are_counted():
    assert sums("tap", (GOOD, 0)) == ("1 passed, 0 failed, 1 skipped", 0)
    assert sums("tap", (GOOD, 0), (GOOD, 0)) == ("2 passed, 0 failed, 2 skipped", 0)
    assert sums("tap", ("ok 1 - a\nnot ok 2 - b\n1..2\n", 1)) == ("1 passed, 1 failed, 0 skipped", 1)


def test_what_is_no_sound_tap_is_a_failure():
    for text, status in (("", 0), ("", 139), ("ok 1 - a\n", 0), ("ok 1 - a\n1..2\n", 0),
                         ("ok 1 - a\n1..1\n", 139), ("1..1\nok 1 - a\nBail out! no\n", 0)):
        line, result = sums("tap", (text, status))
        assert result == 1 and ", 1 failed," in line, (text, status, line)


def test_no_point_at_all_is_a_failure():
    assert sums("tap", ("1..0\n", 0))[1] == 1
    assert sums("meson", [])[1] == 1


def test_meson_logs_are_counted():
    assert sums("meson", [meson(GOOD), meson("")]) == ("2 passed, 0 failed, 1 skipped", 0)
    assert sums("meson", [meson(GOOD), meson("", "FAIL", 1)])[1] == 1
    assert sums("meson", [meson("ok 1 - a\n", "ERROR", -11)])[1] == 1
    assert sums("meson", [meson("1..1\nok 1 - a\n", "TIMEOUT", 0)])[1] == 1
    assert sums("meson", [meson(GOOD), meson("", "SKIP", 77)])[0] == "1 passed, 0 failed, 2 skipped"
    assert sums("meson", [meson(GOOD), meson("1..0 # SKIP no tool\n", "SKIP")])[0] == \
        "1 passed, 0 failed, 2 skipped"
    must = {"CARREL_MUST_WORK": "1"}
    assert sums("meson", [meson(GOOD), meson("", "SKIP", 77)], **must) == ("1 passed, 2 failed, 0 skipped", 1)
    assert sums("meson", [meson("1..0 # SKIP no tool\n", "SKIP")], **must)[1] == 1


def names(policies):
    """({name: target}, exit status, complaint) that names.py makes of {file: names=}."""
    with tempfile.TemporaryDirectory() as folder:
        for file, value in policies.items():
            with open(os.path.join(folder, file), "w", encoding="utf-8") as f:
                f.write(f"[Context]\nnames=decoy;\n[Carrel Application]\nnames={value}\n")
        done = python(NAMES, folder)
        made = os.path.join(folder, "names")
        links = {n: os.readlink(os.path.join(made, n)) for n in os.listdir(made)} \
            if os.path.isdir(made) else {}
        for name in links:
            assert os.path.isfile(os.path.join(made, name)), f"{name} leads nowhere"
        return links, done.returncode, done.stderr


def test_names_lead_to_policies():
    links, status, _ = names({"a.b.policy": "one;two;", "c.d.policy": "three"})
    assert status == 0 and links == {"one": "../a.b.policy", "two": "../a.b.policy",
                                     "three": "../c.d.policy"}, links


def test_names_that_are_wrong_are_refused():
    for policies in ({"a.b.policy": "../x"}, {"a.b.policy": "x y"}, {"a.b.policy": ".hidden"},
                     {"a.b.policy": "x", "c.d.policy": "x"}):
        links, status, complaint = names(policies)
        assert status == 1 and complaint and not links, (policies, links, complaint)


def test_names_that_are_gone_are_removed():
    with tempfile.TemporaryDirectory() as folder:
        policy = os.path.join(folder, "a.b.policy")
        for value, wanted in (("one;two", {"one", "two"}), ("two", {"two"})):
            with open(policy, "w", encoding="utf-8") as f:
                f.write(f"[Carrel Application]\nnames={value}\n")
            assert python(NAMES, folder).returncode == 0
            assert set(os.listdir(os.path.join(folder, "names"))) == wanted


def test_an_older_tree_is_installed_over():
    """A policy that has a new id lies there under its old one, too."""
    with tempfile.TemporaryDirectory() as folder:
        for file, value in (("a.old.policy", "one;"), ("b.new.policy", "one;two"), ("c.own.policy", "three")):
            with open(os.path.join(folder, file), "w", encoding="utf-8") as f:
                f.write(f"[Carrel Application]\nnames={value}\n")
        assert python(NAMES, folder).returncode == 1, "without a list two claims are an error"
        for _ in range(2):
            done = python(NAMES, folder, "/somewhere/b.new.policy")
            assert done.returncode == 0, done.stderr
            made = os.path.join(folder, "names")
            assert {n: os.readlink(os.path.join(made, n)) for n in os.listdir(made)} == {
                "one": "../b.new.policy", "two": "../b.new.policy", "three": "../c.own.policy"}
            assert sorted(os.listdir(folder)) == ["a.old.policy.old", "b.new.policy", "c.own.policy", "names"]


def test_shipped_policies_have_names():
    for file in sorted(os.listdir(os.path.join(SOURCE, "policies"))):
        if file.endswith(".policy") and file not in ("base.policy", "unknown.policy"):
            with open(os.path.join(SOURCE, "policies", file), encoding="utf-8") as f:
                text = f.read()
            assert f"name={file[:-len('.policy')]}\n" in text, f"{file}: name= is another"
            assert "\nnames=" in text, f"{file}: no names="


def grants_written():
    """What each shipped policy grants beyond base.policy. Whoever widens one has to say so there too."""
    file = configparser.ConfigParser(interpolation=None, delimiters="=")
    file.optionxform = str
    with open(os.path.join(SOURCE, "tests/grants.ini"), encoding="utf-8") as f:
        file.read_file(f)
    return {name: dict(file[name]) for name in file.sections()}


GRANTS = grants_written()
NO_GRANTS = {"name", "command", "names", "package", "desktop", "no-window", "ends-with"}
TAKEN_AWAY = {("opengl", "no")}


def test_shipped_policies_grant_no_more_than_is_written_here():
    folder = os.path.join(SOURCE, "policies")
    shipped = {f[:-len(".policy")] for f in os.listdir(folder) if f.endswith(".policy")}
    assert shipped == set(GRANTS), f"{shipped ^ set(GRANTS)}"
    for name, wanted in GRANTS.items():
        file = configparser.ConfigParser(interpolation=None, delimiters="=")
        file.optionxform = str
        with open(os.path.join(folder, name + ".policy"), encoding="utf-8") as f:
            file.read_file(f)
        grants = {k: v for group in file.sections() for k, v in file[group].items()
                  if k not in NO_GRANTS and (k, v) not in TAKEN_AWAY}
        assert grants == wanted, f"{name}: {grants}"


def test_shipped_policies_have_no_faults():
    for name in GRANTS:
        done = subprocess.run([CARREL, "check", os.path.join(SOURCE, "policies", name + ".policy")],
                              text=True, capture_output=True, check=False, timeout=60)
        said = done.stdout + done.stderr
        assert done.returncode == 0 and "error:" not in said, said
        others = [line for line in said.splitlines()
                  if "warning:" in line and not re.search(r" sound=play\+record: ", line)]
        assert not others, said


def main():
    tap = Tap()
    for name, function in list(globals().items()):
        if name.startswith("test_"):
            tap.run(function)
    return tap.done()


sys.exit(main())
