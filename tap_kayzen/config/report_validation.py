"""Validates the setting `reports` beyond its JSON Schema."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from tap_kayzen.config.settings import place
from tap_kayzen.messages import report_setting_messages as messages
from tap_kayzen.output.guesses import did_you_mean, may_mean
from tap_kayzen.records.converter import ADVERTISER
from tap_kayzen.reports.columns import DAY, DIMENSIONS, METRICS
from tap_kayzen.reports.definition import HOUR, Report, is_time_zone, safe_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

LONGEST_NAME = 63
"""Maximum length of table and column names, in bytes.

PostgreSQL truncates longer names, so that two of them can become the same.
"""

RESERVED_KEYS = frozenset(
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
"""Keys of the request body that `options` must not contain.

`time_zone` is allowed, because Kayzen's names of time zones are undocumented.
"""


def problems(
    entries: Sequence[Any], streams: Collection[str], *, has_start: bool
) -> Iterator[str]:
    """Yield what is wrong with the setting `reports`.

    Args:
        entries: The setting; entries can have any type.
        streams: Names of all other streams.
        has_start: Whether `start_date` is set.
    """
    taken: dict[str, str] = {}
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            continue
        title = entry.get("name")
        place = f"`reports[{index}]`"
        if isinstance(title, str) and title:
            place += f" ({title})"
            yield from _name_problems(place, title, taken, streams)
        yield from _entry_problems(place, entry, has_start=has_start)


def stream_names(entries: object) -> set[str]:
    """Return the stream names of the setting `reports`, which may be invalid."""
    titles = [
        entry.get("name")
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict)
    ]
    return {safe_name(title, "report") for title in titles if isinstance(title, str)}


def warnings(
    entries: Sequence[Mapping[str, Any]], selected: Collection[str]
) -> Iterator[str]:
    """Yield likely misspellings in reports.

    These are not errors, because Kayzen's documentation of the names is incomplete.

    Args:
        entries: The setting, without problems.
        selected: Names of the selected streams.
    """
    for index, entry in enumerate(entries):
        if safe_name(entry["name"], "report") not in selected:
            continue
        others = []
        for part, known in (("group_by", DIMENSIONS), ("metrics", METRICS)):
            for at, name in enumerate(entry[part]):
                if name in known:
                    continue
                if hint := may_mean(name, known):
                    where = place(["reports", index, part, at])
                    yield messages.MISSPELLED_NAME(place=where, name=name, hint=hint)
                else:
                    others.append(name)
        if others:
            yield messages.UNDOCUMENTED_NAMES(
                place=f"`reports[{index}]` ({entry['name']})", names=", ".join(others)
            )


def _name_problems(
    place: str, title: str, taken: dict[str, str], streams: Collection[str]
) -> Iterator[str]:
    name = safe_name(title, "report")
    if not name:
        yield messages.NAME_WITHOUT_LETTERS(place=place)
    elif len(name) > LONGEST_NAME:
        yield messages.NAME_TOO_LONG(place=place, limit=LONGEST_NAME)
    elif name in streams:
        yield messages.NAME_OF_STREAM(place=place, stream=name)
    elif name in taken:
        yield messages.NAME_TAKEN(place=place, stream=name, other=taken[name])
    taken.setdefault(name, place)


def _entry_problems(
    place: str, entry: Mapping[str, Any], *, has_start: bool
) -> Iterator[str]:
    known = ["name", *(each.name for each in fields(Report)[1:])]
    for name in entry:
        if name not in known:
            hint = did_you_mean(name, known) or "see docs/reports.md"
            yield messages.UNKNOWN_KEY(place=place, key=name, hint=hint)
    metrics, group_by = (
        [name for name in given if isinstance(name, str)]
        if isinstance(given := entry.get(part), list)
        else []
        for part in ("metrics", "group_by")
    )
    yield from _column_problems(place, metrics, group_by)
    if isinstance(columns := entry.get("columns"), dict):
        yield from _mapping_problems(place, columns, [*group_by, *metrics])
    if entry.get("window_days") is not None and not {DAY, HOUR} & {*group_by}:
        yield messages.NO_WINDOWS(place=place)
    if "week" in group_by and not {DAY, HOUR} & {*group_by} and not has_start:
        yield messages.WEEK_WITHOUT_START(place=place)
    zone = entry.get("time_zone")
    if isinstance(zone, str) and not is_time_zone(zone):
        yield messages.NOT_A_ZONE(place=place, zone=zone)
    options = entry.get("options")
    if isinstance(options, dict) and "time_zone" in options and not zone:
        yield messages.ZONE_ONLY_IN_OPTIONS(place=place)
    for name in sorted(
        RESERVED_KEYS & options.keys() if isinstance(options, dict) else ()
    ):
        yield messages.RESERVED_OPTION(place=place, key=name)


def _column_problems(
    place: str, metrics: list[str], group_by: list[str]
) -> Iterator[str]:
    columns: dict[str, str] = {}
    for name in (*group_by, *metrics):
        column = safe_name(name, "column")
        if not column:
            yield messages.COLUMN_WITHOUT_LETTERS(place=place, name=name)
        elif len(column) > LONGEST_NAME:
            yield messages.COLUMN_TOO_LONG(place=place, name=name, limit=LONGEST_NAME)
        elif column in columns:
            yield messages.COLUMN_TAKEN(
                place=place, name=name, column=column, other=columns[column]
            )
        columns[column] = name


def _mapping_problems(
    place: str, columns: Mapping[str, Any], asked: list[str]
) -> Iterator[str]:
    known = [DAY, *asked] if HOUR in asked else asked
    taken: dict[str, str] = {}
    for name, wanted in columns.items():
        if name in known:
            yield messages.MAPPED_BACKWARD(place=place, name=name)
        elif isinstance(wanted, str) and wanted not in known:
            question = did_you_mean(wanted, known)
            hint = f"; {question}" if question else ""
            yield messages.MAPPED_TO_UNKNOWN(
                place=place, name=name, wanted=wanted, hint=hint
            )
        elif wanted in taken:
            yield messages.MAPPED_TWICE(
                place=place, name=name, other=taken[wanted], wanted=wanted
            )
        taken.setdefault(str(wanted), name)
