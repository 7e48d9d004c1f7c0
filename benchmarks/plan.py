"""What is measured: a base case, and subjects that vary one thing of it each."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

import attrs
from cattrs import structure


@attrs.frozen(kw_only=True)
class Case:
    """What can be varied around a client. The defaults are the base.

    *size* is in bytes, *latency* in seconds; *fixed_threshold* keeps glibc from
    adapting the size above which it maps memory anew.
    """

    loop: Literal["asyncio", "uvloop"] = "asyncio"
    tls: bool = True
    accept: str = "json"
    connections: int = 32
    size: int = 1400
    latency: float = 0.0
    fixed_threshold: bool = False


@attrs.frozen
class Subject:
    """Clients that are measured in turns: A B C, A B C, and so on.

    Where a target is taken from it, it gets all rounds; the others get half.
    """

    title: str
    clients: list[str]
    case: Case = Case()
    is_targeted: bool = False


_PLAN = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
SUBJECTS = structure(tomllib.loads(_PLAN), dict[str, Subject])
