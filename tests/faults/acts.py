"""What is done to the bytes of an answer, or to a connection, by name."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable, Mapping
from typing import Literal

import attrs

from tests.faults.line import Line
from tests.faults.proxy import Answer, Strike

End = Literal["close", "reset", "half-close", "stall"]
Point = Literal["unasked", "before", "head", "after head", "body"]

BODY_LIMIT = 128 * 1024
"""Bytes: the client's `max_body_size` in all cells."""

_PIECE = 16 * 1024


async def finish(line: Line, end: End) -> None:
    """End a connection so; a stall lasts until the client has gone."""
    if end == "reset":
        # A RST overtakes what was not read yet.
        await asyncio.sleep(0.02)
        line.reset()
    elif end == "half-close":
        await line.half_close()
        await line.gone()
    elif end == "stall":
        await line.gone()


@attrs.frozen
class Cut:
    """Send the answer up to a *point*, then make an *end*."""

    point: Point
    end: End

    async def __call__(self, strike: Strike) -> bool:
        if self.point != "unasked":
            answer = await strike.answer()
            await strike.line.write(self._sent(answer, strike.rng))
        await finish(strike.line, self.end)
        return False

    def _sent(self, answer: Answer, rng: random.Random) -> bytes:
        head = answer.head()
        if self.point == "head":
            return head[: rng.randrange(1, len(head) - 1)]
        if self.point == "after head":
            # Where there is no body that is the whole answer, so the head is cut.
            return head if answer.body else head[:-2]
        if self.point == "body":
            if not answer.body:
                return head[:-1]
            return head + answer.body[: rng.randrange(1, len(answer.body))]
        return b""


@attrs.frozen
class Sent:
    """Send what *make* makes of the answer; then keep the connection, or not.

    *says_so* has TLS say first that no more will come.
    """

    make: Callable[[Answer], bytes]
    keep: bool = False
    end: End = "close"
    says_so: bool = False

    async def __call__(self, strike: Strike) -> bool:
        await strike.line.write(self.make(await strike.answer()))
        if self.says_so:
            await strike.line.notify()
        if not self.keep:
            await finish(strike.line, self.end)
        return self.keep


@attrs.frozen
class Dripped:
    """Send the answer a byte at a time, or in pieces of random sizes."""

    largest: int = 1

    async def __call__(self, strike: Strike) -> bool:
        data = (await strike.answer()).wire()
        start = 0
        while start < len(data):
            # After the head larger pieces do, for the sake of time.
            most = self.largest if start < 600 else 97
            size = strike.rng.randint(1, most) if most > 1 else 1
            await strike.line.write(data[start : start + size])
            await asyncio.sleep(0)
            start += size
        return True


