"""Prefetches the first pages of upcoming streams."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tap_kayzen.reading.ahead import PageBudget

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from tap_kayzen.reading.ahead import ReadAhead

MAX_AGE_SECONDS = 60.0
"""Age after which prefetched pages are discarded and fetched again.

Lists change over time. The limit must be well below `lists.MAX_CLOCK_SKEW`, because
the bookmark of an INCREMENTAL list is based on the start of its stream.
"""


class Upcoming(Protocol):
    """Interface of a stream whose pages can be prefetched."""

    name: str

    @property
    def selected(self) -> bool:
        """Whether the stream is selected."""

    @property
    def is_sampling(self) -> bool:
        """Whether one record of each stream is enough."""

    def prepare_read_ahead(self) -> tuple[list[Any], ReadAhead[Any]]:
        """Return the slices known in advance, and a read-ahead for them."""


class _Prefetched(NamedTuple):
    slices: list[Any]
    pages: ReadAhead[Any]
    since: float


class Lookahead:
    """Prefetches the first pages of upcoming streams, in the order of the sync.

    Together, they hold at most `concurrency - 1` pages. Records, states, and errors are
    still emitted when it is the stream's turn.
    """

    def __init__(
        self, streams: Callable[[], Iterable[Upcoming]], concurrency: int
    ) -> None:
        """Initialize the lookahead without fetching anything.

        Args:
            streams: Returns all streams of the tap in the order of the sync.
            concurrency: Maximum number of parallel requests.
        """
        self._streams = streams
        self._concurrency = concurrency
        self._prefetched: dict[str, _Prefetched] = {}

    @cached_property
    def _budget(self) -> PageBudget:
        # Created on first use, because the settings are validated after `__init__`.
        return PageBudget(self._concurrency - 1)

    def start(self, stream: Upcoming) -> None:
        """Prefetch pages for a stream that is starting, and for those after it."""
        if stream.is_sampling:
            return
        selected = [each for each in self._streams() if each.selected]
        is_known = stream in selected
        for each in selected[selected.index(stream) :] if is_known else ():
            self._prefetch(each)

    def _prefetch(self, stream: Upcoming) -> None:
        prefetched = self._prefetched.get(stream.name)
        # Errors are raised when the stream itself is read.
        with suppress(Exception):
            if prefetched is None:
                slices, pages = stream.prepare_read_ahead()
                prefetched = _Prefetched(slices, pages, time.monotonic())
                self._prefetched[stream.name] = prefetched
            prefetched.pages.prefetch(self._budget)

    @contextmanager
    def closing_on_error(self) -> Generator[None]:
        """Cancel all prefetching if the block does not complete."""
        is_over = False
        try:
            yield
            is_over = True
        finally:
            if not is_over:
                for prefetched in self._prefetched.values():
                    prefetched.pages.close()
                self._prefetched.clear()

    def take(self, stream: Upcoming, slices: list[Any]) -> ReadAhead[Any] | None:
        """Return the read-ahead of a stream, if it is recent and has these slices."""
        prefetched = self._prefetched.pop(stream.name, None)
        if prefetched is None:
            return None
        is_fresh = time.monotonic() - prefetched.since < MAX_AGE_SECONDS
        if is_fresh and prefetched.slices == slices:
            return prefetched.pages
        prefetched.pages.close()
        return None
