"""Asking for one entity after another, on behalf of a fetch's worker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from veeam_async.fetch import Line
from veeam_async.ids import Id, id_text
from veeam_async.models import Identified
from veeam_async.pool.responses import LARGE
from veeam_async.resources.belonging import is_entity
from veeam_async.transport.exchange import Response


class EntityQuestions:
    """The questions for entities of a *kind*, which lie at *path*, along a *line*.

    `wanted` is the UUID at which it stands, as text in lower case.
    """

    wanted: str
    path: str
    mark: bytes

    def __init__(self, line: Line[Any], path: str, kind: type[Identified]) -> None:
        self._line = line
        self._collection = path
        self._kind = kind
        self._uid_start = f'"urn:veeam:{kind.__name__}:'
        self.may_move_on: Callable[[], bool] = line.may_move_on
        self._turn_to(line.id)

    def belongs(self, answer: Response) -> bool | Awaitable[bool]:
        """False where *answer* is about another entity than the wanted one."""
        if answer.body.find(self.mark) >= 0:
            return True
        return is_entity(self.wanted, self._kind, answer)

    def move_on(self, answer: Response) -> bool:
        """Have *answer* stored, and turn to the next; False where that is not so."""
        # What takes a thread to decode is waited for.
        if len(answer.body) > LARGE:
            return False
        return self._line.move_on((self.wanted, answer), self._turn_to)

    def _turn_to(self, given: Id) -> None:
        """Ask for the entity *given*; where InvalidId is raised nothing has changed."""
        self.wanted = wanted = id_text(given, self._kind.__name__)
        self.path = f"{self._collection}/{wanted}?format=Entity"
        self.mark = f'{self._uid_start}{wanted}"'.encode()
