#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The supervisor beside an app: its services, the registry's folder, and who dies with whom.

    supervisor.py BUILD

The services are ones of the tests (with_service starts them), so that no filter is needed here."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from core_lib import basic_plan, kill_tree  # noqa: E402
from tap import Tap  # noqa: E402

BUILD = os.path.abspath(sys.argv[1])
SECONDS = 60
ID = "1234567890"
tap = Tap()

# A service that says who it is to whoever asks, and ends when told to.
ECHO = r"""
import os, socket, sys
def is_open(n):
    try:
        os.fstat(n)
    except OSError:
        return False
    return True
fds = [n for n in range(1000) if is_open(n)]
listener = socket.socket(fileno=3)
while True:
    s, _ = listener.accept()
    word = s.recv(100).decode()
    if word == "end":
        sys.exit(3)
    data = os.pread(5, 1000, 0).decode() if word == "data" else ""
    if word == "write":
        try:
            os.pwrite(5, b"x", 0)
        except OSError as e:
            data = e.strerror
    answer = {"pid": os.getpid(), "fds": fds,
              "root": sorted(os.listdir("/")), "env": dict(os.environ), "word": word, "data": data,
              "net": os.readlink("/proc/self/ns/net"), "in": os.readlink("/proc/self/fd/0")}
    s.sendall(repr(answer).encode())
    s.close()
"""

# What the app says to a service's socket: one answer a line, or why there is none.
ASK = r"""
import socket, sys
for word in sys.argv[2:]:
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect(sys.argv[1])
        s.send(word.encode())
        print(s.recv(10000).decode() or "closed", flush=True)
    except OSError as e:
        print(e.strerror, flush=True)
"""


def service_of(*command):
    p = basic_plan(*command).drop("keyring")  # as those of `carrel run` are: the supervisor has one
    for fd in (3, 5, 6):
        p.add("keep-fd", fd)
    return p.add("rlimit", "core", 1, 1).add("seccomp", 4, "default")


