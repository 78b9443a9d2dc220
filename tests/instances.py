#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""carrel ps, kill, enter, grant, revoke and grants, as a person would use them.

    instances.py BUILD POLICIES"""

import contextlib
import json
import os
import pathlib
import pty
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_lib import Stage  # noqa: E402
from core_lib import kill_tree  # noqa: E402
from host import landlock_has_scopes  # noqa: E402
from tap import Tap  # noqa: E402

SECONDS = 60
APP = "org.example.Shell"
tap = Tap()
# Not below /tmp, where every app has files of its own.
tempfile.tempdir = os.path.expanduser("~")
stage = Stage(*sys.argv[1:3])
runtime = pathlib.Path(stage.path("run"))
registry = runtime / ".flatpak"
home = pathlib.Path(stage.home)
ENV = stage.env(XDG_RUNTIME_DIR=str(runtime), LANG="C.UTF-8")


def carrel(*words, status=0, **more):
    r = stage.run(*map(str, words), env=ENV, **more)
    assert r.returncode == status, (words, r.returncode, r.stdout, r.stderr)
    return r


def refused(*words, status=125, says=()):
    r = carrel(*words, status=status)
    assert r.stderr.startswith("carrel: error: "), r.stderr
    for part in says:
        assert part in r.stderr, (part, r.stderr)
    return r


def wait_for(look, what):
    end = time.monotonic() + SECONDS
    while not (found := look()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.01)
    return found


class App:
    """A confined shell that does one line after the other."""

    def __init__(self, *options, app=APP, program=("/bin/sh",), before=None):
        self.app = app
        self.p = subprocess.Popen([stage.carrel, "run", f"--app-id={app}", *options, *program, "-c",
                                   'echo ready; while IFS= read -r line; do eval "$line" 2>&1; echo "==$?"; done'],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                  env=ENV, text=True, bufsize=1, preexec_fn=before)
        assert self.p.stdout.readline() == "ready\n"

    def do(self, line):
        """Its output and exit status."""
        self.p.stdin.write(line + "\n")
        out = ""
        while not (got := self.p.stdout.readline()).startswith("=="):
            assert got, f"ended at {line}: {out}"
            out += got
        return out, int(got[2:])

    def works(self, line):
        out, status = self.do(line)
        assert status == 0, (line, status, out)
        return out

    def fails(self, line, *says):
        out, status = self.do(line)
        assert status != 0 and all(part in out for part in says), (line, status, out)

    @property
    def id(self):
        return self.listed()["instance"]

    def listed(self):
        return [i for i in json.loads(carrel("ps", "--json").stdout) if i["started"] == self.p.pid][0]

    def close(self):
        if self.p.poll() is None:
            self.p.stdin.close()
        try:
            self.p.wait(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            kill_tree(self.p.pid)
            raise
        self.p.stdout.close()


@contextlib.contextmanager
def running(*options, **more):
    app = App(*options, **more)
    try:
        yield app
    finally:
        with contextlib.suppress(BrokenPipeError):
            app.close()


def file(name, text="text\n"):
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# ---- ps and the registry ----

def test_ps_lists_nothing_where_nothing_runs():
    assert json.loads(carrel("ps", "--json").stdout) == []
    assert len(carrel("ps").stdout.splitlines()) == 1


def test_ps_tells_app_processes_memory_and_time():
    with running() as app:
        app.works("sleep 1000 & sleep 1000 &")
        one = app.listed()
        assert one["app"] == APP and len(one["pids"]) == 3 and one["pid"] in one["pids"], one
        assert 1 << 18 < one["memory"] < 1 << 30 and abs(one["since"] - time.time()) < SECONDS, one
        line = carrel("ps", APP).stdout.splitlines()[1].split()
        assert line[:4] == [one["instance"], APP, str(one["pid"]), "3"], line
        assert carrel("ps", one["instance"]).stdout.splitlines()[1].split()[0] == one["instance"]


def test_two_instances_of_one_app():
    with running(), running():
        listed = json.loads(carrel("ps", "--json", APP).stdout)
        assert len(listed) == 2 and len({i["instance"] for i in listed}) == 2
        refused("enter", APP, "true", says=["runs 2 times"])


def test_ps_refuses_what_does_not_run():
    refused("ps", APP, says=[APP, "is not running"])
    refused("ps", "1234567890", says=["instance 1234567890 is not running"])


def test_portals_find_what_flatpak_writes():
    with running() as app:
        folder = registry / app.id
        info = (folder / "info").read_text()
        assert f"[Application]\nname={APP}\n" in info and f"instance-id={app.id}\n" in info, info
        assert json.loads((folder / "bwrapinfo.json").read_text())["child-pid"] == app.listed()["pid"]
        assert {p.name for p in folder.iterdir()} == {".ref", "info", "pid", "bwrapinfo.json", "control"}
        for path in folder.iterdir():
            assert not path.stat().st_mode & 0o77, path


def test_registry_is_out_of_the_apps_sight():
    with running(f"--filesystem={runtime.parent}") as app:
        assert app.id
        app.fails(f"ls {registry}")
        app.fails(f"ls {runtime}/.flatpak/{app.id}/control")


# Says a word to a supervisor, whose folder is open as descriptor 3, and shows the answer.
SPEAK = ("import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); "
         "s.connect('/proc/self/fd/3/control'); s.send(b'names\\0'); print(s.recv(100))")


def test_nobody_else_may_speak_to_the_supervisor():
    with running() as app:
        folder = registry / app.id
        assert not (registry.stat().st_mode | runtime.stat().st_mode) & 0o077, "its socket is out of others' reach"
        fd = os.open(folder, os.O_PATH)

        def speak(**who):
            words = f"import os; os.dup2({fd}, 3)\n{SPEAK}"
            return subprocess.run(["/usr/bin/python3", "-c", words], pass_fds=[fd], text=True, capture_output=True,
                                  timeout=SECONDS, check=False, cwd="/", env={}, **who)
        try:
            assert speak().stdout == "b'ok\\x00'\n", speak()
            if os.getuid() == 0:  # somebody else, for whom the folder was opened by mistake
                folder.chmod(0o777)
                (folder / "control").chmod(0o777)
                r = speak(user=65534, group=65534, extra_groups=[])
                assert r.stdout != "b'ok\\x00'\n" and (r.stdout == "b''\n" or "Broken" in r.stderr or "Reset" in r.stderr), r
        finally:
            os.close(fd)


def killed():
    """An instance that was ended in a way that leaves its folder."""
    app = App()
    folder, one = registry / app.id, app.listed()
    supervisor = [p for p in children_of(one["started"]) if comm(p).startswith("carrel-superv")][0]
    os.kill(supervisor, signal.SIGKILL)
    app.p.wait(timeout=SECONDS)
    app.p.stdin.close()
    app.p.stdout.close()
    return folder


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(p) for p in f.read().split()]


def comm(pid):
    with open(f"/proc/{pid}/comm", encoding="ascii") as f:
        return f.read().strip()


def test_leftover_of_a_killed_one_is_not_listed_and_goes():
    folder = killed()
    assert folder.is_dir() and json.loads(carrel("ps", "--json").stdout) == []
    assert folder.is_dir(), "it may still be in the making"
    os.utime(folder, (time.time() - 60,) * 2)
    carrel("ps")
    assert not folder.exists()


def test_entries_of_others_are_left_alone():
    theirs = registry / "4711"
    theirs.mkdir(parents=True, mode=0o700)
    registry.chmod(0o700)
    (theirs / ".ref").touch()
    os.utime(theirs, (0, 0))
    assert json.loads(carrel("ps", "--json").stdout) == []
    assert (theirs / ".ref").exists()
    (theirs / ".ref").unlink()
    theirs.rmdir()


def test_without_a_runtime_folder_apps_run_unlisted_and_that_is_said():
    env = {k: v for k, v in ENV.items() if k != "XDG_RUNTIME_DIR"}
    shared = pathlib.Path(stage.path("shared-run"))
    shared.mkdir()
    shared.chmod(0o777)
    for told, why in (({}, "is not set"), ({"XDG_RUNTIME_DIR": str(home / "nowhere")}, "is not a folder of yours alone"),
                      ({"XDG_RUNTIME_DIR": str(shared)}, "is not a folder of yours alone")):
        r = stage.run("run", "/bin/true", env={**env, **told})
        said = "note: carrel ps, kill, enter and grant cannot find this run: XDG_RUNTIME_DIR " + why
        assert r.returncode == 0 and r.stderr.count(said) == 1 and "set XDG_RUNTIME_DIR" in r.stderr, r
        r = stage.run("run", "--verbose", "/bin/true", env={**env, **told})
        assert r.returncode == 0 and r.stderr.count("do not find the app") == 1 and said not in r.stderr, r
    assert "cannot find this run" not in stage.run("run", "/bin/true", env=ENV).stderr
    assert "missing registry" in stage.run("plan", "/bin/true", env=env).stdout
    r = stage.run("ps", env=env)
    assert r.returncode == 125 and "XDG_RUNTIME_DIR" in r.stderr, r


# ---- kill ----

def test_kill_ends_the_app():
    with running() as app:
        carrel("kill", APP)
        assert app.p.wait(timeout=SECONDS) == -signal.SIGTERM
        wait_for(lambda: not list(registry.iterdir()), "the folder's end")
        refused("kill", APP, says=["is not running"])


def test_kill_sends_the_signal_that_is_named():
    code = ("import signal, time; signal.signal(signal.SIGUSR1, lambda *_: print('got it', flush=True)); "
            "print('ready', flush=True)\nwhile True: time.sleep(1000)")
    p = subprocess.Popen([stage.carrel, "run", f"--app-id={APP}", "/usr/bin/python3", "-c", code], env=ENV,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert p.stdout.readline() == "ready\n"
        carrel("kill", "--signal=SIGUSR1", APP)
        assert p.stdout.readline() == "got it\n"
        refused("kill", "--signal=NONE", APP, says=["is no signal"])
        carrel("kill", "--signal=15", APP)
        assert p.wait(timeout=SECONDS) == -signal.SIGTERM
    finally:
        kill_tree(p.pid)
        p.wait()
        p.stdout.close()


# ---- enter ----

FIELDS = ("Umask", "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs",
          "Seccomp", "Seccomp_filters", "Speculation_Store_Bypass", "Cpus_allowed")
# Landlock: what may be renamed, linked and made where is told by trying.
LOOK = ("cat /proc/self/status; echo --; env -u _ -u SHLVL -u OLDPWD | sort; echo --; pwd; echo --; "
        "for n in user mnt pid ipc uts net cgroup; do readlink /proc/self/ns/$n; done; echo --; "
        "cat /proc/self/limits; echo --; "
        "cat /proc/self/mountinfo; echo --; ls /proc/self/fd | tr '\\n' ' '; echo; echo --; "
        "cat /proc/self/oom_score_adj /proc/self/timerslack_ns /proc/self/attr/current 2>&1; chrt -p $$ | cut -d: -f2; echo --; ")
# System calls by which Landlock and the filter are told: number of the error, or 0.
TRY = """
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
def told(f, *args):
    try:
        f(*args)
        return 0
    except OSError as e:
        return errno.errorcode[e.errno]
