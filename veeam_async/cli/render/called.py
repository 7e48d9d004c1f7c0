"""The command as its user called it, so that a line to be pasted works."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

_NAME = "veeam-async"
_PLAIN = re.compile(r"[\w./\\:-]+")
"""A word that PowerShell takes as it is."""


def as_called(*arguments: str, is_windows: bool = sys.platform == "win32") -> str:
    """The command with these *arguments*, to be pasted into a shell.

    It is called as this process was: `.venv/bin/veeam-async` where it is not on PATH.
    """
    words = (*_words(is_windows=is_windows), *arguments)
    return _for_powershell(words) if is_windows else shlex.join(words)


def _words(*, is_windows: bool) -> Sequence[str]:
    program = (PureWindowsPath if is_windows else PurePosixPath)(sys.argv[0])
    # 1. python -m veeam_async: what stands before the arguments.
    if program.name == "__main__.py" and program.parent.name == "veeam_async":
        return sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1]
    # 2. By a path, since a shell would not find it, or find another one.
    if program.stem == _NAME and not _is_found(program):
        return (sys.argv[0],)
    # 3. By its name; or from within another program, as a test does.
    return (_NAME,)


def _is_found(program: PurePath) -> bool:
    """Whether a shell finds *program* by its name."""
    found = shutil.which(_NAME)
    return found is not None and _place(program) == _place(found)


def _place(program: PurePath | str) -> str:
    # Windows: the name that a process gets is without the .exe.
    return os.path.normcase(Path(program).absolute().with_suffix(""))


def _for_powershell(words: Sequence[str]) -> str:
    quoted = [
        word if _PLAIN.fullmatch(word) else "'{}'".format(word.replace("'", "''"))
        for word in words
    ]
    # A text in quotes is called by &, else it is only shown.
    return " ".join(quoted if quoted[0] == words[0] else ["&", *quoted])
