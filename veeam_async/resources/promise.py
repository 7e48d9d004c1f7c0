"""What the pages of a query promise, and whether they keep it."""

from __future__ import annotations

from typing import Any

from veeam_async.models import Page


def length(page: Page[Any]) -> int:
    """How many rows came, those that cannot be read too."""
    return len(page.rows) + len(page.unreadable)


def last_page(page: Page[Any], number: int) -> int:
    """The number of the last page, as far as page *number* tells."""
    if page.paging is None:
        return number
    has_next = any(link.rel == "Next" for link in page.paging.links)
    return max(page.paging.pages_count, number + has_next)


def width_told(page: Page[Any], size: int) -> int:
    """How many rows a page holds by what *page* says, where *size* were asked for."""
    told = page.paging.page_size if page.paging is not None else 0
    return min(size, told) if told > 0 else size


def width(page: Page[Any], size: int) -> int:
    """How many rows each page but the last holds, by the first one.

    A server may give fewer than it was asked for, whether or not it says so.
    """
    told = width_told(page, size)
    return min(told, length(page)) if last_page(page, 1) > 1 else told


def least(page: Page[Any], size: int) -> int:
    """The fewest rows that the first page promises: one on the last page."""
    pages = last_page(page, 1)
    return (pages - 1) * width(page, size) + 1 if pages > 1 else 0


def broken(
    page: Page[Any], number: int, *, is_promised: bool, is_all: bool = True
) -> str | None:
    """A sentence that says how page *number* breaks a promise, None where it does not.

    *is_promised*: an earlier page said that there are more. *is_all*: it is a page of
    all rows, not of those after some.
    """
    paging = page.paging
    if paging is None:
        # Of the first page that is a whole answer.
        return f"page {number} came without PagingInfo" if is_promised else None
    if paging.page_num != number:
        return f"page {paging.page_num} came where page {number} was asked for"
    if length(page):
        return None
    if paging.pages_count > 1 and number <= paging.pages_count:
        return f"page {number} of {paging.pages_count} came without a row"
    # That all rows vanished within a query looks no other than a list that was lost.
    if is_promised and is_all and number == 1:
        return "page 1 came without a row"
    return None


def count_told(page: Page[Any]) -> int | None:
    """How many rows there are by the first *page*, for which one row was asked.

    None where it does not say so, or contradicts itself. An empty result is one page
    as a single row is (recorded on 9.5 U4): the rows that came decide between them.
    """
    pages = last_page(page, 1)
    if page.paging is None or pages == 1:
        return len({row.uid for row in page.rows}) + len(page.unreadable)
    is_counted = length(page) == 1 and page.paging.page_size in (0, 1)
    return pages if is_counted and pages == page.paging.pages_count else None


def is_end(page: Page[Any], rows: int) -> bool:
    """True where *page*, asked for with the row after *rows* others, shows their end.

    It is empty, and by what it says of its size and of the pages there are just *rows*:
    an answer to another question, or one that is always the same, is another.
    """
    if length(page) or page.paging is None:
        return False
    return page.paging.pages_count == -(-rows // max(page.paging.page_size, 1))
