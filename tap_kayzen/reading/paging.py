"""Paging: recognizes the last page of a list or of a window of a report."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, ClassVar

from tap_kayzen.api.errors import CutShortError
from tap_kayzen.reading.pages import FIRST_PAGE

if TYPE_CHECKING:
    from tap_kayzen.reading.pages import Page

ROUND = 100
"""Number of rows that a limit of Kayzen's own is likely to be a multiple of."""


class Verdict(Enum):
    """What a page means for the pages after it."""

    MORE = auto()
    LAST = auto()
    BEYOND = auto()
    """It repeats an earlier page: the one before it was the last."""


@dataclass
class PagesSoFar:
    """The pages of one list or window so far.

    Attributes:
        pages: Number of pages.
        rows: Number of their rows.
        total_pages: What the newest page with ``total_pages`` says.
        max_total_pages: The largest ``total_pages``.
        total_entries: What the newest page with ``total_entries`` says.
        idle: Pages in a row that brought nothing new.
        digests: Digests of the pages that a paging compares later ones with.
    """

    pages: int = 0
    rows: int = 0
    total_pages: int | None = None
    max_total_pages: int = 0
    total_entries: int | None = None
    idle: int = 0
    digests: set[int] = field(default_factory=set)

    def add(self, page: Page) -> None:
        """Count one more page."""
        self.pages += 1
        self.rows += len(page.rows)
        if page.total_pages is not None:
            self.total_pages = page.total_pages
            self.max_total_pages = max(self.max_total_pages, page.total_pages)
        if page.total_entries is not None:
            self.total_entries = page.total_entries

    def repeats(self, page: Page) -> bool:
        """Return whether a page has the rows of an earlier one, and remember it."""
        is_repeat = page.digest in self.digests
        self.digests.add(page.digest)
        return is_repeat


class Paging(ABC):
    """A way to recognize the last page; one instance serves all windows of a stream.

    Attributes:
        guesses_length: Whether windows are likely as long as the one before, so that
            their pages may be requested before one of them has come.
    """

    guesses_length: ClassVar[bool]

    @abstractmethod
    def judge(self, page: Page, so_far: PagesSoFar) -> Verdict:
        """Judge a page by itself, as it comes.

        Args:
            page: The page.
            so_far: The pages before it.

        Raises:
            CutShortError: Kayzen may hold rows that it does not return.
        """

    def is_idle(self, page: Page, *, has_news: bool) -> bool:  # noqa: ARG002
        """Return whether a page counts as one that brought nothing new.

        Args:
            page: The page.
            has_news: Whether one of its records had a new key.
        """
        return not has_news

    @abstractmethod
    def ends_after(self, idle: int, page: Page) -> bool:
        """Return whether to stop reading although more pages may come.

        Args:
            idle: Idle pages in a row.
            page: The last of them.

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

    MAX_IDLE_PAGES = 50
    """Pages in a row without a new key after which a list is over in any case.

    A server that ignores ``page``, or that always announces one page more, would be
    read for ever.
    """

    MAX_IDLE_PAGES_WITHOUT_META = 2

    def judge(self, page: Page, so_far: PagesSoFar) -> Verdict:
        """Judge a page by what has been announced."""
        number = so_far.pages + 1
        end = page.total_pages or so_far.total_pages
        if end is not None and number < end:
            return Verdict.MORE
        is_new = page.rows and not so_far.repeats(page)
        so_far.idle = 0 if is_new else so_far.idle + 1
        if end is None:
            is_over = so_far.idle >= self.MAX_IDLE_PAGES_WITHOUT_META
            return Verdict.LAST if is_over else Verdict.MORE
        entries = page.total_entries
        entries = so_far.total_entries if entries is None else entries
        is_short = entries is not None and so_far.rows + len(page.rows) < entries
        may_go_on = is_short or number < so_far.max_total_pages
        is_beyond_and_idle = so_far.idle and number > end
        is_over = is_beyond_and_idle or not may_go_on
        return Verdict.LAST if is_over else Verdict.MORE

    def ends_after(self, idle: int, page: Page) -> bool:
        """Stop a list that goes on without new keys."""
        has_meta = page.total_pages is not None
        most = self.MAX_IDLE_PAGES if has_meta else self.MAX_IDLE_PAGES_WITHOUT_META
        return idle >= most


class ReportPaging(Paging):
    """What the ways to page a report have in common."""

    guesses_length = True

    MAX_IDLE_PAGES = 3
    """Pages in a row without a new row after which reading fails."""

    def is_idle(self, page: Page, *, has_news: bool) -> bool:
        """Return whether a page has rows, but none that is new."""
        return bool(page.rows) and not has_news

    def ends_after(self, idle: int, page: Page) -> bool:  # noqa: ARG002
        """Fail where Kayzen seems to return the same rows again and again."""
        if idle >= self.MAX_IDLE_PAGES:
            msg = (
                f"{idle} pages in a row have no new row: Kayzen seems to give the same "
                "ones again and again"
            )
            raise CutShortError(msg)
        return False

    @staticmethod
    def _check_repeat(page: Page, so_far: PagesSoFar, *, is_limit: bool) -> None:
        """Make sure that a page that repeats an earlier one hides no rows.

        Args:
            page: The page.
            so_far: The pages before it.
            is_limit: Whether it has as many rows as Kayzen may return at most.

        Raises:
            CutShortError: It may hide some.
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

    def judge(self, page: Page, so_far: PagesSoFar) -> Verdict:
        """Judge a page by what it announces."""
        if so_far.repeats(page):
            self._check_repeat(page, so_far, is_limit=True)
            return Verdict.BEYOND
        is_last = so_far.pages + 1 >= (page.total_pages or FIRST_PAGE)
        return Verdict.LAST if is_last else Verdict.MORE


class GuessedPaging(ReportPaging):
    """Finds the end of a report whose responses need not say how long it is.

    Whether Kayzen heeds ``page`` and ``per_page``, and up to what size, is unknown. So
    a page is the last one if it is empty, repeats another, or is shorter than both
    ``per_page`` and some other page of the report: a page that is as long as any may
    be as long as Kayzen makes them. What a response announces goes before that, unless
    rows are still missing: then the next page is read.
    """

    def __init__(self, per_page: int) -> None:
        """Start without having seen a page.

        Args:
            per_page: Rows that are asked for.
        """
        self._per_page = per_page
        self._longest = 0

    def judge(self, page: Page, so_far: PagesSoFar) -> Verdict:
        """Judge a page by what is known of all pages of the report."""
        count = len(page.rows)
        if so_far.repeats(page):
            # A round number may be a limit of Kayzen's own.
            is_limit = count == self._per_page or count % ROUND == 0
            self._check_repeat(page, so_far, is_limit=is_limit)
            return Verdict.BEYOND
        return Verdict.LAST if self._is_last(page, so_far) else Verdict.MORE

    def _is_last(self, page: Page, so_far: PagesSoFar) -> bool:
        count, entries = len(page.rows), page.total_entries
        if count and entries is not None and so_far.rows + count < entries:
            return False
        if page.total_pages is not None:
            # Where an end moved towards the start, a look beyond it tells if it is one.
            earlier = so_far.max_total_pages if count else 0
            return so_far.pages + 1 >= max(page.total_pages, earlier)
        # A row that occurs twice must not make a page look longer than others.
        is_longest = count >= self._longest
        self._longest = max(self._longest, page.distinct)
        return not count or (count < self._per_page and not is_longest)
