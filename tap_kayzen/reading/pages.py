"""Kayzen's lists: the shapes they come in and how to go through their pages."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from tap_kayzen.api.transport import EnvelopeError
from tap_kayzen.api.workers import ReadAhead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_kayzen.api.workers import Workers

FIRST_PAGE = 1

MOST_DIGITS = 18
"""Digits of a number of rows or pages that makes sense, at most."""

PATIENCE = 50
"""Pages in a row without a new key after which a list is over, whatever `meta` says."""

PATIENCE_WITHOUT_META = 2
"""The same for a list without `meta`."""


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


UnreadPage: TypeAlias = "Callable[[], Page]"
"""A page that has been fetched; calling it reads its JSON.

That is put off until its turn comes, so that what waits in memory is small, and what
is worked on is still in the processor's cache.
"""


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
    payload = decode(body)
    meta: object = None
    data = payload
    if isinstance(payload, dict) and "data" in payload:
        data, meta = payload["data"], payload.get("meta")
    # A bare object without an id is more likely the words of an error.
    if isinstance(data, dict) and "id" in data:
        data = [data]
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        msg = "not a list of records"
        raise EnvelopeError(msg)
    return Page(data, *totals(meta))


def totals(meta: object) -> tuple[int | None, int | None]:
    """Read the pages and the records of a whole list, None for what is not said."""
    if not isinstance(meta, dict):
        return None, None
    pages, entries = meta.get("total_pages"), meta.get("total_entries")
    return _count(pages) or None, _count(entries)


_DECODER = msgspec.json.Decoder(float_hook=Decimal)


def decode(body: bytes) -> Any:  # noqa: ANN401
    """Read JSON, numbers as int or Decimal.

    Raises:
        ValueError: The body is not JSON.
    """
    try:
        try:
            return _DECODER.decode(body)
        except msgspec.DecodeError:
            # The standard library also reads NaN, lone surrogates, other encodings.
            return json.loads(body, parse_float=Decimal, parse_constant=str)
    except (ArithmeticError, RecursionError) as error:
        msg = "a number or a nesting is beyond all bounds"
        raise ValueError(msg) from error


def _count(value: object) -> int | None:
    """Read a number of ``meta``, which may come as text."""
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        return None
    # A glance at the size first: int(Decimal("1E+999999")) takes its time.
    is_count = number.is_finite() and number >= 0 and number.adjusted() < MOST_DIGITS
    return int(number) if is_count else None


@dataclass
class Tally:
    """What the pages of a list have brought so far, for `read_pages` to judge by.

    Attributes:
        keys: Different keys that came.
        rows: Rows that came.
        announced: ``total_entries`` of the newest page that said it.
    """

    keys: int = 0
    rows: int = 0
    announced: int | None = None

    @property
    def is_short(self) -> bool:
        """Whether fewer rows came than announced."""
        return self.announced is not None and self.rows < self.announced


def read_pages(
    fetch: Callable[[int], UnreadPage],
    workers: Workers,
    tally: Tally,
    *,
    first: Page | None = None,
    most: int | None = None,
) -> Iterator[Page]:
    """Go through a list page by page, reading ahead once its length is known.

    ``meta.total_pages`` of the newest page says where the list ends; it is never
    computed, because documented samples do not add up. An empty page before that
    end is no end. While fewer rows came than announced, or an earlier page spoke of
    more pages, those after it are looked at too. Without ``meta``, pages are read one
    after the other. What brings no new key for several pages is over in any case: a
    server that ignores ``page``, or that always speaks of one page more, would be read
    for ever.

    Args:
        fetch: Gets the page of a number, 1 being the first.
        workers: Who fetches ahead; there are never more unread pages in memory than
            they are, and one page that is being read.
        tally: Kept up to date by the caller, between one page and the next.
        first: The first page, if it has been read already.
        most: How many pages may be fetched ahead; None for as many as the workers.

    Yields:
        The pages in order.
    """
    page = first or fetch(FIRST_PAGE)()
    del first
    numbers = _PageNumbers(FIRST_PAGE + 1)
    idle = _Idleness(tally)
    while page.total_pages is None:
        yield page
        if idle.pages() >= PATIENCE_WITHOUT_META:
            return
        page = fetch(next(numbers))()
    numbers.last = most_pages = page.total_pages
    yield page
    idle.pages()
    # Else it would stay in memory until the end.
    del page
    for unread in ReadAhead(fetch, numbers, workers, most):
        later = unread()
        del unread
        yield later
        if idle.pages() >= PATIENCE:
            return
        numbers.last = later.total_pages or numbers.last
        most_pages = max(most_pages, numbers.last)
        del later
    # An end that moved towards the start may be none: a look beyond it tells.
    numbers.last = sys.maxsize
    while tally.is_short or numbers.upcoming <= most_pages:
        yield fetch(next(numbers))()
        if idle.pages():
            return


class _Idleness:
    """Counts the pages since one brought a new key."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._keys = tally.keys
        self._pages = 0

    def pages(self) -> int:
        """Take note of one more page; return how many in a row brought nothing."""
        self._pages = self._pages + 1 if self._tally.keys == self._keys else 0
        self._keys = self._tally.keys
        return self._pages


class _PageNumbers:
    """Numbers of the pages to come; goes on when the list turns out to be longer."""

    def __init__(self, start: int) -> None:
        self.upcoming = start
        self.last = sys.maxsize

    def __iter__(self) -> _PageNumbers:
        return self

    def __next__(self) -> int:
        if self.upcoming > self.last:
            raise StopIteration
        self.upcoming += 1
        return self.upcoming - 1
