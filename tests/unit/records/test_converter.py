from __future__ import annotations

import logging
import time as time_module
from copy import deepcopy
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import COLUMNS

from tap_kayzen.messages import stream_messages
from tap_kayzen.records.converter import RecordConverter
from tap_kayzen.records.fast import MAX_UNKNOWN_FIELDS, have_common_format
from tap_kayzen.records.secrets import SecretFilter
from tap_kayzen.records.values import is_open, to_date_time

SCHEMA: dict[str, Any] = {
    "properties": {
        **COLUMNS,
        "key": {"type": "integer"},
        "_extra": {"type": ["object", "null"]},
    }
}
KEPT_IN_EXTRA = stream_messages.KEPT()
LOGGER = logging.getLogger("test-records")


def convert(raw: dict[str, Any]) -> dict[str, Any]:
    return RecordConverter(SCHEMA, logger=LOGGER).convert(raw)


KEPT = [
    ("integer", 5, 5),
    ("integer", "200", 200),
    ("integer", "-7", -7),
    ("integer", Decimal("200.0"), 200),
    ("integer", Decimal("2E+2"), 200),
    ("integer", 2**63 - 1, 2**63 - 1),
    ("integer", -(2**63), -(2**63)),
    ("integer", "9223372036854775807", 2**63 - 1),
    ("integer", "-9223372036854775808", -(2**63)),
    ("key", "12", 12),
    ("number", 5, 5),
    ("number", Decimal("0.10"), Decimal("0.10")),
    ("number", "10000.50", Decimal("10000.50")),
    ("number", "1e3", Decimal("1E+3")),
    ("number", "1E3", Decimal("1E+3")),
    ("boolean", True, True),
    ("boolean", 0, False),
    ("boolean", 1, True),
    ("boolean", "true", True),
    ("boolean", "0", False),
    ("boolean", "false", False),
    ("boolean", "FALSE", False),
    ("string", "x", "x"),
    ("string", "", ""),
    ("string", 7, "7"),
    ("string", Decimal("7.50"), "7.50"),
    ("time", "2019-01-28T12:35:31.000Z", "2019-01-28T12:35:31.000Z"),
    ("time", "2038-01-01T00:00:00.000Z", "2038-01-01T00:00:00.000Z"),
    ("time", "2022-02-03 14:04:00 UTC", "2022-02-03T14:04:00Z"),
    ("time", "2022-02-03T14:04:00", "2022-02-03T14:04:00Z"),
    ("time", "2022-02-03T14:04:00+0200", "2022-02-03T14:04:00+02:00"),
    (
        "time",
        "2022-02-03T14:04:00.123456789-03:30",
        "2022-02-03T14:04:00.123456789-03:30",
    ),
    ("time", "2019-01-28 12:35:31.000Z", "2019-01-28T12:35:31.000Z"),
    ("time", "2019-01-28T12:35:31.0000", "2019-01-28T12:35:31.0000Z"),
    ("day", "2026-09-01", "2026-09-01"),
    ("day", "2026-09-01T00:00:00.000Z", "2026-09-01"),
    ("day", "2026-09-01 00:00:00 UTC", "2026-09-01"),
    ("integers", [1, "2", None], [1, 2, None]),
    ("integers", 5, [5]),
    ("integers", [], []),
    ("anything", ["a", {"b": 1}], ["a", {"b": 1}]),
    ("object", {"a": Decimal("0.10")}, {"a": Decimal("0.10")}),
]


@pytest.mark.parametrize(("name", "value", "converted"), KEPT)
def test_values_that_fit_without_loss_are_converted(
    name: str, value: object, converted: object
) -> None:
    record = convert({name: value})
    assert record == {name: converted}
    assert repr(record[name]) == repr(converted)


