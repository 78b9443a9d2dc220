#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`carrel run` gives an app the buses that its policy names, filtered; and how the filter stands.

    run.py BUILD POLICIES
"""
import os
import select
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Tap  # noqa: E402
import cli_lib  # noqa: E402
import lib  # noqa: E402
from lib import Raw  # noqa: E402

POLICY = """[Application]
name=org.test.Bus
command=/usr/bin/python3
[Session Bus Policy]
org.example.Talk=talk
[Carrel Bus]
session-rules=call org.example.Rule a.I.Echo /p arg0=yes;
log=refused
"""
# A client without libraries; what follows is its text.
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib.py"), encoding="utf-8") as library:
    CLIENT = "import os, socket, struct, sys\nexec(%r)\n" % library.read()
INSIDE = "app = Raw(os.environ['DBUS_SESSION_BUS_ADDRESS'].split('path=')[1])\n"


class World:
    """A person with a session bus, and Carrel installed."""

    def __init__(self):
        self.stage = cli_lib.Stage(sys.argv[1], sys.argv[2])
        self.runtime = tempfile.mkdtemp(prefix="carrel-run.")
        os.chmod(self.runtime, 0o700)
        self.bus = lib.Bus(self.runtime)
        self.peers = {}
        for name in ("org.example.Talk", "org.example.Hidden", "org.example.Rule"):
            self.peers[name] = Raw(self.bus.path)
            self.peers[name].own(name)
        self.env = self.stage.env(XDG_RUNTIME_DIR=self.runtime, DBUS_SESSION_BUS_ADDRESS=self.bus.address,
                                  DBUS_SYSTEM_BUS_ADDRESS=self.bus.address)
        self.policy(POLICY)
        self.started = []

    def policy(self, text):
        self.stage.write("home/.config/carrel/policies/org.test.Bus.policy", text)

    def run(self, script, *args):
        return self.stage.run("run", "org.test.Bus", "-c", CLIENT + script, *args, env=self.env)

    def start(self, script):
        p = subprocess.Popen([self.stage.carrel, "run", "org.test.Bus", "-c", CLIENT + script], env=self.env,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             cwd=self.stage.home)
        self.started.append(p)
        return p

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for p in self.started:
            p.kill()
            p.wait()
            for pipe in (p.stdin, p.stdout, p.stderr):
                pipe.close()
        self.bus.stop()
        subprocess.run(["rm", "-rf", self.runtime], check=False)


LIVE = INSIDE + """
print('ready', flush=True)
for line in sys.stdin:
    words = line.split()
    if words[0] == 'own':
        m = app.bus('RequestName', words[1], ('u', 4))
    else:
        m = app.call(words[1], '/', 'a.I', 'Echo', 'x')
    print(getattr(m, 'error', None) or 'answered', flush=True)
"""
REFUSED = "org.freedesktop.DBus.Error.ServiceUnknown"


class Live:
    """An app that calls names when told to; the peers answer."""

    def __init__(self, w):
        self.w = w
        self.app = w.start(LIVE)
        assert self.app.stdout.readline() == "ready\n"

    def call(self, name, verb="call"):
        self.app.stdin.write(f"{verb} {name}\n")
        self.app.stdin.flush()
        if verb == "call":
            return answered_by(self.w.peers[name], self.app)
        return self.app.stdout.readline().strip()

    def carrel(self, *words, status=0):
        done = self.w.stage.run(*words, env=self.w.env)
        assert done.returncode == status, (words, done)
        return done


def answered_by(peer, app):
    """The app's next line, of which none has come yet, while the peer answers what reaches it."""
    end = time.monotonic() + lib.WAIT
    while not select.select([app.stdout], [], [], 0)[0]:
        assert time.monotonic() < end, "the app says nothing"
        m = peer.next(0.05)
        if m and m.kind == lib.CALL:
            peer.answer(m)
    return app.stdout.readline().strip()


def names_come_and_go_while_the_app_runs():
    name = "org.example.Hidden"
    with World() as w:
        live = Live(w)
        assert live.call(name) == REFUSED
        live.carrel("grant", "--talk-name=" + name, "org.test.Bus")
        assert live.call(name) == "answered"
        listed = live.carrel("grants", "--json").stdout
        assert f'"name":"{name}"' in listed.replace('": "', '":"') and '"talk"' in listed, listed
        assert f"talk  once      {name} on the session bus" in live.carrel("grants").stdout
        live.carrel("revoke", "--talk-name=" + name, "org.test.Bus")
        assert live.call(name) == REFUSED
        assert "was not granted" in live.carrel("revoke", "--talk-name=" + name, "org.test.Bus", status=125).stderr
        live.carrel("grant", "--own-name=org.example.Mine", "org.test.Bus")
        assert live.call("org.example.Mine", "own") == "answered"
        live.carrel("grant", "--talk-name=" + name, "--see-name=org.example.More", "org.test.Bus")
        live.carrel("revoke", "--all", "org.test.Bus")
        assert live.call(name) == REFUSED and live.carrel("grants").stdout == ""


