"""Names of jobs as users write them, with * for anything, and in any case."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Protocol

import attrs


class Named(Protocol):
    """A job, or what is known of one."""

    @property
    def name(self) -> str:
        """The job's name."""
        ...


@attrs.frozen
class NamePattern:
    """A job's name as users write it, in any case; * stands for anything."""

    text: str

    def matches(self, name: str) -> bool:
        """True where *name* is meant."""
        return _compiled(self.text).fullmatch(name) is not None

    def is_among(self, jobs: Iterable[Named]) -> bool:
        """True where it means one of *jobs*."""
        return any(self.matches(job.name) for job in jobs)


ANY = NamePattern("*")


def is_meant(name: str, patterns: Iterable[NamePattern]) -> bool:
    """True where one of *patterns* means *name*."""
    return any(each.matches(name) for each in patterns)


@cache
def _compiled(text: str) -> re.Pattern[str]:
    parts = map(re.escape, text.split("*"))
    return re.compile(".*".join(parts), re.IGNORECASE | re.DOTALL)
