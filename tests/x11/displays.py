#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an app can do on the person's X display, for each value of x11=; outside first.

    displays.py BUILD POLICIES PROBE
"""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import (PASSWORD, PATIENCE, Copied, Display, Probe, Tap, Victim,  # noqa: E402
                 cookie_file, heard, keys_in, ordinary_stage)
import cli_lib  # noqa: E402

POWERS = ("victim", "root-image", "victim-image", "composite-image", "send-event",
          "change-property", "child", "xtest")


class Row:
    """What one value lets the probe do: names of what works; all else must fail."""

    def __init__(self, value, works, keys, copied):
        self.value, self.works, self.keys, self.copied = value, works, keys, copied


TABLE = (
    Row(None, set(POWERS), True, True),
    Row("shared", set(POWERS), True, True),
    # A title, what others have copied, and taking the keyboard: what SECURITY does not keep.
    Row("untrusted", {"victim"}, False, True),
)


def policy(stage, value, text="", context="sockets=x11;"):
    path = os.path.join(stage.top, f"{value}.policy")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"[Context]\n{context}\n[Carrel Sandbox]\nprivate-session-bus=false\n"
                f"[Carrel Display]\nx11={value}\n{text}")
    return f"--policy={path}"


def confined(stage, value, *argv, context="sockets=x11;"):
    return [stage.carrel, "run", policy(stage, value, context=context), argv[0], "--", *argv[1:]]


def row(tap, display, stage, probe, r):
    """One value of the table: a point for each thing that the probe tries."""
    name = f"x11={r.value}" if r.value else "outside"
    argv = confined(stage, r.value, probe, "victim") if r.value else [probe, "victim"]
    with Victim(display) as victim, Copied(display, "CLIPBOARD-SECRET"), \
            Copied(display, "PRIMARY-SECRET", "primary"):
        with Probe(argv, display.env) as p:
            typed = victim.type(PASSWORD)
            seen = p.results()
            echoed = victim.enter()
    tap.point(seen["status"] == 0, f"{name}: a window opens", f"{seen} {p.said}")
    tap.point(PASSWORD in typed, f"{name}: the victim gets what is typed", typed)
    keys = keys_in(seen)
    if r.keys:
        tap.point(heard(seen), f"{name}: reads keys by XI2, RECORD, QueryKeymap, SelectInput", keys)
    else:
        tap.point(max(keys) == 0, f"{name}: reads no key by XI2, RECORD, QueryKeymap, SelectInput",
                  keys)
    for power in POWERS:
        want = "yes" if power in r.works else "no"
        tap.point(seen.get(power) == want, f"{name}: {power}: {want}", seen)
    tap.point(("q" in echoed) == ("xtest" in r.works), f"{name}: what it types by XTEST arrives: "
              f"{'yes' if 'xtest' in r.works else 'no'}", echoed)
    tap.point(("victim" in seen["titles"]) == ("victim" in r.works), f"{name}: titles", seen)
    for selection in ("CLIPBOARD", "PRIMARY"):
        want = f"{selection}-SECRET" if r.copied else "-"
        tap.point(seen.get(selection) == want, f"{name}: {selection}: "
                  f"{'leaks' if r.copied else 'keeps to itself'}", seen)
    return seen


def stock_tools(tap, display, stage):
    """Debian's own tools: each works outside, and with x11=shared, and not untrusted."""
    tools = {
        "xinput test-xi2": ("timeout", "2", "xinput", "test-xi2", "--root"),
        "xwd -root": ("xwd", "-root", "-silent"),
        "xdotool type": ("xdotool", "key", "a"),
    }

    def worked(name, argv):
        done = subprocess.run(argv, env=display.env, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False,
                              timeout=PATIENCE)
        if name == "xwd -root":
            return done.returncode == 0 and len(done.stdout) > 100000, done
        if name == "xdotool type":
            return done.returncode == 0 and b"rror" not in done.stdout and \
                b"XTEST" not in done.stdout, done
        return done.returncode == 124 and b"rror" not in done.stdout, done  # it goes on watching
    for name, argv in tools.items():
        ok, said = worked(name, argv)
        tap.point(ok, f"outside: {name} works", said)
        ok, said = worked(name, confined(stage, "shared", *argv))
        tap.point(ok, f"x11=shared: {name} works", said)
        ok, said = worked(name, confined(stage, "untrusted", *argv))
        tap.point(not ok, f"x11=untrusted: {name} does not", said)


