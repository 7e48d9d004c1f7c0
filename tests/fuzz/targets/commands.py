"""The command line: arguments to `veeam-async`, in this process, without a network.

A stand-in for its server lets anybody log on, knows every backup session, and refuses
whatever else is asked, so that nearly each command ends as soon as its arguments were
taken; a watch that would go on is interrupted.
"""

from __future__ import annotations

import asyncio
import atexit
import io
import json
import logging
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

from tests.fuzz.mutation import NUMBERS, TEXTS, TIMES, Mutator, Seed
from tests.fuzz.target import Feed, Make, Target, Unreached
from tests.support.bodies import TOKEN, session, uuid_of
from veeam_async.cli.app import run
from veeam_async.cli.exits import Exit
from veeam_async.simulator import Simulator
from veeam_async.transport.exchange import Request, Response

_ID = "5f1d0c2e-6f0a-4a35-9d5c-2f3f6a8f0b11"
_LINES = (
    "get {id}",
    "get {id} --resource replica --output json",
    "references --limit 3 -o ndjson",
    'query State=="Working" --order-by -creation_time --limit 10',
    "query --state Stopped --result Failed --job Mail --resource restore -o table",
    "fetch {id} {id} --max-connections 32 --accept xml",
    "fetch --file ids.txt --request-timeout 2.5",
    "fetch -",
    "watch {id} --interval 0.5 --timeout 3 --progress --until-failed",
    "watch --where JobType=='Backup' --strategy query --timeout 1e3 -o ndjson",
    "watch {id} --checkpoint mark.json --record watch.rec",
    "watch {id} --timeout 4 --exec cat",
    "wait {id} --timeout 10 --no-check --interval 2",
    "run Mail --retries --timeout 60 --progress --stop-on-interrupt",
    "run {id} --no-wait",
    "replay watch.rec --output table",
    "stop {id} --yes",
    "tasks {id} -o json",
    "bench --count 10 --connections 4 --json",
    "simulate --host 127.0.0.1 --port 0 --sessions 5 --running 1 --speed 2 --seed 3",
    "simulate --product 12 --tls",
    "demo --sessions 5 --running 2 --speed 9 --seed 1",
    "--help",
    "watch --help",
    "--version",
    "get {id} --url https://em.example.com:9398/api/ --username EM\\op",
    "get {id} --password-file word --ca-file ca.pem",
    "get {id} --fingerprint {print} --proxy http://p:8080",
    "get {id} --insecure --url http://[::1]:9398",
)
_WORDS = (
    *NUMBERS,
    *TEXTS,
    *TIMES,
    b"-",
    b"--",
    b"---",
    b"-o",
    b"-n",
    b"--output",
    b"--output=",
    b"--interval=nan",
    b"--interval=inf",
    b"--timeout=1e300",
    b"--timeout=-inf",
    b"--no-progress",
    b"--connection.url",
    b"--max-connections=1e3",
    b"--request-timeout=0",
    b"--where=(((",
    b"--where=job_name==x",
    b"--columns=id,Started",
    b"--since=yesterday",
    b"--job=*",
    b"csv",
    b"--url=https://u:p@x",
    b"--url=https://[",
    b"--url=https://x:99999999",
    b"--url=https://\xc3\xa9.example",
    b"--proxy=socks5://x",
    b"--fingerprint=" + b"a" * 64,
    b"--order-by=-",
    b"--file=mark.json",
    b"--password=x",
    b"{}",
    b"[]",
    b"{1..3}",
    b"*",
    b"%s",
    b"$(x)",
    b"[red]",
    b"--resource=restore",
    b"--accept=xml",
    b"--product=13",
    b"--help",
    b"--json",
    b"'",
    b'"',
)
# A command may write files where it is told to: in its own folder alone.
_AS_IDS = re.compile(r"(?:^|\0)(?:--file[\0=]|-f[\0=]?)word(?:\0|$)")
"""The password's file, named as one that holds ids."""

_ELSEWHERE = re.compile(rb"(?:\A|[=\0])[/~]|\.\.|\A[A-Za-z]:[\\/]")
_TRACES = ("Traceback", "Exception ignored", "never retrieved", "never awaited")


_PATIENCE = 0.05
_SESSION = re.compile(r"/backupSessions/([0-9a-f-]{36})")
_BODY, _ANY_ID = session(1), str(uuid_of(1)).encode()


class Refused(Exception):  # noqa: N818 - as it should be
    """The command ended with another exit code than 0, and said why."""


_TELLING = (Exit.ERROR, Exit.USAGE, Exit.DEADLINE)


