"""Lists that are narrowed by backup server, each from a time of its own.

An Enterprise Manager that does not know that field refuses the filter. Then all servers
are asked for from the smallest mark: more rows, and none missed.
"""

from __future__ import annotations

import attrs

from veeam_async.errors import ApiError
from veeam_async.watch.tracker.watermark import Since

REFUSALS = (400, 414)
"""Answers to a filter that the server does not take, or to an URL too long for it."""


@attrs.define
class ServerParts:
    """The state of such filters: they *work*, as far as is known."""

    work: bool = True

    def allowed(self, since: Since | None) -> Since | None:
        """What to ask for."""
        return since if self.work else self.without(since)

    def without(self, since: Since | None) -> Since | None:
        """The same without parts: all from the smallest mark."""
        return None if since is None else Since(since.rest)

    def is_refused(self, error: ApiError, since: Since | None) -> bool:
        """Tell an error that can be due to the parts that were asked for."""
        has_parts = since is not None and bool(since.parts)
        return has_parts and error.status in REFUSALS

    def refuse(self) -> None:
        """Ask for no more parts."""
        self.work = False
