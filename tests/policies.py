#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds the shipped policies to the rules of the house, as far as they concern Debian and people.

    policies.py SOURCE_ROOT

Each grant has a comment directly above it that says why; each policy names a package that this
Debian has, and where that is installed, its command and its .desktop file are there too. (That they
are read without complaint is for test_shipped.c.)
"""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Skip, Tap  # noqa: E402

GRANTS = {"[Context]", "[Session Bus Policy]", "[System Bus Policy]", "[Carrel Sandbox]",
          "[Carrel Display]", "[Carrel Bus]", "[Carrel Limits]", "[Carrel Ask]", "[Carrel Environment]", "[Environment]"}
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
MENUS = ("/usr/share/applications", "/usr/local/share/applications")


def entries(text):
    """(line number, group, key, value, whether a comment is directly above) of each key."""
    group = above = ""
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if line.startswith("["):
            group = line
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            yield number, group, key.strip(), value.strip(), above.startswith("#")
        above = line


def unexplained(text):
    return [f"line {number}: nothing above {key}={value} says why"
            for number, group, key, value, said in entries(text) if group in GRANTS and not said]


def value_of(text, group, key):
    return next((v for _, g, k, v, _ in entries(text) if g == group and k == key), None)


def incomplete(name, text):
    """What a policy of an app does not say of it."""
    wanted = [("[Application]", "name"), ("[Application]", "command"),
              ("[Carrel Application]", "names"), ("[Carrel Application]", "package")]
    if "has no .desktop file" not in text:
        wanted.append(("[Carrel Application]", "desktop"))
    faults = [f"{group} has no {key}=" for group, key in wanted if not value_of(text, group, key)]
    if value_of(text, "[Application]", "name") != name:
        faults.append("name= is not the file's")
    return faults


def known_packages(names):
    """Those of the names that apt knows as packages one could install."""
    done = subprocess.run(["apt-cache", "policy", "--", *names], text=True, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return set(re.findall(r"^(\S+):\n  Installed: \S+\n  Candidate: (?!\(none\))", done.stdout, re.M))


def installed(package):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", package], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return done.stdout == "installed"


def misplaced(text):
    """The command and .desktop file of an installed package that are not there."""
    command = value_of(text, "[Application]", "command")
    menu = value_of(text, "[Carrel Application]", "desktop")
    if not shutil.which(command, path=PATH):
        yield f"there is no program {command}"
    if menu and not any(os.path.exists(os.path.join(d, menu)) for d in MENUS):
        yield f"there is no {menu}"


def controls():
    assert unexplained("[Context]\n# Why.\n\nshared=network;\n")
    assert not unexplained("[Context]\n# Why.\nshared=network;\n[Application]\nname=a.b\n")
    assert incomplete("a.b", "[Application]\nname=a.c\n") and not incomplete(
        "a.b", "[Application]\nname=a.b\ncommand=b\n[Carrel Application]\nnames=b;\npackage=b\n"
        "desktop=b.desktop\n")
    assert list(misplaced("[Application]\ncommand=no-such-program\n[Carrel Application]\n"
                          "desktop=no-such.desktop\n"))


def main():
    folder = os.path.join(sys.argv[1], "policies")
    texts = {}
    for file in sorted(os.listdir(folder)):
        if file.endswith(".policy"):
            with open(os.path.join(folder, file), encoding="utf-8") as f:
                texts[file.removesuffix(".policy")] = f.read()
    apps = {name: text for name, text in texts.items() if name not in ("base", "unknown")}
    tap = Tap()

    def none(name, faults):
        def function():
            found = [f"{app}.policy: {fault}" for app, fault in faults]
            assert not found, "\n".join(found)
        tap.run(function, name)

    def every_package_exists():
        names = {app: value_of(text, "[Carrel Application]", "package")
                 for app, text in apps.items()}
        if not shutil.which("apt-cache") or "libc6" not in known_packages(["libc6"]):
            raise Skip("no apt, or it has no lists")
        assert not known_packages(["no-such-package"]), "apt-cache knows everything"
        missing = set(names.values()) - known_packages(sorted(set(names.values())))
        assert not missing, f"no such packages: {', '.join(sorted(missing))}"

    tap.run(controls, "faults are found")
    none("every grant is explained", [(n, f) for n, t in texts.items() for f in unexplained(t)])
    none("every policy says what it is for", [(n, f) for n, t in apps.items()
                                              for f in incomplete(n, t)])
    tap.run(every_package_exists)
    none("installed apps are where their policies say",
         [(n, f) for n, t in apps.items()
          if installed(value_of(t, "[Carrel Application]", "package") or "-")
          for f in misplaced(t)])
    return tap.done()


sys.exit(main())
