"""Checks the rows of a report against the request before conversion."""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from tap_kayzen.api.errors import ReadError
from tap_kayzen.messages import report_messages
from tap_kayzen.records.converter import ADVERTISER
from tap_kayzen.records.values import LossyError, to_date, to_number
from tap_kayzen.reports.columns import DAY
from tap_kayzen.reports.totals import (
    ALL_WORDS,
    TOTAL_WORDS_BY_DIMENSION,
    has_total_word,
    is_total_word,
    split_total,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_kayzen.reports.definition import Report

    Row = dict[str, Any]

MAX_NAMED_COLUMNS = 40
"""Maximum number of columns that an error lists."""

MIN_SIMILARITY = 0.5
"""Minimum similarity of a column's two names; the default of difflib is 0.6."""

DESCRIPTIVE_TEXT = re.compile(r"[^\W\d_]{2}|\d[-/.]\d+[-/.]\d")
"""Matches names and dates, but not amounts."""


class RowCheck:
    """Checks the rows of one report, page by page.

    Kayzen may omit nulls from rows. A column that was present once can therefore be
    missing from later pages, except for the day, which is never null.
    """

    def __init__(self, report: Report) -> None:
        """Initialize the check for the rows of one sync."""
        columns = [report.column_name(name) for name in report.dimensions]
        self._is_daily = report.is_daily
        self._known = {ADVERTISER, *columns, *map(report.column_name, report.metrics)}
        # The advertiser does not tell rows from totals: either can have it or lack it.
        own = [name for name in columns if name != ADVERTISER]
        self._dimensions = own or columns
        self._unseen = own
        self._slice: object = None
        self._has_rows = False
        only_names = all(name.endswith("_name") for name in self._dimensions)
        self._total_word_columns = set() if only_names else {*self._dimensions}

    def split(self, rows: list[Row], slice_: object) -> tuple[list[Row], list[Row]]:
        """Split the rows of a page into rows and totals.

        Args:
            rows: The rows, with the column names of the stream.
            slice_: The slice that the page belongs to.

        Raises:
            ReadError: A row lacks its day, or all rows lack another requested column.
        """
        if slice_ != self._slice:
            self._slice, self._has_rows = slice_, False
        if not rows or self._are_usual(rows):
            self._has_rows = self._has_rows or bool(rows)
            return rows, []
        kept, totals = self._split(rows)
        if self._is_daily:
            without = [row for row in kept if _is_empty(row.get(DAY))]
            if without:
                cause = report_messages.NO_DAY(
                    count=len(without),
                    rows=len(kept),
                    column=DAY,
                    columns=_received(without),
                )
                raise self._error(cause, [DAY], without)
        received = {name for row in kept for name in row}
        unseen = [name for name in self._unseen if name not in received]
        if kept and unseen:
            cause = report_messages.NO_DIMENSION(
                columns=_listed(unseen), received=_received(kept)
            )
            raise self._error(cause, unseen, kept)
        if kept:
            self._unseen, self._has_rows = [], True
        return kept, totals

    def may_be_total(self, row: Row) -> bool:
        """Return whether a row may be a total, before its columns are renamed."""
        return has_total_word(row) or self._is_bare(row)

    def _are_usual(self, rows: list[Row]) -> bool:
        """Return whether a quick check rules out totals and missing columns."""
        if self._unseen or not self._is_daily:
            return False
        try:
            values = {
                name: {row.get(name) for row in rows}
                for name in self._dimensions
                if name in TOTAL_WORDS_BY_DIMENSION
            }
        except TypeError:
            # A value is an array or an object.
            return False
        return not any(map(_is_empty, values[DAY])) and not any(
            is_total_word(each, TOTAL_WORDS_BY_DIMENSION[name])
            for name in values
            for each in values[name]
        )

    def _split(self, rows: list[Row]) -> tuple[list[Row], list[Row]]:
        kept, bare, totals = [], [], []
        for row in rows:
            if has_total_word(row):
                totals.append(row)
            elif self._is_bare(row):
                bare.append(row)
            else:
                kept.append(row)
        if kept:
            # In a daily report, no row lacks its day, so a weaker test is enough.
            combine = max if self._is_daily else sum
            kept, more = split_total([*kept, *bare], bare, combine)
            totals += more
        elif len(bare) == 1 and (self._has_rows or _is_all_zero(bare[0])):
            # The total of earlier pages, or of no rows.
            totals += bare
        else:
            kept = bare
        return kept, totals

    def _is_bare(self, row: Row) -> bool:
        """Return whether a row has neither dimensions nor other descriptive text."""
        values = {name: row[name] for name in self._dimensions if name in row}
        words = {
            name
            for name, value in values.items()
            if name in self._total_word_columns and is_total_word(value)
        }
        nulls = {name for name, value in values.items() if _is_empty(value)}
        if values.keys() - words - nulls:
            return False
        # In a row, any dimension except the day can be null.
        if nulls and not words and not self._is_daily:
            return False
        return not any(
            DESCRIPTIVE_TEXT.search(value)
            for name, value in row.items()
            if name not in self._known
            and isinstance(value, str)
            and not is_total_word(value, ALL_WORDS)
        )

    def _error(self, cause: str, missing: list[str], rows: list[Row]) -> ReadError:
        received = dict.fromkeys(name for row in rows for name in row)
        others = {
            name: [row[name] for row in rows if row.get(name) is not None]
            for name in received
            if name not in self._known
        }
        hint = f"remove {_listed(missing)} from `group_by`"
        if others:
            hint = f"{_mapping(missing, others)}; otherwise {hint}"
        return ReadError(cause, hint=hint)


def _received(rows: list[Row]) -> str:
    """Return the names of the columns of some rows."""
    names = dict.fromkeys(name for row in rows for name in row)
    return ", ".join(map(repr, [*names][:MAX_NAMED_COLUMNS])) or "none"


def _mapping(missing: list[str], others: dict[str, list[Any]]) -> str:
    """Return how to map columns that may be the missing ones under other names."""
    found = {name: column for column in missing if (name := _candidate(column, others))}
    which = _listed(found) if found else "one of them"
    if len(found) > 1:
        which += " are the same columns under other names"
    else:
        which += " is the same column under another name"
    example = json.dumps(found or {"its name": missing[0]}, ensure_ascii=False)
    return f"if {which}, add `columns`: {example} to the report"


def _candidate(column: str, others: dict[str, list[Any]]) -> str | None:
    """Return the column that is most likely the missing one, if any."""
    if column == DAY:
        days = [name for name, values in others.items() if values and _are_days(values)]
        return days[0] if len(days) == 1 else None
    close = get_close_matches(column, others, n=1, cutoff=MIN_SIMILARITY)
    return close[0] if close else None


def _are_days(values: list[Any]) -> bool:
    try:
        return bool([to_date(value) for value in values])
    except LossyError:
        return False


def _is_empty(value: object) -> bool:
    return value is None or value == ""


def _is_all_zero(row: Row) -> bool:
    """Return whether a row contains only nulls and zeros."""
    try:
        return not any(value is not None and to_number(value) for value in row.values())
    except LossyError:
        return False


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
