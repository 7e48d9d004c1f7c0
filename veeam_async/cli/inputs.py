"""What commands read: ids as arguments, from a file, from standard input.

Whatever a command prints as JSON, NDJSON or CSV is read, also as PowerShell writes it.
A table is for people, and refused as a whole.
"""

from __future__ import annotations

import codecs
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from veeam_async.cli.exits import Refusal

STDIN = "-"

# PowerShell puts one of these before the text that it writes into a file.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MARK = "\ufeff"

_TABLE = re.compile(
    r"(?:id|machine|job|name) {2,}\S"  # a heading
    r"|[0-9a-f]{8}[0-9a-f-]* {2,}\S"  # a row
    r"|.* [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12} {2}"  # an event
    r"|[│┃╭┌┏]",
    re.IGNORECASE,
)
"""How a line begins that is one of a table."""

_FIELD = re.compile("[a-z]+(?:_[a-z]+)*")
_DELIMITERS = ",;\t"
_SEPARATOR = re.compile("sep=.", re.IGNORECASE)
"""What stands between two values: a comma here, others where Excel saved the file."""


def read_ids(arguments: Sequence[str], file: str | None) -> list[str]:
    """All ids of *arguments*, in which - is standard input, and of *file*."""
    ids: list[str] = []
    for argument in arguments:
        if argument == STDIN:
            ids.extend(ids_in(read_text(STDIN), "standard input"))
        elif argument.startswith("-"):
            # Arguments may begin with a hyphen for the sake of -, so that an option
            # with a typing error arrives here as an id.
            raise Refusal(f"unknown option {argument.partition('=')[0]} (see --help)")
        else:
            ids.append(argument)
    if file is not None:
        ids.extend(ids_in(read_text(file), file))
    return ids


def read_text(file: str) -> str:
    """The text of a file, or of standard input for -; Refusal where it is none."""
    text = _text_in(file)
    if text is None:
        named = "standard input" if file == STDIN else file
        raise Refusal(f"{named} is no text in UTF-8")
    return text


def _standard_input() -> bytes:
    if sys.stdin is None:
        raise Refusal("standard input is closed")
    data: bytes = sys.stdin.buffer.read()
    return data


def _text_in(file: str) -> str | None:
    # An error of what is no text would quote all of it, even a password.
    data = _standard_input() if file == STDIN else Path(file).read_bytes()
    encoding = "utf-8"
    for mark, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            data, encoding = data[len(mark) :], name
            break
    else:
        if data[1:2] == b"\0":  # no text in UTF-8 holds one
            encoding = "utf-16-le"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


# ---------------------------------------------------------------- ids in a text


def ids_in(text: str, source: str) -> list[str]:
    """The ids in *text*, which *source* held: of rows, or one on each line.

    Each comes once: the events of a watch name a session many times. Raises Refusal,
    with the place, for what is neither, and for a table.
    """
    lines = [line.strip().removeprefix(_MARK) for line in text.splitlines()]
    first = next((line for line in lines if _is_told(line)), "")
    if (rows := _whole_json(text, first, source)) is not None:
        what = "row" if first.startswith("[") else "line"
        found = _ids_of(rows, source, what)
    elif delimiter := _delimiter(first):
        found = _ids_of(_csv_rows(lines, text, delimiter, source), source, "row")
    else:
        found = _ids_on(lines, source)
    return list(dict.fromkeys(found))


def _is_told(line: str) -> bool:
    """Whether a line is neither empty nor a comment.

    PowerShell's `#TYPE` is one too, and so is `sep=;`, by which Excel opens a CSV.
    """
    return bool(line) and not line.startswith("#") and not _SEPARATOR.fullmatch(line)


def _ids_on(lines: Sequence[str], source: str) -> Iterator[str]:
    """The id on each of *lines*, or in the JSON that stands there."""
    for number, line in enumerate(lines, start=1):
        if not _is_told(line):
            continue
        place = f"line {number} of {source}"
        if line.startswith("{"):
            yield from _id_of(_json_line(line, place), place)
        elif _TABLE.match(line):
            raise Refusal(
                f"{source} holds a table, which is for people: write it with --output "
                "ndjson, json or csv, or into a pipe without --output"
            )
        else:
            yield line


def _json_line(line: str, place: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Refusal(f"{place} is neither an id nor JSON") from error


def _whole_json(text: str, first: str, source: str) -> list[Any] | None:
    """The rows of *text* where all of it is one JSON text; else None."""
    if not first.startswith(("[", "{")):
        return None
    try:
        found = json.loads(text.removeprefix(_MARK))
    except (ValueError, RecursionError) as error:
        # An array that is cut off is told as a whole; lines may each be an object.
        if first == "[" or first.startswith(("[{", '["', "[ ")):
            raise Refusal(f"{source} is no whole JSON: {error}") from error
        return None
    return found if isinstance(found, list) else [found]


def _delimiter(first: str) -> str | None:
    """What separates the columns that *first* names; None where it names none."""
    for delimiter in _DELIMITERS:
        names = _cells(first, delimiter)
        are_fields = all(map(_FIELD.fullmatch, names))
        if {"id", "uid"} & {*names} or (names[1:] and are_fields):
            return delimiter
    return None


def _cells(line: str, delimiter: str) -> list[str]:
    import csv  # noqa: PLC0415 - only who reads ids needs it

    try:
        cells = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []
    return [cell.strip().lower() for cell in cells]


def _csv_rows(
    lines: Sequence[str], text: str, delimiter: str, source: str
) -> list[dict[str, str]]:
    import csv  # noqa: PLC0415 - as above
    import io  # noqa: PLC0415 - as above

    # Not line by line: a failure's message may have several.
    start = next(place for place, line in enumerate(lines) if _is_told(line))
    body = "".join(text.splitlines(keepends=True)[start:]).removeprefix(_MARK)
    try:
        head, *rows = csv.reader(io.StringIO(body, newline=""), delimiter=delimiter)
    except csv.Error as error:
        raise Refusal(f"{source} is no whole CSV: {error}") from error
    names = [name.strip().lower() for name in head]
    return [dict(zip(names, row, strict=False)) for row in rows if any(row)]


def _ids_of(rows: Sequence[Any], source: str, what: str) -> Iterator[str]:
    for number, row in enumerate(rows, start=1):
        yield from _id_of(row, f"{what} {number} of {source}")


def _id_of(row: Any, place: str) -> Iterator[str]:
    """The id of *row*: of its session where it is an event, or work on one machine.

    None comes of an outage, which is no session's.
    """
    if isinstance(row, str):
        yield row
        return
    data: Mapping[str, Any] = row if isinstance(row, dict) else {}
    found = data.get("job_session_uid") or data.get("uid") or data.get("id")
    if found and isinstance(found, str):
        yield found
    elif not data.get("kind"):
        raise Refusal(f"{place} has neither uid nor id")
