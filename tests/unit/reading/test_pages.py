from __future__ import annotations

import json
from decimal import Decimal

import pytest

from tap_kayzen.api.errors import EnvelopeError
from tap_kayzen.reading.pages import Page, parse_page


def rows(*numbers: int) -> list[dict[str, int]]:
    return [{"id": number} for number in numbers]


@pytest.mark.parametrize(
    ("body", "page"),
    [
        (
            (
                b'{"data": [{"id": 1}], "meta":'
                b' {"current_page": 1, "total_pages": 29, "total_entries": 58}}'
            ),
            Page(rows(1), 29, 58),
        ),
        (
            (
                b'{"data": [{"id": 1}], "meta":'
                b' {"current_page": "1", "total_pages": "29", "total_entries": "58"}}'
            ),
            Page(rows(1), 29, 58),
        ),
        (
            b'{"data": [], "meta": {"total_pages": 0, "total_entries": 0}}',
            Page([], None, 0),
        ),
        (b'{"data": [{"id": 1}]}', Page(rows(1))),
        (b'{"data": [{"id": 1}], "meta": null}', Page(rows(1))),
        (b'{"data": [{"id": 1}], "meta": {"total_pages": "many"}}', Page(rows(1))),
        (b'{"data": {"id": 1}}', Page(rows(1))),
        (b'{"data": [], "meta": {"total_pages": -1}}', Page([])),
        (
            (
                b'{"data": [{"id": 1}], "metadata":'
                b' {"total_pages": 3, "total_entries": 9}}'
            ),
            Page(rows(1), 3, 9),
        ),
        (b'{"data": {"id": 1}, "metadata": {"total_pages": 3}}', Page(rows(1), 3)),
        (b'{"data": [{"id": 1}], "meta": []}', Page(rows(1))),
        (b'[{"id": 1}]', Page(rows(1))),
        (b'{"id": 1}', Page(rows(1))),
        (b'{"data": [{"bid": 250.10}]}', Page([{"bid": Decimal("250.10")}])),
        (b'{"data": [{"bid": NaN}]}', Page([{"bid": "NaN"}])),
    ],
)
def test_all_known_envelopes_are_read(body: bytes, page: Page) -> None:
    parsed = parse_page(body)
    assert parsed.decode() == page.rows
    assert parsed.total_pages == page.total_pages
    assert parsed.total_entries == page.total_entries


@pytest.mark.parametrize("total", ["1e1000000", '"1e99"', "-1", '"NaN"', "[]"])
def test_an_invalid_total_is_ignored(total: str) -> None:
    page = parse_page(f'{{"data": [], "meta": {{"total_entries": {total}}}}}'.encode())
    assert page.total_entries is None


def test_a_total_has_18_digits_at_most() -> None:
    for total, read in ((10**18 - 1, 10**18 - 1), (10**18, None)):
        page = parse_page(b'{"data": [], "meta": {"total_entries": %d}}' % total)
        assert page.total_entries == read


def test_decimals_keep_their_digits() -> None:
    page = parse_page(b'[{"bid": 0.10, "cap": 12345678901234567890.123456789}]')
    (row,) = page.decode()
    assert str(row["bid"]) == "0.10"
    assert str(row["cap"]) == "12345678901234567890.123456789"


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"5",
        b'"text"',
        b"{}",
        b'{"error": "x"}',
        b'{"data": null, "error": "x"}',
        b'{"data": {"error": "x"}}',
        b'{"data": {}}',
        b'{"data": [1]}',
        b'{"data": "x"}',
    ],
)
def test_other_json_is_not_a_list(body: bytes) -> None:
    with pytest.raises(EnvelopeError):
        parse_page(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"data": [',
        b"\xff",
        b'{"data": [{"name": "\xff"}]}',
        b"[1e9999999999999999999]",
    ],
)
def test_what_is_not_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_page(body)
    assert not isinstance(caught.value, EnvelopeError)


def test_rows_wait_undecoded() -> None:
    for body in (b'{"data": [{"id": 1}], "meta": {"total_pages": 1}}', b'[{"id": 1}]'):
        page = parse_page(body)
        assert not any(isinstance(row, dict) for row in page.rows)
        assert page.decode() == [{"id": 1}]


def test_rows_that_are_not_strict_json_wait_undecoded_too() -> None:
    page = parse_page(b'{"data": [{"a": NaN, "b": 0.10, "c": 1E+400}]}')
    assert not any(isinstance(row, dict) for row in page.rows)
    assert str(page.decode()) == (
        "[{'a': 'NaN', 'b': Decimal('0.10'), 'c': Decimal('1E+400')}]"
    )


def test_an_out_of_range_number_fails_when_its_row_is_decoded() -> None:
    page = parse_page(b'{"data": [{"id": 1e9999999999999999999}]}')
    with pytest.raises(ValueError, match="too large"):
        page.decode()


@pytest.mark.parametrize(
    ("body", "count", "total"),
    [
        ('{"headers": [], "data": []}', 0, None),
        ('{"data": [{"a": 1}, {"a": NaN}]}', 2, None),
        ('{"data": [{"a": 1}], "meta": {"total_pages": 7}}', 1, 7),
        ('[{"a": "\\ud800"}]', 1, None),
    ],
)
def test_rows_are_counted_without_being_decoded(
    body: str, count: int, total: int | None
) -> None:
    page = parse_page(body.encode())
    assert (len(page.rows), page.total_pages) == (count, total)
    assert len(page.decode()) == count


def test_equal_rows_have_equal_digests_in_any_envelope() -> None:
    def digest(payload: object) -> int:
        return parse_page(json.dumps(payload).encode()).digest

    rows = [{"a": 1}, {"a": 2}]
    first = digest({"data": rows, "meta": {"current_page": 1}})
    assert first == digest({"data": rows, "meta": {"current_page": 2}})
    assert first == digest({"data": rows[::-1]})
    assert first != digest({"data": rows[:1], "meta": {"current_page": 1}})


def test_a_page_that_is_not_strict_json_has_a_digest_too() -> None:
    def page(value: str) -> Page:
        meta = '"meta": {"total_pages": 3, "total_entries": 7}'
        return parse_page(f'{{"data": [{{"a": [NaN, {value}]}}], {meta}}}'.encode())

    one, same, other, lone = map(page, ("1", "1", "2", '"\\ud800"'))
    assert (len(one.rows), one.total_pages, one.total_entries) == (1, 3, 7)
    assert one.digest == same.digest
    assert len({one.digest, other.digest, lone.digest}) == 3


def test_a_duplicate_row_counts_as_one_distinct_row() -> None:
    page = parse_page(b'[{"a": 1}, {"a": 2}, {"a": 1}]')
    assert (len(page.rows), page.distinct) == (3, 2)
