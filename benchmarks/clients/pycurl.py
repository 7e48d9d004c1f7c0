"""pycurl's multi interface: one handle for each connection."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import pycurl

from benchmarks.work import Fetch, Ids, Work


@asynccontextmanager
async def opened(work: Work) -> AsyncIterator[Fetch]:
    """Lend a fetch that turns curl's wheel until all ids are fetched."""
    multi = pycurl.CurlMulti()
    multi.setopt(pycurl.M_MAXCONNECTS, work.connections)
    handles = [_handle(work) for _ in range(work.connections)]

    async def fetch(ids: Ids) -> int:
        return _drive(multi, handles, work, ids)

    yield fetch
    for handle in handles:
        handle.close()
    multi.close()


def _handle(work: Work) -> Any:
    handle = pycurl.Curl()
    lines = [f"{name}: {value}" for name, value in work.headers.items()]
    handle.setopt(pycurl.HTTPHEADER, lines)
    handle.setopt(pycurl.NOSIGNAL, 1)
    handle.setopt(pycurl.PROXY, "")
    if work.ca_file:
        handle.setopt(pycurl.CAINFO, work.ca_file)
    return handle


def _drive(multi: Any, handles: list[Any], work: Work, ids: Ids) -> int:
    judge = work.judge
    active = sum(_start(multi, handle, work, ids) for handle in handles)
    count = 0
    while active:
        multi.perform()
        ended = list(_ended(multi))
        if not ended:
            multi.select(1.0)
        for handle in ended:
            judge(handle.asked, handle.body.getvalue())
            count += 1
            multi.remove_handle(handle)
            active -= not _start(multi, handle, work, ids)
    return count


def _start(multi: Any, handle: Any, work: Work, ids: Ids) -> bool:
    """Let *handle* fetch the next id, if there is one."""
    one = next(ids, None)
    if one is None:
        return False
    handle.asked, handle.body = one, BytesIO()
    handle.setopt(pycurl.URL, work.target(one))
    handle.setopt(pycurl.WRITEDATA, handle.body)
    multi.add_handle(handle)
    return True


def _ended(multi: Any) -> Iterator[Any]:
    queued = 1
    while queued:
        queued, good, bad = multi.info_read()
        for _, _, message in bad:
            raise ConnectionError(message)
        yield from good
