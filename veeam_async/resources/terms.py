"""Terms of a query: what it selects, and in which order."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

import attrs

from veeam_async.filters import F

_SETTLED = ("CreationTime", "Name", "UID", "JobName", "JobUid", "JobType")
"""Fields that keep their value as long as there is the row."""


@attrs.frozen
class Terms:
    """Terms of a query of *kind*, without those of paging.

    *where* is the text of a filter; *field*, by its name in the query service, is what
    the rows are ordered by.
    """

    kind: type
    where: str | None
    field: str
    is_descending: bool = False

    @property
    def is_keyed(self) -> bool:
        """Whether a time of creation tells where to go on."""
        return self.field == "CreationTime" and not self.is_descending

    @property
    def is_settled(self) -> bool:
        """Whether no row changes its place among the others."""
        return self.field in _SETTLED

    def text(self, since: datetime | None = None) -> str:
        """Write them for a URL; *since* selects only what was created since then."""
        terms = f"type={self.kind.__name__}&format=Entities"
        where = self.where if since is None else self._since(since)
        if where is not None:
            terms += f"&filter={quote(where, safe='')}"
        return f"{terms}&{'sortDesc' if self.is_descending else 'sortAsc'}={self.field}"

    def _since(self, since: datetime) -> str:
        added = (F.creation_time >= since).render(self.kind)
        return added if self.where is None else f"({self.where});{added}"


def second_of(time: datetime) -> datetime:
    """Cut *time* to the whole second: old servers write no fractions."""
    return time.replace(microsecond=0)
