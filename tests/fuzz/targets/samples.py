"""Good inputs that lie in the checkout: bodies, checkpoints, recordings, saved runs."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import attrs

from tests.support.paths import BODIES, TESTS
from veeam_async.models import (
    ApiRoot,
    BackupJobSession,
    BackupTaskSession,
    EntityRef,
    ErrorBody,
    Job,
    LogonSession,
    Page,
    ReplicaJobSession,
    RestoreSession,
    Task,
)

RELEASED = TESTS / "data" / "0.1.0"
_CUT = " … "  # in the place of the rest of a long body

MODELS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        BackupJobSession,
        ReplicaJobSession,
        RestoreSession,
        BackupTaskSession,
        Job,
        Task,
        EntityRef,
        ErrorBody,
        LogonSession,
        ApiRoot,
    )
}
KINDS: dict[str, Any] = MODELS | {
    f"Page[{name}]": Page[kind]  # type: ignore[valid-type]  # known at run time only
    for name, kind in MODELS.items()
}


@attrs.frozen
class Body:
    """A *body* of the server, of a *kind*, with its *status*."""

    kind: str
    status: int
    body: bytes

    @property
    def is_xml(self) -> bool:
        """Whether it is XML, else JSON."""
        return self.body.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<")


@cache
def bodies() -> tuple[Body, ...]:
    """All that there are: those of `tests/bodies`, and answers of the simulator."""
    index = json.loads((BODIES / "index.json").read_text("utf-8"))
    found = [
        Body(
            each["kind"],
            400 if each["kind"] == "ErrorBody" else 200,
            (BODIES / each["file"]).read_bytes(),
        )
        for each in index["bodies"]
    ]
    answers = json.loads((RELEASED / "bodies.json").read_text("utf-8"))
    found += [
        Body(_kind_of(path, status), status, text.encode())
        for path, (status, text) in answers.items()
        if _CUT not in text
    ]
    return tuple(found)


def _kind_of(path: str, status: int) -> str:
    """What a path answers, as far as it matters: others are decoded as they may be."""
    what = path.split(" ", 2)[2]
    if status >= 400:
        return "ErrorBody"
    known = {"logon": "LogonSession", "": "ApiRoot", "jobs/{job}": "Job"}
    known |= {"tasks": "Page[Task]", "replicaSessions?format=Entity": _REPLICAS}
    return known.get(what, "BackupJobSession")


_REPLICAS = "Page[ReplicaJobSession]"


def documents(folder: str) -> list[Any]:
    """What JSON files that 0.1.0 has saved hold."""
    paths = sorted((RELEASED / folder).glob("*.json"))
    return [json.loads(path.read_text("utf-8")) for path in paths]
