"""What a command is given to work on: ids from arguments, a file, standard input."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from veeam_async.cli.exits import Refusal

STDIN = "-"

Ids = Annotated[str, Parameter(allow_leading_hyphen=True)]
"""An id as an argument, or - for standard input."""

File = Annotated[
    str | None, Parameter(name=["--file", "-f"], allow_leading_hyphen=True)
]
"""A file of ids, or - for standard input."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""What PowerShell puts before the text that it writes into a file."""


def read_ids(arguments: Sequence[str], file: str | None) -> list[str]:
    """Give the ids of *arguments*, in which - is standard input, and of *file*."""
    ids: list[str] = []
    for argument in arguments:
        if argument == STDIN:
            ids.extend(_ids_in(read_text(STDIN), "standard input"))
        elif argument.startswith("-"):
            raise Refusal(f"unknown option {argument.partition('=')[0]} (see --help)")
        else:
            ids.append(argument)
    if file is not None:
        ids.extend(_ids_in(read_text(file), file))
    return ids


def read_text(file: str) -> str:
    """Read a file, or standard input for -; Refusal where it is no text."""
    data = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
    encoding = "utf-8"
    for mark, name in _MARKS:
        if data.startswith(mark):
            data, encoding = data[len(mark) :], name
            break
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Refusal(f"{file} is no text in UTF-8") from error


def _ids_in(text: str, source: str) -> Iterator[str]:
    """Give the id on each line; a line may be what this command prints itself."""
    for number, line in enumerate(text.splitlines(), start=1):
        word = line.strip()
        if word.startswith("{"):
            yield _id_of(word, f"line {number} of {source}")
        elif word and not word.startswith("#"):
            yield word


def _id_of(line: str, place: str) -> str:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise Refusal(f"{place} is neither an id nor JSON") from error
    found = row.get("uid") or row.get("id")
    if not isinstance(found, str):
        raise Refusal(f"{place} has neither uid nor id")
    return found
