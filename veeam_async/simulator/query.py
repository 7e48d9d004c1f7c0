"""Query service: filtered, sorted, one page at a time."""

import math
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote_plus

import attrs

from veeam_async.simulator.builder import reference
from veeam_async.simulator.documents import (
    Collection,
    EntityLists,
    PagingInfo,
    QueryResult,
)
from veeam_async.simulator.entities import Link
from veeam_async.simulator.filters import parse
from veeam_async.simulator.request import RefusalError, Request, Response
from veeam_async.simulator.resources import Resource, by_type
from veeam_async.simulator.wire import Product

DEFAULT_PAGE_SIZE = 100
"""Rows of a page where no size is asked for: recorded, whatever the reference says."""

_PAGING = {"pagesize", "page"}


def query(request: Request) -> Response:
    """Page of the records that a query asks for.

    Raises:
        RefusalError: 400, for whatever it does not understand.
    """
    resource = _resource(request.param("type"))
    is_entities = _is_entities(request.param("format") or "References")
    page = _Page.of(request)
    found = _sorted(_filtered(request, resource), resource, request)
    shown = [resource.build(request.builder, record) for record in page.cut(found)]
    paging = page.info(request, len(found))
    if is_entities:
        items = Collection(root=resource.plural, key=resource.plural, items=(*shown,))
        lists = EntityLists(held=items, name=resource.list_name)
        return Response(document=QueryResult(entities=lists, paging_info=paging))
    refs = tuple(reference(entity) for entity in shown)
    held = Collection(root="Refs", key="Refs", items=refs)
    return Response(document=QueryResult(refs=held, paging_info=paging))


def _resource(name: str | None) -> Resource:
    resource = by_type(name or "")
    if resource is None:
        raise RefusalError(400, f"Query type '{name or ''}' is unknown.")
    return resource


def _is_entities(name: str) -> bool:
    # The singular is what plain collections take; a client that mixes them up is
    # served.
    known = {"references": False, "entities": True, "entity": True}
    if name.lower() not in known:
        raise RefusalError(400, f"Format '{name}' is unknown.")
    return known[name.lower()]


def _filtered(request: Request, resource: Resource) -> list[Any]:
    records = resource.queryable(request.world, request.now)
    text = request.param("filter")
    if not text:
        return list(records)
    predicate = parse(text, resource.fields)
    return [record for record in records if predicate(record, request.now)]


def _sorted(records: list[Any], resource: Resource, request: Request) -> list[Any]:
    # The falling order first, so that the rising one decides where both are asked for.
    for name, is_descending in (("sortDesc", True), ("sortAsc", False)):
        field_name = request.param(name)
        if field_name:
            records = _sorted_by(
                records, resource, field_name, request, is_descending=is_descending
            )
    return records


def _sorted_by(
    records: Iterable[Any],
    resource: Resource,
    name: str,
    request: Request,
    *,
    is_descending: bool,
) -> list[Any]:
    field = resource.fields.get(name.lower())
    if field is None:
        raise RefusalError(400, f"Field '{name}' is unknown.")
    now = request.now

    def key(record: Any) -> tuple[bool, Any]:
        value = field.value(record, now)
        # A missing value comes first; `None` itself compares with nothing.
        return (value is not None, value)

    return sorted(records, key=key, reverse=is_descending)


@attrs.frozen
class _Page:
    """Page that is asked for."""

    size: int
    number: int

    @classmethod
    def of(cls, request: Request) -> "_Page":
        size = _positive(request.param("pageSize"), DEFAULT_PAGE_SIZE)
        return cls(size, _positive(request.param("page"), 1))

    def cut(self, records: list[Any]) -> list[Any]:
        start = (self.number - 1) * self.size
        return records[start : start + self.size]

    def info(self, request: Request, total: int) -> PagingInfo:
        # An empty result is one page too, as recorded.
        pages = max(1, math.ceil(total / self.size))
        places = {"First": 1, "Previous": self.number - 1, "Next": self.number + 1}
        links = [
            self._link(request, rel, page)
            for rel, page in (*places.items(), ("Last", pages))
            if rel in {"First", "Last"} or 1 <= page <= pages
        ]
        return PagingInfo(
            links=tuple(links),
            page_num=self.number,
            page_size=self.size,
            pages_count=pages,
        )

    def _link(self, request: Request, rel: str, page: int) -> Link:
        echo = _echo(request.params, request.builder.product)
        base = f"{request.base}/query?{echo}"
        return Link(rel=rel, href=f"{base}&pageSize={self.size}&page={page}")


def _positive(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or not 0 < int(text) < 2**31:
        raise RefusalError(400, f"Value '{text}' is not a positive number.")
    return int(text)


def _echo(params: Mapping[str, str], product: Product) -> str:
    """Query as the server spells it again in its links, without the page."""
    return "&".join(
        f"{name}={_escaped(value, product)}"
        for name, value in params.items()
        if name.lower() not in _PAGING
    )


def _escaped(value: str, product: Product) -> str:
    # Product 13 echoes `;` raw and escapes in capitals, the older ones in small
    # letters: as recorded, and why nobody can compare the links as text.
    if product == "13":
        return quote_plus(value, safe="!*();")
    return "".join(
        piece if piece == "+" else _lowered(piece)
        for piece in (quote_plus(char, safe="!*()") for char in value)
    )


def _lowered(piece: str) -> str:
    return piece.lower() if piece.startswith("%") else piece
