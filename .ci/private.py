"""Count where the tests touch private attributes of the package, and say where.

Run as `python .ci/private.py [--most N] [FOLDER …]`; the folders are below the
checkout, `tests` else. With `--most` it fails where there are more than N. Counted are

- `thing._name`, where *thing* is neither `self` nor `cls`,
- `from veeam_async… import _name`,
- a private name given as text to setattr, getattr, delattr or hasattr, or to the method
  of that name of a monkeypatch or a mock,
- a dotted path of the package with a private part, as text: `"veeam_async.x._y"`.

A name that a class of the same file has is its own affair: not counted.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
RELEASES = ROOT / "tests" / "data"
"""Programs for releases of the past, which change no more."""

SETTERS = {"setattr", "getattr", "delattr", "hasattr", "object"}
"""What takes an attribute's name as text; `object` is `mock.patch.object`."""

_PRIVATE = re.compile(r"_(?!_)\w+")
_PATH = re.compile(r"veeam_async(?:\.\w+)*\._(?!_)\w+(?:\.\w+)*")


def touched(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The line and the name of each private attribute that is touched."""
    own = set(_defined(tree))
    for node in ast.walk(tree):
        for name in _named(node):
            if name not in own:
                yield getattr(node, "lineno", 0), name


def _named(node: ast.AST) -> Iterator[str]:
    """The private names that *node* touches on something else."""
    if isinstance(node, ast.Attribute):
        if _PRIVATE.fullmatch(node.attr) and not _is_own(node.value):
            yield node.attr
    elif isinstance(node, ast.ImportFrom):
        if (node.module or "").split(".")[0] == "veeam_async":
            yield from filter(_PRIVATE.fullmatch, (each.name for each in node.names))
    elif isinstance(node, ast.Call):
        yield from _given(node)
    elif isinstance(node, ast.Constant) and _PATH.fullmatch(str(node.value)):
        yield str(node.value)


def _given(call: ast.Call) -> Iterator[str]:
    """The private names that are given as text to what reads or sets by name."""
    function = call.func
    name = getattr(function, "attr", getattr(function, "id", ""))
    if name in SETTERS:
        for argument in call.args[:2]:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield from filter(_PRIVATE.fullmatch, [argument.value])


def _is_own(value: ast.expr) -> bool:
    is_super = isinstance(value, ast.Call) and getattr(value.func, "id", "") == "super"
    return is_super or (isinstance(value, ast.Name) and value.id in ("self", "cls"))


def _defined(tree: ast.Module) -> Iterator[str]:
    """The private names that the classes of a file have."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    for node in (each for one in classes for each in ast.walk(one)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if _is_own(node.value):
                yield node.attr
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def main() -> int:
    """Print each place and how many there are; give the exit status."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--most", type=int, metavar="N", help="fail above N")
    parser.add_argument("folders", nargs="*", default=["tests"])
    options = parser.parse_args()
    found: list[tuple[Path, int, str]] = []
    for folder in options.folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if RELEASES not in path.parents:
                tree = ast.parse(path.read_text("utf-8"))
                found += [(path, line, name) for line, name in sorted(touched(tree))]
    for path, line, name in found:
        sys.stdout.write(f"{path.relative_to(ROOT)}:{line}: {name}\n")
    files = len({path for path, _, _ in found})
    sys.stdout.write(f"{len(found)} private attributes touched, in {files} files\n")
    return 1 if options.most is not None and len(found) > options.most else 0


if __name__ == "__main__":
    sys.exit(main())