def call(*args):
    return 0 if libc.syscall(*args) >= 0 else errno.errorcode[ctypes.get_errno()]
home = os.environ["HOME"]
for folder in (home, "/tmp", {home!r}, {home!r} + "/papers", "/usr", "/etc", "/run", "/proc/self", "/dev", "/dev/shm", "/"):
    print(folder, told(os.listdir, folder), told(os.mkdir, folder + "/made"), told(os.rmdir, folder + "/made"),
          told(os.symlink, "x", folder + "/link"), told(os.unlink, folder + "/link"))
for number, *args in {calls!r}:
    print(number, call(number, *args))
"""


def parts(text):
    status, *rest = text.split("--\n")
    chosen = [line for line in status.splitlines() if line.split(":")[0] in FIELDS]
    assert len(chosen) >= 12, status
    return [chosen, *rest]


def test_entered_program_is_confined_as_the_app_is():
    # None of these is what the caller of `carrel enter` has.
    (home / "papers").mkdir(exist_ok=True)
    network = ("--share=network",) if landlock_has_scopes() else ()
    with running(*network, "--filesystem=home:ro", "--env=COLOUR=green",
                 before=lambda: (os.umask(0o027), resource.setrlimit(resource.RLIMIT_NOFILE, (500, 600)),
                                 resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))) as app:
        # io_uring_setup, unshare, mount, ptrace, keyctl, pidfd_open
        number = (425, 272, 165, 101, 250, 434) if os.uname().machine == "x86_64" else (425, 97, 40, 117, 219, 434)
        calls = [(n, 0, 0, 0, 0, 0) for n in number]
        probe = file("try.py", TRY.format(home=str(home), calls=calls))
        script = file("look.sh", f"{LOOK} /usr/bin/python3 {probe}\n")
        mine = parts(app.works(f"sh {script} < /dev/null 2>/dev/null"))
        theirs = parts(carrel("enter", APP, "--", "sh", script).stdout)
        for a, b in zip(mine, theirs, strict=True):
            assert a == b, f"{a}\n---\n{b}"
        assert "COLOUR=green" in mine[1] and "Max open files            500                  600" in mine[4]
        assert " 0 0 0 0" in mine[-1] and "EROFS" in mine[-1] and "EPERM" in mine[-1], mine[-1]


def test_entered_program_has_no_descriptor_and_no_variable_of_the_callers():
    fd = os.open(home, os.O_RDONLY)
    os.set_inheritable(fd, True)
    with running():
        r = carrel("enter", APP, "--", "sh", "-c", "ls /proc/self/fd; env; cat /proc/self/environ | tr '\\0' '\\n'",
                   pass_fds=[fd])
        assert r.stdout.split()[:4] == ["0", "1", "2", "3"] and "somebody-else" not in r.stdout, r.stdout
        assert "XDG_RUNTIME_DIR=" + str(runtime) not in r.stdout
    os.close(fd)


def test_entered_program_is_filtered_and_walled():
    file("secret.txt", "secret\n")
    with running() as app:
        pid = app.listed()["pid"]
        refused_by_mounts = carrel("enter", APP, "--", "cat", home / "secret.txt", status=1)
        assert "No such file" in refused_by_mounts.stderr
        code = ("import ctypes; l = ctypes.CDLL(None, use_errno=True); "
                "print(l.syscall(425, 1, 0), l.unshare(0x10000000), l.kill(%d, 0))" % pid)
        r = carrel("enter", APP, "--", "/usr/bin/python3", "-c", code)
        assert r.stdout.split() == ["-1", "-1", "-1"], r.stdout


def test_an_instance_is_known_by_its_process_too():
    with running() as one, running():
        listed = [x for x in json.loads(carrel("ps", "--json").stdout) if x["instance"] == one.id][0]
        for pid in (listed["pid"], listed["started"]):
            same_one = json.loads(carrel("ps", "--json", str(pid)).stdout)
            assert [x["instance"] for x in same_one] == [one.id], same_one
        carrel("enter", listed["pid"], "--", "true")
        refused("enter", os.getpid(), "--", "true", says=[f"process {os.getpid()} is not the first one of an app that runs"])
        refused("kill", "0", says=["process 0 is not"])
        carrel("kill", listed["pid"])
        wait_for(lambda: len(json.loads(carrel("ps", "--json").stdout)) == 1, "its end, and no other's")
    bare = {k: v for k, v in ENV.items() if k != "XDG_RUNTIME_DIR"}
    done = stage.run("ps", env=bare)
    assert (done.returncode, "XDG_RUNTIME_DIR is not set" in done.stderr) == (125, True), done


def test_enter_passes_the_exit_status_on():
    with running():
        carrel("enter", APP, "--", "sh", "-c", "exit 9", status=9)
        carrel("enter", APP, "--", "sh", "-c", "kill -KILL $$", status=-9)
        refused_text = carrel("enter", APP, "--", "no-such-program", status=127).stderr
        assert refused_text.startswith('carrel: cannot start "no-such-program": No such file'), refused_text
        refused("enter", APP, says=["COMMAND is missing"])
        assert carrel("enter", APP, "--", "cat", input="through\n").stdout == "through\n"


def test_entered_program_ends_with_the_app_and_with_its_caller():
    with running() as app:
        def start():
            p = subprocess.Popen([stage.carrel, "enter", APP, "--", "sh", "-c", "echo $$; exec sleep 1000"],
                                 env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            return p, p.stdout.readline()
        p, inner = start()
        p.kill()
        p.wait(timeout=SECONDS)
        wait_for(lambda: not app.do(f"test -d /proc/{inner.strip()}")[1] == 0, "its end")
        p.stdout.close()
        p, inner = start()
        carrel("kill", "--signal=KILL", APP)
        assert p.wait(timeout=SECONDS) != 0
        p.stdout.close()


def test_enter_with_a_terminal_gives_it_one():
    with running():
        r = carrel("enter", "--tty=always", APP, "--", "sh", "-c", "tty >/dev/null || test -t 0 && echo terminal")
        assert "terminal" in r.stdout, r


def stopped_and_going_on(pid, stop, works):
    """Whether `carrel enter` of this id stops with its program, and works again when it is continued."""
    stop()
    end = time.monotonic() + SECONDS
    while os.waitpid(pid, os.WUNTRACED | os.WNOHANG) == (0, 0):
        assert time.monotonic() < end, "it does not stop"
        time.sleep(0.02)
    os.kill(pid, signal.SIGCONT)
    works()


def test_what_is_entered_with_a_terminal_stops_at_ctrl_z():
    """As in the person's own shell: a program that leads no session of its own is stopped by the terminal."""
    with running() as app:
        entered = "echo began; read a; echo \"had $a\"; read b; echo \"got $b\""
        pid, fd = pty.fork()
        if pid == 0:
            os.execvpe("bash", ["bash", "-m", "-c", f"{stage.carrel} enter {APP} -- sh -c '{entered}'; echo stop=$?; fg; echo end=$?"], ENV)
        seen = b""

        def until(text):
            nonlocal seen
            end = time.monotonic() + SECONDS
            while text not in seen:
                assert time.monotonic() < end, (text, seen)
                if select.select([fd], [], [], 0.1)[0]:
                    seen += os.read(fd, 4096)
        try:
            until(b"began")
            os.write(fd, b"one\n")
            until(b"had one")
            os.write(fd, b"\x1a")
            until(b"stop=148")
            os.write(fd, b"two\n")
            until(b"got two")
            until(b"end=0")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(fd)
        assert app.do("true")[1] == 0


