"""What every test can ask for, and what none may leave behind."""

from __future__ import annotations

import asyncio
import gc
import os
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trustme
from hypothesis import settings

from tests.support.fault_server import FaultServer
from tests.support.late import LATE_PROCESS, come_late
from tests.support.loopback import loopback_only
from tests.support.posting_loop import PostingLoop
from tests.support.slow import is_slow
from tests.support.transports import TRANSPORTS

# A failing example is printed with the seed that brings it back, and nothing may
# fail for being slow on a busy machine. In CI the examples are the same each time: what
# others show is a fault too, but none of the change that is looked at there.
settings.register_profile(
    "here",
    deadline=None,
    print_blob=True,
    max_examples=50,
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("here")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two workers for a core, and one: a third of the time something is waited for."""
    return 2 * (os.cpu_count() or 1) + 1


# ---------------------------------------------------------------- all the ways


def pytest_configure(config: pytest.Config) -> None:
    """Name the marks of tests, and let them come late where `LATE` says so."""
    if seconds := os.environ.get("LATE"):
        come_late(float(seconds))
        os.environ["PYTHONPATH"] = os.pathsep.join(map(str, LATE_PROCESS))
    for line in (
        "loops: runs on uvloop too, where that is installed",
        "ways: runs over TLS too, and on uvloop, where it uses the fixture `way`",
        "posting: runs also where buffers are posted before there is anything to read",
        "slow: `make quick` leaves it out; slow.py finds most by itself",
    ):
        config.addinivalue_line("markers", line)


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Let what is marked run on both loops, and all else on asyncio's own."""
    factories = {"asyncio": asyncio.new_event_loop}
    if any(item.iter_markers("loops")) or any(item.iter_markers("ways")):
        with suppress(ImportError):
            from uvloop import new_event_loop  # noqa: PLC0415 - not on Windows

            factories["uvloop"] = new_event_loop
    if any(item.iter_markers("posting")):
        factories["posting"] = PostingLoop
    return factories


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let a test that uses the fixture `way` run over each transport."""
    if "way" in metafunc.fixturenames:
        marks = {mark.name for mark in metafunc.definition.iter_markers()}
        schemes = ("http", "https") if "ways" in marks else ("http",)
        ways = [(kind, scheme) for kind in TRANSPORTS for scheme in schemes]
        metafunc.parametrize("way", ways, indirect=True, ids="-".join)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what is slow."""
    if isinstance(item, pytest.Function) and is_slow(item):
        item.add_marker("slow")


@pytest.fixture
def way(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tls_everywhere: tuple[ssl.SSLContext, Path],
) -> str:
    """Let every client use one transport, and all its servers one scheme.

    The name of the transport is given.
    """
    kind, scheme = request.param
    monkeypatch.setattr("veeam_async.pool.settings.DirectTransport", TRANSPORTS[kind])
    if scheme == "https":
        context, ca_file = tls_everywhere
        monkeypatch.setattr(FaultServer, "default_context", context)
        monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    return str(kind)


@pytest.fixture(scope="session")
def tls_everywhere(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[ssl.SSLContext, Path]:
    """Give a server's context for loopback, and the file of who vouches for it."""
    authority = trustme.CA()
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context, path


# ---------------------------------------------------------------- nobody is asked


@pytest.fixture(scope="session")
def _refused_elsewhere() -> Iterator[list[str]]:
    """What was refused since it was last looked at, because it led elsewhere."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        with loopback_only(monkeypatch) as refused:
            yield refused


@pytest.fixture(autouse=True)
def _loopback_only(_refused_elsewhere: list[str]) -> Iterator[None]:
    """Fail a test that sends anything to another machine, be it a name to resolve."""
    yield
    refused = _refused_elsewhere[:]
    _refused_elsewhere.clear()
    assert not refused


# ---------------------------------------------------------------- nothing left


@pytest.fixture(scope="session", autouse=True)
def _no_loop_unasked() -> None:
    """Have asyncio make no loop for whoever looks for one where none runs."""
    asyncio.set_event_loop(None)


@pytest.fixture(autouse=True)
def _nothing_left(request: pytest.FixtureRequest) -> None:
    """Let no test with a loop leave a task in it; a loop for the others costs time."""
    if request.node.get_closest_marker("asyncio"):
        request.getfixturevalue("_no_task_left")


@pytest.fixture
async def _no_task_left() -> AsyncIterator[None]:
    """Fail a test that leaves a task running in its loop."""
    yield
    for _ in range(3):
        await asyncio.sleep(0)
    if _others():
        # What is in a cycle goes with the garbage, and its tasks with it.
        gc.collect()
        await asyncio.sleep(0)
    assert not _others()


def _others() -> set[asyncio.Task[object]]:
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
