#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a desktop's own programs do behind a stock portal for a confined app: xdg-desktop-portal-gtk,
dunst, gnome-keyring, dconf. And Carrel's own questions by the portals' dialog.

    real.py --carrel PROGRAM [--shots FOLDER] [NAME…]

Nothing here is a stand-in: dialogs are driven by keys under Xvfb. Each call is made by a program outside
first, so that it is known to come through.
"""
import argparse
import contextlib
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "apps")]
import desk as desks  # noqa: E402
from tap import Skip, Tap  # noqa: E402
from world import APP, CLIENT, POLICY, need  # noqa: E402

OTHER = "org.example.Other"
BACKEND = "xdg-desktop-portal-gtk"
STORE = "org.freedesktop.impl.portal.PermissionStore"
SECONDS = 60


class Session:
    """A desk with its portals, and a home with two apps in it."""

    def __init__(self, carrel, shots):
        self.carrel, self.shots, self.desk = carrel, shots, desks.Desk(sound=True)

    def __enter__(self):
        need()
        self.stack = contextlib.ExitStack()
        self.desk = self.stack.enter_context(self.desk)
        self.env, self.home = self.desk.env, self.desk.home
        self.write(".local/share/applications/accept.desktop", "[Desktop Entry]\nType=Application\nName=The Acceptor\n"
                   "Exec=/usr/bin/python3\nIcon=utilities-terminal\n")
        for app in (APP, OTHER):
            self.write(f".config/carrel/policies/{app}.policy",
                       POLICY.replace(APP, app) + "[Carrel Application]\ndesktop=accept.desktop\n")
        # As it is opened at a login; nobody else shall start it locked.
        self.tool("gnome-keyring-daemon", "--unlock", "--components=secrets", input="the person's password")
        desks.wait_for("the key ring", lambda: "login" in self.host(
            "org.freedesktop.secrets", "/org/freedesktop/secrets", "org.freedesktop.DBus.Properties.Get",
            "org.freedesktop.Secret.Service", "Collections"), 20)
        return self

    def __exit__(self, *what):
        return self.stack.__exit__(*what)

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.home, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def start(self, script, app=APP):
        """The client, confined as that app; outside when app is ''."""
        words = [self.carrel, "run", app] if app else ["/usr/bin/python3"]
        return subprocess.Popen([*words, "-c", CLIENT + script], env=self.env, cwd=self.home, text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def end(self, child):
        out, err = child.communicate(timeout=SECONDS * desks.patience())
        assert child.returncode == 0, (child.returncode, out, err)
        return out

    def run(self, script, app=APP):
        return self.end(self.start(script, app))

    def host(self, name, path, method, *args):
        done = subprocess.run(["gdbus", "call", "--session", "-d", name, "-o", path, "-m", method, *args], env=self.env,
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS, check=False)
        return done.stdout + done.stderr

    def permissions(self, table, row):
        return self.host(STORE, "/org/freedesktop/impl/portal/PermissionStore", STORE + ".Lookup", table, row)

    def tool(self, *argv, **more):
        return subprocess.run(argv, env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=SECONDS, check=False, **more).stdout

    def watch(self, rule):
        """Begins to listen on the bus; a function that gives what was heard."""
        self.desk._spawn(["stdbuf", "-oL", "dbus-monitor", "--session", rule])
        path = os.path.join(self.desk.folder, "stdbuf.log")

        def heard():
            with open(path, encoding="utf-8", errors="replace") as f:
                return f.read()
        desks.wait_for("the monitor", lambda: "NameAcquired" in heard(), 20)
        return heard

    def dialog(self, what):
        """The backend's dialog, in front."""
        window = self.desk.wait_window(klass=BACKEND, seconds=40)
        self.desk.focus(window)
        desks.wait_for("the dialog to be in front", lambda: self.active() == int(window, 16), 20)
        self.desk.settled_picture(os.path.join(self.shots or self.desk.folder, f"{what}.png"), window)
        return window

    def active(self):
        return int(self.desk.ask("xdotool", "getactivewindow").strip() or 0)

    def gone(self, window):
        desks.wait_for("the dialog to close", lambda: window not in self.desk.windows(), 20)


