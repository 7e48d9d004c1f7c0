"""Servers that echo a text, or what they were sent, in any spelling and place."""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote, quote_plus

import attrs

from tests.support.bodies import (
    JOB,
    WELCOME,
    behind_logon,
    job,
    row,
    said,
    task,
    uuid_of,
)
from tests.support.fault_server import Act, Answer, Asked

PASSWORD = 'M4rkéd/+s3crèt & "x"'

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

SPELLINGS: dict[str, Form] = FORMS | {
    "each character as JSON escapes it, in capitals": lambda text: "".join(
        f"\\u{ord(char):04X}" for char in text
    ),
    "in the middle of more": lambda text: f"net use /user:em {text} /persistent",
    "cut off by the codec": lambda text: "x" * 50 + text,
    "cut off in a title": lambda text: "x" * 190 + text,
    "without what is not ASCII": lambda text: text.encode("ascii", "replace").decode(),
    "read in the wrong encoding": lambda text: text.encode().decode("latin-1"),
}
"""How a server may write a text into an answer."""

ENCODINGS = ("utf-8", "latin-1", "utf-16")

Document = Callable[[str], bytes]
"""The body that says a text which is spelled already."""

_MARK = "@@"
_LEAST = 6


def _json(body: Any) -> Document:
    """The document *body* in JSON, with the text for its mark."""
    whole = json.dumps(body, ensure_ascii=False)

    def document(text: str) -> bytes:
        plain = json.dumps(text, ensure_ascii=False)[1:-1]
        # What is escaped for JSON already is not escaped again.
        with suppress(json.JSONDecodeError):
            json.loads(f'"{text}"')
            plain = text
        return whole.replace(_MARK, plain).encode()

    return document


def _xml(body: str) -> Document:
    def document(text: str) -> bytes:
        is_escaped = "&#" in text or "&amp;" in text
        return body.replace(_MARK, text if is_escaped else html.escape(text)).encode()

    return document


def _session(**members: Any) -> dict[str, Any]:
    made = row(1, at=1, state="Stopped", result="Failed")
    return made | {"FailureMessage": None} | members


def _page(*rows: Any, **members: Any) -> dict[str, Any]:
    return {"Entities": {"BackupJobSessions": list(rows)}} | members


_XML = (
    f'<BackupJobSession Type="BackupJobSession" UID="urn:veeam:BackupJobSession:'
    f'{uuid_of(1)}" Href="https://em/api/backupSessions/{uuid_of(1)}" Name="@@">'
    "<JobType>Backup</JobType><CreationTimeUTC>2026-03-02T21:00:04Z</CreationTimeUTC>"
    "<State>Stopped</State><Result>Failed</Result><FailureMessage>@@</FailureMessage>"
    "%s</BackupJobSession>"
)

SESSIONS: dict[str, Document] = {
    "a failure message": _json(_session(FailureMessage=_MARK)),
    "a name": _json(_session(Name=_MARK)),
    "a session that runs": _json(
        _session(State="Working", Result="None", EndTimeUTC=None, FailureMessage=_MARK)
    ),
    "a session in XML": _xml(_XML % ""),
}
"""Good sessions, which are the caller's own."""

BAD: dict[str, Document] = {
    "a UID": _json(_session(UID=_MARK)),
    "a time": _json(_session(CreationTimeUTC=_MARK)),
    "a type": _json({"Type": _MARK}),
    "a name of a member": _json({_MARK: 1, "Type": "BackupJobSession"}),
    "a path": _json(_session(Links=[{"Rel": _MARK, "Href": [_MARK]}])),
    "a text": str.encode,
    "a title": lambda text: f"<html><title>{text}</title></html>".encode(),
    "an element": _xml(f"<{_MARK}/>"),
    "a time in XML": _xml(_XML % "<EndTimeUTC>@@</EndTimeUTC>"),
    "broken JSON": lambda text: f'{{"Name": "{text}'.encode(),
    "an encoding": _xml(f'<?xml version="1.0" encoding="{_MARK}"?><a/>\x01'),
}
"""What is no session."""

