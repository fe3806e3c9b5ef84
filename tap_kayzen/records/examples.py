"""Formats example values and rows for warnings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from tap_kayzen.records.values import BIGINT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=str)

MAX_EXAMPLE_CHARS = 60
"""Maximum length of a value in a warning."""

MAX_COLUMNS = 5
"""Maximum number of columns of a row in a warning."""


def example(value: object, max_chars: int = MAX_EXAMPLE_CHARS) -> str:
    """Format the beginning of a value as one line of JSON."""
    try:
        text = _ENCODER.encode(value).decode()
    except (msgspec.EncodeError, OverflowError, RecursionError, ValueError):
        # Too deeply nested, an integer with too many digits, or invalid Unicode.
        if not isinstance(value, str):
            return f"a value of type {type(value).__name__}"
        text = json.dumps(value)
    return _line(text, max_chars)


def key_of(row: Mapping[str, Any], columns: Iterable[str]) -> str:
    """Format the key of a row, such as `` (campaign_id 7, day 2026-11-01)``."""
    parts = [
        f"{name} {value if isinstance(value, int) else _line(value)}"
        for name in columns
        if isinstance(value := row.get(name), (str, int))
        and value != ""
        and (isinstance(value, str) or abs(value) < BIGINT)
    ]
    return f" ({', '.join(parts[:MAX_COLUMNS])})" if parts else ""


def _line(text: str, max_chars: int = MAX_EXAMPLE_CHARS) -> str:
    """Truncate a text and escape its control characters."""
    cut = f"{text[:max_chars]}..." if len(text) > max_chars else text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode()
        for each in cut
    )
