# SPDX-License-Identifier: LGPL-2.1-or-later
"""X servers without a screen, a victim on one, and the probe that tries what an app could do to it."""
import os
import select
import subprocess
import sys
import tempfile
import shutil

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import Skip, Tap  # noqa: E402,F401
from wayland.lib import PATIENCE, end, ordinary_stage, wait_for  # noqa: E402,F401

PASSWORD = "hunter2hunter2hunter2hunter2"

# What the probe counts, and how many keys of PASSWORD it must have where it hears them: an event comes for each, but
# the map of the keys that are down is asked for now and then only.
KEYS = {"raw-keys": 20, "record-keys": 20, "keymap": 1, "selected-keys": 20}


def cookie_file(path, cookie):
    """An Xauthority file with one entry of FamilyWild for every display number."""
    with open(path, "wb") as f:
        f.write(b"\xff\xff")
        for part in (b"", b"", b"MIT-MAGIC-COOKIE-1", cookie):
            f.write(len(part).to_bytes(2, "big") + part)
    os.chmod(path, 0o600)


class Display:
    """An X server as a person has it: a cookie, and the person let in without one, as Debian's
    Xsession does. `env` is the person's."""

    def __init__(self, *command, env=None, lets_user_in=True):
        self.command = command or ("Xvfb", "-screen", "0", "1000x700x24", "-nolisten", "tcp")
        self.more, self.lets_user_in = env or {}, lets_user_in

    def __enter__(self):
        for tool in (self.command[0], "xhost", "xterm", "xdotool"):
            if not shutil.which(tool):
                raise Skip(f"{tool} is not installed")
        self.folder = tempfile.mkdtemp(prefix="cx-")
        self.auth = os.path.join(self.folder, "auth")
        self.runtime = os.path.join(self.folder, "run")
        os.mkdir(self.runtime, 0o700)
        cookie_file(self.auth, os.urandom(16))
        self.children = []
        self.number = self.start()
        # An app's own server stands under the number 0: a probe must see which of the two answered.
        if self.number == "0":
            self.number = self.start()
        self.env = {"PATH": "/usr/bin:/bin", "HOME": self.folder, "LANG": "C.UTF-8",
                    "DISPLAY": f":{self.number}", "XAUTHORITY": self.auth,
                    "XDG_RUNTIME_DIR": self.runtime, "NO_AT_BRIDGE": "1"}
        if self.lets_user_in:
            self.tool("xhost", f"+si:localuser:#{os.getuid()}")
        return self

    def start(self):
        """Starts the server; returns its number."""
        read, write = os.pipe()
        with open(os.path.join(self.folder, "log"), "wb") as log:
            self.children.append(subprocess.Popen(
                [*self.command, "-displayfd", str(write), "-auth", self.auth, "-noreset"],
                env={"PATH": "/usr/bin:/bin", "HOME": self.folder, **self.more}, stdout=log,
                stderr=log, stdin=subprocess.DEVNULL, pass_fds=[write], start_new_session=True))
        os.close(write)
        with os.fdopen(read) as line:
            number = line.readline().strip()
        if not number:
            with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as f:
                raise AssertionError(f"{self.command[0]} gives no display: {f.read()[-2000:]}")
        return number

    def tool(self, *argv, **more):
        done = subprocess.run(argv, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=PATIENCE, check=False, **{"stdin": subprocess.DEVNULL, **more})
        assert done.returncode == 0, f"{argv}: {done.stderr}"
        return done.stdout

    def __exit__(self, *_):
        for child in self.children:
            end(child)
        shutil.rmtree(self.folder, ignore_errors=True)
        return False


