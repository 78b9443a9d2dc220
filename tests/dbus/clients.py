#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The libraries that programs use, unmodified, through carrel-dbus: GDBus, libdbus, sd-bus, QtDBus.

    clients.py CARREL-DBUS
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Tap  # noqa: E402
import lib  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = sys.argv[1]
RULES = "talk org.example.Talk\nown org.example.App.*\n"
IFACE, PATH = "org.example.Iface", "/org/example"

GDBUS = """
import os, sys
from gi.repository import Gio, GLib
bus = Gio.bus_get_sync(Gio.BusType.SESSION)
def call(name, method, args=None, fds=None):
    return bus.call_with_unix_fd_list_sync(name, '/org/example', 'org.example.Iface', method, args, None, 0,
                                           60000, fds, None)
assert call('org.example.Talk', 'Echo', GLib.Variant('(s)', ('hallo',)))[0].unpack() == ('hallo',)
big = GLib.Variant.new_tuple(GLib.Variant.new_from_bytes(GLib.VariantType('ay'), GLib.Bytes.new(bytes(30 << 20)), True))
assert call('org.example.Talk', 'Size', big)[0].unpack() == (30 << 20,)
r, w = os.pipe(); os.write(w, b'through'); fds = Gio.UnixFDList.new()
assert call('org.example.Talk', 'Read', GLib.Variant('(h)', (fds.append(r),)), fds)[0].unpack() == ('through',)
got = call('org.example.Talk', 'Open')[1].get(0)
assert os.read(got, 100) == b'from the service'
loop = GLib.MainLoop(); heard = []
bus.signal_subscribe('org.example.Talk', 'org.example.Iface', 'News', None, None, 0,
                     lambda c, s, p, i, m, a: (heard.append(a.unpack()), loop.quit()))
call('org.example.Talk', 'Shout'); GLib.timeout_add(60000, loop.quit); heard or loop.run()
assert heard == [('text',)], heard
try:
    call('org.example.Hidden', 'Echo', GLib.Variant('(s)', ('x',)))
    print('hidden reached')
except GLib.Error as e:
    assert 'ServiceUnknown' in e.message, e.message
print('done')
"""

LIBDBUS = """
import os, dbus
bus = dbus.SessionBus()
talk = dbus.Interface(bus.get_object('org.example.Talk', '/org/example'), 'org.example.Iface')
assert talk.Echo('hallo') == 'hallo'
assert talk.Size(dbus.ByteArray(bytes(1 << 20))) == 1 << 20
r, w = os.pipe(); os.write(w, b'through')
assert talk.Read(dbus.types.UnixFd(r)) == 'through'
fd = talk.Open().take(); assert os.read(fd, 100) == b'from the service'
assert bus.request_name('org.example.App.Name') == 1
try:
    print('hidden reached', bus.get_object('org.example.Hidden', '/org/example'))
except dbus.exceptions.DBusException as e:
    assert 'ServiceUnknown' in e.get_dbus_name() or 'NameHasNoOwner' in e.get_dbus_name(), e
names = bus.list_names()
assert 'org.example.Talk' in names and 'org.example.Hidden' not in names, names
print('done')
"""

QTDBUS = """
from PyQt5.QtCore import QCoreApplication
from PyQt5.QtDBus import QDBusConnection, QDBusInterface, QDBusMessage
app = QCoreApplication([])
bus = QDBusConnection.sessionBus()
assert bus.isConnected()
talk = QDBusInterface('org.example.Talk', '/org/example', 'org.example.Iface', bus)
reply = talk.call('Echo', 'hallo')
assert reply.arguments() == ['hallo'], reply.errorMessage()
hidden = QDBusInterface('org.example.Hidden', '/org/example', 'org.example.Iface', bus)
reply = hidden.call('Echo', 'x')
if reply.type() == QDBusMessage.ErrorMessage:
    print('done')
"""


