from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tap_kayzen.reports.keys import RowKeys, hashed

SCALARS = st.none() | st.integers() | st.text() | st.booleans()


@given(st.lists(st.lists(SCALARS, min_size=3, max_size=3), max_size=30))
def test_rows_about_different_things_have_different_keys(
    rows: list[list[object]],
) -> None:
    distinct = {repr([(type(each), each) for each in row]): row for row in rows}
    keys = RowKeys()
    made = [keys.key(row, hashed([row])) for row in distinct.values()]
    assert None not in made
    assert len(set(made)) == len(distinct)


def test_keys_are_the_same_in_every_run() -> None:
    row = [108993, "2026-09-01", 138939, None]
    assert RowKeys().key(row, "x") == "0391a9f8231ae7f73a159d92fc010f52"
    assert hashed([Decimal("1.50"), {"b": 1, "a": "\ud800"}]) == hashed(
        [Decimal("1.50"), {"a": "\ud800", "b": 1}]
    )


def test_several_rows_about_the_same_thing_have_keys_by_their_number() -> None:
    keys, others = RowKeys(), RowKeys()
    made = [keys.key(["campaign", 1], name) for name in ("old", "new", "newest")]
    # Keys are in tables: they must not change from one release to the next.
    assert made == [hashed(["campaign", 1, *more]) for more in ([], [2], [3])]
    # Whichever comes first, the table has these keys and no others.
    assert made == [
        others.key(["campaign", 1], name) for name in ("newest", "old", "new")
    ]


def test_a_row_that_comes_again_has_no_key() -> None:
    keys = RowKeys()
    assert keys.key([1], "whole")
    assert keys.key([1], "whole") is None
