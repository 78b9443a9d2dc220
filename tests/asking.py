#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the person is asked, by a terminal and by a real notification daemon (dunst on Xvfb); what is
remembered; and carrel copy.

    asking.py BUILD POLICIES"""

import contextlib
import json
import os
import pathlib
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_lib import Stage  # noqa: E402
from tap import Skip, Tap  # noqa: E402

SECONDS = 60
APP = "org.example.Asker"
tap = Tap()
tempfile.tempdir = os.path.expanduser("~")
stage = Stage(*sys.argv[1:3])
home = pathlib.Path(stage.home)
runtime = pathlib.Path(stage.path("run"))
answers = home / ".config/carrel/answers" / APP
ENV = stage.env(XDG_RUNTIME_DIR=str(runtime), LANG="C.UTF-8")
POLICY = stage.write("ask.policy", "[Carrel Ask]\nat-start=network;\n")
# Whether the app shares the host's network: one more device than lo, or lo of another namespace.
PROBE = "readlink /proc/self/ns/net"
WORDS = ["run", f"--app-id={APP}", f"--policy={POLICY}", "--tty=never", "/bin/sh", "-c", PROBE]
outside = os.readlink("/proc/self/ns/net")


def forget():
    answers.unlink(missing_ok=True)


def on_terminal(typed, words=WORDS):
    """Runs carrel on a pseudo terminal; returns what was written to it, by both."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(home)
        os.execve(stage.carrel, [stage.carrel, *words], ENV)
    out, sent, end = b"", False, time.monotonic() + SECONDS
    with contextlib.suppress(OSError):
        while time.monotonic() < end:
            if select.select([fd], [], [], 0.2)[0]:
                got = os.read(fd, 4096)
                if not got:
                    break
                out += got
            if not sent and b"ne[v]er" in out:
                os.write(fd, typed)
                sent = True
    os.waitpid(pid, 0)
    os.close(fd)
    return out.decode(errors="replace")


def quiet(env=ENV, words=WORDS):
    r = stage.run(*words, env=env)
    assert r.returncode == 0, r
    return r


def test_yes_is_for_one_start():
    assert outside in subprocess.run(["/bin/sh", "-c", PROBE], capture_output=True, text=True, check=True).stdout
    out = on_terminal(b"y\n")
    assert "may \"org.example.Asker\" have the network?" in out and outside in out, out
    assert not answers.exists()
    assert "ne[v]er" in on_terminal(b"n\n"), "it is asked again"


def test_no_and_anything_else_is_no():
    for typed in (b"n\n", b"\n", b"\x04", b"maybe\nperhaps\ny e s\n\x1b[A\n" + b"y" * 100 + b"\n"):
        out = on_terminal(typed)
        assert outside not in out and "net:[" in out, (typed, out)
    assert not answers.exists()


def test_always_and_never_are_remembered_listed_and_forgotten():
    for typed, granted in ((b"a\n", True), (b"v\n", False)):
        out = on_terminal(typed)
        assert (outside in out) == granted, out
        out = on_terminal(b"")
        assert "ne[v]er" not in out and (outside in out) == granted, out
        assert (outside in quiet().stdout) == granted
        assert answers.stat().st_mode & 0o777 == 0o600
        listed = json.loads(stage.run("permissions", "--json", env=ENV).stdout)
        assert listed == [{"app": APP, "permission": "network", "granted": granted}], listed
        assert stage.run("permissions", env=ENV).stdout == f"{APP}  network  {'yes' if granted else 'no'}\n"
        assert stage.run("permissions", "--forget", APP, env=ENV).returncode == 0
        assert stage.run("permissions", env=ENV).stdout == "" and not answers.exists()
    r = stage.run("permissions", "--forget", APP, env=ENV)
    assert r.returncode == 125 and "nothing is remembered" in r.stderr, r


def test_with_nobody_to_ask_it_is_no():
    r = quiet()
    assert outside not in r.stdout and "nobody to ask" in r.stderr, r
    r = quiet({**ENV, "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"})
    assert outside not in r.stdout and "nobody to ask" in r.stderr, r


def test_broken_answers_are_no_answers():
    answers.parent.mkdir(parents=True, exist_ok=True)
    for text in ("network=maybe\n", "network=yesno\n", "network\n", "\0\0", "networks=yes\n", "x" * 5000 + "\nnetwork=yes\n"):
        answers.write_text(text)
        assert outside not in quiet().stdout, text
    forget()
    answers.symlink_to(stage.write("elsewhere", "network=yes\n"))
    assert outside not in quiet().stdout, "a link is not followed"
    forget()


def test_only_run_asks():
    for command in ("plan", "explain"):
        out = on_terminal(b"y\n", [command, *[w for w in WORDS[1:] if not w.startswith("--tty")]])
        assert "ne[v]er" not in out, out


