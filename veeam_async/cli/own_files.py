"""Files that a command writes: its user's own, whoever else can write to the folder.

In a folder such as /tmp anybody can put a link, or a file of his own, in the place
where a command is about to write: what is written would end in another file of the
user, or be readable by that other person.

What is written is its owner's alone, also where a file that others can read is there
already, or at the end of a link: names of machines and failures stand in it.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from veeam_async import CheckpointFile
from veeam_async.errors import Json

_MODE = 0o600
_OTHERS = 0o077
_NO_LINK: int = getattr(os, "O_NOFOLLOW", 0)  # Windows has none
_ROOT = 0


class OwnCheckpointFile(CheckpointFile):
    """A checkpoint that is neither read from nor saved over what is another's.

    Unlike the class it extends, it makes a file that was there its owner's alone.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._place = path

    def load(self) -> dict[str, Json] | None:
        """Give the checkpoint (see `CheckpointFile.load`)."""
        own_place(self._place)
        return super().load()

    def save(self, checkpoint: Json) -> None:
        """Save the checkpoint (see `CheckpointFile.save`)."""
        own_place(self._place)
        super().save(checkpoint)

    def _mode(self, target: Path) -> None:
        """Leave it as a new file is made."""


def create(path: Path) -> TextIO:
    """Open *path* for writing, emptied where it is there already.

    The file is its owner's alone from then on. Raises PermissionError where a file or
    a link of somebody else lies there.
    """
    target = own_place(path)
    # newline: a recording made on Windows is the same file byte for byte.
    return os.fdopen(_handle(target), "w", encoding="utf-8", newline="\n")


def own_place(path: Path) -> Path:
    """Give *path*, or what a link of the user's own leads to.

    Raises PermissionError where somebody else has put something there.
    """
    target = Path(os.path.realpath(path))
    for place in (path, target):
        if os.path.lexists(place):
            _refuse_foreign(place, place.lstat())
    return target


def _handle(target: Path) -> int:
    try:
        # Nobody can slip anything in between: either it is new, or this fails.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK
        return os.open(target, flags, _MODE)
    except FileExistsError:
        handle = os.open(target, os.O_WRONLY | _NO_LINK)
    try:
        # Of what was opened, not of what lay there a moment before.
        found = os.fstat(handle)
        _refuse_foreign(target, found)
        if stat.S_ISREG(found.st_mode):
            _shut_out_others(target, handle, found)
            os.ftruncate(handle, 0)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _shut_out_others(path: Path, handle: int, found: os.stat_result) -> None:
    """Let none but its owner read what was opened; before anything stands in it."""
    if sys.platform == "win32" or not found.st_mode & _OTHERS:
        return
    if found.st_uid != os.geteuid():
        raise _refusal(path, "belongs to another user, and others can read it")
    # A file system may have no permissions, as that of a USB stick.
    with suppress(PermissionError):
        os.fchmod(handle, stat.S_IMODE(found.st_mode) & ~_OTHERS)


def _refuse_foreign(path: Path, found: os.stat_result) -> None:
    """Raise PermissionError where *found* is not the user's own, nor the system's."""
    if not hasattr(os, "geteuid"):  # Windows: no folder is everybody's there
        return
    # A second name of a file: another user can give one to any file of this user.
    has_names = stat.S_ISREG(found.st_mode) and found.st_nlink > 1
    if has_names or found.st_uid not in (os.geteuid(), _ROOT):
        what = "has a second name elsewhere" if has_names else "belongs to another user"
        raise _refusal(path, what)


def _refusal(path: Path, what: str) -> PermissionError:
    said = f"it {what}; give a file in a folder of your own"
    return PermissionError(errno.EPERM, said, str(path))
