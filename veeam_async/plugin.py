"""A pytest fixture for users of this package: a simulated Enterprise Manager.

pytest imports this module in every run, so the simulator is imported only where a test
asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from veeam_async.simulator import Simulator

_MARKER = "veeam_simulator"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, so that `--strict-markers` accepts it."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(**settings): how the fixture {_MARKER} is to be, by the keyword "
        "arguments of veeam_async.simulator.Simulator.",
    )


@pytest.fixture
def veeam_simulator(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    """A simulated Enterprise Manager of the test's own, with `.url`, `.username`, ….

    It runs in a thread, so that plain tests can use it, and coroutines on any event
    loop. `@pytest.mark.veeam_simulator(sessions=5, tls=True)` sets it up.
    """
    from veeam_async.simulator.threaded import ThreadedSimulator  # noqa: PLC0415

    with ThreadedSimulator(**_settings(request)) as simulator:
        yield simulator


def _settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Keyword arguments of all markers; the nearest one wins."""
    settings: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers(_MARKER))):
        if marker.args:
            raise pytest.UsageError(
                f"the marker {_MARKER} takes keyword arguments only: {marker.args}"
            )
        settings |= marker.kwargs
    return settings
