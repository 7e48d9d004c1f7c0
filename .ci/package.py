"""Build sdist and wheel; install the wheel alone in an empty environment; import it."""

from __future__ import annotations

import subprocess
import sys
import tarfile
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


IN_SDIST = ("Makefile", "CHANGELOG.md", ".ci/run", "tests/conftest.py", "docs/index.md")


def main() -> None:
    """Build, look into both, install, import."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        # The wheel is built from the sdist, which shows that nothing lacks there.
        run(sys.executable, "-m", "build", "--outdir", folder, str(ROOT), cwd=place)
        (sdist,) = place.glob("*.tar.gz")
        with tarfile.open(sdist) as packed:
            within = {name.partition("/")[2] for name in packed.getnames()}
        if lacking := set(IN_SDIST) - within:
            sys.exit(f"the sdist lacks {sorted(lacking)}")
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
