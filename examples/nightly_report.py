"""Write a CSV file of what ran in the last hours, with the reason of each failure.

VEEAM_URL=… VEEAM_USERNAME=… VEEAM_PASSWORD=… python nightly_report.py night.csv 12
"""

import asyncio
import csv
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from veeam_async import BackupJobSession, EnterpriseManager, F, SessionResult

COLUMNS = ("job", "started", "ended", "state", "result", "reason")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


async def report(path: Path, hours: float) -> int:
    """Write the file; give the number of sessions that failed."""
    since = datetime.now(UTC) - timedelta(hours=hours)
    async with EnterpriseManager.from_env() as em:
        sessions = [
            session
            async for session in em.backup_sessions.query(F.creation_time >= since)
        ]
        reasons = {
            session.id: await why(em, session)
            for session in sessions
            if session.result == SessionResult.FAILED
        }
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for session in sessions:
            writer.writerow(row(session, reasons.get(session.id, "")))
    return len(reasons)


async def why(em: EnterpriseManager, session: BackupJobSession) -> str:
    """Give what the machines of a failed session say, or the session itself."""
    parts = await em.backup_sessions.task_sessions(session.id)
    said = [f"{part.name}: {part.reason}" for part in parts if part.reason]
    return "; ".join(said) or session.failure_message or "no reason given"


def row(session: BackupJobSession, reason: str) -> tuple[str, ...]:
    """Give the cells of one session."""
    ended = session.end_time.isoformat() if session.end_time else ""
    result = session.result or ""
    started = session.creation_time.isoformat()
    name, said = as_text(session.job_name), as_text(reason)
    return (name, started, ended, session.state, result, said)


def as_text(said: str) -> str:
    """Keep a spreadsheet from taking what the server said for a formula."""
    return f"'{said}" if said.startswith(FORMULA) else said


def main() -> None:
    """Exit with 1 where a session failed, so that a scheduler can tell."""
    path, *more = sys.argv[1:]
    failed = asyncio.run(report(Path(path), float(more[0]) if more else 24.0))
    print(f"{failed} failed; {path} tells why")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
