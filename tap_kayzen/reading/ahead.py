"""The read-ahead: fetches pages of many lists or windows, hands them on in order."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from tap_kayzen.api.throttle import Read
from tap_kayzen.reading.pages import FIRST_PAGE
from tap_kayzen.reading.paging import PagesSoFar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from tap_kayzen.api.workers import Workers
    from tap_kayzen.reading.pages import Page
    from tap_kayzen.reading.paging import Paging

Slice = TypeVar("Slice")

TRUSTED_LENGTH = 3 / 4
"""Fraction of the previous slice's pages that is requested without a sign of them."""


@dataclass
class _Chain(Generic[Slice]):
    """The pages of one slice.

    Attributes:
        requested: Number of pages requested.
        taken: Number of pages handed on.
        so_far: The pages that have been judged, from the first one on.
        last: Number of the last page, once it is known.
        arrived: Pages that wait to be taken, or the error instead of one.
        is_closed: Whether no page is wanted any more.
        read: Stops the requests for its pages.
    """

    slice: Slice
    requested: int = 0
    taken: int = 0
    so_far: PagesSoFar = field(default_factory=PagesSoFar)
    last: int | None = None
    arrived: dict[int, Page | BaseException] = field(default_factory=dict)
    is_closed: bool = False
    read: Read = field(default_factory=Read)

    def wants_page(self, usual: int) -> bool:
        """Return whether to request one more page."""
        if self.last is not None or self.is_closed:
            return False
        known = usual if self.so_far.total_pages is None else self.so_far.total_pages
        return self.requested < known or self.requested == self.so_far.pages


