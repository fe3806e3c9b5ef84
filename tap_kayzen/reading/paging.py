"""Paging: finds the last page of a list or a report window."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from tap_kayzen.api.errors import CutShortError
from tap_kayzen.messages import report_messages
from tap_kayzen.reading.pages import FIRST_PAGE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_kayzen.reading.pages import Page, Row

LIMIT_MULTIPLE_ROWS = 100
"""A server-side page limit is likely to be a multiple of this."""


@dataclass
class PageTally:
    """Running totals over the pages of one slice.

    Attributes:
        pages: Number of pages.
        rows: Number of rows.
        total_pages: Latest ``total_pages`` of a response.
        max_total_pages: Largest ``total_pages`` of any response.
        total_entries: Latest ``total_entries`` of a response.
        idle: Number of pages in a row, up to the latest one compared, that were empty
            or repeated an earlier page.
        seen: Hashes of the pages compared: `Page.digest` or `Page.edge_hash`.
    """

    pages: int = 0
    rows: int = 0
    total_pages: int | None = None
    max_total_pages: int = 0
    total_entries: int | None = None
    idle: int = 0
    seen: set[int] = field(default_factory=set)

    def add(self, page: Page) -> None:
        """Add a page to the totals."""
        self.pages += 1
        self.rows += len(page.rows)
        if page.total_pages is not None:
            self.total_pages = page.total_pages
            self.max_total_pages = max(self.max_total_pages, page.total_pages)
        if page.total_entries is not None:
            self.total_entries = page.total_entries

    def repeats(self, page: Page, mark: int) -> bool:
        """Return whether a page repeats an earlier one. Empty pages never do.

        Args:
            page: The page.
            mark: Its `Page.digest` or `Page.edge_hash`.
        """
        is_repeat = bool(page.rows) and mark in self.seen
        self.seen.add(mark)
        self.idle = self.idle + 1 if is_repeat or not page.rows else 0
        return is_repeat


class Paging(ABC):
    """Strategy for finding the last page; one instance serves all slices of a stream.

    Attributes:
        guesses_length: Whether a slice probably has as many pages as the previous one,
            so that pages can be requested before the first response.
        max_idle_pages: Maximum number of pages in a row without a new key.
        max_idle_pages_without_meta: The same for responses without ``total_pages``.
        idle_is_fatal: Whether exceeding this maximum means that rows may be missing.
            Empty pages do not count then.
        compares_rows: Whether `find_last` uses `Page.digest`. It takes milliseconds, so
            the workers compute it in advance, outside the lock.
        pages_per_worker: Maximum number of pages per worker, buffered or in flight. A
            higher value keeps workers busy while the lengths of windows are unknown.
    """

    guesses_length: ClassVar[bool]
    max_idle_pages: ClassVar[int]
    max_idle_pages_without_meta: ClassVar[int]
    idle_is_fatal: ClassVar[bool]
    compares_rows: ClassVar[bool]
    pages_per_worker: ClassVar[int]

    @abstractmethod
    def find_last(self, page: Page, so_far: PageTally) -> int | None:
        """Return the number of the last page; None if more pages follow.

        A page that repeats an earlier one is beyond the last page.

        Args:
            page: The next page.
            so_far: Totals of the pages before it; `PageTally.repeats` updates them.

        Raises:
            CutShortError: Kayzen may have rows that it does not return.
        """


class ListPaging(Paging):
    """Paging of lists: the latest ``total_pages`` is the last page.

    The last page is never computed from ``total_entries``, because the documented
    examples are inconsistent. An empty page in between does not end the list.

    If there are fewer rows than ``total_entries``, or an earlier response announced
    more pages, reading continues until a page has nothing new. Without
    ``meta``, the list ends after two pages in a row without new rows; a single empty
    page can be an error of the server.
    """

    guesses_length = False
    # Otherwise, a server that ignores `page`, or always announces one more page, would
    # cause an endless loop.
    max_idle_pages = 50
    max_idle_pages_without_meta = 2
    idle_is_fatal = False
    compares_rows = False
    pages_per_worker = 1

    def find_last(self, page: Page, so_far: PageTally) -> int | None:
        """Return the last page, based on ``total_pages`` and ``total_entries``."""
        number = so_far.pages + 1
        end = page.total_pages or so_far.total_pages
        if end is not None and number < end:
            return None
        so_far.repeats(page, page.edge_hash)
        if end is None:
            is_over = so_far.idle >= self.max_idle_pages_without_meta
            return number if is_over else None
        # If the announced end decreased, read past it to be sure.
        end = max(end, so_far.max_total_pages)
        entries = page.total_entries
        entries = so_far.total_entries if entries is None else entries
        is_short = entries is not None and so_far.rows + len(page.rows) < entries
        may_be_over = not is_short or (number > end and so_far.idle > 0)
        is_over = number >= end and may_be_over
        return number if is_over else None


class ReportPaging(Paging):
    """Common base of the paging strategies for reports."""

    guesses_length = True
    max_idle_pages = max_idle_pages_without_meta = 3
    idle_is_fatal = True
    compares_rows = True
    pages_per_worker = 2

    def _is_beyond(self, page: Page, so_far: PageTally) -> bool:
        """Return whether a page is beyond the end: a repeat, or empty too often.

        A single empty page does not end the report. The maximum protects against a
        server that always announces one more page.
        """
        is_repeat = so_far.repeats(page, page.digest)
        return is_repeat or so_far.idle >= self.max_idle_pages

    @staticmethod
    def _check_repeat(page: Page, so_far: PageTally, *, is_limit: bool) -> None:
        """Raise CutShortError if rows may be missing after a repeated page.

        Args:
            page: The page that repeats an earlier one.
            so_far: Totals of the pages before it.
            is_limit: Whether its number of rows may be the maximum of the server.
        """
        number = so_far.pages + 1
        is_cut = number < so_far.max_total_pages or (
            number == FIRST_PAGE + 1 and (is_limit or page.total_pages)
        )
        entries = page.total_entries
        is_whole = entries is not None and so_far.rows >= entries
        if page.rows and is_cut and not is_whole:
            rows = len(page.rows)
            raise CutShortError(report_messages.REPEATED_PAGE(number=number, rows=rows))


class AnnouncedPaging(ReportPaging):
    """Paging that trusts ``total_pages`` and assumes a single page without it.

    For endpoints whose paging is undocumented.
    """

    def find_last(self, page: Page, so_far: PageTally) -> int | None:
        """Return the last page, based on ``total_pages``."""
        if self._is_beyond(page, so_far):
            self._check_repeat(page, so_far, is_limit=True)
            return so_far.pages
        number = so_far.pages + 1
        return number if number >= (page.total_pages or FIRST_PAGE) else None


class GuessedPaging(ReportPaging):
    """Paging of reports whose responses may not contain ``total_pages``.

    Whether Kayzen honors ``page`` and ``per_page``, and up to what size, is unknown. So
    a page is the last one if it is empty, repeats an earlier page, or is shorter than
    both ``per_page`` and the longest page of the report. The longest page may be at the
    server's own limit, so more pages may follow it.

    ``total_pages`` takes precedence, unless there are fewer rows than
    ``total_entries``. The next page is then read.
    """

    def __init__(
        self, per_page: int, is_total: Callable[[Row], bool] = lambda _: False
    ) -> None:
        """Initialize the paging of a report.

        Args:
            per_page: The requested number of rows per page.
            is_total: Returns whether a row may be a total. A page can have totals in
                addition to `per_page` rows. Called from several threads.
        """
        self._per_page = per_page
        self._is_total = is_total
        self._longest = 0

    def find_last(self, page: Page, so_far: PageTally) -> int | None:
        """Return the last page, based on the lengths of all pages of the report."""
        if self._is_beyond(page, so_far):
            # A round number of rows, with or without totals, may be a server's limit.
            is_limit = any(
                count == self._per_page or count % LIMIT_MULTIPLE_ROWS == 0
                for count in (len(page.rows), self._length(page))
            )
            self._check_repeat(page, so_far, is_limit=is_limit)
            return so_far.pages
        return so_far.pages + 1 if self._is_last(page, so_far) else None

    def _is_last(self, page: Page, so_far: PageTally) -> bool:
        count, entries = len(page.rows), page.total_entries
        if count and entries is not None and so_far.rows + count < entries:
            return False
        if page.total_pages is not None:
            # If the announced end decreased, read past it to be sure.
            earlier = so_far.max_total_pages if count else 0
            return so_far.pages + 1 >= max(page.total_pages, earlier)
        is_longest = count >= self._longest
        if page.distinct > self._longest:
            self._longest = max(self._longest, self._length(page))
        return not count or (count < self._per_page and not is_longest)

    def _length(self, page: Page) -> int:
        """Return the number of rows without duplicates and totals.

        Neither may make a page count as longer.
        """
        totals = 0
        # A page that cannot be decoded fails later, when its rows are read.
        with suppress(ValueError):
            totals = sum(map(self._is_total, page.decode()))
        return page.distinct - totals
