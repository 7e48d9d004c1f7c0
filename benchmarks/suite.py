"""What both suites do alike: the command line, files, targets and their table."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import ssl
import sys
from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from math import isnan, nan
from pathlib import Path
from typing import Any, TypeVar

import attrs
from cattrs import structure, unstructure

R = TypeVar("R")

_HERE = Path(__file__).parent
_PACKAGES = (
    *("veeam-async", "httptools", "orjson", "attrs", "cattrs", "xmltodict"),
    *("aiohttp", "uvloop", "httpx", "niquests", "requests", "urllib3", "pycurl"),
    *("wreq", "pyreqwest", "aiosonic", "veeam-em", "pydantic"),
)


def options(name: str, about: str | None, keys: Collection[str]) -> argparse.Namespace:
    """Read the command line of `python -m` *name*, which can measure those *keys*."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {name}",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="a short look, too short to be quoted")
    only = f"measure these alone: {', '.join(keys)}"
    add("--only", nargs="+", choices=keys, default=keys, metavar="KEY", help=only)
    add("--again", action="store_true", help="write the pages anew from the numbers")
    add("--out", type=Path, default=_HERE, help="folder to write into (benchmarks/)")
    return parser.parse_args()


def load(path: Path, kind: type[R]) -> R:
    """Read what a run before has written down."""
    if not path.is_file():
        raise SystemExit(f"there is no {path} to write the pages from")
    return structure(json.loads(path.read_text(encoding="utf-8")), kind)


def dump(run: object, **more: object) -> str:
    """Write a run as JSON, with *more* that follows from it."""
    told: dict[str, Any] = unstructure(run)
    text = json.dumps({**told, **unstructure(more)}, indent=1, ensure_ascii=False)
    return f"{text}\n"


def write(folder: Path, pages: dict[str, str]) -> None:
    """Write files of these names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in pages.items():
        (folder / name).write_text(page, encoding="utf-8")
    sys.stderr.write(f"written into {folder}: {', '.join(pages)}\n")


def describe() -> dict[str, str]:
    """Give on what is measured: processor, system and the versions installed."""
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    known = {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "system": f"{system} {platform.machine()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "OpenSSL": ssl.OPENSSL_VERSION.removeprefix("OpenSSL "),
    }
    for package in _PACKAGES:
        try:
            known[package] = version(package)
        except PackageNotFoundError:
            continue
    return known


def _processor() -> str:
    """Give the processor's name as the system tells it."""
    told = Path("/proc/cpuinfo")
    text = told.read_text(encoding="utf-8") if told.exists() else ""
    found = re.search(r"model name\s*: (.+)", text)
    return found[1] if found else platform.processor() or platform.machine()


class _Missing(float):
    """Not a number, whatever is asked of it: so is what is computed from it."""

    def __getattr__(self, name: str) -> _Missing:
        return self

    __getitem__ = __getattr__


MISSING: Any = _Missing(nan)
"""Stands for what was not measured."""


@attrs.frozen
class Row:
    """A target as a page tells it; what was not measured has no *value*.

    *figures* are what the value was made of. *by_rate* and *by_cpu* are the same ratio
    by the clock and by the processor of the client, of which *value* is the one that
    counts. *key* is that of the part of a run from which it comes.
    """

    what: str
    wanted: str
    verdict: str
    value: float | None
    figures: str
    unit: str
    key: str
    by_rate: float | None
    by_cpu: float | None


def judge(
    what: str,
    wanted: str,
    value: float,
    figures: str,
    *,
    unit: str = "",
    key: str = "",
    by_rate: float = nan,
    by_cpu: float = nan,
) -> Row:
    """Hold a *value* against what is *wanted* of it.

    That is `≤ 1.25`, `≥ 1/10`, `all`, or nothing where it is only told.
    """
    told = wanted + unit if wanted not in ("", "all") else wanted
    ratios = (None if isnan(each) else each for each in (by_rate, by_cpu))
    if isnan(value):
        return Row(what, told, "not measured", None, "", unit, key, None, None)
    return Row(what, told, _verdict(wanted, value), value, figures, unit, key, *ratios)


def _verdict(wanted: str, value: float) -> str:
    if not wanted:
        return "no target"
    sign, bound = ("≥ 1" if wanted == "all" else wanted).split()
    limit = float(Fraction(bound))
    is_met = value <= limit if sign == "≤" else value >= limit
    return "met" if is_met else "missed"


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; all columns are aligned as they come."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
