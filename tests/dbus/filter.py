#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""carrel-dbus before a real bus: what passes, what does not, and every old fault of such filters.

    filter.py CARREL-DBUS [NAME…]

The app is a client that writes any bytes it likes; services and spies are on the bus itself. Each
test of a wall first shows that the thing works on the bus, without the filter.
"""
import os
import random
import select
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Tap  # noqa: E402
import lib  # noqa: E402
from lib import BUS, BUS_PATH, CALL, ERROR, RETURN, SIGNAL, Raw, message  # noqa: E402

PROGRAM = sys.argv[1]
TALK, SEE, HIDDEN, OWN = "org.example.Talk", "org.example.See", "org.other.Hidden", "org.example.App"
RULES = f"""app {OWN}
talk {TALK}
see {SEE}
own {OWN}.*
"""
DENIED, UNKNOWN = "org.freedesktop.DBus.Error.AccessDenied", "org.freedesktop.DBus.Error.ServiceUnknown"
NO_OWNER = "org.freedesktop.DBus.Error.NameHasNoOwner"
PATH, IFACE = "/org/example", "org.example.Iface"


class World:
    """A bus with a service that may be talked to, one that may be seen, a hidden one; the filter."""

    def __init__(self, rules=RULES, program=PROGRAM):
        self.bus = lib.Bus()
        self.talk, self.see, self.hidden = (self.service(n) for n in (TALK, SEE, HIDDEN))
        self.filter = lib.Filter(program, self.bus, rules)
        self.app = Raw(self.filter.path)

    def service(self, *names):
        peer = Raw(self.bus.path)
        for name in names:
            peer.own(name)
        return peer

    def outside(self):
        return Raw(self.bus.path)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        status = self.filter.stop()
        self.bus.stop()
        if kind is None:
            assert status == 0, f"the filter ended with {status}"


def exchange(app, service, destination):
    """One call there and back."""
    serial = app.next_serial()
    app.send(message(CALL, serial, [("s", "ping")], path=PATH, interface=IFACE, member="Echo",
                     destination=destination))
    call = service.next()
    while call and call.member != "Echo":
        call = service.next()
    assert call and call.body == ["ping"] and call.sender == app.unique, call
    service.answer(call, "pong")
    answer = app.reply(serial)
    assert answer and answer.kind == RETURN and answer.body == ["pong"], answer


def nothing(peer, member=None, seconds=0.3):
    """Nothing of this kind comes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        m = peer.next(max(0.01, end - time.monotonic()))
        assert not m or (member and m.member != member), f"it came: {m}"


def comes(peer, member, seconds=lib.WAIT):
    end = time.monotonic() + seconds
    while True:
        m = peer.next(max(0.01, end - time.monotonic()))
        assert m is not None, f"{member} never came"
        if m.member == member:
            return m


def refused(m, error=DENIED):
    assert m and m.kind == ERROR and m.error == error, m


# ---- levels ----

def talk_reaches_see_and_none_do_not():
    with World() as w:
        outside = w.outside()
        for service, name in ((w.talk, TALK), (w.see, SEE), (w.hidden, HIDDEN)):
            exchange(outside, service, name)
        exchange(w.app, w.talk, TALK)
        exchange(w.app, w.talk, w.talk.unique)
        refused(w.app.call(SEE, PATH, IFACE, "Echo"))
        refused(w.app.call(w.see.unique, PATH, IFACE, "Echo"))
        refused(w.app.call(HIDDEN, PATH, IFACE, "Echo"), UNKNOWN)
        refused(w.app.call(HIDDEN, PATH, IFACE, "Echo", flags=lib.NO_START), NO_OWNER)
        refused(w.app.call(w.hidden.unique, PATH, IFACE, "Echo"), NO_OWNER)
        for service in (w.see, w.hidden):
            nothing(service, "Echo", 0.1)
        w.filter.logged("refused 1 call " + SEE, IFACE + ".Echo " + PATH, "# no rule allows this")


def names_are_seen_by_level():
    with World() as w:
        everybody = w.outside().bus("ListNames").body[0]
        assert {TALK, SEE, HIDDEN, w.hidden.unique} <= set(everybody)
        names = set(w.app.bus("ListNames").body[0])
        assert names == {BUS, TALK, SEE, w.talk.unique, w.see.unique, w.app.unique}, names
        for name, seen in ((TALK, True), (SEE, True), (HIDDEN, False), (w.hidden.unique, False)):
            assert w.app.bus("NameHasOwner", name).body == [int(seen)], name
            for method in ("GetNameOwner", "GetConnectionUnixProcessID", "GetConnectionUnixUser",
                           "GetConnectionCredentials"):
                kind = w.app.bus(method, name).kind
                assert kind == (RETURN if seen else ERROR), (method, name)
        assert w.app.bus("GetNameOwner", w.app.unique).body == [w.app.unique]


def activatable_names_are_filtered():
    with World() as w:
        for name in (TALK, HIDDEN + "2"):
            with open(os.path.join(w.bus.services, name + ".service"), "w", encoding="ascii") as f:
                f.write(f"[D-BUS Service]\nName={name}\nExec=/bin/false\n")
        outside = w.outside()
        outside.bus("ReloadConfig")
        assert HIDDEN + "2" in outside.bus("ListActivatableNames").body[0]
        assert w.app.bus("ListActivatableNames").body[0] == [BUS, TALK]
        refused(w.app.bus("StartServiceByName", HIDDEN + "2", ("u", 0)), UNKNOWN)
        refused(w.app.bus("StartServiceByName", SEE, ("u", 0)))


