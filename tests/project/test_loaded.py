"""What `make test-loaded` starts beside the suite ends with it."""

import subprocess
import sys

import pytest

from tests.support.paths import ROOT

LOADED = (sys.executable, str(ROOT / ".ci" / "loaded.py"))
PATIENCE = 60


@pytest.mark.parametrize("code", [0, 3])
def test_busy_loops_end_with_the_command(code: int) -> None:
    """And its exit code is passed on; the output that all share comes to its end."""
    command = (sys.executable, "-c", f"print('ran'); raise SystemExit({code})")
    done = subprocess.run(  # noqa: S603 - our own command
        [*LOADED, *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )

    assert (done.returncode, done.stdout, done.stderr) == (code, "ran\n", "")


def test_busy_loops_end_with_the_one_who_started_them() -> None:
    """Even where that is killed, and cannot stop them."""
    waits = (sys.executable, "-c", "print('runs', flush=True); open(0).read()")
    with subprocess.Popen(  # noqa: S603 - our own command
        [*LOADED, *waits], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as loaded:
        assert loaded.stdout
        assert loaded.stdout.readline().split() == [b"runs"]
        loaded.kill()
        assert not loaded.communicate(timeout=PATIENCE)[0]