@attrs.frozen
class Flood:
    """Send *start*, then *piece* again and again, without an end."""

    start: Callable[[Answer], bytes]
    piece: bytes

    async def __call__(self, strike: Strike) -> bool:
        await strike.line.write(self.start(await strike.answer()))
        for _ in range(4 * BODY_LIMIT // len(self.piece)):
            await strike.line.raw(b"".join(strike.line.records(self.piece)))
        await finish(strike.line, "stall")
        return False


@attrs.frozen
class Trailed:
    """Send the whole answer, and more bytes behind it, at once or a moment *later*."""

    more: bytes
    later: bool = False

    async def __call__(self, strike: Strike) -> bool:
        data = (await strike.answer()).wire()
        if self.later:
            await strike.line.write(data)
            await asyncio.sleep(0.01)
            await strike.line.write(self.more)
        else:
            await strike.line.write(data + self.more)
        return True


@attrs.frozen
class Edited:
    """Send what *edit* makes of the answer, whole and on a kept connection."""

    edit: Callable[[Answer], Answer]

    async def __call__(self, strike: Strike) -> bool:
        await strike.line.write(self.edit(await strike.answer()).wire())
        return True


@attrs.frozen
class Instead:
    """Send *answer*, and let the server know nothing of the request."""

    answer: Answer

    async def __call__(self, strike: Strike) -> bool:
        await strike.line.write(self.answer.wire())
        return True


@attrs.frozen
class Begun:
    """Send *data*, let the server know nothing of the request, then make an *end*."""

    data: bytes
    end: End

    async def __call__(self, strike: Strike) -> bool:
        await strike.line.write(self.data)
        await finish(strike.line, self.end)
        return False


@attrs.frozen
class CutRecords:
    """Send some records of TLS of the answer, and *part* of the next one."""

    part: float
    end: End

    async def __call__(self, strike: Strike) -> bool:
        line = strike.line
        answer = await strike.answer()
        if not line.is_tls:
            await line.write(answer.wire())
            return True
        # A head of its own record, so that there are two at least.
        records = [*line.records(answer.head()), *line.records(answer.body)]
        whole = strike.rng.randrange(0, len(records))
        cut = records[whole][: int(len(records[whole]) * self.part)]
        await line.raw(b"".join(records[:whole]) + cut)
        await finish(line, self.end)
        return False


@attrs.frozen
class BadRecord:
    """Send an answer of TLS with one bit of its last record turned."""

    async def __call__(self, strike: Strike) -> bool:
        line = strike.line
        answer = await strike.answer()
        if not line.is_tls:
            await line.write(answer.wire())
            return True
        records = line.records(answer.wire())
        last = bytearray(records[-1])
        last[-1] ^= 1
        await line.raw(b"".join(records[:-1]) + bytes(last))
        await line.gone()
        return False


@attrs.frozen
class Notified:
    """Send the whole answer, then say that no more will come, and close."""

    async def __call__(self, strike: Strike) -> bool:
        await strike.line.write((await strike.answer()).wire())
        await strike.line.notify()
        return False


# ------------------------------------------------------------- connections


Contexts = Mapping[str, ssl.SSLContext]


@attrs.frozen
class Refused:
    """Accept a connection and make an *end* of it."""

    end: End

    async def __call__(
        self,
        line: Line,
        context: ssl.SSLContext | None,
        others: Contexts,
        rng: random.Random,
    ) -> bool:
        await finish(line, self.end)
        return False


@attrs.frozen
class CutHandshake:
    """Send a part of the handshake of TLS alone, between *least* and *most*."""

    least: float
    most: float
    end: End

    async def __call__(
        self,
        line: Line,
        context: ssl.SSLContext | None,
        others: Contexts,
        rng: random.Random,
    ) -> bool:
        if context is None:
            return True
        await line.open(context, share=rng.uniform(self.least, self.most))
        await finish(line, self.end)
        return False


@attrs.frozen
class AfterHandshake:
    """Shake hands, then make an *end* before any request is read."""

    end: End

    async def __call__(
        self,
        line: Line,
        context: ssl.SSLContext | None,
        others: Contexts,
        rng: random.Random,
    ) -> bool:
        if context is None:
            return True
        await line.open(context)
        await finish(line, self.end)
        return False


@attrs.frozen
class Spoken:
    """Answer the handshake of TLS with other bytes."""

    text: bytes

    async def __call__(
        self,
        line: Line,
        context: ssl.SSLContext | None,
        others: Contexts,
        rng: random.Random,
    ) -> bool:
        if context is None:
            return True
        await line.raw(self.text)
        await line.half_close()
        await line.gone()
        return False


@attrs.frozen
class Shown:
    """Serve a connection as it is."""

    async def __call__(
        self,
        line: Line,
        context: ssl.SSLContext | None,
        others: Contexts,
        rng: random.Random,
    ) -> bool:
        return await line.open(context)


@attrs.frozen
class Certified:
    """Show another certificate, by its *name*."""

    name: str

    async def __call__(
        self,
        line: Line,
        context: ssl.SSLContext | None,
        others: Contexts,
        rng: random.Random,
    ) -> bool:
        return await line.open(None if context is None else others[self.name])
