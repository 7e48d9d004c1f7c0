"""What a list asks for: the one filter that a watch sends, its order and its page."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from math import inf
from urllib.parse import parse_qs

import attrs

_ACTIVE = 'State!="Stopped"'
_SINCE = re.compile(r'(EndTime|CreationTime)>="([^"]*)"')
_FIELDS = {"EndTime": "ended_since", "CreationTime": "created_since"}
_DEFAULT_SIZE = "100"


@attrs.frozen
class Selection:
    """Sessions that run, and those that ended or were created since a time."""

    ended_since: float = inf
    created_since: float = inf

    @classmethod
    def parse(cls, text: str | None) -> Selection:
        """Read a filter; without one it is everything.

        ValueError where it is not `State!="Stopped"`, alone or with a time or two.
        """
        if text is None:
            return cls(-inf, -inf)
        bare = text.removeprefix("(").removesuffix(")")
        active, *times = bare.split(",")
        if active != _ACTIVE:
            raise ValueError(f"a watch asks for {_ACTIVE} first")
        return cls(**dict(map(_since, times)))


@attrs.frozen
class Question:
    """A page of the sessions selected, by their time of creation. *terms* identify it.

    The *terms* are the query's without the number of the page.
    """

    selection: Selection
    is_descending: bool
    size: int
    page: int
    terms: str

    @classmethod
    def parse(cls, query: str) -> Question:
        """Read the query of a URL; ValueError where it is another one."""
        terms, _, page = query.rpartition("&page=")
        selection, is_descending, size = _terms(terms)
        return cls(selection, is_descending, size, int(page), terms)


@lru_cache(maxsize=16)
def _terms(terms: str) -> tuple[Selection, bool, int]:
    found = {name: values[0] for name, values in parse_qs(terms).items()}
    if (found.get("type"), found.get("format")) != ("BackupJobSession", "Entities"):
        raise ValueError("only BackupJobSession entities can be queried here")
    is_descending = "sortDesc" in found
    if found["sortDesc" if is_descending else "sortAsc"] != "CreationTime":
        raise ValueError("rows are sorted by CreationTime here")
    size = int(found.get("pageSize", _DEFAULT_SIZE))
    return Selection.parse(found.get("filter")), is_descending, size


def _since(text: str) -> tuple[str, float]:
    read = _SINCE.fullmatch(text)
    if read is None:
        raise ValueError(f"{text!r} is no condition of a watch")
    name, time = read.groups()
    return _FIELDS[name], datetime.fromisoformat(time).timestamp()
