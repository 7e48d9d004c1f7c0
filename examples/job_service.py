"""A web service that runs jobs: POST /jobs/{id}/run tells the progress as it comes.

    VEEAM_URL=… VEEAM_USERNAME=… VEEAM_PASSWORD=… python job_service.py 8080

The answer is a stream of server-sent events, one for each change, until the run ends.
All requests share one connection pool, and their watches share their looks.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing

from aiohttp import web

from veeam_async import (
    BackupJobSession,
    EnterpriseManager,
    ReplicaJobSession,
    SessionChanged,
    VeeamError,
)

MANAGER = web.AppKey("manager", EnterpriseManager)
INTERVAL = web.AppKey("interval", float)


async def manager(app: web.Application) -> AsyncIterator[None]:
    """Log on when the service starts, log out when it ends."""
    async with EnterpriseManager.from_env() as em:
        app[MANAGER] = em
        yield


async def run(request: web.Request) -> web.StreamResponse:
    """Start a job and stream what becomes of it; a listener that leaves stops none."""
    em, interval = request.app[MANAGER], request.app[INTERVAL]
    try:
        begun = await em.jobs.start(request.match_info["id"])
        await begun.session(interval=interval)
    except VeeamError as error:
        raise web.HTTPBadGateway(text=f"{error}\n") from error
    stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await stream.prepare(request)
    async with aclosing(begun.watch(interval=interval, progress=True)) as events:
        async for event in events:
            if isinstance(event, SessionChanged):
                await stream.write(line(event.kind, event.session))
    return stream


def line(kind: str, session: BackupJobSession | ReplicaJobSession) -> bytes:
    """Write a server-sent event."""
    told = {
        "job": session.job_name,
        "state": session.state,
        "progress": session.progress,
        "result": session.result,
    }
    return f"event: {kind}\ndata: {json.dumps(told)}\n\n".encode()


async def serve(port: int, interval: float) -> None:
    """Serve until cancelled; says where, since port 0 takes a free one."""
    app = web.Application()
    app[INTERVAL] = interval
    app.cleanup_ctx.append(manager)
    app.router.add_post("/jobs/{id}/run", run)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def main() -> None:
    """Run until Ctrl-C."""
    port, *more = sys.argv[1:]
    try:
        asyncio.run(serve(int(port), float(more[0]) if more else 5.0))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
