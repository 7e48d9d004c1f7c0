"""A simulator in a thread: for callers on another event loop, or on none."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeVar

from veeam_async.simulator.server import Simulator
from veeam_async.simulator.stats import Stats

T = TypeVar("T")


class HostedSimulator(Simulator):
    """A `Simulator` that serves from a thread of its own; enter it with `with`.

    What looks at it or changes it is done between two requests, so it can be called
    from any one thread.
    """

    _loop: asyncio.AbstractEventLoop
    _left: asyncio.Event
    _thread: Thread

    def __enter__(self) -> Self:
        begun: Future[None] = Future()
        # A daemon: a test run that is killed in the middle must not hang on it.
        self._thread = Thread(
            target=self._host, args=(begun,), name="veeam-simulator", daemon=True
        )
        self._thread.start()
        begun.result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._left.set)
        self._thread.join()

    def _host(self, begun: Future[None]) -> None:
        # The plain loop, whatever policy the tests have set for theirs.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(self._live(begun))

    async def _live(self, begun: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._left = asyncio.Event()
        try:
            await self.__aenter__()
        except Exception as error:  # noqa: BLE001 - raised where it was entered
            begun.set_exception(error)
            return
        begun.set_result(None)
        await self._left.wait()
        await self.__aexit__(None, None, None)

    def _ask(self, look: Callable[[], T]) -> T:
        """Do it in the loop that serves, and wait for it; at once after its end."""
        if self._loop.is_closed():
            return look()

        async def looked() -> T:
            return look()

        return asyncio.run_coroutine_threadsafe(looked(), self._loop).result()

    # -------------------------------------------------------------- looking

    @property
    def stats(self) -> Stats:
        """What has been asked so far, as a snapshot."""
        return self._ask(lambda: super(HostedSimulator, self).stats)

    @property
    def session_ids(self) -> list[uuid.UUID]:
        """The ids of all visible backup sessions, the newest first."""
        return self._ask(lambda: super(HostedSimulator, self).session_ids)

    @property
    def running_ids(self) -> list[uuid.UUID]:
        """The ids of the backup sessions that have not stopped, the newest first."""
        return self._ask(lambda: super(HostedSimulator, self).running_ids)

    # ------------------------------------------------------------- changing

    def expire_tokens(self) -> None:
        """End every logon session, as if all had been idle for too long."""
        self._ask(super().expire_tokens)

    def advance(self, seconds: float) -> None:
        """Move the simulated clock forward by *seconds* of its time."""
        self._ask(partial(super().advance, seconds))

    def remove_session(self, session_id: uuid.UUID) -> None:
        """Forget a session: it is answered with 404 from now on."""
        self._ask(partial(super().remove_session, session_id))

    def add_session(self, **settings: Any) -> uuid.UUID:
        """Add a session, and tell its id; see `Simulator.add_session`."""
        return self._ask(partial(super().add_session, **settings))

    def next_run(self, job_id: uuid.UUID, **settings: Any) -> None:
        """Say what the next start of a job comes to; see `Simulator.next_run`."""
        self._ask(partial(super().next_run, job_id, **settings))