class Stage:
    def __init__(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="carrel-supervisor-")
        self.top = pathlib.Path(self.scratch.name).resolve()
        self.libexec = self.top / "libexec"
        self.runtime = self.top / "run"
        self.registry = self.runtime / ".flatpak"
        self.folder = self.registry / ID
        self.libexec.mkdir()
        self.runtime.mkdir(mode=0o700)
        for name in ("core/carrel-core", "supervise/carrel-supervisor"):
            shutil.copy2(f"{BUILD}/src/{name}", self.libexec)
        self.tool = self.top / "with_service"
        shutil.copy2(f"{BUILD}/src/run/with_service", self.tool)
        self.started = []

    def file(self, name, text):
        path = self.top / name
        path.write_text(text)
        return path

    def echo_plan(self, code=ECHO):
        return service_of("/usr/bin/python3", "-c", code)

    def start(self, *command, services=("echo",), service_plan=None, data="rules\n", app=None, ident=ID, **more):
        """Starts an app that sees each service's socket at /run/NAME."""
        plan = app or basic_plan(*command)
        plan.add("status-fd", 40, "supervisor")
        words = []
        service = self.file(ident + ".service", (service_plan or self.echo_plan()).text())
        told = self.file(ident + ".data", data)
        for name in services:
            plan.add("bind", self.registry / ident / name, f"/run/{name}", "ro")
            words += [name, service, told]
        argv = [self.tool, self.libexec, self.runtime, ident, self.file(ident + ".plan", plan.text()), *words]
        more = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
        p = subprocess.Popen([str(w) for w in argv], text=True, env={}, **more)
        self.started.append(p)
        return p

    def ask(self, *words, name="echo", **more):
        p = self.start("/usr/bin/python3", "-c", ASK, f"/run/{name}", *words, **more)
        out, err = p.communicate(timeout=SECONDS)
        return p.returncode, out.splitlines(), err

    def running(self):
        """Ids of all processes that were started from our copies of the programs."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as f:
                words = f.read().split(b"\0")
                if os.fsencode(self.top) in b"".join(words):
                    found[int(pid)] = os.path.basename(words[0]).decode()
        return found

    def supervisor(self):
        def look():
            return [p for p, name in self.running().items() if name == "carrel-supervisor"]
        return wait_for(look, "the supervisor")[0]

    def close(self):
        for p in self.started:
            if p.poll() is None:
                kill_tree(p.pid)
            for end in (p.stdout, p.stderr):
                if end:
                    end.close()
            p.wait()
        self.scratch.cleanup()


def wait_for(look, what):
    end = time.monotonic() + SECONDS
    while not (found := look()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.01)
    return found


def gone(pid):
    """Ended, or a zombie that nobody has buried."""
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
            return f.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def name_of(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="utf-8") as f:
        return f.read().strip()


def below(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            mine = [int(p) for p in f.read().split()]
    except OSError:
        return []
    return mine + [q for p in mine for q in below(p)]


def nothing_is_left(stage, pids=()):
    wait_for(lambda: not os.path.exists(stage.folder), "the folder's end")
    for pid in pids:
        wait_for(lambda pid=pid: gone(pid), f"the end of {pid}")


SLEEP = ("/usr/bin/sleep", str(SECONDS * 2))


def connected(stage):
    """An app that sleeps beside a service that runs. Returns the app's Popen, the supervisor, and all
    below both."""
    p = stage.start("/usr/bin/python3", "-c", ASK + "import time; time.sleep(1000)", "/run/echo", "x")
    assert "pid" in p.stdout.readline()
    supervisor = stage.supervisor()
    wait_for(lambda: len(below(supervisor)) == 3, "the service's processes")
    return p, supervisor, below(p.pid) + below(supervisor)


# ---- services ----

def test_service_answers_from_its_own_confinement(stage):
    code, lines, err = stage.ask("x")
    assert code == 0 and not err, (code, lines, err)
    answer = eval(lines[0])  # noqa: S307 - our own words
    assert answer["word"] == "x" and answer["fds"] == [0, 1, 2, 3, 5, 6], answer
    assert answer["pid"] == 2 and answer["env"].keys() <= {"PATH", "LC_CTYPE", "PWD"}, answer
    assert "home" not in answer["root"] and answer["in"] == "/dev/null", answer
    assert answer["net"] != os.readlink("/proc/self/ns/net"), answer
    nothing_is_left(stage)


def test_all_connections_reach_one_process_with_its_data(stage):
    _, lines, _ = stage.ask("one", "data", "three", data="rule 1\nrule 2\n")
    answers = [eval(line) for line in lines]  # noqa: S307
    assert [a["word"] for a in answers] == ["one", "data", "three"] and len({a["pid"] for a in answers}) == 1
    assert answers[1]["data"] == "rule 1\nrule 2\n", answers


def test_data_are_sealed(stage):
    _, lines, _ = stage.ask("write")
    assert eval(lines[0])["data"] == "Operation not permitted", lines  # noqa: S307


def test_two_services(stage):
    p = stage.start("/usr/bin/sh", "-c", 'python3 -c "$0" /run/a 1; python3 -c "$0" /run/b 2', ASK,
                    services=("a", "b"))
    out, _ = p.communicate(timeout=SECONDS)
    assert [eval(line)["word"] for line in out.splitlines()] == ["1", "2"], out  # noqa: S307


def test_service_is_not_started_before_the_first_connection(stage):
    p = stage.start(*SLEEP)
    supervisor = stage.supervisor()
    wait_for(lambda: len(below(p.pid)) >= 3, "the app")
    assert not [q for q in below(supervisor)], "it runs already"
    p.terminate()
    p.wait(timeout=SECONDS)
    nothing_is_left(stage, [supervisor])


def test_service_that_ended_is_not_started_again(stage):
    _, lines, _ = stage.ask("end", "x", "x")
    assert lines[0] in ("closed", "Connection reset by peer"), lines
    assert lines[-1] == "Connection refused", lines


def test_service_that_cannot_start_refuses(stage):
    plan = stage.echo_plan().run("/usr/bin/no-such-program")
    code, lines, err = stage.ask("x", "x", service_plan=plan)
    assert code == 0 and "pid" not in "".join(lines) and lines[-1] == "Connection refused", lines
    assert "no-such-program" in err, err


def test_killed_service_refuses_and_the_app_lives_on(stage):
    p, supervisor, _ = connected(stage)
    core = below(supervisor)[0]
    service = below(supervisor)
    os.kill(core, signal.SIGKILL)
    for pid in service:
        wait_for(lambda pid=pid: gone(pid), "the service's end")
    assert p.poll() is None and not gone(supervisor)


# ---- ends ----

def test_end_of_the_app_ends_all(stage):
    p = stage.start("/usr/bin/python3", "-c", ASK + "sys.stdin.read()", "/run/echo", "x", stdin=subprocess.PIPE)
    assert "pid" in p.stdout.readline()
    supervisor = stage.supervisor()
    pids = [supervisor, *below(supervisor)]
    p.stdin.close()
    assert p.wait(timeout=SECONDS) == 0
    nothing_is_left(stage, pids)


def test_output_ends_with_the_app(stage):
    """Nothing of ours keeps the pipe open in which a script reads what the app says."""
    p = stage.start("/usr/bin/python3", "-c", ASK, "/run/echo", "x")
    assert len(p.stdout.read().splitlines()) == 1  # comes back at its end
    p.wait(timeout=SECONDS)
    nothing_is_left(stage)


def test_exit_status_is_the_apps(stage):
    p = stage.start("/usr/bin/sh", "-c", "exit 7")
    assert p.wait(timeout=SECONDS) == 7
    nothing_is_left(stage)


def test_killing_the_monitor_ends_all(stage):
    p, supervisor, pids = connected(stage)
    os.kill(p.pid, signal.SIGKILL)
    nothing_is_left(stage, [supervisor, *pids])


def test_killing_the_app_ends_all(stage):
    p, supervisor, pids = connected(stage)
    os.kill(below(p.pid)[1], signal.SIGKILL)
    p.wait(timeout=SECONDS)
    nothing_is_left(stage, [supervisor, *pids])


def test_signals_of_the_terminal_do_not_reach_the_supervisor(stage):
    p, supervisor, _ = connected(stage)
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(supervisor, sig)
    assert os.getsid(supervisor) != os.getsid(p.pid)
    time.sleep(0.1)
    assert not gone(supervisor)


# ---- the folder ----

def lock_of(path):
    """Whether somebody holds a lock on it, as other programs ask: F_GETLK for a write lock."""
    code = ("import fcntl, struct, sys; f = open(sys.argv[1], 'r+b'); l = fcntl.fcntl(f, fcntl.F_GETLK, "
            "struct.pack('hhqqi', fcntl.F_WRLCK, 0, 0, 0, 0)); print(struct.unpack('hhqqi', l)[0] != fcntl.F_UNLCK)")
    return subprocess.run([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True,
                          check=True, timeout=SECONDS).stdout.strip() == "True"


def test_folder_tells_who_runs_and_is_locked(stage):
    p = stage.start(*SLEEP)
    stage.supervisor()
    wait_for(lambda: len(below(p.pid)) >= 2, "the app")
    assert (stage.folder / "pid").read_text() == str(p.pid)
    assert lock_of(stage.folder / ".ref")
    assert (stage.folder.stat().st_mode & 0o777, (stage.folder / "echo").stat().st_mode & 0o777) == (0o700, 0o600)


def test_portals_find_the_app_before_its_service_starts(stage):
    p, _, _ = connected(stage)
    told = json.loads((stage.folder / "bwrapinfo.json").read_text())
    app = told["child-pid"]
    assert app == below(p.pid)[-1], (told, below(p.pid))
    for name in ("mnt", "pid", "ipc", "uts", "net", "cgroup"):
        assert os.readlink(f"/proc/{app}/ns/{name}") == f"{name}:[{told[name + '-namespace']}]", (name, told)


def test_killing_the_supervisor_ends_all(stage):
    p, supervisor, pids = connected(stage)
    os.kill(supervisor, signal.SIGKILL)
    assert p.wait(timeout=SECONDS) == 125
    for pid in [supervisor, *pids]:
        wait_for(lambda pid=pid: gone(pid), f"the end of {pid}")
    assert stage.folder.is_dir() and not lock_of(stage.folder / ".ref")


def refused(stage, *parts):
    p = stage.start("/usr/bin/true")
    out, err = p.communicate(timeout=SECONDS)
    assert p.returncode == 125 and not out and all(part in err for part in parts), (p.returncode, out, err)
    assert not stage.running()


def test_registry_that_is_a_link_is_refused(stage):
    elsewhere = stage.top / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    stage.registry.symlink_to(elsewhere)
    refused(stage, "cannot use", ".flatpak")
    assert not list(elsewhere.iterdir())


def test_registry_that_others_may_write_is_refused(stage):
    stage.registry.mkdir()
    stage.registry.chmod(0o777)
    refused(stage, "cannot use", ".flatpak", "not yours alone", "chmod go-w")
    stage.registry.chmod(0o700)
    assert stage.start("/usr/bin/true").wait(timeout=SECONDS) == 0


def test_name_that_is_taken_is_refused(stage):
    stage.folder.mkdir(parents=True, mode=0o700)
    stage.registry.chmod(0o700)
    refused(stage, "cannot make a folder", "exists")
    assert stage.folder.is_dir()


def test_missing_supervisor_is_refused_and_leaves_nothing(stage):
    (stage.libexec / "carrel-supervisor").unlink()
    refused(stage, "carrel-supervisor", "No such file")
    assert not list(stage.registry.iterdir())


# ---- keys ----

# Whether a key that only who possesses it may see is one of ours.
SEES_KEY = "'carrel-probe' in open('/proc/keys').read()"
TELL = f"""
import socket
listener = socket.socket(fileno=3)
while True:
    s, _ = listener.accept()
    s.recv(100)
    s.sendall(str({SEES_KEY}).encode())
