#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes DIR/names/NAME -> ../ID.policy for each name in a policy's `names=`.

So that a look-up of "firefox" opens one path and scans nothing. Run by `meson install` for
the installed folder, and with a folder as argument for any other.

    names.py DIR [SHIPPED.policy...]

With the list of what is shipped, another policy in DIR that claims one of their names is what an
older version has left there (it has a new id now): it is put aside as ID.policy.old.
"""
import os
import re
import sys

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*\Z")


def names_of(path):
    """The names= of the [Carrel Application] group."""
    group = ""
    with open(path, encoding="utf-8") as f:
        for line in f:
            line = line.strip()
            if line.startswith("["):
                group = line
            key, equals, value = line.partition("=")
            if group == "[Carrel Application]" and equals and key.strip() == "names":
                return [n for n in value.strip().split(";") if n]
    return []


def collect(folder, shipped):
    """{name: file}, refusing what is no plain name and what two policies claim."""
    owner = {}
    for file in sorted(os.listdir(folder), key=lambda f: (f not in shipped, f)):
        if not file.endswith(".policy"):
            continue
        names = names_of(os.path.join(folder, file))
        if shipped and file not in shipped and not owner.keys().isdisjoint(names):
            os.rename(os.path.join(folder, file), os.path.join(folder, file + ".old"))
            print(f"{file}: an older version's, put aside as {file}.old")
            continue
        for name in names:
            if not NAME.match(name):
                sys.exit(f"{file}: names=: {name!r} is no name of a program")
            if name in owner:
                sys.exit(f"{file}: names=: {name!r} already belongs to {owner[name]}")
            owner[name] = file
    return owner


def main():
    folder = sys.argv[1]
    if not os.path.isabs(folder) or "MESON_INSTALL_DESTDIR_PREFIX" in os.environ:
        folder = os.path.join(os.environ.get("MESON_INSTALL_DESTDIR_PREFIX", "."), folder)
    names = os.path.join(folder, "names")
    os.makedirs(names, exist_ok=True)
    wanted = collect(folder, {os.path.basename(f) for f in sys.argv[2:]})
    for old in os.listdir(names):
        if os.path.islink(os.path.join(names, old)) and old not in wanted:
            os.unlink(os.path.join(names, old))
    for name, file in wanted.items():
        link, target = os.path.join(names, name), f"../{file}"
        if os.path.islink(link):
            if os.readlink(link) == target:
                continue
            os.unlink(link)
        os.symlink(target, link)


main()