def a_name_for_a_time_goes_by_itself():
    name = "org.example.Hidden"
    with World() as w:
        live = Live(w)
        live.carrel("grant", "--for=3s", "--talk-name=" + name, "org.test.Bus")
        assert live.call(name) == "answered"
        lib.wait_for(lambda: live.carrel("grants").stdout == "")
        assert live.call(name) == REFUSED


def a_name_holds_for_a_filter_that_starts_later():
    with World() as w:
        app = w.start("print('runs', flush=True)\nsys.stdin.readline()\n" + LIVE)
        assert app.stdout.readline() == "runs\n"
        done = w.stage.run("grant", "--talk-name=org.example.Hidden", "org.test.Bus", env=w.env)
        assert done.returncode == 0, done
        app.stdin.write("go\n")
        app.stdin.flush()
        assert app.stdout.readline() == "ready\n"
        app.stdin.write("call org.example.Hidden\n")
        app.stdin.flush()
        assert answered_by(w.peers["org.example.Hidden"], app) == "answered"


def names_that_give_away_more_are_refused():
    with World() as w:
        live = Live(w)
        for words, says in ((["--talk-name=org.freedesktop.systemd1"], "starts any program"),
                            (["--talk-name=:1.5"], "no name on a bus"), (["--own-name=org"], "no name on a bus"),
                            (["--system-talk-name=org.example.Talk"], "has no filtered system bus"), ([], "to be granted")):
            done = live.carrel("grant", *words, "org.test.Bus", status=125)
            assert says in done.stderr, done
        live.carrel("grant", "--force", "--talk-name=org.freedesktop.systemd1", "org.test.Bus")
        live.carrel("revoke", "--all", "org.test.Bus")


def a_name_for_good_stands_in_the_policy():
    with World() as w:
        live = Live(w)
        live.carrel("grant", "--always", "--talk-name=org.example.Hidden", "org.test.Bus")
        assert live.call("org.example.Hidden") == "answered"
        with open(w.stage.path("home/.config/carrel/policies/org.test.Bus.policy"), encoding="utf-8") as f:
            text = f.read()
        assert text == POLICY.replace("[Session Bus Policy]\n", "[Session Bus Policy]\norg.example.Hidden=talk\n"), text
        live.carrel("grant", "--always", "--see-name=org.example.Hidden", "org.test.Bus")
        with open(w.stage.path("home/.config/carrel/policies/org.test.Bus.policy"), encoding="utf-8") as f:
            assert f.read() == text
        assert Live(w).call("org.example.Hidden") == "answered"


def the_policy_s_names_and_no_others():
    with World() as w:
        outside = Raw(w.bus.path)
        assert "org.example.Hidden" in outside.bus("ListNames").body[0]
        done = w.run(INSIDE + "print(sorted(app.bus('ListNames').body[0]))\n"
                     "m = app.call('org.example.Hidden', '/', 'a.I', 'Echo'); print(m.error)\n"
                     "m = app.call('org.example.Rule', '/p', 'a.I', 'Echo', 'no'); print(m.error)\n"
                     "app.own('org.test.Bus.Name'); print('owned')\n")
        assert done.returncode == 0 and "org.example.Talk" in done.stdout, done
        assert "Hidden" not in done.stdout and "owned" in done.stdout, done
        assert "Error.ServiceUnknown\norg.freedesktop.DBus.Error.AccessDenied" in done.stdout, done
        assert "refused 1 call org.example.Hidden a.I.Echo /" in done.stderr, done


def without_a_policy_no_bus():
    with World() as w:
        w.policy(POLICY.split("[Session")[0])
        done = w.run("print(os.environ['DBUS_SESSION_BUS_ADDRESS'], os.path.exists('/run/user/%d/bus' % os.getuid()))")
        assert done.stdout == "disabled: False\n", done


