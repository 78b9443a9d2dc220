#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A stock xdg-desktop-portal takes a confined app for a sandboxed one, under the app's id.

    accept.py BUILD POLICIES        the programs of a build folder
    accept.py --carrel PROGRAM      an installed one

Needs no screen: the backend is backend.py. Every test first looks from outside where that tells that
the same call would come through.
"""
import ast
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import APP, POLICY, World, version, wait_for  # noqa: E402
from tap import Skip, Tap  # noqa: E402

NOTIFICATION = "org.freedesktop.impl.portal.PermissionStore"
STORE = "/org/freedesktop/impl/portal/PermissionStore"
DOCUMENTS = ("org.freedesktop.portal.Documents", "/org/freedesktop/portal/documents")
w = None


# ---- the seven: who it is, and what that means ----

def backend_sees_the_app_s_id():
    w.outside("print(chosen('OpenFile'))")
    w.run("print(chosen('OpenFile'))")
    assert [who for who, _ in w.asked("OpenFile")] == ["", APP], w.asked("OpenFile")


def chosen_file_comes_through_the_document_portal():
    out = w.run("p = chosen('OpenFile'); print(p); print(open(p).read())").split("\n")
    # As a person's runtime folder is named here, and as Flatpak has it.
    assert out[0].startswith((w.runtime + "/doc/", "/run/flatpak/doc/")), out
    assert out[1] == "host secret", out
    ways = w.run("p = chosen('OpenFile').split('/doc/')[1]\nfor top in ('/run/flatpak', os.environ['XDG_RUNTIME_DIR'],"
                 f" {w.runtime!r}):\n    print(open(top + '/doc/' + p).read(), end='')")
    assert ways == "host secret\n" * 3, ways


def chosen_file_can_be_written():
    w.run("open(chosen('OpenFile'), 'a').write('written\\n')")
    with open(w.file, encoding="utf-8") as f:
        assert f.read() == "host secret\nwritten\n"
    w.write("chosen.txt", "host secret\n")


def new_file_is_saved_where_the_person_says():
    w.run("open(chosen('SaveFile'), 'w').write('saved\\n')")
    with open(w.file + ".new", encoding="utf-8") as f:
        assert f.read() == "saved\n"
    os.unlink(w.file + ".new")


def methods_for_the_host_only_are_refused():
    assert w.host(*DOCUMENTS, "org.freedesktop.portal.Documents.List", "").returncode == 0
    said = w.run("print(error('Documents', 'List', GLib.Variant('(s)', ('',)),"
                 " name='org.freedesktop.portal.Documents'))")
    assert "Not allowed in sandbox" in said or "NotAllowed" in said, said


def chosen_file_itself_stays_out_of_sight():
    assert w.run(f"chosen('OpenFile'); print(os.path.exists({w.file!r}))") == "False\n"


def permission_store_has_the_app_s_id():
    w.run("notify()")
    found = w.host(NOTIFICATION, STORE, NOTIFICATION + ".Lookup", "notifications", "notification").stdout
    assert f"'{APP}': ['yes']" in found, found
    assert w.asked("AddNotification")[-1][0] == APP


def documents_are_listed_for_the_app():
    w.run("chosen('OpenFile')")
    found = w.host(*DOCUMENTS, "org.freedesktop.portal.Documents.List", APP).stdout
    assert "chosen.txt" in found, found
    assert "chosen.txt" not in w.host(*DOCUMENTS, "org.freedesktop.portal.Documents.List", "org.example.Other").stdout


def documents_of_another_app_are_out_of_sight():
    other = "org.example.Other"
    w.policy(POLICY.replace(APP, other), other)
    path = w.run("print(chosen('OpenFile'))", app=other).strip().partition("/doc/")[2]
    look = f"print(os.path.exists('/run/flatpak/doc/{path}'), os.listdir('/run/flatpak/doc'))"
    assert w.run(look, app=other).startswith("True"), "control: the app's own"
    before = w.run("print(os.listdir('/run/flatpak/doc'))")
    w.host(*DOCUMENTS, "org.freedesktop.portal.Documents.RevokePermissions", path.split("/")[0], APP,
           "['read', 'write', 'delete', 'grant-permissions']")
    assert w.run(look).startswith("False"), before


# ---- other portals ----

def secret_is_handed_over():
    out = w.run("r, s = os.pipe()\nrequest('Secret', 'RetrieveSecret', '(ha{sv})', 0, fds=[s])\n"
                "print(os.read(r, 100).decode())")
    assert out == f"secret of {APP}\n", out


def settings_are_told():
    out = w.run("print(call('Settings', 'ReadAll', GLib.Variant('(as)', (['org.carrel.test'],))).unpack())")
    assert "'colour': 'red'" in out, out


def addresses_are_opened_outside():
    opened = os.path.join(w.top, "opened")
    w.write(".local/share/applications/opener.desktop", "[Desktop Entry]\nType=Application\nName=Opener\n"
            f"Exec=/bin/sh -c 'echo \"$1\" > {opened}' sh %u\nMimeType=x-scheme-handler/carreltest;\n")
    w.write(".config/mimeapps.list", "".join(
        f"[{group}]\nx-scheme-handler/carreltest=opener.desktop\n" for group in ("Default Applications", "Added Associations")))
    answer = w.run("print(request('OpenURI', 'OpenURI', '(ssa{sv})', '', 'carreltest:hello'))")
    wait_for(lambda: os.path.exists(opened) and os.path.getsize(opened))
    with open(opened, encoding="utf-8") as f:
        assert f.read() == "carreltest:hello\n", answer


def trash_takes_what_the_app_may_write():
    mine, other = w.write("box/rubbish", "x"), w.write("box/kept", "x")
    throw = "print(call('Trash', 'TrashFile', GLib.Variant('(h)', (0,)), fds=[os.open(%r, os.O_RDWR)]).unpack())"
    assert w.run(throw % mine, f"--filesystem={os.path.dirname(mine)}") == "(1,)\n"
    assert not os.path.exists(mine)
    # A file of the app's own /tmp has the name of one on the host: it is not the host's.
    decoy = os.path.join("/tmp", f"carrel-decoy-{os.getpid()}")
    with open(decoy, "w", encoding="ascii"):
        pass
    try:
        out = w.run(f"open({decoy!r}, 'w')\n" + throw.replace("print(call", "print(error").replace(".unpack()", "") % decoy)
        assert os.path.exists(decoy) and os.path.exists(other), out
    finally:
        os.unlink(decoy)


def network_state_only_with_the_network():
    ask = "print(error('NetworkMonitor', 'GetAvailable'))"
    assert w.run(ask) == "None\n"
    assert "not available inside the sandbox" in w.run(ask, "--unshare=network")


def entry_of(app=APP):
    try:
        with open(os.path.join(w.home, ".config/autostart", app + ".desktop"), encoding="utf-8") as f:
            return f.read()
    except OSError:
        return ""


def background(enable, command, then="", more=""):
    """A script: the app asks to be started with the session; then it does what `then` says."""
    return (f"print(request('Background', 'RequestBackground', '(sa{{sv}})', '', autostart=GLib.Variant('b', {enable}),"
            f" commandline=GLib.Variant('as', {command!r}){more}), flush=True)\n{then}")


def starts_with_the_session_confined():
    """The entry for the session's start is the portal's, and starts the app by us; without us it says flatpak."""
    command = ["/usr/bin/ls", w.file]  # in plain words: later portals do not quote them
    app = w.start(background(True, command, "input()", ", **{'dbus-activatable': GLib.Variant('b', True)}"))
    answer = app.stdout.readline()
    assert "'autostart': True" in answer, (answer, w.log("desktop"))
    wait_for(lambda: entry_of().startswith("# Made by Carrel"))
    app.communicate("\n", timeout=60)
    entry = entry_of()
    assert "flatpak" not in entry.lower() and "DBusActivatable" not in entry, entry
    # As a session does it that goes by GLib.
    done = subprocess.run(["/usr/bin/python3", "-c", "import sys\nfrom gi.repository import Gio, GLib\n"
                           "app = Gio.DesktopAppInfo.new_from_filename(sys.argv[1])\n"
                           "print(GLib.shell_parse_argv(app.get_commandline())[1])",
                           os.path.join(w.home, ".config/autostart", APP + ".desktop")],
                          env=w.env, text=True, stdout=subprocess.PIPE, check=True, timeout=60)
    argv = ast.literal_eval(done.stdout)
    assert argv == [w.carrel, "run", "--command=/usr/bin/ls", APP, "--", w.file], argv
    assert subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode == 0, "control"
    done = subprocess.run(argv, env=w.env, text=True, cwd=w.home, stdin=subprocess.DEVNULL, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2 and "No such file" in done.stderr, done
    w.run(background(False, ["x"]))
    assert not entry_of(), "the portal takes it away again"


def what_an_app_smuggles_into_its_command_is_no_option():
    app = w.start(background(True, ["x --filesystem=host", "a"], "input()"))
    app.stdout.readline()
    wait_for(lambda: entry_of().startswith("# Made by Carrel"))
    app.communicate("\n", timeout=60)
    entry = entry_of()
    # Quoted by the portal it is the program's name; else the entry is switched off.
    assert "Hidden=true" in entry or '"--command=x --filesystem=host"' in entry, entry
    w.run(background(False, ["x"]))


def entries_of_others_are_left_alone():
    mine = w.write(".config/autostart/org.example.Other.desktop",
                   "[Desktop Entry]\nType=Application\nName=x\nExec=flatpak run org.example.Other\nX-Flatpak=org.example.Other\n")
    with open(mine, encoding="utf-8") as f:
        before = f.read()
    app = w.start(background(True, ["/usr/bin/python3"], "input()"))
    app.stdout.readline()
    wait_for(lambda: entry_of().startswith("# Made by Carrel"))
    app.communicate("\n", timeout=60)
    with open(mine, encoding="utf-8") as f:
        assert f.read() == before
    os.unlink(mine)
    w.run(background(False, ["x"]))


def entry_left_by_a_quick_end_is_mended_at_the_next_start():
    path = w.write(f".config/autostart/{APP}.desktop", f"[Desktop Entry]\nType=Application\nName={APP}\n"
                   f"Exec=flatpak run --command=x {APP}\nX-Flatpak={APP}\n")
    w.run("pass")
    assert f"Exec={w.carrel} run --command=x {APP}\n" in entry_of(), entry_of()
    os.unlink(path)


def folder_of_such_entries_is_out_of_the_app_s_sight():
    path = w.write(".config/autostart/seen.desktop", "[Desktop Entry]\n")
    look = f"print(os.path.exists({path!r}))"
    assert w.outside(look) == "True\n" and w.run(look) == "False\n"
    os.unlink(path)


def portals_have_a_name_for_it():
    """An id that the distribution has no file for: its file's name and icon, in none of the menus."""
    system = os.path.join(w.top, "system")
    os.makedirs(os.path.join(system, "applications"), exist_ok=True)
    theirs, mine = (os.path.join(top, "applications") for top in (system, os.path.join(w.home, ".local/share")))
    with open(os.path.join(theirs, "accept.desktop"), "w", encoding="utf-8") as f:
        f.write("[Desktop Entry]\nType=Application\nName=The Acceptor\nName[de]=Der Annehmer\nIcon=acceptor\n"
                "MimeType=text/plain;\nExec=/usr/bin/python3\n[Desktop Action x]\nName=Another\nExec=x\n")
    w.policy(POLICY + "[Carrel Application]\ndesktop=accept.desktop\n")
    w.env["XDG_DATA_DIRS"] = system + ":/usr/share"
    own = os.path.join(mine, APP + ".desktop")
    if os.path.exists(own):
        os.unlink(own)
    try:
        w.run("pass")
        info = ("from gi.repository import Gio\n"
                f"a = Gio.DesktopAppInfo.new({APP + '.desktop'!r})\n"
                "print(a.get_display_name(), a.get_icon().to_string(), a.should_show(), a.get_commandline())\n")
        assert w.outside(info) == f"The Acceptor acceptor False {w.carrel} run {APP}\n", w.outside(info)
        with open(own, encoding="utf-8") as f:
            text = f.read()
        assert "Der Annehmer" in text and "Another" not in text and "MimeType" not in text, text
        with open(os.path.join(theirs, APP + ".desktop"), "w", encoding="utf-8") as f:
            f.write("[Desktop Entry]\nType=Application\nName=Theirs\nExec=/bin/true\n")
        w.run("pass")
        assert not os.path.exists(own), "the distribution's is never shadowed"
        os.unlink(os.path.join(theirs, APP + ".desktop"))
        w.write(f".local/share/applications/{APP}.desktop", "[Desktop Entry]\nType=Application\nName=Mine\nExec=/bin/true\n")
        w.run("pass")
        with open(own, encoding="utf-8") as f:
            assert "Mine" in f.read(), "nor is the person's own replaced"
        os.unlink(own)
        w.run("pass", "--metadata=Carrel Bus=session=none", fails=True)  # its client finds no bus
        assert not os.path.exists(own), "without portals there is none"
    finally:
        del w.env["XDG_DATA_DIRS"]
        w.policy(POLICY)


