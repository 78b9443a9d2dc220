#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same random traffic through carrel-dbus and through Debian's xdg-dbus-proxy, side by side.

    differential.py CARREL-DBUS [ROUNDS [SEED]]

Two worlds, each with a dbus-daemon, four services and one filter with the same rules. Every step is
done in both, and all that anybody got is compared: kinds of messages, errors, names, who sent it.
Steps in which ours is stricter or more lenient on purpose are not among them; they stand in
carrel-policy(5) and have tests of their own in filter.py.
"""
import os
import random
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Skip, Tap  # noqa: E402
import lib  # noqa: E402
from lib import BUS, BUS_PATH, CALL, ERROR, RETURN, SIGNAL, Raw, message  # noqa: E402

PROGRAM = sys.argv[1]
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 6
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 1
STEPS = 120

SERVICES = ["org.t.Talk", "org.s.See", "org.h.Hidden", "org.c.Call"]
NAMES = [*SERVICES, "org.t.Wild.a", "org.t.Wild.a.b", "org.t.Wildcat", "org.app.App", "org.app.App.x",
         "org.app.Apple", "org.none.Such", "org.c.Broad"]
RULES = [("see", "org.s.See"), ("talk", "org.t.Talk"), ("talk", "org.t.Wild.*"), ("own", "org.app.App.*"),
         ("call", "org.c.Call", "a.I.Good", "/p"), ("call", "org.c.Call", "a.J.*", "/p/*"),
         ("broadcast", "org.c.Call", "a.I.Good", "*"), ("broadcast", "org.c.Broad", "a.J.*", "/p/*")]
PATHS = ["/", "/p", "/p/q", "/pp"]
INTERFACES = ["a.I", "a.J", "a.K"]
MEMBERS = ["Good", "Other"]
ABOUT = ["NameHasOwner", "GetNameOwner", "GetConnectionUnixUser", "GetConnectionUnixProcessID",
         "ListQueuedOwners", "StartServiceByName"]
MATCHES = ["type='signal'", "type='signal',interface='a.I'", "sender='org.h.Hidden'", "arg0='x'",
           f"sender='{BUS}',member='NameOwnerChanged'", "type='signal',eavesdrop='true'", "member='Good'"]


class Proxy:
    """xdg-dbus-proxy with the interface of lib.Filter."""

    def __init__(self, bus):
        self.path = os.path.join(bus.folder, "proxied")
        options = []
        for rule in RULES:
            name = rule[1]
            if len(rule) == 2:
                options.append(f"--{rule[0]}={name}")
            else:
                path = "" if rule[3] == "*" else "@" + rule[3]
                options.append(f"--{rule[0]}={name}={rule[2]}{path}")
        ready, theirs = os.pipe()
        self.process = subprocess.Popen(
            ["xdg-dbus-proxy", f"--fd={theirs}", bus.address, self.path, "--filter", *options],
            pass_fds=[theirs], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(theirs)
        assert os.read(ready, 1) == b"x"
        self.ready = ready

    def stop(self):
        os.close(self.ready)
        self.process.kill()
        self.process.wait()


class Side:
    """One of the two worlds."""

    def __init__(self, ours):
        self.bus = lib.Bus()
        self.services = {}
        for name in SERVICES:
            self.services[name] = Raw(self.bus.path)
            self.services[name].own(name)
        self.stranger = Raw(self.bus.path)
        rules = "".join(" ".join(r) + "\n" for r in RULES)
        self.filter = lib.Filter(PROGRAM, self.bus, rules) if ours else Proxy(self.bus)
        self.app = Raw(self.filter.path, polite=True)
        self.peers = [*self.services.values(), self.stranger]
        self.matched = set()

    def stop(self):
        self.filter.stop()
        self.bus.stop()

    def name(self, n):
        """A name, or for a number the unique name of a peer or of the app."""
        everybody = [*self.peers, self.app]
        return n if isinstance(n, str) else everybody[n % len(everybody)].unique

    def settle(self):
        """What everybody got since the last time; calls are answered."""
        got = []
        for _ in range(3):
            for peer in [*self.peers, self.app]:
                peer.sync()
                while (m := peer.next(0)) is not None:
                    if m.kind == SIGNAL and m.member in ("NameAcquired", "NameLost"):
                        continue
                    if m.kind == CALL:
                        peer.answer(m, "re " + m.member)
                    got.append((peer.unique, m))
        self.app.sync()
        return sorted(repr(self.plain(who, m)) for who, m in got)

    @staticmethod
    def plain(who, m):
        body = m.body
        if m.kind == ERROR:
            body = []  # the texts are each filter's own
        body = [sorted(b) if isinstance(b, list) else b for b in body]
        # What the old proxy makes up itself has neither sender nor destination.
        made_up = m.kind in (RETURN, ERROR) and m.sender in (None, BUS)
        sender, destination = (BUS, "app") if made_up else (m.sender, m.destination)
        return (who, m.kind, sender, destination, m.interface, m.member, m.error, m.path, body)

    # ---- steps: each returns what the actor is told at once ----

    def told(self, m, numbers=False):
        row = list(self.plain("", m))
        if numbers and m.kind == RETURN:
            row[-1] = "a number"
        return repr(row)

    def do_bus(self, member, *args):
        if member in ABOUT:
            args = [self.name(a) if not isinstance(a, tuple) else a for a in args]
        return self.told(self.app.bus(member, *args), member in ("GetConnectionUnixProcessID", "GetId"))

    def do_call(self, name, path, interface, member, flags):
        self.app.send(message(CALL, self.app.next_serial(), [("s", "x")], flags=flags, path=path,
                              interface=interface, member=member, destination=self.name(name)))
        return ""

    def do_emit(self, name, path, interface, member):
        self.app.emit(path, interface, member, "x", destination=None if name is None else self.name(name))
        return ""

    def do_hear(self, who, path, interface, member, unicast):
        self.peers[who].emit(path, interface, member, "x",
                             destination=self.app.unique if unicast else None)
        return ""

    def do_ask(self, who):
        self.peers[who].send(message(CALL, self.peers[who].next_serial(), path="/app", interface="a.I",
                                     member="Ask", destination=self.app.unique))
        return ""

    def do_take(self, who, name, take):
        m = self.peers[who].bus(*(["RequestName", name, ("u", 4)] if take else ["ReleaseName", name]))
        return self.told(m)

    def do_match(self, rule, add):
        if not add and rule not in self.matched:
            return ""
        m = self.app.bus("AddMatch" if add else "RemoveMatch", rule)
        if m.kind == RETURN:
            (self.matched.add if add else self.matched.discard)(rule)
        return self.told(m)


def random_step(rng):
    name = rng.choice([rng.choice(NAMES), rng.randrange(len(SERVICES) + 2)])
    what = (rng.choice(PATHS), rng.choice(INTERFACES), rng.choice(MEMBERS))
    peer = rng.randrange(len(SERVICES) + 1)
    kind = rng.randrange(10)
    if kind == 0:
        member = rng.choice(ABOUT)
        more = [("u", 0)] if member == "StartServiceByName" else []
        if member in ("ListQueuedOwners", "StartServiceByName"):
            name = rng.choice(NAMES)
        return ("bus", member, name, *more)
    if kind == 1:
        return ("bus", rng.choice(["ListNames", "ListActivatableNames", "GetId"]))
    if kind == 2:
        return rng.choice([("bus", "RequestName", rng.choice(NAMES), ("u", 4)),
                           ("bus", "ReleaseName", rng.choice(NAMES))])
    if kind in (3, 4):
        return ("call", name, *what, rng.choice([0, 0, lib.NO_REPLY, lib.NO_START]))
    if kind == 5:
        return ("emit", rng.choice([None, name]), *what)
    if kind in (6, 7):
        return ("hear", peer, *what, rng.random() < 0.2)
    if kind == 8:
        return rng.choice([("ask", peer), ("match", rng.choice(MATCHES), rng.random() < 0.7)])
    return ("take", peer, rng.choice(NAMES), rng.random() < 0.7)


def one_round(seed):
    rng = random.Random(seed)
    ours, theirs = Side(True), Side(False)
    history = []
    try:
        assert ours.app.unique == theirs.app.unique, "the worlds are not alike"
        seen = 0
        for i in range(STEPS):
            step = random_step(rng) if i else ("match", MATCHES[0], True)
            history.append(step)
            result = []
            for side in (ours, theirs):
                told = getattr(side, "do_" + step[0])(*step[1:])
                result.append([told, *side.settle()])
            seen += len(result[0]) - 1
            assert result[0] == result[1], "step %d of seed %d: %s\nours:   %s\ntheirs: %s\nbefore: %s" % (
                len(history), seed, step, "\n        ".join(result[0]), "\n        ".join(result[1]),
                history[-8:-1])
        assert seen > 25, f"too little has happened: {seen} messages"
    finally:
        ours.stop()
        theirs.stop()


def main():
    tap = Tap()

    def has_proxy():
        if not shutil.which("xdg-dbus-proxy"):
            raise Skip("no xdg-dbus-proxy")
    tap.run(has_proxy)
    if shutil.which("xdg-dbus-proxy"):
        for seed in range(SEED, SEED + ROUNDS):
            tap.run(lambda seed=seed: one_round(seed), f"random traffic, seed {seed}")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
