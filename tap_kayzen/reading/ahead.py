"""Reading the pages of many parts ahead, while they are taken in order."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from tap_kayzen.reading.pages import FIRST_PAGE
from tap_kayzen.reading.paging import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_kayzen.api.workers import Workers
    from tap_kayzen.reading.paging import AnnouncedPaging, GuessedPaging, RawPage

Part = TypeVar("Part")

TRUSTED = 3 / 4
"""Part of the usual number of pages that is asked for without a sign of it."""


@dataclass
class _Chain(Generic[Part]):
    """The pages of one part.

    Attributes:
        part: The part.
        asked: How many have been asked for.
        taken: How many have been handed on.
        so_far: What has been looked at, from the first one on.
        last: The number of the last one, once it is known.
        announced: How many the newest one speaks of.
        arrived: Those that wait to be taken, or what went wrong with one.
    """

    part: Part
    asked: int = 0
    taken: int = 0
    so_far: Progress = field(default_factory=Progress)
    last: int | None = None
    announced: int | None = None
    arrived: dict[int, RawPage | BaseException] = field(default_factory=dict)

    def wants(self, usual: int) -> bool:
        """Tell whether one more page should be asked for."""
        if self.last is not None:
            return False
        known = usual if self.announced is None else self.announced
        return self.asked < known or self.asked == self.so_far.pages


class PagesAhead(Generic[Part]):
    """Reads the pages of many parts ahead; they are taken in order.

    A part is whatever is asked for in pages, such as a window of days. How many pages
    it has shows only as they come, so that several parts are read at once, the first
    one first. The next page of a part is asked for when the one before it has come,
    or sooner if there is surely, or almost surely, one.

    What has come waits as bytes; there are never more than twice as many pages as
    workers waiting or asked for, or one more.
    """

    def __init__(
        self,
        fetch: Callable[[Part, int], RawPage],
        paging: AnnouncedPaging | GuessedPaging,
        parts: Iterable[Part],
        workers: Workers,
    ) -> None:
        """Prepare; nothing is asked for yet.

        Args:
            fetch: Gets a page of a part, by its number; called in the workers.
            paging: Recognises the last page.
            parts: What is to be read.
            workers: Who reads ahead.
        """
        self._fetch = fetch
        self._paging = paging
        self._parts = iter(parts)
        self._workers = workers
        self._most = 2 * workers.count
        self._flying = 0
        self._waiting = 0
        self._usual = 0
        self._chains: deque[_Chain[Part]] = deque()
        # Guards all of the above against the workers.
        self._change = threading.Condition()

    def close(self) -> None:
        """Ask for nothing more."""
        with self._change:
            self._parts = iter(())
            self._chains.clear()

    def pages(self, part: Part) -> Iterator[RawPage]:
        """Take the pages of the next part.

        Args:
            part: That part: they must be taken in the order given.

        Yields:
            The pages.

        Raises:
            Exception: What getting a page, or judging it, raised.
        """
        with self._change:
            if not self._chains:
                self._chains.append(_Chain(next(self._parts)))
            chain = self._chains[0]
            self._fill()
        if chain.part != part:
            msg = f"{part} is not the next part, {chain.part} is"
            raise ValueError(msg)
        number = FIRST_PAGE
        while (page := self._take(chain, number)) is not None:
            yield page
            # Else it would stay in memory while the next one comes.
            del page
            number += 1
        with self._change:
            self._chains.popleft()

    def _take(self, chain: _Chain[Part], number: int) -> RawPage | None:
        """Wait for a page; None if there is no such."""
        with self._change:
            while number > chain.so_far.pages and chain.last is None:
                self._change.wait()
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
        while self._flying < self._workers.count:
            chain = self._next()
            if chain is None:
                return
            chain.asked += 1
            self._flying += 1
            self._workers.submit(partial(self._work, chain, chain.asked))

    def _next(self) -> _Chain[Part] | None:
        """Choose the part of which a page is to be asked for."""
        is_room = self._flying + self._waiting < self._most
        for index, chain in enumerate(self._chains):
            # Whoever waits for the first one must not wait for ever: nothing else
            # makes room.
            is_awaited = index == 0 and chain.asked == chain.taken
            if chain.wants(self._usual) and (is_room or is_awaited):
                return chain
        if self._chains and not is_room:
            return None
        try:
            self._chains.append(_Chain(next(self._parts)))
        except StopIteration:
            return None
        return self._chains[-1]

    def _work(self, chain: _Chain[Part], number: int) -> None:
        page: RawPage | BaseException
        try:
            page = self._fetch(chain.part, number)
        except BaseException as error:  # noqa: BLE001
            page = error
        with self._change:
            self._flying -= 1
            self._waiting += 1
            chain.arrived[number] = page
            self._judge(chain)
            self._fill()
            self._change.notify_all()

    def _judge(self, chain: _Chain[Part]) -> None:
        """Look at what has come, in order, and drop what is beyond the end."""
        while chain.last is None:
            number = chain.so_far.pages + 1
            page = chain.arrived.get(number)
            if page is None:
                break
            if isinstance(page, BaseException):
                chain.last = number
                break
            try:
                self._look(chain, page, number)
            except Exception as error:  # noqa: BLE001
                chain.arrived[number] = error
                chain.last = number
        if chain.last is not None:
            beyond = [number for number in chain.arrived if number > chain.last]
            for number in beyond:
                del chain.arrived[number]
            self._waiting -= len(beyond)

    def _look(self, chain: _Chain[Part], page: RawPage, number: int) -> None:
        if self._paging.is_last(page, chain.so_far):
            # One that repeats another only says that the one before was the last.
            repeats = chain.so_far.has(page)
            chain.last = number - 1 if repeats else number
            self._usual = int(number * TRUSTED)
        chain.announced = page.total_pages
        chain.so_far.advance(page)
