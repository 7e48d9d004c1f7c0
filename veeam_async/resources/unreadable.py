"""Telling of the rows of a list that cannot be read, and are left out."""

from __future__ import annotations

import logging
from typing import Any

from veeam_async.models import Page

_LOG = logging.getLogger(__name__)


def warn(page: Page[Any], path: str) -> bool:
    """Log one warning where rows of *page*, at *path*, were left out; tell whether."""
    if not page.unreadable:
        return False
    first = page.unreadable[0]
    _LOG.warning(
        "%d of %d rows of %s cannot be read and are left out; row %d (%s): %s",
        len(page.unreadable),
        len(page.unreadable) + len(page.rows),
        path,
        first.index,
        first.uid or "of no readable UID",
        first.reason,
    )
    return True
