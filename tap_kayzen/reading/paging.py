"""Paging: recognizes the last page of a list or of a window of a report."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from tap_kayzen.api.errors import CutShortError
from tap_kayzen.reading.pages import FIRST_PAGE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_kayzen.reading.pages import Page, Row

ROUND = 100
"""Number of rows that a limit of Kayzen's own is likely to be a multiple of."""


@dataclass
class PagesSoFar:
    """The pages of one list or window so far.

    Attributes:
        total_pages: What the newest page with ``total_pages`` says.
        max_total_pages: The largest ``total_pages``.
        total_entries: What the newest page with ``total_entries`` says.
        idle: Pages in a row, up to now, that were empty or repeated another, as far as
            they were compared.
        seen: Digests, or edges, of the pages compared.
    """

    pages: int = 0
    rows: int = 0
    total_pages: int | None = None
    max_total_pages: int = 0
    total_entries: int | None = None
    idle: int = 0
    seen: set[int] = field(default_factory=set)

    def add(self, page: Page) -> None:
        """Count one more page."""
        self.pages += 1
        self.rows += len(page.rows)
        if page.total_pages is not None:
            self.total_pages = page.total_pages
            self.max_total_pages = max(self.max_total_pages, page.total_pages)
        if page.total_entries is not None:
            self.total_entries = page.total_entries

    def repeats(self, page: Page, mark: int) -> bool:
        """Return whether an earlier page had this one's mark, its digest or edges.

        An empty page repeats nothing.
        """
        is_repeat = bool(page.rows) and mark in self.seen
        self.seen.add(mark)
        self.idle = self.idle + 1 if is_repeat or not page.rows else 0
        return is_repeat


class Paging(ABC):
    """A way to recognize the last page; one instance serves all slices of a stream.

    Attributes:
        guesses_length: Whether windows are likely as long as the one before, so that
            their pages may be requested before one of them has come.
        max_idle_pages: Pages in a row without a new key after which reading stops.
        max_idle_pages_without_meta: The same if no page had ``total_pages``.
        idle_is_fatal: Whether Kayzen may hold more rows then; if so, empty pages do
            not count.
        compares_rows: Whether `judge` needs the digest of pages, which takes
            milliseconds and so is computed before, without a lock held.
        pages_per_worker: Pages that may wait or be requested. More keep workers busy
            while the length of several windows is unknown.
    """

    guesses_length: ClassVar[bool]
    max_idle_pages: ClassVar[int]
    max_idle_pages_without_meta: ClassVar[int]
    idle_is_fatal: ClassVar[bool]
    compares_rows: ClassVar[bool]
    pages_per_worker: ClassVar[int]

    @abstractmethod
    def judge(self, page: Page, so_far: PagesSoFar) -> int | None:
        """Judge a page as it comes, by what it says and by the pages before it.

        Returns:
            The number of the last page; None if more pages follow. A page that
            repeats an earlier one is beyond the last.

        Raises:
            CutShortError: Kayzen may hold rows that it does not return.
        """


class ListPaging(Paging):
    """Reads a list to the end that its newest ``total_pages`` names.

    The end is never computed, because documented samples do not add up. An empty page
    before it is no end. While fewer rows came than ``total_entries``, or an earlier
    page announced more pages, the pages after it are read too, until one brings
    nothing new. Without ``meta``, two pages in a row that bring nothing new are the
    end: one empty page may be a fault.
    """

    guesses_length = False
    # A server that ignores `page`, or that always announces one page more, would be
    # read for ever.
    max_idle_pages = 50
    max_idle_pages_without_meta = 2
    idle_is_fatal = False
    compares_rows = False
    pages_per_worker = 1

    def judge(self, page: Page, so_far: PagesSoFar) -> int | None:
        """Judge a page by what has been announced."""
        number = so_far.pages + 1
        end = page.total_pages or so_far.total_pages
        if end is not None and number < end:
            return None
        so_far.repeats(page, page.edges)
        if end is None:
            is_over = so_far.idle >= self.max_idle_pages_without_meta
            return number if is_over else None
        # An end that moved towards the start may be none: a look beyond it tells.
        end = max(end, so_far.max_total_pages)
        entries = page.total_entries
        entries = so_far.total_entries if entries is None else entries
        is_short = entries is not None and so_far.rows + len(page.rows) < entries
        may_be_over = not is_short or (number > end and so_far.idle > 0)
        is_over = number >= end and may_be_over
        return number if is_over else None


