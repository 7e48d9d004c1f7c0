"""A checkpoint in a file: there is always a whole one, whatever ends the process."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from veeam_async.errors import Json

T = TypeVar("T")

_WAITS = (0.01, 0.03, 0.1, 0.2, 0.4)
"""Seconds between the tries to get at a file that somebody else has open."""
_NAME_LENGTH = 40
"""How much of the file's name its temporary file bears: names have limits."""


class CheckpointFile:
    """A file that holds the newest checkpoint of a watch, at *path*.

    It is replaced as a whole: a process that is killed, or a machine that loses its
    power, leaves the old checkpoint or the new one. A process killed while it saves
    may leave a temporary file too, named like this one with a dot before and `.tmp`
    after it. A new file can be read by its owner alone; one that was there keeps its
    permissions, and a link its target.

    Both calls block, `save` until the disk has the checkpoint: some milliseconds, or
    seconds where the disk is busy. From an event loop call them in a thread:

    ```python
    await asyncio.to_thread(file.save, watch.checkpoint())
    ```
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

    def __repr__(self) -> str:
        return f"CheckpointFile({str(self._path)!r})"

    def save(self, checkpoint: Json) -> None:
        """Replace what the file holds; it is on the disk when this returns.

        Raises ValueError where *checkpoint* is no JSON object, FileNotFoundError where
        the folder is missing, and the OSError of a disk that refuses; then the file is
        as it was.
        """
        # First: what cannot be written must not cost the old file.
        data = _dumped(checkpoint)
        target = self._target()
        mode = self._mode(target)
        handle, name = tempfile.mkstemp(
            prefix=f".{target.name[:_NAME_LENGTH]}.", suffix=".tmp", dir=target.parent
        )
        try:
            _write(handle, data, mode)
            # In one step on every platform; beside the target, so on the same disk.
            _patiently(lambda: Path(name).replace(target))
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
        _sync_folder(target.parent)

    def _mode(self, target: Path) -> int | None:
        """The permissions of the file that is there, None where there is none."""
        try:
            return target.stat().st_mode & 0o777
        except FileNotFoundError:
            return None

    def load(self) -> dict[str, Json] | None:
        """Give the checkpoint, None where there is no file yet.

        Raises ValueError where the file holds no JSON object, FileNotFoundError where
        even its folder is missing, so that this is known before the first save.
        """
        try:
            data = _patiently(self._path.read_bytes)
        except (FileNotFoundError, NotADirectoryError):
            self._target()
            return None
        return self._loaded(data)

    def _loaded(self, data: bytes) -> dict[str, Json]:
        try:
            checkpoint = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise self._damaged(str(error)) from error
        if not isinstance(checkpoint, dict):
            raise self._damaged("it is JSON, but no object")
        return checkpoint

    def _damaged(self, why: str) -> ValueError:
        return ValueError(
            f"{self._path} holds no checkpoint: {why}; put a copy of one in its place, "
            "or remove it to begin anew"
        )

    def _target(self) -> Path:
        """The file itself where the path is a link; its folder must be there."""
        target = Path(os.path.realpath(self._path))
        if target.parent.is_dir():
            return target
        raise FileNotFoundError(
            f"there is no folder {target.parent} for the checkpoint; make it first"
        )


def _dumped(checkpoint: Json) -> bytes:
    if not isinstance(checkpoint, Mapping):
        raise ValueError("a checkpoint is a JSON object: give what a watch gave")  # noqa: TRY004 - misuse is ValueError
    try:
        return json.dumps(checkpoint, allow_nan=False, default=_plain).encode("ascii")
    except (TypeError, RecursionError) as error:
        raise ValueError(f"a checkpoint consists of plain JSON: {error}") from error


def _plain(value: object) -> dict[str, Json]:
    """A mapping as the dict that `json` asks for."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is none of its types")


def _write(handle: int, data: bytes, mode: int | None) -> None:
    with open(handle, "wb") as file:
        file.write(data)
        if mode is not None and hasattr(os, "fchmod"):  # Windows inherits the folder's
            os.fchmod(handle, mode)
        file.flush()
        os.fsync(handle)


def _patiently(call: Callable[[], T]) -> T:
    """Call again for a moment, as long as the file is in somebody else's use."""
    # On Windows an open file can be neither replaced nor read, and a virus scanner, a
    # backup or another process of the caller has it open for a moment.
    for wait in _WAITS:
        with suppress(PermissionError):
            return call()
        time.sleep(wait)
    return call()


def _sync_folder(folder: Path) -> None:
    """Put the new name on the disk too, where the platform can."""
    # A failure is passed over: the file is replaced, and an error would deny that.
    with suppress(OSError):  # Windows opens no folder
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
