"""Kayzen's lists: the shapes they come in and how to go through their pages."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIRST_PAGE = 1


class EnvelopeError(ValueError):
    """The JSON is none of the shapes that a list of records comes in."""


@dataclass(frozen=True)
class Page:
    """One page of a list.

    Attributes:
        records: The records as Kayzen sent them, numbers as int or Decimal.
        total_pages: Pages of the whole list, None if the answer does not say.
        total_entries: Records of the whole list, None if the answer does not say.
    """

    records: list[dict[str, Any]]
    total_pages: int | None = None
    total_entries: int | None = None


def parse_page(body: bytes) -> Page:
    """Read the body of a list call.

    Documented is ``{"data": [...], "meta": {"current_page": 1, "total_pages": 29,
    "total_entries": 58}}``. Public clients also know one object in ``data``, a bare
    list and a bare object, all without ``meta``.

    Args:
        body: JSON text.

    Returns:
        The page. ``NaN`` and ``Infinity``, which are not JSON but which some
        servers send, become the text of that name.

    Raises:
        EnvelopeError: The JSON is not a list of records in any of these shapes.
        ValueError: The body is not JSON.
    """
    try:
        payload = json.loads(body, parse_float=Decimal, parse_constant=str)
    except ArithmeticError as error:
        msg = "a number is beyond all bounds"
        raise ValueError(msg) from error
    meta: object = None
    data = payload
    if isinstance(payload, dict) and "data" in payload:
        data, meta = payload["data"], payload.get("meta")
    if data is None and data is not payload:
        data = []
    if isinstance(data, dict) and data:
        data = [data]
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        msg = "not a list of records"
        raise EnvelopeError(msg)
    totals = meta if isinstance(meta, dict) else {}
    return Page(
        data,
        total_pages=_count(totals.get("total_pages")) or None,
        total_entries=_count(totals.get("total_entries")),
    )


def _count(value: object) -> int | None:
    """Read a number of ``meta``, which may come as text."""
    try:
        return int(Decimal(str(value)))
    except (ArithmeticError, ValueError):
        return None


def read_pages(fetch: Callable[[int], Page]) -> Iterator[Page]:
    """Go through a list page by page.

    ``meta.total_pages`` of the newest page says where the list ends; it is never
    computed, because documented samples do not add up. An empty page before that
    end is no end. Without ``meta`` the list ends at the first empty page, or at one
    that repeats the page before: the server then ignores ``page``.

    Args:
        fetch: Gets the page of a number, 1 being the first.

    Yields:
        The pages in order.
    """
    number, total, previous = FIRST_PAGE, None, None
    while True:
        page = fetch(number)
        total = page.total_pages or total
        if total is None and (not page.records or page == previous):
            return
        yield page
        if total is not None and number >= total:
            return
        number, previous = number + 1, page
