#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`carrel run` on a Wayland compositor: the app behind the filter, the filter behind its own walls.

    run.py BUILD POLICIES
"""
import contextlib
import glob
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import PATIENCE, Client, Sway, Tap, end, ordinary_stage, wait_for  # noqa: E402
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import cli_lib  # noqa: E402

STAYS = "weston-flower"  # shows a window until it is ended
TOOLS = {"grim": ("grim", "-"), "wtype": ("wtype", "x"), "wlr-randr": ("wlr-randr",)}


def run(desk, *argv, options=()):
    """What a program says, started by carrel run."""
    return subprocess.run([STAGE.carrel, "run", *options, argv[0], "--", *argv[1:]], env=desk.env,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE,
                          stdin=subprocess.DEVNULL, check=False)


def policy(text):
    path = os.path.join(STAGE.top, "display.policy")
    with open(path, "w", encoding="utf-8") as f:
        f.write("[Context]\nsockets=wayland;\n[Carrel Sandbox]\nprivate-session-bus=false\n"
                "[Carrel Display]\n" + text)
    return f"--policy={path}"


def tool_works_outside_not_inside(desk, argv):
    def test():
        done = subprocess.run(argv, env=desk.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=PATIENCE, check=False)
        assert done.returncode == 0, f"outside: {done.stderr}"
        done = run(desk, *argv, options=[policy("wayland=direct\n")])
        assert done.returncode == 0, f"direct: {done.stderr}"
        assert b"bare Wayland socket" in done.stderr, f"not told: {done.stderr}"
        done = run(desk, *argv)
        assert done.returncode == 1 and b"support" in done.stderr, f"inside: {done}"
        assert b"bare Wayland socket" not in done.stderr, done.stderr
    return test


def runtime_folder_shows_one_socket(desk):
    def test():
        outside = os.listdir(desk.runtime)
        assert any(n.startswith("sway-ipc") for n in outside), outside
        done = run(desk, "sh", "-c", "ls $XDG_RUNTIME_DIR; echo $WAYLAND_DISPLAY",
                   options=[policy("")])
        assert done.stdout.split() == [b"wayland-0", b"wayland-0"], done
    return test


def filters(ancestor):
    """Those below a process that have replaced themselves by the filter."""
    parents, names = {}, {}
    for path in glob.glob("/proc/[0-9]*/stat"):
        with contextlib.suppress(OSError):
            with open(path, encoding="ascii", errors="replace") as f:
                pid, name, _, parent = re.match(r"(\d+) \((.*)\) (\S) (\d+)", f.read()).groups()
            parents[int(pid)], names[int(pid)] = int(parent), name

    def below(pid):
        while pid > 1 and pid != ancestor:
            pid = parents.get(pid, 0)
        return pid == ancestor
    return [pid for pid, name in names.items() if name == "carrel-wayland" and below(pid)]


class App:
    """A program inside that has a connection and stays."""

    def __init__(self, desk, *options):
        self.child = subprocess.Popen(
            [STAGE.carrel, "run", *options, STAYS], env=desk.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            self.filter = wait_for("the filter", self.find)
        except AssertionError:
            end(self.child)
            raise

    def find(self):
        found = filters(self.child.pid)
        return found[0] if found else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end(self.child)
        return False


def status(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        return dict(re.split(r":\s*", line.rstrip("\n"), maxsplit=1) for line in f)


def the_filter_is_confined(desk):
    def test():
        with App(desk) as app:
            wait_for("its own filter of calls", lambda: status(app.filter)["Seccomp_filters"] == "2")
            rows = status(app.filter)
            assert rows["Seccomp"] == "2" and rows["NoNewPrivs"] == "1", rows
            for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                assert int(rows[name], 16) == 0, (name, rows[name])
            for space in ("user", "mnt", "pid", "ipc", "net", "uts", "cgroup"):
                ours, its = (os.readlink(f"/proc/{p}/ns/{space}") for p in ("self", app.filter))
                assert ours != its, space
            seen = subprocess.run(["find", f"/proc/{app.filter}/root/", "-printf", "%P\n"],
                                  stdout=subprocess.PIPE, check=False).stdout.split()
            assert set(seen) == {b"carrel-wayland", b"compositor", b"run"}, seen
    return test


def nothing_stays_behind(desk):
    def test():
        with App(desk) as app:
            folders = glob.glob(os.path.join(desk.runtime, ".flatpak/*/wayland"))
            assert len(folders) == 1, folders
            end(app.child)
            wait_for("the end of the filter", lambda: not os.path.exists(f"/proc/{app.filter}"))
            wait_for("its folder", lambda: not os.path.exists(folders[0]))
    return test


def killing_the_filter_ends_the_apps_display(desk):
    """Fail closed: nobody else answers, and the app is not given the bare socket."""
    def test():
        with App(desk) as app:
            os.kill(app.filter, 9)
            app.child.wait(PATIENCE)
    return test


def two_apps_have_two_filters(desk):
    def test():
        with App(desk) as one, App(desk) as two:
            assert one.filter != two.filter
            assert len(filters(one.child.pid)) == len(filters(two.child.pid)) == 1
    return test


def no_connection_no_filter(desk):
    """It is started when the app first connects, not before."""
    def test():
        done = run(desk, "sleep", "1")
        child = subprocess.Popen([STAGE.carrel, "run", "sleep", "--", "2"], env=desk.env,
                                 start_new_session=True, stderr=subprocess.DEVNULL)
        try:
            time.sleep(1)
            assert not filters(child.pid)
        finally:
            end(child)
        assert done.returncode == 0
    return test


def opt_ins_reach_the_app(desk):
    def test():
        def has(text):
            done = run(desk, "wayland-info", options=[policy(text)])
            assert done.returncode == 0, done.stderr
            return set(re.findall(rb"interface: '(\w+)'", done.stdout))
        usual = has("")
        more = has("wayland-allow=pointer-lock;relative-pointer;idle-inhibit;shortcuts-inhibit;"
                   "window-handles;\n")
        assert more - usual == {b"zwp_pointer_constraints_v1", b"zwp_relative_pointer_manager_v1",
                                b"zwp_idle_inhibit_manager_v1",
                                b"zwp_keyboard_shortcuts_inhibit_manager_v1", b"zxdg_exporter_v1",
                                b"zxdg_exporter_v2", b"zxdg_importer_v1", b"zxdg_importer_v2"}, more
        less = has("wayland-deny=activation;primary-selection;text-input;fullscreen;dmabuf;\n")
        assert usual - less == {b"xdg_activation_v1", b"zwp_text_input_manager_v3",
                                b"zwp_primary_selection_device_manager_v1"}, less
    return test


def the_plan_names_the_filter(desk):
    def test():
        done = subprocess.run([STAGE.carrel, "plan", "--json", STAYS], env=desk.env,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        services = {s["name"]: s for s in json.loads(done.stdout)["services"]}
        assert "power" in services["wayland"]["data"], services
        steps = services["wayland"]["steps"]
        assert ["/carrel-wayland"] in [s["args"] for s in steps if s["verb"] == "exec"]
    return test


def no_compositor_no_display():
    def test():
        env = {"PATH": "/usr/bin:/bin", "HOME": STAGE.top, "WAYLAND_DISPLAY": "wayland-77"}
        done = subprocess.run([STAGE.carrel, "run", "wayland-info"], env=env, timeout=PATIENCE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        assert done.returncode != 0
    return test


def main():
    global STAGE
    tap = Tap()
    STAGE = ordinary_stage(cli_lib.Stage(sys.argv[1], sys.argv[2]))
    with contextlib.closing(STAGE), Sway() as desk:
        for name, argv in TOOLS.items():
            tap.run(tool_works_outside_not_inside(desk, argv),
                    f"carrel run: {name} works outside and direct, not inside")
        tests = {
            "the runtime folder shows one socket": runtime_folder_shows_one_socket(desk),
            "the filter is confined": the_filter_is_confined(desk),
            "nothing stays behind": nothing_stays_behind(desk),
            "without its filter the app has no display": killing_the_filter_ends_the_apps_display(desk),
            "two apps have two filters": two_apps_have_two_filters(desk),
            "no connection, no filter": no_connection_no_filter(desk),
            "opt-ins and opt-outs": opt_ins_reach_the_app(desk),
            "the plan names the filter": the_plan_names_the_filter(desk),
            "no compositor, no display": no_compositor_no_display(),
        }
        for name, test in tests.items():
            tap.run(test, f"carrel run: {name}")
        assert Client(desk.socket), "the compositor has gone"
    return tap.done()


sys.exit(main())