def test_what_is_entered_without_a_terminal_stops_too():
    with running():
        p = subprocess.Popen([stage.carrel, "enter", APP, "--", "sh", "-c", "echo began; read a; echo \"had $a\""], env=ENV,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def works():
            print("one", file=p.stdin, flush=True)
            assert p.stdout.readline() == "had one\n"
        assert p.stdout.readline() == "began\n"
        stopped_and_going_on(p.pid, lambda: p.send_signal(signal.SIGTSTP), works)
        assert p.wait(timeout=SECONDS) == 0
        p.stdin.close()
        p.stdout.close()


def test_nothing_is_left_of_what_was_entered_with_a_terminal():
    """Whichever of the processes in front of it is killed."""
    with running() as app:
        for nth in range(3):
            p = subprocess.Popen([stage.carrel, "enter", "--tty=always", APP, "--", "sh", "-c", "echo $$; exec sleep 1000"],
                                 env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            inner = p.stdout.readline().strip()
            chain = [p.pid]
            while len(chain) < 3:
                with open(f"/proc/{chain[-1]}/task/{chain[-1]}/children") as children:
                    chain.append(int(children.read().split()[-1]))
            os.kill(chain[nth], signal.SIGKILL)
            assert p.wait(timeout=SECONDS) != 0
            wait_for(lambda inner=inner: app.do(f"test -d /proc/{inner}")[1] != 0, f"its end, {nth}")
            p.stdout.close()


def test_enter_refuses_an_open_folder_as_input():
    with running():
        fd = os.open(home, os.O_RDONLY)
        r = stage.run("enter", APP, "--", "true", env=ENV, stdin=fd)
        os.close(fd)
        assert r.returncode == 125 and "folder of the host" in r.stderr, r


# ---- grants ----

def test_granted_file_appears_and_goes():
    path = file("papers/report.txt", "hello\n")
    with running() as app:
        app.fails(f"cat {path}", "No such file")
        carrel("grant", APP, path)
        assert app.works(f"cat {path}") == "hello\n"
        assert app.works(f"ls -A {path.parent}") == "report.txt\n"
        app.fails(f"echo x > {path}", "Read-only file system")
        app.fails(f"umount {path}")
        app.fails(f"rm {path}")
        listed = json.loads(carrel("grants", "--json").stdout)
        assert [(g["path"], g["writable"], g["app"], g["lasts"]) for g in listed] == [(str(path), False, APP, "once")], listed
        assert str(path) in carrel("grants", APP).stdout
        carrel("revoke", APP, path)
        app.fails(f"cat {path}", "No such file")
        app.fails(f"ls {path.parent}", "No such file")
        assert json.loads(carrel("grants", "--json").stdout) == []
        refused("revoke", APP, path, says=["was not granted"])
        refused("grant", APP, path, home / "papers/nothing", says=["nothing"])
        app.fails(f"cat {path}", "No such file")
    assert path.read_text() == "hello\n"


def test_granted_file_can_be_written_when_it_shall():
    path = file("papers/draft.txt", "old\n")
    with running() as app:
        carrel("grant", "--rw", APP, path)
        app.works(f"echo new > {path}")
        assert path.read_text() == "new\n"
        carrel("grant", "--ro", APP, path)
        app.fails(f"echo newer > {path}", "Read-only")
        assert app.works(f"cat {path}") == "new\n"


def test_granted_folder_can_be_worked_in():
    folder = file("project/src/main.c").parent.parent
    with running() as app:
        carrel("grant", "--rw", app.id, folder)
        app.works(f"mkdir {folder}/new && mv {folder}/src/main.c {folder}/new/ && echo x > {folder}/new/y")
        assert (folder / "new/main.c").exists() and (folder / "new/y").read_text() == "x\n"
        app.fails(f"echo x > {home}/beside", "Read-only")
        carrel("revoke", APP, "--all")
        app.fails(f"ls {folder}")


# In a mount namespace where a folder of the system's is ours, as nobody's own lies there.
OUTSIDE = r"""
TOP=$1 FOLDER=$2 DATA=$2/data
mount -t tmpfs none "$TOP" && mkdir -p "$DATA" && echo first > "$DATA/file" || exit 1
coproc app { "$CARREL" run --app-id="$APP" /bin/sh -c 'echo ready
    while IFS= read -r line; do eval "$line" 2>/dev/null; echo "==$?"; done'; }
ask() { echo "$1" >&${app[1]}; while IFS= read -ru ${app[0]} l && [[ $l != ==* ]]; do echo "$l"; done; echo "$l"; }
IFS= read -ru ${app[0]} l || exit 1
ask "ls -A $FOLDER; echo x > $FOLDER/x"
"$CARREL" grant "$APP" "$DATA" || exit 1
ask "cat $DATA/file; echo x > $DATA/file"
"$CARREL" grant --rw "$APP" "$DATA" || exit 1
ask "echo inside > $DATA/file; mkdir $DATA/more"
"$CARREL" revoke "$APP" "$DATA" || exit 1
ask "ls -A $FOLDER"
cat "$DATA/file"
ls -d "$DATA/more"
eval "exec ${app[1]}>&-"
wait
"""


def elsewhere(top, folder):
    return subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", OUTSIDE, "-", top, folder],
                          env={**ENV, "CARREL": str(stage.carrel), "APP": APP}, text=True, capture_output=True,
                          timeout=SECONDS, check=False)


def test_granted_folder_outside_the_home_can_be_written():
    for top, folder in (("/srv", "/srv"), ("/var", "/var/www")):
        done = elsewhere(top, folder)
        assert done.stdout == f"==2\nfirst\n==2\n==0\n==0\ninside\n{folder}/data/more\n", (done, folder)


def test_folder_of_the_systems_cannot_be_made_writable():
    done = elsewhere("/opt", "/opt/suite")
    assert done.stdout == "==2\nfirst\n==2\n" and done.returncode == 1, done
    assert "cannot be made writable" in done.stderr and "--always" in done.stderr, done


def test_landlock_holds_below_what_is_read_only():
    """A policy that shows something below the home read-only keeps that second wall: no --rw then."""
    path = file("papers/other.txt")
    file("music/song")
    with running(f"--filesystem={home}/music:ro") as app:
        refused("grant", "--rw", APP, path, says=["cannot be made writable", "Landlock"])
        app.fails(f"cat {path}")
        carrel("grant", APP, path)
        app.works(f"cat {path}")


def test_revoking_tells_what_stays_open():
    path = file("papers/open.txt", "still\n")
    with running() as app:
        carrel("grant", APP, path)
        app.works(f"exec 7< {path}")
        out = carrel("revoke", APP, path).stdout
        assert "still open: descriptor 7 of process" in out and "(sh)" in out, out
        app.fails(f"cat {path}")
        assert app.works("cat <&7") == "still\n", "it says so, and so it is"


def test_entered_programs_count_and_are_told_of():
    path = file("papers/entered.txt", "held\n")
    with running() as app:
        carrel("grant", APP, path)
        before = app.listed()
        p = subprocess.Popen([stage.carrel, "enter", APP, "--", "sh", "-c", 'exec 5<"$0"; sleep 1000 & echo ready; read x; kill $!; cat <&5',
                              str(path)], env=ENV, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert p.stdout.readline() == "ready\n"
            after = app.listed()
            assert len(set(after["pids"]) - set(before["pids"])) == 2, (before, after)  # the shell and its child
            assert p.pid not in after["pids"] and set(before["pids"]) <= set(after["pids"]), after
            out = carrel("revoke", APP, path).stdout
            assert out.count("still open: descriptor 5 of process") == 2, out
            assert p.communicate("x\n", timeout=SECONDS)[0] == "held\n", "it says so, and so it is"
        finally:
            p.kill()
            p.wait()
            p.stdout.close()
        wait_for(lambda: app.listed()["pids"] == before["pids"], "the end of what was entered")


def test_grant_for_a_time_ends():
    path = file("papers/short.txt")
    with running() as app:
        carrel("grant", "--for=2s", APP, path)
        app.works(f"cat {path}")
        wait_for(lambda: app.do(f"cat {path}")[1], "the end of the grant")
        refused("grant", "--for=ever", APP, path, says=["is no time"])
        refused("grant", "--for=0s", APP, path, says=["is no time"])
        refused("grant", "--for=2s", "--always", APP, path, says=["exclude each other"])


def test_grant_for_ever_is_written_into_the_policy():
    one, two = file("papers/one.txt"), file("papers/two.txt")
    policy = home / ".config/carrel/policies" / f"{APP}.policy"
    with running() as app:
        carrel("grant", "--always", APP, one)
        app.works(f"cat {one}")
        policy.write_text("# mine\n[Environment]\nA=b\n\n[Context]\n" + policy.read_text().split("[Context]\n")[1]
                          + "shared=ipc;\n")
        carrel("grant", "--always", "--rw", APP, two)
    text = policy.read_text()
    assert text == f"# mine\n[Environment]\nA=b\n\n[Context]\nfilesystems={one}:ro;{two};\nshared=ipc;\n", text
    with running() as app:
        app.works(f"cat {one} && echo x > {two}")
        app.fails(f"echo x > {one}", "Read-only")
    policy.write_text("[Context\nbroken")
    assert "stays as it is" in carrel("grant", "--always", APP, one, status=125).stderr
    assert policy.read_text() == "[Context\nbroken"
    policy.unlink()


def test_what_was_granted_for_ever_is_listed_and_taken_back():
    one, two, name = file("papers/one.txt"), file("papers/a;b.txt"), "org.example.Name"
    policy = home / ".config/carrel/policies" / f"{APP}.policy"
    carrel("grant", "--always", APP, one)
    carrel("grant", "--always", "--rw", APP, two)
    carrel("grant", "--always", f"--talk-name={name}", APP)
    want = [f"-  {APP}  ro  always    {one}", f"-  {APP}  rw  always    {two}", f"-  {APP}  talk  always    {name} on the session bus"]
    for words in ((), (APP,)):
        assert sorted(carrel("grants", "--always", *words).stdout.splitlines()) == sorted(want), words
    assert [(g["lasts"], g.get("writable"), g.get("access"), "instance" in g) for g in json.loads(carrel("grants", "--always", "--json", APP).stdout)
            if g.get("path") != str(two)] == [("always", False, None, False), ("always", None, "talk", False)]
    with running() as app:
        app.works(f"cat {one}")
        assert carrel("grants").stdout == ""
        refused("revoke", APP, one, says=["was not granted", "your policy gives it", "--always takes it out"])
        assert "keeps until its end" in carrel("revoke", "--always", APP, one).stderr
        three = file("papers/three.txt")
        carrel("grant", "--always", APP, three)
        assert "your policy gives it" in carrel("revoke", APP, three).stderr
        app.fails(f"cat {three}", "No such file")
        assert carrel("revoke", "--always", APP, three).returncode == 0
        app.works(f"cat {one}")
    carrel("revoke", "--always", APP, two)
    with running() as app:
        app.fails(f"cat {one}", "No such file")
        app.fails(f"cat '{two}'", "No such file")
    carrel("revoke", "--always", f"--talk-name={name}", APP)
    assert not policy.exists()
    refused("revoke", "--always", APP, one, says=["was not granted"])
    assert carrel("grants", "--always", APP).stdout == ""
    refused("grants", APP, says=["is not running"])
    # What else is there stays, and no earlier line comes to count.
    policy.write_text(f"# mine\n[Context]\nfilesystems=/usr/no;\nfilesystems={one}:ro\nshared=ipc;\n")
    carrel("revoke", "--always", APP, one)
    assert policy.read_text() == "# mine\n[Context]\nfilesystems=/usr/no;\nfilesystems=\nshared=ipc;\n"
    policy.unlink()


def test_grant_for_ever_of_an_odd_name():
    path = file("papers/a;b:c\\d .txt", "odd\n")
    policy = home / ".config/carrel/policies" / f"{APP}.policy"
    policy.parent.mkdir(parents=True, exist_ok=True)
    policy.write_text(" [Context]\nfilesystems=~/no;\nfilesystems = ~/music\n")
    carrel("grant", "--always", APP, path)
    with running() as app:
        assert app.works(f"cat {path.parent}/a*") == "odd\n"
    assert policy.read_text().startswith(" [Context]\nfilesystems=~/no;\nfilesystems = ~/music;/")
    policy.unlink()


def test_path_in_tmp_does_not_follow_the_apps_links():
    with tempfile.TemporaryDirectory(dir="/tmp") as top, running() as app:
        path = pathlib.Path(top, "sub/file")
        path.parent.mkdir()
        path.write_text("from outside\n")
        app.works(f"mkdir -p {top}; ln -s {app.works('echo $HOME').strip()} {top}/sub")
        refused("grant", APP, path, says=["cannot grant"])
        app.works(f"rm {top}/sub; test -z \"$(ls -A {top})\"")
        carrel("grant", APP, path)
        assert app.works(f"cat {path}") == "from outside\n"
        app.fails(f"rm -r {top}/sub")
        app.fails(f"mv {top}/sub/file {top}/elsewhere")


SECRETS = (".pgpass", ".npmrc", ".pypirc", ".cargo/credentials.toml", ".bash_history")
STARTED = (".inputrc", ".tmux.conf", ".forward", ".config/mimeapps.list", ".Xresources", ".local/lib/python3/site-packages/x.pth")


def test_what_would_break_the_sandbox_is_refused():
    for name in (".ssh/id", ".gnupg/key", ".config/carrel/policies/x.policy", ".var/app/org.other.App/data",
                 ".local/share/flatpak/overrides/x", ".mozilla/logins", *SECRETS, *STARTED):
        file(name)
    for name in (".bashrc", ".config/autostart/x.desktop", ".local/bin/ls", ".config/systemd/user/x.service"):
        file(name)
    with running() as app:
        for name in (".ssh/id", ".ssh", ".gnupg", ".config/carrel/policies/x.policy", ".config", ".var",
                     ".var/app/org.other.App", ".local/share/flatpak/overrides/x", ".mozilla", *SECRETS):
            refused("grant", APP, home / name)
        for name in (".bashrc", ".config/autostart/x.desktop", ".local/bin", ".config/systemd/user/x.service", *STARTED):
            refused("grant", "--rw", APP, home / name, says=["--force"])
            carrel("grant", APP, home / name)
        for path in (home, "/", "/usr/bin", "/etc/passwd", "/dev/null", runtime, registry, registry / app.id,
                     home / ".var/app" / APP):
            refused("grant", "--force", APP, path)
        carrel("grant", "--force", APP, home / ".ssh/id")
        app.works(f"cat {home}/.ssh/id")
        (home / ".config/carrel/policies/x.policy").unlink()


def test_links_of_a_program_are_not_followed():
    target = file("papers/private.txt")
    link = home / "shared-link"
    link.symlink_to(target)
    (home / "folder-link").symlink_to(target.parent)
    with running() as app:
        refused("grant", APP, link, says=["is a symbolic link"])
        refused("grant", APP, home / "folder-link/private.txt", says=["is a symbolic link"])
        carrel("grant", "--force", APP, link)
        app.works(f"cat {target}")


def test_odd_paths():
    weird = file("papers/a b\t\x1b;\u00e4.txt", "odd\n")
    with running() as app:
        carrel("grant", APP, weird)
        out = carrel("grants").stdout
        assert "\x1b" not in out and "\\x1b" in out, out
        assert json.loads(carrel("grants", "--json").stdout)[0]["path"] == str(weird)
        assert app.works(f"cat {weird.parent}/a*").strip() == "odd"
        refused("grant", "--always", APP, weird, says=["no policy can hold"])
        refused("grant", APP, home / "gone", says=["No such file"])
        refused("grant", APP, "/", says=["/ as a whole cannot be granted", "hint: grant the folders of yours"])
        refused("grant", APP, "papers/../papers", says=["cannot be granted"])
        os.mkfifo(home / "pipe")
        refused("grant", APP, home / "pipe", says=["neither a file nor a folder"])
        carrel("grant", APP, "papers/report.txt", cwd=home)


def test_what_is_in_sight_is_not_granted_again():
    path = file("papers/seen.txt")
    with running(f"--filesystem={home}/papers") as app:
        assert "sees" in carrel("grant", APP, path).stderr
        assert json.loads(carrel("grants", "--json").stdout) == []
        app.works(f"cat {path}")


def replace(path, text):
    """As most programs save."""
    file(f"{path}.new", text)
    os.rename(f"{path}.new", path)


def test_file_that_was_saved_anew_is_granted_anew():
    path, folder, known = file("papers/saved.txt", "1\n"), file("papers/dir/f", "1\n").parent, file("papers/known.txt", "1\n")
    with running(f"--filesystem={known}") as app:
        for granted, inside in ((path, path), (folder, folder / "f")):
            carrel("grant", APP, granted)
            assert app.works(f"cat {inside}") == "1\n"
            os.rename(granted, f"{granted}.old")
            file(inside, "2\n")
            assert app.works(f"cat {inside}") == "1\n"
            carrel("grant", APP, granted)
            assert app.works(f"cat {inside}") == "2\n"
        assert len(json.loads(carrel("grants", "--json").stdout)) == 2
        carrel("revoke", "--all", APP)
        app.fails(f"cat {path}", "No such file")
        app.fails(f"ls {folder}", "No such file")
        replace(known, "2\n")  # nothing can be mounted on a file that is gone
        refused("grant", "--rw", APP, known, says=["its policy shows it the file that was there at its start"])
        assert app.works(f"cat {known}") == "1\n"


def test_replaced_file_is_not_granted():
    """Whatever is put in its place between the person's word and the mount: the same file or none."""
    good, bad = file("race/good", "good\n"), file("race/bad", "bad\n")
    name = home / "race/name"
    with running() as app:
        stop = time.monotonic() + 3
        swapper = subprocess.Popen(["/bin/sh", "-c", f"while :; do ln -f {good} {home}/race/t; mv -f {home}/race/t {name}; "
                                    f"ln -sf {bad} {home}/race/t; mv -f {home}/race/t {name}; done"])
        try:
            wait_for(lambda: os.path.lexists(name), "the swapper")
            seen = set()
            while time.monotonic() < stop:
                r = stage.run("grant", APP, str(name), env=ENV)
                if r.returncode == 0:
                    seen.add(app.works(f"cat {name}"))
                    carrel("revoke", APP, name)
        finally:
            swapper.kill()
            swapper.wait()
        assert seen <= {"good\n"}, seen
        app.fails(f"cat {bad}")


def test_grant_races_with_the_end_of_the_app():
    path = file("papers/late.txt")
    for delay in (0, 0.002, 0.005, 0.01):
        with running() as app:
            one = app.id
            p = subprocess.Popen([stage.carrel, "grant", one, path], env=ENV, stderr=subprocess.PIPE,
                                 stdin=subprocess.DEVNULL, text=True)
            time.sleep(delay)
            app.p.kill()
            _, err = p.communicate(timeout=SECONDS)
            assert p.returncode == 0 or (p.returncode == 125 and err.count("carrel: error:") == 1), err
        wait_for(lambda one=one: not (registry / one).exists(), "its end")


def test_grants_of_two_instances_are_apart():
    path = file("papers/apart.txt")
    with running() as a, running() as b:
        carrel("grant", a.id, path)
        a.works(f"cat {path}")
        b.fails(f"cat {path}")
        carrel("grant", APP, path)
        b.works(f"cat {path}")


def main():
    runtime.mkdir(mode=0o700)
    (home / "papers").mkdir()
    only = os.environ.get("CARREL_TEST")
    for test in [f for name, f in globals().items() if name.startswith("test_")]:
        if not only or only in test.__name__:
            tap.run(test)
    stage.close()
    return tap.done()


sys.exit(main())
