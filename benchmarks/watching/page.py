"""WATCH.md: the table, with how it was measured."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.target import Row, markdown

HEAD = ("what", "target", "measured", "ratio", "")
_FACTS = ("processor", "system", "Python", "aiohttp", "orjson", "uvloop")
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


def page(
    rows: Sequence[Row], machine: dict[str, str], *, minutes: float, quick: bool
) -> str:
    """Write the whole page."""
    facts = [f"{name}: {machine[name]}" for name in _FACTS if name in machine]
    facts.append(f"{minutes:.1f} minutes")
    if quick:
        facts.append("**a quick run**: too short to be quoted")
    listed = "".join(f"- {fact}\n" for fact in facts)
    table = markdown(HEAD, map(cells, rows))
    return f"# Watching at scale\n\n{listed}\n{table}\n{_HOW}"


def cells(row: Row) -> tuple[str, ...]:
    """Write a row as a line of a table under `HEAD`."""
    ratio = "" if row.value is None else _ratio(row.value, row.unit)
    return row.what, row.wanted, row.figures, ratio, row.verdict


def _ratio(ratio: float, unit: str) -> str:
    """Write a small ratio as the part that it is, and an amount with its unit."""
    if unit:
        return f"{ratio:.2f}{unit}"
    if 0 < ratio < 0.2:
        return f"1/{1 / ratio:.1f}"
    return f"{ratio:.2f}" if ratio != 1 else "1"
