"""Profiles written into their file, and taken out: the rest of it stays as it is.

The file is its user's to edit, with comments of his own: so a profile is put at its
end, or cut out by lines, and nothing is written that does not read as it is meant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from veeam_async.cli.exits import Refusal
from veeam_async.cli.own_files import create, own_place
from veeam_async.profiles import parsed, settings_of, tables_of, text_of
from veeam_async.secret import Secret

Values: TypeAlias = Mapping[str, str | Mapping[str, str]]
"""What a profile tells, by the keys of its table."""

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_HEADER = re.compile(
    r"""\s*\[\s*profile\s*\.\s*(["']?)(?P<name>[^"'\].]+?)\1\s*(?:\..*)?\]\s*(?:\#.*)?"""
)
"""The line with which a profile begins, or a table in one."""
_ANY_HEADER = re.compile(r"\s*\[")
_NEITHER = re.compile(r"['\x00-\x1f\x7f]")
"""What stands in no literal text of TOML."""


def add_profile(file: Path, name: str, values: Values) -> None:
    """Put a profile at the end of *file*, which is made where it is not there.

    Raises Refusal where there is one of that name, and ValueError where *values* make
    no sense.
    """
    if not _NAME.fullmatch(name):
        raise Refusal("a profile's name consists of letters, digits, - and _")
    before = tables_of(file)
    if name in before:
        raise Refusal(
            f"there is a profile {name} already: edit {file}, or remove it first by "
            f"veeam-async profile remove {name}"
        )
    text = _lines_of(file)
    gap = "\n" if text and not text.endswith("\n\n") else ""
    end = "" if not text or text.endswith("\n") else "\n"
    _write(file, text + end + gap + _section(name, values), {**before, name: values})
    settings_of(name, tables_of(file)[name], file)


def remove_profile(file: Path, name: str) -> None:
    """Cut a profile out of *file*; Refusal where there is none of that name."""
    before = tables_of(file)
    if name not in before:
        raise Refusal(f"there is no profile {name} in {file}")
    kept, is_cut = [], False
    for line in _lines_of(file).splitlines(keepends=True):
        if _ANY_HEADER.match(line):
            header = _HEADER.fullmatch(line.rstrip())
            is_cut = header is not None and header["name"] == name
        if not is_cut:
            kept.append(line)
    after = {each: table for each, table in before.items() if each != name}
    _write(file, "".join(kept), after)


def _write(file: Path, text: str, expected: Mapping[str, Mapping[str, object]]) -> None:
    """Replace *file* by *text*, which must read as *expected*."""
    if parsed(Secret(text), file) != expected:
        raise Refusal(f"{file} is written in a way of its own: edit it by hand")
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # In one step: a full disk must not cost the other profiles.
    target = own_place(file)
    new = target.with_name(f"{target.name}.new")
    with create(new) as written:
        written.write(text)
    new.replace(target)


def _lines_of(file: Path) -> str:
    return text_of(file).reveal().replace("\r\n", "\n")


def _section(name: str, values: Values) -> str:
    lines = [f"[profile.{name}]"]
    lines += [f"{key} = {_written(value)}" for key, value in values.items()]
    return "\n".join([*lines, ""])


def _written(value: str | Mapping[str, str]) -> str:
    if isinstance(value, str):
        return quoted(value)
    pairs = ", ".join(f"{key} = {quoted(each)}" for key, each in value.items())
    return f"{{{pairs}}}"


def quoted(text: str) -> str:
    """*text* as TOML writes it: backslashes as they are, where that can be."""
    if "\\" in text and not _NEITHER.search(text):
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
