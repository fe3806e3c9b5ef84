"""Columns of reports: all documented metrics and dimensions."""

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
"""JSON Schemas of the documented metrics, by name.

The types are inferred. Source: docs/kayzen-api.md#metrics.
"""

DIMENSIONS = _TABLE["dimensions"]
"""JSON Schemas of the known and likely dimensions, by name.

Source: docs/kayzen-api.md#dimensions.
"""


def column(type_: str, description: str, **more: str) -> Column:
    """Return the JSON Schema of a nullable column.

    Args:
        type_: JSON type, such as ``string``.
        description: Description of the column.
        more: Other keywords, such as ``format="date"``.
    """
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
"""Columns of reports without a day, whose rows cover the whole date range."""

_EXTRA = column(
    "object",
    "Fields without a column and values that do not fit their column's type, by field "
    "name.",
)


def schema(description: str, key: str, columns: Mapping[str, Column]) -> dict[str, Any]:
    """Return the JSON Schema of report rows.

    Args:
        description: Description of the report.
        key: What the `KEY` column is a hash of, in words.
        columns: JSON Schemas of the columns between `KEY` and `EXTRA`.
    """
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


def redundant_names(names: list[str]) -> set[str]:
    """Return the name columns whose ID column is present, too.

    For example, ``campaign_name`` if there is a ``campaign_id``. They are not needed to
    identify a row, and names can change.
    """
    return {
        name
        for name in names
        if name.endswith("_name") and f"{name.removesuffix('_name')}_id" in names
    }
