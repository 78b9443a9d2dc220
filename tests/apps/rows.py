# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads apps.ini, in which most apps of the suite stand as data.

A section is an app; its name is what a person types, unless `command` says otherwise.

    id        the id of its policy
    packages  Debian packages besides the policy's own
    class     regular expression for a word of its first window's WM_CLASS
    title     regular expression for that window's title (none: any)
    open      documents that are made for it (names in documents.py)
    place     the folder of the person's in which they lie (as user-dirs.dirs says), else the home
    args      its arguments (else the document). In these and in the next two, {doc}, {doc2} … are the
              documents, {home} its home, {config} and {data} below it, {person} the person's home, {place}
              that folder, {url} a page of a local web server, {port} that of a local server that only
              listens
    config    files written before it starts: lines NAME <- TEXT, below its ~/.config; data:NAME is below
              ~/.local/share, home:NAME below its home, user:NAME below the person's
    do, leave steps (steps.py), one a line: what is done with it, how it is ended (key alt+F4)
    greeting, answer what that local server says to each client, and to each of its lines
    status    the exit statuses that are right (0)
    size      width x height of its window while its picture is taken
    limit     how far the pictures may be apart, 0 … 1; "any" for what moves by itself
    noise     regular expression of the lines on standard error that come and go by themselves
    same      "no": its title tells where it runs, so it differs
    sound     "yes": it gets a null sink to play into
    wayland   "yes": it must also show its window where there is a Wayland compositor and no X
    x11       "no": it speaks Wayland only
    lost      for the table: what it cannot do when confined, and why
"""
import configparser
import os
import shlex

import documents
import steps

HERE = os.path.dirname(os.path.abspath(__file__))
KEYS = {"id", "packages", "place", "command", "class", "title", "open", "args", "config", "do", "leave",
        "status", "size", "limit", "noise", "same", "sound", "lost", "wayland", "seconds",
        "greeting", "answer", "x11"}

# The folders of the person that have a name in user-dirs.dirs; any other is a plain folder.
USER_DIRS = {"Documents": "DOCUMENTS", "Downloads": "DOWNLOAD", "Music": "MUSIC"}


def folder_for(visit, place):
    """The person's home, or a folder of it."""
    if not place:
        return visit.desk.home
    folder = os.path.join(visit.desk.home, place)
    os.makedirs(folder, exist_ok=True)
    if place in USER_DIRS:
        config = os.path.join(visit.desk.home, ".config")
        os.makedirs(config, exist_ok=True)
        with open(os.path.join(config, "user-dirs.dirs"), "w", encoding="utf-8") as f:
            f.write(f'XDG_{USER_DIRS[place]}_DIR="$HOME/{place}"\n')
    return folder


def config_path(visit, name):
    """Where NAME of a line of config lies: for the app, or (user:) for the person."""
    own = {"data:": ("data", ".local/share"), "home:": ("", ""), "config:": ("config", ".config")}
    for prefix, folders in own.items():
        if name.startswith(prefix):
            return os.path.join(visit.home, folders[not visit.confined], name[len(prefix):])
    if name.startswith("user:"):
        return os.path.join(visit.desk.home, name[5:])
    return config_path(visit, "config:" + name)


def prepare(row):
    def run(visit):
        visit.words = {"home": visit.home, "url": visit.web.url, "port": str(visit.peer.port)}
        visit.words.update(person=visit.desk.home, config=config_path(visit, ""),
                           data=config_path(visit, "data:"))
        visit.words["place"] = folder = folder_for(visit, row.get("place"))
        for i, name in enumerate(row.get("open", "").split(), 1):
            path = documents.write(name, folder, visit)
            visit.words["doc" if i == 1 else f"doc{i}"] = path
            visit.opened = visit.opened or os.stat(path).st_mtime_ns
        for line in row.get("config", "").strip().splitlines():
            name, _, text = line.strip().partition(" <- ")
            path = config_path(visit, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "a", encoding="utf-8") as f:
                f.write(visit.fill(steps.unescape(text)))
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
            act=steps.runner(row.get("do", "")), leave=steps.runner(row.get("leave", "key alt+F4")),
            size=tuple(int(n) for n in row.get("size", "800x600").split("x")),
            limit=2.0 if limit == "any" else float(limit), seconds=row.getint("seconds", 60),
            command=row.get("command", name), packages=row.get("packages", "").split(),
            statuses={int(s) for s in row.get("status", "0").split()},
            noise=row.get("noise"), lost=row.get("lost", ""),
            same=row.getboolean("same", True), sound=row.getboolean("sound", False),
            wayland=row.getboolean("wayland", False), x11=row.getboolean("x11", True),
            talk=[steps.unescape(row.get(k, "")).encode() for k in ("greeting", "answer")]))
    return apps
