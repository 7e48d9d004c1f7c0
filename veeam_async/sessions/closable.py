"""What has tasks of its own under way, which end with its manager."""

from __future__ import annotations

from typing import Protocol


class Closable(Protocol):
    """What is to be closed when its manager is."""

    def abandon(self) -> None:
        """End what it has under way, without waiting for that."""
        ...

    async def aclose(self) -> None:
        """Close it."""
        ...
