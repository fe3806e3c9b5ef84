"""Base class of report streams."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.exceptions import ConfigurationError

from tap_kayzen.messages import (
    report_messages,
    selection_messages,
    stream_messages,
)
from tap_kayzen.reading.bookmarks import Bookmark, Plan
from tap_kayzen.reading.keys import KEY, RowKeys
from tap_kayzen.reading.windows import Window, split_into_windows
from tap_kayzen.records.converter import EXTRA
from tap_kayzen.records.examples import example
from tap_kayzen.reports.columns import DAY
from tap_kayzen.streams.base import KayzenStream
from tap_kayzen.streams.report_state import (
    FINGERPRINT,
    warn_of_change,
    warn_of_unused,
)
from tap_kayzen.streams.requesting import Slice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import Catalog

    from tap_kayzen.output.progress import Progress
    from tap_kayzen.reading.keys import Record
    from tap_kayzen.reading.passes import Reader
    from tap_kayzen.reading.windows import DateRange

MAX_ROW_CHARS = 200
"""Maximum length of a row in a warning."""


class ReportRowsStream(KayzenStream):
    """Base class of streams that read a report in windows of days.

    Windows of all partitions are read ahead and emitted in order. ACTIVATE_VERSION is
    never sent, because rows of days outside the sync stay valid.

    Attributes:
        window_days: Number of days per request; 0 for the whole range.
        key_columns: Columns that the key is derived from.
        incomplete_hint: What the user can do if Kayzen may not have returned all rows.
        rows_schema: JSON Schema of the rows.
        fingerprint: Hashes of the report definition, to detect changes.
    """

    primary_keys: ClassVar[tuple[str, ...]] = (KEY,)
    emit_activate_version_messages = False

    window_days: int
    key_columns: tuple[str, ...]
    incomplete_hint: ClassVar[str]
    rows_schema: dict[str, Any]
    fingerprint: dict[str, str]

    @property
    def schema(self) -> dict[str, Any]:  # type: ignore[override]
        """JSON Schema of the rows, which is not read from a file."""
        return self.rows_schema

    # To be implemented by subclasses

    @abstractmethod
    def date_range(self, context: Context | None) -> DateRange:
        """Return the configured date range of a partition."""

    @abstractmethod
    def key_values(self, record: Record) -> dict[str, Any]:
        """Return the values that identify a row, by column."""

    def can_advance_bookmark(self, context: Context | None) -> bool:  # noqa: ARG002
        """Return whether the bookmark of a partition may advance."""
        return True

    # Reading

    def read(self, contexts: list[Context | None]) -> Iterator[Record]:
        """Yield the rows of each partition, advancing bookmarks window by window."""
        if contexts != [None] and "replication_key_value" in self.stream_state:
            self.logger.warning(report_messages.BOOKMARK_WITHOUT_ADVERTISER())
        plans = []
        for context in contexts:
            with self.isolated(context):
                plans.append(self._plan(context))
        slices = [Slice(plan.context, each) for plan in plans for each in plan.windows]
        self._log_days(plans, len(slices))
        progress = self.display.stream(self.name, "windows")
        progress.expect(len(slices))
        ahead = self.lookahead.take(self, slices)
        reader = self.reader(
            slices, ahead, hint=self.incomplete_hint, may_be_empty=True
        )
        # A STATE contains all partitions. With many partitions, write it less often, or
        # STATE messages would dominate the output.
        self._rows_per_state = len(plans) - 1
        self._unsaved = 0
        with closing(reader):
            for plan in plans:
                windows = iter(plan.windows)
                with self.isolated(plan.context):
                    yield from self._read_windows(plan, windows, reader, progress)
                left = [Slice(plan.context, window) for window in windows]
                reader.skip(left)
                progress.advance(len(left))

    def _read_windows(
        self,
        plan: Plan,
        windows: Iterator[Window],
        reader: Reader[Slice],
        progress: Progress,
    ) -> Iterator[Record]:
        """Yield the rows of a partition, advancing its bookmark after each window."""
        is_complete = True
        for window in windows:
            for record in reader.read(Slice(plan.context, window)):
                self._unsaved += 1
                for name in self.required_columns:
                    record.pop(name, None)
                yield record
            is_complete &= self._is_complete(reader, window)
            if is_complete and self._advance(plan, window):
                self._unsaved += 1
                if self._unsaved >= self._rows_per_state:
                    self._unsaved = 0
                    self._write_state(plan.context)
            progress.advance(1)
        if not is_complete:
            self.logger.warning(stream_messages.BOOKMARK_KEPT())

    def label(self, slice_: Slice) -> str:
        """Return the name of a window for messages."""
        return f"{super().label(slice_)}, {slice_.window}"

    @property
    def identifying_columns(self) -> tuple[str, ...]:
        """Columns that identify a row in warnings, instead of the hash in `KEY`."""
        return self.key_columns

    def hint_for(self, slice_: Slice) -> str:
        """Return what the user can do if Kayzen rejects a request for a window."""
        return f"{self.hint}; {report_messages.DAYS_DELETED(days=slice_.window)}"

    def warn_of_totals(self, totals: list[Record]) -> None:
        """Log a warning about totals that were removed."""
        for row in totals:
            columns = self.converter.columns
            known = {
                name: value
                for name, value in row.items()
                if name in columns and value is not None
            }
            self.warn_once(
                report_messages.TOTALS_LEFT_OUT, row=example(known, MAX_ROW_CHARS)
            )

    def keys(self, slice_: Slice) -> RowKeys:  # noqa: ARG002
        """Return a new `RowKeys` object for a window."""
        return RowKeys(self.key_values)

    def check(self, records: list[Record], slice_: Slice) -> None:
        """Log a warning if Kayzen returns days outside the window."""
        first, last = slice_.days
        for record in records:
            if (day := record.get(DAY)) and not first <= day <= last:
                self.warn_once(report_messages.OTHER_DAY, day=day, days=slice_.window)
                return

    def _is_complete(self, reader: Reader[Slice], window: Window) -> bool:
        """Return whether the latest window is complete; warn about duplicates."""
        is_complete = reader.last_pass.is_complete
        if is_complete and reader.last_pass.repeated:
            self.warn_once(report_messages.IDENTICAL_ROWS, days=window)
        return is_complete

    # Plans

    def _plan(self, context: Context | None) -> Plan:
        state = self.get_context_state(context)
        plan = self._plan_from(context, state)
        if plan.bookmark:
            warn_of_unused(plan, self.logger)
            if plan.bookmark.day:
                before = state.get(FINGERPRINT)
                warn_of_change(before, self.fingerprint, plan.first, self.warn_once)
        return plan

    def _plan_from(self, context: Context | None, state: dict[str, Any]) -> Plan:
        days = self.date_range(context)
        first = days.start or days.default_start
        bookmark = None
        if self.is_incremental:
            bookmark = Bookmark(state, str(self.replication_key), self.name)
            first = bookmark.first_day(days)
        length = self.window_days or (days.end - first).days + 1
        windows = list(split_into_windows(first, days.end, max(length, 1)))
        # One record is enough, and the latest days are the most likely to have one.
        windows = windows[-1:] if self.is_sampling else windows
        return Plan(context, first, days.end, windows, bookmark)

    def _log_days(self, plans: list[Plan], windows: int) -> None:
        if not plans:
            return
        first, end = min(each.first for each in plans), max(each.end for each in plans)
        if windows:
            days = Window(first, end)
            self.logger.info("Reading %s (windows: %s)", days, f"{windows:,}")
        else:
            self.logger.info(report_messages.NOTHING_TO_READ(first=first, last=end))

    # Records

    @cached_property
    def required_columns(self) -> list[str]:
        """Columns that the key is derived from, but that are not selected."""
        names = [*self.key_columns, EXTRA]
        return [name for name in names if not self.mask["properties", name]]

    # Bookmarks

    def _advance(self, plan: Plan, window: Window) -> bool:
        """Advance the bookmark past a window; return whether it was advanced."""
        if plan.bookmark is None or not self.can_advance_bookmark(plan.context):
            return False
        plan.bookmark.advance(window, plan.end)
        if self.fingerprint:
            self.get_context_state(plan.context)[FINGERPRINT] = self.fingerprint
        self.state_manager.is_flushed = False
        return True

    def _write_state(self, context: Context | None) -> None:
        """Write a STATE message, unless records are written to BATCH files."""
        # The records may not be in a BATCH file yet; the SDK writes the STATE then.
        if not self.writes_batches:
            self.finalize_state_progress_markers(self.get_context_state(context))

    def get_replication_key_signpost(
        self,
        context: Context | None = None,  # noqa: ARG002
    ) -> None:
        """Return None, because the bookmark advances only with the windows."""
        return

    def apply_catalog(self, catalog: Catalog) -> None:
        """Apply a catalog; reject other replication keys and missing key columns."""
        day = self.replication_key
        super().apply_catalog(catalog)
        if not self.selected:
            return
        if self.wants_incremental and (day is None or self.replication_key != day):
            choice = f"INCREMENTAL on `{day}`, or FULL_TABLE" if day else "FULL_TABLE"
            need = (
                "" if day else ", because its `group_by` has neither `day` nor `hour`"
            )
            self.refuse_catalog(
                selection_messages.REPLICATION_NOT_SUPPORTED, choices=f"{choice}{need}"
            )
        columns = self.effective_schema["properties"]
        missing = [name for name in self.key_columns if name not in columns]
        if missing:
            columns = ", ".join(f"`{name}`" for name in missing)
            text = selection_messages.KEY_PARTS_NOT_IN_CATALOG(columns=columns)
            msg = f"{self.name}: {text}"
            raise ConfigurationError(msg)
