#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random option lists through bubblewrap and a program in its place: what the command sees inside must be the same.

    differ.py PROGRAM --real BWRAP --probe PROBE [--seed N] [--count N] [--user NAME] [--list N] [--verbose]

Each list is one point. Compared are the mounts as a set with their options, the files made and their modes, ids,
capabilities, environment, working folder, descriptors, signals, limits, namespaces, network, the exit code, what the
status descriptors say and what is left on the host; and for a list that cannot work, what is said about it.
Deliberate differences stand in known.ini with their reason. --list N runs one list and shows everything."""

import argparse
import configparser
import json
import os
import pwd
import re
import select
import shlex
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lists  # noqa: E402
import place  # noqa: E402
from tap import Tap  # noqa: E402

KNOWN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "known.ini")
PROC_FD, EXTRA_FD = 20, 50
# Classic BPF: allow all; getcpu (x86-64's 309, arm64's 168) fails with EPERM.
ALLOW = bytes.fromhex("06000000" "0000ff7f")
GETCPU = bytes.fromhex("20000000" "00000000" "15000100" "35010000" "15000001" "a8000000" "06000000" "01000500"
                       "06000000" "0000ff7f")


class Run:
    """One list with one program."""

    def __init__(self, program, options, folder, probe):
        self.program, self.options, self.folder = program, options, folder
        self.probe = probe

    def expand(self, words):
        return [w.replace("@PROBE", self.probe).replace("@", self.folder) for w in words]

    def descriptors(self):
        """Opens all that a list may name, under its number; returns the ends to read from."""
        ends = {}
        for number, content in lists.DATA.items():
            self.put(memory(content), number)
        for number, kind in lists.FILTERS.items():
            self.put(memory(ALLOW if kind == "allow" else GETCPU), number)
        for number, path in lists.FOLDERS.items():
            self.put(os.open(path.replace("@", self.folder), os.O_PATH | os.O_CLOEXEC), number)
        for number, kind in lists.STATUS.items():
            reader, writer = os.pipe()
            if kind == "block":
                os.write(writer, b"go")
                os.close(writer)
                self.put(reader, number)
            else:
                self.put(writer, number)
                ends[kind] = reader
        self.put(os.open("/proc", os.O_RDONLY | os.O_DIRECTORY), PROC_FD)
        self.put(os.open(f"{self.folder}/src/file", os.O_RDONLY), EXTRA_FD)
        return ends

    @staticmethod
    def put(fd, number):
        os.dup2(fd, number)
        os.close(fd)

    def go(self, words, command):
        lists.fill(self.folder, self.options.owner)
        ends = self.descriptors()
        numbers = [*lists.DATA, *lists.FILTERS, *lists.FOLDERS, *lists.STATUS, PROC_FD, EXTRA_FD]
        argv = [self.program, *self.expand(words), *command]
        env = {"PATH": "/usr/bin:/bin", "HOME": "/usr/lib", "KEEP": "kept"}
        identity = {}
        if self.options.owner:
            identity = {"user": self.options.owner[0], "group": self.options.owner[1], "extra_groups": []}
        process = subprocess.Popen(argv, env=env, cwd=f"{self.folder}/rw", stdin=subprocess.DEVNULL, umask=0o027,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=numbers,
                                   restore_signals=False, start_new_session=True, **identity)
        for number in numbers:
            os.close(number)
        try:
            out, err = process.communicate(timeout=60)
            code = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            code = "hangs"
        said = {}
        for kind, end in ends.items():
            said[kind] = read_to_end(end)
            os.close(end)
        return self.facts(code, out.decode(), err.decode(errors="replace"), said)

    def facts(self, code, out, err, said):
        """Sorted lines that can be compared."""
        own = {name: os.readlink(f"/proc/self/ns/{name}") for name in ("user", "mnt", "pid", "ipc", "uts", "net", "cgroup")}
        inside, found = {}, []
        for line in out.splitlines():
            key, _, value = line.partition(" ")
            if key.startswith("ns-"):
                inside[key[3:]] = re.sub(r"\D", "", value)
                value = "host's" if unescaped(value) == own[key[3:]] else "own"
            elif key == "mount":
                value = mount_of(value)
            elif key == "fd":
                value = re.sub(r"(pipe|socket|anon_inode):\[\d+\]", r"\1", value)
                value = re.sub(r"/proc/\d+/", "/proc/N/", value)
            elif key == "NSpid":
                ids = unescaped(value).split()
                value = f"{len(ids)} levels{', ' + ids[-1] if len(ids) > 1 else ''}"
            found.append(f"{key} {value}")
        found += [f"status-{kind} {line}" for kind, raw in said.items() if kind != "sync"
                  for line in status_of(raw, inside)]
        if code not in (0, 3, 255) and not out:
            found += [f"says {line}" for line in err.splitlines() if not line.startswith("HINT")]
        elif err:
            found += [f"warns {line}" for line in err.splitlines()]
        found.append(f"exit {code}")
        found += [f"host {line}" for line in left_on_host(self.folder)]
        return sorted(found)


def read_to_end(fd):
    """What is in a pipe whose writers should all be gone."""
    content = b""
    while select.select([fd], [], [], 5)[0]:
        more = os.read(fd, 65536)
        if not more:
            return content
        content += more
    return content + b"(still open)"


def memory(content):
    fd = os.memfd_create("data")
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def unescaped(text):
    return re.sub(r"\\x(..)", lambda m: chr(int(m.group(1), 16)), text)


def mount_of(line):
    """Where, what of which file system, how; nothing that only tells how the root was put together."""
    fields, _, rest = unescaped(line).partition(" - ")
    _, _, device, root, point, options, *optional = fields.split(" ")
    kind, source, super_options = rest.split(" ")[:3]
    spread = " ".join(sorted(o.split(":")[0] for o in optional))
    if kind == "tmpfs":
        root = re.sub(r"^/newroot(?=/|$)", "", root) or "/"
        root = re.sub(r"bindfile\w+|^/[^/]*(?=//deleted)", "DATA", root)
    keep = []
    if kind == "tmpfs":
        # The folder's mode is told by itself.
        keep = [o for o in super_options.split(",") if o.split("=")[0] in ("size", "ro")]
        device = source = ""
    elif kind == "overlay":
        layers = re.findall(r"(?:lowerdir\+?|upperdir|workdir)=([^,]*)", super_options)
        keep = [str(sum(len(x.split(":")) for x in layers))] + [o for o in super_options.split(",") if o in ("ro", "userxattr")]
        device = source = ""
    elif kind in ("proc", "devpts", "mqueue"):
        keep = [o for o in super_options.split(",") if o.split("=")[0] in ("ptmxmode", "mode", "hidepid", "subset", "gid", "ro")]
        device = source = ""
    return f"{point} {kind} {device} {root} {source} {','.join(sorted(options.split(',')))} {spread} {','.join(keep)}"


def status_of(raw, inside):
    """The JSON on a status descriptor; ids that differ from run to run are told as right or wrong."""
    out = []
    decoder, text = json.JSONDecoder(), raw.decode(errors="replace").strip()
    while text:
        try:
            value, end = decoder.raw_decode(text)
        except ValueError:
            return out + [f"no JSON: {text!r}"]
        for key, v in value.items():
            if key == "child-pid":
                v = "a number" if isinstance(v, int) and v > 1 else v
            elif key.endswith("-namespace"):
                # Without an answer from inside there is nothing to hold it against.
                right = inside.get(key[:3] if key.startswith(("mnt", "pid", "ipc", "uts", "net")) else "cgroup")
                v = "right" if right is None or str(v) == right else f"{v}, but inside {right}"
            out.append(f"{key} {v}")
        text = text[end:].strip()
    return out


def left_on_host(folder):
    out = []
    for base, names, files in os.walk(folder):
        for name in names + files:
            path = os.path.join(base, name)
            st = os.lstat(path)
            text = ""
            if os.path.islink(path):
                text = os.readlink(path)
            elif os.path.isfile(path):
                with open(path, "rb") as f:
                    text = f.read(200)
            out.append(f"{path[len(folder):]} {st.st_mode:o} {st.st_uid}:{st.st_gid} {text!r}")
    return out


class Known:
    """Deliberate differences, see known.ini."""

    def __init__(self, path):
        ini = configparser.ConfigParser(interpolation=None)
        with open(path, encoding="utf-8") as f:
            ini.read_file(f)
        self.rows, self.same, self.used = {}, {}, {}
        for name in ini.sections():
            row = ini[name]
            if row.get("fact"):
                facts = [re.compile(x) for x in row["fact"].strip().splitlines()]
                self.rows[name] = (facts, re.compile(row.get("with", "")), re.compile(row.get("when", ""), re.M))
            if row.get("cleaned"):
                self.same[name] = lambda line: clean(line) if line.startswith("says ") else line
            if row.get("without"):
                self.same[name] = lambda line, x=re.compile(row["without"]): x.sub("", line)

    def use(self, name, n=1):
        self.used[name] = self.used.get(name, 0) + n

    def remaining(self, difference, words, told):
        """What no entry explains; told is all that both said."""
        text, out = " ".join(words), []
        for line in [x for x in difference if x.startswith("- ")]:
            for name, changed in self.same.items():
                twin = "+ " + changed(line[2:])
                if twin in difference:
                    difference = [*difference]
                    difference.remove(line)
                    difference.remove(twin)
                    self.use(name)
                    break
        for line in difference:
            names = [n for n, (facts, with_, when) in self.rows.items()
                     if with_.search(text) and when.search(told) and any(f.search(line) for f in facts)]
            for name in names[:1]:
                self.use(name)
            if not names:
                out.append(line)
        return out


def clean(line):
    """A message with its destination as ours shows it."""
    def path(found):
        return re.sub(r"//+", "/", os.path.normpath("/" + found.group(2)))
    return re.sub(r"(?<= )((?:on |for |at |file |open |readonly on |chmod \d+ |not a file |not a directory ))?"
                  r"((?:/|x\b|tmp/)[^:\n]*?)(?= on |:|$)", lambda m: (m.group(1) or "") + path(m), line)


def host_devices():
    """The host's tmpfs and devtmpfs, for the probe to leave alone."""
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        points = [unescaped(re.sub(r"\\(\d{3})", lambda m: f"\\x{int(m.group(1), 8):02x}", line.split()[4]))
                  for line in f if " - tmpfs " in line or " - devtmpfs " in line]
    found = set()
    for point in points:
        try:
            found.add(str(os.stat(point).st_dev))
        except OSError:
            pass
    return f",{','.join(sorted(found))},"


