"""The first pages of the streams to come, fetched while another stream is read."""

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
"""Time after which pages that were fetched ahead are fetched again.

Lists change, and the bookmark of an INCREMENTAL list counts from the start of its
stream, less five minutes.
"""


class Upcoming(Protocol):
    """What a stream has to offer."""

    name: str

    @property
    def selected(self) -> bool:
        """Whether the run reads the stream."""

    @property
    def is_sampling(self) -> bool:
        """Whether one record of each stream is enough."""

    def prepare_read_ahead(self) -> tuple[list[Any], ReadAhead[Any]]:
        """Return the slices of the stream, and a read-ahead of them."""


class _Begun(NamedTuple):
    slices: list[Any]
    pages: ReadAhead[Any]
    since: float


class Lookahead:
    """Has the streams to come fetch their first pages, in the order of the run.

    Together they hold up to `concurrency` pages less one. Rows, states, and errors of a
    stream still come out in its turn.
    """

    def __init__(
        self, streams: Callable[[], Iterable[Upcoming]], concurrency: int
    ) -> None:
        """Prepare; `streams` returns all streams of the tap in the order of a run."""
        self._streams = streams
        self._concurrency = concurrency
        self._begun: dict[str, _Begun] = {}

    @cached_property
    def _allowance(self) -> PageBudget:
        # Not before the settings are known to be sound.
        return PageBudget(self._concurrency - 1)

    def enter(self, stream: Upcoming) -> None:
        """Fetch pages for a stream whose turn has come, and for those after it."""
        if stream.is_sampling:
            return
        selected = [each for each in self._streams() if each.selected]
        is_known = stream in selected
        for each in selected[selected.index(stream) :] if is_known else ():
            self._begin(each)

    def _begin(self, stream: Upcoming) -> None:
        begun = self._begun.get(stream.name)
        # What is wrong with a stream is raised when its turn comes.
        with suppress(Exception):
            if begun is None:
                slices, pages = stream.prepare_read_ahead()
                begun = _Begun(slices, pages, time.monotonic())
                self._begun[stream.name] = begun
            begun.pages.prefetch(self._allowance)

    @contextmanager
    def closing_after_an_error(self) -> Generator[None]:
        """Request nothing more if the run ends within, whatever ends it."""
        is_over = False
        try:
            yield
            is_over = True
        finally:
            if not is_over:
                for begun in self._begun.values():
                    begun.pages.close()
                self._begun.clear()

    def taken(self, stream: Upcoming, slices: list[Any]) -> ReadAhead[Any] | None:
        """Return the read-ahead of a stream, if it is fresh and of the same slices."""
        begun = self._begun.pop(stream.name, None)
        if begun is None:
            return None
        is_fresh = time.monotonic() - begun.since < MAX_AGE_SECONDS
        if is_fresh and begun.slices == slices:
            return begun.pages
        begun.pages.close()
        return None
