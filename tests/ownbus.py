#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""private-session-bus: the bus that an app has for itself, started by carrel-ownbus.

    ownbus.py BUILD POLICIES

No display is needed: that one is named is enough for the bus to be wanted.
"""
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_lib import Stage  # noqa: E402
from tap import Skip, Tap  # noqa: E402

S = Stage(*sys.argv[1:3])
tap = Tap()
SECONDS = 60
CALL = ("dbus-send --session --print-reply --dest=org.freedesktop.DBus / "
        "org.freedesktop.DBus.")
DAEMONS = "cat /proc/[0-9]*/comm | grep -c '^dbus-daemon$'"


def need(*programs):
    for name in programs:
        if not os.path.exists(f"/usr/bin/{name}"):
            raise Skip(f"{name} is not installed")


def inside(script, *args, program="sh", bus=True):
    """Runs a shell script as an app without a policy, which has a bus when there is a display."""
    env = S.env(DISPLAY=":77") if bus else S.env()
    words = ["-c", script, "sh", *args] if program == "sh" else list(args)
    return subprocess.run([S.carrel, "run", program, *words], env=env, cwd=S.home, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=SECONDS, check=False)


def says(done, status=0):
    assert done.returncode == status, f"{done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def the_bus_answers_and_is_there_only_when_it_should():
    need("dbus-daemon", "dbus-send")
    assert "string" in says(inside(CALL + "GetId"))
    assert inside(CALL + "GetId", bus=False).returncode != 0


def nothing_of_the_persons_bus_is_on_it():
    need("dbus-daemon", "dbus-send", "dbus-run-session")
    script = f"{CALL}ListNames; exec {S.carrel} run sh -c '{CALL}ListNames'"
    done = subprocess.run(["dbus-run-session", "--", "sh", "-c", script], cwd=S.home, text=True,
                          env=S.env(DISPLAY=":77"), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, timeout=SECONDS, check=True)
    names = [line.split('"')[1] for line in done.stdout.splitlines() if 'string ":1.' in line]
    assert names == [":1.0", ":1.0"], done.stdout  # each is the first on its bus


def the_daemon_starts_with_the_first_connection():
    need("dbus-daemon", "dbus-send")
    out = says(inside(f"{DAEMONS}; {CALL}GetId > /dev/null; {DAEMONS}"))
    assert out.split() == ["0", "1"], out


def two_at_once_find_one_bus():
    need("dbus-daemon", "dbus-send")
    out = says(inside(f"({CALL}GetId &); {CALL}GetId; sleep 1; {CALL}GetId; {DAEMONS}"))
    ids = {line for line in out.splitlines() if "string" in line}
    assert len(ids) == 1 and out.split()[-1] == "1", out


def the_app_itself_gets_the_signals():
    for bus in (False, True):
        script = "trap 'echo asked; exit 3' TERM; echo ready; while :; do sleep 0.1; done"
        child = subprocess.Popen([S.carrel, "run", "sh", "-c", script], cwd=S.home, text=True,
                                 env=S.env(DISPLAY=":77") if bus else S.env(),
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGTERM)
        out, _ = child.communicate(timeout=SECONDS)
        assert out == "asked\n" and child.returncode == 3, (bus, out, child.returncode)


def the_app_has_no_child_that_it_did_not_make():
    need("python3", "dbus-daemon")
    script = "import os\ntry:\n    print(os.waitpid(-1, 0))\nexcept ChildProcessError:\n    print('none')"
    assert says(inside("", "-c", script, program="python3")) == "none\n"
    assert says(inside("echo /proc/self/fd/* | wc -w")) == says(
        inside("echo /proc/self/fd/* | wc -w", bus=False))


def status_and_arguments_are_as_without_it():
    words = ["a b", "", "-n", "*", "$HOME"]
    for bus in (False, True):
        done = inside('printf "<%s>" "$@"; exit 7', *words, bus=bus)
        assert says(done, 7) == "".join(f"<{w}>" for w in words), done.stdout
        assert inside("kill -9 $$", bus=bus).returncode in (128 + 9, -9)
        S.write("home/.var/app/org.debian.plain/keep", "")
    path = S.write("home/plain", "no program", 0o644)
    for bus, env in ((False, S.env()), (True, S.env(DISPLAY=":77"))):
        done = S.run("run", "--app-id=org.example.No", "--filesystem=home:ro", "--command=" + path, "sh",
                     env=env)
        assert done.returncode == 126, (bus, done)
        done = S.run("run", "--app-id=org.example.No", "--command=/usr/bin/no-such-program", "sh", env=env)
        assert done.returncode == 127 and "no-such-program" in done.stderr, (bus, done)
        done = S.run("run", "--app-id=org.example.No", "--command=no-such-program", "sh", env=env)
        assert done.returncode == 127 and "no-such-program" in done.stderr, (bus, done)


def what_the_bus_starts_is_inside():
    need("dbus-daemon", "dbus-send")
    services = "home/.var/app/org.debian.sh/data/dbus-1/services/org.example.Told.service"
    S.write(services, "[D-BUS Service]\nName=org.example.Told\n"
            "Exec=/bin/sh -c 'ls -d /home/* > $HOME/told; echo $HOME >> $HOME/told; "
            "ls /proc | grep -c ^[0-9] >> $HOME/told'\n")
    out = says(inside(f"{CALL}StartServiceByName string:org.example.Told uint32:0 2> /dev/null; "
                      "cat $HOME/told"))
    lines = out.split()
    assert S.path("home/.var/app/org.debian.sh") in lines and int(lines[-1]) < 12, out


def without_the_daemon_connections_fail_at_once():
    """A file system in which dbus-daemon was taken away is not to be had here: the waiting process
    is ended instead, which has the same effect on the socket."""
    need("dbus-send")
    script = ("for p in /proc/[0-9]*; do [ \"$(cat $p/comm)\" = ownbus ] && [ ${p#/proc/} != $PPID ] && "
              "kill ${p#/proc/}; done; "
              f"sleep 0.3; timeout 10 {CALL}GetId; echo $?")
    out = says(inside(script))
    assert out.strip() in ("1", "2"), out


# ---- ends-with=last ----

def lasting(script, *args, bus=False, last=True, ends_with=None, **more):
    """As inside(), under a policy that says with which process the app ends."""
    ends_with = ends_with or ("last" if last else "first")
    policy = S.write("lasting.policy", f"[Carrel Application]\nends-with={ends_with}\n"
                     f"[Carrel Sandbox]\nprivate-session-bus={'true' if bus else 'false'}\n")
    return [S.carrel, "run", f"--policy={policy}", "sh", "-c", script, "sh", *args], dict(
        env=S.env(DISPLAY=":77"), cwd=S.home, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


def run_lasting(script, *args, **how):
    argv, more = lasting(script, *args, **how)
    return subprocess.run(argv, timeout=SECONDS, check=False, **more)


def an_app_that_goes_on_in_the_background_ends_with_its_last_process():
    """It closes all that it was given, as daemons do, so that nobody waits for its output."""
    kept = S.path("home/.var/app/org.debian.sh/later")
    script = 'rm -f ~/later; setsid sh -c "sleep 1; echo later > ~/later" > /dev/null 2>&1 < /dev/null & exit 3'
    for bus in (False, True):
        assert says(run_lasting(script, bus=bus, last=False), 3) == "" and not os.path.exists(kept), bus
        assert says(run_lasting(script, bus=bus), 3) == "", bus
        with open(kept, encoding="utf-8") as f:
            assert f.read() == "later\n"
        os.unlink(kept)


def one_that_does_not_is_as_without_it():
    for bus in (False, True):
        words = ["a b", "", "-n", "*", "$HOME"]
        assert says(run_lasting('printf "<%s>" "$@"; exit 7', *words, bus=bus), 7) == "".join(f"<{w}>" for w in words)
        # Its own end by a signal ends all.
        assert run_lasting("sleep 1000 & kill -9 $$", bus=bus).returncode in (128 + 9, -9)
        script = "import os\ntry:\n    print(os.waitpid(-1, 0))\nexcept ChildProcessError:\n    print('none')"
        assert says(run_lasting('exec python3 -c "$1"', script, bus=bus)) == "none\n"
    done = S.run("run", "--metadata=Carrel Application=ends-with=last", "--app-id=org.example.No",
                 "--command=no-such-program", "sh")
    assert done.returncode == 127 and "no-such-program" in done.stderr, done


def its_bus_does_not_keep_it():
    need("dbus-daemon", "dbus-send")
    assert says(run_lasting(f"{CALL}GetId > /dev/null; {DAEMONS}", bus=True)) == "1\n"


def signals_come_to_what_is_left_of_it():
    """To the first process while that is there, and to whatever is left afterwards."""
    loop = "trap 'echo asked; exit 3' TERM; echo ready; while :; do sleep 0.1; done"
    for script, status in ((loop, 3), (f"({loop}) & exit 4", 4)):
        argv, more = lasting(script)
        child = subprocess.Popen(argv, **more)
        assert child.stdout.readline() == "ready\n"
        if status == 4:  # until its first process has ended
            time.sleep(1)
        child.send_signal(signal.SIGTERM)
        out, _ = child.communicate(timeout=SECONDS)
        assert out == "asked\n" and child.returncode == status, (script, out, child.returncode)


def one_that_nobody_knows_tells_that_it_goes_on():
    """Without a policy: a program that leaves itself in the background ends at once, and not without a word."""
    later = "setsid sh -c 'sleep 1; echo later > ~/later' > /dev/null 2>&1 < /dev/null & "
    note = ("carrel: note: sh has left running, and they end with it: {}\n  hint: if it goes on in the background, "
            "its policy must say ends-with=last (carrel new sh writes a first one)\n")
    began = time.monotonic()
    done = inside(f"rm -f ~/later; {later} sleep 0.2; exit 0")  # or it would still be called setsid
    assert time.monotonic() - began < SECONDS and says(done) == "", done
    assert note.format("sh") in done.stderr, done.stderr
    time.sleep(1.5)
    assert not os.path.exists(S.path("home/.var/app/org.debian.sh/later"))
    # Whoever says so in the policy hears nothing, and nor does one that fails, leaves nobody, or whom nobody can hear.
    for script, how in ((later, {"last": True}), (later, {"last": False}), (later + "exit 3", {"ends_with": "tell"}),
                        ("sleep 0.1 & exit 0", {"ends_with": "tell"}), ("true", {"ends_with": "tell"})):
        done = run_lasting(script, bus=True, **how)
        assert "has left running" not in done.stderr, (script, how, done)
    # A name that would steer the terminal is shown as plain text.
    script = ("import ctypes, os, time\nif not os.fork():\n    ctypes.CDLL(None).prctl(15, b'a\\x1b[2Jb')\n"
              "    [os.close(n) for n in range(3)]\n    time.sleep(30)\ntime.sleep(0.5)")
    done = inside("", "-c", script, program="python3")
    assert "end with it: a?[2Jb\n" in done.stderr, done


def its_keys_signals_are_its_groups_and_others_its_own():
    """Under ends-with=tell, as without: what is sent to the app comes to its first process alone."""
    script = ("(trap 'echo child; exit' TERM; echo ready; while :; do sleep 0.1; done) & "
              "trap 'sleep 0.5; echo first; exit 3' TERM; while :; do sleep 0.1; done")
    argv, more = lasting(script, bus=True, ends_with="tell")
    child = subprocess.Popen(argv, **more)
    assert child.stdout.readline() == "ready\n"
    child.send_signal(signal.SIGTERM)
    out, _ = child.communicate(timeout=SECONDS)
    assert out == "first\n" and child.returncode == 3, (out, child.returncode)


for function in (the_bus_answers_and_is_there_only_when_it_should,
                 nothing_of_the_persons_bus_is_on_it,
                 the_daemon_starts_with_the_first_connection, two_at_once_find_one_bus,
                 the_app_itself_gets_the_signals, the_app_has_no_child_that_it_did_not_make,
                 status_and_arguments_are_as_without_it, what_the_bus_starts_is_inside,
                 without_the_daemon_connections_fail_at_once,
                 an_app_that_goes_on_in_the_background_ends_with_its_last_process,
                 one_that_does_not_is_as_without_it, its_bus_does_not_keep_it, signals_come_to_what_is_left_of_it,
                 one_that_nobody_knows_tells_that_it_goes_on, its_keys_signals_are_its_groups_and_others_its_own):
    tap.run(function)
S.close()
sys.exit(tap.done())