def owning_needs_own():
    with World() as w:
        for name in (OWN, OWN + ".x.y"):
            assert w.app.bus("RequestName", name, ("u", 0)).body == [1]
            assert w.app.bus("ListQueuedOwners", name).kind == RETURN
        exchange(w.outside(), w.app, OWN)
        for name, error in ((TALK, DENIED), (HIDDEN, UNKNOWN), (OWN + "x", UNKNOWN)):
            assert w.outside().bus("RequestName", name, ("u", 4)).body != [4]
            refused(w.app.bus("RequestName", name, ("u", 0)), error)
            refused(w.app.bus("ReleaseName", name), error)
        assert w.app.bus("ReleaseName", OWN).body == [1]


def names_inside_are_taken_for_the_app_alone():
    with World() as w:
        refused(w.app.bus("RequestName", HIDDEN, ("u", 0)), UNKNOWN)
    with World(f"see {SEE}\nnone org.none.*\nnames-inside\n") as w:
        for name in (HIDDEN, "org.fresh.Name", "org.none.X"):
            assert w.app.bus("RequestName", name, ("u", 4)).body == [1], name
            assert w.app.bus("NameHasOwner", name).body == [False], name
            refused(w.app.bus("ListQueuedOwners", name), UNKNOWN)
            refused(w.app.call(name, PATH, IFACE, "Echo"), UNKNOWN)
            assert w.outside().bus("NameHasOwner", name).body == [name == HIDDEN], name
            assert w.app.bus("ReleaseName", name).body == [1], name
        assert w.outside().bus("GetNameOwner", HIDDEN).body == [w.hidden.unique]
        refused(w.app.bus("RequestName", SEE, ("u", 0)), DENIED)
        refused(w.app.bus("RequestName", BUS, ("u", 0)), DENIED)
        refused(w.app.bus("RequestName", "no name", ("u", 0)), "org.freedesktop.DBus.Error.InvalidArgs")


def wildcards_match_whole_elements():
    with World("talk org.example.*\n") as w:
        near = w.service("org.exampleX", "org.examplex.Y")
        exchange(w.app, w.talk, TALK)
        for name in ("org.exampleX", "org.examplex.Y", near.unique, HIDDEN):
            assert w.app.call(name, PATH, IFACE, "Echo").kind == ERROR, name
        exact = w.service("org.example.deep.er")
        exchange(w.app, exact, "org.example.deep.er")


def none_ends_a_wildcard():
    with World(f"talk org.example.*\nnone {SEE}\n") as w:
        exchange(w.app, w.talk, TALK)
        refused(w.app.call(SEE, PATH, IFACE, "Echo"), UNKNOWN)


def a_unique_name_keeps_what_its_names_gave():
    with World() as w:
        late = w.service()
        assert w.app.call(late.unique, PATH, IFACE, "Echo").kind == ERROR
        late.own("org.example.Nothing")
        w.talk.bus("ReleaseName", TALK)
        late.own(TALK)
        w.app.sync()
        exchange(w.app, late, late.unique)
        exchange(w.app, w.talk, w.talk.unique)
        late.bus("ReleaseName", TALK)
        w.app.sync()
        exchange(w.app, late, late.unique)


def names_taken_before_the_app_came_count():
    with World("talk org.example.*\n") as w:
        many = w.service(*[f"org.example.n{i}" for i in range(50)])
        app = Raw(w.filter.path)
        exchange(app, many, many.unique)


# ---- what comes ----

def broadcasts_need_talk():
    """Also the fault by which any broadcast could be read (CVE-2026-93676)."""
    with World() as w:
        outside = w.outside()
        for peer in (outside, w.app):
            assert peer.bus("AddMatch", "type='signal'").kind == RETURN
        for service, heard in ((w.talk, True), (w.see, False), (w.hidden, False)):
            service.emit(PATH, IFACE, "News", "text")
            assert comes(outside, "News").body == ["text"]
            if heard:
                assert comes(w.app, "News").sender == service.unique
            else:
                service.sync()
                nothing(w.app, "News")


def a_unicast_reaches_the_app_and_makes_its_sender_seen():
    with World() as w:
        assert w.app.bus("NameHasOwner", w.hidden.unique).body == [0]
        exchange(w.hidden, w.app, w.app.unique)
        assert w.app.bus("NameHasOwner", w.hidden.unique).body == [1]
        refused(w.app.call(w.hidden.unique, PATH, IFACE, "Echo"))
        stranger = w.service()
        stranger.emit(PATH, IFACE, "Only", "you", destination=w.app.unique)
        assert comes(w.app, "Only").body == ["you"]


def owner_changes_are_seen_by_level():
    with World() as w:
        assert w.app.bus("AddMatch", f"type='signal',sender='{BUS}',member='NameOwnerChanged'").kind == RETURN
        other = w.service(HIDDEN + "2")
        other.close()
        w.see.bus("ReleaseName", SEE)
        change = comes(w.app, "NameOwnerChanged")
        while change.body[0] != SEE:
            assert not change.body[0].startswith(HIDDEN) and change.body[0] != other.unique, change
            change = comes(w.app, "NameOwnerChanged")


# ---- rules for members, objects and arguments ----

