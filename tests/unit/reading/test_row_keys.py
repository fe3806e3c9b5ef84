from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tap_kayzen.reading.keys import KEY, RowKeys, hash_values

SCALARS = st.none() | st.integers() | st.text() | st.booleans()
ROWS = st.lists(st.fixed_dictionaries(dict.fromkeys("abc", SCALARS)), max_size=30)


def by_id() -> RowKeys:
    """Return keys of rows that are about their `id`."""
    return RowKeys(lambda row: {"id": row["id"]})


def read(keys: RowKeys, *pages: list[dict[str, Any]]) -> list[str]:
    """Read the pages of a pass; return the keys of the rows that are sent."""
    keys.begin_pass()
    return [row[KEY] for page in pages for row in keys.new(page)]


@given(ROWS)
def test_rows_about_different_things_have_different_keys(
    rows: list[dict[str, object]],
) -> None:
    distinct = {
        repr([(type(row[name]), row[name]) for name in "abc"]): row for row in rows
    }
    keys = RowKeys(lambda row: row)
    made = read(keys, [*distinct.values()])
    assert len(set(made)) == len(made) == len(distinct) == keys.distinct


def test_keys_are_the_same_in_every_run_and_in_every_order_of_columns() -> None:
    about = {"advertiser_id": 108993, "day": "2026-09-01", "country": None}
    assert hash_values(about) == "f54f26f987806d08c14b19ab5eb47d48"
    assert hash_values(about) == hash_values(dict(reversed(about.items())))
    assert hash_values(
        {"x": [Decimal("1.50"), {"b": 1, "a": "\ud800"}]}
    ) == hash_values({"x": [Decimal("1.50"), {"a": "\ud800", "b": 1}]})


def test_rows_about_the_same_thing_have_numbered_keys() -> None:
    rows = [{"id": 1, "name": name} for name in ("old", "new", "newest")]
    made = read(by_id(), rows)
    assert len(set(made)) == 3
    # Keys are in tables: they must not change from one release to the next.
    numbered: list[dict[str, Any]] = [
        {"about": {"id": 1}, "number": number} for number in (2, 3)
    ]
    assert made == [hash_values(each) for each in ({"id": 1}, *numbered)]
    # In any order, the rows have exactly these keys.
    assert made == read(by_id(), rows[::-1])


def test_a_key_does_not_depend_on_the_rows_before() -> None:
    rows = [{"id": number} for number in range(3)]
    assert read(by_id(), rows) == [hash_values(row) for row in rows]


def test_text_that_is_not_unicode_distinguishes_rows_too() -> None:
    assert hash_values({"app": "\ud800"}) != hash_values({"app": "\ud801"})


def test_a_repeated_row_has_no_key() -> None:
    row = {"id": 1, "clicks": 5}
    keys = by_id()
    assert len(read(keys, [row, row], [row])) == 1
    assert keys.distinct == 1
    assert read(keys, [row]) == []


def test_a_row_that_moved_and_was_restated_is_not_a_second_one() -> None:
    keys = by_id()
    first = read(keys, [{"id": 1, "clicks": 5}], [{"id": 1, "clicks": 6}, {"id": 2}])
    assert len(first) == 2
    assert keys.distinct == 2
    # Read again, it is there once, with other numbers: it has been sent.
    assert read(keys, [{"id": 1, "clicks": 7}, {"id": 2}]) == []


def test_two_rows_that_stay_on_different_pages_are_two() -> None:
    pages = [{"id": 1, "clicks": 5}], [{"id": 1, "clicks": 6}]
    keys = by_id()
    assert len(read(keys, *pages)) == 1
    assert len(read(keys, *pages)) == 1
    assert keys.distinct == 2
    assert read(keys, *pages) == []


def test_the_key_comes_first_even_if_kayzen_has_a_column_of_its_name() -> None:
    keys = by_id()
    keys.begin_pass()
    (row,) = keys.new([{"id": 1, KEY: "theirs"}])
    assert list(row) == [KEY, "id"]
    assert row[KEY] == hash_values({"id": 1})
