"""A start that was decided on and not sent, so that it can be saved before it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from veeam_async.errors import Json
from veeam_async.jobs.run_record import RunRecord, save


class PreparedRun:
    """A start to be, from `em.jobs.prepare(id)`; `em.jobs.start(prepared)` sends it."""

    def __init__(self, record: RunRecord) -> None:
        record.sent = "not yet"
        self._record = record
        self._saved = save(record)
        self._is_started = False

    @property
    def job_id(self) -> UUID:
        """The job."""
        return self._record.job_id

    def to_dict(self) -> dict[str, Json]:
        """Give what `em.jobs.resume` needs, should the start be cut off.

        Plain JSON types, without secrets.
        """
        return dict(self._saved)

    def __repr__(self) -> str:
        return f"<PreparedRun of job {self.job_id}>"

    @contextmanager
    def _starting(self) -> Iterator[RunRecord]:
        """Keep other starts out of the block, and for good once it was left well."""
        if self._is_started:
            raise RuntimeError(
                f"the prepared run of job {self.job_id} was started already: "
                "em.jobs.prepare prepares another"
            )
        self._is_started = True
        try:
            yield self._record
        except BaseException:
            self._is_started = False  # nothing was sent
            raise
