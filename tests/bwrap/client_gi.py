#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two clients of bubblewrap's that are libraries, started by clients.py:

    client_gi.py thumbnail PICTURE    GNOME's thumbnailer
    client_gi.py web FOLDER           a sandboxed web process of WebKitGTK's (needs a display and a session bus)"""

import os
import sys

import gi


def thumbnail(picture):
    gi.require_version("GnomeDesktop", "4.0")
    from gi.repository import GnomeDesktop
    factory = GnomeDesktop.DesktopThumbnailFactory.new(GnomeDesktop.DesktopThumbnailSize.NORMAL)
    made = factory.generate_thumbnail("file://" + picture, "image/png")
    print("thumbnail", made.get_width(), made.get_height())


def web(folder):
    gi.require_version("Gtk", "3.0")
    gi.require_version("WebKit2", "4.1")
    from gi.repository import GLib, Gtk, WebKit2
    manager = WebKit2.WebsiteDataManager(base_data_directory=folder + "/data", base_cache_directory=folder + "/cache")
    context = WebKit2.WebContext.new_with_website_data_manager(manager)
    context.set_sandbox_enabled(True)
    view = WebKit2.WebView.new_with_context(context)
    window = Gtk.Window()
    window.add(view)
    window.show_all()
    loop = GLib.MainLoop()

    def titled(*_):
        print("title", view.get_title())
        with open(f"/proc/{os.getpid()}/task/{os.getpid()}/children", encoding="ascii") as f:
            children = f.read().split()
        print("under bwrap" if any("bwrap" in name_of(pid) for pid in below(children)) else "no bwrap")
        loop.quit()

    view.connect("notify::title", titled)
    view.connect("web-process-terminated", lambda *_: (print("web process ended"), loop.quit()))
    view.load_html("<script>document.title = 'sum ' + (40 + 2)</script>", "about:blank")
    GLib.timeout_add_seconds(60, lambda: (print("no title"), loop.quit()))
    loop.run()


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as f:
            return f.read()
    except OSError:
        return ""


def below(pids):
    found = []
    for pid in pids:
        found.append(pid)
        try:
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
                found += below(f.read().split())
        except OSError:
            pass
    return found


{"thumbnail": thumbnail, "web": web}[sys.argv[1]](sys.argv[2])
