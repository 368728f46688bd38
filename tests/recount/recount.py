"""Counts a log or an events file from the written definitions, without any of Footfall's code: the imports' oracle.

Usage: recount.py combined|events FILE ROBOTS_RS TIMEZONE_OFFSET_HOURS
Prints one JSON object. Only the table of robots' names is shared with the program: it is data, read from its source.
"""
import collections
import datetime
import json
import re
import sys
from urllib.parse import urlsplit

STATIC = set(
    "7z apk atom avi avif bin bmp br bz2 class css csv cur deb dmg doc docx eot eps exe flac flv gif gz heic ico iso jar "
    "jpeg jpg js json m3u8 m4a m4v map mid mjs mkv mov mp3 mp4 mpeg mpg msi ogg ogv otf pdf pkg png ppt pptx ps rar rdf rpm "
    "rss svg swf tar tgz tif tiff ts ttf txt wasm wav webm webmanifest webp wmv woff woff2 xls xlsx xml xz zip zst".split()
)
LINE = re.compile(
    r'^(\S+) \S+ .*?\[([^\]]+)\] "((?:[^"\\]|\\.)*)" (\d{3}) (?:\d+|-)(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)")?$'
)
IDLE = datetime.timedelta(minutes=30)


class Robots:
    def __init__(self, source):
        text = open(source, encoding="utf-8").read()
        self.products = dict(re.findall(r'\("([^"]+)", (Automation|Declared|Library)\)', text))
        self.endings = re.findall(r'"(\w+)"', text.split("CRAWLER_ENDINGS")[1].split("= [")[1].split("]")[0])
        self.spared = re.findall(r'"(\w+)"', text.split("NO_CRAWLER")[1].split("= [")[1].split("]")[0])

    def of(self, agent):
        if not agent.strip(' \t-"'):
            return "nameless"
        found = {self.word(word) for word in re.split(r"[ /;(),+\[\]]", agent.lower())} - {None}
        for kind in ("Automation", "Declared", "Library"):
            if kind in found:
                return kind.lower()
        return None

    def word(self, word):
        if len(word) < 3:
            return None
        if word in self.products:
            return self.products[word]
        parts = re.split(r"[-_.:]", word)
        if any(part not in self.spared and part.endswith(tuple(self.endings)) for part in parts):
            return "Declared"
        return None


def unescaped(field):
    """Apache and nginx write bytes that could break a line as \\xHH."""
    plain = re.sub(rb"\\x([0-9a-fA-F]{2})|\\([\"\\])", lambda m: bytes([int(m[1], 16)]) if m[1] else m[2], field.encode())
    return plain.decode("utf-8", errors="replace")


def bare(host):
    host = host.lower().rstrip(".")
    return host[4:] if host.startswith("www.") else host


def referrer_of(url, site):
    if not url or url == "-":
        return ""
    try:
        parts = urlsplit(url)
        host = bare(parts.hostname or "")
    except ValueError:
        return ""
    if "\ufffd" in host:
        return ""
    if parts.scheme not in ("http", "https") or not host or host == bare(site):
        return ""
    return host


def from_combined(lines, site, robots, refused, bots):
    for line in lines:
        match = LINE.match(line.rstrip("\r\n"))
        if not match:
            refused["malformed"] += 1
            continue
        address, time, request, status, referrer, agent = match.groups()
        referrer = unescaped(referrer or "")
        agent = "(not logged)" if agent is None else unescaped(agent)
        words = request.split(" ")
        path = re.split(r"[?#]", words[1])[0] if len(words) > 1 else ""
        ending = re.search(r"\.([A-Za-z0-9]+)$", path.rsplit("/", 1)[-1])
        if words[0] != "GET":
            refused["method"] += 1
        elif not (200 <= int(status) <= 299 or status == "304"):
            refused["status"] += 1
        elif ending and ending.group(1).lower() in STATIC:
            refused["static_file"] += 1
        elif robots.of(agent):
            bots[robots.of(agent)] += 1
        else:
            when = datetime.datetime.strptime(time, "%d/%b/%Y:%H:%M:%S %z")
            yield when, address, agent, "pageview", path or "/", referrer_of(referrer, site), 0


def from_events(lines, site, robots, refused, bots):
    for line in lines:
        event = json.loads(line)
        if robots.of(event["user_agent"]):
            bots[robots.of(event["user_agent"])] += 1
            continue
        when = datetime.datetime.fromisoformat(event["timestamp"].replace("Z", "+00:00"))
        path = urlsplit(event["url"]).path or "/"
        referrer = referrer_of(event.get("referrer"), site)
        yield when, event["ip"], event["user_agent"], event["name"], path, referrer, event.get("e", 0)


def main():
    kind, file, source, hours = sys.argv[1:5]
    site = "example.com"
    zone = datetime.timezone(datetime.timedelta(hours=float(hours)))
    refused, bots = collections.Counter(), collections.Counter()
    read = {"combined": from_combined, "events": from_events}[kind]
    with open(file, encoding="utf-8", errors="replace") as lines:
        hits = list(read(lines, site, Robots(source), refused, bots))
    counted = len(hits)
    hits.sort(key=lambda hit: hit[0])

    people = collections.defaultdict(list)
    for hit in hits:
        people[(hit[0].astimezone(zone).date(), hit[1], hit[2])].append(hit)
    totals, pages, entries, exits, referrers, days = (collections.Counter() for _ in range(6))
    page_visitors = collections.Counter()
    for (day, _, _), theirs in people.items():
        acts = [hit for hit in theirs if hit[3] != "engagement"]
        totals["engaged_ms"] += sum(hit[6] for hit in theirs)
        if not acts:
            continue
        totals["visitors"] += 1
        days[str(day)] += 1
        visits = [[acts[0]]]
        for hit in acts[1:]:
            if hit[0] - visits[-1][-1][0] > IDLE:
                visits.append([])
            visits[-1].append(hit)
        for page in {hit[4] for hit in acts}:
            page_visitors[page] += 1
        for visit in visits:
            views = [hit for hit in visit if hit[3] == "pageview"]
            totals["visits"] += 1
            totals["pageviews"] += len(views)
            totals["events"] += len(visit)
            totals["bounces"] += len(visit) == 1 and len(views) == 1
            totals["visit_seconds"] += int((visit[-1][0] - visit[0][0]).total_seconds())
            referrers[visit[0][5]] += 1
            for view in views:
                pages[view[4]] += 1
            if views:
                entries[views[0][4]] += 1
                exits[views[-1][4]] += 1
    json.dump(
        {
            "counted": counted,
            "refused": refused,
            "bots": bots,
            "totals": totals,
            "days": days,
            "pages": pages,
            "page_visitors": page_visitors,
            "entries": entries,
            "exits": exits,
            "referrer_hosts": referrers,
        },
        sys.stdout,
    )


main()
