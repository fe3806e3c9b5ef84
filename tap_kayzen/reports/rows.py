"""Checks the rows of a report against the request, before they are converted."""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from tap_kayzen.api.errors import ReadError
from tap_kayzen.records.converter import ADVERTISER
from tap_kayzen.records.values import LossyError, to_date, to_number
from tap_kayzen.reports.columns import DAY
from tap_kayzen.reports.totals import (
    ALL_WORDS,
    SURE,
    has_word,
    is_word,
    without_total,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_kayzen.reports.definition import Report

    Row = dict[str, Any]

MAX_NAMED = 40
"""Maximum number of columns that an error names."""

LIKENESS = 0.5
"""Minimum similarity of two names of one column; difflib's default is 0.6."""

SAYS_SOMETHING = re.compile(r"[^\W\d_]{2}|\d[-/.]\d+[-/.]\d")
"""Matches names and dates, but no amounts."""


class RowCheck:
    """Checks the rows of one report, page by page.

    Rows may omit nulls, so a column that was seen once may be absent from later pages.
    Only the day is never null.
    """

    def __init__(self, report: Report) -> None:
        """Prepare for the rows of a run, under the column names of the stream."""
        columns = [report.column_of(name) for name in report.dimensions]
        self._is_daily = report.is_daily
        self._known = {ADVERTISER, *columns, *map(report.column_of, report.metrics)}
        # A total may name its advertiser, and a row may not.
        own = [name for name in columns if name != ADVERTISER]
        self._dimensions = own or columns
        self._unseen = own
        self._slice: object = None
        self._has_rows = False
        only_names = all(name.endswith("_name") for name in self._dimensions)
        self._with_words = set() if only_names else {*self._dimensions}

    def split(self, rows: list[Row], slice_: object) -> tuple[list[Row], list[Row]]:
        """Split the rows of a page of a slice into rows and totals.

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
                cause = f"{len(without):,} of {len(kept):,} rows have no `{DAY}`"
                raise self._error(cause, [DAY], without)
        came = {name for row in kept for name in row}
        unseen = [name for name in self._unseen if name not in came]
        if kept and unseen:
            cause = f"no row has {_listed(unseen)}"
            raise self._error(cause, unseen, kept)
        if kept:
            self._unseen, self._has_rows = [], True
        return kept, totals

    def may_be_total(self, row: Row) -> bool:
        """Return whether a row, before its columns are renamed, may be a total."""
        return has_word(row) or self._is_bare(row)

    def _are_usual(self, rows: list[Row]) -> bool:
        """Return whether a quick check of the columns finds nothing unusual."""
        if self._unseen or not self._is_daily:
            return False
        try:
            values = {
                name: {row.get(name) for row in rows}
                for name in self._dimensions
                if name in SURE
            }
        except TypeError:
            # An array or an object.
            return False
        return not any(map(_is_empty, values[DAY])) and not any(
            is_word(each, SURE[name]) for name in values for each in values[name]
        )

    def _split(self, rows: list[Row]) -> tuple[list[Row], list[Row]]:
        kept, bare, totals = [], [], []
        for row in rows:
            if has_word(row):
                totals.append(row)
            elif self._is_bare(row):
                bare.append(row)
            else:
                kept.append(row)
        if kept:
            # A row of nulls has its day.
            combined = max if self._is_daily else sum
            kept, more = without_total([*kept, *bare], bare, combined)
            totals += more
        elif len(bare) == 1 and (self._has_rows or _is_nothing(bare[0])):
            # Of the pages before this one, or of nothing.
            totals += bare
        else:
            kept = bare
        return kept, totals

    def _is_bare(self, row: Row) -> bool:
        """Return whether a row has neither a dimension nor another descriptive text."""
        values = {name: row[name] for name in self._dimensions if name in row}
        words = {
            name
            for name, value in values.items()
            if name in self._with_words and is_word(value)
        }
        nulls = {name for name, value in values.items() if _is_empty(value)}
        if values.keys() - words - nulls:
            return False
        # Any dimension of a row may be null, except its day.
        if nulls and not words and not self._is_daily:
            return False
        return not any(
            SAYS_SOMETHING.search(value)
            for name, value in row.items()
            if name not in self._known
            and isinstance(value, str)
            and not is_word(value, ALL_WORDS)
        )

    def _error(self, cause: str, missing: list[str], rows: list[Row]) -> ReadError:
        came = dict.fromkeys(name for row in rows for name in row)
        others = {
            name: [row[name] for row in rows if row.get(name) is not None]
            for name in came
            if name not in self._known
        }
        named = ", ".join(map(repr, [*came][:MAX_NAMED])) or "none"
        hint = f"remove {_listed(missing)} from `group_by`"
        if others:
            hint = f"{_mapping(missing, others)}; otherwise {hint}"
        return ReadError(f"{cause}; columns received: {named}", hint=hint)


def _mapping(missing: list[str], others: dict[str, list[Any]]) -> str:
    """Return how to map the columns that may be the missing ones."""
    found = {name: column for column in missing if (name := _candidate(column, others))}
    which = _listed(found) if found else "one of them"
    if len(found) > 1:
        which += " are the same columns under other names"
    else:
        which += " is the same column under another name"
    example = json.dumps(found or {"its name": missing[0]}, ensure_ascii=False)
    return f"if {which}, add `columns`: {example} to the report"


def _candidate(column: str, others: dict[str, list[Any]]) -> str | None:
    """Return the most likely candidate for a missing column, if any."""
    if column == DAY:
        days = [name for name, values in others.items() if values and _are_days(values)]
        return days[0] if len(days) == 1 else None
    close = get_close_matches(column, others, n=1, cutoff=LIKENESS)
    return close[0] if close else None


def _are_days(values: list[Any]) -> bool:
    try:
        return bool([to_date(value) for value in values])
    except LossyError:
        return False


def _is_empty(value: object) -> bool:
    return value is None or value == ""


def _is_nothing(row: Row) -> bool:
    """Return whether a row has only nulls and zeros."""
    try:
        return not any(value is not None and to_number(value) for value in row.values())
    except LossyError:
        return False


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
