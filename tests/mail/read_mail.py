#!/usr/bin/env python3
"""Reads a mail from standard input with Python's own library, and prints what a reader of it sees as JSON."""

import email
import email.policy
import json
import re
import struct
import sys
import zlib
from html.parser import HTMLParser


class Shown(HTMLParser):
    """The rows of all tables as texts, and what the page would load or lead to."""

    def __init__(self):
        super().__init__()
        self.rows, self.loads, self.links, self.cell = [], [], [], None

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.cell = ""
        elif tag in ("img", "script", "link", "iframe", "video", "audio", "source", "embed", "object"):
            self.loads.append([tag, attributes.get("src") or attributes.get("href") or ""])
        elif tag == "a":
            self.links.append(attributes.get("href"))
        if "url(" in (attributes.get("style") or ""):
            self.loads.append(["style", attributes["style"]])

    def handle_endtag(self, tag):
        if tag in ("td", "th") and self.cell is not None:
            if self.rows:
                self.rows[-1].append(" ".join(self.cell.split()))
            self.cell = None

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data


def picture(png):
    """A PNG's size, and how many different colours its pixels have."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n", png[:8]
    width, height, depth, kind = struct.unpack(">IIBB", png[16:26])
    assert (depth, kind) == (8, 6), (depth, kind)
    data, at = b"", 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        name, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert zlib.crc32(name + body) == struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0]
        data += body if name == b"IDAT" else b""
        at += 12 + length
    raw, stride, line, colours = zlib.decompress(data), width * 4, bytes(width * 4), set()
    for row in range(height):
        start = row * (stride + 1)
        how, now = raw[start], bytearray(raw[start + 1 : start + 1 + stride])
        for i in range(stride):
            left, up = (now[i - 4] if i >= 4 else 0), line[i]
            corner = line[i - 4] if i >= 4 else 0
            paeth = min((abs(up - corner), 0, left), (abs(left - corner), 1, up), (abs(left + up - 2 * corner), 2, corner))[2]
            now[i] = (now[i] + (0, left, up, (left + up) // 2, paeth)[how]) & 255
        line = bytes(now)
        colours.update(line[i : i + 4] for i in range(0, stride, 40))
    return {"width": width, "height": height, "colours": len(colours)}


mail = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
shown = Shown()
plain = mail.get_body(("plain",))
html = mail.get_body(("html",))
shown.feed(html.get_content())
pictures = {part["Content-ID"].strip("<>"): part for part in mail.walk() if part.get_content_type() == "image/png"}
loads = [[tag, source] for tag, source in shown.loads if not (source.startswith("cid:") and source[4:] in pictures)]
print(
    json.dumps(
        {
            "headers": {name.lower(): str(value) for name, value in mail.items()},
            "text": plain.get_content(),
            "html": html.get_content(),
            "rows": [row for row in shown.rows if len(row) > 1],
            "links": shown.links,
            # What would be asked of a server when it is opened.
            "loads": loads,
            "pictures": [picture(part.get_content()) for part in pictures.values()],
            "types": [part.get_content_type() for part in mail.walk()],
            "script": bool(re.search("<script|javascript:", html.get_content())),
        }
    )
)
