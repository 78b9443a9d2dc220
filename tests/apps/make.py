# SPDX-License-Identifier: LGPL-2.1-or-later
"""Things for the apps to open: a PDF with one coloured page after the other, a picture, a web page."""
import http.server
import socketserver
import subprocess
import threading


def pdf(path, colours):
    """Writes a PDF (ISO 32000-1, 7.5) with one page per (r, g, b), filled but for a margin."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>",
               b"<< /Type /Pages /Count %d /Kids [%s] >>" % (
                   len(colours), b" ".join(b"%d 0 R" % (3 + 2 * i) for i in range(len(colours))))]
    for i, colour in enumerate(colours):
        stream = b"%g %g %g rg 20 20 360 260 re f" % tuple(colour)
        objects.append(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 300] /Contents %d 0 R >>"
                       % (4 + 2 * i))
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    data, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    xref = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    data += b"".join(b"%010d 00000 n \n" % o for o in offsets)
    data += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1, xref)
    with open(path, "wb") as f:
        f.write(data)


def png(path, colour, size="320x200"):
    subprocess.run(["convert", "-size", size, f"xc:{colour}", f"png24:{path}"], check=True,
                   timeout=60)


def share_of(colour, path):
    """The share of a picture's points that have about this colour, 0 … 1."""
    done = subprocess.run(["convert", path, "-alpha", "off", "-fuzz", "8%", "-transparent", colour,
                           "-alpha", "extract", "-format", "%[fx:1-mean]", "info:"], check=True,
                          text=True, stdout=subprocess.PIPE, timeout=60)
    return float(done.stdout)


PAGE = """<!DOCTYPE html><html><head><meta charset="utf-8"><title>Carrel test page</title></head>
<body style="background:#cde"><h1>It works</h1>
<input id="i" autofocus oninput="document.title = 'Typed: ' + this.value">
<script>document.getElementById('i').focus()</script></body></html>
"""


class Web:
    """A web server on the loopback interface; `asked` holds the paths that were requested."""

    def __enter__(self):
        asked = self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                body = PAGE.encode()
                self.send_response(200 if self.path == "/page" else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/page"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        return False


class Peer:
    """A server of any protocol on the loopback interface: says its greeting, if it has one, to each
    client, its answer to each line of theirs, and keeps in `got` what they send."""

    def __init__(self, greeting=b"", answer=b""):
        self.greeting, self.answer, self.got = greeting, answer, b""

    def __enter__(self):
        peer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                self.request.sendall(peer.greeting)
                while data := self.request.recv(4096):
                    peer.got += data
                    self.request.sendall(peer.answer * data.count(b"\n"))

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # the client was ended in the middle

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        return False