class _RefusingServer:
    """A transport whose server refuses all but logons."""

    def __init__(self, *_args: object, **_settings: object) -> None:
        self._logon = json.dumps({"UserName": "x", "SessionId": _ID, "Links": []})

    async def send(self, request: Request) -> Response:
        """Answer a request."""
        # A command that has ended by then never gets it: its loop is closed.
        asyncio.get_running_loop().call_later(_PATIENCE, _interrupt)
        if request.method == "POST" and "sessionMngr" in request.target:
            return Response(201, {"x-restsvcsessionid": TOKEN}, self._logon.encode())
        if request.method == "DELETE":
            return Response(204, {}, b"")
        if found := _SESSION.search(request.target):
            return Response(200, {}, _BODY.replace(_ANY_ID, found[1].encode()))
        return Response(403, {}, b'{"Message": "no", "StatusCode": 403}')

    async def close(self) -> None:
        """End; there is nothing to close."""


def _interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


async def _no_address(_simulator: Simulator) -> Any:
    raise OSError("no address to listen at")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No network, no terminal, a folder of its own, and signals as they were."""
    environment = {
        "PATH": "",  # so that --exec finds nothing to run
        "VEEAM_URL": "http://em.invalid:9398",
        "VEEAM_USERNAME": "EM\\operator",
        "VEEAM_PASSWORD": "s3cret, never shown",
        "COLUMNS": "80",
        "NO_COLOR": "1",
    }
    settings = "veeam_async.pool.settings"
    transports = "veeam_async.transport.aiohttp"
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    here = Path.cwd()
    os.chdir(folder)
    try:
        with (
            mock.patch.dict(os.environ, environment, clear=True),
            mock.patch(f"{settings}.DirectTransport", _RefusingServer),
            mock.patch(f"{transports}.AiohttpTransport", _RefusingServer),
            mock.patch.object(Simulator, "__aenter__", _no_address),
            mock.patch("sys.stdin", _stream()),
        ):
            yield
    finally:
        os.chdir(here)
        for number, handler in before.items():
            signal.signal(number, handler)


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode("utf-8", "replace")


def _open_feed() -> Feed:
    folder = Path(tempfile.mkdtemp(prefix="veeam-async-fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    logging.raiseExceptions = False

    def take(data: bytes) -> None:
        if not data or _ELSEWHERE.search(data):
            raise Unreached
        arguments = [os.fsdecode(each) for each in data.split(b"\0")]
        _lay_out(folder)
        out, err = _stream(), _stream()
        with _alone(folder), redirect_stdout(out), redirect_stderr(err):
            code = run(arguments)
        said = _written(out) + _written(err)
        assert code in set(Exit), code
        assert not any(trace in said for trace in _TRACES), said
        # A file of ids may be shown, also where it is that of the password.
        assert "s3cret" not in said or _AS_IDS.search("\0".join(arguments))
        if code != Exit.DONE:
            assert code not in _TELLING or _written(err).strip(), "it says nothing"
            raise Refused(code)

    return take


def _lay_out(folder: Path) -> None:
    """The files that a command may read, and no others."""
    for path in folder.iterdir():
        if path.name not in _FILES:
            path.unlink() if path.is_file() else shutil.rmtree(path)
    for name, content in _FILES.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != len(content):
            path.write_bytes(content)


_FILES = {
    "ids.txt": f"# ids\n{_ID}\n".encode() + session(1).replace(b'"UID"', b'"uid"'),
    "word": b"s3cret, never shown\n",
    "ca.pem": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
}


def _maker() -> Make:
    prints = {"id": _ID, "print": ":".join(["ab"] * 32)}
    seeds = [_seed(line.format(**prints)) for line in _LINES]
    return Mutator(seeds, _WORDS, {"next": [b"\0" + word for word in _WORDS]}).make


def _seed(line: str) -> Seed:
    """A line of arguments, each of which is a part."""
    data = b"\0".join(word.encode() for word in line.split())
    spans = [(m.start(), m.end(), "argument") for m in re.finditer(rb"[^\0]+", data)]
    spans += [(m.start(), m.end(), "next") for m in re.finditer(rb"\0[^\0]+", data)]
    return Seed(data, spans)


TARGETS = (
    Target(
        name="commands",
        about="arguments to `veeam-async`, whose server refuses whatever it asks",
        open_maker=_maker,
        open_feed=_open_feed,
        own=lambda error: isinstance(error, Refused),
        one_in=10,
        most_seconds=1.0,
    ),
)
