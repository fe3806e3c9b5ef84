"""What a report of the settings asks for, and what is wrong with it."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tap_kayzen.records import ADVERTISER
from tap_kayzen.reports.columns import (
    DAY,
    DIMENSIONS,
    METRICS,
    OWN_ADVERTISER,
    Column,
    names_by_id,
    schema,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

HOUR = "hour"

LONGEST_NAME = 63
"""Bytes of a table's name; PostgreSQL cuts longer ones off without a word."""

OURS = frozenset(
    {
        ADVERTISER,
        "end_date",
        "filters",
        "group_by",
        "metrics",
        "page",
        "per_page",
        "start_date",
    }
)
"""Keys of the request's body that `options` must not hold.

`time_zone` may: how Kayzen spells zones is not known.
"""


_NAMES = {
    "type": "array",
    "items": {"type": "string", "minLength": 1},
    "minItems": 1,
}

REPORT: dict[str, Any] = {
    "type": "object",
    "required": ["name", "metrics", "group_by"],
    "properties": {
        "name": {
            "type": "string",
            "minLength": 1,
            "description": "Name of the stream, and so of the table.",
        },
        "metrics": {
            **_NAMES,
            "description": "Kayzen's names of the metrics, such as advertiser_spend.",
        },
        "group_by": {
            **_NAMES,
            "description": "Kayzen's names of the dimensions, such as day, country.",
        },
        "filters": {
            "type": ["object", "null"],
            "additionalProperties": {
                "type": "array",
                "items": {"type": ["string", "number", "boolean"]},
                "minItems": 1,
            },
            "description": "Values that are wanted, a list for each dimension.",
        },
        "time_zone": {
            "type": ["string", "null"],
            "description": "Whose days are meant, as America/New_York. Default: UTC.",
        },
        "window_days": {
            "type": ["integer", "null"],
            "minimum": 1,
            "maximum": 3660,
            "description": "Days that are asked for in one call. Default: 7.",
        },
        "options": {
            "type": ["object", "null"],
            "description": (
                "Further keys of the request's body, sent as they are, such as those "
                "that choose the attribution source or the conversion object."
            ),
        },
    },
}
"""JSON Schema of an entry of the setting `reports`."""