s = None

# ---- portals with their real backends ----


def settings_are_the_person_s_own_and_their_changes_come():
    def dark(value):
        s.tool("gsettings", "set", "org.gnome.desktop.interface", "color-scheme", value)
    read = ("print(call('Settings', 'Read', GLib.Variant('(ss)', ('org.freedesktop.appearance', 'color-scheme')))"
            ".unpack()[0], flush=True)")
    dark("default")
    assert s.run(read, "") == s.run(read) == "0\n"
    app = s.start(read + "\nloop = GLib.MainLoop()\nbus.signal_subscribe('org.freedesktop.portal.Desktop',"
                  " 'org.freedesktop.portal.Settings', 'SettingChanged', None, 'org.freedesktop.appearance', 0,"
                  " lambda *a: (print(a[5].unpack()), loop.quit()))\nbus.flush_sync()\nprint('ready', flush=True)\n"
                  "GLib.timeout_add_seconds(50, loop.quit)\nloop.run()")
    assert [app.stdout.readline(), app.stdout.readline()] == ["0\n", "ready\n"]
    dark("prefer-dark")
    assert "('org.freedesktop.appearance', 'color-scheme', 1)" in s.end(app)


def notifications_are_the_app_s():
    """A real daemon shows it; it is told whose it is, and the permission is kept under that id."""
    send = ("call('Notification', 'AddNotification', GLib.Variant('(sa{sv})', ('n1', {'title': GLib.Variant('s', %r),"
            " 'body': GLib.Variant('s', 'of the app')})))")
    heard = s.watch("interface='org.freedesktop.Notifications',member='Notify'")
    for app, title in (("", "from outside"), (APP, "from inside")):
        s.run(send % title, app)
        desks.wait_for("the notification", lambda t=title: t in shown(), 20)
        desks.wait_for("the call", lambda t=title: t in heard(), 20)
    outside, inside = heard().split('string "from outside"')[1].split('string "from inside"')
    assert APP not in outside and f'string "{APP}"' in inside, (outside, inside)
    assert f"'{APP}': ['yes']" in s.permissions("notifications", "notification")


def shown():
    s.tool("dunstctl", "close-all")
    return s.tool("dunstctl", "history")


def secrets_are_one_for_each_app():
    ask = ("r, w = os.pipe()\nanswer = request('Secret', 'RetrieveSecret', '(ha{sv})', 0, fds=[w])\n"
           "os.set_blocking(r, False)\nprint(answer[0], os.read(r, 1000).hex())")
    first, again, other = s.run(ask), s.run(ask), s.run(ask, OTHER)
    assert first.startswith("0 ") and len(first) > 60, first
    assert first == again and other.startswith("0 ") and other != first, (first, again, other)


def addresses_go_to_the_program_that_is_chosen():
    opened = os.path.join(s.home, "opened")
    for name in ("First", "Second"):
        s.write(f".local/share/applications/{name}.desktop", f"[Desktop Entry]\nType=Application\nName={name}\n"
                f"Exec=/bin/sh -c 'echo {name} \"$1\" > {opened}' sh %u\nMimeType=x-scheme-handler/carreltest;\n")
    s.tool("update-desktop-database", os.path.join(s.home, ".local/share/applications"))
    for app in ("", APP):
        with contextlib.suppress(OSError):
            os.unlink(opened)
        child = s.start("print(request('OpenURI', 'OpenURI', '(ssa{sv})', '', 'carreltest:hello',"
                        " ask=GLib.Variant('b', True)))", app)
        window = s.dialog("open-uri" + ("-confined" if app else ""))
        s.desk.key("Return")
        s.gone(window)
        assert s.end(child) == "(0, {})\n"
        desks.wait_for("the handler", lambda: os.path.exists(opened) and os.path.getsize(opened), 20)
        with open(opened, encoding="utf-8") as f:
            assert f.read().split()[1] == "carreltest:hello"
    assert f"'{APP}': [" in s.permissions("desktop-used-apps", "x-scheme-handler/carreltest")