class Victim:
    """A terminal of the person's, with the keyboard, and what was typed into it."""

    def __init__(self, display):
        self.display = display

    def __enter__(self):
        d = self.display
        self.typed = os.path.join(d.folder, "typed")
        self.child = subprocess.Popen(
            ["xterm", "-geometry", "80x24+0+0", "-T", "victim", "-e",
             f"echo SECRET; cat > {self.typed}"],
            env=d.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL, start_new_session=True)
        self.window = wait_for("the victim's window", self.find).decode().split()[0]
        wait_for("the victim to listen", lambda: os.path.exists(self.typed))
        d.tool("xdotool", "windowfocus", "--sync", self.window)
        return self

    def find(self):
        done = subprocess.run(["xdotool", "search", "--onlyvisible", "--name", "^victim$"],
                              env=self.display.env, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False, timeout=PATIENCE)
        return done.stdout if done.returncode == 0 else None

    def type(self, text):
        """Types a line; returns all lines that the victim has got since the last time."""
        self.display.tool("xdotool", "type", "--delay", "20", text)
        return self.enter()

    def enter(self):
        before = os.path.getsize(self.typed)
        self.display.tool("xdotool", "key", "Return")
        wait_for("what was typed", lambda: os.path.getsize(self.typed) > before)
        with open(self.typed, encoding="utf-8") as f:
            text = f.read()
        os.truncate(self.typed, 0)
        return text

    def __exit__(self, *_):
        end(self.child)
        return False


class Copied:
    """Somebody who has the clipboard of a display."""

    def __init__(self, display, text, selection="clipboard", target="UTF8_STRING"):
        self.display, self.selection = display, selection
        self.child = subprocess.Popen(
            ["xclip", "-quiet", "-selection", selection, "-target", target, "-in"],
            env=display.env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)
        self.child.stdin.write(text if isinstance(text, bytes) else text.encode())
        self.child.stdin.close()

    def __enter__(self):
        wait_for("the copy", self.offered)
        return self

    def offered(self):
        # Whoever copied before may have taken the question with it, which then has no answer.
        try:
            done = subprocess.run(["xclip", "-out", "-selection", self.selection, "-target", "TARGETS"],
                                  env=self.display.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  stdin=subprocess.DEVNULL, check=False, timeout=5)
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0

    def __exit__(self, *_):
        end(self.child)
        return False


class Probe:
    """probe.c, until it watches; then `results` ends it and says what it saw."""

    def __init__(self, argv, env):
        self.child = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, start_new_session=True, text=True)
        self.lines = []
        for line in self.child.stdout:
            self.lines.append(line.rstrip("\n"))
            if self.lines[-1] == "watching":
                break
        else:
            self.child.wait(PATIENCE)
            self.said = self.child.stderr.read()

    def results(self):
        out, self.said = self.child.communicate(timeout=PATIENCE)
        seen = {"titles": set(), "status": self.child.returncode}
        for line in self.lines + out.splitlines():
            name, _, word = line.partition(" ")
            if name == "title":
                seen["titles"].add(word)
            else:
                seen[name] = word
        return seen

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end(self.child)
        for stream in (self.child.stdin, self.child.stdout, self.child.stderr):
            stream.close()
        return False


# ---- processes ----

def children():
    """Parent and name of every process."""
    found = {}
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8") as f:
                text = f.read()
        except (OSError, UnicodeDecodeError):
            continue
        comm, rest = text[text.index("(") + 1:text.rindex(")")], text[text.rindex(")") + 2:].split()
        if name.isdigit() and rest[0] != "Z":
            found[int(name)] = (int(rest[1]), comm)
    return found


def below(pid):
    """Ids and names of a process and of all that descend from it."""
    tree, found, before = children(), {pid}, 0
    while len(found) > before:
        before = len(found)
        found |= {p for p, (parent, _) in tree.items() if parent in found}
    return {p: tree[p][1] for p in found if p in tree}


def named(pid, name):
    return next((p for p, comm in below(pid).items() if comm == name), None)


def keys_in(seen, names=tuple(KEYS)):
    """The counts of the named ways to hear keys."""
    return [int(seen.get(name, 0)) for name in names]


def heard(seen, names=tuple(KEYS)):
    """Whether the keys came by each of the named ways."""
    return all(n >= KEYS[name] for n, name in zip(keys_in(seen, names), names))


def next_line(child, errors=lambda: ""):
    """What a process writes next; its pipe is read without a buffer of Python's, so that select tells the truth."""
    got = b""
    while not got.endswith(b"\n"):
        ready, _, _ = select.select([child.stdout], [], [], PATIENCE)
        assert ready, f"it is silent after {got}: {errors()}"
        byte = os.read(child.stdout.fileno(), 1)
        assert byte, f"it has ended after {got}: {errors()}"
        got += byte
    return got.decode().strip()
