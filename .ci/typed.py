"""Ask pyright how many of the package's types are known; name those that are not.

Run as `python .ci/typed.py`. It fails where fewer are known than `LEAST` says, which
is raised with them and never lowered. What is not known a user's type checker guesses:
an attribute without an annotation, for example, is whatever its first value was.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PACKAGE = "veeam_async"
LEAST = 0.999
"""Known types of all, by their number."""


def completeness() -> dict[str, Any]:
    """Pyright's report on the package that is importable here."""
    # It looks for packages where the first `python` on the path does.
    here = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    # By its own version and no other: that takes no network.
    env = os.environ | {"PATH": here, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    options = ["--verifytypes", PACKAGE, "--ignoreexternal", "--outputjson"]
    told = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "pyright", *options],
        env=env,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    try:
        found: dict[str, Any] = json.loads(told.stdout)
    except ValueError:
        raise SystemExit(f"pyright: {told.stderr or told.stdout}") from None
    return found


def unknown(symbols: list[dict[str, Any]]) -> Iterator[str]:
    """A line for each of *symbols* that has something wrong of its own."""
    for symbol in symbols:
        for fault in symbol["diagnostics"] if not symbol["isTypeKnown"] else []:
            said = " ".join(fault["message"].split())
            # These only come of others.
            if "partially unknown" not in said:
                yield f"{symbol['name']}: {said}"


def main() -> int:
    """Print what share of the types is known; 1 where it is too small."""
    found = completeness()
    types = found["typeCompleteness"]
    score = types["completenessScore"]
    for fault in found["generalDiagnostics"]:
        sys.stderr.write(f"{fault['message']}\n")
    sys.stdout.write(f"{score:.2%} of {len(types['symbols'])} types are known\n")
    if score >= LEAST:
        return 0
    for line in unknown(types["symbols"]):
        sys.stderr.write(f"{line}\n")
    sys.stderr.write(
        f"At least {LEAST:.2%} of the types must be known: annotate them.\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
