"""The three kinds of session, and what the commands ask of any of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any, Literal, Protocol, TypeAlias

from veeam_async import EnterpriseManager, EntityRef, Fetch, Id, Watch
from veeam_async.cli.status import AnySession

Resource: TypeAlias = Literal["backup", "replica", "restore"]


class Sessions(Protocol):
    """The sessions of one kind."""

    async def get(self, id: Id) -> AnySession:  # noqa: A002 - the library's term
        """Give one session."""
        ...

    async def references(self) -> list[EntityRef]:
        """Give the references of the last 30 days."""
        ...

    async def wait(
        self,
        id: Id,  # noqa: A002 - the library's term
        *,
        timeout: float | None,  # noqa: ASYNC109 - the library's term
        interval: float,
    ) -> AnySession:
        """Wait for the end of a session."""
        ...

    def query(
        self,
        where: str | None = ...,
        *,
        order_by: str | None = ...,
        limit: int | None = ...,
    ) -> AsyncIterator[AnySession]:
        """Select sessions on the server."""
        ...

    def fetch(self, ids: Iterable[Id]) -> Fetch[Any]:
        """Get many sessions at once."""
        ...

    def watch(
        self,
        ids: Iterable[Id],
        *,
        interval: float,
        progress: bool,
        timeout: float | None,
    ) -> Watch[Any]:
        """Follow sessions to their end."""
        ...


def sessions_of(em: EnterpriseManager, resource: Resource) -> Sessions:
    """Give the sessions of the kind *resource*."""
    if resource == "replica":
        return em.replica_sessions
    if resource == "restore":
        return em.restore_sessions
    return em.backup_sessions