def call_and_broadcast_rules():
    rules = (f"call {TALK} {IFACE}.Echo {PATH}\ncall {SEE} {IFACE}.* {PATH}/*\n"
             f"broadcast {SEE} {IFACE}.News *\n")
    with World(rules) as w:
        exchange(w.app, w.talk, TALK)
        for path, interface, member in ((PATH, IFACE, "Other"), (PATH + "/x", IFACE, "Echo"),
                                        (PATH, IFACE + "2", "Echo"), (PATH + "x", IFACE, "Echo")):
            refused(w.app.call(TALK, path, interface, member))
        w.app.send(message(CALL, w.app.next_serial(), path=PATH, member="Echo", destination=TALK))
        refused(w.app.reply(w.app.serial))
        for path in (PATH, PATH + "/deep/er"):
            serial = w.app.next_serial()
            w.app.send(message(CALL, serial, path=path, interface=IFACE, member="Any", destination=SEE))
            w.see.answer(comes(w.see, "Any"))
            assert w.app.reply(serial).kind == RETURN
        refused(w.app.call(SEE, PATH + "x", IFACE, "Any"))
        w.app.bus("AddMatch", "type='signal'")
        for member in ("Other", "News"):
            w.see.emit(PATH, IFACE, member)
        w.talk.emit(PATH, IFACE, "News", "not from here")
        assert comes(w.app, "News").sender == w.see.unique
        w.talk.sync()
        nothing(w.app, "News")
        nothing(w.app, "Other", 0.1)


def argument_rules():
    rules = f"call {TALK} {IFACE}.Open {PATH} arg1^=https: arg2=plain\n"
    long = ("as", ["x" * 20000])
    with World(rules) as w:
        for args, allowed in (
                (["a", "https://x", "plain"], True), (["a", "http://x", "plain"], False),
                (["a", "https:", "plain"], True), (["a", "https://x", "plain2"], False),
                (["a", "https://x"], False), ([("u", 1), "https://x", "plain", long], True),
                ([("as", ["https:", "b"]), "https://x", "plain"], True),
                ([("v", lib.Variant("s", "x")), "https://x", "plain"], True),
                ([long, "https://x", "plain"], False)):
            serial = w.app.next_serial()
            w.app.send(message(CALL, serial, [("s", a) if isinstance(a, str) else a for a in args],
                               path=PATH, interface=IFACE, member="Open", destination=TALK))
            if allowed:
                w.talk.answer(comes(w.talk, "Open"))
            answer = w.app.reply(serial)
            assert answer and answer.kind == (RETURN if allowed else ERROR), (str(args)[:100], answer)


# ---- named faults of filters before this one ----

EAVESDROPPING = [
    "eavesdrop='true'", "eavesdrop=true", "type='method_call',eavesdrop='true'",
    "eavesdrop =  'true'", " eavesdrop\t='true'", "type='signal', eavesdrop='t'r'ue'",
    "eavesdrop=\\'true", "type='signal',eavesdrop='tr''ue'", "eavesdrop='false',eavesdrop='true'",
    "path='/',\neavesdrop='true'", "arg0='a\\',eavesdrop='true'", "''eavesdrop='true'",
]


def eavesdropping_in_any_spelling():
    """CVE-2026-34080."""
    with World() as w:
        spy = w.outside()
        took = [r for r in EAVESDROPPING if spy.bus("AddMatch", r).kind == RETURN]
        assert len(took) > 5, took  # the bus takes many spellings, so they matter
        exchange(w.outside(), w.hidden, HIDDEN)
        assert comes(spy, "Echo").destination
        for rule in EAVESDROPPING:
            refused(w.app.bus("AddMatch", rule))
        refused(w.app.call(BUS, BUS_PATH, BUS + ".Monitoring", "BecomeMonitor", ("as", []), ("u", 0)))
        exchange(w.outside(), w.hidden, HIDDEN)
        w.hidden.sync()
        nothing(w.app, "Echo")


def match_rules_that_are_good_pass():
    with World() as w:
        for rule in ("", "type='signal'", "type=signal,sender='org.a.B'", "arg0='it'\\''s, ok',arg1path='/a/'",
                     "interface='a.b',member='C',path='/',path_namespace='/x'", "arg0namespace='org.x'",
                     "destination=':1.2',arg63='z'", " type = 'signal' , arg0 = 'x'", "type='signal',"):
            want, got = (p.bus("AddMatch", rule) for p in (w.outside(), w.app))
            assert (want.kind, want.error) == (got.kind, got.error), (rule, want, got)
        for rule in ("arg0='open", "nokey", "argX='1'", "bogus='1'"):
            assert w.outside().bus("AddMatch", rule).kind == ERROR, rule
            refused(w.app.bus("AddMatch", rule))


def calls_that_say_they_are_replies():
    """CVE-2026-94422: a call or signal with a reply serial went around all rules."""
    with World() as w:
        call = w.hidden.next_serial()
        w.hidden.send(message(CALL, call, path=PATH, interface=IFACE, member="Ask",
                              destination=w.app.unique))
        asked = comes(w.app, "Ask")
        for kind, flags in ((CALL, 0), (CALL, lib.NO_REPLY), (SIGNAL, 0)):
            for destination in (HIDDEN, w.hidden.unique, SEE):
                w.app.send(message(kind, w.app.next_serial(), flags=flags, path=PATH,
                                   interface=IFACE, member="Sneak", destination=destination,
                                   reply_serial=asked.serial))
        w.app.sync()
        nothing(w.hidden, "Sneak")
        nothing(w.see, "Sneak")
        w.filter.logged("says it is a reply")
        w.app.answer(asked)
        assert w.hidden.reply(call).kind == RETURN


def replies_go_only_to_who_waits():
    """Also of CVE-2026-94422: a reply to somebody else than the caller."""
    with World() as w:
        call = w.talk.next_serial()
        w.talk.send(message(CALL, call, path=PATH, interface=IFACE, member="Ask",
                            destination=w.app.unique))
        asked = comes(w.app, "Ask")
        for kind, more in ((RETURN, {}), (ERROR, {"error": "org.example.E"})):
            for destination in (w.hidden.unique, HIDDEN, w.see.unique, BUS, None):
                w.app.send(message(kind, w.app.next_serial(), reply_serial=asked.serial,
                                   destination=destination, **more))
            w.app.send(message(kind, w.app.next_serial(), reply_serial=asked.serial + 77,
                               destination=w.talk.unique, **more))
        w.app.sync()
        w.filter.logged("a reply that nobody waits for")
        w.app.answer(asked, "right")
        assert w.talk.reply(call).body == ["right"]
        w.app.answer(asked, "again")
        w.app.sync()
        for peer in (w.talk, w.hidden):
            while m := peer.next(0.2):
                assert m.kind == SIGNAL, m


