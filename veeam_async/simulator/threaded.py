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

from veeam_async.simulator.server import Simulator, Stats

T = TypeVar("T")


class ThreadedSimulator(Simulator):
    """A `Simulator` that serves from a thread of its own; enter it with `with`.

    What reads or changes sessions runs in the loop that serves, between two requests,
    and the caller waits for it: it may be called from any one other thread.
    """

    _loop: asyncio.AbstractEventLoop
    _stop: asyncio.Event
    _thread: Thread

    def __enter__(self) -> Self:
        started: Future[None] = Future()
        # A daemon: a test run that is killed in the middle must not hang on it.
        self._thread = Thread(
            target=self._run, args=(started,), name="veeam-simulator", daemon=True
        )
        self._thread.start()
        started.result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self, started: Future[None]) -> None:
        # The plain loop, whatever policy the tests have set for theirs.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(self._serve_until_stopped(started))

    async def _serve_until_stopped(self, started: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        try:
            await self.__aenter__()
        except Exception as error:  # noqa: BLE001 - raised where it was entered
            started.set_exception(error)
            return
        started.set_result(None)
        await self._stop.wait()
        await self.__aexit__(None, None, None)

    def _call(self, function: Callable[[], T]) -> T:
        """Result of `function`, called in the loop that serves."""
        # The figures can still be read after the end, when nothing runs beside them.
        if self._loop.is_closed():
            return function()

        async def called() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result()

    # -------------------------------------------------------------- looking

    @property
    def stats(self) -> Stats:
        """What has been asked so far, as a snapshot."""
        return self._call(lambda: super(ThreadedSimulator, self).stats)

    @property
    def session_ids(self) -> list[uuid.UUID]:
        """The ids of all visible backup sessions, the newest first."""
        return self._call(lambda: super(ThreadedSimulator, self).session_ids)

    @property
    def running_ids(self) -> list[uuid.UUID]:
        """The ids of the backup sessions that have not stopped, the newest first."""
        return self._call(lambda: super(ThreadedSimulator, self).running_ids)

    # ------------------------------------------------------------- changing

    def expire_tokens(self) -> None:
        """End every logon session, as if all had been idle for too long."""
        self._call(super().expire_tokens)

    def restart(self, seconds: float, **settings: Any) -> None:
        """Answer in the service's place for a while; see `Simulator.restart`."""
        self._call(partial(super().restart, seconds, **settings))

    def advance(self, seconds: float) -> None:
        """Move the simulated clock forward by *seconds* of its time."""
        self._call(partial(super().advance, seconds))

    def remove_session(self, session_id: uuid.UUID) -> None:
        """Forget a session: it is answered with 404 from now on."""
        self._call(partial(super().remove_session, session_id))

    def add_session(self, **settings: Any) -> uuid.UUID:
        """Add a session, and tell its id; see `Simulator.add_session`."""
        return self._call(partial(super().add_session, **settings))

    def next_run(self, job_id: uuid.UUID, **settings: Any) -> None:
        """Say what the next start of a job comes to; see `Simulator.next_run`."""
        self._call(partial(super().next_run, job_id, **settings))
