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
    PYCURL,
    PYCURL_DECODED,
    PYREQWEST,
    RELEASED,
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
_NATIVE = (PYCURL, PYCURL_DECODED, WREQ, WREQ_DECODED, PYREQWEST)
_PLAN: tuple[tuple[str, str, tuple[str, ...], dict[str, Any]], ...] = (
    ("base", "Base case: over TLS", tuple(ROSTER), {}),
    (
        "plain",
        "Plain HTTP instead of TLS",
        (OURS, RELEASED, ORDERED, AIOHTTP, *_NATIVE, *_FLOORS),
        {"tls": False},
    ),
    ("uvloop", "On uvloop instead of asyncio", _FEW, {"loop": "uvloop"}),
    (
        "uvloop-plain",
        "On uvloop, plain HTTP",
        (*_FEW, ORDERED, *_FLOORS),
        {"loop": "uvloop", "tls": False},
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
        "Plain HTTP, glibc's allocation threshold fixed at its first value",
        (OURS, AIOHTTP, *_FLOORS),
        {"fixed_threshold": True, "tls": False},
    ),
)
"""Key, title, clients, and what differs from the base case."""

_TARGETED = ("base", "plain", "uvloop-plain", "allocator")
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