# ---- it is never taken for a program of the host ----

def registry_is_complete_before_the_first_call():
    w.run("notify()")
    names = [n for _, registry in w.asked("AddNotification")[-1:] for n in registry.values()]
    assert any({".ref", "bwrapinfo.json", "info", "pid"} <= set(n) for n in names), names


def app_that_hides_itself_is_known():
    w.run("import ctypes\nassert ctypes.CDLL(None).prctl(4, 0, 0, 0, 0) == 0\nprint(chosen('OpenFile'))")
    assert w.asked("OpenFile")[-1][0] == APP


def without_its_place_in_the_registry_it_is_refused_or_known():
    """What a newer portal needs is gone: it refuses; an older one goes by the file in the filter's root."""
    seen = len(w.asked("OpenFile"))
    app = w.start("print('ready', flush=True)\ninput()\nprint(error('FileChooser', 'OpenFile',"
                  " GLib.Variant('(ssa{sv})', ('', 't', {}))), flush=True)\ninput()")
    assert app.stdout.readline() == "ready\n"
    registry = os.path.join(w.runtime, ".flatpak")
    [folder] = [name for name in os.listdir(registry) if name.isdigit()]
    os.unlink(os.path.join(registry, folder, "bwrapinfo.json"))
    app.stdin.write("\n")
    app.stdin.flush()
    app.stdout.readline()
    app.communicate("\n", timeout=60)
    assert all(who == APP for who, _ in w.asked("OpenFile")[seen:]), w.asked("OpenFile")


