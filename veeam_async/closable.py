"""What has tasks of its own under way, and ends them when it is left or abandoned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Closable(ABC):
    """What is closed at the end of its `async with`, and when its manager is."""

    @abstractmethod
    async def aclose(self) -> None:
        """Stop: cancel what is under way and wait until it has ended."""

    @abstractmethod
    def abandon(self) -> None:
        """Stop without waiting: cancel what is under way, from wherever this is."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()
