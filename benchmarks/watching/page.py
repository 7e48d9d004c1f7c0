"""The table, for a terminal and for WATCH.md, with how it was measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.watching.rows import Row

_HEAD = ("what", "target", "measured", "ratio", "")
_HOW = """\
`make bench-watch` measured all of this on one machine in one run, each part in a fresh
process; `watch.json` holds the same numbers and more. Every target is a ratio within
that run, or the memory of a session.

- The first rows are on real time: the server is a process of its own, on another
  processor. It ends 2 % of its sessions and starts as many in each interval, evenly,
  and keeps a log of what changed when; both processes share the machine's clock. A
  session has six links; a page has 100.
- A round is one interval. What a round costs is taken over all rounds between two
  marks, set in the middle between two of them: requests by the server's count, CPU by
  the client's process, with all its threads and the caller's loop.
- *Decoding its pages alone* is the public decoder over the very bodies of the last
  round, times the bytes of all rounds.
- A delay ends when the event is in the caller's hand; *seen* is its `observed_at`.
- The waits and the lone loops (`get`, then `sleep`) each have a server of their own
  with just their sessions, and run at the same time.
- The managers have `tls=True`, which here trusts the authorities of the system and
  one more, the server's. Each has 100 sessions to watch, and connections and a logon
  of its own; one server stands for all of theirs.
- The memory is the peak that was resident in a process that does nothing else, when
  each session had been looked at four times, every two seconds, and so was replaced.
- The last rows are on a fake clock, in one loop, over a scripted server without a wire
  and an interval of 60 s. A session of the week takes one to ten minutes. Memory is
  measured after a collection: what is resident, in which everything is but also the
  interpreter, and the blocks that Python's allocator gave out since the watch began.
"""


def table(rows: Sequence[Row]) -> str:
    """Write the table in columns."""
    lines = [_HEAD, *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(n) for text, n in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def page(
    rows: Sequence[Row], machine: dict[str, str], *, minutes: float, quick: bool
) -> str:
    """Write the whole page."""
    known = ("processor", "system", "Python", "aiohttp", "orjson", "uvloop")
    facts = [f"{name}: {machine[name]}" for name in known if name in machine]
    facts.append(f"{minutes:.1f} minutes")
    if quick:
        facts.append("**a quick run**: too short to be quoted")
    listed = "".join(f"- {fact}\n" for fact in facts)
    return f"# Watching at scale\n\n{listed}\n{_markdown(rows)}\n\n{_HOW}"


def _markdown(rows: Iterable[Row]) -> str:
    lines = [_HEAD, ("---",) * len(_HEAD), *map(_cells, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    ratio = "" if row.ratio is None else _ratio(row)
    return row.what, row.bound, row.figures, ratio, row.verdict


def _ratio(row: Row) -> str:
    """Write a small ratio as the part that it is, and an amount with its unit."""
    ratio = row.ratio or 0.0
    if row.unit:
        return f"{ratio:.2f}{row.unit}"
    if 0 < ratio < 0.2:
        return f"1/{1 / ratio:.1f}"
    return f"{ratio:.2f}" if ratio != 1 else "1"
