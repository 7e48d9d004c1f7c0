"""The page of what can be relied on names only tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.faults.operations import OPERATIONS
from tests.soak.judge import PROMISES
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "development" / "reliability.md"

_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_ROW = re.compile(r"matrix `([\w-]+)`")
_KIND = re.compile(r"soak `([\w ]+)`")
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")


def page() -> str:
    """Read the page."""
    return PAGE.read_text("utf-8")


@cache
def names_in(path: str) -> set[str]:
    """Read the names of the tests of a file."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def promises() -> list[str]:
    """Read the rows that promise something."""
    rows = [line for line in page().splitlines() if line.startswith("| ")]
    return [row for row in rows if not row.startswith(("| promised", "| ---"))]


def test_each_test_that_is_named_exists() -> None:
    """In the file that it is said to be in."""
    named = _TEST.findall(page())

    assert [name for path, name in named if name not in names_in(path)] == []
    assert named


def test_each_row_of_the_matrix_and_each_kind_of_the_soak_exists() -> None:
    """By the name that the commands take, and tell."""
    operations = {each.name for each in OPERATIONS}

    assert set(_ROW.findall(page())) <= operations
    assert set(_KIND.findall(page())) == set(PROMISES)


@pytest.mark.parametrize("promise", promises())
def test_each_promise_is_tested(promise: str) -> None:
    """By one test at least, which every run of the suite holds."""
    assert _TEST.search(promise)


def test_each_link_leads_somewhere() -> None:
    """From this page, and from the front page, or the one for contributors, to it.

    To its neighbours too.
    """
    fronts = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    front = "".join(each.read_text("utf-8") for each in fronts)
    links = [PAGE.parent / link for link in _LINK.findall(page())]

    assert [str(each) for each in links if not each.exists()] == []
    for each in PAGE.parent.glob("*.md"):
        assert f"(docs/development/{each.name})" in front
