"""What is measured: a base case, and subjects that vary one thing of it each."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from benchmarks import roster


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
    """Clients that are measured in turns: A B C, A B C, and so on."""

    title: str
    clients: tuple[str, ...]
    case: Case


_FEW = (roster.OURS, roster.AIOHTTP, roster.WREQ_DECODED)
_FLOORS = roster.of_kind("floor")
_OTHERS = (roster.RELEASED, roster.ORDERED, roster.AIOHTTP)
_PLAIN = (roster.OURS, *_OTHERS, *roster.of_kind("native"), *_FLOORS)
_XML = (roster.OURS, roster.AIOHTTP, roster.WREQ)


def _few(title: str, *more: str, **varied: Any) -> Subject:
    return Subject(title, (*_FEW, *more), Case(**varied))


SUBJECTS: dict[str, Subject] = {
    "base": Subject("Base case: over TLS", tuple(roster.ROSTER), Case()),
    "plain": Subject("Plain HTTP instead of TLS", _PLAIN, Case(tls=False)),
    "uvloop": _few("On uvloop instead of asyncio", loop="uvloop"),
    "uvloop-plain": _few(
        "On uvloop, plain HTTP", roster.ORDERED, *_FLOORS, loop="uvloop", tls=False
    ),
    "xml": Subject("XML instead of JSON", _XML, Case(accept="xml")),
    "connections-1": _few("1 connection instead of 32", connections=1),
    "connections-8": _few("8 connections instead of 32", connections=8),
    "connections-64": _few("64 connections instead of 32", connections=64),
    "connections-256": _few("256 connections instead of 32", connections=256),
    "body-64k": _few("Bodies of 64 KB instead of 1.4 KB", *_FLOORS, size=64_000),
    "latency-5": _few("A server that takes 5 ms", latency=0.005),
    "latency-50": _few("A server that takes 50 ms", latency=0.05),
    "allocator": Subject(
        "Plain HTTP, glibc's allocation threshold fixed at its first value",
        (roster.OURS, roster.AIOHTTP, *_FLOORS),
        Case(fixed_threshold=True, tls=False),
    ),
}
TARGETED = ("base", "plain", "uvloop-plain", "allocator")
"""Subjects that targets are taken from: they get all rounds, the others half."""
