"""Whatever is typed or piped in is understood, or refused in a sentence."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from veeam_async import BackupJobSession
from veeam_async.cli.exits import Refusal
from veeam_async.cli.filter_text import server_filter
from veeam_async.cli.inputs import ids_in
from veeam_async.cli.render.rows import parse_columns
from veeam_async.cli.since import parse_since

PIECES = st.sampled_from(
    [
        *("state", "creation_time", "JobName", "foo", "==", "=", "!", "!=", "<", ">="),
        *(";", ",", "(", ")", '"', '""', " ", "\n", "\t", "\r", "x", "Working", "夌"),
        *("[", "]", "{", "}", ":", "id", "uid", "kind", "null", "#", "\ufeff", "\0"),
        *("24h", "yesterday", "18:00", "99", "d", "2026-11-27", "T", "Z", "-", "*"),
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=3), max_size=12).map("".join)


@given(TEXTS)
def test_a_filter_is_sent_or_its_place_is_shown(text: str) -> None:
    """The carets are never beyond what is shown."""
    try:
        sent = server_filter(text, BackupJobSession)
    except Refusal as refusal:
        shown, carets = refusal.more
        assert carets.strip(" ^") == ""
        assert len(carets) <= 2 * len(shown) + 1
    else:
        assert server_filter(sent, BackupJobSession) == sent


@given(TEXTS)
def test_a_text_holds_ids_or_is_refused(text: str) -> None:
    """Each of them is a text that is not empty."""
    with suppress(Refusal):
        assert all(ids_in(text, "a file"))


@given(TEXTS)
def test_a_time_is_said_or_refused(text: str) -> None:
    """It has a zone."""
    with suppress(Refusal):
        assert parse_since(text).tzinfo is not None


@given(TEXTS)
def test_columns_are_there_or_refused(text: str) -> None:
    """There is one at least."""
    with suppress(ValueError):
        assert parse_columns(text, BackupJobSession)
