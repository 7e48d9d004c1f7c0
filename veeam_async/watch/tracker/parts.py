"""Equal parts of models, kept once: links to one server or job, names, words.

A watch holds a model of each session for as long as that runs. Most of what hangs on
one is equal to what hangs on others, though each came in bytes of its own.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from typing import Any, TypeAlias, TypeVar, get_args

import attrs

from veeam_async.models import Link, Linked, Session

P = TypeVar("P")

_MOST = 16_384
"""Parts that are remembered; all are forgotten then, as most are of what has ended."""

_LONGEST = 512
"""Characters in what is worth to be remembered."""

_OWN = frozenset({"uid", "href", "name"})
"""Texts of a session that are like no other's."""

_Words: TypeAlias = tuple[str, str | None]

# Into the slots of frozen values: `object.__setattr__` takes twice as long.
_set_links = vars(Linked)["links"].__set__
_set_rel = vars(Link)["rel"].__set__
_set_type = vars(Link)["type"].__set__
_set_name = vars(Link)["name"].__set__


class Parts:
    """Makes models share what is equal in them.

    It puts what is equal to a part of an earlier model in that part's place, in the
    frozen model itself: that stays equal to what it was, and a copy would be one more.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._words: dict[_Words, _Words] = {}
        self._links: dict[tuple[str | None, ...], Link] = {}

    def __len__(self) -> int:
        return len(self._texts) + len(self._words) + len(self._links)

    def share(self, session: Session) -> None:
        """Make a *session* share its parts with those that came before."""
        if len(self) >= _MOST:
            for parts in (self._texts, self._words, self._links):
                parts.clear()
        self._share_texts(session)
        own, name = session.uid[-36:], session.name
        links = [
            self._share_words(link, name) if own in link.href else self._shared(link)
            for link in session.links
        ]
        _set_links(session, tuple(links))

    def _share_texts(self, session: Session) -> None:
        kind: Any = type(session)
        for field in _texts_of(kind):
            text = getattr(session, field)
            # Members of an enum are shared already.
            if type(text) is str:
                found = self._texts.get(text) or _remember(self._texts, text, text)
                object.__setattr__(session, field, found)

    def _shared(self, link: Link) -> Link:
        """An equal link, or this one where there was none."""
        key = link.href, link.rel, link.name, link.type
        found = self._links.get(key)
        if found is not None:
            return found
        if link.name is not None and len(link.name) <= _LONGEST:
            _set_name(link, self._texts.setdefault(link.name, link.name))
        return _remember(self._links, key, self._share_words(link, link.name))

    def _share_words(self, link: Link, name: str | None) -> Link:
        """The link, with shared words, and with this *name* where its own is equal.

        One that leads to the session itself is no other's.
        """
        words = link.rel, link.type
        found = self._words.get(words) or _remember(self._words, words, words)
        if found is not words:
            _set_rel(link, found[0])
            _set_type(link, found[1])
        if link.name == name:
            _set_name(link, name)
        return link


def _remember(parts: dict[Any, P], key: Hashable, part: P) -> P:
    texts = key if isinstance(key, tuple) else (key,)
    if sum(len(text) for text in texts if text) <= _LONGEST:
        parts[key] = part
    return part


@cache
def _texts_of(kind: Any) -> tuple[str, ...]:
    """The fields of a *kind* of session that can hold a text which others hold too."""
    attrs.resolve_types(kind)
    fields = [each for each in attrs.fields(kind) if each.name not in _OWN]
    return tuple(
        each.name for each in fields if str in (each.type, *get_args(each.type))
    )
