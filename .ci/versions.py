"""Try parts of the suite on what users may have and whoever works on this has not.

    versions.py lowest          each dependency at the lowest version that is allowed
    versions.py interpreters    each Python from 3.11 on that is found on this machine

Each has an environment of its own below `.venvs`. What is not there is named, and fails
nothing: a machine of CI may have one Python alone.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PLACE = ROOT / ".venvs"
MINORS = range(11, 15)
"""Of Python 3: those that the package's metadata name."""

# Each dependency, each with the tests that fail below its lowest version.
ON_LOWEST = (
    *("tests/codec", "tests/test_models.py", "tests/test_profiles.py"),
    *("tests/transport/test_contract.py", "tests/transport/test_certificate.py"),
    *("tests/simulator/test_server.py", "tests/simulator/test_faults.py"),
    *("tests/cli/test_help.py", "tests/cli/test_refusals.py", "tests/cli/test_live.py"),
    *("tests/cli/test_completion.py", "tests/cli/test_tables.py"),
)
ON_INTERPRETERS = ("--dist", "worksteal", "-m", "not slow")  # as make quick


def main() -> int:
    """Try what is asked for; the exit status is that of what failed."""
    what = {"lowest": lowest, "interpreters": interpreters}
    if len(sys.argv) != 2 or sys.argv[1] not in what:  # noqa: PLR2004 - one word
        sys.exit(str(__doc__))
    return what[sys.argv[1]]()


def lowest() -> int:
    """The lowest version of each dependency, on the lowest Python."""
    python = found(MINORS[0])
    if python is None:
        say(f"Lowest versions: not tried, there is no Python 3.{MINORS[0]} here")
        return 0
    bounds = lower_bounds()
    say(f"Lowest versions, on Python {version_of(python)}: {' '.join(bounds)}")
    home = PLACE / "lowest"
    home.mkdir(parents=True, exist_ok=True)
    constraints = home / "constraints.txt"
    constraints.write_text("\n".join([*bounds, ""]), "utf-8")
    # Who has not got a compiler takes wheels: a version without one is not allowed.
    wheels = ("--only-binary", ":all:", "--constraint", str(constraints))
    return tried(home, python, ON_LOWEST, ".[cli,keyring,simulator]", *wheels)


def interpreters() -> int:
    """Each Python that is here, but for that of the whole suite."""
    told = []
    status = 0
    for minor in MINORS:
        python = found(minor)
        if minor == sys.version_info.minor:
            told.append(f"3.{minor}: the suite's own")
        elif python is None:
            told.append(f"3.{minor}: absent")
        else:
            version = version_of(python)
            say(f"Python {version}, {python}")
            failed = tried(
                PLACE / f"3.{minor}", python, ON_INTERPRETERS, ".[cli,simulator]"
            )
            told.append(f"{version}: {'FAILED' if failed else 'tried'}")
            status = status or failed
    say(f"Interpreters: {', '.join(told)}")
    return status


def tried(home: Path, python: str, tests: tuple[str, ...], *installed: str) -> int:
    """The exit status of *tests*, in an environment at *home* with what is named."""
    run(python, "-m", "venv", str(home))
    own = str(home / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    run(own, "-m", "pip", "install", "--quiet", "--upgrade", "pip>=25.1")
    install = (*("-m", "pip", "install", "--quiet"), "--group", "test", "--editable")
    run(own, *install, *installed)
    quiet = ("-q", "-n", "auto")
    return run(own, "-m", "pytest", *quiet, *tests, check=False)


def lower_bounds() -> list[str]:
    """What each dependency must be at least, as `name==version`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    bounds = []
    for each in sorted({*project["dependencies"], *(r for e in extras for r in e)}):
        bound = re.match(r"([\w.-]+)>=([\w.]+)", each)
        if bound is None:
            sys.exit(f"pyproject.toml names no lowest version of {each}")
        bounds.append(f"{bound[1]}=={bound[2]}")
    return bounds


# ---------------------------------------------------------------- interpreters


def found(minor: int) -> str | None:
    """A Python 3.*minor* of this machine that can make environments, or None."""
    return next((each for each in candidates(minor) if works(each, minor)), None)


def candidates(minor: int) -> Iterator[str]:
    """Where a Python 3.*minor* may be: ours, on PATH, pyenv's, the launcher's."""
    if minor == sys.version_info.minor:
        yield sys.executable
    for name in (f"python3.{minor}", "python3"):
        if on_path := shutil.which(name):
            yield on_path
    yield from of_pyenv(minor)
    if launcher := shutil.which("py"):
        code = "import sys; print(sys.executable)"
        yield output(launcher, f"-3.{minor}", "-c", code)


def of_pyenv(minor: int) -> Iterator[str]:
    """Those that pyenv has, or pyenv-win: the newest first."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    homes = [*root.glob(f"versions/3.{minor}.*")]
    homes += root.glob(f"pyenv-win/versions/3.{minor}.*")
    newest = sorted(homes, key=lambda home: numbers(home.name), reverse=True)
    for home in newest:
        yield str(home / ("python.exe" if sys.platform == "win32" else "bin/python"))


def numbers(text: str) -> list[int]:
    """The numbers in a version, by which versions are ordered."""
    return [int(each) for each in re.findall(r"\d+", text)]


def works(python: str, minor: int) -> bool:
    """Whether it runs, is that version and can make environments with pip."""
    # A name of pyenv's on PATH may stand for nothing, and Debian's has no ensurepip
    # without another package.
    code = "import ensurepip, sys, venv; print(*sys.version_info[:2])"
    return output(python, "-c", code) == f"3 {minor}"


def version_of(python: str) -> str:
    """Its version in full."""
    return output(python, "-c", "import platform; print(platform.python_version())")


# ---------------------------------------------------------------- processes


def output(*command: str) -> str:
    """What a command prints, nothing where it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own commands
    except OSError:
        return ""
    return "" if done.returncode else done.stdout.strip()


def run(*command: str, check: bool = True) -> int:
    """The exit status of a command; with *check* the end of everything unless 0."""
    done = subprocess.run(command, cwd=ROOT, check=False)  # noqa: S603 - our own commands
    if check and done.returncode:
        sys.exit(done.returncode)
    return done.returncode


def say(line: str) -> None:
    """Print a line at once, before what comes of a process."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
