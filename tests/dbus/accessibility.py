#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The accessibility bus of a confined app: a real screen reader's library sees its windows, the app sees nobody's.

    accessibility.py BUILD POLICIES

at-spi2-core, its library and mousepad on Xvfb. Every probe is first made by a program outside, where it succeeds.
"""
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Skip, Tap  # noqa: E402
import cli_lib  # noqa: E402
import lib  # noqa: E402

SECONDS = 60
APP = "org.test.Seen"
POLICY = f"""[Application]
name={APP}
command=/usr/bin/python3
[Context]
sockets=x11;
[Carrel Display]
x11=shared
"""
REGISTRY = "org.a11y.atspi.Registry"
CONTROLLER = "/org/a11y/atspi/registry/deviceeventcontroller"

# A client of the bus: bus.call_sync by way of ask(), whose errors are their names.
CLIENT = """
import os, sys, time
from gi.repository import Gio, GLib
bus = Gio.DBusConnection.new_for_address_sync(os.environ['AT_SPI_BUS_ADDRESS'],
    Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
def ask(name, path, member, signature=None, *args):
    interface, _, method = member.rpartition('.')
    try:
        return bus.call_sync(name, path, interface, method, GLib.Variant(signature, args) if signature else None,
                             None, Gio.DBusCallFlags.NONE, 20000, None).unpack()
    except GLib.Error as e:
        return Gio.DBusError.get_remote_error(e)
def turn(seconds):
    loop = GLib.MainLoop()
    GLib.timeout_add(int(seconds * 1000), loop.quit)
    loop.run()
"""
# A program that shows one window named argv[1] and would have its readers connect to argv[2].
SHOWN = CLIENT + """
ROOT = '/org/a11y/atspi/accessible/root'
XML = '''<node><interface name="org.a11y.atspi.Accessible">
<method name="GetRole"><arg type="u" direction="out"/></method>
<method name="GetChildren"><arg type="a(so)" direction="out"/></method>
<method name="GetState"><arg type="au" direction="out"/></method>
<method name="GetInterfaces"><arg type="as" direction="out"/></method>
<property name="Name" type="s" access="read"/><property name="ChildCount" type="i" access="read"/>
<property name="Parent" type="(so)" access="read"/></interface>
<interface name="org.a11y.atspi.Application"><method name="GetApplicationBusAddress">
<arg type="s" direction="out"/></method><property name="Id" type="i" access="readwrite"/></interface></node>'''
def called(conn, sender, path, interface, method, args, invocation):
    print('asked', method, flush=True)
    answers = {'GetRole': ('(u)', (75,)), 'GetChildren': ('(a(so))', ([],)), 'GetState': ('(au)', ([0, 0],)),
               'GetInterfaces': ('(as)', (['org.a11y.atspi.Accessible', 'org.a11y.atspi.Application'],)),
               'GetApplicationBusAddress': ('(s)', (sys.argv[2],))}
    invocation.return_value(GLib.Variant(*answers[method]))
def get(conn, sender, path, interface, name):
    return {'Name': GLib.Variant('s', sys.argv[1]), 'ChildCount': GLib.Variant('i', 0), 'Id': GLib.Variant('i', 0),
            'Parent': GLib.Variant('(so)', ('org.a11y.atspi.Registry', ROOT))}[name]
for interface in Gio.DBusNodeInfo.new_for_xml(XML).interfaces:
    bus.register_object(ROOT, interface, called, get, lambda *_: True)
bus.call_sync('org.a11y.atspi.Registry', ROOT, 'org.a11y.atspi.Socket', 'Embed',
              GLib.Variant('((so))', ((bus.get_unique_name(), ROOT),)), None, 0, 20000, None)
print('shown', flush=True)
GLib.MainLoop().run()
"""
# What a screen reader sees, by its own library: "APP/ROLE/…: NAME" lines.
READER = """
import gi
gi.require_version('Atspi', '2.0')
from gi.repository import Atspi
def walk(a, depth, at):
    if a is None or depth > 8:
        return
    print(at, a.get_role_name(), repr(a.get_name()), repr(Atspi.Text.get_text(a, 0, -1) if a.get_text_iface() else ''))
    for i in range(min(a.get_child_count(), 30)):
        walk(a.get_child_at_index(i), depth + 1, at + '/' + str(i))
desktop = Atspi.get_desktop(0)
for i in range(desktop.get_child_count()):
    walk(desktop.get_child_at_index(i), 0, str(i))
"""
w = None


class World:
    def __init__(self):
        for path in ("/usr/bin/Xvfb", "/usr/bin/mousepad", "/usr/libexec/at-spi-bus-launcher",
                     "/usr/lib/x86_64-linux-gnu/girepository-1.0/Atspi-2.0.typelib"):
            if not os.path.exists(path.replace("x86_64-linux-gnu", os.uname().machine + "-linux-gnu")):
                raise Skip(f"{path} is not there")
        self.stage = cli_lib.Stage(sys.argv[1], sys.argv[2])
        self.runtime = tempfile.mkdtemp(prefix="carrel-a11y.")
        os.chmod(self.runtime, 0o700)
        self.started = []
        self.bus = lib.Bus(self.runtime)
        # A number of its own: one that Xvfb chooses may have a socket of somebody else's in /tmp/.X11-unix.
        self.env = self.stage.env(XDG_RUNTIME_DIR=self.runtime, DBUS_SESSION_BUS_ADDRESS=self.bus.address,
                                  DISPLAY=f":{20000 + os.getpid() % 20000}", GDK_BACKEND="x11")
        self.stage.write(f"home/.config/carrel/policies/{APP}.policy", POLICY)
        self.start(["Xvfb", self.env["DISPLAY"], "-nolisten", "tcp", "-noreset", "-screen", "0", "800x600x24"])
        socket = "/tmp/.X11-unix/X" + self.env["DISPLAY"][1:]
        lib.wait_for(lambda: os.path.exists(socket))

    def start_at_spi(self):
        self.start(["/usr/libexec/at-spi-bus-launcher", "--launch-immediately"])
        address = os.path.join(self.runtime, "at-spi", "bus_" + self.env["DISPLAY"][1:])
        lib.wait_for(lambda: os.path.exists(address))
        self.env["AT_SPI_BUS_ADDRESS"] = "unix:path=" + address
        # As the launcher tells it; Carrel finds it without.
        self.plain = {k: v for k, v in self.env.items() if k != "AT_SPI_BUS_ADDRESS"}

    def start(self, argv, env=None, out=subprocess.DEVNULL):
        child = subprocess.Popen(argv, env=env or self.env, stdin=subprocess.DEVNULL, stdout=out,
                                 stderr=subprocess.DEVNULL, text=True, cwd=self.stage.home)
        self.started.append(child)
        return child

    def outside(self, script, *args):
        return self.start_and_read(["/usr/bin/python3", "-c", script, *args], self.env)

    def inside(self, script, *args):
        return self.start_and_read([self.stage.carrel, "run", APP, "-c", script, *args], self.plain)

    def start_and_read(self, argv, env):
        done = subprocess.run(argv, env=env, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=SECONDS, check=False, cwd=self.stage.home)
        assert done.returncode == 0, done
        return done.stdout

    def seen(self):
        return self.outside(READER)

    def end(self, child):
        child.terminate()
        child.wait(SECONDS)
        self.started.remove(child)

    def __exit__(self, *_):
        for child in reversed(self.started):
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.bus.stop()
        subprocess.run(["rm", "-rf", self.runtime], check=False)

    def __enter__(self):
        return self


def wait_until_seen(text):
    said = ""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        said = w.seen()
        if text in said:
            return said
        time.sleep(0.3)
    raise AssertionError(f"{text!r} is not among what a screen reader sees:\n{said}")


def without_that_bus_programs_are_told_so():
    out = w.start_and_read([w.stage.carrel, "plan", APP], w.env)
    assert "NO_AT_BRIDGE" in out and "AT_SPI_BUS_ADDRESS" not in out and "dbus-a11y" not in out, out


def screen_reader_sees_a_confined_window():
    for word, command in (("bare", ["mousepad"]), ("confined", [w.stage.carrel, "run", "mousepad"])):
        path = w.stage.write(f"home/{word}.txt", f"text of the {word} one\n")
        app = w.start([*command, path], w.plain)
        said = wait_until_seen(f"text of the {word} one")
        assert "application 'mousepad'" in said and "menu item" in said, said
        w.end(app)


PROBES = {
    "others' trees": (REGISTRY, "/org/a11y/atspi/accessible/root", "org.a11y.atspi.Accessible.GetChildren", None),
    "keys for others": (REGISTRY, CONTROLLER, "org.a11y.atspi.DeviceEventController.GenerateKeyboardEvent", "(isu)",
                        38, "", 3),
    "clicks for others": (REGISTRY, CONTROLLER, "org.a11y.atspi.DeviceEventController.GenerateMouseEvent", "(iis)",
                          1, 1, "abs"),
    "listening for keys": (REGISTRY, CONTROLLER,
                           "org.a11y.atspi.DeviceEventController.RegisterKeystrokeListener", "(oa(iisi)uu(bbb))",
                           "/org/test/listener", [], 0, 3, (False, False, True)),
    "listening for events": (REGISTRY, "/org/a11y/atspi/registry", REGISTRY + ".RegisterEvent", "(sass)",
                             "object:text-changed:insert", [], ""),
}


def app_can_not(what):
    probe = f"print(ask(*{PROBES[what]!r}))"
    out = w.outside(CLIENT + probe)
    assert out.startswith(("(", "[")), f"outside: {out}"
    inside = w.inside(CLIENT + probe)
    assert inside == "org.freedesktop.DBus.Error.AccessDenied\n", inside


def app_may_ask_what_is_listened_for():
    probe = f"print(type(ask('{REGISTRY}', '/org/a11y/atspi/registry', '{REGISTRY}.GetRegisteredEvents')))"
    assert w.inside(CLIENT + probe) == w.outside(CLIENT + probe) == "<class 'tuple'>\n"


def app_can_not_ask_another_program():
    shown = w.start(["/usr/bin/python3", "-c", SHOWN, "neighbour", ""], out=subprocess.PIPE)
    assert shown.stdout.readline() == "shown\n"
    find = "for name in ask('org.freedesktop.DBus', '/', 'org.freedesktop.DBus.ListNames')[0]:\n    "
    probe = "print(name, ask(name, '/org/a11y/atspi/accessible/root', 'org.a11y.atspi.Accessible.GetRole'))"
    out = w.outside(CLIENT + find + probe)
    neighbour = [line.split()[0] for line in out.splitlines() if line.endswith("(75,)")]
    assert neighbour, out
    inside = w.inside(CLIENT + f"name = {neighbour[0]!r}\n{probe}")
    assert "AccessDenied" in inside, inside
    w.end(shown)
    shown.stdout.close()


HEAR = CLIENT + """
heard = []
for interface in ('org.a11y.atspi.Event.Object', 'org.a11y.atspi.Registry'):
    bus.signal_subscribe(None, interface, None, None, None, Gio.DBusSignalFlags.NONE,
                         lambda *a: heard.append(a[4]))
ask('org.freedesktop.DBus', '/', 'org.freedesktop.DBus.GetId')
print('listens', flush=True)
turn(4)
print(sorted(set(heard)))
"""
SPEAK = CLIENT + f"""
for i in range(20):
    bus.emit_signal(None, '/x', 'org.a11y.atspi.Event.Object', 'TextChanged', None)
bus.flush_sync()
print(ask('{REGISTRY}', '/org/a11y/atspi/registry', '{REGISTRY}.RegisterEvent', '(sass)', 'object:bounds-changed', [],
          ''))
"""


def app_hears_no_events_of_others():
    heard = []
    for argv, env in ((["/usr/bin/python3"], w.env), ([w.stage.carrel, "run", APP], w.plain)):
        ears = w.start([*argv, "-c", HEAR], env, subprocess.PIPE)
        assert ears.stdout.readline() == "listens\n"
        w.outside(SPEAK)
        heard.append(ears.stdout.readline())
        ears.wait(SECONDS)
        ears.stdout.close()
        w.started.remove(ears)
    assert "TextChanged" in heard[0] and "TextChanged" not in heard[1], heard
    # That somebody listens it hears, or it would tell a screen reader that comes later nothing.
    assert "EventListenerRegistered" in heard[1], heard


def reader_is_not_led_to_an_address_of_the_app_s():
    """libdbus starts a program for an address unixexec:, on the side of who connects."""
    asked = []
    for word, argv, env in (("bare", ["/usr/bin/python3"], w.env), ("confined", [w.stage.carrel, "run", APP], w.plain)):
        mark = os.path.join(w.runtime, "started-" + word)
        shown = w.start([*argv, "-c", SHOWN, "lure-" + word, f"unixexec:path=/usr/bin/touch,argv1={mark}"], env,
                        subprocess.PIPE)
        assert shown.stdout.readline() == "shown\n"
        # Whoever talks to what it has started gets no answers.
        wait_until_seen("application '" + ("lure-confined'" if word == "confined" else ""))
        w.end(shown)
        asked.append((os.path.exists(mark), "asked GetApplicationBusAddress" in shown.stdout.read()))
        shown.stdout.close()
    assert asked == [(True, True), (False, False)], asked


def it_can_be_taken_away():
    assert "AT_SPI_BUS_ADDRESS" in w.start_and_read([w.stage.carrel, "plan", APP], w.plain)
    out = w.start_and_read([w.stage.carrel, "plan", "--no-a11y-bus", APP], w.plain)
    assert "AT_SPI_BUS_ADDRESS" not in out and "NO_AT_BRIDGE" in out, out
    out = w.start_and_read([w.stage.carrel, "plan", "--nosocket=x11", "--nosocket=wayland", APP], w.plain)
    assert "AT_SPI_BUS_ADDRESS" not in out, out


def main():
    global w
    t = Tap()
    try:
        w = World()
    except Skip as why:
        t.skip("the accessibility bus", str(why))
        return t.done()
    with w:
        t.run(without_that_bus_programs_are_told_so)
        w.start_at_spi()
        t.run(screen_reader_sees_a_confined_window)
        t.run(app_may_ask_what_is_listened_for)
        for what in PROBES:
            t.run(lambda what=what: app_can_not(what), f"an app can not have {what}")
        t.run(app_can_not_ask_another_program)
        t.run(app_hears_no_events_of_others)
        t.run(reader_is_not_led_to_an_address_of_the_app_s)
        t.run(it_can_be_taken_away)
    return t.done()


sys.exit(main())
