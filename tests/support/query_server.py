"""A scripted server of queries whose rows tie, move and vanish as a test says."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import attrs

from tests.support.bodies import NOON, behind_logon, error, paged, row, said
from tests.support.fault_server import Act, Asked

_SINCE = re.compile(r'CreationTime>="([^"]+)"')


def seeded(seed: int) -> random.Random:
    """Draw the same for a seed each time."""
    return random.Random(seed)  # noqa: S311 - it sorts rows, and keeps no secret


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

    def __call__(self, asked: Asked) -> Act:
        """Answer a request."""
        return behind_logon(self._choose)(asked)

    def _choose(self, asked: Asked) -> Act:
        if self.others is not None and asked.path != "/query":
            return self.others(asked)
        if self.queries and self.meanwhile is not None:
            self.meanwhile(self.at)
        self.queries.append(asked.terms)
        number = int(asked.terms["page"])
        spoilt = self.spoil and self.spoil(len(self.queries), number)
        return spoilt or self._page(asked)

    def _page(self, asked: Asked) -> Act:
        wanted = int(asked.terms["pageSize"])
        since = _SINCE.search(self.queries[-1].get("filter", ""))
        if (since and not self.takes_key) or wanted > self.most:
            return error(self.refusal, "The filter is invalid.")
        found = self._sorted(asked.terms)
        if since:
            after = (datetime.fromisoformat(since[1]) - NOON).total_seconds()
            found = [(number, at) for number, at in found if at >= after]
        size = min(wanted, self.cap)
        page = paged(found, asked, size=size)
        if self.is_mute:
            page["PagingInfo"]["PageSize"] = wanted
        shown = page["Entities"]["BackupJobSessions"]["BackupJobSessions"]
        shown[:] = [self._row(number, at) for number, at in shown]
        twisted = page if self.twist is None else self.twist(len(self.queries), page)
        return said(twisted)

    def _row(self, number: int, at: float) -> dict[str, Any] | None:
        return None if number in self.nulls else row(number, at=at, state=self.state)

    def _sorted(self, terms: Mapping[str, str]) -> list[tuple[int, float]]:
        if not self.is_sorted:
            return list(self.at.items())
        ties = self.shuffle.random if self.shuffle else float
        is_by_time = "CreationTime" in (terms.get("sortAsc"), terms.get("sortDesc"))
        keyed = [(at if is_by_time else 0, ties(), n, at) for n, at in self.at.items()]
        ordered = sorted(keyed, reverse="sortDesc" in terms)
        return [(number, at) for *_, number, at in ordered]
