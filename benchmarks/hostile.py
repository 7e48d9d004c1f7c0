"""Decode what a hostile server could send, and watch how long the event loop stands.

Each body is about 4 MiB. One line each: how long `decode_aside` took, the largest gap
between two beats of a task that only sleeps (how long everything else had to wait),
and what became of the body. The aim: no gap above 50 ms for XML.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import time
from collections.abc import Callable, Iterator

from veeam_async.codec import decode_aside
from veeam_async.errors import DecodeError
from veeam_async.models import BackupJobSession, Page

Bodies = dict[str, Callable[[int], bytes]]

_BEAT = 0.001
_SHOWN = 56
_DOCTYPE = b"<!DOCTYPE BackupJobSession ["


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--mib", type=int, default=4, help="size of a body (4)")
    parser.add_argument("--aim", type=float, default=50, help="longest gap in ms (50)")
    parser.add_argument("--repeat", type=int, default=3, help="the worst of N runs (3)")
    options = parser.parse_args()
    print(f"{'body':34} {'MiB':>5} {'took':>9} {'loop stood':>11}  outcome")
    for name, make in {**XML, **JSON}.items():
        body = make(options.mib * 2**20)
        runs = [asyncio.run(_measure(body)) for _ in range(options.repeat)]
        took, stood, outcome = max(runs, key=lambda run: run[1])
        mark = "!" if stood * 1e3 > options.aim and name in XML else " "
        print(
            f"{name:34} {len(body) / 2**20:5.1f} {took * 1e3:6.0f} ms"
            f" {stood * 1e3:8.0f} ms{mark} {outcome}",
            flush=True,
        )


async def _measure(body: bytes) -> tuple[float, float, str]:
    gaps: list[float] = []
    heart = asyncio.create_task(_beat(gaps))
    await asyncio.sleep(_BEAT * 5)
    gaps.clear()
    began = time.perf_counter()
    outcome = await _outcome(body)
    took = time.perf_counter() - began
    await asyncio.sleep(_BEAT * 5)
    heart.cancel()
    return took, max(gaps), outcome


async def _beat(gaps: list[float]) -> None:
    last = time.perf_counter()
    while True:
        await asyncio.sleep(_BEAT)
        now = time.perf_counter()
        gaps.append(now - last - _BEAT)
        last = now


async def _outcome(body: bytes) -> str:
    try:
        await decode_aside(body, None, Page[BackupJobSession])
    except DecodeError as error:
        return error.problems[0][:_SHOWN]
    return "decoded"


def _filled(start: bytes, item: bytes, end: bytes) -> Callable[[int], bytes]:
    """Give a maker of bodies: *item* over and over between *start* and *end*."""

    def make(size: int) -> bytes:
        return start + item * (size // len(item)) + end

    return make


def _counted(start: bytes, item: str, end: bytes) -> Callable[[int], bytes]:
    """Give a maker of bodies whose items each carry a number of their own."""

    def make(size: int) -> bytes:
        return start + b"".join(_numbered(item, size)) + end

    return make


def _numbered(item: str, size: int) -> Iterator[bytes]:
    for number in itertools.count():
        made = item.format(number).encode()
        size -= len(made)
        if size < 0:
            return
        yield made


def _laughs(_size: int) -> bytes:
    more = b"".join(
        b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10)
    )
    return _DOCTYPE + b'<!ENTITY a0 "ha">' + more + b"]><QueryResult>&a9;</QueryResult>"


_ROW = (
    '<BackupJobSession UID="urn:veeam:BackupJobSession:{0:08x}-0000-4000-8000-'
    '000000000000" Name="n" Type="BackupJobSession" Href="h"><Links><Link Rel="Up" '
    'Href="h" /><Link Rel="Up" Href="h" /></Links><JobType>Backup</JobType>'
    "<CreationTimeUTC>2026-01-01T00:00:00Z</CreationTimeUTC><State>Working</State>"
    "<Progress>1</Progress></BackupJobSession>"
)
_PAGE, _PAGE_END = b"<BackupJobSessions>", b"</BackupJobSessions>"

XML: Bodies = {
    "good rows": _counted(_PAGE, _ROW, _PAGE_END),
    "rows that lack everything": _filled(_PAGE, b"<BackupJobSession/>", _PAGE_END),
    "white space alone": _filled(b"", b" ", b""),
    "HTML page": _filled(b"<!DOCTYPE html><html>", b"<p>no</p>", b"</html>"),
    "DOCTYPE, ATTLIST flood": _counted(
        _DOCTYPE, '<!ATTLIST a b{} CDATA "">', b"]><a/>"
    ),
    "billion laughs": _laughs,
    "deep nesting": _filled(b"<a>", b"<a>", b""),
    "65 levels, then siblings": _filled(b"<a>" * 64, b"<b/>", b"</a>" * 64),
    "a million elements": _filled(_PAGE, b"<a/>", _PAGE_END),
    "elements within elements": _filled(_PAGE, b"<a><b/></a>", _PAGE_END),
    "63 levels, over and over": _filled(_PAGE, b"<a>" * 63 + b"</a>" * 63, _PAGE_END),
    "elements of ever new names": _counted(_PAGE, "<a{}/>", _PAGE_END),
    "one element, many attributes": _counted(b"<BackupJobSessions", ' a{}=""', b"/>"),
    "many elements, many attributes": _counted(
        _PAGE, "<a " + " ".join(f'a{n}=""' for n in range(60)) + ' x="{}"/>', _PAGE_END
    ),
    "many tags of 250 KiB": _filled(
        _PAGE,
        b"<a" + b"".join(b' a%d=""' % n for n in range(27_000)) + b"/>",
        _PAGE_END,
    ),
    "one giant text": _filled(_PAGE, b"x", _PAGE_END),
    "one giant text of references": _filled(_PAGE, b"&lt;", _PAGE_END),
    "one giant attribute": _filled(b'<BackupJobSessions a="', b"x", b'"/>'),
    "one giant name": _filled(b"<", b"a", b"/>"),
    "one giant comment": _filled(b"<!--", b"x", b"--><a/>"),
    "not UTF-8": _filled(_PAGE, b"x", b"\xff" + _PAGE_END),
    "unknown encoding": _filled(
        b'<?xml version="1.0" encoding="x-evil"?><a>', b"x", b"</a>"
    ),
    "cut in the middle": _counted(_PAGE, _ROW, b"<State>Wor"),
}

JSON: Bodies = {
    "JSON good rows": _counted(
        b'{"BackupJobSessions":[',
        '{{"UID":"urn:veeam:BackupJobSession:{0:08x}-0000-4000-8000-000000000000",'
        '"JobType":"Backup","CreationTimeUTC":"2026-01-01T00:00:00Z",'
        '"State":"Working"}},',
        b'{"UID":"urn:veeam:BackupJobSession:ffffffff-0000-4000-8000-000000000000",'
        b'"JobType":"Backup","CreationTimeUTC":"2026-01-01T00:00:00Z",'
        b'"State":"Working"}]}',
    ),
    "JSON rows that lack everything": _filled(
        b'{"BackupJobSessions":[', b"{},", b"{}]}"
    ),
    "JSON deep nesting": _filled(b'{"a":', b"[", b"}"),
    "JSON wrapped a thousand times": lambda _: (
        b'{"Entities":' * 1000 + b"{}" + b"}" * 1000
    ),
    "JSON a million numbers": _filled(b'{"BackupJobSessions":[', b"1,", b"1]}"),
    "JSON a million keys": _counted(b"{", '"k{}":1,', b'"end":1}'),
    "JSON cut in the middle": _filled(b'{"BackupJobSessions":[', b'{"a":1},', b'{"b":'),
}


if __name__ == "__main__":
    main()
