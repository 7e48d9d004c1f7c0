"""How a command ends: its exit code, and one line that says what to do."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

from veeam_async.cli.render.streams import say
from veeam_async.cli.render.words import (
    GONE,
    AnySession,
    count,
    failure_reason,
    one_line,
)
from veeam_async.errors import (
    ApiError,
    AuthenticationFailed,
    CertificateError,
    DeadlineExceeded,
    InvalidId,
    PermissionDenied,
    RequestTimeout,
    SessionFailed,
    VeeamError,
)

if TYPE_CHECKING:
    from veeam_async import EnterpriseManager
    from veeam_async.cli.render.dashboard import Dashboard

_NAMED_SESSIONS = 3


class Exit(IntEnum):
    """The exit codes."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    SESSION_FAILED = 3
    DEADLINE = 4
    # What a shell reports for a process that a signal of that number less 128 ended.
    HUNG_UP = 129
    INTERRUPTED = 130
    PIPE_CLOSED = 141
    TERMINATED = 143


class Refusal(Exception):  # noqa: N818 - it is what the command says, not a fault of it
    """Ends a command with a message and an exit code, USAGE unless another is given.

    *more* are lines to show below it: a place in what was typed, a list to choose from.
    """

    def __init__(
        self, message: str, code: Exit = Exit.USAGE, more: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.code = code
        self.more = more


def exit_code_of(error: Exception) -> Exit:
    """The exit code for an error that ended a command."""
    if isinstance(error, Refusal):
        return error.code
    if isinstance(error, InvalidId):
        return Exit.USAGE
    # RuntimeError: an extra is missing that an option needs, as cryptography for TLS.
    if isinstance(error, VeeamError | OSError | RuntimeError):
        return Exit.ERROR
    # ValueError: the library refused an argument, which was an option here.
    return Exit.USAGE


def explain(error: Exception) -> str:
    """What happened, and what to do about it in the command's own terms; one line."""
    text = one_line(_what_first(error)).rstrip(".")
    if isinstance(error, OSError) and error.filename and error.strerror:
        return one_line(f"{error.filename}: {error.strerror}")
    if isinstance(error, CertificateError):
        # The error's own advice names the library's parameters, not the options.
        return f"{one_line(error.reason)}; {how_to_trust(error.fingerprint)}"
    if isinstance(error, AuthenticationFailed):
        return f"{text}; check --username and the password"
    if isinstance(error, PermissionDenied):
        from veeam_async.cli.render.called import as_called  # noqa: PLC0415 - rare

        return f"{text}; {as_called('doctor')} shows what this user's role reads"
    if isinstance(error, RequestTimeout):
        return f"{text}; --request-timeout gives it more time"
    return text


def _what_first(error: Exception) -> str:
    """What *error* says, what went wrong before the request that met it."""
    text = str(error)
    if not isinstance(error, ApiError):
        return text
    request = f"{error.method} {error.url} answered {error.status}: "
    # A filter in a URL is long, and nobody reads it so.
    path = error.url.partition("?")[0]
    what = text.removeprefix(request).rstrip(".")
    return f"{what}: {error.method} {path} answered {error.status}"


def reason_of(em: EnterpriseManager, failed: AnySession) -> str:
    """Why a session *failed*, on one line, without what its server echoes."""
    error = em._clean(SessionFailed(failed))  # noqa: SLF001 - no business of users
    return failure_reason(error.session)


def how_to_trust(fingerprint: str | None) -> str:
    """How to trust a certificate with this *fingerprint*, by options."""
    if fingerprint is None:
        return "trust it by --ca-file FILE"
    return (
        "compare its fingerprint with the server's own, then trust it by "
        f"--fingerprint {fingerprint}, or by --ca-file FILE"
    )


def deadline_refusal(error: DeadlineExceeded, total: int) -> Refusal:
    """The end of a command, of whose *total* sessions some had not ended in time."""
    named = ", ".join(str(session_id) for session_id in error.active[:_NAMED_SESSIONS])
    more = ", …" if error.active[_NAMED_SESSIONS:] else ""
    return Refusal(
        f"the time is up: {len(error.active):,} of {count(total, 'session')} had not "
        f"ended: {named}{more}",
        Exit.DEADLINE,
    )


def conclude(dashboard: Dashboard) -> Exit:
    """Sum a watch up on standard error; its exit code tells the worst that happened."""
    # Here, since a command that watches nothing needs neither of them.
    from veeam_async import SessionResult  # noqa: PLC0415 - see above
    from veeam_async.cli.render.text import summary  # noqa: PLC0415 - see above

    if not dashboard.total:
        say("no session was seen")
        return Exit.DONE
    say(f"{count(dashboard.total, 'session')}: {summary(dashboard.counts)}")
    if SessionResult.FAILED in dashboard.counts:
        return Exit.SESSION_FAILED
    return Exit.ERROR if GONE in dashboard.counts else Exit.DONE
