"""From the bytes of a body to a model, or to sentences that say what is wrong with it.

The fast pass stops at the first fault, so that good bodies pay for nothing more; a body
that it gave up on is gone over again by the careful pass. So it is with bytes: what
does not parse is mended, and parsed again. Of a list the rows that neither pass can
read are left out, unless it is asked for whole.

A DecodeError is raised where no other exception is being handled: that one may hold a
secret, and would hang on it as its context. Hence what goes wrong in here is handed on
as a value, beside the model that there would have been.
"""

from __future__ import annotations

import asyncio
from typing import Any, Generic, TypeVar

import attrs
import orjson

from veeam_async.codec.compile import Structurer
from veeam_async.codec.foreign import compressed, compression_of, page_sentence
from veeam_async.codec.kinds import (
    ForeignError,
    fold,
    is_root,
    is_secret,
    name_of,
    no_list,
    page,
    row_of,
    says_so,
    wrong_kind,
)
from veeam_async.codec.parse import (
    LARGE_JSON,
    NEITHER,
    PAGE,
    MalformedError,
    Tree,
    UnreadableError,
    content,
    is_xml,
    parse,
    parse_short,
)
from veeam_async.codec.values import Damaged
from veeam_async.errors import DecodeError
from veeam_async.ids import ends_in_uuid
from veeam_async.models import UnreadableRow

K = TypeVar("K")

XML_ASIDE_ABOVE = 64 * 1024
"""Bytes of XML above which a body is decoded in a thread, so that the loop goes on."""

JSON_ASIDE_ABOVE = 512 * 1024
"""The same for JSON, which only a collection without pages reaches."""

FAST = Structurer(careful=False)
CAREFUL = Structurer(careful=True)

_EXCERPT = 120
_LOOKED_AT = 4096
_SECRETS = ("sessionid", "logonsession", "x-restsvc")
# To find out what is wrong with a row takes long. It is done for as many as a server's
# real rows can be, which have more bytes each, and some; of more it is not said.
_FREE_ROWS = 100
_BYTES_PER_ROW = 256
_TOLD = 5
_NO_ROW = ["an object with members was expected"]
_UNSAID = "one of very many that cannot be read"
_LONGEST_UID = 256
_FAULTS = (AttributeError, KeyError, TypeError, ValueError)


def decode(
    body: bytes, media_type: str | None, kind: type[K], *, strict: bool = False
) -> K:
    """Decode *body*, which holds a *kind*: a model, or a `Page` of one.

    *media_type* is the answer's Content-Type, None where there was none. Raises
    DecodeError for whatever is not a JSON object or an XML element of that kind; where
    *strict*, also for a page with rows that cannot be read, which has them among its
    `unreadable` else.
    """
    found = decode_short(body, kind)
    if found is not None:
        return found
    return _decode_any(body, media_type or "", kind, strict=strict)


def decode_short(body: bytes, kind: type[K]) -> K | None:
    """Decode *body* where it is a flawless entity, as nearly every one is.

    None says nothing of any other: `decode` knows.
    """
    # A `Page[…]` is no type, and never here.
    if not isinstance(kind, type):
        return None
    found: K | None = None
    try:
        if body.startswith(b"{"):
            tree = orjson.loads(body) if len(body) <= LARGE_JSON else {}
            if says_so(tree, kind):
                found = FAST.for_kind(kind).one(tree, kind)
        elif (
            (read := parse_short(body))
            and is_root(read[0], kind)
            # An empty one would do for a kind that requires nothing.
            and read[1].__class__ is dict
        ):
            found = FAST.for_kind(kind).one(read[1], kind)
    except _FAULTS:
        pass
    return found


async def decode_aside(
    body: bytes, media_type: str | None, kind: type[K], *, strict: bool = False
) -> K:
    """Decode as `decode` does, a large body in a thread."""
    # orjson holds the interpreter's lock while it parses, but that is a tenth of what
    # decoding takes: 4 MiB of JSON hold the loop for 15 ms instead of 85.
    if len(body) > XML_ASIDE_ABOVE and _is_long(body, media_type or ""):
        work = _Work(body, media_type, kind, strict=strict)
        del body, media_type  # some tools show variables where this is cancelled
        return await asyncio.to_thread(work)
    return decode(body, media_type, kind, strict=strict)


class _Work(Generic[K]):
    """A body to decode when called, which its repr does not show."""

    def __init__(
        self, body: bytes, media_type: str | None, kind: type[K], *, strict: bool
    ) -> None:
        self._given = body, media_type, kind
        self._strict = strict

    def __call__(self) -> K:
        return decode(*self._given, strict=self._strict)


def _is_long(body: bytes, media_type: str) -> bool:
    return is_xml(body, media_type) or len(body) > JSON_ASIDE_ABOVE


def _decode_any(body: bytes, media_type: str, kind: type[K], *, strict: bool) -> K:
    """Decode what is no flawless entity in JSON, or raise what is wrong with it."""
    found: K
    found, problems = _read(body, media_type, kind, strict=strict)
    if problems:
        raise DecodeError(
            media_type=_bare(media_type) or "an unnamed media type",
            kind=name_of(kind),
            problems=tuple(problems),
            excerpt="" if is_secret(kind) else _excerpt(body),
        )
    return found