def replies_come_only_from_who_was_asked():
    with World() as w:
        serial = w.app.next_serial()
        w.app.send(message(CALL, serial, path=PATH, interface=IFACE, member="Ask",
                           destination=w.talk.unique))
        asked = comes(w.talk, "Ask")
        for peer in (w.hidden, w.see):
            peer.send(message(RETURN, peer.next_serial(), [("s", "wrong")], reply_serial=serial,
                              destination=w.app.unique))
            peer.send(message(RETURN, peer.next_serial(), reply_serial=serial + 5,
                              destination=w.app.unique))
            peer.sync()
        w.talk.answer(asked, "right")
        assert w.app.reply(serial).body == ["right"]


def serials_in_any_order():
    """A filter of old hung up when serials did not grow."""
    with World() as w:
        for serial in (100, 5, 99, 0xfffeffff, 7, 100):
            w.app.send(lib.bus_call(serial, "GetId"))
            assert w.app.reply(serial).kind == RETURN
        exchange(w.app, w.talk, TALK)


def serials_of_the_filter_are_its_own():
    for serial in (0xffff0001, 0xffffffff, 0):
        with World() as w:
            w.app.send(lib.bus_call(serial, "ListNames"))
            assert w.app.ended(), serial


def one_serial_for_two_calls():
    """The reply to a list of names must not pass as the reply to something else."""
    with World() as w:
        w.app.send(lib.bus_call(9, "ListNames") + lib.bus_call(9, "GetId"))
        seen = [w.app.next(5), w.app.next(1)]
        assert not any(m and HIDDEN in str(m.body) for m in seen), seen
        assert w.app.ended()


def forged_senders():
    with World() as w:
        for sender in (w.talk.unique, BUS, TALK, ":1.999"):
            w.app.send(message(CALL, w.app.next_serial(), path=PATH, interface=IFACE, member="Forged",
                               destination=TALK, sender=sender))
            refused(w.app.reply(w.app.serial))
            w.app.send(message(SIGNAL, w.app.next_serial(), path=PATH, interface=IFACE,
                               member="Forged", sender=sender))
        w.app.sync()
        nothing(w.talk, "Forged")
        serial = w.app.next_serial()
        w.app.send(message(CALL, serial, path=PATH, interface=IFACE, member="Mine", destination=TALK,
                           sender=w.app.unique))
        assert comes(w.talk, "Mine").sender == w.app.unique


def signals_in_the_bus_name():
    with World() as w:
        w.talk.bus("AddMatch", f"interface='{BUS}'")
        body = [("s", TALK), ("s", w.talk.unique), ("s", "")]
        fake = message(SIGNAL, 77, body, path=BUS_PATH, interface=BUS, member="NameOwnerChanged")
        outside = w.outside()
        outside.send(fake)
        while comes(w.talk, "NameOwnerChanged").sender != outside.unique:
            pass
        w.app.send(fake)
        w.app.sync()
        while True:
            m = w.talk.next(0.3)
            assert not m or m.sender != w.app.unique, m
            if not m:
                break


def hello_answered_by_an_error():
    """A second Hello, a Hello that is no call, and other first messages."""
    with World() as w:
        refused(w.app.bus("Hello"))
        first = [lib.bus_call(1, "ListNames"), lib.bus_call(1, "Hello", destination=TALK),
                 message(SIGNAL, 1, path=BUS_PATH, interface=BUS, member="Hello", destination=BUS),
                 lib.bus_call(1, "Hello", reply_serial=4), lib.bus_call(1, "Hello", flags=1),
                 message(RETURN, 1, reply_serial=1)]
        for data in first:
            with Raw(w.filter.path, hello=False) as app:
                app.send(data)
                assert app.ended(), data


def long_object_paths():
    """Paths longer than 255 bytes are good ones."""
    with World() as w:
        path = "/" + "/".join(["element"] * 200)
        serial = w.app.next_serial()
        w.app.send(message(CALL, serial, path=path, interface=IFACE, member="Deep", destination=TALK))
        call = comes(w.talk, "Deep")
        assert call.path == path
        w.talk.answer(call)
        assert w.app.reply(serial).kind == RETURN


def calls_to_the_bus_that_no_app_needs():
    with World() as w:
        outside = w.outside()
        assert outside.bus("UpdateActivationEnvironment", ("as", [])).error != UNKNOWN
        for interface, member in ((BUS, "UpdateActivationEnvironment"), (BUS, "ReloadConfig"),
                                  (BUS, "GetConnectionAppArmorSecurityContext"), (BUS, "NoSuch"),
                                  (BUS + ".Debug.Stats", "GetStats"), (BUS + ".Peer", "GetMachineId"),
                                  (BUS + ".Monitoring", "BecomeMonitor"), (BUS + ".Verbose", "EnableVerbose"),
                                  (BUS + ".Properties", "Set")):
            refused(w.app.call(BUS, BUS_PATH, interface, member))
        for destination in (BUS, None):
            w.app.send(message(CALL, w.app.next_serial(), path=BUS_PATH, member="ListNames",
                               destination=destination))
            refused(w.app.reply(w.app.serial))
        w.app.send(message(CALL, w.app.next_serial(), path=BUS_PATH, interface=BUS, member="ListNames"))
        answer = w.app.reply(w.app.serial, 1)
        assert not answer or HIDDEN not in str(answer.body)
        assert w.app.call(BUS, BUS_PATH, BUS + ".Peer", "Ping").kind == RETURN
        assert w.app.call(BUS, BUS_PATH, BUS + ".Introspectable", "Introspect").kind == RETURN


