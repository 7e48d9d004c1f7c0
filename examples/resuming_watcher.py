"""Follow everything that runs, and go on where it was after a crash.

Prints a line of JSON for each session that has ended, and keeps its checkpoint in a
file: killed at any moment and started again it tells every end at least once.

    VEEAM_URL=… VEEAM_USERNAME=… VEEAM_PASSWORD=… python resuming_watcher.py state.json
"""

import asyncio
import json
import sys

from veeam_async import CheckpointFile, EnterpriseManager, EventKind, SessionChanged


async def follow(file: CheckpointFile, interval: float) -> None:
    """Tell each end, then note that it was told."""
    async with (
        EnterpriseManager.from_env() as em,
        em.backup_sessions.watch(resume=file.load(), interval=interval) as events,
    ):
        async for event in events:
            if isinstance(event, SessionChanged) and event.kind is EventKind.STOPPED:
                session = event.session
                told = {"id": str(event.id), "job": session.job_name}
                print(json.dumps(told | {"result": session.result}), flush=True)
            # Only after it was told: killed in between, it is told again.
            await asyncio.to_thread(file.save, events.checkpoint())


def main() -> None:
    """Run until Ctrl-C."""
    path, *more = sys.argv[1:]
    interval = float(more[0]) if more else 5.0
    try:
        asyncio.run(follow(CheckpointFile(path), interval))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
