"""How values show themselves: in one short line, fit for a log.

The texts in it are a server's or a caller's. They are cut, and what a terminal acts on,
or what hides other characters or turns them round, is escaped.
"""

from __future__ import annotations

import re
from datetime import datetime

LONGEST = 140
"""Characters of such a line at most."""

_LEAST = 8
"""Characters that are left to a text however long the rest is."""

_WORD = 17
"""Characters of the longest word that servers are known to use for a state."""

# Compiled where they are first needed: most programs show nothing.
_UUID = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_LOGON = "(?i:(/logonsessions/))[^/?#]+"


def line(
    value: object,
    *words: str | None,
    before: str | None = None,
    title: object = None,
    said: object = None,
) -> str:
    """`<Class before 'title' words: said>`; what is None or empty is left out.

    Of *title* and *said* so much is shown as the others leave room for.
    """
    start = " ".join(filter(None, (type(value).__name__, before)))
    end = " ".join(filter(None, words))
    room = LONGEST - len(f"<{start} {end}: >")
    if title is not None:
        start = f"{start} {quoted(title, max(_LEAST, room - 2))}"
    elif said is not None:
        end = f"{end}: {cut(_text(said), max(_LEAST, room))}"
    whole = " ".join(filter(None, (start, end)))
    # Only a class with a name of its own length, or odd words, come to be cut here.
    return f"<{whole}>" if len(whole) <= LONGEST - 2 else f"<{whole[: LONGEST - 3]}…>"


def word(value: object, most: int = _WORD) -> str:
    """*value* as a word, in quotes where it is more than a short plain one."""
    text = _text(value)
    is_plain = 0 < len(text) <= most and text.isprintable() and " " not in text
    return str(text) if is_plain else quoted(text, most)


def quoted(value: object, most: int) -> str:
    """*value* in quotes, between which there are *most* characters at most."""
    text = _text(value)
    quote = '"' if "'" in text[:most] and '"' not in text[:most] else "'"
    return f"{quote}{cut(text, most, quote)}{quote}"


def cut(text: str, most: int, quote: str = "") -> str:
    """*text*, escaped, in *most* characters at most."""
    pieces: list[str] = []
    room = most
    for char in text:
        piece = f"\\{char}" if char == quote else repr(char)[1:-1]
        pieces.append(piece)
        room -= len(piece)
        if room < 0:
            break
    else:
        return "".join(pieces)
    # The dots get their room from whole characters: no escape is cut apart.
    while room < 1:
        room += len(pieces.pop())
    return f"{''.join(pieces)}…"


def _text(value: object) -> str:
    try:
        return str(value)
    except (ValueError, RecursionError):  # thousands of digits, or of levels
        return f"a {type(value).__name__}"


def id_of(uid: object) -> str:
    """The UUID at the end of *uid*, or *uid* itself where there is none."""
    text = _text(uid)
    return text[-36:] if re.fullmatch(_UUID, text[-36:]) else word(text, 36)


def time_of(moment: object) -> str:
    """A time, to the second."""
    if not isinstance(moment, datetime):
        return word(moment)
    return moment.isoformat(" ", "seconds").replace("+00:00", "Z")


def path_of(href: str) -> str:
    """The path of *href*, and its query: neither a host, nor the id of a logon."""
    host, separator, rest = href.partition("://")
    path = f"/{rest.partition('/')[2]}" if separator else host
    return re.sub(_LOGON, r"\1…", path)