# ---- the authentication ----

GOOD_AUTH = [  # what is sent, and how many lines are to come back before messages go
    (b"\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n", 3),
    (b"\0AUTH EXTERNAL 30\r\nBEGIN\r\n", 1),
    (b"\0AUTH\r\nAUTH EXTERNAL 30\r\nBEGIN\r\n", 2),
    (b"\0AUTH DBUS_COOKIE_SHA1 30\r\nAUTH ANONYMOUS\r\nAUTH EXTERNAL 30\r\nBEGIN\r\n", 3),
    (b"\0AUTH EXTERNAL\r\nCANCEL\r\nAUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nFOO bar\r\nBEGIN\r\n", 5),
    (b"\0AUTH EXTERNAL 30\r\nBEGIN now\r\n", 1),
]
BAD_AUTH = [
    b"AUTH EXTERNAL 30\r\n", b"\1AUTH EXTERNAL 30\r\n", b"\0\0AUTH EXTERNAL 30\r\n",
    b"\0BEGIN\r\n", b"\0 AUTH EXTERNAL 30\r\n", b"\0AUTH EXTERNAL 30\nBEGIN\r\n",
    b"\0AUTH EXTERNAL\xc3\xa9\r\n", b"\0AUTH EXTERNAL 30\r\nBE\0GIN\r\n", b"\0AUTH EXTERNAL 30\r\n\tBEGIN\r\n",
    b"\0auth EXTERNAL 30\r\n", b"\0AUTH EXTERNAL 30\rBEGIN\r\n", b"\0" + b"A" * 5000,
    b"\0AUTH ANONYMOUS\r\nBEGIN\r\n", b"\0AUTH EXTERNAL zz\r\nBEGIN\r\n", b"\0AUTH EXTERNAL\r\nBEGIN\r\n",
    b"\0DATA 30\r\nBEGIN\r\n", b"\0AUTH EXTERNAL 30\r\nCANCEL\r\nBEGIN\r\n",
    b"\0" + b"AUTH\r\n" * 4000 + b"AUTH EXTERNAL 30\r\nBEGIN\r\n", b"\0\r\n",
]


def authentication_in_one_write():
    """sd-bus sends all lines, BEGIN and Hello at once."""
    with World() as w:
        for lines, n in GOOD_AUTH:
            with Raw(w.filter.path, auth=False) as app:
                app.send(lines + lib.bus_call(1, "Hello"))
                app.lines(n)
                assert app.reply(1).body[0].startswith(":"), lines


def authentication_at_every_split_point():
    with World() as w:
        data = GOOD_AUTH[4][0] + lib.bus_call(1, "Hello") + lib.bus_call(2, "GetId")
        for at in range(1, len(data), 3):
            with Raw(w.filter.path, auth=False) as app:
                app.send(data[:at])
                w.filter.counts()
                app.send(data[at:])
                app.lines(5)
                assert app.reply(1).kind == RETURN and app.reply(2).kind == RETURN, at


def authentication_tricks():
    """Blanks, control characters and half lines (CVE-2018-6560 and its kin)."""
    with World() as w:
        for data in BAD_AUTH:
            with Raw(w.filter.path, auth=False) as app:
                try:
                    app.send(data + lib.bus_call(1, "Hello"))
                except (BrokenPipeError, ConnectionResetError):
                    continue
                end = app.ended()
                assert end and b"org.freedesktop.DBus" not in app.data, (data, app.data)
        exchange(w.app, w.talk, TALK)


def descriptors_must_be_agreed_on():
    with World() as w:
        with Raw(w.filter.path, auth=False) as app:
            app.send(b"\0AUTH EXTERNAL 30\r\nBEGIN\r\n" + lib.bus_call(1, "Hello"))
            app.lines(1)
            app.reply(1)
            app.send(message(CALL, 2, path=PATH, interface=IFACE, member="F", destination=TALK, fds=1), [0])
            assert app.ended()


# ---- messages ----

def sample_messages():
    long = [("s", "x" * 3000), ("as", ["a", "bb"]), ("u", 7)]
    for order in "<>":
        yield message(CALL, 50, long, order=order, path=PATH, interface=IFACE, member="Split",
                      destination=TALK, flags=lib.NO_REPLY)


def every_split_point():
    with World() as w:
        for data in sample_messages():
            for at in [*range(1, 220), 1000, len(data) - 1]:
                w.app.send(data[:at])
                w.filter.counts()
                w.app.send(data[at:] + data)
                for _ in range(2):
                    got = comes(w.talk, "Split")
                    assert got.body[0] == "x" * 3000 and got.body[2] == 7, at
        one = next(sample_messages())[:400] + next(sample_messages())[400:]
        for byte in one:
            w.app.send(bytes([byte]))
        assert comes(w.talk, "Split").body[2] == 7


def half_messages():
    with World() as w:
        data = next(sample_messages())
        for at in (1, 15, 16, 17, 100, len(data) - 1):
            with Raw(w.filter.path) as app:
                app.send(data[:at])
        nothing(w.talk, "Split")
        lib.wait_for(lambda: w.filter.counts()["connections"] == 1)


