"""Run three jobs, the third only after the two others, and fail properly.

    VEEAM_URL=… VEEAM_USERNAME=… VEEAM_PASSWORD=… python dependent_jobs.py 1 2 3

The arguments are ids of jobs. The first two run at the same time. Where one fails
the other is not waited for any more (its backup goes on), and the third is not started.
"""

import asyncio
import sys
from uuid import UUID

from veeam_async import EnterpriseManager, SessionFailed, TaskFailed


async def run_all(first: str, second: str, last: str, interval: float) -> None:
    """Run the jobs in their order."""
    async with EnterpriseManager.from_env() as em:
        async with asyncio.TaskGroup() as together:
            together.create_task(run(em, first, interval))
            together.create_task(run(em, second, interval))
        await run(em, last, interval)


async def run(em: EnterpriseManager, job: str, interval: float) -> None:
    """Run one job to its end, the server's own retries included."""
    begun = await em.jobs.start(UUID(job))
    print(f"started {job}", flush=True)
    ended = await begun.wait(
        retries=True, check=True, interval=interval, retry_within=interval
    )
    print(f"ended {job}: {ended.result}", flush=True)


def main() -> int:
    """Exit with 1, and a sentence for each failure, where a job failed."""
    first, second, last, *more = sys.argv[1:]
    interval = float(more[0]) if more else 5.0
    failed: list[str] = []
    try:
        asyncio.run(run_all(first, second, last, interval))
    except* (SessionFailed, TaskFailed) as group:
        failed = [str(error) for error in group.exceptions]
    for sentence in failed:
        print(sentence, file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
