"""What both suites do alike: the command line, files, and the table on a terminal."""

from __future__ import annotations

import argparse
import json
import os
import platform
import ssl
import sys
from collections.abc import Collection, Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

from cattrs import structure, unstructure
from rich.console import Console
from rich.table import Table

R = TypeVar("R")

_HERE = Path(__file__).parent
_WIDE = 240
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
    parser.add_argument(
        "--quick", action="store_true", help="a short look, too short to be quoted"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=keys,
        default=keys,
        metavar="KEY",
        help=f"measure these alone: {', '.join(keys)}",
    )
    parser.add_argument(
        "--again", action="store_true", help="write the pages anew from the numbers"
    )
    parser.add_argument(
        "--out", type=Path, default=_HERE, help="folder to write into (benchmarks/)"
    )
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


def show(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table."""
    table = Table(*head, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    Console(width=_WIDE, markup=False, highlight=False).print(table)


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
    if sys.platform == "linux" and told.exists():
        for line in told.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
