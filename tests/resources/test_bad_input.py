"""Unreadable bodies and malformed ids over a real socket: a sentence, no crash."""

from __future__ import annotations

import gzip

import pytest

from tests.support.bodies import session, uuid_of
from tests.support.clients import gets, talking
from tests.support.fault_server import Answer
from veeam_async import DecodeError, EnterpriseManager, InvalidId, NotFound

pytestmark = pytest.mark.usefixtures("way")

SESSION_ID = uuid_of(1)
NAMESPACE = b'xmlns="http://www.veeam.com/ent/v1.0"'


def nested(levels: int) -> bytes:
    """A session that is *levels* elements deep."""
    inner = levels - 1
    return (
        b"<BackupJobSession " + NAMESPACE + b">" + b"<a>" * inner + b"</a>" * inner
    ) + b"</BackupJobSession>"


REFERENCE = (
    b"<EntityRef " + NAMESPACE + b' Type="BackupJobSessionReference" Name="x" '
    b'UID="urn:veeam:BackupJobSession:5f1d0c2e-6f0a-4a35-9d5c-2f3f6a8f0b11" Href="x"/>'
)
XML, JSON, HTML = "application/xml; charset=utf-8", "application/json", "text/html"
BAD = {
    "empty": (b"", JSON, "the body is empty"),
    "white space": (b" \r\n ", XML, "the body is empty"),
    "html": (b"<!DOCTYPE html><html><body>Sign in</body></html>", HTML, "HTML page"),
    "html as json": (b"<html></html>", JSON, "HTML page"),
    "a titled page": (
        b"<!DOCTYPE html><html><title>Sign\n in</title></html>",
        HTML,
        'is an HTML page, titled "Sign in"',
    ),
    "gzip": (gzip.compress(session(1)), JSON, r"compressed \(gzip\) although no"),
    "gzip as html": (gzip.compress(b"<html>"), HTML, r"compressed \(gzip\)"),
    "doctype": (b"<!DOCTYPE BackupJobSession><BackupJobSession/>", XML, "DOCTYPE"),
    "65 levels": (nested(65), XML, "64 levels"),
    "uid not utf-8": (b'{"UID": "\xff\xfe"}', JSON, "lost a character"),
    "xml not utf-8": (
        b'<BackupJobSession UID="\xff"/>',
        XML,
        "lost a character",
    ),
    "unknown encoding": (
        b'<?xml version="1.0" encoding="x-evil"?><BackupJobSession/>',
        XML,
        "encoding",
    ),
    "json cut": (session(1)[:200], JSON, "ends before it is complete"),
    "xml cut": (b"<BackupJobSession><State>Work", XML, "ends before it is complete"),
    "a list": (b"[]", JSON, "no object"),
    "text": (b"OK", "text/plain", "neither JSON nor XML"),
    "a reference": (REFERENCE, XML, "a reference was answered"),
    "an error": (
        b'<Error Message="no" StatusCode="500" ' + NAMESPACE + b"/>",
        XML,
        "an error was answered",
    ),
    "wrong values": (
        b'{"UID": "x", "State": 5, "Progress": "half", "Type": "BackupJobSession"}',
        JSON,
        "progress",
    ),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_body_is_a_decode_error_that_says_what_it_is(name: str) -> None:
    """With its media type, what was expected, and its beginning."""
    body, media_type, sentence = BAD[name]
    act = Answer(body=body, media_type=media_type)
    async with talking(gets(act)) as (em, server):
        with pytest.raises(DecodeError, match=sentence) as caught:
            await em.backup_sessions.get(SESSION_ID)

    assert caught.value.kind == "BackupJobSession"
    assert caught.value.media_type == media_type.partition(";")[0]
    assert len(caught.value.excerpt) <= 200
    assert server.count("GET") == 1


@pytest.mark.parametrize("size", [10, 100_000])
async def test_a_compressed_body_without_a_mark_is_known_by_its_header(
    size: int,
) -> None:
    """Brotli's has none; nothing of it is shown. A large one is decoded in a thread."""
    act = Answer(body=b"\x0b\x04\x80" * size, headers={"Content-Encoding": "br"})
    async with talking(gets(act)) as (em, server):
        with pytest.raises(DecodeError, match=r"is compressed \(br\)") as caught:
            await em.backup_sessions.get(SESSION_ID)

    assert caught.value.excerpt == ""
    assert caught.value.__context__ is None
    assert server.count("GET") == 1


async def test_every_bad_field_is_named_with_its_path() -> None:
    """All faults are listed, not only the first."""
    body, media_type, _ = BAD["wrong values"]
    async with talking(gets(Answer(body=body, media_type=media_type))) as (em, _):
        with pytest.raises(DecodeError) as caught:
            await em.backup_sessions.get(SESSION_ID)

    problems = " ".join(caught.value.problems)
    for field in ("uid", "state", "progress", "job_type", "creation_time"):
        assert f"$.{field}" in problems


@pytest.mark.parametrize("bad", ["", "99999", "urn:veeam:Job:", 5, "../jobs", "a\nb"])
async def test_a_malformed_id_is_told_before_anything_is_sent(bad: object) -> None:
    """Every call that takes an id raises InvalidId."""
    given: str = bad  # type: ignore[assignment]  # some callers have no type checker
    async with talking(gets(Answer(body=session(1)))) as (em, server):
        asked = len(server.asked)
        for call in (
            em.backup_sessions.get,
            em.backup_sessions.wait,
            em.backup_sessions.stop,
            em.backup_sessions.task_sessions,
            em.task_sessions.get,
            em.jobs.get,
            em.jobs.start,
        ):
            with pytest.raises(InvalidId) as caught:
                await call(given)
            assert caught.value.value == given
            assert isinstance(caught.value, ValueError)
        with pytest.raises(InvalidId):
            em.backup_sessions.watch([given])

        assert len(server.asked) == asked


@pytest.mark.parametrize(
    "bad", ["", "task 7", "../jobs", "task-7?x=1", "täsk-1", "task-1٣"]
)
async def test_a_malformed_task_id_is_told_before_anything_is_sent(bad: str) -> None:
    """With a slash or a query in it, it would be another request."""
    async with talking(gets(Answer())) as (em, server):
        with pytest.raises(ValueError, match="no id of a task"):
            await em.tasks.get(bad)

        assert server.count("GET") == 0


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("em.example.com", "scheme and a host"),
        ("ftp://em.example.com", "scheme and a host"),
        ("https://", "scheme and a host"),
        ("https://u:p@em.example.com", "as arguments"),
        ("https://em.example.com/?x=1", "ends with its path"),
    ],
)
def test_a_url_that_is_none_is_misuse(url: str, sentence: str) -> None:
    """The URL is not shown: it may hold a password."""
    with pytest.raises(ValueError, match=sentence) as caught:
        EnterpriseManager(url, username="u", password="p")

    assert "u:p" not in str(caught.value)


async def test_a_server_that_forgot_the_session_is_not_found() -> None:
    """A 404 is no bad body."""
    async with talking(gets(Answer(status=404, body=b""))) as (em, _):
        with pytest.raises(NotFound):
            await em.backup_sessions.get(SESSION_ID)