def _read(
    body: bytes, media_type: str, kind: Any, *, strict: bool
) -> tuple[Any, list[str] | None]:
    """The model, or what is wrong with the body."""
    try:
        root, tree = _parsed(body, media_type)
    except UnreadableError as error:
        return None, [_unreadable(body, media_type, str(error))]
    if wrong := wrong_kind(root, tree, kind):
        return None, [wrong]
    try:
        row = row_of(kind)
        found: Any = tree if row is None else page(tree, row)
    except (ForeignError, TypeError) as error:
        return None, [str(error)]
    if row is not None and not found["rows"] and (lack := no_list(root, tree, row)):
        return None, [lack]
    if row is None or strict:
        return structure(found, kind)
    return _structure_page(found, kind, _FREE_ROWS + len(body) // _BYTES_PER_ROW)


def _parsed(body: bytes, media_type: str) -> tuple[str | None, Tree]:
    """What `parse` gives, of a body with bad characters once it is mended."""
    try:
        return parse(body, media_type)
    except MalformedError as error:
        first = error
    mended = mend(body)
    if mended is None:
        raise first
    try:
        root, tree = parse(mended[0], media_type)
    except MalformedError as error:
        # What began like neither may be anything.
        raise (first if str(first) == NEITHER else error) from None
    return root and root.replace(mended[1], ""), settle(tree, mended[1])


# Loaded with the first bad body: to compile the patterns takes a while.


def mend(body: bytes) -> tuple[bytes, str] | None:
    """What `codec.mend` makes of *body*."""
    from veeam_async.codec import mend as mending  # noqa: PLC0415 - see above

    return mending.mend(body)


def settle(tree: Tree, mark: str) -> Any:
    """The same of the *tree* of what it has mended."""
    from veeam_async.codec import mend as mending  # noqa: PLC0415 - see above

    return mending.settle(tree, mark)


def _structure_page(
    tree: dict[str, Any], kind: Any, most: int
) -> tuple[Any, list[str] | None]:
    """Structure as `structure` does, but leave out the rows that cannot be read.

    Of *most* of them it is found out what is wrong.
    """
    try:
        return FAST.structure(tree, kind), None
    except _FAULTS:
        pass
    page, problems = structure(tree | {"rows": []}, kind)
    if problems:
        return None, problems
    rows, unreadable = _sifted(tree["rows"], row_of(kind), most)
    return attrs.evolve(page, rows=tuple(rows), unreadable=tuple(unreadable)), None


def _sifted(
    values: list[Any], kind: Any, most: int
) -> tuple[list[Any], list[UnreadableRow]]:
    """The rows that can be read, and what the others are."""
    rows: list[Any] = []
    unreadable: list[UnreadableRow] = []
    for index, value in enumerate(values):
        found, problems = _structure_row(value, kind, has_time=len(unreadable) < most)
        if not problems:
            rows.append(found)
            continue
        reason = problems[0] if len(problems) == 1 else "; ".join(problems[:_TOLD])
        uid = _uid_of(value) if value else None
        unreadable.append(UnreadableRow(index=index, reason=reason, uid=uid))
    return rows, unreadable


def _structure_row(
    value: Any, kind: Any, *, has_time: bool
) -> tuple[Any, list[str] | None]:
    """Structure as `structure` does; find out what is wrong where there is time."""
    if isinstance(value, Damaged):
        return None, [str(value)]
    if not value or not isinstance(value, dict):
        return None, _NO_ROW  # a page can hold very many
    if has_time:
        return structure(value, kind)
    try:
        return FAST.structure(value, kind), None
    except _FAULTS:
        return None, [_UNSAID]


def _uid_of(row: Any) -> str | None:
    """The UID in a *row* that cannot be read, None where that cannot either."""
    if not isinstance(row, dict):
        return None
    uids = [value for key, value in row.items() if fold(key) == "uid"]
    found = uids[0].strip() if uids and isinstance(uids[0], str) else ""
    return found if len(found) <= _LONGEST_UID and ends_in_uuid(found) else None


def _unreadable(body: bytes, media_type: str, fault: str) -> str:
    """What a body is that cannot be parsed, else the parser's *fault*."""
    if kind := compression_of(body):
        return compressed(kind)
    # What calls itself HTML need not begin like a page to be one.
    is_page = fault == PAGE or ("html" in _bare(media_type) and content(body))
    return page_sentence(body) if is_page else fault


def structure(tree: Any, kind: Any) -> tuple[Any, list[str] | None]:
    """Structure *tree* by the fast pass, else by the careful one.

    The model comes first; what is wrong is a list beside it, None where nothing is.
    """
    if not isinstance(tree, dict):
        return None, ["an object was expected"]
    try:
        return FAST.structure(tree, kind), None
    except _FAULTS:
        pass
    try:
        return CAREFUL.structure(tree, kind), None
    except Exception as error:  # noqa: BLE001 - cattrs collects faults in groups
        # Loaded by the careful pass, and not before.
        from veeam_async.codec.careful import sentences  # noqa: PLC0415 - see above

        problems = sentences(error, _sentence)
    if is_secret(kind):
        # A sentence shows the value that it is about; the path may be told.
        problems = [f"unusable @ {each.rpartition(' @ ')[2]}" for each in problems]
    return None, problems


def _sentence(error: BaseException, _kind: type | None) -> str:
    return "the value is missing" if isinstance(error, KeyError) else str(error)


def _bare(media_type: str) -> str:
    """A media type without its parameters, in lower case."""
    return media_type.partition(";")[0].strip().lower()


def _excerpt(body: bytes) -> str:
    """The beginning of *body* on one line, empty where a logon shows in it."""
    # Any body may turn out to be a logon's, whatever was asked. In UTF-16 a NUL stands
    # behind each letter of the words that give it away.
    if compression_of(body):
        return ""
    start = body[:_LOOKED_AT].decode("utf-8", "replace").replace("\0", "")
    if any(word in start.lower() for word in _SECRETS):
        return ""
    line = " ".join(start.split())[:_EXCERPT]
    # It may end on somebody's terminal, so no control sequence gets through.
    return "".join(char if char.isprintable() else "�" for char in line)
