"""Reading whole lists: every row that is there throughout, and each key once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_kayzen.api.workers import ReadAhead
from tap_kayzen.output.progress import Unseen
from tap_kayzen.reading.keys import KeySet
from tap_kayzen.reading.pages import FIRST_PAGE, Tally, read_pages

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from singer_sdk.helpers.types import Context

    from tap_kayzen.api.workers import Workers
    from tap_kayzen.output.progress import Progress
    from tap_kayzen.reading.keys import Key
    from tap_kayzen.reading.pages import Page, UnreadPage

    Record = dict[str, Any]

MAX_PASSES = 5
"""How often a list that keeps changing is read from the start, at most."""


@dataclass
class Pass:
    """What was seen in reading a list once from start to end.

    Attributes:
        keys: Keys of this pass.
        tally: Their number, and that of the rows.
        lengths: The different lengths, in pages and rows, that the pages spoke of.
    """

    keys: KeySet
    tally: Tally = field(default_factory=Tally)
    lengths: set[tuple[int | None, int | None]] = field(default_factory=set)

    def note(self, page: Page) -> None:
        """Take note of what a page says of the list's length."""
        if page.total_pages is not None or page.total_entries is not None:
            self.lengths.add((page.total_pages, page.total_entries))
        if page.total_entries is not None:
            self.tally.announced = page.total_entries

    @property
    def repeated(self) -> int:
        """Rows whose key had come on an earlier page."""
        return self.tally.rows - self.tally.keys

    @property
    def changed(self) -> bool:
        """Whether the list became longer or shorter meanwhile."""
        return len(self.lengths) > 1

    @property
    def is_silent(self) -> bool:
        """Whether nothing came, and nothing says that there is nothing."""
        return not self.tally.rows and self.tally.announced is None

    @property
    def is_whole(self) -> bool:
        """Whether no row seems to have slipped from one page to another."""
        return not (self.repeated or self.changed or self.tally.is_short)

    def __str__(self) -> str:
        """Say what came."""
        announced = self.tally.announced
        total = f" of {announced:,}" if announced is not None else ""
        return f"{self.tally.keys:,}{total} records came"


class ListReader:
    """Reads the lists of one stream, one for each context, in a single run.

    Kayzen's pages are cut out of a list that may change meanwhile: then rows slip
    from one page to another, and come twice or not at all. That shows by a total
    that changes, a key that comes twice, or fewer rows than announced; the list is
    then read again for what is missing, until a pass shows none of it.

    Attributes:
        incomplete: What could not be read whole, in words.
    """

    def __init__(  # noqa: PLR0913
        self,
        *,
        fetch: Callable[[Context | None, int], UnreadPage],
        convert: Callable[[Page, Context | None], tuple[list[Key], list[Record]]],
        contexts: Sequence[Context],
        workers: Workers,
        on_page: Callable[[Page], None],
        progress: Progress,
        logger: logging.Logger,
    ) -> None:
        """Prepare; nothing is fetched yet.

        Args:
            fetch: Gets a page, by context and number.
            convert: Makes the records of a page, and their keys.
            contexts: The contexts that `read` will be called with, in this order, if
                there are any; their first pages are fetched ahead.
            workers: Who fetches.
            on_page: Called when a page is done with, before waiting for the next.
            progress: Is told how far the reading is.
            logger: Is told when a list has to be read again.
        """
        self._fetch = fetch
        self._convert = convert
        self._workers = workers
        self._on_page = on_page
        self._progress = self._of_lists = progress
        self._logger = logger
        self._emitted = KeySet()
        self._unread = list(contexts)
        # First pages of lists to come, and pages of the one that is read, share what
        # may be in memory.
        firsts = workers.count // 2 if len(contexts) > 1 else 0
        self._most = max(1, workers.count - firsts)
        self._first_pages = iter(
            ReadAhead(
                lambda each: fetch(each, FIRST_PAGE), contexts, workers, firsts or 1
            )
        )
        self.incomplete: list[str] = []

    def read_all(self, contexts: Iterable[Context], count: int) -> Iterator[Record]:
        """Read many short lists, their first pages fetched ahead.

        Each key goes out once a list, so that no key is remembered for longer.

        Args:
            contexts: One for each list.
            count: How many there are.

        Raises:
            Exception: What `fetch` and `convert` raise.
        """

        def fetch_first(context: Context) -> tuple[Context, UnreadPage]:
            return context, self._fetch(context, FIRST_PAGE)

        # Lists are counted here, not rows: of those no number is known beforehand.
        progress, self._progress = self._of_lists, Unseen(self._of_lists.name)
        progress.begin(count)
        self._most = 1
        most = max(1, self._workers.count - 1)
        for context, first in ReadAhead(fetch_first, contexts, self._workers, most):
            self._emitted = KeySet()
            yield from self.read(context, first)
            progress.advance(1)

    def read(
        self, context: Context | None, first: UnreadPage | None = None
    ) -> Iterator[Record]:
        """Read one context's list and yield its records, each key once in a run.

        Args:
            context: One of those that the reader was made for, in their order, or
                another one.
            first: The first page, if it has been fetched already.

        Raises:
            Exception: What `fetch` and `convert` raise.
        """
        before = None
        for number in range(1, MAX_PASSES + 1):
            this = yield from self._read_once(
                context, first or self._first_page(context)
            )
            first = None
            # The same twice: not a list that changes, but one that is so.
            is_so = this.tally == before and not this.changed
            is_last = number == MAX_PASSES or is_so
            if this.is_silent or (is_last and (this.changed or this.tally.is_short)):
                self.incomplete.append(str(this))
                self._logger.warning("%s, and there may be more", this)
            if this.is_whole or is_last:
                return
            before = this.tally
            self._logger.info(
                "The list changed while it was read (%s, %d came twice): reading it "
                "again for what slipped through",
                this,
                this.repeated,
            )

    def _read_once(
        self, context: Context | None, unread: UnreadPage
    ) -> Generator[Record, None, Pass]:
        def fetch(number: int) -> UnreadPage:
            return self._fetch(context, number)

        first = unread()
        del unread
        # The first pass needs no second set: what is new to it is new to the run.
        this = Pass(KeySet() if self._emitted else self._emitted)
        self._progress.begin(first.total_entries)
        pages = read_pages(
            fetch, self._workers, this.tally, first=first, most=self._most
        )
        del first
        for page in pages:
            this.note(page)
            yield from self._new_records(page, this, context)
            self._on_page(page)
            self._progress.advance(len(page.records))
            # Else two pages would be in memory while the next one comes.
            del page
        return this

    def _new_records(
        self, page: Page, this: Pass, context: Context | None
    ) -> Iterator[Record]:
        keys, records = self._convert(page, context)
        is_new_now = this.keys.add
        is_new = self._emitted.add if this.keys is not self._emitted else None
        this.tally.rows += len(records)
        for key, record in zip(keys, records, strict=True):
            if is_new_now(key):
                this.tally.keys += 1
                if is_new is None or is_new(key):
                    yield record

    def _first_page(self, context: Context | None) -> UnreadPage:
        """Get a first page; the one that was fetched ahead serves the first pass."""
        if self._unread[:1] != [context]:
            return self._fetch(context, FIRST_PAGE)
        del self._unread[0]
        return next(self._first_pages)
