"""Query service: filtered, sorted, one page at a time."""

import math
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote_plus

import attrs

from veeam_async.simulator.actions import task_of
from veeam_async.simulator.builder import reference
from veeam_async.simulator.documents import (
    Collection,
    EntityLists,
    PagingInfo,
    QueryResult,
    Resources,
)
from veeam_async.simulator.entities import Link
from veeam_async.simulator.filters import parse
from veeam_async.simulator.request import RefusalError, Request, Response
from veeam_async.simulator.resources import (
    OPERATION_FIELDS,
    Fields,
    Resource,
    by_type,
)
from veeam_async.simulator.wire import Product

DEFAULT_PAGE_SIZE = 100
"""Rows of a page where no size is asked for: recorded, whatever the reference says."""
TASK_PAGE_SIZE = 15
"""The same of tasks: documented."""

_PAGING = {"pagesize", "page"}


def query(request: Request) -> Response:
    """Page of the records that a query asks for.

    Raises:
        RefusalError: 400, for whatever it does not understand.
    """
    name = request.param("type") or ""
    return _tasks(request) if name.lower() == "task" else _entities(request, name)


def _tasks(request: Request) -> Response:
    """Page of the tasks of the logon session, which have one form only."""
    _is_entities(request)
    page = _Page.of(request, TASK_PAGE_SIZE)
    found = _found(request.tasks.values(), OPERATION_FIELDS, request)
    shown = tuple(task_of(operation, request) for operation in page.cut(found))
    tasks = Collection(root="Tasks", key="Tasks", items=shown)
    paging = page.info(request, len(found))
    return Response(
        document=QueryResult(resources=Resources(tasks=tasks), paging_info=paging)
    )


def _entities(request: Request, name: str) -> Response:
    resource = _resource(name)
    is_entities = _is_entities(request)
    page = _Page.of(request, DEFAULT_PAGE_SIZE)
    records = resource.queryable(request.world, request.now)
    found = _found(records, resource.fields, request)
    shown = [resource.build(request.builder, record) for record in page.cut(found)]
    paging = page.info(request, len(found))
    if is_entities:
        items = Collection(root=resource.plural, key=resource.plural, items=(*shown,))
        lists = EntityLists(held=items, name=resource.list_name)
        return Response(document=QueryResult(entities=lists, paging_info=paging))
    refs = tuple(reference(entity) for entity in shown)
    held = Collection(root="Refs", key="Refs", items=refs)
    return Response(document=QueryResult(refs=held, paging_info=paging))


def _resource(name: str) -> Resource:
    resource = by_type(name)
    if resource is None:
        raise RefusalError(400, f"Query type '{name}' is unknown.")
    return resource


def _is_entities(request: Request) -> bool:
    name = request.param("format") or "References"
    # The singular is what plain collections take; a client that mixes them up is
    # served.
    known = {"references": False, "entities": True, "entity": True}
    if name.lower() not in known:
        raise RefusalError(400, f"Format '{name}' is unknown.")
    return known[name.lower()]


def _found(records: Iterable[Any], fields: Fields, request: Request) -> list[Any]:
    """Those of `records` that a request's filter selects, in the order it wants."""
    found = _filtered(records, fields, request)
    # The falling order first, so that the rising one decides where both are asked for.
    for name, is_descending in (("sortDesc", True), ("sortAsc", False)):
        field_name = request.param(name)
        if field_name:
            found = _sorted_by(
                found, fields, field_name, request, is_descending=is_descending
            )
    return found


def _filtered(records: Iterable[Any], fields: Fields, request: Request) -> list[Any]:
    text = request.param("filter")
    if not text:
        return list(records)
    predicate = parse(text, fields)
    return [record for record in records if predicate(record, request.now)]


def _sorted_by(
    records: Iterable[Any],
    fields: Fields,
    name: str,
    request: Request,
    *,
    is_descending: bool,
) -> list[Any]:
    field = fields.get(name.lower())
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
    def of(cls, request: Request, default_size: int) -> "_Page":
        size = _positive(request.param("pageSize"), default_size)
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
