# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads apps.ini, in which most apps of the suite stand as data.

A section is an app; its name is what a person types, unless `command` says otherwise.

    id        the id of its policy
    packages  Debian packages besides the policy's own
    class     regular expression for a word of its first window's WM_CLASS
    title     regular expression for that window's title (none: any)
    open      a document that is made for it (a name in documents.py)
    place     the folder of the person's in which it lies (as user-dirs.dirs says), else the home
    args      its arguments; {doc} is the document, {home} its home, {url} a page of the local server
    config    files written before it starts: lines NAME <- TEXT, below ~/.config; data:NAME is below
              ~/.local/share, home:NAME below the home
    do, leave steps (STEPS), one a line: what is done with it, how it is ended (key alt+F4)
    status    the exit statuses that are right (0)
    pause     seconds that it needs after its window is there, before it can be used
    size      width x height of its window while its picture is taken
    limit     how far the pictures may be apart, 0 … 1; "any" for what moves by itself
    noise     regular expression of the lines on standard error that come and go by themselves
    same      "no": its title tells where it runs, so it differs
    sound     "yes": it gets a null sink to play into
    wayland   "yes": it must also show its window where there is a Wayland compositor and no X
    lost      for the table: what it cannot do when confined, and why
"""
import configparser
import os
import re
import shlex
import time

import documents
import make
from desk import wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
KEYS = {"id", "packages", "place", "command", "class", "title", "open", "args", "config", "do", "leave",
        "status", "pause", "size", "limit", "noise", "same", "sound", "lost", "wayland", "seconds"}


USER_DIRS = {"Documents": "DOCUMENTS", "Downloads": "DOWNLOAD", "Music": "MUSIC"}


def unescape(text):
    return text.replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\")


# ---- what can be done with an app: one function per word, visit and the rest of the line ----

def step_key(visit, rest):
    visit.desk.key(*rest.split())


def step_type(visit, rest):
    visit.desk.type(unescape(rest))


def step_window(visit, rest):
    """The newest window with that title is the one that the next steps mean."""
    window = visit.desk.wait_window(rest, seconds=visit.app.seconds)
    visit.current = window
    visit.desk.focus(window)


def step_title(visit, rest):
    wait_for(f"the title /{rest}/", lambda: re.search(
        rest, visit.desk.title(visit.current)), visit.app.seconds)


def step_shows(visit, rest):
    """COLOUR SHARE: that share of the window has that colour."""
    colour, share = rest.rsplit(None, 1)
    shot = visit.shot("shows")
    seen = []

    def shown():
        visit.desk.picture(shot, visit.current)
        seen[:] = [make.share_of(colour, shot)]
        return seen[0] >= float(share)
    try:
        wait_for(f"{colour} in the window", shown, 30, step=0.5)
    except AssertionError as e:
        raise AssertionError(f"{e}: its share is {seen[0]:.4f}, not {share}") from None


def contents(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""


def step_file(visit, rest):
    """PATH has TEXT: the file gets to hold that text."""
    path, _, text = rest.partition(" has ")
    path = os.path.join(visit.home, path)
    wanted = unescape(text).encode()
    try:
        wait_for(f"{wanted!r} in {path}", lambda: wanted in contents(path), 30, step=0.3)
    except AssertionError as e:
        raise AssertionError(f"{e}; it holds {contents(path)[:300]!r}") from None


def step_saved(visit, _rest):
    """The document that it was given has been written anew."""
    def newer():
        try:
            st = os.stat(visit.words["doc"])
        except OSError:
            return False
        return st.st_size and st.st_mtime_ns > visit.opened
    wait_for("the saved document", newer, 30)


def step_exists(visit, rest):
    path = os.path.join(visit.home, rest)
    wait_for(path, lambda: os.path.exists(path) and os.path.getsize(path), 30)


def step_asked(visit, rest):
    wait_for(f"a request for {rest}", lambda: rest in visit.web.asked, 60)


def step_plays(visit, _rest):
    """Something plays into the null sink."""
    wait_for("a sound that is played",
             lambda: visit.desk.ask("pactl", "list", "short", "sink-inputs").strip(), 30)


def step_wait(_visit, rest):
    time.sleep(float(rest))


def step_click(visit, rest):
    """X Y within the window."""
    x, y = rest.split()
    visit.desk.ask("xdotool", "mousemove", "--window", visit.current, x, y, "click", "1")


def step_maybe(visit, rest):
    """REGEX => STEP: if such a window comes within five seconds, do that."""
    pattern, _, step = rest.partition(" => ")
    try:
        visit.desk.wait_window(pattern, seconds=5)
    except AssertionError:
        return
    run_step(visit, step)


def step_term(visit, _rest):
    visit.child.terminate()


STEPS = {name.removeprefix("step_"): function for name, function in globals().items()
         if name.startswith("step_")}


def run_step(visit, line):
    word, _, rest = line.strip().partition(" ")
    STEPS[word](visit, visit.fill(rest.strip()))


def run_steps(text):
    lines = [line for line in text.splitlines() if line.strip()]
    for line in lines:
        word = line.split()[0]
        if word not in STEPS:
            raise ValueError(f"apps.ini: no step is called {word!r}")

    def run(visit):
        visit.current = visit.window
        for line in lines:
            if getattr(visit, "trace", False):
                visit.say(f"step: {line.strip()}")
            run_step(visit, line)
    return run


def folder_for(visit, place):
    """The person's home, or a folder of it that user-dirs.dirs names."""
    if not place:
        return visit.desk.home
    folder = os.path.join(visit.desk.home, place)
    os.makedirs(folder)
    os.makedirs(os.path.join(visit.desk.home, ".config"), exist_ok=True)
    with open(os.path.join(visit.desk.home, ".config/user-dirs.dirs"), "w", encoding="utf-8") as f:
        f.write(f'XDG_{USER_DIRS[place]}_DIR="$HOME/{place}"\n')
    return folder


