"""Queries that alone fail: refused, answered by a gateway, empty, late, too large."""

from typing import Literal, TypeAlias, get_args

from veeam_async.simulator.request import Page, RefusalError, Response
from veeam_async.simulator.substitutes import html

QueryFault: TypeAlias = Literal[
    "403",
    "404",
    "405",
    "406",
    "414",
    "429",
    "500",
    "502",
    "503",
    "504",
    "html",
    "empty",
    "{}",
    "reset",
    "stall",
    "too_large",
]

QUERY_FAULTS: tuple[QueryFault, ...] = get_args(QueryFault)
"""Ways in which queries fail, in the order in which they are drawn."""

PREFIX = "queries "
"""Before the way it stands in the name of what strikes a query."""

_ERRORS = {
    "403": "Access denied.",
    "404": "Resource not found.",
    "405": "Method GET is not allowed for /query.",
    "406": "Not acceptable.",
    "500": "Object reference not set to an instance of an object.",
}
"""Words of the server itself."""
_PAGES = {
    "414": "Request-URI Too Long",
    "429": "Too Many Requests",
    "502": "Bad Gateway",
    "503": "Service Unavailable",
    "504": "Gateway Timeout",
}
"""Titles of the pages of http.sys and of gateways."""
_RESPONSES: dict[str, Response] = {
    **{way: RefusalError(int(way), text).response() for way, text in _ERRORS.items()},
    **{way: html(int(way), title) for way, title in _PAGES.items()},
    "html": html(200, "Veeam Backup Enterprise Manager"),
    "empty": Response(200, Page(b"", "application/json; charset=utf-8")),
    "{}": Response(200, Page(b"{}", "application/json; charset=utf-8")),
}


def refused(fault: str) -> Response | None:
    """Response in place of a query's answer; None where `fault` only spoils that."""
    is_of_query = fault.startswith(PREFIX)
    return _RESPONSES.get(fault.removeprefix(PREFIX)) if is_of_query else None