def broken_messages():
    good = dict(path=PATH, interface=IFACE, member="Bad", destination=TALK)
    flip = bytearray(message(CALL, 5, **good))
    broken = [bytes([c]) + bytes(flip[1:]) for c in b"LX\0"]
    broken += [bytes(flip[:3]) + b"\2" + bytes(flip[4:]), b"\xff" * 64, b"l" * 64]
    broken += [message(kind, 5, **good) for kind in (0, 5, 255)]
    for change in ({"path": "no/slash"}, {"path": "/a//b"}, {"path": "/a/"}, {"path": ""}, {"path": "/ü"},
                   {"member": "a.b"}, {"member": "1a"}, {"member": ""}, {"member": "x" * 256},
                   {"interface": "one"}, {"interface": "a..b"}, {"interface": "a.1b"},
                   {"destination": "one"}, {"destination": ":"}, {"destination": "a." + "b" * 300},
                   {"sender": "not a name"}, {"path": None}, {"member": None}):
        broken.append(message(CALL, 5, **{**good, **change}))
    broken.append(message(CALL, 5, extra=[(7, "u", 3)], **good))         # wrong type
    broken.append(message(CALL, 5, extra=[(6, "s", HIDDEN)], **good))     # twice
    broken.append(message(CALL, 5, extra=[(6, "s", HIDDEN)], path=PATH, member="Bad", interface=IFACE,
                          destination=TALK))
    broken.append(message(CALL, 5, extra=[(0, "s", "x")], **good))
    broken.append(message(CALL, 5, extra=[(17, "s", "x")], **good))
    broken.append(message(CALL, 5, length=4, **good) + b"abcd")           # a body without signature
    broken.append(message(SIGNAL, 5, path="/org/freedesktop/DBus/Local", interface=IFACE, member="X"))
    broken.append(message(RETURN, 5, destination=TALK))
    broken.append(message(ERROR, 5, destination=TALK, reply_serial=3))
    broken.append(message(CALL, 5, length=0x8000000, **good))
    broken.append(message(CALL, 5, **{**good, "path": "/" + "x" * 70000}))
    with World() as w:
        for data in broken:
            with Raw(w.filter.path) as app:
                app.send(data)
                assert app.ended(), data[:200]
        w.talk.sync()
        nothing(w.talk, "Bad")
        exchange(w.app, w.talk, TALK)


def random_bytes_and_mutations():
    """Nothing kills the filter; nothing unlisted arrives."""
    rng = random.Random(7)
    seeds = [message(CALL, 5, [("s", "x"), ("as", ["a"])], path=PATH, interface=IFACE, member="Fuzz",
                     destination=HIDDEN), lib.bus_call(6, "AddMatch", "type='signal'"),
             message(SIGNAL, 7, path=PATH, interface=IFACE, member="Fuzz", destination=HIDDEN)]
    with World() as w:
        for _ in range(600):
            data = bytearray(rng.choice(seeds))
            for _ in range(rng.randint(1, 6)):
                data[rng.randrange(len(data))] = rng.choice((0, 1, 255, rng.randrange(256)))
            with Raw(w.filter.path) as app:
                app.send(bytes(data[:rng.randint(1, len(data) + 50)]))
        w.hidden.sync()
        while m := w.hidden.next(0.2):
            assert m.sender == BUS, m
        exchange(w.app, w.talk, TALK)


def descriptors_pass():
    with World() as w:
        for n in (1, 16, 200):
            pipes = [os.pipe() for _ in range(n)]
            serial = w.app.next_serial()
            w.app.send(message(CALL, serial, path=PATH, interface=IFACE, member="Take", destination=TALK,
                               fds=n), [p[1] for p in pipes])
            call = comes(w.talk, "Take")
            assert len(call.fds) == n
            for i, fd in enumerate(call.fds):
                os.write(fd, b"%d" % i)
                os.close(fd)
            for i, (r, _) in enumerate(pipes):
                assert os.read(r, 10) == b"%d" % i
            r, end = os.pipe()
            w.talk.send(message(RETURN, w.talk.next_serial(), reply_serial=call.serial,
                                destination=call.sender, fds=1), [end])
            answer = w.app.reply(serial)
            os.write(answer.fds[0], b"back")
            assert os.read(r, 10) == b"back"
            for fd in [*answer.fds, r, end, *(f for p in pipes for f in p)]:
                os.close(fd)
        # those of refused messages are closed
        r, end = os.pipe()
        w.app.send(message(CALL, w.app.next_serial(), path=PATH, interface=IFACE, member="Take",
                           destination=HIDDEN, fds=1), [end])
        refused(w.app.reply(w.app.serial), UNKNOWN)
        os.close(end)
        assert os.read(r, 1) == b""
        assert w.filter.counts()["descriptors"] == 0


def descriptors_that_lie():
    with World() as w:
        for claimed, sent in ((2, 1), (1, 0), (0, 1), (253, 1), (0xffffffff, 1)):
            with Raw(w.filter.path) as app:
                # what comes along with a whole message is only seen to be too much behind it
                app.send(message(CALL, 5, fds=claimed or None, path=PATH, interface=IFACE,
                                 member="Lie" if claimed else "More", destination=TALK), [0] * sent)
                assert app.ended(), (claimed, sent)
        w.talk.sync()
        nothing(w.talk, "Lie")
        assert w.filter.counts()["descriptors"] == 0


def descriptor_flood():
    with World() as w:
        before = len(os.listdir(f"/proc/{w.filter.process.pid}/fd"))
        flooders = [Raw(w.filter.path) for _ in range(10)]
        for app in flooders:
            try:
                for _ in range(20):
                    app.send(b"l", [0] * 253)
            except (BrokenPipeError, ConnectionResetError):
                pass
            except OSError:  # too many on their way: the kernel stops it
                pass
        assert w.filter.counts()["descriptors"] <= 2048 + 253
        for app in flooders:
            app.close()
        lib.wait_for(lambda: w.filter.counts()["connections"] == 1)
        assert len(os.listdir(f"/proc/{w.filter.process.pid}/fd")) == before
        exchange(w.app, w.talk, TALK)


# ---- floods, limits ----