LOSSY = [
    ("integer", Decimal("200.5")),
    ("integer", Decimal("1E+999999")),
    ("integer", 2**63),
    ("integer", -(2**63) - 1),
    ("integer", "9223372036854775808"),
    ("integer", "-9223372036854775809"),
    ("integer", "٣"),
    ("integer", "1_000"),
    ("integer", "0x10"),
    ("integer", ""),
    ("integer", True),
    ("integer", [1]),
    ("number", "NaN"),
    ("number", "Infinity"),
    ("number", "12,5"),
    ("number", True),
    ("number", {}),
    ("boolean", 2),
    ("boolean", "yes"),
    ("boolean", Decimal("1.0")),
    ("boolean", []),
    ("string", True),
    ("string", ["a"]),
    ("string", {"a": 1}),
    ("day", "2026-09-31"),
    ("day", "2026-W36-2"),
    ("day", "20260901"),
    ("day", "2026-09-01T01:00:00Z"),
    ("day", "01/09/2026"),
    ("day", 20260901),
    ("time", "tomorrow"),
    ("time", "2022-02-30T00:00:00Z"),
    ("time", "2022-02-30T00:00:00.000Z"),
    ("time", "2019-W01-2T12:35:31.000Z"),
    ("time", "2019-01-28T12.35:31:000Z"),
    ("time", "0000-00-00 00:00:00"),
    ("time", "0001-01-01T00:00:00+14:00"),
    ("time", "2022-02-03T14:04:00 CET"),
    ("time", "٢٠٢٢-02-03T14:04:00Z"),
    ("time", ""),
    ("time", 1643896800),
    ("integers", ["a"]),
    ("integers", [[1]]),
    ("integers", {"a": 1}),
]


@pytest.mark.parametrize(("name", "value"), LOSSY)
def test_values_that_do_not_fit_go_to_extra_unchanged(name: str, value: object) -> None:
    record = convert({name: value})
    assert record == {name: None, "_extra": {name: value}}
    assert record["_extra"][name] is value


@pytest.mark.parametrize(
    ("other", "is_usual"),
    [
        ("2019-01-28T12:35:31.000Z", True),
        ("2019-01-28 12:35:31.000Z", False),
        ("2019-01-28t12:35:31.000Z", False),
        ("2019-01-28T12:35:31.000z", False),
        ("2019-01-28T12:35:31Z", False),
    ],
)
def test_times_of_a_page_count_as_usual_only_if_all_are(
    other: str, *, is_usual: bool
) -> None:
    time = "2026-01-31T00:00:00.000Z"
    assert have_common_format([])
    assert have_common_format([time, other, time]) == is_usual


@pytest.mark.parametrize(
    ("name", "has_any_shape"),
    [("object", True), ("anything", True), ("integers", False), ("string", False)],
)
def test_values_of_any_shape_are_recognized_by_type(
    name: str, *, has_any_shape: bool
) -> None:
    assert is_open(SCHEMA["properties"][name]) == has_any_shape


@pytest.mark.skipif(not hasattr(time_module, "tzset"), reason="no zone to be set")
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_the_zone_of_the_machine_does_not_limit_times(
    zone: str, time: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as changed:
        changed.setenv("TZ", zone)
        time_module.tzset()
        assert to_date_time(time) == time
    time_module.tzset()


def test_null_and_absent_columns_stay_so() -> None:
    assert convert({"integer": None, "time": None}) == {"integer": None, "time": None}
    assert convert({}) == {}


def test_unknown_fields_go_to_extra_with_their_values() -> None:
    nested = {"deep": [Decimal("0.10"), None]}
    raw = {"integer": 1, "order_id": 7, "nested": nested, "_extra": "theirs"}
    assert convert(raw) == {
        "integer": 1,
        "_extra": {"order_id": 7, "nested": nested, "_extra": "theirs"},
    }


def test_each_field_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    converter = RecordConverter(SCHEMA, logger=LOGGER)
    for _ in range(3):
        converter.convert({"order_id": 7, "integer": "many", "day": "someday"})
    assert [record.getMessage() for record in caplog.records] == [
        stream_messages.UNKNOWN_FIELD(field="order_id", outcome=KEPT_IN_EXTRA),
        *(
            stream_messages.UNFIT_VALUE(
                field=field, value=value, row="", outcome=KEPT_IN_EXTRA
            )
            for field, value in (("integer", '"many"'), ("day", '"someday"'))
        ),
    ]


def example_of(value: object, row: dict[str, Any]) -> str:
    """Return what a warning shows of a value and of the row that it is in."""
    logger = mock.Mock()
    keys = ("number", "string", "time", "day", "key", "boolean", "object")
    converter = RecordConverter(SCHEMA, logger=logger, keys=keys)
    converter.convert_all([{"integer": value, **row}])
    warnings = [call.args[0] for call in logger.warning.mock_calls]
    text: str = next(each for each in warnings if "'integer' has a value" in each)
    return text.split("such as ")[1].split("; such values are ", maxsplit=1)[0]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("1,234.50", '"1,234.50"'),
        ("1.234,50 €", '"1.234,50 €"'),
        ('a "b"\n', r'"a \"b\"\n"'),
        ("\x9b31m\u202e", r'"\x9b31m\u202e"'),
        ("\ud800", r'"\ud800"'),
        ("x" * 100, f'"{"x" * 59}...'),
        ([1, {"a": None}], '[1,{"a":null}]'),
        ({"api_key": "s3cr3t", "a": {"token": "s3cr3t"}}, '{"a":{}}'),
        (Decimal("20.50"), "20.50"),
        ([2**70], "[1180591620717411303424]"),
        (True, "true"),
    ],
)
def test_a_warning_shows_an_example(value: object, shown: str) -> None:
    assert example_of(value, {}) == shown