DEFAULT_REPORTS = [
    {
        "name": "campaign_performance",
        "metrics": [
            "impressions",
            "clicks",
            "installs",
            "conversions",
            "advertiser_spend",
            "revenue_ltv",
        ],
        "group_by": ["day", "campaign_id", "campaign_name"],
    }
]


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
    """

    title: str
    metrics: list[str]
    group_by: list[str]
    filters: dict[str, list[Any]] = field(default_factory=dict)
    time_zone: str = "UTC"
    window_days: int = 7
    options: dict[str, Any] = field(default_factory=dict)

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
        """Kayzen's names that are not good for a column, and the columns' names."""
        return {
            name: safe
            for name in (*self.dimensions, *self.metrics)
            if (safe := safe_name(name, "column")) != name
        }

    def column(self, name: str) -> str:
        """Give the column of a metric or dimension."""
        return self.renamed.get(name, name)

    @property
    def key_columns(self) -> list[str]:
        """The columns that say which row it is."""
        return [self.column(name) for name in self.dimensions]

    @property
    def unknown(self) -> list[str]:
        """Names that are in no documentation."""
        return [
            *(name for name in self.dimensions if name not in DIMENSIONS),
            *(name for name in self.metrics if name not in METRICS),
        ]

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the stream."""
        columns = {ADVERTISER: OWN_ADVERTISER}
        for name in self.dimensions:
            other = Column("string", f"Dimension {name}; not documented.")
            columns[self.column(name)] = DIMENSIONS.get(name, other)
        for name in self.metrics:
            other = Column("number", f"Metric {name}; not documented.")
            columns[self.column(name)] = METRICS.get(name, other)
        mere_names = names_by_id(self.key_columns)
        parts = [name for name in self.key_columns if name not in mere_names]
        own = [] if ADVERTISER in parts else [ADVERTISER]
        return schema(
            f"Report {self.title}: a row for each combination of its dimensions that "
            f"has any numbers. Days are those of {self.time_zone}.",
            ", ".join([*own, *parts]),
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


def safe_name(text: str, prefix: str) -> str:
    """Make a name that needs no quotes in SQL: ASCII letters, digits, underscores.

    Args:
        text: Any text.
        prefix: Goes before a name that would start with a digit.

    Returns:
        The name; empty if nothing of the text is left.
    """
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub("[^a-z0-9]+", "_", ascii_only.lower()).strip("_")
    return f"{prefix}_{name}" if name[:1].isdigit() else name


def problems(entries: Sequence[Any], streams: Collection[str]) -> Iterator[str]:
    """Find what is wrong with the setting `reports`, beyond the types of its parts.

    Args:
        entries: The entries, of whatever type they were given.
        streams: Names that other streams have.

    Yields:
        One line a problem, saying what to do.
    """
    taken: dict[str, str] = {}
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            continue
        title = entry.get("name")
        place = f"`reports.{index}`"
        if isinstance(title, str) and title:
            place += f" ({title})"
            yield from _name_problems(place, title, taken, streams)
        yield from _entry_problems(place, entry)


def _name_problems(
    place: str, title: str, taken: dict[str, str], streams: Collection[str]
) -> Iterator[str]:
    name = safe_name(title, "report")
    if not name:
        yield f"{place}: `name` needs letters from a to z, as it names a table"
    elif len(name) > LONGEST_NAME:
        yield f"{place}: `name` must have {LONGEST_NAME} letters or fewer"
    elif name in streams:
        yield f"{place}: there is a stream `{name}` already; choose another `name`"
    elif name in taken:
        yield (
            f"{place}: its stream would be `{name}`, as that of {taken[name]}; "
            "choose another `name`"
        )
    taken.setdefault(name, place)


def _entry_problems(place: str, entry: Mapping[str, Any]) -> Iterator[str]:
    known = ["name", *(each.name for each in fields(Report)[1:])]
    for name in entry:
        if name not in known:
            guesses = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean `{guesses[0]}`?" if guesses else "see the README"
            yield f"{place}: `{name}` is not a part of a report: {hint}"
    metrics, group_by = (
        [name for name in given if isinstance(name, str)]
        if isinstance(given := entry.get(part), list)
        else []
        for part in ("metrics", "group_by")
    )
    yield from _column_problems(place, metrics, group_by)
    if entry.get("window_days") is not None and not {DAY, HOUR} & {*group_by}:
        yield (
            f"{place}: rows without a day cannot be cut into windows: put `day` or "
            "`hour` into `group_by`, or leave `window_days` out to read the whole "
            "range at once"
        )
    zone = entry.get("time_zone")
    if isinstance(zone, str) and not is_zone(zone):
        yield (
            f"{place}: `time_zone` must be a name of the IANA database, like UTC or "
            f"America/New_York, not {zone!r}"
        )
    options = entry.get("options")
    for name in sorted(OURS & options.keys() if isinstance(options, dict) else ()):
        yield f"{place}: `options` must not hold `{name}`, which the tap sets itself"


def _column_problems(
    place: str, metrics: list[str], group_by: list[str]
) -> Iterator[str]:
    columns: dict[str, str] = {}
    for name in (*group_by, *metrics):
        column = safe_name(name, "column")
        if not column:
            yield f"{place}: {name!r} cannot be a column's name"
        elif column in columns:
            yield (
                f"{place}: {name!r} would be the column `{column}`, as "
                f"{columns[column]!r}; leave one of them out"
            )
        columns[column] = name


def is_zone(name: str) -> bool:
    """Tell whether the IANA database has a time zone of this name."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return False
    return bool(name)