LISTS: dict[str, Document] = {
    "a UID": _json(_page(_session(UID=_MARK, Progress=_MARK))),
    "a time": _json(_page(_session(CreationTimeUTC=_MARK))),
    "a link": _json(_page(_session(Links=[{"Rel": _MARK}], Progress=_MARK))),
    "paging": _json(_page(_session(), PagingInfo={"PageNum": _MARK})),
    "another list": _json({"Entities": {_MARK: [{}]}}),
    "a row in XML": _xml(
        "<BackupJobSessions>"
        + _XML % "<EndTimeUTC>@@</EndTimeUTC>"
        + "</BackupJobSessions>"
    ),
}
"""Pages whose rows, or which themselves, cannot be read."""


@attrs.define
class EchoingServer:
    """The script of such a server: each session and page is *document*, with *text*.

    A task has failed with the text, the last of a long message.
    """

    document: Document
    text: str = ""
    encoding: str = "utf-8"

    def __call__(self, asked: Asked) -> Act:
        """Answer a request."""
        return behind_logon(self._answer)(asked)

    def _answer(self, asked: Asked) -> Act:
        if asked.path.startswith("/tasks/"):
            body = task(success=False, message=_MARK).body.decode()
            return self._said(_json(json.loads(body)))
        if asked.path.startswith("/jobs/"):
            return said(job("Job", JOB, "Mail"))
        return self._said(self.document)

    def _said(self, document: Document) -> Act:
        body = document(self.text).decode().encode(self.encoding, "replace")
        return Answer(body=body)


def parts_of(secret: str) -> Iterator[str]:
    """A *secret*, and what is left of it where characters beyond ASCII are lost."""
    yield secret
    for part in "".join(c if c.isascii() else "\0" for c in secret).split("\0"):
        if len(part) >= _LEAST and part != secret:
            yield part


# ---------------------------------------------------------------- what was sent

SENT = ("authorization", "x-restsvcsessionid", "proxy-authorization")


def sent_in(asked: Asked) -> str:
    """The secrets that came with a request, as one text."""
    return " ".join(asked.headers[name] for name in SENT if name in asked.headers)


def _error(text: str) -> bytes:
    return f"<Error><Message>{html.escape(text)}</Message></Error>".encode()


def _problem(text: str) -> bytes:
    return json.dumps({"title": text, "errors": {text: [text]}}).encode()


def _odd_session(text: str) -> bytes:
    body = {"Type": "BackupJobSession", "UID": text, "State": [text], text: text}
    return json.dumps(body).encode()


DOCUMENTS: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "json": ("application/json", lambda t: json.dumps({"Message": t}).encode()),
    "problem": ("application/problem+json", _problem),
    "xml": ("application/xml", _error),
    "utf-16": ("application/xml", lambda text: _error(text).decode().encode("utf-16")),
    "page": ("text/html", lambda t: f"<html><title>{html.escape(t)}</title>".encode()),
    "session": ("application/json", _odd_session),
    "broken": ("application/json", lambda text: f'{{"Message": {text}'.encode()),
    "text": ("text/plain", str.encode),
}
"""The bodies that say it, with their media types."""


def repeating(
    status: int, document: str, form: Form, *, at_logon: bool
) -> Callable[[Asked], Act]:
    """Answer with *status* and what was sent, at the logon or at what follows."""

    def repeat(asked: Asked) -> Act:
        media_type, written = DOCUMENTS[document]
        sent = form(sent_in(asked))
        return Answer(
            status=status,
            body=written(sent),
            media_type=media_type,
            headers=_headers(status, sent),
        )

    return behind_logon(repeat, logons=repeat if at_logon else [WELCOME])


def _headers(status: int, text: str) -> Mapping[str, str]:
    line = re.sub(r"[^\x20-\x7e]", "?", text)
    if 300 <= status < 400:
        return {"Location": f"https://elsewhere.invalid/{quote(line)}?next={line}"}
    if status == 401:
        return {"WWW-Authenticate": f'Basic realm="{line}"'}
    return {"X-Sent": line, "Retry-After": "0"}
