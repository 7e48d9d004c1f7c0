"""Print the shape of the package: modules, complexity, docstrings, comments.

Run as `python .ci/figures.py [FOLDER …]`; the folders are below the checkout, the
whole package else. With `--check` it fails where too many docstrings begin alike.
"""

from __future__ import annotations

import ast
import io
import re
import statistics
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parent.parent
ARTICLES = {"a", "an", "the"}
MOST_ALIKE = 0.05
"""One docstring in twenty may begin with the same word."""

_DIRECTIVE = re.compile(r"#\s*(noqa|type:|pragma:|!)|#\s*-{4,}")
_DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def modules(folders: Iterable[Path]) -> list[Path]:
    """All modules below *folders*, those that only mark a package left out."""
    found = {path for folder in folders for path in folder.rglob("*.py")}
    return sorted(path for path in found if path.name != "__init__.py")


def first_words(source: str) -> list[str]:
    """The word each docstring of *source* begins with, articles aside."""
    found = []
    for node in ast.walk(ast.parse(source)):
        text = ast.get_docstring(node) if isinstance(node, _DOCUMENTED) else None
        words = re.findall(r"[\w'`]+", (text or "").lower())
        found += [word for word in words[:3] if word not in ARTICLES][:1]
    return found


def comments(source: str) -> int:
    """How many lines of *source* hold a comment that is neither noqa nor a ruler."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return sum(
        token.type == tokenize.COMMENT and not _DIRECTIVE.match(token.string)
        for token in tokens
    )


def complex_functions(folders: Iterable[Path], limit: int) -> int:
    """How many functions are above a cyclomatic complexity of *limit*."""
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "C901"]
    options = [
        f"--config=lint.mccabe.max-complexity={limit}",
        "--output-format=concise",
    ]
    told = subprocess.run(  # noqa: S603 - our own command
        [*ruff, *options, *map(str, folders)],
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.count("C901")


def main(arguments: list[str]) -> int:
    """Print the figures; 1 where a check fails."""
    names = [each for each in arguments if not each.startswith("-")]
    folders = [ROOT / name for name in names or ["veeam_async"]]
    paths = modules(folders)
    sources = [path.read_text(encoding="utf-8") for path in paths]
    sizes = sorted(len(source.splitlines()) for source in sources)
    words = Counter(word for source in sources for word in first_words(source))
    told, commented = words.total(), sum(map(comments, sources))
    sys.stdout.write(
        f"modules {len(sizes)}, median {statistics.median(sizes):g} lines, "
        f"largest {sizes[-1]}, all {sum(sizes)}\n"
        f"functions above complexity 6: {complex_functions(folders, 6)}, "
        f"above 8: {complex_functions(folders, 8)}\n"
        f"comments: {commented} lines, {commented / sum(sizes):.2%}\n"
        f"docstrings {told}, most alike: "
        + ", ".join(f"{word} {n / told:.1%}" for word, n in words.most_common(8))
        + "\n"
    )
    alike = [word for word, n in words.items() if n / told > MOST_ALIKE]
    if "--check" in arguments and alike:
        sys.stderr.write(f"too many docstrings begin with {', '.join(alike)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
