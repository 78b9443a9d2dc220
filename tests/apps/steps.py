# SPDX-License-Identifier: LGPL-2.1-or-later
"""What can be done with an app: one function per word of apps.ini, with the visit and the rest of the line.

A step of an app either acts (key, type, click …) or asserts what came of it (file, shows, clip …).
"""
import glob
import os
import re
import time

import desk as desks
import make
from desk import wait_for


def unescape(text):
    return text.replace("\\r", "\r").replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\")


def step_key(visit, rest):
    visit.desk.key(*rest.split())


def step_type(visit, rest):
    visit.desk.type(unescape(rest))


def step_window(visit, rest):
    """The newest window with that title is the one that the next steps mean."""
    visit.current = visit.desk.wait_window(rest, seconds=visit.app.seconds)
    visit.desk.focus(visit.current)


def step_another(visit, _rest):
    """A window besides the first is there, and is the one that the next steps mean."""
    visit.current = wait_for("another window", lambda: next(
        (w for w in reversed(visit.desk.windows()) if w != visit.window), None), 30)
    visit.desk.focus(visit.current)


def step_main(visit, _rest):
    """Back to the first window."""
    visit.current = visit.window
    visit.desk.focus(visit.window)


def step_closed(visit, rest):
    """No window with that title is there any more."""
    wait_for(f"the end of the window {rest}", lambda: not visit.desk.find_window(rest), 30)


def step_confirm(visit, rest):
    """Return, until the window with that title is gone."""
    dialog = visit.desk.wait_window(rest, seconds=visit.app.seconds)
    visit.desk.focus(dialog)
    visit.desk.confirm(dialog)


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
    """PATH has TEXT: the file (a file that matches, where there is a * in it) gets to hold that text."""
    path, _, text = rest.partition(" has ")
    wanted = unescape(text).encode()

    def found():
        return glob.glob(os.path.join(visit.home, path))
    try:
        wait_for(f"{wanted!r} in {path}", lambda: any(wanted in contents(p) for p in found()), 60,
                 step=0.3)
    except AssertionError as e:
        raise AssertionError(f"{e}; there is {[(p, contents(p)[:300]) for p in found()]!r}") from None


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
    def found():
        return any(os.path.getsize(p) for p in glob.glob(os.path.join(visit.home, rest)))
    wait_for(rest, found, 30)


def step_asked(visit, rest):
    """The local web server was asked for what begins so."""
    wait_for(f"a request for {rest}",
             lambda: any(path.startswith(rest) for path in visit.web.asked), 60)


def step_types(visit, rest):
    """Types into the local page: its script tells of it in the title."""
    visit.desk.type(rest)
    visit.desk.wait_window("Typed: " + rest, seconds=30)


def step_sent(visit, rest):
    """The local server of no protocol got to hear TEXT."""
    try:
        wanted = rest.encode().decode("unicode_escape").encode("latin-1")
        wait_for(f"{rest!r} from it", lambda: wanted in visit.peer.got, 60)
    except AssertionError as e:
        raise AssertionError(f"{e}; it sent {visit.peer.got[:300]!r}") from None


def step_clip(visit, rest):
    """KEYS => TEXT: those keys copy TEXT; pressed again until it is there."""
    keys, _, text = rest.rpartition(" => ")

    def copied():
        visit.desk.key(*keys.split())
        time.sleep(0.3)
        return visit.desk.clipboard().strip() == text
    try:
        wait_for(f"{text!r} in the clipboard", copied, 20, step=0.5)
    except AssertionError as e:
        raise AssertionError(f"{e}; it holds {visit.desk.clipboard()!r}") from None


def step_looks(visit, rest):
    """NAME: a picture of this moment, which is compared bare and confined. It is another one than
    the first: more than LIMIT (0.02) apart."""
    name, _, limit = rest.partition(" ")
    model = visit.model.looks.get(name) if visit.model else None

    def changed():
        visit.looks[name] = visit.settled(name, visit.current, model)
        return desks.difference(visit.picture, visit.looks[name]) > float(limit or 0.02)
    wait_for(f"another picture than the first, {name}", changed, 30)


def step_changes(visit, rest):
    """LIMIT: the window gets to be that far from its first picture; how, is different each time."""
    wait_for("another picture than the first", lambda: desks.difference(
        visit.picture, visit.settled("changed", visit.current)) > float(rest), 30)


def step_plays(visit, _rest):
    """Something plays into the null sink."""
    wait_for("a sound that is played",
             lambda: visit.desk.ask("pactl", "list", "short", "sink-inputs").strip(), 30)


def step_rest(visit, _rest):
    """It has done what it was told: it works no more."""
    visit.rest()


def step_click(visit, rest):
    """X Y within the window."""
    x, y = rest.split()
    visit.desk.ask("xdotool", "mousemove", "--window", visit.current, x, y, "click", "1")


def step_rightclick(visit, rest):
    x, y = rest.split()
    visit.desk.ask("xdotool", "mousemove", "--window", visit.current, x, y, "click", "3")


def step_maybe(visit, rest):
    """REGEX => STEP: if such a window comes before the program has ended (or within five seconds),
    do that."""
    pattern, _, step = rest.partition(" => ")
    try:
        found = wait_for(pattern, lambda: visit.desk.find_window(pattern) or not visit.alive(), 5)
    except AssertionError:
        return
    if found is not True:
        visit.desk.focus(found)
        run(visit, step)


def step_term(visit, _rest):
    visit.child.terminate()


STEPS = {name.removeprefix("step_"): function for name, function in globals().items()
         if name.startswith("step_")}


def run(visit, line):
    word, _, rest = line.strip().partition(" ")
    STEPS[word](visit, visit.fill(rest.strip()))


def runner(text):
    """The lines of steps as one function."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines:
        if line.split()[0] not in STEPS:
            raise ValueError(f"apps.ini: no step is called {line.split()[0]!r}")

    def all_steps(visit):
        visit.current = visit.window
        for line in lines:
            try:
                run(visit, line)
            except AssertionError as e:
                raise AssertionError(f"at the step {line!r}: {e}") from None
    return all_steps
