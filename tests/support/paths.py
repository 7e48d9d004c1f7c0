"""Where the files lie that tests read."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
BODIES = TESTS / "bodies"
"""Bodies of every shape; `index.json` tells what each decodes to."""
RECORDINGS = TESTS / "recordings"
EXAMPLES = ROOT / "examples"
