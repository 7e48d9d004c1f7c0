"""What the library logs, on standard error: warnings, with -v and -vv more.

With -v each request that is tried again, with -vv each request. No record of the
library holds a secret.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from veeam_async.cli.render.streams import say, warn
from veeam_async.cli.render.words import one_line

_LOGGER = "veeam_async"
"""The name that those of all the library's loggers begin with."""
_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)
"""The level for no -v, one, and more."""


class _Handler(logging.Handler):
    """Writes records to standard error; *warn* takes the text of a warning."""

    def __init__(self) -> None:
        super().__init__()
        self.warn: Callable[[str], object] = _warn
        # A live table takes standard error over, to print above itself. Where that is
        # no terminal, but a file, the file is to have what is written meanwhile.
        self._stream = None if sys.stderr.isatty() else sys.stderr

    def emit(self, record: logging.LogRecord) -> None:
        """Write *record*, on one line."""
        try:
            text = one_line(record.getMessage())
            if record.levelno >= logging.WARNING:
                self.warn(text)
                return
            at = datetime.fromtimestamp(record.created).astimezone()
            level = record.levelname.lower()
            say(f"{at:%H:%M:%S.%f}"[:-3] + f" {level:<5} {text}", self._stream)
        except Exception:  # noqa: BLE001 - a log is no reason to end what it tells of
            self.handleError(record)


def _warn(text: str) -> None:
    warn(f"warning: {text}")


@contextmanager
def shown() -> Iterator[None]:
    """Show warnings during the block, and whatever `show` asks for."""
    logger, handler = logging.getLogger(_LOGGER), _Handler()
    before = logger.level
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def show(verbosity: int) -> None:
    """Show more from now on, by the number of -v."""
    if verbosity:
        level = _LEVELS[min(verbosity, len(_LEVELS) - 1)]
        logging.getLogger(_LOGGER).setLevel(level)


@contextmanager
def warnings_given_to(take: Callable[[str], object]) -> Iterator[None]:
    """Give the text of each warning of the block to *take* instead of showing it."""
    handlers = [
        each
        for each in logging.getLogger(_LOGGER).handlers
        if isinstance(each, _Handler)
    ]
    for handler in handlers:
        handler.warn = take
    try:
        yield
    finally:
        for handler in handlers:
            handler.warn = _warn