@contextlib.contextmanager
def desktop(choice):
    """A session bus with dunst on it; whoever asks is answered with the button of this label."""
    for tool in ("Xvfb", "dunst", "dbus-daemon"):
        if not shutil.which(tool):
            raise Skip(f"{tool} is missing")
    menu = stage.write("menu", f"#!/bin/sh\ntee -a {stage.path('menu.log')} | grep -F '{choice}'\n", 0o755)
    # Nothing is started by name: the daemon is the one below.
    conf = stage.write("bus.conf", '<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><policy '
                       'context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>'
                       '<allow own="*"/></policy></busconfig>')
    config = stage.write("dunstrc", f"[global]\ndmenu = {menu}\nmarkup = full\n")
    # A number of its own: one that Xvfb chooses may have a socket of somebody else's in /tmp/.X11-unix.
    display = f":{1000 + os.getpid() % 30000}"
    screen = subprocess.Popen(["Xvfb", display, "-nolisten", "tcp", "-noreset", "-screen", "0", "800x600x24"],
                              stderr=subprocess.DEVNULL, env=ENV)
    bus = subprocess.Popen(["dbus-daemon", f"--config-file={conf}", "--print-address", "--nofork"], stdout=subprocess.PIPE,
                           text=True, env=ENV)
    env = {**ENV, "DISPLAY": display, "DBUS_SESSION_BUS_ADDRESS": bus.stdout.readline().strip()}
    def start():
        return subprocess.Popen(["dunst", "-config", config], env=env, stdout=subprocess.DEVNULL, stderr=log)
    log = open(stage.path("dunst.log"), "w+", encoding="utf-8")  # noqa: SIM115 - closed below
    daemon = start()
    try:
        end = time.monotonic() + SECONDS
        while subprocess.run(["dunstctl", "count"], env=env, capture_output=True, check=False).returncode:
            assert time.monotonic() < end, "dunst does not answer: " + pathlib.Path(log.name).read_text()
            if daemon.poll() is not None:
                daemon = start()
            time.sleep(0.2)
        yield env
    finally:
        for p in (daemon, bus, screen):
            p.terminate()
            p.wait(timeout=SECONDS)
        bus.stdout.close()
        log.close()


def by_notification(choice, words=WORDS):
    with desktop(choice) as env:
        def ctl(*more):
            return subprocess.run(["dunstctl", *more], env=env, capture_output=True, text=True, check=False).stdout
        p = subprocess.Popen([stage.carrel, *words], env=env, cwd=home, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + SECONDS
        while ctl("count", "displayed").strip() != "1":
            assert time.monotonic() < end and p.poll() is None, p.communicate()
            time.sleep(0.05)
        if choice:
            ctl("context")
        else:
            ctl("close-all")
        out, err = p.communicate(timeout=SECONDS)
        assert p.returncode == 0, err
        return out, ctl("history")


def test_a_notification_is_answered_by_its_buttons():
    for choice, granted, kept in (("Yes, this time", True, False), ("Always", True, True)):
        out, history = by_notification(choice)
        assert (outside in out) == granted and answers.exists() == kept, (choice, out, history)
        forget()
    log = pathlib.Path(stage.path("menu.log")).read_text()
    assert all(word in log for word in ("Yes, this time", "No", "Always", "Never")), log


def test_a_notification_that_is_closed_is_no():
    out, history = by_notification("")
    assert outside not in out and "may" in history, (out, history)


# ---- carrel copy ----

A, B = "org.example.From", "org.example.To"


def app_home(app):
    path = home / ".var/app" / app
    path.mkdir(parents=True, exist_ok=True)
    return path


def copy(*words, status=0, says=""):
    r = stage.run("copy", *words, env=ENV)
    assert r.returncode == status and says in r.stderr, (words, r)
    return r


def test_copy_between_two_apps():
    a, b = app_home(A), app_home(B)
    (a / "docs").mkdir()
    (b / "in").mkdir()
    (a / "docs/x.txt").write_text("text\n" * 50000)
    (a / "docs/x.txt").chmod(0o4755)
    copy(f"{A}:docs/x.txt", B)
    assert (b / "x.txt").read_text() == "text\n" * 50000 and not (b / "x.txt").stat().st_mode & 0o7000
    copy(f"{A}:{a}/docs/x.txt", f"{B}:in")
    copy(f"{A}:~/docs/x.txt", f"{B}:~/in", status=125, says="--force")
    (a / "docs/x.txt").write_text("new\n")
    copy("--force", f"{A}:docs/x.txt", f"{B}:in")
    assert (b / "in/x.txt").read_text() == "new\n" and sorted(p.name for p in (b / "in").iterdir()) == ["x.txt"]


def test_copy_leaves_no_home_and_follows_no_link():
    a, b = app_home(A), app_home(B)
    secret = home / "secret"
    secret.write_text("secret\n")
    (a / "link").symlink_to(secret)
    (a / "dirlink").symlink_to(home)
    os.mkfifo(a / "pipe")
    (b / "out").symlink_to(home)
    (a / "plain").write_text("plain\n")
    assert (a / "link").read_text() == "secret\n"
    for source, says in (("link", "symbolic link"), ("dirlink/secret", "symbolic link"), ("../../../secret", "cannot copy"),
                         ("pipe", "no ordinary file"), (str(secret), "is not in the home"), ("docs", "no ordinary file"),
                         ("gone", "No such file")):
        copy(f"{A}:{source}", B, status=125, says=says)
    copy(f"{A}:plain", f"{B}:out", status=125, says="cannot open the folder")
    copy(f"{A}:plain", f"{B}:../{A}", status=125)
    copy(f"{A}:", B, status=125, says="names no file")
    copy(f"{A}:plain", "org.example.Never", status=125, says="before its first start")
    (b / "plain").symlink_to(secret)
    copy(f"{A}:plain", B, status=125)
    copy("--force", f"{A}:plain", B)
    assert secret.read_text() == "secret\n" and not (b / "plain").is_symlink()
    assert not list(home.glob("plain"))


def main():
    runtime.mkdir(mode=0o700)
    only = os.environ.get("CARREL_TEST", "")
    for test in [f for name, f in globals().items() if name.startswith("test_")]:
        if only in test.__name__:
            tap.run(test)
    stage.close()
    return tap.done()


sys.exit(main())
