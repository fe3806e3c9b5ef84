"""Passes: reads a slice repeatedly until it is complete."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic

from tap_kayzen.api.errors import CutShortError
from tap_kayzen.messages import report_messages, stream_messages
from tap_kayzen.reading.ahead import ReadAhead, Slice
from tap_kayzen.reading.paging import PageTally

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Generator, Iterable, Iterator

    from tap_kayzen.api.workers import Workers
    from tap_kayzen.output.progress import Progress
    from tap_kayzen.reading.keys import Keys, Record
    from tap_kayzen.reading.pages import Page
    from tap_kayzen.reading.paging import Paging

MAX_PASSES = 5
"""Maximum number of passes over a slice that keeps changing."""


@dataclass
class Pass(PageTally):
    """Results of one pass over a slice, from the first to the last page.

    Attributes:
        keys: Number of distinct keys.
        left_out: Number of rows that are not records, such as totals.
        surplus: Number of rows on pages beyond the announced end that have no new key.
        lengths: All announced lengths, as ``(total_pages, total_entries)``.
        is_complete: Whether all rows seem to have been read.
    """

    keys: int = 0
    left_out: int = 0
    surplus: int = 0
    lengths: set[tuple[int | None, int | None]] = field(default_factory=set)
    is_complete: bool = True

    def add(self, page: Page) -> None:
        """Add a page to the totals."""
        super().add(page)
        if page.total_pages is not None or page.total_entries is not None:
            self.lengths.add((page.total_pages, page.total_entries))

    @property
    def repeated(self) -> int:
        """Number of rows with a key that an earlier row had."""
        return self.rows - self.left_out - self.keys

    @property
    def has_changed(self) -> bool:
        """Whether the announced length changed during the pass."""
        return len(self.lengths) > 1

    @property
    def is_short(self) -> bool:
        """Whether fewer rows were received than announced.

        Repeated rows beyond the announced end do not make up for missing ones. Neither
        do totals, unless the announced number includes them.
        """
        if self.total_entries is None:
            return False
        received = self.rows - self.surplus
        if received > self.total_entries:
            received -= self.left_out
        return received < self.total_entries

    @property
    def is_silent(self) -> bool:
        """Whether the slice seems empty, without ``total_entries`` to confirm it."""
        return not self.rows and self.total_entries is None

    @property
    def is_steady(self) -> bool:
        """Whether rows seem to have stayed on their pages during the pass."""
        return not (self.repeated or self.has_changed or self.is_short)

    def is_like(self, other: Pass | None) -> bool:
        """Return whether two passes agree and the slice did not change."""
        return (
            other is not None
            and not self.has_changed
            and (self.rows, self.keys, self.total_entries)
            == (other.rows, other.keys, other.total_entries)
        )

    def __str__(self) -> str:
        """Format the number of records for messages."""
        entries = self.total_entries
        total = f" of {entries:,}" if entries is not None else ""
        return f"{self.keys:,}{total} records"


@dataclass(frozen=True)
class Source(Generic[Slice]):
    """The callbacks and options of a stream that a `Reader` needs.

    Attributes:
        fetch: Fetches a page of a slice by its number; called in the workers.
        convert: Converts a page of a slice to records.
        keys: Returns a new `Keys` object for a slice.
        paging: Finds the last page.
        label: Returns the name of a slice for messages.
        hint: What the user can do if Kayzen may not have returned all rows.
        may_be_empty: Whether a slice without rows counts as complete, even without
            ``total_entries``.
        on_page: Called after all records of a page have been consumed.
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
    """Reads slices completely, and yields each key once.

    Kayzen's lists can change while they are read. Rows then move between pages, so
    that some arrive twice and others not at all. Signs of this are a changed total, a
    repeated key, or fewer rows than announced. The slice is then read again for the
    missing rows, until a pass shows none of these signs, or two passes in a row have
    the same results.

    Attributes:
        last_pass: The last pass over the latest slice.
    """

    def __init__(
        self,
        source: Source[Slice],
        slices: Iterable[Slice],
        *,
        workers: Workers,
        logger: logging.Logger,
        ahead: ReadAhead[Slice] | None = None,
    ) -> None:
        """Initialize the reader without requesting anything.

        Args:
            source: Callbacks and options of the stream.
            slices: The slices, in the order in which `read` is called.
            workers: Threads that call `source.fetch`.
            logger: Logger of the stream.
            ahead: A read-ahead of the same slices that has already started; by default,
                a new one.
        """
        self._source = source
        self._logger = logger
        self._ahead = ahead or ReadAhead(source.fetch, source.paging, slices, workers)
        self.last_pass = Pass()

    def close(self) -> None:
        """Cancel outstanding requests and send no more."""
        self._ahead.close()

    def skip(self, slices: Iterable[Slice]) -> None:
        """Skip the next slices without reading them."""
        self._ahead.skip(slices)

    def read(self, slice_: Slice) -> Iterator[Record]:
        """Read the next slice and yield its records."""
        label = self._source.label(slice_)
        keys = self._source.keys(slice_)
        previous = None
        for number in range(1, MAX_PASSES + 1):
            try:
                current = yield from self._read_once(slice_, keys, again=number > 1)
            except CutShortError as error:
                raise error.within(label, {"": self._source.hint}) from None
            self.last_pass = current
            is_last = (
                current.is_steady or current.is_like(previous) or number == MAX_PASSES
            )
            is_doubtful = current.is_silent and not self._source.may_be_empty
            if is_doubtful or (is_last and (current.has_changed or current.is_short)):
                current.is_complete = False
                text = stream_messages.MAY_BE_MORE(list=label, received=current)
                self._logger.warning(text)
            if is_last:
                return
            previous = current
            self._logger.info(
                "%s changed while it was read (received %s, %d of them twice); "
                "reading it again for missing records",
                label,
                current,
                current.repeated,
            )

    def _read_once(
        self, slice_: Slice, keys: Keys, *, again: bool
    ) -> Generator[Record, None, Pass]:
        """Read all pages of a slice once, and return the results of the pass."""
        source = self._source
        current = Pass()
        idle = 0
        keys.begin_pass()
        with closing(self._ahead.pages(slice_, again=again)) as pages:
            for page in pages:
                if source.progress and not current.pages:
                    source.progress.expect(page.total_entries)
                current.add(page)
                records = source.convert(page, slice_)
                current.left_out += len(page.rows) - len(records)
                yield from keys.new(records)
                del records
                is_idle = keys.distinct == current.keys
                current.keys = keys.distinct
                if is_idle and 0 < current.max_total_pages < current.pages:
                    current.surplus += len(page.rows)
                source.on_page(page)
                if source.progress:
                    source.progress.advance(len(page.rows))
                may_count = page.rows or not source.paging.idle_is_fatal
                idle = idle + 1 if is_idle and may_count else 0
                if self._ends_after(idle, current):
                    break
                # Release the page before waiting for the next one.
                del page
        return current

    def _ends_after(self, idle: int, current: Pass) -> bool:
        """Return whether to stop the pass although more pages may follow.

        Args:
            idle: Number of pages in a row without a new key.
            current: The current pass.

        Raises:
            CutShortError: Kayzen may have rows that it does not return.
        """
        paging = self._source.paging
        max_idle = (
            paging.max_idle_pages
            if current.max_total_pages
            else paging.max_idle_pages_without_meta
        )
        if idle >= max_idle and paging.idle_is_fatal:
            raise CutShortError(report_messages.REPEATED_ROWS(pages=idle))
        return idle >= max_idle