def big_messages_stream():
    """A hundred megabytes go through, and cost the filter next to nothing."""
    size = 100 << 20
    with World() as w:
        exchange(w.app, w.talk, TALK)
        before = w.filter.memory()
        serial = w.app.next_serial()
        head = message(CALL, serial, [("s", "")], path=PATH, interface=IFACE, member="Big", destination=TALK,
                       length=size + 5)
        head = head[:-5] + (size).to_bytes(4, "little")
        import threading
        block = b"y" * (1 << 20)

        def write():
            w.app.send(head)
            for _ in range(size >> 20):
                w.app.socket.sendall(block)
            w.app.send(b"\0")
        writer = threading.Thread(target=write)
        writer.start()
        most = 0
        while writer.is_alive():
            most = max(most, w.filter.memory())
            time.sleep(0.02)
        # dbus-daemon takes it whole before it passes it on
        got = b""
        total = 0
        w.talk.socket.settimeout(lib.WAIT)
        while total < size:
            got = w.talk.socket.recv(1 << 20)
            assert got, "the bus hung up"
            total += len(got)
        assert most - before <= 1 << 20, (before, most)
        print(f"# 100 MB through it: {(most - before) >> 10} KiB more at most")


def refused_big_messages_stream_away():
    with World() as w:
        before = w.filter.memory()
        size = 20 << 20
        serial = w.app.next_serial()
        head = message(CALL, serial, [("s", "")], path=PATH, interface=IFACE, member="Big",
                       destination=HIDDEN, length=size + 5)
        w.app.send(head[:-5] + size.to_bytes(4, "little"))
        refused(w.app.reply(serial), UNKNOWN)  # at once
        for _ in range(size >> 20):
            w.app.socket.sendall(b"y" * (1 << 20))
        w.app.send(b"\0")
        exchange(w.app, w.talk, TALK)
        assert w.filter.memory() - before <= 1 << 20


def message_limit():
    with World(RULES + "limit message 10000\n") as w:
        refused(w.app.call(TALK, PATH, IFACE, "Echo", "x" * 20000),
                "org.freedesktop.DBus.Error.LimitsExceeded")
        exchange(w.app, w.talk, TALK)


def ten_thousand_match_rules():
    with World(RULES + "limit matches 500\n") as w:
        w.app.send(b"".join(lib.bus_call(1000 + i, "AddMatch", f"type='signal',arg0='{i}'", flags=1)
                            for i in range(10000)))
        w.app.sync()
        assert w.filter.counts()["refused"] == 9500
        refused(w.app.bus("AddMatch", "type='signal'"), "org.freedesktop.DBus.Error.LimitsExceeded")
        w.app.bus("RemoveMatch", "type='signal',arg0='7'")
        assert w.app.bus("AddMatch", "type='signal'").kind == RETURN
        assert w.filter.memory() < 2 << 20


def replies_never_sent():
    """Calls that nobody answers, on both sides, end at a limit."""
    with World(RULES + "limit pending 100\n") as w:
        call = dict(path=PATH, interface=IFACE, member="Never")
        w.app.send(b"".join(message(CALL, 1000 + i, destination=TALK, **call) for i in range(150)))
        refused(w.app.reply(1149), "org.freedesktop.DBus.Error.LimitsExceeded")
        app = Raw(w.filter.path)
        for i in range(150):
            w.hidden.send(message(CALL, 1000 + i, destination=app.unique, **call))
        refused(w.hidden.reply(1149), "org.freedesktop.DBus.Error.LimitsExceeded")
        assert w.app.reply(1000, 0.2) is None
        exchange(Raw(w.filter.path), w.talk, TALK)


def name_squatting():
    """Thousands of callers: what the filter remembers of them is bounded."""
    with World() as w:
        before = w.filter.memory()
        for _ in range(3000):
            with Raw(w.bus.path) as peer:
                peer.emit(PATH, IFACE, "Hi", destination=w.app.unique)
                peer.sync()
            while w.app.next(0):
                pass
        assert w.filter.memory() - before < 1 << 20
        exchange(w.app, w.talk, TALK)


def too_many_connections():
    with World(RULES + "limit connections 5\n") as w:
        more = [Raw(w.filter.path) for _ in range(4)]
        waiting = Raw(w.filter.path, auth=False)
        waiting.send(b"\0AUTH EXTERNAL 30\r\n")
        assert not waiting.ended(0.3) and not waiting.data
        more[0].close()
        assert waiting.lines(1)[0].startswith(b"OK")


def slow_when_too_fast():
    with World(RULES + "limit rate 200\nlimit burst 20\n") as w:
        start = time.monotonic()
        w.app.send(b"".join(lib.bus_call(1000 + i, "GetId") for i in range(120)))
        assert w.app.reply(1119).kind == RETURN
        assert time.monotonic() - start > 0.4


def lists_of_many_names():
    with World("see org.example.*\nsee org.more.*\n") as w:
        many = w.service(*[f"org.more.name{i:04}" for i in range(2000)])
        w.service(*[f"org.else.name{i:04}" for i in range(500)])
        app = Raw(w.filter.path)
        names = app.bus("ListNames").body[0]
        assert len([n for n in names if n.startswith("org.more.")]) == 2000
        assert not any(n.startswith("org.else.") for n in names)
        assert many.unique in names


# ---- life ----

def the_bus_goes_away():
    with World() as w:
        w.bus.process.kill()
        w.bus.process.wait()
        assert w.app.ended()
        with Raw(w.filter.path, auth=False) as app:
            assert app.ended()
        assert w.filter.counts()["connections"] == 0
        w.filter.logged("cut 0", "can not be reached")


