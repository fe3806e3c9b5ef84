"""The columns of reports: every documented metric and dimension in one table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_kayzen.reading.keys import KEY
from tap_kayzen.records.converter import EXTRA

if TYPE_CHECKING:
    from collections.abc import Mapping

    Column = dict[str, Any]

DAY = "day"

_TABLE: dict[str, dict[str, Column]] = json.loads(
    Path(__file__).with_name("columns.json").read_text(encoding="utf-8")
)

METRICS = _TABLE["metrics"]
"""JSON Schema of the documented metrics, by name (docs/kayzen-api.md#metrics).

Their types are inferred.
"""

DIMENSIONS = _TABLE["dimensions"]
"""The same of the dimensions known or likely (docs/kayzen-api.md#dimensions)."""


def column(type_: str, description: str, **more: str) -> Column:
    """Return the JSON Schema of a column, which may be null."""
    return {"type": [type_, "null"], **more, "description": description}


OWN_ADVERTISER = column(
    "integer",
    "ID of the advertiser, as returned by Kayzen or else as requested. Null stands for "
    "the API key's own advertiser.",
)

RANGE = {
    "range_start": column("string", "First day of the requested range.", format="date"),
    "range_end": column("string", "Last day of the requested range.", format="date"),
}
"""Columns of reports without a day, whose rows are about a whole range."""

_EXTRA = column(
    "object",
    "Fields without a column and values that do not fit their column's type, by field "
    "name.",
)


def schema(description: str, key: str, columns: Mapping[str, Column]) -> dict[str, Any]:
    """Return the JSON Schema of report rows: `KEY`, made of `key`, columns, `EXTRA`."""
    identity = {
        "type": "string",
        "description": f"Unique key of the row: a hash of {key}.",
    }
    return {
        "type": "object",
        "description": description,
        "required": [KEY],
        "properties": {KEY: identity, **columns, EXTRA: _EXTRA},
    }


def names_by_id(names: list[str]) -> set[str]:
    """Return the names of things whose ID is among the columns too.

    They say nothing more about which row it is, and they change.
    """
    return {
        name
        for name in names
        if name.endswith("_name") and f"{name.removesuffix('_name')}_id" in names
    }
