#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small scripts that call `bwrap` in ways that no option list alone makes: descriptors that are closed, not open or used
twice, several variables of a name, odd words in files. What they print, and their exit code, is in scenes.txt.

    scenes.py PROGRAM [--real BWRAP] [--user NAME] [--record]

With --real also bubblewrap is held against it. The scripts run in a folder of their own, @ in what they print, with the
files `file`, `dir/inner`, `other/b` and the links `link` to dir and `dangling` to nowhere; $S binds what a shell needs.

    ## title                (a `(ours)` at its end: only ours, as bubblewrap's answer is another, see carrel-bwrap(1))
    the script
    -->
    what it prints, on either descriptor, without the numbers of pipes, processes and namespaces
    = exit code"""

import argparse
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from messages import finish  # noqa: E402
from tap import Tap  # noqa: E402

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scenes.txt")
SYSTEM = "--ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64"
ALIKE = [(r"(pipe|socket|anon_inode):\[[^]]*\]", r"\1"), (r"(child-pid\": ?)\d+", r"\1P"), (r"(-namespace\": ?)\d+", r"\1N"),
         (r"\b((?:user|mnt|pid|net|ipc|uts|cgroup):)\[\d+\]", r"\1[N]")]


def scenes(text):
    head, *blocks = re.split(r"^## ", text, flags=re.M)
    found = []
    for block in blocks:
        title, _, rest = block.partition("\n")
        script, _, expected = rest.partition("\n-->\n")
        found.append((title, script, expected.rstrip("\n")))
    return head, found


class Stage:
    def __init__(self, program, user):
        self.user = user
        self.path = tempfile.mkdtemp(dir="/var/tmp", prefix="carrel-bwrap-scenes.")
        os.chmod(self.path, 0o755)
        os.mkdir(self.path + "/bin")
        os.symlink(os.path.realpath(program), self.path + "/bin/bwrap")

    def fill(self, at):
        for name in ("", "/dir", "/dir/sub", "/other"):
            os.mkdir(at + name)
        for name, text in (("file", "content\n"), ("dir/inner", "inner\n"), ("other/b", "b\n")):
            with open(f"{at}/{name}", "w", encoding="ascii") as f:
                f.write(text)
        os.symlink("dir", at + "/link")
        os.symlink("nowhere", at + "/dangling")
        if self.user:
            for folder, names, files in os.walk(at):
                for name in [folder] + [os.path.join(folder, n) for n in names + files]:
                    os.chown(name, *self.user, follow_symlinks=False)

    def run(self, script):
        """What is printed and how it ends, as in the table."""
        at = self.path + "/at"
        self.fill(at)
        env = {"PATH": f"{self.path}/bin:/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8", "S": SYSTEM}
        who = {"user": self.user[0], "group": self.user[1], "extra_groups": []} if self.user else {}
        out, more, code = finish(subprocess.Popen(
            ["bash", "-c", script], cwd=at, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True, umask=0o022, **who))
        shutil.rmtree(at)
        text = (out + more).decode(errors="backslashreplace").replace(at, "@").replace(self.path, "STAGE")
        for what, to in ALIKE:
            text = re.sub(what, to, text)
        return "\n".join(line.rstrip() for line in [*text.splitlines(), f"= {code}"])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("program")
    p.add_argument("--real")
    p.add_argument("--user")
    p.add_argument("--record", action="store_true")
    o = p.parse_args()
    with open(TABLE, encoding="utf-8") as f:
        head, table = scenes(f.read())
    user = None
    if o.user and os.getuid() == 0:
        entry = pwd.getpwnam(o.user)
        user = (entry.pw_uid, entry.pw_gid)
    tap = Tap()
    for label, program in [("", o.program)] + ([("bubblewrap: ", o.real)] if o.real else []):
        stage = Stage(program, user)
        try:
            for number, (title, script, expected) in enumerate(table):
                if label and title.endswith("(ours)"):
                    continue
                found = stage.run(script)
                if o.record:
                    table[number] = (title, script, found)
                    continue
                tap.point(found == expected, label + title, f"{script}\nexpected:\n{expected}\nfound:\n{found}")
        finally:
            shutil.rmtree(stage.path, ignore_errors=True)
    if not o.record:
        return tap.done()
    with open(TABLE, "w", encoding="utf-8") as f:
        f.write(head + "\n".join(f"## {title}\n{script}\n-->\n{found}\n" for title, script, found in table))
    return 0


if __name__ == "__main__":
    sys.exit(main())
