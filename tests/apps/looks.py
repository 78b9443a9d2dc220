#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real programs follow the person's theme, fonts and file types when they are confined.

    looks.py --carrel PROGRAM [--shots FOLDER]

Each picture is taken three times: bare without settings, bare with the person's, confined with the person's.
The first two must differ (else nothing was tested), the last two must not. The programs have no
policies here, so that it is the strict default which is tested.
"""
import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
import desk as desks  # noqa: E402
from tap import Skip, Tap  # noqa: E402

SECONDS = 60
SETTINGS_INI = "[Settings]\ngtk-font-name=DejaVu Serif 22\ngtk-application-prefer-dark-theme=1\n"
FONT = '"DejaVu Serif,22,-1,5,50,0,0,0,0,0"'
QTCT = ("[Appearance]\nstyle=Windows\ncustom_palette=false\nstandard_dialogs=default\n"
        f"[Fonts]\nfixed={FONT}\ngeneral={FONT}\n")
XDEFAULTS = "*background: #204060\n*foreground: #ffd000\n*VT100*background: #204060\n"
DCONF = "[org/gnome/desktop/interface]\ngtk-theme='Yaru-night'\ncursor-size=40\ntext-scaling-factor=1.5\n"
SECRET = "hunter2-of-the-person"
FONTS_CONF = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<alias binding="same"><family>sans-serif</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>"""