def two_connections_share_nothing():
    with World() as w:
        second = Raw(w.filter.path)
        exchange(w.hidden, second, second.unique)
        assert second.bus("NameHasOwner", w.hidden.unique).body == [1]
        assert w.app.bus("NameHasOwner", w.hidden.unique).body == [0]
        refused(second.call(w.app.unique, PATH, IFACE, "Echo"), NO_OWNER)


def rules_change_while_it_runs():
    with World() as w:
        w.app.own(OWN + ".Name")
        assert w.filter.change(f"talk {HIDDEN}\nsee {TALK}\nown org.new.Name\n") == "ok"
        exchange(w.app, w.hidden, HIDDEN)
        exchange(w.app, w.hidden, w.hidden.unique)
        refused(w.app.call(TALK, PATH, IFACE, "Echo"))
        refused(w.app.call(w.talk.unique, PATH, IFACE, "Echo"))
        refused(w.app.call(SEE, PATH, IFACE, "Echo"), UNKNOWN)
        assert w.outside().bus("NameHasOwner", OWN + ".Name").body == [0]
        w.app.own("org.new.Name")
        answer = w.filter.change("talk not a name\n")
        assert answer.startswith("error rules:2:"), answer
        exchange(w.app, w.hidden, HIDDEN)
        assert w.filter.change("") == "ok"
        refused(w.app.call(HIDDEN, PATH, IFACE, "Echo"), UNKNOWN)
        for _ in range(200):
            assert w.filter.change(RULES) == "ok" and w.filter.change("") == "ok"
        assert w.filter.change(RULES) == "ok"
        exchange(w.app, w.talk, TALK)
        assert w.filter.ask("nonsense").startswith("error")
        assert w.filter.ask("rules").startswith("error")


def two_descriptors_of_rules_are_one_too_many():
    """Neither is taken, and neither stays open in the filter."""
    with World() as w:
        assert w.filter.change(RULES + f"talk {HIDDEN}\n") == "ok"
        for word in ("rules", "count", "unknown"):
            for n in (1, 2):
                ours, passed = os.pipe()
                said = w.filter.ask(word, *[passed] * n)
                os.close(passed)
                ready = select.select([ours], [], [], lib.WAIT)[0]
                assert ready and os.read(ours, 1) == b"", f"{word}: of {n} descriptors one stays open"
                os.close(ours)
                assert word != "rules" or said.startswith("error "), said
        exchange(w.app, w.hidden, HIDDEN)


def bad_rules_do_not_start():
    for rules, where in (("talk one\n", ":2:6:"), ("talk org.a.B\nwhat\n", ":3:1:"), ("call org.a.B x.y nopath\n", ":2:"),
                         ("limit rate x\n", ":2:12:"), ("talk org.a.\\xB\n", ":2:"), ("log some\n", ":2:5:"),
                         ("call org.a.B a.b.C / arg64=x\n", ":2:22:"), ("sloppy-names x\n", ":2:1:")):
        with lib.Bus() as bus:
            f = lib.Filter(PROGRAM, bus, rules)
            said = f.process.stderr.read().decode()
            assert f.stop() == 125 and "rules" + where in said, (rules, said)


def log_lines():
    with World(RULES + "log all\n") as w:
        exchange(w.app, w.talk, TALK)
        w.filter.logged(f"passed 1 call {TALK} {IFACE}.Echo {PATH}")
        w.app.call(HIDDEN, PATH, IFACE, "Echo")
        w.filter.logged(f"refused 1 call {HIDDEN} {IFACE}.Echo {PATH} # no rule lets the app see this name")
        w.app.send(b"\xff" * 20)
        w.filter.logged("cut 1 # no byte order")
        # a flood of refusals is counted, not written
        app = Raw(w.filter.path)
        app.send(b"".join(message(SIGNAL, 10 + i, path=PATH, interface=IFACE, member="No", destination=HIDDEN)
                          for i in range(5000)))
        app.sync()
        time.sleep(0.1)
        app.call(HIDDEN, PATH, IFACE, "Echo")
        w.filter.logged("lost ")


TESTS = [
    talk_reaches_see_and_none_do_not, names_are_seen_by_level, activatable_names_are_filtered,
    owning_needs_own, names_inside_are_taken_for_the_app_alone, wildcards_match_whole_elements, none_ends_a_wildcard,
    a_unique_name_keeps_what_its_names_gave, names_taken_before_the_app_came_count,
    broadcasts_need_talk, a_unicast_reaches_the_app_and_makes_its_sender_seen,
    owner_changes_are_seen_by_level, call_and_broadcast_rules, argument_rules,
    eavesdropping_in_any_spelling, match_rules_that_are_good_pass, calls_that_say_they_are_replies,
    replies_go_only_to_who_waits, replies_come_only_from_who_was_asked, serials_in_any_order,
    serials_of_the_filter_are_its_own, one_serial_for_two_calls, forged_senders,
    signals_in_the_bus_name, hello_answered_by_an_error, long_object_paths,
    calls_to_the_bus_that_no_app_needs, authentication_in_one_write,
    authentication_at_every_split_point, authentication_tricks, descriptors_must_be_agreed_on,
    every_split_point, half_messages, broken_messages, random_bytes_and_mutations,
    descriptors_pass, descriptors_that_lie, descriptor_flood, big_messages_stream,
    refused_big_messages_stream_away, message_limit, ten_thousand_match_rules, replies_never_sent,
    name_squatting, too_many_connections, slow_when_too_fast, lists_of_many_names,
    the_bus_goes_away, two_connections_share_nothing, rules_change_while_it_runs,
    two_descriptors_of_rules_are_one_too_many, bad_rules_do_not_start, log_lines,
]


def main():
    tap = Tap()
    wanted = sys.argv[2:]
    for test in TESTS:
        if not wanted or test.__name__ in wanted:
            tap.run(test)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
