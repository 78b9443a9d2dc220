#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What starts an app that `carrel desktop enable` has taken over: the tools that desktops use, end to end.

    launchers.py --carrel PROGRAM

An app of the test's own notes its home and arguments. Each tool starts it bare first (the note lies in the
person's home: the control), then enabled (it must lie in the app's own home, with the same arguments).
"""
import argparse
import os
import shutil
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
import desk as desks  # noqa: E402
from tap import Skip, Tap  # noqa: E402

ID = "org.example.Shown"
SECONDS = 60
SCRIPT = """#!/bin/sh
{ printf '%s\\n' "$0"; for word; do printf '<%s>' "$word"; done; echo; } > "$HOME/note.new"
mv "$HOME/note.new" "$HOME/note"
"""
ENTRY = """[Desktop Entry]
Type=Application
Name=Shown to all
Name[de]=Allen gezeigt
Icon=utilities-terminal
TryExec={program}
Exec={program} "two words" --name %c --file %k %i {code}
MimeType=text/plain;x-scheme-handler/shown;
Actions=Other;
{more}

[Desktop Action Other]
Name=Other
Exec=env SHOWN=1 {program} --other
"""
SERVICE = "[D-BUS Service]\nName=org.example.Shown\nExec={program} --service\nSystemdService=shown.service\n"
# An app that the bus starts for its name, as programs of GTK do it.
NAMED = """#!/usr/bin/python3
import os, sys
from gi.repository import Gio, GLib
def note(word):
    with open(os.environ["HOME"] + "/note.new", "w") as f:
        f.write(sys.argv[0] + "\\n" + word + "\\n")
    os.rename(os.environ["HOME"] + "/note.new", os.environ["HOME"] + "/note")
app = Gio.Application(application_id="org.example.Shown.Named", flags=Gio.ApplicationFlags.HANDLES_OPEN)
app.connect("activate", lambda _: note("activated"))
app.connect("open", lambda _app, files, n, _hint: note(" ".join(f.get_uri() for f in files)))
GLib.timeout_add_seconds(60, app.quit)
app.run(["named", "--gapplication-service"])
"""
NAMED_SERVICE = "[D-BUS Service]\nName=org.example.Shown.Named\nExec={program}\n"
ALIEN_SERVICE = "[D-BUS Service]\nName=org.example.Alien\nExec={program} --alien\n"
# A file manager, by hand: the only file of a folder is chosen and opened. It ends when the app has told that it ran.
MANAGER = """"$1" "$2" & manager=$!
until [ -e "$3" ] || [ -e "$4" ]; do
    window=$(xdotool search --onlyvisible --class "$1" | tail -n 1)
    [ -z "$window" ] || xdotool windowfocus "$window" key --clearmodifiers --delay 100 Home Return
    sleep 1
