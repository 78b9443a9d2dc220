#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""[Carrel Limits] and carrel limit.

    limits.py BUILD POLICIES                    here, whatever control groups this host has
    limits.py BUILD POLICIES --kernel           in a kernel of its own (User-Mode Linux) that has every
                                                controller, twice: with a part of the tree that is the
                                                person's, and with a real systemd --user; takes minutes
    limits.py BUILD POLICIES --inside cgroup    the one part
    limits.py BUILD POLICIES --inside systemd   the other

Where the kernel's own count is asked for (a process more, a page more) the probe is first shown to
succeed without the limit."""

import contextlib
import json
import os
import pathlib
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_lib import Stage  # noqa: E402
from tap import Tap  # noqa: E402

SECONDS = 120
APP = "org.example.Lim-ited"
# The kernel does not enforce RLIMIT_NPROC for root: without control groups its number is refused, not promised.
ROOT = os.getuid() == 0 and len(sys.argv) < 4
UML = "linux.uml"
tap = Tap()
inside = sys.argv[4] if len(sys.argv) > 4 else None
kernel = sys.argv[3:] == ["--kernel"]
tempfile.tempdir = os.path.expanduser("~")
stage = Stage(*sys.argv[1:3])
runtime = pathlib.Path(os.environ["XDG_RUNTIME_DIR"] if inside else stage.path("run"))
ENV = stage.env(XDG_RUNTIME_DIR=str(runtime), LANG="C.UTF-8")
for name in ("DBUS_SESSION_BUS_ADDRESS",):
    if inside and name in os.environ:
        ENV[name] = os.environ[name]

FORKS = """
import os, time
n = 0
try:
    while n < 60:
        if os.fork() == 0:
            time.sleep(1000)
        n += 1
except BlockingIOError:
    pass
print(n, flush=True)
os.kill(os.getppid(), 0)
"""
HOLD = "import time; b = bytearray(%d << 20); print('held', flush=True); time.sleep(%d)"


# Owns systemd's name on the bus, as one that refuses a scope, or that never says anything.
STUB = """
import sys
import dbus, dbus.mainloop.glib, dbus.service
from gi.repository import GLib
I = "org.freedesktop.systemd1.Manager"
class Manager(dbus.service.Object):
    @dbus.service.method(I, in_signature="", out_signature="")
    def Subscribe(self):
        pass
    @dbus.service.method(I, in_signature="ssa(sv)a(sa(sv))", out_signature="o")
    def StartTransientUnit(self, name, mode, properties, more):
        raise dbus.DBusException("no scopes today")
dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.bus.BusConnection(sys.argv[1])
stub = Manager(bus, "/org/freedesktop/systemd1")
bus.request_name("org.freedesktop.systemd1")
print("ready", flush=True)
sys.stdin.read() if sys.argv[2] == "silent" else GLib.MainLoop().run()
"""


def policy(*lines, optional=""):
    return stage.write("limits.policy", "[Carrel Sandbox]\noptional=landlock;landlock-scope;\n[Carrel Limits]\n"
                       + "".join(f"{line}\n" for line in lines) + (f"optional={optional}\n" if optional else ""))


def words(path, *program):
    return ["run", f"--app-id={APP}", f"--policy={path}", *program]


def run(path, *program, **more):
    return stage.run(*words(path, *program), env=ENV, **more)


def ps():
    r = stage.run("ps", "--json", env=ENV)
    assert r.returncode == 0, r
    return json.loads(r.stdout)


@contextlib.contextmanager
def running(path, code="import time; print('ready', flush=True); time.sleep(1000)"):
    p = subprocess.Popen([stage.carrel, *words(path, "/usr/bin/python3", "-c", code)], env=ENV, text=True,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        line = p.stdout.readline().strip()
        assert line, p.communicate(timeout=SECONDS)
        yield p, line
    finally:
        p.kill()
        p.communicate(timeout=SECONDS)


def limit(*more, status=0):
    r = stage.run("limit", APP, *more, env=ENV)
    assert r.returncode == status, r
    return r


def wait_for(look, what):
    end = time.monotonic() + SECONDS
    while not (found := look()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.02)
    return found


@contextlib.contextmanager
def false_systemd(how):
    """One that is there as a file and "refuses", is "silent", or whose bus is "mute"."""
    private, address, running_ = runtime / "systemd/private", f"unix:path={runtime}/bus", []
    private.parent.mkdir()
    private.touch()
    listener = socket.socket(socket.AF_UNIX)
    try:
        if how == "mute":
            listener.bind(f"{runtime}/bus")
            listener.listen(5)
        else:
            for words_, says in ((["dbus-daemon", "--session", f"--address={address}", "--nofork", "--print-address"], "unix:"),
                                 (["/usr/bin/python3", "-c", STUB, address, how], "ready")):
                running_.append(subprocess.Popen(words_, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENV, text=True))
                assert running_[-1].stdout.readline().startswith(says), words_
        yield
    finally:
        for p in reversed(running_):
            p.kill()
            p.communicate(timeout=SECONDS)
        listener.close()
        (runtime / "bus").unlink(missing_ok=True)
        shutil.rmtree(private.parent)


def doctor():
    r = stage.run("doctor", "--json", env=ENV)
    return next(f for f in json.loads(r.stdout) if f["id"] == "control-groups")


# ---- on any host ----

def test_processes_are_limited_without_any_control_group():
    with running(policy(), FORKS) as (_, made):
        assert made == "60"
        assert ps()[0]["limits"]["by"] == "none"
    if ROOT:
        r = run(policy("processes=20"), "/bin/true")
        assert r.returncode == 125 and "cannot limit processes" in r.stderr, r
        return
    with running(policy("processes=20"), FORKS + "time.sleep(1000)\n") as (_, made):
        assert made == "19", made
        limits = ps()[0]["limits"]
        assert limits["by"] in ("rlimit", "cgroup", "systemd") and limits["processes"] == 20, limits


def test_what_the_host_cannot_limit_is_refused():
    if host_kinds():
        assert run(policy("memory=1G"), "/bin/true").returncode == 0
        return
    for key in ("memory=1G", "cpu=50", "cpu-weight=50", "io-weight=50"):
        r = run(policy(key), "/bin/true")
        assert r.returncode == 125 and "cannot limit " + key.split("=")[0] in r.stderr and "optional=" in r.stderr, r


def test_what_may_be_missing_is_told():
    if host_kinds():
        return
    path = policy("memory=1G", "cpu=50", optional="memory;cpu")
    assert run(path, "/bin/true").returncode == 0
    text = stage.run("plan", *words(path, "/bin/true")[1:], env=ENV).stdout
    assert "missing memory" in text and "missing cpu" in text and "rlimit data 1073741824 1073741824" in text, text
    out = run(policy("memory=64M", optional="memory"), "/usr/bin/python3", "-c", HOLD % (256, 0))
    assert out.returncode != 0 and "MemoryError" in out.stderr, out
    assert run(policy("memory=1G", optional="memory"), "/usr/bin/python3", "-c", HOLD % (256, 0)).returncode == 0


def test_bad_values_are_faults_of_the_policy():
    for line, says in (("memory=much", "is no value of memory"), ("memory=-1", "is no value"), ("cpus=3", "is no key"),
                       ("cpu-weight=10001", "10000")):
        r = run(policy(line), "/bin/true")
        assert r.returncode == 125 and says in r.stderr, (line, r)


def test_a_running_app_can_be_limited_in_number_at_any_rate():
    code = "import os, sys, time\nprint('ready', flush=True)\nwhile not os.path.exists('/tmp/go'): time.sleep(.01)\n" + FORKS
    with running(policy(), code) as (p, _):
        if ROOT:
            assert "not counted by rlimits" in limit("--processes=10", status=125).stderr
            return
        limit("--processes=10")
        assert ps()[0]["limits"].get("processes") == 10, ps()
        r = stage.run("enter", APP, "--", "touch", "/tmp/go", env=ENV)
        assert r.returncode == 0, r
        assert int(p.stdout.readline()) < 30
        for words_, says in ((["--processes=none"], "is no value"), ([], "say what"), (["--memory=0"], "is no value"),
                             (["--cpu-weight=20000"], "is no value")):
            assert says in limit(*words_, status=125).stderr


FALSE = {"refuses": "no scopes today", "silent": "timed out", "mute": "timed out"}
# A start that waits for what does not answer waits for two seconds; what it waited before is more.
WAITED = 12


def test_a_systemd_that_does_not_serve_is_named_with_its_reason():
    if host_kinds():
        return
    assert "systemd" not in run(policy("memory=1G"), "/bin/true").stderr
    for how, says in FALSE.items():
        with false_systemd(how):
            begin = time.monotonic()
            r = run(policy("memory=1G"), "/bin/true")
            took = time.monotonic() - begin
            found = doctor()
        assert r.returncode == 125 and took < WAITED, (how, took, r)
        by, own = r.stderr.split("by systemd: ")[1].split("; by a group of its own: ")
        assert says in by.lower() and "is the person's" in own, (how, r)
        if how != "refuses":
            assert "your systemd gives none" in found["state"] and says in found["state"].lower() and found["remedy"], found


def test_what_may_be_missing_is_limited_as_far_as_it_goes_without_systemd():
    if host_kinds():
        return
    eat, fits, small = ("/usr/bin/python3", "-c", HOLD % (256, 0)), policy("memory=1G", optional="memory"), ""
    with false_systemd("refuses"):
        r = run(fits, *eat)
        assert r.returncode == 0 and "gets no control group; each process has the limit of memory" in r.stderr, r
        small = policy("memory=64M", optional="memory")
        r = run(small, *eat)
        assert r.returncode != 0 and "MemoryError" in r.stderr, r
        if ROOT:
            return
        with running(policy("processes=20"), FORKS) as (_, made):
            assert made == "19", made
        with running(policy()):
            limit("--processes=10")
            assert ps()[0]["limits"] == {"by": "rlimit", "processes": 10}, ps()
            assert "no scopes today" in limit("--memory=1G", status=125).stderr


def host_kinds():
    """Whether groups with a memory controller can be had here."""
    return " memory" in doctor()["state"]


# ---- with controllers ----

def group():
    one = wait_for(ps, "the app")[0]
    text = pathlib.Path(f"/proc/{one['pid']}/cgroup").read_text(encoding="ascii")
    path = pathlib.Path("/sys/fs/cgroup" + text.split("0::")[1].splitlines()[0])
    name = f"app-carrel-{APP.replace('-', chr(92) + 'x2d')}-{one['instance']}"
    assert path.name == name + (".scope" if inside == "systemd" else ""), path
    return path


ALL = ("memory=40M", "processes=30", "cpu=50", "cpu-weight=30")


def inside_the_app_has_a_group_of_its_own_with_all_limits():
    with running(policy(*ALL)):
        g = group()
        assert (g / "memory.max").read_text() == f"{40 << 20}\n"
        assert (g / "pids.max").read_text() == "46\n"
        assert (g / "cpu.weight").read_text() == "30\n"
        quota, period = (g / "cpu.max").read_text().split()
        assert int(quota) * 2 == int(period), (quota, period)
        limits = ps()[0]["limits"]
        assert limits["by"] == inside and limits["memory"] == 40 << 20 and limits["cpu"] == 50, limits
        assert limits["processes"] == 30 and limits["cpu-weight"] == 30 and limits["memory_used"] > 0, limits
        assert inside in stage.run("ps", env=ENV).stdout
        supervisor = [p for p in pathlib.Path("/proc").glob("[0-9]*")
                      if (p / "comm").read_text().startswith("carrel-superv")]
        assert supervisor and all(APP not in (p / "cgroup").read_text() for p in supervisor), "it stays outside"
        assert g.exists()
    wait_for(lambda: not g.exists(), "the end of the group")


def inside_memory_ends_the_app_and_only_it():
    with running(policy("memory=100M"), HOLD % (60, 1000)) as (_, word):
        assert word == "held"
    with running(policy("memory=40M"), "print('on', flush=True)\n" + HOLD % (60, 1000)) as (p, _):
        assert p.wait(timeout=SECONDS) != 0
        assert p.stdout.read() == ""
    wait_for(lambda: ps() == [], "its end")


def inside_a_running_app_is_moved_and_limited():
    code = ("import os, time\nfor _ in range(5):\n  if os.fork() == 0: time.sleep(1000)\n"
            "print('ready', flush=True); time.sleep(1000)")
    with running(policy(), code):
        assert ps()[0]["limits"]["by"] == "none"
        limit("--memory=300M", "--cpu=70")
        g = group()
        one = ps()[0]
        assert one["limits"] == one["limits"] | {"by": inside, "memory": 300 << 20, "cpu": 70}, one
        assert {int(p) for p in (g / "cgroup.procs").read_text().split()} >= set(one["pids"]), one
        limit("--memory=200M", "--processes=50", "--cpu=max")
        one = ps()[0]["limits"]
        assert one["memory"] == 200 << 20 and one["processes"] == 50 and "cpu" not in one, one
    wait_for(lambda: not g.exists(), "the end of the group")


def inside_an_app_cannot_leave_its_group():
    code = ("import glob\nprint('seen', open('/proc/self/cgroup').read().strip(), "
            "len(glob.glob('/sys/fs/cgroup/*')), flush=True)")
    with running(policy("memory=100M"), code) as (_, line):
        assert line == "seen 0::/ 0", line


def inside_what_is_not_there_is_refused():
    r = run(policy("io-weight=50"), "/bin/true")
    if inside == "systemd" or not pathlib.Path("/sys/fs/cgroup/user/io.weight").exists():
        assert r.returncode == 125 and "io" in r.stderr, r
    r = run(policy("io-weight=50", optional="io-weight"), "/bin/true")
    assert r.returncode == 0, r
    if inside == "systemd":  # what its scopes can have is known only when there is one
        assert "runs without these limits" in r.stderr and r.stderr.count("io-weight") == 1, r


def inside_doctor_tells_who_makes_them():
    found = doctor()
    if inside == "systemd":
        assert found["health"] == "info" and found["state"].startswith("by your systemd"), found
        assert found["state"].endswith(": cpu memory pids") and found["meaning"].endswith(": io-weight"), found
        assert "Delegate=" in found["remedy"], found
    else:
        assert found["health"] == "good", found
        assert re.match("a part of the tree is yours, /sys/fs/cgroup/user: ", found["state"]), found


def cgroup_stands_in_where_systemd_does_not_serve():
    for how in FALSE:
        with false_systemd(how):
            with running(policy("memory=40M")):
                g = group()
                assert (g / "memory.max").read_text() == f"{40 << 20}\n"
                assert ps()[0]["limits"]["by"] == "cgroup"
            wait_for(lambda g=g: not g.exists(), "the end of the group")


def systemd_knows_the_scope_by_its_name():
    with running(policy("memory=40M", "cpu=50")):
        r = subprocess.run(["systemctl", "--user", "show", "-p", "MemoryMax,CPUQuotaPerSecUSec,Description,Slice", group().name],
                           env=ENV, capture_output=True, text=True, timeout=SECONDS, check=True)
        assert set(r.stdout.split("\n")) >= {f"MemoryMax={40 << 20}", "CPUQuotaPerSecUSec=500ms",
                                             "Description=confined by Carrel", "Slice=app.slice"}, r


# ---- a kernel of its own ----

BOOT = r"""#!/bin/bash
# {why}
PATH=/usr/bin:/bin:/usr/sbin:/sbin
mount -t proc proc /proc && mount -t sysfs sys /sys && mount -t tmpfs run /run && mkdir /run/host
mount -t hostfs host /run/host -o / && mount -t tmpfs tmp /tmp && mount -t tmpfs -o size=120m home /home
mount -t cgroup2 none /sys/fs/cgroup
ip link set lo up
hostname carrel-test
mkdir -p /run/user/{uid} /run/systemd/system {home}
chown {uid}:{gid} /run/user/{uid} {home} && chmod 700 /run/user/{uid}
G=/sys/fs/cgroup/user
echo '+cpu +memory +pids +io' > /sys/fs/cgroup/cgroup.subtree_control
mkdir $G $G/shell
chown -R {uid}:{gid} $G
as() {{ setpriv --reuid={uid} --regid={gid} --clear-groups --no-new-privs env -i HOME={home} USER=somebody PATH=/usr/bin:/bin \
    LANG=C.UTF-8 XDG_RUNTIME_DIR=/run/user/{uid} "$@"; }}