def the_system_bus_too():
    with World() as w:
        w.policy(POLICY.split("[Session")[0] + "[System Bus Policy]\norg.example.Talk=see\n")
        done = w.run("app = Raw('/run/dbus/system_bus_socket')\nprint(app.bus('ListNames').body[0])\n"
                     "print(app.call('org.example.Talk', '/', 'a.I', 'Echo').error)")
        assert done.returncode == 0, done
        assert "org.example.Talk" in done.stdout and "Hidden" not in done.stdout, done
        assert "AccessDenied" in done.stdout, done


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def who_connects_is_confined_and_has_the_app_s_id():
    """Portals ask the bus for the process behind a connection and read /.flatpak-info in its root."""
    with World() as w:
        app = w.start(INSIDE + "print(app.unique, flush=True)\nsys.stdin.read()\n")
        unique = app.stdout.readline().strip()
        pid = Raw(w.bus.path).bus("GetConnectionUnixProcessID", unique).body[0]
        with open(f"/proc/{pid}/comm", encoding="ascii") as f:
            assert f.read() == "carrel-dbus\n"
        root = f"/proc/{pid}/root"
        assert sorted(os.listdir(root)) == [".flatpak-info", "bus", "carrel-dbus"], os.listdir(root)
        with open(root + "/.flatpak-info", encoding="ascii") as f:
            info = f.read()
        assert "[Application]\nname=org.test.Bus\n" in info and "instance-id=" in info, info
        instance = info.split("instance-id=")[1].split("\n")[0]
        assert os.path.isdir(f"{w.runtime}/.flatpak/{instance}"), info
        status = status_of(pid)
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status
        assert int(status["Seccomp_filters"]) == 2 and int(status["CapEff"], 16) == 0, status
        for name in ("user", "mnt", "pid", "ipc", "net", "uts"):
            assert os.readlink(f"/proc/{pid}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}"), name
        fds = {os.readlink(f"/proc/{pid}/fd/{fd}").split(":")[0] for fd in os.listdir(f"/proc/{pid}/fd")}
        assert not any(f.startswith("/") and f not in ("/dev/null",) and "memfd" not in f for f in fds), fds
        app.stdin.close()
        app.wait(lib.WAIT)
        lib.wait_for(lambda: not os.path.exists(f"/proc/{pid}"))


def the_app_does_not_outlive_or_reach_around():
    with World() as w:
        done = w.run(INSIDE + "s = socket.socket(socket.AF_UNIX)\n"
                     f"for path in ('{w.bus.path}', '{w.runtime}/bus', '/bus'):\n"
                     "    try:\n        s.connect(path)\n        print('reached', path)\n"
                     "    except OSError as e:\n        print(e.errno)\n")
        assert done.returncode == 0 and "reached" not in done.stdout, done
        assert lib.Raw(w.bus.path).unique  # outside it is there


def the_filter_dies_the_app_has_no_bus():
    """Fail closed: no second filter, and no bare bus."""
    with World() as w:
        app = w.start(INSIDE + "print(app.unique, flush=True)\nsys.stdin.readline()\nprint(app.ended())\n"
                      "try:\n    print(Raw(os.environ['DBUS_SESSION_BUS_ADDRESS'].split('path=')[1]).unique)\n"
                      "except (OSError, AssertionError) as e:\n    print(type(e).__name__)\n")
        unique = app.stdout.readline().strip()
        pid = Raw(w.bus.path).bus("GetConnectionUnixProcessID", unique).body[0]
        os.kill(pid, 9)
        time.sleep(0.2)
        out, err = app.communicate("\n", timeout=lib.WAIT)
        assert out.startswith("True\n") and ":" not in out, (out, err)


def rules_that_check_takes_the_filter_takes():
    """What `carrel check` lets pass must not keep the filter from starting; and bad ones it names."""
    good = ["call org.a.B a.b.C /x", "call org.a.* a.b.* /x/* arg0=y arg12^=z", "broadcast org.a.B * *",
            "call org.a-b._c a.b.C /", "call org.a.B a.b.C / arg0=a\\x20b arg1=\\e"]
    bad = ["call org.a.B a.b.C", "talk org.a.B", "call one a.b.C /", "call org.a.B C /", "call org.a.B a.b.C x",
           "call org.a.B a.b.C / argx=1", "call org.a.B a.b.C / arg100=1", "call org.a.B a.b.C / 1 2 3 4 5"]
    with World() as w:
        for rule in good:
            escaped = rule.replace("\\", "\\\\")
            w.policy(POLICY.replace("session-rules=", f"session-rules={escaped};"))
            done = w.run(INSIDE + "print(app.unique)")
            assert done.returncode == 0 and done.stdout.startswith(":"), (rule, done)
        for rule in bad:
            w.policy(POLICY.replace("session-rules=", f"session-rules={rule};"))
            done = w.run("print('ran')")
            assert done.returncode == 125 and "makes no rule for a bus" in done.stderr, (rule, done)


def main():
    tap = Tap()
    for test in (names_come_and_go_while_the_app_runs, a_name_for_a_time_goes_by_itself,
                 a_name_holds_for_a_filter_that_starts_later, names_that_give_away_more_are_refused,
                 a_name_for_good_stands_in_the_policy, the_policy_s_names_and_no_others, without_a_policy_no_bus, the_system_bus_too,
                 who_connects_is_confined_and_has_the_app_s_id, the_app_does_not_outlive_or_reach_around,
                 the_filter_dies_the_app_has_no_bus, rules_that_check_takes_the_filter_takes):
        tap.run(test)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
