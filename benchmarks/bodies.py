"""What servers write, from files: as EM 13 spells it, and as those before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

BASE = "https://em.lab.internal:9398/api"
"""The server's own idea of where it is; nobody can reach it there."""

MARK = "00000000-0000-4000-8000-000000000000"
"""Stands for the id asked for in a prepared body."""

_BODIES = Path(__file__).with_name("bodies.json")
XML = Path(__file__).with_name("session.xml").read_bytes().strip()
"""The session `MARK` as XML."""

BODIES: dict[str, Any] = json.loads(_BODIES.read_text(encoding="utf-8"))
"""A session that is called `MARK`, one of which all is open, a logon, an empty page."""


def link(
    rel: str, path: str, name: str | None = None, kind: str | None = None
) -> dict[str, str | None]:
    """Give a link as EM 13 spells it."""
    return {"rel": rel, "href": f"{BASE}/{path}", "name": name, "type": kind}


def camel(size: int) -> bytes:
    """Write the session as EM 13 does, in *size* bytes or a few more."""
    return json.dumps(_sized(size)).encode()


def pascal(size: int) -> bytes:
    """Write the same as those before do."""
    return json.dumps(renamed(_sized(size))).encode()


def _sized(size: int) -> dict[str, Any]:
    """Repeat the last of the six links until the *size* is reached."""
    links = list(BODIES["session"]["links"])
    body = {**BODIES["session"], "links": links}
    while len(json.dumps(body)) < size:
        links.append(links[-1])
    return body


def renamed(value: Any) -> Any:
    """Spell all names as versions before EM 13 do."""
    if isinstance(value, dict):
        return {
            "UID" if name == "uid" else name[0].upper() + name[1:]: renamed(each)
            for name, each in value.items()
        }
    return [renamed(each) for each in value] if isinstance(value, list) else value
