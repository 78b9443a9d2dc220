#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`carrel run` gives an app sound and no microphone; real players are heard.

    run.py BUILD POLICIES [--pipewire TREE]

Every probe first succeeds outside. The person's sound server is PulseAudio, or PipeWire's.
"""
import os
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import (PATIENCE, PipeWire, Server, Skip, Tap, is_tone, ordinary_stage, wait_for,  # noqa: E402
                 write_tone)
import cli_lib  # noqa: E402

POLICY = """[Application]
name=org.test.Sound
command=/usr/bin/sh
[Context]
sockets=pulseaudio;
[Carrel Application]
documents=ro
"""


def write_policy(sound=None):
    STAGE.write("home/.config/carrel/policies/org.test.Sound.policy",
                POLICY + (f"[Carrel Sound]\nsound={sound}\n" if sound else ""))


def env():
    more = {k: SERVER.env[k] for k in ("XDG_RUNTIME_DIR", "LANG")}
    return STAGE.env(**more)


def inside(script, *args, **more):
    return subprocess.run([STAGE.carrel, "run", "org.test.Sound", "-c", script, "sh", *args],
                          env=env(), stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=PATIENCE, cwd=STAGE.home, check=False, **more)


def start(*argv):
    return subprocess.Popen([STAGE.carrel, "run", *argv], env=env(), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=STAGE.home,
                            start_new_session=True)


def stop(process):
    process.terminate()
    try:
        process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


# ---- A1: a tone comes out ----

def test_a_tone_is_heard_outside():
    with SERVER.listen() as control:
        assert SERVER.run("paplay", TONE).returncode == 0
    assert is_heard(control), "outside nothing is heard"
    with SERVER.listen() as there:
        done = inside('paplay "$HOME/tone.wav"')
        assert done.returncode == 0, done
    assert is_heard(there), "nothing is heard"


def is_heard(listener):
    return is_tone(listener.samples)


def player(app, *argv, options=()):
    def test():
        if not shutil.which(argv[0], path="/usr/bin"):
            raise Skip(f"no {argv[0]}")
        with SERVER.listen() as silence:
            time.sleep(0.5)
        assert not is_heard(silence), "there is a tone already"
        home = STAGE.path(f"home/.var/app/{app}")
        os.makedirs(home, exist_ok=True)
        shutil.copy(TONE, home)
        words = [w.replace("HOME", home) for w in argv]
        with SERVER.listen() as there:
            process = start(*options, *words)
            try:
                wait_for(f"{argv[0]} to be heard", there.tone)
            finally:
                stop(process)
    return test


def browser():
    page = ("<!doctype html><title>tone</title><audio src='tone.wav' autoplay loop></audio>")
    app = "org.mozilla.firefox"
    home = STAGE.path(f"home/.var/app/{app}")
    os.makedirs(os.path.join(home, "profile"), exist_ok=True)
    shutil.copy(TONE, home)
    with open(os.path.join(home, "tone.html"), "w", encoding="ascii") as f:
        f.write(page)
    with open(os.path.join(home, "profile/user.js"), "w", encoding="ascii") as f:
        f.write('user_pref("media.autoplay.default", 0);\n'
                'user_pref("media.autoplay.blocking_policy", 0);\n'
                'user_pref("browser.aboutwelcome.enabled", false);\n'
                'user_pref("datareporting.policy.dataSubmissionEnabled", false);\n')
    player(app, "firefox-esr", "--headless", "--profile", "HOME/profile",
           "file://HOME/tone.html")()


# ---- A2: no microphone ----

def hears(run):
    """How many bytes of the microphone a parec writes that is ended after a while."""
    return len(run("timeout 3 parec --latency-msec=50 --raw").stdout)


def shell(script):
    return SERVER.run("sh", "-c", script)


def test_the_microphone_is_out_of_reach():
    write_policy("host")
    assert hears(shell) > 1000 and hears(inside) > 1000, "outside there is none"
    write_policy()
    for device in ("", "-d mic", "-d spk.monitor", "-d @DEFAULT_SOURCE@"):
        done = inside(f"timeout 3 parec --latency-msec=50 --raw {device}")
        assert done.stdout == b"" and done.returncode not in (0, 124), done
    assert b"mic" in shell("pactl list short sources").stdout
    done = inside("pactl list short sources")
    assert done.returncode == 0 and done.stdout == b"", done


def test_play_and_record_hears_the_microphone_and_no_more():
    speaker = SERVER.start("paplay", TONE)  # what others play: not to be heard
    write_policy("play+record")
    try:
        done = inside("pactl list short sources; pactl list short sink-inputs; "
                      "timeout 3 parec --latency-msec=50 --raw --format=s16le --channels=1 > $HOME/r; wc -c < $HOME/r;"
                      "timeout 3 parec -d spk.monitor --latency-msec=50 --raw --format=s16le --channels=1 > $HOME/m")
        lines = done.stdout.split(b"\n")
        assert lines[0].startswith(b"0\tmicrophone\t") and int(lines[1]) > 1000, done
        with open(STAGE.path("home/.var/app/org.test.Sound/m"), "rb") as f:
            assert not any(f.read()), "it hears what others play"
        with SERVER.listen("mic") as there:
            voice = SERVER.start("paplay", "-d", "voice", TONE)
            done = inside("timeout 3 parec --latency-msec=50 --raw --format=s16le --rate=48000 --channels=1 > $HOME/v")
            voice.communicate()
        assert is_heard(there), "outside the microphone is silent"
        with open(STAGE.path("home/.var/app/org.test.Sound/v"), "rb") as f:
            there.samples = f.read()
        assert is_heard(there), "inside the microphone is silent"
    finally:
        write_policy()
        speaker.communicate()


# ---- A3: no modules ----

def test_no_module_can_be_loaded():
    evil = os.path.join(STAGE.top, "evil")
    load = f"pactl load-module module-pipe-sink file={evil}"
    write_policy("host")
    done = inside(load)
    assert done.returncode == 0 and os.path.exists(evil), "the server outside makes none"
    assert SERVER.run("pactl", "unload-module", "module-pipe-sink").returncode == 0
    write_policy()
    wait_for("the file's end", lambda: not os.path.exists(evil))
    done = inside(load)
    assert done.returncode != 0 and b"denied" in done.stderr and not os.path.exists(evil), done


# ---- A4: nothing else of the host's ----

def test_nothing_of_others_is_seen():
    speaker = SERVER.start("paplay", TONE)
    try:
        wait_for("paplay", lambda: SERVER.run("pactl", "list", "short", "sink-inputs").stdout)
        done = inside("find $XDG_RUNTIME_DIR ! -type d; pactl list short sink-inputs;"
                      "pactl list short clients; pactl list short modules; pactl list short sinks;"
                      "pactl info; ls -a ~")
    finally:
        speaker.kill()
        speaker.communicate()
    text = done.stdout.decode()
    assert text.startswith(f"/run/user/{os.getuid()}/pulse/native\n0\tspeakers\t"), text
    assert "Server Name: carrel-sound" in text and "spk" not in text, text
    assert os.uname().nodename == "carrel" or os.uname().nodename not in text.split(), text


def test_the_policy_s_words():
    write_policy("none")
    done = inside("echo [$PULSE_SERVER]; ls $XDG_RUNTIME_DIR")
    assert done.stdout == b"[]\n", done
    write_policy("host")
    done = inside("pactl info")
    assert b"server name: pulseaudio" in done.stdout.lower() and b"microphone" in done.stderr, done
    write_policy()
    done = inside("true")
    assert b"microphone" not in done.stderr, done
    said = STAGE.run("explain", "org.test.Sound", "display", env=env()).stdout
    assert re.search(r"sound +plays, .*no microphone", said) and "sound=play" in said, said
    override = ("--metadata=Carrel Sound=sound=host", "org.test.Sound")
    said = STAGE.run("plan", *override, env=env())
    assert "# service sound" not in said.stdout and "microphone" in said.stderr, said


def test_without_a_server_there_is_no_sound_and_it_is_said():
    done = STAGE.run("plan", "org.test.Sound", env={**env(), "PULSE_SERVER": "unix:/nowhere"})
    assert "missing sockets=pulseaudio" in done.stdout and "pipewire-pulse" in done.stdout, done


# ---- A5: small, and gone with the app ----

def processes():
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8") as f, \
                    open(f"/proc/{pid}/status", encoding="utf-8") as g:
                if f.read() == "carrel-sound\n":
                    status = g.read()
                    resident = re.search(r"^VmRSS:\s+(\d+)", status, re.M)  # one that has ended has none
                    if resident and int(re.search(r"^Uid:\s+(\d+)", status, re.M)[1]) == os.getuid():
                        found[pid] = int(resident[1])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def test_it_comes_with_the_first_sound_and_goes_with_the_app():
    before = processes()
    app = subprocess.Popen([STAGE.carrel, "run", "org.test.Sound", "-c",
                            'read x; pactl info > /dev/null; echo done; read x'], env=env(),
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=STAGE.home, bufsize=0)
    folder = os.path.join(SERVER.runtime, ".flatpak")
    wait_for("the registry", lambda: os.path.isdir(folder) and os.listdir(folder))
    assert processes() == before, "it runs before it is asked for"
    app.stdin.write(b"\n")
    assert app.stdout.readline() == b"done\n"
    own = set(processes()) - set(before)
    assert len(own) == 1, own
    assert processes()[own.pop()] < 16 << 10
    app.kill()
    app.communicate()
    wait_for("its end", lambda: set(processes()) <= set(before))
    wait_for("the registry's end", lambda: not os.listdir(folder))


class Asker:
    """An app that looks for its sound server whenever it is asked."""

    def __enter__(self):
        self.app = subprocess.Popen([STAGE.carrel, "run", "org.test.Sound", "-c",
                                     'while read x; do pactl info > /dev/null && echo yes || echo no; done'],
                                    env=env(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                    stderr=subprocess.DEVNULL, cwd=STAGE.home, bufsize=0)
        return self

    def has_sound(self):
        self.app.stdin.write(b"\n")
        return {b"yes\n": True, b"no\n": False}[self.app.stdout.readline()]

    def __exit__(self, *_):
        self.app.stdin.close()
        self.app.wait()
        self.app.stdout.close()
        return False


def test_the_host_s_server_may_go_and_come():
    """Held up for a moment, and started anew, with a socket of its own: who runs has sound again."""
    with Asker() as app:
        assert app.has_sound()
        SERVER.process.send_signal(19)
        SERVER.process.send_signal(18)
        assert app.has_sound()
        SERVER.end()
        assert not app.has_sound()
        SERVER.begin()
        assert app.has_sound()


def test_the_host_s_server_may_come_later():
    """Than the app that is to be heard."""
    socket = os.path.join(SERVER.env["XDG_RUNTIME_DIR"], "pulse", "native")
    assert os.path.exists(socket)
    SERVER.end()
    wait_for("the socket's end", lambda: not os.path.exists(socket))
    with Asker() as app:
        assert not app.has_sound()
        SERVER.begin()
        assert app.has_sound()


def main():
    global STAGE, SERVER, TONE
    tap = Tap()
    STAGE = ordinary_stage(cli_lib.Stage(sys.argv[1], sys.argv[2]))
    TONE = STAGE.path("tone.wav")
    write_tone(TONE, 4)
    home = STAGE.path("home/.var/app/org.test.Sound")
    os.makedirs(home)
    shutil.copy(TONE, home)
    SERVER = None
    try:
        pipewire = sys.argv[3:4] == ["--pipewire"]
        SERVER = PipeWire(STAGE.path("sound"), sys.argv[4]) if pipewire else Server(STAGE.path("sound"))
        write_policy()
        for name, function in list(globals().items()):
            if name.startswith("test_"):
                tap.run(function)
        loop = ("--no-video", "--ao=pulse", "--loop-file=inf", "HOME/tone.wav")
        tap.run(player("io.mpv.Mpv", "mpv", *loop), "mpv is heard")
        tap.run(player("org.videolan.VLC", "vlc", "-I", "dummy", "--loop", "--aout=pulse", "HOME/tone.wav"),
                "vlc is heard")
        tap.run(player("org.atheme.audacious", "audacious", "--headless", "--play",
                       "HOME/tone.wav"), "audacious is heard")
        tap.run(browser, "firefox is heard")
    finally:
        if SERVER:
            SERVER.stop()
        STAGE.close()
    return tap.done()


sys.exit(main())
