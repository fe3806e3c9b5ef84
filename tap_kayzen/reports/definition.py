"""What a report of the settings asks for."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tap_kayzen.records.converter import ADVERTISER
from tap_kayzen.reports.columns import (
    DAY,
    DIMENSIONS,
    METRICS,
    OWN_ADVERTISER,
    RANGE,
    column,
    names_by_id,
    schema,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HOUR = "hour"


@dataclass(frozen=True)
class Report:
    """An entry of the setting `reports`, or of its default.

    Attributes:
        title: Its name as it was given.
        metrics: Kayzen's names of the metrics.
        group_by: Kayzen's names of the dimensions.
        filters: Values by dimension.
        time_zone: Whose days are meant; a name of the IANA database.
        window_days: Days of one call.
        options: Further keys of the request's body.
        columns: Names in Kayzen's rows, with the requested names, where they differ:
            ``{"date": "day"}``.
    """

    title: str
    metrics: list[str]
    group_by: list[str]
    filters: dict[str, list[Any]] = field(default_factory=dict)
    time_zone: str = "UTC"
    window_days: int = 7
    options: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Report:
        """Take over an entry that has no problems."""
        given = {name: value for name, value in entry.items() if value is not None}
        return cls(title=given.pop("name"), **given)

    @property
    def name(self) -> str:
        """The stream's name, good for a table."""
        return safe_name(self.title, "report")

    @property
    def is_daily(self) -> bool:
        """Whether each row belongs to a day, so that it can be read day by day."""
        return DAY in self.group_by or HOUR in self.group_by

    @cached_property
    def dimensions(self) -> list[str]:
        """Kayzen's names of the dimensions that are asked for.

        Hours alone may be those of any day: `DAY` comes along then.
        """
        is_needed = self.is_daily and DAY not in self.group_by
        return [DAY, *self.group_by] if is_needed else self.group_by

    @cached_property
    def renamed(self) -> dict[str, str]:
        """Names in Kayzen's rows, with their column names, where they differ.

        Kayzen's name may be unusable for a column, or differ from the requested one.
        """
        names = {name: name for name in (*self.dimensions, *self.metrics)}
        return {
            name: column
            for name, asked in {**names, **self.columns}.items()
            if (column := self.column_of(asked)) != name
        }

    @staticmethod
    def column_of(name: str) -> str:
        """Return the name of the column of a metric or dimension."""
        return safe_name(name, "column")

    @cached_property
    def key_columns(self) -> tuple[str, ...]:
        """The columns that identify a row: no names of things whose ID is there too."""
        columns = [self.column_of(name) for name in self.dimensions]
        return tuple(sorted({ADVERTISER, *columns} - names_by_id(columns)))

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the stream."""
        columns = {ADVERTISER: OWN_ADVERTISER}
        for name in self.dimensions:
            other = column("string", f"Dimension `{name}`. Not documented.")
            columns[self.column_of(name)] = DIMENSIONS.get(name, other)
        for name in self.metrics:
            other = column("number", f"Metric `{name}`. Not documented.")
            columns[self.column_of(name)] = METRICS.get(name, other)
        if not self.is_daily:
            columns |= RANGE
        return schema(
            f"Report {self.title}, one row per combination of "
            f"{_quoted(self.dimensions)} with data. Days are in {self.time_zone}.",
            _quoted(self.key_columns),
            columns,
        )

    @property
    def body(self) -> dict[str, Any]:
        """The part of the request's body that is the same for all windows."""
        return {
            "metrics": self.metrics,
            "group_by": self.dimensions,
            **({"filters": self.filters} if self.filters else {}),
            "time_zone": self.time_zone,
            **self.options,
        }

    @cached_property
    def fingerprint(self) -> dict[str, str]:
        """A short hash of each part that decides what the rows say."""
        parts = {
            "metrics": sorted(self.metrics),
            "group_by": sorted(self.dimensions),
            "filters": {name: sorted(map(str, v)) for name, v in self.filters.items()},
            "time_zone": self.time_zone,
            "options": self.options,
        }
        return {
            name: hashlib.sha256(
                json.dumps(part, sort_keys=True, default=str).encode()
            ).hexdigest()[:8]
            for name, part in parts.items()
        }


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def safe_name(text: str, prefix: str) -> str:
    """Return a name that needs no quotes in SQL: ASCII letters, digits, underscores.

    It is empty if nothing of the text is left. The prefix goes before a name that
    would start with a digit.
    """
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub("[^a-z0-9]+", "_", ascii_only.lower()).strip("_")
    return f"{prefix}_{name}" if name[:1].isdigit() else name


def is_zone(name: str) -> bool:
    """Return whether the IANA database has a time zone of this name."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return False
    return bool(name)
