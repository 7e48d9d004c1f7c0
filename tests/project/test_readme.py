"""What the front page says of the checkout; test_pages runs its blocks."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib

import pytest

from tests.support.pages import blocks_of
from tests.support.paths import ROOT

README = ROOT / "README.md"


def blocks(language: str) -> list[str]:
    """Give the blocks of one language."""
    return [each.text for each in blocks_of(README) if each.language == language]


def test_it_holds_the_languages_that_are_run_and_is_not_long() -> None:
    """A block that nobody runs would rot, and nobody reads a long page."""
    found = {each.language for each in blocks_of(README)}
    assert found == {"sh", "powershell", "python"}
    assert len(README.read_text("utf-8").splitlines()) <= 150


def test_the_whole_program_is_short() -> None:
    """A dozen lines of code, with all that it needs."""
    program = blocks("python")[0]

    assert len([line for line in program.splitlines() if line]) <= 12
    assert program.startswith("import asyncio\n")


def test_a_session_of_ones_own_server_is_six_commands_away() -> None:
    """From an empty folder: git clone, and what the first blocks say but the tests."""
    demo, own, profile, *_ = blocks("sh")
    lines = [*demo.splitlines(), *own.splitlines(), *profile.splitlines()]
    lines.remove("make test")

    assert lines[-1].startswith("veeam-async query")
    assert 1 + len(lines) <= 6


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
def test_the_two_commands_are_targets_of_the_makefile() -> None:
    """Both have their place; the demo itself is run by the command line's tests."""
    lines = [line for line in blocks("sh")[0].splitlines() if line]

    assert lines == ["make demo", "make test"]
    for line in lines:
        subprocess.run(  # noqa: S603 - a line of our README
            [*line.split(), "--dry-run"], cwd=ROOT, check=True, capture_output=True
        )


def test_the_lines_for_powershell_do_the_same_as_the_makefile() -> None:
    """The same extras, the same group, the same command; paths of Windows."""
    (block,) = blocks("powershell")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    (extras,) = re.findall(r'"\.\[(.*)\]"', block)
    assert f"'.[{extras}]'" in makefile
    assert set(extras.split(",")) <= set(settings["project"]["optional-dependencies"])
    (group,) = re.findall(r"--group (\w+)", block)
    assert f"--group {group}" in makefile
    assert group in settings["dependency-groups"]
    assert all(
        line.startswith((".venv\\Scripts\\", "py ")) for line in block.splitlines()
    )