def without_a_cookie(display, stage):
    """Why there is a relay: most sessions trust all that the person starts."""
    def extensions(argv):
        env = {**display.env, "XAUTHORITY": "/dev/null"}
        done = subprocess.run(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done
        return done.stdout.count(b"opcode")
    ask = ("xdpyinfo", "-queryExtensions")
    many = extensions(ask)
    assert many > 10, f"outside: {many}"
    few = extensions(confined(stage, "untrusted", "env", "-u", "XAUTHORITY", *ask))
    assert few == 2, f"untrusted: {few}, outside {many}"


def no_way_past_the_relay(display, stage):
    """With the host's network the server's abstract socket is near, and must stay out of reach."""
    open_it = ("xdpyinfo", "-display", f":{display.number}")
    done = subprocess.run(open_it, env=display.env, stdout=subprocess.PIPE, check=False)
    assert done.returncode == 0, "outside"
    script = f"xdpyinfo >/dev/null && echo own; {' '.join(open_it)} >/dev/null 2>&1 || echo refused"
    for context in ("sockets=x11;\nshared=network;", "sockets=x11;\nshared=network;ipc;"):
        done = subprocess.run(confined(stage, "untrusted", "sh", "-c", script, context=context),
                              env=display.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False)
        assert done.stdout.split() == [b"own", b"refused"], done


def refused(display, stage, *reasons):
    done = subprocess.run(confined(stage, "untrusted", "true"), env=display.env,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE,
                          stdin=subprocess.DEVNULL, check=False)
    said = done.stderr.decode()
    assert done.returncode == 125, done
    for reason in ("x11=untrusted cannot be had", "hint: ", *reasons):
        assert reason in said, said


def without_security(stage):
    with Display("Xvfb", "-screen", "0", "640x480x24", "-extension", "SECURITY") as display:
        display.tool("xdpyinfo")
        refused(display, stage, "no SECURITY extension")


def without_a_server(display, stage):
    gone = Display()
    gone.env = {**display.env, "DISPLAY": ":59999"}
    refused(gone, stage, "cannot be asked")
    gone.env = {**display.env, "DISPLAY": "elsewhere:0"}
    refused(gone, stage, "no X server of this machine")


def wrong_cookie(stage):
    with Display(lets_user_in=False) as display:
        display.tool("xdpyinfo")
        wrong = os.path.join(display.folder, "wrong")
        cookie_file(wrong, b"0123456789abcdef")
        display.env["XAUTHORITY"] = wrong
        refused(display, stage, "lets nobody in")


def a_plan_makes_no_cookie(display, stage):
    done = subprocess.run([stage.carrel, "plan", policy(stage, "untrusted"), "true"],
                          env=display.env, stdout=subprocess.PIPE, timeout=PATIENCE, check=True)
    assert b"data: cookie " + rb"\x5cx00" * 16 + b"\n" in done.stdout, done.stdout[-600:]


def main():
    build, policies, probe = sys.argv[1:4]
    tap = Tap()
    if probe == "-":
        tap.skip("the probe", "it was not built: X's development packages are not installed")
        return tap.done()
    stage = cli_lib.Stage(build, policies)
    probe = shutil.copy(probe, stage.path("probe"))
    os.chmod(stage.top, 0o755)
    ordinary_stage(stage)
    try:
        with Display() as display:
            for r in TABLE:
                row(tap, display, stage, probe, r)
            stock_tools(tap, display, stage)
            for f in (without_a_cookie, no_way_past_the_relay, without_a_server,
                      a_plan_makes_no_cookie):
                tap.run(lambda f=f: f(display, stage), f"x11=untrusted: {f.__name__}")
        for f in (without_security, wrong_cookie):
            tap.run(lambda f=f: f(stage), f"x11=untrusted: {f.__name__}")
    finally:
        stage.close()
    return tap.done()


sys.exit(main())
