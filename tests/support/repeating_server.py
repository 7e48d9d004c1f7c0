"""A server that repeats the headers that it was sent, in whatever form and place."""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from urllib.parse import quote, quote_plus

from tests.support.bodies import logon
from tests.support.fault_server import Act, Answer, Asked

Form = Callable[[str], str]


def _units(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" for char in text)


FORMS: dict[str, Form] = {
    "as it is": str,
    "upper case": str.upper,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON with slashes escaped": lambda text: json.dumps(text).replace("/", "\\/"),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "each character as JSON escapes it": _units,
    "XML": html.escape,
    "XML twice": lambda text: html.escape(html.escape(text)),
    "numbers of characters": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "hexadecimal numbers": lambda text: "".join(f"&#x{ord(c):04X};" for c in text),
    "a URL": lambda text: quote(text, safe=""),
    "a form": quote_plus,
    "a URL in a URL": lambda text: quote(quote(text, safe=""), safe=""),
    "base64": lambda text: b64encode(text.encode()).decode(),
    "base64 without padding": lambda text: b64encode(text.encode()).decode().strip("="),
    "base64 of more, one byte on": lambda t: b64encode(f"x{t}yz".encode()).decode(),
    "base64 of more, two bytes on": lambda t: b64encode(f"xx{t}".encode()).decode(),
    "base64 for URLs": lambda text: urlsafe_b64encode(text.encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
    "repr": lambda text: repr([text]),
    "cut off": lambda text: "x" * 375 + text,
}
"""How a server may write down what it was sent."""

SENT = ("authorization", "x-restsvcsessionid", "proxy-authorization")


def sent_in(asked: Asked) -> str:
    """The secrets that came with a request, as one text."""
    return " ".join(asked.headers[name] for name in SENT if name in asked.headers)


def _error(text: str) -> bytes:
    return f"<Error><Message>{html.escape(text)}</Message></Error>".encode()


def _problem(text: str) -> bytes:
    return json.dumps({"title": text, "errors": {text: [text]}}).encode()


def _session(text: str) -> bytes:
    body = {"Type": "BackupJobSession", "UID": text, "State": [text], text: text}
    return json.dumps(body).encode()


DOCUMENTS: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "json": ("application/json", lambda t: json.dumps({"Message": t}).encode()),
    "problem": ("application/problem+json", _problem),
    "xml": ("application/xml", _error),
    "utf-16": ("application/xml", lambda text: _error(text).decode().encode("utf-16")),
    "page": ("text/html", lambda t: f"<html><title>{html.escape(t)}</title>".encode()),
    "session": ("application/json", _session),
    "broken": ("application/json", lambda text: f'{{"Message": {text}'.encode()),
    "text": ("text/plain", str.encode),
}
"""The bodies that say it, with their media types."""


def repeating(
    status: int, document: str, form: Form, *, at_logon: bool
) -> Callable[[Asked], Act]:
    """Answer with *status* and what was sent, at the logon or at what follows."""

    def choose(asked: Asked) -> Act:
        if asked.method == "DELETE":
            return Answer(status=204, body=b"")
        if asked.method == "POST" and not at_logon:
            return logon()
        media_type, written = DOCUMENTS[document]
        sent = form(sent_in(asked))
        return Answer(
            status=status,
            body=written(sent),
            media_type=media_type,
            headers=_headers(status, sent),
        )

    return choose


def _headers(status: int, text: str) -> Mapping[str, str]:
    line = re.sub(r"[^\x20-\x7e]", "?", text)
    if 300 <= status < 400:
        return {"Location": f"https://elsewhere.invalid/{quote(line)}?next={line}"}
    if status == 401:
        return {"WWW-Authenticate": f'Basic realm="{line}"'}
    return {"X-Sent": line, "Retry-After": "0"}
