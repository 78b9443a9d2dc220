# SPDX-License-Identifier: LGPL-2.1-or-later
"""The apps of the suite: how each is started, recognised and used.

`prepare` makes what the app shall open and returns its arguments; `act` uses the app and asserts
what came of it. Both get the Visit (suite.py): the desktop, whether the app is confined, and
`visit.home`, the home as the app sees it (HOME itself, or ~/.var/app/ID when confined).
"""
import os
import re

import make
import remote
import rows
from desk import wait_for


class App:
    def __init__(self, name, app_id, klass, title, *, prepare=None, act=None, leave=None,
                 size=(800, 600), limit=0.02, seconds=60, command=None, packages=(),
                 statuses=(0,), noise=None, lost="", same=True, sound=False,
                 wayland=True, x11=True, talk=()):
        self.name, self.app_id = name, app_id  # what is typed; under which id it is confined
        self.klass, self.title = klass, title  # regular expressions for its first window
        self.prepare = prepare or (lambda visit: [])
        self.act = act or (lambda visit: None)
        self.leave = leave or (lambda visit: visit.desk.key("alt+F4"))
        self.size, self.limit, self.seconds = size, limit, seconds
        # The rest is described in rows.py.
        self.command, self.packages = command or name, packages
        self.statuses, self.noise = statuses, noise
        self.lost, self.same, self.sound = lost, same, sound
        self.wayland = wayland  # False: it speaks X11 only
        self.x11, self.talk = x11, talk  # greeting and answer of a server on the loopback interface


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def read(path):
    try:
        with open(path, encoding="utf-8") as f:
            return f.read()
    except OSError:
        return ""


# ---- xterm ----

def xterm_prepare(_visit):
    return ["-geometry", "80x24", "-e", "env", "PS1=$ ", "ENV=", "/bin/sh"]


def xterm_act(visit):
    visit.desk.type("stty size > ~/size; echo a and b | tr ab xy > ~/said\n")
    said = os.path.join(visit.home, "said")
    wait_for("the command's output", lambda: read(said) == "x xnd y\n", 20)
    size = read(os.path.join(visit.home, "size")).split()
    assert len(size) == 2 and int(size[0]) > 10 and int(size[1]) > 40, f"stty size: {size}"


def xterm_leave(visit):
    visit.desk.type("exit 0\n")


# ---- mousepad ----

def mousepad_prepare(visit):
    visit.note = write(os.path.join(visit.desk.home, "note.txt"), "first line\n")
    return [visit.note]


def mousepad_act(visit):
    """Changes the file that it was given, then saves a new one in its home by the dialog."""
    desk = visit.desk
    desk.key("ctrl+End")
    desk.type("second line")
    desk.key("ctrl+s")
    wait_for("the saved note", lambda: read(visit.note).startswith("first line\nsecond line"), 20)
    desk.key("ctrl+shift+s")
    dialog = desk.wait_window("Save As")
    desk.key("ctrl+a")
    desk.type("~/letter.txt")
    desk.confirm(dialog)
    letter = os.path.join(visit.home, "letter.txt")
    wait_for("the new file", lambda: "second line" in read(letter), 20)
    outside = os.path.join(visit.desk.home, "letter.txt")
    assert not visit.confined or not os.path.exists(outside), "it wrote into the person's home"


# ---- evince ----

RED, BLUE = (0.8, 0.1, 0.1), (0.1, 0.2, 0.8)


def evince_prepare(visit):
    path = os.path.join(visit.desk.home, "my report.pdf")
    make.pdf(path, [RED, BLUE])
    return [os.path.basename(path)]  # as one types it, in the folder where it lies


def evince_act(visit):
    share = make.share_of("rgb(204,26,26)", visit.picture)
    assert share > 0.15, f"page 1 is not shown: {share:.3f} of the window is red"
    visit.desk.key("ctrl+Page_Down")
    shot = visit.shot("page2")

    def turned():
        visit.desk.picture(shot, visit.window)
        return make.share_of("rgb(26,51,204)", shot) > 0.15
    wait_for("page 2", turned, 20)


# ---- gimp ----

def gimp_prepare(visit):
    path = os.path.join(visit.desk.home, "picture.png")
    make.png(path, "rgb(200,30,30)")
    return ["--no-splash", "file://" + path]


def gimp_act(visit):
    """Fills the picture with the foreground colour (black) and exports it under a new name."""
    desk = visit.desk
    share = make.share_of("rgb(200,30,30)", visit.picture)
    assert share > 0.04, f"the picture is not shown: {share:.3f} of the window is red"
    desk.key("ctrl+comma")
    desk.key("ctrl+shift+e")
    desk.wait_window("^Export Image$")
    desk.key("ctrl+a")
    out = os.path.join(visit.home, "out.png")
    desk.type(out)

    def exported():
        """Return in the file chooser, then in the dialog of PNG's options."""
        if desk.find_window("^Export Image"):
            desk.key("Return")
        return os.path.exists(out) and os.path.getsize(out) > 60
    wait_for("the exported file", exported, 60, step=1)
    wait_for("the whole exported file", lambda: make.share_of("black", out) > 0.99, 20)


