"""The headers of an answer, by their names in lower case, found when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

Raw: TypeAlias = Sequence[tuple[bytes, bytes]]
"""Names and values as they came."""


class Headers(Mapping[str, str]):
    """A mapping over the raw pairs of an answer; of equal names the first counts.

    An answer has half a dozen headers of which one is ever looked at, so none is
    decoded before.
    """

    __slots__ = ("_raw",)

    def __init__(self, raw: Raw) -> None:
        self._raw = raw

    def __getitem__(self, name: str) -> str:
        wanted = name.encode("latin-1")
        for key, value in self._raw:
            if len(key) == len(wanted) and key.lower() == wanted:
                return value.strip(b" \t").decode("latin-1")
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter({key.lower().decode("latin-1"): None for key, _ in self._raw})

    def __len__(self) -> int:
        return len({key.lower() for key, _ in self._raw})


def size_of(raw: Raw) -> int:
    """Give how many bytes *raw* took on its way."""
    return sum(len(name) + len(value) + len(": \r\n") for name, value in raw)


def announced_size(raw: Raw) -> int:
    """Give the size that a body is said to have, 0 where none is said."""
    return int(_last(raw, b"content-length") or 0)


def ends_by_close(raw: Raw) -> bool:
    """Tell whether nothing but the connection's end ends the body."""
    coding = _last(raw, b"transfer-encoding") or b""
    is_chunked = coding.lower().rstrip().endswith(b"chunked")
    return not is_chunked and _last(raw, b"content-length") is None


def _last(raw: Raw, wanted: bytes) -> bytes | None:
    """Give the last value of a header, None where there is none."""
    for name, value in reversed(raw):
        if name.lower() == wanted:
            return value
    return None
