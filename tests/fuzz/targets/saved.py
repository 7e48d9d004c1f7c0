"""What is saved and read again: checkpoints, runs, recordings."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from tests.fuzz.mutation import (
    FITTING,
    NUMBERS,
    TEXTS,
    TIMES,
    VALUES,
    Mutator,
    Seed,
    seed,
)
from tests.fuzz.target import Feed, Make, Target, Unreached, is_plain_value_error
from tests.fuzz.targets.samples import MODELS, RELEASED, documents
from veeam_async import CheckpointFile, EnterpriseManager, from_dict
from veeam_async.clock import Moment
from veeam_async.codec import to_saved
from veeam_async.errors import Json
from veeam_async.jobs import run_record
from veeam_async.watch.persist import checkpoint
from veeam_async.watch.persist.replay import replay
from veeam_async.watch.tracker.schedule import Rules
from veeam_async.watch.tracker.session import Observation

_NOW = Moment(1000.0, datetime(2026, 3, 2, 22, tzinfo=UTC))
_MOST_EVENTS = 10_000
_WORDS = (*VALUES, *(b'"%b"' % text for text in TEXTS), *TIMES, *NUMBERS[:8])

_MEMORY = Path("/dev/shm")  # noqa: S108 - where it is there, files cost no disk


def _file() -> Path:
    """A file of this process alone."""
    folder = _MEMORY if _MEMORY.is_dir() else Path(tempfile.gettempdir())
    return folder / f"veeam-async-fuzz-{os.getpid()}"


def _written(take: Callable[[Path], None]) -> Feed:
    """A feed that writes its input into a file."""

    def feed(data: bytes) -> None:
        file = _file()
        file.write_bytes(data)
        try:
            take(file)
        finally:
            file.unlink()

    return feed


def _texts(found: list[Any]) -> list[bytes]:
    return [json.dumps(each).encode() for each in found]


# ---------------------------------------------------------------- checkpoints


def take_checkpoint(file: Path) -> None:
    """Go on from a checkpoint in a file, look once, and save again."""
    data = CheckpointFile(file).load()
    named = data.get("kind") if data else None
    name = named if isinstance(named, str) and named in MODELS else "BackupJobSession"
    load = partial(from_dict, MODELS[name])
    tracker, deadline = checkpoint.restore(data, load, Rules(), now=_NOW, kind=name)
    _look(tracker)
    saved = checkpoint.save(tracker, to_saved, deadline, kind=name)
    again, same = checkpoint.restore(
        json.loads(json.dumps(saved)), load, Rules(), now=_NOW, kind=name
    )
    assert same == deadline
    assert set(again.tracked) == set(tracker.tracked)


def _look(tracker: Any) -> None:
    """Whatever is due, answered with what is known, and all that there is to tell."""
    due = tracker.take_due(_NOW.monotonic + 100)
    for session_id in (*due.session_ids, *due.confirm) if due else ():
        newest = tracker.tracked[session_id].newest
        tracker.note(
            Observation(id=session_id, asked_at=1000.0, at=_NOW, session=newest)
        )
    tracker.next_due()
    told = 0
    while tracker.tell() is not None:
        told += 1
        assert told < _MOST_EVENTS


# ---------------------------------------------------------------- runs


def _take_up() -> Callable[[Json], Any]:
    em = EnterpriseManager("https://em.invalid:9398", username="u", password="p")
    return em.jobs.resume


def _open_run() -> Feed:
    resume = _take_up()

    def take(data: bytes) -> None:
        try:
            saved = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise Unreached from error
        run = resume(saved)
        repr(run)
        again = json.loads(json.dumps(run.to_dict()))
        assert run_record.restore(again) == run_record.restore(saved)

    return take


def _run_maker() -> Make:
    saved = json.loads((RELEASED / "runs.json").read_text("utf-8"))["saved"]
    good = [each for each in saved.values() if "version" in each]
    return Mutator([seed(text) for text in _texts(good)], _WORDS, FITTING).make


# ---------------------------------------------------------------- recordings


@attrs.frozen
class _NoJsonError(Exception):
    """A line that no JSON parser takes: the command says so, not the replay."""


def take_recording(file: Path) -> None:
    """Tell a recording again."""
    for told, _ in enumerate(replay(_lines(file), _session)):
        assert told < _MOST_EVENTS


def _lines(file: Path) -> Any:
    with file.open(encoding="utf-8", errors="replace") as text:
        for line in text:
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                return


def _session(kind: str, data: Json) -> Any:
    if kind not in MODELS:
        raise ValueError(f"there are no sessions of the kind {kind!r}")
    return from_dict(MODELS[kind], data)


_MOST_LINES = 6


def _recording_maker() -> Make:
    seeds: list[Seed] = []
    for path in sorted((RELEASED / "recordings").glob("*.rec")):
        lines = path.read_bytes().splitlines(keepends=True)
        if len(lines[0]) < _LONG_LINE:
            seeds.append(seed(b"".join(lines[:_MOST_LINES])))
    return Mutator(seeds, _WORDS, FITTING).make


_LONG_LINE = 4000


def _checkpoint_maker() -> Make:
    good = [each["saved"] for each in documents("checkpoints")]
    return Mutator([seed(_short(each)) for each in good], _WORDS, FITTING).make


def _short(saved: dict[str, Any]) -> bytes:
    """A checkpoint with so few sessions that one is soon made of it."""
    few = dict(list(saved["sessions"].items())[:2])
    return json.dumps(saved | {"sessions": few}).encode()


TARGETS = (
    Target(
        name="checkpoints",
        about="files of `CheckpointFile`, from which a watch goes on, looks and saves",
        open_maker=_checkpoint_maker,
        open_feed=lambda: _written(take_checkpoint),
        own=is_plain_value_error,
    ),
    Target(
        name="runs",
        about="saved runs to `em.jobs.resume`",
        open_maker=_run_maker,
        open_feed=_open_run,
        own=is_plain_value_error,
    ),
    Target(
        name="recordings",
        about="recordings, told again line by line",
        open_maker=_recording_maker,
        open_feed=lambda: _written(take_recording),
        own=is_plain_value_error,
    ),
)
