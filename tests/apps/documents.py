# SPDX-License-Identifier: LGPL-2.1-or-later
"""Documents of many kinds, made as small as they can be. Where they have a colour it is RED."""
import math
import os
import struct
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


MAKERS = {"note.txt": text, "table.csv": csv, "picture.png": picture, "report.pdf": pdf,
          "drawing.svg": svg, "page.html": html, "tone.wav": tone, "archive.zip": archive,
          "letter.odt": odt, "book.epub": epub}


def write(name, folder):
    path = os.path.join(folder, name)
    MAKERS[name](path)
    return path
