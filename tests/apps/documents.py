# SPDX-License-Identifier: LGPL-2.1-or-later
"""Documents of many kinds, made as small as they can be. Where they have a colour it is RED."""
import hashlib
import math
import os
import sqlite3
import struct
import subprocess
import wave
import zipfile

import make

RED = "rgb(200,30,30)"


def text(path):
    with open(path, "w", encoding="utf-8") as f:
        f.write("first line\n")


def csv(path):
    with open(path, "w", encoding="utf-8") as f:
        f.write("name,number\nalpha,41\nbeta,42\n")


def picture(path):
    make.png(path, RED)


def pdf(path):
    make.pdf(path, [(200 / 255, 30 / 255, 30 / 255)])


def svg(path):
    with open(path, "w", encoding="utf-8") as f:
        f.write('<svg xmlns="http://www.w3.org/2000/svg" width="320" height="200">'
                f'<rect width="320" height="200" fill="{RED}"/></svg>\n')


def html(path):
    with open(path, "w", encoding="utf-8") as f:
        f.write(f'<!DOCTYPE html><html><head><title>Local page</title></head>'
                f'<body bgcolor="#c81e1e" style="background:{RED}">It works</body></html>\n')


def tone(path):
    """Twenty seconds of a quiet tone."""
    with wave.open(path, "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(8000)
        f.writeframes(b"".join(struct.pack("<h", int(3000 * math.sin(i / 3)))
                               for i in range(160000)))


def archive(path):
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("inside.txt", "packed\n")


MANIFEST = """<?xml version="1.0" encoding="UTF-8"?>
<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">
<manifest:file-entry manifest:full-path="/" manifest:media-type="{0}"/>
<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>
</manifest:manifest>"""

ODT = """<?xml version="1.0" encoding="UTF-8"?><office:document-content
 xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.2"><office:body>
<office:text><text:p>first line</text:p></office:text></office:body></office:document-content>"""


def odt(path):
    kind = "application/vnd.oasis.opendocument.text"
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("mimetype", kind)
        z.writestr("META-INF/manifest.xml", MANIFEST.format(kind))
        z.writestr("content.xml", ODT)


CONTAINER = """<?xml version="1.0"?><container version="1.0"
 xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""
BOOK = """<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="2.0"
 unique-identifier="id"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Small book
</dc:title><dc:language>en</dc:language><dc:identifier id="id">carrel-test</dc:identifier></metadata>
<manifest><item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="a"/></spine></package>"""
CHAPTER = """<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>One</title>
</head><body><h1>It works</h1></body></html>"""


def epub(path):
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("mimetype", "application/epub+zip")
        z.writestr("META-INF/container.xml", CONTAINER)
        z.writestr("book.opf", BOOK)
        z.writestr("a.xhtml", CHAPTER)


SHEET = """<?xml version="1.0" encoding="UTF-8"?><office:document-content
 xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.2"><office:body>
<office:spreadsheet><table:table table:name="One"><table:table-row><table:table-cell
 office:value-type="string"><text:p>alpha</text:p></table:table-cell></table:table-row></table:table>
</office:spreadsheet></office:body></office:document-content>"""


def ods(path):
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("mimetype", kind)
        z.writestr("META-INF/manifest.xml", MANIFEST.format(kind))
        z.writestr("content.xml", SHEET)


def other_text(path):
    with open(path, "w", encoding="utf-8") as f:
        f.write("first line\nanother line\n")


def database(path):
    with sqlite3.connect(path) as db:
        db.execute("create table people (name text)")
        db.execute("insert into people values ('Ada')")
    db.close()


def passwords(path):
    """Its password is `secret`."""
    subprocess.run(["keepassxc-cli", "db-create", "-q", "-p", path], input="secret\nsecret\n", text=True,
                   check=True, timeout=60, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   env={"PATH": "/usr/bin:/bin", "HOME": os.path.dirname(path),
                        "QT_QPA_PLATFORM": "offscreen", "LANG": "C.UTF-8"})


def bencode(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, dict):
        return b"d" + b"".join(bencode(k) + bencode(v) for k, v in sorted(value.items())) + b"e"
    data = value if isinstance(value, bytes) else value.encode()
    return b"%d:%s" % (len(data), data)


def torrent(path, visit):
    """A file of eight bytes that nobody has; the local web server is asked who does (BEP 3)."""
    with open(path, "wb") as f:
        f.write(bencode({"announce": visit.web.url.replace("/page", "/announce"), "info": {
            "length": 8, "name": "nothing.txt", "piece length": 16384,
            "pieces": hashlib.sha1(b"nothing\n").digest()}}))


SCRIBUS = """<?xml version="1.0" encoding="UTF-8"?><SCRIBUSUTF8NEW Version="1.5.8"><DOCUMENT ANZPAGES="1"
 PAGEWIDTH="400" PAGEHEIGHT="300" BORDERLEFT="20" BORDERRIGHT="20" BORDERTOP="20" BORDERBOTTOM="20" ORIENTATION="1"
 PAGESIZE="Custom" FIRSTNUM="1" BOOK="0" UNITS="0"><COLOR NAME="Red" SPACE="RGB" R="200" G="30" B="30"/>
<COLOR NAME="Black" SPACE="RGB" R="0" G="0" B="0"/><COLOR NAME="White" SPACE="RGB" R="255" G="255" B="255"/>
<LAYERS NUMMER="0" LEVEL="0" NAME="One" SICHTBAR="1" DRUCKEN="1" EDIT="1"/>
<MASTERPAGE PAGEXPOS="100" PAGEYPOS="20" PAGEWIDTH="400" PAGEHEIGHT="300" NUM="0" NAM="Normal" MNAM=""
 Size="Custom" Orientation="1" LEFT="0"/>
<PAGE PAGEXPOS="100" PAGEYPOS="20" PAGEWIDTH="400" PAGEHEIGHT="300" NUM="0" NAM="" MNAM="Normal"
 Size="Custom" Orientation="1" LEFT="0"/>
<PAGEOBJECT XPOS="130" YPOS="50" OwnPage="0" ItemID="1" PTYPE="6" WIDTH="340" HEIGHT="240" FRTYPE="0" CLIPEDIT="0"
 PWIDTH="0" PCOLOR="Red" PCOLOR2="None" NUMPO="16" LAYER="0" path="M0 0 L340 0 L340 240 L0 240 L0 0 Z"
 POCOOR="0 0 0 0 340 0 340 0 340 0 340 0 340 240 340 240 340 240 340 240 0 240 0 240 0 240 0 240 0 0 0 0"/>
</DOCUMENT></SCRIBUSUTF8NEW>"""


def leaflet(path):
    with open(path, "w", encoding="utf-8") as f:
        f.write(SCRIBUS)


MESSAGE = """From alice@example.org Thu Jan  1 00:00:00 2026
From: Alice <alice@example.org>
To: bob@example.org
Subject: A small letter
Date: Thu, 01 Jan 2026 00:00:00 +0000
Message-ID: <1@example.org>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

It works.
"""


def session(path):
    """One of SpeedCrunch's."""
    with open(path, "w", encoding="utf-8") as f:
        f.write('{"version": 1200, "calculations": [{"expression": "40+2", "value": {"type": "Number", "value": "42"}}]}\n')


def message(path):
    with open(path, "w", encoding="utf-8") as f:
        f.write(MESSAGE.partition("\n")[2])


MAKERS = {"note.txt": text, "session.json": session, "other.txt": other_text, "table.csv": csv, "picture.png": picture,
          "report.pdf": pdf, "drawing.svg": svg, "page.html": html, "tone.wav": tone,
          "archive.zip": archive, "letter.odt": odt, "sums.ods": ods, "book.epub": epub,
          "people.sqlite": database, "secrets.kdbx": passwords, "leaflet.sla": leaflet,
          "letter.eml": message}
MAKERS_THAT_KNOW = {"file.torrent": torrent}  # what runs beside the app


def write(name, folder, visit):
    path = os.path.join(folder, name)
    if os.path.exists(path):
        return path
    if name in MAKERS:
        MAKERS[name](path)
    else:
        MAKERS_THAT_KNOW[name](path, visit)
    return path
