"""The headers of an answer, by their names in lower case, found when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence


class Headers(Mapping[str, str]):
    """A mapping over the raw pairs of an answer; of equal names the first counts.

    An answer has half a dozen headers of which one is ever looked at, so none is
    decoded before.
    """

    __slots__ = ("_raw",)

    def __init__(self, raw: Sequence[tuple[bytes, bytes]]) -> None:
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