def gimp_leave(visit):
    visit.desk.focus(visit.window)
    visit.desk.key("ctrl+q")
    visit.desk.wait_window("Quit GIMP", seconds=20)
    visit.desk.key("ctrl+d")


# ---- the browsers ----

def type_into_page(visit):
    assert "/page" in visit.web.asked, "the browser did not ask the server for the page"
    visit.desk.type("carrels")
    visit.window = visit.desk.wait_window("Typed: carrels", seconds=30)


FIREFOX_PREFERENCES = {
    "browser.aboutwelcome.enabled": False, "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore", "browser.warnOnQuit": False,
    "datareporting.policy.dataSubmissionEnabled": False, "app.normandy.enabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "browser.tabs.warnOnClose": False, "termsofuse.bypassNotification": True,
    "toolkit.telemetry.reportingpolicy.firstRun": False, "trailhead.firstrun.didSeeAboutWelcome": True,
    "startup.homepage_welcome_url": "", "marionette.port": 0, "browser.discovery.enabled": False,
    "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False,
}


def firefox_prepare(visit):
    visit.profile = os.path.join(visit.home, "profile")
    lines = (f'user_pref("{k}", {str(v).lower() if isinstance(v, bool) else repr(v)});\n'
             .replace("'", '"') for k, v in FIREFOX_PREFERENCES.items())
    write(os.path.join(visit.profile, "user.js"), "".join(lines))
    return ["--no-remote", "--profile", visit.profile, "--marionette",
            "--remote-allow-system-access", visit.web.url]


def firefox_sandbox(visit):
    port = remote.port_file(os.path.join(visit.profile, "MarionetteActivePort"), 60, visit.alive)
    session = remote.Marionette(port)
    session.open("about:support")

    def filled():  # the labels are translated a while after the values are there
        text = session.run("return document.getElementById('sandbox-tbody').innerText")
        return text if "Content Process Sandboxing" in (text or "") else None
    text = wait_for("the table of about:support", filled, 30)
    session.run("document.getElementById('sandbox-tbody').scrollIntoView({block: 'center'})")
    session.close()
    visit.say(text)
    visit.desk.settled_picture(visit.shot("about-support"), "root", 5)
    for row in ("Seccomp-BPF (System Call Filtering)", "User Namespaces",
                "Content Process Sandboxing"):
        assert re.search(re.escape(row) + r"\s+true", text), f"about:support: no true {row}"
    level = re.search(r"Effective Content Process Sandbox Level\s+(\d+)", text)
    assert level and int(level.group(1)) >= 4, "about:support: content sandbox level under 4"


def chromium_prepare(visit):
    visit.profile = os.path.join(visit.home, "profile")
    return [f"--user-data-dir={visit.profile}", "--no-first-run", "--no-default-browser-check",
            "--password-store=basic", "--disable-features=Translate", "--remote-debugging-port=0",
            visit.web.url]


def chromium_sandbox(visit):
    port = remote.port_file(os.path.join(visit.profile, "DevToolsActivePort"), 60, visit.alive)
    session = remote.DevTools(port)
    session.open("chrome://sandbox")
    text = wait_for("the table of chrome://sandbox", lambda: (lambda t: t if "sandboxed" in (t or "")
                    else None)(session.run("document.body && document.body.innerText")), 30)
    session.close()
    visit.say(text)
    visit.desk.picture(visit.shot("chrome-sandbox"))
    assert "You are adequately sandboxed." in text, text
    for row in ("PID namespaces", "Network namespaces", "Seccomp-BPF sandbox"):
        assert re.search(re.escape(row) + r"\s+Yes", text), f"chrome://sandbox: no Yes at {row}"


def with_sandbox(check):
    def act(visit):
        type_into_page(visit)
        check(visit)
    return act


SMALL = [
    App("xterm", "org.debian.xterm", "^XTerm$", None, prepare=xterm_prepare, act=xterm_act,
        leave=xterm_leave, size=(500, 330), wayland=False),
    App("mousepad", "org.xfce.mousepad", "mousepad", r"note\.txt", prepare=mousepad_prepare,
        act=mousepad_act),
    App("evince", "org.gnome.Evince", "evince", r"my report\.pdf", prepare=evince_prepare,
        act=evince_act, limit=0.4, lost="remembers nothing about a document, and so starts without its side "
        "pane where gvfs is installed: that keeps it"),
    App("gimp", "org.gimp.GIMP", "gimp", r"picture", prepare=gimp_prepare, act=gimp_act,
        leave=gimp_leave, size=(1000, 700), seconds=120, wayland=False),
    App("firefox-esr", "org.mozilla.firefox", "firefox|navigator", "Carrel test page",
        prepare=firefox_prepare, act=with_sandbox(firefox_sandbox), seconds=120,
        leave=lambda visit: visit.desk.key("ctrl+q")),
    App("chromium", "org.chromium.Chromium", "chromium", "Carrel test page",
        prepare=chromium_prepare, act=with_sandbox(chromium_sandbox), seconds=120),
]

# Those above are the small fixed subset; the rest is data.
APPS = SMALL + rows.load(App)
