"""The errors of a connection, in the same words whichever transport met them."""

from __future__ import annotations

from veeam_async.errors import ConnectionFailed, RequestTimeout


def unreachable(
    host: str, port: int, error: OSError, *, is_proxy: bool = False
) -> ConnectionFailed:
    """Nobody could connect to the host, or to the proxy before it."""
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
    """Connecting took too long, TLS included."""
    return RequestTimeout(
        f"no connection within {seconds:g} s; are host and port right?", sent=False
    )


def never_opened() -> ConnectionFailed:
    """A client that was closed opened no connection any more."""
    return ConnectionFailed("the client was closed meanwhile", sent=False)


def no_answer_within(seconds: float) -> RequestTimeout:
    """No answer, or not the whole of it, came in time."""
    return RequestTimeout(f"no answer within {seconds:g} s")


def no_tls(host: str, port: int, error: object) -> ConnectionFailed:
    """The port does not speak TLS as it should."""
    return ConnectionFailed(
        f"no TLS at {host}:{port} ({error}); does it speak http:// there?", sent=False
    )


def broken(error: Exception | None, *, is_tls: bool) -> ConnectionFailed:
    """The connection broke after the request went out."""
    reason = (error.strerror if isinstance(error, OSError) else None) or "it was closed"
    hint = "" if is_tls else "; does the server speak https:// there?"
    return ConnectionFailed(f"the connection broke without an answer: {reason}{hint}")


def cut_short() -> ConnectionFailed:
    """An answer ended before it was whole."""
    return ConnectionFailed("the answer broke off in the middle of its body")


def mismatched(question: str) -> ConnectionFailed:
    """The answer to *question*, method and URL, is about something else."""
    return ConnectionFailed(
        f"what came as the answer to {question} is about something else, so that its "
        "connection was closed; does a proxy or cache before the server mix answers up?"
    )


def unintelligible(fault: str) -> ConnectionFailed:
    """The answer is no HTTP; *fault* is the parser's word for it."""
    # Never what the parser read: the head of a logon's answer holds the token.
    return ConnectionFailed(f"the answer is no HTTP to be understood: {fault}")