class World:
    def __init__(self):
        self.bus = lib.Bus()
        self.service = subprocess.Popen(
            ["/usr/bin/python3", os.path.join(HERE, "service.py"), "org.example.Talk", "org.example.Hidden"],
            env=self.env(self.bus.address), stdout=subprocess.PIPE)
        assert self.service.stdout.readline() == b"ready\n"
        self.filter = lib.Filter(PROGRAM, self.bus, RULES)

    @staticmethod
    def env(address):
        return {"DBUS_SESSION_BUS_ADDRESS": address, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8",
                "HOME": "/nonexistent", "GIO_USE_VFS": "local"}

    def run(self, *command, inside=True):
        return subprocess.run(command, env=self.env(self.filter.address if inside else self.bus.address),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=180)

    def script(self, text):
        """Outside it reaches the hidden one, so there is something to keep it from; inside not."""
        outside = self.run("/usr/bin/python3", "-c", text, inside=False)
        assert "done" not in outside.stdout or "reached" in outside.stdout, outside
        inside = self.run("/usr/bin/python3", "-c", text)
        assert inside.returncode == 0 and inside.stdout == "done\n", inside

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.service.kill()
        self.service.wait()
        self.service.stdout.close()
        status = self.filter.stop()
        self.bus.stop()
        assert kind or status == 0, f"the filter ended with {status}"


def gdbus_library():
    with World() as w:
        w.script(GDBUS)


def libdbus():
    with World() as w:
        w.script(LIBDBUS)


def qtdbus():
    with World() as w:
        w.script(QTDBUS)


def sd_bus():
    """busctl is a client of sd-bus; Debian 12's xdg-dbus-proxy hangs up on it."""
    with World() as w:
        call = ["busctl", "--user", "call"]
        done = w.run(*call, "org.example.Talk", PATH, IFACE, "Echo", "s", "hallo")
        assert done.stdout == 's "hallo"\n', done
        assert w.run(*call, "org.example.Hidden", PATH, IFACE, "Echo", "s", "x", inside=False).returncode == 0
        hidden = w.run(*call, "org.example.Hidden", PATH, IFACE, "Echo", "s", "x")
        assert hidden.returncode != 0 and "no rule lets the app see" in hidden.stderr, hidden
        listed = w.run("busctl", "--user", "list", "--no-pager", "--no-legend")
        assert listed.returncode == 0 and "org.example.Talk" in listed.stdout, listed
        assert "org.example.Hidden" not in listed.stdout, listed
        tree = w.run("busctl", "--user", "introspect", "org.example.Talk", PATH)
        assert IFACE in tree.stdout, tree
        assert w.run("busctl", "--user", "monitor", "--timeout=1").returncode != 0


def command_line_tools():
    with World() as w:
        for name, good in (("org.example.Talk", True), ("org.example.Hidden", False)):
            for command in (["gdbus", "call", "--session", "-d", name, "-o", PATH, "-m", IFACE + ".Echo", "x"],
                            ["dbus-send", "--session", "--print-reply", "--dest=" + name, PATH, IFACE + ".Echo",
                             "string:x"]):
                assert w.run(*command, inside=False).returncode == 0, command
                assert (w.run(*command).returncode == 0) == good, command


def a_signal_before_leaving():
    """dbus-send writes and leaves at once; what it wrote must arrive."""
    with World() as w:
        peer = lib.Raw(w.bus.path)
        peer.bus("AddMatch", "member='Bye'")
        for _ in range(20):
            sent = w.run("dbus-send", "--session", "--type=signal", "/x", "a.b.Bye")
            assert sent.returncode == 0, sent
            while True:
                m = peer.next()
                assert m is not None, "the signal was lost"
                if m.member == "Bye":
                    break


def main():
    tap = Tap()
    for test in (gdbus_library, libdbus, qtdbus, sd_bus, command_line_tools, a_signal_before_leaving):
        tap.run(test)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
