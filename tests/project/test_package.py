"""What the package promises to whoever installs it."""

from __future__ import annotations

import copy
import inspect
import re
import tomllib
from importlib.metadata import requires, version
from itertools import pairwise

import pytest

import veeam_async
from tests.support.paths import ROOT


def test_the_public_names_are_sorted_and_there() -> None:
    """`__all__` is the contract."""
    names = veeam_async.__all__

    assert sorted(names) == names
    assert len(set(names)) == len(names)
    assert all(hasattr(veeam_async, name) for name in names)


def test_every_error_can_be_imported_from_the_front() -> None:
    """Whoever catches one needs its name."""
    errors = {
        name
        for name, value in vars(veeam_async.errors).items()
        if inspect.isclass(value) and issubclass(value, veeam_async.VeeamError)
    }

    assert errors <= set(veeam_async.__all__)


def test_the_version_is_the_distributions() -> None:
    """There is one place that says it."""
    assert veeam_async.__version__ == version("veeam-async")


def test_the_core_needs_what_it_says_and_nothing_else() -> None:
    """What the command line and the simulator need are extras."""
    core = {
        line.split(">")[0].split("<")[0]
        for line in requires("veeam-async") or ()
        if "extra ==" not in line
    }

    names = (
        "aiohappyeyeballs aiohttp attrs cattrs httptools orjson platformdirs xmltodict"
    )
    assert core == set(names.split())


def test_the_package_is_typed() -> None:
    """Type checkers look for this file."""
    assert (ROOT / "veeam_async" / "py.typed").is_file()


PUBLIC = {name: getattr(veeam_async, name) for name in veeam_async.__all__}
CLASSES = {name: value for name, value in PUBLIC.items() if inspect.isclass(value)}
FUNCTIONS = {
    **{name: value for name, value in PUBLIC.items() if inspect.isfunction(value)},
    **{
        f"{name}.{member_name}": member
        for name, value in CLASSES.items()
        for member_name, member in vars(value).items()
        if inspect.isfunction(member) and not member_name.startswith("_")
    },
}


@pytest.mark.parametrize("name", [*CLASSES, *FUNCTIONS])
def test_every_public_name_has_a_docstring(name: str) -> None:
    """One that says what it is."""
    value = CLASSES.get(name) or FUNCTIONS[name]

    assert value.__doc__


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_any_in_the_public_api(name: str) -> None:
    """Neither in a parameter nor in what is given back."""
    hints = " ".join(map(str, FUNCTIONS[name].__annotations__.values()))

    assert not re.search(r"\bAny\b", hints)


def test_a_manager_cannot_be_copied_into_two_logons_by_accident() -> None:
    """Its repr names the server and nothing secret."""
    em = veeam_async.EnterpriseManager(
        "https://em.example.com:9398", username="u", password="s3cret"
    )

    assert repr(em) == "<EnterpriseManager https://em.example.com:9398 closed>"
    assert "s3cret" not in repr(vars(copy.copy(em)))


def test_the_changelog_speaks_of_this_version() -> None:
    """With its date, below what is not released yet."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)

    assert headings[0] == "Unreleased"
    assert re.fullmatch(
        rf"{veeam_async.__version__} \(\d{{4}}-\d\d-\d\d\)", headings[1]
    )


def test_what_is_gone_or_changed_is_in_the_upgrade_notes() -> None:
    """By its name; what is new needs no note."""
    listed = tomllib.loads((ROOT / ".ci" / "api-changes.toml").read_text("utf-8"))
    notes = (ROOT / "docs" / "how-to" / "upgrading.md").read_text("utf-8")
    changed = [
        change["object"]
        for change in listed.get("change", [])
        if change["what"] != "new" and not change["object"].endswith(" doc")
    ]

    assert [each for each in changed if each.split("(")[0] not in notes] == []


def test_each_release_has_upgrade_notes() -> None:
    """From each version in the changelog to the next."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    notes = (ROOT / "docs" / "how-to" / "upgrading.md").read_text("utf-8")
    versions = re.findall(r"^## (\d\S*)", text, re.MULTILINE)

    for newer, older in pairwise(versions):
        assert f"## From {older} to {newer}\n" in notes
