from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest

from tests.support.paths import BODIES
from veeam_async.codec import decode, decode_aside
from veeam_async.errors import DecodeError
from veeam_async.models import BackupJobSession, Page

XML = (BODIES / "backup_session_9u4.xml").read_bytes()
JSON = (BODIES / "backup_session_10.json").read_bytes()
SESSIONS = Page[BackupJobSession]


def _page(size: int, *, xml: bool) -> bytes:
    if xml:
        rows = XML * (size // len(XML) + 1)
        return b"<BackupJobSessions>" + rows + b"</BackupJobSessions>"
    one = orjson.dumps(orjson.loads(JSON))
    rows = b",".join([one] * (size // len(one) + 1))
    return b'{"BackupJobSessions":[' + rows + b"]}"


class _Threads(ThreadPoolExecutor):
    """Threads that count what they are given to do."""

    given = 0

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        self.given += 1
        return super().submit(*args, **kwargs)


@pytest.mark.parametrize(
    ("size", "xml", "aside"),
    [
        (1_000, True, False),
        (60_000, True, False),
        (66_000, True, True),
        (66_000, False, False),
        (500_000, False, False),
        (530_000, False, True),
    ],
)
async def test_where_it_decodes(
    size: int,
    xml: bool,  # noqa: FBT001 - a column of the table
    aside: bool,  # noqa: FBT001 - the same
) -> None:
    """Small bodies are decoded at once, large ones in a thread; both come out equal."""
    body = _page(size, xml=xml)
    threads = _Threads(1)
    asyncio.get_running_loop().set_default_executor(threads)

    found = await decode_aside(body, None, SESSIONS)

    assert found == decode(body, None, SESSIONS)
    assert threads.given == aside


async def test_errors_come_out_of_the_thread() -> None:
    """A body refused in a thread raises the same DecodeError."""
    with pytest.raises(DecodeError, match="ends before it is complete"):
        await decode_aside(_page(100_000, xml=True)[:-9], None, SESSIONS)


async def test_the_loop_goes_on() -> None:
    """While four megabytes of XML are decoded, the loop runs other tasks."""
    beats: list[float] = []

    async def beat() -> None:
        while True:
            beats.append(time.monotonic())
            await asyncio.sleep(0)

    heart = asyncio.create_task(beat())
    await decode_aside(_page(4 * 2**20, xml=True), None, SESSIONS)
    heart.cancel()

    assert len(beats) > 10


async def test_many_threads_at_once() -> None:
    """Shapes first seen by several threads at once decode right in each."""
    bodies = [
        _page(70_000, xml=True).replace(b"JobName", b"jobName%d"[: 7 - n % 2])
        for n in range(8)
    ]

    found = await asyncio.gather(
        *(decode_aside(body, None, SESSIONS) for body in bodies)
    )

    assert [
        page == decode(body, None, SESSIONS)
        for page, body in zip(found, bodies, strict=True)
    ] == [True] * 8
