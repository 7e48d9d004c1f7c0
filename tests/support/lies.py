"""Pages of a list that do not hold what an earlier page promised."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from tests.support.query_server import QueryServer

Lie = Callable[[dict[str, Any], dict[str, Any]], object]
"""Makes another JSON value of a page and the first page that came."""


def told(page: dict[str, Any], **paging: int | None) -> dict[str, Any]:
    """Tell something else of a *page* than is so; None leaves it out."""
    page["PagingInfo"] |= paging
    return page


def bare(page: dict[str, Any], **paging: int) -> dict[str, Any]:
    """Take the rows from a *page*."""
    page["Entities"]["BackupJobSessions"] = {"BackupJobSessions": []}
    return told(page, **paging)


def only(entities: object) -> Lie:
    """Say that there is one page, whose rows are spelled as *entities*."""
    return lambda page, _: told(page, PageNum=1, PagesCount=1) | {"Entities": entities}


def number_of(page: dict[str, Any]) -> int:
    """The number that a *page* gives itself."""
    number: int = page["PagingInfo"]["PageNum"]
    return number


LIES: dict[str, Lie] = {
    "an object": lambda *_: {},
    "null": lambda *_: None,
    "a list": lambda *_: [],
    "an error": lambda *_: {"Message": "Object reference not set", "StatusCode": 500},
    "no rows, 1 of 1": lambda page, _: bare(page, PageNum=1, PagesCount=1),
    "no rows, 1 of 0": lambda page, _: bare(page, PageNum=1, PagesCount=0),
    "no rows, 0 of 0": lambda page, _: bare(page, PageNum=0, PageSize=0, PagesCount=0),
    "no rows, its number of 1": lambda page, _: bare(page, PagesCount=1),
    "no rows, its number of all": lambda page, _: bare(page),
    "no rows, nothing told": lambda page, _: bare(page) | {"PagingInfo": None},
    "Entities {}": only({}),
    "Entities null": only(None),
    "Entities []": only([]),
    "sessions null": only({"BackupJobSessions": None}),
    "sessions {}": only({"BackupJobSessions": {}}),
    "sessions []": only({"BackupJobSessions": []}),
    "inner null": only({"BackupJobSessions": {"BackupJobSessions": None}}),
    "jobs": only({"Jobs": {"Jobs": []}}),
    "no PagingInfo": lambda page, _: page | {"PagingInfo": None},
    "PagingInfo {}": lambda page, _: page | {"PagingInfo": {}},
    "page 1": lambda _, first: first,
    "page 1 of 1": lambda _, first: told(first, PagesCount=1),
    "page 1 by its number": lambda page, first: told(first, PageNum=number_of(page)),
    "page 1 by its number of 1": lambda page, first: told(
        first, PageNum=number_of(page), PagesCount=1
    ),
    "of 1": lambda page, _: told(page, PagesCount=1),
    "of 0": lambda page, _: told(page, PagesCount=0),
    "of -5": lambda page, _: told(page, PagesCount=-5),
    "of one fewer": lambda page, _: told(
        page, PagesCount=page["PagingInfo"]["PagesCount"] - 1
    ),
    "of as many as its number": lambda page, _: told(page, PagesCount=number_of(page)),
    "of a trillion": lambda page, _: told(page, PagesCount=10**12),
    "the next number": lambda page, _: told(page, PageNum=number_of(page) + 1),
    "number 0": lambda page, _: told(page, PageNum=0),
    "number null": lambda page, _: told(page, PageNum=None),
}


def lying(
    server: QueryServer, since: int, choose: Callable[[], str | None]
) -> QueryServer:
    """Have a *server* tell lies from a query on: those that *choose* names."""
    first: list[dict[str, Any]] = []

    def twist(query: int, page: dict[str, Any]) -> object:
        if not first:
            first.append(copy.deepcopy(page))
        lie = choose() if query >= since else None
        return page if lie is None else LIES[lie](page, copy.deepcopy(first[0]))

    server.twist = twist
    return server
