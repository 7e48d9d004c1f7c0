"""What happens to the events of a watch on their way to the screen."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import nullcontext
from typing import Any

import attrs

from veeam_async import DeadlineExceeded, EventKind, Watch
from veeam_async.cli.board import Event
from veeam_async.cli.hook import Hook
from veeam_async.cli.keeping import Keeper
from veeam_async.cli.verdict import failed_by


@attrs.frozen(kw_only=True)
class Stages:
    """How events are dealt with, one after the other.

    *endless*: the watch ends by time alone, which is no failure then. *until_failed*:
    it ends with the first session that failed. *hook* is run for each event that
    is told, for progress only where *progress* says so; looks go on meanwhile.
    """

    endless: bool
    until_failed: bool
    progress: bool
    hook: Hook | None
    keeper: Keeper | None

    async def through(self, watch: Watch[Any]) -> AsyncGenerator[Event, None]:
        """Give the events of *watch*; each is dealt with when the next is asked for."""
        try:
            async for event in watch:
                async with self.keeper.dealing() if self.keeper else nullcontext():
                    yield event
                    await self._run_hook(event)
                if self.until_failed and failed_by(event) is not None:
                    return
        except DeadlineExceeded:
            if not self.endless:
                raise

    async def _run_hook(self, event: Event) -> None:
        is_told = self.progress or event.kind is not EventKind.PROGRESSED
        if self.hook is not None and is_told:
            await self.hook.run(event)
