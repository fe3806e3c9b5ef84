"""Derives settings from a survey: stream maps and `campaigns_endpoint`.

The stream maps copy undocumented fields from ``_extra`` to separate columns.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tap_kayzen.output.secret_names import is_secret, is_secret_or_key
from tap_kayzen.records.converter import EXTRA
from tap_kayzen.streams import LISTS
from tap_kayzen.survey.observe import FOLDED
from tap_kayzen.survey.shapes import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Report = Mapping[str, Any]

CASTS = {
    ("boolean",): "bool({})",
    ("integer",): "int({})",
    ("integer", "number"): "float({})",
    ("number",): "float({})",
    ("string",): "{}",
}
"""Expressions by the types of the values.

The SDK derives the type of a column from the start of its expression.
"""

STREAMS_WITH_KEYS = {stream.name for stream in LISTS if stream.keys_are_secret}
"""Streams that remove fields named like any kind of key."""

AS_TEXT = "str({})"
AS_JSON = "json.dumps({}, default=str)"


def unknown_fields(call: Report) -> dict[str, list[str]]:
    """Return the types of the fields that go to ``_extra`` in a sync."""
    never_leaves = (
        is_secret_or_key if call["stream"] in STREAMS_WITH_KEYS else is_secret
    )
    return {
        name: [each for each in facts["types"] if each != "null"]
        for name, facts in call.get("fields", {}).items()
        if "column" not in facts
        and not any(mark in name for mark in (".", "[]", HIDDEN, FOLDED))
        and not never_leaves(name)
    }


def stream_maps(report: Report) -> dict[str, dict[str, str]]:
    """Return `stream_maps` with a column for each undocumented field."""
    maps: dict[str, dict[str, str]] = {}
    for call in _read_calls(report):
        unknown = unknown_fields(call)
        if unknown:
            maps.setdefault(call["stream"], {}).update(
                {name: _expression(name, types) for name, types in unknown.items()}
            )
    return dict(sorted(maps.items()))


def _read_calls(report: Report) -> Iterator[Report]:
    """Yield the calls that a sync with these settings makes."""
    chosen = f"GET /v1/{report['settings']['campaigns_endpoint']}"
    for call in report["calls"]:
        if call["stream"] != "campaigns" or call["call"] == chosen:
            yield call


def _expression(name: str, types: list[str]) -> str:
    """Return an expression for a field in `_extra`; null without the field.

    Records without undocumented fields have no `_extra`.
    """
    value = f"(record.get('{EXTRA}') or {{}}).get('{name}')"
    is_nested = {"array", "object"} & set(types)
    usual = AS_JSON if is_nested else AS_TEXT
    cast = CASTS.get(tuple(types), usual)
    if cast == "{}" or not types:
        return value
    return f"{cast.format(value)} if {value} is not None else None"


def better_campaigns_endpoint(report: Report) -> str:
    """Return the `campaigns_endpoint` with more fields; empty if already set."""
    counts = {
        call["call"].removeprefix("GET /v1/"): _top_level(call)
        for call in report["calls"]
        if call["stream"] == "campaigns" and call.get("readable")
    }
    chosen = report["settings"]["campaigns_endpoint"]
    best = max(counts, key=lambda name: counts[name], default=chosen)
    return best if counts.get(best, 0) > counts.get(chosen, 0) else ""


def _top_level(call: Report) -> int:
    return sum("." not in name and "[]" not in name for name in call["fields"])


def as_yaml(maps: Mapping[str, Mapping[str, str]], indent: int) -> str:
    """Format stream maps as YAML, with values quoted as in JSON."""
    lines = ["stream_maps:"]
    for stream, columns in maps.items():
        lines.append(f"  {stream}:")
        lines += [f"    {name}: {json.dumps(each)}" for name, each in columns.items()]
    return "\n".join(" " * indent + line for line in lines)
