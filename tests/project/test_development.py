"""The pages for those who carry this on speak only of what there is."""

from __future__ import annotations

import ast
import re
from contextlib import suppress
from enum import StrEnum
from functools import cache
from pathlib import Path

import attrs
import pytest

from tests.support.paths import ROOT
from veeam_async import models
from veeam_async.codec.kinds import fold
from veeam_async.filters import query_field, query_fields

PACKAGE = ROOT / "veeam_async"
DEVELOPMENT = ROOT / "docs" / "development"
DECISIONS = DEVELOPMENT / "decisions"
RECORDS = sorted(set(DECISIONS.glob("*.md")) - {DECISIONS / "README.md"})
WRITTEN = ("architecture.md", "contract.md", "glossary.md")
PAGES = (
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *(DEVELOPMENT / name for name in WRITTEN),
    DECISIONS / "README.md",
    *RECORDS,
)
WIRE = {DEVELOPMENT / "contract.md"}
"""Pages whose names are the server's, which no code of ours need hold."""

ELSEWHERE = {"profiles.toml", "em.pem"}
"""Files of users."""

EVIDENCE = {"doc", "rec", "xsd", "client", "report", "open"}
"""The sources of facts, by kind, as the contract's first section tells them."""

NOT_SENT = {models.Page, models.UnreadableRow}
"""Models of our own, which no server sends."""

TRAPS = range(1, 24)
LONGEST_RECORD = 70
PARTS = ["Context", "Decision", "What it costs", "What would change it"]

_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]*)\)")
_FILE = re.compile(r"(?!/)[\w./-]*\w\.(?:py|md|toml|json|ini|cfg|rec|svg)")
_FOLDER = re.compile(r"(?!/)[\w./-]+/")
_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?:\(\))?")
_TARGET = re.compile(r"make ([a-z][a-z-]*)")
_TERM = re.compile(r"^\*\*([^*]+)\*\*", re.MULTILINE)
_ITALIC = re.compile(r"(?<![*\w])\*([^*\n]+)\*(?!\*)")
_MARK = re.compile(r"\[([a-z]+(?:, [a-z]+)*)\]")
_FACT = re.compile(r"^(?:- .+(?:\n  .+)*|\| (?!---).+$(?!\n\| ---))", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z_]\w*")


@cache
def text(page: Path) -> str:
    """Read a page."""
    return page.read_text("utf-8")


def prose(page: Path) -> str:
    """Read a page without its blocks of code."""
    return _FENCED.sub("", text(page))


def spoken(page: Path) -> list[str]:
    """Read what a page shows as code, within its sentences."""
    return _CODE.findall(prose(page))


def place_of(name: str) -> Path | None:
    """Find a file or folder: below the checkout, the package, or among the tests."""
    found = [folder / name for folder in (ROOT, PACKAGE, DEVELOPMENT)]
    if "/" not in name:
        found += (ROOT / "tests").rglob(name)
    return next((each for each in found if each.exists()), None)


@cache
def names_in(module: Path) -> frozenset[str]:
    """Read the names that a module defines, those in classes with their class."""
    found = set()
    for node in ast.walk(ast.parse(text(module))):
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{each}" for each in _defined(node.body)}
        if isinstance(node, ast.Module):
            found |= _defined(node.body)
    return frozenset(found)


def _defined(body: list[ast.stmt]) -> set[str]:
    found = set()
    for each in body:
        match each:
            case (
                ast.ClassDef(name) | ast.FunctionDef(name) | ast.AsyncFunctionDef(name)
            ):
                found.add(name)
            case ast.Assign(targets):
                found |= {node.id for node in targets if isinstance(node, ast.Name)}
            case ast.AnnAssign(ast.Name(name)):
                found.add(name)
    return found


