#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A portal's backend without a person: it answers at once, and says in a line of JSON who asked for what.

    backend.py FILE REGISTRY

File choosers choose FILE, or FILE.new to save. Each line also says which files the registry below
REGISTRY holds for instances at that moment.
"""
import json
import os
import sys

from gi.repository import Gio, GLib

IMPL = "org.freedesktop.impl.portal."


def method(name, ins, outs=""):
    """Letters are types; groups like a{sv} are separated by blanks."""
    args = "".join(f'<arg type="{t}" direction="{d}"/>'
                   for types, d in ((ins, "in"), (outs, "out")) for t in types.split())
    return f'<method name="{name}">{args}</method>'


CHOOSER = "o s s s a{sv}", "u a{sv}"
INTERFACES = {
    "FileChooser": method("OpenFile", *CHOOSER) + method("SaveFile", *CHOOSER),
    "Notification": method("AddNotification", "s s a{sv}") + method("RemoveNotification", "s s"),
    "Secret": method("RetrieveSecret", "o s h a{sv}", "u a{sv}"),
    "Settings": method("ReadAll", "as", "a{sa{sv}}") + method("Read", "s s", "v"),
    "Background": method("EnableAutostart", "s b as u", "b") + method("GetAppState", "", "a{sv}") +
    method("NotifyBackground", "o s s", "u a{sv}"),
    "Access": method("AccessDialog", "o s s s s s a{sv}", "u a{sv}"),
    "AppChooser": method("ChooseApplication", "o s s as a{sv}", "u a{sv}"),
}


def xml():
    return "<node>" + "".join(f'<interface name="{IMPL}{name}">{methods}</interface>'
                              for name, methods in INTERFACES.items()) + "</node>"


def instances(registry):
    try:
        return {name: sorted(os.listdir(os.path.join(registry, name))) for name in os.listdir(registry)
                if name.isdigit()}
    except OSError as e:
        return str(e)


def autostart(app, enable, command, flags):
    """What GNOME's backend of Debian 12 does; later portals do the same themselves."""
    path = os.path.join(GLib.get_user_config_dir(), "autostart", app + ".desktop")
    if not enable:
        os.unlink(path)
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    entry = GLib.KeyFile()
    for key, value in (("Type", "Application"), ("Name", app), ("X-Flatpak", app),
                       ("Exec", " ".join(GLib.shell_quote(word) if set(word) & set(" '\"\\") else word for word in command))):
        entry.set_string("Desktop Entry", key, value)
    if flags:
        entry.set_boolean("Desktop Entry", "DBusActivatable", True)
    entry.save_to_file(path)


class Backend:
    def __init__(self, file, registry):
        self.file, self.registry = file, registry

    def chosen(self, name):
        path = self.file + (".new" if name == "SaveFile" else "")
        return {"uris": GLib.Variant("as", ["file://" + path]), "writable": GLib.Variant("b", True)}

    def answer(self, name, args, invocation):
        """(the answer, what is said of it)"""
        if name in ("OpenFile", "SaveFile"):
            return GLib.Variant("(ua{sv})", (0, self.chosen(name))), args[1]
        if name == "RetrieveSecret":
            fds = invocation.get_message().get_unix_fd_list()
            os.write(fds.get(args[2]), f"secret of {args[1]}".encode())
            return GLib.Variant("(ua{sv})", (0, {})), args[1]
        if name == "ReadAll":
            return GLib.Variant("(a{sa{sv}})", ({"org.carrel.test": {"colour": GLib.Variant("s", "red")}},)), ""
        if name == "Read":
            return GLib.Variant("(v)", (GLib.Variant("s", "red"),)), ""
        if name == "EnableAutostart":
            autostart(*args)
            return GLib.Variant("(b)", (True,)), [args[0], args[1], args[2]]
        if name == "GetAppState":
            return GLib.Variant("(a{sv})", ({},)), ""
        if name == "ChooseApplication":
            return GLib.Variant("(ua{sv})", (0, {"choice": GLib.Variant("s", args[3][0])})), args[1]
        if name in ("AccessDialog", "NotifyBackground"):
            return GLib.Variant("(ua{sv})", (0, {})), args[1]
        return None, args[0]

    def called(self, _bus, _sender, _path, _interface, name, args, invocation):
        answer, said = self.answer(name, args.unpack(), invocation)
        print(json.dumps([name, said, instances(self.registry)]), flush=True)
        invocation.return_value(answer)


def main():
    backend = Backend(*sys.argv[1:3])
    bus = Gio.bus_get_sync(Gio.BusType.SESSION)
    for interface in Gio.DBusNodeInfo.new_for_xml(xml()).interfaces:
        bus.register_object("/org/freedesktop/portal/desktop", interface, backend.called, None, None)
    Gio.bus_own_name_on_connection(bus, IMPL + "desktop.mock", 0, None, None)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
