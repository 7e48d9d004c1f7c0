"""Build the wheel, install it alone into an empty environment, and import it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
IMPORT = (
    "import veeam_async, sys;"
    "from veeam_async import *;"
    "assert 'site-packages' in veeam_async.__file__, veeam_async.__file__;"
    "heavy = {'rich', 'cyclopts', 'cryptography', 'aiohttp'} & set(sys.modules);"
    "assert not heavy, heavy;"
    "print('veeam_async', veeam_async.__version__, 'imports with its core alone')"
)


def run(*command: str, cwd: Path) -> None:
    """Run a command, and stop where it fails."""
    subprocess.run(command, cwd=cwd, check=True)  # noqa: S603 - our own commands


def main() -> None:
    """Build, look into the wheel, install, import."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        run(
            *(sys.executable, "-m", "build", "--wheel"),
            *("--outdir", folder, str(ROOT)),
            cwd=place,
        )
        (wheel,) = place.glob("*.whl")
        names = zipfile.ZipFile(wheel).namelist()
        if "veeam_async/py.typed" not in names:
            sys.exit("the wheel lacks py.typed")
        if any(not name.startswith("veeam_async") for name in names):
            sys.exit("the wheel holds more than the package")
        venv.create(place / "empty", with_pip=True)
        scripts = "Scripts" if sys.platform == "win32" else "bin"
        python = str(place / "empty" / scripts / "python")
        run(python, "-m", "pip", "install", "--quiet", str(wheel), cwd=place)
        run(python, "-c", IMPORT, cwd=place)


if __name__ == "__main__":
    main()
