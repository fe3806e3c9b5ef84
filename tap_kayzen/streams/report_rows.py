"""ReportRowsStream: rows of a report, read in windows of days."""

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
from tap_kayzen.reading.windows import Window, cut
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
    from tap_kayzen.reading.windows import Range

MAX_ROW_SHOWN = 200
"""Characters of a row that a warning shows."""


class ReportRowsStream(KayzenStream):
    """Rows of a report, read in windows of days.

    Windows are read ahead, over all partitions, and come out in order. Rows are never
    said to be deleted: those of other days than a run reads stay valid.

    Attributes:
        window_days: Days that one call asks for; 0 for all.
        key_columns: Columns that keys are made of.
        cut_short_hint: What the user can do if Kayzen may not have returned all rows.
        fingerprint: Hashes that tell the report from what it was before its settings
            changed.
    """

    primary_keys: ClassVar[tuple[str, ...]] = (KEY,)
    emit_activate_version_messages = False

    window_days: int
    key_columns: tuple[str, ...]
    cut_short_hint: ClassVar[str]
    rows_schema: dict[str, Any]
    fingerprint: dict[str, str]

    @property
    def schema(self) -> dict[str, Any]:  # type: ignore[override]
        """The JSON Schema of the rows: no file's, as for other streams."""
        return self.rows_schema

    # What a subclass says

    @abstractmethod
    def range_of(self, context: Context | None) -> Range:
        """Return the days that the settings ask for."""

    @abstractmethod
    def about(self, record: Record) -> dict[str, Any]:
        """Return what a row is about: what tells it from others, by column."""

    def may_move_bookmark(self, context: Context | None) -> bool:  # noqa: ARG002
        """Return whether the bookmark of a partition may move."""
        return True

    # Reading

    def read(self, contexts: list[Context | None]) -> Iterator[Record]:
        """Read the windows of each partition, and move its bookmark with each."""
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
        ahead = self.lookahead.taken(self, slices)
        reader = self.reader(slices, ahead, hint=self.cut_short_hint, may_be_empty=True)
        # A STATE covers all partitions. If there are very many, it waits for as many
        # records; otherwise, the output would be mostly STATE messages.
        self._rows_per_state = len(plans) - 1
        self._unsaved = 0
        with closing(reader):
            for plan in plans:
                windows = iter(plan.windows)
                with self.isolated(plan.context):
                    yield from self._windows(plan, windows, reader, progress)
                left = [Slice(plan.context, window) for window in windows]
                reader.skip(left)
                progress.advance(len(left))

    def _windows(
        self,
        plan: Plan,
        windows: Iterator[Window],
        reader: Reader[Slice],
        progress: Progress,
    ) -> Iterator[Record]:
        """Read the windows of a partition, and move its bookmark after each."""
        is_complete = True
        for window in windows:
            for record in reader.read(Slice(plan.context, window)):
                self._unsaved += 1
                for name in self.needed:
                    record.pop(name, None)
                yield record
            is_complete &= self._is_complete(reader, window)
            if is_complete and self._move(plan, window):
                self._unsaved += 1
                if self._unsaved >= self._rows_per_state:
                    self._unsaved = 0
                    self._write_state(plan.context)
            progress.advance(1)
        if not is_complete:
            self.logger.warning(stream_messages.BOOKMARK_KEPT())

    def label(self, slice_: Slice) -> str:
        """Name a window in messages."""
        return f"{super().label(slice_)}, {slice_.window}"

    @property
    def naming_columns(self) -> tuple[str, ...]:
        """Columns that identify a row in warnings; `KEY` is only a hash."""
        return self.key_columns

    def hint_for(self, slice_: Slice) -> str:
        """Return what the user can do if Kayzen rejects the days of a window."""
        return f"{self.hint}; {report_messages.DAYS_DELETED(days=slice_.window)}"

    def leave_out(self, totals: list[Record]) -> None:
        """Warn once about rows with totals, which are left out."""
        for row in totals:
            columns = self.converter.columns
            known = {
                name: value
                for name, value in row.items()
                if name in columns and value is not None
            }
            self.warn_once(
                report_messages.TOTALS_LEFT_OUT, row=example(known, MAX_ROW_SHOWN)
            )

    def keys(self, slice_: Slice) -> RowKeys:  # noqa: ARG002
        """Return the keys of a window, whose rows have none of their own."""
        return RowKeys(self.about)

    def check(self, records: list[Record], slice_: Slice) -> None:
        """Warn if Kayzen sends days that were not asked for."""
        first, last = slice_.days
        for record in records:
            if (day := record.get(DAY)) and not first <= day <= last:
                self.warn_once(report_messages.OTHER_DAY, day=day, days=slice_.window)
                return

    def _is_complete(self, reader: Reader[Slice], window: Window) -> bool:
        """Return whether the window read last was complete; warn of doubles."""
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
        days = self.range_of(context)
        first = days.start or days.default_start
        bookmark = None
        if self.is_incremental:
            bookmark = Bookmark(state, str(self.replication_key), self.name)
            first = bookmark.first_day(days)
        length = self.window_days or (days.end - first).days + 1
        windows = list(cut(first, days.end, max(length, 1)))
        # One record is wanted; the newest days are the likeliest to have it.
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
    def needed(self) -> list[str]:
        """Columns that are not selected, but that keys are made of."""
        names = [*self.key_columns, EXTRA]
        return [name for name in names if not self.mask["properties", name]]

    # Bookmarks

    def _move(self, plan: Plan, window: Window) -> bool:
        """Move the bookmark of a partition past a window; return whether it moved."""
        if plan.bookmark is None or not self.may_move_bookmark(plan.context):
            return False
        plan.bookmark.move(window, plan.end)
        if self.fingerprint:
            self.get_context_state(plan.context)[FINGERPRINT] = self.fingerprint
        self.state_manager.is_flushed = False
        return True

    def _write_state(self, context: Context | None) -> None:
        """Write a STATE message."""
        # Records of BATCH files may not have been sent yet; the SDK sees to it.
        if not self.writes_batches:
            self.finalize_state_progress_markers(self.get_context_state(context))

    def get_replication_key_signpost(
        self,
        context: Context | None = None,  # noqa: ARG002
    ) -> None:
        """Return no bound for the bookmark: it moves with the windows alone."""
        return

    def apply_catalog(self, catalog: Catalog) -> None:
        """Apply a catalog; refuse a bookmark of another column, and missing keys."""
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
