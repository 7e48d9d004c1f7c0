"""The parameters of GET /query in, one page of records as a document out."""

import math
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote_plus

import attrs

from veeam_async.simulator.call import Call
from veeam_async.simulator.documents import (
    Collection,
    EntityLists,
    PagingInfo,
    QueryResult,
)
from veeam_async.simulator.entities import Link
from veeam_async.simulator.filters import parse
from veeam_async.simulator.presenter import reference
from veeam_async.simulator.refusals import RefusalError
from veeam_async.simulator.resources import Resource, by_type
from veeam_async.simulator.wire import Product

DEFAULT_PAGE_SIZE = 100
"""What the server does when no page size is asked, whatever its reference says."""

_PAGING = {"pagesize", "page"}


def query(call: Call) -> QueryResult:
    """Answer a query.

    Raises:
        RefusalError: 400, for whatever it does not understand.
    """
    resource = _resource(call.param("type"))
    is_entities = _is_entities(call.param("format") or "References")
    page = _Page.of(call)
    found = _sorted(_filtered(call, resource), resource, call)
    shown = [resource.show(call.presenter, record) for record in page.cut(found)]
    paging = page.info(call, len(found))
    if is_entities:
        items = Collection(root=resource.plural, key=resource.plural, items=(*shown,))
        return QueryResult(entities=EntityLists(held=items), paging_info=paging)
    refs = tuple(reference(entity) for entity in shown)
    held = Collection(root="Refs", key="Refs", items=refs)
    return QueryResult(refs=held, paging_info=paging)


def _resource(name: str | None) -> Resource:
    resource = by_type(name or "")
    if resource is None:
        raise RefusalError(400, f"Query type '{name or ''}' is unknown.")
    return resource


def _is_entities(name: str) -> bool:
    # The singular is what plain collections take; a client that mixes them up
    # is served.
    known = {"references": False, "entities": True, "entity": True}
    if name.lower() not in known:
        raise RefusalError(400, f"Format '{name}' is unknown.")
    return known[name.lower()]


def _filtered(call: Call, resource: Resource) -> list[Any]:
    records = resource.everything(call.world, call.presenter.now)
    text = call.param("filter")
    if not text:
        return list(records)
    predicate = parse(text, resource.fields)
    return [record for record in records if predicate(record, call.presenter.now)]


def _sorted(records: list[Any], resource: Resource, call: Call) -> list[Any]:
    for name, is_descending in (("sortDesc", True), ("sortAsc", False)):
        field_name = call.param(name)
        if field_name:
            records = _sorted_by(
                records, resource, field_name, call, is_descending=is_descending
            )
    return records


def _sorted_by(
    records: Iterable[Any],
    resource: Resource,
    name: str,
    call: Call,
    *,
    is_descending: bool,
) -> list[Any]:
    field = resource.fields.get(name.lower())
    if field is None:
        raise RefusalError(400, f"Field '{name}' is unknown.")
    now = call.presenter.now

    def key(record: Any) -> tuple[bool, Any]:
        value = field.value(record, now)
        return (value is not None, value)

    return sorted(records, key=key, reverse=is_descending)


@attrs.frozen
class _Page:
    """The page that was asked for."""

    size: int
    number: int

    @classmethod
    def of(cls, call: Call) -> "_Page":
        size = _positive(call.param("pageSize"), DEFAULT_PAGE_SIZE)
        return cls(size, _positive(call.param("page"), 1))

    def cut(self, records: list[Any]) -> list[Any]:
        start = (self.number - 1) * self.size
        return records[start : start + self.size]

    def info(self, call: Call, total: int) -> PagingInfo:
        pages = max(1, math.ceil(total / self.size))
        places = {"First": 1, "Previous": self.number - 1, "Next": self.number + 1}
        links = [
            self._link(call, rel, page)
            for rel, page in (*places.items(), ("Last", pages))
            if rel in {"First", "Last"} or 1 <= page <= pages
        ]
        return PagingInfo(
            links=tuple(links),
            page_num=self.number,
            page_size=self.size,
            pages_count=pages,
        )

    def _link(self, call: Call, rel: str, page: int) -> Link:
        echo = _echo(call.params, call.presenter.product)
        base = f"{call.presenter.base}/query?{echo}"
        return Link(rel=rel, href=f"{base}&pageSize={self.size}&page={page}")


def _positive(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or not 0 < int(text) < 2**31:
        raise RefusalError(400, f"Value '{text}' is not a positive number.")
    return int(text)


def _echo(params: Mapping[str, str], product: Product) -> str:
    """Spell the query again as the server does in its links."""
    return "&".join(
        f"{name}={_escaped(value, product)}"
        for name, value in params.items()
        if name.lower() not in _PAGING
    )


def _escaped(value: str, product: Product) -> str:
    if product == "13":
        return quote_plus(value, safe="!*();")
    return "".join(
        piece if piece == "+" else _lowered(piece)
        for piece in (quote_plus(char, safe="!*()") for char in value)
    )


def _lowered(piece: str) -> str:
    return piece.lower() if piece.startswith("%") else piece
