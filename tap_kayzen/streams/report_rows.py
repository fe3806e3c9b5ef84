"""Rows of reports, day by day: what custom and saved reports have in common."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from singer_sdk.exceptions import ConfigurationError, FatalAPIError
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL

from tap_kayzen.reading.ahead import PagesAhead
from tap_kayzen.reading.keys import KeySet
from tap_kayzen.reading.paging import CutShortError, parse_raw
from tap_kayzen.reading.passes import MAX_PASSES, Pass
from tap_kayzen.reading.row_keys import RowKeys
from tap_kayzen.reading.windows import Bookmark, Window, cut
from tap_kayzen.records.converter import EXTRA
from tap_kayzen.reports.columns import DAY, KEY
from tap_kayzen.streams.base import KayzenStream

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from datetime import date

    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import Catalog

    from tap_kayzen.output.progress import Progress
    from tap_kayzen.reading.pages import Page
    from tap_kayzen.reading.paging import AnnouncedPaging, GuessedPaging, RawPage
    from tap_kayzen.reading.windows import Range

    Record = dict[str, Any]
    Part = tuple[Context | None, Window]

PATIENCE = 3
"""Pages in a row without a new row after which a window is not read any further."""

FINGERPRINT = "fingerprint"
"""The part of the state that says which report its bookmark is of."""


class Call(NamedTuple):
    """What one request asks for."""

    window: Window
    page: int


@dataclass
class Plan:
    """What a run reads for one partition.

    Attributes:
        first: The first day.
        end: The last day.
        windows: The days, cut into what is asked for at once.
        bookmark: Moves with the windows; None if the run keeps none.
    """

    first: date
    end: date
    windows: list[Window]
    bookmark: Bookmark | None


class ReportRowsStream(KayzenStream):
    """Rows of a report, read in windows of days.

    Windows are read ahead, `concurrency` requests at once and over all partitions, and
    come out in order, each followed by a STATE message; with several partitions, where
    it has as many records as there are partitions. Rows are never said to be
    gone: those of other days than a run reads are still true.

    Attributes:
        window_days: Days that are asked for at once; 0 for all.
        key_columns: Columns that keys are made of.
        way_out: What to do when Kayzen may not have given all rows.
        rows_schema: The JSON Schema of the rows.
    """

    primary_keys: ClassVar[tuple[str, ...]] = (KEY,)
    emit_activate_version_messages = False

    window_days: int
    key_columns: tuple[str, ...]
    way_out: ClassVar[str]
    rows_schema: dict[str, Any]

    _partitions = 1
    _unsaved = 0

    _told: set[str]
    _ahead: PagesAhead[Part]
    _plans: list[tuple[Context | None, Plan]]
    _progress: Progress

    @property
    def schema(self) -> dict[str, Any]:  # type: ignore[override]
        """The JSON Schema of the rows: no file's, as for other streams."""
        return self.rows_schema

    # What a subclass says

    @abstractmethod
    def paging(self) -> AnnouncedPaging | GuessedPaging:
        """Choose how the last page of a window is recognised."""

    @abstractmethod
    def range_of(self, context: Context | None) -> Range:
        """Say which days the settings ask for."""

    @abstractmethod
    def about(self, record: Record) -> dict[str, Any]:
        """Say what a row is about: whatever tells it from others, by column."""

    @property
    def fingerprint(self) -> dict[str, str]:
        """Tells this report from what it was before a change of the settings."""
        return {}

    def is_good(self, context: Context | None) -> bool:  # noqa: ARG002
        """Tell whether the bookmark of a partition may move."""
        return True

    def prepare(self, rows: list[Record], window: Window) -> None:
        """Change the rows that came, if need be, before they are converted."""

    def fetch_page(self, part: Part, number: int) -> RawPage:
        """Get one page of a window, with all retries; safe to call in several threads.

        Raises:
            FatalAPIError: Kayzen refused, or could not be read after all retries.
        """
        context, window = part
        what = f"{self.name}, {window}, page {number}"
        return self.fetch(Call(window, number), context, parse_raw, what=what)()

    # Reading

    def records(self, context: Context | None) -> Iterator[Record]:
        """Read the windows of a partition, and move its bookmark with each.

        Raises:
            FatalAPIError: Kayzen refused, or could not be read after all retries.
            ConfigurationError: The state is of no use.
        """
        if self.is_first(context):
            self._begin()
        planned, plan = self._plans.pop(0)
        if planned != context:
            msg = f"{self.name}: {planned} is not {context}"
            raise ValueError(msg)
        is_whole = True
        try:
            for window in plan.windows:
                is_whole = (yield from self._read(context, window)) and is_whole
                if is_whole and plan.bookmark and self.is_good(context):
                    self._move(plan.bookmark, window, plan.end, context)
                self._progress.advance(1)
        except BaseException:
            self._ahead.close()
            raise
        if not is_whole:
            self.logger.warning("The bookmark stays where it is")

    def _begin(self) -> None:
        """Plan the run, and begin to read ahead."""
        self._told = set()
        if self.partitions and "replication_key_value" in self.stream_state:
            self.logger.warning(
                "The state has a bookmark without an advertiser, from before "
                "`advertiser_ids` was set: all days are read anew, and rows that were "
                "loaded before stay beside the new ones; empty the table first"
            )
        self._plans = [(context, self._plan(context)) for context in self.contexts]
        parts = [
            (context, window)
            for context, plan in self._plans
            for window in plan.windows
        ]
        self._partitions = len(self._plans)
        self._tell_of_days(len(parts))
        self._progress = self._tap.display.stream(self.name)
        self._progress.begin(len(parts))
        self._ahead = self._pages_of(parts)

    def _plan(self, context: Context | None) -> Plan:
        days = self.range_of(context)
        bookmark = None
        first = days.start or days.default_start
        if self.replication_method == REPLICATION_INCREMENTAL and self.replication_key:
            state = self.get_context_state(context)
            bookmark = Bookmark(state, self.replication_key, self.name)
            first = bookmark.first_day(days)
            self._tell_of_change(bookmark, state, first)
        length = self.window_days or (days.end - first).days + 1
        windows = list(cut(first, days.end, max(length, 1)))
        # A connection test wants one row; the newest days are the likeliest to have it.
        if self.ABORT_AT_RECORD_COUNT is not None:
            windows = windows[-1:]
        return Plan(first, days.end, windows, bookmark)

    def _tell_of_days(self, windows: int) -> None:
        plans = [plan for _, plan in self._plans]
        first, end = min(each.first for each in plans), max(each.end for each in plans)
        if windows:
            days = Window(first, end)
            self.logger.info("Reading %s, in windows: %s", days, f"{windows:,}")
        else:
            words = "Nothing to read: the first day would be %s, the last one is %s"
            self.logger.info(words, first, end)

    def _tell_of_change(
        self, bookmark: Bookmark, state: dict[str, Any], first: date
    ) -> None:
        """Say what it means that the report is another one than that of the state."""
        before = state.get(FINGERPRINT)
        if bookmark.day is None or not isinstance(before, dict):
            return
        changed = [
            f"`{name}`"
            for name, mark in self.fingerprint.items()
            if before.get(name) != mark
        ]
        if changed:
            self._tell_once(
                "The report has changed (%s): rows of days before %s stay as they "
                "were loaded, and from that day on rows that the change left with "
                "another key stand beside the new ones. To load all days anew, empty "
                "the table and run once without the state, with `start_date` set",
                ", ".join(changed),
                first,
            )

    def _move(
        self, bookmark: Bookmark, window: Window, end: date, context: Context | None
    ) -> None:
        bookmark.move(window, end)
        self._unsaved += 1
        if self.fingerprint:
            self.get_context_state(context)[FINGERPRINT] = self.fingerprint
        self.state_manager.is_flushed = False
        # Records of BATCH files may not have been sent yet; the SDK sees to it. And a
        # STATE speaks of all partitions: if there are very many, it waits for as many
        # records, or there would be little else in the output.
        is_batch = self.get_batch_config(self.config) is not None
        if not is_batch and self._unsaved >= self._partitions - 1:
            self._unsaved = 0
            self._write_state_message()

    def _read(
        self, context: Context | None, window: Window
    ) -> Generator[Record, None, bool]:
        """Read a window, again if its rows moved between pages; each row goes out once.

        Returns:
            Whether all rows came that Kayzen spoke of.
        """
        keys = RowKeys()
        before = None
        for number in range(1, MAX_PASSES + 1):
            this = yield from self._read_once((context, window), keys, again=number > 1)
            is_so = this.tally == before and not this.changed
            if this.is_whole:
                break
            if is_so or number == MAX_PASSES:
                if this.changed or this.tally.is_short:
                    self.logger.warning("%s: %s, and there may be more", window, this)
                    return False
                self._tell_once(
                    "%s: rows that are the same in all columns came several times; one "
                    "of each is kept",
                    window,
                )
                break
            before = this.tally
            self.logger.info(
                "%s: the rows changed while they were read (%s, %d came twice): "
                "reading them again for what slipped through",
                window,
                this,
                this.repeated,
            )
        return True

    def _read_once(
        self, part: Part, keys: RowKeys, *, again: bool
    ) -> Generator[Record, None, Pass]:
        """Read a window from its start to its end."""
        context, window = part
        ahead = self._pages_of([part]) if again else self._ahead
        this = Pass(KeySet())
        idle = 0
        keys.begin()
        try:
            for raw in ahead.pages(part):
                page = self._page_of(raw, window)
                del raw
                this.note(page)
                this.tally.rows += len(page.records)
                keys.turn()
                self.prepare(page.records, window)
                records = self.to_records(page.records, context)
                self._check_days(records, window)
                for record in records:
                    key = keys.key(self.about(record), record)
                    if key is not None:
                        self._unsaved += 1
                        row = {KEY: key, **self._without_needed(record)}
                        row[KEY] = key
                        yield row
                is_idle = page.records and keys.different == this.tally.keys
                idle = idle + 1 if is_idle else 0
                this.tally.keys = keys.different
                self.on_page(page)
                self._check_patience(idle)
        except CutShortError as error:
            msg = f"{self.name}, {window}: {error}; {self.way_out}"
            raise CutShortError(msg) from error
        finally:
            if again:
                ahead.close()
        return this

    def _check_days(self, records: list[Record], window: Window) -> None:
        """Say it if Kayzen sends days that were not asked for."""
        first, last = str(window.first), str(window.last)
        for record in records:
            if (day := record.get(DAY)) and not first <= day <= last:
                self._tell_once(
                    "Kayzen sent a row of %s when asked for %s: rows may come several "
                    "times, and others never; compare a few days with the console",
                    day,
                    window,
                )
                return

    def _tell_once(self, message: str, *args: object) -> None:
        """Warn of something that is the same for the whole run."""
        if message not in self._told:
            self._told.add(message)
            self.logger.warning(message, *args)

    def _check_patience(self, idle: int) -> None:
        """Stop where Kayzen gives the same rows again and again.

        Raises:
            CutShortError: So many pages in a row have had no new row.
        """
        if idle >= PATIENCE:
            msg = (
                f"{idle} pages in a row have no new row: Kayzen seems to give the same "
                "ones again and again"
            )
            raise CutShortError(msg)

    def _pages_of(self, parts: list[Part]) -> PagesAhead[Part]:
        return PagesAhead(self.fetch_page, self.paging(), parts, self._tap.workers)

    def _page_of(self, raw: RawPage, window: Window) -> Page:
        try:
            return raw.read()
        except ValueError as error:
            msg = f"{self.name}, {window}: the rows cannot be read: {error}"
            raise FatalAPIError(msg) from error

    # Records

    @cached_property
    def needed(self) -> list[str]:
        """Columns that are not selected, but that keys are made of."""
        names = [*self.key_columns, EXTRA]
        return [name for name in names if not self.mask["properties", name]]

    def _without_needed(self, record: Record) -> Record:
        for name in self.needed:
            record.pop(name, None)
        return record

    # Bookmarks

    def apply_catalog(self, catalog: Catalog) -> None:
        """Take over what a catalog says.

        Raises:
            ConfigurationError: It asks for INCREMENTAL on something else than the day.
        """
        day = self.replication_key
        super().apply_catalog(catalog)
        if (
            self.selected
            and self.replication_method == REPLICATION_INCREMENTAL
            and (day is None or self.replication_key != day)
        ):
            choice = f"INCREMENTAL on `{day}`, or FULL_TABLE" if day else "FULL_TABLE"
            need = "" if day else ", as its `group_by` has neither `day` nor `hour`"
            msg = (
                f"{self.name}: the catalog asks for {self.replication_method} on "
                f"`{self.replication_key}`; this stream can be {choice}{need}"
            )
            raise ConfigurationError(msg)
        columns = self.effective_schema["properties"]
        missing = [name for name in self.key_columns if name not in columns]
        if self.selected and missing:
            msg = (
                f"{self.name}: the catalog lacks columns that keys are made of: "
                f"{', '.join(missing)}; deselect them, but leave them in the schema"
            )
            raise ConfigurationError(msg)

    def get_replication_key_signpost(
        self,
        context: Context | None = None,  # noqa: ARG002
    ) -> None:
        """Say that nothing bounds the bookmark: it moves with the windows alone."""
        return

    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Write nothing: it would stay in the state of a run that is cut short.

        Overridden since the SDK means it for streams that move their bookmarks record
        by record.
        """

    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        """Leave the bookmark where it is: it moves when a window is whole."""