def no_file_no_bus():
    """Fail closed: where the file cannot be made there is no way to the bus, whatever the policy says."""
    env = {k: v for k, v in w.env.items() if k != "XDG_RUNTIME_DIR"}
    done = subprocess.run(w.command("print(bus.get_unique_name())"), env=env, cwd=w.home, text=True, timeout=90,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1 and "disabled:" in done.stderr and ":1." not in done.stdout, done


def flatpak_does_not_clear_it_away():
    if not os.path.exists("/usr/bin/flatpak"):
        raise Skip("flatpak is not installed")
    app = w.start("print('ready', flush=True)\ninput()\nnotify()\nprint('done')")
    assert app.stdout.readline() == "ready\n"
    time.sleep(4)  # what is younger is left alone in any case
    listed = subprocess.run(["flatpak", "ps", "--columns=application"], env=w.env, text=True, timeout=60, check=True,
                            stdout=subprocess.PIPE).stdout
    assert APP in listed, listed
    assert app.communicate("\n", timeout=60)[0] == "done\n"
    assert any("info" in n for n in w.asked("AddNotification")[-1][1].values()), w.asked("AddNotification")[-1]


def bad_ids_are_refused_before_a_portal_sees_them():
    bad = ["nodot", "org..x", ".org.x", "org.x.", "org.7x.y", "org.a-b.c", "org.x/y", "org.x.y z", "org.x\n.y",
           "org.ä.b", "../org.x", "org." + "x" * 260, "org.freedesktop.portal", "org.freedesktop.portal.Desktop",
           "org.freedesktop.impl.portal.x", "org.freedesktop.DBus", "org.freedesktop", "org.gnome", "snap.firefox.x"]
    policy = w.write("any.policy", POLICY[POLICY.index("[Context]"):])
    options = ("--command=/usr/bin/python3", f"--policy={policy}")
    good = "org.example." + "x" * 235  # its policy's name is as long as a name can be
    w.run("notify()", *options, f"--app-id={good}")
    assert w.asked("AddNotification")[-1][0] == good
    for name in bad:
        done = w.run("print('ran')", *options, f"--app-id={name}", fails=True)
        assert done.returncode == 125 and "ran" not in done.stdout, (name, done)
    assert w.host("org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop",
                  "org.freedesktop.DBus.Peer.Ping").returncode == 0, "the portal still stands"


def names_outside_the_policy_answer_outside_only():
    call = ["gdbus", "call", "--session", "-d", NOTIFICATION, "-o", STORE, "-m", NOTIFICATION + ".Lookup",
            "notifications", "notification"]
    w.run("notify()")
    assert subprocess.run(call, env=w.env, timeout=60, check=False, stdout=subprocess.DEVNULL).returncode == 0
    done = w.run(f"import subprocess\nprint(subprocess.run({call!r}).returncode)", fails=True)
    assert done.stdout == "1\n" and "refused" in done.stderr, done


def programs_are_not_started_by_a_portal():
    said = w.run("print(error('org.freedesktop.portal.Flatpak', 'Spawn', None, name='org.freedesktop.portal.Flatpak'))")
    assert "ServiceUnknown" in said or "AccessDenied" in said, said


TESTS = (backend_sees_the_app_s_id, chosen_file_comes_through_the_document_portal, chosen_file_can_be_written,
         new_file_is_saved_where_the_person_says, methods_for_the_host_only_are_refused,
         chosen_file_itself_stays_out_of_sight, permission_store_has_the_app_s_id, documents_are_listed_for_the_app,
         documents_of_another_app_are_out_of_sight, secret_is_handed_over, settings_are_told,
         addresses_are_opened_outside, trash_takes_what_the_app_may_write, network_state_only_with_the_network,
         starts_with_the_session_confined, what_an_app_smuggles_into_its_command_is_no_option,
         entries_of_others_are_left_alone, entry_left_by_a_quick_end_is_mended_at_the_next_start,
         folder_of_such_entries_is_out_of_the_app_s_sight, portals_have_a_name_for_it,
         registry_is_complete_before_the_first_call, app_that_hides_itself_is_known,
         without_its_place_in_the_registry_it_is_refused_or_known, no_file_no_bus, flatpak_does_not_clear_it_away,
         bad_ids_are_refused_before_a_portal_sees_them, names_outside_the_policy_answer_outside_only,
         programs_are_not_started_by_a_portal)


def main():
    global w
    tap, stage = Tap(), None
    if sys.argv[1] == "--carrel":
        carrel = sys.argv[2]
    else:
        import cli_lib
        stage = cli_lib.Stage(sys.argv[1], sys.argv[2])
        carrel = stage.carrel
    try:
        with World(carrel) as w:
            print(f"# xdg-desktop-portal {version()}")
            for test in TESTS:
                if len(sys.argv) < 4 or test.__name__ in sys.argv[3:]:
                    tap.run(test)
    except Skip as why:
        tap.skip("portals", why)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