def test_values_that_cannot_be_written_are_not_shown() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    assert example_of(value, {}) == "a value of type list"
    assert example_of(10**5000, {"key": 10**5000}) == "a value of type int"


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        ({"key": 7, "day": "2026-11-01"}, " (day 2026-11-01, key 7)"),
        ({"string": "x" * 100, "key": 2**70}, f" (string {'x' * 60}...)"),
        ({"string": "", "time": None, "object": {"a": 1}}, ""),
    ],
)
def test_a_warning_names_the_row(row: dict[str, Any], shown: str) -> None:
    assert example_of("x", row) == f'"x"{shown}'


def test_a_column_named_like_a_secret_stays_but_shows_no_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    schema = {"properties": {"token": {"type": "integer"}, "_extra": {}}}
    converter = RecordConverter(schema, logger=LOGGER)
    rows: list[dict[str, Any]] = [{"token": 5}, {"token": "s3cr3t"}]
    assert converter.convert_all(rows) == [
        {"token": 5},
        {"token": None, "_extra": {"token": "s3cr3t"}},
    ]
    assert "such as ...; such values are kept" in caplog.text
    assert "s3cr3t" not in caplog.text


def test_fields_named_like_a_secret_are_left_out_and_named_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    converter = RecordConverter(SCHEMA, logger=LOGGER)
    row = {"integer": 1, "apiKey": "x", "new": {"a": [{"token": "x", "b": 1}]}}
    for _ in range(3):
        assert converter.convert_all([deepcopy(row), {"integer": "2"}]) == [
            {"integer": 1, "_extra": {"new": {"a": [{"b": 1}]}}},
            {"integer": 2},
        ]
        # Such a page needs no conversion, once its fields are known.
        assert converter.convert_all([deepcopy(row)]) == [
            {"integer": 1, "_extra": {"new": {"a": [{"b": 1}]}}}
        ]
    assert [record.getMessage() for record in caplog.records] == [
        stream_messages.SECRET_FIELD(field="'apiKey'"),
        stream_messages.SECRET_FIELD(field="'token' in 'new'"),
        stream_messages.UNKNOWN_FIELD(field="new", outcome=KEPT_IN_EXTRA),
    ]


@pytest.mark.parametrize("name", ["anything", "anythings"])
def test_columns_of_any_shape_are_cleaned(name: str) -> None:
    things = {"type": "array", "items": {"type": "array"}}
    schema = {"properties": {**SCHEMA["properties"], "anythings": things}}
    converter = RecordConverter(schema, logger=LOGGER)
    for _ in range(2):
        rows: list[dict[str, Any]] = [
            {name: "x"},
            {name: [["x", {"token": 1, "a": [{"pwd": 2}]}]]},
        ]
        _, record = converter.convert_all(rows)
        assert record[name] == [["x", {"a": [{}]}]]
    assert converter.convert_all([{name: [[{"token": 1}]]}]) == [{name: [[{}]]}]


@pytest.mark.parametrize("value", ["x", 1, [{"token": 1}], True])
def test_a_column_of_objects_takes_objects_only(value: object) -> None:
    converter = RecordConverter(SCHEMA, logger=LOGGER)
    for _ in range(2):
        whole, other = converter.convert_all(
            [{"object": {"a": 1, "token": 2}}, {"object": deepcopy(value)}]
        )
        assert whole == {"object": {"a": 1}}
        kept = [{}] if isinstance(value, list) else value
        assert other == {"object": None, "_extra": {"object": kept}}


