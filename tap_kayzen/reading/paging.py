"""The pages of reports, and how one is recognised as the last."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.exceptions import FatalAPIError

from tap_kayzen.reading.pages import FIRST_PAGE, parse_page, totals

if TYPE_CHECKING:
    from tap_kayzen.reading.pages import Page


@dataclass(frozen=True)
class RawPage:
    """A page of a report as it came: what waits in memory is small that way.

    Attributes:
        body: JSON text.
        rows: How many rows it has.
        distinct: How many different ones.
        digest: The same for the same rows, within a process.
        total_pages: Pages of the whole, None if the answer does not say.
        total_entries: Rows of the whole, None if the answer does not say.
    """

    body: bytes
    rows: int
    distinct: int
    digest: int
    total_pages: int | None
    total_entries: int | None

    def read(self) -> Page:
        """Read the rows."""
        return parse_page(self.body)


class _Answer(msgspec.Struct):
    data: list[msgspec.Raw]
    meta: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


_DECODER = msgspec.json.Decoder(_Answer)

BRACE = ord("{")

ROUND = 100
"""What a limit of rows is likely to be a multiple of."""


def parse_raw(body: bytes) -> RawPage:
    """Look at the body of a report call without reading its rows.

    Documented is ``{"headers": [], "data": [...]}``; ``meta`` may or may not be there,
    and a public client takes it for ``metadata``.

    Raises:
        EnvelopeError: The JSON is not a list of records.
        ValueError: The body is not JSON.
    """
    answer = None
    with suppress(msgspec.DecodeError, RecursionError):
        answer = _DECODER.decode(body)
    if answer is None or not all(memoryview(row)[0] == BRACE for row in answer.data):
        # For what msgspec does not read, such as NaN, and to say what is wrong.
        page = parse_page(body)
        marks = [hash(repr(row)) for row in page.records]
        return _raw_page(body, marks, page.total_pages, page.total_entries)
    # Decoded, as text that is no UTF-8 has been skipped over so far; row by row, since
    # what is large and made in a thread stays with it for long.
    marks = [hash(bytes(row).decode()) for row in answer.data]
    return _raw_page(body, marks, *totals(answer.meta or answer.metadata))


def _raw_page(
    body: bytes, marks: list[int], total_pages: int | None, total_entries: int | None
) -> RawPage:
    """Put together what is known of a page.

    Args:
        body: JSON text.
        marks: A hash of each row.
        total_pages: Pages of the whole.
        total_entries: Rows of the whole.
    """
    return RawPage(
        body,
        rows=len(marks),
        distinct=len(set(marks)),
        digest=hash(tuple(sorted(marks))),
        total_pages=total_pages,
        total_entries=total_entries,
    )


@dataclass
class Progress:
    """How far the reading of one part is.

    Attributes:
        pages: Pages so far.
        rows: Their rows.
        digests: Theirs.
        announced: The most pages that one of them spoke of.
    """

    pages: int = 0
    rows: int = 0
    digests: set[int] = field(default_factory=set)
    announced: int = 0

    def has(self, page: RawPage) -> bool:
        """Tell whether a page is one of those, in whatever order its rows are."""
        return page.digest in self.digests

    def advance(self, page: RawPage) -> None:
        """Take note of the next page."""
        self.pages += 1
        self.rows += page.rows
        self.digests.add(page.digest)
        self.announced = max(self.announced, page.total_pages or 0)


class CutShortError(FatalAPIError):
    """Kayzen may hold rows that it does not give."""


class AnnouncedPaging:
    """Trusts the answers to say if there are more pages; without a word there is one.

    For calls of which it is not known whether they come in pages at all.
    """

    def is_last(self, page: RawPage, so_far: Progress) -> bool:
        """Tell whether a page is the last one.

        Args:
            page: The page.
            so_far: How far the reading was before it.

        Raises:
            CutShortError: There may be rows that cannot be had.
        """
        if so_far.has(page):
            _check_repeated(page, so_far, is_limit=True)
            return True
        return so_far.pages + 1 >= (page.total_pages or FIRST_PAGE)


def _check_repeated(page: RawPage, so_far: Progress, *, is_limit: bool) -> None:
    """See to it that a page that is an earlier one again hides no rows.

    Args:
        page: The page.
        so_far: How far the reading was before it.
        is_limit: Whether it has as many rows as Kayzen may give at most.

    Raises:
        CutShortError: It may.
    """
    number = so_far.pages + 1
    is_cut = number < so_far.announced or (
        number == FIRST_PAGE + 1 and (is_limit or page.total_pages)
    )
    is_whole = page.total_entries is not None and so_far.rows >= page.total_entries
    if page.rows and is_cut and not is_whole:
        msg = (
            f"page {number} has the same {page.rows:,} rows as an earlier one, so that "
            "there may be more rows than Kayzen gives"
        )
        raise CutShortError(msg)


class GuessedPaging:
    """Finds the end of a report whose answers need not say how long it is.

    Whether Kayzen heeds `page` and `per_page`, and up to what size, is not known. So a
    page is the last one if it is empty, repeats another, or is shorter than both
    `per_page` and some other page of the report: a page that is as long as any may be
    as long as Kayzen makes them. What an answer says of the whole goes before that, but
    not before what it says of the rows: where some are still to come, the next page is
    asked for.
    """

    def __init__(self, per_page: int) -> None:
        """Start without having seen a page.

        Args:
            per_page: Rows that are asked for.
        """
        self._per_page = per_page
        self._longest = 0

    def is_last(self, page: RawPage, so_far: Progress) -> bool:
        """Tell whether a page is the last one.

        Args:
            page: The page.
            so_far: How far the reading was before it.

        Raises:
            CutShortError: There may be rows that cannot be had.
        """
        if so_far.has(page):
            # A round number may be a limit of Kayzen's own.
            is_limit = page.rows == self._per_page or page.rows % ROUND == 0
            _check_repeated(page, so_far, is_limit=is_limit)
            return True
        rows = so_far.rows + page.rows
        if page.rows and page.total_entries is not None and rows < page.total_entries:
            return False
        if page.total_pages is not None:
            # Where an end moved towards the start, a look beyond it tells if it is one.
            earlier = so_far.announced if page.rows else 0
            return so_far.pages + 1 >= max(page.total_pages, earlier)
        # A row that stands there twice must not make a page look longer than others.
        is_longest = page.rows >= self._longest
        self._longest = max(self._longest, page.distinct)
        return not page.rows or (page.rows < self._per_page and not is_longest)
