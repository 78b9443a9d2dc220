#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""carrel-sound between clients and a real sound server, and against hostile clients.

    filter.py CARREL-SOUND [CHECKED]

With CHECKED the same program as the usual compiler (and its sanitizers) made it is used for the
hostile clients too.
"""
import array
import os
import random
import shutil
import socket
import struct
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import (COOKIE, MAP, NONE, SPEC, VOLUME, Client, Filter, Server, Tap, frame,  # noqa: E402
                 packet, playback, props, record, text, u32)


def error_of(client, tag, data):
    client.send(data)
    command, rest = client.reply(tag)
    return struct.unpack(">I", rest[1:5])[0] if command == 0 else None


# ---- what passes ----

def plays_and_is_told_of_its_buffer(server, program):
    def test():
        with Filter(program, server.path) as f, Client(f.path) as inside, \
                Client(server.path, 21) as outside:
            replies = []
            for c in (outside, inside):
                c.send(playback(5, buffer=19200))
                command, rest = c.reply(5)
                assert command == 2
                replies.append(rest)
            # longest, target, before, least: as outside
            assert replies[0][15:35] == replies[1][15:35], replies
            assert b"spk" in replies[0] and b"spk" not in replies[1], replies[1]
            assert b"speakers\0" in replies[1], replies[1]
    return test


REFUSED = {
    "recording": (5, lambda t: record(t)),
    "recording a monitor": (5, lambda t: record(t, "spk.monitor")),
    "loading a module": (51, lambda t: packet(51, t, text("module-null-sink"), text(""))),
    "unloading one": (52, lambda t: packet(52, t, u32(0))),
    "ending the server": (7, lambda t: packet(7, t)),
    "ending a client": (48, lambda t: packet(48, t, u32(0))),
    "ending a stream": (49, lambda t: packet(49, t, u32(0))),
    "moving a stream": (67, lambda t: packet(67, t, u32(0), u32(0), text(None))),
    "suspending a sink": (70, lambda t: packet(70, t, u32(0), text(None), b"1")),
    "a sink's volume": (36, lambda t: packet(36, t, u32(0), text(None), VOLUME)),
    "a source's volume": (38, lambda t: packet(38, t, u32(0), text(None), VOLUME)),
    "a sink's mute": (39, lambda t: packet(39, t, u32(0), text(None), b"1")),
    "the default sink": (44, lambda t: packet(44, t, text("voice"))),
    "a sample that stays": (15, lambda t: packet(15, t, text("x"), SPEC, MAP, u32(64), props())),
    "an extension": (87, lambda t: packet(87, t, u32(0), text("module-stream-restore"), u32(0))),
    "a message to an object": (103, lambda t: packet(103, t, text("/core"), text("list-handlers"),
                                                    text(""))),
}


def is_refused(server, program, make, direct):
    def test():
        if direct:  # harmless ones: outside it is done, or fails for a reason of its own
            with Client(server.path, 21) as c:
                assert error_of(c, 7, make(7)) != 1, "outside it is refused too"
        with Filter(program, server.path) as f, Client(f.path) as c:
            assert error_of(c, 7, make(7)) == 1
            c.send(packet(20, 8))  # the connection stays
            assert c.reply(8)[0] == 2
    return test


def others_streams(server, program):
    def test():
        with Client(server.path, 21) as other, Filter(program, server.path) as f, \
                Client(f.path) as c:
            other.send(playback(5))
            rest = other.reply(5)[1]
            index = struct.unpack(">I", rest[6:10])[0]
            mine = c.stream()
            assert error_of(c, 7, packet(37, 7, u32(index), VOLUME)) == 5
            assert error_of(c, 8, packet(69, 8, u32(index), b"1")) == 5
            assert error_of(c, 9, packet(29, 9, u32(index))) == 5
            assert error_of(c, 10, packet(41, 10, u32(mine + 1), b"1")) == 5
            c.send(packet(30, 11))
            assert c.reply(11) == (2, b""), "others' streams are listed"
            c.send(packet(35, 12, u32(0xff)))
            assert c.reply(12)[0] == 2
            other.send(packet(37, 6, u32(index), VOLUME[:2] + struct.pack(">II", 7, 7)))
            assert other.reply(6)[0] == 2
            c.send(packet(20, 13))
            seen = []
            while True:
                channel, data = c.frame()
                if data[6:10] == struct.pack(">I", 13):
                    break
                seen.append(data)
            assert not [d for d in seen if d[1:5] == struct.pack(">I", 66)], seen
    return test


# ---- hostile clients ----

def nonsense(channel):
    """What no client may say; each ends the connection."""
    long = b"t" + b"a" * 70000 + b"\0"
    return {
        "samples in shared memory": frame(b"\0" * 16, channel, 0x80000000),
        "shared memory that is let go": frame(b"\0", channel, 0x40000000),
        "shared memory that is taken back": frame(b"\0", channel, 0xc0000000),
        "a packet with flags": frame(u32(20) + u32(9), NONE, 1),
        "an unknown way to seek": frame(b"\0" * 8, channel, 4),
        "a frame of 0 bytes": struct.pack(">IIIII", 0, channel, 0, 0, 0),
        "a frame of 17 MB": struct.pack(">IIIII", 17 << 20, channel, 0, 0, 0),
        "a packet of 4 GB": struct.pack(">IIIII", NONE, NONE, 0, 0, 0),
        "a packet of 70 kB": packet(9, 9, long),
        "no command": frame(b"L\0\0"),
        "no number": frame(u32(20)),
        "a second introduction": packet(8, 9, u32(35), COOKIE),
        "a text for a number": packet(4, 9, text("x")),
        "too little": packet(41, 9, u32(channel)),
        "too much": packet(4, 9, u32(channel), u32(0)),
        "a list without its end": packet(9, 9, b"P" + text("a.b") + u32(2)),
        "a property longer than the packet": packet(
            9, 9, b"P" + text("a.b") + u32(NONE) + b"x" + b"\xff" * 4 + b"x"),
        "two sizes of one property": packet(
            9, 9, b"P" + text("a.b") + u32(3) + b"x" + struct.pack(">I", 2) + b"ab" + b"N"),
        "33 channels": packet(37, 9, u32(0), b"v\x21" + b"\0" * 132),
        "a text without its end": packet(46, 9, u32(channel), b"tabc"),
        "a request of the server's own": packet(72, NONE, u32(channel)),
        "one number for two questions": packet(12, 9, u32(channel)) * 2,
    }


def hostile(server, program):
    with Filter(program, server.path) as f, Client(f.path) as c:
        kinds = nonsense(c.stream())

    def test_of(name):
        def test():
            with Filter(program, server.path) as f, Client(f.path) as good, Client(f.path) as c:
                channel = c.stream()
                c.send(nonsense(channel)[name])
                assert c.is_cut(), "it goes on"
                good.send(packet(20, 9))
                assert good.reply(9)[0] == 2, "others suffer"
                assert f.process.poll() is None, f.errors()
        return test
    return {f"cut off: {name}": test_of(name) for name in kinds}


def before_the_introduction(server, program):
    def test():
        with Filter(program, server.path) as f:
            for data in (packet(20, 0), packet(51, 0, text("module-null-sink"), text("")),
                         playback(0)):
                with Client(f.path, None) as c:
                    c.send(data)
                    assert c.is_cut()
            with Client(f.path, None) as c:  # too old to know what we speak
                assert error_of(c, 0, packet(8, 0, u32(13), COOKIE)) == 17
    return test


def descriptors(server, program):
    def test():
        with Filter(program, server.path) as f, Client(f.path) as c:
            data = packet(20, 9)
            fds = array.array("i", [0, 1])
            c.socket.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
            assert c.is_cut()
            assert len(os.listdir(f"/proc/{f.process.pid}/fd")) < 12
    return test


def mutations(server, program):
    def test():
        dice = random.Random(7)
        with Filter(program, server.path) as f:
            for _ in range(300):
                with Client(f.path) as c:
                    channel = c.stream()
                    pieces = list(nonsense(channel).values()) + [
                        playback(20), packet(41, 21, u32(channel), b"1"), record(22),
                        packet(14, 23, u32(channel), b"T" + b"\0" * 8), frame(b"\0" * 400, channel)]
                    data = bytearray(b"".join(dice.sample(pieces, 3)))
                    for _ in range(dice.randrange(1, 6)):
                        data[dice.randrange(len(data))] = dice.randrange(256)
                    try:
                        c.send(bytes(data))
                    except ConnectionError:
                        pass
                assert f.process.poll() is None, f.errors()
            with Client(f.path) as c:
                c.stream()
            assert server.process.poll() is None, "the sound server died"
    return test


def in_pieces(server, program):
    def test():
        with Filter(program, server.path) as f, Client(f.path) as c:
            for byte in playback(5):
                c.send(bytes([byte]))
            assert c.reply(5)[0] == 2
    return test


def too_many(server, program):
    def test():
        with Filter(program, server.path) as f, Client(f.path) as c:
            codes = [error_of(c, 100 + i, playback(100 + i)) for i in range(40)]
            assert codes[:32].count(None) >= 30 and codes[32:] == [1] * 8, codes
            with open(f"/proc/{f.process.pid}/status", encoding="ascii") as status:
                memory = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
            assert memory < (1 << 20), memory
    return test


def questions_without_end(server, program):
    def test():
        with Filter(program, server.path) as f, Client(f.path) as c:
            channel = c.stream()
            c.send(packet(41, 9, u32(channel), b"1"))
            c.send(frame(b"\0" * 4000, channel))  # which wait: draining never ends
            for i in range(400):
                c.send(packet(12, 10 + i, u32(channel)))
            refused = 0  # a server that drains in spite of it makes room for as many more
            while refused < 100:
                channel_of, data = c.frame()
                command, tag = struct.unpack(">BIBI", data[:10])[1::2]
                if channel_of == NONE and command == 0 and 10 <= tag < 410:
                    assert struct.unpack(">I", data[11:15])[0] == 1, data
                    refused += 1
            c.send(packet(20, 501))
            assert c.reply(501)[0] == 2
    return test


def records_where_it_may(server, program):
    def test():
        with Filter(program, server.path, "play+record") as f, Client(f.path) as c:
            c.send(record(5, "spk.monitor"))
            command, rest = c.reply(5)
            assert command == 2 and b"microphone\0" in rest, rest
            while c.frame()[0] == NONE:
                pass
            assert server.run("pactl", "list", "short", "source-outputs").stdout
        assert server.run("pactl", "set-default-source", "spk.monitor").returncode == 0
        try:
            with Filter(program, server.path, "play+record") as f, Client(f.path) as c:
                assert error_of(c, 5, record(5)) == 5, "it hears what others play"
        finally:
            server.run("pactl", "set-default-source", "mic")
    return test


def ends_with_the_supervisor(server, program):
    def test():
        f = Filter(program, server.path)
        with Client(f.path):
            f.control.close()
            assert f.process.wait(60) == 0
        f.log.close()
        shutil.rmtree(f.folder)
    return test


def who_it_is(server, program):
    def test():
        with Filter(program, server.path) as f, Client(f.path) as c:
            c.stream(props={"application_id": "org.other", "filter_want": "echo-cancel"})
            said = server.run("pactl", "list", "sink-inputs").stdout.decode()
        assert "raw [org.example.App]" in said and 'media.name = "test"' in said, said
        assert "org.other" not in said and "filter.want" not in said, said
    return test


def main():
    tap = Tap()
    folder = tempfile.mkdtemp(prefix="cs-")
    server = Server(folder)
    try:
        for program, kind in zip(sys.argv[1:], ("", ", checked")):
            tests = {"plays, and is told of its buffer": plays_and_is_told_of_its_buffer,
                     "others' streams": others_streams, "who it is": who_it_is,
                     "before the introduction": before_the_introduction,
                     "descriptors": descriptors, "messages in pieces": in_pieces,
                     "mutations": mutations, "too many streams": too_many,
                     "questions without end": questions_without_end,
                     "play+record hears a microphone only": records_where_it_may,
                     "ends with the supervisor": ends_with_the_supervisor}
            for name, make in tests.items():
                tap.run(make(server, program), name + kind)
            for name, (number, make) in REFUSED.items():
                tap.run(is_refused(server, program, make, number in (5, 36, 38, 39, 51)),
                        f"refused: {name}{kind}")
            for name, test in hostile(server, program).items():
                tap.run(test, name + kind)
    finally:
        server.stop()
        shutil.rmtree(folder)
    return tap.done()


sys.exit(main())