@cache
def words() -> frozenset[str]:
    """Read all words of the code, its tests, its scripts and its settings."""
    folders = (PACKAGE, ROOT / "tests", ROOT / ".ci", ROOT / "benchmarks")
    files = [each for folder in folders for each in folder.rglob("*.py")]
    files += [ROOT / "pyproject.toml", ROOT / "Makefile"]
    return frozenset(word for each in files for word in _WORD.findall(text(each)))


def anchors(page: Path) -> set[str]:
    """Read the anchors of a page's headings, as GitHub and MyST make them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", each.lower()).strip().replace(" ", "-")
        for each in headings
    }


def pages() -> list[object]:
    """Name all pages."""
    return [pytest.param(each, id=str(each.relative_to(ROOT))) for each in PAGES]


@pytest.mark.parametrize("page", pages())
def test_each_file_that_is_named_exists(page: Path) -> None:
    """Files and folders of the checkout, and what is said to be in a module."""
    missing = []
    for code in spoken(page):
        name, _, member = code.partition("::")
        if not (_FILE.fullmatch(name) or _FOLDER.fullmatch(name)) or name in ELSEWHERE:
            continue
        place = place_of(name)
        if place is None or (member and member not in names_in(place)):
            missing.append(code)

    assert missing == []


@pytest.mark.parametrize("page", [each for each in PAGES if each not in WIRE])
def test_each_name_that_is_used_exists(page: Path) -> None:
    """Classes, functions, arguments and fields are words of the code."""
    named = [code.removesuffix("()") for code in spoken(page) if _NAME.fullmatch(code)]
    named = [each for each in named if not _FILE.fullmatch(each)]

    assert [each for each in named if not words().issuperset(each.split("."))] == []


@pytest.mark.parametrize("page", pages())
def test_each_command_of_make_exists(page: Path) -> None:
    """Also those in blocks of code."""
    targets = set(
        re.findall(r"^([a-z][a-z-]*):", text(ROOT / "Makefile"), re.MULTILINE)
    )
    shown = "\n".join((*_FENCED.findall(text(page)), *spoken(page)))

    assert set(_TARGET.findall(shown)) <= targets


@pytest.mark.parametrize("page", pages())
def test_each_file_of_a_command_exists(page: Path) -> None:
    """In blocks of code: what is read, not what is written."""
    shown = re.sub(r"--write \S+", "", "\n".join(_FENCED.findall(text(page))))
    named = [each for each in shown.split() if _FILE.fullmatch(each)]

    assert [each for each in named if not (ROOT / each).exists()] == []


@pytest.mark.parametrize("page", pages())
def test_each_link_leads_somewhere(page: Path) -> None:
    """To a file that exists, and a heading of it where one is named."""
    dead = []
    for link in _LINK.findall(prose(page)):
        name, _, anchor = link.partition("#")
        place = page.parent / name if name else page
        if not place.exists() or (anchor and anchor not in anchors(place)):
            dead.append(link)

    assert dead == []


def test_every_page_can_be_reached() -> None:
    """From CONTRIBUTING, to which the front page leads; records from their index."""
    assert "(CONTRIBUTING.md)" in text(ROOT / "README.md")
    assert "(SECURITY.md)" in text(ROOT / "README.md")
    contributing, index = text(ROOT / "CONTRIBUTING.md"), text(DECISIONS / "README.md")
    below = [*DEVELOPMENT.glob("*.md"), DECISIONS / "README.md"]
    unreached = [
        each
        for each in below
        if f"({each.relative_to(ROOT).as_posix()})" not in contributing
    ]

    assert unreached == []
    assert [each for each in RECORDS if f"({each.name})" not in index] == []


def test_every_folder_and_module_of_the_package_has_its_place() -> None:
    """On the page of the architecture, by its path in the package."""
    folders = {each.parent for each in PACKAGE.rglob("*.py")} - {PACKAGE}
    wanted = {f"`{each.relative_to(PACKAGE).as_posix()}/`" for each in folders}
    wanted |= {f"`{each.name}`" for each in PACKAGE.glob("*.py")}
    page = text(DEVELOPMENT / "architecture.md")

    assert {each for each in wanted if each not in page} == set()


def test_every_word_of_the_glossary_is_used() -> None:
    """In the code, its docstrings or another page: a word that is dead goes."""
    terms = _TERM.findall(text(DEVELOPMENT / "glossary.md"))
    sources = [*PACKAGE.rglob("*.py"), ROOT / "README.md"]
    sources += [each for each in PAGES if each.name != "glossary.md"]
    used = re.sub(r"[\s_-]+", " ", "\n".join(map(text, sources))).lower()
    forms = [form for term in terms for form in term.lower().split(", ")]

    assert [each for each in forms if each.replace("-", " ") not in used] == []
    assert len(terms) == len(set(terms)) > 40


def test_the_glossary_is_in_the_order_of_the_alphabet() -> None:
    """Whoever looks a word up finds it."""
    terms = [each.lower() for each in _TERM.findall(text(DEVELOPMENT / "glossary.md"))]

    assert terms == sorted(terms)


def test_every_word_that_the_glossary_points_to_has_its_entry() -> None:
    """In italics, as its own entry begins, or in the plural."""
    page = text(DEVELOPMENT / "glossary.md").partition("\n**")[2]
    terms = {each.lower() for each in _TERM.findall("**" + page)}
    pointed = {each.lower() for each in _ITALIC.findall(page)}

    assert {
        each for each in pointed if not {each, each.removesuffix("s")} & terms
    } == set()


@pytest.mark.parametrize(
    "record", [pytest.param(each, id=each.stem) for each in RECORDS]
)
def test_a_record_is_a_page_with_its_four_parts(record: Path) -> None:
    """Context, decision, cost, and what would change it."""
    headings = re.findall(r"^## (.+)$", text(record), re.MULTILINE)

    assert headings == PARTS
    assert len(text(record).splitlines()) <= LONGEST_RECORD


def test_each_fact_of_the_contract_has_its_evidence() -> None:
    """Every point of a list and every row of a table tells where it is known from."""
    page = text(DEVELOPMENT / "contract.md")
    told = _FACT.findall(page)
    bare = [each for each in told if not _MARK.search(each)]
    marks = {mark for each in _MARK.findall(page) for mark in each.split(", ")}

    assert bare == []
    assert marks == EVIDENCE
    assert len(told) > 100


def test_the_contract_names_all_that_is_read() -> None:
    """Every field of a model, each word of a state or type, each field of a filter."""
    told = {fold(word) for word in _WORD.findall(text(DEVELOPMENT / "contract.md"))}
    kinds = [each for each in vars(models).values() if isinstance(each, type)]
    sent = [each for each in kinds if attrs.has(each) and each not in NOT_SENT]
    read = {field.name for kind in sent for field in attrs.fields(kind)}
    read |= {word for each in kinds if issubclass(each, StrEnum) for word in each}
    queried = [kind for kind in sent if issubclass(kind, models.Session | models.Job)]
    for kind in queried:
        with suppress(KeyError):  # what stands for several kinds
            read |= {query_field(name, kind) for name in query_fields(kind)}

    assert {each for each in read if fold(each) not in told} == set()


def test_the_contract_knows_every_trap() -> None:
    """Each by its number, which code and tests may name."""
    page = text(DEVELOPMENT / "contract.md").partition("\n## Traps")[2]
    numbers = re.findall(r"^(\d+)\. ", page.partition("\n## ")[0], re.MULTILINE)

    assert [int(each) for each in numbers] == list(TRAPS)


def test_the_contract_names_nobody() -> None:
    """Sources are told by their kind, not by a person's or a repository's name."""
    page = text(DEVELOPMENT / "contract.md")

    assert re.findall(r"github\.com|gitlab\.com|(?<!\w)@[a-z]\w+", page) == []
