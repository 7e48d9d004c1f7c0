"""Looks for secrets in all that an error, or a tool that shows it, lets one see.

What counts is the text, the repr and the attributes of an error and of whatever it
comes from, and the repr of every variable in every frame but those of the tests: the
caller's own. Models, whose reprs are short, are looked through in full.
"""

from __future__ import annotations

import binascii
import html
import json
import pickle
import re
import traceback
from base64 import b64decode
from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import unquote, unquote_plus

from tests.support.in_full import in_full
from tests.support.paths import TESTS

_HERE = str(TESTS)
_RUN = re.compile(rb"[A-Za-z0-9+/_-]{8,}")
_UNIT = re.compile(r"\\+u([0-9a-fA-F]{4})")


def exposed(error: BaseException, secrets: Iterable[str]) -> list[str]:
    """Where secrets show in *error* and down its causes, contexts and groups."""
    wanted = tuple(secrets)
    shown = [*_places(error), *_formatted(error)]
    return [place for place, text in shown if shows(text, wanted)]


@lru_cache(maxsize=20_000)
def shows(text: str, secrets: tuple[str, ...]) -> bool:
    """Whether a secret is in *text*, be it escaped, in base64 or in hexadecimal."""
    read = "\n".join({reading.lower() for reading in _readings(text)})
    data = b"\n".join(_decoded(text))
    return any(each.lower() in read or each.encode() in data for each in secrets)


def _readings(text: str) -> Iterator[str]:
    for _ in range(3):
        yield text
        text = html.unescape(unquote(text))
        yield text
        yield unquote_plus(text)
        text = _UNIT.sub(lambda unit: chr(int(unit[1], 16)), text)
        text = re.sub(r"\\(.)", r"\1", text)


def _decoded(text: str) -> Iterator[bytes]:
    for run in _RUN.findall(text.encode("utf-8", "replace")):
        standard = run.replace(b"-", b"+").replace(b"_", b"/")
        for start in range(4):
            part = standard[start:]
            with_length = part[: len(part) // 4 * 4]
            try:
                yield b64decode(with_length)
            except binascii.Error:
                continue
        try:
            yield bytes.fromhex(run.decode())
        except ValueError:
            continue


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """The error, its causes and contexts, and the members of groups among them."""
    waiting, seen = [error], set[int]()
    while waiting:
        met = waiting.pop()
        if id(met) in seen:
            continue
        seen.add(id(met))
        yield met
        waiting += [one for one in (met.__cause__, met.__context__) if one is not None]
        if isinstance(met, BaseExceptionGroup):
            waiting += met.exceptions


def _places(error: BaseException) -> Iterator[tuple[str, str]]:
    for met in chain_of(error):
        name = type(met).__name__
        yield f"{name}, text", f"{met} {met!r} {in_full(met.args)}"
        yield f"{name}, attributes", in_full(vars(met))
        yield f"{name}, JSON", json.dumps(vars(met), default=in_full, skipkeys=True)
        yield f"{name}, pickle", _pickled(met)
        for frame, line in traceback.walk_tb(met.__traceback__):
            code = frame.f_code
            if code.co_filename.startswith(_HERE):
                continue
            for local, value in frame.f_locals.items():
                place = f"{code.co_filename}:{line} {code.co_qualname}: {local}"
                yield place, in_full(value)


def _formatted(error: BaseException) -> Iterator[tuple[str, str]]:
    """What a tool prints that shows variables."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    waiting, seen = [shown], set[int]()
    while waiting:
        met = waiting.pop()
        if id(met) in seen:
            continue
        seen.add(id(met))
        yield "printed", "\n".join(met.format_exception_only())
        for frame in met.stack:
            if not frame.filename.startswith(_HERE):
                yield f"{frame.filename}:{frame.lineno}", repr(frame.locals)
        waiting += [one for one in (met.__cause__, met.__context__) if one is not None]
        waiting += met.exceptions or ()


def _pickled(error: BaseException) -> str:
    try:
        return pickle.dumps(error).decode("latin-1")
    except Exception:  # noqa: BLE001 - what cannot be pickled shows nothing
        return ""
