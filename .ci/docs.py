"""Build the pages of docs/: no warning, no dead link, nothing from a foreign host.

A link that a reader may follow leads anywhere; what a browser fetches by itself,
scripts, styles, fonts and pictures, comes from the folder of the pages.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
BUILT = DOCS / "_build" / "html"
LINK = re.compile(r'<a\b[^>]*\bhref="(?![a-z]+:)([^"]+)"')
FETCHED = (
    r"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\bsrc=\"((?:https?:)?//[^\"]+)",
    r"<link\b(?![^>]*rel=\"(?:canonical|next|prev|author)\")[^>]*\bhref=\"((?:https?:)?//[^\"]+)",
    r"url\(\s*[\"']?((?:https?:)?//[^\"')\s]+)",
    r"@import\s+[\"']((?:https?:)?//[^\"']+)",
)


def main() -> int:
    """Build, then look; 1 where either found something."""
    shutil.rmtree(BUILT, ignore_errors=True)
    command = "-m sphinx -q -W --keep-going -b html"
    built = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, *command.split(), str(DOCS), str(BUILT)], check=False
    )
    found = [*foreign(), *dead()]
    for line in found:
        sys.stderr.write(f"{line}\n")
    if built.returncode or found:
        return 1
    pages = len(list(BUILT.rglob("*.html")))
    sys.stdout.write(f"{pages} pages: {BUILT / 'index.html'}\n")
    return 0


def foreign() -> Iterator[str]:
    """Each address of a foreign host that a browser would ask by itself."""
    for page in sorted(BUILT.rglob("*")):
        if page.suffix in {".html", ".css", ".svg"}:
            text = page.read_text("utf-8")
            for pattern in FETCHED:
                for address in re.findall(pattern, text):
                    yield f"{page.relative_to(BUILT)} asks {address}"


def dead() -> Iterator[str]:
    """Each link that leads to no page, no file or no heading."""
    for page in sorted(BUILT.rglob("*.html")):
        for link in sorted(set(LINK.findall(page.read_text("utf-8")))):
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                yield f"{page.relative_to(BUILT)} leads to {link}, which is not there"


@cache
def anchors(page: Path) -> set[str]:
    """What links to *page* can name."""
    return set(re.findall(r'\bid="([^"]+)"', page.read_text("utf-8")))


if __name__ == "__main__":
    sys.exit(main())
