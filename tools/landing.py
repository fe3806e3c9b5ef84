"""Compares the rows that a target loaded with the records sent to it."""

from __future__ import annotations

import csv
import json
import re
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

Row: TypeAlias = dict[str, Any]
Tables: TypeAlias = dict[str, list[Row]]

EXACT = json.JSONDecoder(parse_float=Decimal)


def csv_tables(folder: Path) -> Tables:
    """Return the rows of CSV files by stream.

    Args:
        folder: Folder with files such as ``orders.csv`` or ``orders-2026-09-01.csv``.
    """
    tables: Tables = {}
    for path in sorted(folder.glob("*.csv")):
        stream, _, _ = path.stem.partition("-")
        with path.open(encoding="utf-8", newline="") as file:
            tables.setdefault(stream, []).extend(csv.DictReader(file))
    return tables


def by_key(rows: Iterable[Row], key: Sequence[str]) -> dict[tuple[str, ...], Row]:
    """Return the last row of each key.

    Args:
        rows: The rows.
        key: Names of the key columns.
    """
    return {tuple(str(row[name]) for name in key): row for row in rows}


def number(value: object) -> Decimal | None:
    """Parse a number; return None for anything else."""
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def _moment(value: object) -> datetime | None:
    text = str(value).replace("Z", "+00:00")
    # Python 3.10 requires six digits; PostgreSQL omits trailing zeros.
    text = re.sub(r"\.\d+", lambda digits: digits[0].ljust(7, "0"), text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _json(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return EXACT.decode(value)
    except ValueError:
        return None


BOOLEANS = {"true": True, "1": True, "false": False, "0": False}

READ: dict[str, Callable[[object], object]] = {
    "array": _json,
    "object": _json,
    "number": number,
    "integer": number,
    "boolean": lambda value: BOOLEANS.get(str(value).lower()),
    "string": lambda value: value,
    "date-time": _moment,
}
"""Parsers of values by type, for all formats that targets write."""

NULS = ("\ufffd", "\\u0000")
"""Replacements of NUL by targets."""

NUL = "NUL replaced"
BREAKS = "line breaks and tabs written as \\n, \\r, \\t"
DIGITS = "digits beyond the 15th lost"
EMPTY = "empty text became null"
NESTED = "lists and objects not in JSON"
NULL = "null became empty text"
OTHER = "other values differ"


def kind_of(schema: dict[str, Any]) -> str:
    """Return the type of a column, or ``date-time`` for text of that format."""
    if schema.get("format") == "date-time":
        return "date-time"
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    return next(str(kind) for kind in kinds if kind != "null")


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def difference(kind: str, sent: object, landed: object) -> str | None:
    """Return how a loaded value differs from the value sent; None if equal.

    Args:
        kind: Type of the column; see `kind_of`.
        sent: Value in the record.
        landed: Value in the target.
    """
    if sent is None or landed is None:
        return {(None, None): None, (None, ""): NULL, ("", None): EMPTY}.get(
            (_text(sent), _text(landed)), OTHER
        )
    read = READ[kind]
    if read(sent) == read(landed):
        return None
    if kind == "number" and float(str(sent)) == float(str(landed)):
        return DIGITS
    if kind in ("array", "object") and _json(landed) is None:
        return NESTED
    if kind == "string" and landed in [str(sent).replace("\0", x) for x in NULS]:
        return NUL
    escaped = str(sent).encode("unicode_escape").decode()
    return BREAKS if landed == escaped.replace("\\\\", "\\") else OTHER
