"""Answers in the server's place: of a gateway, of http.sys, of a service half there.

For one request, or for all of them while the service restarts.
"""

import math
from collections.abc import Callable
from typing import Literal, TypeAlias

from veeam_async.simulator.request import Page, RefusalError, Response

Substitute: TypeAlias = Literal["404", "502", "503", "html"]
"""Answer while the service restarts: a status, or a page of HTML with 200."""

SUBSTITUTES: tuple[Substitute, ...] = ("404", "502", "503", "html")

_TITLES = {
    "404": "Not Found",
    "502": "Bad Gateway",
    "503": "Service Unavailable",
    "html": "Veeam Backup Enterprise Manager",
}


class Outage:
    """Until when the service is away, and what answers meanwhile.

    Args:
        time: The real clock, in seconds.
    """

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._until = -math.inf
        self._response = Response()

    def begin(self, seconds: float, answer: Substitute, *, is_page: bool) -> None:
        """Be away for so many real seconds from now; 0 ends it.

        Args:
            seconds: Not below zero; `math.inf`: until it is ended.
            answer: What answers meanwhile.
            is_page: Whether a web server says so in HTML, or the service itself in
                an error document.

        Raises:
            ValueError: The seconds are below zero, or the answer is unknown.
        """
        if not seconds >= 0:
            raise ValueError(f"a restart takes no time or some: {seconds}")
        if answer not in SUBSTITUTES:
            raise ValueError(f"answer must be one of {SUBSTITUTES}: {answer}")
        self._response = substituted(answer, is_page=is_page)
        self._until = self._time() + seconds

    def response(self) -> Response | None:
        """Response of the moment; None: the service is there."""
        return self._response if self._time() < self._until else None


def substituted(answer: Substitute, *, is_page: bool) -> Response:
    """That answer, as a page or as Enterprise Manager's own error document."""
    title = _TITLES[answer]
    if answer == "html":
        return html(200, title)
    status = int(answer)
    return html(status, title) if is_page else RefusalError(status, title).response()


def html(status: int, title: str) -> Response:
    """Page with nothing but a title."""
    text = (
        f"<!DOCTYPE html>\n<html><head><title>{title}</title></head>"
        f"<body><h1>{title}</h1></body></html>"
    )
    return Response(status, Page(text.encode()))
