"""The base of fetches and watches, which end their tasks when they are closed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from types import TracebackType
from typing import Self


class Closable(ABC):
    """What is closed at the end of its `async with`, and when its manager is."""

    @abstractmethod
    async def aclose(self) -> None:
        """Stop: cancel what is under way and wait until it has ended."""

    @abstractmethod
    def _abandon(self) -> None:
        """Cancel what is under way without waiting; callable from any thread."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()


async def close_all(closables: Iterable[Closable]) -> None:
    """Close all *closables*: cancel each first, then wait for each."""
    closing = list(closables)
    # Cancelled before anything is waited for: none works on where this is cancelled.
    for each in closing:
        each._abandon()  # noqa: SLF001 - for its manager, which is out of users' sight
    for each in closing:
        await each.aclose()
