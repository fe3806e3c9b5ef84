"""Converts values for Parquet files, and explains rows that do not fit."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import FatalSyncError
from singer_sdk.singerlib.json import serialize_json

from tap_kayzen.messages import stream_messages
from tap_kayzen.records.values import converter_to, is_open, to_number, unchanged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class BatchError(FatalSyncError):
    """A row that cannot be written to a Parquet file.

    Attributes:
        what: Name of the stream.
        cause: The column, and the reason.
        hint: What the user can do.
    """

    def __init__(self, column: str, reason: str, *, what: str) -> None:
        """Initialize the error with a column and the reason."""
        self.what = what
        self.cause = stream_messages.NOT_IN_PARQUET(column=column, reason=reason)
        self.hint = stream_messages.USE_JSONL()
        super().__init__(f"{what}: {self.cause}; {self.hint}")


def parquet_value(definition: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Return a function that converts the values of a column, except null.

    Columns that allow any type become JSON strings, because Parquet has no type for
    them. Integers in decimal columns become decimals, because pyarrow does not accept
    both 100 and 0.5 in a column.
    """
    if is_open(definition):
        return serialize_json
    return Decimal if converter_to(definition) is to_number else unchanged


def explained(
    error: Exception, rows: Sequence[Mapping[str, Any]], *, what: str
) -> Exception:
    """Return an error that names the column that Parquet cannot hold.

    Args:
        error: The original error, returned if it has another cause.
        rows: The rows of the file, all with the same columns.
        what: Name of the stream.
    """
    for name in rows[0] if rows else ():
        if fault := _fault([row[name] for row in rows]):
            return BatchError(name, fault, what=what)
    return error


def _fault(values: list[Any]) -> str:
    """Return why Parquet cannot hold the values of a column; empty if it can."""
    try:
        import_module("pyarrow").array(values)
    except (ArithmeticError, TypeError, ValueError) as error:
        return " ".join(str(error).split())
    return ""
