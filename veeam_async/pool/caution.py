"""When a logon may be tried: accounts lock, and a broken server is no reason to hurry.

A refused password is remembered whatever answer the refusal came with. What else a
logon can fail by, and does not pass by itself, holds the next one back.
"""

from __future__ import annotations

import copy
from collections import OrderedDict

import attrs

from veeam_async.clock import Clock
from veeam_async.errors import LogonPaused, VeeamError, is_passing
from veeam_async.secret import Secret

_MINUTE = 60.0
_MOST_FAILED = 2
"""Failed logons in a minute, whatever passwords they were tried with."""

_ASK_SECONDS = 10.0
"""Between two questions to whoever gives the password, while it is refused."""

_MOST_REMEMBERED = 64


@attrs.frozen
class _Refusal:
    """Why a password was refused, and when it may be tried again: None is never."""

    error: VeeamError
    again_at: float | None


class Caution:
    """Judge by what earlier logons came to whether another may be sent."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refused: OrderedDict[Secret[str], _Refusal] = OrderedDict()
        self._worked: Secret[str] | None = None
        self._failed_at: list[float] = []
        self._broken: VeeamError | None = None
        self._ask_at = float("-inf")

    def before_asking(self) -> None:
        """Raise the last refusal where the password's giver was asked just now."""
        now = self._clock.monotonic()
        if not self._refused:
            return
        last = next(reversed(self._refused.values()))
        if now < self._ask_at:
            raise self._error_of(last)
        self._ask_at = now + _ASK_SECONDS
        if last.again_at is not None and now < last.again_at:
            self._ask_at = min(self._ask_at, last.again_at)

    def before_sending(self, password: Secret[str]) -> None:
        """Raise where a logon with *password* must not be sent now."""
        now = self._clock.monotonic()
        refusal = self._refused.get(password)
        # 1. Sent again it would bring the account nearer its lock.
        if refusal is not None and (refusal.again_at is None or now < refusal.again_at):
            raise self._error_of(refusal)
        # 2. Any other would be one too many for this minute.
        if (left := self._seconds_held(now)) > 0:
            if self._broken is not None:
                raise copy.copy(self._broken)
            raise LogonPaused(
                f"{_MOST_FAILED} logons were refused within a minute", seconds=left
            )

    def succeeded(self, password: Secret[str]) -> None:
        """Note that the server took *password*: what was before counts no more."""
        self._worked = password
        self._refused.clear()
        self._failed_at.clear()
        self._broken = None

    def failed(
        self, password: Secret[str], error: VeeamError, *, refused: bool
    ) -> VeeamError:
        """Note what a logon failed by, and give the error to raise.

        *refused* says that it was answered 401 or 403.
        """
        if not refused and is_passing(error):
            return error
        now = self._clock.monotonic()
        self._failed_at = [at for at in self._failed_at if now - at < _MINUTE]
        self._failed_at.append(now)
        self._broken = None if refused else error
        return self._refusal(password, error, now) if refused else error

    def _refusal(
        self, password: Secret[str], error: VeeamError, now: float
    ) -> VeeamError:
        # One stray 401 after good work must not be the end of everything.
        is_stray = password == self._worked and password not in self._refused
        refusal = _Refusal(error, now + _MINUTE if is_stray else None)
        self._refused[password] = refusal
        self._refused.move_to_end(password)
        if len(self._refused) > _MOST_REMEMBERED:
            self._refused.popitem(last=False)
        self._ask_at = now + _ASK_SECONDS
        return self._error_of(refusal)

    def _error_of(self, refusal: _Refusal) -> VeeamError:
        """The error for whoever asks while a refusal stands."""
        if refusal.again_at is None:
            return copy.copy(refusal.error)
        paused = LogonPaused(
            "the logon was refused though its password has worked",
            seconds=max(0.0, refusal.again_at - self._clock.monotonic()),
        )
        paused.__cause__ = copy.copy(refusal.error)
        return paused

    def _seconds_held(self, now: float) -> float:
        """How long the failures of the last minute hold the next logon back."""
        recent = [at for at in self._failed_at if now - at < _MINUTE]
        if len(recent) < _MOST_FAILED:
            return 0.0
        return recent[-_MOST_FAILED] + _MINUTE - now
