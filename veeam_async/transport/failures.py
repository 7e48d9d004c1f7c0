"""The errors of a connection, in the same words whichever transport met them."""

from __future__ import annotations

from veeam_async.errors import ConnectionFailed, RequestTimeout


def unreachable(
    host: str, port: int, error: OSError, *, is_proxy: bool = False
) -> ConnectionFailed:
    """Make the error for a host that nobody could connect to."""
    is_refused = isinstance(error, ConnectionRefusedError)
    reason = (
        "refused" if is_refused else error.strerror or str(error) or "it was closed"
    )
    return ConnectionFailed(
        f"no connection to {'the proxy ' if is_proxy else ''}{host}:{port} "
        f"({reason}); are host and port right, and does it run?",
        sent=False,
    )


def no_connection_within(seconds: float) -> RequestTimeout:
    """Make the error for a connection that did not come about in time."""
    return RequestTimeout(
        f"no connection within {seconds:g} s; are host and port right?", sent=False
    )


def never_opened() -> ConnectionFailed:
    """Make the error for a connection that was not opened, since the client closed."""
    return ConnectionFailed("the client was closed meanwhile", sent=False)


def no_answer_within(seconds: float) -> RequestTimeout:
    """Make the error for an answer that did not come, or not whole, in time."""
    return RequestTimeout(f"no answer within {seconds:g} s")


def no_tls(host: str, port: int, error: object) -> ConnectionFailed:
    """Make the error for a port that does not speak TLS as it should."""
    return ConnectionFailed(
        f"no TLS at {host}:{port} ({error}); does it speak http:// there?", sent=False
    )


def broken(error: Exception | None, *, is_tls: bool) -> ConnectionFailed:
    """Make the error for a connection that broke after the request went out."""
    reason = (error.strerror if isinstance(error, OSError) else None) or "it was closed"
    hint = "" if is_tls else "; does the server speak https:// there?"
    return ConnectionFailed(f"the connection broke without an answer: {reason}{hint}")


def cut_short() -> ConnectionFailed:
    """Make the error for an answer that ended before it was whole."""
    return ConnectionFailed("the answer broke off in the middle of its body")


def unintelligible(fault: str) -> ConnectionFailed:
    """Make the error for an answer that is no HTTP.

    *fault* is the parser's word for it, without what it read: a token, perhaps.
    """
    return ConnectionFailed(f"the answer is no HTTP to be understood: {fault}")
