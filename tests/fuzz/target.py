"""What is fuzzed: something that takes bytes, and the errors that it may raise."""

from __future__ import annotations

import functools
from collections.abc import Callable
from random import Random
from typing import TypeAlias

import attrs

Make: TypeAlias = Callable[[Random], bytes]
Feed: TypeAlias = Callable[[bytes], None]


class Unreached(Exception):  # noqa: N818 - no fault, of nobody
    """An input that never came to what is fuzzed: it does not count."""


@attrs.frozen(kw_only=True)
class Target:
    """One part of the package under fuzzing.

    *about* says what it is fed. *open_maker* makes what makes the inputs, *open_feed*
    what takes one; the former is called once in each process, as is the latter.
    *own* tells whether an error is one that the part may raise. Of so many inputs as
    are asked for, it gets one in *one_in*. No input may take more than *most_seconds*
    of CPU.
    """

    name: str
    about: str
    open_maker: Callable[[], Make] = attrs.field(repr=False)
    open_feed: Callable[[], Feed] = attrs.field(repr=False)
    own: Callable[[BaseException], bool] = attrs.field(repr=False)
    one_in: int = 1
    most_seconds: float = 0.050

    @functools.cached_property
    def make(self) -> Make:
        """Makes an input."""
        return self.open_maker()

    @functools.cached_property
    def feed(self) -> Feed:
        """Feeds an input; raises Unreached, or whatever the part raises."""
        return self.open_feed()


def is_plain_value_error(error: BaseException) -> bool:
    """Whether it is a ValueError of the library's own words, and no kind of one."""
    return type(error) is ValueError
