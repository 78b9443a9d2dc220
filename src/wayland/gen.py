#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the tables of the Wayland filter from the protocols' own descriptions.

usage: gen.py GLOBALS.ROWS OUT.h OUT.c XML-OR-FOLDER...

Only the interfaces that an app can come to by the globals of the rows get into the tables, and of
two descriptions of one interface the one with the higher version. The form of the descriptions is
that of libwayland's wayland-scanner (doc/publican/sources/Protocol.xml, wayland.dtd).
"""
import pathlib
import sys
import xml.etree.ElementTree as ET

ALWAYS_READ = ("wl_display", "wl_registry", "wl_callback")
MAX_ARGS = 20  # WAY_MAX_ARGS in wire.h
NO_INTERFACE = 255  # one that no object of the app can have


def rows(path):
    """[(interface, power)] of the rows."""
    for number, line in enumerate(pathlib.Path(path).read_text(encoding="utf-8").splitlines(), 1):
        words = line.split("#")[0].split(None, 2)
        if not words:
            continue
        if len(words) != 3 or not (words[1] == "always" or words[1][0] in "+-"):
            sys.exit(f"{path}:{number}: not INTERFACE always|-WORD|+WORD MEANING")
        yield words[0], words[1]


def descriptions(paths):
    """{name: element} of all interfaces."""
    found = {}
    for path in map(pathlib.Path, paths):
        for file in sorted(path.rglob("*.xml")) if path.is_dir() else [path]:
            for element in ET.parse(file).getroot().iter("interface"):
                name, version = element.get("name"), int(element.get("version"))
                if name not in found or int(found[name].get("version")) < version:
                    found[name] = element
    return found


def arguments(message):
    """[(letter, interface)]; the letters are those of libwayland's signatures, but for `N`: a new
    object whose interface and version go before it on the wire."""
    letters = {"int": "i", "uint": "u", "fixed": "f", "string": "s", "object": "o", "new_id": "n",
               "array": "a", "fd": "h"}
    for arg in message.iter("arg"):
        letter, interface = letters[arg.get("type")], arg.get("interface")
        if letter in "so" and arg.get("allow-null") == "true":
            letter = letter.upper()
        if letter == "n" and not interface:
            letter = "N"
        yield letter, interface


def closure(found, roots):
    """The names of the interfaces to which an object of these leads, roots first."""
    names = [r for r in roots if r in found]
    for name in names:
        for message in list(found[name].iter("request")) + list(found[name].iter("event")):
            for letter, interface in arguments(message):
                # Of an interface of which no object can be made none can be named either.
                if letter == "n" and interface in found and interface not in names:
                    names.append(interface)
    return names


def messages(out, element, kind, index):
    """Writes the messages of one kind; returns how many."""
    found = list(element.iter(kind))
    if not found:
        return 0
    name, lines = element.get("name"), []
    for n, message in enumerate(found):
        args = list(arguments(message))
        if len(args) > MAX_ARGS:
            sys.exit(f"gen.py: {name}.{message.get('name')} has more than {MAX_ARGS} arguments")
        types = ", ".join(str(index.get(i, NO_INTERFACE) if i else 0) for _, i in args)
        if types:
            out.append(f"static const unsigned char {name}_{kind}{n}[] = {{{types}}};")
        lines.append(f'    {{"{message.get("name")}", "{"".join(a for a, _ in args)}", '
                     f'{f"{name}_{kind}{n}" if types else "NULL"}, {message.get("since", 1)}, '
                     f'{int(message.get("type") == "destructor")}}},')
    out += [f"static const struct way_message {name}_{kind}s[] = {{", *lines, "};"]
    return len(found)


def tables(found, names, allowed):
    index = {name: n for n, name in enumerate(names, 1)}  # 0: any
    out, interfaces = [], []
    for name in names:
        element = found[name]
        counts = {k: messages(out, element, k, index) for k in ("request", "event")}
        lists = [f"{name}_{k}s" if n else "NULL" for k, n in counts.items()]
        interfaces.append(f'    {{"{name}", {element.get("version")}, {counts["request"]}, '
                          f'{counts["event"]}, {lists[0]}, {lists[1]}}},')
    out += ["const struct way_interface way_interfaces[WAY_INTERFACES] = {",
            '    {"", 0, 0, 0, NULL, NULL},', *interfaces, "};"]
    out.append("const struct way_global way_globals[WAY_GLOBALS] = {")
    for name, power in allowed:
        word = power.lstrip("+-").replace("-", "_").upper()
        out.append(f"    {{{index[name]}, {'0' if power == 'always' else f'WAY_{word}'}}},")
    out.append("};")
    return index, out


def header(found, index, n_globals):
    out = ["enum {"]
    out += [f"    WAY_{name.upper()} = {n}," for name, n in index.items()]
    out += [f"    WAY_INTERFACES = {len(index) + 1},", f"    WAY_GLOBALS = {n_globals},", "};", "enum {"]
    for name in index:
        for kind in ("request", "event"):
            for n, message in enumerate(found[name].iter(kind)):
                out.append(f"    WAY_{name.upper()}_{kind.upper()}_{message.get('name').upper()} = {n},")
    return out + ["};"]


def main(rows_path, out_h, out_c, *paths):
    found = descriptions(paths)
    missing = [r for r in ALWAYS_READ + ("wl_compositor", "xdg_wm_base") if r not in found]
    if missing:
        sys.exit(f"gen.py: no description of {', '.join(missing)}")
    allowed = [(name, power) for name, power in rows(rows_path) if name in found]
    names = closure(found, [*ALWAYS_READ, *(name for name, _ in allowed)])
    index, table = tables(found, names, allowed)
    if len(names) > 254:
        sys.exit("gen.py: more interfaces than a byte can number")
    note = ["/* Made by src/wayland/gen.py. */"]
    pathlib.Path(out_h).write_text("\n".join(note + header(found, index, len(allowed))) + "\n",
                                   encoding="utf-8")
    pathlib.Path(out_c).write_text("\n".join(
        note + ['#include "wayland/protocol.h"', "#include <stddef.h>"] + table) + "\n",
        encoding="utf-8")


main(*sys.argv[1:])
