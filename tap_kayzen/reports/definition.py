"""Definition of a report in the settings."""

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
    redundant_names,
    schema,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HOUR = "hour"


@dataclass(frozen=True)
class Report:
    """An entry of the setting `reports` or of its default.

    Attributes:
        title: Name in the settings.
        metrics: Metrics, by Kayzen's names.
        group_by: Dimensions, by Kayzen's names.
        filters: Allowed values by dimension: ``{"country": ["US"]}``.
        time_zone: Time zone of the days, such as ``Europe/Berlin``.
        window_days: Number of days per request.
        options: Additional keys of the request body.
        columns: Names in Kayzen's rows that differ from the requested names:
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
    def from_config(cls, entry: Mapping[str, Any]) -> Report:
        """Create a report from a validated entry of the settings."""
        given = {name: value for name, value in entry.items() if value is not None}
        return cls(title=given.pop("name"), **given)

    @property
    def name(self) -> str:
        """Name of the stream, usable as a table name."""
        return safe_name(self.title, "report")

    @property
    def is_daily(self) -> bool:
        """Whether each row belongs to one day, so that it can be read in windows."""
        return DAY in self.group_by or HOUR in self.group_by

    @cached_property
    def dimensions(self) -> list[str]:
        """Dimensions to request, by Kayzen's names.

        `DAY` is added to hourly reports, whose hours would otherwise be ambiguous.
        """
        is_needed = self.is_daily and DAY not in self.group_by
        return [DAY, *self.group_by] if is_needed else self.group_by

    @cached_property
    def renamed(self) -> dict[str, str]:
        """Column names by the names in Kayzen's rows, where the two differ.

        Kayzen's name can be unsuitable for a column, or differ from the requested one.
        """
        names = {name: name for name in (*self.dimensions, *self.metrics)}
        return {
            name: column
            for name, asked in {**names, **self.columns}.items()
            if (column := self.column_name(asked)) != name
        }

    @staticmethod
    def column_name(name: str) -> str:
        """Return the column name of a metric or dimension."""
        return safe_name(name, "column")

    @cached_property
    def key_columns(self) -> tuple[str, ...]:
        """Columns that identify a row, without names whose ID is present, too."""
        columns = [self.column_name(name) for name in self.dimensions]
        return tuple(sorted({ADVERTISER, *columns} - redundant_names(columns)))

    @cached_property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of the stream."""
        columns = {ADVERTISER: OWN_ADVERTISER}
        for name in self.dimensions:
            other = column("string", f"Dimension `{name}`. Not documented.")
            columns[self.column_name(name)] = DIMENSIONS.get(name, other)
        for name in self.metrics:
            other = column("number", f"Metric `{name}`. Not documented.")
            columns[self.column_name(name)] = METRICS.get(name, other)
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
        """The part of the request body that is the same for all windows."""
        return {
            "metrics": self.metrics,
            "group_by": self.dimensions,
            **({"filters": self.filters} if self.filters else {}),
            "time_zone": self.time_zone,
            **self.options,
        }

    @cached_property
    def fingerprint(self) -> dict[str, str]:
        """Short hashes of the parts that determine the contents of the rows.

        For example, ``{"metrics": "9f86d081", "time_zone": "60303ae2", ...}``.
        """
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
    """Convert a text to a name that needs no quotes in SQL.

    Args:
        text: The text.
        prefix: Prepended to names that would start with a digit.

    Returns:
        A name of lowercase ASCII letters, digits, and underscores; empty if the text
        has no ASCII letters or digits.
    """
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub("[^a-z0-9]+", "_", ascii_only.lower()).strip("_")
    return f"{prefix}_{name}" if name[:1].isdigit() else name


def is_time_zone(name: str) -> bool:
    """Return whether a name is a time zone of the IANA database."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return False
    return bool(name)