done
kill $manager
"""
UNIT = "[Unit]\nDescription=Shown\n[Service]\nType=simple\nExecStart=-{program} --unit \"a b\" %%\n"


class Test:
    def __init__(self, carrel, desk):
        self.carrel, self.desk = carrel, desk
        self.home = desk.home
        self.data = os.path.join(desk.folder, "data")
        self.config = os.path.join(desk.folder, "xdg")
        self.program = self.write(os.path.join(desk.folder, "programs/shown"), SCRIPT, 0o755)
        self.entry("%U")
        self.fill(f"{self.data}/dbus-1/services/org.example.Shown.service", SERVICE)
        self.fill(f"{self.config}/autostart/shown-start.desktop",
                  "[Desktop Entry]\nType=Application\nName=S\nExec={program} --autostart\n")
        self.write(f"{self.home}/.config/carrel/policies/{ID}.policy",
                   f"[Application]\nname={ID}\ncommand={self.program}\n[Context]\n"
                   f"filesystems={self.program}:ro;\n[Carrel Application]\nnames=shown;\ndocuments=ro\n"
                   f"desktop={ID}.desktop\n")
        self.write(f"{self.home}/.config/mimeapps.list", "[Default Applications]\n"
                   f"text/plain={ID}.desktop;\nx-scheme-handler/shown={ID}.desktop;\n")
        self.text = self.write(f"{self.home}/my papers/a b.txt", "text\n")
        # dbus-daemon goes by the password file for the home of a person, not by HOME.
        self.env = {**desk.env, "DBUS_SESSION_BUS_ADDRESS": "disabled:",
                    "XDG_DATA_HOME": f"{self.home}/.local/share", "XDG_DATA_DIRS": f"{self.data}:/usr/local/share:/usr/share",
                    "XDG_CONFIG_DIRS": f"{self.config}:/etc/xdg", "XDG_CURRENT_DESKTOP": "X-Generic",
                    "PATH": f"{self.home}/.local/bin:{desk.env['PATH']}"}

    def write(self, path, text, mode=0o644):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def fill(self, path, text, **more):
        return self.write(path, text.format(program=self.program, **more))

    def entry(self, code, name=f"{ID}.desktop", more=""):
        return self.fill(f"{self.data}/applications/{name}", ENTRY, code=code, more=more)

    def run(self, *argv, status=0):
        done = subprocess.run(argv, env=self.env, cwd=self.home, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS, check=False)
        assert status is None or done.returncode == status, f"{argv}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def enable(self, on):
        return self.run(self.carrel, "desktop", "enable" if on else "disable", ID)

    def note(self, argv, status=0):
        """Starts it; returns where it ran (the home) and the words that it got."""
        homes = {"bare": self.home, "confined": f"{self.home}/.var/app/{ID}"}
        for home in homes.values():
            if os.path.exists(f"{home}/note"):
                os.unlink(f"{home}/note")

        def ran():
            return [kind for kind, home in homes.items() if os.path.exists(f"{home}/note")]
        out = self.run(*argv, status=status)
        try:
            kinds = desks.wait_for("the app's note", ran, 30)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{argv}\n{out}") from None
        with open(f"{homes[kinds[0]]}/note", encoding="utf-8") as f:
            return kinds, f.read().splitlines()[1]

    def both(self, *argv, status=0, replace=()):
        self.enable(False)
        kinds, bare = self.note(argv, status)
        assert kinds == ["bare"], kinds
        self.enable(True)
        kinds, confined = self.note(argv, status)
        assert kinds == ["confined"], kinds
        for old, new in replace:
            bare = bare.replace(old, new)
        assert bare == confined, f"bare     {bare}\nconfined {confined}"
        return confined

    def moved(self):
        """%k tells where the file is, and that is another one now."""
        return ((f"{self.data}/applications", f"{self.home}/.local/share/applications"),)

    # ---- the tools ----

    def gio_launches_it_with_the_same_arguments(self):
        need("gio")
        path = f"{self.data}/applications/{ID}.desktop"
        own = f"{self.home}/.local/share/applications/{ID}.desktop"
        for code in ("%U", "%F", "%f", "%u", ""):
            self.entry(code)
            self.enable(False)
            _, bare = self.note(("gio", "launch", path, self.text))
            self.enable(True)
            kinds, confined = self.note(("gio", "launch", own, self.text))
            assert kinds == ["confined"], kinds
            assert bare.replace(path, own) == confined, f"{code}\nbare     {bare}\nconfined {confined}"
            assert "<two words>" in confined and "<Shown to all>" in confined, confined
            assert not code or "a b.txt>" in confined or "a%20b.txt>" in confined, confined
        self.entry("%U")

    def gio_opens_a_file_with_it(self):
        need("gio")
        words = self.both("gio", "open", self.text, replace=self.moved())
        assert "a%20b.txt>" in words or "a b.txt>" in words, words

    def gio_opens_an_address_with_it(self):
        need("gio")
        assert "<shown:x?a=1&b=%20>" in self.both("gio", "open", "shown:x?a=1&b=%20", replace=self.moved())

    def gtk_launches_it_by_its_name(self):
        need("gtk-launch")
        assert "a b.txt>" in self.both("gtk-launch", ID, self.text, replace=self.moved()).replace("%20", " ")

    def xdg_open_opens_a_file_with_it(self):
        need("xdg-open")
        assert "a b.txt>" in self.both("xdg-open", self.text, replace=self.moved()).replace("%20", " ")

    def exo_open_opens_a_file_with_it(self):
        need("exo-open")
        assert "a b.txt>" in self.both("exo-open", self.text, replace=self.moved()).replace("%20", " ")

    def odd_names_and_addresses_arrive_as_they_are(self):
        """Blanks, percent signs, quotes, letters beyond ASCII, and what looks like an option."""
        need("gio", "xdg-open")
        for name in ("100% of it.txt", "naïve — 文書.txt", "it's \"quoted\" $HOME `x`.txt", "--help.txt", "-x.txt",
                     "a;b&c #1?.txt"):
            path = self.write(f"{self.home}/my papers/{name}", "text\n")
            for code in ("%F", "%U"):
                self.entry(code)
                words = self.both("gio", "open", path, replace=self.moved())
                assert code == "%U" or f"/{name}>" in words, words
            self.entry("%U")
            self.both("xdg-open", path, replace=self.moved())
        for address in ("shown:a%20b%25c", "shown://host/ä?q=\"x\"&y='z'", "shown:--option"):
            self.both("gio", "open", address, replace=self.moved())

    def kioclient_opens_a_file_with_it(self):
        need("kioclient5")
        assert "a b.txt>" in self.both("env", "QT_QPA_PLATFORM=offscreen", "kioclient5", "exec", self.text,
                                       replace=self.moved()).replace("%20", " ")

    def _manager_opens(self, manager):
        need(manager, "xdotool", "dbus-run-session")
        path = self.write(f"{self.home}/only/a b.txt", "text\n")
        notes = [f"{home}/note" for home in (self.home, f"{self.home}/.var/app/{ID}")]
        words = self.both("dbus-run-session", "--", "sh", "-c", MANAGER, "sh", manager, os.path.dirname(path), *notes,
                          status=None, replace=(*self.moved(), ("file://", ""), ("a%20b", "a b")))
        assert "/a b.txt>" in words, words  # a path says the same as its address

    def thunar_opens_a_file_with_it(self):
        self._manager_opens("thunar")

    def pcmanfm_opens_a_file_with_it(self):
        self._manager_opens("pcmanfm")

    def an_action_goes_through_carrel(self):
        need("dex")
        self.enable(True)
        with open(f"{self.home}/.local/share/applications/{ID}.desktop", encoding="utf-8") as f:
            text = f.read()
        action = text.partition("[Desktop Action Other]")[2]
        path = self.write(f"{self.desk.folder}/action.desktop", "[Desktop Entry]\nType=Application" + action)
        kinds, words = self.note(("dex", path))
        assert kinds == ["confined"] and words == "<--other>", (kinds, words)

    def a_file_in_a_folder_keeps_its_place(self):
        need("gio")
        self.entry("%F", "sub/shown-too.desktop")
        self.enable(True)
        own = f"{self.home}/.local/share/applications/sub/shown-too.desktop"
        assert self.note(("gio", "launch", own))[0] == ["confined"]
        self.enable(False)
        assert not os.path.exists(os.path.dirname(own))
        os.unlink(f"{self.data}/applications/sub/shown-too.desktop")

    def the_bus_starts_it_confined(self):
        """The name never appears, as the app has no bus: who called is told so, and nothing ran bare."""
        need("dbus-run-session", "dbus-send")
        call = ("dbus-run-session", "--", "dbus-send", "--session", "--print-reply",
                "--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.StartServiceByName",
                f"string:{ID}", "uint32:0")
        assert self.both(*call, status=None) == "<--service>"

    def the_bus_starts_it_for_its_own_name(self):
        """It gets the name, so who called gets an answer: by the filtered bus, bare and confined alike."""
        need("dbus-run-session", "gapplication")
        service = self.fill(f"{self.data}/dbus-1/services/org.example.Shown.Named.service", NAMED_SERVICE)
        kept = self.write(self.program, NAMED, 0o755)
        names = f"{self.desk.folder}/names"
        call = ("dbus-run-session", "--", "sh", "-c",
                f"gapplication launch {ID}.Named && gdbus call --session -d org.freedesktop.DBus -o / "
                f"-m org.freedesktop.DBus.ListNames > {names}")
        try:
            for on, kind in ((False, "bare"), (True, "confined")):
                self.enable(on)
                assert self.note(call) == ([kind], "activated"), on
                with open(names, encoding="utf-8") as f:
                    assert f"{ID}.Named" in f.read()
        finally:
            os.unlink(service)
            self.write(kept, SCRIPT, 0o755)

    def the_bus_does_not_give_it_another_name(self):
        service = self.fill(f"{self.data}/dbus-1/services/alien.service", ALIEN_SERVICE)
        self.enable(True)
        with open(f"{self.home}/.local/share/dbus-1/services/alien.service", encoding="utf-8") as f:
            text = f.read()
        assert f"Exec={self.carrel} run --app-id={ID} {self.program} --alien" in text, text
        with open(f"{self.home}/.local/share/dbus-1/services/{ID}.service", encoding="utf-8") as f:
            assert f"--own-name={ID} {self.program}" in f.read()
        self.enable(False)
        os.unlink(service)

    def the_bus_starts_it_when_a_launcher_activates_it(self):
        """gio takes the bus for a file that says DBusActivatable; ours no longer says so."""
        need("gio", "dbus-run-session")
        self.entry("%U", more="DBusActivatable=true\n")
        self.enable(True)
        self.entry("%U")
        own = f"{self.home}/.local/share/applications/{ID}.desktop"
        kinds, _ = self.note(("dbus-run-session", "--", "gio", "launch", own))
        assert kinds == ["confined"]

    def the_session_starts_it_confined(self):
        need("dex")
        self.enable(False)
        for on, kind in ((False, "bare"), (True, "confined")):
            self.enable(on)
            kinds, words = self.note(("dex", "--autostart", "--environment", "X-Generic", "--search-paths",
                                      f"{self.home}/.config/autostart:{self.config}/autostart"))
            assert kinds == [kind] and words == "<--autostart>", (on, kinds, words)

    def a_unit_of_the_persons_manager_is_covered(self):
        """No manager runs here: systemd's own reader judges the drop-in, and what it reads is started."""
        need("systemd-analyze")
        unit = self.fill(f"{self.home}/.config/systemd/user/shown.service", UNIT)
        hard = self.fill(f"{self.home}/.config/systemd/user/hard.service",
                         "[Service]\nExecStart=@{program} other-name\n")
        self.enable(False)
        told = self.enable(True)
        drop_in = f"{unit}.d/carrel.conf"
        assert f"wrote {drop_in}" in told and "daemon-reload" in told, told
        assert f"{unit} is yours" not in told and f"{hard} is yours" in told, told
        with open(drop_in, encoding="utf-8") as f:
            lines = f.read().splitlines()
        assert lines[1:] == ["[Service]", "ExecStart=",
                             f'ExecStart=-{self.carrel} run --app-id={ID} {self.program} --unit "a b" %%'], lines
        self.run("systemd-analyze", "--user", "verify", unit)
        self.enable(False)
        assert not os.path.exists(f"{unit}.d") and os.path.exists(unit)
        os.unlink(unit)
        os.unlink(hard)

    def what_stays_is_told(self):
        mine = self.fill(f"{self.home}/.config/autostart/mine.desktop",
                         "[Desktop Entry]\nType=Application\nName=Mine\nExec=env A=b {program} x\n")
        lying = self.fill(f"{self.home}/Desktop/lying.desktop", ENTRY, code="", more="")
        self.write(f"{self.home}/.mailcap", f"text/x; {self.program} '%s'\n")
        for word in ("enable", "status"):
            told = self.run(self.carrel, "desktop", word, ID, status=None)
            for path in (mine, lying):
                assert f"{path} is yours and starts the app unconfined" in told, told
            assert f".mailcap calls shown by its path" in told, told
        for path in (mine, lying, f"{self.home}/.mailcap"):
            os.unlink(path)
        assert "unconfined" not in self.run(self.carrel, "desktop", "enable", ID).replace(
            "the shell will start programs unconfined", "")

    def sensible_browser_is_told(self):
        """It calls x-www-browser by its path, but for what BROWSER names."""
        need("sensible-browser", "x-www-browser")
        name = os.path.basename(os.path.realpath("/usr/bin/x-www-browser"))
        told = self.run(self.carrel, "desktop", "enable", name)
        try:
            assert "sensible-browser calls /usr/bin/" in told and "export BROWSER=" in told, told
            told = self.run("env", "BROWSER=x-www-browser", self.carrel, "desktop", "status", name)
            assert "sensible-browser" not in told, told
        finally:
            self.run(self.carrel, "desktop", "disable", name)

    def all(self):
        return [getattr(self, name) for name in vars(type(self))
                if name not in ("all", "write", "fill", "entry", "run", "enable", "note", "both", "moved")
                and not name.startswith("_")]


def need(*programs):
    for name in programs:
        if not shutil.which(name, path=desks.PATH):
            raise Skip(f"{name} is not installed")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--carrel", required=True)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if os.getuid() == 0:
        parser.error("run it as an ordinary user")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    tap = Tap()
    with desks.Desk(bus=False) as desk:
        test = Test(options.carrel, desk)
        for function in test.all():
            if not options.names or function.__name__ in options.names:
                tap.run(function)
    return tap.done()


sys.exit(main())
