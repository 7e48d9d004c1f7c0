"""Entities and documents as the bytes of a response body, in XML or JSON.

Written by hand over the standard library: it must share no code, and so no mistake,
with the codec that reads its bodies.
"""

import functools
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal

from veeam_async.simulator.documents import (
    ENTITY_LISTS,
    Collection,
    EntityLists,
    Null,
)
from veeam_async.simulator.entities import EntityRef
from veeam_async.simulator.wire import NAMESPACE, SCHEMAS, Product, json_key, layout

_NIL = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"'
_PROLOG = '<?xml version="1.0" encoding="utf-8"?>\n'
# A parser would turn a bare carriage return into a line feed, and any white
# space of an attribute into a space.
_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_VALUE = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "\t": "&#9;",
        "\n": "&#10;",
        "\r": "&#13;",
    }
)


def render(
    entity: object,
    media: Literal["json", "xml"] = "json",
    product: Product = "13",
) -> bytes:
    """Write *entity* as the body of a response.

    Args:
        entity: Any value of `veeam_async.simulator.entities` or
            `veeam_async.simulator.documents`. Texts may hold whatever XML 1.0
            can carry; white space of every kind survives a parser.
        media: `json` or `xml`.
        product: The version imitated: `13` spells JSON's keys in camelCase and
            writes times with up to six digits, `12` and `11` in PascalCase and
            with up to three. XML's names are the same in all of them.
    """
    if media == "json":
        plain = _plain(entity, product)
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()
    return (_PROLOG + "".join(_document(entity, product))).encode()


def text_of(value: object, product: Product) -> str:
    """Single value as it stands in XML and in JSON's strings."""
    if isinstance(value, datetime):
        return f"{stamp(value, product, 'T')}Z"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def stamp(time: datetime, product: Product, separator: str) -> str:
    """`time` in UTC with the digits of `product`, trailing zeros cut."""
    moment = time.astimezone(UTC)
    # Three digits were recorded up to product 12, six in 13, whose database is another.
    digits = f"{moment.microsecond:06d}"[: 6 if product == "13" else 3].rstrip("0")
    whole = moment.replace(tzinfo=None, microsecond=0).isoformat(separator)
    return f"{whole}.{digits}" if digits else whole


# ------------------------------------------------------------------ JSON


def _plain(value: Any, product: Product) -> Any:
    # The commonest kinds come first.
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, datetime):
        return text_of(value, product)
    if isinstance(value, tuple):
        return [_plain(item, product) for item in value]
    if isinstance(value, Collection):
        return {json_key(value.key, product): _plain(value.items, product)}
    if isinstance(value, EntityLists):
        return _plain_lists(value, product)
    return None if isinstance(value, Null) else _plain_members(value, product)


def _plain_members(value: object, product: Product) -> dict[str, Any]:
    found = {}
    for member in layout(value, product).members:
        content = getattr(value, member.field)
        if content is not None or not member.absent:
            found[member.json] = _plain(content, product)
    return found


@functools.cache
def _null_lists(product: Product) -> dict[str, Any]:
    return {json_key(name, product): None for name in ENTITY_LISTS}


def _plain_lists(lists: EntityLists, product: Product) -> dict[str, Any]:
    name = json_key(lists.name or lists.held.key, product)
    # Merging keeps the place of a known list and puts an unknown one last.
    return _null_lists(product) | {name: _plain(lists.held, product)}


# ------------------------------------------------------------------ XML


def _document(entity: Any, product: Product) -> Iterator[str]:
    tag = entity.root if isinstance(entity, Collection) else type(entity).__name__
    own = "".join(_attributes(entity, product))
    namespace = f' xmlns="{NAMESPACE}"'
    # Samples have the namespace first or last, the schemas or not: one form each.
    start = SCHEMAS + own + namespace if product == "13" else namespace + own
    yield from _tagged(tag, start, "".join(_content(entity, product)))


def _tagged(tag: str, start: str, content: str) -> Iterator[str]:
    yield f"<{tag}{start}>{content}</{tag}>" if content else f"<{tag}{start} />"


def _element(tag: str, value: Any, product: Product) -> Iterator[str]:
    if isinstance(value, str | int | datetime):
        yield from _tagged(tag, "", text_of(value, product).translate(_TEXT))
        return
    start = "".join(_attributes(value, product))
    yield from _tagged(tag, start, "".join(_content(value, product)))


def _attributes(value: Any, product: Product) -> Iterator[str]:
    if isinstance(value, tuple | Collection | EntityLists):
        return
    for member in layout(value, product).attributes:
        content = getattr(value, member.field)
        if content is not None:
            text = text_of(content, product).translate(_VALUE)
            yield f' {member.xml}="{text}"'


def _content(value: Any, product: Product) -> Iterator[str]:
    if isinstance(value, tuple):
        for item in value:
            yield from _item(item, product)
    elif isinstance(value, Collection):
        yield from _content(value.items, product)
    elif isinstance(value, EntityLists):
        yield from _element(value.held.root, value.held, product)
    else:
        yield from _members(value, product)


def _item(item: object, product: Product) -> Iterator[str]:
    if isinstance(item, Null):
        yield f"<{_item_tag(item.of)}{_NIL} />"
    else:
        yield from _element(_item_tag(item), item, product)


def _item_tag(item: object) -> str:
    return "Ref" if isinstance(item, EntityRef) else type(item).__name__


def _members(value: object, product: Product) -> Iterator[str]:
    # XML leaves out what has no value, where JSON writes null.
    for member in layout(value, product).elements:
        content = getattr(value, member.field)
        if member.flat:
            yield from _content(content, product)
        elif content is not None:
            yield from _element(member.xml, content, product)
