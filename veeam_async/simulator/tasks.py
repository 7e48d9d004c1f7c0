"""Operations in, tasks with their states out: what a logon session has asked for."""

from datetime import datetime, timedelta

import attrs

from veeam_async.simulator.refusals import RefusalError
from veeam_async.simulator.runs import Run

RUNNING_SECONDS = 2.0
"""How long an operation takes, in simulated seconds."""
COLLECTING_SECONDS = 6.0
"""When a started run has been collected, in simulated seconds after the request; one
that is shown later has been a second after that."""


@attrs.define(eq=False)
class Operation:
    """One operation and how it ends, which is known from the start."""

    number: int
    name: str
    asked: datetime
    message: str
    is_success: bool = True
    started: Run | None = None
    """The run that it started."""
    collected_in: float = COLLECTING_SECONDS
    names_run: bool = True
    """Whether its task has a link to that run."""

    @property
    def id(self) -> str:
        """The id of its task."""
        return f"task-{self.number}"

    def state_at(self, now: datetime) -> str:
        """Tell its state at *now*.

        OperationFinished: done on the backup server, but what it started has
        not been collected yet.
        """
        age = now - self.asked
        if age < timedelta(seconds=RUNNING_SECONDS):
            return "Running"
        if self.started and age < timedelta(seconds=self.collected_in):
            return "OperationFinished"
        return "Finished"


class Tasks:
    """The tasks of one logon session."""

    def __init__(self) -> None:
        self._operations: dict[str, Operation] = {}

    def add(self, operation: Operation) -> None:
        """Keep *operation*."""
        self._operations[operation.id] = operation

    def list(self) -> list[Operation]:
        """List all operations, the oldest first."""
        return list(self._operations.values())

    def find(self, id_: str) -> Operation:
        """Find an operation.

        Raises:
            RefusalError: 500 when there is none: the real server's answer.
        """
        if id_ not in self._operations:
            message = f"There is no backup task with id [{id_}] in current rest session"
            raise RefusalError(500, message)
        return self._operations[id_]

    def remove(self, id_: str) -> None:
        """Forget an operation."""
        del self._operations[self.find(id_).id]
