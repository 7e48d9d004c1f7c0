"""How a command ends: its exit code, and one line that says what to do."""

from __future__ import annotations

from enum import IntEnum

from veeam_async import (
    AuthenticationFailed,
    CertificateError,
    InvalidId,
    RequestTimeout,
    VeeamError,
)
from veeam_async.cli.words import one_line


class Exit(IntEnum):
    """The exit codes."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    SESSION_FAILED = 3
    DEADLINE = 4
    INTERRUPTED = 130
    PIPE_CLOSED = 141
    TERMINATED = 143


class Refusal(Exception):  # noqa: N818 - it is what the command says, not a fault of it
    """The end of a command with *code*, and what to tell about it."""

    def __init__(self, message: str, code: Exit = Exit.USAGE) -> None:
        super().__init__(message)
        self.code = code


def code_of(error: Exception) -> Exit:
    """Give the exit code for what a command met."""
    if isinstance(error, Refusal):
        return error.code
    if isinstance(error, InvalidId):
        return Exit.USAGE
    if isinstance(error, VeeamError | OSError | RuntimeError):
        return Exit.ERROR
    return Exit.USAGE


def explain(error: Exception) -> str:
    """Say in one line what happened, and what to do in the command's own terms."""
    text = one_line(str(error)).rstrip(".")
    if isinstance(error, OSError) and error.filename and error.strerror:
        return one_line(f"{error.filename}: {error.strerror}")
    if isinstance(error, CertificateError):
        return _how_to_trust(error)
    if isinstance(error, AuthenticationFailed):
        return f"{text}; check --username and the password"
    if isinstance(error, RequestTimeout):
        return f"{text}; --request-timeout gives it more time"
    return text


def _how_to_trust(error: CertificateError) -> str:
    """Name the options of the command where the library names its parameters."""
    what = one_line(error.reason)
    if error.fingerprint is None:
        return f"{what}; trust it by --ca-file FILE"
    return (
        f"{what}; compare its fingerprint with the server's own, then trust it by "
        f"--fingerprint {error.fingerprint}, or by --ca-file FILE"
    )
