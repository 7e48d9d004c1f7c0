"""The errors of a connection, in the same words whichever transport met them."""

from __future__ import annotations

import re
import ssl
from typing import TypeGuard

from veeam_async.errors import ConnectionFailed, RequestTimeout, one_line

_TLS_HINTS = {
    "WRONG_VERSION_NUMBER|HTTP_REQUEST|RECORD_LAYER_FAILURE|PACKET_LENGTH": (
        "does it speak http:// there?"
    ),
    "PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|NO_PROTOCOLS": (
        "server and client have no version of TLS in common: let the server speak "
        "TLS 1.2, or give an SSLContext that allows what it speaks as tls"
    ),
    "CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED": (
        "the server wants a certificate of the client: load one that it knows into "
        "an SSLContext, and give that as tls"
    ),
    "HANDSHAKE_FAILURE|INSUFFICIENT_SECURITY|NO_SHARED_CIPHER|NO_CIPHERS": (
        "server and client have no cipher in common, or it wants a certificate of "
        "the client: give an SSLContext with what it needs as tls"
    ),
    "UNRECOGNIZED_NAME": (
        "the server knows no such name: use the one of its certificate in the URL"
    ),
    "TOO_SMALL|TOO_WEAK|LEGACY|SIGNATURE": (
        "the server's TLS is too weak for this machine: renew its key and ciphers, "
        "or give an SSLContext that allows them as tls"
    ),
}
"""Hints by what stands in the reason of OpenSSL, the first that fits."""

_TLS_CUT = "it was closed in the middle of the handshake"
_TLS_UNNAMED = "an alert, or a fault, that OpenSSL has no name for"
_TLS_CLOSED = "does it speak http:// there, or TLS of another version?"
_TLS_OWN = "give another SSLContext as tls"
_TLS_OTHER = "the log of the server, or of a gateway before it, may say why"

_CLOSED = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
"""The errors by which OpenSSL tells the end of a connection."""


def unreachable(
    host: str,
    port: int,
    error: OSError,
    *,
    is_proxy: bool = False,
    is_tls: bool = False,
) -> ConnectionFailed:
    """Nobody could connect to the host, or to the proxy before it."""
    if is_tls and isinstance(error, ConnectionResetError):
        # Whoever refuses to connect does not reset: TLS had begun.
        return no_tls(host, port, error)
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
    """The port does not speak TLS as it should, or not with this client."""
    fault, hint = _of_tls(error)
    return ConnectionFailed(f"no TLS at {host}:{port} ({fault}); {hint}", sent=False)


def broken(error: Exception | None, *, is_tls: bool) -> ConnectionFailed:
    """The connection broke after the request went out."""
    reason = (error.strerror if isinstance(error, OSError) else None) or "it was closed"
    hint = "" if is_tls else "; does the server speak https:// there?"
    why = _met_in_tls(error) or f"{reason}{hint}"
    return ConnectionFailed(f"the connection broke without an answer: {why}")


def cut_short(error: Exception | None = None) -> ConnectionFailed:
    """An answer ended before it was whole, for an *error* of TLS perhaps."""
    why = _met_in_tls(error)
    return ConnectionFailed(
        f"the answer broke off in the middle of its body{why and f': {why}'}"
    )


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


def _met_in_tls(error: Exception | None) -> str:
    """The fault in TLS that *error* is, with a hint; nothing where it is another."""
    # A server of TLS 1.3 judges the client's certificate after the handshake; aiohttp
    # hands such an error on as the cause of its own.
    for met in (error, getattr(error, "__cause__", None)):
        if _is_of_tls(met):
            return "; ".join(_of_tls(met))
    return ""


def _is_of_tls(error: object) -> TypeGuard[ssl.SSLError]:
    """Whether *error* is a fault that TLS has found, and not merely an end."""
    if not isinstance(error, ssl.SSLError):
        return False
    # Its own end has no reason; where it has one, that is all there is to tell.
    return bool(error.reason) or not isinstance(error, _CLOSED)


def _of_tls(error: object) -> tuple[str, str]:
    """What is wrong with TLS, and a hint at what can be done."""
    if not _is_of_tls(error):
        return _TLS_CUT, _TLS_CLOSED
    reason = error.reason
    if not reason:
        # Python's own, about a context that serves no client, say so in full.
        is_own = getattr(error, "library", None) is None
        return (
            (one_line(str(error)), _TLS_OWN) if is_own else (_TLS_UNNAMED, _TLS_OTHER)
        )
    _, is_alert, alert = reason.partition("ALERT_")
    words = (alert or reason).lower().replace("_", " ")
    fault = f'the server sent the alert "{words}"' if is_alert else words
    found = (hint for pattern, hint in _TLS_HINTS.items() if re.search(pattern, reason))
    return fault, next(found, _TLS_OTHER)
