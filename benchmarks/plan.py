"""What is measured: a base case, and subjects that vary one thing of it each."""

from __future__ import annotations

from typing import Any

import attrs

from benchmarks.case import Case
from benchmarks.roster import (
    AIOHTTP,
    BUFFERED,
    ORDERED,
    OURS,
    PLAIN,
    PYREQWEST,
    ROSTER,
    WREQ,
    WREQ_DECODED,
)

_FEW = (OURS, AIOHTTP, WREQ_DECODED)


@attrs.frozen(kw_only=True)
class Subject:
    """Cases that are measured in turns: A B C, A B C, … for so many *rounds*."""

    key: str
    title: str
    cases: tuple[Case, ...]
    rounds: int
    seconds: float


_FLOORS = (PLAIN, BUFFERED)
_PLAN: tuple[tuple[str, str, tuple[str, ...], dict[str, Any]], ...] = (
    ("base", "Base case", tuple(ROSTER), {}),
    (
        "uvloop",
        "On uvloop instead of asyncio",
        (*_FEW, ORDERED, *_FLOORS),
        {"loop": "uvloop"},
    ),
    (
        "tls",
        "TLS instead of plain HTTP",
        (*_FEW, "httpx", "pycurl", PYREQWEST),
        {"tls": True},
    ),
    ("xml", "XML instead of JSON", (OURS, AIOHTTP, WREQ), {"accept": "xml"}),
    ("connections-1", "1 connection instead of 32", _FEW, {"connections": 1}),
    ("connections-8", "8 connections instead of 32", _FEW, {"connections": 8}),
    ("connections-64", "64 connections instead of 32", _FEW, {"connections": 64}),
    ("connections-256", "256 connections instead of 32", _FEW, {"connections": 256}),
    (
        "body-64k",
        "Bodies of 64 KB instead of 1.4 KB",
        (*_FEW, *_FLOORS),
        {"size": 64_000},
    ),
    ("latency-5", "A server that takes 5 ms", _FEW, {"latency": 0.005}),
    ("latency-50", "A server that takes 50 ms", _FEW, {"latency": 0.05}),
    (
        "allocator",
        "glibc's allocation threshold fixed at its first value",
        (OURS, AIOHTTP, *_FLOORS),
        {"fixed_threshold": True},
    ),
)
"""Key, title, clients, and what differs from the base case."""

_TARGETED = ("base", "uvloop", "tls", "allocator")
"""Subjects that targets are taken from: they get all rounds, the others half."""


def subjects(rounds: int, seconds: float) -> list[Subject]:
    """Give all of them, with so many *rounds* of *seconds* each."""
    few = max(2, rounds // 2 + 1)
    return [
        Subject(
            key=key,
            title=title,
            cases=tuple(Case(client=client, **varied) for client in clients),
            rounds=rounds if key in _TARGETED else few,
            seconds=seconds,
        )
        for key, title, clients, varied in _PLAN
    ]