class ReportPaging(Paging):
    """What the ways to page a report have in common."""

    guesses_length = True
    max_idle_pages = max_idle_pages_without_meta = 3
    idle_is_fatal = True
    compares_rows = True
    pages_per_worker = 2

    def _is_beyond(self, page: Page, so_far: PagesSoFar) -> bool:
        """Return whether a page repeats another, or is one empty page too many.

        An empty page before the announced end is no end, but a server that always
        announces one page more would be read for ever.
        """
        is_repeat = so_far.repeats(page, page.digest)
        return is_repeat or so_far.idle >= self.max_idle_pages

    @staticmethod
    def _check_repeat(page: Page, so_far: PagesSoFar, *, is_limit: bool) -> None:
        """Raise CutShortError if a page that repeats an earlier one may hide rows.

        At the limit, it has as many rows as Kayzen may return at most.
        """
        number = so_far.pages + 1
        is_cut = number < so_far.max_total_pages or (
            number == FIRST_PAGE + 1 and (is_limit or page.total_pages)
        )
        entries = page.total_entries
        is_whole = entries is not None and so_far.rows >= entries
        if page.rows and is_cut and not is_whole:
            msg = (
                f"page {number} has the same {len(page.rows):,} rows as an earlier "
                "one, so that there may be more rows than Kayzen gives"
            )
            raise CutShortError(msg)


class AnnouncedPaging(ReportPaging):
    """Trusts ``total_pages``; without it there is one page.

    For calls that are not known to be paged at all.
    """

    def judge(self, page: Page, so_far: PagesSoFar) -> int | None:
        """Judge a page by what it announces."""
        if self._is_beyond(page, so_far):
            self._check_repeat(page, so_far, is_limit=True)
            return so_far.pages
        number = so_far.pages + 1
        return number if number >= (page.total_pages or FIRST_PAGE) else None


class GuessedPaging(ReportPaging):
    """Finds the end of a report whose responses need not say how long it is.

    Whether Kayzen heeds ``page`` and ``per_page``, and up to what size, is unknown. So
    a page is the last one if it is empty, repeats another, or is shorter than both
    ``per_page`` and some other page of the report: a page that is as long as any may
    be as long as Kayzen makes them. What a response announces goes before that, unless
    rows are still missing: then the next page is read.
    """

    def __init__(
        self, per_page: int, is_total: Callable[[Row], bool] = lambda _: False
    ) -> None:
        """Start without having seen a page.

        Args:
            per_page: Rows that are asked for.
            is_total: Returns whether a row may be a total, which a page has in
                addition to its other rows. Called in several threads.
        """
        self._per_page = per_page
        self._is_total = is_total
        self._longest = 0

    def judge(self, page: Page, so_far: PagesSoFar) -> int | None:
        """Judge a page by what is known of all pages of the report."""
        count = len(page.rows)
        if self._is_beyond(page, so_far):
            # A round number may be a limit of Kayzen's own.
            is_limit = count == self._per_page or count % ROUND == 0
            self._check_repeat(page, so_far, is_limit=is_limit)
            return so_far.pages
        return so_far.pages + 1 if self._is_last(page, so_far) else None

    def _is_last(self, page: Page, so_far: PagesSoFar) -> bool:
        count, entries = len(page.rows), page.total_entries
        if count and entries is not None and so_far.rows + count < entries:
            return False
        if page.total_pages is not None:
            # Where an end moved towards the start, a look beyond it tells if it is one.
            earlier = so_far.max_total_pages if count else 0
            return so_far.pages + 1 >= max(page.total_pages, earlier)
        is_longest = count >= self._longest
        if page.distinct > self._longest:
            self._longest = max(self._longest, self._length(page))
        return not count or (count < self._per_page and not is_longest)

    def _length(self, page: Page) -> int:
        """Return the number of rows without doubles and totals.

        They must not make a page look longer than others.
        """
        totals = 0
        # What cannot be decoded is an error as soon as its turn comes.
        with suppress(ValueError):
            totals = sum(map(self._is_total, page.decode()))
        return page.distinct - totals
