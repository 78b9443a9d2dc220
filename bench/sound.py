#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a sound server of the app's own costs, before a PulseAudio without a sound card.

    bench/sound.py BUILD [ROUNDS]

The same question (how late is this stream) straight and by way of carrel-sound in turn, on one
processor load; medians and their ratio, the 99th percentile, and the memory of carrel-sound with
one app that plays. Budget: 16 MB (issue of displays and sound); the time is for comparison.
"""
import os
import shutil
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/sound"))
from lib import Client, Filter, Server, packet, u32  # noqa: E402

BATCH = 200


def ask(client, channel, tag):
    client.send(packet(14, tag, u32(channel), b"T" + b"\0" * 8))
    client.reply(tag)


def main():
    program = os.path.join(sys.argv[1], "src/sound/carrel-sound")
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    folder = tempfile.mkdtemp(prefix="cs-")
    server = Server(folder)
    try:
        with Filter(program, server.path) as f, Client(f.path) as inside, \
                Client(server.path, 21) as outside:
            took = {"straight": [], "carrel-sound": []}
            clients = {"straight": (outside, outside.stream()),
                       "carrel-sound": (inside, inside.stream())}
            for number in range(rounds):
                for name, (client, channel) in clients.items():
                    for i in range(BATCH):
                        before = time.perf_counter_ns()
                        ask(client, channel, 10 + number * BATCH + i)
                        took[name].append((time.perf_counter_ns() - before) / 1000)
            for name, times in took.items():
                times.sort()
                print(f"{name:14} median {statistics.median(times):7.1f} us   "
                      f"p99 {times[len(times) * 99 // 100]:7.1f} us")
            a, b = (statistics.median(took[n]) for n in ("straight", "carrel-sound"))
            print(f"ratio of medians {b / a:.2f}, {b - a:.1f} us more")
            with open(f"/proc/{f.process.pid}/smaps_rollup", encoding="ascii") as rollup:
                sizes = dict(line.split()[:2] for line in rollup if line.split()[1].isdigit())
            print(f"memory: {sizes['Pss:']} kB (Pss), {sizes['Rss:']} kB (Rss); budget 16384 kB")
    finally:
        server.stop()
        shutil.rmtree(folder)


main()