(
    echo $BASHPID > $G/shell/cgroup.procs
    as /usr/bin/python3 -B {script} {build} {policies} --inside cgroup 2>&1 | sed 's/^/cgroup: /'
)
rm -rf /run/user/{uid}/*
P=/sys/fs/cgroup/user.slice/user-{uid}.slice
S=$P/user@{uid}.service
mkdir -p $S/init.scope
for folder in /sys/fs/cgroup/user.slice $P; do
    echo '+cpu +memory +pids' > $folder/cgroup.subtree_control
done
chown -R {uid}:{gid} $S
(
    echo $BASHPID > $S/init.scope/cgroup.procs
    as SYSTEMD_LOG_TARGET=null /lib/systemd/systemd --user --unit=basic.target &
    for i in $(seq 120); do
        as systemctl --user is-active --quiet basic.target && break
        sleep 1
    done > /dev/null 2>&1
    as systemd-run --user --scope --quiet /usr/bin/python3 -B {script} {build} {policies} --inside systemd 2>&1 |
        sed 's/^/systemd: /'
)
sync
echo o > /proc/sysrq-trigger
sleep 60
"""


def boot():
    me = pwd.getpwuid(os.getuid() or pwd.getpwnam("nobody").pw_uid)
    script, build, policies = ("/run/host" + os.path.abspath(path) for path in (__file__, *sys.argv[1:3]))
    return stage.write("boot", BOOT.format(why="init of the test's own kernel", home="/home/somebody", uid=me.pw_uid,
                                           gid=me.pw_gid, script=script, build=build, policies=policies), 0o755)


def kernel_of_its_own():
    where = shutil.which(UML)
    if not where:
        tap.skip("in a kernel of its own", f"{UML} is missing")
        return
    p = subprocess.run([where, "mem=400M", "rootfstype=hostfs", "rootflags=/", "ro", f"init={boot()}", "con=null",
                        "con0=fd:0,fd:1", "quiet", f"umid=carrel{os.getpid()}", f"uml_dir={stage.path('uml')}"],
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=1500)
    text = p.stdout.decode(errors="replace").replace("\r", "")
    for by in ("cgroup", "systemd"):
        lines = [line.split(": ", 1)[1] for line in text.splitlines() if line.startswith(f"{by}: ")]
        points = [line for line in lines if re.match(r"(not )?ok ", line)]
        for line in points:
            tap.point(line.startswith("ok "), f"{by}: " + line.split(" - ", 1)[1], "\n".join(lines))
        tap.point(f"1..{len(points)}" in lines, f"{by}: all were done", text)


def main():
    if not inside:
        runtime.mkdir(mode=0o700)
    only = os.environ.get("CARREL_TEST", "")
    begin = ("inside_", f"{inside}_") if inside else "test_"
    if kernel:
        kernel_of_its_own()
    for test in [f for name, f in globals().items() if name.startswith(begin)]:
        if not kernel and only in test.__name__:
            tap.run(test)
    stage.close()
    return tap.done()


sys.exit(main())