"""
# The caller: has a session with such a key in it, tells of that, and becomes the app.
WITH_A_KEY = """#!/usr/bin/python3
import ctypes, os, sys
libc = ctypes.CDLL(None)
add_key, keyctl = {"x86_64": (248, 250)}.get(os.uname().machine, (217, 219))
libc.syscall(keyctl, 1, None)  # KEYCTL_JOIN_SESSION_KEYRING
key = libc.syscall(add_key, b"user", b"carrel-probe", b"secret", 6, -3)
libc.syscall(keyctl, 5, key, 0x3f000000)  # KEYCTL_SETPERM
print(%s, flush=True)
os.execv(%r, sys.argv)
"""


def test_services_have_no_key_of_the_persons(stage):
    plan = service_of("/usr/bin/python3", "-c", TELL)
    caller = stage.file("caller", WITH_A_KEY % (SEES_KEY, str(stage.tool)))
    caller.chmod(0o755)
    stage.tool = caller
    p = stage.start("/usr/bin/python3", "-c", ASK, "/run/echo", "x", service_plan=plan)
    out, err = p.communicate(timeout=SECONDS)
    assert out.splitlines() == ["True", "False"], (out, err)


def keys_of_ours():
    with open("/proc/key-users", encoding="ascii") as f:
        for line in f:
            uid, _, _, mine, _ = line.replace(":", " ").split()
            if int(uid) == os.getuid():
                return int(mine.split("/")[0])
    return 0


def test_sixty_apps_with_four_filters_each_run_at_once(stage):
    """A user has 200 keys, and each keyring is one: an app takes two, one for all of its services."""
    names, apps = ("one", "two", "three", "four"), 60
    plan = service_of("/usr/bin/sleep", "1000")
    code = ("import os, socket\n"
            "for name in %r:\n"
            "    socket.socket(socket.AF_UNIX).connect('/run/' + name)\n"
            "print('ready', flush=True)\n"
            "os.execv('/usr/bin/sleep', ['sleep', '1000'])\n" % (names,))
    before = keys_of_ours()
    started = [stage.start("/usr/bin/python3", "-ISc", code, services=names, service_plan=plan,
                           ident=str(1000000 + i)) for i in range(apps)]
    for p in started:
        line = p.stdout.readline()
        assert line == "ready\n", (line, p.poll() is not None and p.stderr.read())

    def sleepers():
        every = [pid for p in started for pid in [p.pid, *below(p.pid)]]
        return sum(name_of(pid) == "sleep" for pid in every)
    wait_for(lambda: sleepers() == apps * (len(names) + 1), "all services")
    mine = keys_of_ours() - before
    assert mine < 3 * apps, mine  # some of before may be gone by now
    for p in started:
        assert p.poll() is None, p.stderr.read()


def main():
    for test in [f for name, f in globals().items() if name.startswith("test_")]:
        def run(test=test):
            stage = Stage()
            try:
                test(stage)
            finally:
                stage.close()
        tap.run(run, test.__name__.removeprefix("test_"))
    return tap.done()


sys.exit(main())
