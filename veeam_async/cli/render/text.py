"""Sessions and events as short texts in colours; safe to print."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from rich.text import Text

from veeam_async import EventKind, HealthChanged, SessionChanged
from veeam_async.cli.render.words import (
    GONE,
    AnySession,
    Event,
    health,
    outage,
    outcome,
    time_of_day,
    title,
    zone,
)

SEPARATOR = " · "
"""Put between two counts on a line."""

_STYLES = {
    "Success": "green",
    "Warning": "yellow",
    "Failed": "bold red",
    "Working": "cyan",
    "InProgress": "cyan",
    GONE: "magenta",
}
_FINAL_OUTCOMES = ("Success", "Warning", "Failed", GONE)
_STATUS_WIDTH = 14

# ---------------------------------------------------------------- sessions


def styled(word: str) -> Text:
    """A state or a result in its colour."""
    return Text(word, style=_STYLES.get(word, ""))


def status(session: AnySession) -> Text:
    """The outcome, with a percentage for a session that works."""
    text = styled(outcome(session))
    if not session.is_stopped and session.progress:
        text.append(f" {session.progress}%")
    return text


def outcome_counts(counts: Mapping[str, int]) -> list[Text]:
    """An item such as `3 Working` for each outcome: what runs comes first."""
    final = [word for word in _FINAL_OUTCOMES if counts.get(word)]
    others = sorted(word for word in counts if word not in _FINAL_OUTCOMES)
    return [
        Text(f"{counts[word]:,} ").append_text(styled(word))
        for word in (*others, *final)
    ]


def summary(counts: Mapping[str, int]) -> Text:
    """All outcomes with their counts, on one line."""
    return Text(SEPARATOR).join(outcome_counts(counts))


# ---------------------------------------------------------------- events


def event_line(event: Event) -> Text:
    """An event on one line: time with its zone, kind, status, id and name."""
    at = event.observed_at
    text = Text(f"{time_of_day(at)} {zone([at])}  {event.kind:<10}  ")
    if isinstance(event, HealthChanged):
        return text.append_text(health_text(event))
    if isinstance(event, SessionChanged):
        text.append_text(_padded(status(event.session)))
    else:
        text.append_text(_padded(styled(GONE)))
    name = title(event.session) if event.session else "(never seen)"
    return text.append(f"{event.id}  {name}")


def health_text(event: HealthChanged) -> Text:
    """Who does not answer, or answers again."""
    is_over = event.kind is EventKind.RECOVERED
    return Text(health(event), style="green" if is_over else "red")


def no_answer(who: str, since: datetime, verb: str = "has") -> Text:
    """The sentence for *who* that does not answer."""
    return Text(f"{who} {verb} not answered since {time_of_day(since)}", style="red")


def out_of_sight(scope: str, since: datetime) -> Text:
    """The sentence for what is out of sight by *scope*, as HealthChanged calls it."""
    return Text(outage(scope, since), style="red")


def _padded(word: Text) -> Text:
    word.pad_right(max(2, _STATUS_WIDTH - word.cell_len))
    return word