def difference_of(real, ours):
    works = [any(x.startswith("cwd ") for x in side) for side in (real, ours)]
    if works[0] != works[1]:
        def short(side):
            return [x for x in side if x.startswith(("says ", "warns ", "exit ", "host "))] or ["runs"]
        real, ours = [*short(real), "(runs)" if works[0] else "(refuses)"], [*short(ours), "(runs)" if works[1] else "(refuses)"]
    a, b = list(real), list(ours)
    for line in real:
        if line in b:
            a.remove(line)
            b.remove(line)
    return [f"- {x}" for x in a] + [f"+ {x}" for x in b]


def one(tap, number, options, runs, known):
    words, command = lists.of_seed(options.seed, number, options.owner is None and os.getuid() == 0)
    command.append(options.devices)
    real, ours = (run.go(words, command) for run in runs)
    difference = difference_of(real, ours)
    remaining = known.remaining(difference, runs[0].expand(words), "\n".join(real + ours))
    shown = shlex.join(runs[0].expand(words)).replace(runs[0].folder, "@").replace(runs[0].probe, "PROBE")
    if options.list is not None:
        print("\n".join(f"# {x}" for x in [shown, "bubblewrap:", *real, "difference:", *difference]))
    tap.point(not remaining, f"seed {options.seed} list {number}",
              "\n".join([f"{shown} {shlex.join(command)}", *remaining]))
    says = [x for x in real if x.startswith("says bwrap: ")]
    return says[0] if says else None


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("program")
    p.add_argument("--real", required=True)
    p.add_argument("--probe", required=True)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--count", type=int, default=300)
    p.add_argument("--user")
    p.add_argument("--list", type=int)
    o = p.parse_args()
    o.program, o.real, o.probe = (os.path.realpath(x) for x in (o.program, o.real, o.probe))
    place.enter()
    o.owner = None
    if o.user and os.getuid() == 0:
        entry = pwd.getpwnam(o.user)
        o.owner = (entry.pw_uid, entry.pw_gid)
    tap, known = Tap(), Known(KNOWN)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="carrel-bwrap-differ.") as folder:
        os.chmod(folder, 0o755)
        if o.owner:
            os.chown(folder, *o.owner)
        if os.getuid() == 0:
            place.drop_unseen(o.user)
            place.read_only_but(folder)
        runs = [Run(x, o, folder, o.probe) for x in (o.real, o.program)]
        o.devices = host_devices()
        refused = []
        for number in range(o.count) if o.list is None else [o.list]:
            said = one(tap, number, o, runs, known)
            refused += [said] if said else []
        print(f"# {len(refused)} of the lists are refused by bubblewrap")
        if o.list is None:
            tap.point(len(refused) < o.count / 2, "most lists work with bubblewrap", "\n".join(refused))
            for name in {**known.rows, **known.same}:
                print(f"# known: {name}: {known.used.get(name, 0)} lines")
        if os.getuid() == 0:
            place.writable_again(folder)
        lists.fill(folder)
        os.chmod(f"{folder}/src/closed", 0o700)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
