# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a confined app says to portals: this text is given to its Python, with a script behind it."""
import os

from gi.repository import Gio, GLib

bus = Gio.bus_get_sync(Gio.BusType.SESSION)
tokens = iter(range(1000))


def call(interface, method, args=None, name="org.freedesktop.portal.Desktop", fds=()):
    path = "/org/freedesktop/portal/documents" if name.endswith(".Documents") else "/org/freedesktop/portal/desktop"
    interface = interface if "." in interface else "org.freedesktop.portal." + interface
    sent = Gio.UnixFDList.new_from_array(list(fds)) if fds else None
    return bus.call_with_unix_fd_list_sync(name, path, interface, method, args, None, 0, 20000, sent, None)[0]


def error(*args, **more):
    """What the refusal of such a call says, or None."""
    try:
        call(*args, **more)
    except GLib.Error as e:
        return e.message
    return None


def request(interface, method, form, *args, fds=(), **options):
    """A call that the person answers: its Response. The options come last in form."""
    token, got, loop = f"carrel{next(tokens)}", [], GLib.MainLoop()
    path = f"/org/freedesktop/portal/desktop/request/{bus.get_unique_name()[1:].replace('.', '_')}/{token}"
    bus.signal_subscribe("org.freedesktop.portal.Desktop", "org.freedesktop.portal.Request", "Response",
                         path, None, 0, lambda *a: (got.append(a[5].unpack()), loop.quit()))
    options["handle_token"] = GLib.Variant("s", token)
    call(interface, method, GLib.Variant(form, (*args, options)), fds=fds)
    GLib.timeout_add(20000, loop.quit)
    if not got:
        loop.run()
    return got[0] if got else None


def chosen(method, **options):
    """The path that a file chooser gave."""
    uri = request("FileChooser", method, "(ssa{sv})", "", "title", **options)[1]["uris"][0]
    return GLib.filename_from_uri(uri)[0]


def notify():
    call("Notification", "AddNotification", GLib.Variant("(sa{sv})", ("n", {"title": GLib.Variant("s", "T")})))
