"""Fields of rows, described without their values."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support import COLUMNS

from tap_kayzen.survey.bodies import split_body
from tap_kayzen.survey.observe import FOLDED, MAX_NAMES, MAX_SHAPES, Fields
from tap_kayzen.survey.shapes import HIDDEN, NameGuard

MARK = "Zq7"
"""Is in every text and name that must not show."""

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=9)
MARKED = st.builds(lambda a, b: f"{a}{MARK}{b} @", WORDS, WORDS)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(10**6, 10**9) | MARKED,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(MARKED | st.sampled_from(["a", "b_c"]), inner, max_size=4)
    ),
    max_leaves=12,
)
ROWS = st.lists(
    st.dictionaries(MARKED | st.sampled_from(["x", *COLUMNS]), VALUES, max_size=6),
    max_size=6,
)


def described(
    rows: list[Any], columns: dict[str, Any] | None = None, **more: bool
) -> dict[str, dict[str, Any]]:
    fields = Fields(NameGuard(), columns, **more)
    for row in rows:
        fields.add(row)
    assert fields.rows == len(rows)
    return fields.describe()


@given(ROWS)
def test_no_value_is_in_a_description(rows: list[dict[str, Any]]) -> None:
    text = json.dumps(described(rows, COLUMNS, with_placeholders=True))
    assert MARK not in text
    numbers = [
        value
        for row in rows
        for value in row.values()
        if type(value) is int and value >= 10**6
    ]
    assert not any(str(number) in text for number in numbers)


@given(st.binary() | VALUES.map(lambda value: json.dumps(value).encode()))
def test_no_value_is_in_the_description_of_an_envelope(body: bytes) -> None:
    for has_rows in (True, False):
        text = json.dumps(split_body(body, has_rows=has_rows).describe(NameGuard()))
        assert MARK not in text


def test_types_nulls_and_missing_fields_are_counted() -> None:
    rows: list[dict[str, Any]] = [
        {"id": 1, "x": None},
        {"id": 2, "x": Decimal("1.5")},
        {"id": 3},
    ]
    assert described(rows) == {
        "id": {"types": ["integer"]},
        "x": {"types": ["number"], "absent": 1, "null": 1},
    }


def test_nested_names_are_shown_if_they_are_written_like_fields() -> None:
    rows = [
        {
            "Budgets": {"Netflix": 3, "Acme Corp": 3, "day_budget": 1, "dayCap2": 2},
            "items": [{"US-East": 1, "a": 1, "_x": 1}],
        }
    ]
    assert [*described(rows)] == [
        "Budgets",
        f"Budgets.{HIDDEN}",
        "Budgets.dayCap2",
        "Budgets.day_budget",
        "items",
        "items[]",
        f"items[].{HIDDEN}",
        "items[].a",
    ]
    body = split_body(b'{"errors": {"Netflix": 1, "code": 2}}', has_rows=False)
    assert [*body.describe(NameGuard())["keys"]] == [
        "errors",
        f"errors.{HIDDEN}",
        "errors.code",
    ]


def test_nested_fields_have_dotted_names() -> None:
    rows = [{"t": {"os": "x", "ids": [1, 2]}}, {"t": {"os": True, "of": [{"a": 1}]}}]
    assert described(rows) == {
        "t": {"types": ["object"]},
        "t.ids": {"types": ["array"], "absent": 1},
        "t.ids[]": {"types": ["integer"]},
        "t.of": {"types": ["array"], "absent": 1},
        "t.of[]": {"types": ["object"]},
        "t.of[].a": {"types": ["integer"]},
        "t.os": {"types": ["boolean", "string"]},
    }


def test_unfit_values_are_counted_and_their_shape_is_shown() -> None:
    rows = [
        {"number": "12.50", "day": "2026-11-02", "string": "a name"},
        {"number": "$1,234.50", "day": "11/02/2026", "string": ["x"]},
    ]
    assert described(rows, COLUMNS) == {
        "day": {
            "types": ["string"],
            "column": "date",
            "unreadable": 1,
            "shapes": ["99/99/9999", "9999-99-99"],
        },
        "number": {
            "types": ["string"],
            "column": "number",
            "unreadable": 1,
            "shapes": ["$9,999.99", "9.99"],
        },
        "string": {"types": ["array", "string"], "column": "string", "unreadable": 1},
        "string[]": {"types": ["string"]},
    }


def test_the_shapes_of_a_column_are_limited() -> None:
    rows = [{"number": "9" + "-9" * count} for count in range(20)]
    assert len(described(rows, COLUMNS)["number"]["shapes"]) == MAX_SHAPES


def test_placeholders_are_noted_if_requested() -> None:
    rows: list[dict[str, Any]] = [{"string": "N/A"}, {"string": ""}, {"string": "DE"}]
    facts = described(rows, COLUMNS, with_placeholders=True)["string"]
    assert facts["placeholders"] == ["", "N/A"]
    assert "placeholders" not in described(rows, COLUMNS)["string"]


def test_many_undocumented_names_are_folded_into_one() -> None:
    by_name = {f"name_{chr(97 + n // 26)}{chr(97 + n % 26)}": n for n in range(50)}
    assert len(by_name) > MAX_NAMES
    rows = [{"integer": 1, **by_name}, {"of": by_name, "integer": None}]
    assert described(rows, COLUMNS) == {
        FOLDED: {"types": ["integer", "object"]},
        "integer": {"types": ["integer"], "column": "integer", "null": 1},
    }
    nested = described(rows[1:], COLUMNS)
    assert nested["of." + FOLDED] == {"types": ["integer"]}


def test_hidden_names_share_one_entry() -> None:
    rows = [{"ana@example.com": 1, "bo@example.com": "x"}]
    assert described(rows) == {HIDDEN: {"types": ["integer", "string"]}}


def test_records_are_found_in_any_envelope() -> None:
    row = {"id": 1}
    for body, rows_in, single in (
        ({"data": [row], "meta": {}}, "data", False),
        ({"data": row}, "data", True),
        ([row], "", False),
        (row, "", True),
        ({"orders": [row], "meta": {"x": [row]}}, "orders", False),
        ({"advertiser": {"balance": 1}}, "advertiser", True),
        ({"on": True, "items": []}, "items", False),
    ):
        found = split_body(json.dumps(body).encode())
        assert (found.rows_in, found.is_single) == (rows_in, single), body
        assert found.rows in ([row], [{"balance": 1}], [])
    whole = {"targeting": [{"os": 1}], "x": 1}
    assert split_body(json.dumps(whole).encode(), is_object=True).rows == [whole]


def test_bodies_without_records_are_described() -> None:
    for body, kind in (
        (b"", "empty"),
        (b" \n", "empty"),
        (b"<html>", "text"),
        (b"[1]", "array"),
        (b"null", "null"),
        (b'{"data": null}', "object"),
        (b'{"a": [{}], "b": [{}]}', "object"),
    ):
        found = split_body(body)
        assert (found.kind, found.rows, found.rows_in) == (kind, [], None), body
    error = b'{"fault": {"faultstring": "No.", "detail": {"errorcode": "x"}}}'
    assert split_body(error, has_rows=False).describe(NameGuard()) == {
        "is": "object",
        "keys": {
            "fault": ["object"],
            "fault.detail": ["object"],
            "fault.detail.errorcode": ["string"],
            "fault.faultstring": ["string"],
        },
    }