# ---- questions ----

ASK = "--metadata=Carrel Ask=at-start="


def asked(keys, what="network", probe="readlink /proc/self/ns/net"):
    """Starts the app, answers the dialog with these keys (none: there is no dialog); what the probe printed, and
    what carrel said."""
    child = subprocess.Popen([s.carrel, "run", "--command=/bin/sh", ASK + what, "--unshare=network", "--tty=never", APP,
                              "-c", probe], env=s.env, cwd=s.home, text=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if keys:
        window = s.dialog(f"asked-{what}-" + "-".join(keys))
        s.desk.key(*keys)
        s.gone(window)
    out, err = child.communicate(timeout=SECONDS * desks.patience())
    assert child.returncode == 0, err
    return out, err


def remembered():
    return json.loads(s.tool(s.carrel, "permissions", "--json"))


# From nowhere to No, Yes, and the box.
NO, YES, KEEP = ("Tab", "Return"), ("Tab", "Tab", "Return"), ("Tab", "Tab", "Tab", "space")


def the_dialog_of_the_portals_asks():
    net = os.readlink("/proc/self/ns/net")
    assert net in asked(YES)[0]
    assert remembered() == [], remembered()
    assert net not in asked(NO)[0] and net not in asked(("Escape",))[0], "the next start asks again"
    assert remembered() == []


def an_answer_is_kept_if_the_person_wishes():
    net = os.readlink("/proc/self/ns/net")
    assert net not in asked(KEEP + NO)[0] and remembered() == [], "the box is about yes"
    for keys, granted in ((KEEP + YES, True), ((), False)):
        if keys:
            assert net in asked(keys)[0]
        else:
            s.tool(s.carrel, "permissions", "--answer=network=no", APP)
        assert remembered() == [{"app": APP, "permission": "network", "granted": granted}], (keys, remembered())
        assert (net in asked(())[0]) == granted, "and it is not asked again"
        s.tool(s.carrel, "permissions", "--forget", APP)
        assert remembered() == []


def a_camera_is_shown_when_it_is_granted():
    """Devices that the person says yes to; /dev/fuse is one that everybody may have outside."""
    probe = "ls /dev/fuse 2>&1; true"
    assert os.path.exists("/dev/fuse")
    assert "No such file" in asked(NO, "devices", probe)[0]
    assert asked(YES, "devices", probe)[0] == "/dev/fuse\n"


def a_microphone_is_heard_when_it_is_granted():
    """The server that the app sees has a source when the person says yes, and else none to record from."""
    probe = "pactl list short sources 2>&1; true"
    outside = s.tool("pactl", "list", "short", "sources")
    assert "monitor" in outside, outside
    assert "microphone" not in asked(NO, "microphone", probe)[0]
    out, err = asked(YES, "microphone", probe)
    assert "\tmicrophone\t" in out, (out, err)


TESTS = (settings_are_the_person_s_own_and_their_changes_come, notifications_are_the_app_s, secrets_are_one_for_each_app,
         addresses_go_to_the_program_that_is_chosen, the_dialog_of_the_portals_asks, an_answer_is_kept_if_the_person_wishes,
         a_camera_is_shown_when_it_is_granted, a_microphone_is_heard_when_it_is_granted)


def main():
    global s
    parser = argparse.ArgumentParser()
    parser.add_argument("--carrel", required=True)
    parser.add_argument("--shots")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    tap = Tap()
    try:
        with Session(options.carrel, options.shots) as s:
            for test in TESTS:
                if not options.names or test.__name__ in options.names:
                    tap.run(test)
    except Skip as why:
        tap.skip("real backends", why)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