class Allowance:
    """A number of pages that may be held, shared by the streams to come."""

    def __init__(self, pages: int) -> None:
        """Start with all pages free."""
        self._free = pages
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take one page; return whether there was one."""
        with self._lock:
            if not self._free:
                return False
            self._free -= 1
            return True

    def give_back(self, pages: int) -> None:
        """Free pages."""
        with self._lock:
            self._free += pages


class PagesAhead(Generic[Slice]):
    """Fetches the pages of many slices ahead; they are taken in order.

    A slice is whatever is asked for in pages: a list, one advertiser's part of it, or a
    window of a report. Its number of pages shows only as they come, so several slices
    are fetched at once, the first one first. The next page of a slice is requested when
    the one before it has come, or sooner if there surely, or almost surely, is one.

    Pages that wait are undecoded. At any time `pages_per_worker` pages for each worker
    wait or are requested, or one more. Before the first page is taken, `begin` fetches
    as many as an `Allowance` grants.
    """

    def __init__(
        self,
        fetch: Callable[[Slice, int], Page],
        paging: Paging,
        slices: Iterable[Slice],
        workers: Workers,
    ) -> None:
        """Prepare; nothing is requested yet. The workers will call `fetch`."""
        self.paging = paging
        self._fetch = fetch
        self._slices = iter(slices)
        self._workers = workers
        self._max_pages = paging.pages_per_worker * workers.count
        self._in_flight = 0
        self._waiting = 0
        self._usual = 0
        self._chains: deque[_Chain[Slice]] = deque()
        self._allowance: Allowance | None = None
        self._granted = 0
        # Guards all of the above against the workers.
        self._changed = threading.Condition()

    def begin(self, allowance: Allowance) -> None:
        """Fetch the first pages, as many as an allowance grants now."""
        with self._changed:
            self._allowance = allowance
            self._fill()

    def _end_allowance(self) -> None:
        if self._allowance is not None:
            self._allowance.give_back(self._granted)
            self._allowance = None

    def close(self) -> None:
        """Request nothing more."""
        with self._changed:
            self._end_allowance()
            self._slices = iter(())
            for chain in self._chains:
                self._drop(chain)
            self._chains.clear()

    def pages(self, slice_: Slice, *, again: bool = False) -> Generator[Page]:
        """Take the pages of the next slice, or `again` those of the slice taken last.

        What fetching or judging a page raised is raised in its turn.
        """
        with self._changed:
            self._end_allowance()
            if again:
                self._chains.appendleft(_Chain(slice_))
            chain = self._first_chain(slice_)
            self._fill()
        try:
            number = FIRST_PAGE
            while (page := self._take(chain, number)) is not None:
                yield page
                # Else two pages would be in memory while the next one comes.
                del page
                number += 1
        finally:
            with self._changed:
                self._drop(chain)
                if self._chains and self._chains[0] is chain:
                    self._chains.popleft()

    def skip(self, slices: Iterable[Slice]) -> None:
        """Drop the next slices without taking their pages."""
        # All at once; otherwise, workers would request slices yet to be skipped.
        with self._changed:
            self._end_allowance()
            for slice_ in slices:
                self._drop(self._first_chain(slice_))
                self._chains.popleft()
            self._fill()

    def _first_chain(self, slice_: Slice) -> _Chain[Slice]:
        if not self._chains:
            self._chains.append(_Chain(next(self._slices)))
        chain = self._chains[0]
        if chain.slice != slice_:
            msg = f"{slice_} is not the next slice, {chain.slice} is"
            raise ValueError(msg)
        return chain

    def _drop(self, chain: _Chain[Slice]) -> None:
        """Forget the pages of a chain, and those that are still to come."""
        chain.is_closed = True
        self._workers.throttle.stop(chain.read)
        self._waiting -= len(chain.arrived)
        chain.arrived.clear()

    def _take(self, chain: _Chain[Slice], number: int) -> Page | None:
        """Wait for a page; None if the chain ends before it."""
        with self._changed:
            while number > chain.so_far.pages and chain.last is None:
                self._changed.wait()
            if chain.last is not None and number > chain.last:
                return None
            page = chain.arrived.pop(number)
            chain.taken = number
            self._waiting -= 1
            self._fill()
        if isinstance(page, BaseException):
            raise page
        return page

    def _fill(self) -> None:
        while self._in_flight < self._workers.count:
            chain = self._next_chain()
            if chain is None or not self._may_request():
                return
            chain.requested += 1
            self._in_flight += 1
            self._workers.submit(partial(self._work, chain, chain.requested))

    def _may_request(self) -> bool:
        if self._allowance is None:
            return True
        is_granted = self._allowance.take()
        self._granted += is_granted
        return is_granted

    def _next_chain(self) -> _Chain[Slice] | None:
        """Choose the slice of which a page is requested next."""
        is_room = self._in_flight + self._waiting < self._max_pages
        for index, chain in enumerate(self._chains):
            # Always fetch the page that the consumer waits for, even if the buffer is
            # full; nothing else makes room.
            is_awaited = index == 0 and chain.requested == chain.taken
            if chain.wants_page(self._usual) and (is_room or is_awaited):
                return chain
        if self._chains and not is_room:
            return None
        try:
            self._chains.append(_Chain(next(self._slices)))
        except StopIteration:
            return None
        return self._chains[-1]

    def _work(self, chain: _Chain[Slice], number: int) -> None:
        page: Page | BaseException | None = None
        try:
            if not chain.is_closed:
                with self._workers.throttle.of_read(chain.read):
                    page = self._fetch(chain.slice, number)
                if self.paging.compares_rows:
                    _ = page.digest
        except BaseException as error:  # noqa: BLE001
            page = error
        with self._changed:
            self._in_flight -= 1
            if page is not None and not chain.is_closed:
                self._waiting += 1
                chain.arrived[number] = page
                self._judge(chain)
            self._changed.notify_all()
            self._fill()

    def _judge(self, chain: _Chain[Slice]) -> None:
        """Judge what has come, in order, and drop what is beyond the end."""
        while chain.last is None:
            number = chain.so_far.pages + 1
            page = chain.arrived.get(number)
            if page is None:
                break
            if isinstance(page, BaseException):
                chain.last = number
                break
            try:
                chain.last = self.paging.judge(page, chain.so_far)
            except Exception as error:  # noqa: BLE001
                chain.arrived[number] = error
                chain.last = number
                break
            chain.so_far.add(page)
            if chain.last is not None and self.paging.guesses_length:
                self._usual = int(number * TRUSTED_LENGTH)
        if chain.last is not None:
            beyond = [number for number in chain.arrived if number > chain.last]
            for number in beyond:
                del chain.arrived[number]
            self._waiting -= len(beyond)
