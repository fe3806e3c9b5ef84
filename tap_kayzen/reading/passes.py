"""Passes: reads a list or window from its start, again until it is complete."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic

from tap_kayzen.api.errors import CutShortError
from tap_kayzen.messages import report_messages, stream_messages
from tap_kayzen.reading.ahead import PagesAhead, Slice
from tap_kayzen.reading.paging import PagesSoFar

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Generator, Iterable, Iterator

    from tap_kayzen.api.workers import Workers
    from tap_kayzen.output.progress import Progress
    from tap_kayzen.reading.keys import Keys, Record
    from tap_kayzen.reading.pages import Page
    from tap_kayzen.reading.paging import Paging

MAX_PASSES = 5
"""How often a slice that keeps changing is read from the start."""


@dataclass
class Pass(PagesSoFar):
    """What one pass over a slice, from start to end, has seen.

    Attributes:
        keys: Number of different keys.
        left_out: Rows that yield no record, such as totals.
        surplus: Rows of pages beyond the end on which no key was new.
        lengths: The different lengths, in pages and rows, that pages announced.
        is_complete: Whether no row seems to be missing after the last pass.
    """

    keys: int = 0
    left_out: int = 0
    surplus: int = 0
    lengths: set[tuple[int | None, int | None]] = field(default_factory=set)
    is_complete: bool = True

    def add(self, page: Page) -> None:
        """Count one more page."""
        super().add(page)
        if page.total_pages is not None or page.total_entries is not None:
            self.lengths.add((page.total_pages, page.total_entries))

    @property
    def repeated(self) -> int:
        """Rows whose key had come before."""
        return self.rows - self.left_out - self.keys

    @property
    def has_changed(self) -> bool:
        """Whether the slice became longer or shorter during the pass."""
        return len(self.lengths) > 1

    @property
    def is_short(self) -> bool:
        """Whether fewer rows came than announced.

        A page beyond the end that repeats another one must not make up for a row that
        is missing.
        """
        came = self.rows - self.surplus
        return self.total_entries is not None and came < self.total_entries

    @property
    def is_silent(self) -> bool:
        """Whether nothing came, and nothing says that there is nothing."""
        return not self.rows and self.total_entries is None

    @property
    def is_steady(self) -> bool:
        """Whether no row seems to have moved from one page to another."""
        return not (self.repeated or self.has_changed or self.is_short)

    def is_like(self, other: Pass | None) -> bool:
        """Return whether another pass saw the same, and the slice did not change."""
        return (
            other is not None
            and not self.has_changed
            and (self.rows, self.keys, self.total_entries)
            == (other.rows, other.keys, other.total_entries)
        )

    def __str__(self) -> str:
        """Format what came for a message."""
        entries = self.total_entries
        total = f" of {entries:,}" if entries is not None else ""
        return f"{self.keys:,}{total} records"


@dataclass(frozen=True)
class Source(Generic[Slice]):
    """What a stream contributes to reading its slices.

    Attributes:
        fetch: Gets a page of a slice, by its number; called in the workers.
        convert: Turns a page of a slice into records.
        keys: Returns the keys of a slice, at its start.
        paging: Recognizes the last page.
        label: Names a slice in messages.
        hint: What the user can do if Kayzen may not have returned all rows.
        may_be_empty: Whether a slice without rows needs no ``total_entries`` to count
            as complete.
        on_page: Called when the records of a page are out, before waiting for the
            next page.
        progress: Counts rows; None if the stream counts something else.
    """

    fetch: Callable[[Slice, int], Page]
    convert: Callable[[Page, Slice], list[Record]]
    keys: Callable[[Slice], Keys]
    paging: Paging
    label: Callable[[Slice], str]
    hint: str = ""
    may_be_empty: bool = False
    on_page: Callable[[Page], None] = lambda _: None
    progress: Progress | None = None


class Reader(Generic[Slice]):
    """Reads slices: every row that is there throughout, and each key once.

    Kayzen's pages are cut out of a list that may change while it is read: then rows
    move from one page to another, and come twice or not at all. That shows by a total
    that changes, a key that comes twice, or fewer rows than announced; the slice is
    then read again for what is missing, until a pass shows none of it, or two passes
    show the same. `last_pass` is the last pass over the slice read last.
    """

    def __init__(
        self,
        source: Source[Slice],
        slices: Iterable[Slice],
        *,
        workers: Workers,
        logger: logging.Logger,
        ahead: PagesAhead[Slice] | None = None,
    ) -> None:
        """Prepare; nothing is requested yet. `read` will take the slices in order.

        Args:
            source: What the stream contributes.
            slices: The slices to come.
            workers: Call `source.fetch`.
            logger: Receives a line about each slice that is read again.
            ahead: A read-ahead of the same slices that has begun; None for a new one.
        """
        self._source = source
        self._logger = logger
        self._ahead = ahead or PagesAhead(source.fetch, source.paging, slices, workers)
        self.last_pass = Pass()

    def close(self) -> None:
        """Request nothing more."""
        self._ahead.close()

    def skip(self, slices: Iterable[Slice]) -> None:
        """Skip the next slices."""
        self._ahead.skip(slices)

    def read(self, slice_: Slice) -> Iterator[Record]:
        """Read the next slice and yield its records."""
        label = self._source.label(slice_)
        keys = self._source.keys(slice_)
        before = None
        for number in range(1, MAX_PASSES + 1):
            try:
                this = yield from self._read_once(slice_, keys, again=number > 1)
            except CutShortError as error:
                raise error.within(label, {"": self._source.hint}) from None
            self.last_pass = this
            is_last = this.is_steady or this.is_like(before) or number == MAX_PASSES
            is_doubtful = this.is_silent and not self._source.may_be_empty
            if is_doubtful or (is_last and (this.has_changed or this.is_short)):
                this.is_complete = False
                text = stream_messages.MAY_BE_MORE(list=label, received=this)
                self._logger.warning(text)
            if is_last:
                return
            before = this
            self._logger.info(
                "%s changed while it was read (received %s, %d of them twice); "
                "reading it again for missing records",
                label,
                this,
                this.repeated,
            )

    def _read_once(
        self, slice_: Slice, keys: Keys, *, again: bool
    ) -> Generator[Record, None, Pass]:
        """Read a slice from its start to its end."""
        source = self._source
        this = Pass()
        idle = 0
        keys.begin_pass()
        with closing(self._ahead.pages(slice_, again=again)) as pages:
            for page in pages:
                if source.progress and not this.pages:
                    source.progress.expect(page.total_entries)
                this.add(page)
                records = source.convert(page, slice_)
                this.left_out += len(page.rows) - len(records)
                yield from keys.new(records)
                del records
                is_idle = keys.different == this.keys
                this.keys = keys.different
                if is_idle and 0 < this.max_total_pages < this.pages:
                    this.surplus += len(page.rows)
                source.on_page(page)
                if source.progress:
                    source.progress.advance(len(page.rows))
                may_count = page.rows or not source.paging.idle_is_fatal
                idle = idle + 1 if is_idle and may_count else 0
                if self._ends_after(idle, this):
                    break
                # Else two pages would be in memory while the next one comes.
                del page
        return this

    def _ends_after(self, idle: int, this: Pass) -> bool:
        """Return whether to stop reading although more pages may come."""
        paging = self._source.paging
        most = (
            paging.max_idle_pages
            if this.max_total_pages
            else paging.max_idle_pages_without_meta
        )
        if idle >= most and paging.idle_is_fatal:
            raise CutShortError(report_messages.REPEATED_ROWS(pages=idle))
        return idle >= most
