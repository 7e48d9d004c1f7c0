"""The page about the faults, from the verdicts of a whole run.

It holds no time and no seed, and of numbers only what is stated beforehand, so that two
runs in which nothing is unexplained write the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tests.faults.catalogue import FAULTS
from tests.faults.matrix import Verdict
from tests.faults.operations import OPERATIONS, PATIENCE, Family
from tests.faults.rules import ATTEMPTS, pair_of
from tests.faults.table import Fault

_HEAD = """\
# What comes of faults

`make faults` writes this page. It puts a proxy on TCP between the client and a
simulated Enterprise Manager, and has every fault below meet every operation, over plain
TCP and over TLS, on both transports, once and again and again. Each of these cells says
beforehand what must come out, after how many requests at most, and how many logon
sessions may stay at the server; after each no task and no socket is left, and a plain
request works. A fault that makes no sense for an operation must change nothing.

A cell is run alone by `python -m tests.faults --only FAULT,OPERATION,tls,direct --seed
N`; a part is whole, or empty for all of its kind; `plain` and `aiohttp` are the others.
`make test` runs some of them, chosen by a seed that it prints. Faults that strike again
and again have a `+` behind their names.
"""

_WORDS = """\
## How to read it

*result* is the true one, compared with what an undisturbed client gets. The others are
the errors of this library that are raised: what the caller of the operation sees, after
the client's own attempts ({attempts} in these cells). Where a column has two, the first
is what comes where the fault strikes once, the second where it strikes again and again.

- **read** is one request for one thing, or a list in one piece; **list** a query over
  pages; **fetch** many sessions at once, of which one meets the fault.
- **wait** is whatever looks until something has happened. It outlives what may pass,
  and ends by its own time-out ({patience:g} s here) where the fault stays.
- **act** is a POST that is sent at most once; **start** says `StartUnconfirmed` where
  nobody knows whether the job was started.
- **logon** is the POST of the credentials, **leave** the logout, which raises nothing.

A logon session stays at the server, until it idles out, in two cases alone: its token
never came, not even in the head of an answer that was cut, or no logout reaches the
server, which may also refuse it.
"""

_FAMILIES = {
    Family.READ: "get",
    Family.LIST: "query",
    Family.FETCH: "fetch",
    Family.WATCH: "watch",
    Family.ACTION: "stop-job",
    Family.START: "start",
    Family.LOGON: "open",
    Family.LEAVE: "leave",
}
"""The operation that stands for each family in the table."""

_KINDS = {
    "cut": "The connection ends in the middle",
    "bytes": "What comes is odd, or no HTTP",
    "connection": "A new connection fails",
    "TLS": "TLS fails (over plain TCP nothing is wrong)",
    "status": "Another status comes",
    "header": "A header is odd",
    "body": "The body is not what was asked for",
    "logon": "A token, or the credentials, are refused",
    "page": "A page is odd",
    "answer": "The answer is about something else",
    "text": "A text holds what it must not",
}


def page_of(verdicts: Sequence[Verdict]) -> str:
    """The text of the page."""
    parts = [
        _HEAD,
        *_counts(verdicts),
        _WORDS.format(attempts=ATTEMPTS, patience=PATIENCE),
        *_operations(verdicts),
        *_faults(),
    ]
    return "\n".join(parts) + "\n"


# ------------------------------------------------------------- counts


def _counts(verdicts: Sequence[Verdict]) -> Iterator[str]:
    wrong = sum(bool(each.wrong) for each in verdicts)
    left = sum(each.may_leave for each in verdicts)
    yield "## Counts\n"
    yield from _table(
        ("what", "number"),
        [
            ("faults, once and again and again", len(FAULTS)),
            ("operations", len(OPERATIONS)),
            ("cells run", len(verdicts)),
            ("skipped", 0),
            ("unexplained", wrong),
            ("cells that may leave a logon session", left),
            ("requests that a cell may take at most", max(_most(verdicts))),
        ],
    )
    yield "### By kind of fault\n"
    kinds = {fault.name: fault.kind for fault in FAULTS}
    yield from _table(
        ("kind", "faults", "cells", "unexplained"),
        [
            (
                _KINDS[kind],
                sum(fault.kind == kind for fault in FAULTS),
                *_of(each for each in verdicts if kinds[each.fault] == kind),
            )
            for kind in _KINDS
            if kind in kinds.values()
        ],
    )


def _most(verdicts: Iterable[Verdict]) -> list[int]:
    # In tens: one look more or less depends on when in its interval a watch began.
    return [-(-each.most // 10) * 10 for each in verdicts] or [0]


def _of(verdicts: Iterable[Verdict]) -> tuple[int, int]:
    chosen = list(verdicts)
    return len(chosen), sum(bool(each.wrong) for each in chosen)


def _operations(verdicts: Sequence[Verdict]) -> Iterator[str]:
    yield "## Operations\n"
    rows = []
    for operation in OPERATIONS:
        own = [each for each in verdicts if each.operation == operation.name]
        good = sum(each.outcomes == {"result"} for each in own)
        rows.append(
            (
                f"`{operation.name}`",
                f"`{operation.call}`",
                _family_word(operation.family),
                *_of(own),
                good,
                max(_most(own)),
            )
        )
    yield from _table(
        (
            "name",
            "operation",
            "kind",
            "cells",
            "unexplained",
            "that must give the result",
            "requests at most",
        ),
        rows,
    )


# ------------------------------------------------------------- faults


def _faults() -> Iterator[str]:
    yield "## Faults, and what must come of each\n"
    once = [fault for fault in FAULTS if not fault.lasting]
    for kind, title in _KINDS.items():
        of_kind = [fault for fault in once if fault.kind == kind]
        if of_kind:
            yield f"### {title}\n"
            yield from _table(
                ("name", "fault", *(_family_word(each) for each in _FAMILIES)),
                [_fault_row(fault) for fault in of_kind],
            )


def _fault_row(fault: Fault) -> tuple[str, ...]:
    by_name = {operation.name: operation for operation in OPERATIONS}
    cells = [
        _both(pair_of(fault, by_name[name], is_tls=True, transport="direct"))
        for name in _FAMILIES.values()
    ]
    return (f"`{fault.name}`", fault.says, *cells)


def _both(pair: tuple[frozenset[str], frozenset[str]]) -> str:
    first, second = (" or ".join(sorted(each)) for each in pair)
    return first if first == second else f"{first}; {second}"


def _family_word(family: Family) -> str:
    return {Family.WATCH: "wait", Family.POLL: "wait", Family.ACTION: "act"}.get(
        family, str(family)
    )


def _table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield _row(head)
    yield _row(["---"] * len(head))
    for row in rows:
        yield _row(row)
    yield ""


def _row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(each).replace("|", "\\|") for each in cells) + " |"
