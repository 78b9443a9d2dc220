# SPDX-License-Identifier: LGPL-2.1-or-later
"""Asks a running browser what it thinks of its own sandbox, over its remote-control socket.

Two small clients, enough for that: Firefox's Marionette and Chromium's DevTools protocol.
"""
import base64
import json
import os
import re
import socket
import struct
import time
import urllib.request


class Marionette:
    """https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html"""

    def __init__(self, port, seconds=30):
        self.socket = _connect(port, seconds)
        self.socket.settimeout(seconds)
        self.number = 0
        self._receive()
        self.call("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {
            "acceptInsecureCerts": False}}})

    def _receive(self):
        size = b""
        while not size.endswith(b":"):
            byte = self.socket.recv(1)
            if not byte:
                raise AssertionError("the browser closed the connection")
            size += byte
        return json.loads(_exactly(self.socket, int(size[:-1])))

    def call(self, command, arguments=None):
        self.number += 1
        text = json.dumps([0, self.number, command, arguments or {}]).encode()
        self.socket.sendall(b"%d:%s" % (len(text), text))
        _, number, error, result = self._receive()
        assert number == self.number
        if error:
            raise AssertionError(f"{command}: {error.get('message')}")
        return result.get("value") if isinstance(result, dict) and "value" in result else result

    def open(self, url):
        self.call("WebDriver:Navigate", {"url": url})

    def run(self, script):
        return self.call("WebDriver:ExecuteScript", {"script": script, "args": []})

    def close(self):
        self.socket.close()


class DevTools:
    """One page over https://chromedevtools.github.io/devtools-protocol/ (a WebSocket, RFC 6455)."""

    def __init__(self, port, seconds=30):
        address = f"http://127.0.0.1:{port}/json/list"
        end = time.monotonic() + seconds
        while True:
            with urllib.request.urlopen(address, timeout=seconds) as answer:
                pages = [p for p in json.load(answer) if p["type"] == "page"]
            if pages or time.monotonic() > end:
                break
            time.sleep(0.2)
        path = pages[0]["webSocketDebuggerUrl"].split("/", 3)[3]
        self.socket = _connect(port, seconds)
        self.socket.settimeout(seconds)
        self.number = 0
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET /{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                             "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
                             "\r\n").encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += _exactly(self.socket, 1)
        assert b" 101 " in head.split(b"\r\n")[0], head

    def call(self, method, **parameters):
        self.number += 1
        self._send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._receive())
            if message.get("id") == self.number:
                if "error" in message:
                    raise AssertionError(f"{method}: {message['error']}")
                return message["result"]

    def _send(self, text):
        data, mask = text.encode(), os.urandom(4)
        size = len(data)
        head = struct.pack(">BB", 0x81, 0x80 | size) if size < 126 else \
            struct.pack(">BBH", 0x81, 0x80 | 126, size)
        self.socket.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def _receive(self):
        data, final = b"", False
        while not final:
            first, size = struct.unpack(">BB", _exactly(self.socket, 2))
            size &= 0x7F
            if size == 126:
                size = struct.unpack(">H", _exactly(self.socket, 2))[0]
            elif size == 127:
                size = struct.unpack(">Q", _exactly(self.socket, 8))[0]
            part = _exactly(self.socket, size)
            if first & 0x0F in (0, 1):
                data += part
                final = bool(first & 0x80)
        return data

    def open(self, url):
        self.call("Page.navigate", url=url)

    def run(self, expression):
        return self.call("Runtime.evaluate", expression=expression,
                         returnByValue=True)["result"].get("value")

    def close(self):
        self.socket.close()


def port_file(path, seconds, probe_alive):
    """Both browsers write the port that they chose into a file of their profile."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and probe_alive():
        try:
            with open(path, encoding="utf-8") as f:
                found = re.match(r"\d+", f.read())
            if found:
                return int(found.group())
        except OSError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"no port in {path}")


def _connect(port, seconds):
    return socket.create_connection(("127.0.0.1", port), timeout=seconds)


def _exactly(s, n):
    data = b""
    while len(data) < n:
        part = s.recv(n - len(data))
        if not part:
            raise AssertionError("the browser closed the connection")
        data += part
    return data
