"""For any JSON, the output is valid and complete, or there is an error."""

from __future__ import annotations

import json
import logging
import operator
import re
import sys
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from singer_sdk.singerlib import RecordMessage
from support import COLUMNS

from tap_kayzen.output.writer import BufferedWriter
from tap_kayzen.reading.keys import hash_values
from tap_kayzen.reading.pages import parse_page
from tap_kayzen.records.converter import EXTRA, RecordConverter

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = {"properties": {**COLUMNS, EXTRA: {"type": ["object", "null"]}}}
LOGGER = logging.getLogger("test-hostile")
LOGGER.disabled = True

# JSON is generated as text, since much of it has no Python value.
NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(
        [
            *("NaN", "Infinity", "-Infinity", "-0", "-0.0", "1.0", "2E+2"),
            *("1e400", "1e999999", "-1E-999999", "1e99999999999999999999", "5e-324"),
            *("9" * 400, "9" * 4300, "9" * 4301, f"0.{'1' * 5000}", "01", "+1", ".5"),
            *(str(2**63), str(2**63 - 1), str(-(2**63) - 1), str(2**64)),
        ]
    ),
)
TEXTS = st.one_of(
    st.text(),
    st.text(st.characters(categories=["Cs", "Cc", "Nd"]), max_size=5),
    st.decimals(allow_nan=True).map(str),
    st.datetimes().map(str),
    st.dates().map(str),
    st.sampled_from(
        [
            *("", "\x00", "\ud800", "\udfff\ud800", "NaN", "true", "0", "1_0", "٣"),
            *("2022-02-03T14:04:00.000Z", "2022-02-03 14:04:00 UTC", "2022-02-30"),
            *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-W36-2"),
            *("2022-02-03T14:04:00Z", "2026-09-01T00:00:00.000Z", "0000-00-00"),
            *("9" * 5000, "1e9999", "1e99999", " 7 ", f"{' ' * 3000}x"),
        ]
    ),
)
STRINGS = st.builds(
    lambda text, escaped: json.dumps(
        text, ensure_ascii=escaped or bool(re.search("[\ud800-\udfff]", text))
    ),
    TEXTS,
    st.booleans(),
)
DEEP = st.builds(
    lambda depth, shape: f"{shape[0] * depth}1{shape[1] * depth}",
    st.integers(1, 300) | st.sampled_from([2000, 100_000]),
    st.sampled_from(["[]", ('{"a":', "}")]),
)
NAMES = st.sampled_from([*COLUMNS, EXTRA, "id"]).map(json.dumps) | STRINGS


def objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Make objects, in which a name may come twice."""
    pairs = st.lists(st.tuples(NAMES, values).map(":".join), max_size=6)
    return pairs.map(lambda each: "{" + ",".join(each) + "}")


def arrays(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, max_size=4).map(lambda each: f"[{','.join(each)}]")


SCALARS = st.sampled_from(["null", "true", "false"]) | NUMBERS | STRINGS
VALUES = st.recursive(
    SCALARS, lambda inner: arrays(inner) | objects(inner), max_leaves=8
)
ROWS = arrays(objects(VALUES | DEEP))
ENVELOPES = st.one_of(
    ROWS,
    VALUES,
    st.builds(
        '{{"data":{},"meta":{{"total_pages":{},"total_entries":{}}}}}'.format,
        ROWS,
        SCALARS,
        SCALARS,
    ),
    st.builds('{{"data":{},"meta":{}}}'.format, ROWS | VALUES | DEEP, VALUES | DEEP),
)
BODIES = st.one_of(
    ENVELOPES.map(str.encode),
    ENVELOPES.map(lambda text: text.encode("utf-16")),
    st.binary(max_size=20),
    # Cut short, or with bytes that do not belong there.
    st.builds(
        lambda text, at, junk: text.encode()[:at] + junk + text.encode()[at:],
        ENVELOPES,
        st.integers(0, 60),
        st.binary(min_size=1, max_size=3),
    ),
    st.builds(lambda text, at: text.encode()[:at], ENVELOPES, st.integers(0, 200)),
)


def no_constant(name: str) -> None:
    pytest.fail(f"{name} is not JSON")


def no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), "a name comes twice"
    return dict(pairs)


def strictly(line: bytes) -> Any:  # noqa: ANN401
    return json.loads(
        line.decode(),
        parse_float=Decimal,
        parse_constant=no_constant,
        object_pairs_hook=no_doubles,
    )


def number(came: object, went: object) -> bool:
    # By text: arithmetic would round what has many digits.
    assert isinstance(went, (int, Decimal))
    assert not isinstance(went, bool)
    return Decimal(str(came).strip()) == went


def integer(came: object, went: object) -> bool:
    return number(came, went) and went in range(-(2**63), 2**63)


def boolean(came: object, went: bool) -> bool:  # noqa: FBT001
    return str(came).lower() in {str(went).lower(), str(int(went))}


def string(came: object, went: str) -> bool:
    return went == (came if isinstance(came, str) else str(came))


def moment(came: str, went: str) -> bool:
    whole_seconds = re.sub(r"\.\d+", "", went).replace("Z", "+00:00")
    assert datetime.fromisoformat(whole_seconds).tzinfo
    return (came[:10], came[11:19]) == (went[:10], went[11:19])


def day(came: str, went: str) -> bool:
    assert date.fromisoformat(went).isoformat() == went
    return went == came[:10]


def anything(came: object, went: object) -> bool:
    return went == (came if isinstance(came, list) else [came])


def integers(came: object, went: list[object]) -> bool:
    items = came if isinstance(came, list) else [came]
    return all(
        item is each is None or integer(item, each)
        for item, each in zip(items, went, strict=True)
    )


HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "integer": integer,
    "number": number,
    "boolean": boolean,
    "string": string,
    "time": moment,
    "day": day,
    "integers": integers,
    "anything": anything,
    "object": operator.eq,
}
"""Check that a column has the complete value, for each type."""


def check(row: dict[str, Any], record: dict[str, Any]) -> None:
    """Assert that each complete value is in its column or else in `EXTRA`."""
    extra = record.pop(EXTRA, {})
    assert record.keys() == row.keys() & COLUMNS.keys()
    for name, value in row.items():
        if record.get(name) is not None:
            assert HOLDS[name](value, record[name])
            assert name not in extra
        elif name not in COLUMNS or value is not None:
            assert extra.pop(name) == value
    assert not (extra.keys() - row.keys())


def decimal_or_text(text: str) -> Decimal | str:
    try:
        return Decimal(text)
    except ArithmeticError:
        return text


def leniently(body: bytes) -> Any:  # noqa: ANN401
    """Decode JSON; accept everything in the parts that the tap does not read."""
    digits = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        return json.loads(body, parse_float=decimal_or_text, parse_constant=str)
    except UnicodeDecodeError:
        text = body.decode(errors="replace")
        return json.loads(text, parse_float=decimal_or_text, parse_constant=str)
    finally:
        sys.set_int_max_str_digits(digits)


@given(BODIES)
@example(b'{"data":[{"a":' + b"[" * 2000 + b"]" * 2000 + b"}]}")
@example(b'{"data":[{"a":"\xff"}]}')
@example(b'{"data":[{"a":' + b"9" * 4301 + b"}]}")
@example(b'{"data":[],"\x80meta":{"total_pages":null}}')
@example(b'{"data":[],"other":[1e99999999999999999999,' + b"9" * 4301 + b"]}")
def test_any_body_becomes_valid_complete_messages_or_an_error(body: bytes) -> None:
    try:
        page = parse_page(body)
        decoded = page.decode()
    except ValueError:
        return
    rows = leniently(body)
    rows = rows["data"] if isinstance(rows, dict) and "data" in rows else rows
    rows = [rows] if isinstance(rows, dict) else rows
    converter, writer = RecordConverter(SCHEMA, logger=LOGGER), BufferedWriter()
    records = converter.convert_all(decoded)
    assert len(records) == len(rows)
    for row, record in zip(rows, records, strict=True):
        line = writer.serialize_message(RecordMessage("rows", record))
        assert b"\n" not in line
        message = strictly(line)
        assert message["type"] == "RECORD"
        assert len(hash_values(record)) == 32
        check(row, message["record"])
    for total in (page.total_pages, page.total_entries):
        assert total is None or 0 <= total < 10**18


@given(BODIES)
@example(b'{"data":[{"a":' + b"[" * 2000 + b"]" * 2000 + b"}]}")
@example(b'{"data":[{"a":"\xff"}]}')
@example(b'{"data":[null],"\x80meta":[]}')
def test_undecodable_rows_fail_with_their_page_or_are_out_of_range(
    body: bytes,
) -> None:
    try:
        page = parse_page(body)
    except ValueError:
        return
    try:
        rows = page.decode()
    except ValueError as error:
        # Rows are not decoded before, so that they may hold such a number.
        assert "too large" in str(error) or "limit" in str(error)  # noqa: PT017
        return
    assert len(rows) == len(page.rows) >= page.distinct
