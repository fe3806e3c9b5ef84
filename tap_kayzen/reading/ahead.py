"""Read-ahead: fetches pages of many slices in parallel, delivers them in order."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from tap_kayzen.api.throttle import Read
from tap_kayzen.reading.pages import FIRST_PAGE
from tap_kayzen.reading.paging import PageTally

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from tap_kayzen.api.workers import Workers
    from tap_kayzen.reading.pages import Page
    from tap_kayzen.reading.paging import Paging

Slice = TypeVar("Slice")

SPECULATIVE_FRACTION = 3 / 4
"""Fraction of the previous window's pages to request before the first response.

Less than 1, because windows differ in length and pages beyond the end are wasted.
"""


@dataclass
class _SliceBuffer(Generic[Slice]):
    """Buffered pages of one slice.

    Attributes:
        slice: The slice that the pages belong to.
        requested: Number of pages requested.
        taken: Number of pages delivered to the consumer.
        so_far: Running totals of the pages checked for the end of the slice.
        last: Number of the last page; None until it is known.
        arrived: Fetched pages by number, or the error that was raised instead.
        is_closed: Whether the consumer needs no more pages.
        read: Handle for canceling the requests.
    """

    slice: Slice
    requested: int = 0
    taken: int = 0
    so_far: PageTally = field(default_factory=PageTally)
    last: int | None = None
    arrived: dict[int, Page | BaseException] = field(default_factory=dict)
    is_closed: bool = False
    read: Read = field(default_factory=Read)

    def needs_request(self, expected_pages: int) -> bool:
        """Return whether to request another page."""
        if self.last is not None or self.is_closed:
            return False
        announced = self.so_far.total_pages
        known = expected_pages if announced is None else announced
        return self.requested < known or self.requested == self.so_far.pages


class PageBudget:
    """Maximum number of prefetched pages, shared by all upcoming streams."""

    def __init__(self, pages: int) -> None:
        """Initialize the budget with this number of pages."""
        self._free = pages
        self._lock = threading.Lock()

    def acquire(self) -> bool:
        """Reserve one page; return False if the budget is used up."""
        with self._lock:
            if not self._free:
                return False
            self._free -= 1
            return True

    def release(self, pages: int) -> None:
        """Return pages to the budget."""
        with self._lock:
            self._free += pages


class ReadAhead(Generic[Slice]):
    """Fetches pages of many slices in parallel and delivers them in order.

    A slice is anything that is requested in pages: a list, one advertiser's rows of a
    list, or a window of a report. How many pages a slice has is unknown until they
    arrive, so several slices are fetched at once, earlier slices first. The next page
    of a slice is requested when the previous one has arrived, or sooner if
    ``total_pages`` or the length of the previous window suggests that it exists.

    Buffered pages stay undecoded. At most `Paging.pages_per_worker` pages per worker
    are buffered or in flight, plus one. Before the consumer takes its first page,
    `prefetch` fetches as many pages as its `PageBudget` allows.
    """

    def __init__(
        self,
        fetch: Callable[[Slice, int], Page],
        paging: Paging,
        slices: Iterable[Slice],
        workers: Workers,
    ) -> None:
        """Initialize the read-ahead without requesting anything.

        Args:
            fetch: Fetches a page of a slice by its number; called in the workers.
            paging: Finds the last page of a slice.
            slices: The slices, in the order in which the consumer reads them.
            workers: Threads that run the requests.
        """
        self.paging = paging
        self._fetch = fetch
        self._slices = iter(slices)
        self._workers = workers
        self._max_pages = paging.pages_per_worker * workers.count
        self._in_flight = 0
        self._waiting = 0
        self._expected_pages = 0
        self._buffers: deque[_SliceBuffer[Slice]] = deque()
        self._budget: PageBudget | None = None
        self._acquired = 0
        # Guards all attributes above, which the workers change.
        self._changed = threading.Condition()

    def prefetch(self, budget: PageBudget) -> None:
        """Fetch the first pages, as many as the budget currently allows."""
        with self._changed:
            self._budget = budget
            self._submit_requests()

    def _release_budget(self) -> None:
        if self._budget is not None:
            self._budget.release(self._acquired)
            self._budget = None

    def close(self) -> None:
        """Cancel outstanding requests and send no more."""
        with self._changed:
            self._release_budget()
            self._slices = iter(())
            for buffer in self._buffers:
                self._drop(buffer)
            self._buffers.clear()

    def pages(self, slice_: Slice, *, again: bool = False) -> Generator[Page]:
        """Yield the pages of the next slice in order.

        Args:
            slice_: The next slice, or the latest one with `again`.
            again: Whether to fetch the latest slice again.

        Raises:
            ValueError: A different slice is next.
            Exception: A page could not be fetched, raised in place of that page.
        """
        with self._changed:
            self._release_budget()
            if again:
                self._buffers.appendleft(_SliceBuffer(slice_))
            buffer = self._first_buffer(slice_)
            self._submit_requests()
        try:
            number = FIRST_PAGE
            while (page := self._take(buffer, number)) is not None:
                yield page
                # Release the page before waiting for the next one.
                del page
                number += 1
        finally:
            with self._changed:
                self._drop(buffer)
                if self._buffers and self._buffers[0] is buffer:
                    self._buffers.popleft()

    def skip(self, slices: Iterable[Slice]) -> None:
        """Skip the next slices without delivering their pages."""
        # All at once; otherwise, workers would request slices yet to be skipped.
        with self._changed:
            self._release_budget()
            for slice_ in slices:
                self._drop(self._first_buffer(slice_))
                self._buffers.popleft()
            self._submit_requests()

    def _first_buffer(self, slice_: Slice) -> _SliceBuffer[Slice]:
        if not self._buffers:
            self._buffers.append(_SliceBuffer(next(self._slices)))
        buffer = self._buffers[0]
        if buffer.slice != slice_:
            msg = f"{slice_} is not the next slice, {buffer.slice} is"
            raise ValueError(msg)
        return buffer

    def _drop(self, buffer: _SliceBuffer[Slice]) -> None:
        """Discard the pages of a buffer and cancel its requests."""
        buffer.is_closed = True
        self._workers.throttle.stop(buffer.read)
        self._waiting -= len(buffer.arrived)
        buffer.arrived.clear()

    def _take(self, buffer: _SliceBuffer[Slice], number: int) -> Page | None:
        """Wait for a page and return it; None if it is beyond the last one."""
        with self._changed:
            while number > buffer.so_far.pages and buffer.last is None:
                self._changed.wait()
            if buffer.last is not None and number > buffer.last:
                return None
            page = buffer.arrived.pop(number)
            buffer.taken = number
            self._waiting -= 1
            self._submit_requests()
        if isinstance(page, BaseException):
            raise page
        return page

    def _submit_requests(self) -> None:
        while self._in_flight < self._workers.count:
            buffer = self._next_buffer()
            if buffer is None or not self._may_request():
                return
            buffer.requested += 1
            self._in_flight += 1
            self._workers.submit(partial(self._fetch_page, buffer, buffer.requested))

    def _may_request(self) -> bool:
        if self._budget is None:
            return True
        is_acquired = self._budget.acquire()
        self._acquired += is_acquired
        return is_acquired

    def _next_buffer(self) -> _SliceBuffer[Slice] | None:
        """Return the buffer to request the next page for; None if there is none."""
        is_room = self._in_flight + self._waiting < self._max_pages
        for index, buffer in enumerate(self._buffers):
            # Always fetch the page the consumer is blocked on, even if all buffers are
            # full; otherwise deadlock.
            is_awaited = index == 0 and buffer.requested == buffer.taken
            if buffer.needs_request(self._expected_pages) and (is_room or is_awaited):
                return buffer
        if self._buffers and not is_room:
            return None
        try:
            self._buffers.append(_SliceBuffer(next(self._slices)))
        except StopIteration:
            return None
        return self._buffers[-1]

    def _fetch_page(self, buffer: _SliceBuffer[Slice], number: int) -> None:
        page: Page | BaseException | None = None
        try:
            if not buffer.is_closed:
                with self._workers.throttle.assigned_to(buffer.read):
                    page = self._fetch(buffer.slice, number)
                if self.paging.compares_rows:
                    _ = page.digest
        # In a worker: the reader raises it when it comes to this page.
        except BaseException as error:  # noqa: BLE001
            page = error
        with self._changed:
            self._in_flight -= 1
            if page is not None and not buffer.is_closed:
                self._waiting += 1
                buffer.arrived[number] = page
                self._check_for_end(buffer)
            self._changed.notify_all()
            self._submit_requests()

    def _check_for_end(self, buffer: _SliceBuffer[Slice]) -> None:
        """Look for the last page among those received; discard pages beyond it."""
        while buffer.last is None:
            number = buffer.so_far.pages + 1
            page = buffer.arrived.get(number)
            if page is None:
                break
            if isinstance(page, BaseException):
                buffer.last = number
                break
            try:
                buffer.last = self.paging.find_last(page, buffer.so_far)
            # Raised when the reader comes to this page, like an error of its request.
            except Exception as error:  # noqa: BLE001
                buffer.arrived[number] = error
                buffer.last = number
                break
            buffer.so_far.add(page)
            if buffer.last is not None and self.paging.guesses_length:
                self._expected_pages = int(number * SPECULATIVE_FRACTION)
        if buffer.last is not None:
            beyond = [number for number in buffer.arrived if number > buffer.last]
            for number in beyond:
                del buffer.arrived[number]
            self._waiting -= len(beyond)
