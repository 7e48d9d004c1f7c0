"""All faults, struck once and again and again, and all cells made of them."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from tests.faults.answers import ANSWER_FAULTS
from tests.faults.connections import CONNECTION_FAULTS
from tests.faults.operations import OPERATIONS
from tests.faults.refusals import HALF_REFUSALS
from tests.faults.runner import TRANSPORTS, Cell
from tests.faults.table import Fault, Nature

AGAIN = "+"
"""Ends the name of a fault that strikes again and again."""

_BASE: tuple[Fault, ...] = (*CONNECTION_FAULTS, *ANSWER_FAULTS, *HALF_REFUSALS)


def _may_last(fault: Fault) -> bool:
    """Whether another thing comes of it where it strikes again and again."""
    is_odd = fault.nature is not Nature.HARMLESS or bool(fault.natures)
    return is_odd or fault.kind == "page"


FAULTS: tuple[Fault, ...] = tuple(
    attrs.evolve(fault, lasting=lasting, name=fault.name + AGAIN * lasting)
    for fault in _BASE
    for lasting in ((False, True) if _may_last(fault) else (False,))
)


def all_cells() -> Iterator[Cell]:
    """Every fault with every operation, over TLS and not, over both transports."""
    for fault in FAULTS:
        for operation in OPERATIONS:
            for is_tls in (False, True):
                for transport in TRANSPORTS:
                    yield Cell(fault, operation, is_tls, transport)


def cells_named(only: str) -> list[Cell]:
    """The cells whose names have the parts of *only*, each whole and in its place.

    A part that is empty, or missing, takes all.
    """
    wanted = only.split(",")
    return [
        cell
        for cell in all_cells()
        if all(
            part in ("", given)
            for part, given in zip(wanted, cell.name.split(","), strict=False)
        )
    ]
