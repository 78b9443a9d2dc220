#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service on the session bus for the tests, by GDBus.

    service.py NAME…    prints "ready" when it has the names

org.example.Iface at /org/example: Echo(s) → s, Size(ay) → u, Read(h) → s, Open() → h, News (signal).
"""
import os
import sys

from gi.repository import Gio, GLib

XML = """<node><interface name="org.example.Iface">
<method name="Echo"><arg type="s" direction="in"/><arg type="s" direction="out"/></method>
<method name="Size"><arg type="ay" direction="in"/><arg type="u" direction="out"/></method>
<method name="Read"><arg type="h" direction="in"/><arg type="s" direction="out"/></method>
<method name="Open"><arg type="h" direction="out"/></method>
<method name="Shout"/><signal name="News"><arg type="s"/></signal>
</interface></node>"""


def answer(connection, _sender, path, interface, method, args, invocation):
    if method == "Echo":
        invocation.return_value(GLib.Variant("(s)", (args.unpack()[0],)))
    elif method == "Size":
        invocation.return_value(GLib.Variant("(u)", (args.get_child_value(0).n_children(),)))
    elif method == "Read":
        fd = invocation.get_message().get_unix_fd_list().get(args.unpack()[0])
        text = os.read(fd, 100).decode()
        os.close(fd)
        invocation.return_value(GLib.Variant("(s)", (text,)))
    elif method == "Open":
        read, write = os.pipe()
        os.write(write, b"from the service")
        os.close(write)
        fds = Gio.UnixFDList.new_from_array([read])
        invocation.return_value_with_unix_fd_list(GLib.Variant("(h)", (0,)), fds)
    else:
        connection.emit_signal(None, path, interface, "News", GLib.Variant("(s)", ("text",)))
        invocation.return_value(None)


bus = Gio.bus_get_sync(Gio.BusType.SESSION)
bus.register_object("/org/example", Gio.DBusNodeInfo.new_for_xml(XML).interfaces[0], answer, None, None)
left = len(sys.argv) - 1


def acquired(*_):
    global left
    left -= 1
    if left == 0:
        print("ready", flush=True)


for name in sys.argv[1:]:
    Gio.bus_own_name_on_connection(bus, name, 0, acquired, None)
GLib.MainLoop().run()