class Person:
    """A home, with settings or without, on a desk."""

    def __init__(self, test, name):
        self.test, self.home = test, os.path.join(test.desk.folder, name)
        os.mkdir(self.home, 0o700)

    def write(self, name, text, mode=0o600):
        path = os.path.join(self.home, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def dconf(self, text):
        """The person's database, made of a key file."""
        folder = os.path.join(self.home, "keyfiles")
        self.write("keyfiles/all", text)
        os.makedirs(os.path.join(self.home, ".config/dconf"), exist_ok=True)
        subprocess.run(["dconf", "compile", os.path.join(self.home, ".config/dconf/user"), folder],
                       check=True, timeout=SECONDS)

    def env(self, **more):
        return {**self.test.desk.env, "HOME": self.home, **more}

    def argv(self, confined, argv):
        return [self.test.carrel, "run", "--x11=shared", *argv] if confined else argv

    def ask(self, confined, *argv, status=0, **more):
        done = subprocess.run(self.argv(confined, list(argv)), env=self.env(**more), cwd=self.home, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=SECONDS, check=False)
        assert status is None or done.returncode == status, \
            f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def start(self, confined, *argv, **more):
        return subprocess.Popen(self.argv(confined, list(argv)), env=self.env(**more), cwd=self.home,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, start_new_session=True)


def end(child):
    child.terminate()
    try:
        child.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


class Test:
    def __init__(self, options, desk):
        self.carrel, self.shots, self.desk = options.carrel, options.shots, desk
        self.plain, self.person = Person(self, "plain"), Person(self, "person")

    def picture(self, person, confined, name, *argv, **more):
        path = os.path.join(self.shots, f"{os.path.basename(argv[0])}-{name}.png")
        child = person.start(confined, *argv, **more)
        try:
            def shown():
                assert child.poll() is None, f"{argv}: it ended with status {child.returncode}"
                return self.desk.find_window()

            def drawn():
                try:
                    return desks.contrast(self.desk.picture(path, window)) > 0.02
                except subprocess.TimeoutExpired:  # a busy machine
                    return False
            window = desks.wait_for(f"the window of {argv[0]}", shown, SECONDS)
            self.desk.place(window, 700, 500)
            desks.wait_for(f"a picture of {argv[0]}", drawn, SECONDS)
            return self.desk.settled_picture(path, window)
        finally:
            end(child)
            desks.wait_for("the end of its windows", lambda: not self.desk.windows(), 20)

    def follows(self, *argv, **more):
        need(argv[0])
        before = self.picture(self.plain, False, "plain", *argv, **more)
        bare = self.picture(self.person, False, "bare", *argv, **more)
        confined = self.picture(self.person, True, "confined", *argv, **more)
        far, near = desks.difference(before, bare), desks.difference(bare, confined)
        print(f"# {argv[0]}: the settings change it by {far:.4f}, the confinement by {near:.4f}")
        assert far > 0.03, f"the settings change nothing: {far:.4f}"
        assert near < 0.02, f"confined it looks otherwise: {near:.4f}"

    # ---- toolkits ----

    def gtk_3_follows_font_and_darkness(self):
        self.follows("mousepad")

    def gtk_4_follows_font_and_darkness(self):
        self.follows("gtk4-widget-factory", GSK_RENDERER="cairo")

    def gtk_2_follows_the_font(self):
        self.follows("hexchat")

    def qt_5_follows_the_tool_of_qt5ct(self):
        self.follows("qt5ct", QT_QPA_PLATFORMTHEME="qt5ct")

    def x_resources_colour_a_terminal(self):
        # With nothing written it would look as it does before it is drawn.
        self.follows("xterm", "-e", "sh", "-c", "seq 100; exec sleep 600")

    def settings_of_an_app_come_before_the_persons(self):
        need("mousepad")
        own = ".var/app/org.xfce.mousepad/config/gtk-3.0/settings.ini"
        person = Person(self, "own")
        person.write(".config/gtk-3.0/settings.ini", SETTINGS_INI)
        person.write(own, "[Settings]\ngtk-font-name=DejaVu Sans 10\ngtk-application-prefer-dark-theme=0\n")
        app = self.picture(person, True, "own", "mousepad")
        bare = self.picture(self.person, False, "bare", "mousepad")
        assert desks.difference(app, bare) > 0.03

    # ---- settings ----

    def gsettings_shows_the_looks_and_nothing_else(self):
        need("gsettings", "dconf")
        get = ("gsettings", "get")
        theme = (*get, "org.gnome.desktop.interface", "gtk-theme")
        proxy = (*get, "org.gnome.system.proxy.http", "authentication-password")
        assert self.person.ask(False, *theme).strip() == "'Yaru-night'"
        assert self.person.ask(False, *proxy).strip() == f"'{SECRET}'"
        assert self.person.ask(True, *theme).strip() == "'Yaru-night'"
        assert self.person.ask(True, *get, "org.gnome.desktop.interface", "cursor-size").strip() == "40"
        assert self.person.ask(True, *get, "org.gnome.desktop.interface",
                               "text-scaling-factor").strip() == "1.5"
        assert self.person.ask(True, *proxy).strip() == "''"
        everything = self.person.ask(True, "gsettings", "list-recursively")
        assert SECRET not in everything and "Yaru-night" in everything
        # What the app sets itself is its own, stays, and reaches nobody else.
        put = ("gsettings", "set", "org.gnome.desktop.interface", "gtk-theme", "Mine")
        self.person.ask(True, *put)
        assert self.person.ask(True, *theme).strip() == "'Mine'"
        assert self.person.ask(False, *theme).strip() == "'Yaru-night'"

    def kde_programs_read_the_colours(self):
        need("kreadconfig5")
        read = ("kreadconfig5", "--file", "kdeglobals")
        for words, value in ((("--group", "Icons", "--key", "Theme"), "breeze-dark"),
                             (("--group", "Colors:Window", "--key", "BackgroundNormal"), "1,2,3")):
            assert self.person.ask(False, *read, *words).strip() == value
            assert self.person.ask(True, *read, *words).strip() == value
        recent = (*read, "--group", "Recent", "--key", "Last")
        assert self.person.ask(False, *recent).strip() == SECRET
        assert self.person.ask(True, *recent).strip() == ""

    def fonts_are_chosen_alike(self):
        need("fc-match")
        ask = ("fc-match", "-f", "%{family}", "sans-serif")
        assert "Mono" not in self.plain.ask(False, *ask)
        assert "Mono" in self.person.ask(False, *ask)
        assert "Mono" in self.person.ask(True, *ask)

    def own_fonts_and_icons_are_there(self):
        found = subprocess.run(["fc-match", "-f", "%{file}", "DejaVu Sans"], text=True, check=True,
                               stdout=subprocess.PIPE, timeout=SECONDS).stdout
        for folder in (".fonts", ".local/share/fonts"):
            path = self.person.write(f"{folder}/Own.ttf", "")
            shutil.copyfile(found, path)
        for folder, inside in ((".fonts", ".fonts"), (".local/share/fonts", "data/fonts")):
            listed = self.person.ask(True, "fc-list", ":", "file")
            assert f"{inside}/Own.ttf" in listed, (folder, listed)

    def a_kind_of_file_has_the_persons_program(self):
        need("gio")
        ask = ("gio", "mime", "text/plain")
        assert "mousepad" in self.person.ask(False, *ask).splitlines()[0].lower()
        told = self.person.ask(True, *ask)
        assert "mousepad" in told.splitlines()[0].lower(), told
        secret = ("gio", "mime", "x-scheme-handler/secretapp")
        assert "mousepad" in self.person.ask(False, *secret, status=None).lower()
        assert "mousepad" not in self.person.ask(True, *secret, status=None).lower()

    def dictionaries_are_known_and_lists_of_words_are_not(self):
        need("enchant-2")
        self.person.write(".config/enchant/hunspell/xx_XX.aff", "SET UTF-8\n")
        self.person.write(".config/enchant/hunspell/xx_XX.dic", "1\nfrobnication\n")
        self.person.write(".config/enchant/xx_XX.dic", SECRET.partition("-")[0] + "\n")
        text = self.person.write("text", "frobnication hunter2 wrongword\n")
        script = f"enchant-2 -d xx_XX -l < {text}"
        # It is the shell that opens the file here.
        bare = self.person.ask(False, "sh", "-c", script).split()
        assert "wrongword" in bare and "frobnication" not in bare, bare
        script = "printf 'frobnication\\nwrongword\\n' | enchant-2 -d xx_XX -l; cat $HOME/config/enchant/*.dic"
        inside = self.person.ask(True, "sh", "-c", script, status=None).split()
        assert "wrongword" in inside and "frobnication" not in inside and "hunter2" not in inside, inside

    def compose_keys_type_the_same(self):
        """xterm reads the table through Xlib. The keys are mapped for the while."""
        need("xterm", "xdotool")
        for confined in (False, True):
            child = self.person.start(confined, "xterm", "-e", "read line; printf %s \"$line\" > $HOME/typed; sleep 60")
            try:
                window = self.desk.wait_window(klass="xterm")
                self.desk.focus(window)
                self.desk.key("Multi_key", "w", "k")
                self.desk.key("Return")
                place = ".var/app/org.debian.xterm/typed" if confined else "typed"
                path = os.path.join(self.person.home, place)
                desks.wait_for("what was typed", lambda: os.path.exists(path) and os.path.getsize(path), 20)
                with open(path, encoding="utf-8") as f:
                    assert f.read() == "composed", confined
            finally:
                end(child)
                desks.wait_for("the end of its windows", lambda: not self.desk.windows(), 20)

    # ---- the rest of what nobody lists ----

    def the_clock_and_the_zone_are_the_hosts(self):
        ask = ("date", "+%Z %z %Y-%m-%d")
        assert self.person.ask(True, *ask) == self.person.ask(False, *ask)
        assert self.person.ask(True, *ask, TZ="Asia/Kolkata").startswith("IST +0530 ")
        zone = ("sh", "-c", "readlink /etc/localtime; cat /etc/timezone")
        assert self.person.ask(True, *zone, status=None) == self.person.ask(False, *zone, status=None)

    def alternatives_lead_where_they_lead_outside(self):
        script = ("sh", "-c", "for f in /etc/alternatives/*; do [ -e $f ] && readlink -f $f; done")
        bare, inside = (self.person.ask(c, *script).split() for c in (False, True))
        assert bare and set(inside) >= {p for p in bare if p.startswith("/usr/")}

    def shaders_are_kept_in_the_apps_own_cache(self):
        need("glxgears")
        child = self.person.start(True, "glxgears")
        folder = os.path.join(self.person.home, ".var/app/org.debian.glxgears/cache/mesa_shader_cache")
        try:
            desks.wait_for("shaders in the cache", lambda: os.path.isdir(folder) and os.listdir(folder), SECONDS)
        finally:
            end(child)
        assert not os.path.exists(os.path.join(self.person.home, ".cache/mesa_shader_cache"))

    def without_gvfs_and_a_bus_nothing_waits(self):
        need("gio")
        for argv in (("gio", "info", "/usr"), ("gio", "mount", "-l"), ("gio", "list", "/usr")):
            done = subprocess.run([self.carrel, "run", *argv], env=self.person.env(), text=True,
                                  cwd=self.person.home, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=20, check=False)
            assert done.returncode == 0, done
            assert "rror" not in done.stderr and "arning" not in done.stderr, done.stderr

    def printing_works_where_it_is_granted(self):
        """lpstat asks whether there is a scheduler; ours here is whoever answers on the socket."""
        need("lpstat")
        path = os.path.join(self.desk.folder, "cups.sock")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
            server.listen(8)
            asked = []

            def answer():
                while True:
                    try:
                        connection, _ = server.accept()
                    except OSError:
                        return
                    asked.append(1)
                    connection.close()
            threading.Thread(target=answer, daemon=True).start()
            self.person.ask(False, "lpstat", "-r", status=None, CUPS_SERVER=path)
            outside = len(asked)
            self.person.ask(True, "lpstat", "-r", status=None, CUPS_SERVER=path)
            refused = len(asked)
            subprocess.run([self.carrel, "run", "--socket=cups", "lpstat", "-r"], timeout=SECONDS, check=False,
                           env=self.person.env(CUPS_SERVER=path), cwd=self.person.home,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            granted = len(asked)
            server.shutdown(socket.SHUT_RDWR)
        assert outside > 0 and refused == outside and granted > refused, (outside, refused, granted)

    def python_and_java_find_what_they_have_outside(self):
        script = "import sys; print(sys.version, [p for p in sys.path if p.startswith('/usr')])"
        ask = ("python3", "-c", script)
        assert self.person.ask(True, *ask) == self.person.ask(False, *ask)
        if os.path.exists("/usr/bin/java"):
            ask = ("java", "-XshowSettings:properties", "-version")
            told = [subprocess.run(self.person.argv(c, list(ask)), env=self.person.env(), text=True,
                                   stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=SECONDS,
                                   check=True).stderr for c in (False, True)]
            rows = [set(re.findall(r"^ *(java\.(?:home|version|library\.path).*)$", t, re.M)) for t in told]
            assert rows[0] and rows[0] == rows[1], rows

    def all(self):
        return [getattr(self, name) for name in vars(type(self))
                if name not in ("all", "picture", "follows") and not name.startswith("_")]


def need(*programs):
    for name in programs:
        if not shutil.which(name, path=desks.PATH):
            raise Skip(f"{name} is not installed")


def settle(person):
    person.write(".config/gtk-3.0/settings.ini", SETTINGS_INI)
    person.write(".config/gtk-4.0/settings.ini", SETTINGS_INI)
    person.write(".gtkrc-2.0", 'gtk-font-name="DejaVu Serif 22"\n')
    person.write(".config/qt5ct/qt5ct.conf", QTCT)
    person.write(".Xdefaults", XDEFAULTS)
    person.write(".XCompose", '<Multi_key> <w> <k> : "composed"\n')
    person.write(".config/fontconfig/fonts.conf", FONTS_CONF)
    person.write(".config/kdeglobals", "[Icons]\nTheme=breeze-dark\n[Colors:Window]\nBackgroundNormal=1,2,3\n"
                 f"[Recent]\nLast={SECRET}\n")
    person.write(".config/mimeapps.list", "[Default Applications]\ntext/plain=org.xfce.mousepad.desktop;\n"
                 "x-scheme-handler/secretapp=org.xfce.mousepad.desktop;\n")
    if shutil.which("dconf"):
        person.dconf(f"{DCONF}[system/proxy/http]\nauthentication-password='{SECRET}'\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--carrel", required=True)
    parser.add_argument("--shots")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    options.shots = options.shots or tempfile.mkdtemp(prefix="carrel-looks-")
    os.makedirs(options.shots, exist_ok=True)
    if os.getuid() == 0:
        parser.error("run it as an ordinary user")
    tap = Tap()
    with desks.Desk(bus=False) as desk:
        test = Test(options, desk)
        settle(test.person)
        for function in test.all():
            if not options.names or function.__name__ in options.names:
                tap.run(function)
    print(f"# pictures are in {options.shots}")
    return tap.done()


sys.exit(main())
