#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds the house rules of ARCHITECTURE.md and CONTRIBUTING.md against the code.

    layers.py SOURCE [--installed FOLDER]

Each rule is a function that takes a source tree and yields the places that break it. Before the
real tree is judged each rule is shown a small tree that breaks it, so that a rule that finds
nothing because it looks at nothing fails.
"""
import os
import re
import stat
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Tap  # noqa: E402

MAX_FUNCTION, MAX_FILE = 80, 800

FORBIDDEN = {  # everywhere in src
    "a shell": r"system|popen|wordexp",
    "no bounds": r"strcpy|strcat|sprintf|vsprintf|gets|scanf|sscanf|fscanf|strtok|alloca",
    "a name that can be taken first": r"tmpnam|tempnam|mktemp|tmpfile",
    "looks along PATH": r"execvp|execlp|execvpe|posix_spawnp",
    "asks for privilege": r"setuid|seteuid|setgid|setegid",
}
HOST_CALLS = (r"open|openat|openat2|fopen|opendir|stat|lstat|fstat|fstatat|access|faccessat|"
              r"readlink|readlinkat|realpath|getenv|secure_getenv|execve|execv|fork|socket|"
              r"connect|syscall|gethostname|getuid|geteuid|getcwd|time|clock_gettime|uname")
HEAP = (r"malloc|calloc|realloc|reallocarray|free|strdup|strndup|asprintf|vasprintf|getenv|"
        r"secure_getenv|printf|fprintf|dprintf|puts|fputs|fopen|fdopen|glob|fnmatch|exit|atexit")
PER_ROOM = {  # what single rooms must never call, by the last column of the table
    "plan": HOST_CALLS, "policy": HOST_CALLS, "resolve": HOST_CALLS, "explain": HOST_CALLS,
    "core": HEAP,
}
EXCEPTIONS = {  # with the reason
    ("src/seccomp/with_filter.c", "execvp"),  # a tool of the tests, never installed
}
SPDX_ENDINGS = (".c", ".h", ".py", ".build", ".policy", ".sh", ".scd")


# ---- reading ----

def sources(root, folder="src", endings=(".c", ".h")):
    for top, folders, files in os.walk(os.path.join(root, folder)):
        folders[:] = sorted(f for f in folders if f != "__pycache__" and not f.startswith("build"))
        for name in sorted(files):
            if name.endswith(endings):
                yield os.path.relpath(os.path.join(top, name), root)


def text_of(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as f:
        return f.read()


def bare_code(text):
    """C without comments and without what strings hold; line breaks stay where they were."""
    def blank(match):
        found = match.group()
        if found[0] in "\"'":
            return found[0] * 2
        return re.sub(r"[^\n]", " ", found)
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.S)


def room_table(root):
    """{room: rooms whose headers it may include} as ARCHITECTURE.md says."""
    rows = re.findall(r"^\| ([a-z0-9]+) \|([a-z0-9 ]*)\|", text_of(root, "ARCHITECTURE.md"), re.M)
    rows = [(room, may.strip()) for room, may in rows if room != "room"]
    rooms = [room for room, _ in rows]
    table = {}
    for room, may in rows:
        if may.startswith("all but "):
            banned = may[len("all but "):].replace(" and ", " ").split()
            table[room] = set(rooms) - set(banned) - {room}
        else:
            table[room] = set(may.split())
    return table


def is_test(path):
    return os.path.basename(path).startswith(("test_", "fuzz_"))


# ---- rules ----

def rooms_and_folders(root):
    table = room_table(root)
    folders = {e.name for e in os.scandir(os.path.join(root, "src")) if e.is_dir()}
    yield from (f"src/{f}: no row in the table" for f in sorted(folders - set(table)))
    yield from (f"room {r}: no folder" for r in sorted(set(table) - folders))
    for room, may in table.items():
        yield from (f"room {room}: may include {m}, which is no room" for m in may - set(table))


def one_way(root):
    """The table itself must have no circle."""
    table, done = room_table(root), set()
    while len(done) < len(table):
        ready = {r for r, may in table.items() if r not in done and may & set(table) <= done}
        if not ready:
            yield f"a circle among {sorted(set(table) - done)}"
            return
        done |= ready


def includes(root):
    table = room_table(root)
    for path in sources(root):
        room = path.split(os.sep)[1]
        for number, line in enumerate(text_of(root, path).splitlines(), 1):
            found = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not found:
                continue
            other = found.group(1).split("/")[0] if "/" in found.group(1) else room
            if ".." in found.group(1):
                yield f"{path}:{number}: includes by way of .."
            elif other not in table and not is_test(path):
                yield f"{path}:{number}: {other} is no room"
            elif other in table and other != room and other not in table.get(room, ()):
                yield f"{path}:{number}: {room} may not include {other}"


def calls(pattern, code):
    """(line, name) of each call; not of members and not of longer names."""
    for found in re.finditer(rf"(?<![\w.>])({pattern})\s*\(", code):
        yield code.count("\n", 0, found.start()) + 1, found.group(1)


def forbidden_calls(root):
    for path in sources(root):
        code = bare_code(text_of(root, path))
        for why, pattern in FORBIDDEN.items():
            for line, name in calls(pattern, code):
                if (path, name) not in EXCEPTIONS:
                    yield f"{path}:{line}: {name}: {why}"
        if re.search(r"LD_PRELOAD", code):
            yield f"{path}: LD_PRELOAD"


def room_calls(root):
    for path in sources(root):
        room = path.split(os.sep)[1]
        if room not in PER_ROOM or is_test(path):
            continue
        for line, name in calls(PER_ROOM[room], bare_code(text_of(root, path))):
            yield f"{path}:{line}: {room} must not call {name}"


def long_functions(root):
    """clang-format puts the braces of a function, and of nothing else, alone in column 1."""
    for path in sources(root):
        start = None
        lines = text_of(root, path).splitlines()
        for number, line in enumerate(lines, 1):
            if line == "{":
                start = number
            elif line == "}" and start:
                if number - start + 1 > MAX_FUNCTION:
                    yield (f"{path}:{start - 1}: {number - start + 1} lines, over {MAX_FUNCTION}: "
                           f"{lines[start - 2].strip()}")
                start = None


def long_files(root):
    for path in sources(root):
        size = text_of(root, path).count("\n")
        if size > MAX_FILE and not os.path.basename(path).startswith("test_"):
            yield f"{path}: {size} lines, over {MAX_FILE}"


def licences(root):
    for folder in ("src", "tests", "policies", "bench", "doc", "data", "tools"):
        for path in sources(root, folder, SPDX_ENDINGS):
            parts = path.split(os.sep)
            if any(p in ("corpus", "golden", "fixtures", "cases") for p in parts[:-1]):
                continue
            head = text_of(root, path).split("\n", 3)[:3]
            if not any("SPDX-License-Identifier: LGPL-2.1-or-later" in line for line in head):
                yield f"{path}: no SPDX line among its first three"


def unfinished(root):
    for path in list(sources(root)) + list(sources(root, "tests", (".c", ".h", ".py"))):
        if os.path.basename(path) == "layers.py":
            continue  # it names the words
        for number, line in enumerate(text_of(root, path).splitlines(), 1):
            if re.search(r"\b(TODO|FIXME|XXX)\b", line):
                yield f"{path}:{number}: {line.strip()}"


def privileges_by_build(root):
    """No build file installs anything setuid or setgid."""
    for path in list(sources(root, ".", ("meson.build",))):
        for found in re.finditer(r"install_mode\s*:\s*\[?\s*'([^']*)'", text_of(root, path)):
            if "s" in found.group(1).lower():
                yield f"{path}: install_mode {found.group(1)}"


def privileges_installed(tree):
    for top, folders, files in os.walk(tree):
        for name in folders + files:
            path = os.path.join(top, name)
            mode = os.lstat(path).st_mode
            if not stat.S_ISLNK(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
                yield f"{path}: mode {stat.filemode(mode)}"
            if stat.S_ISREG(mode) and "security.capability" in os.listxattr(path):
                yield f"{path}: has file capabilities"


# ---- trees that break the rules ----

SPDX = "/* SPDX-License-Identifier: LGPL-2.1-or-later */\n"
TABLE = "| room | may include |\n| --- | --- |\n| low | | |\n| high | low | |\n| core | low | |\n"
BROKEN = [
    (rooms_and_folders, {"src/other/a.c": SPDX}),
    (rooms_and_folders, {"ARCHITECTURE.md": TABLE + "| gone | low | |\n"}),
    (one_way, {"ARCHITECTURE.md": "| a | b | |\n| b | a | |\n"}),
    (includes, {"src/low/a.c": '#include "high/a.h"\n'}),
    (includes, {"src/high/a.c": '#include "../low/a.h"\n'}),
    (includes, {"src/high/a.c": '#include "elsewhere/a.h"\n'}),
    (forbidden_calls, {"src/low/a.c": "int f(void) { return system(x); }\n"}),
    (forbidden_calls, {"src/low/a.c": "void f(void)\n{\n    sprintf (a, b);\n}\n"}),
    (room_calls, {"src/core/a.c": "void f(void) { free(p); }\n"}),
    (long_functions, {"src/low/a.c": "int f(void)\n{\n" + "    g();\n" * 80 + "}\n"}),
    (long_files, {"src/low/a.c": "\n" * 801}),
    (licences, {"src/low/a.c": "int x;\n"}),
    (licences, {"tests/a.py": "print()\n"}),
    (unfinished, {"src/low/a.c": "/* FIX" + "ME */\n"}),
    (privileges_by_build, {"src/meson.build": "executable('x', install_mode: 'rwsr-xr-x')\n"}),
]
SOUND = {
    "ARCHITECTURE.md": TABLE,
    "src/low/a.c": SPDX + '#include "low/a.h"\n/* system(3), XX */\nint f(struct s *p)\n{\n'
                          '    return p->open(1) + g("sprintf(x)") + my_system(2);\n}\n',
    "src/high/a.c": SPDX + '#include "low/a.h"\n#include "a.h"\n',
    "src/core/a.c": SPDX, "tests/a.py": "# SPDX-License-Identifier: LGPL-2.1-or-later\n",
}
RULES = [rooms_and_folders, one_way, includes, forbidden_calls, room_calls, long_functions,
         long_files, licences, unfinished, privileges_by_build]


def tree(folder, files):
    for path, text in {**SOUND, **files}.items():
        path = os.path.join(folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
    return folder


def rules_can_fail():
    with tempfile.TemporaryDirectory() as folder:
        tree(folder, {})
        for rule in RULES:
            found = list(rule(folder))
            assert not found, f"{rule.__name__} finds fault with a sound tree: {found}"
    for rule, files in BROKEN:
        with tempfile.TemporaryDirectory() as folder:
            assert list(rule(tree(folder, files))), f"{rule.__name__} does not see {files}"
    assert {rule for rule, _ in BROKEN} == set(RULES), "a rule without a tree that breaks it"


def setuid_can_be_seen():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x")
        with open(path, "w", encoding="utf-8"):
            pass
        assert not list(privileges_installed(folder))
        os.chmod(path, 0o4755)
        assert list(privileges_installed(folder)), "a setuid file is not seen"


def main():
    root = sys.argv[1]
    tap = Tap()

    def holds(rule, where):
        def test():
            found = list(rule(where))
            assert not found, "\n".join(found)
        tap.run(test, rule.__name__)
    tap.run(rules_can_fail)
    for rule in RULES:
        holds(rule, root)
    if "--installed" in sys.argv:
        tap.run(setuid_can_be_seen)
        holds(privileges_installed, sys.argv[sys.argv.index("--installed") + 1])
    return tap.done()


sys.exit(main())
