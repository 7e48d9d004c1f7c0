"""A scripted server of queries whose rows tie, move and vanish as a test says."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from math import ceil
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs

from tests.support.bodies import behind_logon, error, row
from tests.support.fault_server import Act, Answer, Asked

_SINCE = re.compile(r'CreationTime>="([^"]+)"')


def seeded(seed: int) -> random.Random:
    """Draw the same for a seed each time."""
    return random.Random(seed)  # noqa: S311 - it sorts rows, and keeps no secret


def page_body(rows: Iterable[Any], paging: Mapping[str, int] | None) -> bytes:
    """Write a page that holds *rows*, as JSON."""
    info: dict[str, Any] | None = None
    if paging is not None:
        names = {"num": "PageNum", "size": "PageSize", "count": "PagesCount"}
        info = {names[key]: value for key, value in paging.items()} | {"Links": []}
    entities = {"Jobs": None, "BackupJobSessions": {"BackupJobSessions": list(rows)}}
    page = {"Refs": None, "Entities": entities, "Resources": None, "PagingInfo": info}
    return json.dumps(page).encode()


@attrs.define
class QueryServer:
    """Sessions by their numbers, and the second after noon at which each was created.

    It selects by time of creation and sorts by that. *cap* is the most rows of a page,
    told in its PageSize unless *is_mute*; *shuffle* sorts rows of one time otherwise on
    each page. *meanwhile* is called before each query but the first, *spoil* may give
    an answer in place of the page (number of the query from 1, number of the page),
    *twist* another JSON value in place of the page's (number of the query, the page).
    More than *most* rows, and unless it *takes_key* a time of creation, it answers with
    *refusal*. *nulls* come as rows that cannot be read; *state* is that of all,
    and *others* answers what is no query.
    """

    at: dict[int, float]
    cap: int = 10_000
    is_mute: bool = False
    shuffle: random.Random | None = None
    meanwhile: Callable[[dict[int, float]], object] | None = None
    spoil: Callable[[int, int], Act | None] | None = None
    twist: Callable[[int, dict[str, Any]], object] | None = None
    takes_key: bool = True
    refusal: int = 400
    most: int = 10_000
    nulls: frozenset[int] = frozenset()
    is_sorted: bool = True
    state: str = "Stopped"
    others: Callable[[Asked], Act] | None = None
    queries: list[dict[str, str]] = attrs.field(factory=list)

    @property
    def script(self) -> Callable[[Asked], Act]:
        """What a FaultServer plays."""
        return behind_logon(self._choose)

    def _choose(self, asked: Asked) -> Act:
        if self.others is not None and "/query" not in asked.target:
            return self.others(asked)
        parts = parse_qs(urlsplit(asked.target).query)
        terms = {name: values[0] for name, values in parts.items()}
        if self.queries and self.meanwhile is not None:
            self.meanwhile(self.at)
        self.queries.append(terms)
        number = int(terms["page"])
        spoilt = self.spoil and self.spoil(len(self.queries), number)
        return spoilt or self._page(terms, number)

    def _page(self, terms: Mapping[str, str], number: int) -> Act:
        since = _SINCE.search(terms.get("filter", ""))
        if (since and not self.takes_key) or int(terms["pageSize"]) > self.most:
            return error(self.refusal, "The filter is invalid.")
        found = [row(each, at=at, state=self.state) for each, at in self._sorted(terms)]
        if since:
            after = datetime.fromisoformat(since[1])
            found = [each for each in found if _time(each) >= after]
        size = min(int(terms["pageSize"]), self.cap)
        told = int(terms["pageSize"]) if self.is_mute else size
        paging = {
            "num": number,
            "size": told,
            "count": max(1, ceil(len(found) / size)),
        }
        unreadable = {f"Mail servers@{each}" for each in self.nulls}
        shown = [
            None if each["Name"] in unreadable else each
            for each in found[(number - 1) * size : number * size]
        ]
        body = page_body(shown, paging)
        if self.twist is not None:
            body = json.dumps(self.twist(len(self.queries), json.loads(body))).encode()
        return Answer(body=body)

    def _sorted(self, terms: Mapping[str, str]) -> list[tuple[int, float]]:
        if not self.is_sorted:
            return list(self.at.items())
        ties = self.shuffle.random if self.shuffle else float
        is_by_time = "CreationTime" in (terms.get("sortAsc"), terms.get("sortDesc"))
        keyed = [(at if is_by_time else 0, ties(), n, at) for n, at in self.at.items()]
        ordered = sorted(keyed, reverse="sortDesc" in terms)
        return [(number, at) for *_, number, at in ordered]


def _time(row: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(row["CreationTimeUTC"])
