from __future__ import annotations

import asyncio
import errno
import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.simulated import client
from veeam_async import CheckpointFile
from veeam_async.errors import Json
from veeam_async.simulator import Simulator

posix_only = pytest.mark.skipif(os.name == "nt", reason="permissions are POSIX's")

NOT_STORABLE: list[Json] = [
    None,
    [],
    "text",
    {"seconds": float("nan")},
    {"time": object()},  # type: ignore[dict-item] # refused, and that is the claim
]

WRITER = """
import sys
from veeam_async import CheckpointFile

file = CheckpointFile(sys.argv[1])
for number in range(int(sys.argv[2]), int(sys.argv[3])):
    file.save({"number": number, "fill": f"{number} " * 500_000})
    print(number, flush=True)
"""
"""Saves numbered checkpoints over and over, and says each number once it is saved."""

scalars = st.none() | st.booleans() | st.integers() | st.text()
values: st.SearchStrategy[Json] = st.recursive(
    scalars | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a checkpoint in a folder that is empty but for it."""
    return tmp_path / "watch.json"


@contextmanager
def _writer(path: Path, start: int, end: int) -> Iterator[IO[bytes]]:
    """Run a process that saves; give what it says. It is killed at the end."""
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-c", WRITER, str(path), str(start), str(end)],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    with process, process.stdout:
        try:
            yield process.stdout
        finally:
            process.kill()
            process.wait()


def _whole(checkpoint: dict[str, Json] | None) -> int:
    """Give the number of a checkpoint that must be whole."""
    assert checkpoint is not None
    number = checkpoint["number"]
    assert isinstance(number, int)
    assert checkpoint["fill"] == f"{number} " * 500_000
    return number


@given(checkpoint=st.dictionaries(st.text(), values))
def test_what_is_saved_is_loaded(
    tmp_path_factory: pytest.TempPathFactory, checkpoint: dict[str, Json]
) -> None:
    """Whatever JSON it consists of, lone surrogates included."""
    file = CheckpointFile(tmp_path_factory.getbasetemp() / "any.json")
    file.save(checkpoint)

    assert file.load() == checkpoint


def test_no_file_is_no_checkpoint(path: Path) -> None:
    """The first start needs no file, and leaves none."""
    assert CheckpointFile(path).load() is None
    assert list(path.parent.iterdir()) == []


def test_a_mapping_and_a_tuple_are_json_too(path: Path) -> None:
    """They come back as what JSON has for them; the path may be text."""
    file = CheckpointFile(str(path))
    file.save(MappingProxyType({"a": MappingProxyType({"b": (1, 2)})}))

    assert file.load() == {"a": {"b": [1, 2]}}
    assert repr(file) == f"CheckpointFile({str(path)!r})"


@pytest.mark.parametrize(
    "wrong", NOT_STORABLE, ids=["null", "list", "text", "nan", "object"]
)
def test_what_is_no_json_object_is_not_saved(path: Path, wrong: Json) -> None:
    """The file stays as it was, and nothing lies beside it."""
    file = CheckpointFile(path)
    file.save({"old": 1})
    with pytest.raises(ValueError, match=r"checkpoint|JSON"):
        file.save(wrong)

    assert file.load() == {"old": 1}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "held",
    [b"", b'{"version": 1, "sess', b"[1]", b"\xff\xfe\xff", b"\0" * 4096, b"[" * 10**6],
    ids=["empty", "cut", "array", "no text", "zeros", "deep"],
)
def test_a_damaged_file_is_named(path: Path, held: bytes) -> None:
    """The error says which file it is and what to do; saving makes it whole again."""
    path.write_bytes(held)
    file = CheckpointFile(path)
    with pytest.raises(ValueError, match="holds no checkpoint") as caught:
        file.load()
    file.save({"new": 1})

    assert str(path) in str(caught.value)
    assert "remove it to begin anew" in str(caught.value)
    assert file.load() == {"new": 1}


def test_a_missing_folder_is_told_at_once(tmp_path: Path) -> None:
    """Already when loading, which comes before hours of watching."""
    folder = tmp_path / "not there"
    (tmp_path / "plain").touch()
    for parent in (folder, tmp_path / "plain"):
        file = CheckpointFile(parent / "watch.json")
        with pytest.raises(FileNotFoundError, match="make it first"):
            file.load()
        with pytest.raises(FileNotFoundError, match="make it first"):
            file.save({})

    assert not folder.exists()


def test_a_full_disk_leaves_the_old_checkpoint(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be written is removed again."""
    file = CheckpointFile(path)
    file.save({"old": 1})

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            file.save({"new": 1})

    assert file.load() == {"old": 1}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("refusals", [2, 100])
def test_an_open_file_is_met_with_patience(
    path: Path, monkeypatch: pytest.MonkeyPatch, refusals: int
) -> None:
    """A file that a virus scanner holds for a moment is replaced then; not for ever."""
    file = CheckpointFile(path)
    file.save({"old": 1})
    left = [PermissionError(errno.EACCES, "in use")] * refusals
    waits: list[float] = []
    replace = Path.replace

    def refuse(source: Path, target: Path) -> Path:
        if left:
            raise left.pop()
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr(time, "sleep", waits.append)
    if refusals > 5:
        with pytest.raises(PermissionError, match="in use"):
            file.save({"new": 1})
    else:
        file.save({"new": 1})

    assert file.load() == ({"old": 1} if left else {"new": 1})
    assert list(path.parent.iterdir()) == [path]


@posix_only
def test_nobody_else_can_read_a_new_file(path: Path) -> None:
    """Whatever the umask; a file that was there keeps what it had."""
    file = CheckpointFile(path)
    before = os.umask(0)
    try:
        file.save({})
        new = stat.S_IMODE(path.stat().st_mode)
        path.chmod(0o640)
        file.save({})
    finally:
        os.umask(before)

    assert [new, stat.S_IMODE(path.stat().st_mode)] == [0o600, 0o640]


@posix_only
def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    """What it leads to is replaced, in its own folder."""
    disk = tmp_path / "disk"
    disk.mkdir()
    path.symlink_to(disk / "real.json")
    file = CheckpointFile(path)
    none = file.load()
    file.save({"a": 1})

    assert none is None
    assert path.is_symlink()
    assert json.loads((disk / "real.json").read_bytes()) == {"a": 1}


def test_a_long_name_has_room_for_its_temporary_file(tmp_path: Path) -> None:
    """A name may be as long as the file system lets it be."""
    file = CheckpointFile(tmp_path / ("n" * 200 + ".json"))
    file.save({"a": 1})

    assert file.load() == {"a": 1}


def test_a_killed_process_leaves_a_whole_checkpoint(path: Path) -> None:
    """Killed anywhere: what was said to be saved, or the one begun after it."""
    file = CheckpointFile(path)
    for kill in range(12):
        start = kill * 1000
        with _writer(path, start, start + 1000) as said:
            said.readline()
            time.sleep(kill / 1000)  # each is killed at another point of a save

        assert start <= _whole(file.load()) < start + 1000


def test_two_writers_never_mix(path: Path) -> None:
    """Each reader sees a whole checkpoint of the one or of the other."""
    file = CheckpointFile(path)
    with _writer(path, 0, 20) as one, _writer(path, 1000, 1020) as other:
        seen = [_whole(file.load()) for _ in chain(one, other)]

    assert len(seen) == 40
    assert {number % 1000 for number in seen} <= set(range(20))
    assert seen[-1] in {19, 1019}
    assert list(path.parent.iterdir()) == [path]


async def test_a_watch_goes_on_from_its_file(path: Path) -> None:
    """A process that starts anew goes on where the one before it was."""
    file = CheckpointFile(path)
    async with Simulator(speed=0) as simulator:
        one = simulator.add_session(script=[("Working", 36_000)])
        async with client(simulator) as em:
            watch = em.backup_sessions.watch([one], interval=0.05)
            found = await anext(watch)
            await asyncio.to_thread(file.save, watch.checkpoint())
        simulator.advance(36_000)
        async with client(simulator) as em:
            resume = await asyncio.to_thread(file.load)
            resumed = em.backup_sessions.watch(resume=resume, interval=0.05)
            kinds = [found.kind, *[event.kind async for event in resumed]]

    assert kinds == ["FOUND", "STOPPED"]