def prepare(row):
    def run(visit):
        visit.words = {"home": visit.home, "url": visit.web.url}
        if row.get("open"):
            visit.words["doc"] = documents.write(row["open"], folder_for(visit, row.get("place")))
            visit.opened = os.stat(visit.words["doc"]).st_mtime_ns
        for line in row.get("config", "").strip().splitlines():
            name, _, text = line.strip().partition(" <- ")
            folder = "config" if visit.confined else ".config"
            if name.startswith("data:"):
                folder, name = "data" if visit.confined else ".local/share", name[5:]
            if name.startswith("home:"):
                folder, name = "", name[5:]
            path = os.path.join(visit.home, folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "a", encoding="utf-8") as f:
                f.write(visit.fill(unescape(text)))
        return [visit.fill(word) for word in
                shlex.split(row.get("args", "{doc}" if row.get("open") else ""))]
    return run


def load(make_app, path=os.path.join(HERE, "apps.ini")):
    """The apps of the file, as make_app makes them."""
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",),
                                       comment_prefixes=("#",), empty_lines_in_values=False)
    parser.optionxform = str
    with open(path, encoding="utf-8") as f:
        parser.read_file(f)
    apps = []
    for name in parser.sections():
        row = parser[name]
        unknown = set(row) - KEYS
        if unknown:
            raise ValueError(f"apps.ini: [{name}] has unknown keys: {', '.join(sorted(unknown))}")
        limit = row.get("limit", "0.05")
        apps.append(make_app(
            name, row["id"], row["class"], row.get("title"), prepare=prepare(row),
            act=run_steps(row.get("do", "")), leave=run_steps(row.get("leave", "key alt+F4")),
            size=tuple(int(n) for n in row.get("size", "800x600").split("x")),
            limit=2.0 if limit == "any" else float(limit), seconds=row.getint("seconds", 60),
            command=row.get("command", name), packages=row.get("packages", "").split(),
            statuses={int(s) for s in row.get("status", "0").split()},
            pause=row.getfloat("pause", 0), noise=row.get("noise"), lost=row.get("lost", ""),
            same=row.getboolean("same", True), sound=row.getboolean("sound", False),
            wayland=row.getboolean("wayland", False)))
    return apps
