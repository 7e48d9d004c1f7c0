"""The pages that people read: their blocks of code, and what their links lead to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import attrs

from tests.support.paths import ROOT

PAGES = sorted(
    {
        ROOT / "README.md",
        ROOT / "examples" / "README.md",
        *(ROOT / "docs").rglob("*.md"),
    }
    - set((ROOT / "docs" / "development").rglob("*.md"))
    - set((ROOT / "docs" / "reference" / "generated").rglob("*.md"))
    - set((ROOT / "docs" / "_build").rglob("*.md"))
)
"""Those for who uses it; pages for who carries it on hold no code to run."""

_BLOCK = re.compile(
    r"(?:^<!-- (?P<marker>[^\n]+) -->\n+)?^```(?P<language>[^\n]*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_NO_SLUG = re.compile(r"[^\w\- ]")


@attrs.frozen
class Block:
    """A block of code, in *language*; *marker* is the comment just above it."""

    page: Path
    number: int
    language: str
    text: str
    marker: str

    @property
    def name(self) -> str:
        """Where it stands, for the name of a test."""
        return f"{self.page.relative_to(ROOT).as_posix()}-{self.number}"

    @property
    def reason(self) -> str:
        """Why it is not run; empty where it is."""
        return self.marker.removeprefix("not run: ") if self.is_left_out else ""

    @property
    def is_left_out(self) -> bool:
        """It is not run."""
        return self.marker.startswith("not run: ")

    @property
    def is_endless(self) -> bool:
        """It goes on until somebody ends it."""
        return self.marker == "endless"

    @property
    def is_directive(self) -> bool:
        """No code: the builder of the pages reads it."""
        return self.language.startswith("{")


@cache
def blocks_of(page: Path) -> list[Block]:
    """All blocks of *page*, in their order."""
    return [
        Block(page, number, found["language"], found["text"], found["marker"] or "")
        for number, found in enumerate(_BLOCK.finditer(page.read_text("utf-8")), 1)
    ]


def blocks(*languages: str) -> list[Block]:
    """The blocks of all pages in one of *languages* that are to be run."""
    found = [block for page in PAGES for block in blocks_of(page)]
    return [
        each for each in found if each.language in languages and not each.is_left_out
    ]


def links_of(page: Path) -> Iterator[str]:
    """What *page* links to within the project."""
    text = _BLOCK.sub("", page.read_text("utf-8"))
    for link in _LINK.findall(text):
        if not re.match(r"https?:|mailto:", link):
            yield link


def is_alive(page: Path, link: str) -> bool:
    """What *link* on *page* leads to is there, its heading too."""
    path, _, anchor = link.partition("#")
    target = (page.parent / path) if path else page
    if not target.exists():
        return False
    return not anchor or anchor in _anchors(target)


@cache
def _anchors(page: Path) -> frozenset[str]:
    """The names that headings get, as forges and the builder make them."""
    headings = _HEADING.findall(_BLOCK.sub("", page.read_text("utf-8")))
    return frozenset(
        _NO_SLUG.sub("", heading.strip().lower()).replace(" ", "-")
        for heading in headings
    )