def test_known_lists_of_any_type_need_no_conversion(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    converter = RecordConverter(SCHEMA, logger=LOGGER)
    converter.convert_all([{"anything": ["a", {"b": 1}]}])
    monkeypatch.delattr(RecordConverter, "convert")
    rows: list[dict[str, Any]] = [{"anything": [{"token": 1, "b": 2}]}, {}]
    assert converter.convert_all(rows) == [{"anything": [{"b": 2}]}, {}]


def test_lists_of_strings_are_not_inspected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(RecordConverter, "convert")
    monkeypatch.delattr(SecretFilter, "clean")
    schema = {"properties": {"anything": COLUMNS["anything"]}}
    converter = RecordConverter(schema, logger=LOGGER)
    rows: list[dict[str, Any]] = [
        {"anything": ["a", "b"]},
        {"anything": [1, None]},
        {"anything": None},
        {},
    ]
    assert converter.convert_all(deepcopy(rows)) == rows


def test_a_catalog_without_extra_causes_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    schema = {"properties": {"integer": {"type": "integer"}}}
    converter = RecordConverter(schema, logger=LOGGER)
    assert converter.convert({"integer": 1, "order_id": 7}) == {"integer": 1}
    assert stream_messages.DROPPED() in caplog.text


TIMES = st.from_regex(
    r"2\d{3}-[01]\d-[0-3]\d[Tt ][0-2]\d:[0-6]\d:\d\d(\.\d{1,10})? ?(Z|z|UTC|\+02:?00)?",
    fullmatch=True,
) | st.just("2019-01-28T12:35:31.000Z")
FITTING = {
    "integer": st.integers(-(2**63), 2**63 - 1),
    "number": st.integers() | st.decimals(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "string": st.text(),
    "time": TIMES,
    "integers": st.lists(st.none() | st.integers(0, 9), max_size=3),
    "anything": st.lists(st.text() | st.integers(), max_size=3),
    "object": st.dictionaries(st.text(), st.integers(), max_size=3),
    "key": st.integers(),
}
ANY = st.one_of(
    st.none(),
    *FITTING.values(),
    st.sampled_from(["NaN", "5", "1e3", "true", "\ud800", 2**63, Decimal("5.0")]),
)
UNKNOWN = st.sampled_from(
    ["new", "api_key", "newer", "_extra", '"', "\\", "\ud800", "a b", ""]
)
ROWS = st.builds(
    lambda usual, odd, unknown: {**usual, **odd, **unknown},
    st.fixed_dictionaries(
        {}, optional={name: st.none() | each for name, each in FITTING.items()}
    ),
    st.dictionaries(st.sampled_from(sorted(FITTING)), ANY, max_size=1),
    st.dictionaries(UNKNOWN, ANY, max_size=2),
)


@given(
    st.lists(st.lists(ROWS, max_size=3), max_size=3),
    st.sets(st.sampled_from(["time", "integers", "_extra", "object"])),
)
def test_a_page_is_converted_like_its_rows(
    pages: list[list[dict[str, Any]]], deselected: set[str]
) -> None:
    at_once, each = (
        RecordConverter(SCHEMA, logger=LOGGER, deselected=deselected) for _ in range(2)
    )
    for rows in pages:
        one_by_one = [each.convert(row) for row in deepcopy(rows)]
        # As text, since 1 == True == Decimal("1.0").
        assert str(at_once.convert_all(rows)) == str(one_by_one)


def test_only_so_many_unknown_names_are_remembered() -> None:
    converter = RecordConverter(SCHEMA, logger=LOGGER)
    names = [f"new{number}" for number in range(2 * MAX_UNKNOWN_FIELDS)]
    rows = [{name: 1} for name in names]
    for _ in range(2):
        records = converter.convert_all(deepcopy(rows))
        assert records == [{"_extra": row} for row in rows]


def test_a_column_can_have_an_odd_name() -> None:
    schema = {"properties": {'a"b': {"type": ["integer", "null"]}, "_extra": {}}}
    converter = RecordConverter(schema, logger=LOGGER)
    assert converter.convert_all([{'a"b': "5"}, {}]) == [{'a"b': 5}, {}]


def test_unknown_fields_do_not_slow_the_next_page_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    converter = RecordConverter(SCHEMA, logger=LOGGER)
    row = {"integer": 1, "new": [Decimal("0.10")], "string": "x"}
    first = converter.convert_all([dict(row)])
    monkeypatch.delattr(RecordConverter, "convert")
    second = converter.convert_all([dict(row), {"integer": 2}])
    assert second == [*first, {"integer": 2}]
    assert first == [
        {"integer": 1, "string": "x", "_extra": {"new": [Decimal("0.10")]}}
    ]
