"""The way of a watch's events: to the screen, to the user's command, into a checkpoint.

What a checkpoint promises: an event counts as reported in it only after it was shown
and its command was run. An event that was broken off is reported again by the next run,
and after a kill so are the events of the last second.
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import shutil
import sys
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
)
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import Any, TypeAlias

import attrs

from veeam_async import (
    CheckpointFile,
    DeadlineExceeded,
    EventKind,
    SessionChanged,
    SessionResult,
    Watch,
    to_dict,
)
from veeam_async.cli.exits import Refusal, explain
from veeam_async.cli.passwords import SECRET_VARIABLES, holds_password
from veeam_async.cli.render.streams import warn
from veeam_async.cli.render.words import AnySession, Event, one_line
from veeam_async.errors import Json

Checkpoint: TypeAlias = dict[str, Json]

_STDERR = 2
# Of ten thousand sessions a checkpoint is a file of megabytes.
_SAVE_EVERY_SECONDS = 1.0


def failed_session(event: Event) -> AnySession | None:
    """The session that *event* reports as ended with Failed, or None."""
    if not isinstance(event, SessionChanged) or event.kind is not EventKind.STOPPED:
        return None
    session: AnySession = event.session
    return session if session.result == SessionResult.FAILED else None


def _always(_: Event) -> bool:
    return True


@attrs.frozen(kw_only=True)
class EventPipeline:
    """Handles the events of a watch, one after the other.

    *endless*: only time ends the watch, which is no failure then. *until_failed*: it
    ends with the first session that failed. *hook* is run for each event, and for those
    that bring only progress where *progress* is true. An event that is not *wanted* is
    passed over.
    """

    endless: bool
    until_failed: bool
    progress: bool
    hook: EventHook | None
    saver: CheckpointSaver | None
    wanted: Callable[[Event], bool] = _always

    async def run(self, watch: Watch[Any]) -> AsyncGenerator[Event, None]:
        """Yield the events of *watch*; one is handled when the next is asked for."""
        # The watch polls on while a hook runs: a slow one delays events, not polls.
        try:
            async for event in watch:
                if not self.wanted(event):
                    continue
                async with self.saver.handling() if self.saver else nullcontext():
                    yield event
                    await self._run_hook(event)
                if self.until_failed and failed_session(event) is not None:
                    return
        except DeadlineExceeded:
            if not self.endless:
                raise

    async def _run_hook(self, event: Event) -> None:
        is_wanted = self.progress or event.kind is not EventKind.PROGRESSED
        if self.hook is not None and is_wanted:
            await self.hook.run(event)


# ---------------------------------------------------------------- the user's command


@attrs.frozen
class EventHook:
    """A command of the user's own, run for each event, without a shell."""

    words: tuple[str, ...]

    @classmethod
    def parse(
        cls, command: str, *, is_windows: bool = sys.platform == "win32"
    ) -> EventHook:
        """Split *command* as a shell does; Refusal where there is no such program."""
        lexer = shlex.shlex(command, posix=True, punctuation_chars=False)
        lexer.whitespace_split = True
        lexer.commenters = ""
        if is_windows:
            lexer.escape = ""  # a backslash separates folders there
        try:
            words = tuple(lexer)
        except ValueError as error:
            raise Refusal(f"--exec cannot be split into words: {error}") from error
        program = shutil.which(words[0]) if words else None
        if program is None:
            shown = one_line(words[0]) if words else "nothing"
            raise Refusal(f"--exec: there is no program {shown}")
        return cls((program, *words[1:]))

    async def run(self, event: Event) -> None:
        """Run it to its end, with *event* as JSON on its standard input."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self.words,
                stdin=asyncio.subprocess.PIPE,
                stdout=_STDERR,  # standard output is the watch's own
                env=without_secrets(os.environ),
            )
        except OSError as error:
            self._warn(event, f"could not be started: {error.strerror or error}")
            return
        try:
            await process.communicate(f"{json.dumps(to_dict(event))}\n".encode())
        finally:
            # Ctrl-C or a closed watch came first: it must not outlive the command.
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            self._warn(event, f"ended with exit code {process.returncode}")

    def _warn(self, event: Event, what: str) -> None:
        name = one_line(self.words[0])
        warn(f"warning: {name} {what} at event {event.sequence} ({event.kind})")


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """*environ* without what only the command itself may know."""
    # Whatever the hook starts in turn would have them, and many a program writes its
    # environment into a log.
    return {
        name: value
        for name, value in environ.items()
        if name.upper() not in SECRET_VARIABLES
        and not (name.upper().startswith("VEEAM_") and holds_password(value))
    }


# ---------------------------------------------------------------- the checkpoint


@asynccontextmanager
async def saving_checkpoint(
    watch: Watch[Any], file: CheckpointFile | None
) -> AsyncIterator[CheckpointSaver | None]:
    """Save the checkpoint of *watch* in the background, and at the end of the block."""
    if file is None:
        yield None
        return
    saver = CheckpointSaver(watch, file)
    saving = asyncio.create_task(saver.run())
    try:
        yield saver
    finally:
        # Not cancelled: a save that is under way in its thread would go on, and race
        # with the last one for the file.
        saver.stop()
        await saving
        await saver.save_last()


class CheckpointSaver:
    """Saves what *watch* has reported to *file*, once it was handled.

    The watch itself counts an event as reported as soon as it hands it out. So no
    checkpoint is taken inside of `handling`, and none after one that was broken off.
    """

    def __init__(self, watch: Watch[Any], file: CheckpointFile) -> None:
        self._watch = watch
        self._file = file
        self._lock = asyncio.Lock()
        self._is_handling = False
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()

    @asynccontextmanager
    async def handling(self) -> AsyncIterator[None]:
        """Handle an event in the block, during which no checkpoint is taken."""
        async with self._lock:
            self._is_handling = True
            yield
            # No `finally`: an event that was broken off stays unhandled.
            self._is_handling = False
        self._changed.set()

    async def run(self) -> None:
        """Save after changes, at most once a second, until `stop`."""
        while not self._stopping.is_set():
            await self._changed.wait()
            async with self._lock:
                self._changed.clear()
                if self._stopping.is_set():
                    return
                saving = self._save()
            try:
                await saving
            except OSError as error:
                # A full disk may be emptied, and a backup goes on meanwhile.
                warn(f"warning: the checkpoint could not be saved: {explain(error)}")
            with suppress(TimeoutError):
                async with asyncio.timeout(_SAVE_EVERY_SECONDS):
                    await self._stopping.wait()

    def stop(self) -> None:
        """Let `run` end, after the save that is under way."""
        self._stopping.set()
        self._changed.set()

    async def save_last(self) -> None:
        """Save once more, unless an event was broken off, which is reported again."""
        if not self._is_handling:
            await self._save()

    def _save(self) -> Awaitable[None]:
        """Take the checkpoint now; awaiting the result saves it."""
        # Without its deadline: the next run of the command sets one of its own.
        checkpoint = {**self._watch.checkpoint(), "deadline": None}
        return asyncio.to_thread(self._file.save, checkpoint)
