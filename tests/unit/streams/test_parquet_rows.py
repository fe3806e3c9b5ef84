from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tap_kayzen.messages import stream_messages
from tap_kayzen.streams.batches import BatchError, explained, parquet_value
from tap_kayzen.streams.failures import Failure


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([1, "a"], "Could not convert 'a' with type str: tried to convert to int64"),
        ([Decimal("1E+80")], "Decimal precision out of range [1, 76]: 81"),
        ([2**70], "Python int too large to convert to C long"),
        (["a\ud800"], "'utf-8' codec can't encode character"),
    ],
)
def test_the_column_is_named(values: list[Any], reason: str) -> None:
    rows = [{"id": 1, "odd": each, "name": "x"} for each in values]
    error = explained(ValueError("any"), rows, what="orders")
    assert isinstance(error, BatchError)
    failure = Failure.of(error, "orders", "orders")
    assert failure.cause.startswith(
        stream_messages.NOT_IN_PARQUET(column="odd", reason=reason)
    )
    assert failure.hint.startswith("deselect the column, or set `batch_config")
    assert failure.text == f"orders: {failure.cause}; {failure.hint}" == str(error)


@pytest.mark.parametrize("rows", [[], [{"id": 1}, {"id": None}]])
def test_another_error_stays_unchanged(rows: list[dict[str, Any]]) -> None:
    error = ValueError("any")
    assert explained(error, rows, what="orders") is error


@pytest.mark.parametrize(
    ("definition", "value", "prepared"),
    [
        ({"type": ["number", "null"]}, 100, Decimal(100)),
        ({"type": ["number", "null"]}, Decimal("0.50"), Decimal("0.50")),
        ({"type": ["integer", "null"]}, 100, 100),
        ({"type": ["string", "null"]}, "100", "100"),
        ({"type": ["object", "null"]}, {"a": [1]}, '{"a":[1]}'),
        ({}, 7, "7"),
    ],
)
def test_values_are_converted_for_parquet(
    definition: dict[str, Any], value: object, prepared: object
) -> None:
    result = parquet_value(definition)(value)
    assert (result, type(result)) == (prepared, type(prepared))
